//! Everything a node is told, checked as a whole.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use kraft_client::ClientConfig;
use kraft_proto::cluster::ClusterId;
use kraft_proto::durability::Durability;
use kraft_proto::health::Thresholds;
use kraft_proto::ids::NodeId;
use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::modes::CommitMode;
use kraft_proto::presets::Preset;
use kraft_proto::zones::ZoneTable;
use kraft_wire::address::Address;
use kraft_wire::rpc::CLIENTS_PORT;

use super::error::ConfigError;
use super::limits::Limits;
use super::members::MemberConfig;
use super::ports::{ADMIN_PORT, PEERS_PORT};

/// The addresses a node listens at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For peers, QUIC over UDP.
    pub peers: SocketAddr,
    /// For clients, QUIC over UDP.
    pub clients: SocketAddr,
    /// For metrics and health, HTTP over TCP, without authentication: keep it on loopback.
    pub admin: SocketAddr,
}

/// The files that say who a node or client is, and whom it believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The cluster's authority, PEM.
    pub ca: PathBuf,
    /// The own certificate, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How patient a node is with its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The shortest time without a leader before a node stands for election.
    pub election_timeout_min: Duration,
    /// The longest.
    pub election_timeout_max: Duration,
    /// How often a leader is heard from when there is nothing to send.
    pub heartbeat: Duration,
}

/// When a node makes a snapshot: whichever comes first. Two are kept, and the log from the older one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// One is made after so many entries.
    pub entries: u64,
    /// One is made after so many bytes of log.
    pub bytes: u64,
    /// Where they are kept, if not in the data directory.
    pub dir: Option<PathBuf>,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: 256 * 1024 * 1024,
            dir: None,
        }
    }
}

/// Everything a node or a client is told.
///
/// A client reads the same file: it needs `cluster`, `tls` and `members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which member this is. A client has none.
    pub node: Option<NodeId>,
    /// Which cluster it belongs to.
    pub cluster: Option<ClusterId>,
    /// Where the log, the identity and the snapshots are.
    pub data_dir: PathBuf,
    /// The addresses to listen at.
    pub listen: Listen,
    /// Where clients are told to find it; where it listens, or its entry among the members, unless given.
    pub advertise_clients: Option<Address>,
    /// Certificates.
    pub tls: TlsFiles,
    /// Everybody in the cluster, and where they are. A node may leave it empty: who is in the
    /// cluster is what its directory was formatted with.
    pub members: Vec<MemberConfig>,
    /// The starting point of the durability options.
    pub preset: Preset,
    /// Durability options.
    pub durability: Durability,
    /// Bytes acknowledged early and not committed, beyond which further ones are refused.
    pub at_risk_bytes_max: u64,
    /// What becomes of early writes beyond what may be at risk.
    pub at_risk_full: AtRiskFull,
    /// What it takes on only so much of.
    pub limits: Limits,
    /// When a snapshot takes the place of the log before it, and where it is kept.
    pub snapshots: SnapshotOptions,
    /// A file of zones that replaces those of the main file.
    pub zones_file: Option<PathBuf>,
    /// Which class which keys have.
    pub zones: ZoneTable,
    /// Elections and heartbeats.
    pub timing: Timing,
    /// When an operator is told.
    pub alerts: Thresholds,
}

/// What becomes of a write that would be acknowledged early while as much is at risk as may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtRiskFull {
    /// Its client asks again until its deadline.
    #[default]
    Wait,
    /// It is refused at once.
    Refuse,
}

impl Default for Config {
    fn default() -> Self {
        // IPv4 too, where the machine has both.
        let any = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        Self {
            node: None,
            cluster: None,
            data_dir: PathBuf::from("data"),
            listen: Listen {
                peers: any(PEERS_PORT),
                clients: any(CLIENTS_PORT),
                admin: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), ADMIN_PORT),
            },
            advertise_clients: None,
            tls: TlsFiles {
                ca: PathBuf::from("ca.pem"),
                cert: PathBuf::from("node.pem"),
                key: PathBuf::from("node.key"),
            },
            members: Vec::new(),
            preset: Preset::default(),
            durability: Preset::default().durability(),
            at_risk_bytes_max: 256 * 1024 * 1024,
            at_risk_full: AtRiskFull::default(),
            limits: Limits::default(),
            snapshots: SnapshotOptions::default(),
            zones_file: None,
            zones: ZoneTable::default(),
            timing: Timing {
                election_timeout_min: Duration::from_millis(150),
                election_timeout_max: Duration::from_millis(300),
                heartbeat: Duration::from_millis(50),
            },
            alerts: Thresholds::default(),
        }
    }
}

impl Config {
    /// The durability options.
    pub const fn durability(&self) -> Durability {
        self.durability
    }

    /// The zones.
    pub fn zones(&self) -> ZoneTable {
        self.zones.clone()
    }

    /// What nodes compare when they meet: zones, default class and what a power cut means.
    pub fn policy_digest(&self) -> u64 {
        self.zones.digest_with(&self.durability)
    }

    /// The member with this id.
    pub fn member(&self, id: NodeId) -> Option<&MemberConfig> {
        self.members.iter().find(|member| member.id == id)
    }

    /// The id of this node and of its cluster, once all that a node needs is found to be there.
    ///
    /// # Errors
    ///
    /// The first thing that is missing or does not fit together.
    pub fn check_server(&self) -> Result<(NodeId, ClusterId), ConfigError> {
        let cluster = self.check_cluster()?;
        let node = self.node.ok_or(ConfigError::Missing { what: "node" })?;
        if !self.members.is_empty() && self.member(node).is_none() {
            return Err(ConfigError::unfit(format!(
                "node {node} is not among the members; add a [[members]] entry with id = {node}"
            )));
        }
        Ok((node, cluster))
    }

    /// The id of the cluster, once all that a client needs is found to be there.
    ///
    /// # Errors
    ///
    /// The first thing that is missing or does not fit together.
    pub fn check_client(&self) -> Result<ClusterId, ConfigError> {
        let cluster = self.check_cluster()?;
        if self.members.is_empty() {
            return Err(ConfigError::Missing { what: "members" });
        }
        Ok(cluster)
    }

    /// The part of it that a client is told.
    ///
    /// # Errors
    ///
    /// The first thing that is missing.
    pub fn client(&self) -> Result<ClientConfig, ConfigError> {
        let members = self.members.iter();
        Ok(ClientConfig {
            cluster: self.check_client()?,
            addresses: members.map(|member| member.clients.clone()).collect(),
            ca: self.tls.ca.clone(),
            cert: self.tls.cert.clone(),
            key: self.tls.key.clone(),
        })
    }

    fn check_cluster(&self) -> Result<ClusterId, ConfigError> {
        self.cluster.ok_or(ConfigError::Missing { what: "cluster" })
    }

    /// Refuses options that do not fit together.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.durability.check().map_err(ConfigError::unfit)?;
        self.check_members()?;
        if self.durability.default.mode == CommitMode::AtLeast(0) {
            return Err(ConfigError::unfit("default_mode is AT_LEAST_0: use ASYNC"));
        }
        if !self.members.is_empty() {
            self.check_voters(self.members.len())?;
        }
        if self.at_risk_bytes_max == 0 {
            return Err(ConfigError::unfit(
                "at_risk_bytes_max is 0: no early acknowledgement could be given",
            ));
        }
        self.limits.check()?;
        if self.snapshots.entries == 0 || self.snapshots.bytes == 0 {
            return Err(ConfigError::unfit(
                "snapshot_entries and snapshot_bytes must be above 0: a snapshot is made after so much",
            ));
        }
        self.timing.check()
    }

    /// Refuses zones and a default that ask for more than these voters.
    pub(crate) fn check_voters(&self, voters: usize) -> Result<(), ConfigError> {
        self.zones.check(voters).map_err(ConfigError::unfit)?;
        match self.durability.default.mode {
            CommitMode::AtLeast(n) if usize::from(n) > voters => Err(ConfigError::unfit(format!(
                "default_mode asks for {n} of {voters} voters: use ALL"
            ))),
            _ => Ok(()),
        }
    }

    fn check_members(&self) -> Result<(), ConfigError> {
        if self.members.len() > MEMBERS_MAX {
            return Err(ConfigError::unfit(format!(
                "{} members: a cluster has at most {MEMBERS_MAX}",
                self.members.len()
            )));
        }
        for (at, member) in self.members.iter().enumerate() {
            let earlier = &self.members[..at];
            if earlier.iter().any(|other| other.id == member.id) {
                return Err(ConfigError::unfit(format!(
                    "member {} is listed twice",
                    member.id
                )));
            }
            if earlier.iter().any(|other| other.peers == member.peers) {
                return Err(ConfigError::unfit(format!(
                    "member {} has the same peers address as another member: {}",
                    member.id, member.peers
                )));
            }
        }
        Ok(())
    }

    /// What is legal and may surprise.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.listen.admin.ip().is_loopback() {
            warnings.push(format!(
                "listen.admin is {}: metrics and status are readable by whoever reaches it; \
                 it has no authentication",
                self.listen.admin
            ));
        }
        if self.members.len() == 2 {
            warnings.push(
                "two members: the loss of either stops the cluster; three bear the loss of one"
                    .into(),
            );
        }
        warnings
    }
}

impl Timing {
    fn check(&self) -> Result<(), ConfigError> {
        let Self {
            election_timeout_min: min,
            election_timeout_max: max,
            heartbeat,
        } = *self;
        if heartbeat.is_zero() {
            return Err(ConfigError::unfit("heartbeat is zero"));
        }
        if min >= max {
            return Err(ConfigError::unfit(format!(
                "election_timeout_min ({min:?}) must be less than election_timeout_max ({max:?}), \
                 or nodes stand for election at the same time"
            )));
        }
        if heartbeat * 2 > min {
            return Err(ConfigError::unfit(format!(
                "heartbeat ({heartbeat:?}) must be at most half of election_timeout_min ({min:?}), \
                 or one lost heartbeat starts an election"
            )));
        }
        Ok(())
    }
}
