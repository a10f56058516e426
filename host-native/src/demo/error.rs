//! Why the demo could not go on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use kraft_client::ClientError;
use kraft_proto::ids::NodeId;
use kraft_wire::cert::CertError;
use thiserror::Error;

use crate::config::ConfigError;
use crate::load::LoadError;
use crate::setup::SetupError;

/// Why the demo ended before its last step. Its nodes were stopped.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The process cannot wait for anything.
    #[error("cannot start: {0}; nothing runs")]
    Runtime(io::Error),
    /// No directory for the cluster.
    #[error("no cluster could be made: {0}")]
    Setup(#[from] SetupError),
    /// The built-in zones, or the cluster's files, are not what they should be.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The input cannot be read.
    #[error("{0}. Nothing was started")]
    Input(#[from] LoadError),
    /// The input has nothing to write.
    #[error("{} has no row with a key of its own; nothing was started", .0.display())]
    NoRows(PathBuf),
    /// Ports for three nodes are not to be had.
    #[error("no nine free ports were found on 127.0.0.1: {0}; nothing was started")]
    Ports(io::Error),
    /// A file of the demo's own cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A node could not be started.
    #[error("cannot start node {node} as {}: {source}", program.display())]
    Spawn {
        /// Which node.
        node: NodeId,
        /// The program.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A node ended by itself.
    #[error("node {node} ended by itself ({how}). Its log, {}, ends with:\n{tail}", log.display())]
    Ended {
        /// Which node.
        node: NodeId,
        /// Its exit status.
        how: String,
        /// Where its log is.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The client's certificate cannot be used.
    #[error("no client for the cluster: {0}")]
    Credentials(#[from] CertError),
    /// A request had no answer.
    #[error("{doing}: {source}")]
    Client {
        /// What was asked.
        doing: &'static str,
        /// Why there is no answer.
        source: ClientError,
    },
    /// Something did not come about in time.
    #[error("{what} did not come about within {} s. The nodes' logs are in {}", after.as_secs(), dir.display())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// The cluster's directory.
        dir: PathBuf,
    },
    /// The demonstration did not show what it set out to show.
    #[error("{0}")]
    NotShown(String),
    /// A signal came.
    #[error("interrupted; the three nodes were stopped")]
    Interrupted {
        /// Its number.
        signal: i32,
    },
}

impl DemoError {
    /// A request that had no answer.
    pub(super) fn asking(doing: &'static str) -> impl FnOnce(ClientError) -> Self {
        move |source| Self::Client { doing, source }
    }
}
