//! How far a load came, so that it can go on where it was cut off.
//!
//! Rows are acknowledged in any order; what is recorded is the last row before which all are. A
//! row that is sent twice stores the same pair twice, so recording less than the truth is safe.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::format::Keying;

/// What of a file's beginning is compared.
const HEAD_BYTES: u64 = 64 * 1024;

/// Rows acknowledged from the first on without a gap. Memory grows only with the rows on their way.
#[derive(Debug, Default)]
pub struct Progress {
    through: u64,
    beyond: BTreeSet<u64>,
}

/// Which rows a record speaks of: another file, or other keys, is another load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    bytes: u64,
    head_crc32c: u32,
    column: Option<String>,
    prefix: String,
}

#[derive(Serialize, Deserialize)]
struct Record {
    rows_acked: u64,
    of: Fingerprint,
}

/// The file in which a load's progress is kept.
#[derive(Debug)]
pub struct ProgressFile {
    path: PathBuf,
    of: Fingerprint,
}

/// Why a load's progress cannot be kept or trusted. No row was sent on account of it.
#[derive(Debug, Error)]
pub enum ProgressError {
    /// The file cannot be read or written.
    #[error("cannot use the progress file {}: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It does not speak of these rows.
    #[error(
        "{} is the progress of another load: the file or its keys have changed since. \
         Remove it to start from the first row",
        file.display()
    )]
    Other {
        /// Which file.
        file: PathBuf,
    },
}

impl Progress {
    /// Begins behind the row that is recorded.
    pub fn resumed(through: u64) -> Self {
        Self {
            through,
            beyond: BTreeSet::new(),
        }
    }

    /// Row `number` is acknowledged.
    pub fn acked(&mut self, number: u64) {
        if number > self.through {
            self.beyond.insert(number);
        }
        while self.beyond.remove(&(self.through + 1)) {
            self.through += 1;
        }
    }

    /// Every row through here is acknowledged.
    pub const fn through(&self) -> u64 {
        self.through
    }
}

impl Fingerprint {
    /// Of a file read with these keys.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn of(file: &Path, keying: &Keying) -> io::Result<Self> {
        let opened = File::open(file)?;
        let bytes = opened.metadata()?.len();
        let mut head = Vec::new();
        opened.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(Self {
            bytes,
            head_crc32c: crc32c::crc32c(&head),
            column: keying.column.clone(),
            prefix: keying.prefix.clone(),
        })
    }
}

impl ProgressFile {
    /// The file beside `file` that is used unless another is named.
    pub fn beside(file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(".kraft-progress");
        name.into()
    }

    /// The progress of the load `of`, kept at `path`.
    pub fn new(path: PathBuf, of: Fingerprint) -> Self {
        Self { path, of }
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last row before which all were acknowledged; 0 where nothing is recorded.
    ///
    /// # Errors
    ///
    /// When the record cannot be read, or is of another load.
    pub fn read(&self) -> Result<u64, ProgressError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(self.failed(error)),
        };
        match serde_json::from_slice::<Record>(&text) {
            Ok(record) if record.of == self.of => Ok(record.rows_acked),
            _ => Err(ProgressError::Other {
                file: self.path.clone(),
            }),
        }
    }

    /// Records that every row through `rows_acked` is acknowledged. A crash leaves this record or
    /// the one before, whole.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, rows_acked: u64) -> Result<(), ProgressError> {
        let record = Record {
            rows_acked,
            of: self.of.clone(),
        };
        let mut draft_name = self.path.as_os_str().to_owned();
        draft_name.push(".new");
        let draft_name = PathBuf::from(draft_name);
        let write = || {
            let mut draft = File::create(&draft_name)?;
            draft.write_all(&serde_json::to_vec(&record)?)?;
            draft.sync_all()?;
            fs::rename(&draft_name, &self.path)
        };
        write().map_err(|error| self.failed(error))
    }

    /// Removes the record: the load is complete.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be removed.
    pub fn remove(&self) -> Result<(), ProgressError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, source: io::Error) -> ProgressError {
        ProgressError::Io {
            file: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_waits_for_the_first_gap_to_close() {
        let mut progress = Progress::default();
        for row in [2, 3, 5] {
            progress.acked(row);
        }
        assert_eq!(progress.through(), 0);
        progress.acked(1);
        assert_eq!(progress.through(), 3);
        progress.acked(4);
        assert_eq!(progress.through(), 5);
        progress.acked(3);
        assert_eq!(progress.through(), 5, "a row told twice changes nothing");
        assert_eq!(Progress::resumed(7).through(), 7);
    }

    #[test]
    fn a_record_is_believed_only_for_the_same_rows() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("rows.csv");
        fs::write(&source, "id\n1\n2\n").unwrap();
        let keying = Keying::default();
        let path = ProgressFile::beside(&source);
        assert!(path.ends_with("rows.csv.kraft-progress"));
        let same = || ProgressFile::new(path.clone(), Fingerprint::of(&source, &keying).unwrap());

        assert_eq!(same().read().unwrap(), 0);
        same().write(2).unwrap();
        assert_eq!(same().read().unwrap(), 2);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            2,
            "no draft stays"
        );

        let prefixed = Keying {
            prefix: "p:".into(),
            ..keying.clone()
        };
        let other = Fingerprint::of(&source, &prefixed).unwrap();
        let other = ProgressFile::new(path.clone(), other);
        assert!(matches!(other.read(), Err(ProgressError::Other { .. })));

        fs::write(&source, "id\n1\n3\n").unwrap();
        assert!(matches!(same().read(), Err(ProgressError::Other { .. })));

        same().remove().unwrap();
        same().remove().unwrap();
        assert_eq!(same().read().unwrap(), 0);
    }
}
