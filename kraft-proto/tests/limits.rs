//! Every limit of the core, reached on purpose: what it does then is refuse by name, wait, or drop and
//! count; it does not stall for good, and what it accepted is still there.

mod cluster;

use std::time::Duration;

use cluster::messages::{append, envelope, heartbeat, heartbeat_reply, watermarks};
use cluster::{Cluster, Disk, at, id, run};
use kraft_proto::limits::{
    APPENDS_IN_FLIGHT_MAX, CLASS_RUNS_MAX, INCARNATION_MAX, INDEX_MAX, MEMBERS_MAX,
    READ_BATCHES_MAX, REMOTE_READS_MAX, REPLIES_MAX, RUN_ENTRIES_MAX, TERM_JUMP_MAX, TERM_MAX,
    WRITES_IN_FLIGHT_MAX,
};
use kraft_proto::{
    Change, CheckQuorum, Class, CommitMode, Config, FsyncMode, Incarnation, LogIndex, LogPosition,
    Members, MembersError, Message, NodeId, Nonce, Output, PreVote, ProposeError, Raft,
    ReadOutcome, Role, Waiting, WireError, WriteKind,
};

const RELAXED: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);
const FIRM: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

/// Three nodes of which each campaigns when it is told to.
fn eager() -> Cluster {
    Cluster::with(3, |config| Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    })
}

/// Proposes and hands the disk what follows, as a host does.
fn propose_one(cluster: &mut Cluster, class: Class) -> Result<LogPosition, ProposeError> {
    let proposed = cluster.try_propose(1, class)?;
    cluster.run_until_idle();
    Ok(proposed.run.last_position())
}

#[test]
fn a_disk_that_reports_nothing_gets_so_many_writes_and_no_more_and_then_everything() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node(1).disk = Disk::Busy;
    let before = cluster.node(1).writes.len();
    for _ in 0..4 * WRITES_IN_FLIGHT_MAX {
        propose_one(&mut cluster, FIRM).unwrap();
    }
    let handed = cluster.node(1).writes.len() - before;
    assert_eq!(handed, WRITES_IN_FLIGHT_MAX, "the rest waits and is joined");
    assert!(cluster.status(1).waiting.contains(&Waiting::LogWrites));
    // The others commit meanwhile: the leader does not count itself, and leads on.
    assert_eq!(cluster.commit(1), cluster.status(1).last);
    cluster.sync(1);
    cluster.sync(1);
    let status = cluster.status(1);
    assert_eq!(status.watermarks.synced, status.last.index);
    assert!(!status.waiting.contains(&Waiting::LogWrites));
    let joined = cluster.node(1).writes.len() - before;
    assert!(joined < 2 * WRITES_IN_FLIGHT_MAX, "{joined} writes");
}

#[test]
fn a_vote_is_written_although_the_log_has_all_its_slots() {
    let mut cluster = eager();
    cluster.elect(1);
    cluster.node(1).disk = Disk::Busy;
    for _ in 0..2 * WRITES_IN_FLIGHT_MAX {
        propose_one(&mut cluster, FIRM).unwrap();
    }
    cluster.campaign(2);
    assert_eq!(cluster.role(2), Role::Leader);
    let hard = |kind: &WriteKind| matches!(kind, WriteKind::HardState(hard) if hard.term.0 == 2);
    let writes = &cluster.node(1).writes;
    assert!(writes.iter().any(|(kind, _)| hard(kind)), "the new term");
}

#[test]
fn a_silent_peer_gets_so_many_appends_and_then_catches_up() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.lossy = |envelope| envelope.from == NodeId(3);
    for _ in 0..4 * APPENDS_IN_FLIGHT_MAX {
        propose_one(&mut cluster, FIRM).unwrap();
    }
    let status = cluster.status(1);
    let silent = status.peers.iter().find(|peer| peer.id == id(3)).unwrap();
    assert_eq!(silent.in_flight, APPENDS_IN_FLIGHT_MAX);
    assert_eq!(status.commit, status.last, "the others go on");
    cluster.heal();
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.commit(3), cluster.commit(1));
}

#[test]
fn counts_that_make_no_sense_are_refused_by_name() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let now = cluster.now;
    let mut ask = |mode, count| {
        let class = Class::new(mode, FsyncMode::Commit);
        cluster.raft(1).propose(now, class, count).unwrap_err()
    };
    assert_eq!(ask(CommitMode::Sync, 0), ProposeError::Count);
    assert_eq!(
        ask(CommitMode::Sync, RUN_ENTRIES_MAX + 1),
        ProposeError::Count
    );
    for asked in [0, 4, u8::MAX] {
        let refused = ask(CommitMode::AtLeast(asked), 1);
        assert_eq!(refused, ProposeError::AtLeast { asked, voters: 3 });
    }
    let proposed = cluster.propose_many(1, FIRM, RUN_ENTRIES_MAX);
    cluster.run_until_idle();
    assert_eq!(cluster.commit(3), proposed.run.last_position());
}

#[test]
fn fifteen_members_work_and_sixteen_are_refused() {
    let sixteen = Members::new((1..=MEMBERS_MAX as u64 + 1).map(NodeId), []);
    assert_eq!(sixteen, Err(MembersError::TooMany));
    let mut cluster = Cluster::new(MEMBERS_MAX as u64);
    cluster.elect(1);
    let majority = MEMBERS_MAX as u64 / 2 + 1;
    for away in majority + 1..=MEMBERS_MAX as u64 {
        cluster.isolate(away);
    }
    for mode in [CommitMode::Sync, CommitMode::AtLeast(majority as u8)] {
        let proposed = cluster.propose(1, Class::new(mode, FsyncMode::Commit));
        cluster.run_until_idle();
        assert!(cluster.acked(1, &proposed), "{mode} by exactly a majority");
    }
    let all = cluster.propose(1, Class::new(CommitMode::All, FsyncMode::Commit));
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &all));
    cluster.heal();
    cluster.pass(Duration::from_secs(2));
    assert!(cluster.acked(1, &all), "by all fifteen");
    // A leader that leaves them feeds the others until that is committed.
    let left = cluster.change(1, &[Change::Remove(NodeId(1))]).unwrap();
    assert_eq!(cluster.status(1).peers.len(), MEMBERS_MAX - 1);
    cluster.run_until_idle();
    cluster.pass(Duration::from_secs(2));
    for n in 2..=MEMBERS_MAX as u64 {
        assert!(cluster.commit(n) >= left.run.last_position(), "node {n}");
    }
}

#[test]
fn reads_beyond_the_batches_on_their_way_share_the_next_one() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let mut tickets = Vec::new();
    for _ in 0..5 * READ_BATCHES_MAX {
        let now = cluster.now;
        tickets.push(cluster.raft(1).read(now).unwrap());
        cluster.poll();
    }
    let mut distinct = tickets.clone();
    distinct.dedup();
    assert!(distinct.len() <= READ_BATCHES_MAX, "{distinct:?}");
    cluster.heal();
    cluster.pass(Duration::from_millis(60));
    let outputs = &cluster.node(1).outputs;
    for ticket in distinct {
        let told = outputs.iter().any(|output| {
            matches!(output, Output::Read { ticket: of, outcome: ReadOutcome::Ready(_) } if *of == ticket)
        });
        assert!(told, "{ticket:?} is answered");
    }
}

#[test]
fn questions_of_followers_beyond_those_on_their_way_are_dropped_counted_and_asked_again() {
    let mut cluster = Cluster::new(9);
    cluster.elect(1);
    let now = cluster.now;
    let mut tickets = Vec::new();
    for n in 2..=9 {
        tickets.push((n, cluster.raft(n).read(now).unwrap()));
    }
    // All questions arrive before any answer.
    cluster.poll();
    for packet in cluster.intercept(|_| true) {
        cluster.deliver(&packet);
    }
    let dropped = cluster.status(1).dropped.busy;
    assert_eq!(dropped as usize, 8 - REMOTE_READS_MAX);
    cluster.pass(Duration::from_millis(120));
    for (n, of) in tickets {
        let mut outputs = cluster.node(n).outputs.iter();
        let ready = |o: &Output| matches!(o, Output::Read { ticket, .. } if *ticket == of);
        assert!(outputs.any(ready), "node {n}");
    }
}

#[test]
fn answers_beyond_the_limit_are_dropped_and_counted() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    // Nobody polls node 2 meanwhile.
    let old = append(LogPosition::ZERO, run(1, 1, 0), 0);
    let now = cluster.now;
    let asked = REPLIES_MAX + 5;
    for _ in 0..asked {
        let prev = at(1, 1_000_000);
        let message = Message::Append(kraft_proto::Append { prev, ..old });
        let packet = cluster::messages::Packet::made_up(envelope(1, 2, 1, message));
        let frame = kraft_proto::Frame::decode(&packet.frame).unwrap();
        let _ = cluster.raft(2).handle_message(now, &frame);
    }
    assert_eq!(cluster.status(2).dropped.replies, 5);
    cluster.run_until_idle();
    let proposed = cluster.propose(1, FIRM);
    cluster.pass(Duration::from_millis(200));
    assert_eq!(cluster.commit(2), proposed.run.last_position());
}

#[test]
fn numbers_at_the_end_of_their_range_are_refused_before_any_sum() {
    let far = [INDEX_MAX + 1, u64::MAX - 1, u64::MAX];
    let mut refused = 0;
    for number in far {
        let index = LogPosition::new(kraft_proto::Term(1), LogIndex(number));
        let messages = [
            Message::Vote { last: index },
            Message::PreVote { last: index },
            Message::Append(append(index, run(1, 1, 0), 0)),
            Message::Append(append(LogPosition::ZERO, run(1, 1, 0), number)),
            Message::Matched(watermarks(number, 0)),
            Message::Rejected {
                rejected: LogIndex(number),
                hint: LogPosition::ZERO,
                trust: kraft_proto::Trust::Clean,
            },
            heartbeat(number, 1),
            heartbeat_reply(1, number, watermarks(0, 0)),
        ];
        for message in messages {
            let packet = cluster::messages::Packet::made_up(envelope(2, 1, 1, message));
            let decoded = kraft_proto::Frame::decode(&packet.frame);
            assert_eq!(decoded.unwrap_err(), WireError::OutOfRange);
            refused += 1;
        }
        let term = envelope(
            2,
            1,
            number,
            Message::Vote {
                last: LogPosition::ZERO,
            },
        );
        let packet = cluster::messages::Packet::made_up(term);
        let decoded = kraft_proto::Frame::decode(&packet.frame);
        assert_eq!(decoded.unwrap_err(), WireError::OutOfRange);
    }
    println!("{refused} frames refused");
}

#[test]
fn a_term_picked_to_burn_those_that_are_left_is_dropped_and_counted() {
    let mut cluster = eager();
    cluster.elect(1);
    let vote = Message::Vote { last: at(1, 1) };
    let beat = heartbeat(0, 1);
    let mut dropped = 0;
    for term in [TERM_MAX, 1 + TERM_JUMP_MAX + 1] {
        for message in [vote, beat, Message::PreVote { last: at(1, 1) }] {
            cluster.inject(envelope(3, 2, term, message));
            dropped += 1;
            assert_eq!(cluster.term(2), 1);
            assert_eq!(cluster.status(2).dropped.malformed, dropped);
        }
    }
    // A node that parted honestly is followed.
    cluster.inject(envelope(3, 2, 1000, Message::Vote { last: at(1, 1) }));
    assert_eq!(cluster.term(2), 1000);
}

#[test]
fn a_peer_that_counts_to_the_end_of_its_numbers_harms_only_itself() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    // A round that was never sent, an incarnation that never ends.
    let mut strange = envelope(3, 1, 1, heartbeat_reply(u64::MAX, 1, watermarks(1, 1)));
    strange.incarnation = Incarnation::new(INCARNATION_MAX, Nonce(1));
    cluster.inject(strange);
    cluster.inject(envelope(1, 2, 1, heartbeat(0, u64::MAX)));
    for _ in 0..10 {
        cluster.pass(Duration::from_millis(100));
        let proposed = cluster.propose(1, FIRM);
        cluster.run_until_idle();
        assert!(cluster.acked(1, &proposed), "two of three go on");
    }
    assert_eq!(cluster.role(1), Role::Leader);
}

#[test]
fn a_recovered_log_or_term_beyond_the_range_does_not_start() {
    let members = Members::new([NodeId(1)], []).unwrap();
    let hard = kraft_proto::HardState {
        term: kraft_proto::Term(TERM_MAX + 1),
        ..Default::default()
    };
    let config = Config::new(id(1), kraft_proto::StoreId(1), 1);
    let recovery = kraft_proto::Recovery::resume(hard, members);
    let refused = Raft::new(config, recovery, Nonce(1), kraft_proto::Instant::ZERO);
    assert_eq!(refused.unwrap_err(), kraft_proto::ConfigError::Exhausted);
}

/// 1. more stretches of differing class wait than are remembered, and an entry that asked for nothing
///    shares one with an `Always` entry;
/// 2. it is handed to the disk by itself, as that one is, and nobody asks to force it;
/// 3. nothing later is handed out before it is synced: the node stands still for ever.
#[test]
fn an_entry_that_shares_the_class_of_an_always_entry_is_forced_like_one() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node(1).disk = Disk::Busy;
    for _ in 0..WRITES_IN_FLIGHT_MAX {
        propose_one(&mut cluster, FIRM).unwrap();
    }
    cluster.isolate(1);
    let alone = Class::new(CommitMode::LeaderOnly, FsyncMode::Always);
    for _ in 0..CLASS_RUNS_MAX / 2 - 1 {
        cluster.propose(1, alone);
        cluster.propose_many(1, RELAXED, 5);
    }
    // The table is full when the last of these comes, and joining the two before it costs the least.
    cluster.propose(1, alone);
    cluster.propose(1, RELAXED);
    cluster.propose(1, Class::new(CommitMode::Async, FsyncMode::None));
    cluster.node(1).disk = Disk::AsAsked;
    cluster.write(1);
    // The background force comes around.
    let now = cluster.now.after(Duration::from_secs(2));
    cluster.raft(1).handle_timeout(now);
    cluster.run_until_idle();
    let status = cluster.status(1);
    assert_eq!(
        status.watermarks.synced, status.last.index,
        "{:?}",
        status.waiting
    );
}

/// An append carries entries of its sender's term or of terms before it.
#[test]
fn entries_of_a_later_term_than_their_leaders_are_dropped_and_counted() {
    let mut cluster = Cluster::new(3);
    let later = append(LogPosition::ZERO, run(2, 1, 1), 0);
    cluster.inject(envelope(2, 1, 1, Message::Append(later)));
    assert_eq!(cluster.status(1).dropped.malformed, 1);
    assert_eq!(cluster.status(1).last, LogPosition::ZERO);
}
