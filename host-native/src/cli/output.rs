//! How a command speaks, and with which code it ends.

use std::fmt::Display;
use std::io::{self, Write};

use kraft_client::{ClientError, ClientOpenError};
use kraft_wire::cert::CertError;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::ConfigError;
use crate::exit::ExitCode;
use crate::load::{LoadError, ProgressError};

/// The codes with which `kraft` ends.
pub mod exit {
    pub use crate::exit::{FALLBACK, MISMATCH, NOT_WRITTEN, OUTCOME_UNKNOWN, TIMED_OUT, USAGE};

    /// Done as asked.
    pub const DONE: u8 = crate::exit::AS_ASKED;
    /// There is no such key.
    pub const NO_SUCH_KEY: u8 = 2;
}

/// For whom the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Somebody at a terminal.
    Human,
    /// A program: one JSON value on standard output, errors included.
    Json,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    details: Map<String, Value>,
}

impl Style {
    /// Prints a result: as JSON, or as its words.
    pub fn show(self, value: &impl Serialize, words: impl Display) {
        match self {
            Self::Human => say(words),
            Self::Json => say(to_json(value)),
        }
    }
}

/// Prints a line. A reader that went away has had enough of it.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line beside the results.
pub fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

impl Failure {
    /// The command or its configuration makes no sense.
    pub fn usage(message: impl Display) -> Self {
        Self::new(exit::USAGE, message)
    }

    /// It was not possible, and nothing was written.
    pub fn refused(message: impl Display) -> Self {
        Self::new(exit::NOT_WRITTEN, message)
    }

    /// Another end.
    pub fn new(code: u8, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            details: Map::new(),
        }
    }

    /// Adds a field for programs.
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.details.insert(name.to_owned(), to_json(&value));
        self
    }

    /// The code to end with.
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Says what happened.
    pub fn print(&self, style: Style) {
        match style {
            Style::Human => tell(format_args!("kraft: {}", self.message)),
            Style::Json => {
                let mut object = self.details.clone();
                object.insert("error".into(), self.message.clone().into());
                object.insert("exit_code".into(), self.code.into());
                say(Value::Object(object));
            }
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = Self::new(error.exit_code(), &error);
        match error {
            ClientError::OutcomeUnknown { request, .. } => {
                failure.with("request", request.to_string())
            }
            ClientError::Refused(refusal) => failure.with("refusal", refusal),
            _ => failure,
        }
    }
}

impl From<ClientOpenError> for Failure {
    fn from(error: ClientOpenError) -> Self {
        match error {
            ClientOpenError::Credentials(error) => error.into(),
            ClientOpenError::Client(error) => error.into(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<CertError> for Failure {
    fn from(error: CertError) -> Self {
        Self::refused(error)
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match &error {
            LoadError::Row { .. } => Self::refused(error),
            _ => Self::usage(format_args!("{error}. Nothing was sent")),
        }
    }
}

impl From<ProgressError> for Failure {
    fn from(error: ProgressError) -> Self {
        Self::refused(error)
    }
}

/// Lines whose columns stand below each other.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self {
            rows: vec![headings.map(str::to_owned).to_vec()],
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (at, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let gap = width - cell.chars().count() + 2;
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', gap));
            }
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_table_stand_below_each_other() {
        let mut table = Table::new(["NODE", "ROLE"]);
        table.row(["1".into(), "leader".into()]);
        table.row(["10000".into(), "follower".into()]);
        assert_eq!(
            table.to_string(),
            "NODE   ROLE\n1      leader\n10000  follower"
        );
    }
}
