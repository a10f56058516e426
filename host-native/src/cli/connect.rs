//! From words on the command line to a client of a cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kraft_client::{Client, Settings};

use super::options::duration;
use super::output::Failure;
use crate::config::{Config, Layers};

/// How long a command tries unless it is told.
const DEADLINE: Duration = Duration::from_secs(10);

/// What finding the leader and the way back take beside a write's own timeout, at most.
const ROUND: Duration = Duration::from_secs(2);

/// Where a configuration for clients is looked for when none is named.
const USUAL_PLACES: [&str; 2] = ["kraft/client.toml", "client.toml"];

/// Which cluster to speak to.
#[derive(Args, Clone, Debug)]
pub struct Connect {
    /// The client's configuration; kraft/client.toml or client.toml unless given
    #[arg(long, short, env = "KRAFT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How long to try in all, such as 500ms or 5s: looking for nodes and for who leads, and waiting for the answer. 10s
    /// unless given; with --timeout, 2s more than that where it is longer
    #[arg(long, env = "KRAFT_DEADLINE", value_name = "TIME", value_parser = duration)]
    deadline: Option<Duration>,
}

impl Connect {
    /// What is known of the cluster: the file's word, then the variables'.
    pub fn config(&self) -> Result<Config, Failure> {
        let usual = || {
            USUAL_PLACES
                .iter()
                .map(Path::new)
                .find(|path| path.exists())
        };
        let layers = match self.config.as_deref().or_else(usual) {
            Some(file) => Layers::new().file(file)?,
            None => Layers::new(),
        };
        let config = layers.process_environment().config()?;
        config.check_client().map_err(|error| match &self.config {
            Some(_) => error.into(),
            None => Failure::usage(format_args!(
                "{error}. Looked for {}; name another with --config",
                USUAL_PLACES.join(" and ")
            )),
        })?;
        Ok(config)
    }

    /// A client of the cluster, within the deadline.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(Client::open(&self.config()?.client()?, self.settings()).await?)
    }

    /// How long the client tries.
    fn settings(&self) -> Settings {
        Settings {
            deadline: self.deadline(None),
            ..Settings::default()
        }
    }

    /// How long to try in all, for a write whose copies may take `timeout`.
    pub fn deadline(&self, timeout: Option<Duration>) -> Duration {
        let usual = DEADLINE.max(timeout.map_or(Duration::ZERO, |timeout| timeout + ROUND));
        self.deadline.unwrap_or(usual)
    }
}
