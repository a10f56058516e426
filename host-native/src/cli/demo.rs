//! `kraft demo`.

use std::path::PathBuf;

use clap::Args;

use super::block_on;
use super::output::{Failure, Style, exit};
use super::web::{Shown, Web};
use crate::demo::{self, DemoError, DemoOptions, Ending, Look, ROWS_DEFAULT, Verdict};

/// The code of a demo whose audit found a broken promise, or found nothing to look at.
const BROKEN: u8 = 7;

/// What a shell adds to the number of the signal that ended a command.
const SIGNALLED: i32 = 128;

#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 every promise was kept; 7 one was broken, or nothing was audited; 5 a step could not
be carried out; 1 the command makes no sense. With --web: 0 ended by Ctrl-C; 5 the page is not
built, or the port is taken.")]
pub struct Demo {
    /// Write the rows of this file, CSV or JSON lines, instead of made-up ones
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The column of the input that holds the key; of CSV the first one unless given
    #[arg(long, value_name = "COLUMN", requires = "input")]
    key: Option<String>,
    /// Rows to write in each class
    #[arg(long, default_value_t = ROWS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
    /// What the made-up rows follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to make the cluster; a new directory among the temporary ones unless given
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave the three nodes running in the end
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    web: Web,
}

impl Default for Demo {
    fn default() -> Self {
        Self {
            input: None,
            key: None,
            rows: ROWS_DEFAULT,
            seed: 1,
            dir: None,
            keep: false,
            web: Web::default(),
        }
    }
}

impl Demo {
    pub fn run(self, style: Style) -> Result<u8, Failure> {
        if self.web.shown() == Shown::Page {
            return block_on(self.web.run(style));
        }
        let program = std::env::current_exe().map_err(|error| {
            Failure::refused(format_args!(
                "cannot find this program to start nodes with: {error}; nothing was started"
            ))
        })?;
        let options = DemoOptions {
            program,
            input: self.input,
            key: self.key,
            rows: self.rows,
            seed: self.seed,
            dir: self.dir,
            ending: match self.keep {
                true => Ending::Keep,
                false => Ending::Stop,
            },
            look: match style {
                Style::Human => Look::Lines,
                Style::Json => Look::Json,
            },
        };
        match demo::run(&options) {
            Ok(Verdict::Kept) => Ok(exit::DONE),
            Ok(Verdict::Broken) => Ok(BROKEN),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Interrupted { signal } => {
                Self::new((SIGNALLED + signal).try_into().unwrap_or(u8::MAX), &error)
            }
            DemoError::Input(_) | DemoError::NoRows(_) => Self::usage(error),
            error => Self::refused(error),
        }
    }
}
