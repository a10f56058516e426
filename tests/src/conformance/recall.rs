//! Whether a run that a store tells may be told: a pure function, and the name of what is wrong if not.

use kraft_proto::{LogIndex, Run};

use super::history::{Entry, History, Version};
use super::judge::Broken;
use super::rule::Rule;

/// Judges what a store says stands at an index, by every write that it was handed.
///
/// 1. A run that holds the index, each of whose entries stands in the log, is right.
/// 2. One of which an entry never was anywhere, or that does not hold the index, is made up.
/// 3. What was right before the writes that are not done, and is not right now, comes too late.
/// 4. Of the rest, no run where an entry stands is a forgotten one, and any other a stale one.
pub(super) fn judge_run(
    history: &History,
    index: LogIndex,
    told: Option<Run>,
) -> Result<(), Broken> {
    let there = history.newest().at(index);
    if is_right(history.newest(), index, told) {
        return Ok(());
    }
    let expected = match there {
        Some(entry) => format!(
            "a run of term {}, {:?}, that holds {index}",
            entry.term, entry.kind
        ),
        None => format!("no run at {index}, where no entry stands"),
    };
    let found = told.map_or_else(|| "none".to_owned(), shown);
    let rule = match told {
        Some(run) if !holds(run, index) || !were_all_written(history, run) => Rule::MadeUp,
        _ if is_right(history.done(), index, told) => Rule::LateRun,
        None => Rule::ForgottenRun,
        Some(_) => Rule::StaleRun,
    };
    Err(Broken::new(rule, expected, found))
}

fn is_right(version: &Version, index: LogIndex, told: Option<Run>) -> bool {
    let Some(run) = told else {
        return version.at(index).is_none();
    };
    let stands = |entry: Entry| (entry.term, entry.kind) == (run.term, run.kind);
    let mut positions = run.positions();
    holds(run, index) && positions.all(|at| version.at(at.index).is_some_and(stands))
}

fn holds(run: Run, index: LogIndex) -> bool {
    index > LogIndex::ZERO && !run.is_empty() && run.first <= index && index <= run.last()
}

fn were_all_written(history: &History, run: Run) -> bool {
    run.positions().all(|at| history.ever(at, run.kind))
}

fn shown(run: Run) -> String {
    match run.is_empty() {
        true => format!("an empty run at {}", run.first),
        false => format!(
            "entries {}..={} of term {}, {:?}",
            run.first,
            run.last(),
            run.term,
            run.kind
        ),
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::{EntryKind, FsyncMode, Term};

    use super::super::adapter::Found;
    use super::super::node::Node;
    use super::super::script::{Action, Seat};
    use super::*;

    fn run(term: u64, first: u64, count: u32) -> Run {
        Run {
            term: Term(term),
            kind: EntryKind::Command,
            first: LogIndex(first),
            count,
        }
    }

    /// Ten entries of term 1 are done; the last five gave way to two of term 2, which wait.
    fn story() -> History {
        let mut history = History::new();
        let mut node = Node::start(Seat::Follower, &Found::default());
        let fsync = FsyncMode::Commit;
        let (ten, two) = (
            Action::Append { count: 10, fsync },
            Action::Replace {
                cut: 5,
                count: 2,
                fsync,
            },
        );
        for action in [ten, two] {
            node.act(action);
            for write in node.writes() {
                history.hand(&write);
                if action == ten {
                    history.report(&write.synced());
                }
            }
        }
        history
    }

    #[test]
    fn a_run_is_right_whole_or_in_part() {
        let history = story();
        let right = [
            (5, Some(run(1, 1, 5))),
            (5, Some(run(1, 4, 2))),
            (6, Some(run(2, 6, 2))),
            (7, Some(run(2, 7, 1))),
            (0, None),
            (8, None),
            (99, None),
        ];
        for (index, told) in right {
            assert_eq!(
                judge_run(&history, LogIndex(index), told),
                Ok(()),
                "{told:?}"
            );
        }
    }

    #[test]
    fn each_way_to_be_wrong_has_its_name() {
        let history = story();
        let other_kind = Run {
            kind: EntryKind::NoOp,
            ..run(2, 6, 1)
        };
        let wrong = [
            (5, None, Rule::ForgottenRun),
            (6, None, Rule::ForgottenRun),
            (6, Some(run(1, 1, 10)), Rule::LateRun),
            (9, Some(run(1, 9, 1)), Rule::LateRun),
            (5, Some(run(1, 1, 6)), Rule::LateRun),
            (5, Some(run(1, 6, 5)), Rule::MadeUp),
            (5, Some(run(1, 1, 0)), Rule::MadeUp),
            (0, Some(run(1, 0, 3)), Rule::MadeUp),
            (11, Some(run(1, 1, 11)), Rule::MadeUp),
            (7, Some(run(2, 6, 3)), Rule::MadeUp),
            (5, Some(run(2, 5, 2)), Rule::MadeUp),
            (6, Some(other_kind), Rule::MadeUp),
        ];
        for (index, told, broken) in wrong {
            let judged = judge_run(&history, LogIndex(index), told);
            let rule = judged.map_err(|judged| judged.rule);
            assert_eq!(rule, Err(broken), "{index}: {told:?}");
        }
    }

    #[test]
    fn what_is_told_of_a_tail_that_gave_way_is_stale_once_that_is_done() {
        let mut history = story();
        let replaced = [(6, run(1, 6, 1)), (9, run(1, 1, 10)), (5, run(1, 1, 6))];
        history.log.written = history.versions.len() - 1;
        for (index, told) in replaced {
            let judged = judge_run(&history, LogIndex(index), Some(told));
            let rule = judged.map_err(|judged| judged.rule);
            assert_eq!(rule, Err(Rule::StaleRun), "{index}: {told:?}");
        }
    }
}
