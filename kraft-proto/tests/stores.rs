//! A blank disk under an old id, and incarnations of stores that are not the member's.

mod cluster;

use std::time::Duration;

use cluster::messages::{envelope, heartbeat_reply, watermarks};
use cluster::{Cluster, id};
use kraft_proto::{
    Change, Class, Config, Envelope, Fate, Instant, Member, Members, NodeId, Nonce, Output, Raft,
    Recovery, Role, StoreId,
};

/// Three nodes whose members name each store: node n runs on store n.
fn bound() -> Cluster {
    let mut cluster = Cluster::new(3);
    let member = |n| Member {
        id: NodeId(n),
        store: StoreId(n),
    };
    cluster.members = Members::with_stores((1..=3).map(member), []).unwrap();
    for n in 1..=3 {
        let recovery = Recovery::bootstrap(cluster.members.clone());
        cluster.start(n, recovery, |config| config);
    }
    cluster
}

/// Node 3 comes back with nothing, on a store of another number.
fn replace_the_disk_of_3(cluster: &mut Cluster) {
    let recovery = Recovery::bootstrap(cluster.members.clone());
    cluster.start(3, recovery, |config| Config {
        store: StoreId(33),
        ..config
    });
}

/// 1. an entry is committed by nodes 1 and 3;
/// 2. node 3's disk is replaced, and it starts on a blank one under its old id;
/// 3. node 2, which never had the entry, asks it for its vote;
/// 4. with that vote it would lead without a committed entry.
#[test]
fn a_blank_disk_under_an_old_id_elects_nobody() {
    let mut cluster = bound();
    cluster.elect(1);
    cluster.isolate(2);
    let committed = cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let position = committed.run.last_position();
    assert_eq!(cluster.fate(1, position), Fate::Committed);
    cluster.heal();
    cluster.isolate(1);
    replace_the_disk_of_3(&mut cluster);
    for _ in 0..20 {
        cluster.pass(Duration::from_millis(300));
        assert_ne!(cluster.role(2), Role::Leader);
        assert_ne!(cluster.role(3), Role::Leader);
    }
    assert!(
        cluster.status(2).dropped.foreign_store > 0,
        "and it is counted"
    );
    // The node that has the entry leads again as soon as it is heard.
    cluster.heal();
    cluster.pass(Duration::from_secs(2));
    assert_eq!(cluster.fate(2, position), Fate::Committed);
}

#[test]
fn the_answers_of_a_blank_disk_commit_nothing() {
    let mut cluster = bound();
    cluster.elect(1);
    replace_the_disk_of_3(&mut cluster);
    cluster.isolate(2);
    let proposed = cluster.propose(1, Class::default());
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &proposed));
    assert_ne!(
        cluster.fate(1, proposed.run.last_position()),
        Fate::Committed
    );
}

/// Where members name no store, the first that answers a leader is the one it counts in its term.
#[test]
fn without_names_a_leader_counts_the_first_store_it_hears() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    replace_the_disk_of_3(&mut cluster);
    cluster.isolate(2);
    let proposed = cluster.propose(1, Class::default());
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &proposed), "store 3 was heard first");
}

/// A copy of a node's disk runs beside it: the leader hears the newer incarnation, and the older one is told.
#[test]
fn a_replaced_life_says_so_once_and_then_nothing() {
    let mut cluster = bound();
    cluster.elect(1);
    cluster.pass(Duration::from_millis(100));
    let mut old = cluster.nodes[&id(2)].raft.clone();
    cluster.kill(2);
    cluster.restart(2);
    cluster.pass(Duration::from_millis(200));
    let newer = cluster.status(2).incarnation;
    assert!(newer.number > 1);
    // The old incarnation speaks, the new one answers after it, and the old one hears what was meant for that.
    let speaks = heartbeat_reply(1, 1, watermarks(1, 1));
    cluster.inject(Envelope {
        incarnation: old.status().incarnation,
        ..envelope(2, 1, 1, speaks)
    });
    cluster.pass(Duration::from_millis(250));
    let now = cluster.now;
    cluster.nodes.remove(&id(2));
    let later = now.after(Duration::from_millis(60));
    cluster.raft(1).handle_timeout(later);
    cluster.poll();
    for packet in cluster.intercept(|envelope| envelope.to == NodeId(2)) {
        let frame = kraft_proto::Frame::decode(&packet.frame).unwrap();
        let _ = old.handle_message(later, &frame);
    }
    let told: Vec<Output> = std::iter::from_fn(|| old.poll_output()).collect();
    let [Output::Write(write)] = &told[..] else {
        panic!("its disk is to know first: {told:?}");
    };
    assert!(!old.is_stopped());
    old.handle_stored(later, write.clone().synced());
    let told: Vec<Output> = std::iter::from_fn(|| old.poll_output()).collect();
    assert_eq!(told, [Output::Superseded { by: newer }]);
    says_nothing_more(&mut old, later);
}

fn says_nothing_more(old: &mut Raft, now: Instant) {
    let much_later = now.after(Duration::from_secs(60));
    assert_eq!(old.poll_timeout(), Instant::NEVER);
    old.campaign(much_later);
    old.handle_timeout(much_later);
    assert!(old.propose(much_later, Class::default(), 1).is_err());
    assert!(old.read(much_later).is_err());
    assert_eq!(old.poll_output(), None);
    assert!(old.is_stopped());
}

/// 1. node 3 was once the only voter; others joined, and it left;
/// 2. its disk is lost, and it joins again on an empty one, as a learner;
/// 3. the log it is sent makes it, for a moment, the only voter again;
/// 4. there its leader falls silent, and it would elect itself with nothing behind it.
#[test]
fn a_configuration_of_an_earlier_store_makes_nobody_a_voter() {
    let member = |store| Member {
        id: NodeId(3),
        store: StoreId(store),
    };
    let campaigns = |named| {
        let members = Members::with_stores([member(named)], []).unwrap();
        let config = Config::new(NodeId(3), StoreId(33), 1);
        let mut raft = Raft::new(
            config,
            Recovery::bootstrap(members),
            Nonce(1),
            Instant::ZERO,
        )
        .unwrap();
        raft.campaign(Instant::ZERO);
        raft.handle_timeout(raft.poll_timeout());
        while let Some(output) = raft.poll_output() {
            if let Output::Write(write) = output {
                raft.handle_stored(Instant::ZERO, write.synced());
            }
        }
        raft.status().role == Role::Leader
    };
    assert!(!campaigns(3), "the voter is another store");
    assert!(campaigns(33) && campaigns(StoreId::ANY.0));
}

/// Four nodes on stores of their own number; node 3 has left and joined again on store 33, and node 4,
/// cut off, knows nothing of that.
fn rejoined_unknown_to_4() -> Cluster {
    let member = |n, store| Member {
        id: NodeId(n),
        store: StoreId(store),
    };
    let mut cluster = Cluster::new(4);
    cluster.members = Members::with_stores((1..=4).map(|n| member(n, n)), []).unwrap();
    for n in 1..=4 {
        let recovery = Recovery::bootstrap(cluster.members.clone());
        cluster.start(n, recovery, |config| config);
    }
    cluster.elect(1);
    cluster.isolate(4);
    cluster.change(1, &[Change::Remove(NodeId(3))]).unwrap();
    cluster.run_until_idle();
    replace_the_disk_of_3(&mut cluster);
    cluster.change(1, &[Change::Voter(member(3, 33))]).unwrap();
    cluster.pass(Duration::from_millis(500));
    cluster
}

/// 1. node 4 is cut off; node 3 leaves, loses its disk, and joins again on another store;
/// 2. it leads, by the word of those who know that;
/// 3. node 4 comes back. As far as it knows node 3 runs on the store it had: if it did not listen, it
///    would never hear of anything else.
#[test]
fn a_leader_on_a_newer_store_is_heard_by_those_who_do_not_know_of_it() {
    let mut cluster = rejoined_unknown_to_4();
    let now = cluster.now;
    let moved = cluster.raft(1).transfer_leadership(now, Some(id(3)));
    assert_eq!(moved, Ok(id(3)));
    cluster.pass(Duration::from_millis(500));
    assert_eq!(cluster.role(3), Role::Leader);
    cluster.heal();
    cluster.pass(Duration::from_secs(1));
    let (leader, follower) = (cluster.leader().unwrap(), cluster.status(4));
    assert_eq!((leader, follower.leader), (3, Some(id(3))));
    assert_eq!(follower.commit, cluster.commit(3));
    assert_eq!(follower.members, cluster.status(3).members);
}

/// 1. node 4 is cut off; node 3 leaves, loses its disk, and joins again on another store;
/// 2. nodes 1 and 3 have an entry that node 2 lacks, and node 1 dies;
/// 3. of the three that are left only node 3 can win, and only with node 4's vote: if node 4 did not
///    hear a candidate on a store it does not know of, nobody would ever lead.
#[test]
fn a_candidate_on_a_newer_store_is_heard_by_those_who_do_not_know_of_it() {
    let mut cluster = rejoined_unknown_to_4();
    cluster.isolate(2);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    cluster.kill(1);
    cluster.heal();
    cluster.pass(Duration::from_secs(4));
    assert_eq!(cluster.leader(), Some(3));
    assert_eq!(cluster.status(4).commit, cluster.commit(3));
}
