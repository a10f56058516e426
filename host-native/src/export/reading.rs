//! The rows of an export, to be stored again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::lines::{self, Line, Lines, Next};
use crate::load::{LoadError, Meter, Row, RowError};

/// The rows of one export, in order. It ends after the first error, and an export that was cut off ends with one.
pub struct ExportedRows {
    file: PathBuf,
    lines: Lines,
    rows: u64,
    meter: Meter,
    ended: Ended,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    No,
    Yes,
}

/// What is wrong: with the file, or with the line read last.
enum Wrong {
    File(io::Error),
    Line(RowError),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

fn no_export(why: impl Into<String>) -> Wrong {
    Wrong::Line(RowError::Export(why.into()))
}

impl ExportedRows {
    /// Opens an export.
    ///
    /// # Errors
    /// When the file cannot be read, or does not begin as an export does.
    pub fn open(file: &Path) -> Result<Self, LoadError> {
        let opened = File::open(file).map_err(|source| LoadError::Unreadable {
            file: file.into(),
            source,
        })?;
        let mut rows = Self {
            file: file.into(),
            lines: Lines::of(opened),
            rows: 0,
            meter: Meter::default(),
            ended: Ended::No,
        };
        match rows.first() {
            Ok(()) => Ok(rows),
            Err(wrong) => Err(rows.error(wrong)),
        }
    }

    /// Tells how much of the file is read while somebody else has the rows.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    fn first(&mut self) -> Result<(), Wrong> {
        match self.lines.next()? {
            Next::Line(line) => lines::first(&line).map(drop).map_err(no_export),
            Next::End | Next::Cut(_) => Err(no_export("it has no first line")),
            Next::TooLong => Err(no_export("its first line is too long")),
        }
    }

    /// The next row; `None` behind the last line.
    fn next_row(&mut self) -> Result<Option<Row>, Wrong> {
        let line = match self.lines.next()? {
            Next::Line(line) => line,
            Next::End | Next::Cut(_) => {
                return Err(Wrong::Line(RowError::CutOff { rows: self.rows }));
            }
            Next::TooLong => return Err(no_export("it is longer than any row")),
        };
        self.meter.set(self.lines.bytes);
        match lines::line(&line).map_err(no_export)? {
            Line::Row(pair) => {
                self.rows += 1;
                Ok(Some(Row {
                    number: self.rows,
                    line: self.lines.number,
                    pair,
                }))
            }
            Line::Last { rows } if rows != self.rows => {
                let found = self.rows;
                Err(no_export(format!(
                    "it says {rows} rows, and there are {found}"
                )))
            }
            Line::Last { .. } => match self.lines.next()? {
                Next::End => Ok(None),
                _ => Err(no_export("something stands behind the last line")),
            },
        }
    }

    fn error(&self, wrong: Wrong) -> LoadError {
        let file = self.file.clone();
        match wrong {
            Wrong::File(source) => LoadError::Unreadable { file, source },
            Wrong::Line(why) => LoadError::Row {
                file,
                line: self.lines.number.max(1),
                why,
            },
        }
    }
}

impl Iterator for ExportedRows {
    type Item = Result<Row, LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended == Ended::Yes {
            return None;
        }
        match self.next_row() {
            Ok(Some(row)) => Some(Ok(row)),
            Ok(None) => {
                self.ended = Ended::Yes;
                None
            }
            Err(wrong) => {
                self.ended = Ended::Yes;
                Some(Err(self.error(wrong)))
            }
        }
    }
}
