//! `kraft status`.

use clap::Args;
use kraft_proto::output::Role;
use serde_json::{Value, json};

use super::connect::Connect;
use super::output::{Failure, Style, Table, exit, say};
use crate::api::{Link, StatusReport};
use crate::cert::Credentials;
use crate::client::{Client, ClientError, Settings};
use crate::config::{MemberConfig, format_bytes};

#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    connect: Connect,
}

/// One member, and what it says of itself.
type Asked<'a> = (&'a MemberConfig, Result<StatusReport, ClientError>);

impl Status {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let config = self.connect.config()?;
        let tls = &config.tls;
        let credentials = Credentials::load(&tls.cert, &tls.key, &tls.ca)?;
        let addresses = config.members.iter().map(|member| member.clients.as_str());
        let settings = Settings::default();
        let settings = Settings {
            deadline: settings.patience_read,
            ..settings
        };
        let client = Client::new(addresses, credentials, settings)?;
        let mut asking = Vec::new();
        for member in &config.members {
            let (client, address) = (client.clone(), member.clients.to_string());
            asking.push(tokio::spawn(async move { client.status(&address).await }));
        }
        let mut asked: Vec<Asked<'_>> = Vec::new();
        for (member, answer) in config.members.iter().zip(asking) {
            let answer = answer
                .await
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            asked.push((member, answer));
        }
        match style {
            Style::Json => say(json!({
                "nodes": asked.iter().map(as_json).collect::<Vec<_>>(),
            })),
            Style::Human => show(&asked),
        }
        Ok(match asked.iter().any(|(_, answer)| answer.is_ok()) {
            true => exit::DONE,
            false => exit::NOT_WRITTEN,
        })
    }
}

fn as_json((member, answer): &Asked<'_>) -> Value {
    match answer {
        Ok(report) => json!({ "node": member.id, "status": report }),
        Err(error) => json!({ "node": member.id, "error": error.to_string() }),
    }
}

fn show(asked: &[Asked<'_>]) {
    let mut table = Table::new([
        "NODE", "ROLE", "TERM", "COMMIT", "WRITTEN", "SYNCED", "AT RISK", "KEYS", "FSYNCS",
        "CLIENTS",
    ]);
    for (member, answer) in asked {
        let address = member.clients.to_string();
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
                address,
            ],
            Err(_) => {
                let unknown = || "-".to_owned();
                let mut row = [(); 10].map(|()| unknown());
                row[0] = member.id.to_string();
                row[1] = "no answer".into();
                row[9] = address;
                row
            }
        });
    }
    say(table);
    for (member, answer) in asked {
        match answer {
            Ok(report) => remarks(report).iter().for_each(say),
            Err(error) => say(format_args!("\nnode {}: {error}", member.id)),
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
