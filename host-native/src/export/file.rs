//! Writing an export, and going on with one that was cut off.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kraft_wire::key_value::{Key, KeyValue};
use serde::Serialize;
use thiserror::Error;

use super::lines::{self, FORMAT, First, Last, Line, Lines, Next};

/// Writes rows somewhere, and counts them.
pub struct ExportWriter<W: Write> {
    to: W,
    rows: u64,
}

/// An export in a file, begun or gone on with.
pub struct ExportFile {
    /// What takes the rows that are missing.
    pub writer: ExportWriter<BufWriter<File>>,
    /// The last row that was there; the rows after it are missing.
    pub after: Option<Key>,
}

/// Why an export is not written into a file. The file is as it was.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The file cannot be used.
    #[error("cannot use {}: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is another file.
    #[error("{}:{line}: not a line of an export: {why}. Nothing was written; name another file", file.display())]
    NotExport {
        /// Which file.
        file: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// It is an export of other keys.
    #[error(
        "{} is an export of other keys, and not whole. Nothing was written; ask for the same --prefix to go on with it, or \
         begin anew with --restart",
        .0.display()
    )]
    OtherKeys(PathBuf),
    /// It is whole already.
    #[error("{} is a whole export already. Nothing was written; name another file, or write it anew with --restart", .0.display())]
    Whole(PathBuf),
}

impl<W: Write> ExportWriter<W> {
    /// Begins an export of the keys that begin with `prefix`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(to: W, prefix: Option<&Key>) -> io::Result<Self> {
        let mut writer = Self { to, rows: 0 };
        writer.line(&First {
            version: FORMAT,
            prefix: prefix.cloned(),
        })?;
        Ok(writer)
    }

    /// How many rows it has.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes rows, and hands them to the operating system.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, rows: &[KeyValue]) -> io::Result<()> {
        for row in rows {
            self.line(row)?;
            self.rows += 1;
        }
        self.to.flush()
    }

    /// Writes the last line: the export is whole. Returns what it was written to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self) -> io::Result<W> {
        let rows = self.rows;
        self.line(&Last { rows })?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")
    }
}

/// Whether what a file holds counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing, or no more than a part of the first line.
    Nothing,
    /// So many rows in so many bytes.
    Rows(u64, u64),
}

impl ExportFile {
    /// Begins an export in `file`, or goes on with the one that it holds.
    ///
    /// # Errors
    /// When the file cannot be used, or holds something else. It is as it was then.
    pub fn open(file: &Path, prefix: Option<&Key>) -> Result<Self, ExportError> {
        let (opened, found, after) = look(file, |first| match first.prefix.as_ref() == prefix {
            true => Ok(()),
            false => Err(ExportError::OtherKeys(file.into())),
        })?;
        match found {
            Found::Nothing => Self::begin(file, opened, prefix),
            Found::Rows(rows, bytes) => {
                let writer = cut(opened, bytes).map(|to| ExportWriter { to, rows });
                let writer = writer.map_err(|source| io_error(file, source))?;
                Ok(Self { writer, after })
            }
        }
    }

    /// Begins an export in `file`, whatever export it holds.
    ///
    /// # Errors
    /// When the file cannot be used, or holds something else. It is as it was then.
    pub fn restart(file: &Path, prefix: Option<&Key>) -> Result<Self, ExportError> {
        let opened = open(file)?;
        let reader = opened
            .try_clone()
            .map_err(|source| io_error(file, source))?;
        read_first(file, &mut Lines::of(reader))?;
        Self::begin(file, opened, prefix)
    }

    fn begin(file: &Path, opened: File, prefix: Option<&Key>) -> Result<Self, ExportError> {
        let writer = cut(opened, 0).and_then(|to| ExportWriter::begin(to, prefix));
        Ok(Self {
            writer: writer.map_err(|source| io_error(file, source))?,
            after: None,
        })
    }

    /// Writes the last line, and forces the file to the disk.
    ///
    /// # Errors
    /// When it cannot be written. The same export can be gone on with.
    pub fn end(self) -> io::Result<()> {
        let file = self.writer.end()?;
        file.into_inner()?.sync_all()
    }
}

fn io_error(file: &Path, source: io::Error) -> ExportError {
    ExportError::Io {
        file: file.into(),
        source,
    }
}

fn open(file: &Path) -> Result<File, ExportError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(file)
        .map_err(|source| io_error(file, source))
}

/// Forgets what stands behind so many bytes, and writes there.
fn cut(mut file: File, bytes: u64) -> io::Result<BufWriter<File>> {
    file.set_len(bytes)?;
    file.seek(SeekFrom::End(0))?;
    Ok(BufWriter::new(file))
}

/// Reads what a file holds so far, and its last whole row.
fn look(
    file: &Path,
    fits: impl FnOnce(&First) -> Result<(), ExportError>,
) -> Result<(File, Found, Option<Key>), ExportError> {
    let opened = open(file)?;
    let reader = opened
        .try_clone()
        .map_err(|source| io_error(file, source))?;
    let mut lines = Lines::of(reader);
    let Some(first) = read_first(file, &mut lines)? else {
        return Ok((opened, Found::Nothing, None));
    };
    let mut rows = 0;
    let mut after = None;
    let mut whole = false;
    loop {
        let bytes = lines.bytes;
        let line = match lines.next().map_err(|source| io_error(file, source))? {
            // A row that was cut off is written again.
            Next::End | Next::Cut(_) if !whole => {
                fits(&first)?;
                return Ok((opened, Found::Rows(rows, bytes), after));
            }
            Next::End => return Err(ExportError::Whole(file.into())),
            Next::Line(line) if !whole => lines::line(&line),
            Next::Line(_) | Next::Cut(_) => Err("something stands behind the last line".into()),
            Next::TooLong => Err("it is longer than any row".into()),
        };
        match line.map_err(|why| not_export(file, &lines, why))? {
            Line::Row(row) => {
                rows += 1;
                after = Some(row.key);
            }
            Line::Last { .. } => whole = true,
        }
    }
}

/// The first line; `None` where there is nothing, or no more than its beginning.
fn read_first(file: &Path, lines: &mut Lines) -> Result<Option<First>, ExportError> {
    const BEGINS: &[u8] = b"{\"kraft-export\":";
    let first = match lines.next().map_err(|source| io_error(file, source))? {
        Next::End => return Ok(None),
        Next::Cut(part) if part.starts_with(BEGINS) || BEGINS.starts_with(&part) => {
            return Ok(None);
        }
        Next::Line(line) => lines::first(&line),
        Next::Cut(_) | Next::TooLong => Err("it does not begin as one".into()),
    };
    first.map(Some).map_err(|why| not_export(file, lines, why))
}

fn not_export(file: &Path, lines: &Lines, why: String) -> ExportError {
    ExportError::NotExport {
        file: file.into(),
        line: lines.number,
        why,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use kraft_wire::key_value::Value;

    use super::*;
    use crate::export::ExportedRows;

    /// Keys in order: text, JSON's own characters, control characters, and bytes that are no text.
    fn rows() -> Vec<KeyValue> {
        let keys: [&[u8]; 5] = [
            b"\0",
            b"a \"b\" \\ {}",
            "käse".as_bytes(),
            b"\xc3",
            b"\xff\x00",
        ];
        let values: [&[u8]; 5] = [
            b"",
            b"{\"hex\":\"ff\"}",
            b"line\nbreak\t",
            b"\xfe",
            b"plain",
        ];
        let pair = |(key, value): (&[u8], &[u8])| KeyValue {
            key: Key::try_from(key).unwrap(),
            value: Value::try_from(value).unwrap(),
        };
        keys.into_iter().zip(values).map(pair).collect()
    }

    fn read(file: &Path) -> Result<Vec<KeyValue>, String> {
        let rows = ExportedRows::open(file).map_err(|error| error.to_string())?;
        rows.map(|row| row.map(|row| row.pair).map_err(|error| error.to_string()))
            .collect()
    }

    fn export(file: &Path) {
        let mut export = ExportFile::open(file, None).unwrap();
        let rest = rows()
            .into_iter()
            .filter(|row| Some(&row.key) > export.after.as_ref());
        let rest: Vec<_> = rest.collect();
        export.writer.write(&rest).unwrap();
        assert_eq!(export.writer.rows(), 5);
        export.end().unwrap();
    }

    #[test]
    fn every_byte_comes_back_wherever_the_export_was_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("all.jsonl");
        export(&file);
        assert_eq!(read(&file).unwrap(), rows());
        let whole = fs::read(&file).unwrap();
        assert!(matches!(
            ExportFile::open(&file, None),
            Err(ExportError::Whole(_))
        ));
        for end in 0..whole.len() {
            fs::write(&file, &whole[..end]).unwrap();
            let refused = read(&file).unwrap_err();
            assert!(refused.contains("all.jsonl:"), "{end} bytes: {refused}");
            export(&file);
            assert_eq!(fs::read(&file).unwrap(), whole, "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_export_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("other");
        let first = "{\"kraft-export\":1,\"prefix\":null}\n";
        let cases = [
            ("a letter", "other:1: "),
            ("{\"kraft-export\":2,\"prefix\":null}\n", "of version 2"),
            (&format!("{first}{{\"key\":\"a\"}}\n"), "other:2: "),
            (
                &format!("{first}{{\"key\":\"\",\"value\":\"\"}}\n"),
                "key is empty",
            ),
            (
                &format!("{first}{{\"key\":{{\"hex\":\"f\"}},\"value\":\"\"}}\n"),
                "hex digits",
            ),
            (
                &format!("{first}{{\"rows\":0}}\n{{\"rows\":0}}\n"),
                "behind the last",
            ),
        ];
        for (text, expected) in cases {
            fs::write(&file, text).unwrap();
            let refused = ExportFile::open(&file, None).err().unwrap().to_string();
            assert!(refused.contains(expected), "{text:?}: {refused}");
            let refused = read(&file).unwrap_err();
            assert!(
                refused.contains(expected.trim_start_matches("other:1: ")),
                "{refused}"
            );
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        fs::write(&file, format!("{first}{{\"rows\":3}}\n")).unwrap();
        assert!(read(&file).unwrap_err().contains("says 3 rows"));
        fs::write(&file, first).unwrap();
        let prefix = Key::try_from("user:").unwrap();
        let other = ExportFile::open(&file, Some(&prefix));
        assert!(matches!(other, Err(ExportError::OtherKeys(_))));
        assert!(ExportFile::restart(&file, Some(&prefix)).is_ok());
        fs::write(&file, "my letter\n").unwrap();
        assert!(ExportFile::restart(&file, None).is_err(), "not overwritten");
    }
}
