//! The fixed cluster of a lesson: what it shows follows from classes and faults, not from a draw.
//!
//! Links are slow enough to watch, disks are quick, nothing is lost by chance, and a crash leaves
//! nothing that was not held: what a sweep draws is fair, and here it would hide the lesson.

use core::time::Duration;

use kraft_proto::{Config, NodeId, StoreId};

use super::disk::Leaves;
use super::run::{RUN_VERSION, Run};
use super::setup::{DiskSpeed, NODES_MAX, Network, Setup, Stores};

/// How long a lesson lasts unless somebody says otherwise.
pub const LAB_US: u64 = 12_000_000;

/// A run of so many nodes in which nothing is done yet.
pub fn lab(nodes: u8, seed: u64) -> Run {
    let nodes = nodes.clamp(1, NODES_MAX as u8);
    let configs = (1..=u64::from(nodes)).map(|id| Config {
        election_timeout_min: Duration::from_millis(300),
        election_timeout_max: Duration::from_millis(600),
        heartbeat: Duration::from_millis(100),
        ..Config::new(NodeId(id), StoreId(100 + id), (seed << 4) + id)
    });
    Run {
        version: RUN_VERSION,
        seed,
        setup: Setup {
            voters: nodes,
            learners: 0,
            stores: Stores::Named,
            nodes: configs.collect(),
            network: Network {
                delay_us_min: 40_000,
                delay_us_max: 60_000,
                loss_permille: 0,
                copy_permille: 0,
                late_permille: 0,
            },
            disk: DiskSpeed {
                write_us: (800, 1200),
                sync_us: (6_000, 10_000),
            },
            outputs_max: None,
            leaves: Leaves::Nothing,
            plant: None,
        },
        loads: Vec::new(),
        actions: Vec::new(),
        storm_us: LAB_US,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_of_any_size_can_be_read_again() {
        for nodes in 1..=NODES_MAX as u8 {
            let run = lab(nodes, 7);
            assert_eq!(Run::from_json(&run.to_json()), Ok(run), "{nodes} nodes");
        }
    }
}
