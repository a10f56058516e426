//! What a directory was formatted with decides who is in the cluster.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use host_native::config::{Config, MemberConfig};
use host_native::kv::Kv;
use host_native::node::{MembersRefused, Node, NodeError};
use kraft_proto::{EntryKind, LogIndex, Member, Members, NodeId, Run, StoreId, Term};
use kraft_storage::testing::FaultFs;
use kraft_storage::{Founding, Identity, Opened, Options};
use kraft_wire::cert::ClusterCa;

use crate::rig;
use crate::rig::SEGMENT_BYTES;

/// A cluster of which no node runs.
struct Lab {
    dir: tempfile::TempDir,
    ca: ClusterCa,
    members: Vec<MemberConfig>,
}

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        ..Options::default()
    }
}

impl Lab {
    fn new(nodes: u64) -> Self {
        let member = |id: u64| MemberConfig {
            store: StoreId(1000 + id),
            ..format!("{id}@127.0.0.1:{}/127.0.0.1:{}", 2 * id, 2 * id + 1)
                .parse()
                .unwrap()
        };
        Self {
            dir: tempfile::tempdir().unwrap(),
            ca: ClusterCa::create(kraft_wire::cert::random_cluster_id().unwrap()).unwrap(),
            members: (1..=nodes).map(member).collect(),
        }
    }

    /// The configuration of a node on any free ports, and its disk, formatted so.
    fn node(&self, id: u64, founding: Founding) -> (Config, FaultFs) {
        let mut config = rig::configured(self.dir.path(), &self.ca, id, &self.members);
        let any = "127.0.0.1:0".parse().unwrap();
        (config.listen.peers, config.listen.clients) = (any, any);
        let disk = FaultFs::new(id);
        let identity = Identity {
            cluster: self.ca.cluster(),
            node: NodeId(id),
            store: StoreId(1000 + id),
        };
        kraft_storage::format(&config.data_dir, &disk, identity, founding).unwrap();
        (config, disk)
    }

    fn founding(&self) -> Founding {
        rig::founding_of(&self.members)
    }
}

async fn start(config: Config, disk: &FaultFs) -> Result<Node, NodeError> {
    let started = Node::start_on(disk.shared(), options(), config, Kv::default());
    started.await
}

fn open(config: &Config, disk: &FaultFs) -> Opened {
    kraft_storage::open(&config.data_dir, Arc::new(disk.clone()), &options()).unwrap()
}

/// The refusal of this start, and what it says.
async fn refusal(config: Config, disk: &FaultFs) -> (MembersRefused, String) {
    match start(config, disk).await {
        Err(NodeError::Members(refused)) => {
            let text = refused.to_string();
            (refused, text)
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it started"),
    }
}

/// 1. The files of a cluster of five are cut down to three, and its nodes restarted in turn. 2. The
/// first two restarted are a majority of three, and the three that were not of five. 3. Each
/// acknowledges what the other does not know.
#[tokio::test]
async fn a_cluster_does_not_shrink_by_an_edit_of_its_files() {
    let lab = Lab::new(5);
    for id in 1..=3 {
        let (mut config, disk) = lab.node(id, lab.founding());
        config.members.truncate(3);
        let (refused, text) = refusal(config.clone(), &disk).await;
        assert!(matches!(refused, MembersRefused::Differ { .. }), "{text}");
        let expected = "the members 1, 2 and 3, and /data was formatted with 1, 2, 3, 4 and 5";
        assert!(text.contains(expected), "{text}");
        let incarnation = open(&config, &disk).hard_state.incarnation;
        assert_eq!(
            incarnation.number, 0,
            "a refused start is no incarnation of the store"
        );
    }
}

#[tokio::test]
async fn a_cluster_does_not_grow_by_an_edit_of_its_files() {
    let lab = Lab::new(5);
    let founding = rig::founding_of(&lab.members[..3]);
    let (config, disk) = lab.node(1, founding);
    let (_, text) = refusal(config, &disk).await;
    let expected = "1, 2, 3, 4 and 5, and /data was formatted with 1, 2 and 3";
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn other_addresses_and_no_list_are_taken() {
    let lab = Lab::new(3);
    let (mut config, disk) = lab.node(1, lab.founding());
    config.members[1].peers = "moved.example:7001".parse().unwrap();
    drop(start(config.clone(), &disk).await.unwrap());
    config.members.clear();
    let disk = disk.crash(kraft_storage::testing::Crash::Process);
    drop(start(config, &disk).await.unwrap());
}

#[tokio::test]
async fn without_a_list_the_voters_of_the_directory_bound_what_may_be_asked() {
    let lab = Lab::new(3);
    let (mut config, disk) = lab.node(1, lab.founding());
    config.members.clear();
    config.durability.default.mode = kraft_proto::CommitMode::AtLeast(4);
    let refused = start(config, &disk).await.err().unwrap().to_string();
    assert!(refused.contains("4 of 3 voters"), "{refused}");
}

/// The log of node 1 holds another configuration: the file's list is of the past.
#[tokio::test]
async fn a_configuration_in_the_log_counts_whatever_the_file_lists() {
    let lab = Lab::new(5);
    let (config, disk) = lab.node(1, rig::founding_of(&lab.members[..3]));
    let member = |id: u64| Member {
        id: NodeId(id),
        store: StoreId(1000 + id),
    };
    let later = Members::with_stores([1, 2, 4].map(member), []).unwrap();
    let at = |index, kind| Run {
        term: Term(1),
        kind,
        first: LogIndex(index),
        count: 1,
    };
    let mut store = open(&config, &disk).store;
    store.append(at(1, EntryKind::NoOp), &[]).unwrap();
    let bytes = Bytes::copy_from_slice(&later.to_bytes());
    store
        .append(at(2, EntryKind::Configuration), &[bytes])
        .unwrap();
    store.close().unwrap();
    drop(start(config, &disk).await.unwrap());
}

#[tokio::test]
async fn a_directory_that_is_to_join_starts_nothing_by_itself() {
    let lab = Lab::new(3);
    let (config, disk) = lab.node(1, Founding::Joins);
    let (refused, text) = refusal(config.clone(), &disk).await;
    assert!(matches!(refused, MembersRefused::Unknown(_)), "{text}");
    let verified = kraft_storage::verify(Path::new("/data"), &disk).unwrap();
    assert_eq!(verified.founding, Founding::Joins);
    assert_eq!(verified.epoch, kraft_proto::cluster::Epoch(0));
}
