//! `kraft member`.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use kraft_client::{Client, ClientError};
use kraft_proto::ids::{NodeId, StoreId};
use kraft_wire::api::{
    Care, ChangeMembers, Contact, MemberReport, MembersChange, MembersReport, RequestRefusal,
    Voting,
};

use super::connect::Connect;
use super::options::duration;
use super::output::{Failure, Style, Table, exit, tell};
use crate::setup::Place;

/// How often it is asked again whether a node has caught up.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long it is waited for that a node catches up, unless it is told.
const CATCH_UP: Duration = Duration::from_secs(60);

/// A change is answered once it is committed. Run it again whenever the answer did not come: what was done is not done
/// twice.
#[derive(Args, Debug)]
pub struct Member {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show who is in the cluster, and where
    List {
        #[command(flatten)]
        connect: Connect,
    },
    /// Have a node receive the log, without a vote; `kraft join` does this too
    Add(Add),
    /// Have members that receive the log vote, once they have caught up
    Promote(Promote),
    /// Have members leave; they are told, and stop
    Remove(Remove),
    /// Have a member that receives the log vote in the place of another, once it has caught up
    Replace(Replace),
    /// Say where a member is, or is going to be
    Move(Move),
}

#[derive(Args, Debug)]
struct Add {
    /// Its number
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    node: u64,
    #[command(flatten)]
    place: Whereabouts,
    /// The store it was formatted with, as `kraft join` said it; the first that answers is believed unless given
    #[arg(long, value_name = "HEX", value_parser = store)]
    store: Option<StoreId>,
    /// The voter whose place it takes once it has caught up
    #[arg(long, value_name = "NODE")]
    replace: Option<u64>,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
struct Whereabouts {
    /// Where the others reach it, HOST or HOST:PORT: peers at that port, clients at the next; 7001 and 7002 unless given
    #[arg(long, value_name = "HOST")]
    host: String,
}

#[derive(Args, Debug)]
struct Promote {
    /// Which
    #[arg(required = true)]
    nodes: Vec<u64>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
struct Remove {
    /// Which
    #[arg(required = true)]
    nodes: Vec<u64>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
struct Replace {
    /// Who leaves
    old: u64,
    /// Who votes in its place
    new: u64,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
struct Move {
    /// Which
    node: u64,
    #[command(flatten)]
    place: Whereabouts,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Args, Debug)]
struct Patience {
    /// How long to wait for a node to catch up, such as 30s or 10m; 60s unless given
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
}

#[derive(Args, Debug)]
struct Force {
    /// Make the change although the cluster is weaker by it, wherever Raft allows it
    #[arg(long)]
    force: bool,
}

impl Force {
    const fn care(&self) -> Care {
        match self.force {
            true => Care::Force,
            false => Care::Refuse,
        }
    }
}

impl Whereabouts {
    fn contact(&self) -> Result<Contact, Failure> {
        contact_at(&self.host).map(|(contact, _)| contact)
    }
}

/// Where a node at `--host HOST` is, and what it listens at.
pub(super) fn contact_at(host: &str) -> Result<(Contact, Place), Failure> {
    let place = Place::host(host)
        .map_err(|why| Failure::usage(format_args!("--host {host}: {why}. Nothing was done")))?;
    let contact = Contact {
        peers: place.peers.to_string(),
        clients: place.clients.to_string(),
    };
    Ok((contact, place))
}

fn store(hex: &str) -> Result<StoreId, String> {
    let read = u64::from_str_radix(hex, 16);
    read.map(StoreId)
        .map_err(|_| "up to 16 hexadecimal digits, as `kraft join` said it".into())
}

fn ids(nodes: &[u64]) -> Vec<NodeId> {
    nodes.iter().copied().map(NodeId).collect()
}

impl Member {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let report = match self.what {
            What::List { connect } => connect.client().await?.members().await?,
            What::Add(add) => {
                let change = MembersChange::Add {
                    node: NodeId(add.node),
                    store: add.store.unwrap_or(StoreId::ANY),
                    contact: add.place.contact()?,
                    replaces: add.replace.map(NodeId),
                };
                ask(&add.connect, change, Care::Refuse).await?
            }
            What::Promote(promote) => {
                let nodes = ids(&promote.nodes);
                let change = MembersChange::Promote { nodes };
                let asked = ChangeMembers {
                    change,
                    care: promote.force.care(),
                };
                let client = promote.connect.client().await?;
                once_caught_up(&client, asked, &promote.patience, style).await?
            }
            What::Remove(remove) => {
                let nodes = ids(&remove.nodes);
                let client = remove.connect.client().await?;
                let before = client.members().await?;
                let is_member = |id| before.members.iter().any(|member| member.id == id);
                if let Some(stranger) = nodes.iter().find(|id| !is_member(**id)) {
                    return Err(Failure::refused(format_args!(
                        "node {stranger} is no member of this cluster, nothing was changed: see `kraft member list`"
                    )));
                }
                let care = remove.force.care();
                let change = MembersChange::Remove { nodes };
                client
                    .change_members(ChangeMembers { change, care })
                    .await?
            }
            What::Replace(replace) => {
                let (old, new) = (NodeId(replace.old), NodeId(replace.new));
                let asked = ChangeMembers {
                    change: MembersChange::Replace { old, new },
                    care: replace.force.care(),
                };
                let client = replace.connect.client().await?;
                once_caught_up(&client, asked, &replace.patience, style).await?
            }
            What::Move(to) => {
                let change = MembersChange::Move {
                    node: NodeId(to.node),
                    contact: to.place.contact()?,
                };
                ask(&to.connect, change, Care::Refuse).await?
            }
        };
        style.show(&report, words(&report));
        Ok(exit::DONE)
    }
}

async fn ask(
    connect: &Connect,
    change: MembersChange,
    care: Care,
) -> Result<MembersReport, Failure> {
    let client = connect.client().await?;
    Ok(client
        .change_members(ChangeMembers { change, care })
        .await?)
}

/// Asks until the node has caught up, and shows how far it is.
async fn once_caught_up(
    client: &Client,
    asked: ChangeMembers,
    patience: &Patience,
    style: Style,
) -> Result<MembersReport, Failure> {
    let end = Instant::now() + patience.wait.unwrap_or(CATCH_UP);
    let mut shown = None;
    loop {
        match client.change_members(asked.clone()).await {
            Err(ClientError::Refused(
                refusal @ RequestRefusal::NotCaughtUp { node, lag_entries },
            )) => {
                if Instant::now() >= end {
                    return Err(ClientError::Refused(refusal).into());
                }
                if style == Style::Human && shown.replace(lag_entries) != Some(lag_entries) {
                    match lag_entries {
                        Some(entries) => tell(format_args!("node {node} lacks {entries} entries")),
                        None => tell(format_args!("node {node} has not been heard yet")),
                    }
                }
            }
            ended => return Ok(ended?),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The members as a table.
pub(super) fn words(report: &MembersReport) -> String {
    let is_member = |id| report.members.iter().any(|member| member.id == id);
    let mut table = Table::new(["NODE", "", "PEERS", "CLIENTS", "STORE", "LACKS", ""]);
    for member in &report.members {
        table.row([
            member.id.to_string(),
            voting(member),
            known(&member.contact.peers),
            known(&member.contact.clients),
            format!("{:016x}", member.store.0),
            member
                .lag_entries
                .map_or(String::new(), |entries| entries.to_string()),
            match member.replaces {
                Some(old) if is_member(old) => format!("is to replace node {old}"),
                _ => String::new(),
            },
        ]);
    }
    let state = match report.settled {
        true => String::new(),
        false => ", a change on its way".into(),
    };
    format!(
        "{table}\nCluster {}, by node {}: the configuration of entry {}{state}.",
        report.cluster, report.node, report.at
    )
}

fn voting(member: &MemberReport) -> String {
    match member.voting {
        Voting::Voter => "voter",
        Voting::Learner => "learner",
    }
    .into()
}

fn known(address: &str) -> String {
    match address.is_empty() {
        true => "unknown".into(),
        false => address.into(),
    }
}
