//! Raft §8: client interaction. Exactly-once is `host-native/src/sessions.rs`; here is what the core
//! does for it.

use kraft_proto::{
    Class, CommitMode, EntryKind, FsyncMode, LogIndex, Output, ProposeError, ReadError,
    ReadOutcome, ReadTicket, Role,
};

use crate::bare;
use crate::cluster::{Cluster, Disk, at, id, ms, run};

fn read(cluster: &mut Cluster, n: u64) -> ReadTicket {
    let now = cluster.now;
    cluster.raft(n).read(now).unwrap()
}

fn outcome(cluster: &mut Cluster, n: u64, of: ReadTicket) -> Option<ReadOutcome> {
    let outputs = cluster.node(n).outputs.iter();
    let mut told = outputs.filter_map(|output| match output {
        Output::Read { ticket, outcome } if *ticket == of => Some(*outcome),
        _ => None,
    });
    told.next()
}

/// §8: "If the client's first choice is not the leader, that server will reject the client's request
/// and supply information about the most recent leader it has heard from."
#[test]
fn a_node_that_does_not_lead_says_who_does() {
    let mut cluster = Cluster::new(3);
    let refused = cluster.try_propose(2, Class::default());
    assert_eq!(refused, Err(ProposeError::NotLeader(None)));
    let now = cluster.now;
    assert_eq!(cluster.raft(2).read(now), Err(ReadError::NoLeader));
    cluster.elect(1);
    let refused = cluster.try_propose(2, Class::default());
    assert_eq!(refused, Err(ProposeError::NotLeader(Some(id(1)))));
}

/// §8: "Raft handles this by having each leader commit a blank no-op entry into the log at the start
/// of its term."
#[test]
fn a_leader_opens_its_term_with_a_no_op() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(1, 1, [run(1, 1, 2)]);
    cluster.elect(1);
    let opened = cluster.raft(1).run_from(LogIndex(3), 1).unwrap();
    assert_eq!(
        (opened.kind, opened.last_position()),
        (EntryKind::NoOp, at(2, 3))
    );
    assert_eq!(cluster.commit(1), at(2, 3));
}

/// §8: "Raft handles this by having the leader exchange heartbeat messages with a majority of the
/// cluster before responding to read-only requests."
#[test]
fn a_read_is_served_after_a_round_of_heartbeats() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(
        outcome(&mut cluster, 1, ticket),
        None,
        "nobody has confirmed it"
    );
    cluster.run_until_idle();
    let ready = Some(ReadOutcome::Ready(LogIndex(1)));
    assert_eq!(outcome(&mut cluster, 1, ticket), ready);
}

/// The story: 1. node 1 is cut off, and does not know yet that node 2 leads and has committed a write. 2. A
/// client reads from node 1. Served from its own state, the read would be stale.
#[test]
fn a_leader_that_was_deposed_without_knowing_serves_no_read() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.isolate(1);
    cluster.elect(2);
    cluster.propose(2, Class::default());
    cluster.run_until_idle();
    assert_eq!(cluster.role(1), Role::Leader, "it does not know");
    let ticket = read(&mut cluster, 1);
    cluster.pass(ms(500));
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
    cluster.heal();
    cluster.pass(ms(100));
    let failed = Some(ReadOutcome::Failed);
    assert_eq!(
        outcome(&mut cluster, 1, ticket),
        failed,
        "and says so once it knows"
    );
}

/// §8: "a leader must have the latest information on which entries are committed ... at the start of
/// its term, it may not know which those are."
#[test]
fn a_read_waits_until_the_no_op_of_the_term_is_committed() {
    let mut cluster = Cluster::with(3, bare);
    for n in 1..=3 {
        cluster.start_on(n, 1, [run(1, 1, 5)]);
    }
    cluster.run_until_idle();
    cluster.disks(Disk::Busy);
    cluster.elect(1);
    let ticket = read(&mut cluster, 1);
    cluster.pass(ms(120));
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
    cluster.sync(1);
    cluster.sync(2);
    let ready = Some(ReadOutcome::Ready(LogIndex(6)));
    assert_eq!(
        outcome(&mut cluster, 1, ticket),
        ready,
        "all five and the no-op"
    );
}

/// A read sees every write acknowledged as Sync or stronger before it, relaxed ones too.
#[test]
fn a_read_waits_for_what_was_acknowledged_on_written_copies() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    let relaxed = Class::new(CommitMode::Sync, FsyncMode::None);
    let proposed = cluster.propose(1, relaxed);
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed));
    let ticket = read(&mut cluster, 1);
    cluster.pass(ms(60));
    assert_eq!(
        outcome(&mut cluster, 1, ticket),
        None,
        "it is not committed"
    );
    cluster.sync(1);
    cluster.sync(2);
    let ready = Some(ReadOutcome::Ready(LogIndex(2)));
    assert_eq!(outcome(&mut cluster, 1, ticket), ready);
}

/// Reads asked in one moment share a round; one asked after it set out does not join it.
#[test]
fn reads_share_a_round_only_before_it_sets_out() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let first = read(&mut cluster, 1);
    assert_eq!(read(&mut cluster, 1), first);
    cluster.poll();
    let later = read(&mut cluster, 1);
    assert_ne!(later, first);
    cluster.run_until_idle();
    assert!(outcome(&mut cluster, 1, first).is_some());
    assert!(outcome(&mut cluster, 1, later).is_some());
}
