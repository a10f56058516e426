//! No run leaves the window before the disk was handed it: nothing could name its entries to it any more.

use std::time::Duration;

use kraft_proto::limits::TERM_RUNS_MAX;
use kraft_proto::{
    CheckQuorum, Class, Config, ConfigError, Fate, Message, PreVote, Raft, Role, StoreId,
};

use crate::cluster::{self, Cluster, Disk, at, id, ms, run};
use crate::{narrow, terms};

/// A leader that writes a no-op at each of 200 elections it wins, and never gets one across.
#[test]
fn two_hundred_elections_won_in_vain_lose_nothing() {
    let mut cluster = Cluster::with(3, |config| Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    });
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    cluster.lossy = Cluster::is_append;
    for _ in 0..200 {
        let winner = cluster.leader().map_or(1, |leader| leader % 3 + 1);
        let term = cluster.raft(winner).status().term;
        cluster.pass(Duration::from_millis(400));
        let now = cluster.now;
        cluster.raft(winner).campaign(now);
        cluster.run_until_idle();
        assert!(cluster.raft(winner).status().term >= term);
    }
    let terms = cluster.raft(1).status().term;
    assert!(terms.0 >= 100, "only {terms} terms");
    cluster.heal();
    cluster.pass(Duration::from_secs(3));
    let leader = cluster.leader().expect("a leader after healing");
    assert!(cluster.raft(leader).status().term_runs <= TERM_RUNS_MAX);
    let position = cluster
        .propose(leader, Class::default())
        .run
        .last_position();
    cluster.pass(Duration::from_secs(1));
    for n in 1..=3 {
        assert_eq!(cluster.fate(n, position), Fate::Committed, "node {n}");
    }
}

/// Appends of one entry each, of as many terms, to node 1 from node 2 in term 1000.
fn flood(cluster: &mut Cluster, terms: std::ops::RangeInclusive<u64>, commit: u64) {
    for term in terms {
        let prev = at(term - 1, term - 1);
        cluster.append(2, 1, 1000, prev, run(term, term, 1), commit);
    }
}

/// The story: 1. A disk is silent while one entry of each of 200 terms arrives. 2. The window moves past
/// entries that were never handed to the disk. 3. Nothing could name them to it any more: it would never
/// write again.
#[test]
fn what_was_not_written_yet_does_not_leave_the_window() {
    let mut cluster = Cluster::new(3);
    cluster.node(1).disk = Disk::Held;
    cluster.sync(1);
    flood(&mut cluster, 1..=200, 0);
    let full = cluster.raft(1).status();
    assert!(full.dropped.busy > 0, "appends are turned away");
    for _ in 0..100 {
        cluster.sync(1);
        let next = cluster.raft(1).status().last.index.0 + 1;
        flood(&mut cluster, next..=next, 0);
    }
    let after = cluster.raft(1).status();
    assert!(
        after.last.index > full.last.index,
        "and taken once there is room"
    );
    assert!(
        after.watermarks.synced.0 + 32 > after.last.index.0,
        "{after:?}"
    );
}

/// The story: 1. the log's disk is stuck, and hard states get through; 2. the node wins elections in vain,
/// and each opens its term with an entry; 3. the window moves past entries that were never written. So
/// one without room for that entry does not stand.
#[test]
fn who_has_no_room_for_the_entry_that_opens_a_term_does_not_stand() {
    let mut cluster = Cluster::with(3, |config| Config {
        writes_in_flight_max: 1,
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..narrow(config)
    });
    cluster.run_until_idle();
    cluster.node(1).disk = Disk::LogHeld;
    cluster.lossy = Cluster::is_append;
    for _ in 0..4 {
        cluster.campaign(1);
        cluster.inject(cluster::messages::envelope(
            2,
            1,
            cluster.term(1) + 1,
            cluster::messages::heartbeat(0, 0),
        ));
        cluster.pass(ms(200));
    }
    let stuck = cluster.term(1);
    cluster.campaign(1);
    assert_eq!(cluster.term(1), stuck);
    assert_ne!(cluster.role(1), Role::Leader);
    cluster.node(1).disk = Disk::Prompt;
    cluster.sync(1);
    cluster.heal();
    cluster.pass(ms(2000));
    cluster.campaign(1);
    assert!(cluster.leader().is_some());
}

#[test]
fn a_gap_in_the_recovered_log_is_refused() {
    let cluster = Cluster::new(1);
    let recovery = cluster.recovery(2, [run(1, 1, 2), run(1, 4, 1)]);
    let config = Config::new(id(1), StoreId(1), 1);
    let refused = Raft::new(config, recovery, kraft_proto::Nonce(1), cluster.now);
    assert_eq!(refused.unwrap_err(), ConfigError::Gap);
}

#[test]
fn a_window_is_two_to_sixty_four_runs() {
    for (window, fits) in [(0, false), (1, false), (2, true), (64, true), (65, false)] {
        let config = Config {
            term_runs_max: window,
            ..Config::new(id(1), StoreId(1), 1)
        };
        assert_eq!(config.check().is_ok(), fits, "{window}");
    }
}

/// The story: 1. a leader feeds a log of forty terms to a node whose window holds two, and whose disk is
/// slow: the third append is turned away, and those behind it are refused; 2. the disk moves by one
/// entry, so the leader sends sixteen appends from there on, of which one is held and not written; 3. the
/// answer to that one arrives after the refusals, and by it the leader sends sixteen again, as fast as
/// the wire carries them, until the disk moves again.
#[test]
fn a_slow_disk_causes_no_storm_of_appends() {
    let mut cluster = Cluster::with(3, narrow);
    cluster.start_on(1, 40, terms(1..=40));
    cluster.elect(1);
    cluster.kill(2);
    cluster.start_on(2, 41, []);
    cluster.node(2).disk = Disk::Busy;
    let (mut most, mut rounds) = (0, 0);
    while cluster.status(2).last < cluster.status(1).last {
        let now = cluster.now.after(ms(50));
        cluster.now = now;
        for n in 1..=3 {
            cluster.node(n).raft.handle_timeout(now);
        }
        most = most.max(talk_refusals_first(&mut cluster));
        cluster.write_one(2);
        most = most.max(talk_refusals_first(&mut cluster));
        rounds += 1;
        assert!(rounds < 1000, "node 2 is not brought up to date");
    }
    assert!(most > 2, "node 2 was sent some");
    assert!(
        most <= 20,
        "{most} appends, and neither a disk nor a clock has moved"
    );
}

/// All talk until they come to rest, or have said too much; of what is on its way, the refusals arrive
/// first. How many appends node 2 was sent.
fn talk_refusals_first(cluster: &mut Cluster) -> usize {
    let mut appends = 0;
    while appends < 1000 {
        cluster.poll();
        let mut packets = cluster.intercept(|_| true);
        if packets.is_empty() {
            break;
        }
        packets.sort_by_key(|packet| !matches!(packet.envelope.message, Message::Rejected { .. }));
        for packet in packets {
            let envelope = &packet.envelope;
            appends += usize::from(envelope.to == id(2) && Cluster::is_append(envelope));
            cluster.deliver(&packet);
        }
    }
    appends
}
