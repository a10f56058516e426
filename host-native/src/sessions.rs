//! Which requests were applied: what makes a retry safe.
//!
//! A session remembers *which* of its last 64 numbers were applied, and with what answer. The
//! highest number alone would not do:
//!
//! 1. A client sends 5 and 6, both to be acknowledged by the leader alone.
//! 2. The leader dies. The new one holds 6 and never saw 5.
//! 3. The client sends 5 again. "6 was applied, so 5 was too" would drop it in silence.
//!
//! A number belongs to one write. Beside the answer a session remembers a digest of the command, so that the number of
//! an earlier write does not make a later, different one look done: it is refused, and changes nothing.
//!
//! # Expiry
//! The table is bounded, so sessions are forgotten, by log order and therefore on every node at
//! the same entry. They live in three generations. A session that is used moves to the newest; when
//! that is full the oldest is dropped and the others move up:
//!
//! ```text
//! opened ──► newest ──► middle ──► oldest ──► forgotten
//!              ▲           │          │
//!              └── used ───┴──────────┘
//! ```
//!
//! A forgotten session must not look like a new one, or a retry would be applied twice. So every
//! session carries an index that was applied before it was opened
//! ([`SessionId::opened_at`]). Whatever is forgotten was last used before a known index; a session
//! opened at or after it cannot be among them, and any other is refused as expired.
//!
//! The leader asks [`Sessions::admit`] *before* it writes, and `admit` treats the oldest generation
//! as expired already. An entry that was admitted and acknowledged early is thus refused on
//! application only if a whole generation of other sessions came between: that many different
//! clients with entries in flight at once.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;
use kraft_proto::ids::LogIndex;
use kraft_wire::command::{RequestId, SESSION_WINDOW, SessionId, WriteDigest};
use kraft_wire::payload::PAYLOAD_MAX;

use crate::saved::{damaged, read_array, read_bytes, read_u64};

/// Sessions of one generation; at most three times as many are remembered.
pub const GENERATION_MAX: usize = 32_768;

/// What is known of a request when its entry is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recall {
    /// It was not applied yet.
    New,
    /// It was applied, with this answer.
    Applied(Bytes),
    /// It cannot be told.
    Refused(SessionError),
}

/// Why a request is not taken. This copy of it changed nothing; whether an earlier copy did, cannot
/// be told any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// Its number lies more than [`SESSION_WINDOW`] below the highest applied one of its session.
    TooOld {
        /// The lowest number that could still be told apart.
        lowest: u64,
    },
    /// Its session is forgotten, or too old to be told from a forgotten one.
    Expired,
    /// Its number was another write's.
    AnotherWrite,
}

/// A write that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Done {
    digest: WriteDigest,
    answer: Bytes,
}

/// The sessions that are remembered.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Newest first.
    generations: [Generation; 3],
    /// How many sessions fill a generation.
    generation_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Generation {
    /// Its first entry: every session of an older generation, and every forgotten one, was last used
    /// before this index.
    began: LogIndex,
    /// A clone of all shares those that are not used from then on.
    sessions: OrdMap<u128, Arc<Window>>,
}

/// The writes under the last [`SESSION_WINDOW`] numbers.
#[derive(Clone, Debug, Default)]
struct Window {
    /// The highest number applied.
    highest: u64,
    /// Writes from `highest` downwards; `None` was not applied.
    done: VecDeque<Option<Done>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with_generations_of(GENERATION_MAX)
    }
}

impl Sessions {
    /// Sessions in generations of `generation_max`. Every node of a cluster must use the same.
    pub(crate) fn with_generations_of(generation_max: usize) -> Self {
        Self {
            generations: Default::default(),
            generation_max,
        }
    }

    /// How many sessions are remembered.
    pub fn len(&self) -> usize {
        self.generations.iter().map(|g| g.sessions.len()).sum()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of `request`, which asks for the write of this digest.
    pub fn recall(&self, request: &RequestId, digest: WriteDigest) -> Recall {
        let [_, _, oldest] = &self.generations;
        match self.window(&request.session) {
            Some(window) => window.recall(request.number, digest),
            None if request.session.opened_at >= oldest.began => Recall::New,
            None => Recall::Refused(SessionError::Expired),
        }
    }

    /// Whether a leader may write an entry for `request`: asked before it is proposed, so that what
    /// is acknowledged before its application will not be refused there.
    pub fn admit(&self, request: &RequestId, digest: WriteDigest) -> Result<(), SessionError> {
        let [newest, middle, _] = &self.generations;
        let RequestId { session, number } = request;
        let window = [newest, middle]
            .into_iter()
            .find_map(|generation| generation.sessions.get(&session.id));
        match window {
            Some(window) => match window.recall(*number, digest) {
                Recall::Refused(why) => Err(why),
                Recall::New | Recall::Applied(_) => Ok(()),
            },
            None if self.window(session).is_some() => Err(SessionError::Expired),
            None if session.opened_at >= middle.began => Ok(()),
            None => Err(SessionError::Expired),
        }
    }

    /// Notes that `request` was applied at `index` with `answer`. The first write stands.
    pub fn record(
        &mut self,
        index: LogIndex,
        request: &RequestId,
        digest: WriteDigest,
        answer: Bytes,
    ) {
        self.touch(index, &request.session)
            .record(request.number, Done { digest, answer });
    }

    /// Notes that an entry of `session`, applied before, stood at `index` again.
    pub(crate) fn renew(&mut self, index: LogIndex, session: &SessionId) {
        self.touch(index, session);
    }

    /// The session's window, moved to the newest generation.
    fn touch(&mut self, index: LogIndex, session: &SessionId) -> &mut Window {
        let window = self
            .generations
            .iter_mut()
            .find_map(|generation| generation.sessions.remove(&session.id))
            .unwrap_or_default();
        if self.generations[0].sessions.len() >= self.generation_max {
            self.generations.rotate_right(1);
            self.generations[0] = Generation {
                began: index,
                sessions: OrdMap::new(),
            };
        }
        let window = self.generations[0]
            .sessions
            .entry(session.id)
            .or_insert(window);
        Arc::make_mut(window)
    }

    /// Writes everything remembered, in an order that does not depend on the node.
    pub(crate) fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&(self.generation_max as u64).to_le_bytes())?;
        for generation in &self.generations {
            to.write_all(&generation.began.0.to_le_bytes())?;
            to.write_all(&(generation.sessions.len() as u64).to_le_bytes())?;
            for (id, window) in &generation.sessions {
                to.write_all(&id.to_le_bytes())?;
                window.save(to)?;
            }
        }
        Ok(())
    }

    /// Reads what [`Sessions::save`] wrote.
    pub(crate) fn load(from: &mut dyn Read) -> io::Result<Self> {
        let generation_max = read_u64(from)?;
        let mut sessions = Self::with_generations_of(generation_max.max(1) as usize);
        for generation in &mut sessions.generations {
            generation.began = LogIndex(read_u64(from)?);
            for _ in 0..read_u64(from)? {
                let id = u128::from_le_bytes(read_array(from)?);
                let window = Arc::new(Window::load(from)?);
                generation.sessions.insert(id, window);
            }
        }
        Ok(sessions)
    }

    fn window(&self, session: &SessionId) -> Option<&Window> {
        self.generations
            .iter()
            .find_map(|generation| generation.sessions.get(&session.id).map(Arc::as_ref))
    }
}

impl Window {
    fn recall(&self, number: u64, digest: WriteDigest) -> Recall {
        let Some(below) = self.highest.checked_sub(number) else {
            return Recall::New;
        };
        if below >= SESSION_WINDOW {
            return Recall::Refused(SessionError::TooOld {
                lowest: self.highest - (SESSION_WINDOW - 1),
            });
        }
        match self.done.get(below as usize) {
            Some(Some(done)) if done.digest == digest => Recall::Applied(done.answer.clone()),
            Some(Some(_)) => Recall::Refused(SessionError::AnotherWrite),
            Some(None) | None => Recall::New,
        }
    }

    fn record(&mut self, number: u64, done: Done) {
        let ahead = number.saturating_sub(self.highest).min(SESSION_WINDOW);
        for _ in 0..ahead {
            self.done.push_front(None);
        }
        self.done.truncate(SESSION_WINDOW as usize);
        self.highest = self.highest.max(number);
        let below = self.highest - number;
        if below >= SESSION_WINDOW {
            return;
        }
        let below = below as usize;
        if self.done.len() <= below {
            self.done.resize(below + 1, None);
        }
        self.done[below].get_or_insert(done);
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.highest.to_le_bytes())?;
        to.write_all(&(self.done.len() as u64).to_le_bytes())?;
        for done in &self.done {
            to.write_all(&[u8::from(done.is_some())])?;
            if let Some(Done { digest, answer }) = done {
                to.write_all(&digest.to_bytes())?;
                to.write_all(&(answer.len() as u64).to_le_bytes())?;
                to.write_all(answer)?;
            }
        }
        Ok(())
    }

    fn load(from: &mut dyn Read) -> io::Result<Self> {
        let highest = read_u64(from)?;
        let count = read_u64(from)?;
        if count > SESSION_WINDOW {
            return Err(damaged("a session has more numbers than are remembered"));
        }
        let mut done = VecDeque::new();
        for _ in 0..count {
            done.push_back(match read_array(from)? {
                [0] => None,
                [_] => Some(Done {
                    digest: WriteDigest::from_bytes(read_array(from)?),
                    answer: read_bytes(from, PAYLOAD_MAX)?.into(),
                }),
            });
        }
        Ok(Self { highest, done })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: Bytes = Bytes::from_static(b"first");

    /// The same write each time.
    fn write() -> WriteDigest {
        WriteDigest::of(b"write")
    }

    fn session(id: u128, opened_at: u64) -> SessionId {
        SessionId {
            id,
            opened_at: LogIndex(opened_at),
        }
    }

    fn request(number: u64) -> RequestId {
        RequestId {
            session: session(1, 0),
            number,
        }
    }

    fn first_of(session: SessionId) -> RequestId {
        RequestId { session, number: 1 }
    }

    #[test]
    fn number_5_is_new_where_6_was_applied_and_5_was_lost() {
        let mut sessions = Sessions::default();
        sessions.record(LogIndex(10), &request(6), write(), ANSWER);
        assert_eq!(sessions.recall(&request(5), write()), Recall::New);
        assert_eq!(sessions.admit(&request(5), write()), Ok(()));
        sessions.record(
            LogIndex(11),
            &request(5),
            write(),
            Bytes::from_static(b"five"),
        );
        assert_eq!(
            sessions.recall(&request(6), write()),
            Recall::Applied(ANSWER)
        );
        assert_eq!(
            sessions.recall(&request(5), write()),
            Recall::Applied(Bytes::from_static(b"five"))
        );
        assert_eq!(sessions.recall(&request(4), write()), Recall::New);
    }

    #[test]
    fn the_first_answer_stands() {
        let mut sessions = Sessions::default();
        sessions.record(LogIndex(1), &request(1), write(), ANSWER);
        sessions.record(
            LogIndex(2),
            &request(1),
            write(),
            Bytes::from_static(b"second"),
        );
        assert_eq!(
            sessions.recall(&request(1), write()),
            Recall::Applied(ANSWER)
        );
    }

    #[test]
    fn the_number_of_another_write_is_refused_and_the_first_write_stands() {
        let mut sessions = Sessions::default();
        sessions.record(LogIndex(1), &request(1), write(), ANSWER);
        let other = WriteDigest::of(b"other");
        let refused = SessionError::AnotherWrite;
        assert_eq!(
            sessions.recall(&request(1), other),
            Recall::Refused(refused)
        );
        assert_eq!(sessions.admit(&request(1), other), Err(refused));
        assert_eq!(
            sessions.recall(&request(1), write()),
            Recall::Applied(ANSWER)
        );
        assert_eq!(sessions.admit(&request(1), write()), Ok(()));
    }

    #[test]
    fn a_number_below_the_window_cannot_be_told() {
        let mut sessions = Sessions::default();
        sessions.record(LogIndex(1), &request(1), write(), ANSWER);
        sessions.record(LogIndex(2), &request(64), write(), ANSWER);
        assert_eq!(
            sessions.recall(&request(1), write()),
            Recall::Applied(ANSWER)
        );
        sessions.record(LogIndex(3), &request(65), write(), ANSWER);
        let too_old = SessionError::TooOld { lowest: 2 };
        assert_eq!(
            sessions.recall(&request(1), write()),
            Recall::Refused(too_old)
        );
        assert_eq!(sessions.admit(&request(1), write()), Err(too_old));
        assert_eq!(sessions.recall(&request(2), write()), Recall::New);
        assert_eq!(
            sessions.recall(&request(64), write()),
            Recall::Applied(ANSWER)
        );
    }

    #[test]
    fn the_window_agrees_with_a_plain_list_whatever_the_order() {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for round in 0..200 {
            let mut window = Window::default();
            let mut applied = std::collections::BTreeMap::new();
            for step in 0..300u64 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let number = step / 2 + state % 90;
                let highest = applied.last_key_value().map_or(0, |(&n, _)| n);
                let told = number + SESSION_WINDOW > highest;
                match window.recall(number, write()) {
                    Recall::New => {
                        assert!(told && !applied.contains_key(&number), "round {round}");
                        let answer = Bytes::copy_from_slice(&step.to_le_bytes());
                        let digest = write();
                        let answer_of = answer.clone();
                        window.record(
                            number,
                            Done {
                                digest,
                                answer: answer_of,
                            },
                        );
                        applied.insert(number, answer);
                    }
                    Recall::Applied(answer) => assert_eq!(applied.get(&number), Some(&answer)),
                    Recall::Refused(_) => assert!(!told, "round {round}"),
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_number_range_are_numbers_too() {
        let mut sessions = Sessions::default();
        sessions.record(LogIndex(1), &request(0), write(), ANSWER);
        assert_eq!(
            sessions.recall(&request(0), write()),
            Recall::Applied(ANSWER)
        );
        sessions.record(LogIndex(2), &request(u64::MAX), write(), ANSWER);
        assert_eq!(
            sessions.recall(&request(u64::MAX), write()),
            Recall::Applied(ANSWER)
        );
        assert_eq!(
            sessions.recall(&request(u64::MAX - 63), write()),
            Recall::New
        );
        assert!(matches!(
            sessions.recall(&request(0), write()),
            Recall::Refused(_)
        ));
    }

    #[test]
    fn a_forgotten_session_does_not_look_like_a_new_one() {
        let mut sessions = Sessions::with_generations_of(2);
        let early = first_of(session(1, 0));
        sessions.record(LogIndex(1), &early, write(), ANSWER);
        for other in 2..=7u32 {
            let index = LogIndex(u64::from(other));
            let opened_at = u64::from(other) - 1;
            sessions.record(
                index,
                &first_of(session(other.into(), opened_at)),
                write(),
                ANSWER,
            );
        }
        assert!(sessions.len() <= 6);
        let expired = Recall::Refused(SessionError::Expired);
        assert_eq!(sessions.recall(&early, write()), expired);
        assert_eq!(sessions.admit(&early, write()), Err(SessionError::Expired));
        // One that never was, opened as long ago, cannot be told from it.
        assert_eq!(sessions.recall(&first_of(session(99, 0)), write()), expired);
        // One opened now can.
        let late = first_of(session(99, 7));
        assert_eq!(sessions.recall(&late, write()), Recall::New);
        assert_eq!(sessions.admit(&late, write()), Ok(()));
    }

    #[test]
    fn what_is_admitted_is_not_refused_on_application() {
        const GENERATION: u128 = 3;
        let mut sessions = Sessions::with_generations_of(GENERATION as usize);
        let mut pool: Vec<SessionId> = Vec::new();
        let (mut admitted, mut refused) = (0, 0);
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for index in 1..200u64 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // Somebody new every other time, opened a while ago.
            let random = state >> 33;
            if random.is_multiple_of(2) {
                pool.push(session(index.into(), index.saturating_sub(random % 7)));
            }
            let Some(used) = pool.get(random as usize % pool.len().max(1)) else {
                continue;
            };
            if sessions.admit(&first_of(*used), write()).is_ok() {
                sessions.record(LogIndex(index), &first_of(*used), write(), ANSWER);
            }
            // Whoever is admitted now can still be told apart after a generation of others.
            let mut later = sessions.clone();
            for other in 1..=GENERATION {
                let other = session(u128::MAX - other, index);
                later.record(LogIndex(index + 1), &first_of(other), write(), ANSWER);
            }
            for member in &pool {
                let request = first_of(*member);
                match sessions.admit(&request, write()) {
                    Ok(()) => {
                        admitted += 1;
                        let told = !matches!(later.recall(&request, write()), Recall::Refused(_));
                        assert!(told, "at {index}: {request}");
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(admitted > 0 && refused > 0);
    }

    #[test]
    fn a_session_in_use_is_kept() {
        let mut sessions = Sessions::with_generations_of(2);
        let busy = session(1, 0);
        for number in 1..100u32 {
            let index = u64::from(number) * 2;
            let request = RequestId {
                session: busy,
                number: number.into(),
            };
            assert_eq!(sessions.admit(&request, write()), Ok(()), "number {number}");
            sessions.record(LogIndex(index), &request, write(), ANSWER);
            let other = session(u128::from(1000 + number), index);
            sessions.record(LogIndex(index + 1), &first_of(other), write(), ANSWER);
        }
    }
}
