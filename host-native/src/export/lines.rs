//! The lines of an export, read one at a time and no longer than they may be.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use kraft_wire::key_value::{KEY_MAX, Key, KeyValue, VALUE_MAX, Value};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// A line is at most as long: each byte of key and value as `\u0000`, and what stands around them.
const LINE_BYTES_MAX: u64 = 6 * (KEY_MAX + VALUE_MAX) as u64 + 1024;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct First {
    #[serde(rename = "kraft-export")]
    pub version: u32,
    /// Only keys that begin with this.
    pub prefix: Option<Key>,
}

/// The last line.
#[derive(Debug, Serialize)]
pub(super) struct Last {
    pub rows: u64,
}

/// A line behind the first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Row(KeyValue),
    Last { rows: u64 },
}

/// Lines of a file.
pub(super) struct Lines {
    reader: BufReader<File>,
    /// Which line was read last, from 1.
    pub number: u64,
    /// Bytes of whole lines read.
    pub bytes: u64,
}

/// What was read.
pub(super) enum Next {
    /// A line, without its end.
    Line(Vec<u8>),
    /// The file ends within a line.
    Cut(Vec<u8>),
    /// The line is longer than any of an export.
    TooLong,
    /// The file ends.
    End,
}

impl Lines {
    pub fn of(file: File) -> Self {
        Self {
            reader: BufReader::new(file),
            number: 0,
            bytes: 0,
        }
    }

    pub fn next(&mut self) -> io::Result<Next> {
        let mut line = Vec::new();
        let mut bounded = self.reader.by_ref().take(LINE_BYTES_MAX);
        let read = bounded.read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            return Ok(Next::End);
        }
        self.number += 1;
        if line.pop_if(|last| *last == b'\n').is_some() {
            self.bytes += read;
            return Ok(Next::Line(line));
        }
        Ok(match read < LINE_BYTES_MAX {
            true => Next::Cut(line),
            false => Next::TooLong,
        })
    }
}

/// Reads the first line.
pub(super) fn first(line: &[u8]) -> Result<First, String> {
    let first: First = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match first.version {
        FORMAT => Ok(first),
        other => Err(format!(
            "it is of version {other}, and this program reads version {FORMAT}"
        )),
    }
}

/// Reads a line behind the first.
pub(super) fn line(line: &[u8]) -> Result<Line, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        key: Option<Key>,
        value: Option<Value>,
        rows: Option<u64>,
    }
    let fields: Fields = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match fields {
        Fields {
            key: Some(key),
            value: Some(value),
            rows: None,
        } => Ok(Line::Row(KeyValue { key, value })),
        Fields {
            key: None,
            value: None,
            rows: Some(rows),
        } => Ok(Line::Last { rows }),
        _ => Err("neither a key and its value nor the number of rows".into()),
    }
}
