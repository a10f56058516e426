//! Every write that was acknowledged, to be looked up in the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kraft_client::ClientError;
use kraft_proto::Grade;
use kraft_wire::api::Answer;
use kraft_wire::key_value::KeyValue;

/// A write and its acknowledgement.
#[derive(Clone, Debug)]
pub(super) struct Ack {
    pub pair: KeyValue,
    pub answer: Answer,
    pub at: Instant,
    /// How long its writer waited.
    pub took: Duration,
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
    /// Notes what the answer to a write was that was sent at `began`.
    pub fn note(&self, pair: KeyValue, began: Instant, result: &Result<Answer, ClientError>) {
        let mut written = self.written();
        match result {
            Ok(answer) if matches!(answer.grade, Grade::AsAsked | Grade::Fallback) => {
                written.acks.push(Ack {
                    pair,
                    answer: answer.clone(),
                    at: Instant::now(),
                    took: began.elapsed(),
                });
            }
            _ => written.unacknowledged += 1,
        }
    }

    /// Acknowledged writes so far.
    pub fn len(&self) -> usize {
        self.written().acks.len()
    }

    /// Shows those acknowledged after the first `from`, and says how many there are in all.
    pub fn visit(&self, from: usize, show: impl FnMut(&Ack)) -> usize {
        let written = self.written();
        let news = written.acks.get(from..).unwrap_or_default();
        news.iter().for_each(show);
        written.acks.len()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Ack> {
        self.written().acks.clone()
    }

    /// How many writes have no acknowledgement.
    pub fn unacknowledged(&self) -> u64 {
        self.written().unacknowledged
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
