//! Writes as text, and what a disk that kept some of them holds.
//!
//! ```text
//! hard <term> <vote or -> <incarnation> <clean, dirty or suspect>
//! hard <term> <vote or -> <incarnation> superseded-by <incarnation> <clean, dirty or suspect>
//! entries <term before> <first> <term> <command, no-op or configuration> <hex or ->,…
//! snapshot <hex of the core's part> <what was applied>        (see `snapshots`)
//! force
//! ```
//!
//! An incarnation is `<number>.<nonce>`, or the number alone where the nonce is the same.

use kraft_proto::{
    EntryKind, HardState, Incarnation, LogIndex, Members, NodeId, Nonce, Recovery, Run, Term,
    Trust, WriteKind,
};

use super::fields::Refusal;
use super::hex;
use super::payloads::{Data, Log, configuration};
use super::snapshots::Held;

/// A write as text that [`Disk::replay`] takes; `taken` is the snapshot that came last.
pub fn blob(kind: WriteKind, log: &Log, taken: Option<&Held>) -> String {
    match kind {
        WriteKind::Snapshot(_) => taken.map(Held::blob).unwrap_or_default(),
        WriteKind::Force => "force".to_owned(),
        WriteKind::HardState(hard) => {
            let vote = hard
                .vote
                .map_or_else(|| "-".to_owned(), |vote| vote.to_string());
            let trust = trust_word(hard.trust);
            let by = hard.superseded.map(incarnation_word);
            let by = by.map_or_else(String::new, |by| format!("superseded-by {by} "));
            let incarnation = incarnation_word(hard.incarnation);
            format!("hard {} {vote} {incarnation} {by}{trust}", hard.term)
        }
        WriteKind::Entries(run) => entries_blob(run, log),
    }
}

fn entries_blob(run: Run, log: &Log) -> String {
    let before = log.term_at(run.first.prev()).unwrap_or_default();
    let kind = kind_word(run.kind);
    let mut blob = format!("entries {before} {} {} {kind} ", run.first, run.term);
    for (place, position) in run.positions().enumerate() {
        if place > 0 {
            blob.push(',');
        }
        let data = log.find(position).and_then(|entry| entry.data.as_ref());
        blob.push_str(&data_word(data));
    }
    blob
}

/// What an entry holds, as a word.
pub fn data_word(data: Option<&String>) -> String {
    data.map_or_else(|| "-".to_owned(), |text| hex::encode(text.as_bytes()))
}

/// What such a word says.
pub fn data_from(word: &str) -> Option<Data> {
    match word {
        "-" => Some(None),
        text => Some(Some(String::from_utf8(hex::decode(text)?).ok()?)),
    }
}

/// What an entry is for, as a word.
pub fn kind_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Command => "command",
        EntryKind::NoOp => "no-op",
        EntryKind::Configuration => "configuration",
    }
}

/// What such a word says.
pub fn kind_from(word: &str) -> Option<EntryKind> {
    match word {
        "command" => Some(EntryKind::Command),
        "no-op" => Some(EntryKind::NoOp),
        "configuration" => Some(EntryKind::Configuration),
        _ => None,
    }
}

fn incarnation_word(incarnation: Incarnation) -> String {
    match incarnation.number == incarnation.nonce.0 {
        true => incarnation.number.to_string(),
        false => format!("{}.{}", incarnation.number, incarnation.nonce.0),
    }
}

fn life_from(word: &str) -> Option<Incarnation> {
    let (number, nonce) = word.split_once('.').unwrap_or((word, word));
    Some(Incarnation::new(
        number.parse().ok()?,
        Nonce(nonce.parse().ok()?),
    ))
}

fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Clean => "clean",
        Trust::Dirty => "dirty",
        Trust::Suspect => "suspect",
    }
}

/// How a node's last incarnation ended, as far as its caller says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The power may have failed: a dirty disk starts suspect.
    Unknown,
    /// Only the process died.
    ProcessOnly,
    /// The node is to start suspect, whatever its disk says.
    Suspect,
}

/// What a disk holds.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The newest hard state.
    pub hard: HardState,
    /// The newest snapshot.
    pub snapshot: Option<Held>,
    /// The log behind it.
    pub log: Log,
}

impl Disk {
    /// Replays the writes that survived, oldest first.
    pub fn replay<'a>(blobs: impl IntoIterator<Item = &'a str>) -> Result<Self, Refusal> {
        let mut disk = Self::default();
        for (place, blob) in blobs.into_iter().enumerate() {
            disk.apply(blob)
                .map_err(|Refusal(why)| Refusal(format!("disk, blob {place}: {why}")))?;
        }
        Ok(disk)
    }

    fn apply(&mut self, blob: &str) -> Result<(), Refusal> {
        let words: Vec<&str> = blob.split(' ').collect();
        match words[..] {
            ["force"] => Ok(()),
            ["hard", term, vote, incarnation, trust] => {
                self.hard = hard_state(term, vote, incarnation, trust)
                    .ok_or_else(|| Refusal::new("not a hard state"))?;
                Ok(())
            }
            ["hard", term, vote, incarnation, "superseded-by", by, trust] => {
                let hard = hard_state(term, vote, incarnation, trust);
                let (hard, by) = hard
                    .zip(life_from(by))
                    .ok_or_else(|| Refusal::new("not a hard state"))?;
                self.hard = HardState {
                    superseded: Some(by),
                    ..hard
                };
                Ok(())
            }
            ["snapshot", core, entries] => {
                let held =
                    Held::from_blob(core, entries).ok_or_else(|| Refusal::new("not a snapshot"))?;
                self.log.drop_through(held.last());
                self.snapshot = Some(held);
                Ok(())
            }
            ["entries", before, first, term, kind, data] => {
                let (before, run, data) = entries(before, first, term, kind, data)
                    .ok_or_else(|| Refusal::new("not entries"))?;
                let holds = self.log.term_at(run.first.prev());
                if holds != Some(before) || run.term < before {
                    return Err(Refusal(format!(
                        "entries from {} on do not follow what the disk holds before them",
                        run.first
                    )));
                }
                self.log.replace(run, data);
                Ok(())
            }
            _ => Err(Refusal::new("not the blob of a write")),
        }
    }

    /// What a node of these members recovers from it.
    pub fn recovery(&self, members: Members, stop: Stop) -> Recovery {
        let recovery = match stop {
            Stop::Unknown => Recovery::resume(self.hard, members),
            Stop::ProcessOnly => Recovery::resume(self.hard, members).same_boot(),
            Stop::Suspect => {
                let trust = Trust::Suspect;
                Recovery::resume(HardState { trust, ..self.hard }, members)
            }
        };
        let recovery = match &self.snapshot {
            Some(held) => recovery.snapshot(&held.core),
            None => recovery,
        };
        let base = self.log.base().index;
        self.log.recover(base, recovery, configuration)
    }
}

fn hard_state(term: &str, vote: &str, incarnation: &str, trust: &str) -> Option<HardState> {
    let vote = match vote {
        "-" => None,
        node => Some(NodeId(node.parse().ok()?)),
    };
    let trust = match trust {
        "clean" => Trust::Clean,
        "dirty" => Trust::Dirty,
        "suspect" => Trust::Suspect,
        _ => return None,
    };
    Some(HardState {
        term: Term(term.parse().ok()?),
        vote,
        incarnation: life_from(incarnation)?,
        trust,
        superseded: None,
    })
}

fn entries(
    before: &str,
    first: &str,
    term: &str,
    kind: &str,
    data: &str,
) -> Option<(Term, Run, Vec<Data>)> {
    let data: Vec<Data> = data.split(',').map(data_from).collect::<Option<_>>()?;
    let kind = kind_from(kind)?;
    if kind != EntryKind::Command && data.len() != 1 {
        return None;
    }
    let run = Run {
        term: Term(term.parse().ok().filter(|term| *term > 0)?),
        kind,
        first: LogIndex(first.parse().ok().filter(|first| *first > 0)?),
        count: data.len().try_into().ok()?,
    };
    Some((Term(before.parse().ok()?), run, data))
}
