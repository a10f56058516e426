//! What a leader says of a peer that told it nothing yet: that it does not know, which is not zero.

mod cluster;

use std::time::Duration;

use cluster::messages::{envelope, heartbeat_reply, watermarks};
use cluster::{Cluster, Disk, id, ms};
use kraft_proto::health::{AlertKind, Figures, Thresholds, alerts};
use kraft_proto::{Class, Lag, Message, PeerState, PeerStatus, Trust};

const LONG: Duration = Duration::from_secs(12);

fn peer(cluster: &Cluster, of: u64, n: u64) -> PeerStatus {
    let status = cluster.status(of);
    status.peers.iter().find(|p| p.id == id(n)).unwrap().clone()
}

fn write(cluster: &mut Cluster, leader: u64, count: u32) {
    cluster.propose_many(leader, Class::default(), count);
    cluster.run_until_idle();
}

/// Node 3 holds 3,000 entries of three nodes and is cut off; then node 2 leads.
fn never_heard() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    write(&mut cluster, 1, 3000);
    cluster.isolate(3);
    let now = cluster.now;
    let to = cluster.raft(1).transfer_leadership(now, Some(id(2)));
    assert_eq!(to, Ok(id(2)));
    cluster.run_until_idle();
    assert_eq!(cluster.leader(), Some(2));
    write(&mut cluster, 2, 1);
    cluster
}

/// The story: 1. node 3 holds all but two entries, and is cut off; 2. the leader changes; 3. an
/// operator reads that it is 3,002 entries behind, and rebuilds it.
#[test]
fn of_a_node_that_was_not_heard_since_the_leader_changed_nothing_is_known() {
    let mut cluster = never_heard();
    let silent = peer(&cluster, 2, 3);
    assert_eq!((silent.heard, silent.trust), (None, None));
    assert_eq!((silent.watermarks, silent.lag_entries), (None, None));
    let status = cluster.status(2);
    assert_eq!(
        status.lag_entries_max(),
        Some(0),
        "of the one that is known"
    );
    assert_eq!(status.lag_entries_mean(), Some(0));
    assert_eq!(status.peers_unknown(), 1);

    cluster.heal();
    cluster.pass(ms(200));
    let back = peer(&cluster, 2, 3);
    assert!(
        back.heard
            .is_some_and(|heard| cluster.now.since(heard) < ms(100))
    );
    assert_eq!(back.trust, Some(Trust::Clean));
    assert_eq!(back.watermarks, Some(watermarks(3003, 3003)));
    assert_eq!(back.lag_entries, Some(0));
    assert_eq!(cluster.status(2).peers_unknown(), 0);
}

/// Its time is unknown too; how long nothing was heard is not.
#[test]
fn a_lag_is_of_no_time_before_the_peer_was_heard_and_its_silence_is_told() {
    let mut cluster = never_heard();
    let mut lags = [1, 3].map(|n| (n, Lag::new(cluster.now)));
    let from = cluster.now;
    let mut looked = |cluster: &Cluster| {
        let last = cluster.status(2).last.index;
        for (n, lag) in &mut lags {
            lag.look(cluster.now, &peer(cluster, 2, *n), last);
        }
        lags.map(|(_, lag)| (lag.age(), lag.silence()))
    };
    while cluster.now.since(from) < LONG {
        cluster.pass(ms(500));
        write(&mut cluster, 2, 1);
        looked(&cluster);
    }
    let [heard, silent] = looked(&cluster);
    assert!(heard.0.is_some_and(|age| age < ms(1000)), "{heard:?}");
    assert!(heard.1 < ms(1000), "{heard:?}");
    assert_eq!(silent, (None, cluster.now.since(from)));

    let figures = Figures {
        replication_lag_max: heard.0.max(silent.0).unwrap_or_default(),
        peer_silent_max: heard.1.max(silent.1),
        ..Figures::default()
    };
    let due = alerts(&figures, &Thresholds::default());
    let kinds: Vec<_> = due.iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [AlertKind::PeerSilent], "and nothing of a lag");

    cluster.heal();
    cluster.pass(ms(200));
    let [_, back] = looked(&cluster);
    assert_eq!(back.0, Some(ms(0)));
    assert!(back.1 < ms(100), "{back:?}");
}

/// What the incarnation before held may be gone, and the new one has not said what it holds.
#[test]
fn of_a_peer_that_started_anew_what_it_holds_is_unknown_until_it_says_so() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    write(&mut cluster, 1, 10);
    cluster.pass(ms(100));
    assert_eq!(peer(&cluster, 1, 3).watermarks, Some(watermarks(11, 11)));
    cluster.kill(3);
    cluster.pass(ms(100));
    let dead = peer(&cluster, 1, 3);
    assert_eq!(dead.watermarks, Some(watermarks(11, 11)), "its last word");
    let mut lag = Lag::new(cluster.now);
    lag.look(cluster.now, &dead, cluster.status(1).last.index);
    cluster.restart(3);
    // Its answers to heartbeats arrive, and no append does.
    cluster.lossy = |envelope| Cluster::is_append(envelope) && envelope.to == id(3);
    cluster.pass(ms(100));
    let anew = peer(&cluster, 1, 3);
    assert_eq!((anew.state, anew.incarnation.number), (PeerState::Probe, 2));
    assert!(anew.heard.is_some());
    assert_eq!(anew.trust, Some(Trust::Clean));
    assert_eq!((anew.watermarks, anew.lag_entries), (None, None));
    lag.look(cluster.now, &anew, cluster.status(1).last.index);
    assert_eq!(lag.age(), None);
    assert!(lag.silence() > ms(90), "it is heard, and has told nothing");
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(peer(&cluster, 1, 3).watermarks, Some(watermarks(11, 11)));
}

/// An empty log that agrees from its first entry on: it is known to hold nothing.
#[test]
fn of_an_empty_peer_that_said_so_it_is_known_that_it_holds_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.cut(1, 3);
    cluster.elect(1);
    write(&mut cluster, 1, 9);
    assert_eq!(peer(&cluster, 1, 3).watermarks, None);
    cluster.heal();
    cluster.node(3).disk = Disk::Busy;
    cluster.pass(ms(200));
    let empty = peer(&cluster, 1, 3);
    assert_eq!(empty.watermarks, Some(watermarks(0, 0)));
    assert_eq!(empty.lag_entries, Some(10));
}

/// A peer that was heard and has not compared its log with the leader's: its zero says nothing.
#[test]
fn an_answer_to_a_heartbeat_before_any_match_says_only_that_the_peer_is_there() {
    let mut cluster = never_heard();
    let nothing_yet = heartbeat_reply(1, 0, watermarks(0, 0));
    let term = cluster.term(2);
    cluster.inject(envelope(3, 2, term, nothing_yet));
    let heard = peer(&cluster, 2, 3);
    assert_eq!(heard.heard, Some(cluster.now));
    assert_eq!(heard.watermarks, None);
    cluster.inject(envelope(
        3,
        2,
        term,
        Message::Matched(watermarks(3001, 3000)),
    ));
    assert_eq!(
        peer(&cluster, 2, 3).watermarks,
        Some(watermarks(3001, 3000))
    );
    assert_eq!(peer(&cluster, 2, 3).lag_entries, Some(2));
}
