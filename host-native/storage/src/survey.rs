//! What of a log is whole: the torn tail told apart from damage.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::ids::LogPosition;

use super::error::{Corrupt, Doing, IoError, StoreOpenError};
use super::fs::{File, Fs};
use super::meta::Meta;
use super::record::{ALIGN, HEADER_BYTES, Header, Origin};
use super::scan::{Behind, WalkEnd, Window, search, walk};
use super::segment::{RECORDS_AT, Segment, SegmentHeader, generation_of, path_of};
use super::spare::Retired;

/// Threads that read segments at start, at most.
const READERS_MAX: usize = 4;

/// Something recovery put right, worth an operator's eye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The last records were written but not forced when the power went, and are not whole. None of
    /// them was ever reported as synced, unless in the very last fsync before the stop: the last
    /// forced batch cannot be told from a torn tail.
    TornTail {
        /// The segment.
        file: PathBuf,
        /// Where the log was cut, in bytes.
        offset: u64,
        /// Bytes cut off, as far as that can be told.
        bytes: u64,
    },
    /// One of the two copies of the hard state is not whole: its last save was cut short.
    TornMeta {
        /// The file.
        file: PathBuf,
        /// Where the copy begins, in bytes.
        offset: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornTail {
                file,
                offset,
                bytes,
            } => write!(
                f,
                "{}: the last {bytes} bytes, from byte {offset} on, are not whole and were cut \
                 off: they were still being written when the machine stopped",
                file.display()
            ),
            Self::TornMeta { file, offset } => write!(
                f,
                "{}: the copy at byte {offset} is not whole; the other one is used",
                file.display()
            ),
        }
    }
}

/// What a log directory holds.
pub(super) struct Survey {
    /// The segments of the log in order; none in a new store.
    pub segments: Vec<Segment>,
    /// The entries in maximal runs.
    pub runs: Vec<Run>,
    /// The disk has the newest segment through here; 0 if maybe not even its header.
    pub forced: u64,
    /// A torn tail, if there is one.
    pub torn: Option<Warning>,
    /// Files that were superseded or compacted away.
    pub superseded: Vec<Retired>,
    /// Files that were prepared and not used.
    pub unused: Vec<Retired>,
    /// The next name that was never used.
    pub next_generation: u64,
}

/// Reads the whole log and verifies it. Changes nothing.
pub(super) fn survey(fs: &dyn Fs, log_dir: &Path, meta: &Meta) -> Result<Survey, StoreOpenError> {
    let mut files = BTreeMap::new();
    let mut headers = BTreeMap::new();
    for name in fs.list(log_dir).doing("list", log_dir)? {
        let Some(generation) = generation_of(&name) else {
            continue;
        };
        let path = log_dir.join(&name);
        let file = fs.open(&path).doing("open", &path)?;
        let mut block = [0; 512];
        let read = file.read_at(&mut block, 0).doing("read", &path)?;
        let header = SegmentHeader::decode(&block[..read], meta.identity.store, generation);
        if let Some(header) = header
            && generation >= meta.first_generation
        {
            headers.insert(generation, header);
        }
        files.insert(generation, (path, file));
    }
    let newest = headers.keys().next_back().copied().unwrap_or(0);
    let needed = meta.synced.generation.max(meta.first_generation);
    if newest < needed {
        return Err(missing(log_dir, needed));
    }
    for (generation, (path, file)) in files.range(newest + 1..) {
        refuse_lost_header(meta, *generation, path, &**file)?;
    }
    let chain = chain(log_dir, meta, &headers, newest)?;
    let mut survey = Survey {
        segments: Vec::new(),
        runs: Vec::new(),
        forced: 0,
        torn: None,
        superseded: Vec::new(),
        unused: Vec::new(),
        next_generation: files.keys().next_back().map_or(1, |last| last + 1),
    };
    let mut segments = Vec::new();
    for header in &chain {
        let Some((path, file)) = files.remove(&header.generation) else {
            return Err(missing(log_dir, header.generation));
        };
        segments.push(Segment::empty(*header, path, file));
    }
    let open = segments.pop();
    for closed in read_closed(segments, &chain)? {
        survey.add(closed);
    }
    if let Some(open) = open {
        survey.read_newest(open, meta)?;
    }
    for (generation, (path, file)) in files {
        let pile = if generation < newest {
            &mut survey.superseded
        } else {
            &mut survey.unused
        };
        pile.push(Retired { path, file });
    }
    Ok(survey)
}

/// The headers of the log's segments in order, found by what each joins.
fn chain(
    log_dir: &Path,
    meta: &Meta,
    headers: &BTreeMap<u64, SegmentHeader>,
    newest: u64,
) -> Result<Vec<SegmentHeader>, StoreOpenError> {
    let mut chain: Vec<SegmentHeader> = headers.get(&newest).copied().into_iter().collect();
    while let Some(last) = chain.last() {
        let previous = last.joins.generation;
        if previous == 0 || last.generation == meta.first_generation {
            break;
        }
        match headers.get(&previous) {
            Some(header) if previous < last.generation => chain.push(*header),
            _ => return Err(missing(log_dir, previous)),
        }
    }
    chain.reverse();
    Ok(chain)
}

fn missing(log_dir: &Path, generation: u64) -> StoreOpenError {
    StoreOpenError::Corrupt(Corrupt {
        file: path_of(log_dir, generation),
        offset: 0,
        what: "this segment of the log is missing, or its header is not whole",
    })
}

/// A file without a valid header is a prepared one, or one whose header was not forced, unless
/// records in it say otherwise.
fn refuse_lost_header(
    meta: &Meta,
    generation: u64,
    path: &Path,
    file: &dyn File,
) -> Result<(), StoreOpenError> {
    let origin = Origin {
        store: meta.identity.store,
        generation,
    };
    let mut window = Window::new(file);
    let first = window.at(RECORDS_AT, HEADER_BYTES).doing("read", path)?;
    let Some(first) = Header::decode(first, origin) else {
        return Ok(());
    };
    let (_, _, why) = walk(
        &mut window,
        origin,
        RECORDS_AT,
        first.previous,
        u64::MAX,
        |_, header, _| match header.synced {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        },
    )
    .doing("read", path)?;
    if why == WalkEnd::Stopped {
        return Err(StoreOpenError::Corrupt(Corrupt {
            file: path.to_owned(),
            offset: 0,
            what: "the header of this segment is not whole, and was forced",
        }));
    }
    Ok(())
}

/// A segment, read to where its records stop being whole.
struct Content {
    segment: Segment,
    runs: Vec<Run>,
    checksum: u32,
    why: WalkEnd,
}

/// Reads a segment; `visit` sees every header.
fn read(
    mut segment: Segment,
    limit: u64,
    mut visit: impl FnMut(&Header),
) -> Result<Content, IoError> {
    let file = Arc::clone(&segment.file);
    let (origin, checksum) = (segment.header.origin(), segment.header.checksum);
    let mut runs = Vec::new();
    let (_, checksum, why) = walk(
        &mut Window::new(&*file),
        origin,
        RECORDS_AT,
        checksum,
        limit,
        |_, header, _| {
            let at = header.position;
            if at.index != segment.last.index.next() || at.term < segment.last.term {
                return ControlFlow::Break(());
            }
            segment.push(at, header.record_bytes());
            extend(&mut runs, header.position, header.kind, 1);
            visit(header);
            ControlFlow::Continue(())
        },
    )
    .doing("read", &segment.path)?;
    Ok(Content {
        segment,
        runs,
        checksum,
        why,
    })
}

/// Reads all segments but the newest, on as many cores as there are: each can be verified by
/// itself, since its header repeats the checksum it goes on from.
fn read_closed(
    segments: Vec<Segment>,
    chain: &[SegmentHeader],
) -> Result<Vec<Content>, StoreOpenError> {
    let next = chain.get(1..).unwrap_or_default();
    let mut work: Vec<_> = segments.into_iter().zip(next.iter().copied()).collect();
    if work.len() < 2 {
        let read = work
            .into_iter()
            .map(|(segment, next)| read_one_closed(segment, &next));
        return read.collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = work.len().div_ceil(cores.min(READERS_MAX)).max(1);
    let mut shares = Vec::new();
    while !work.is_empty() {
        let rest = work.split_off(share.min(work.len()));
        shares.push(std::mem::replace(&mut work, rest));
    }
    let read_share =
        |share: Vec<(Segment, SegmentHeader)>| -> Result<Vec<Content>, StoreOpenError> {
            let read = share
                .into_iter()
                .map(|(segment, next)| read_one_closed(segment, &next));
            read.collect()
        };
    std::thread::scope(|scope| {
        let readers: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(|| read_share(share)))
            .collect();
        let mut contents = Vec::new();
        for reader in readers {
            match reader.join() {
                Ok(read) => contents.extend(read?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(contents)
    })
}

/// Reads a segment that `next` joins: all of it was forced before `next` was begun.
fn read_one_closed(segment: Segment, next: &SegmentHeader) -> Result<Content, StoreOpenError> {
    let content = read(segment, next.joins.end, |_| {})?;
    let Segment {
        end, last, path, ..
    } = &content.segment;
    if *end == next.joins.end && content.checksum == next.checksum && *last == next.base {
        return Ok(content);
    }
    Err(StoreOpenError::Corrupt(Corrupt {
        file: path.clone(),
        offset: *end,
        what: "no whole record is there, and the log went on behind it",
    }))
}

impl Survey {
    /// Reads the newest segment, which ends where its records stop being whole.
    fn read_newest(&mut self, segment: Segment, meta: &Meta) -> Result<(), StoreOpenError> {
        let (path, file) = (segment.path.clone(), Arc::clone(&segment.file));
        let origin = segment.header.origin();
        let mut claimed = match meta.synced {
            mark if mark.generation == origin.generation => mark.end,
            _ => 0,
        };
        let content = read(segment, u64::MAX, |header| {
            claimed = claimed.max(u64::from(header.synced));
        })?;
        let end = content.segment.end;
        let size = file.size().doing("measure", &path)?;
        let behind = search(&mut Window::new(&*file), origin, end, size).doing("read", &path)?;
        claimed = claimed.max(behind.synced);
        if claimed > end {
            return Err(StoreOpenError::Corrupt(Corrupt {
                file: path,
                offset: end,
                what: "no whole record is there, and the log was forced beyond it",
            }));
        }
        self.forced = claimed;
        // Behind the last record a writer leaves a blank: anything else was being written, or is
        // what a recycled file held before and the power took the blank.
        let bad = matches!(content.why, WalkEnd::Bad | WalkEnd::Stopped);
        if bad || behind != Behind::default() {
            self.torn = Some(Warning::TornTail {
                file: path,
                offset: end,
                bytes: behind.end.max(end + ALIGN as u64) - end,
            });
        }
        self.add(content);
        Ok(())
    }

    fn add(&mut self, content: Content) {
        for run in content.runs {
            let first = LogPosition::new(run.term, run.first);
            extend(&mut self.runs, first, run.kind, run.count);
        }
        self.segments.push(content.segment);
    }
}

/// Adds `count` entries from `first` on, which follow what `runs` holds.
fn extend(runs: &mut Vec<Run>, first: LogPosition, kind: EntryKind, count: u32) {
    if let Some(run) = runs.last_mut()
        && (run.term, run.kind) == (first.term, kind)
        && let Some(sum) = run.count.checked_add(count)
    {
        run.count = sum;
        return;
    }
    runs.push(Run {
        term: first.term,
        kind,
        first: first.index,
        count,
    });
}
