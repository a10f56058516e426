//! Where nodes are found: nodes that moved, nodes that are down, and addresses of both kinds.

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use host_native::setup::{self, Place, Plan};
use kraft_proto::presets::Preset;
use kraft_proto::zones::ZoneTable;

use crate::e2e;
use crate::e2e::Cluster;
use crate::e2e::ports::Block;
use crate::e2e::process::{self, Program};

/// A busy machine must not look like a dead leader.
const CALM: &[&str] = &[
    "--election-timeout-min",
    "1s",
    "--election-timeout-max",
    "2s",
];

/// A node that moved to another address tells its peers and clients where it is now: when it leads, nobody is sent to its
/// old address.
#[tokio::test(flavor = "multi_thread")]
async fn clients_find_a_leader_that_moved() {
    let mut cluster = Cluster::start_with(CALM).await;
    let moved = cluster.follower().await;
    cluster.nodes[moved].stop();
    let old = cluster.nodes[moved].clients.clone();
    let address = cluster.nodes[moved].start_at_other_client_port();
    cluster.nodes[moved].clients.clone_from(&address);
    cluster.caught_up(moved).await;
    let id = (moved + 1).to_string();
    cluster
        .until("a transfer to the node that moved", async || {
            (cluster.run(&["transfer", &id]).code == 0).then_some(())
        })
        .await;

    // These know its old address only.
    let put = cluster.run(&["put", "moved", "yes", "--deadline", "5s"]);
    assert_eq!(put.code, 0, "{}", put.json);
    let status = cluster.run(&["status"]);
    let told = status.json.to_string();
    assert!(told.contains(&address), "{told}");
    assert!(
        !told.contains(&format!("\"client_address\":\"{old}\"")),
        "{told}"
    );
}

/// A node that is down costs a command a head start and no more, wherever it stands in the list.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_down_holds_nobody_up() {
    let mut cluster = Cluster::start_with(CALM).await;
    if cluster.leader().await == 0 {
        assert_eq!(cluster.run(&["transfer", "2"]).code, 0);
        cluster
            .until("another leader", async || {
                (cluster.leader().await != 0).then_some(())
            })
            .await;
    }
    // Taken, so that nobody says at once that nobody is there.
    cluster.nodes[0].kill();
    let silent = UdpSocket::bind(&cluster.nodes[0].clients).unwrap();
    assert_eq!(cluster.run(&["put", "k", "v"]).code, 0);
    let took = |began: Instant| began.elapsed();
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(cluster.run(&["get", "k"]).code, 0);
        quickest = quickest.min(took(began));
    }
    assert!(quickest < Duration::from_millis(700), "{quickest:?}");
    drop(silent);
}

/// A node that was made for an IPv6 address listens there, and for IPv4 too.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_at_an_ipv6_address_is_reached_by_both_kinds() {
    if UdpSocket::bind("[::1]:0").is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let block = Block::take();
    let [first, second, third] = block.ports();
    assert_eq!((second, third), (first + 1, first + 2));
    let plan = Plan {
        places: vec![Place::host(&format!("[::1]:{first}")).unwrap()],
        preset: Preset::Balanced,
        zones: ZoneTable::default(),
    };
    let created = setup::create(&dir.path().join("kraft"), &plan).unwrap();
    let mut server: Command = e2e::kraft();
    server
        .args(["server", "--until-stdin-closes", "--config"])
        .arg(&created.nodes[0])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _server = Program::start(&mut server);
    for host in ["::1", "127.0.0.1"] {
        let member = format!("1@{host}/{}", e2e::authority_of(host, second));
        let mut put = e2e::kraft();
        put.args(["put", "k", host, "--config"])
            .arg(&created.client)
            .env("KRAFT_MEMBERS", &member);
        let output = process::output(&mut put);
        assert!(output.status.success(), "{host}: {output:?}");
    }
}
