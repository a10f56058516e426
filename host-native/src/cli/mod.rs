//! The `kraft` command: one file a subcommand.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done as asked |
//! | 1 | the command or its configuration makes no sense; nothing was done |
//! | 2 | there is no such key |
//! | 3 | acknowledged, weaker than asked, as `--fallback` allowed |
//! | 4 | the time was up; the write lives on, and its position is printed |
//! | 5 | refused or not possible; nothing was written |
//! | 6 | it may be written or not; the request id is printed |
//! | 7 | a comparison found something else; nothing was changed |

mod cas;
mod cert;
mod completions;
mod connect;
mod delete;
mod demo;
mod digest;
mod export;
mod fate;
mod get;
mod import;
mod init;
mod join;
mod load;
mod log;
mod log_files;
mod member;
#[cfg(test)]
mod named;
mod options;
mod output;
mod put;
mod recover;
mod scan;
mod sending;
mod server;
mod settings;
mod signals;
mod snapshot;
mod status;
mod transfer;
mod txn;
mod web;
mod write;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use tokio::runtime;

pub use output::{Failure, Style, exit};

/// What the help says below everything else.
const AFTER_HELP: &str = "\
Exit codes: 0 done as asked; 1 the command makes no sense; 2 no such key; 3 acknowledged weaker
than asked (--fallback); 4 the time was up, the write lives on; 5 refused, nothing was written;
6 it may be written or not, the request id is printed; 7 a comparison of `cas` or `txn` found
something else, nothing was changed.

KRAFT_LOG says what is logged to standard error: off, error, warn, info, debug or trace, or
TARGET=LEVEL with commas between, such as warn,host_native=debug; warn unless set, of a server info.

Without a command, `kraft` runs `kraft demo`.";

/// Raft whose durability is chosen per request.
#[derive(Debug, Parser)]
#[command(name = "kraft", version, after_help = AFTER_HELP)]
struct Cli {
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start three nodes here and show every durability mode on them; or a page of it (--web)
    Demo(demo::Demo),
    /// Make a cluster: authority, certificates, configurations and formatted data directories
    Init(init::Init),
    /// Make a node of a cluster that runs
    Join(join::Join),
    /// Run one node
    Server(Box<server::Server>),
    /// Store one or several pairs, as one
    Put(put::Put),
    /// Read one key, or several at one moment
    Get(get::Get),
    /// Remove one or several keys, as one
    Delete(delete::Delete),
    /// Store a value where a key holds another, or does not exist
    Cas(cas::Cas),
    /// Compare several keys, and where all are as said, store and remove several, as one
    Txn(txn::Txn),
    /// Read keys in order
    Scan(scan::Scan),
    /// Store the rows of a file of CSV or JSON lines
    Load(load::Load),
    /// Write all keys and values as JSON lines
    Export(export::Export),
    /// Store what an export holds
    Import(import::Import),
    /// Show every node of the cluster
    Status(status::Status),
    /// Compare the states of all nodes
    Digest(digest::Digest),
    /// Say what became of a write, by its position
    Fate(fate::Fate),
    /// Have another node lead
    Transfer(transfer::Transfer),
    /// Show who is in the cluster and where, and change that
    Member(member::Member),
    /// Save a backup while the cluster serves, and look into one
    Snapshot(snapshot::Snapshot),
    /// Make, renew and show certificates
    Cert(cert::Cert),
    /// Show or verify the files of a node's log, and change nothing
    Log(log_files::Log),
    /// Let a node that lost power vote again, whatever it has forgotten
    Recover(recover::Recover),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Runs the command that these words are, the program's name first, and says how it ended.
pub fn run(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit::DONE,
                _ => exit::USAGE,
            };
            // Nobody is left to tell where even this cannot be printed.
            let _ = error.print();
            return code.into();
        }
    };
    let style = match cli.json {
        true => Style::Json,
        false => Style::Human,
    };
    let command = (cli.command).unwrap_or_else(|| Command::Demo(demo::Demo::default()));
    let ended = log::start(command.usual_log()).and_then(|()| command.run(style));
    match ended {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.print(style);
            failure.code().into()
        }
    }
}

impl Command {
    /// What is logged where `KRAFT_LOG` asks for nothing: of a server what it does, else warnings.
    const fn usual_log(&self) -> &'static str {
        match self {
            Self::Server(_) => "info",
            _ => "warn",
        }
    }

    fn run(self, style: Style) -> Result<u8, Failure> {
        match self {
            Self::Demo(demo) => demo.run(style),
            Self::Init(init) => init.run(style),
            Self::Server(server) => server.run(style),
            Self::Put(put) => block_on(put.run(style)),
            Self::Get(get) => block_on(get.run(style)),
            Self::Delete(delete) => block_on(delete.run(style)),
            Self::Cas(cas) => block_on(cas.run(style)),
            Self::Txn(txn) => block_on(txn.run(style)),
            Self::Scan(scan) => block_on(scan.run(style)),
            Self::Load(load) => block_on(load.run(style)),
            Self::Export(export) => block_on(export.run(style)),
            Self::Import(import) => block_on(import.run(style)),
            Self::Status(status) => block_on(status.run(style)),
            Self::Fate(fate) => block_on(fate.run(style)),
            Self::Transfer(transfer) => block_on(transfer.run(style)),
            Self::Join(join) => block_on(join.run(style)),
            Self::Digest(digest) => block_on(digest.run(style)),
            Self::Snapshot(snapshot) => block_on(snapshot.run(style)),
            Self::Member(member) => block_on(member.run(style)),
            Self::Cert(cert) => cert.run(style),
            Self::Log(log) => log.run(style),
            Self::Recover(recover) => recover.run(style),
            Self::Completions(completions) => completions.run(),
        }
    }
}

fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|error| Failure::refused(format!("cannot start: {error}; nothing was done")))?
        .block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
