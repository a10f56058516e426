//! `kraft load`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::output::{Failure, Style};
use super::sending::Sending;
use crate::load::{Format, Keying, Rows};

#[derive(Args, Debug)]
pub struct Load {
    /// A file of CSV with a header line, or of one JSON object a line
    file: PathBuf,
    /// The column that holds the key; of CSV the first one unless given
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// What stands before each key: `zip:` puts the rows into the zone of `zip:*`
    #[arg(long, default_value = "", hide_default_value = true)]
    prefix: String,
    /// How its rows are written; told by its name unless given
    #[arg(long)]
    format: Option<FileFormat>,
    #[command(flatten)]
    sending: Sending,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FileFormat {
    Csv,
    Jsonl,
}

impl Load {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let keying = Keying {
            column: self.key,
            prefix: self.prefix,
        };
        let format = self.format.map(|format| match format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Jsonl => Format::JsonLines,
        });
        let rows = Rows::open(&self.file, format, &keying)?;
        let meter = rows.meter();
        self.sending
            .run(style, &self.file, &keying, rows, meter)
            .await
    }
}
