//! From words on the command line to a client of a cluster.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::Failure;
use crate::client::Client;
use crate::config::{Config, Layers};

/// Where a configuration for clients is looked for when none is named.
const USUAL_PLACES: [&str; 2] = ["kraft/client.toml", "client.toml"];

/// Which cluster to speak to.
#[derive(Args, Clone, Debug)]
pub struct Connect {
    /// The client's configuration; kraft/client.toml or client.toml unless given
    #[arg(long, short, env = "KRAFT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
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

    /// A client of the cluster.
    pub async fn client(&self) -> Result<Client, Failure> {
        Ok(Client::from_config(&self.config()?).await?)
    }
}
