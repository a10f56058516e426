//! The story at the top of `history`, and what may and may not follow from it.

use kraft_proto::{FsyncMode, LogIndex, Run, Write};

use super::super::node::Node;
use super::super::script::{Action, Seat};
use super::*;

/// Ten synced entries of term 1, of which the last five are replaced by two of term 2, unreported.
fn story() -> (History, Vec<Write>) {
    let mut history = History::new();
    let mut node = Node::start(Seat::Follower, &Found::default());
    let fsync = FsyncMode::Commit;
    let ten = Action::Append { count: 10, fsync };
    let two = Action::Replace {
        cut: 5,
        count: 2,
        fsync,
    };
    let mut all = Vec::new();
    for action in [ten, two] {
        node.act(action);
        let writes = node.writes();
        for write in &writes {
            history.hand(write);
        }
        if action == ten {
            for write in &writes {
                history.report(&write.clone().synced());
            }
        }
        all.extend(writes);
    }
    (history, all)
}

fn run(term: u64, first: u64, count: u32) -> Run {
    Run {
        term: Term(term),
        kind: EntryKind::Command,
        first: LogIndex(first),
        count,
    }
}

/// A store that holds these runs, and the last hard state.
fn watermarks(history: &History, runs: &[Run]) -> Found {
    let payloads = runs
        .iter()
        .flat_map(|run| run.positions().map(|at| payload(at, run.kind)));
    Found {
        hard: history.hard_states[history.hard_states.len() - 1],
        payloads: payloads.collect(),
        runs: runs.to_vec(),
        committed: None,
    }
}

fn rule(history: &History, found: &Found) -> Option<Rule> {
    judge(history, found, Held::Synced).err().map(|b| b.rule)
}

#[test]
fn an_unreported_replacement_may_be_there_or_not_or_half() {
    let (history, _) = story();
    let five = run(1, 1, 5);
    for runs in [
        &[run(1, 1, 10)][..],
        &[five],
        &[five, run(2, 6, 1)],
        &[five, run(2, 6, 2)],
    ] {
        assert_eq!(
            rule(&history, &watermarks(&history, runs)),
            None,
            "{runs:?}"
        );
    }
}

#[test]
fn each_way_to_be_wrong_has_its_name() {
    let (history, _) = story();
    for (runs, broken) in [
        (&[run(1, 1, 4)][..], Rule::EarlyCompletion),
        (&[run(1, 1, 9)], Rule::EarlyCompletion),
        (
            &[run(1, 1, 5), run(2, 6, 2), run(1, 8, 3)],
            Rule::Truncation,
        ),
        (&[run(1, 1, 5), run(2, 7, 1)], Rule::Gap),
        (&[run(1, 2, 9)], Rule::Gap),
        (&[run(1, 1, 11)], Rule::TornWrite),
        (&[run(3, 1, 1)], Rule::TornWrite),
    ] {
        let found = watermarks(&history, runs);
        assert_eq!(rule(&history, &found), Some(broken), "{runs:?}");
    }
}

#[test]
fn a_reported_replacement_is_not_undone() {
    let (mut history, writes) = story();
    for write in writes {
        history.report(&write.synced());
    }
    let old = watermarks(&history, &[run(1, 1, 10)]);
    assert_eq!(rule(&history, &old), Some(Rule::EarlyCompletion));
    let new = watermarks(&history, &[run(1, 1, 5), run(2, 6, 2)]);
    assert_eq!(rule(&history, &new), None);
}

#[test]
fn bytes_and_hard_states_are_compared_as_a_whole() {
    let (history, _) = story();
    let right = watermarks(&history, &[run(1, 1, 10)]);
    let mut torn = right.clone();
    let long = torn.payloads.iter_mut().find(|bytes| bytes.len() > 1);
    long.unwrap().pop();
    assert_eq!(rule(&history, &torn), Some(Rule::TornWrite));

    let forgotten = Found {
        hard: HardState::default(),
        ..right.clone()
    };
    assert_eq!(rule(&history, &forgotten), Some(Rule::ForgottenVote));

    let mut invented = right;
    invented.hard.term = Term(99);
    assert_eq!(rule(&history, &invented), Some(Rule::TornWrite));
}

#[test]
fn what_comes_back_as_committed_was_told_once_whatever_the_log_has_there() {
    let (mut history, _) = story();
    let at = |term, index| LogPosition::new(Term(term), LogIndex(index));
    for told in [at(1, 4), at(2, 7)] {
        history.commit(told);
    }
    history.begin(&watermarks(&history, &[run(1, 1, 5)]));
    let five = watermarks(&history, &[run(1, 1, 5)]);
    let cases = [
        (None, None),
        (Some(at(1, 4)), None),
        (Some(at(2, 7)), None),
        (Some(at(1, 5)), Some(Rule::MadeUp)),
        (Some(at(2, 4)), Some(Rule::MadeUp)),
        (Some(at(1, 7)), Some(Rule::MadeUp)),
    ];
    for (committed, broken) in cases {
        let found = Found {
            committed,
            ..five.clone()
        };
        assert_eq!(rule(&history, &found), broken, "{committed:?}");
    }
}
