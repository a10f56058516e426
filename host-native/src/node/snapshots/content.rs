//! What a snapshot holds: the core's part, which term wrote which part of the log before it, the digest of what was applied,
//! sessions and state.

use std::io::{self, Read, Write};

use kraft_proto::limits::SNAPSHOT_BYTES_MAX;
use kraft_proto::{LogIndex, LogPosition, Run, Snapshot};
use kraft_storage::{Join, Opened, SnapshotFileError, SnapshotReader};
use kraft_wire::codec;
use serde::{Deserialize, Serialize};

use super::Known;
use crate::machine::{Image, Loader, Replica};
use crate::node::error::NodeError;
use crate::replicas::Digest;
use crate::saved::{damaged, read_bytes};

/// The longest head, in bytes: a log of a million terms.
const HEAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What stands before sessions and state.
#[derive(Clone, Debug)]
pub(in crate::node) struct Head {
    pub core: Snapshot,
    /// The runs of the log before its end, as far as they are known.
    pub history: Vec<Run>,
    pub digest: Digest,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
struct HeadBytes {
    core: Vec<u8>,
    history: Vec<Run>,
    /// Start, index and value.
    digest: (LogIndex, LogIndex, u64),
}

impl Head {
    /// The core's part as bytes.
    pub fn core_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; SNAPSHOT_BYTES_MAX];
        let length = match self.core.encode(&mut bytes) {
            Ok(bytes) => bytes.len(),
            Err(_) => unreachable!("it never needs more than SNAPSHOT_BYTES_MAX bytes"),
        };
        bytes.truncate(length);
        bytes
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let Digest { start, at, value } = self.digest;
        let head = HeadBytes {
            core: self.core_bytes(),
            history: self.history.clone(),
            digest: (start, at, value),
        };
        let bytes = codec::encode_onto(&head, Vec::new());
        to.write_all(&(bytes.len() as u64).to_le_bytes())?;
        to.write_all(&bytes)
    }

    fn read(from: &mut dyn Read) -> io::Result<Self> {
        let bytes = read_bytes(from, HEAD_BYTES_MAX)?;
        let head: HeadBytes = codec::decode(&bytes, HEAD_BYTES_MAX).map_err(damaged)?;
        let core = Snapshot::decode(&head.core);
        let core = core.map_err(|_| damaged("the core's part of it is none"))?;
        let (start, at, value) = head.digest;
        if at != core.last().index || !are_runs_through(&head.history, at) {
            return Err(damaged("its parts are not of one log that ends there"));
        }
        Ok(Self {
            core,
            history: head.history,
            digest: Digest { start, at, value },
        })
    }
}

/// Whether these are runs of entries, one behind the other, none of them behind `end`.
fn are_runs_through(runs: &[Run], end: LogIndex) -> bool {
    let each = |run: &Run| run.count > 0 && run.first > LogIndex::ZERO && run.last() <= end;
    let apart = |two: &[Run]| two[0].last() < two[1].first && two[0].term <= two[1].term;
    runs.iter().all(each) && runs.windows(2).all(apart)
}

/// Writes all of it.
pub(in crate::node) fn write(to: &mut dyn Write, head: &Head, image: Image) -> io::Result<()> {
    head.write(to)?;
    image(to)
}

/// A snapshot that was read back.
pub(in crate::node) struct Restored {
    pub head: Head,
    pub replica: Box<dyn Replica>,
    pub known: Known,
}

/// Reads a snapshot back, to its end.
///
/// # Errors
///
/// When any byte of it is not what was written, or the state machine does not take it.
pub(in crate::node) fn load(
    mut reader: SnapshotReader,
    loader: Loader,
) -> Result<Restored, SnapshotFileError> {
    let last = reader.last();
    let read = Head::read(&mut reader).and_then(|head| Ok((loader(&mut reader, last)?, head)));
    let (replica, head) = read.map_err(|error| reader.failed(error))?;
    if head.core.last() != last {
        return Err(reader.failed(damaged("it ends at another entry than it says")));
    }
    let file = reader.end()?;
    let core = head.core_bytes();
    Ok(Restored {
        known: Known { file, core },
        head,
        replica,
    })
}

/// The newest good snapshot that joins the log of a store; `None` where the log is whole and there is none. What was
/// passed over is said in `warnings`.
///
/// # Errors
///
/// When none joins a log that begins behind entries that are gone.
pub(in crate::node) fn load_newest(
    opened: &Opened,
    loader: Loader,
    warnings: &mut Vec<String>,
) -> Result<Option<Restored>, NodeError> {
    let store = opened.store.snapshots();
    let listed = store.list().map_err(NodeError::Snapshots)?;
    let mut found = None;
    let mut damaged = Vec::new();
    for last in listed {
        if opened.join(last) == Join::Gap {
            continue;
        }
        match store.read(last).and_then(|reader| load(reader, loader)) {
            Ok(restored) => {
                found = Some(restored);
                break;
            }
            Err(error) => {
                if matches!(error, SnapshotFileError::Damaged { .. }) {
                    damaged.push(last);
                }
                warnings.push(format!(
                    "{error}: an older snapshot and the log behind it take its place, as far as they are there. \
                     What is damaged is put aside, beside the others"
                ));
            }
        }
    }
    if found.is_none() && opened.join(LogPosition::ZERO) == Join::Gap {
        return Err(NodeError::NothingJoins {
            base: opened.base,
            warnings: warnings.join("; "),
        });
    }
    // They would pass for good ones when the next is made, and the good one go.
    for last in damaged {
        store.set_aside(last).map_err(NodeError::Snapshots)?;
    }
    Ok(found)
}
