//! `kraft recover`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kraft_client::{Client, Settings};
use kraft_proto::{HardState, Incarnation, LogPosition, NodeId, Trust};
use kraft_storage::{Boot, Opened, RealFs};
use kraft_wire::cert::Credentials;
use serde_json::json;

use super::output::{Failure, Style, exit};
use crate::config::{Config, Layers};
use crate::kv::Kv;
use crate::node;
use crate::node::survivor::Survivor;

/// Where a node's configuration is looked for when none is named.
const USUAL_PLACE: &str = "kraft.toml";

/// How long former members are given to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The node must not be running.
#[derive(Args, Debug)]
pub struct Recover {
    /// The node's configuration
    #[arg(long, short, env = "KRAFT_CONFIG", value_name = "FILE", default_value = USUAL_PLACE)]
    config: PathBuf,
    /// Let the node vote again as if it had forgotten nothing. Acknowledged writes that only it and
    /// nodes that stay away still held are then gone
    #[arg(long)]
    accept_data_loss: bool,
    /// A majority of the disks is gone for good, and this one is left: say what would be lost if the cluster went on from it
    /// alone, and with --accept-data-loss have it go on
    #[arg(long, conflicts_with = "only_copy")]
    from_survivor: bool,
    /// With --from-survivor: go on although other members answer. They are another cluster from then on
    #[arg(long, requires = "from_survivor")]
    others_stay_away: bool,
    /// Let a copy of a data directory run that was told of the other: the other must be gone for good
    #[arg(long)]
    only_copy: bool,
}

/// Whether a store may have forgotten copies that somebody relied on.
fn is_suspect(opened: &Opened) -> bool {
    match opened.hard_state.trust {
        Trust::Clean => false,
        Trust::Dirty => opened.boot != Boot::Same,
        Trust::Suspect => true,
    }
}

impl Recover {
    pub fn run(self, style: Style) -> Result<u8, Failure> {
        let config = Layers::new()
            .file(&self.config)?
            .process_environment()
            .config()?;
        let (node, cluster) = config.check_server()?;
        let options = kraft_storage::Options {
            expect: node::expected(&config, cluster, node),
            ..kraft_storage::Options::default()
        };
        let opened = kraft_storage::open(&config.data_dir, RealFs::shared(), &options)
            .map_err(|error| Failure::refused(error.to_string()))?;
        if self.from_survivor {
            let survivor = Survivor::look::<Kv>(&config, node, opened)
                .map_err(|error| Failure::refused(error.to_string()))?;
            return self.go_on_from(survivor, node, &config, style);
        }
        if let Some(by) = opened.hard_state.superseded {
            return self.take_the_place_of(by, node, opened, style);
        }
        if !is_suspect(&opened) {
            let words = format!(
                "Node {node} has forgotten nothing that anybody relied on. Nothing was changed."
            );
            style.show(&json!({"node": node, "suspect": false}), words);
            return Ok(exit::DONE);
        }
        if !self.accept_data_loss {
            return Err(Failure::refused(stakes(node)));
        }
        trust_again(opened).map_err(|error| {
            Failure::refused(format_args!("{error}. The node is as suspect as it was"))
        })?;
        let words = format!(
            "Node {node} votes in full again. Start it with `kraft server`, on this boot of the \
             machine: after another power cut it is suspect again."
        );
        style.show(
            &json!({"node": node, "suspect": false, "accepted_data_loss": true}),
            words,
        );
        Ok(exit::DONE)
    }
}

impl Recover {
    /// Lets a copy of the store whose start `by` ran elsewhere start again, as a suspect.
    fn take_the_place_of(
        self,
        by: Incarnation,
        node: NodeId,
        opened: Opened,
        style: Style,
    ) -> Result<u8, Failure> {
        if !self.only_copy {
            return Err(Failure::refused(format!(
                "this data directory of node {node} is a copy of one that ran as start {by}. Nothing was \
                 changed. Run the other one, and format this one anew; or if the other is gone for good, \
                 --only-copy lets this one take its place"
            )));
        }
        let mut store = opened.store;
        let lifted = store.save_hard_state(opened.hard_state.reclaimed());
        lifted.and_then(|()| store.close()).map_err(|error| {
            Failure::refused(format_args!("{error}. The node starts no more than before"))
        })?;
        let words = format!(
            "Node {node} starts again with `kraft server`, in place of the other copy: its votes count in \
             full once a leader has brought it up to date."
        );
        style.show(
            &json!({"node": node, "suspect": true, "only_copy": true}),
            words,
        );
        Ok(exit::DONE)
    }
}

impl Recover {
    /// Has the cluster go on from this node alone.
    fn go_on_from(
        &self,
        survivor: Survivor,
        node: NodeId,
        config: &Config,
        style: Style,
    ) -> Result<u8, Failure> {
        let answering = answering(&survivor, config)?;
        if !answering.is_empty() && !self.others_stay_away {
            let ids: Vec<String> = answering.iter().map(NodeId::to_string).collect();
            return Err(Failure::refused(format!(
                "of the other members {} answers. Nothing was changed. Where a majority of the members has its disks, the \
                 cluster recovers by itself: start them. Where it has not, stop those that are left: what this node goes \
                 on from is another cluster than theirs",
                ids.join(", ")
            )));
        }
        let (last, committed) = (survivor.last(), survivor.committed());
        let members: Vec<String> = (survivor.members().iter())
            .map(|member| member.id.to_string())
            .collect();
        let known = match committed {
            LogPosition::ZERO => "knows of no entry that it was committed".to_owned(),
            _ => format!("knows of the entries through {committed} that they were committed"),
        };
        let stakes = format!(
            "Node {node} is one of the members {}. It has the log through {last}, and {known}. All of it counts as \
             committed then; some of it may never have been acknowledged. What the others acknowledged and this node does \
             not have is lost: everything behind {last}, whatever its class, and no position tells how much that is.",
            members.join(", ")
        );
        if !self.accept_data_loss {
            return Err(Failure::refused(format!(
                "{stakes} Nothing was changed: to go on like this, add --accept-data-loss"
            )));
        }
        let epoch = survivor.found_anew().map_err(|error| {
            Failure::refused(format_args!(
                "{error}. The node may be of a higher epoch by now; see to the disk, then give the same command again"
            ))
        })?;
        let words = format!(
            "{stakes}\n\nThe cluster was founded anew, as epoch {epoch}, with node {node} alone. Start it with `kraft \
             server`, and have other machines join with `kraft join`. Former members are refused: give their machines \
             numbers and folders of their own."
        );
        let position = |at: LogPosition| json!({"term": at.term, "index": at.index});
        let json = json!({
            "node": node,
            "epoch": epoch,
            "last": position(last),
            "committed": position(committed),
        });
        style.show(&json, words);
        Ok(exit::DONE)
    }
}

/// Other members that answer, by the certificate of this node.
fn answering(survivor: &Survivor, config: &Config) -> Result<Vec<NodeId>, Failure> {
    let tls = &config.tls;
    let credentials = Credentials::load(&tls.cert, &tls.key, &tls.ca)
        .map_err(|error| Failure::refused(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        Failure::refused(format_args!("cannot look for the other members: {error}"))
    })?;
    runtime.block_on(async {
        let mut asked = Vec::new();
        for (id, contacts) in survivor.others() {
            let addresses = contacts.iter().map(|contact| contact.clients.clone());
            let addresses: Vec<String> = addresses.filter(|at| !at.is_empty()).collect();
            let settings = Settings {
                deadline: ANSWERS_WITHIN,
                ..Settings::default()
            };
            let Ok(client) = Client::new(addresses, credentials.clone(), settings) else {
                continue;
            };
            let id = *id;
            asked.push(tokio::spawn(async move {
                client.reach_one().await.is_ok().then_some(id)
            }));
        }
        let mut answering = Vec::new();
        for one in asked {
            answering.extend(one.await.ok().flatten());
        }
        Ok(answering)
    })
}

/// Marks the store dirty, not clean: what it took while it was suspect may not have been forced
/// everywhere.
fn trust_again(opened: Opened) -> Result<(), kraft_storage::DiskError> {
    let mut store = opened.store;
    store.save_hard_state(HardState {
        trust: Trust::Dirty,
        ..opened.hard_state
    })?;
    store.close()
}

fn stakes(node: NodeId) -> String {
    format!(
        "node {node} may have forgotten writes in a power cut that were acknowledged while they were \
         merely written. Nothing was changed. It recovers them by itself as soon as a leader can be \
         elected without it, or every voter is back: prefer to start the other nodes. If those that \
         are missing will never come back, --accept-data-loss on each node that is left lets them \
         elect a leader; acknowledged writes that only the missing nodes held are then gone"
    )
}
