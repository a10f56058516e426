//! Bytes that only a state machine and its clients understand: commands, queries, and what is answered.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::codec::{self, DecodeError};

/// The longest payload, in bytes: a view of a query may be as long as a page of rows.
pub const PAYLOAD_MAX: usize = 5 * 1024 * 1024 + 512 * 1024;

/// Bytes that only a state machine and its clients understand. In between they are carried as they are.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Payload(Bytes);

/// What a state machine says of a command that was applied.
pub type Outcome<A> = Result<A, Unreadable>;

/// The state machine could not read the command. It changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[error(
    "the state machine could not read the command, and it changed nothing: it is of another version"
)]
pub struct Unreadable;

impl Payload {
    /// The one encoding of `value`.
    ///
    /// # Panics
    /// If the type has no postcard encoding at all (a sequence of unknown length): a mistake in the type,
    /// never in a value.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self(codec::encode_onto(value, Vec::new()).into())
    }

    /// Reads the bytes as the one encoding of a value.
    ///
    /// # Errors
    /// If they are none.
    pub fn read<T: Serialize + DeserializeOwned>(&self) -> Result<T, DecodeError> {
        codec::decode(&self.0, PAYLOAD_MAX)
    }

    /// The bytes as they are.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Payload> for Bytes {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// For people (`--json`) as hex digits.
impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return to.serialize_bytes(&self.0);
        }
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        to.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Measured;

        impl Visitor<'_> for Measured {
            type Value = Payload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {PAYLOAD_MAX} bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Payload, E> {
                match bytes.len() <= PAYLOAD_MAX {
                    true => Ok(Payload(Bytes::copy_from_slice(bytes))),
                    false => Err(E::invalid_length(bytes.len(), &self)),
                }
            }

            fn visit_str<E: serde::de::Error>(self, hex: &str) -> Result<Payload, E> {
                let digits = hex.as_bytes().chunks(2);
                let byte = |pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
                let bytes: Option<Vec<u8>> = digits.map(byte).collect();
                let bytes = bytes.filter(|_| hex.len().is_multiple_of(2));
                self.visit_bytes(&bytes.ok_or_else(|| E::custom("not hex digits"))?)
            }
        }

        match from.is_human_readable() {
            true => from.deserialize_str(Measured),
            false => from.deserialize_bytes(Measured),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_read_again_and_nothing_else() {
        let payload = Payload::of(&(7_u64, "seven"));
        assert_eq!(payload.read(), Ok((7_u64, "seven".to_owned())));
        assert!(payload.read::<u64>().is_err(), "bytes are left over");
        let said: Outcome<u8> = Err(Unreadable);
        assert_eq!(Payload::of(&said).read(), Ok(said));
    }

    #[test]
    fn people_see_hex() {
        let payload = Payload::from(Bytes::from_static(&[0xff, 0x01]));
        let text = serde_json::to_string(&payload).unwrap();
        assert_eq!(text, "\"ff01\"");
        assert_eq!(serde_json::from_str::<Payload>(&text).unwrap(), payload);
        assert!(serde_json::from_str::<Payload>("\"ff0\"").is_err());
    }
}
