//! `kraft recover`.

use std::path::PathBuf;

use clap::Args;
use kraft_proto::{HardState, Incarnation, NodeId, Trust};
use kraft_storage::{Boot, Opened, RealFs};
use serde_json::json;

use super::output::{Failure, Style, exit};
use crate::config::Layers;
use crate::node;

/// Where a node's configuration is looked for when none is named.
const USUAL_PLACE: &str = "kraft.toml";

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
