//! Recovery forces by rewriting: what may not be on the disk is written anew and forced, before
//! anybody is told that it is there.
//!
//! An fsync of pages this process did not write proves nothing: after a failed write-back Linux
//! marks them clean, and the next fsync succeeds.

use std::ops::ControlFlow;
use std::sync::Arc;

use kraft_proto::ids::LogPosition;

use super::error::{Doing, IoError, StoreOpenError};
use super::meta::{Mark, Meta};
use super::record::{self, END_MARK, Origin};
use super::scan::{Window, walk};
use super::segment::{RECORDS_AT, Segment, SegmentHeader};
use super::spare::{Retired, Spare, Spares};
use super::stats::{Forced, StorageStats};
use super::survey::Survey;

const BUFFER_BYTES: usize = 1024 * 1024;

/// The log after recovery, every byte of it forced.
pub(super) struct Recovered {
    pub segments: Vec<Segment>,
    pub checksum: u32,
}

/// Where the fresh segment takes over from the newest one.
struct From {
    joins: Mark,
    checksum: u32,
    base: LogPosition,
    /// The first byte to copy.
    start: u64,
}

/// Writes the tail of the surveyed log to a fresh segment and forces it: what is behind the last
/// forced place, or the whole of the newest segment if its records have no more than
/// `whole_bytes_max` bytes, so that starting often does not leave many small segments.
///
/// On a full disk it is the whole of the newest segment in any case: the two files then change places,
/// and the old one is kept for the next start. Of a tail alone, each start would take one more file.
///
/// 1. Records are copied and forced.
/// 2. The header is written and forced: only now does the fresh segment count.
/// 3. Only now is what it replaces let go.
///
/// A crash before 2 leaves the old tail as it was. The other way round, a header on the disk without
/// the records behind it would cut off entries that were reported.
pub(super) fn rewrite(
    survey: Survey,
    meta: &Meta,
    spares: &Spares,
    whole_bytes_max: u64,
    stats: &StorageStats,
) -> Result<Recovered, StoreOpenError> {
    let mut segments = survey.segments;
    spares.retire(survey.unused)?;
    let spare = spares.take()?;
    let newest = segments.pop();
    let swap =
        spares.are_used_up() && (newest.as_ref()).is_some_and(|n| n.end <= spares.segment_bytes());
    let from = match &newest {
        None => From {
            joins: Mark::default(),
            checksum: 0,
            base: LogPosition::ZERO,
            start: RECORDS_AT,
        },
        Some(newest)
            if newest.end - RECORDS_AT > whole_bytes_max && survey.forced > RECORDS_AT && !swap =>
        {
            behind(newest, survey.forced)?
        }
        Some(newest) => From {
            // The first segment of a compacted log no longer joins anything, and nor does its heir.
            joins: segments
                .last()
                .map_or_else(Mark::default, |_| newest.header.joins),
            checksum: newest.header.checksum,
            base: newest.header.base,
            start: RECORDS_AT,
        },
    };
    let header = SegmentHeader {
        store: meta.identity.store,
        generation: spare.generation,
        joins: from.joins,
        checksum: from.checksum,
        base: from.base,
    };
    let (fresh, checksum) = copy(newest.as_ref(), &from, header, &spare, stats)?;
    force(&fresh, stats)?;
    fresh
        .file
        .write_at(&header.encode(), 0)
        .doing("write", &fresh.path)?;
    force(&fresh, stats)?;

    let mut replaced = survey.superseded;
    if let Some(mut newest) = newest {
        if from.joins.generation == newest.header.generation {
            newest
                .file
                .set_size(from.joins.end)
                .doing("trim", &newest.path)?;
            newest.cut(from.base, from.joins.end);
            segments.push(newest);
        } else {
            replaced.push(Retired::from(newest));
        }
    }
    drop(spare);
    segments.push(fresh);
    spares.retire(replaced)?;
    Ok(Recovered { segments, checksum })
}

fn force(segment: &Segment, stats: &StorageStats) -> Result<(), IoError> {
    stats
        .time(Forced::Log, 0, || segment.file.sync())
        .doing("force", &segment.path)
}

/// The last record that ends at or before `forced`.
fn behind(newest: &Segment, forced: u64) -> Result<From, IoError> {
    let header = newest.header;
    let mut base = header.base;
    let (end, checksum, _) = walk(
        &mut Window::new(&*newest.file),
        header.origin(),
        RECORDS_AT,
        header.checksum,
        forced,
        |_, header, _| {
            base = header.position;
            ControlFlow::Continue(())
        },
    )
    .doing("read", &newest.path)?;
    let joins = Mark {
        generation: header.generation,
        end,
    };
    Ok(From {
        joins,
        checksum,
        base,
        start: end,
    })
}

/// Copies the records behind `from` into the spare, whose header stays unwritten.
fn copy(
    newest: Option<&Segment>,
    from: &From,
    header: SegmentHeader,
    spare: &Spare,
    stats: &StorageStats,
) -> Result<(Segment, u32), IoError> {
    let mut fresh = Segment::empty(header, spare.path.clone(), Arc::clone(&spare.file));
    let mut checksum = from.checksum;
    let Some(newest) = newest else {
        spare
            .file
            .write_at(&END_MARK, RECORDS_AT)
            .doing("write", &spare.path)?;
        return Ok((fresh, checksum));
    };
    let to: Origin = header.origin();
    let mut buffer = Vec::new();
    let mut written = RECORDS_AT;
    let mut failed = None;
    let mut window = Window::new(&*newest.file);
    let origin = newest.header.origin();
    walk(
        &mut window,
        origin,
        from.start,
        from.checksum,
        newest.end,
        |_, header, payload| {
            let at = header.position;
            checksum = record::encode(&mut buffer, to, at, header.kind, payload, 0, checksum);
            fresh.push(at, header.record_bytes());
            if buffer.len() >= BUFFER_BYTES {
                if let Err(error) = spare.file.write_at(&buffer, written) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                written += buffer.len() as u64;
                buffer.clear();
            }
            ControlFlow::Continue(())
        },
    )
    .doing("read", &newest.path)?;
    stats.wrote(
        fresh.end - RECORDS_AT,
        fresh.last.index.since(from.base.index),
    );
    buffer.extend_from_slice(&END_MARK);
    match failed {
        Some(error) => Err(error),
        None => spare.file.write_at(&buffer, written),
    }
    .doing("write", &spare.path)?;
    Ok((fresh, checksum))
}
