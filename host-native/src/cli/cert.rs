//! `kraft cert`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use humantime::format_rfc3339_seconds;
use kraft_proto::ids::NodeId;
use kraft_wire::cert::{
    CA_CERTIFICATE_FILE, CertificateInfo, ClientName, ClusterCa, Credentials, Owner, Role,
    usual_validity,
};
use serde_json::{Value, json};

use super::output::{Failure, Style, Table, exit, say};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Days a certificate may be asked to hold, at most: a hundred years.
const DAYS_MAX: i64 = 36_525;

/// The cluster's authority is needed to issue and to renew: keep it in one safe place, and copy what it makes.
#[derive(Args, Debug)]
pub struct Cert {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a certificate and its key, for a node or a client
    Issue(Issue),
    /// Make certificates anew in their places: the same owners and keys, another term
    Renew(Renew),
    /// Show the certificates in a folder, and how long each holds
    List(List),
    /// Show what certificates say
    Show(Show),
}

#[derive(Args, Debug)]
struct Issue {
    #[command(subcommand)]
    whom: Whom,
}

#[derive(Debug, Subcommand)]
enum Whom {
    /// For a node, into a folder of its own: certificate, key, and the authority's certificate
    Node {
        /// Its number
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        id: u64,
        #[command(flatten)]
        how: How,
    },
    /// For a client, beside the authority
    Client {
        /// Its name: a-z, A-Z, 0-9, `.`, `_` and `-`
        name: ClientName,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Args, Debug)]
struct How {
    #[command(flatten)]
    term: Term,
    /// Where to put it; a client's into the authority's folder, a node's into node-ID there unless given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Term {
    /// The folder with the authority: ca.pem and ca.key
    #[arg(long, value_name = "DIR", default_value = "kraft")]
    ca: PathBuf,
    /// Days to hold; ten years, and for each node a few weeks less than for the one before, unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    days: Option<u32>,
}

#[derive(Args, Debug)]
struct Renew {
    /// Certificates, or folders: then every certificate in them and in their node-* folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    term: Term,
}

#[derive(Args, Debug)]
struct List {
    /// The folder; its node-* folders are looked into too
    #[arg(default_value = "kraft")]
    dir: PathBuf,
}

#[derive(Args, Debug)]
struct Show {
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Cert {
    pub fn run(self, style: Style) -> Result<u8, Failure> {
        match self.what {
            What::Issue(issue) => issue.run(style),
            What::Renew(renew) => renew.run(style),
            What::List(list) => list.run(style),
            What::Show(show) => show.run(style),
        }
    }
}

impl Term {
    fn valid(&self) -> Option<Duration> {
        self.days.map(|days| DAY * days)
    }
}

impl Issue {
    fn run(self, style: Style) -> Result<u8, Failure> {
        let (role, how) = match self.whom {
            Whom::Node { id, how } => (Role::Node(NodeId(id)), how),
            Whom::Client { name, how } => (Role::Client(name), how),
        };
        let ca = ClusterCa::load(&how.term.ca)?;
        let out = how.out.unwrap_or_else(|| match &role {
            Role::Node(id) => how.term.ca.join(format!("node-{id}")),
            Role::Client(_) => how.term.ca.clone(),
        });
        fs::create_dir_all(&out).map_err(|error| {
            Failure::refused(format_args!(
                "cannot make {}: {error}; no certificate was made",
                out.display()
            ))
        })?;
        let valid = how.term.valid().unwrap_or_else(|| usual_validity(&role));
        let issued = ca.issue(role, valid)?;
        let until = Credentials::from_issued(&issued)?.until();
        let (certificate, key) = issued.write(&out)?;
        let authority = out.join(CA_CERTIFICATE_FILE);
        if !authority.exists() {
            fs::copy(how.term.ca.join(CA_CERTIFICATE_FILE), &authority).map_err(|error| {
                Failure::refused(format_args!(
                    "{} and its key were made, but the authority's certificate cannot be copied beside them: {error}",
                    certificate.display()
                ))
            })?;
        }
        let words = format!(
            "Made {} for {}, until {}; its key is {}.",
            certificate.display(),
            issued.identity().role,
            format_rfc3339_seconds(until),
            key.display()
        );
        let value = json!({
            "owner": issued.identity().role.to_string(),
            "cluster": issued.identity().cluster.to_string(),
            "certificate": certificate,
            "key": key,
            "until": format_rfc3339_seconds(until).to_string(),
        });
        style.show(&value, words);
        Ok(exit::DONE)
    }
}

impl Renew {
    fn run(self, style: Style) -> Result<u8, Failure> {
        let ca = ClusterCa::load(&self.term.ca)?;
        let mut files = Vec::new();
        for path in &self.paths {
            match path.is_dir() {
                true => files.extend(
                    found_in(path)?
                        .into_iter()
                        .filter(|(_, info)| matches!(info.owner, Owner::Peer(_)))
                        .map(|(file, _)| file),
                ),
                false => files.push(path.clone()),
            }
        }
        if files.is_empty() {
            return Err(Failure::usage(
                "there is no certificate of a node or client there; nothing was changed",
            ));
        }
        let mut renewed = Vec::new();
        for file in &files {
            ca.renew(file, self.term.valid()).map_err(|error| {
                Failure::refused(format_args!(
                    "{error}. Of {} certificates {} were renewed before",
                    files.len(),
                    renewed.len()
                ))
            })?;
            renewed.push((file.clone(), CertificateInfo::of_file(file)?));
        }
        match style {
            Style::Json => {
                say(json!({ "renewed": renewed.iter().map(as_json).collect::<Vec<_>>() }))
            }
            Style::Human => {
                for (file, info) in &renewed {
                    say(format_args!(
                        "Renewed {} for {}, until {}.",
                        file.display(),
                        info.owner,
                        format_rfc3339_seconds(info.until)
                    ));
                }
                say(
                    "Keys are as they were. A running node takes its new certificate by itself once the file is in its \
                     folder; copy it to another machine.",
                );
            }
        }
        Ok(exit::DONE)
    }
}

impl List {
    fn run(self, style: Style) -> Result<u8, Failure> {
        let found = found_in(&self.dir)?;
        match style {
            Style::Json => {
                say(json!({ "certificates": found.iter().map(as_json).collect::<Vec<_>>() }));
            }
            Style::Human => {
                let mut table = Table::new(["OWNER", "UNTIL", "LEFT", "FILE"]);
                for (file, info) in &found {
                    table.row([
                        info.owner.to_string(),
                        format_rfc3339_seconds(info.until).to_string(),
                        left(info),
                        file.display().to_string(),
                    ]);
                }
                say(table);
            }
        }
        Ok(exit::DONE)
    }
}

impl Show {
    fn run(self, style: Style) -> Result<u8, Failure> {
        let mut shown = Vec::new();
        for file in self.files {
            let info = CertificateInfo::of_file(&file)?;
            shown.push((file, info));
        }
        match style {
            Style::Json => {
                say(json!({ "certificates": shown.iter().map(as_json).collect::<Vec<_>>() }));
            }
            Style::Human => {
                for (file, info) in &shown {
                    say(format_args!(
                        "{}\n  owner    {}\n  cluster  {}\n  from     {}\n  until    {} ({})\n  sha256   {}",
                        file.display(),
                        info.owner,
                        info.owner.cluster(),
                        format_rfc3339_seconds(info.from),
                        format_rfc3339_seconds(info.until),
                        left(info),
                        info.sha256
                    ));
                }
            }
        }
        Ok(exit::DONE)
    }
}

/// How long it holds, for people.
fn left(info: &CertificateInfo) -> String {
    if info.from > SystemTime::now() {
        return "not yet valid".into();
    }
    let left = info.left();
    match left.as_secs() / DAY.as_secs() {
        0 if left.is_zero() => "expired".into(),
        0 => "less than a day".into(),
        days => format!("{days} days"),
    }
}

fn as_json((file, info): &(PathBuf, CertificateInfo)) -> Value {
    json!({
        "file": file,
        "owner": info.owner.to_string(),
        "cluster": info.owner.cluster().to_string(),
        "from": format_rfc3339_seconds(info.from).to_string(),
        "until": format_rfc3339_seconds(info.until).to_string(),
        "seconds_left": info.left().as_secs(),
        "sha256": info.sha256,
    })
}

/// The certificates of kraft in a folder and in its node-* folders, in order of their paths; of the authority's the one at
/// the top.
fn found_in(dir: &Path) -> Result<Vec<(PathBuf, CertificateInfo)>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::usage(format_args!(
            "cannot read {}: {error}; nothing was done. Name the folder that `kraft init` made",
            dir.display()
        ))
    };
    let mut found = Vec::new();
    let mut folders = Vec::new();
    for path in paths_in(dir).map_err(unreadable)? {
        if path.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with("node-")) {
                folders.push(path);
            }
        } else {
            found.extend(info_of(path));
        }
    }
    for folder in folders {
        let inside = paths_in(&folder).map_err(unreadable)?;
        let peers = inside.into_iter().filter_map(info_of);
        found.extend(peers.filter(|(_, info)| matches!(info.owner, Owner::Peer(_))));
    }
    Ok(found)
}

fn paths_in(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<PathBuf>> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.sort();
    Ok(paths)
}

/// A file that is no certificate of ours is somebody else's.
fn info_of(file: PathBuf) -> Option<(PathBuf, CertificateInfo)> {
    let pem = file.extension().is_some_and(|ending| ending == "pem");
    let info = CertificateInfo::of_file(&file).ok().filter(|_| pem)?;
    Some((file, info))
}
