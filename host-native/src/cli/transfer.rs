//! `kraft transfer`.

use clap::Args;
use kraft_proto::ids::NodeId;

use super::connect::Connect;
use super::output::{Failure, Style, exit};

#[derive(Args, Debug)]
pub struct Transfer {
    /// The member to lead; unless given, the one that could take over soonest
    #[arg(value_name = "NODE")]
    node: Option<u64>,
    #[command(flatten)]
    connect: Connect,
}

impl Transfer {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let client = self.connect.client().await?;
        let leads = client.transfer(self.node.map(NodeId)).await?;
        let words = format!("node {} leads term {}", leads.leader, leads.term);
        style.show(&leads, words);
        Ok(exit::DONE)
    }
}
