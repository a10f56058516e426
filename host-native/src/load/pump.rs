//! Sends rows as writes, many at a time, and keeps account of their answers.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use kraft_client::ClientError;
use kraft_proto::Grade;
use kraft_wire::api::Answer;
use kraft_wire::key_value::KeyValue;
use tokio::task::JoinSet;

use super::error::LoadError;
use super::progress::Progress;
use super::rows::Row;

/// The slowest answer told apart from slower ones.
const LATENCY_MAX_US: u64 = 600_000_000;

/// Answers by what they say.
#[derive(Clone, Debug)]
pub struct Tally {
    grades: BTreeMap<&'static str, u64>,
    evidence: BTreeMap<String, u64>,
    latency_us: Histogram<u64>,
    answers: u64,
}

/// How a load ended.
#[derive(Debug)]
pub enum End {
    /// Every row was sent and answered.
    Complete,
    /// It was told to stop; rows on their way were left to themselves.
    Interrupted,
    /// A row could not be read. It and those after it were not sent.
    Row(LoadError),
    /// A row has no answer. Those read after it were not sent.
    Unanswered {
        /// The line it begins at.
        line: u64,
        /// Why.
        error: ClientError,
    },
}

/// Sends every row that is not recorded yet, at most `in_flight` at a time, and calls `look` after
/// each answer. Rows are acknowledged when their answer says so, weaker than asked included.
pub async fn pump<F>(
    mut rows: impl Iterator<Item = Result<Row, LoadError>>,
    progress: &mut Progress,
    in_flight: usize,
    send: impl Fn(KeyValue) -> F,
    stop: impl Future<Output = ()>,
    mut look: impl FnMut(&Tally, &Progress),
) -> (Tally, End)
where
    F: Future<Output = Result<Answer, ClientError>> + Send + 'static,
{
    let mut tally = Tally::new();
    let mut sent = JoinSet::new();
    let mut end = None;
    tokio::pin!(stop);
    loop {
        while end.is_none() && sent.len() < in_flight.max(1) {
            match rows.next() {
                None => end = Some(End::Complete),
                Some(Err(error)) => end = Some(End::Row(error)),
                Some(Ok(row)) if row.number <= progress.through() => {}
                Some(Ok(Row { number, line, pair })) => {
                    let answer = send(pair);
                    sent.spawn(async move {
                        let began = Instant::now();
                        (number, line, answer.await, began.elapsed())
                    });
                }
            }
        }
        let joined = tokio::select! {
            joined = sent.join_next() => joined,
            () = &mut stop => return (tally, End::Interrupted),
        };
        let (number, line, answer, took) = match joined {
            None => return (tally, end.unwrap_or(End::Complete)),
            Some(Ok(answered)) => answered,
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        };
        match answer {
            Ok(answer) => {
                tally.count(&answer, took);
                if matches!(answer.grade, Grade::AsAsked | Grade::Fallback) {
                    progress.acked(number);
                }
                look(&tally, progress);
            }
            Err(error) if !matches!(end, Some(End::Unanswered { .. } | End::Row(_))) => {
                end = Some(End::Unanswered { line, error });
            }
            Err(_) => {}
        }
    }
}

impl Tally {
    fn new() -> Self {
        Self {
            grades: BTreeMap::new(),
            evidence: BTreeMap::new(),
            latency_us: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)
                .expect("the bounds are those it takes"),
            answers: 0,
        }
    }

    fn count(&mut self, answer: &Answer, took: Duration) {
        self.answers += 1;
        *self.grades.entry(word(answer.grade)).or_default() += 1;
        if let Some(achieved) = answer.achieved {
            *self.evidence.entry(achieved.to_string()).or_default() += 1;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(LATENCY_MAX_US);
        self.latency_us.saturating_record(micros);
    }

    /// Answers of this grade.
    pub fn graded(&self, grade: Grade) -> u64 {
        self.grades.get(word(grade)).copied().unwrap_or(0)
    }

    /// Answers of any grade.
    pub const fn answers(&self) -> u64 {
        self.answers
    }

    /// What held the rows when their acknowledgements came, and how many of them.
    pub const fn evidence(&self) -> &BTreeMap<String, u64> {
        &self.evidence
    }

    /// The time within which this part of the answers came, from 0 to 1.
    pub fn latency(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latency_us.value_at_quantile(quantile))
    }
}

const fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::AsAsked => "as_asked",
        Grade::Fallback => "fallback",
        Grade::TimedOut => "timed_out",
        Grade::Lost => "lost",
        Grade::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use kraft_proto::ids::{LogIndex, LogPosition, Term};
    use kraft_proto::modes::{Class, CommitMode, Held};
    use kraft_wire::api::Achieved;
    use kraft_wire::key_value::{Key, Value};

    use super::*;

    fn rows(count: u64) -> impl Iterator<Item = Result<Row, LoadError>> {
        (1..=count).map(|number| {
            Ok(Row {
                number,
                line: number + 1,
                pair: KeyValue {
                    key: Key::try_from(number.to_string().as_str()).unwrap(),
                    value: Value::default(),
                },
            })
        })
    }

    fn answer(grade: Grade) -> Result<Answer, ClientError> {
        let achieved = Achieved {
            mode: CommitMode::Sync,
            held: Held::Synced,
        };
        Ok(Answer {
            position: LogPosition::new(Term(1), LogIndex(1)),
            asked: Class::default(),
            achieved: Some(achieved),
            grade,
            voters: 3,
            outcome: None,
        })
    }

    fn nothing(_: &Tally, _: &Progress) {}

    #[tokio::test]
    async fn every_row_is_sent_once_and_never_more_at_a_time_than_allowed() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let keys = Arc::new(Mutex::new(Vec::new()));
        let mut progress = Progress::default();
        let send = |pair: KeyValue| {
            let (now, most, keys) = (now.clone(), most.clone(), keys.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                keys.lock().unwrap().push(pair.key.to_string());
                answer(Grade::AsAsked)
            }
        };
        let (tally, end) = pump(rows(100), &mut progress, 7, send, pending(), nothing).await;
        assert!(matches!(end, End::Complete));
        assert_eq!(tally.graded(Grade::AsAsked), 100);
        assert_eq!(tally.evidence()["on the disks of a majority"], 100);
        assert_eq!(progress.through(), 100);
        assert_eq!(most.load(Ordering::SeqCst), 7);
        let mut sent: Vec<u64> = (keys.lock().unwrap().iter())
            .map(|key| key.parse().unwrap())
            .collect();
        sent.sort_unstable();
        assert!(sent.into_iter().eq(1..=100));
    }

    #[tokio::test]
    async fn rows_that_are_recorded_are_not_sent_again() {
        let sent = AtomicUsize::new(0);
        let mut progress = Progress::resumed(90);
        let send = |_| {
            sent.fetch_add(1, Ordering::SeqCst);
            ready(answer(Grade::AsAsked))
        };
        pump(rows(100), &mut progress, 4, send, pending(), nothing).await;
        assert_eq!(sent.load(Ordering::SeqCst), 10);
        assert_eq!(progress.through(), 100);
    }

    #[tokio::test]
    async fn a_row_without_an_answer_ends_the_load_and_stays_to_be_sent() {
        let mut progress = Progress::default();
        let send = |pair: KeyValue| {
            ready(match pair.key.as_bytes() {
                b"5" => Err(ClientError::NoAddress),
                _ => answer(Grade::AsAsked),
            })
        };
        let (tally, end) = pump(rows(100), &mut progress, 1, send, pending(), nothing).await;
        assert!(matches!(end, End::Unanswered { line: 6, .. }));
        assert_eq!(tally.answers(), 4);
        assert_eq!(progress.through(), 4);
    }

    #[tokio::test]
    async fn a_row_whose_time_was_up_is_not_counted_as_acknowledged() {
        let mut progress = Progress::default();
        let send = |pair: KeyValue| {
            ready(match pair.key.as_bytes() {
                b"2" => answer(Grade::TimedOut),
                _ => answer(Grade::Fallback),
            })
        };
        let (tally, end) = pump(rows(3), &mut progress, 2, send, pending(), nothing).await;
        assert!(matches!(end, End::Complete));
        assert_eq!(tally.graded(Grade::Fallback), 2);
        assert_eq!(tally.graded(Grade::TimedOut), 1);
        assert_eq!(progress.through(), 1);
    }

    #[tokio::test]
    async fn a_load_that_is_told_to_stop_stops() {
        let mut progress = Progress::default();
        let send = |_| pending();
        let (tally, end) = pump(rows(3), &mut progress, 2, send, ready(()), nothing).await;
        assert!(matches!(end, End::Interrupted));
        assert_eq!((tally.answers(), progress.through()), (0, 0));
    }
}
