//! `kraft init`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::presets::Preset;
use kraft_proto::zones::ZoneTable;
use serde_json::json;

use super::output::{Failure, Style, exit};
use crate::config::{PEERS_PORT, read_zones};
use crate::kv::Kv;
use crate::node::backup::Beginning;
use crate::setup::{self, Created, Place, Plan, SetupError};

#[derive(Args, Debug)]
pub struct Init {
    /// Where to make it; must not exist, or be empty
    #[arg(default_value = "kraft")]
    dir: PathBuf,
    /// How many nodes, all on this machine with ports of their own
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=MEMBERS_MAX as i64))]
    nodes: u16,
    /// The first port of the first node: it takes three, and each other node three that are ten further on
    #[arg(long, value_name = "PORT", default_value_t = PEERS_PORT, conflicts_with = "hosts")]
    first_port: u16,
    /// One node on each of these machines instead, HOST or HOST:PORT: peers reach it at that port,
    /// clients at the next and operators at the one after; 7001 to 7003 unless given
    #[arg(
        long,
        value_name = "HOST",
        value_delimiter = ',',
        conflicts_with = "nodes"
    )]
    hosts: Vec<String>,
    /// The durability options to start from
    #[arg(long, default_value_t)]
    preset: Preset,
    /// A backup by `kraft snapshot save`: the cluster is new, and begins with its keys and values
    #[arg(long, value_name = "FILE")]
    from_snapshot: Option<PathBuf>,
    /// A file of [[zones]] to write into every node's configuration
    #[arg(long, value_name = "FILE")]
    zones: Option<PathBuf>,
}

impl Init {
    pub fn run(self, style: Style) -> Result<u8, Failure> {
        let places = match self.hosts.as_slice() {
            [] => (1..=self.nodes)
                .map(|number| Place::loopback_from(self.first_port, number))
                .collect::<Option<_>>()
                .ok_or_else(|| {
                    Failure::usage(format_args!(
                        "--first-port {}: {} nodes take ports up to {} above it, and there are none behind 65535. \
                         Nothing was made",
                        self.first_port,
                        self.nodes,
                        10 * (self.nodes - 1) + 2
                    ))
                })?,
            hosts => hosts
                .iter()
                .map(|host| {
                    Place::host(host).map_err(|why| {
                        Failure::usage(format_args!("--hosts {host}: {why}. Nothing was made"))
                    })
                })
                .collect::<Result<_, _>>()?,
        };
        let plan = Plan {
            places,
            preset: self.preset,
            zones: match &self.zones {
                Some(file) => read_zones(file)?,
                None => ZoneTable::default(),
            },
        };
        let beginning = match &self.from_snapshot {
            Some(file) => Some(Beginning::from_file::<Kv>(file).map_err(|error| {
                Failure::refused(format_args!(
                    "{error}. Nothing was made: take another backup"
                ))
            })?),
            None => None,
        };
        let created = setup::create_from(&self.dir, &plan, beginning.as_ref())?;
        let json = json!({
            "cluster": created.cluster.to_string(),
            "nodes": created.nodes,
            "client": created.client,
        });
        style.show(&json, self.words(&created));
        Ok(exit::DONE)
    }

    fn words(&self, created: &Created) -> String {
        let mut words = format!(
            "Made cluster {} in {}.\n\nStart each node:\n",
            created.cluster,
            self.dir.display()
        );
        for file in &created.nodes {
            // Writing to a string cannot fail.
            let _ = writeln!(words, "  kraft server --config {}", file.display());
        }
        let client = created.client.display();
        let _ = write!(
            words,
            "\nThen:\n  kraft put hello world --config {client}\n  kraft status --config {client}\n\n\
             Each node's folder is whole in itself: copy it to its machine. Keep {} safe: whoever \
             has it can make members.",
            self.dir.join(kraft_wire::cert::CA_KEY_FILE).display()
        );
        words
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Nodes(_) | SetupError::Config(_) => Self::usage(error),
            _ => Self::refused(error),
        }
    }
}
