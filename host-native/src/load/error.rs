//! Why rows cannot be read on.

use std::io;
use std::path::PathBuf;

use kraft_wire::key_value::Unfit;
use thiserror::Error;

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
    /// It is not a line of an export.
    #[error("not a line of an export: {0}")]
    Export(String),
    /// The export ends without its last line.
    #[error(
        "the export ends behind its row {rows}, without the last line: it was cut off. Go on with it by `kraft export`"
    )]
    CutOff {
        /// How many rows it has.
        rows: u64,
    },
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
