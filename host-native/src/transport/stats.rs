//! What the transport counted since it was bound.

use std::sync::atomic::{AtomicU64, Ordering};

use kraft_wire::quic::ConnectionRefusalKind;

use super::stream::Stream;

/// Why a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// No connection to that peer, or it ended while the frame waited.
    NotConnected,
    /// The stream's queue has no room: the peer or the network is slower than the sender.
    QueueFull,
    /// Appends are held; see [`Hold`](super::Hold).
    Held,
    /// Empty, or longer than `frame_bytes_max`.
    Size,
}

/// What a connected peer did that ended its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It announced a frame longer than `frame_bytes_max`.
    FrameTooLarge,
    /// What it sent on a stream is no sequence of frames.
    NoFrames,
    /// It opened a stream of no known kind.
    UnknownStream,
    /// It opened a stream twice.
    StreamTwice,
    /// The content of a frame made no sense to its reader.
    Garbage,
}

/// Counters, each only rising. Reading them costs nothing to those who count.
#[derive(Debug, Default)]
pub struct TransportStats {
    sent: [Traffic; Stream::ALL.len()],
    received: [Traffic; Stream::ALL.len()],
    dropped: [AtomicU64; Dropped::ALL.len()],
    refused: [AtomicU64; ConnectionRefusalKind::ALL.len()],
    faults: [AtomicU64; Fault::ALL.len()],
    differences: AtomicU64,
    connects: AtomicU64,
    disconnects: AtomicU64,
    spares: AtomicU64,
}

#[derive(Debug, Default)]
struct Traffic {
    frames: AtomicU64,
    bytes: AtomicU64,
}

/// Frames and their bytes, without prefixes and the network's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficCount {
    /// Frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::NotConnected, Self::QueueFull, Self::Held, Self::Size];

    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::QueueFull => "queue_full",
            Self::Held => "held",
            Self::Size => "size",
        }
    }
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] = [
        Self::FrameTooLarge,
        Self::NoFrames,
        Self::UnknownStream,
        Self::StreamTwice,
        Self::Garbage,
    ];

    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::FrameTooLarge => "frame_too_large",
            Self::NoFrames => "no_frames",
            Self::UnknownStream => "unknown_stream",
            Self::StreamTwice => "stream_twice",
            Self::Garbage => "garbage",
        }
    }
}

impl TransportStats {
    /// Frames taken for sending to any peer on `stream`.
    pub fn sent(&self, stream: Stream) -> TrafficCount {
        self.sent[stream.index()].read()
    }

    /// Frames received from any peer on `stream`.
    pub fn received(&self, stream: Stream) -> TrafficCount {
        self.received[stream.index()].read()
    }

    /// Frames dropped for this reason.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped[reason as usize].load(Ordering::Relaxed)
    }

    /// Connections refused for this reason, by us or by the other side.
    pub fn refused(&self, kind: ConnectionRefusalKind) -> u64 {
        self.refused[kind as usize].load(Ordering::Relaxed)
    }

    /// Connections ended for this fault of the peer's.
    pub fn faults(&self, fault: Fault) -> u64 {
        self.faults[fault as usize].load(Ordering::Relaxed)
    }

    /// Settings found to differ from a peer's, counted at each connection.
    pub fn differences(&self) -> u64 {
        self.differences.load(Ordering::Relaxed)
    }

    /// Connections that came up.
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// Connections that ended after they were up.
    pub fn disconnects(&self) -> u64 {
        self.disconnects.load(Ordering::Relaxed)
    }

    /// Connections this side closed because another one with the same peer was kept. A few are
    /// usual, when both sides dial at once or one was restarted; more and more of them mean that
    /// two processes run with the same certificate.
    pub fn spares(&self) -> u64 {
        self.spares.load(Ordering::Relaxed)
    }

    pub(super) fn count_sent(&self, stream: Stream, bytes: usize) {
        self.sent[stream.index()].add(bytes);
    }

    pub(super) fn count_received(&self, stream: Stream, bytes: usize) {
        self.received[stream.index()].add(bytes);
    }

    pub(super) fn count_dropped(&self, reason: Dropped, frames: usize) {
        self.dropped[reason as usize].fetch_add(frames as u64, Ordering::Relaxed);
    }

    /// Counts a refusal and says how many of its kind there have been.
    pub(super) fn count_refused(&self, kind: ConnectionRefusalKind) -> u64 {
        1 + self.refused[kind as usize].fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn count_fault(&self, fault: Fault) {
        self.faults[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_difference(&self) {
        self.differences.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_spare(&self) {
        self.spares.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_connect(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_disconnect(&self) {
        self.disconnects.fetch_add(1, Ordering::Relaxed);
    }
}

impl Traffic {
    fn add(&self, bytes: usize) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn read(&self) -> TrafficCount {
        TrafficCount {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
