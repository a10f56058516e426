//! Your own state machine: a queue of jobs on three nodes, which gives each job out once.
//!
//! Run it with `cargo run -p host-native --example job_queue`. The nodes run in this one process, over real
//! files and sockets; on three machines each would be a process that runs the last lines of `start`.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use host_native::config::Layers;
use host_native::machine::StateMachine;
use host_native::node::Node;
use host_native::setup::{self, Created, Place, Plan};
use kraft_client::api::RequestRefusal;
use kraft_client::command::AnsweredBy;
use kraft_client::modes::{CommitMode, FsyncMode};
use kraft_client::{Client, ClientConfig};
use kraft_proto::LogPosition;
use kraft_proto::presets::Preset;
use kraft_proto::zones::ZoneTable;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
struct Jobs(VecDeque<String>);

#[derive(Serialize, Deserialize)]
enum Command {
    Add(String),
    Take,
}

impl StateMachine for Jobs {
    type Command = Command;
    type Answer = Option<String>;
    type Query = ();
    type View = usize;

    fn apply(&mut self, _: LogPosition, command: Command) -> Option<String> {
        match command {
            Command::Add(job) => {
                self.0.push_back(job);
                None
            }
            Command::Take => self.0.pop_front(),
        }
    }

    fn query(&self, (): &()) -> Result<usize, RequestRefusal> {
        Ok(self.0.len())
    }

    /// Whoever adds a job waits for the class it asks for; whoever takes one, for the job.
    fn answered_by(command: &Command) -> AnsweredBy {
        match command {
            Command::Add(_) => AnsweredBy::Log,
            Command::Take => AnsweredBy::Machine,
        }
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        Ok(serde_json::to_writer(to, self)?)
    }

    fn load(from: &mut dyn Read) -> io::Result<Self> {
        Ok(serde_json::from_reader(from)?)
    }
}

async fn start(created: &Created) -> anyhow::Result<()> {
    for file in &created.nodes {
        let config = Layers::new().file(file)?.config()?;
        let node = Node::start(config, Jobs::default()).await?;
        tokio::spawn(node.run(std::future::pending()));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = Plan {
        places: (1..=3).map(Place::loopback).collect(),
        preset: Preset::default(),
        zones: ZoneTable::default(),
    };
    let created = setup::create(&folder.path().join("jobs"), &plan)?;
    start(&created).await?;

    let client = Client::from_config(&ClientConfig::load(&created.client)?).await?;
    for (job, fsync) in [
        ("send the invoice", FsyncMode::Commit),
        ("warm the cache", FsyncMode::None),
    ] {
        let add = client.command(&Command::Add(job.into()));
        let answer = add.mode(CommitMode::Sync).fsync(fsync).send().await?;
        println!("{job:<18} {answer}");
    }
    println!("{} jobs wait", client.query::<_, usize>(&()).await?);
    for _ in 0..3 {
        let taken = client.command(&Command::Take).send().await?;
        println!("taken: {:?}", taken.said::<Option<String>>()?);
    }
    Ok(())
}
