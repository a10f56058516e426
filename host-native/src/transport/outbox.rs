//! Frames waiting for a stream: bounded in bytes, never blocking whoever sends.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use kraft_wire::lock;
use kraft_wire::quic::{Batch, PREFIX_BYTES};
use tokio::sync::Notify;

use super::stats::Dropped;

/// The frames waiting for one stream to one peer.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes_max: usize,
    frame_bytes_max: usize,
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    gate: Gate,
    frames: VecDeque<Waiting>,
    /// The pieces of all frames, in order.
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

/// Whether frames are taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Closed,
    Open,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    length: u32,
    pieces: usize,
    priority: i32,
}

impl Outbox {
    pub(super) fn new(bytes_max: usize, frame_bytes_max: u32) -> Self {
        Self {
            bytes_max,
            frame_bytes_max: frame_bytes_max as usize,
            queue: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Puts a frame at the end, or says why it was dropped. Returns its length.
    pub(super) fn push(
        &self,
        priority: i32,
        frame: impl IntoIterator<Item = Bytes>,
    ) -> Result<usize, Dropped> {
        let mut queue = lock(&self.queue);
        if queue.gate == Gate::Closed {
            return Err(Dropped::NotConnected);
        }
        let before = queue.pieces.len();
        queue.pieces.extend(frame);
        let length: usize = queue.pieces.range(before..).map(Bytes::len).sum();
        let refused = if length == 0 || length > self.frame_bytes_max {
            Some(Dropped::Size)
        } else if queue.bytes + length + PREFIX_BYTES > self.bytes_max {
            Some(Dropped::QueueFull)
        } else {
            None
        };
        if let Some(reason) = refused {
            queue.pieces.truncate(before);
            return Err(reason);
        }
        let pieces = queue.pieces.len() - before;
        queue.frames.push_back(Waiting {
            // Bounded by `frame_bytes_max`, which is a u32.
            length: length as u32,
            pieces,
            priority,
        });
        queue.bytes += length + PREFIX_BYTES;
        drop(queue);
        self.filled.notify_one();
        Ok(length)
    }

    /// Waits for frames, moves some into `batch` and returns how urgent the stream is: as urgent as
    /// anything that waits on it, since the weak ones before a strong one delay it.
    pub(super) async fn take(&self, batch: &mut Batch, batch_bytes_max: usize) -> i32 {
        loop {
            if let Some(priority) = self.try_take(batch, batch_bytes_max) {
                return priority;
            }
            self.filled.notified().await;
        }
    }

    fn try_take(&self, batch: &mut Batch, batch_bytes_max: usize) -> Option<i32> {
        let mut queue = lock(&self.queue);
        let priority = queue.frames.iter().map(|frame| frame.priority).max()?;
        while batch.bytes() < batch_bytes_max
            && let Some(frame) = queue.frames.pop_front()
        {
            batch.begin(frame.length);
            for piece in queue.pieces.drain(..frame.pieces) {
                batch.push(piece);
            }
            queue.bytes -= frame.length as usize + PREFIX_BYTES;
        }
        Some(priority)
    }

    /// Bytes that still fit.
    pub(super) fn room(&self) -> usize {
        let queue = lock(&self.queue);
        match queue.gate {
            Gate::Open => self.bytes_max - queue.bytes,
            Gate::Closed => 0,
        }
    }

    /// Takes frames in from now on.
    pub(super) fn open(&self) {
        lock(&self.queue).gate = Gate::Open;
    }

    /// Takes no more frames in and drops those that wait; how many those were.
    pub(super) fn close(&self) -> usize {
        lock(&self.queue).gate = Gate::Closed;
        self.clear()
    }

    /// Drops the frames that wait; how many those were.
    pub(super) fn clear(&self) -> usize {
        let mut queue = lock(&self.queue);
        let count = queue.frames.len();
        queue.frames.clear();
        queue.pieces.clear();
        queue.bytes = 0;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> [Bytes; 1] {
        [Bytes::from(vec![7; length])]
    }

    #[test]
    fn a_full_outbox_drops_the_newest_and_keeps_its_bound() {
        let outbox = Outbox::new(32, 16);
        assert_eq!(outbox.push(0, frame(1)), Err(Dropped::NotConnected));
        outbox.open();
        assert_eq!(outbox.push(0, frame(17)), Err(Dropped::Size));
        assert_eq!(outbox.push(0, []), Err(Dropped::Size));
        assert_eq!(outbox.push(0, frame(16)), Ok(16));
        assert_eq!(outbox.push(0, frame(16)), Err(Dropped::QueueFull));
        assert_eq!(outbox.push(0, frame(8)), Ok(8));
        assert_eq!(outbox.room(), 0);
        assert_eq!(outbox.close(), 2);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_lane_is_as_urgent_as_the_strongest_frame_on_it() {
        let outbox = Outbox::new(1024, 16);
        outbox.open();
        outbox.push(0, frame(8)).unwrap();
        outbox.push(3, frame(8)).unwrap();
        outbox.push(1, frame(8)).unwrap();
        let mut batch = Batch::default();
        assert_eq!(outbox.take(&mut batch, 1).await, 3);
        assert_eq!(outbox.take(&mut Batch::default(), 1).await, 3);
        assert_eq!(outbox.take(&mut Batch::default(), 1).await, 1);
    }
}
