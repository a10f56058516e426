//! `kraft digest`.

use std::collections::BTreeMap;

use clap::Args;
use kraft_client::{Client, ClientError};
use kraft_proto::ids::{LogPosition, NodeId};
use kraft_wire::api::DigestReport;
use serde_json::json;

use super::connect::Connect;
use super::output::{Failure, Style, Table, exit};

/// How often all are asked, where writes go on and no two are at the same entry.
const ROUNDS: u32 = 10;

/// Digests after the same entry are the same, or one of the nodes serves wrong data. Nodes compare a digest of what they
/// applied by themselves, too, and `kraft status` shows where they differ. Exit codes: 0 all that could be compared are the
/// same; 5 two differ, or nothing could be compared.
#[derive(Args, Debug)]
pub struct Digest {
    #[command(flatten)]
    connect: Connect,
}

type Answers = BTreeMap<NodeId, Result<DigestReport, ClientError>>;

impl Digest {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let client = self.connect.client().await?;
        let members = client.members().await?.members;
        let members: Vec<_> = (members.into_iter())
            .map(|member| (member.id, member.contact.clients))
            .collect();
        let mut answers = Answers::new();
        for _ in 0..ROUNDS {
            answers = ask(&client, &members).await;
            if verdict(&answers) != Verdict::NotCompared {
                break;
            }
        }
        let verdict = verdict(&answers);
        let reports: Vec<_> = answers
            .values()
            .filter_map(|one| one.as_ref().ok())
            .collect();
        let json = json!({ "digests": reports, "verdict": verdict.word() });
        style.show(&json, words(&answers, verdict));
        Ok(match verdict {
            Verdict::Same => exit::DONE,
            Verdict::Differ | Verdict::NotCompared => exit::NOT_WRITTEN,
        })
    }
}

/// Asks all at once, so that they are at the same entry where nothing is written.
async fn ask(client: &Client, members: &[(NodeId, String)]) -> Answers {
    let asking: Vec<_> = (members.iter().cloned())
        .map(|(node, address)| {
            let client = client.clone();
            tokio::spawn(async move { (node, client.digest(&address).await) })
        })
        .collect();
    let mut answers = Answers::new();
    for one in asking {
        answers.extend(one.await.ok());
    }
    answers
}

/// How digests compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// All after one entry are the same.
    Same,
    /// Two after one entry are not.
    Differ,
    /// No two nodes were at the same entry.
    NotCompared,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differ => "differ",
            Self::NotCompared => "not_compared",
        }
    }
}

fn verdict(answers: &Answers) -> Verdict {
    let mut at: BTreeMap<LogPosition, Vec<&str>> = BTreeMap::new();
    for report in answers.values().flatten() {
        at.entry(report.applied).or_default().push(&report.sha256);
    }
    let compared = at.values().filter(|digests| digests.len() > 1);
    let mut verdict = Verdict::NotCompared;
    for digests in compared {
        match digests.iter().all(|one| *one == digests[0]) {
            true => verdict = Verdict::Same,
            false => return Verdict::Differ,
        }
    }
    verdict
}

fn words(answers: &Answers, verdict: Verdict) -> String {
    let mut table = Table::new(["NODE", "APPLIED", "KEYS", "SHA256"]);
    for (node, answer) in answers {
        table.row(match answer {
            Ok(report) => [
                node.to_string(),
                report.applied.to_string(),
                report.entries.to_string(),
                report.sha256.clone(),
            ],
            Err(error) => [
                node.to_string(),
                String::new(),
                String::new(),
                error.to_string(),
            ],
        });
    }
    let verdict = match verdict {
        Verdict::Same => "Those after the same entry are the same.",
        Verdict::Differ => {
            "Two after the same entry differ: one of those nodes serves wrong data. Stop the one that differs from the others."
        }
        Verdict::NotCompared => {
            "No two nodes were at the same entry, so nothing was compared: writes go on. Ask again, or see what `kraft \
             status` warns of."
        }
    };
    format!("{table}\n{verdict}")
}
