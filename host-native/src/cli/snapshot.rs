//! `kraft snapshot`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use kraft_client::{Client, ClientError};
use kraft_proto::Members;
use kraft_proto::ids::NodeId;
use kraft_wire::api::SnapshotOffer;
use serde_json::json;

use super::connect::Connect;
use super::output::{Failure, Style, exit};
use crate::config::format_bytes;
use crate::kv::Kv;
use crate::node::backup::{self, Inspection};

/// How long it is waited for that a node makes a snapshot.
const MADE_WITHIN: Duration = Duration::from_secs(60 * 60);

/// How often a piece that did not come is asked for again.
const TRIES: u32 = 5;

/// How long between two of those.
const PAUSE: Duration = Duration::from_secs(1);

/// A snapshot is the state of the cluster after one entry, in one file that is checked to its last byte.
#[derive(Args, Debug)]
pub struct Snapshot {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Save the state of a node that serves, as a backup
    Save(Save),
    /// Verify a backup, and show what is in it
    Inspect {
        /// The file
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
struct Save {
    /// Where to write it; must not exist
    file: PathBuf,
    /// The member to read from; one that does not lead, if there is one, unless given
    #[arg(long, value_name = "ID")]
    node: Option<u64>,
    #[command(flatten)]
    connect: Connect,
}

impl Snapshot {
    pub async fn run(self, style: Style) -> Result<u8, Failure> {
        let (file, inspection, saved) = match self.what {
            What::Save(save) => {
                let offer = save.run().await?;
                let inspection = inspect(&save.file)?;
                (save.file, inspection, Some(offer.node))
            }
            What::Inspect { file } => (file.clone(), inspect(&file)?, None),
        };
        let members: Vec<u64> = inspection.members.iter().map(|one| one.id.0).collect();
        let json = json!({
            "file": file,
            "saved_from": saved,
            "cluster": inspection.cluster.to_string(),
            "last": { "term": inspection.last.term, "index": inspection.last.index },
            "bytes": inspection.bytes,
            "sha256": inspection.digest.to_string(),
            "members": members,
            "keys": inspection.size.entries,
            "data_bytes": inspection.size.bytes,
            "sessions": inspection.sessions,
        });
        style.show(&json, words(&file, &inspection, saved));
        Ok(exit::DONE)
    }
}

impl Save {
    async fn run(&self) -> Result<SnapshotOffer, Failure> {
        let file = &self.file;
        if file.exists() {
            return Err(Failure::usage(format_args!(
                "{} is there already. Nothing was saved: name another file",
                file.display()
            )));
        }
        let client = self.connect.client().await?;
        let address = self.address(&client).await?;
        let draft = draft_of(file);
        let saved = save(&client, &address, &draft).await;
        let renamed = saved.and_then(|offer| {
            inspect(&draft)?;
            fs::rename(&draft, file).map_err(|error| unwritten(file, &error))?;
            sync_folder(file).map_err(|error| unwritten(file, &error))?;
            Ok(offer)
        });
        if renamed.is_err() {
            // The first error is the one that matters.
            let _ = fs::remove_file(&draft);
        }
        renamed
    }

    /// Where the node is that is read from.
    async fn address(&self, client: &Client) -> Result<String, Failure> {
        let report = client.members().await?;
        let unknown = |node: NodeId| {
            Failure::usage(format_args!(
                "there is no member {node} whose address is known; nothing was saved"
            ))
        };
        let at = |node: NodeId| {
            let member = report.members.iter().find(|member| member.id == node);
            let clients = member.map(|member| member.contact.clients.clone());
            clients.filter(|clients| !clients.is_empty())
        };
        if let Some(node) = self.node.map(NodeId) {
            return at(node).ok_or_else(|| unknown(node));
        }
        let others = report.members.iter().map(|member| member.id);
        for node in others.filter(|id| *id != report.node) {
            if let Some(address) = at(node)
                && client.status(&address).await.is_ok()
            {
                return Ok(address);
            }
        }
        at(report.node).ok_or_else(|| unknown(report.node))
    }
}

/// Writes a node's snapshot to a file, whole and forced.
async fn save(client: &Client, address: &str, file: &Path) -> Result<SnapshotOffer, Failure> {
    let offer = client.snapshot(address, MADE_WITHIN).await?;
    let written = |error: io::Error| unwritten(file, &error);
    let mut to = File::create(file).map_err(written)?;
    let mut offset = 0;
    while offset < offer.bytes {
        let piece = piece(client, address, &offer, offset).await?;
        if piece.is_empty() {
            return Err(Failure::refused(format_args!(
                "the snapshot of node {} ends at byte {offset} and not at {}. Nothing was saved",
                offer.node, offer.bytes
            )));
        }
        to.write_all(&piece).map_err(written)?;
        offset += piece.len() as u64;
    }
    to.sync_all().map_err(written)?;
    Ok(offer)
}

/// A piece; one that does not come, as its node is started again, is asked for some more times.
async fn piece(
    client: &Client,
    address: &str,
    offer: &SnapshotOffer,
    offset: u64,
) -> Result<Vec<u8>, Failure> {
    let mut tries = 1;
    loop {
        match client.snapshot_piece(address, offer.last, offset).await {
            Err(ClientError::NotRead { .. }) if tries < TRIES => tries += 1,
            ended => return Ok(ended?),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks into a backup of the key-value store.
fn inspect(file: &Path) -> Result<Inspection, Failure> {
    backup::inspect::<Kv>(file).map_err(|error| {
        Failure::refused(format_args!(
            "{error}. Nothing of it is to be believed: take another backup"
        ))
    })
}

fn draft_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn unwritten(file: &Path, error: &io::Error) -> Failure {
    Failure::refused(format_args!(
        "cannot write {}: {error}. Nothing was saved",
        file.display()
    ))
}

fn words(file: &Path, inspection: &Inspection, saved: Option<NodeId>) -> String {
    let from = saved.map_or(String::new(), |node| format!(" from node {node}"));
    format!(
        "{}{from}: verified, {}, sha256 {}\n\
         cluster {} after entry {}, members {}\n\
         {}, {} of keys and values, {}",
        file.display(),
        format_bytes(inspection.bytes),
        inspection.digest,
        inspection.cluster,
        inspection.last,
        members(&inspection.members),
        counted(inspection.size.entries, "key"),
        format_bytes(inspection.size.bytes),
        counted(inspection.sessions, "session"),
    )
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn members(members: &Members) -> String {
    let ids: Vec<String> = members.iter().map(|one| one.id.to_string()).collect();
    ids.join(", ")
}
