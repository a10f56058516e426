//! `kraft fate`.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use kraft_proto::ids::{LogIndex, LogPosition, NodeId, Term};
use kraft_proto::output::Fate as Became;

use super::connect::Connect;
use super::options::duration;
pub(super) use super::output::exit;
use kraft_wire::api::FateReport;

use super::output::{Failure, Style};
use crate::glyph::Glyph;

#[derive(Args, Debug)]
pub struct Fate {
    /// The write's position as its answer gave it: TERM.INDEX
    position: Position,
    /// Ask this member; whichever answers first unless given
    #[arg(long, value_name = "ID")]
    node: Option<u64>,
    /// Wait until it is decided, so long at most, such as 500ms or 5s
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "node")]
    wait: Option<Duration>,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Position(pub(super) LogPosition);

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let parse = || {
            let (term, index) = text.split_once('.')?;
            let (term, index): (u64, u64) = (term.parse().ok()?, index.parse().ok()?);
            // The place before the first entry, which is none.
            if term == 0 || index == 0 {
                return None;
            }
            Some(Self(LogPosition::new(Term(term), LogIndex(index))))
        };
        parse().ok_or("use TERM.INDEX, such as 3.1042; both start at 1")
    }
}

impl Fate {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let Position(position) = self.position;
        let client = self.connect.client().await?;
        let node = self.node.map(NodeId);
        let address = node.map(|node| self.connect.address_of(&client, node));
        let address = address.transpose()?;
        let report = match (address, self.wait) {
            (Some(address), _) => client.fate_of(&address, position).await?,
            (None, Some(patience)) => client.await_commit(position, patience).await?,
            (None, None) => client.fate(position).await?,
        };
        style.show(&report, words(&report));
        Ok(exit_code(&report))
    }
}

/// The code to end with.
pub(super) fn exit_code(report: &FateReport) -> u8 {
    match report.fate {
        Became::Committed => exit::DONE,
        Became::Pending => exit::TIMED_OUT,
        Became::Lost => exit::NOT_WRITTEN,
        Became::Unknown => exit::OUTCOME_UNKNOWN,
    }
}

/// What became of it, for people.
pub(super) fn words(report: &FateReport) -> String {
    let FateReport {
        position,
        fate,
        node,
        commit,
        voters,
    } = report;
    let voters = usize::from(*voters);
    let said = match fate {
        Became::Committed => "committed: on the disks of a majority".to_owned(),
        Became::Pending => {
            format!("not decided yet: node {node} knows of commits through {commit}; ask again")
        }
        Became::Lost => {
            "lost: other entries are committed in its place; write it again if it still matters"
                .to_owned()
        }
        Became::Unknown => format!(
            "unknown: node {node} has forgotten the history that would tell; ask another with \
             --node, or read the key"
        ),
    };
    match fate {
        Became::Committed => format!("{position}: {said}  {}", Glyph::committed(voters)),
        Became::Lost => format!("{position}: {said}  {}", Glyph::lost(voters)),
        Became::Pending | Became::Unknown => format!("{position}: {said}"),
    }
}
