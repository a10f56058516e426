//! What the log is applied to.

use bytes::Bytes;
use kraft_proto::ids::LogPosition;
use kraft_wire::command::{Command, RequestId, WriteDigest};
use ring::digest::{Context, Digest, SHA256};

use crate::sessions::{Recall, SessionError, Sessions};

/// A deterministic machine that committed commands are applied to, in log order, on every node.
///
/// Two machines that were given the same commands must hold the same state and have given the same
/// answers: no clock, no randomness, no iteration over unordered maps. The state must be a function
/// of those commands alone, so that a copy of it can stand in for them.
pub trait StateMachine {
    /// Applies `operation`, which stands at `position`, and answers.
    ///
    /// Any bytes may come: what cannot be read changes nothing and is answered as such, never with a
    /// panic, which would stop every node at the same entry. Keep answers short: the last 64 of each
    /// session are remembered.
    fn apply(&mut self, position: LogPosition, operation: &[u8]) -> Bytes;

    /// Adds the whole state to a digest, in an order that does not depend on the node.
    fn digest(&self, to: &mut Context);
}

/// A state machine behind client sessions: each request is applied at most once.
#[derive(Clone, Debug, Default)]
pub struct Replicated<M> {
    machine: M,
    sessions: Sessions,
    applied: LogPosition,
}

/// What became of a command when its entry was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was applied now, with this answer.
    Now(Bytes),
    /// An earlier entry of the same request was applied, with this answer.
    Before(Bytes),
    /// It changed nothing: whether an earlier entry of it did, cannot be told.
    Refused(SessionError),
    /// It changed nothing: its bytes are no command.
    Malformed,
}

impl Applied {
    /// The machine's answer, where there is one.
    pub fn answer(&self) -> Option<&Bytes> {
        match self {
            Self::Now(answer) | Self::Before(answer) => Some(answer),
            Self::Refused(_) | Self::Malformed => None,
        }
    }
}

impl<M: StateMachine> Replicated<M> {
    /// Puts sessions before `machine`, which has seen no command yet.
    pub fn new(machine: M) -> Self {
        Self {
            machine,
            sessions: Sessions::default(),
            applied: LogPosition::ZERO,
        }
    }

    /// Applies the payload of the command entry at `position`.
    ///
    /// # Panics
    /// If `position` does not follow [`Replicated::applied`]: an entry was left out or came twice.
    pub fn apply(&mut self, position: LogPosition, payload: &[u8]) -> Applied {
        self.pass(position);
        let Ok(command) = Command::decode(payload) else {
            return Applied::Malformed;
        };
        let (request, digest) = (command.request, command.write_digest());
        match self.sessions.recall(&request, digest) {
            Recall::New => {
                let answer = self.machine.apply(position, command.operation);
                self.sessions
                    .record(position.index, &request, digest, answer.clone());
                Applied::Now(answer)
            }
            Recall::Applied(answer) => {
                self.sessions.renew(position.index, &request.session);
                Applied::Before(answer)
            }
            Recall::Refused(why) => Applied::Refused(why),
        }
    }

    /// Steps over the entry at `position`, which is no command: a barrier, or a configuration.
    ///
    /// # Panics
    /// If `position` does not follow [`Replicated::applied`].
    pub fn pass(&mut self, position: LogPosition) {
        assert!(
            position.index == self.applied.index.next() && position.term >= self.applied.term,
            "entry {position} cannot be applied after {}",
            self.applied
        );
        self.applied = position;
    }

    /// Whether a leader may write an entry for `request` with this write; see [`Sessions::admit`].
    pub fn admit(&self, request: &RequestId, digest: WriteDigest) -> Result<(), SessionError> {
        self.sessions.admit(request, digest)
    }

    /// The last entry applied.
    pub fn applied(&self) -> LogPosition {
        self.applied
    }

    /// The machine, to read from.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The sessions that are remembered.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// SHA-256 over the state, sessions included. Equal on nodes that applied the same entries.
    pub fn digest(&self) -> Digest {
        let mut digest = Context::new(&SHA256);
        self.machine.digest(&mut digest);
        self.sessions.digest(&mut digest);
        digest.finish()
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::ids::{LogIndex, Term};
    use kraft_wire::command::{Operation, SessionId};
    use kraft_wire::key_value::{Key, KeyValue, Value};
    use kraft_wire::rows::Effect;

    use super::*;
    use crate::kv::Kv;

    fn at(index: u64) -> LogPosition {
        LogPosition::new(Term(1), LogIndex(index))
    }

    fn command(number: u64, operation: &Operation) -> Bytes {
        let session = SessionId {
            id: 7,
            opened_at: LogIndex::ZERO,
        };
        Command::encode(&RequestId { session, number }, operation).unwrap()
    }

    fn put(key: &str, value: &str) -> Operation {
        Operation::Put {
            pairs: vec![KeyValue {
                key: Key::try_from(key).unwrap(),
                value: Value::try_from(value).unwrap(),
            }],
        }
    }

    fn cas(key: &str, expected: Option<&str>, new: &str) -> Operation {
        Operation::Cas {
            key: Key::try_from(key).unwrap(),
            expected: expected.map(|value| Value::try_from(value).unwrap()),
            new: Some(Value::try_from(new).unwrap()),
        }
    }

    #[test]
    fn a_retry_is_applied_once_and_gets_its_first_answer() {
        let mut replica = Replicated::new(Kv::default());
        let first = command(1, &cas("k", None, "mine"));
        let answer = replica.apply(at(1), &first);
        assert_eq!(answer, Applied::Now(Effect::Swapped.to_bytes()));
        replica.apply(at(2), &command(2, &put("k", "another")));
        // The same compare-and-set would now fail; its retry hears that it succeeded, and does
        // not undo what came after.
        let again = replica.apply(at(3), &first);
        assert_eq!(again, Applied::Before(Effect::Swapped.to_bytes()));
        assert_eq!(replica.machine().get(b"k").unwrap().as_bytes(), b"another");
    }

    #[test]
    fn another_write_under_the_number_of_an_earlier_one_changes_nothing() {
        let mut replica = Replicated::new(Kv::default());
        replica.apply(at(1), &command(1, &put("k", "mine")));
        let other = replica.apply(at(2), &command(1, &put("k", "yours")));
        assert_eq!(other, Applied::Refused(SessionError::AnotherWrite));
        assert_eq!(replica.machine().get(b"k").unwrap().as_bytes(), b"mine");
    }

    #[test]
    fn a_retry_of_a_lost_request_is_applied_although_a_later_one_was() {
        let mut replica = Replicated::new(Kv::default());
        replica.apply(at(1), &command(6, &put("six", "6")));
        let retried = replica.apply(at(2), &command(5, &put("five", "5")));
        assert!(matches!(retried, Applied::Now(_)));
        assert_eq!(replica.machine().get(b"five").unwrap().as_bytes(), b"5");
    }

    #[test]
    fn bytes_that_are_no_command_change_nothing() {
        let mut replica = Replicated::new(Kv::default());
        let digest = replica.digest();
        for (index, bytes) in [&b""[..], b"\0", b"\x01\xff\xff\xff", &[9; 64]]
            .into_iter()
            .enumerate()
        {
            let applied = replica.apply(at(index as u64 + 1), bytes);
            assert!(matches!(applied, Applied::Malformed), "{bytes:?}");
        }
        assert_eq!(replica.digest().as_ref(), digest.as_ref());
        assert_eq!(replica.applied(), at(4));
    }

    #[test]
    fn a_request_of_an_unreadable_operation_is_answered_as_such() {
        let mut replica = Replicated::new(Kv::default());
        let mut bytes = command(1, &put("k", "v")).to_vec();
        *bytes.last_mut().unwrap() = 0xff;
        bytes.push(0);
        let applied = replica.apply(at(1), &bytes);
        assert_eq!(applied, Applied::Now(Effect::Malformed.to_bytes()));
        assert_eq!(replica.machine().entries(), 0);
    }

    #[test]
    fn replicas_of_the_same_log_have_the_same_digest() {
        let mut one = Replicated::new(Kv::default());
        let mut other = Replicated::new(Kv::default());
        for index in 1..100 {
            let bytes = command(index, &put(&format!("key{}", index % 17), "value"));
            one.apply(at(index), &bytes);
            other.apply(at(index), &bytes);
        }
        assert_eq!(one.digest().as_ref(), other.digest().as_ref());
        other.apply(at(100), &command(100, &put("key1", "differs")));
        assert_ne!(one.digest().as_ref(), other.digest().as_ref());
    }

    #[test]
    #[should_panic(expected = "cannot be applied after")]
    fn an_entry_left_out_is_noticed() {
        Replicated::new(Kv::default()).pass(at(2));
    }
}
