//! Why a node does not start, or stopped.

use std::net::SocketAddr;

use kraft_proto::{
    ConfigError as CoreConfigError, Incarnation, LogIndex, LogPosition, MembersError, NodeId,
};
use kraft_storage::{DiskError, StoreOpenError, Unfinished};
use kraft_wire::cert::CertError;
use kraft_wire::quic::BindError;

use super::members::MembersRefused;
use crate::config::ConfigError;

/// Why a node does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration lacks something, or does not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Cert(#[from] CertError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreOpenError),
    /// The peers' listener cannot be opened.
    #[error(transparent)]
    Peers(#[from] BindError),
    /// The clients' listener cannot be opened.
    #[error(transparent)]
    Clients(BindError),
    /// The admin port cannot be opened.
    #[error(
        "the admin port {listen} cannot be opened: {source}; nothing runs. Choose another with \
         listen.admin"
    )]
    Admin {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The members of the directory are not those to start with.
    #[error(transparent)]
    Members(#[from] MembersRefused),
    /// The core refuses its settings or the recovered log.
    #[error("{0}; nothing runs")]
    Core(CoreConfigError),
    /// The process may not have enough files open.
    #[error(
        "this process may have {limit} files open and needs {needed}, one for each segment of its log; \
         nothing runs. Raise the limit (`ulimit -n`, LimitNOFILE= of its service) and start it again"
    )]
    Descriptors {
        /// How many it may.
        limit: u64,
        /// How many it needs.
        needed: u64,
    },
    /// The process has all the files open that it may.
    #[error(
        "this process may have {limit} files open, and has: {source}; nothing runs. Raise the limit \
         (`ulimit -n`, LimitNOFILE= of its service) and start it again"
    )]
    NoDescriptors {
        /// How many it may.
        limit: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// The disk failed while the node ran.
    #[error(
        "{0}. The node has stopped; nothing was acknowledged that the disk had not reported. \
         Look after the disk and start the node again"
    )]
    Disk(DiskError),
    /// The disk did not finish when the node was to stop.
    #[error(
        "{0}. The node has stopped all the same, and starts as after a crash; nothing that was \
         acknowledged as synced is affected. Look after the disk and start the node again"
    )]
    Unfinished(Unfinished),
    /// Entries that are committed cannot be read back.
    #[error("{0}. The node has stopped: it cannot apply what is committed")]
    Unreadable(kraft_storage::ReadError),
    /// The snapshots cannot be used.
    #[error("{0}. The node was not started; see to the disk, then start again")]
    Snapshots(kraft_storage::IoError),
    /// No snapshot joins the log.
    #[error(
        "the log begins behind entry {base}, and no snapshot reaches it: {warnings}. The node was not started: from an \
         older state it would have forgotten what it promised. Wipe the directory and let the node rejoin as a new store"
    )]
    NothingJoins {
        /// The entry before the first of the log.
        base: LogPosition,
        /// What was found of the snapshots.
        warnings: String,
    },
    /// Bytes this node had checked are no longer what they were.
    #[error(
        "entry {0} was damaged in this node's memory. The node has stopped before it could be \
         written, sent or applied; look after the memory and start it again"
    )]
    Damaged(LogPosition),
    /// The same store runs a second time.
    #[error(
        "this data directory is a copy of one that runs: its start {0} answers the leader. This node \
         does not run, and does not start again by itself. Keep one of the two, and format the other \
         anew with `kraft init`; if the other is gone for good, `kraft recover --only-copy` lets this \
         one take its place"
    )]
    Superseded(Incarnation),
    /// The cluster goes on without this node.
    #[error(
        "node {node} was removed from its cluster, by the configuration at entry {at}, which is committed. It has \
         stopped, and the cluster needs nothing of it. To have this machine join again, give it a number of its own \
         with `kraft cert issue node`, then `kraft join`"
    )]
    Removed {
        /// This node.
        node: NodeId,
        /// Where that configuration stands.
        at: LogIndex,
    },
    /// The members make no cluster.
    #[error("{0}; nothing was changed")]
    NoMembers(MembersError),
    /// No random number to tell this start from others.
    #[error("the operating system gives no random numbers; nothing runs")]
    Entropy,
    /// No thread for the disk.
    #[error("no thread for the disk could be started: {0}; nothing runs")]
    Thread(std::io::Error),
}
