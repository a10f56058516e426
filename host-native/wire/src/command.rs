//! A replicated command: who asked, under which number, and what is to be done.
//!
//! ```text
//! ┌────────┬─────────────────────────────┬──────────────────────────────────────┐
//! │ format │ request: session and number │ operation: the state machine's bytes │
//! └────────┴─────────────────────────────┴──────────────────────────────────────┘
//! ```

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use kraft_proto::ids::LogIndex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::{self, DecodeError};
pub use crate::key_value::KEYS_PER_WRITE_MAX;
use crate::key_value::{KEY_MAX, Key, KeyValue, Measure, Unfit, VALUE_MAX, Value};
use crate::payload::Payload;
use crate::txn::{Change, Txn};

/// Keys that one deletion by prefix removes at most: others wait for an entry while it is applied.
pub const REMOVED_MAX: usize = 10_000;

/// The longest command as it stands in the log, in bytes, its checksum not counted.
pub const COMMAND_MAX: usize = 4 * 1024 * 1024;

/// The version of the layout above, the first byte of every command.
const FORMAT: u8 = 1;

/// Bytes of a command beside its keys and values, at most: format, session, number, kind, count.
const COMMAND_EXTRA: usize = 64;

/// Bytes of the length before a key or a value, at most.
const STRING_EXTRA: usize = 3;

const _: () =
    assert!(COMMAND_EXTRA + 3 * (STRING_EXTRA + 1) + KEY_MAX + 2 * VALUE_MAX <= COMMAND_MAX);
const _: () = assert!(VALUE_MAX < 1 << (7 * STRING_EXTRA));

/// Numbers of a session that are told apart, counted down from the highest applied.
pub const SESSION_WINDOW: u64 = 64;

/// A client's session: requests of one session are told apart by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId {
    /// Drawn at random by the client.
    #[serde(with = "as_hex")]
    pub id: u128,
    /// A log index some node had already applied when the session was opened, before its first
    /// request was sent. Sessions are forgotten when many others were used since; one opened
    /// later than that is known to be new, and needs no entry of its own in the log. 0 serves until
    /// a node answers that the session is expired, and says which index serves now.
    pub opened_at: LogIndex,
}

/// One request of a session. Sent again under the same id, it is applied at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Whose.
    pub session: SessionId,
    /// Which. A client uses its numbers upwards, and never leaves 64 or more between the lowest it
    /// is still waiting for and the highest it has used.
    pub number: u64,
}

/// What a command does to the key-value store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Store all of these, as one.
    Put {
        /// What to store; of a key named twice the last value stands.
        #[serde(deserialize_with = "codec::bounded_list::<_, _, KEYS_PER_WRITE_MAX>")]
        pairs: Vec<KeyValue>,
    },
    /// Remove all of these, as one. A key that is not there is no error.
    Delete {
        /// What to remove.
        #[serde(deserialize_with = "codec::bounded_list::<_, _, KEYS_PER_WRITE_MAX>")]
        keys: Vec<Key>,
    },
    /// Compare and set: only if the key holds what is expected. Logs hold it; clients of today send a [`Txn`], whose answer
    /// says more.
    Cas {
        /// Which key.
        key: Key,
        /// What it must hold; `None`: it must not exist.
        expected: Option<Value>,
        /// What it shall hold; `None`: it shall not exist.
        new: Option<Value>,
    },
    /// Compare several keys, then change several. Says what it found instead.
    Txn(Txn),
    /// Remove the first [`REMOVED_MAX`] keys that begin so. Says how many there were. It is in the zone of the prefix, as if
    /// that were a key.
    DeletePrefix {
        /// How they begin.
        prefix: Key,
    },
}

/// Who knows the answer to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnsweredBy {
    /// The log: that it is held is all there is to say, before it is applied.
    Log,
    /// The state machine: it is answered when applied, and proposed at least at Sync·Commit.
    Machine,
}

impl Operation {
    /// Refuses what would not be written: no keys, or too many, or more bytes than one command
    /// holds.
    pub fn check(&self) -> Result<(), Unfit> {
        let (count, bytes) = match self {
            Self::Put { pairs } => {
                let pair = |pair: &KeyValue| {
                    STRING_EXTRA + pair.key.len() + STRING_EXTRA + pair.value.len()
                };
                (pairs.len(), pairs.iter().map(pair).sum())
            }
            Self::Delete { keys } => {
                let key = |key: &Key| STRING_EXTRA + key.len();
                (keys.len(), keys.iter().map(key).sum())
            }
            // A key and two values always fit.
            Self::Cas { .. } => (1, 0),
            Self::DeletePrefix { .. } => (1, 0),
            Self::Txn(txn) if txn.then.is_empty() => (0, 0),
            Self::Txn(txn) => {
                let value = |value: &Value| STRING_EXTRA + value.len();
                let compare = txn.compare.iter().map(|compare| {
                    let holds = compare.holds.as_ref().map_or(0, value);
                    1 + STRING_EXTRA + compare.key.len() + holds
                });
                let then = txn.then.iter().map(|change| {
                    let put = match change {
                        Change::Put(pair) => value(&pair.value),
                        Change::Delete(_) => 0,
                    };
                    1 + STRING_EXTRA + change.key().len() + put
                });
                let bytes = compare.chain(then).sum();
                (txn.compare.len() + txn.then.len(), bytes)
            }
        };
        if count == 0 {
            return Err(Unfit::NoKeys);
        }
        Measure::Keys.check(count, KEYS_PER_WRITE_MAX)?;
        Measure::Command.check(COMMAND_EXTRA + bytes, COMMAND_MAX)
    }

    /// The keys it changes: its zone is the strongest of theirs.
    pub fn keys(&self) -> Box<dyn Iterator<Item = &Key> + '_> {
        match self {
            Self::Put { pairs } => Box::new(pairs.iter().map(|pair| &pair.key)),
            Self::Delete { keys } => Box::new(keys.iter()),
            Self::Cas { key, .. } | Self::DeletePrefix { prefix: key } => {
                Box::new(std::iter::once(key))
            }
            Self::Txn(txn) => Box::new(txn.then.iter().map(Change::key)),
        }
    }

    /// Who knows the answer.
    pub const fn answered_by(&self) -> AnsweredBy {
        match self {
            Self::Put { .. } | Self::Delete { .. } => AnsweredBy::Log,
            Self::Cas { .. } | Self::Txn(_) | Self::DeletePrefix { .. } => AnsweredBy::Machine,
        }
    }

    /// Reads the operation of a command.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, COMMAND_MAX)
    }

    /// Its bytes, if it would be written.
    ///
    /// # Errors
    /// As [`Operation::check`].
    pub fn encode(&self) -> Result<Payload, Unfit> {
        self.check()?;
        Ok(Payload::of(self))
    }
}

/// A command as it stands in the log, its operation not yet looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// Who asked, under which number.
    pub request: RequestId,
    /// The state machine's bytes.
    pub operation: &'a [u8],
}

impl<'a> Command<'a> {
    /// The log's bytes for `operation`, asked as `request`. Refused where it does not fit, and then
    /// nothing was written.
    pub fn encode(request: &RequestId, operation: &Payload) -> Result<Bytes, Unfit> {
        let operation = operation.as_bytes();
        let mut bytes = Vec::with_capacity(COMMAND_EXTRA + operation.len());
        bytes.push(FORMAT);
        let mut bytes = codec::encode_onto(request, bytes);
        bytes.extend_from_slice(operation);
        Measure::Command.check(bytes.len(), COMMAND_MAX)?;
        Ok(bytes.into())
    }

    /// Reads a command from the log. The operation is read by the state machine.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((&FORMAT, rest)) => {
                let (request, operation) = codec::decode_front(rest)?;
                Ok(Self { request, operation })
            }
            _ => Err(DecodeError::Malformed),
        }
    }
}

impl Command<'_> {
    /// What tells its write from others under the same number.
    pub fn write_digest(&self) -> WriteDigest {
        WriteDigest::of(self.operation)
    }
}

/// What a session remembers of each write beside its answer: the same on every node and in every version, as it is a
/// function of the operation's bytes in the log. Its length and its CRC-32C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteDigest(u64);

impl WriteDigest {
    /// The digest of an operation's bytes.
    pub fn of(operation: &[u8]) -> Self {
        let (length, sum) = (operation.len() as u64, crc32c::crc32c(operation));
        Self(length << u32::BITS | u64::from(sum))
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// The digest that has these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }
}

impl SessionId {
    /// A new session, opened when index `opened_at` was known to be applied.
    pub fn random(opened_at: LogIndex) -> Self {
        let id = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new())
            .expect("the operating system gives random numbers")
            .expose();
        Self {
            id: u128::from_le_bytes(id),
            opened_at,
        }
    }
}

/// `session-opened-number`: one word for a shell, read back by [`FromStr`].
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, number } = self;
        write!(f, "{:032x}-{}-{number}", session.id, session.opened_at)
    }
}

/// The word is no request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a request id: copy it as it was printed, <32 hex digits>-<index>-<number>")]
pub struct NoRequestId;

impl FromStr for RequestId {
    type Err = NoRequestId;

    fn from_str(word: &str) -> Result<Self, NoRequestId> {
        let mut parts = word.split('-');
        let (Some(id), Some(opened_at), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoRequestId);
        };
        Ok(Self {
            session: SessionId {
                id: as_hex::parse(id).ok_or(NoRequestId)?,
                opened_at: LogIndex(opened_at.parse().map_err(|_| NoRequestId)?),
            },
            number: number.parse().map_err(|_| NoRequestId)?,
        })
    }
}

/// 128 bits as 32 hex digits where people read: JSON numbers do not hold them.
mod as_hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn parse(word: &str) -> Option<u128> {
        let digits = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return None;
        }
        u128::from_str_radix(word, 16).ok()
    }

    pub fn serialize<S: Serializer>(id: &u128, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(&format_args!("{id:032x}"))
        } else {
            id.serialize(to)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        if from.is_human_readable() {
            let word = String::deserialize(from)?;
            parse(&word).ok_or_else(|| D::Error::custom("not 32 hex digits"))
        } else {
            u128::deserialize(from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RequestId {
        RequestId {
            session: SessionId {
                id: 0x1234_5678_9abc_def0,
                opened_at: LogIndex(7),
            },
            number: 42,
        }
    }

    fn pair(key: &str, value: &[u8]) -> KeyValue {
        KeyValue {
            key: Key::try_from(key).unwrap(),
            value: Value::try_from(value).unwrap(),
        }
    }

    #[test]
    fn a_command_reads_back_as_it_was_written() {
        let operation = Operation::Put {
            pairs: vec![pair("a", b"1"), pair("b", b"")],
        };
        let payload = operation.encode().unwrap();
        let bytes = Command::encode(&request(), &payload).unwrap();
        let command = Command::decode(&bytes).unwrap();
        assert_eq!(command.request, request());
        assert_eq!(command.operation, payload.as_bytes());
        assert_eq!(payload.read(), Ok(operation));
    }

    #[test]
    fn a_write_without_keys_or_with_too_many_is_refused() {
        let none = Operation::Put { pairs: Vec::new() };
        assert_eq!(none.encode(), Err(Unfit::NoKeys));
        let many = Operation::Delete {
            keys: vec![Key::try_from("k").unwrap(); KEYS_PER_WRITE_MAX + 1],
        };
        assert!(matches!(
            many.encode(),
            Err(Unfit::TooLarge {
                what: Measure::Keys,
                ..
            })
        ));
        let many = codec::encode_onto(&many, Vec::new());
        assert_eq!(Operation::decode(&many), Err(DecodeError::Malformed));
    }

    #[test]
    fn the_largest_pair_fits_and_four_of_them_do_not() {
        let largest = KeyValue {
            key: Key::new(vec![b'k'; KEY_MAX]).unwrap(),
            value: Value::new(vec![0; VALUE_MAX]).unwrap(),
        };
        let one = Operation::Put {
            pairs: vec![largest.clone()],
        };
        assert!(Command::encode(&request(), &one.encode().unwrap()).is_ok());
        let four = Operation::Put {
            pairs: vec![largest; 4],
        };
        assert!(matches!(
            four.encode(),
            Err(Unfit::TooLarge {
                what: Measure::Command,
                ..
            })
        ));
    }

    #[test]
    fn a_command_is_measured_whatever_it_is() {
        let long = Payload::from(Bytes::from(vec![0; COMMAND_MAX]));
        assert!(Command::encode(&request(), &long).is_err());
    }

    #[test]
    fn a_command_of_another_format_is_refused() {
        let operation = Operation::Delete {
            keys: vec![Key::try_from("k").unwrap()],
        };
        let payload = operation.encode().unwrap();
        let mut bytes = Command::encode(&request(), &payload).unwrap().to_vec();
        bytes[0] = FORMAT + 1;
        assert_eq!(Command::decode(&bytes), Err(DecodeError::Malformed));
        assert_eq!(Command::decode(&[]), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_request_id_can_be_printed_and_typed() {
        let word = request().to_string();
        assert_eq!(word, "0000000000000000123456789abcdef0-7-42");
        assert_eq!(word.parse(), Ok(request()));
        for wrong in ["", "12-7-42", &word[1..], &format!("{word}-1"), "é-1-2"] {
            assert_eq!(wrong.parse::<RequestId>(), Err(NoRequestId), "{wrong}");
        }
        let json = serde_json::to_string(&request()).unwrap();
        assert_eq!(serde_json::from_str::<RequestId>(&json).unwrap(), request());
    }
}
