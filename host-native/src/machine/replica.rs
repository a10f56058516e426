//! A state machine behind the sessions of its clients, and how a node sees it.

use std::io::{self, Read, Write};

use bytes::Bytes;
use kraft_proto::ids::LogPosition;
use kraft_wire::api::RequestRefusal;
use kraft_wire::codec;
use kraft_wire::command::{AnsweredBy, COMMAND_MAX, Command, RequestId, WriteDigest};
use kraft_wire::payload::{Payload, Unreadable};
use ring::digest::{Context, Digest, SHA256};

use super::moment::{self, AtRest, Moment};
use super::{Size, StateMachine};
use crate::address_book::{AddressBook, BookEntry};
use crate::sessions::{Recall, SessionError, Sessions};

/// A state machine behind client sessions: each request is applied at most once.
#[derive(Clone, Debug, Default)]
pub struct Replicated<M> {
    machine: M,
    sessions: Sessions,
    book: AddressBook,
    applied: LogPosition,
}

/// What became of a command when its entry was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was applied now, and this was said: an [`Outcome`](kraft_wire::payload::Outcome).
    Now(Payload),
    /// An earlier entry of the same request was applied, and this was said.
    Before(Payload),
    /// It changed nothing: whether an earlier entry of it did, cannot be told.
    Refused(SessionError),
    /// It was none for the machine: nodes have said something to each other.
    OfNodes,
    /// It changed nothing: its bytes are no command.
    Malformed,
}

impl Applied {
    /// What the machine said, where it did.
    pub fn outcome(&self) -> Option<&Payload> {
        match self {
            Self::Now(said) | Self::Before(said) => Some(said),
            Self::Refused(_) | Self::OfNodes | Self::Malformed => None,
        }
    }
}

impl<M: StateMachine> Replicated<M> {
    /// Puts sessions before `machine`, which has seen no command yet.
    pub fn new(machine: M) -> Self {
        Self {
            machine,
            sessions: Sessions::default(),
            book: AddressBook::default(),
            applied: LogPosition::ZERO,
        }
    }

    /// What reads an image of such a replica back.
    pub fn loader_of() -> Loader {
        |from, applied| Ok(Box::new(Self::load(from, applied)?))
    }

    /// The machine, to read from.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        self.sessions.save(to)?;
        self.book.save(to)?;
        self.machine.save(to)
    }

    fn load(from: &mut dyn Read, applied: LogPosition) -> io::Result<Self> {
        let sessions = Sessions::load(from)?;
        let book = AddressBook::load(from)?;
        Ok(Self {
            machine: M::load(from)?,
            sessions,
            book,
            applied,
        })
    }

    /// Applies an operation. Bytes that are none change nothing, on every node.
    fn carry_out(&mut self, position: LogPosition, operation: &[u8]) -> Payload {
        let said = match codec::decode(operation, COMMAND_MAX) {
            Ok(command) => Ok(self.machine.apply(position, command)),
            Err(_) => Err(Unreadable),
        };
        Payload::of(&said)
    }
}

/// What a node wants to know of a command before it is proposed.
pub struct Look<'a> {
    /// The keys it touches.
    pub keys: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
    /// Who knows the answer.
    pub answered_by: AnsweredBy,
}

/// A replica as a node sees it: of a machine whose words it does not know.
pub trait Replica: Send {
    /// Applies the payload of the command entry at `position`.
    ///
    /// # Panics
    /// If `position` does not follow [`Replica::applied`]: an entry was left out or came twice.
    fn apply(&mut self, position: LogPosition, payload: &[u8]) -> Applied;

    /// Steps over the entry at `position`, which is no command: a no-op, or a configuration.
    ///
    /// # Panics
    /// If `position` does not follow [`Replica::applied`].
    fn pass(&mut self, position: LogPosition);

    /// The last entry applied.
    fn applied(&self) -> LogPosition;

    /// Whether a leader may write an entry for `request` with this write; see [`Sessions::admit`].
    ///
    /// # Errors
    /// When it was used for another write, or that cannot be told any more.
    fn admit(&self, request: &RequestId, digest: WriteDigest) -> Result<(), SessionError>;

    /// Reads an operation and shows it to `at`, if it may enter the log.
    ///
    /// # Errors
    /// Why it may not; then `at` is not called.
    fn look(&self, operation: &Payload, at: &mut dyn FnMut(Look<'_>))
    -> Result<(), RequestRefusal>;

    /// Answers a query.
    ///
    /// # Errors
    /// Why it is refused.
    fn query(&self, query: &Payload) -> Result<Payload, RequestRefusal>;

    /// Bytes that the view of a query has at most by now.
    fn view_bytes_max(&self, query: &Payload) -> usize;

    /// The machine at this moment, to be asked while others are applied.
    fn moment(&self) -> Box<dyn Moment>;

    /// Where members are, as the log has it.
    fn book(&self) -> &AddressBook;

    /// How large the machine is.
    fn size(&self) -> Size;

    /// How many sessions are remembered.
    fn sessions(&self) -> u64;

    /// The state at this moment, to be written while others are applied.
    fn image(&self) -> Image;

    /// What reads such an image back, as a replica of the same kind of machine.
    fn loader(&self) -> Loader;

    /// The machine as it is, in another cluster where this is the last entry applied: without its sessions, and without
    /// whereabouts.
    fn begin_anew(&self, applied: LogPosition) -> Box<dyn Replica>;
}

/// Writes a replica as it was at one moment.
pub type Image = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// SHA-256 over what an image writes, sessions included. Equal on nodes that applied the same entries.
///
/// # Errors
/// When the machine cannot save its state.
pub fn digest_of(image: Image) -> io::Result<Digest> {
    let mut digest = Hashed(Context::new(&SHA256));
    image(&mut digest)?;
    Ok(digest.0.finish())
}

/// Reads an [`Image`] back: the replica after the entry at a position.
pub type Loader = fn(&mut dyn Read, LogPosition) -> io::Result<Box<dyn Replica>>;

impl<M: StateMachine> Replica for Replicated<M> {
    fn apply(&mut self, position: LogPosition, payload: &[u8]) -> Applied {
        self.pass(position);
        if let Some(entry) = BookEntry::decode(payload) {
            self.book.apply(entry);
            return Applied::OfNodes;
        }
        let Ok(command) = Command::decode(payload) else {
            return Applied::Malformed;
        };
        let (request, digest) = (command.request, command.write_digest());
        match self.sessions.recall(&request, digest) {
            Recall::New => {
                let said = self.carry_out(position, command.operation);
                let answer = Bytes::from(said.clone());
                self.sessions
                    .record(position.index, &request, digest, answer);
                Applied::Now(said)
            }
            Recall::Applied(answer) => {
                self.sessions.renew(position.index, &request.session);
                Applied::Before(answer.into())
            }
            Recall::Refused(why) => Applied::Refused(why),
        }
    }

    fn pass(&mut self, position: LogPosition) {
        assert!(
            position.index == self.applied.index.next() && position.term >= self.applied.term,
            "entry {position} cannot be applied after {}",
            self.applied
        );
        self.applied = position;
    }

    fn applied(&self) -> LogPosition {
        self.applied
    }

    fn admit(&self, request: &RequestId, digest: WriteDigest) -> Result<(), SessionError> {
        self.sessions.admit(request, digest)
    }

    fn look(
        &self,
        operation: &Payload,
        at: &mut dyn FnMut(Look<'_>),
    ) -> Result<(), RequestRefusal> {
        let command = moment::read::<M::Command>(operation, "command")?;
        M::check(&command)?;
        at(Look {
            keys: M::keys(&command),
            answered_by: M::answered_by(&command),
        });
        Ok(())
    }

    fn query(&self, query: &Payload) -> Result<Payload, RequestRefusal> {
        moment::ask(&self.machine, query)
    }

    fn view_bytes_max(&self, query: &Payload) -> usize {
        moment::view_bytes_max(&self.machine, query)
    }

    fn moment(&self) -> Box<dyn Moment> {
        Box::new(AtRest(self.machine.clone()))
    }

    fn book(&self) -> &AddressBook {
        &self.book
    }

    fn size(&self) -> Size {
        self.machine.size()
    }

    fn sessions(&self) -> u64 {
        self.sessions.len() as u64
    }

    fn image(&self) -> Image {
        let then = self.clone();
        Box::new(move |to| then.save(to))
    }

    fn loader(&self) -> Loader {
        Self::loader_of()
    }

    fn begin_anew(&self, applied: LogPosition) -> Box<dyn Replica> {
        Box::new(Self {
            applied,
            ..Self::new(self.machine.clone())
        })
    }
}

/// Takes a state to hash it.
struct Hashed(Context);

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::ids::{LogIndex, Term};
    use kraft_wire::command::{Operation, SessionId};
    use kraft_wire::key_value::{Key, KeyValue, Value};
    use kraft_wire::payload::Outcome;
    use kraft_wire::rows::Effect;
    use kraft_wire::txn::{Found, Mismatch, Txn};

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
        let operation = operation.encode().unwrap();
        Command::encode(&RequestId { session, number }, &operation).unwrap()
    }

    fn said(effect: Effect) -> Payload {
        Payload::of(&Outcome::Ok(effect))
    }

    fn digest(replica: &Replicated<Kv>) -> Vec<u8> {
        digest_of(replica.image()).unwrap().as_ref().to_vec()
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
        assert_eq!(answer, Applied::Now(said(Effect::Swapped)));
        replica.apply(at(2), &command(2, &put("k", "another")));
        // The same compare-and-set would now fail; its retry hears that it succeeded, and does
        // not undo what came after.
        let again = replica.apply(at(3), &first);
        assert_eq!(again, Applied::Before(said(Effect::Swapped)));
        assert_eq!(replica.machine().get(b"k").unwrap().as_bytes(), b"another");
    }

    #[test]
    fn a_transaction_is_applied_once_and_its_retry_hears_what_was_found() {
        let mut replica = Replicated::new(Kv::default());
        let txn = Txn::new().absent("k").and_then(|txn| txn.put("k", "mine"));
        let txn = Operation::Txn(txn.unwrap());
        let done = Applied::Now(said(Effect::Swapped));
        assert_eq!(replica.apply(at(1), &command(1, &txn)), done);
        let found = Found::of(&Value::try_from("mine").unwrap());
        let mismatch = said(Effect::Mismatch(Mismatch {
            at: 0,
            found: Some(found),
        }));
        let second = command(2, &txn);
        let refused = replica.apply(at(2), &second);
        assert_eq!(refused, Applied::Now(mismatch.clone()));
        replica.apply(at(3), &command(3, &put("k", "another")));
        let again = replica.apply(at(4), &second);
        assert_eq!(again, Applied::Before(mismatch));
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
        let before = digest(&replica);
        for (index, bytes) in [&b""[..], b"\0", b"\x01\xff\xff\xff", &[9; 64]]
            .into_iter()
            .enumerate()
        {
            let applied = replica.apply(at(index as u64 + 1), bytes);
            assert!(matches!(applied, Applied::Malformed), "{bytes:?}");
        }
        assert_eq!(digest(&replica), before);
        assert_eq!(replica.applied(), at(4));
    }

    #[test]
    fn a_request_of_an_unreadable_operation_is_answered_as_such() {
        let mut replica = Replicated::new(Kv::default());
        let mut bytes = command(1, &put("k", "v")).to_vec();
        *bytes.last_mut().unwrap() = 0xff;
        bytes.push(0);
        let applied = replica.apply(at(1), &bytes);
        assert_eq!(
            applied,
            Applied::Now(Payload::of(&Outcome::<Effect>::Err(Unreadable)))
        );
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
        assert_eq!(digest(&one), digest(&other));
        other.apply(at(100), &command(100, &put("key1", "differs")));
        assert_ne!(digest(&one), digest(&other));
    }

    #[test]
    fn an_image_reads_back_and_knows_its_retries() {
        let mut replica = Replicated::new(Kv::default());
        let first = command(1, &cas("k", None, "mine"));
        replica.apply(at(1), &first);
        for number in 2..70 {
            replica.apply(
                at(number),
                &command(number, &put(&format!("key{number}"), "v")),
            );
        }
        let image = replica.image();
        replica.apply(at(70), &command(70, &put("later", "not in it")));
        let mut saved = Vec::new();
        image(&mut saved).unwrap();
        let loaded = (replica.loader())(&mut saved.as_slice(), at(69)).unwrap();
        assert_eq!(loaded.applied(), at(69));
        let mut same = (replica.loader())(&mut saved.as_slice(), at(69)).unwrap();
        let last = command(69, &put("key69", "v"));
        assert!(matches!(same.apply(at(70), &last), Applied::Before(_)));
        assert_eq!(same.size(), loaded.size());
        for short in (0..saved.len()).step_by(97) {
            assert!((replica.loader())(&mut &saved[..short], at(69)).is_err());
        }
    }

    #[test]
    #[should_panic(expected = "cannot be applied after")]
    fn an_entry_left_out_is_noticed() {
        Replicated::new(Kv::default()).pass(at(2));
    }
}
