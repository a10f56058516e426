//! What became of a write: what was asked, what was achieved, and whether that is enough.

use std::fmt;

use kraft_proto::ids::LogPosition;
use kraft_proto::modes::{Class, CommitMode, Held};
use kraft_proto::{Answer as Waited, Grade};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::words;
use crate::codec::DecodeError;
use crate::payload::{Outcome, Payload, Unreadable};
use crate::rows::Effect;

/// The answer to a write. It never claims more than was held when it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// Where it stands in the log: ask its fate by this.
    pub position: LogPosition,
    /// What was asked, the key's zone and the cluster's defaults filled in.
    #[serde(with = "words::class")]
    pub asked: Class,
    /// Who held it and how firmly; `None` where that was not enough to acknowledge it.
    pub achieved: Option<Achieved>,
    /// Of how many voters.
    pub voters: u8,
    /// How that compares with what was asked.
    #[serde(with = "words::grade")]
    pub grade: Grade,
    /// What the state machine said, where the answer is its own: an [`Outcome`].
    pub outcome: Option<Payload>,
}

/// Who held a write and how firmly: the evidence of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Achieved {
    /// How many.
    #[serde(with = "words::mode")]
    pub mode: CommitMode,
    /// How firmly.
    #[serde(with = "words::held")]
    pub held: Held,
}

/// Why an answer has no word of the state machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotSaid {
    /// The log answers such a command, or the command is not committed.
    #[error("the log has answered: the state machine was not waited for")]
    ByLog,
    /// The command was not readable.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The answer is of another type.
    #[error("the state machine's answer is of another type: {0}")]
    Another(#[from] DecodeError),
}

impl Answer {
    /// What a client is told where the log alone has the answer, in a cluster of so many voters.
    pub fn by_log<T>(answer: &Waited<T>, voters: u8) -> Self {
        let mode = answer.mode;
        Self {
            position: answer.position,
            asked: answer.asked,
            achieved: answer.held.map(|held| Achieved { mode, held }),
            voters,
            grade: answer.grade,
            outcome: None,
        }
    }

    /// The same with what the state machine said.
    pub fn with_outcome(self, outcome: Option<Payload>) -> Self {
        Self { outcome, ..self }
    }

    /// What the state machine said of the command: an answer of its type.
    ///
    /// # Errors
    /// Where it said none.
    pub fn said<A: Serialize + DeserializeOwned>(&self) -> Result<A, NotSaid> {
        let outcome: Outcome<A> = self.outcome.as_ref().ok_or(NotSaid::ByLog)?.read()?;
        Ok(outcome?)
    }

    /// What the bundled store did, where the answer is its own.
    pub fn effect(&self) -> Option<Effect> {
        self.said().ok()
    }
}

impl fmt::Display for Achieved {
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

/// One line for a person: what is known, and what to do where that is not enough.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position, asked, ..
        } = self;
        write!(f, "{position}: ")?;
        match self.achieved {
            Some(achieved) => achieved.fmt(f)?,
            None => f.write_str("not acknowledged")?,
        }
        match self.grade {
            Grade::AsAsked => write!(f, ", as asked ({asked})"),
            Grade::Fallback => write!(f, ", weaker than asked ({asked}), as the fallback allows"),
            Grade::TimedOut => write!(
                f,
                " when the time for {asked} was up; it lives on: ask its fate by its position"
            ),
            Grade::Lost => write!(
                f,
                " as {asked}, and lost: other entries are committed in its place; write it again"
            ),
            Grade::Unknown => write!(
                f,
                " as {asked}, and the history that would tell its fate is forgotten: read the key"
            ),
        }
    }
}
