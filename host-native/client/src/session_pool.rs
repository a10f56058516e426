//! Request numbers, handed out so that every one of them can still be told apart by the cluster.
//!
//! A session tells its last 64 numbers apart, so it hands out its next number
//! only while that lies less than 64 above the lowest it still waits for. When one is full the next
//! is used, and when all are, a request waits.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use kraft_proto::ids::LogIndex;
use kraft_wire::command::{RequestId, SESSION_WINDOW, SessionId};
use tokio::sync::{Notify, watch};

/// Sessions one client uses at the same time.
pub(super) const SESSIONS_MAX: usize = 64;

/// Writes of one client on their way at the same time: one slow one in a session may hold up the
/// others of that session, so it can be fewer.
pub const WRITES_IN_FLIGHT_MAX: usize = SESSIONS_MAX * SESSION_WINDOW as usize;

/// All sessions of a client.
pub(super) struct SessionPool {
    state: Mutex<State>,
    freed: Notify,
    in_flight: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    sessions: Vec<Session>,
    /// What the next session names as the index it was opened at.
    opened_at: LogIndex,
}

struct Session {
    id: SessionId,
    next: u64,
    waiting: BTreeSet<u64>,
}

/// A request id that is in use until this is dropped.
pub(super) struct Slot {
    request: RequestId,
    /// `None` for an id that the caller brought along.
    pool: Option<Arc<SessionPool>>,
}

impl Session {
    fn open(opened_at: LogIndex) -> Self {
        Self {
            id: SessionId::random(opened_at),
            next: 1,
            waiting: BTreeSet::new(),
        }
    }

    /// The next number, if it can still be told apart from all that are waited for.
    fn take(&mut self) -> Option<RequestId> {
        let number = self.next;
        let lowest = self.waiting.first().copied().unwrap_or(number);
        if number - lowest >= SESSION_WINDOW {
            return None;
        }
        self.next += 1;
        self.waiting.insert(number);
        Some(RequestId {
            session: self.id,
            number,
        })
    }
}

impl SessionPool {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            freed: Notify::new(),
            in_flight: watch::Sender::new(0),
        })
    }

    /// A request id, when one is free.
    pub async fn take(self: &Arc<Self>) -> Slot {
        loop {
            if let Some(slot) = self.try_take() {
                // Two may have been freed for one wake-up: pass it on.
                self.freed.notify_one();
                return slot;
            }
            self.freed.notified().await;
        }
    }

    /// A request id, if one is free now.
    pub fn try_take(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.state();
        let State {
            sessions,
            opened_at,
        } = &mut *state;
        let request = match sessions.iter_mut().find_map(Session::take) {
            Some(request) => request,
            None if sessions.len() < SESSIONS_MAX => {
                sessions.push(Session::open(*opened_at));
                sessions.last_mut().and_then(Session::take)?
            }
            None => return None,
        };
        drop(state);
        self.in_flight.send_modify(|count| *count += 1);
        Some(Slot {
            request,
            pool: Some(self.clone()),
        })
    }

    /// Uses `retired` no more, and opens the next ones at `opened_at`.
    pub fn retire(&self, retired: &SessionId, opened_at: LogIndex) {
        let mut state = self.state();
        state.sessions.retain(|session| session.id != *retired);
        state.opened_at = state.opened_at.max(opened_at);
        drop(state);
        self.freed.notify_one();
    }

    /// How many ids are in use.
    pub fn in_flight(&self) -> usize {
        *self.in_flight.borrow()
    }

    /// Waits until none is.
    pub async fn idle(&self) {
        let mut in_flight = self.in_flight.subscribe();
        // The sender lives as long as `self`.
        let _ = in_flight.wait_for(|count| *count == 0).await;
    }

    fn release(&self, request: &RequestId) {
        let mut state = self.state();
        let session = state
            .sessions
            .iter_mut()
            .find(|session| session.id == request.session);
        if let Some(session) = session {
            session.waiting.remove(&request.number);
        }
        drop(state);
        self.in_flight.send_modify(|count| *count -= 1);
        self.freed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl Slot {
    /// An id that was handed out elsewhere.
    pub fn given(request: RequestId) -> Self {
        Self {
            request,
            pool: None,
        }
    }

    /// Whether it was used before.
    pub const fn is_given(&self) -> bool {
        self.pool.is_none()
    }

    pub fn request(&self) -> &RequestId {
        &self.request
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.release(&self.request);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn numbers(slots: &[Slot]) -> Vec<u64> {
        slots.iter().map(|slot| slot.request().number).collect()
    }

    #[test]
    fn a_number_stays_within_64_of_the_lowest_waited_for() {
        let sessions = SessionPool::new();
        let mut slots: Vec<_> = (0..SESSION_WINDOW)
            .map(|_| sessions.try_take().unwrap())
            .collect();
        assert_eq!(numbers(&slots), (1..=SESSION_WINDOW).collect::<Vec<_>>());
        let first = slots[0].request().session;
        // Others of the session are answered, and the first still is not.
        slots.truncate(1);
        let next = sessions.try_take().unwrap();
        assert_ne!(next.request().session, first);
        slots.clear();
        let next = sessions.try_take().unwrap();
        assert_eq!((next.request().session, next.request().number), (first, 65));
    }

    #[test]
    fn ids_are_handed_out_once_up_to_the_limit() {
        let sessions = SessionPool::new();
        let slots: Vec<_> = std::iter::from_fn(|| sessions.try_take()).collect();
        assert_eq!(slots.len(), WRITES_IN_FLIGHT_MAX);
        let ids: HashSet<_> = slots.iter().map(|slot| *slot.request()).collect();
        assert_eq!(ids.len(), WRITES_IN_FLIGHT_MAX);
        assert_eq!(sessions.in_flight(), WRITES_IN_FLIGHT_MAX);
    }

    #[tokio::test]
    async fn every_waiter_gets_its_turn() {
        let sessions = SessionPool::new();
        let slots: Vec<_> = std::iter::from_fn(|| sessions.try_take()).collect();
        let waiters: Vec<_> = (0..500)
            .map(|_| {
                let sessions = sessions.clone();
                tokio::spawn(async move { drop(sessions.take().await) })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(slots);
        for waiter in waiters {
            waiter.await.unwrap();
        }
        sessions.idle().await;
        assert_eq!(sessions.in_flight(), 0);
    }

    #[test]
    fn a_retired_session_hands_out_nothing_more() {
        let sessions = SessionPool::new();
        let old = sessions.try_take().unwrap();
        sessions.retire(&old.request().session, LogIndex(40));
        let new = sessions.try_take().unwrap();
        assert_ne!(new.request().session.id, old.request().session.id);
        assert_eq!(new.request().session.opened_at, LogIndex(40));
        drop(old);
        assert_eq!(sessions.in_flight(), 1);
    }
}
