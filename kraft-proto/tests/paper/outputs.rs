//! Outputs are derived, acknowledgements are watermarks, the table of terms is bounded.

use kraft_proto::{Class, CommitMode, FsyncMode, Held, Output, WriteKind};

use crate::cluster::{Cluster, at};

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
    cluster.run_until_idle();
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
    cluster.run_until_idle();
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
