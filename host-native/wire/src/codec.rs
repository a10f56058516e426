//! Bytes in and out: total, canonical, bounded.
//!
//! Any bytes give a value or an error; a value has exactly one encoding; a length is checked before
//! room is made for what it announces. The format is postcard.

use std::fmt;
use std::marker::PhantomData;

use postcard::ser_flavors::Flavor;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::Serialize;
use thiserror::Error;

/// Why bytes are refused. Nothing was taken from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Longer than such a message may be, in bytes.
    #[error("{size} bytes, where at most {limit} are read")]
    TooLarge {
        /// How long it is.
        size: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Cut short, or naming something that does not exist.
    #[error("not a message of this format")]
    Malformed,
    /// Bytes are left over behind the message.
    #[error("{0} bytes behind the end of the message")]
    Trailing(usize),
    /// The same value has a shorter encoding, and only that one is read.
    #[error("not the one encoding of its value")]
    NotCanonical,
}

/// The encoding of `value`, behind whatever `out` already holds.
///
/// # Panics
/// If the type cannot be written in postcard at all (a sequence of unknown length): a mistake in
/// the type, never in a value.
pub fn encode_onto<T: Serialize + ?Sized>(value: &T, out: Vec<u8>) -> Vec<u8> {
    postcard::serialize_with_flavor(value, Append(out)).expect("the type has a postcard encoding")
}

/// Reads one value off the front of `bytes` and returns what follows it.
pub fn decode_front<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
) -> Result<(T, &[u8]), DecodeError> {
    let (value, rest) =
        postcard::take_from_bytes::<T>(bytes).map_err(|_| DecodeError::Malformed)?;
    let read = &bytes[..bytes.len() - rest.len()];
    match postcard::serialize_with_flavor(&value, SameAs(read)) {
        Ok(Match::Whole) => Ok((value, rest)),
        Ok(Match::Part) | Err(_) => Err(DecodeError::NotCanonical),
    }
}

/// Reads `bytes`, at most `limit` of them, as exactly one value.
pub fn decode<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLarge {
            size: bytes.len(),
            limit,
        });
    }
    match decode_front(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(DecodeError::Trailing(rest.len())),
    }
}

/// Reads a list of at most `N` elements; for `#[serde(deserialize_with)]`.
///
/// A list of small elements needs many times more room in memory than in bytes: its announced
/// length is refused before any room is made.
pub fn bounded_list<'de, D, T, const N: usize>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct List<T, const N: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for List<T, N> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {N} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            if seq.size_hint().is_some_and(|announced| announced > N) {
                return Err(A::Error::custom("the list is too long"));
            }
            let mut list = Vec::new();
            while let Some(element) = seq.next_element()? {
                if list.len() == N {
                    return Err(A::Error::custom("the list is too long"));
                }
                list.push(element);
            }
            Ok(list)
        }
    }

    from.deserialize_seq(List::<T, N>(PhantomData))
}

struct Append(Vec<u8>);

impl Flavor for Append {
    type Output = Vec<u8>;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Compares an encoding with bytes as it is made, without keeping it.
struct SameAs<'a>(&'a [u8]);

enum Match {
    Whole,
    Part,
}

impl Flavor for SameAs<'_> {
    type Output = Match;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        match self.0.strip_prefix(data) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(postcard::Error::SerializeBufferFull),
        }
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn finalize(self) -> postcard::Result<Match> {
        Ok(if self.0.is_empty() {
            Match::Whole
        } else {
            Match::Part
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Few {
        #[serde(deserialize_with = "bounded_list::<_, _, 3>")]
        list: Vec<u64>,
    }

    #[test]
    fn a_second_encoding_of_a_value_is_refused() {
        assert_eq!(decode::<u64>(&[0x05], 16), Ok(5));
        assert_eq!(
            decode::<u64>(&[0x85, 0x00], 16),
            Err(DecodeError::NotCanonical)
        );
    }

    #[test]
    fn bytes_left_over_are_refused() {
        assert_eq!(decode::<u8>(&[1, 2, 3], 16), Err(DecodeError::Trailing(2)));
    }

    #[test]
    fn a_message_over_the_limit_is_refused_unread() {
        let refused = DecodeError::TooLarge { size: 3, limit: 2 };
        assert_eq!(decode::<u8>(&[1, 2, 3], 2), Err(refused));
    }

    #[test]
    fn an_announced_length_is_not_believed() {
        let short = encode_onto(&vec![1u64, 2, 3], Vec::new());
        assert_eq!(
            decode(&short, 64),
            Ok(Few {
                list: vec![1, 2, 3]
            })
        );
        let long = encode_onto(&vec![1u64, 2, 3, 4], Vec::new());
        assert_eq!(decode::<Few>(&long, 64), Err(DecodeError::Malformed));
        let absurd = encode_onto(&u64::MAX, Vec::new());
        assert_eq!(decode::<Few>(&absurd, 64), Err(DecodeError::Malformed));
    }
}
