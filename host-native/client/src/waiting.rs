//! The calls of one client that are not answered yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use kraft_wire::lock;
use kraft_wire::quic::Batch;
use kraft_wire::rpc::{REQUEST_HEADER_BYTES, Status, put_request};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use super::call_error::CallError;

/// Where an answer goes.
#[derive(Debug)]
pub(super) enum Waiter {
    One(oneshot::Sender<Result<Bytes, CallError>>),
    Many(mpsc::Sender<Result<Bytes, CallError>>),
}

/// Calls waiting to be sent, and calls waiting for their answers.
#[derive(Debug)]
pub(super) struct Waiting {
    state: Mutex<State>,
    /// There are calls to send, or the connection is broken.
    filled: Notify,
    /// One permit for each call that may still be made; closed when the connection is broken.
    room: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    unsent: VecDeque<(u64, Bytes)>,
    waiters: HashMap<u64, Waiter>,
    broken: Option<String>,
}

impl Waiter {
    /// Hands over the last of an answer.
    fn finish(self, outcome: Result<Bytes, CallError>) {
        // Whoever asked may have gone away meanwhile.
        match self {
            Self::One(waiter) => drop(waiter.send(outcome)),
            Self::Many(waiter) => drop(waiter.try_send(outcome)),
        }
    }
}

impl Waiting {
    pub(super) fn new(calls_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Notify::new(),
            room: Semaphore::new(calls_max.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Queues a call, waiting for room first.
    pub(super) async fn push(&self, body: Bytes, waiter: Waiter) -> Result<(), CallError> {
        // A closed semaphore means a broken connection, which the lock below tells apart.
        if let Ok(permit) = self.room.acquire().await {
            permit.forget();
        }
        let mut state = lock(&self.state);
        if let Some(reason) = &state.broken {
            return Err(CallError::NotSent {
                reason: reason.clone(),
            });
        }
        let id = state.next_id;
        state.next_id += 1;
        state.unsent.push_back((id, body));
        state.waiters.insert(id, waiter);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Moves calls into `batch`, waiting for the first; from then on they count as sent.
    pub(super) async fn take(&self, batch: &mut Batch, batch_bytes_max: usize) {
        loop {
            {
                let mut state = lock(&self.state);
                while batch.bytes() < batch_bytes_max
                    && let Some((id, body)) = state.unsent.pop_front()
                {
                    put_request(batch, id, body);
                }
            }
            if batch.bytes() >= REQUEST_HEADER_BYTES {
                return;
            }
            self.filled.notified().await;
        }
    }

    /// Hands an answer to whoever waits for it. An answer to nothing is an error of the server's.
    pub(super) fn answer(&self, id: u64, status: Status, body: Bytes) -> Result<(), &'static str> {
        let mut state = lock(&self.state);
        if status == Status::More {
            return match state.waiters.get(&id) {
                Some(Waiter::Many(parts)) => {
                    // The last place is kept for the news that parts are missing.
                    let outcome = if parts.capacity() > 1 {
                        Ok(body)
                    } else {
                        Err(CallError::TooSlow)
                    };
                    let _ = parts.try_send(outcome);
                    Ok(())
                }
                Some(Waiter::One(_)) => Err("it sent parts where one answer was asked for"),
                None => Err("it answered a call that was never made"),
            };
        }
        let waiter = state.waiters.remove(&id);
        drop(state);
        let waiter = waiter.ok_or("it answered a call that was never made")?;
        self.room.add_permits(1);
        waiter.finish(match status {
            Status::Last | Status::More => Ok(body),
            Status::TooLarge => Err(CallError::AnswerTooLarge),
            Status::Unanswered => Err(CallError::OutcomeUnknown {
                reason: "the node let go of the call".to_owned(),
            }),
        });
        Ok(())
    }

    /// Fails every call, the sent ones and the unsent ones each by the truth. The first reason
    /// stays.
    pub(super) fn fail(&self, reason: &str) {
        let mut state = lock(&self.state);
        if state.broken.is_some() {
            return;
        }
        state.broken = Some(reason.to_owned());
        let unsent = std::mem::take(&mut state.unsent);
        let mut waiters = std::mem::take(&mut state.waiters);
        drop(state);
        self.room.close();
        for (id, _) in unsent {
            if let Some(waiter) = waiters.remove(&id) {
                waiter.finish(Err(CallError::NotSent {
                    reason: reason.to_owned(),
                }));
            }
        }
        for waiter in waiters.into_values() {
            waiter.finish(Err(CallError::OutcomeUnknown {
                reason: reason.to_owned(),
            }));
        }
    }

    /// Why the connection is broken, if it is.
    pub(super) fn broken(&self) -> Option<String> {
        lock(&self.state).broken.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn call(waiting: &Waiting) -> oneshot::Receiver<Result<Bytes, CallError>> {
        let (sender, receiver) = oneshot::channel();
        waiting
            .push(Bytes::from_static(b"x"), Waiter::One(sender))
            .await
            .unwrap();
        receiver
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_broken_connection_tells_sent_calls_from_unsent_ones() {
        let waiting = Waiting::new(8);
        let sent = call(&waiting).await;
        waiting.take(&mut Batch::default(), 1).await;
        let unsent = call(&waiting).await;
        waiting.fail("it broke");
        let reason = "it broke".to_owned();
        assert_eq!(
            sent.await.unwrap(),
            Err(CallError::OutcomeUnknown {
                reason: reason.clone()
            })
        );
        let not_sent = CallError::NotSent { reason };
        assert_eq!(unsent.await.unwrap(), Err(not_sent.clone()));
        let (sender, _receiver) = oneshot::channel();
        let late = waiting.push(Bytes::new(), Waiter::One(sender)).await;
        assert_eq!(late, Err(not_sent));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn parts_that_nobody_takes_end_in_an_error_and_nothing_piles_up() {
        let waiting = Waiting::new(8);
        let (sender, mut parts) = mpsc::channel(3);
        waiting
            .push(Bytes::new(), Waiter::Many(sender))
            .await
            .unwrap();
        for _ in 0..10 {
            waiting.answer(0, Status::More, Bytes::new()).unwrap();
        }
        waiting.answer(0, Status::Last, Bytes::new()).unwrap();
        let mut seen = Vec::new();
        while let Some(part) = parts.recv().await {
            seen.push(part);
        }
        assert_eq!(
            seen,
            [Ok(Bytes::new()), Ok(Bytes::new()), Err(CallError::TooSlow)]
        );
        assert!(waiting.answer(0, Status::Last, Bytes::new()).is_err());
    }
}
