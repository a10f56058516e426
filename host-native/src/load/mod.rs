//! Reads files of rows for `kraft load`: CSV with a header line, or one JSON object a line.
//!
//! One row becomes one pair: its key is the value of one column behind a prefix, its value the
//! whole row as a JSON object. Rows are read one at a time, and none may be longer than a value,
//! so memory is bounded whatever the file holds.

mod progress;
mod pump;
mod rows;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use progress::{Fingerprint, Progress, ProgressError, ProgressFile};
pub use pump::{End, Tally, pump};
pub use rows::{Meter, Row, Rows};

use kraft_wire::key_value::Unfit;

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values; the first line names the columns.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// Which pair a row becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keying {
    /// The column that holds the key; `None`: the first one. JSON lines need it named.
    pub column: Option<String>,
    /// What stands before it: `zip:` puts the rows into the zone of `zip:*`.
    pub prefix: String,
}

impl Format {
    /// The format that a file's name tells.
    pub fn of(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// Why a file's rows cannot be read on. Rows before it are not concerned.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Its name does not tell its format.
    #[error("{}: neither .csv nor .jsonl: say which with --format", file.display())]
    UnknownFormat {
        /// Which file.
        file: PathBuf,
    },
    /// JSON objects have no first column.
    #[error("{}: say with --key which field of a JSON object holds the key", file.display())]
    KeyNotNamed {
        /// Which file.
        file: PathBuf,
    },
    /// The named column is not there.
    #[error("{}: there is no column {column:?}; there are {present}", file.display())]
    NoSuchColumn {
        /// Which file.
        file: PathBuf,
        /// What was asked for.
        column: String,
        /// What there is.
        present: String,
    },
    /// A row cannot be stored as it is.
    #[error("{}:{line}: {why}", file.display())]
    Row {
        /// Which file.
        file: PathBuf,
        /// The line the row begins at, from 1.
        line: u64,
        /// What is wrong with it.
        why: RowError,
    },
}

/// What is wrong with one row.
#[derive(Debug, Error)]
pub enum RowError {
    /// It is not CSV like the rows before.
    #[error("not a row of this table: {0}")]
    Csv(String),
    /// It is not a JSON object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// It has no key.
    #[error("the row has no field {0:?}")]
    NoKey(String),
    /// Its key is an object, a list, `null` or a truth value.
    #[error("the field {0:?} is neither a string nor a number, so it is no key")]
    KeyShape(String),
    /// The header names a column twice.
    #[error("the column {0:?} is named twice: a row would lose one of them")]
    ColumnTwice(String),
    /// It is longer than a value may be.
    #[error("the row is longer than {limit} bytes; is a quote not closed?")]
    TooLong {
        /// The most a row may have.
        limit: u64,
    },
    /// Its key or value is not one that can be stored.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}
