//! What tells the series of one family apart.

use std::fmt::{self, Write as _};

use kraft_proto::health::AlertKind;
use kraft_proto::ids::NodeId;
use kraft_proto::modes::{Class, CommitMode, FsyncMode, Held};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// A word in lower case as a label's value, written without an allocation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lower<T>(T);

impl<T: fmt::Display> EncodeLabelValue for Lower<T> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        struct Lowered<'a, 'b>(&'a mut LabelValueEncoder<'b>);
        impl fmt::Write for Lowered<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars()
                    .try_for_each(|c| self.0.write_char(c.to_ascii_lowercase()))
            }
        }
        write!(Lowered(encoder), "{}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CommitLabels {
    mode: Lower<CommitMode>,
    held: Lower<Held>,
    fsync: Lower<FsyncMode>,
}

impl CommitLabels {
    pub const fn new(class: Class, held: Held) -> Self {
        Self {
            mode: Lower(class.mode),
            held: Lower(held),
            fsync: Lower(class.fsync),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PeerLabels {
    peer: u64,
}

impl PeerLabels {
    pub const fn new(peer: NodeId) -> Self {
        Self { peer: peer.0 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ModeLabels {
    mode: Lower<CommitMode>,
}

impl ModeLabels {
    pub const fn new(mode: CommitMode) -> Self {
        Self { mode: Lower(mode) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    reason: &'static str,
}

impl ReasonLabels {
    pub const fn new(reason: &'static str) -> Self {
        Self { reason }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AlertLabels {
    alert: Lower<AlertKind>,
}

impl AlertLabels {
    pub const fn new(alert: AlertKind) -> Self {
        Self {
            alert: Lower(alert),
        }
    }
}
