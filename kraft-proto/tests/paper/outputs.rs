//! Outputs are derived, acknowledgements are watermarks, the table of terms is bounded.

use kraft_proto::limits::TERM_RUNS_MAX;
use kraft_proto::{Class, CommitMode, Fate, FsyncMode, Held, LogIndex, Output, Role, WriteKind};

use crate::bare;
use crate::cluster::{Cluster, at, ms, run};

/// Outputs are derived from the state, not queued: what was not polled for long is not lost, and
/// what is said then is true then.
#[test]
fn whoever_polls_late_hears_everything_that_is_true_by_then() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node(1).outputs.clear();
    let writes = cluster.node(1).writes.len();
    let proposals: Vec<_> = (0..1000)
        .map(|_| cluster.propose(1, Class::default()))
        .collect();
    cluster.settle();
    let last = proposals.last().unwrap();
    assert!(proposals.iter().all(|proposed| cluster.acked(1, proposed)));
    let acks = |output: &&Output| matches!(output, Output::Ack { upto, .. } if *upto > at(1, 1));
    assert_eq!(
        cluster.node(1).outputs.iter().filter(acks).count(),
        1,
        "one watermark"
    );
    let written: Vec<_> = cluster.node(1).writes[writes..]
        .iter()
        .map(|(kind, _)| *kind)
        .collect();
    let WriteKind::Entries(all) = written[0] else {
        panic!("not entries: {written:?}")
    };
    assert_eq!(
        (written.len(), all.count, all.last_position()),
        (1, 1000, last.run.last_position())
    );
    assert_eq!(cluster.commit(3), last.run.last_position());
}

/// A watermark speaks of those who asked its way: an entry of another class in between is not
/// acknowledged by it.
#[test]
fn a_watermark_says_nothing_of_proposals_that_asked_otherwise() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let sync = cluster.propose(1, Class::default());
    let relaxed = cluster.propose(1, Class::new(CommitMode::LeaderOnly, FsyncMode::None));
    cluster.settle();
    assert!(cluster.acked(1, &relaxed));
    assert!(
        !cluster.acked(1, &sync),
        "it stands before, and waits for a majority"
    );
    let early = |output: &Output| match output {
        Output::Ack { mode, held, upto } if *upto > at(1, 1) => Some((*mode, *held)),
        _ => None,
    };
    let said: Vec<_> = cluster.node(1).outputs.iter().filter_map(early).collect();
    assert_eq!(said, [(CommitMode::LeaderOnly, Held::Written)]);
}

/// The story: 1. a node took more terms than its table holds, none of them committed. 2. It leads, and
/// cannot send what it has forgotten: nobody else can catch up with it. So it leaves the lead to
/// others as long as others might take it, which is four election timeouts.
#[test]
fn who_forgot_uncommitted_history_campaigns_only_when_nobody_else_does() {
    let mut cluster = Cluster::with(3, bare);
    let terms = 2 * TERM_RUNS_MAX as u64;
    cluster.start_on(1, terms, (1..=terms).map(|term| run(term, term, 1)));
    cluster.isolate(1);
    cluster.settle();
    let mut timeouts = 0;
    while cluster.role(1) == Role::Follower {
        let deadline = cluster.raft(1).poll_timeout();
        cluster.pass(deadline.since(cluster.now));
        timeouts += 1;
    }
    assert_eq!(timeouts, 4);
    // One that forgot nothing campaigns at the first.
    let deadline = cluster.raft(2).poll_timeout();
    cluster.isolate(2);
    cluster.pass(deadline.since(cluster.now) + ms(1));
    assert_ne!(cluster.role(2), Role::Follower);
}

/// What is committed and forgotten is unknown, and nobody calls it lost.
#[test]
fn a_forgotten_entry_is_unknown_and_a_remembered_one_is_known() {
    let mut cluster = Cluster::with(1, bare);
    let terms = 2 * TERM_RUNS_MAX as u64;
    cluster.start_on(1, terms, (1..=terms).map(|term| run(term, term, 1)));
    cluster.elect(1);
    let first_known = cluster.status(1).first_known;
    assert!(first_known > LogIndex(1));
    assert_eq!(cluster.fate(1, at(1, 1)), Fate::Unknown);
    assert_eq!(cluster.fate(1, at(terms, terms)), Fate::Committed);
    assert_eq!(cluster.fate(1, at(terms - 1, terms)), Fate::Lost);
}
