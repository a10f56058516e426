//! What stands before the body of a request and of an answer.
//!
//! ```text
//! request   id, 8 bytes little-endian | body
//! answer    id, 8 bytes little-endian | status, 1 byte | body
//! ```

use bytes::{Buf, Bytes};

use crate::quic::Batch;

/// Bytes before the body of a request.
pub const REQUEST_HEADER_BYTES: usize = 8;
/// Bytes before the body of an answer.
pub const ANSWER_HEADER_BYTES: usize = 9;

/// How an answer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is the last, or only, part.
    Last,
    /// More follow.
    More,
    /// There will be none: the server let go of the call. No body.
    Unanswered,
    /// There is one, longer than a frame may be. No body.
    TooLarge,
}

impl Status {
    const ALL: [Self; 4] = [Self::Last, Self::More, Self::Unanswered, Self::TooLarge];

    fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.get(usize::from(tag)).copied()
    }
}

/// Adds a request to what goes out.
pub fn put_request(batch: &mut Batch, id: u64, body: Bytes) {
    // Bounded by `frame_bytes_max`, which is a u32.
    batch.begin((REQUEST_HEADER_BYTES + body.len()) as u32);
    batch.push_slice(&id.to_le_bytes());
    batch.push(body);
}

/// Adds an answer to what goes out.
pub fn put_answer(batch: &mut Batch, id: u64, status: Status, body: Bytes) {
    // As above.
    batch.begin((ANSWER_HEADER_BYTES + body.len()) as u32);
    batch.push_slice(&id.to_le_bytes());
    batch.push_slice(&[status as u8]);
    batch.push(body);
}

/// A request's id and body; `None` if it is too short to be one.
pub fn request(mut frame: Bytes) -> Option<(u64, Bytes)> {
    let id = frame.try_get_u64_le().ok()?;
    Some((id, frame))
}

/// An answer's id, status and body; `None` if it is not one.
pub fn answer(mut frame: Bytes) -> Option<(u64, Status, Bytes)> {
    let id = frame.try_get_u64_le().ok()?;
    let status = Status::from_tag(frame.try_get_u8().ok()?)?;
    Some((id, status, frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_back_and_others_are_refused() {
        for status in Status::ALL {
            assert_eq!(Status::from_tag(status as u8), Some(status));
        }
        assert_eq!(Status::from_tag(4), None);
        assert_eq!(answer(Bytes::from_static(&[0; 8])), None);
        assert_eq!(request(Bytes::from_static(&[0; 7])), None);
        let empty = (0, Status::Last, Bytes::new());
        assert_eq!(answer(Bytes::from_static(&[0; 9])), Some(empty));
    }
}
