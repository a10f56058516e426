//! Whom to ask: the nodes that are known, the one that leads, and a connection to each.
//!
//! Addresses come from the configuration, from redirects, and from every node that is connected to: it says where the
//! others are. Where nobody is connected yet the known addresses are raced.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use kraft_proto::cluster::Epoch;
use kraft_proto::ids::NodeId;
use kraft_wire::api::{FRAME_BYTES_MAX, Leader, Response};
use kraft_wire::cert::Credentials;
use kraft_wire::quic::{Losers, race};
use kraft_wire::rpc::Whereabouts;
use tokio::time::{Instant, timeout_at};

use super::call_error::{CallError, ConnectError};
use super::client::Settings;
use super::connection::{ClientLimits, RpcClient};

/// Addresses a client keeps: those it was given, and a few times as many as a cluster has.
const ADDRESSES_MAX: usize = 64;

/// The nodes of a cluster as one client knows them. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub(super) struct Routes {
    shared: Arc<Shared>,
}

struct Shared {
    credentials: Credentials,
    head_start: Duration,
    known: Mutex<Known>,
}

struct Known {
    addresses: Vec<String>,
    /// Which of them is asked while no leader is known.
    next: usize,
    leader: Option<String>,
    links: HashMap<String, Arc<Link>>,
    /// Which node answered at which address.
    nodes: HashMap<String, NodeId>,
    /// Where each node is by the last word of a node.
    whereabouts: HashMap<NodeId, String>,
    /// The highest that was seen.
    epoch: Epoch,
}

/// The connection to one address, shared by all requests; whoever needs it first makes it.
#[derive(Default)]
struct Link {
    state: tokio::sync::Mutex<LinkState>,
}

#[derive(Clone, Default)]
enum LinkState {
    #[default]
    Idle,
    Up(RpcClient),
    /// An attempt failed. Those that waited for it share its failure rather than try one by one.
    Down {
        at: Instant,
        missed: Missed,
    },
}

/// Why an address could not be connected to.
#[derive(Clone, Debug)]
pub(super) struct Missed {
    pub why: String,
    pub outlook: Outlook,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It may.
    Passing,
    /// Somebody has to change something first.
    Lasting,
}

/// What an attempt met.
pub(super) enum Met {
    /// An answer.
    Response(Response),
    /// The request did not leave this client.
    NotSent(String),
    /// The request left, and no answer came.
    NoAnswer(String),
}

/// Whether a redirect named somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    Known,
    Unknown,
}

impl Routes {
    /// Routes to `addresses`, of which there is at least one.
    pub fn new(credentials: Credentials, addresses: Vec<String>, settings: &Settings) -> Self {
        let known = Known {
            addresses,
            next: 0,
            leader: None,
            links: HashMap::new(),
            nodes: HashMap::new(),
            whereabouts: HashMap::new(),
            epoch: settings.epoch,
        };
        Self {
            shared: Arc::new(Shared {
                credentials,
                head_start: settings.head_start,
                known: Mutex::new(known),
            }),
        }
    }

    /// Every address that is known.
    pub fn addresses(&self) -> Vec<String> {
        self.known().addresses.clone()
    }

    /// The highest epoch that was seen.
    pub fn epoch(&self) -> Epoch {
        self.known().epoch
    }

    /// The leader's address, as far as it is known.
    pub fn leader(&self) -> Option<String> {
        self.known().leader.clone()
    }

    /// Where each node is, by the last word of a node.
    pub fn whereabouts(&self) -> HashMap<NodeId, String> {
        self.known().whereabouts.clone()
    }

    /// Asks another than `address` next.
    pub fn avoid(&self, address: &str) {
        self.known().avoid(address);
    }

    /// Notes that `address` does not lead, and who does.
    pub fn redirect(&self, address: &str, leader: Option<Leader>) -> Redirect {
        let mut known = self.known();
        match leader {
            Some(Leader { address: to, node }) if to != address => {
                // It may have answered at another address than the one its peers know.
                let connected = known.nodes.iter().find(|(_, other)| **other == node);
                let to = connected.map_or(to, |(address, _)| address.clone());
                if to == address {
                    known.avoid(address);
                    return Redirect::Unknown;
                }
                known.learn(&to);
                known.leader = Some(to);
                Redirect::Known
            }
            Some(_) | None => {
                known.avoid(address);
                Redirect::Unknown
            }
        }
    }

    /// Sends `message` to the leader, or to whoever can be connected to first, and waits for the answer, at most
    /// `until`. Says whom it asked. Asks another next time if no answer comes.
    pub async fn ask_anyone(&self, message: Bytes, until: Instant) -> (String, Met) {
        match timeout_at(until, self.reach_anyone()).await {
            Ok(Ok((address, client))) => {
                let met = self.call(&address, &client, message, until).await;
                (address, met)
            }
            Ok(Err(missed)) => {
                let whys: Vec<String> = missed.into_iter().map(|missed| missed.why).collect();
                (self.target(), Met::NotSent(whys.join("; ")))
            }
            Err(_) => {
                let target = self.target();
                self.avoid(&target);
                let why = format!("{target}: no connection in time");
                (target, Met::NotSent(why))
            }
        }
    }

    /// The same for one address and no other.
    pub async fn ask(&self, address: &str, message: Bytes, until: Instant) -> Met {
        match timeout_at(until, self.reach(address)).await {
            Ok(Ok(client)) => self.call(address, &client, message, until).await,
            Ok(Err(missed)) => Met::NotSent(missed.why),
            Err(_) => Met::NotSent(format!("{address}: no connection in time")),
        }
    }

    /// Connects to the leader, or to whoever answers first.
    pub async fn reach_anyone(&self) -> Result<(String, RpcClient), Vec<Missed>> {
        let attempt = |address: String| {
            let routes = self.clone();
            async move {
                let client = routes.reach(&address).await?;
                Ok((address, client))
            }
        };
        let head_start = self.shared.head_start;
        race(self.in_order(), attempt, head_start, Losers::GoOn).await
    }

    /// Connects to `address`, or learns why not.
    pub async fn reach(&self, address: &str) -> Result<RpcClient, Missed> {
        let asked = Instant::now();
        let link = self
            .known()
            .links
            .entry(address.to_owned())
            .or_default()
            .clone();
        let mut state = link.state.lock().await;
        match &*state {
            LinkState::Up(client) if client.broken().is_none() => return Ok(client.clone()),
            LinkState::Down { at, missed } if *at >= asked => return Err(missed.clone()),
            LinkState::Idle | LinkState::Up(_) | LinkState::Down { .. } => {}
        }
        let limits = ClientLimits {
            frame_bytes_max: FRAME_BYTES_MAX,
            ..ClientLimits::default()
        };
        match RpcClient::connect(address, &self.shared.credentials, limits).await {
            Ok(client) => {
                if let Err(missed) = self.known().enter(address, &client) {
                    *state = LinkState::Down {
                        at: Instant::now(),
                        missed: missed.clone(),
                    };
                    return Err(missed);
                }
                *state = LinkState::Up(client.clone());
                Ok(client)
            }
            Err(error) => {
                let missed = Missed {
                    outlook: outlook(&error),
                    why: error.to_string(),
                };
                *state = LinkState::Down {
                    at: Instant::now(),
                    missed: missed.clone(),
                };
                let mut known = self.known();
                known.nodes.remove(address);
                known.avoid(address);
                Err(missed)
            }
        }
    }

    async fn call(&self, address: &str, client: &RpcClient, message: Bytes, until: Instant) -> Met {
        let met = match timeout_at(until, client.call(message)).await {
            Ok(Ok(answer)) => match Response::decode(&answer) {
                Ok(response) => return Met::Response(response),
                Err(error) => Met::NoAnswer(format!("{address}: unreadable answer: {error}")),
            },
            Ok(Err(error)) => lost(address, &error),
            Err(_) => Met::NoAnswer(format!("{address}: no answer in time")),
        };
        self.avoid(address);
        met
    }

    /// Whom to ask next: the leader, or whoever's turn it is to be asked for it.
    fn target(&self) -> String {
        self.in_order().swap_remove(0)
    }

    /// Every address, the one to ask first in front.
    fn in_order(&self) -> Vec<String> {
        let known = self.known();
        let mut order = known.addresses.clone();
        let turns = known.next % order.len();
        order.rotate_left(turns);
        if let Some(leader) = &known.leader {
            order.retain(|address| address != leader);
            order.insert(0, leader.clone());
        }
        order
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let known = &self.shared.known;
        known.lock().expect("nothing panics under this lock")
    }
}

/// What a redirect says, in words.
pub(super) fn does_not_lead(address: &str, leader: Option<&Leader>) -> String {
    match leader {
        Some(Leader { node, address: to }) => {
            format!("{address} says that node {node} leads, at {to}")
        }
        None => format!("{address} knows no leader"),
    }
}

/// What is known of a call without an answer.
fn lost(address: &str, error: &CallError) -> Met {
    match error {
        CallError::NotSent { .. } | CallError::TooLarge { .. } => {
            Met::NotSent(format!("{address}: {error}"))
        }
        CallError::OutcomeUnknown { reason } => Met::NoAnswer(format!("{address}: {reason}")),
        CallError::AnswerTooLarge | CallError::TooSlow => {
            Met::NoAnswer(format!("{address}: {error}"))
        }
    }
}

fn outlook(error: &ConnectError) -> Outlook {
    match error {
        ConnectError::Refused { refusal, .. } if refusal.is_lasting() => Outlook::Lasting,
        ConnectError::Local(_) => Outlook::Lasting,
        ConnectError::Refused { .. }
        | ConnectError::Address { .. }
        | ConnectError::Timeout { .. } => Outlook::Passing,
    }
}

impl Known {
    fn avoid(&mut self, address: &str) {
        let asked_next = match &self.leader {
            Some(leader) => leader == address,
            None => self.addresses[self.next % self.addresses.len()] == address,
        };
        if asked_next {
            self.leader = None;
            let at = self.addresses.iter().position(|other| other == address);
            self.next = at.unwrap_or(self.next) + 1;
        }
    }

    fn learn(&mut self, address: &str) {
        if !self.addresses.iter().any(|known| known == address)
            && self.addresses.len() < ADDRESSES_MAX
        {
            self.addresses.push(address.to_owned());
        }
    }

    /// Notes who answered at `address`, unless it is of a cluster that was founded anew since.
    fn enter(&mut self, address: &str, client: &RpcClient) -> Result<(), Missed> {
        let (theirs, seen) = (client.epoch(), self.epoch);
        if theirs < seen {
            self.avoid(address);
            return Err(Missed {
                outlook: Outlook::Lasting,
                why: format!(
                    "{address}: node {} is of epoch {theirs} of this cluster, which was founded anew as epoch {seen}: it \
                     is not asked",
                    client.node()
                ),
            });
        }
        if theirs > seen {
            // What was known is of the cluster before.
            self.epoch = theirs;
            self.leader = None;
            self.nodes.clear();
            self.whereabouts.clear();
            self.links.retain(|other, _| other == address);
        }
        self.meet(address, client.node(), client.members());
        Ok(())
    }

    /// Notes that `node` answered at `address`, and what it says of the others.
    fn meet(&mut self, address: &str, node: NodeId, members: &[Whereabouts]) {
        self.nodes.retain(|_, other| *other != node);
        self.nodes.insert(address.to_owned(), node);
        for Whereabouts { node, address } in members {
            self.learn(address);
            self.whereabouts.insert(*node, address.clone());
        }
        self.whereabouts.insert(node, address.to_owned());
    }
}
