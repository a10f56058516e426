//! Every write that was acknowledged, to be looked up in the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kraft_proto::Grade;

use crate::api::Answer;
use crate::client::ClientError;
use crate::pair::Pair;

/// A write and its acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Ack {
    pub pair: Pair,
    pub answer: Answer,
    pub at: Instant,
}

/// What was written. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    written: Arc<Mutex<Written>>,
}

#[derive(Debug, Default)]
struct Written {
    acks: Vec<Ack>,
    /// Writes that were sent and not acknowledged.
    unacknowledged: u64,
}

impl Ledger {
    /// Notes what a write's answer was.
    pub fn note(&self, pair: Pair, result: &Result<Answer, ClientError>) {
        let mut written = self.written();
        match result {
            Ok(answer) if matches!(answer.grade, Grade::AsAsked | Grade::Fallback) => {
                written.acks.push(Ack {
                    pair,
                    answer: *answer,
                    at: Instant::now(),
                });
            }
            _ => written.unacknowledged += 1,
        }
    }

    /// Acknowledged writes so far.
    pub fn len(&self) -> usize {
        self.written().acks.len()
    }

    /// Those acknowledged after the first `from`.
    pub fn since(&self, from: usize) -> Vec<Ack> {
        self.written().acks.get(from..).unwrap_or_default().to_vec()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Ack> {
        self.since(0)
    }

    /// How many writes have no acknowledgement.
    pub fn unacknowledged(&self) -> u64 {
        self.written().unacknowledged
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
