//! Entries of a log for people: their shape, their class as far as a log tells it, and what they say.

use std::fmt;
use std::path::PathBuf;

use kraft_proto::{
    Class, CommitMode, EntryKind, FsyncMode, Held, LogIndex, LogPosition, Members, Run,
};
use kraft_storage::{Founding, LogEntry, Verified};
use kraft_wire::api::Contact;
use kraft_wire::codec;
use kraft_wire::command::{AnsweredBy, COMMAND_MAX, Command, Operation, RequestId};
use kraft_wire::key_value::{Key, Value};
use kraft_wire::payload::Payload;
use kraft_wire::txn::Change;
use serde_json::json;
use thiserror::Error;

use crate::address_book::{BookEntry, Listed};
use crate::checksummed;
use crate::glyph::Glyph;

/// Keys of one entry that people are shown.
const KEYS_SHOWN_MAX: usize = 4;

/// An entry is not what its leader wrote.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} is damaged at byte {offset}: entry {position} is not what its leader wrote", file.display())]
pub struct Damaged {
    /// The damaged file.
    pub file: PathBuf,
    /// Where the entry begins there, in bytes.
    pub offset: u64,
    /// Which entry.
    pub position: LogPosition,
}

/// Reads the entries of one log in order: configurations say how many voters the shapes have from then on.
#[derive(Debug)]
pub struct Teller {
    voters: usize,
    /// Everything through here is known to be committed.
    committed: LogIndex,
}

/// What an entry says.
#[derive(Clone, Debug)]
pub struct Told {
    position: LogPosition,
    shape: Glyph,
    committed: bool,
    /// At least this; a log does not hold what a client asked for.
    class: Option<Class>,
    says: Says,
}

#[derive(Clone, Debug)]
enum Says {
    NoOp,
    Members(Box<Members>),
    Written(RequestId, Operation),
    /// A command of a state machine of one's own.
    Own(RequestId, Payload),
    /// Where a member is, or that one is forgotten.
    Book(BookEntry),
    Unreadable,
}

impl Teller {
    /// Of the log of this store.
    pub fn of(verified: &Verified) -> Self {
        let committed = verified.committed;
        // A log that lacks that entry may hold others that are not committed before it.
        let holds = |run: &Run| {
            let end = run.first.plus(u64::from(run.count));
            run.term == committed.term && run.first <= committed.index && committed.index < end
        };
        let voters = match &verified.founding {
            Founding::Cluster { members, .. } => members.voters_min(),
            Founding::Joins => 1,
        };
        Self {
            voters,
            committed: match verified.log.iter().any(holds) {
                true => committed.index,
                false => LogIndex::ZERO,
            },
        }
    }

    /// What the next entry says.
    ///
    /// # Errors
    /// If it is not what its leader wrote.
    pub fn tell(&mut self, entry: &LogEntry<'_>) -> Result<Told, Damaged> {
        let position = entry.position;
        let says = self.read(entry).ok_or_else(|| Damaged {
            file: entry.file.to_owned(),
            offset: entry.offset,
            position,
        })?;
        if let Says::Members(members) = &says {
            self.voters = members.voters_min();
        }
        let voters = self.voters.max(1);
        let committed = position.index <= self.committed;
        Ok(Told {
            position,
            shape: match committed {
                true => Glyph::committed(voters),
                false => Glyph::of(CommitMode::LeaderOnly, entry.held, voters),
            },
            committed,
            class: says
                .class_is_known()
                .then(|| Class::new(CommitMode::Sync, FsyncMode::Commit)),
            says,
        })
    }

    fn read(&self, entry: &LogEntry<'_>) -> Option<Says> {
        let (position, kind, payload) = (entry.position, entry.kind, entry.payload);
        if kind == EntryKind::Configuration {
            return Some(Says::Members(Box::new(Members::from_bytes(payload)?)));
        }
        let payload = checksummed::verify(position, kind, payload).ok()?;
        if kind == EntryKind::NoOp {
            return Some(Says::NoOp);
        }
        if let Some(entry) = BookEntry::decode(payload) {
            return Some(Says::Book(entry));
        }
        let Ok(Command { request, operation }) = Command::decode(payload) else {
            return Some(Says::Unreadable);
        };
        Some(match codec::decode(operation, COMMAND_MAX) {
            Ok(read) => Says::Written(request, read),
            Err(_) => Says::Own(request, operation.to_vec().into()),
        })
    }
}

impl Says {
    /// Whether it is SYNC·COMMIT at least whatever was asked: what the cluster itself writes, and what the state machine
    /// answers.
    const fn class_is_known(&self) -> bool {
        match self {
            Self::NoOp | Self::Members(_) | Self::Book(_) => true,
            Self::Written(_, operation) => {
                matches!(operation.answered_by(), AnsweredBy::Machine)
            }
            Self::Own(..) | Self::Unreadable => false,
        }
    }
}

/// A line: position, shape, class and what is written, tabs between.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}\t", self.position, self.shape)?;
        match self.class {
            Some(class) => write!(f, "≥ {class}\t")?,
            None => f.write_str("-\t")?,
        }
        match &self.says {
            Says::NoOp => f.write_str("no-op"),
            Says::Members(members) => {
                let ids: Vec<String> = members.iter().map(|member| member.id.to_string()).collect();
                write!(f, "members {}", ids.join(" "))
            }
            Says::Written(_, operation) => describe(operation, f),
            Says::Own(_, bytes) => {
                let bytes = bytes.as_bytes().len();
                write!(f, "command of {bytes} bytes, not of the bundled store")
            }
            Says::Book(BookEntry::Is(node, Listed { contact, replaces })) => {
                let Contact { peers, clients } = contact;
                write!(
                    f,
                    "node {node} is at {peers} for peers, {clients} for clients"
                )?;
                replaces.map_or(Ok(()), |old| write!(f, ", to replace node {old}"))
            }
            Says::Book(BookEntry::Left(node)) => write!(f, "where node {node} was is forgotten"),
            Says::Unreadable => f.write_str("bytes that are no command: they change nothing"),
        }
    }
}

impl Told {
    /// The same for programs, with the bytes in full.
    pub fn json(&self, entry: &LogEntry<'_>) -> serde_json::Value {
        let (kind, request, says) = match &self.says {
            Says::NoOp => ("no_op", None, json!(null)),
            Says::Members(members) => {
                let ids: Vec<_> = members.iter().map(|member| member.id).collect();
                ("configuration", None, json!({ "members": ids }))
            }
            Says::Written(request, operation) => ("command", Some(request), json!(operation)),
            Says::Own(request, bytes) => ("command", Some(request), json!({ "own": bytes })),
            Says::Book(BookEntry::Is(node, listed)) => {
                ("address", None, json!({ "node": node, "listed": listed }))
            }
            Says::Book(BookEntry::Left(node)) => ("address", None, json!({ "node": node })),
            Says::Unreadable => ("command", None, json!(null)),
        };
        json!({
            "position": self.position,
            "kind": kind,
            "shape": self.shape.to_string(),
            "held": match entry.held {
                Held::Accepted => "accepted",
                Held::Written => "written",
                Held::Synced => "synced",
            },
            "committed": self.committed,
            "class_at_least": self.class.map(|class| class.to_string()),
            "bytes": entry.payload.len(),
            "file": entry.file,
            "offset": entry.offset,
            "request": request.map(ToString::to_string),
            "says": says,
        })
    }
}

fn describe(operation: &Operation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let put =
        |key: &Key, value: &Value| format!("put {:?} ({} bytes)", key.to_string(), value.len());
    let delete = |key: &Key| format!("delete {:?}", key.to_string());
    let parts: Vec<String> = match operation {
        Operation::Put { pairs } => (pairs.iter())
            .map(|pair| put(&pair.key, &pair.value))
            .collect(),
        Operation::DeletePrefix { prefix } => {
            vec![format!("delete what begins with {:?}", prefix.to_string())]
        }
        Operation::Delete { keys } => keys.iter().map(delete).collect(),
        Operation::Cas { key, new, .. } => vec![match new {
            Some(value) => format!(
                "if {:?} is as expected: {}",
                key.to_string(),
                put(key, value)
            ),
            None => format!("if {:?} is as expected: {}", key.to_string(), delete(key)),
        }],
        Operation::Txn(txn) => {
            let compare = txn.compare.iter().map(|compare| match &compare.holds {
                Some(value) => format!(
                    "if {:?} holds {} bytes",
                    compare.key.to_string(),
                    value.len()
                ),
                None => format!("if {:?} is absent", compare.key.to_string()),
            });
            let then = txn.then.iter().map(|change| match change {
                Change::Put(pair) => put(&pair.key, &pair.value),
                Change::Delete(key) => delete(key),
            });
            compare.chain(then).collect()
        }
    };
    let shown = parts.len().min(KEYS_SHOWN_MAX);
    f.write_str(&parts[..shown].join(", "))?;
    match parts.len() - shown {
        0 => Ok(()),
        more => write!(f, ", and {more} more"),
    }
}
