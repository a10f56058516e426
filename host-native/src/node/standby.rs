//! A leader whose disk is full transfers leadership to a node whose disk has room: it would refuse every write.
//!
//! Which that is, the others are asked: a node that only follows may have been turning entries away
//! for as long. Where all are full nobody is better off, and it leads on.

use std::time::Duration;

use kraft_client::{ClientLimits, RpcClient};
use kraft_proto::{NodeId, Role};
use kraft_wire::api::{DiskRoom, FRAME_BYTES_MAX, Request, Response};
use kraft_wire::cert::Credentials;
use tokio::time::timeout;

use super::engine::Engine;

/// How long a disk has been full before its node transfers leadership: a log that is compacted, or a file that
/// somebody removes, may make room at once.
const FULL_MIN: Duration = Duration::from_millis(500);

/// How long the others are waited for, and how long until they are asked again.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(5);

impl Engine {
    /// Looks for somebody to transfer leadership to, while this node leads with a full disk.
    pub(super) fn look_for_standby(&mut self) {
        let now = self.now();
        let full_for = self.disk.full_for(now);
        if self.role != Role::Leader || full_for < FULL_MIN || now < self.standby.ask_at {
            return;
        }
        self.standby.ask_at = now.after(PAUSE);
        let parts = &self.parts;
        let members = parts.raft.members();
        let reached = members.iter().filter(|member| {
            member.id != parts.node
                && members.is_voter(member.id)
                && parts.transport.is_up(member.id)
        });
        let others: Vec<(NodeId, String)> = reached
            .filter_map(|member| Some((member.id, parts.clients.directory().of(member.id)?)))
            .collect();
        let credentials = parts.credentials.clone();
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

    /// This node has room and could lead instead.
    pub(super) fn transfer_to(&mut self, standby: NodeId) {
        let now = self.now();
        if self.role != Role::Leader || self.disk.room == DiskRoom::Enough {
            return;
        }
        match self.parts.raft.transfer_leadership(now, Some(standby)) {
            Ok(to) => tracing::warn!(
                "the disk is full: leadership is transferred to node {to}, whose disk has room"
            ),
            Err(error) => tracing::warn!("the disk is full, and this node leads on: {error}"),
        }
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
