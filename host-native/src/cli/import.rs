//! `kraft import`.

use std::path::PathBuf;

use clap::Args;

use super::output::{Failure, Style};
use super::sending::Sending;
use crate::export::ExportedRows;
use crate::load::Keying;

/// Keys that the file does not name stay as they are.
#[derive(Args, Debug)]
pub struct Import {
    /// What `kraft export` wrote
    file: PathBuf,
    #[command(flatten)]
    sending: Sending,
}

impl Import {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let rows = ExportedRows::open(&self.file)?;
        let meter = rows.meter();
        let keying = Keying::default();
        self.sending
            .run(style, &self.file, &keying, rows, meter)
            .await
    }
}
