//! Which segment holds which entry: shared by the writer, who changes it, and the readers.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kraft_proto::ids::{LogIndex, LogPosition};

use super::error::{Doing, IoError};
use super::fs::File;
use super::meta::Mark;
use super::record::{HEADER_BYTES, Header, Origin};
use super::scan::{Window, walk};
use super::segment::{RECORDS_AT, Segment};

/// The segments of the log in order. There is always one.
pub(super) struct Catalog {
    segments: RwLock<Vec<Segment>>,
}

/// Where to look for an entry.
pub(super) struct Place {
    pub origin: Origin,
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    /// A record at or before the entry begins here.
    pub start: u64,
    /// Records end here.
    pub end: u64,
}

/// A place to cut the log at.
pub(super) struct Cut {
    /// Behind the record of `last`.
    pub joins: Mark,
    /// The last entry kept.
    pub last: LogPosition,
    /// The checksum of its record.
    pub checksum: u32,
}

impl Catalog {
    /// A catalog of these segments, of which there must be one.
    pub fn new(segments: Vec<Segment>) -> Self {
        assert!(!segments.is_empty(), "a log has a segment to write to");
        Self {
            segments: RwLock::new(segments),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Segment>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Segment>> {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The segment that is written to.
    pub fn newest(&self) -> Segment {
        let segments = self.read();
        segments[segments.len() - 1].clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// The entry before the first that is held.
    pub fn base(&self) -> LogPosition {
        self.read()[0].header.base
    }

    /// Where an entry lies; `None` if it is not in the log.
    pub fn place(&self, index: LogIndex) -> Option<Place> {
        let segments = self.read();
        let after = segments.partition_point(|segment| segment.header.base.index < index);
        let segment = segments[..after].iter().rev().find(|s| s.holds(index))?;
        Some(Place {
            origin: segment.header.origin(),
            path: segment.path.clone(),
            file: Arc::clone(&segment.file),
            start: segment.start_for(index),
            end: segment.end,
        })
    }

    /// Takes note of records that were written to the newest segment.
    pub fn written(&self, records: &[(LogPosition, u64)]) {
        let mut segments = self.write();
        if let Some(newest) = segments.last_mut() {
            for (position, bytes) in records {
                newest.push(*position, *bytes);
            }
        }
    }

    /// Adds a segment that joins the end of the newest.
    pub fn add(&self, segment: Segment) {
        self.write().push(segment);
    }

    /// Where the log is cut so that `index`, which is in it or is its base, is its last entry.
    pub fn find_cut(&self, index: LogIndex) -> Result<Cut, IoError> {
        let Some(place) = self.place(index) else {
            let segments = self.read();
            let header = segments[0].header;
            assert_eq!(header.base.index, index, "checked to be in the log");
            return Ok(Cut {
                joins: Mark {
                    generation: header.generation,
                    end: RECORDS_AT,
                },
                last: header.base,
                checksum: header.checksum,
            });
        };
        let mut window = Window::new(&*place.file);
        let mut found = None;
        // The chain is taken up from the record that lies at the remembered place.
        let first = window.at(place.start, HEADER_BYTES);
        let checksum = first
            .map(|head| Header::decode(head, place.origin).map_or(0, |first| first.previous))
            .doing("read", &place.path)?;
        let read = walk(
            &mut window,
            place.origin,
            place.start,
            checksum,
            place.end,
            |at, header, _| {
                if header.position.index < index {
                    return ControlFlow::Continue(());
                }
                found = Some(Cut {
                    joins: Mark {
                        generation: place.origin.generation,
                        end: at + header.record_bytes(),
                    },
                    last: header.position,
                    checksum: header.record,
                });
                ControlFlow::Break(())
            },
        );
        read.and_then(|_| found.ok_or_else(|| std::io::ErrorKind::InvalidData.into()))
            .doing("find the entry to cut behind in", &place.path)
    }

    /// Cuts there and goes on in `next`. Returns the segments that are no longer part of the log,
    /// and the one that was cut.
    pub fn cut(&self, cut: &Cut, next: Segment) -> (Vec<Segment>, Segment) {
        let mut segments = self.write();
        let kept = segments
            .iter()
            .take_while(|segment| segment.header.generation != cut.joins.generation)
            .count();
        let dropped = segments.split_off(kept + 1);
        segments[kept].cut(cut.last, cut.joins.end);
        let trimmed = segments[kept].clone();
        segments.push(next);
        (dropped, trimmed)
    }

    /// Forgets every segment and goes on with `next`.
    pub fn restart_with(&self, next: Segment) -> Vec<Segment> {
        std::mem::replace(&mut *self.write(), vec![next])
    }

    /// The generation of the first segment with entries after `upto`, if any comes before it.
    pub fn first_needed_after(&self, upto: LogIndex) -> Option<u64> {
        let segments = self.read();
        let newest = segments.len() - 1;
        let unneeded = segments[..newest]
            .iter()
            .take_while(|segment| segment.last.index <= upto)
            .count();
        (unneeded > 0).then(|| segments[unneeded].header.generation)
    }

    /// Forgets the segments before the one of `generation`.
    pub fn drop_before(&self, generation: u64) -> Vec<Segment> {
        let mut segments = self.write();
        let at = segments
            .iter()
            .position(|segment| segment.header.generation == generation)
            .unwrap_or(0);
        segments.drain(..at).collect()
    }
}
