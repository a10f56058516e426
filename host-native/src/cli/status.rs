//! `kraft status`.

use std::collections::BTreeMap;

use clap::Args;
use kraft_client::{Client, ClientError};
use kraft_proto::ids::NodeId;
use kraft_proto::output::Role;
use kraft_wire::api::{Candidacy, Link, PeerStatus, StatusReport};
use serde_json::{Value, json};

use super::connect::Connect;
use super::output::{Failure, Style, Table, exit, say, tell};
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
    Ok(without_strangers(asked))
}

/// Leaves out those that the file names, that do not answer, and that are no members any more by whoever knows most.
fn without_strangers(mut asked: Vec<Asked>) -> Vec<Asked> {
    let reports = asked.iter().filter_map(|asked| asked.answer.as_ref().ok());
    let newest = reports.max_by_key(|report| report.commit);
    let members = newest.map(|report| report.members.clone());
    if let Some(members) = members {
        let is_member = |node| members.iter().any(|member| member.id == node);
        asked.retain(|asked| asked.answer.is_ok() || is_member(asked.node));
    }
    asked
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
        "NODE", "ROLE", "TERM", "COMMIT", "WRITTEN", "SYNCED", "AT RISK", "KEYS", "SNAPSHOT",
        "FSYNCS", "CLIENTS",
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
                report.watermarks.written.to_string(),
                report.watermarks.synced.to_string(),
                format!(
                    "{} ({})",
                    report.at_risk.entries,
                    format_bytes(report.at_risk.bytes)
                ),
                report.data.entries.to_string(),
                report
                    .snapshot
                    .map_or("-".into(), |snapshot| snapshot.last.index.to_string()),
                report.disk.fsyncs.to_string(),
                address.clone(),
            ],
            Err(_) => {
                let unknown = || "-".to_owned();
                let mut row = [(); 11].map(|()| unknown());
                row[0] = node.to_string();
                row[1] = "no answer".into();
                row[10] = address.clone();
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
    remarks.extend(report.peers.iter().filter_map(|peer| of_peer(node, peer)));
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

/// What there is to say of a follower. What its leader does not know is said to be unknown.
fn of_peer(leader: NodeId, peer: &PeerStatus) -> Option<String> {
    let id = peer.id;
    let silent = peer.silent_ms / 1000;
    let state = match (peer.lag_entries, peer.heard_ms) {
        (Some(0), _) if peer.link == Link::Connected && peer.why.is_none() => return None,
        (Some(entries), _) => {
            let for_long = peer.lag_ms.map(|ms| format!(", {ms} ms"));
            let for_long = for_long.unwrap_or_default();
            format!("node {id} is {entries} entries{for_long} behind leader {leader}")
        }
        (None, None) => format!(
            "node {id} has not been heard since node {leader} leads ({silent} s), and what it holds is not \
             known"
        ),
        (None, Some(_)) => {
            format!("node {id} has not told leader {leader} what it holds ({silent} s)")
        }
    };
    Some(match (&peer.why, peer.link) {
        (Some(why), _) => format!("{state}: {why}"),
        (None, Link::Down) => format!("{state}, not connected"),
        (None, Link::Connected) => state,
    })
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::{PeerState, Watermarks};

    use super::*;

    fn peer() -> PeerStatus {
        PeerStatus {
            id: NodeId(4),
            link: Link::Connected,
            state: PeerState::Probe,
            heard_ms: None,
            watermarks: None,
            lag_entries: None,
            lag_ms: None,
            silent_ms: 12_345,
            why: None,
        }
    }

    fn said(peer: &PeerStatus) -> String {
        of_peer(NodeId(2), peer).unwrap_or_default()
    }

    #[test]
    fn of_a_node_that_was_not_heard_no_number_of_entries_is_said() {
        let down = PeerStatus {
            link: Link::Down,
            why: Some("no connection".into()),
            ..peer()
        };
        assert_eq!(
            said(&down),
            "node 4 has not been heard since node 2 leads (12 s), and what it holds is not known: \
             no connection"
        );
        let heard = PeerStatus {
            heard_ms: Some(20),
            ..peer()
        };
        assert_eq!(
            said(&heard),
            "node 4 has not told leader 2 what it holds (12 s)"
        );
    }

    #[test]
    fn of_one_that_was_heard_it_is_said_how_far_it_is_behind() {
        let behind = PeerStatus {
            heard_ms: Some(20),
            watermarks: Some(Watermarks::default()),
            lag_entries: Some(3004),
            lag_ms: Some(40),
            ..peer()
        };
        assert_eq!(
            said(&behind),
            "node 4 is 3004 entries, 40 ms behind leader 2"
        );
        let level = PeerStatus {
            lag_entries: Some(0),
            lag_ms: Some(0),
            ..behind
        };
        assert_eq!(said(&level), "");
        let down = PeerStatus {
            link: Link::Down,
            ..level
        };
        assert_eq!(
            said(&down),
            "node 4 is 0 entries, 0 ms behind leader 2, not connected"
        );
    }
}
