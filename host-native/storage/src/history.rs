//! Which term wrote which stretch of the log, by every write handed to the disk thread: what the core
//! asks for where its own window does not reach.

use kraft_proto::{EntryKind, LogIndex, Run, WriteKind};

/// The runs of a log in order, each of one term and one kind.
#[derive(Clone, Debug, Default)]
pub struct History(Vec<Run>);

impl History {
    /// The runs of a log as it was recovered.
    pub fn of(runs: impl IntoIterator<Item = Run>) -> Self {
        let mut history = Self::default();
        runs.into_iter().for_each(|run| history.extend(run));
        history
    }

    /// Takes note of a write. A snapshot stands for all there was before it.
    pub fn take(&mut self, write: WriteKind) {
        match write {
            WriteKind::HardState(_) | WriteKind::Force => {}
            WriteKind::Snapshot(_) => self.0.clear(),
            WriteKind::Entries(run) => self.extend(run),
        }
    }

    /// Adds a run, in place of what stood there from its first entry on.
    fn extend(&mut self, run: Run) {
        let kept = self.0.partition_point(|old| old.first < run.first);
        self.0.truncate(kept);
        if let Some(last) = self.0.last_mut() {
            last.count = last.count.min(run.first.since(last.first) as u32);
            let joins = last.kind == run.kind && last.term == run.term;
            let count = last.count.checked_add(run.count);
            if joins
                && run.kind == EntryKind::Command
                && last.last().next() == run.first
                && let Some(count) = count
            {
                last.count = count;
                return;
            }
        }
        self.0.push(run);
    }

    /// The run that holds an index.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let behind = self.0.partition_point(|run| run.first <= index);
        let run = self.0.get(behind.checked_sub(1)?)?;
        (index <= run.last()).then_some(*run)
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::{LogPosition, Term};

    use super::*;

    fn run(term: u64, first: u64, count: u32) -> Run {
        Run {
            term: Term(term),
            kind: EntryKind::Command,
            first: LogIndex(first),
            count,
        }
    }

    #[test]
    fn runs_join_are_replaced_and_found() {
        let mut history = History::default();
        for written in [run(1, 1, 2), run(1, 3, 3), run(2, 6, 2), run(3, 4, 1)] {
            history.take(WriteKind::Entries(written));
        }
        assert_eq!(history.run_at(LogIndex(0)), None);
        assert_eq!(history.run_at(LogIndex(3)), Some(run(1, 1, 3)));
        assert_eq!(history.run_at(LogIndex(4)), Some(run(3, 4, 1)));
        assert_eq!(history.run_at(LogIndex(5)), None);
        let end = LogPosition::new(Term(9), LogIndex(9));
        history.take(WriteKind::Snapshot(end));
        assert_eq!(history.run_at(LogIndex(3)), None);
    }
}
