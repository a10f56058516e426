//! What crosses to JavaScript as small numbers, and back. A name that JavaScript does not know is
//! refused there, by TypeScript.

use kraft_proto::durability::Fallback;
use kraft_proto::{Class, CommitMode, FsyncMode};
use wasm_bindgen::prelude::*;

/// What a node asks for, or says.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// Nothing, for now.
    Nothing,
    /// Send `bytes` to node `to`. It may be lost.
    Send,
    /// Write: see `writeKind`. In order, never dropped.
    Write,
    /// Entries of `term` through `index` that asked for `mode` at `held` have it.
    Ack,
    /// Everything through `index` is committed: apply it.
    Commit,
    /// The snapshot through `index` is on the disk: replace the state machine by it.
    Restored,
    /// Node `to` lacks entries that are gone here: send it a snapshot through `index` at least.
    Snapshot,
    /// Of the early acknowledgements of `term`, those beyond `index` are lost, or nobody knows.
    Settled,
    /// The read of `ticket` may be served once `index` is applied; 0: it cannot be served.
    Read,
    /// The node's `role` or `leader` is another, in `term`.
    Role,
    /// The members are others, from entry `index` on, or it is known by now that they stay.
    Members,
    /// A newer incarnation of this store runs: drop this node.
    Superseded,
}

/// What became of a message.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was taken, and may have been of no use.
    Taken,
    /// These bytes are no message: dropped.
    NoMessage,
    /// It says that it is of another node than the one it came from: dropped.
    OtherNode,
    /// It brings a snapshot without the state, which goes to `handleSnapshot`: dropped.
    NoState,
}

/// What is to be written.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Replace the hard state by `bytes`, forced.
    HardState,
    /// Put the record `bytes`, whose first entry is `index`, in place of what is there and behind.
    Record,
    /// Replace the state and the whole log by the snapshot through `index`, whose core is `bytes`.
    Install,
    /// Nothing new: force what is written.
    Force,
}

/// How firmly something is held.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Not at all, as far as this answer knows.
    Not,
    /// In the leader's memory.
    Accepted,
    /// Given to the operating system: outlives the process, not the power.
    Written,
    /// Forced to the disk.
    Synced,
}

/// How an answer stands to what was asked.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As asked, or more.
    AsAsked,
    /// A majority where all were asked for.
    Fallback,
    /// Not in time; the entry lives on.
    TimedOut,
    /// Gone.
    Lost,
    /// Nobody remembers.
    Unknown,
}

/// What became of an entry.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Committed.
    Committed,
    /// Not decided.
    Pending,
    /// Gone.
    Lost,
    /// The history is forgotten.
    Unknown,
}

/// What a node does in its term.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Follows, or looks for a leader.
    Follower,
    /// Asks whether it could win.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// What a node is among the members.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It votes.
    Voter,
    /// It receives the log and does not vote.
    Learner,
    /// It is none of them.
    LeftOut,
}

/// Whether a node may have forgotten copies somebody relied on.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It has not.
    Clean,
    /// A power cut would make it so.
    Dirty,
    /// It may have.
    Suspect,
}

/// Why nothing was done.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing was refused yet.
    Nothing,
    /// Another node leads, `hint` if it is known.
    NotLeader,
    /// Ask again soon: a term is being opened, leadership moves, a bound is reached.
    Busy,
    /// What was asked for makes no sense here, now or later.
    Invalid,
    /// The node is stopping, or replaced.
    Stopped,
    /// An earlier change of members, or of the leader, is not through.
    UnderWay,
    /// Everybody is already what they are to be.
    Unchanged,
    /// Who is to leave or to lead is no member that could.
    NotMember,
    /// The member is bound to another store.
    OtherStore,
    /// What would come out is no cluster.
    NoCluster,
    /// The entry to be seen is gone: commit proves it.
    Lost,
    /// The entry to be seen was never proposed.
    NoSuchEntry,
}

impl From<kraft_proto::Held> for Held {
    fn from(held: kraft_proto::Held) -> Self {
        match held {
            kraft_proto::Held::Accepted => Self::Accepted,
            kraft_proto::Held::Written => Self::Written,
            kraft_proto::Held::Synced => Self::Synced,
        }
    }
}

impl From<kraft_proto::Grade> for Grade {
    fn from(grade: kraft_proto::Grade) -> Self {
        match grade {
            kraft_proto::Grade::AsAsked => Self::AsAsked,
            kraft_proto::Grade::Fallback => Self::Fallback,
            kraft_proto::Grade::TimedOut => Self::TimedOut,
            kraft_proto::Grade::Lost => Self::Lost,
            kraft_proto::Grade::Unknown => Self::Unknown,
        }
    }
}

impl From<kraft_proto::Fate> for Fate {
    fn from(fate: kraft_proto::Fate) -> Self {
        match fate {
            kraft_proto::Fate::Committed => Self::Committed,
            kraft_proto::Fate::Pending => Self::Pending,
            kraft_proto::Fate::Lost => Self::Lost,
            kraft_proto::Fate::Unknown => Self::Unknown,
        }
    }
}

impl From<kraft_proto::Role> for Role {
    fn from(role: kraft_proto::Role) -> Self {
        match role {
            kraft_proto::Role::Follower => Self::Follower,
            kraft_proto::Role::PreCandidate => Self::PreCandidate,
            kraft_proto::Role::Candidate => Self::Candidate,
            kraft_proto::Role::Leader => Self::Leader,
        }
    }
}

impl From<kraft_proto::Standing> for Standing {
    fn from(standing: kraft_proto::Standing) -> Self {
        match standing {
            kraft_proto::Standing::Voter => Self::Voter,
            kraft_proto::Standing::Learner => Self::Learner,
            kraft_proto::Standing::LeftOut => Self::LeftOut,
        }
    }
}

impl From<kraft_proto::Trust> for Trust {
    fn from(trust: kraft_proto::Trust) -> Self {
        match trust {
            kraft_proto::Trust::Clean => Self::Clean,
            kraft_proto::Trust::Dirty => Self::Dirty,
            kraft_proto::Trust::Suspect => Self::Suspect,
        }
    }
}

/// A class: the mode's place in the list of modes, for AT_LEAST the number times 256 on top; and the
/// fsync mode's place in its list.
pub fn class(mode: u32, fsync: u8) -> Option<Class> {
    let mode = match (mode & 0xFF, mode >> 8) {
        (0, 0) => CommitMode::Async,
        (1, 0) => CommitMode::LeaderOnly,
        (2, n @ 1..=255) => CommitMode::AtLeast(n as u8),
        (3, 0) => CommitMode::Sync,
        (4, 0) => CommitMode::All,
        _ => return None,
    };
    let fsync = match fsync {
        0 => FsyncMode::None,
        1 => FsyncMode::Batch,
        2 => FsyncMode::Commit,
        3 => FsyncMode::Always,
        _ => return None,
    };
    Some(Class::new(mode, fsync))
}

/// The number of a mode, as [`class`] reads it.
pub fn mode(mode: CommitMode) -> u32 {
    match mode {
        CommitMode::Async => 0,
        CommitMode::LeaderOnly => 1,
        CommitMode::AtLeast(n) => 2 | u32::from(n) << 8,
        CommitMode::Sync => 3,
        CommitMode::All => 4,
    }
}

/// What an `All` write becomes at its deadline: anything but 0 is a client that settles for less.
pub fn fallback(code: u8) -> Fallback {
    match code {
        0 => Fallback::Refuse,
        _ => Fallback::ToMajority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_comes_back_as_it_was_and_others_are_refused() {
        let at_least = [1, 2, 255].map(CommitMode::AtLeast);
        let others = [
            CommitMode::Async,
            CommitMode::LeaderOnly,
            CommitMode::Sync,
            CommitMode::All,
        ];
        for each in at_least.into_iter().chain(others) {
            let read = class(mode(each), 2).unwrap();
            assert_eq!(read, Class::new(each, FsyncMode::Commit));
        }
        for (wrong_mode, fsync) in [(5, 0), (2, 0), (2 | 256 << 8, 0), (3 | 1 << 8, 0), (3, 4)] {
            assert_eq!(class(wrong_mode, fsync), None);
        }
    }
}
