//! The stories behind the rules of counting: which copies are a leader's to count.

use kraft_proto::{
    Class, CommitMode, FsyncMode, Held, Incarnation, LogIndex, LogPosition, Message, Nonce,
    PeerState, PeerStatus, Role,
};

use crate::bare;
use crate::cluster::messages::{append, envelope, heartbeat, heartbeat_reply, watermarks};
use crate::cluster::{Cluster, Disk, at, id, ms, run};

const SYNC_NONE: Class = Class::new(CommitMode::Sync, FsyncMode::None);

fn peer(cluster: &Cluster, of: u64, n: u64) -> PeerStatus {
    let peers = cluster.status(of).peers;
    peers.into_iter().find(|peer| peer.id == id(n)).unwrap()
}

/// The story, without any power cut: 1. leader 1 writes an entry, node 2 writes it, the client of
/// Sync·None hears; neither disk is forced. 2. Node 1 is cut off. 3. Node 3, which never heard of
/// the entry, asks node 2 for its vote. By what is synced their logs are the same: a vote by synced
/// positions elects node 3, and the acknowledged write is overwritten.
#[test]
fn votes_compare_logs_as_held_written_entries_included() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.disks(Disk::Busy);
    cluster.isolate(3);
    let proposed = cluster.propose(1, SYNC_NONE);
    let position = proposed.run.last_position();
    cluster.run_until_idle();
    cluster.write(1);
    cluster.write(2);
    assert!(cluster.acked(1, &proposed));
    assert_eq!(cluster.holders(position, Held::Synced), [0; 0]);
    cluster.heal();
    cluster.isolate(1);
    for _ in 0..5 {
        cluster.campaign(3);
        assert_ne!(cluster.role(3), Role::Leader);
    }
    assert_eq!(cluster.holders(position, Held::Synced), [0; 0], "still");
    cluster.disks(Disk::Prompt);
    cluster.elect(2);
    assert_eq!(cluster.fate(3, position), kraft_proto::Fate::Committed);
}

/// The story: 1. node 2 holds entries of an earlier leader that nobody committed. 2. A new leader
/// commits three entries of its own elsewhere, and says so in a heartbeat that overtakes its
/// appends. 3. A node that takes the word for its own log commits entries of another history.
#[test]
fn a_heartbeat_that_overtakes_an_append_commits_nothing_of_another_history() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(2, 2, [run(1, 1, 1), run(2, 2, 4)]);
    cluster.run_until_idle();
    cluster.inject(envelope(3, 2, 3, heartbeat(4, 1)));
    assert_eq!(cluster.status(2).leader, Some(id(3)));
    assert_eq!(cluster.commit(2), LogPosition::ZERO);
    // An append that matches only the first entry proves that entry and no more.
    cluster.append(3, 2, 3, at(1, 1), run(3, 2, 1), 4);
    assert_eq!(cluster.commit(2), at(3, 2));
    cluster.inject(envelope(3, 2, 3, heartbeat(4, 2)));
    assert_eq!(
        cluster.commit(2),
        at(3, 2),
        "nor later: 3 and 4 have not come"
    );
}

/// The same for what is held: a follower reports no more than what this leader matched in this term,
/// however long its log.
#[test]
fn a_follower_reports_no_copies_of_another_history() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(2, 2, [run(1, 1, 1), run(2, 2, 9)]);
    cluster.run_until_idle();
    cluster.inject(envelope(3, 2, 3, heartbeat(0, 1)));
    let probe = append(at(1, 1), run(3, 2, 0), 0);
    cluster.inject(envelope(3, 2, 3, Message::Append(probe)));
    let said = cluster.intercept(|e| e.to == id(3));
    let reports = said
        .iter()
        .filter_map(|packet| match packet.envelope.message {
            Message::Matched(held) => Some(held),
            Message::HeartbeatReply(reply) => Some(reply.watermarks),
            _ => None,
        });
    let reports: Vec<_> = reports.collect();
    assert_eq!(reports, [watermarks(0, 0), watermarks(1, 1)]);
}

/// Synced and written fall to the point of every truncation: what replaced an entry is not held
/// because the entry was.
#[test]
fn what_replaced_a_synced_entry_is_not_synced_by_that() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(2, 2, [run(1, 1, 1), run(2, 2, 9)]);
    cluster.run_until_idle();
    cluster.node(2).disk = Disk::Busy;
    cluster.append(3, 2, 3, at(1, 1), run(3, 2, 9), 0);
    assert_eq!(cluster.status(2).watermarks, watermarks(1, 1));
    cluster.write(2);
    assert_eq!(cluster.status(2).watermarks, watermarks(10, 1));
    cluster.sync(2);
    assert_eq!(cluster.status(2).watermarks, watermarks(10, 10));
}

/// A cluster in which node 2 wrote nine entries of Sync·None, said so, lost its power and came back.
/// Returns the packet in which it said so, which nobody has seen twice yet.
fn back_after_a_power_cut() -> (Cluster, crate::cluster::messages::Packet) {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.isolate(3);
    cluster.node(2).disk = Disk::LogHeld;
    cluster.propose_many(1, SYNC_NONE, 9);
    cluster.poll();
    for packet in cluster.intercept(|e| e.to == id(2)) {
        cluster.deliver(&packet);
    }
    cluster.poll();
    let report = cluster
        .intercept(|e| e.to == id(1))
        .pop()
        .expect("a report");
    cluster.deliver(&report);
    let reported = peer(&cluster, 1, 2).watermarks.unwrap();
    assert_eq!(reported.written, LogIndex(10));
    cluster.cut_power(2);
    cluster.restart(2);
    (cluster, report)
}

/// Whether the leader counts nothing on node 2 but what every incarnation of it holds.
fn counts_nothing(cluster: &Cluster) -> bool {
    let watermarks = peer(cluster, 1, 2).watermarks;
    watermarks.is_none_or(|watermarks| watermarks.written <= LogIndex(1))
}

/// The story: 1. node 2 reports ten written entries and loses nine with its power. 2. It comes back,
/// and the leader counts on: an eleventh entry is acknowledged as held by both, or the node's own
/// words of what it lacks are taken for late ones, and it is never fed again. Counting a match from
/// before a restart once committed two different entries at one index.
#[test]
fn a_match_from_before_a_restart_counts_no_more() {
    let (mut cluster, _) = back_after_a_power_cut();
    cluster.node(2).disk = Disk::Busy;
    cluster.pass(ms(51));
    let position = at(1, 10);
    assert_eq!(cluster.holders(position, Held::Written), [1]);
    assert!(counts_nothing(&cluster), "{:?}", peer(&cluster, 1, 2));
    let proposed = cluster.propose(1, SYNC_NONE);
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &proposed), "node 1 holds it alone");
    cluster.node(2).disk = Disk::Prompt;
    cluster.pass(ms(200));
    assert!(cluster.acked(1, &proposed));
    assert_eq!(cluster.terms(2), cluster.terms(1), "it is fed what it lost");
}

/// The same report, doubled by the network and arriving after the restart.
#[test]
fn a_report_of_an_earlier_life_that_comes_late_is_not_counted() {
    let (mut cluster, report) = back_after_a_power_cut();
    cluster.node(2).disk = Disk::Busy;
    cluster.pass(ms(51));
    cluster.deliver(&report);
    cluster.run_until_idle();
    assert!(counts_nothing(&cluster), "{:?}", peer(&cluster, 1, 2));
}

/// Nor is a report from another store under the same id.
#[test]
fn a_report_of_another_store_is_not_counted() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.isolate(2);
    let position = cluster.propose(1, Class::default()).run.last_position();
    cluster.isolate(3);
    cluster.run_until_idle();
    let report = envelope(2, 1, 1, Message::Matched(watermarks(2, 2)));
    let foreign = kraft_proto::Envelope {
        store: kraft_proto::StoreId(77),
        incarnation: Incarnation::new(9, Nonce(9)),
        ..report
    };
    cluster.inject(foreign);
    assert_ne!(cluster.commit(1), position);
    cluster.inject(report);
    assert_eq!(cluster.commit(1), position);
}

/// Nobody holds more of a leader's log than there is of it, whatever they say.
#[test]
fn a_report_of_more_than_the_leader_has_is_cut_to_what_it_has() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    for n in 2..=3 {
        let far = watermarks(1000, 1000);
        cluster.inject(envelope(n, 1, 1, Message::Matched(far)));
        cluster.inject(envelope(n, 1, 1, heartbeat_reply(9, 1000, far)));
        assert_eq!(peer(&cluster, 1, n).watermarks, Some(watermarks(1, 1)));
    }
    cluster.isolate(1);
    let proposed = cluster.propose(1, SYNC_NONE);
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &proposed));
}

/// The story: 1. a probe is refused, and the leader asks further back. 2. The refusal arrives once more,
/// late. 3. A leader that believes it steps back again, at every copy of it, and sends once more what
/// is on its way.
#[test]
fn a_late_refusal_is_ignored() {
    let mut cluster = Cluster::with(3, bare);
    cluster.start_on(1, 5, [run(1, 1, 5), run(3, 6, 5), run(5, 11, 5)]);
    cluster.start_on(2, 4, [run(1, 1, 5), run(2, 6, 4)]);
    cluster.isolate(3);
    cluster.lossy = |e| matches!(e.message, Message::Rejected { .. });
    // The vote of node 3 arrives, and nothing else of it.
    let now = cluster.now;
    cluster.raft(1).campaign(now);
    cluster.poll();
    cluster.intercept(|_| true);
    let yes = Message::VoteReply {
        ballot: kraft_proto::Ballot::Granted,
    };
    cluster.inject(envelope(3, 1, 6, yes));
    cluster.intercept(|_| true);
    let next = |cluster: &Cluster| peer(cluster, 1, 2).next;
    assert_eq!(next(&cluster), LogIndex(16));
    let refuse = |rejected, hint| Message::Rejected {
        rejected: LogIndex(rejected),
        hint,
        trust: kraft_proto::Trust::Clean,
    };
    let refusal = envelope(2, 1, 6, refuse(15, at(2, 9)));
    cluster.inject(refusal);
    assert_eq!(next(&cluster), LogIndex(6), "where the logs may agree");
    assert_eq!(cluster.intercept(Cluster::is_append).len(), 1);
    for stale in [refusal, envelope(2, 1, 6, refuse(15, at(1, 1)))] {
        cluster.inject(stale);
        assert_eq!(next(&cluster), LogIndex(6));
        assert_eq!(cluster.intercept(Cluster::is_append).len(), 0, "sent again");
    }
    // And one of what is known to match by now.
    cluster.inject(envelope(2, 1, 6, Message::Matched(watermarks(10, 10))));
    assert_eq!(peer(&cluster, 1, 2).state, PeerState::Replicate);
    let before = next(&cluster);
    cluster.inject(refusal_of(5));
    assert_eq!(next(&cluster), before);
    assert_eq!(peer(&cluster, 1, 2).state, PeerState::Replicate);
}

fn refusal_of(rejected: u64) -> kraft_proto::Envelope {
    let message = Message::Rejected {
        rejected: LogIndex(rejected),
        hint: at(1, 1),
        trust: kraft_proto::Trust::Clean,
    };
    envelope(2, 1, 6, message)
}

/// 1. The leader and node 2 write an entry; 2. its client hears, although the leader's disk does not
///    know yet that a power cut would take something; 3. the power goes, and the leader comes back as
///    one whose votes count in full, with nothing of it.
#[test]
fn a_leaders_own_written_copy_counts_once_its_disk_knows_of_the_risk() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    cluster.node(1).disk = Disk::Held;
    let proposed = cluster.propose(1, SYNC_NONE);
    cluster.run_until_idle();
    let position = proposed.run.last_position();
    assert_eq!(cluster.holders(position, Held::Written), [1, 2]);
    assert!(!cluster.acked(1, &proposed));
    cluster.sync_hard_state(1);
    assert_eq!(cluster.holders(position, Held::Synced), [2]);
    assert!(cluster.acked(1, &proposed));
}
