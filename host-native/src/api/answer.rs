//! What became of a write: what was asked, what was achieved, and whether that is enough.

use std::fmt;

use kraft_proto::ids::LogPosition;
use kraft_proto::modes::{Class, CommitMode, Held};
use serde::{Deserialize, Serialize};

use super::words;
use crate::kv::Effect;

/// The answer to a write. It never claims more than was held when it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// Where it stands in the log: ask its fate by this.
    pub position: LogPosition,
    /// What was asked, the key's zone and the cluster's defaults filled in.
    #[serde(with = "words::class")]
    pub asked: Class,
    /// How many held it when it was answered.
    #[serde(with = "words::mode")]
    pub mode: CommitMode,
    /// How firmly they held it.
    #[serde(with = "words::held")]
    pub held: Held,
    /// How that compares with what was asked.
    pub grade: Grade,
    /// What the state machine did, where the answer is its own.
    pub effect: Option<Effect>,
}

/// How an answer compares with what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As asked, or stronger.
    AsAsked,
    /// A majority holds it, where every voter was asked for and the majority was allowed.
    Fallback,
    /// The time was up. Not a failure: the entry lives on, and its fate can be asked.
    TimedOut,
    /// Its leader lost office, and other entries are committed in its place: it was not written.
    Lost,
    /// Its leader lost office, and the history needed to tell is forgotten.
    Unknown,
}

/// Who held a write and how firmly, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How many.
    pub mode: CommitMode,
    /// How firmly.
    pub held: Held,
}

impl Answer {
    /// Who held it and how firmly, in words.
    pub const fn evidence(&self) -> Evidence {
        Evidence {
            mode: self.mode,
            held: self.held,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, many) = match self.held {
            Held::Accepted => return f.write_str("in the leader's memory"),
            Held::Written => ("operating system", "operating systems"),
            Held::Synced => ("disk", "disks"),
        };
        let on = match self.held {
            Held::Synced => "on",
            Held::Accepted | Held::Written => "in",
        };
        match self.mode {
            CommitMode::Async => f.write_str("in the leader's memory"),
            CommitMode::LeaderOnly => write!(f, "{on} the leader's {one}"),
            CommitMode::AtLeast(1) => write!(f, "{on} the {one} of 1 voter"),
            CommitMode::AtLeast(n) => write!(f, "{on} the {many} of {n} voters"),
            CommitMode::Sync => write!(f, "{on} the {many} of a majority"),
            CommitMode::All => write!(f, "{on} the {many} of every voter"),
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsAsked => "as asked",
            Self::Fallback => "weaker than asked",
            Self::TimedOut => "timed out",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        })
    }
}

/// One line for a person: what is known, and what to do where that is not enough.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            asked,
            grade,
            ..
        } = self;
        let evidence = self.evidence();
        match grade {
            Grade::AsAsked => write!(f, "{position}: {evidence}, as asked ({asked})"),
            Grade::Fallback => write!(
                f,
                "{position}: {evidence}, weaker than asked ({asked}), as the fallback allows"
            ),
            Grade::TimedOut => write!(
                f,
                "{position}: {evidence} when the time for {asked} was up; it lives on: ask its \
                 fate by its position"
            ),
            Grade::Lost => write!(
                f,
                "{position}: lost before {asked} was reached; other entries are committed in its \
                 place: write it again"
            ),
            Grade::Unknown => write!(
                f,
                "{position}: its leader lost office before {asked} was reached and the history \
                 needed to tell is forgotten: read the key"
            ),
        }
    }
}
