//! Bytes on the wire. `WIRE.md` is normative; the golden vectors in `tests/wire/golden.rs` hold it.
//!
//! ```text
//! frame  = version:u8  envelope:postcard  entry*        (as many entries as the append counts;
//!                                                        one, its history, with a snapshot)
//! entry  = length:u32le  bytes
//! ```
//!
//! Decoding is total: any bytes give a frame or an error. A frame that would not encode to the same
//! bytes again is refused, so that equal messages have equal bytes.

use core::fmt;

use postcard::ser_flavors::Flavor;

use crate::entry::{EntryKind, Run};
use crate::ids::{LogPosition, NodeId};
use crate::limits::{FRAME_HEADER_MAX, INDEX_MAX, RUN_ENTRIES_MAX, TERM_MAX};
use crate::message::{Append, Envelope, Message, Watermarks};

/// The version this build speaks. Peers agree on it when they connect.
pub const WIRE_VERSION: u8 = 5;

/// Bytes before each entry: its length.
pub const ENTRY_PREFIX: usize = 4;

/// Why bytes are not a frame. Nothing of them was believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// They end too early.
    Truncated,
    /// They speak another version.
    Version {
        /// Theirs; ours is [`WIRE_VERSION`].
        theirs: u8,
    },
    /// The envelope does not decode.
    Malformed,
    /// The envelope could have been written shorter.
    NotCanonical,
    /// There are bytes behind the last entry.
    TrailingBytes,
    /// A number is beyond what the protocol counts to, or a count beyond its limit.
    OutOfRange,
    /// The buffer to encode into is too small: use [`FRAME_HEADER_MAX`] bytes.
    BufferTooSmall,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the frame ends too early"),
            Self::Version { theirs } => write!(
                f,
                "the frame speaks wire version {theirs}, this node speaks {WIRE_VERSION}"
            ),
            Self::Malformed => f.write_str("the envelope does not decode"),
            Self::NotCanonical => f.write_str("the envelope is not in its shortest form"),
            Self::TrailingBytes => f.write_str("bytes follow the last entry"),
            Self::OutOfRange => f.write_str("a number is beyond the protocol's range"),
            Self::BufferTooSmall => {
                write!(
                    f,
                    "the buffer is too small: a header needs up to {FRAME_HEADER_MAX} bytes"
                )
            }
        }
    }
}

impl core::error::Error for WireError {}

/// Why there is no frame of a message. Drop the message, as the network might have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The host does not have the bytes of the entry at this position any more.
    Missing(LogPosition),
    /// That entry has more bytes than its length can say: 4 GiB.
    TooLong(LogPosition),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(at) => write!(f, "the bytes of the entry at {at} are not here any more"),
            Self::TooLong(at) => write!(f, "the entry at {at} is too long for a frame"),
        }
    }
}

impl core::error::Error for FrameError {}

impl Envelope {
    /// Adds the whole frame to `out`: the header, then each entry as `lookup` has it. An append's entries
    /// are asked for by their positions, a snapshot's core ([`Snapshot::encode`](crate::Snapshot::encode))
    /// by that of its last entry.
    ///
    /// Where `lookup` has nothing for one of them, `out` holds a part of a frame that means nothing.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let envelope = cluster()[0].snapshot_message(NodeId(2), LogPosition::new(Term(1), LogIndex(1)));
    /// let mut bytes = Vec::new();
    /// envelope.unwrap().frame(&mut bytes, |_| Some(b"the core's part")).unwrap();
    /// let frame = Frame::decode(&bytes).unwrap();
    /// assert_eq!(frame.entries().next(), Some(&b"the core's part"[..]));
    /// // Bytes that are not there are never sent as none.
    /// let lacking = envelope.unwrap().frame(&mut bytes, |_| None::<&[u8]>);
    /// assert!(matches!(lacking, Err(FrameError::Missing(_))));
    /// ```
    pub fn frame<B: AsRef<[u8]>>(
        &self,
        out: &mut impl for<'a> Extend<&'a u8>,
        mut lookup: impl FnMut(LogPosition) -> Option<B>,
    ) -> Result<(), FrameError> {
        let mut header = [0; FRAME_HEADER_MAX];
        // A header has room in as many bytes.
        out.extend(self.encode(&mut header).unwrap_or_default());
        let mut entry = |at: LogPosition| {
            let bytes = lookup(at).ok_or(FrameError::Missing(at))?;
            let bytes = bytes.as_ref();
            let length = u32::try_from(bytes.len()).map_err(|_| FrameError::TooLong(at))?;
            out.extend(&entry_prefix(length));
            out.extend(bytes);
            Ok(())
        };
        match &self.message {
            Message::Append(append) => append.run().positions().try_for_each(entry),
            Message::Snapshot { last } => entry(*last),
            _ => Ok(()),
        }
    }

    /// Writes the frame up to its entries and returns what was written: for hosts that send entries
    /// where they lie. Behind it come the entries that [`Envelope::frame`] adds, each with its
    /// [`entry_prefix`].
    pub fn encode<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], WireError> {
        let (version, rest) = buffer.split_first_mut().ok_or(WireError::BufferTooSmall)?;
        *version = WIRE_VERSION;
        let written = postcard::serialize_with_flavor(
            self,
            Filling {
                bytes: rest,
                len: 0,
            },
        )
        .map_err(|_| WireError::BufferTooSmall)?;
        buffer.get(..=written).ok_or(WireError::BufferTooSmall)
    }

    /// Whether `bytes` are what this encodes to, version aside.
    fn encodes_to(&self, bytes: &[u8]) -> bool {
        postcard::serialize_with_flavor(self, Comparing { rest: bytes })
            .is_ok_and(|rest| rest.is_empty())
    }

    /// How many entries follow the header.
    pub fn entries(&self) -> u32 {
        match &self.message {
            Message::Append(append) => append.count,
            Message::Snapshot { .. } => 1,
            _ => 0,
        }
    }

    /// The same message to the same peer as two, where it is an append that [splits](Append::split_at).
    pub fn split_at(&self, count: u32) -> Option<(Self, Self)> {
        let Message::Append(append) = &self.message else {
            return None;
        };
        let (head, tail) = append.split_at(count)?;
        let with = |append| Self {
            message: Message::Append(append),
            ..*self
        };
        Some((with(head), with(tail)))
    }

    fn check_ranges(&self) -> Result<(), WireError> {
        let position = |p: LogPosition| p.term.0 <= TERM_MAX && p.index.0 <= INDEX_MAX;
        let in_range = |h: Watermarks| h.written.0 <= INDEX_MAX && h.synced <= h.written;
        let fine = self.term.0 <= TERM_MAX
            && match self.message {
                Message::PreVote { last }
                | Message::Vote { last }
                | Message::TransferVote { last } => position(last),
                Message::PreVoteReply { .. } | Message::VoteReply { .. } => true,
                Message::TimeoutNow => true,
                Message::LeftOut { at, .. } => at.0 <= INDEX_MAX,
                Message::ReadIndex { after, .. } => position(after),
                Message::ReadIndexReply { index, .. } => index.0 <= INDEX_MAX,
                Message::Snapshot { last } => position(last),
                Message::Append(append) => append_in_range(&append) && position(append.prev),
                Message::Matched(watermarks) => in_range(watermarks),
                Message::Rejected { rejected, hint, .. } => {
                    rejected.0 <= INDEX_MAX && position(hint)
                }
                Message::Heartbeat(beat) => {
                    let readmit_upto = beat.readmission.map(|known| known.readmit_upto);
                    beat.commit.0 <= INDEX_MAX
                        && beat.force_upto.0 <= INDEX_MAX
                        && readmit_upto.is_none_or(|upto| upto.0 <= INDEX_MAX)
                }
                Message::HeartbeatReply(reply) => {
                    reply.received.0 <= INDEX_MAX && in_range(reply.watermarks)
                }
            };
        if fine {
            Ok(())
        } else {
            Err(WireError::OutOfRange)
        }
    }
}

/// Where an encoding goes. A number is a few bytes: storing each is quicker than a copy of them.
struct Filling<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Flavor for Filling<'_> {
    type Output = usize;

    #[inline(always)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        let place = self.bytes.get_mut(self.len);
        *place.ok_or(postcard::Error::SerializeBufferFull)? = byte;
        self.len += 1;
        Ok(())
    }

    #[inline(always)]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        bytes.iter().try_for_each(|byte| self.try_push(*byte))
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.len)
    }
}

/// An encoding that is compared as it comes, and stored nowhere.
struct Comparing<'a> {
    rest: &'a [u8],
}

impl<'a> Flavor for Comparing<'a> {
    type Output = &'a [u8];

    #[inline(always)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => self.rest = rest,
            _ => return Err(postcard::Error::SerializeBufferFull),
        }
        Ok(())
    }

    #[inline(always)]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        bytes.iter().try_for_each(|byte| self.try_push(*byte))
    }

    fn finalize(self) -> postcard::Result<&'a [u8]> {
        Ok(self.rest)
    }
}

fn append_in_range(append: &Append) -> bool {
    let one_of_a_kind = append.kind == EntryKind::Command || append.count <= 1;
    append.count <= RUN_ENTRIES_MAX
        && one_of_a_kind
        && append.run_term.0 <= TERM_MAX
        && (append.count == 0 || append.run_term >= append.prev.term)
        && append.commit.0 <= INDEX_MAX
        && append.force_upto.0 <= INDEX_MAX
        && append.written_upto.0 <= INDEX_MAX
        && append.relied_upto <= append.written_upto
}

/// What stands before an entry of `length` bytes.
pub const fn entry_prefix(length: u32) -> [u8; ENTRY_PREFIX] {
    length.to_le_bytes()
}

/// A decoded message and the bytes it was decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    pub(crate) envelope: Envelope,
    pub(crate) entries: Entries<'b>,
}

impl<'b> Frame<'b> {
    /// Decodes one frame, which is all of `bytes`.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// assert_eq!(Frame::decode(&[]).err(), Some(WireError::Truncated));
    /// ```
    pub fn decode(bytes: &'b [u8]) -> Result<Self, WireError> {
        let (version, rest) = bytes.split_first().ok_or(WireError::Truncated)?;
        if *version != WIRE_VERSION {
            return Err(WireError::Version { theirs: *version });
        }
        let (envelope, entries) =
            postcard::take_from_bytes::<Envelope>(rest).map_err(|error| match error {
                postcard::Error::DeserializeUnexpectedEnd => WireError::Truncated,
                _ => WireError::Malformed,
            })?;
        if !envelope.encodes_to(&rest[..rest.len() - entries.len()]) {
            return Err(WireError::NotCanonical);
        }
        envelope.check_ranges()?;
        let entries = Entries::check(entries, envelope.entries())?;
        Ok(Self { envelope, entries })
    }

    /// What is said, and by whom.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The node that claims to have sent it. A transport that knows better compares.
    pub fn from(&self) -> NodeId {
        self.envelope.from
    }

    /// The entries' bytes, in order.
    pub fn entries(&self) -> Entries<'b> {
        self.entries.clone()
    }
}

/// The bytes of consecutive entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries<'b> {
    bytes: &'b [u8],
    count: u32,
}

impl<'b> Entries<'b> {
    /// Believes no length before it was checked against what is there.
    fn check(bytes: &'b [u8], count: u32) -> Result<Self, WireError> {
        let mut rest = bytes;
        for _ in 0..count {
            (_, rest) = split_entry(rest).ok_or(WireError::Truncated)?;
        }
        if rest.is_empty() {
            Ok(Self { bytes, count })
        } else {
            Err(WireError::TrailingBytes)
        }
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<ENTRY_PREFIX>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

impl<'b> Iterator for Entries<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        self.count = self.count.checked_sub(1)?;
        let (entry, rest) = split_entry(self.bytes)?;
        self.bytes = rest;
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count as usize, Some(self.count as usize))
    }
}

impl ExactSizeIterator for Entries<'_> {}

/// What a node took from a frame: entries it promises to hold once their [`Write`] is reported.
///
/// The host keeps the bytes of each position until that write comes; a position taken before with
/// another term is replaced. Dropping it drops the bytes, and the node could never write them.
///
/// [`Write`]: crate::output::Write
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "these bytes are needed when the node asks to write them"]
pub struct Taken<'b> {
    pub(crate) run: Option<Run>,
    pub(crate) entries: Entries<'b>,
    pub(crate) snapshot: Option<LogPosition>,
}

impl<'b> Taken<'b> {
    pub(crate) fn nothing() -> Self {
        Self {
            run: None,
            entries: Entries::default(),
            snapshot: None,
        }
    }

    /// The snapshot taken, if any: the host keeps its bytes until it is asked to write it, or takes a
    /// later one before it was asked. One that came and is not named here is of no use any more.
    pub fn snapshot(&self) -> Option<LogPosition> {
        self.snapshot
    }

    /// The entries taken, if any: what the sender's append carried less what was known before.
    pub fn run(&self) -> Option<Run> {
        self.run
    }

    /// Each position taken and its bytes, a slice of the frame.
    pub fn entries(&self) -> impl Iterator<Item = (LogPosition, &'b [u8])> + use<'b> {
        let count = self.run.map_or(0, |run| run.count as usize);
        let skipped = self.entries.len() - count;
        self.run
            .into_iter()
            .flat_map(Run::positions)
            .zip(self.entries.clone().skip(skipped))
    }
}
