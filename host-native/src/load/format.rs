//! How a file of rows is written, and which key each row has.

use std::path::Path;

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
