//! How much was exercised; nothing of it may be zero.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::testing::fault::Operation;

/// Operations in which a crash must have struck.
const OPERATIONS: [&str; 10] = [
    "write of meta",
    "sync of meta",
    "write of a segment",
    "sync of a segment",
    "creation",
    "trimming",
    "renaming of meta",
    "recycling",
    "removal",
    "sync of names",
];

/// What went on when it did.
const DURING: [&str; 10] = [
    "format",
    "open",
    "append",
    "cut",
    "hard state",
    "compact",
    "restart behind a snapshot",
    "stop and start",
    "start after a kill",
    "start after a power cut",
];

/// An operation in words.
pub(super) fn label(operation: &Operation) -> &'static str {
    let of_meta =
        |path: &Path| path.file_name().is_some_and(|name| name != "log") && !is_segment(path);
    match operation {
        Operation::Write(path) if of_meta(path) => "write of meta",
        Operation::Write(_) => "write of a segment",
        Operation::Sync(path) if of_meta(path) => "sync of meta",
        Operation::Sync(_) => "sync of a segment",
        Operation::Create(_) => "creation",
        Operation::Resize(_) => "trimming",
        Operation::Rename(path) if of_meta(path) => "renaming of meta",
        Operation::Rename(_) => "recycling",
        Operation::Remove(_) => "removal",
        Operation::SyncDir(_) => "sync of names",
    }
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg")
}

/// Crash points and the disks they left.
#[derive(Default)]
pub(super) struct Tally {
    operations: BTreeMap<&'static str, (u64, u64)>,
    during: BTreeMap<&'static str, u64>,
    /// Operations that failed.
    pub failures: u64,
    /// Recoveries that were stopped or failed themselves.
    pub interrupted: u64,
    /// Logs that recovery cut with a warning.
    pub cut: u64,
}

impl Tally {
    pub fn crash_point(&mut self, operation: &'static str, during: &'static str) {
        self.operations.entry(operation).or_default().0 += 1;
        *self.during.entry(during).or_default() += 1;
    }

    /// A disk that an operation of that kind left, or a failure.
    pub fn disk(&mut self, operation: &'static str) {
        self.operations.entry(operation).or_default().1 += 1;
    }

    pub fn assert_nothing_is_missing(&self) {
        for operation in OPERATIONS {
            let counted = self.operations.get(operation);
            assert!(
                counted.is_some_and(|(points, disks)| *points > 0 && *disks > 0),
                "no crash struck in a {operation}"
            );
        }
        for during in DURING {
            assert!(
                self.during.contains_key(during),
                "no crash struck during: {during}"
            );
        }
        assert!(self.failures > 0, "nothing failed");
        assert!(self.interrupted > 0, "no recovery was interrupted");
        assert!(self.cut > 0, "no log was cut");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let points: u64 = self.operations.values().map(|(points, _)| points).sum();
        let disks: u64 = self.operations.values().map(|(_, disks)| disks).sum();
        write!(
            f,
            "{points} crash points and {} failures left {disks} disks, all recovered; {} logs cut, \
             {} recoveries interrupted\n ",
            self.failures, self.cut, self.interrupted
        )?;
        for (operation, (points, disks)) in &self.operations {
            write!(f, " {operation}: {points} → {disks};")?;
        }
        write!(f, "\n ")?;
        for (during, points) in &self.during {
            write!(f, " {during}: {points};")?;
        }
        Ok(())
    }
}
