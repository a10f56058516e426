//! One client and its clones: what they share, and how one is made.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kraft_proto::cluster::Epoch;
use kraft_proto::ids::NodeId;
use kraft_wire::cert::Credentials;
use kraft_wire::quic::HEAD_START;
use tokio::runtime::Handle;
use tokio::time::timeout_at;

use super::config::ClientConfig;
use super::error::{ClientError, ClientOpenError};
use super::retries::Retries;
use super::routes::{Missed, Outlook, Routes};
use super::session_pool::SessionPool;

/// How long a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For one request in all, retries and redirects included.
    pub deadline: Duration,
    /// For the answer to one copy of a write, beside the timeout the write itself asks for. Then
    /// another node is asked, under the same number.
    pub patience: Duration,
    /// For the answer to one copy of a read. Then another node is asked.
    pub patience_read: Duration,
    /// For a connection to one address, before the next address is tried beside it.
    pub head_start: Duration,
    /// The highest epoch of the cluster that was seen before, as [`Client::epoch`] said: nodes of a lower one are not asked.
    pub epoch: Epoch,
}

impl Default for Settings {
    /// A deadline of 30 s; patience of 11 s for writes, beyond the longest timeout of the presets;
    /// of 3 s for reads. Addresses are tried 150 ms apart.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            patience: Duration::from_secs(11),
            patience_read: Duration::from_secs(3),
            head_start: HEAD_START,
            epoch: Epoch::default(),
        }
    }
}

/// A client of a cluster.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// The node that reads are asked of, where it is to be that one.
    pub(super) reads_at: Option<Arc<str>>,
}

struct Inner {
    routes: Routes,
    sessions: Arc<SessionPool>,
    settings: Settings,
    runtime: Handle,
}

impl Client {
    /// A client of the cluster that these nodes belong to, `host:port` each. Connects to one of
    /// them, so that a wrong address or certificate is known at once.
    ///
    /// # Errors
    /// If none of them can be reached, or no address is given.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn connect(
        addresses: impl IntoIterator<Item = impl Into<String>>,
        credentials: Credentials,
    ) -> Result<Self, ClientError> {
        let client = Self::new(addresses, credentials, Settings::default())?;
        client.reach_one().await?;
        Ok(client)
    }

    /// A client of the cluster that `config` describes: its members, and the certificate it names.
    ///
    /// # Errors
    /// If the certificate cannot be used, or none of the members can be reached.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn from_config(config: &ClientConfig) -> Result<Self, ClientOpenError> {
        let credentials = Credentials::load(&config.cert, &config.key, &config.ca)?;
        Ok(Self::connect(&config.addresses, credentials).await?)
    }

    /// As [`Client::from_config`], with other settings, and without giving up on nodes that are only down: they may come
    /// up before the first request's deadline.
    ///
    /// # Errors
    /// As [`Client::from_config`]; of unreachable members only if each of them refuses this client for good.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(config: &ClientConfig, settings: Settings) -> Result<Self, ClientOpenError> {
        let credentials = Credentials::load(&config.cert, &config.key, &config.ca)?;
        let client = Self::new(&config.addresses, credentials, settings)?;
        match client.reach().await {
            Err((error, Outlook::Lasting)) => Err(error.into()),
            Ok(()) | Err((_, Outlook::Passing)) => Ok(client),
        }
    }

    /// As [`Client::connect`], without connecting yet: nodes that are down may come up before the first request's
    /// deadline.
    ///
    /// # Errors
    /// If no address is given.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(
        addresses: impl IntoIterator<Item = impl Into<String>>,
        credentials: Credentials,
        settings: Settings,
    ) -> Result<Self, ClientError> {
        let addresses: Vec<String> = addresses.into_iter().map(Into::into).collect();
        if addresses.is_empty() {
            return Err(ClientError::NoAddress);
        }
        let inner = Inner {
            routes: Routes::new(credentials, addresses, &settings),
            sessions: SessionPool::new(),
            settings,
            runtime: Handle::current(),
        };
        Ok(Self {
            inner: Arc::new(inner),
            reads_at: None,
        })
    }

    /// Connects to one node: of those that are known, the first to answer.
    ///
    /// # Errors
    /// If none of the known nodes can be reached.
    pub async fn reach_one(&self) -> Result<(), ClientError> {
        self.reach().await.map_err(|(error, _)| error)
    }

    async fn reach(&self) -> Result<(), (ClientError, Outlook)> {
        let retries = Retries::new(self.inner.settings.deadline);
        let reached = timeout_at(retries.deadline(), self.routes().reach_anyone()).await;
        let missed = match reached {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(missed)) => missed,
            Err(_) => Vec::new(),
        };
        let lasting = |missed: &Missed| missed.outlook == Outlook::Lasting;
        let outlook = match !missed.is_empty() && missed.iter().all(lasting) {
            true => Outlook::Lasting,
            false => Outlook::Passing,
        };
        let whys: Vec<String> = missed.into_iter().map(|missed| missed.why).collect();
        let error = ClientError::Unreachable {
            waited: retries.waited(),
            last: match whys.is_empty() {
                true => "no connection in time".to_owned(),
                false => whys.join("; "),
            },
        };
        Err((error, outlook))
    }

    /// The same client, whose reads are asked of the node at `address` and of no other:
    /// [`LinearizableHere`](kraft_wire::api::Freshness::LinearizableHere) sees as much there as at the leader. Each is asked
    /// once.
    #[must_use]
    pub fn reading_at(&self, address: &str) -> Self {
        Self {
            reads_at: Some(address.into()),
            ..self.clone()
        }
    }

    /// Waits until every write of this client and its clones has its answer, submitted ones
    /// included.
    pub async fn idle(&self) {
        self.inner.sessions.idle().await;
    }

    /// The client addresses that are known, those learned from redirects included.
    pub fn addresses(&self) -> Vec<String> {
        self.routes().addresses()
    }

    /// The leader's client address, as far as it is known.
    pub fn leader(&self) -> Option<String> {
        self.routes().leader()
    }

    /// How often the cluster was founded anew, by the highest word of a node. From then on nodes of a lower epoch are not
    /// asked: they are what is left of the cluster before.
    pub fn epoch(&self) -> Epoch {
        self.routes().epoch()
    }

    /// The client address of every node, as far as a node that was connected to knew them.
    pub fn whereabouts(&self) -> HashMap<NodeId, String> {
        self.routes().whereabouts()
    }

    /// How long this client tries.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(super) fn busy(&self) -> ClientError {
        ClientError::Busy {
            in_flight: self.sessions().in_flight(),
        }
    }

    pub(super) fn routes(&self) -> &Routes {
        &self.inner.routes
    }

    pub(super) fn sessions(&self) -> &Arc<SessionPool> {
        &self.inner.sessions
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.inner.runtime
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("addresses", &self.addresses())
            .field("leader", &self.leader())
            .finish_non_exhaustive()
    }
}
