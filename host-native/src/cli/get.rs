//! `kraft get`.

use std::io::Write;

use clap::{Args, ValueEnum};
use kraft_client::Client;
use kraft_proto::ids::NodeId;
use kraft_wire::api::Freshness;
use kraft_wire::key_value::Value;
use serde_json::json;

use super::connect::Connect;
use super::fate::Position;
use super::output::{Failure, Style, exit, say, tell};

#[derive(Args, Debug)]
pub struct Get {
    /// Which key; several are read as they are at one moment
    #[arg(required = true, allow_negative_numbers = true)]
    keys: Vec<String>,
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
    /// Ask this member: it asks the leader up to where, unless the read is stale
    #[arg(long, value_name = "ID")]
    node: Option<u64>,
    /// See this write of your own too, whatever its class: its position as its answer gave it, TERM.INDEX
    #[arg(long, value_name = "POSITION", conflicts_with_all = ["node", "read"])]
    after_write: Option<Position>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fresh {
    Linearizable,
    Stale,
}

impl ReadOptions {
    /// As it travels.
    pub fn freshness(self) -> Freshness {
        match (self.read, self.node, self.after_write) {
            (_, _, Some(Position(position))) => Freshness::After(position),
            (Fresh::Stale, ..) => Freshness::Stale,
            (Fresh::Linearizable, Some(_), None) => Freshness::LinearizableHere,
            (Fresh::Linearizable, None, None) => Freshness::Linearizable,
        }
    }

    /// The client that reads so.
    pub async fn client(self, connect: &Connect) -> Result<Client, Failure> {
        let client = connect.client().await?;
        match self.node.map(NodeId) {
            None => Ok(client),
            Some(node) => Ok(client.reading_at(&connect.address_of(&client, node)?)),
        }
    }
}

impl Get {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let client = self.read.client(&self.connect).await?;
        let freshness = self.read.freshness();
        let [key] = self.keys.as_slice() else {
            let values = client.get_many_as(&self.keys, freshness).await?;
            return Ok(show(style, &self.keys, &values));
        };
        let value = client.get_as(key, freshness).await?;
        match (style, &value) {
            (Style::Json, value) => say(json!({ "key": key, "value": value })),
            (Style::Human, Some(value)) => {
                let mut out = std::io::stdout().lock();
                // A reader that went away has had enough of it.
                let _ = out
                    .write_all(value.as_bytes())
                    .and_then(|()| out.write_all(b"\n"));
            }
            (Style::Human, None) => missing(key),
        }
        Ok(match value {
            Some(_) => exit::DONE,
            None => exit::NO_SUCH_KEY,
        })
    }
}

/// Shows several keys and their values, a line each.
fn show(style: Style, keys: &[String], values: &[Option<Value>]) -> u8 {
    let rows = || keys.iter().zip(values);
    match style {
        Style::Json => {
            let rows: Vec<_> = rows()
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect();
            say(json!({ "rows": rows }));
        }
        Style::Human => {
            for (key, value) in rows() {
                match value {
                    Some(value) => say(format_args!("{key}\t{value}")),
                    None => missing(key),
                }
            }
        }
    }
    match values.iter().all(Option::is_some) {
        true => exit::DONE,
        false => exit::NO_SUCH_KEY,
    }
}

fn missing(key: &str) {
    tell(format_args!("kraft: there is no key {key:?}"));
}
