//! One client's connection, on the server's side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::ServerLimits;
use super::wire::{ANSWER_HEADER_BYTES, Status, put_answer};
use crate::cert::Role;
use crate::transport::frame::Batch;
use crate::transport::lock;

/// A request, and the way to answer it.
#[derive(Debug)]
pub struct Call {
    /// Who calls; as certain as the certificate.
    pub caller: Role,
    /// What is asked.
    pub body: Bytes,
    /// Takes the answer.
    pub reply: Reply,
}

/// Takes the answer to one call. Dropping it tells the client that there will be none.
#[derive(Debug)]
pub struct Reply {
    session: Arc<Session>,
    id: u64,
    request_bytes: usize,
    state: ReplyState,
    /// Its share of what all connections may hold.
    _share: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReplyState {
    Open,
    Answered,
}

/// What became of a part given to [`Reply::part`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It will be sent.
    Queued,
    /// The client takes its answers too slowly, or the part is longer than a frame may be: it was
    /// not queued.
    NoRoom,
    /// The client is gone.
    Gone,
}

/// What one connection has unanswered and unsent.
#[derive(Debug)]
pub(super) struct Session {
    limits: ServerLimits,
    state: Mutex<State>,
    /// There are answers to send, or no more will come.
    filled: Notify,
    /// There is room for calls.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    end: End,
    calls: usize,
    bytes: usize,
    answers: VecDeque<Answer>,
}

/// How far a session is on its way to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// No more calls are taken; those that were are answered.
    Draining,
    /// The connection is gone.
    Gone,
}

#[derive(Debug)]
struct Answer {
    id: u64,
    status: Status,
    body: Bytes,
    /// Bytes of the request whose place it gives back.
    request_bytes: usize,
}

/// What was moved into a batch, to be given back once that is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    calls: usize,
    bytes: usize,
}

impl Reply {
    pub(super) fn new(
        session: Arc<Session>,
        id: u64,
        request_bytes: usize,
        share: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            session,
            id,
            request_bytes,
            state: ReplyState::Open,
            _share: share,
        }
    }

    /// Answers. Never blocks; if the client is gone the answer is dropped.
    pub fn send(mut self, body: Bytes) {
        if ANSWER_HEADER_BYTES + body.len() > self.session.limits.frame_bytes_max as usize {
            self.finish(Status::TooLarge, Bytes::new());
        } else {
            self.finish(Status::Last, body);
        }
    }

    /// Sends a part of an answer of many. Never blocks.
    pub fn part(&self, body: Bytes) -> Part {
        let limits = &self.session.limits;
        let mut state = lock(&self.session.state);
        if state.end == End::Gone {
            return Part::Gone;
        }
        let fits = ANSWER_HEADER_BYTES + body.len() <= limits.frame_bytes_max as usize;
        if !fits || state.bytes + body.len() > limits.bytes_max {
            return Part::NoRoom;
        }
        state.bytes += ANSWER_HEADER_BYTES + body.len();
        state.answers.push_back(Answer {
            id: self.id,
            status: Status::More,
            body,
            request_bytes: 0,
        });
        drop(state);
        self.session.filled.notify_one();
        Part::Queued
    }

    fn finish(&mut self, status: Status, body: Bytes) {
        self.state = ReplyState::Answered;
        let mut state = lock(&self.session.state);
        if state.end == End::Gone {
            return;
        }
        state.bytes += ANSWER_HEADER_BYTES + body.len();
        state.answers.push_back(Answer {
            id: self.id,
            status,
            body,
            request_bytes: self.request_bytes,
        });
        drop(state);
        self.session.filled.notify_one();
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.state == ReplyState::Open {
            self.finish(Status::Unanswered, Bytes::new());
        }
    }
}

impl Session {
    pub(super) fn new(limits: ServerLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
            filled: Notify::new(),
            freed: Notify::new(),
        }
    }

    /// Waits until a call of so many bytes may be taken. Only one task may wait.
    pub(super) async fn admit(&self, bytes: usize) {
        loop {
            {
                let mut state = lock(&self.state);
                // A call longer than the bound may pass when it is alone.
                let fits = state.bytes == 0 || state.bytes + bytes <= self.limits.bytes_max;
                if fits && state.calls < self.limits.calls_max {
                    state.calls += 1;
                    state.bytes += bytes;
                    return;
                }
            }
            self.freed.notified().await;
        }
    }

    /// Moves answers into `batch`, waiting for the first; `None` when no more will come.
    pub(super) async fn take(&self, batch: &mut Batch, batch_bytes_max: usize) -> Option<Taken> {
        loop {
            {
                let mut state = lock(&self.state);
                let mut taken = Taken::default();
                while batch.bytes() < batch_bytes_max
                    && let Some(answer) = state.answers.pop_front()
                {
                    taken.bytes += ANSWER_HEADER_BYTES + answer.body.len() + answer.request_bytes;
                    taken.calls += usize::from(answer.status != Status::More);
                    put_answer(batch, answer.id, answer.status, answer.body);
                }
                if taken.bytes > 0 {
                    return Some(taken);
                }
                if state.end == End::Draining && state.calls == 0 {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Gives back the room of answers that were written.
    pub(super) fn give_back(&self, taken: Taken) {
        let mut state = lock(&self.state);
        state.calls -= taken.calls;
        state.bytes -= taken.bytes;
        drop(state);
        self.freed.notify_one();
    }

    /// No more calls will be taken.
    pub(super) fn drain(&self) {
        let mut state = lock(&self.state);
        if state.end == End::Open {
            state.end = End::Draining;
        }
        drop(state);
        self.filled.notify_one();
    }

    /// The connection is gone: answers are dropped from now on.
    pub(super) fn gone(&self) {
        let mut state = lock(&self.state);
        state.end = End::Gone;
        state.answers.clear();
    }
}
