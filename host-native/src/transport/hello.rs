//! What peers say of themselves before anything else; see [`kraft_wire::quic::hello`].

use bytes::Bytes;
use kraft_proto::cluster::{ClusterId, Epoch};
use kraft_proto::ids::{Incarnation, NodeId, StoreId};
use kraft_wire::quic::{ConnectionRefusal, hello};
use serde::{Deserialize, Serialize};

/// The protocol of the peers' listener, as TLS negotiates it.
pub const PEER_ALPN: &str = "kraft/1";

/// The version of what peers say to each other.
pub const PEER_VERSION: u16 = 2;

/// What a node says of itself to its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The cluster it belongs to; the certificate must say the same.
    pub cluster: ClusterId,
    /// Which node it is; the certificate must say the same.
    pub node: NodeId,
    /// Its data store.
    pub store: StoreId,
    /// How often its cluster was founded anew; nodes of another epoch are of another cluster.
    pub epoch: Epoch,
    /// Its start.
    pub incarnation: Incarnation,
    /// What ought to be equal on every node.
    pub settings: Settings,
}

/// Digests of the settings that ought to be equal on every node. A difference is reported, and
/// changes nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Of the table of zones.
    pub zones: u64,
    /// Of the class of a write that names none.
    pub default_class: u64,
    /// Of what a node that lost power may do.
    pub on_power_loss: u64,
}

/// One of [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The table of zones.
    Zones,
    /// The class of a write that names none.
    DefaultClass,
    /// What a node that lost power may do.
    OnPowerLoss,
}

/// A peer's hello with what changes from start to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PeerHello {
    pub(super) hello: Hello,
    /// The number its process drew when it started: two connections with the same number come from the same process.
    pub(super) process: u64,
    /// Where clients reach it, `host:port`; empty if it does not say.
    pub(super) clients: String,
}

impl Hello {
    /// Reads the first words of a peer as they travel.
    ///
    /// # Errors
    ///
    /// Says why the connection would be closed: another version, or no hello at all.
    pub fn read(opening: &[u8]) -> Result<Self, ConnectionRefusal> {
        hello::decode(PEER_VERSION, opening).map(|PeerHello { hello, .. }| hello)
    }

    /// The first words of a node whose process drew this number.
    ///
    /// # Errors
    ///
    /// None that a hello gives rise to.
    pub fn write(self, process: u64) -> Result<Bytes, ConnectionRefusal> {
        let ours = PeerHello {
            hello: self,
            process,
            clients: String::new(),
        };
        hello::encode(PEER_VERSION, &ours)
    }
}

impl Setting {
    /// Its name in logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Zones => "zones",
            Self::DefaultClass => "default_class",
            Self::OnPowerLoss => "on_power_loss",
        }
    }
}

impl Settings {
    /// The settings that are not equal in `other`.
    pub fn differences(self, other: Self) -> impl Iterator<Item = Setting> {
        [
            (Setting::Zones, self.zones == other.zones),
            (
                Setting::DefaultClass,
                self.default_class == other.default_class,
            ),
            (
                Setting::OnPowerLoss,
                self.on_power_loss == other.on_power_loss,
            ),
        ]
        .into_iter()
        .filter_map(|(setting, equal)| (!equal).then_some(setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_that_differs_is_named() {
        let ours = Settings::default();
        let theirs = Settings {
            zones: 1,
            on_power_loss: 2,
            ..ours
        };
        let named: Vec<_> = ours.differences(theirs).collect();
        assert_eq!(named, [Setting::Zones, Setting::OnPowerLoss]);
    }
}
