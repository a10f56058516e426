//! Keys and values: bytes that were measured once, where they came in.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The longest key, in bytes.
pub const KEY_MAX: usize = 4 * 1024;

/// The longest value, in bytes.
pub const VALUE_MAX: usize = 1024 * 1024;

/// Keys one write names at most.
pub const KEYS_PER_WRITE_MAX: usize = 1024;

/// Why a write does not fit. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// A key without a single byte.
    #[error("a key is empty: give it at least one byte")]
    EmptyKey,
    /// A write that names no key.
    #[error("no key is named: a write needs at least one")]
    NoKeys,
    /// Something is longer than it may be.
    #[error("{what} of {size}, where at most {limit} fit: split it or shorten it")]
    TooLarge {
        /// What is too long.
        what: Measure,
        /// How long it is.
        size: u64,
        /// How long it may be.
        limit: u64,
    },
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A key, in bytes.
    Key,
    /// A value, in bytes.
    Value,
    /// The keys of one write, counted.
    Keys,
    /// One write as it stands in the log, in bytes.
    Command,
    /// Rows asked of one scan, counted.
    Rows,
    /// The keys of one read, counted.
    KeysRead,
    /// The values of one read, in bytes.
    ValuesRead,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "a key in bytes",
            Self::Value => "a value in bytes",
            Self::Keys => "a number of keys in one write",
            Self::Command => "one write in bytes",
            Self::Rows => "a number of rows in one scan",
            Self::KeysRead => "a number of keys in one read",
            Self::ValuesRead => "the values of one read in bytes",
        })
    }
}

impl Measure {
    /// Refuses `size` where it is beyond `limit`.
    pub fn check(self, size: usize, limit: usize) -> Result<(), Unfit> {
        if size <= limit {
            return Ok(());
        }
        Err(Unfit::TooLarge {
            what: self,
            size: size as u64,
            limit: limit as u64,
        })
    }
}

/// A key: 1 to [`KEY_MAX`] bytes, ordered byte by byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Bytes);

/// A value: 0 to [`VALUE_MAX`] bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Value(Bytes);

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyValue {
    /// Where.
    pub key: Key,
    /// What.
    pub value: Value,
}

impl Key {
    /// Measures `bytes` and makes a key of them.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, Unfit> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(Unfit::EmptyKey);
        }
        Measure::Key.check(bytes.len(), KEY_MAX)?;
        Ok(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Value {
    /// Measures `bytes` and makes a value of them.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, Unfit> {
        let bytes = bytes.into();
        Measure::Value.check(bytes.len(), VALUE_MAX)?;
        Ok(Self(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! bytes_like {
    ($name:ident, $expecting:literal) => {
        impl Deref for $name {
            type Target = [u8];

            fn deref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<$name> for Bytes {
            fn from(from: $name) -> Bytes {
                from.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Unfit;

            fn try_from(bytes: &[u8]) -> Result<Self, Unfit> {
                Self::new(Bytes::copy_from_slice(bytes))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Unfit;

            fn try_from(text: &str) -> Result<Self, Unfit> {
                Self::try_from(text.as_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// As text; bytes that are none are shown as the replacement character.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                String::from_utf8_lossy(&self.0).fmt(f)
            }
        }

        /// For people (`--json`) a string, or `{"hex": "…"}` where the bytes are no text.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                if to.is_human_readable() {
                    Readable(&self.0).serialize(to)
                } else {
                    to.serialize_bytes(&self.0)
                }
            }
        }

        /// Copies the bytes out of the message: a value kept for years does not keep the frame it
        /// came in.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Measured;

                impl<'m> Visitor<'m> for Measured {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<$name, E> {
                        $name::try_from(bytes).map_err(E::custom)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::try_from(text).map_err(E::custom)
                    }

                    fn visit_map<A: MapAccess<'m>>(self, map: A) -> Result<$name, A::Error> {
                        $name::new(from_hex(map)?).map_err(A::Error::custom)
                    }
                }

                if from.is_human_readable() {
                    from.deserialize_any(Measured)
                } else {
                    from.deserialize_bytes(Measured)
                }
            }
        }
    };
}

bytes_like!(Key, "a key of 1 to 4096 bytes");
bytes_like!(Value, "a value of at most 1 MiB");

/// Bytes as a person reads them.
struct Readable<'a>(&'a [u8]);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => {
                let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
                to.collect_map([("hex", hex)])
            }
        }
    }
}

/// The bytes of `{"hex": "…"}`.
fn from_hex<'de, A: MapAccess<'de>>(mut map: A) -> Result<Vec<u8>, A::Error> {
    let wrong = || A::Error::custom("bytes that are no text are {\"hex\": \"…\"}");
    let Some((name, hex)) = map.next_entry::<String, String>()? else {
        return Err(wrong());
    };
    if name != "hex" || map.next_key::<String>()?.is_some() {
        return Err(wrong());
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    let bytes = bytes.collect::<Option<_>>().filter(|_| rest.is_empty());
    bytes.ok_or_else(|| A::Error::custom("not pairs of hex digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_measured_where_they_are_made() {
        assert_eq!(Key::new(Bytes::new()), Err(Unfit::EmptyKey));
        assert!(Key::new(vec![b'k'; KEY_MAX]).is_ok());
        let refused = Unfit::TooLarge {
            what: Measure::Key,
            size: KEY_MAX as u64 + 1,
            limit: KEY_MAX as u64,
        };
        assert_eq!(Key::new(vec![b'k'; KEY_MAX + 1]), Err(refused));
        assert!(Value::new(vec![0; VALUE_MAX]).is_ok());
        assert!(Value::new(vec![0; VALUE_MAX + 1]).is_err());
    }

    #[test]
    fn an_empty_key_cannot_be_smuggled_in_a_message() {
        let empty = crate::codec::encode_onto(&Value::default(), Vec::new());
        assert!(crate::codec::decode::<Key>(&empty, 16).is_err());
    }

    #[test]
    fn text_is_shown_as_text_and_bytes_as_hex() {
        let text = Value::try_from("käse").unwrap();
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"käse\"");
        let bytes = Value::new(vec![0xff, 0x01]).unwrap();
        let json = serde_json::to_string(&bytes).unwrap();
        assert_eq!(json, r#"{"hex":"ff01"}"#);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), bytes);
        for wrong in [
            r#"{"hex":"f"}"#,
            r#"{"hex":"+1"}"#,
            r#"{"oct":"77"}"#,
            r#"{"hex":"ff","oct":"77"}"#,
            "{}",
            "7",
            "null",
        ] {
            assert!(serde_json::from_str::<Value>(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Key>(r#"{"hex":""}"#).is_err());
    }
}
