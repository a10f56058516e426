//! `kraft export`.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use kraft_client::{Client, ClientError};
use kraft_wire::key_value::{Key, KeyValue};
use kraft_wire::rows::{SCAN_ROWS_MAX, Scan, ScanFrom};
use serde_json::json;

use super::connect::Connect;
use super::get::ReadOptions;
use super::output::{Failure, Style, exit, tell};
use crate::export::{ExportFile, ExportWriter};

/// All rows are as they were at one moment, whatever is written meanwhile. Where an export that was cut off is gone on with,
/// the rows from there on are of a later moment.
#[derive(Args, Debug)]
pub struct Export {
    /// Where to write JSON lines, or `-` for standard output. An export that was cut off is gone on with
    file: PathBuf,
    /// Only keys that begin with this
    #[arg(long)]
    prefix: Option<String>,
    /// Begin anew, whatever export the file holds
    #[arg(long)]
    restart: bool,
    #[command(flatten)]
    read: ReadOptions,
    #[command(flatten)]
    connect: Connect,
}

impl Export {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let prefix = match self.prefix.as_deref() {
            None | Some("") => None,
            Some(prefix) => Some(Key::try_from(prefix).map_err(ClientError::from)?),
        };
        let client = self.connect.client().await?;
        if self.file == Path::new("-") {
            let mut to = ExportWriter::begin(io::stdout(), prefix.as_ref()).map_err(unwritten)?;
            self.pages(style, &client, prefix, None, |rows| to.write(rows))
                .await?;
            to.end().map_err(unwritten)?;
            return Ok(exit::DONE);
        }
        let mut file = match self.restart {
            true => ExportFile::restart(&self.file, prefix.as_ref()),
            false => ExportFile::open(&self.file, prefix.as_ref()),
        }
        .map_err(Failure::refused)?;
        let resumed_after = file.writer.rows();
        if resumed_after > 0 && style == Style::Human {
            tell(format_args!("going on after row {resumed_after}"));
        }
        let after = file.after.take();
        let writer = &mut file.writer;
        self.pages(style, &client, prefix, after, |rows| writer.write(rows))
            .await?;
        let rows = file.writer.rows();
        file.end().map_err(unwritten)?;
        let words = format!("{rows} rows in {}", self.file.display());
        style.show(
            &json!({ "rows": rows, "resumed_after_row": resumed_after, "file": self.file }),
            words,
        );
        Ok(exit::DONE)
    }

    /// Reads page after page, and hands each to `write`.
    async fn pages(
        &self,
        style: Style,
        client: &Client,
        prefix: Option<Key>,
        after: Option<Key>,
        mut write: impl FnMut(&[KeyValue]) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let bar = bar(style);
        let moment = client.moment_as(self.read.freshness()).await?;
        let mut scan = Scan {
            prefix,
            from: after.map_or(ScanFrom::Start, ScanFrom::After),
            until: None,
            limit: Some(SCAN_ROWS_MAX),
        };
        loop {
            let page = moment.scan(scan.clone()).await?;
            write(&page.rows).map_err(unwritten)?;
            bar.inc(page.rows.len() as u64);
            bar.set_message(format!("{} rows", bar.position()));
            match page.more {
                Some(last) => scan.from = ScanFrom::After(last),
                None => break,
            }
        }
        bar.finish_and_clear();
        Ok(())
    }
}

fn bar(style: Style) -> ProgressBar {
    let target = match style {
        Style::Human => ProgressDrawTarget::stderr(),
        Style::Json => ProgressDrawTarget::hidden(),
    };
    ProgressBar::with_draw_target(None, target)
}

fn unwritten(error: io::Error) -> Failure {
    Failure::refused(format_args!(
        "the export cannot be written: {error}. It is not whole; the same command goes on with a file where it ends"
    ))
}
