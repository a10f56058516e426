//! A digest on its way to a peer.
//!
//! ```text
//! 0 | 1 | start | at | value       two bytes, then 8 bytes each, little-endian
//! ```
//!
//! It travels on the control lane beside the core's frames, none of which begins with 0. The second
//! byte is its kind; the peers' version, agreed on in the hello, says which there are.

use kraft_proto::ids::LogIndex;

use super::digest::Digest;

/// Frames of the host's own begin with it.
const HOST: u8 = 0;

const DIGEST: u8 = 1;

/// Bytes of such a frame.
pub const FRAME_BYTES: usize = 26;

/// A frame of the host's own that makes no sense. Nothing of it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest")]
pub struct NotADigest;

impl Digest {
    /// The frame that carries it.
    pub fn encode(&self) -> [u8; FRAME_BYTES] {
        let mut frame = [0; FRAME_BYTES];
        (frame[0], frame[1]) = (HOST, DIGEST);
        let fields = [self.start.0, self.at.0, self.value];
        for (place, field) in frame[2..].as_chunks_mut().0.iter_mut().zip(fields) {
            *place = field.to_le_bytes();
        }
        frame
    }

    /// Reads a frame; `None` where it is none of the host's own.
    pub fn decode(frame: &[u8]) -> Option<Result<Self, NotADigest>> {
        let rest = frame.strip_prefix(&[HOST])?;
        let Some(fields) = rest.strip_prefix(&[DIGEST]).map(|rest| rest.as_chunks()) else {
            return Some(Err(NotADigest));
        };
        Some(match fields {
            (&[start, at, value], []) => Ok(Self {
                start: LogIndex(u64::from_le_bytes(start)),
                at: LogIndex(u64::from_le_bytes(at)),
                value: u64::from_le_bytes(value),
            }),
            _ => Err(NotADigest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_and_nothing_else_is_one() {
        let digest = Digest {
            start: LogIndex(1),
            at: LogIndex(u64::MAX),
            value: 0x0102_0304_0506_0708,
        };
        let frame = digest.encode();
        assert_eq!(frame[..4], [0, 1, 1, 0]);
        assert_eq!(frame[18..], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(Digest::decode(&frame), Some(Ok(digest)));
        for end in 1..FRAME_BYTES {
            assert_eq!(Digest::decode(&frame[..end]), Some(Err(NotADigest)));
        }
        let longer = [&frame[..], &[0]].concat();
        assert_eq!(Digest::decode(&longer), Some(Err(NotADigest)));
        assert_eq!(Digest::decode(&[0, 2]), Some(Err(NotADigest)));
    }

    #[test]
    fn the_cores_frames_are_left_alone() {
        assert_ne!(kraft_proto::WIRE_VERSION, HOST);
        assert_eq!(Digest::decode(&[kraft_proto::WIRE_VERSION, 1]), None);
        assert_eq!(Digest::decode(&[]), None);
    }
}
