//! What nodes say to each other about snapshots, in frames of the host's own.
//!
//! ```text
//!  ├ 0 ┼ 2 ┼ postcard of what is said ┤
//! ```

use kraft_proto::{LogIndex, LogPosition, Term};
use kraft_storage::{DIGEST_BYTES, SnapshotDigest, SnapshotFile};
use kraft_wire::codec;
use serde::{Deserialize, Serialize};

/// The first bytes of such a frame; no message of the core begins like that, nor a digest.
const TAG: [u8; 2] = [0, 2];

/// The longest, in bytes.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::node) enum Said {
    /// There is this snapshot.
    Offer(SnapshotFile),
    /// Send these bytes of the file of the one that ends there.
    Want {
        last: LogPosition,
        offset: u64,
        length: u64,
    },
    /// Bytes of its file.
    Piece {
        last: LogPosition,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// All of it is here, whole and loaded: the core's message may come.
    Have { last: LogPosition },
}

/// A frame of this kind that says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame about snapshots that says nothing")]
pub(in crate::node) struct NotOurs;

#[derive(Serialize, Deserialize)]
enum Frame {
    Offer {
        last: (Term, LogIndex),
        bytes: u64,
        digest: [u8; DIGEST_BYTES],
    },
    Want {
        last: (Term, LogIndex),
        offset: u64,
        length: u64,
    },
    Piece {
        last: (Term, LogIndex),
        offset: u64,
        bytes: Vec<u8>,
    },
    Have {
        last: (Term, LogIndex),
    },
}

/// Whether a frame is about snapshots.
pub(in crate::node) fn is_ours(frame: &[u8]) -> bool {
    frame.starts_with(&TAG)
}

fn pair(position: LogPosition) -> (Term, LogIndex) {
    (position.term, position.index)
}

fn position((term, index): (Term, LogIndex)) -> LogPosition {
    LogPosition::new(term, index)
}

impl Said {
    /// The frame that carries it.
    pub fn encode(self) -> Vec<u8> {
        let frame = match self {
            Self::Offer(SnapshotFile {
                last,
                bytes,
                digest,
            }) => Frame::Offer {
                last: pair(last),
                bytes,
                digest: digest.0,
            },
            Self::Want {
                last,
                offset,
                length,
            } => Frame::Want {
                last: pair(last),
                offset,
                length,
            },
            Self::Piece {
                last,
                offset,
                bytes,
            } => Frame::Piece {
                last: pair(last),
                offset,
                bytes,
            },
            Self::Have { last } => Frame::Have { last: pair(last) },
        };
        codec::encode_onto(&frame, TAG.to_vec())
    }

    /// Reads a frame that [is](is_ours) about snapshots.
    pub fn decode(frame: &[u8]) -> Result<Self, NotOurs> {
        let rest = frame.strip_prefix(&TAG).ok_or(NotOurs)?;
        let frame = codec::decode(rest, FRAME_BYTES_MAX).map_err(|_| NotOurs)?;
        Ok(match frame {
            Frame::Offer {
                last,
                bytes,
                digest,
            } => Self::Offer(SnapshotFile {
                last: position(last),
                bytes,
                digest: SnapshotDigest(digest),
            }),
            Frame::Want {
                last,
                offset,
                length,
            } => Self::Want {
                last: position(last),
                offset,
                length,
            },
            Frame::Piece {
                last,
                offset,
                bytes,
            } => Self::Piece {
                last: position(last),
                offset,
                bytes,
            },
            Frame::Have { last } => Self::Have {
                last: position(last),
            },
        })
    }
}
