//! Looking at a store that is not in use: every checksum verified, every entry shown, nothing changed.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kraft_proto::cluster::Epoch;
use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::hard_state::HardState;
use kraft_proto::ids::LogPosition;
use kraft_proto::modes::Held;

use super::error::{Corrupt, Doing, ReadError, StoreOpenError};
use super::founding::Founding;
use super::fs::{Fs, LockGuard};
use super::identity::Identity;
use super::meta::{MetaFile, OtherSlot};
use super::opening::{lock_store, log_dir};
use super::scan::{Window, walk};
use super::segment::{RECORDS_AT, Segment};
use super::stats::StorageStats;
use super::survey::{Warning, survey};

/// What a store that is not in use holds, every checksum verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub identity: Identity,
    /// What it was formatted with.
    pub founding: Founding,
    /// How often its cluster was founded anew.
    pub epoch: Epoch,
    /// The hard state that was saved last.
    pub hard_state: HardState,
    /// The last position told as committed when the hard state was saved; more may be by now.
    pub committed: LogPosition,
    /// The entry before the first of `log`.
    pub base: LogPosition,
    /// The entries in maximal runs.
    pub log: Vec<Run>,
    /// What opening it would put right.
    pub warnings: Vec<Warning>,
}

/// A store that is looked at. Nobody opens it meanwhile.
pub struct Inspected {
    verified: Verified,
    segments: Vec<Segment>,
    /// The disk has the newest segment through here.
    forced: u64,
    _lock: LockGuard,
}

/// An entry as it lies on the disk.
#[derive(Clone, Copy, Debug)]
pub struct LogEntry<'a> {
    /// Its term and index.
    pub position: LogPosition,
    /// What it is.
    pub kind: EntryKind,
    /// Its bytes, as they were given to the log.
    pub payload: &'a [u8],
    /// The file it lies in.
    pub file: &'a Path,
    /// Where its record begins there, in bytes.
    pub offset: u64,
    /// How this disk is known to hold it: synced, or only written.
    pub held: Held,
}

/// Reads the whole store in `dir` and verifies it. Nothing in it is changed.
pub fn verify(dir: &Path, fs: &dyn Fs) -> Result<Verified, StoreOpenError> {
    Ok(inspect(dir, fs)?.verified)
}

/// The same, to look at its entries as well.
pub fn inspect(dir: &Path, fs: &dyn Fs) -> Result<Inspected, StoreOpenError> {
    let lock = lock_store(dir, fs, Duration::ZERO)?;
    let stats = Arc::new(StorageStats::default());
    let (meta, other) = MetaFile::load(fs, dir, &stats)?;
    let survey = survey(fs, &log_dir(dir), meta.now())?;
    let mut warnings: Vec<Warning> = survey.torn.into_iter().collect();
    if let OtherSlot::Torn { offset } = other {
        let file = MetaFile::path_in(dir);
        warnings.push(Warning::TornMeta { file, offset });
    }
    let first = survey.segments.first();
    let verified = Verified {
        identity: meta.now().identity,
        founding: meta.now().founding.clone(),
        epoch: meta.now().epoch,
        hard_state: meta.now().hard_state,
        committed: meta.now().committed,
        base: first.map_or(LogPosition::ZERO, |segment| segment.header.base),
        log: survey.runs,
        warnings,
    };
    Ok(Inspected {
        verified,
        segments: survey.segments,
        forced: survey.forced,
        _lock: lock,
    })
}

impl Inspected {
    /// What it holds, as a whole.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Shows the entries of the log in order, until `visit` has enough.
    ///
    /// # Errors
    /// If a file cannot be read, or its bytes are not those that were verified before.
    pub fn visit(
        &self,
        mut visit: impl FnMut(LogEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let newest = self.segments.last();
        let newest = newest.map(|segment| segment.header.generation);
        for segment in &self.segments {
            let forced = match Some(segment.header.generation) == newest {
                true => self.forced,
                // What comes after was begun only when all of it was forced.
                false => segment.end,
            };
            if visit_segment(segment, forced, &mut visit)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn visit_segment(
    segment: &Segment,
    forced: u64,
    visit: &mut impl FnMut(LogEntry<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ReadError> {
    let mut flow = ControlFlow::Continue(());
    let (end, ..) = walk(
        &mut Window::new(&*segment.file),
        segment.header.origin(),
        RECORDS_AT,
        segment.header.checksum,
        segment.end,
        |offset, header, payload| {
            let synced = offset + header.record_bytes() <= forced;
            flow = visit(LogEntry {
                position: header.position,
                kind: header.kind,
                payload,
                file: &segment.path,
                offset,
                held: match synced {
                    true => Held::Synced,
                    false => Held::Written,
                },
            });
            flow
        },
    )
    .doing("read", &segment.path)?;
    if flow.is_continue() && end != segment.end {
        return Err(ReadError::Corrupt(Corrupt {
            file: segment.path.clone(),
            offset: end,
            what: "no whole record is there, and there was one a moment ago",
        }));
    }
    Ok(flow)
}
