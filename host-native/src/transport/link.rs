//! A connection at work: frames from the outboxes onto its streams, and from its streams to events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kraft_wire::quic::{
    BadFrame, Batch, CLOSED_IN_ORDER, CLOSED_REMOVED, CLOSED_REPLACED, FrameReader, ReadFrameError,
};
use quinn::{Connection, ConnectionError, RecvStream};
use tokio::task::JoinSet;

use super::Shared;
use super::event::{DownReason, Event};
use super::slot::{AtWork, Link, Slot};
use super::stats::Fault;
use super::stream::Stream;

/// Bytes written to a stream at a time.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// How a stream came to an end.
enum Ended {
    /// With its connection.
    Lost,
    /// By what the peer did.
    Fault(Fault),
}

/// The streams the peer has opened.
type Opened = Arc<[AtomicBool; Stream::ALL.len()]>;

/// Works until the connection ends, and tells.
pub(super) async fn run(shared: Arc<Shared>, slot: Arc<Slot>, link: Link, at_work: AtWork) {
    let connection = &link.connection;
    let mut streams = JoinSet::new();
    for stream in Stream::ALL {
        streams.spawn(write_stream(connection.clone(), slot.clone(), stream));
    }
    let opened = Opened::default();
    let lost = loop {
        tokio::select! {
            lost = connection.closed() => break lost,
            Ok(receive) = connection.accept_uni() => {
                let shared = shared.clone();
                streams.spawn(read_stream(shared, slot.clone(), receive, opened.clone()));
            }
            Some(Ok(Ended::Fault(fault))) = streams.join_next() => {
                shared.stats.count_fault(fault);
                tracing::warn!(
                    peer = slot.peer.0,
                    "the peer misbehaved ({}); its connection is closed and will be made anew",
                    fault.label(),
                );
                link.end(DownReason::Fault(fault));
            }
        }
    };
    let reason = link.ended().unwrap_or_else(|| reason_of(lost));
    tracing::info!(peer = slot.peer.0, "connection ended: {reason}");
    shared.stats.count_disconnect();
    // No frame may come after the news that its connection ended.
    streams.shutdown().await;
    drop(at_work);
    slot.release(&link, reason, &shared.events, &shared.stats)
        .await;
}

async fn write_stream(connection: Connection, slot: Arc<Slot>, stream: Stream) -> Ended {
    let outbox = slot.outbox(stream);
    let mut batch = Batch::default();
    batch.push_slice(&[stream.tag()]);
    let mut priority = outbox.take(&mut batch, BATCH_BYTES_MAX).await;
    let Ok(mut send) = connection.open_uni().await else {
        return Ended::Lost;
    };
    loop {
        if send.priority() != Ok(priority) && send.set_priority(priority).is_err() {
            return Ended::Lost;
        }
        match batch.write_to(&mut send).await {
            Ok(()) => {}
            // The peer reads every stream to its end.
            Err(quinn::WriteError::Stopped(_)) => return Ended::Fault(Fault::NoFrames),
            Err(_) => return Ended::Lost,
        }
        priority = outbox.take(&mut batch, BATCH_BYTES_MAX).await;
    }
}

async fn read_stream(
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    mut receive: RecvStream,
    opened: Opened,
) -> Ended {
    let mut tag = [0];
    let stream = match receive.read_exact(&mut tag).await {
        Ok(()) => Stream::from_tag(tag[0]),
        Err(quinn::ReadExactError::ReadError(quinn::ReadError::ConnectionLost(_))) => {
            return Ended::Lost;
        }
        Err(_) => None,
    };
    let Some(stream) = stream else {
        return Ended::Fault(Fault::UnknownStream);
    };
    if opened[stream.index()].swap(true, Ordering::Relaxed) {
        return Ended::Fault(Fault::StreamTwice);
    }
    let mut frames = FrameReader::new(receive, shared.limits.frame_bytes_max);
    loop {
        match frames.next().await {
            Ok(Some(bytes)) => {
                shared.stats.count_received(stream, bytes.len());
                let from = slot.peer;
                let frame = Event::Frame {
                    from,
                    stream,
                    bytes,
                };
                shared.events.send(frame).await;
            }
            Err(ReadFrameError::Stream(quinn::ReadError::ConnectionLost(_))) => return Ended::Lost,
            Err(ReadFrameError::Bad(BadFrame::TooLarge { .. })) => {
                return Ended::Fault(Fault::FrameTooLarge);
            }
            Ok(None) | Err(_) => return Ended::Fault(Fault::NoFrames),
        }
    }
}

/// What an ended connection says about why it ended.
fn reason_of(lost: ConnectionError) -> DownReason {
    match lost {
        ConnectionError::ApplicationClosed(close) => match close.error_code {
            CLOSED_IN_ORDER => DownReason::Shutdown,
            CLOSED_REPLACED => DownReason::Replaced,
            CLOSED_REMOVED => DownReason::Removed,
            _ => DownReason::Failed(format!(
                "the peer closed it: {}",
                String::from_utf8_lossy(&close.reason)
            )),
        },
        ConnectionError::LocallyClosed => DownReason::Shutdown,
        ConnectionError::Reset => DownReason::Restarted,
        ConnectionError::TimedOut => DownReason::Silent,
        other => DownReason::Failed(other.to_string()),
    }
}
