//! One client's connection, on the server's side.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;
use kraft_wire::cert::Role;
use kraft_wire::lock;
use kraft_wire::quic::Batch;
use kraft_wire::rpc::{ANSWER_HEADER_BYTES, Status, put_answer};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::limits::ServerLimits;
use super::origin::Origin;
use super::pool::{Holder, Pool};

/// A request, and the way to answer it.
#[derive(Debug)]
pub struct Call {
    /// Who calls; as certain as the certificate.
    pub caller: Role,
    /// Whom the places it takes are counted for.
    pub origin: Origin,
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
    /// Its share of what all connections' calls may hold until the node has looked at them.
    share: Option<OwnedSemaphorePermit>,
}

/// What an answer costs beside its bytes: what holds it, and its place among the others.
const ANSWER_OVERHEAD_BYTES: usize = 128;

/// An answer of so many bytes always has room on a connection that has no other unsent.
const SMALL_BYTES: usize = 16 * 1024;

/// Whether there is room for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is: make it.
    Now,
    /// The client has not read enough of its answers: make it later.
    Unread,
    /// All clients together have not: make it later.
    Crowded,
    /// The client is gone: nobody would read it.
    Nobody,
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
    pub(super) origin: Origin,
    limits: ServerLimits,
    pool: Arc<Pool>,
    state: Mutex<State>,
    /// There are answers to send, or no more will come.
    filled: Notify,
    /// There is room for calls.
    freed: Notify,
    /// The connection is to be closed.
    away: Notify,
}

#[derive(Debug)]
struct State {
    end: End,
    calls: usize,
    /// Bytes of requests.
    bytes: usize,
    /// Bytes of answers that are not written yet, those in a batch included.
    answer_bytes: usize,
    /// Bytes of a request that has not arrived as a whole.
    partial_bytes: usize,
    answers: VecDeque<Answer>,
    /// When it had something to do last.
    busy: Instant,
    sent_away: Option<&'static str>,
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
    answer_bytes: usize,
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
            share: Some(share),
        }
    }

    /// Whom the call comes from.
    pub fn origin(&self) -> Origin {
        self.session.origin
    }

    /// Whether the client is gone: nobody waits for the answer.
    pub fn is_for_nobody(&self) -> bool {
        lock(&self.session.state).end == End::Gone
    }

    /// The node has looked at the call, and holds it as its own bounds allow: others may send.
    pub fn taken(&mut self) {
        self.share = None;
    }

    /// Whether there is room for an answer of so many bytes. Asked before one is made that can wait.
    pub fn room_for(&self, bytes: usize) -> Room {
        let (limits, bytes) = (&self.session.limits, bytes + ANSWER_OVERHEAD_BYTES);
        let state = lock(&self.session.state);
        let alone = state.answer_bytes == 0;
        if state.end == End::Gone {
            Room::Nobody
        } else if !alone && state.answer_bytes + bytes > limits.answer_bytes_max {
            Room::Unread
        } else if self.session.pool.has_room(bytes) || (alone && bytes <= SMALL_BYTES) {
            Room::Now
        } else {
            Room::Crowded
        }
    }

    /// Others' unread answers leave no room for one of so many bytes: whoever has most of them, and
    /// more than this connection would have, is closed.
    pub fn crowd_out(&self, bytes: usize) {
        let own = lock(&self.session.state).answer_bytes;
        self.session.pool.send_largest_away(own + 2 * bytes);
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
        let state = lock(&self.session.state);
        if state.end == End::Gone {
            return Part::Gone;
        }
        let fits = ANSWER_HEADER_BYTES + body.len() <= limits.frame_bytes_max as usize;
        if !fits || state.answer_bytes + body.len() > limits.answer_bytes_max {
            return Part::NoRoom;
        }
        let answer = Answer {
            id: self.id,
            status: Status::More,
            body,
            request_bytes: 0,
        };
        self.session.queue(state, answer);
        Part::Queued
    }

    fn finish(&mut self, status: Status, body: Bytes) {
        self.state = ReplyState::Answered;
        let state = lock(&self.session.state);
        if state.end == End::Gone {
            return;
        }
        let answer = Answer {
            id: self.id,
            status,
            body,
            request_bytes: self.request_bytes,
        };
        self.session.queue(state, answer);
    }
}

impl Answer {
    fn bytes(&self) -> usize {
        ANSWER_OVERHEAD_BYTES + ANSWER_HEADER_BYTES + self.body.len()
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
    pub(super) fn new(limits: ServerLimits, origin: Origin, pool: Arc<Pool>) -> Self {
        Self {
            origin,
            limits,
            pool,
            state: Mutex::new(State {
                end: End::Open,
                calls: 0,
                bytes: 0,
                answer_bytes: 0,
                partial_bytes: 0,
                answers: VecDeque::new(),
                busy: Instant::now(),
                sent_away: None,
            }),
            filled: Notify::new(),
            freed: Notify::new(),
            away: Notify::new(),
        }
    }

    /// Puts an answer behind the others.
    fn queue(&self, mut state: MutexGuard<'_, State>, answer: Answer) {
        let bytes = answer.bytes();
        self.pool.add(bytes);
        state.answer_bytes += bytes;
        state.answers.push_back(answer);
        drop(state);
        // Outside of the lock: it may send this very connection away.
        self.pool.relieve();
        self.filled.notify_one();
    }

    /// So many bytes of a request have arrived that is not whole yet.
    pub(super) fn hold(&self, bytes: usize) {
        // Every connection may have a little.
        let bytes = match bytes {
            0..=SMALL_BYTES => 0,
            more => more,
        };
        let mut state = lock(&self.state);
        let before = std::mem::replace(&mut state.partial_bytes, bytes);
        match bytes.checked_sub(before) {
            Some(0) => {}
            Some(more) => self.pool.add(more),
            None => self.pool.remove(before - bytes),
        }
        drop(state);
        // Outside of the lock: it may send this very connection away.
        self.pool.relieve();
    }

    /// Since when it has had nothing to do, if so.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = lock(&self.state);
        (state.calls == 0 && state.answer_bytes == 0).then_some(state.busy)
    }

    /// Why it is to be closed, once it is.
    pub(super) async fn sent_away(&self) -> &'static str {
        loop {
            if let Some(why) = lock(&self.state).sent_away {
                return why;
            }
            self.away.notified().await;
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
                    taken.answer_bytes += answer.bytes();
                    taken.bytes += answer.request_bytes;
                    taken.calls += usize::from(answer.status != Status::More);
                    put_answer(batch, answer.id, answer.status, answer.body);
                }
                if taken.answer_bytes > 0 {
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
        state.answer_bytes -= taken.answer_bytes;
        state.busy = Instant::now();
        drop(state);
        self.pool.remove(taken.answer_bytes);
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
        let partial = std::mem::take(&mut state.partial_bytes);
        let bytes = partial + std::mem::take(&mut state.answer_bytes);
        drop(state);
        self.pool.remove(bytes);
    }
}

impl Holder for Session {
    /// Bytes it makes the node hold: answers not written yet, and a request that is not whole.
    fn held_bytes(&self) -> usize {
        let state = lock(&self.state);
        state.answer_bytes + state.partial_bytes
    }

    /// Has the connection closed, for this reason.
    fn send_away(&self, why: &'static str) {
        lock(&self.state).sent_away.get_or_insert(why);
        self.away.notify_one();
    }
}
