//! Rows one at a time, as pairs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kraft_wire::key_value::{Key, KeyValue, VALUE_MAX, Value};
use serde::Serializer;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::error::{LoadError, RowError};
use super::format::{Format, Keying};

/// Bytes a row may take in a file: a value, with room for CSV's quotes and JSON's blanks.
const ROW_BYTES_MAX: u64 = 2 * VALUE_MAX as u64;

/// One row as a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which row, from 1; the header line is none.
    pub number: u64,
    /// The line it begins at, from 1; blank lines before a row of CSV count as its beginning.
    pub line: u64,
    /// What to store.
    pub pair: KeyValue,
}

/// How much of a file is read.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<AtomicU64>);

/// The rows of one file, in order. It ends after the first error.
pub struct Rows {
    file: PathBuf,
    prefix: String,
    source: Source,
    number: u64,
    bytes_read: Arc<AtomicU64>,
    failed: Failed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    No,
    Yes,
}

enum Source {
    Csv(Box<Csv>),
    JsonLines(JsonLines),
}

struct Csv {
    reader: csv::Reader<Metered>,
    columns: csv::StringRecord,
    key: usize,
    record: csv::StringRecord,
    allowance: Arc<AtomicU64>,
}

struct JsonLines {
    reader: BufReader<Metered>,
    key: String,
    line: u64,
}

/// Counts what is read, and stops where one row would take more than its allowance.
struct Metered {
    file: File,
    bytes_read: Arc<AtomicU64>,
    allowance: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance.load(Ordering::Relaxed) == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.file.read(buffer)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        let left = self.allowance.load(Ordering::Relaxed);
        let left = left.saturating_sub(read as u64);
        self.allowance.store(left, Ordering::Relaxed);
        Ok(read)
    }
}

impl Rows {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or its header lacks the key's column.
    pub fn open(file: &Path, format: Option<Format>, keying: &Keying) -> Result<Self, LoadError> {
        let format = format
            .or_else(|| Format::of(file))
            .ok_or_else(|| LoadError::UnknownFormat { file: file.into() })?;
        let opened = File::open(file).map_err(|source| LoadError::Unreadable {
            file: file.into(),
            source,
        })?;
        let bytes_read = Arc::new(AtomicU64::new(0));
        let allowance = Arc::new(AtomicU64::new(u64::MAX));
        let metered = Metered {
            file: opened,
            bytes_read: bytes_read.clone(),
            allowance: allowance.clone(),
        };
        let source = match format {
            Format::Csv => Source::Csv(Box::new(Csv::open(file, metered, keying, allowance)?)),
            Format::JsonLines => Source::JsonLines(JsonLines {
                reader: BufReader::new(metered),
                key: keying
                    .column
                    .clone()
                    .ok_or_else(|| LoadError::KeyNotNamed { file: file.into() })?,
                line: 0,
            }),
        };
        Ok(Self {
            file: file.into(),
            prefix: keying.prefix.clone(),
            source,
            number: 0,
            bytes_read,
            failed: Failed::No,
        })
    }

    /// Tells how much of the file is read while somebody else has the rows.
    pub fn meter(&self) -> Meter {
        Meter(self.bytes_read.clone())
    }
}

impl Meter {
    /// So many bytes are read.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of the file read so far, some of them ahead of the rows given out.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Iterator for Rows {
    type Item = Result<Row, LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed == Failed::Yes {
            return None;
        }
        let (line, pair) = match &mut self.source {
            Source::Csv(csv) => csv.next_pair(&self.prefix)?,
            Source::JsonLines(lines) => lines.next_pair(&self.prefix)?,
        };
        self.number += 1;
        let number = self.number;
        Some(match pair {
            Ok(pair) => Ok(Row { number, line, pair }),
            Err(error) => {
                self.failed = Failed::Yes;
                Err(error.at(&self.file, line))
            }
        })
    }
}

/// A row that cannot be read on: its own fault or the file's.
enum Broken {
    Row(RowError),
    File(io::Error),
}

impl<E: Into<RowError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Row(error.into())
    }
}

impl Broken {
    fn at(self, file: &Path, line: u64) -> LoadError {
        let file = file.to_owned();
        match self {
            Self::Row(why) => LoadError::Row { file, line, why },
            Self::File(source) => LoadError::Unreadable { file, source },
        }
    }

    fn from_csv(error: &csv::Error) -> Self {
        match error.kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => TOO_LONG,
            csv::ErrorKind::Io(error) => {
                Self::File(io::Error::new(error.kind(), error.to_string()))
            }
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => Self::Row(RowError::Csv(format!(
                "it has {len} fields and the header {expected_len}"
            ))),
            csv::ErrorKind::Utf8 { .. } => Self::Row(RowError::Csv("it is not UTF-8".into())),
            _ => Self::Row(RowError::Csv(error.to_string())),
        }
    }
}

const TOO_LONG: Broken = Broken::Row(RowError::TooLong {
    limit: ROW_BYTES_MAX,
});

impl Csv {
    fn open(
        file: &Path,
        metered: Metered,
        keying: &Keying,
        allowance: Arc<AtomicU64>,
    ) -> Result<Self, LoadError> {
        allowance.store(ROW_BYTES_MAX, Ordering::Relaxed);
        let mut reader = csv::Reader::from_reader(metered);
        let columns = reader
            .headers()
            .map_err(|error| Broken::from_csv(&error).at(file, 1))?
            .clone();
        for (at, name) in columns.iter().enumerate() {
            if columns.iter().take(at).any(|earlier| earlier == name) {
                let why = RowError::ColumnTwice(name.into());
                return Err(Broken::Row(why).at(file, 1));
            }
        }
        let key = match &keying.column {
            None => 0,
            Some(column) => columns
                .iter()
                .position(|name| name == column)
                .ok_or_else(|| LoadError::NoSuchColumn {
                    file: file.into(),
                    column: column.clone(),
                    present: columns.iter().collect::<Vec<_>>().join(", "),
                })?,
        };
        Ok(Self {
            reader,
            columns,
            key,
            record: csv::StringRecord::new(),
            allowance,
        })
    }

    fn next_pair(&mut self, prefix: &str) -> Option<(u64, Result<KeyValue, Broken>)> {
        self.allowance.store(ROW_BYTES_MAX, Ordering::Relaxed);
        let here = self.reader.position().line();
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => {
                let line = self.record.position().map_or(here, csv::Position::line);
                Some((line, self.pair(prefix)))
            }
            Err(error) => {
                let line = error.position().map_or(here, csv::Position::line);
                Some((line, Err(Broken::from_csv(&error))))
            }
        }
    }

    fn pair(&self, prefix: &str) -> Result<KeyValue, Broken> {
        let key = self.record.get(self.key).unwrap_or_default();
        let mut object = Vec::new();
        serde_json::Serializer::new(&mut object)
            .collect_map(self.columns.iter().zip(&self.record))
            .map_err(|error| RowError::Csv(error.to_string()))?;
        pair(prefix, key, object)
    }
}

impl JsonLines {
    fn next_pair(&mut self, prefix: &str) -> Option<(u64, Result<KeyValue, Broken>)> {
        let mut text = Vec::new();
        loop {
            text.clear();
            self.line += 1;
            let mut bounded = self.reader.by_ref().take(ROW_BYTES_MAX);
            match bounded.read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(read) if read as u64 == ROW_BYTES_MAX && !text.ends_with(b"\n") => {
                    return Some((self.line, Err(TOO_LONG)));
                }
                Ok(_) if text.trim_ascii().is_empty() => {}
                Ok(_) => return Some((self.line, self.pair(prefix, &text))),
                Err(error) => return Some((self.line, Err(Broken::File(error)))),
            }
        }
    }

    fn pair(&self, prefix: &str, text: &[u8]) -> Result<KeyValue, Broken> {
        let not_json = |error: serde_json::Error| RowError::Json(error.to_string());
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let text = std::str::from_utf8(text).map_err(|error| RowError::Json(error.to_string()))?;
        let fields: Map<String, Json> = serde_json::from_str(text).map_err(not_json)?;
        let key = match fields.get(&self.key) {
            Some(Json::String(key)) => key.clone(),
            Some(Json::Number(key)) => key.to_string(),
            Some(_) => return Err(RowError::KeyShape(self.key.clone()).into()),
            None => return Err(RowError::NoKey(self.key.clone()).into()),
        };
        // The row as it was written: numbers keep their digits, fields their order.
        let row: &RawValue = serde_json::from_str(text).map_err(not_json)?;
        pair(prefix, &key, row.get().as_bytes().to_vec())
    }
}

fn pair(prefix: &str, key: &str, value: Vec<u8>) -> Result<KeyValue, Broken> {
    // A prefix alone would make one key of all rows whose column is empty.
    let key = match key {
        "" => String::new(),
        key => format!("{prefix}{key}"),
    };
    Ok(KeyValue {
        key: Key::new(key).map_err(RowError::from)?,
        value: Value::new(value).map_err(RowError::from)?,
    })
}

#[cfg(test)]
mod tests;
