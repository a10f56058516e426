//! `kraft status`.

use std::collections::BTreeMap;

use clap::Args;
use kraft_proto::ids::NodeId;
use kraft_proto::output::Role;
use serde_json::{Value, json};

use super::connect::Connect;
use super::output::{Failure, Style, Table, exit, say, tell};
use crate::api::{Candidacy, Link, StatusReport};
use crate::client::{Client, ClientError};
use crate::config::format_bytes;

/// Exit codes: 0 somebody leads; 5 no node answers, or none leads.
#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    connect: Connect,
}

/// One member, where it was asked, and what it says of itself.
struct Asked {
    node: NodeId,
    address: String,
    answer: Result<StatusReport, ClientError>,
}

impl Status {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let client = self.connect.client().await?;
        let asked = ask(&client, &self.connect).await?;
        let reports: Vec<&StatusReport> = asked
            .iter()
            .filter_map(|asked| asked.answer.as_ref().ok())
            .collect();
        let nobody = no_leader(&reports);
        match style {
            Style::Json => say(json!({
                "nodes": asked.iter().map(as_json).collect::<Vec<_>>(),
                "no_leader": nobody,
            })),
            Style::Human => {
                show(&asked);
                if let Some(why) = &nobody {
                    tell(format_args!("kraft: {why}"));
                }
            }
        }
        Ok(match nobody {
            None => exit::DONE,
            Some(_) => exit::NOT_WRITTEN,
        })
    }
}

/// Asks every member at once, each where it is by the last word of a node.
async fn ask(client: &Client, connect: &Connect) -> Result<Vec<Asked>, Failure> {
    let mut members = BTreeMap::new();
    for member in &connect.config()?.members {
        members.insert(member.id, vec![member.clients.to_string()]);
    }
    for (node, address) in client.whereabouts() {
        let known = members.entry(node).or_default();
        known.retain(|other| *other != address);
        known.insert(0, address);
    }
    let mut asking = Vec::new();
    for (node, addresses) in members {
        let client = client.clone();
        asking.push(tokio::spawn(async move {
            let mut addresses = addresses.into_iter();
            let mut address = addresses.next().unwrap_or_default();
            let mut answer = client.status(&address).await;
            for other in addresses {
                if answer.as_ref().is_ok_and(|report| report.node == node) {
                    break;
                }
                if let Ok(report) = client.status(&other).await {
                    (address, answer) = (other, Ok(report));
                }
            }
            Asked {
                node,
                address,
                answer,
            }
        }));
    }
    let mut asked = Vec::new();
    for answer in asking {
        asked.push(
            answer
                .await
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())),
        );
    }
    Ok(asked)
}

/// Why nobody leads, as far as the nodes that answered know; `None` if one of them leads or knows who does.
fn no_leader(reports: &[&StatusReport]) -> Option<String> {
    if reports.is_empty() {
        return Some("no node answers".into());
    }
    if reports.iter().any(|report| report.leader.is_some()) {
        return None;
    }
    let whys: Vec<String> = reports
        .iter()
        .map(|StatusReport { node, candidacy, .. }| match candidacy {
            Some(Candidacy { granted, needed }) if granted < needed => {
                format!("node {node} asks for votes and has {granted} of {needed}")
            }
            Some(Candidacy { .. }) => format!(
                "node {node} asks for votes and has enough, but too few of them by nodes sure to have forgotten \
                 nothing in a power cut"
            ),
            None => format!("node {node} hears no leader"),
        })
        .collect();
    Some(format!("no leader: {}", whys.join("; ")))
}

fn as_json(asked: &Asked) -> Value {
    match &asked.answer {
        Ok(report) => json!({ "node": asked.node, "status": report }),
        Err(error) => json!({ "node": asked.node, "error": error.to_string() }),
    }
}

fn show(asked: &[Asked]) {
    let mut table = Table::new([
        "NODE", "ROLE", "TERM", "COMMIT", "WRITTEN", "SYNCED", "AT RISK", "KEYS", "FSYNCS",
        "CLIENTS",
    ]);
    for Asked {
        node,
        address,
        answer,
    } in asked
    {
        table.row(match answer {
            Ok(report) => [
                report.node.to_string(),
                role(report.role).into(),
                report.term.to_string(),
                report.commit.index.to_string(),
                report.holding.written.to_string(),
                report.holding.synced.to_string(),
                format!(
                    "{} ({})",
                    report.at_risk.entries,
                    format_bytes(report.at_risk.bytes)
                ),
                report.data.entries.to_string(),
                report.disk.fsyncs.to_string(),
                address.clone(),
            ],
            Err(_) => {
                let unknown = || "-".to_owned();
                let mut row = [(); 10].map(|()| unknown());
                row[0] = node.to_string();
                row[1] = "no answer".into();
                row[9] = address.clone();
                row
            }
        });
    }
    say(table);
    for Asked { node, answer, .. } in asked {
        match answer {
            Ok(report) => remarks(report).iter().for_each(say),
            Err(error) => say(format_args!("\nnode {node}: {error}")),
        }
    }
}

/// What the table has no column for: followers that are behind, and warnings.
fn remarks(report: &StatusReport) -> Vec<String> {
    let node = report.node;
    let mut remarks = Vec::new();
    for peer in &report.peers {
        let down = match peer.link {
            Link::Connected => "",
            Link::Down => ", not connected",
        };
        let why = peer.why.as_deref().map(|why| format!(": {why}"));
        if peer.lag_entries > 0 || peer.link == Link::Down || why.is_some() {
            remarks.push(format!(
                "node {} is {} entries, {} ms behind leader {node}{down}{}",
                peer.id,
                peer.lag_entries,
                peer.lag_ms,
                why.unwrap_or_default()
            ));
        }
    }
    if report.unkept.lost + report.unkept.unknown > 0 {
        remarks.push(format!(
            "node {node}: of what it acknowledged early {} writes are lost, and of {} nothing is known \
             any more",
            report.unkept.lost, report.unkept.unknown
        ));
    }
    for warning in &report.warnings {
        remarks.push(format!("node {node}: {warning}"));
    }
    remarks
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}
