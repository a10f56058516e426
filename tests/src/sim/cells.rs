//! The contract as a table: what was heard, what befell the cluster, and what became of the write.
//!
//! A write is counted in the column of what befell it between its acknowledgement and its commit; one
//! whose evidence is a majority's disks, in the two seconds that follow, since it is committed at
//! once.

use kraft_proto::{CommitMode, Held};
use serde::{Deserialize, Serialize};

/// What a client heard. In the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    /// `ASYNC`: the leader's memory.
    Async,
    /// The leader or a few, written.
    FewWritten,
    /// The leader or a few, synced.
    FewSynced,
    /// A majority, written.
    MajorityWritten,
    /// A majority, synced.
    MajoritySynced,
    /// Every voter, written.
    AllWritten,
    /// Every voter, synced.
    AllSynced,
}

/// What befell the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Column {
    /// The process of the leader that answered was killed; no power was cut.
    LeaderKilled,
    /// Another leader came, and nobody had crashed.
    LeaderChanged,
    /// At most the voters less a majority lost their power.
    MinorityDark,
    /// More than that, and not all.
    MostDark,
    /// Every voter lost its power.
    AllDark,
}

/// What the design says of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// No leader without the write is elected.
    Survives,
    /// It may be gone.
    MayLose,
}

/// Every row, in order.
pub const ROWS: [Row; 7] = [
    Row::Async,
    Row::FewWritten,
    Row::FewSynced,
    Row::MajorityWritten,
    Row::MajoritySynced,
    Row::AllWritten,
    Row::AllSynced,
];

/// Every column, in order.
pub const COLUMNS: [Column; 5] = [
    Column::LeaderKilled,
    Column::LeaderChanged,
    Column::MinorityDark,
    Column::MostDark,
    Column::AllDark,
];

impl Row {
    /// The row of an answer. `by_majority`: whether the mode asks a majority or more of the voters.
    pub fn of(mode: CommitMode, held: Held, by_majority: bool) -> Self {
        match (mode, held) {
            (CommitMode::Async, _) | (_, Held::Accepted) => Self::Async,
            (CommitMode::All, Held::Written) => Self::AllWritten,
            (CommitMode::All, Held::Synced) => Self::AllSynced,
            (_, Held::Written) if by_majority => Self::MajorityWritten,
            (_, Held::Synced) if by_majority => Self::MajoritySynced,
            (_, Held::Written) => Self::FewWritten,
            (_, Held::Synced) => Self::FewSynced,
        }
    }

    /// What the contract says.
    pub fn promise(self, column: Column) -> Promise {
        let survives = match self {
            Self::Async | Self::FewWritten | Self::FewSynced => false,
            Self::MajorityWritten => column < Column::MostDark,
            Self::AllWritten => column < Column::AllDark,
            Self::MajoritySynced | Self::AllSynced => true,
        };
        match survives {
            true => Promise::Survives,
            false => Promise::MayLose,
        }
    }
}

/// What became of the writes of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Committed in the end.
    pub kept: u64,
    /// Gone.
    pub lost: u64,
    /// A seed whose run lost one.
    pub lost_in: Option<u64>,
}

/// Every cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// By row and column, in their order.
    cells: [[Cell; 5]; 7],
}

impl Cells {
    /// One cell.
    pub fn get(&self, row: Row, column: Column) -> &Cell {
        &self.cells[row as usize][column as usize]
    }

    /// Counts a write that is committed.
    pub fn keep(&mut self, row: Row, column: Column) {
        self.cells[row as usize][column as usize].kept += 1;
    }

    /// Counts a write that is gone.
    pub fn lose(&mut self, row: Row, column: Column) {
        self.cells[row as usize][column as usize].lost += 1;
    }

    /// Adds what the run of `seed` counted.
    pub fn add(&mut self, other: &Self, seed: u64) {
        let theirs = other.cells.iter().flatten();
        for (cell, other) in self.cells.iter_mut().flatten().zip(theirs) {
            cell.kept += other.kept;
            cell.lost += other.lost;
            let lost_in = other.lost_in.or((other.lost > 0).then_some(seed));
            cell.lost_in = match (cell.lost_in, lost_in) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
    }

    /// Cells that contradict the design.
    pub fn contradictions(&self) -> Vec<String> {
        self.complaints(|promise, cell| match promise {
            Promise::Survives if cell.lost > 0 => Some("must survive, and was lost"),
            _ => None,
        })
    }

    /// Cells that show nothing: a promise never put to the test, or a loss never met.
    pub fn unmet(&self) -> Vec<String> {
        self.complaints(|promise, cell| match promise {
            Promise::Survives if cell.kept == 0 => Some("was never put to the test"),
            Promise::MayLose if cell.lost == 0 => Some("may be lost, and never was"),
            _ => None,
        })
    }

    fn complaints(
        &self,
        complaint: impl Fn(Promise, &Cell) -> Option<&'static str>,
    ) -> Vec<String> {
        let mut complaints = Vec::new();
        for row in ROWS {
            for column in COLUMNS {
                let cell = self.get(row, column);
                if let Some(what) = complaint(row.promise(column), cell) {
                    complaints.push(format!("{row:?} when {column:?} {what}: {cell:?}"));
                }
            }
        }
        complaints
    }
}
