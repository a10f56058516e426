//! What the driver answers, as JSON.

use serde::Serialize;
use serde_json::Value;

use kraft_proto::{Held, LogIndex, NodeId, Role, Term};

use super::canonical::Canonical;
use super::fields::Refusal;

/// One reply to one request.
#[derive(Debug, Serialize)]
pub struct Reply {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<String>,
    out: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}

impl Reply {
    /// The request was carried out, with these outputs.
    pub fn done(out: Vec<Line>, state: Option<State>) -> Self {
        Self {
            ok: true,
            err: None,
            out,
            state,
        }
    }

    /// The request was refused.
    pub fn refused(Refusal(why): Refusal, out: Vec<Line>) -> Self {
        Self {
            ok: false,
            err: Some(why),
            out,
            state: None,
        }
    }

    /// The reply as a line, without its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| {
            // Nothing in a reply fails to serialize; if it ever does, the caller still hears one.
            format!(r#"{{"ok":false,"err":"the reply does not serialize: {error}","out":[]}}"#)
        })
    }
}

/// One output.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
#[allow(missing_docs)] // The contract says what each field means.
pub enum Line {
    Send {
        to: NodeId,
        kind: &'static str,
        mode: String,
        msg: Canonical,
        blob: String,
    },
    Write {
        id: u64,
        mode: String,
        kind: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        first_index: Option<LogIndex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_index: Option<LogIndex>,
        #[serde(skip_serializing_if = "Option::is_none")]
        term: Option<Term>,
        /// `Some(None)`: a hard state without a vote.
        #[serde(skip_serializing_if = "Option::is_none")]
        vote: Option<Option<NodeId>>,
        sync: bool,
        blob: String,
    },
    Commit {
        index: LogIndex,
    },
    Apply {
        index: LogIndex,
        term: Term,
        data: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        config: Option<Members>,
    },
    SnapshotApplied {
        index: LogIndex,
    },
    Ack {
        id: Value,
        index: LogIndex,
        term: Term,
        mode: String,
        held: Option<String>,
        result: &'static str,
        fell_back: bool,
    },
    Read {
        id: Value,
        index: Option<LogIndex>,
        result: &'static str,
    },
    Role {
        role: &'static str,
        term: Term,
    },
}

/// What a request that asks for something is told.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)] // The contract says what each field means.
pub enum State {
    Hello {
        proto: u32,
        r#impl: String,
        features: Vec<&'static str>,
    },
    Proposed {
        index: LogIndex,
        term: Term,
    },
    Fate {
        fate: &'static str,
    },
    Node {
        term: Term,
        vote: Option<NodeId>,
        role: &'static str,
        leader: Option<NodeId>,
        commit: LogIndex,
        applied: LogIndex,
        first_index: LogIndex,
        last_index: LogIndex,
        suspect: bool,
        log: Vec<Entry>,
        config: Members,
    },
}

/// An entry of a log.
#[derive(Debug, Serialize)]
#[allow(missing_docs)] // The contract says what each field means.
pub struct Entry {
    pub index: LogIndex,
    pub term: Term,
    pub data: Option<String>,
}

/// A configuration.
#[derive(Debug, Serialize)]
#[allow(missing_docs)] // The contract says what each field means.
pub struct Members {
    pub voters: Vec<NodeId>,
    pub voters_outgoing: Vec<NodeId>,
    pub learners: Vec<NodeId>,
}

impl From<&kraft_proto::Members> for Members {
    fn from(members: &kraft_proto::Members) -> Self {
        Self {
            voters: members.voters().iter().collect(),
            voters_outgoing: members.voters_outgoing().iter().collect(),
            learners: members.learners().iter().collect(),
        }
    }
}

/// The word for a role.
pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre_candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

/// The word for how firmly a copy is held.
pub fn held_word(held: Held) -> String {
    held.to_string()
}
