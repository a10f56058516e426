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
use super::lane::Lane;
use super::slot::{AtWork, Link, Slot};
use super::stats::Fault;

/// Bytes written to a stream at a time.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// How a lane came to an end.
enum Ended {
    /// With its connection.
    Lost,
    /// By what the peer did.
    Fault(Fault),
}

/// The lanes the peer has opened.
type Opened = Arc<[AtomicBool; Lane::ALL.len()]>;

/// Works until the connection ends, and tells.
pub(super) async fn run(shared: Arc<Shared>, slot: Arc<Slot>, link: Link, at_work: AtWork) {
    let connection = &link.connection;
    let mut lanes = JoinSet::new();
    for lane in Lane::ALL {
        lanes.spawn(write_lane(connection.clone(), slot.clone(), lane));
    }
    let opened = Opened::default();
    let lost = loop {
        tokio::select! {
            lost = connection.closed() => break lost,
            Ok(stream) = connection.accept_uni() => {
                let shared = shared.clone();
                lanes.spawn(read_lane(shared, slot.clone(), stream, opened.clone()));
            }
            Some(Ok(Ended::Fault(fault))) = lanes.join_next() => {
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
    lanes.shutdown().await;
    drop(at_work);
    slot.release(&link, reason, &shared.events, &shared.stats)
        .await;
}

async fn write_lane(connection: Connection, slot: Arc<Slot>, lane: Lane) -> Ended {
    let outbox = slot.outbox(lane);
    let mut batch = Batch::default();
    batch.push_slice(&[lane.tag()]);
    let mut priority = outbox.take(&mut batch, BATCH_BYTES_MAX).await;
    let Ok(mut stream) = connection.open_uni().await else {
        return Ended::Lost;
    };
    loop {
        if stream.priority() != Ok(priority) && stream.set_priority(priority).is_err() {
            return Ended::Lost;
        }
        match batch.write_to(&mut stream).await {
            Ok(()) => {}
            // The peer reads every lane to its end.
            Err(quinn::WriteError::Stopped(_)) => return Ended::Fault(Fault::NoFrames),
            Err(_) => return Ended::Lost,
        }
        priority = outbox.take(&mut batch, BATCH_BYTES_MAX).await;
    }
}

async fn read_lane(
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    mut stream: RecvStream,
    opened: Opened,
) -> Ended {
    let mut tag = [0];
    let lane = match stream.read_exact(&mut tag).await {
        Ok(()) => Lane::from_tag(tag[0]),
        Err(quinn::ReadExactError::ReadError(quinn::ReadError::ConnectionLost(_))) => {
            return Ended::Lost;
        }
        Err(_) => None,
    };
    let Some(lane) = lane else {
        return Ended::Fault(Fault::UnknownLane);
    };
    if opened[lane.index()].swap(true, Ordering::Relaxed) {
        return Ended::Fault(Fault::LaneTwice);
    }
    let mut frames = FrameReader::new(stream, shared.limits.frame_bytes_max);
    loop {
        match frames.next().await {
            Ok(Some(bytes)) => {
                shared.stats.count_received(lane, bytes.len());
                let from = slot.peer;
                let frame = Event::Frame { from, lane, bytes };
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
