//! What runs exercised, in numbers.

use std::collections::BTreeMap;

use kraft_proto::{Answer, Class, CommitMode, FsyncMode, Grade};
use serde::{Deserialize, Serialize};

use super::cells::Cells;
use super::network::Carried;

/// What became of the writes of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Answered as asked, or more.
    pub as_asked: u64,
    /// A majority where all were asked for.
    pub fallback: u64,
    /// Not in time.
    pub timed_out: u64,
    /// Told that it is gone, or that nobody knows.
    pub lost: u64,
}

/// Counts over one run or many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Runs that came to their end.
    pub runs: u64,
    /// Simulated time, in microseconds.
    pub simulated_us: u64,
    /// Things that happened and were shown to the oracles.
    pub events: u64,
    /// Faults that took effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// What else happened that a sweep must have met, by kind.
    pub deeds: BTreeMap<String, u64>,
    /// What the network did.
    pub carried: Carried,
    /// Leaders elected.
    pub leaders: u64,
    /// Suspects re-admitted.
    pub readmissions: u64,
    /// Entries committed.
    pub committed: u64,
    /// Acknowledgements of the core that were checked.
    pub acks_checked: u64,
    /// Answers whose entries were committed in the end, and answers whose entries were not.
    pub answers_kept: u64,
    /// See `answers_kept`.
    pub answers_lost: u64,
    /// Refused proposals.
    pub refused: u64,
    /// Reads served and not served.
    pub reads_served: u64,
    /// See `reads_served`.
    pub reads_failed: u64,
    /// Fates told.
    pub fates: u64,
    /// Answers by mode and fsync.
    pub answers: BTreeMap<String, Answers>,
    /// The contract, with `on_power_loss = "protect"`.
    pub cells: Cells,
    /// The same with `on_power_loss = "available"`.
    pub cells_available: Cells,
}

fn name(class: Class) -> String {
    let mode = match class.mode {
        CommitMode::Async => "ASYNC",
        CommitMode::LeaderOnly => "LEADER_ONLY",
        CommitMode::AtLeast(_) => "AT_LEAST_n",
        CommitMode::Sync => "SYNC",
        CommitMode::All => "ALL",
    };
    let fsync = match class.fsync {
        FsyncMode::None => "NONE",
        FsyncMode::Batch => "BATCH",
        FsyncMode::Commit => "COMMIT",
        FsyncMode::Always => "ALWAYS",
    };
    format!("{mode}·{fsync}")
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_string(), 1);
        }
    }
}

impl Tally {
    /// Counts a fault.
    pub fn fault(&mut self, name: &str) {
        count(&mut self.faults, name);
    }

    /// Counts something else.
    pub fn deed(&mut self, name: &str) {
        count(&mut self.deeds, name);
    }

    /// Counts an answer.
    pub fn answer(&mut self, answer: &Answer<u64>) {
        let answers = self.answers.entry(name(answer.asked)).or_default();
        match answer.grade {
            Grade::AsAsked => answers.as_asked += 1,
            Grade::Fallback => answers.fallback += 1,
            Grade::TimedOut => answers.timed_out += 1,
            Grade::Lost | Grade::Unknown => answers.lost += 1,
        }
    }

    /// Adds what the run of `seed` counted.
    pub fn add(&mut self, other: &Self, seed: u64) {
        self.runs += other.runs;
        self.simulated_us += other.simulated_us;
        self.events += other.events;
        for (name, count) in &other.faults {
            *self.faults.entry(name.clone()).or_default() += count;
        }
        for (name, count) in &other.deeds {
            *self.deeds.entry(name.clone()).or_default() += count;
        }
        let carried = &mut self.carried;
        carried.delivered += other.carried.delivered;
        carried.lost += other.carried.lost;
        carried.copied += other.carried.copied;
        carried.late += other.carried.late;
        carried.cut += other.carried.cut;
        carried.overtook += other.carried.overtook;
        self.leaders += other.leaders;
        self.readmissions += other.readmissions;
        self.committed += other.committed;
        self.acks_checked += other.acks_checked;
        self.answers_kept += other.answers_kept;
        self.answers_lost += other.answers_lost;
        self.refused += other.refused;
        self.reads_served += other.reads_served;
        self.reads_failed += other.reads_failed;
        self.fates += other.fates;
        for (name, theirs) in &other.answers {
            let ours = self.answers.entry(name.clone()).or_default();
            ours.as_asked += theirs.as_asked;
            ours.fallback += theirs.fallback;
            ours.timed_out += theirs.timed_out;
            ours.lost += theirs.lost;
        }
        self.cells.add(&other.cells, seed);
        self.cells_available.add(&other.cells_available, seed);
    }
}
