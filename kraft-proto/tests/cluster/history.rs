//! The runs of a log as its host knows them, by the writes it was handed.

use kraft_proto::{EntryKind, LogIndex, LogPosition, Run, WriteKind};

#[derive(Clone, Debug, Default)]
pub struct History(Vec<Run>);

impl History {
    pub fn of(runs: impl IntoIterator<Item = Run>) -> Self {
        let mut history = Self::default();
        runs.into_iter().for_each(|run| history.extend(run));
        history
    }

    /// The core hands out a write.
    pub fn take(&mut self, kind: WriteKind) {
        match kind {
            WriteKind::HardState(_) | WriteKind::Force => {}
            WriteKind::Snapshot(_) => self.0.clear(),
            WriteKind::Entries(run) => self.extend(run),
        }
    }

    fn extend(&mut self, run: Run) {
        while self.0.last().is_some_and(|last| last.first >= run.first) {
            self.0.pop();
        }
        if let Some(last) = self.0.last_mut() {
            last.count = last.count.min(run.first.since(last.first) as u32);
            let joins = (last.term, last.kind) == (run.term, run.kind);
            if joins && run.kind == EntryKind::Command && last.last().next() == run.first {
                last.count += run.count;
                return;
            }
        }
        self.0.push(run);
    }

    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let mut runs = self.0.iter();
        runs.find(|run| run.first <= index && index <= run.last())
            .copied()
    }

    pub fn position_at(&self, index: LogIndex) -> Option<LogPosition> {
        let run = self.run_at(index)?;
        Some(LogPosition::new(run.term, index))
    }
}
