//! A leader whose disk is full transfers leadership to a node whose disk has room: it would refuse every write.
//!
//! Which that is, the others are asked: a node that only follows may have been turning entries away
//! for as long. Where all are full nobody is better off, and it leads on.

use std::time::Duration;

use kraft_client::{ClientLimits, RpcClient};
use kraft_proto::{Instant, NodeId};
use kraft_wire::api::{DiskRoom, FRAME_BYTES_MAX, Request, Response};
use kraft_wire::cert::Credentials;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Office;

/// How long a disk has been full before its node transfers leadership: a log that is compacted, or a file that
/// somebody removes, may make room at once.
const FULL_MIN: Duration = Duration::from_millis(500);

/// How long the others are waited for, and how long until they are asked again.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(5);

/// Somebody who might lead instead, and where it takes clients.
pub(in crate::node) type Candidate = (NodeId, String);

/// How it is found out who could lead instead.
#[derive(Debug)]
pub(super) struct StandbySearch {
    /// Takes the one that has room and most of the log.
    found: mpsc::UnboundedSender<NodeId>,
    ask_at: Instant,
}

impl StandbySearch {
    pub fn new(found: mpsc::UnboundedSender<NodeId>) -> Self {
        Self {
            found,
            ask_at: Instant::ZERO,
        }
    }
}

impl Office {
    /// Whether this node leads with a disk that has been full for this long, and is to look for
    /// somebody to transfer leadership to.
    pub fn wants_standby(&self, now: Instant, full_for: Duration) -> bool {
        self.leads() && full_for >= FULL_MIN && now >= self.standby.ask_at
    }

    /// Asks who of these could lead instead.
    pub fn look_for_standby(
        &mut self,
        now: Instant,
        others: Vec<Candidate>,
        credentials: Credentials,
    ) {
        self.standby.ask_at = now.after(PAUSE);
        let found = self.standby.found.clone();
        tokio::spawn(async move {
            let mut asked = Vec::new();
            for (id, address) in others {
                let credentials = credentials.clone();
                asked.push(tokio::spawn(async move {
                    let room = timeout(PATIENCE, last_with_room(&address, &credentials)).await;
                    Some((room.ok()??, id))
                }));
            }
            let mut best = None;
            for asked in asked {
                best = best.max(asked.await.ok().flatten());
            }
            if let Some((_, id)) = best {
                // An error means that the node is gone.
                let _ = found.send(id);
            }
        });
    }
}

/// The last index of a node whose disk takes entries; `None` if it does not, or does not answer.
async fn last_with_room(address: &str, credentials: &Credentials) -> Option<u64> {
    let limits = ClientLimits {
        frame_bytes_max: FRAME_BYTES_MAX,
        ..ClientLimits::default()
    };
    let client = RpcClient::connect(address, credentials, limits)
        .await
        .ok()?;
    let answer = client.call(Request::Status.encode()).await.ok()?;
    match Response::decode(&answer).ok()? {
        Response::Status(report) if report.disk.room == DiskRoom::Enough => {
            Some(report.last.index.0)
        }
        _ => None,
    }
}
