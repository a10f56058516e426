//! From words on the command line to a client of a cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kraft_client::{Client, Settings};
use kraft_proto::cluster::Epoch;
use kraft_proto::ids::NodeId;
use kraft_proto::limits::MEMBERS_MAX;
use kraft_wire::address::Address;

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
        let layers = match self.file() {
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

    /// A client of the cluster, within the deadline. It looks for members where the file says and where they were said to be
    /// the last time, and notes where they are by now.
    pub async fn client(&self) -> Result<Client, Failure> {
        let mut config = self.config()?.client()?;
        let notes = self.file().map(Notes::beside);
        let noted = notes.as_ref().map(Notes::read).unwrap_or_default();
        let listed = config.addresses.clone();
        let news = noted.addresses.iter().filter(|one| !listed.contains(one));
        config.addresses.extend(news.cloned());
        let settings = Settings {
            epoch: noted.epoch,
            ..self.settings()
        };
        let client = Client::open(&config, settings).await?;
        if let Some(notes) = notes {
            let told = client.whereabouts().into_values();
            let mut addresses: Vec<Address> = told.filter_map(|one| one.parse().ok()).collect();
            addresses.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
            let epoch = client.epoch();
            notes.keep(&noted, &Noted { epoch, addresses });
        }
        Ok(client)
    }

    /// Where a member takes clients: by the last word of a node, or by the file.
    pub fn address_of(&self, client: &Client, node: NodeId) -> Result<String, Failure> {
        let told = client.whereabouts().remove(&node);
        let config = self.config()?;
        let listed = || config.member(node).map(|member| member.clients.to_string());
        told.or_else(listed).ok_or_else(|| {
            Failure::usage(format_args!("there is no member {node}; nothing was asked"))
        })
    }

    /// The file that is read.
    fn file(&self) -> Option<&Path> {
        let usual = || {
            USUAL_PLACES
                .iter()
                .map(Path::new)
                .find(|path| path.exists())
        };
        self.config.as_deref().or_else(usual)
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

/// What was said of the cluster the last time.
#[derive(Debug, Default, PartialEq, Eq)]
struct Noted {
    epoch: Epoch,
    /// Where members take clients.
    addresses: Vec<Address>,
}

/// A file beside the client's configuration that has what was said of the cluster the last time: members change, and the
/// configuration stays as it was written. What cannot be read or written of it is left alone.
struct Notes(PathBuf);

impl Notes {
    fn beside(file: &Path) -> Self {
        Self(file.with_extension("known"))
    }

    fn read(&self) -> Noted {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let epoch = text.lines().find_map(|line| line.strip_prefix("epoch "));
        let epoch = epoch.and_then(|number| number.parse().ok());
        let addresses = text.lines().filter_map(|line| line.parse().ok());
        Noted {
            epoch: Epoch(epoch.unwrap_or_default()),
            addresses: addresses.take(MEMBERS_MAX).collect(),
        }
    }

    /// Notes what is so now, if somebody said so and it is news.
    fn keep(&self, noted: &Noted, now: &Noted) {
        if now.addresses.is_empty() || noted == now {
            return;
        }
        let addresses = now.addresses.iter().map(|one| format!("{one}\n"));
        let text = format!("epoch {}\n{}", now.epoch, addresses.collect::<String>());
        let mut draft = self.0.as_os_str().to_owned();
        draft.push(format!(".draft-{}", std::process::id()));
        let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, &self.0));
        if let Err(error) = written {
            tracing::debug!("{} was not written: {error}", self.0.display());
        }
    }
}
