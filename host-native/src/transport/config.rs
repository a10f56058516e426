//! What a transport is bound with.

use std::net::SocketAddr;
use std::time::Duration;

use kraft_proto::ids::NodeId;
use kraft_wire::cert::Credentials;

use super::hello::Hello;
use super::stream::Stream;

/// What [`Transport::bind`](super::Transport::bind) needs.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// The address to receive at; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The other nodes, and where each may be reached, the likeliest first: `host:port`, looked up at every attempt.
    pub peers: Vec<(NodeId, Vec<String>)>,
    /// What this node says of itself.
    pub hello: Hello,
    /// Where clients reach this node, `host:port`, for its peers to pass on; may be empty.
    pub clients: String,
    /// The certificate of this node.
    pub credentials: Credentials,
    /// What it may take in.
    pub limits: Limits,
    /// When it gives up and tries again.
    pub timing: Timing,
}

/// Bounds of the memory the transport takes, whatever peers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one frame, on every stream. All nodes need the same.
    pub frame_bytes_max: u32,
    /// Bytes that wait for the control stream to one peer.
    pub control_bytes_max: usize,
    /// Bytes that wait for the append stream to one peer.
    pub append_bytes_max: usize,
    /// Bytes that wait for the snapshot stream to one peer.
    pub snapshot_bytes_max: usize,
    /// Bytes of events not yet taken; beyond it peers are slowed down.
    pub events_bytes_max: usize,
    /// Nodes known at a time, configured or calling by themselves.
    pub nodes_max: usize,
    /// Connections at a time that have not finished their hello.
    pub hellos_max: usize,
}

/// When to give up, and when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Silence after which a keep-alive is sent.
    pub keep_alive: Duration,
    /// Silence after which the other side is taken for dead.
    pub idle: Duration,
    /// From dialing, or from being dialed, to the end of the hello.
    pub connect: Duration,
    /// The longest pause between attempts to reach a peer that does not answer.
    pub retry_max: Duration,
    /// The pause after a first refusal that will last until someone changes something; it doubles
    /// from there.
    pub refused: Duration,
    /// The longest such pause.
    pub refused_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            frame_bytes_max: 4 * MIB as u32,
            control_bytes_max: MIB,
            append_bytes_max: 16 * MIB,
            snapshot_bytes_max: 8 * MIB,
            events_bytes_max: 8 * MIB,
            nodes_max: 64,
            hellos_max: 64,
        }
    }
}

impl Limits {
    pub(super) const fn queue_bytes_max(&self, stream: Stream) -> usize {
        match stream {
            Stream::Control => self.control_bytes_max,
            Stream::Append => self.append_bytes_max,
            Stream::Snapshot => self.snapshot_bytes_max,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_millis(100),
            idle: Duration::from_secs(1),
            connect: Duration::from_millis(500),
            retry_max: Duration::from_millis(200),
            refused: Duration::from_secs(1),
            refused_max: Duration::from_secs(30),
        }
    }
}
