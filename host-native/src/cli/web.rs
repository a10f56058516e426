//! `kraft demo --web`.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

use super::output::{Failure, Style, exit};
use super::signals;
use crate::web::{self, Page, WEB_PORT};

#[derive(Args, Debug)]
pub struct Web {
    /// Serve the live page instead, a cluster in your browser, until Ctrl-C; to this machine only
    #[arg(
        long,
        help_heading = "The live page",
        conflicts_with_all = ["input", "key", "rows", "seed", "dir", "keep"]
    )]
    web: bool,
    /// The page's port on 127.0.0.1; 0 takes any that is free
    #[arg(
        long,
        help_heading = "The live page",
        requires = "web",
        default_value_t = WEB_PORT
    )]
    port: u16,
    /// A built page to serve; the one built in, else that of the sources, unless given
    #[arg(
        long,
        help_heading = "The live page",
        requires = "web",
        value_name = "DIR"
    )]
    from: Option<PathBuf>,
}

/// What a demo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nodes on this machine, in the terminal.
    Nodes,
    /// The page, in a browser.
    Page,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            web: false,
            port: WEB_PORT,
            from: None,
        }
    }
}

impl Web {
    pub const fn shown(&self) -> Shown {
        match self.web {
            true => Shown::Page,
            false => Shown::Nodes,
        }
    }

    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let page = Page::find(self.from.as_deref()).map_err(Failure::refused)?;
        let stop = signals::asked_to_end()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
        let cannot = |error| {
            let port = self.port;
            Failure::refused(format_args!(
                "cannot listen on 127.0.0.1:{port}: {error}. Name another port with --port; \
                 nothing is served"
            ))
        };
        let listener = listener.await.map_err(cannot)?;
        let url = format!("http://{}/", listener.local_addr().map_err(cannot)?);
        let facts = json!({
            "url": url,
            "files": page.len(),
            "page": page.origin().to_string(),
        });
        style.show(
            &facts,
            format_args!("The live page is at {url}\nCtrl-C ends it."),
        );
        web::serve(listener, page, stop)
            .await
            .map_err(|error| Failure::refused(format_args!("the page is not served: {error}")))?;
        Ok(exit::DONE)
    }
}
