//! Messages in the canonical form of the contract, for reading.

use serde::Serialize;

use kraft_proto::{
    Append, Ballot, Envelope, Finding, LogIndex, LogPosition, Message, Nonce, StoreId, Term, Trust,
};

use super::line::Members;
use super::payloads::{self, Data};

/// What every message says of its sender.
#[derive(Debug, Serialize)]
pub struct Sender {
    store: StoreId,
    incarnation: u64,
    nonce: Nonce,
}

/// A message in canonical form, with the fields only kraft has beside it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)] // The contract says what each field means.
pub enum Canonical {
    VoteRequest {
        term: Term,
        last_index: LogIndex,
        last_term: Term,
        #[serde(skip_serializing_if = "Option::is_none")]
        transfer: Option<bool>,
        #[serde(flatten)]
        sender: Sender,
    },
    VoteReply {
        term: Term,
        granted: bool,
        clean: bool,
        #[serde(flatten)]
        sender: Sender,
    },
    Append {
        term: Term,
        prev_index: LogIndex,
        prev_term: Term,
        commit: LogIndex,
        entries: Vec<Entry>,
        force_upto: LogIndex,
        written_upto: LogIndex,
        relied_upto: LogIndex,
        #[serde(flatten)]
        sender: Sender,
    },
    Matched {
        term: Term,
        ok: bool,
        match_index: LogIndex,
        written: LogIndex,
        synced: LogIndex,
        #[serde(flatten)]
        sender: Sender,
    },
    Rejected {
        term: Term,
        ok: bool,
        match_index: LogIndex,
        hint_term: Term,
        rejected: LogIndex,
        clean: bool,
        #[serde(flatten)]
        sender: Sender,
    },
    Heartbeat {
        term: Term,
        commit: LogIndex,
        round: u64,
        force_upto: LogIndex,
        #[serde(flatten)]
        readmission: Option<Receiver>,
        #[serde(flatten)]
        sender: Sender,
    },
    HeartbeatReply {
        term: Term,
        round: u64,
        received: LogIndex,
        written: LogIndex,
        synced: LogIndex,
        clean: bool,
        #[serde(flatten)]
        sender: Sender,
    },
    LeftOut {
        term: Term,
        index: LogIndex,
        left_store: StoreId,
        #[serde(flatten)]
        sender: Sender,
    },
    TimeoutNow {
        term: Term,
        #[serde(flatten)]
        sender: Sender,
    },
    Snapshot {
        term: Term,
        index: LogIndex,
        last_term: Term,
        #[serde(flatten)]
        sender: Sender,
    },
    ReadIndex {
        term: Term,
        ticket: u64,
        after_term: Term,
        after_index: LogIndex,
        #[serde(flatten)]
        sender: Sender,
    },
    ReadIndexReply {
        term: Term,
        ticket: u64,
        asked_by: u64,
        asked_by_nonce: Nonce,
        index: LogIndex,
        #[serde(flatten)]
        sender: Sender,
    },
}

/// What a leader knows of the node it speaks to.
#[derive(Debug, Serialize)]
pub struct Receiver {
    known_store: StoreId,
    known_incarnation: u64,
    known_nonce: Nonce,
    readmit_upto: LogIndex,
    #[serde(flatten)]
    notice: Option<Found>,
}

/// What a leader found out about an incarnation of the node it speaks to.
#[derive(Debug, Serialize)]
pub struct Found {
    notice: &'static str,
    notice_incarnation: u64,
    notice_nonce: Nonce,
}

/// An entry of an append.
#[derive(Debug, Serialize)]
pub struct Entry {
    term: Term,
    data: Data,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Members>,
}

/// The contract's name for a kind of message.
pub fn kind(message: &Message) -> &'static str {
    match message {
        Message::PreVote { .. } => "prevote_req",
        Message::PreVoteReply { .. } => "prevote_resp",
        Message::Vote { .. } | Message::TransferVote { .. } => "vote_req",
        Message::VoteReply { .. } => "vote_resp",
        Message::Append(_) => "append_req",
        Message::Matched(_) | Message::Rejected { .. } => "append_resp",
        Message::Heartbeat(_) => "heartbeat_req",
        Message::HeartbeatReply(_) => "heartbeat_resp",
        Message::Snapshot { .. } => "snapshot",
        Message::TimeoutNow => "timeout_now",
        Message::LeftOut { .. } => "left_out",
        Message::ReadIndex { .. } => "read_index_req",
        Message::ReadIndexReply { .. } => "read_index_resp",
    }
}

/// What was found, as a word.
pub fn finding_word(finding: Finding) -> &'static str {
    match finding {
        Finding::Superseded => "superseded",
        Finding::WentBack => "went_back",
    }
}

/// A message and, for an append, what its entries hold.
pub fn canonical(envelope: &Envelope, data: Vec<Data>) -> Canonical {
    let term = envelope.term;
    let sender = Sender {
        store: envelope.store,
        incarnation: envelope.incarnation.number,
        nonce: envelope.incarnation.nonce,
    };
    match envelope.message {
        Message::PreVote { last } | Message::Vote { last } => request(term, last, None, sender),
        Message::TransferVote { last } => request(term, last, Some(true), sender),
        Message::Snapshot { last } => Canonical::Snapshot {
            term,
            index: last.index,
            last_term: last.term,
            sender,
        },
        Message::TimeoutNow => Canonical::TimeoutNow { term, sender },
        Message::LeftOut { store, at } => Canonical::LeftOut {
            term,
            index: at,
            left_store: store,
            sender,
        },
        Message::ReadIndex { ticket, after } => Canonical::ReadIndex {
            term,
            ticket,
            after_term: after.term,
            after_index: after.index,
            sender,
        },
        Message::ReadIndexReply {
            incarnation,
            ticket,
            index,
        } => Canonical::ReadIndexReply {
            term,
            ticket,
            asked_by: incarnation.number,
            asked_by_nonce: incarnation.nonce,
            index,
            sender,
        },
        Message::PreVoteReply { ballot } | Message::VoteReply { ballot } => Canonical::VoteReply {
            term,
            granted: ballot != Ballot::Refused,
            clean: ballot != Ballot::GrantedBySuspect,
            sender,
        },
        Message::Append(append) => append_request(term, &append, data, sender),
        Message::Matched(watermarks) => Canonical::Matched {
            term,
            ok: true,
            match_index: watermarks.written,
            written: watermarks.written,
            synced: watermarks.synced,
            sender,
        },
        Message::Rejected {
            rejected,
            hint,
            trust,
        } => Canonical::Rejected {
            term,
            ok: false,
            match_index: hint.index,
            hint_term: hint.term,
            rejected,
            clean: trust != Trust::Suspect,
            sender,
        },
        Message::Heartbeat(beat) => Canonical::Heartbeat {
            term,
            commit: beat.commit,
            round: beat.round,
            force_upto: beat.force_upto,
            readmission: beat.readmission.map(|known| Receiver {
                known_store: known.store,
                known_incarnation: known.incarnation.number,
                known_nonce: known.incarnation.nonce,
                readmit_upto: known.readmit_upto,
                notice: known.notice.map(|notice| Found {
                    notice: finding_word(notice.finding),
                    notice_incarnation: notice.incarnation.number,
                    notice_nonce: notice.incarnation.nonce,
                }),
            }),
            sender,
        },
        Message::HeartbeatReply(reply) => Canonical::HeartbeatReply {
            term,
            round: reply.round,
            received: reply.received,
            written: reply.watermarks.written,
            synced: reply.watermarks.synced,
            clean: reply.trust != Trust::Suspect,
            sender,
        },
    }
}

fn request(term: Term, last: LogPosition, transfer: Option<bool>, sender: Sender) -> Canonical {
    Canonical::VoteRequest {
        term,
        last_index: last.index,
        last_term: last.term,
        transfer,
        sender,
    }
}

fn append_request(term: Term, append: &Append, data: Vec<Data>, sender: Sender) -> Canonical {
    let (term_of, kind) = (append.run_term, append.kind);
    let entry = |data| {
        let held = payloads::Entry {
            term: term_of,
            kind,
            data,
        };
        Entry {
            term: term_of,
            config: payloads::members(&held).as_ref().map(Members::from),
            data: payloads::text(&held),
        }
    };
    Canonical::Append {
        term,
        prev_index: append.prev.index,
        prev_term: append.prev.term,
        commit: append.commit,
        entries: data.into_iter().map(entry).collect(),
        force_upto: append.force_upto,
        written_upto: append.written_upto,
        relied_upto: append.relied_upto,
        sender,
    }
}
