//! `kraft get`.

use std::io::Write;

use clap::{Args, ValueEnum};
use kraft_wire::api::Freshness;
use serde_json::json;

use super::connect::Connect;
use super::output::{Failure, Style, exit, say, tell};

#[derive(Args, Debug)]
pub struct Get {
    /// Which key
    #[arg(allow_negative_numbers = true)]
    key: String,
    #[command(flatten)]
    read: ReadOptions,
    #[command(flatten)]
    connect: Connect,
}

/// How fresh a read must be.
#[derive(Args, Clone, Copy, Debug)]
pub struct ReadOptions {
    /// `linearizable` sees every write acknowledged as SYNC or stronger before; `stale` asks one
    /// node for what it has
    #[arg(long, value_name = "HOW", default_value = "linearizable")]
    read: Fresh,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fresh {
    Linearizable,
    Stale,
}

impl ReadOptions {
    /// As it travels.
    pub const fn freshness(self) -> Freshness {
        match self.read {
            Fresh::Linearizable => Freshness::Linearizable,
            Fresh::Stale => Freshness::Stale,
        }
    }
}

impl Get {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let client = self.connect.client().await?;
        let value = client.get_as(&self.key, self.read.freshness()).await?;
        match (style, &value) {
            (Style::Json, value) => say(json!({ "key": self.key, "value": value })),
            (Style::Human, Some(value)) => {
                let mut out = std::io::stdout().lock();
                // A reader that went away has had enough of it.
                let _ = out
                    .write_all(value.as_bytes())
                    .and_then(|()| out.write_all(b"\n"));
            }
            (Style::Human, None) => tell(format_args!("kraft: there is no key {:?}", self.key)),
        }
        Ok(match value {
            Some(_) => exit::DONE,
            None => exit::NO_SUCH_KEY,
        })
    }
}
