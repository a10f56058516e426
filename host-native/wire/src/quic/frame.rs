//! Frames on a stream: a length of four bytes, little-endian, then as many bytes; never none.
//!
//! Nothing is allocated for a length that was only announced: memory grows with the bytes that
//! arrived. A frame that lies within one received piece is handed on without a copy.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, WriteError};

/// Bytes before each frame.
pub const PREFIX_BYTES: usize = 4;

/// Pieces up to this length are copied next to each other; longer ones travel as they are.
const COPIED_BYTES_MAX: usize = 1024;

/// Why the bytes of a stream are not frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// It is longer than frames may be here.
    #[error("a frame of {announced} bytes was announced where {max} is the most")]
    TooLarge {
        /// Its length as announced, in bytes.
        announced: u32,
        /// The most, in bytes.
        max: u32,
    },
    /// It has no bytes.
    #[error("a frame without content")]
    Empty,
    /// The stream ended before it was whole.
    #[error("the stream ended inside a frame")]
    Truncated,
}

/// Why there is no further frame.
#[derive(Debug, thiserror::Error)]
pub enum ReadFrameError {
    /// The bytes are no frames.
    #[error(transparent)]
    Bad(#[from] BadFrame),
    /// The stream broke.
    #[error(transparent)]
    Stream(#[from] ReadError),
}

/// Cuts a sequence of byte pieces into frames. No IO.
#[derive(Debug)]
struct Cutter {
    frame_bytes_max: u32,
    /// What was received and not looked at yet.
    piece: Bytes,
    /// The prefix and the bytes so far of a frame that spans pieces.
    started: BytesMut,
}

impl Cutter {
    fn new(frame_bytes_max: u32) -> Self {
        Self {
            frame_bytes_max,
            piece: Bytes::new(),
            started: BytesMut::new(),
        }
    }

    /// Takes the next piece; the one before must have been used up.
    fn feed(&mut self, piece: Bytes) {
        debug_assert!(self.piece.is_empty(), "a piece was left over");
        self.piece = piece;
    }

    /// The next whole frame; `None` when another piece is needed first.
    fn next(&mut self) -> Result<Option<Bytes>, BadFrame> {
        if self.started.is_empty() && self.piece.len() >= PREFIX_BYTES {
            let length = self.announced(&self.piece)?;
            if self.piece.len() - PREFIX_BYTES >= length {
                self.piece.advance(PREFIX_BYTES);
                return Ok(Some(self.piece.split_to(length)));
            }
        }
        if !self.gather(PREFIX_BYTES) {
            return Ok(None);
        }
        let length = self.announced(&self.started)?;
        if !self.gather(PREFIX_BYTES + length) {
            return Ok(None);
        }
        let mut frame = std::mem::take(&mut self.started).freeze();
        frame.advance(PREFIX_BYTES);
        Ok(Some(frame))
    }

    /// Whether the stream may end here.
    fn finish(&self) -> Result<(), BadFrame> {
        if self.started.is_empty() && self.piece.is_empty() {
            Ok(())
        } else {
            Err(BadFrame::Truncated)
        }
    }

    /// Moves bytes from the piece until `wanted` have been started; whether there were enough.
    fn gather(&mut self, wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.started.len());
        let taken = missing.min(self.piece.len());
        self.started.extend_from_slice(&self.piece[..taken]);
        self.piece.advance(taken);
        taken == missing
    }

    fn announced(&self, mut bytes: &[u8]) -> Result<usize, BadFrame> {
        match bytes.get_u32_le() {
            0 => Err(BadFrame::Empty),
            announced if announced > self.frame_bytes_max => Err(BadFrame::TooLarge {
                announced,
                max: self.frame_bytes_max,
            }),
            announced => Ok(announced as usize),
        }
    }
}

/// Reads frames off a stream.
pub struct FrameReader {
    stream: RecvStream,
    cutter: Cutter,
}

impl FrameReader {
    /// Reads frames of at most so many bytes.
    pub fn new(stream: RecvStream, frame_bytes_max: u32) -> Self {
        Self {
            stream,
            cutter: Cutter::new(frame_bytes_max),
        }
    }

    /// From here on frames may have another length.
    pub fn set_frame_bytes_max(&mut self, frame_bytes_max: u32) {
        self.cutter.frame_bytes_max = frame_bytes_max;
    }

    /// The next frame; `None` when the stream ended in order.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadFrameError> {
        self.next_telling(|_| ()).await
    }

    /// The same, telling how many bytes of a frame are held meanwhile that is not whole yet.
    pub async fn next_telling(
        &mut self,
        mut held: impl FnMut(usize),
    ) -> Result<Option<Bytes>, ReadFrameError> {
        loop {
            if let Some(frame) = self.cutter.next()? {
                return Ok(Some(frame));
            }
            held(self.cutter.started.len());
            match self.stream.read_chunk(usize::MAX, true).await? {
                Some(chunk) => self.cutter.feed(chunk.bytes),
                None => {
                    self.cutter.finish()?;
                    return Ok(None);
                }
            }
        }
    }
}

/// Frames on their way out, gathered so that many small ones are one write.
#[derive(Debug, Default)]
pub struct Batch {
    /// Small pieces, copied next to each other.
    gathering: BytesMut,
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Batch {
    /// Starts a frame of `length` bytes, which the following pieces must add up to.
    pub fn begin(&mut self, length: u32) {
        self.gathering.put_u32_le(length);
        self.bytes += PREFIX_BYTES;
    }

    /// Adds small numbers that belong to the frame begun.
    pub fn push_slice(&mut self, bytes: &[u8]) {
        self.gathering.extend_from_slice(bytes);
        self.bytes += bytes.len();
    }

    /// Adds the next piece of the frame begun.
    pub fn push(&mut self, piece: Bytes) {
        if piece.len() <= COPIED_BYTES_MAX {
            self.push_slice(&piece);
        } else {
            self.cut();
            self.bytes += piece.len();
            self.pieces.push(piece);
        }
    }

    /// Bytes gathered so far, prefixes included.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes everything and starts anew.
    pub async fn write_to(&mut self, stream: &mut SendStream) -> Result<(), WriteError> {
        self.cut();
        self.bytes = 0;
        let written = stream.write_all_chunks(&mut self.pieces).await;
        self.pieces.clear();
        written
    }

    fn cut(&mut self) {
        if !self.gathering.is_empty() {
            self.pieces.push(self.gathering.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(frames: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for frame in frames {
            out.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_le_bytes());
            out.extend_from_slice(frame);
        }
        out
    }

    fn cut_all(cutter: &mut Cutter, pieces: &[&[u8]]) -> Result<Vec<Bytes>, BadFrame> {
        let mut frames = Vec::new();
        for piece in pieces {
            cutter.feed(Bytes::copy_from_slice(piece));
            while let Some(frame) = cutter.next()? {
                frames.push(frame);
            }
        }
        cutter.finish()?;
        Ok(frames)
    }

    #[test]
    fn frames_come_out_whole_however_the_bytes_were_cut() {
        let frames: [&[u8]; 4] = [b"a", b"bcdefg", b"hi", b"jklmnopqrstuvwxyz"];
        let bytes = framed(&frames);
        for size in 1..=bytes.len() {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let cut = cut_all(&mut Cutter::new(64), &pieces).unwrap();
            assert_eq!(cut, frames, "pieces of {size}");
        }
    }

    #[test]
    fn a_frame_over_the_bound_is_refused_before_it_arrives() {
        let announced = 65_u32.to_le_bytes();
        let refused = cut_all(&mut Cutter::new(64), &[&announced]);
        assert_eq!(
            refused,
            Err(BadFrame::TooLarge {
                announced: 65,
                max: 64
            })
        );
    }

    #[test]
    fn an_empty_frame_and_an_early_end_are_refused() {
        assert_eq!(
            cut_all(&mut Cutter::new(64), &[&[0; 4]]),
            Err(BadFrame::Empty)
        );
        let whole = framed(&[b"abc"]);
        for end in 1..whole.len() {
            let early = cut_all(&mut Cutter::new(64), &[&whole[..end]]);
            assert_eq!(early, Err(BadFrame::Truncated), "after {end} bytes");
        }
    }
}
