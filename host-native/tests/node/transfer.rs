//! Leadership that moves on real nodes: asked for, before a clean stop, and off a stuck disk. The
//! rig's election timeouts are seconds long: what is quicker did not wait for one.

use std::time::{Duration, Instant};

use kraft_client::ClientError;
use kraft_proto::{CommitMode, FsyncMode, Grade, Held, NodeId};

use crate::rig::Cluster;

/// The shortest election timeout of the rig.
const ELECTION: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_goes_where_it_is_asked_to_while_writes_go_on() {
    let cluster = Cluster::start().await;
    let client = cluster.client.clone();
    let writing = tokio::spawn(async move {
        let mut slowest = Duration::ZERO;
        for n in 0..300 {
            let started = Instant::now();
            let answer = client.put(format!("k{n}"), "v").send().await.unwrap();
            assert_eq!(answer.grade, Grade::AsAsked);
            slowest = slowest.max(started.elapsed());
        }
        slowest
    });
    for to in [1, 2, 3, 1, 2, 3] {
        let leads = cluster.client.transfer(Some(NodeId(to))).await.unwrap();
        assert_eq!(leads.leader, NodeId(to));
    }
    let led = cluster.leader().await;
    assert_eq!(led, 2);
    let leads = cluster.client.transfer(None).await.unwrap();
    assert_ne!(leads.leader, NodeId(3), "somebody else");
    let slowest = writing.await.unwrap();
    println!("7 transfers under writes; the slowest write took {slowest:?}");
    assert!(slowest < ELECTION, "{slowest:?}: none waited for a timeout");
    let refused = cluster.client.transfer(Some(NodeId(9))).await;
    match refused {
        Err(ClientError::Refused(refusal)) => {
            assert!(
                refusal.to_string().contains("node 9 is no member"),
                "{refusal}"
            );
        }
        other => panic!("{other:?}"),
    }
    cluster.agree().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_of_the_leader_costs_no_election_timeout() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let stopped = cluster.nodes.remove(leader);
    let started = Instant::now();
    stopped.stop().await;
    let answer = cluster.client.put("k", "v").send().await.unwrap();
    let took = started.elapsed();
    assert_eq!(answer.grade, Grade::AsAsked);
    println!("stopped, and written under the next leader, in {took:?}");
    assert!(took < ELECTION, "{took:?}");
    cluster.stop().await;
}

/// What only the leader's disk could answer is answered by commit under the next leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_whose_disk_is_stuck_hands_over_and_its_writes_are_answered() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    cluster.nodes[leader].disk.gate.shut();
    let put = cluster.client.put("own", "x").mode(CommitMode::LeaderOnly);
    let started = Instant::now();
    let answer = put.fsync(FsyncMode::Commit).send().await.unwrap();
    let took = started.elapsed();
    assert_eq!(answer.grade, Grade::AsAsked);
    assert_eq!(answer.achieved.unwrap().held, Held::Synced);
    assert!(
        !cluster.nodes[leader].disk.gate.is_open(),
        "not by its disk"
    );
    println!("a write that waits for a stuck disk is answered after {took:?}");
    assert!(took >= Duration::from_secs(5), "{took:?}: it had its time");
    assert!(!cluster.leads(leader).await);
    cluster.client.put("more", "x").send().await.unwrap();
    cluster.nodes[leader].disk.gate.open();
    cluster.agree().await;
    cluster.stop().await;
}
