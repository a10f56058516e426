//! Messages written by hand: canonical JSON, with what is left out filled in.

use serde_json::Value;

use kraft_proto::limits::RUN_ENTRIES_MAX;
use kraft_proto::{
    Append, Ballot, Class, EntryKind, Envelope, Finding, Heartbeat, HeartbeatReply, Incarnation,
    LogIndex, LogPosition, Message, NodeId, Nonce, Notice, Readmission, StoreId, Term, Trust,
    Watermarks,
};

use super::fields::{Fields, Refusal};
use super::frame;
use super::hex;
use super::payloads::Data;
use super::snapshots;

/// What stands in for the fields that a message leaves out.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The node that is to get the message.
    pub to: NodeId,
    /// The sender's store, as last known.
    pub store: StoreId,
    /// The sender's incarnation, as last known.
    pub incarnation: Incarnation,
    /// The receiver's default class.
    pub class: Class,
    /// How many vote.
    pub voters: usize,
    /// The `prev_index` last sent to the sender.
    pub prev_index: LogIndex,
    /// The round of heartbeats last sent to the sender.
    pub round: u64,
    /// The receiver's own store and incarnation.
    pub receiver: (StoreId, Incarnation),
    /// The bytes of the receiver's configuration.
    pub members: Vec<u8>,
}

/// The frames that a message in canonical JSON stands for, in order.
pub fn frames(
    from: NodeId,
    kind: &str,
    msg: Fields<'_>,
    defaults: Defaults,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let envelope = |message| -> Result<Envelope, Refusal> {
        Ok(Envelope {
            from,
            to: defaults.to,
            store: msg.number("store")?.map_or(defaults.store, StoreId),
            incarnation: incarnation(msg, ("incarnation", "nonce"), defaults.incarnation)?,
            term: msg.need_term("term")?,
            message,
        })
    };
    if kind == "append_req" {
        let appends = appends(msg, &defaults)?;
        return appends
            .into_iter()
            .map(|(append, data)| frame::encode(&envelope(Message::Append(append))?, &data))
            .collect();
    }
    let message = match kind {
        "prevote_req" => Message::PreVote { last: last(msg)? },
        "vote_req" => match msg.truth("transfer")?.unwrap_or_default() {
            true => Message::TransferVote { last: last(msg)? },
            false => Message::Vote { last: last(msg)? },
        },
        "prevote_resp" => Message::PreVoteReply {
            ballot: ballot(msg)?,
        },
        "vote_resp" => Message::VoteReply {
            ballot: ballot(msg)?,
        },
        "append_resp" => append_reply(msg, &defaults)?,
        "heartbeat_req" => Message::Heartbeat(Heartbeat {
            commit: msg.index("commit")?.unwrap_or_default(),
            round: msg.number("round")?.unwrap_or(1),
            force_upto: msg.index("force_upto")?.unwrap_or_default(),
            readmission: known(msg, &defaults)?,
        }),
        "heartbeat_resp" => heartbeat_reply(msg, &defaults)?,
        "timeout_now" => Message::TimeoutNow,
        "left_out" => Message::LeftOut {
            store: msg
                .number("left_store")?
                .map_or(defaults.receiver.0, StoreId),
            at: msg.need_index("index")?,
        },
        "read_index_req" => Message::ReadIndex {
            ticket: msg.number("ticket")?.unwrap_or_default(),
            after: LogPosition::new(
                Term(msg.number("after_term")?.unwrap_or_default()),
                msg.index("after_index")?.unwrap_or_default(),
            ),
        },
        "read_index_resp" => Message::ReadIndexReply {
            incarnation: incarnation(msg, ("asked_by", "asked_by_nonce"), defaults.receiver.1)?,
            ticket: msg.number("ticket")?.unwrap_or_default(),
            index: msg.need_index("index")?,
        },
        "snapshot" => {
            let last = LogPosition::new(msg.need_term("last_term")?, msg.need_index("index")?);
            let core = snapshots::made_up(last, &defaults.members)?;
            let message = envelope(Message::Snapshot { last })?;
            return Ok(vec![frame::encode(&message, &[Some(hex::encode(&core))])?]);
        }
        _ => return Err(Refusal(format!("kind: no message is called {kind:?}"))),
    };
    Ok(vec![frame::encode(&envelope(message)?, &[])?])
}

fn last(msg: Fields<'_>) -> Result<LogPosition, Refusal> {
    Ok(LogPosition::new(
        msg.need_term("last_term")?,
        msg.need_index("last_index")?,
    ))
}

fn ballot(msg: Fields<'_>) -> Result<Ballot, Refusal> {
    msg.need("granted")?;
    let granted = msg.truth("granted")?.unwrap_or_default();
    let clean = msg.truth("clean")?.unwrap_or(true);
    Ok(match (granted, clean) {
        (false, _) => Ballot::Refused,
        (true, false) => Ballot::GrantedBySuspect,
        (true, true) => Ballot::Granted,
    })
}

fn trust(msg: Fields<'_>) -> Result<Trust, Refusal> {
    Ok(match msg.truth("clean")?.unwrap_or(true) {
        true => Trust::Clean,
        false => Trust::Suspect,
    })
}

/// `match_index` and what stands beside it.
fn watermarks(msg: Fields<'_>, match_index: LogIndex) -> Result<Watermarks, Refusal> {
    let written = msg.index("written")?.unwrap_or(match_index);
    let synced = msg.index("synced")?.unwrap_or(match_index);
    Ok(Watermarks {
        written: written.max(synced),
        synced,
    })
}

fn append_reply(msg: Fields<'_>, defaults: &Defaults) -> Result<Message, Refusal> {
    msg.need("ok")?;
    if msg.truth("ok")?.unwrap_or_default() {
        let match_index = msg.need_index("match_index")?;
        return Ok(Message::Matched(watermarks(msg, match_index)?));
    }
    // Without the hint's own term, any entry up to the sender's term may be where the logs agree.
    let hint_term = match msg.number("hint_term")? {
        Some(term) => Term(term),
        None => msg.need_term("term")?,
    };
    let hint = msg.index("match_index")?.unwrap_or_default();
    Ok(Message::Rejected {
        rejected: msg.index("rejected")?.unwrap_or(defaults.prev_index),
        hint: LogPosition::new(hint_term, hint),
        trust: trust(msg)?,
    })
}

fn heartbeat_reply(msg: Fields<'_>, defaults: &Defaults) -> Result<Message, Refusal> {
    let match_index = msg.index("match_index")?.unwrap_or_default();
    let watermarks = watermarks(msg, match_index)?;
    let trust = trust(msg)?;
    Ok(Message::HeartbeatReply(HeartbeatReply {
        round: msg.number("round")?.unwrap_or(defaults.round),
        received: msg.index("received")?.unwrap_or(watermarks.written),
        watermarks,
        trust,
    }))
}

/// What the sender knows of the receiver: nothing, unless the message says how far it re-admits it.
fn known(msg: Fields<'_>, defaults: &Defaults) -> Result<Option<Readmission>, Refusal> {
    let Some(readmit_upto) = msg.index("readmit_upto")? else {
        return Ok(None);
    };
    let own = defaults.receiver;
    Ok(Some(Readmission {
        store: msg.number("known_store")?.map_or(own.0, StoreId),
        incarnation: incarnation(msg, ("known_incarnation", "known_nonce"), own.1)?,
        readmit_upto,
        notice: notice(msg, own.1)?,
    }))
}

/// An incarnation: the one it is taken for where its number is left out. A nonce that is left out is that
/// one's too, if the number is the same, and else the number itself.
fn incarnation(
    msg: Fields<'_>,
    (number, nonce): (&str, &str),
    taken_for: Incarnation,
) -> Result<Incarnation, Refusal> {
    let number = msg.number(number)?.unwrap_or(taken_for.number);
    let usual = match number == taken_for.number {
        true => taken_for.nonce,
        false => Nonce(number),
    };
    let nonce = msg.number(nonce)?.map_or(usual, Nonce);
    Ok(Incarnation::new(number, nonce))
}

fn notice(msg: Fields<'_>, own: Incarnation) -> Result<Option<Notice>, Refusal> {
    let finding = match msg.text("notice")? {
        None => return Ok(None),
        Some("superseded") => Finding::Superseded,
        Some("went_back") => Finding::WentBack,
        Some(_) => return Err(Refusal::new("notice: expected superseded or went_back")),
    };
    let incarnation = incarnation(msg, ("notice_incarnation", "notice_nonce"), own)?;
    Ok(Some(Notice {
        incarnation,
        finding,
    }))
}

/// One append for each run of entries; one empty append if there are none.
fn appends(msg: Fields<'_>, defaults: &Defaults) -> Result<Vec<(Append, Vec<Data>)>, Refusal> {
    let mut prev = LogPosition::new(msg.need_term("prev_term")?, msg.need_index("prev_index")?);
    let commit = msg.index("commit")?.unwrap_or_default();
    let force_upto = msg.index("force_upto")?;
    let written_upto = msg.index("written_upto")?;
    let relied_upto = msg.index("relied_upto")?;
    let class = defaults.class;
    let forced = class.fsync.held() == kraft_proto::Held::Synced;
    let relied = class.is_relied_on(defaults.voters);
    let append = |prev: LogPosition, kind, run_term, count: u32| {
        let last = prev.index.plus(u64::from(count));
        let through = |applies: bool| match applies && count > 0 {
            true => last,
            false => LogIndex::ZERO,
        };
        Append {
            prev,
            kind,
            run_term,
            count,
            commit,
            force_upto: force_upto.unwrap_or(through(forced)),
            written_upto: written_upto.or(relied_upto).unwrap_or(through(!forced)),
            relied_upto: relied_upto.unwrap_or(through(relied)),
            mode: class.mode,
            fsync: class.fsync,
        }
    };
    let mut appends = Vec::new();
    for (term, kind, data) in runs(prev.term, msg)? {
        let count = data.len() as u32;
        appends.push((append(prev, kind, term, count), data));
        prev = LogPosition::new(term, prev.index.plus(u64::from(count)));
    }
    if appends.is_empty() {
        let empty = append(prev, EntryKind::Command, prev.term, 0);
        appends.push((empty, Vec::new()));
    }
    Ok(appends)
}

/// Entries, grouped as the core groups them: an entry that opens a term and holds nothing is its
/// no-op, and stands alone.
fn runs(
    mut term_before: Term,
    msg: Fields<'_>,
) -> Result<Vec<(Term, EntryKind, Vec<Data>)>, Refusal> {
    let mut runs: Vec<(Term, EntryKind, Vec<Data>)> = Vec::new();
    for entry in msg.list("entries")?.unwrap_or_default() {
        let (term, data) = entry_fields(entry)?;
        let kind = match (&data, term > term_before) {
            (None, true) => EntryKind::NoOp,
            _ => EntryKind::Command,
        };
        term_before = term;
        match runs.last_mut() {
            Some((of, EntryKind::Command, run))
                if *of == term
                    && kind == EntryKind::Command
                    && run.len() < RUN_ENTRIES_MAX as usize =>
            {
                run.push(data);
            }
            _ => runs.push((term, kind, vec![data])),
        }
    }
    Ok(runs)
}

fn entry_fields(entry: &Value) -> Result<(Term, Data), Refusal> {
    let entry = Fields::of(entry, "entries")?;
    let data = entry.text("data")?.map(str::to_owned);
    Ok((entry.need_term("term")?, data))
}
