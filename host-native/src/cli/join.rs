//! `kraft join`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kraft_client::{Client, ClientConfig, Settings};
use kraft_proto::ids::NodeId;
use kraft_wire::address::Address;
use kraft_wire::api::{Care, ChangeMembers, MembersChange};
use kraft_wire::rpc::CLIENTS_PORT;
use serde_json::json;

use super::member::contact_at;
use super::options::duration;
use super::output::{Failure, Style, exit};
use crate::setup::join::{self, Newcomer};

/// How long the cluster is looked for, unless it is told.
const DEADLINE: Duration = Duration::from_secs(10);

/// Makes a node of a cluster that runs, in a folder that has its certificate from `kraft cert issue node`. It receives the
/// log once it is started; `kraft member promote` has it vote, or --replace.
#[derive(Args, Debug)]
pub struct Join {
    /// Where any node takes clients, HOST or HOST:PORT; 7002 unless given
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// The folder with this node's certificate, its key and ca.pem; configuration and data are made beside them
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Where the others reach this node, HOST or HOST:PORT: peers at that port, clients at the next, and operators at the
    /// one after; 7001 to 7003 unless given
    #[arg(long, value_name = "HOST")]
    host: String,
    /// The voter whose place it takes once it has caught up, and which leaves then
    #[arg(long, value_name = "NODE")]
    replace: Option<u64>,
    /// Another node's kraft.toml, of which durability and zones are taken: they ought to be the same on every node
    #[arg(long, value_name = "FILE")]
    like: Option<PathBuf>,
    /// How long to try in all, such as 5s; 10s unless given
    #[arg(long, env = "KRAFT_DEADLINE", value_name = "TIME", value_parser = duration)]
    deadline: Option<Duration>,
}

impl Join {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let address = Address::read(&self.address, CLIENTS_PORT).map_err(|why| {
            Failure::usage(format_args!("{}: {why}. Nothing was made", self.address))
        })?;
        let (contact, place) = contact_at(&self.host)?;
        let newcomer = Newcomer::in_folder(&self.dir)?;
        let config = ClientConfig {
            cluster: newcomer.cluster(),
            addresses: vec![address],
            ca: newcomer.ca(),
            cert: newcomer.cert.clone(),
            key: newcomer.key.clone(),
        };
        let settings = Settings {
            deadline: self.deadline.unwrap_or(DEADLINE),
            ..Settings::default()
        };
        let client = Client::open(&config, settings).await?;
        let cluster = client.members().await?;
        let made = join::make(&newcomer, &cluster, place, self.like.as_deref())?;
        let node = newcomer.node();
        let change = MembersChange::Add {
            node,
            store: made.store,
            contact,
            replaces: self.replace.map(NodeId),
        };
        let asked = ChangeMembers {
            change,
            care: Care::Refuse,
        };
        let host = &self.host;
        client.change_members(asked).await.map_err(|error| {
            Failure::refused(format_args!(
                "{error}\nThe folder is ready, and the cluster may not know of it: to go on, `kraft member add {node} \
                 --host {host} --store {:016x}`; to begin anew, remove {} and {}",
                made.store.0,
                made.config.display(),
                made.data.display()
            ))
        })?;
        let json = json!({
            "node": node,
            "cluster": cluster.cluster,
            "store": format!("{:016x}", made.store.0),
            "config": made.config,
            "replaces": self.replace,
        });
        let then = match self.replace {
            Some(old) => format!(
                "Once it has caught up it votes in the place of node {old}, which leaves: see `kraft member list`."
            ),
            None => format!(
                "It receives the log, and does not vote before `kraft member promote {node}`."
            ),
        };
        let words = format!(
            "Node {node} joins cluster {}. Start it:\n  kraft server --config {}\n\n{then}",
            cluster.cluster,
            made.config.display()
        );
        style.show(&json, words);
        Ok(exit::DONE)
    }
}
