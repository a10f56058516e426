//! `kraft scan`.

use clap::Args;
use kraft_client::{Client, ClientError};
use kraft_wire::key_value::{Key, Unfit};
use kraft_wire::rows::{self, Page, SCAN_ROWS_DEFAULT, ScanFrom};

use super::connect::Connect;
use super::get::ReadOptions;
use super::output::{Failure, Style, exit, say, tell};

#[derive(Args, Debug)]
pub struct Scan {
    /// Only keys that begin with this
    #[arg(allow_negative_numbers = true)]
    prefix: Option<String>,
    /// Begin at this key
    #[arg(long, value_name = "KEY", conflicts_with = "after")]
    from: Option<String>,
    /// Begin behind this key: the last one of the page before
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// End before this key
    #[arg(long, value_name = "KEY")]
    until: Option<String>,
    /// Every row, page after page, as all of them are at one moment
    #[arg(long)]
    all: bool,
    /// Rows at most; with `--all`, rows of a page
    #[arg(long, value_name = "ROWS", default_value_t = SCAN_ROWS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    read: ReadOptions,
    #[command(flatten)]
    connect: Connect,
}

impl Scan {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let wanted = self.wanted().map_err(ClientError::from)?;
        let client = self.read.client(&self.connect).await?;
        if self.all {
            return self.every_page(style, &client, wanted).await;
        }
        let page = client.scan_as(wanted, self.read.freshness()).await?;
        show(style, &page);
        if let (Style::Human, Some(more)) = (style, &page.more) {
            tell(format_args!("there is more: go on with --after '{more}'"));
        }
        Ok(exit::DONE)
    }

    /// Shows page after page of one moment; programs get a line for each, the last without `more`.
    async fn every_page(
        &self,
        style: Style,
        client: &Client,
        mut wanted: rows::Scan,
    ) -> Result<u8, Failure> {
        wanted.check().map_err(ClientError::from)?;
        let moment = client.moment_as(self.read.freshness()).await?;
        loop {
            let page = moment.scan(wanted.clone()).await?;
            show(style, &page);
            match page.more {
                Some(last) => wanted.from = ScanFrom::After(last),
                None => return Ok(exit::DONE),
            }
        }
    }

    fn wanted(&self) -> Result<rows::Scan, Unfit> {
        let key = |text: &Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => Key::try_from(text).map(Some),
        };
        let from = match (key(&self.from)?, key(&self.after)?) {
            (_, Some(after)) => ScanFrom::After(after),
            (Some(from), None) => ScanFrom::At(from),
            (None, None) => ScanFrom::Start,
        };
        Ok(rows::Scan {
            prefix: key(&self.prefix)?,
            from,
            until: key(&self.until)?,
            limit: Some(self.limit),
        })
    }
}

fn show(style: Style, page: &Page) {
    match style {
        Style::Json => style.show(page, ""),
        Style::Human => {
            for row in &page.rows {
                say(format_args!("{}\t{}", row.key, row.value));
            }
        }
    }
}
