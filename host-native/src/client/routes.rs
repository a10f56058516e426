//! Whom to ask: the nodes that are known, the one that leads, and a connection to each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::api::{FRAME_BYTES_MAX, Leader, Response};
use crate::cert::Credentials;
use crate::rpc::{CallError, ClientLimits, RpcClient};

/// The nodes of a cluster as one client knows them.
pub(super) struct Routes {
    credentials: Credentials,
    known: Mutex<Known>,
}

struct Known {
    addresses: Vec<String>,
    /// Which of them is asked while no leader is known.
    next: usize,
    leader: Option<String>,
    links: HashMap<String, Arc<Link>>,
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
        why: String,
    },
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
pub(super) enum Hop {
    Known,
    Unknown,
}

impl Routes {
    /// Routes to `addresses`, of which there is at least one.
    pub fn new(credentials: Credentials, addresses: Vec<String>) -> Self {
        let known = Known {
            addresses,
            next: 0,
            leader: None,
            links: HashMap::new(),
        };
        Self {
            credentials,
            known: Mutex::new(known),
        }
    }

    /// Whom to ask next: the leader, or whoever's turn it is to be asked for it.
    pub fn target(&self) -> String {
        let known = self.known();
        match &known.leader {
            Some(leader) => leader.clone(),
            None => known.addresses[known.next % known.addresses.len()].clone(),
        }
    }

    /// Every address that is known.
    pub fn addresses(&self) -> Vec<String> {
        self.known().addresses.clone()
    }

    /// The leader's address, as far as it is known.
    pub fn leader(&self) -> Option<String> {
        self.known().leader.clone()
    }

    /// Asks another than `address` next.
    pub fn avoid(&self, address: &str) {
        let mut known = self.known();
        if known.target_is(address) {
            known.leader = None;
            let after = known.addresses.iter().position(|other| other == address);
            known.next = after.map_or(known.next, |at| at) + 1;
        }
    }

    /// Notes that `address` does not lead, and who does.
    pub fn redirect(&self, address: &str, leader: Option<Leader>) -> Hop {
        match leader {
            Some(Leader { address: to, .. }) if to != address => {
                let mut known = self.known();
                if !known.addresses.contains(&to) {
                    known.addresses.push(to.clone());
                }
                known.leader = Some(to);
                Hop::Known
            }
            Some(_) | None => {
                self.avoid(address);
                Hop::Unknown
            }
        }
    }

    /// Sends `message` to `address` and waits for the answer, at most `until`. Asks another next
    /// time if it does not come.
    pub async fn ask(&self, address: &str, message: Bytes, until: Instant) -> Met {
        let met = self.try_ask(address, message, until).await;
        if let Met::NotSent(_) | Met::NoAnswer(_) = met {
            self.avoid(address);
        }
        met
    }

    /// Connects to `address`, or learns why not.
    pub async fn reach(&self, address: &str) -> Result<RpcClient, String> {
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
            LinkState::Down { at, why } if *at >= asked => return Err(why.clone()),
            LinkState::Idle | LinkState::Up(_) | LinkState::Down { .. } => {}
        }
        let limits = ClientLimits {
            frame_bytes_max: FRAME_BYTES_MAX,
            ..ClientLimits::default()
        };
        match RpcClient::connect(address, &self.credentials, limits).await {
            Ok(client) => {
                *state = LinkState::Up(client.clone());
                Ok(client)
            }
            Err(error) => {
                let why = error.to_string();
                *state = LinkState::Down {
                    at: Instant::now(),
                    why: why.clone(),
                };
                Err(why)
            }
        }
    }

    async fn try_ask(&self, address: &str, message: Bytes, until: Instant) -> Met {
        let client = match timeout_at(until, self.reach(address)).await {
            Ok(Ok(client)) => client,
            Ok(Err(why)) => return Met::NotSent(why),
            Err(_) => return Met::NotSent(format!("{address}: no connection in time")),
        };
        let answer = match timeout_at(until, client.call(message)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return lost(address, &error),
            Err(_) => return Met::NoAnswer(format!("{address}: no answer in time")),
        };
        match Response::decode(&answer) {
            Ok(response) => Met::Response(response),
            Err(error) => Met::NoAnswer(format!("{address}: unreadable answer: {error}")),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics under this lock")
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

impl Known {
    fn target_is(&self, address: &str) -> bool {
        match &self.leader {
            Some(leader) => leader == address,
            None => self.addresses[self.next % self.addresses.len()] == address,
        }
    }
}
