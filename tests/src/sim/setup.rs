//! What a world is made of: its members, their settings, its network and its disks.

use kraft_proto::{Config, Member, Members, NodeId};
use serde::{Deserialize, Serialize};

use super::disk::Leaves;
use super::members::store;
use super::plant::Plant;

/// Nodes of a world at most.
pub const NODES_MAX: usize = 9;

/// The longest that anything in a run may take: a day.
pub const SPAN_US_MAX: u64 = 24 * 60 * 60 * 1_000_000;

/// The configuration of a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// How many vote from the start: nodes 1 and following.
    pub voters: u8,
    /// How many learn from the start: those behind the voters. Others may join later.
    pub learners: u8,
    /// Whether the members are bound to their stores from the start.
    pub stores: Stores,
    /// The settings of each node, in order of its id. The store of node `n` is `100 + n`.
    pub nodes: Vec<Config>,
    /// The network before any action changes it.
    pub network: Network,
    /// How quick the disks are.
    pub disk: DiskSpeed,
    /// Outputs a host fetches at a time; the rest waits a millisecond.
    pub outputs_max: Option<u32>,
    /// What a crash leaves of that which nothing holds yet.
    #[serde(default, skip_serializing_if = "Setup::is_by_chance")]
    pub leaves: Leaves,
    /// What is wrong on purpose, so that an oracle has something to find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plant: Option<Plant>,
}

/// Whether the configuration names its members' stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stores {
    /// It does.
    Named,
    /// The first that answers is believed.
    Any,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The quickest, in microseconds.
    pub delay_us_min: u64,
    /// The slowest, except those that are late.
    pub delay_us_max: u64,
    /// Lost, of a thousand.
    pub loss_permille: u16,
    /// Doubled, of a thousand.
    pub copy_permille: u16,
    /// Late by twenty times the slowest, of a thousand.
    pub late_permille: u16,
}

/// How quick a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpeed {
    /// A write call, at least and at most, in microseconds.
    pub write_us: (u64, u64),
    /// An fsync.
    pub sync_us: (u64, u64),
}

impl Setup {
    fn is_by_chance(leaves: &Leaves) -> bool {
        *leaves == Leaves::Some
    }

    /// The members as every node is told.
    pub fn members(&self) -> Members {
        let (voters, rest) = self.nodes.split_at(usize::from(self.voters));
        let learners = &rest[..usize::from(self.learners)];
        let members = match self.stores {
            Stores::Any => Members::new(
                voters.iter().map(|config| config.id),
                learners.iter().map(|config| config.id),
            ),
            Stores::Named => {
                Members::with_stores(voters.iter().map(member), learners.iter().map(member))
            }
        };
        members.expect("a setup has one to nine members")
    }

    /// What makes no sense in it.
    pub fn check(&self) -> Result<(), String> {
        let count = self.nodes.len();
        let ids = self.nodes.iter().map(|config| config.id);
        let members = usize::from(self.voters) + usize::from(self.learners);
        if count > NODES_MAX || members > count || self.voters == 0 {
            return Err(format!(
                "1 to {NODES_MAX} nodes, one of them at least a voter"
            ));
        }
        if !ids.eq((1..=count as u64).map(NodeId)) {
            return Err("nodes are numbered from 1".to_string());
        }
        let on_first_store = |config: &Config| config.store == store(config.id.0, 1);
        if !self.nodes.iter().all(on_first_store) {
            return Err("the store of node n is 100 + n".to_string());
        }
        let Network {
            delay_us_min,
            delay_us_max,
            ..
        } = self.network;
        let spans = [
            (delay_us_min, delay_us_max),
            self.disk.write_us,
            self.disk.sync_us,
        ];
        if !spans
            .iter()
            .all(|(least, most)| least <= most && *most <= SPAN_US_MAX)
        {
            return Err("a span of time ends before it begins, or after a day".to_string());
        }
        self.nodes
            .iter()
            .try_for_each(|config| config.check().map_err(|error| error.to_string()))
    }
}

fn member(config: &Config) -> Member {
    Member {
        id: config.id,
        store: config.store,
    }
}
