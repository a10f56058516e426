//! `kraft log`: what the files of a node's log hold.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kraft_proto::LogPosition;
use kraft_storage::{
    Inspected, LogEntry, ReadError, ReadOnlyFs, SnapshotFileError, StoreOpenError, Verified,
};
use serde_json::json;

use super::output::{Failure, Style, exit, say, tell};
use crate::entries::{Damaged, Teller, Told};
use crate::kv::Kv;
use crate::node::backup;

#[derive(Args, Debug)]
pub struct Log {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Show the entries of a log, a line each: position, shape, class, and what is written
    Dump(Dump),
    /// Read every entry and every snapshot, and name the file and the offset of damage
    Verify(Verify),
}

/// Nothing is written. The node must not run: of one that does, look at a copy.
#[derive(Args, Debug)]
struct Dump {
    /// The data directory, or a copy of it
    dir: PathBuf,
    /// Begin at this index
    #[arg(
        long,
        value_name = "INDEX",
        default_value_t = 0,
        hide_default_value = true
    )]
    from: u64,
    /// End with this index
    #[arg(long, value_name = "INDEX", default_value_t = u64::MAX, hide_default_value = true)]
    to: u64,
}

/// Nothing is written. The node must not run: of one that does, look at a copy.
#[derive(Args, Debug)]
struct Verify {
    /// The data directory, or a copy of it
    dir: PathBuf,
}

impl Log {
    pub fn run(self, style: Style) -> Result<u8, Failure> {
        match self.command {
            LogCommand::Dump(dump) => dump.run(style),
            LogCommand::Verify(verify) => verify.run(style),
        }
    }
}

impl Dump {
    fn run(self, style: Style) -> Result<u8, Failure> {
        let inspected = inspect(&self.dir)?;
        let mut out = BufWriter::new(io::stdout().lock());
        each(&inspected, |entry, told| {
            let index = entry.position.index.0;
            if index > self.to {
                return ControlFlow::Break(());
            }
            if index < self.from {
                return ControlFlow::Continue(());
            }
            let shown = match style {
                Style::Human => writeln!(out, "{told}"),
                Style::Json => writeln!(out, "{}", told.json(&entry)),
            };
            // A reader that went away has had enough of it.
            match shown {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        let _ = out.flush();
        Ok(exit::DONE)
    }
}

impl Verify {
    fn run(self, style: Style) -> Result<u8, Failure> {
        let inspected = inspect(&self.dir)?;
        each(&inspected, |_, _| ControlFlow::Continue(()))?;
        let snapshots = snapshots(&self.dir)?;
        let verified = inspected.verified();
        let last = last(verified);
        let entries: u64 = verified.log.iter().map(|run| u64::from(run.count)).sum();
        let warnings: Vec<String> = verified.warnings.iter().map(ToString::to_string).collect();
        match style {
            Style::Json => say(json!({
                "node": verified.identity.node,
                "entries": entries,
                "base": verified.base,
                "last": last,
                "committed": verified.committed,
                "snapshots": snapshots,
                "warnings": warnings,
            })),
            Style::Human => {
                say(format_args!(
                    "{}: {entries} entries after {}, through {last}, every checksum right",
                    self.dir.display(),
                    verified.base
                ));
                for at in snapshots {
                    say(format_args!("a snapshot after {at}, every byte right"));
                }
                for warning in warnings {
                    tell(format_args!("kraft: {warning}"));
                }
            }
        }
        Ok(exit::DONE)
    }
}

/// Reads every snapshot of the key-value store in a data directory; after which entries they are.
fn snapshots(dir: &Path) -> Result<Vec<LogPosition>, Failure> {
    let listed = match std::fs::read_dir(dir.join("snapshots")) {
        Ok(listed) => listed,
        // They may be kept elsewhere.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::refused(error)),
    };
    let mut paths: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "snap")
    });
    paths.sort();
    let read = paths.iter().map(|path| match backup::inspect::<Kv>(path) {
        Ok(inspection) => Ok(inspection.last),
        Err(SnapshotFileError::Damaged { file, offset, what }) => {
            Err(Failure::refused(format_args!(
                "the snapshot {} is damaged at byte {offset}: {what}",
                file.display()
            ))
            .with("file", file)
            .with("offset", offset))
        }
        Err(error) => Err(Failure::refused(error)),
    });
    read.collect()
}

/// The last entry of a log; the one before its first if it has none.
fn last(verified: &Verified) -> LogPosition {
    let last = verified.log.iter().rfind(|run| run.count > 0);
    last.map_or(verified.base, |run| run.last_position())
}

fn inspect(dir: &Path) -> Result<Inspected, Failure> {
    kraft_storage::inspect(dir, &ReadOnlyFs).map_err(|error| match &error {
        StoreOpenError::Corrupt(damage) => Failure::refused(&error)
            .with("file", &damage.file)
            .with("offset", damage.offset),
        StoreOpenError::NoStore(dir) => Failure::usage(format_args!(
            "{} holds no store: name a node's data directory, or a copy of it",
            dir.display()
        )),
        StoreOpenError::InUse(dir) => Failure::refused(format_args!(
            "{} is in use by another process: stop the node, or look at a copy",
            dir.display()
        )),
        _ => Failure::refused(&error),
    })
}

/// Goes through the entries, the checksum of each verified.
fn each(
    inspected: &Inspected,
    mut at: impl FnMut(LogEntry<'_>, Told) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let mut teller = Teller::of(inspected.verified());
    let mut damaged = None;
    let visited = inspected.visit(|entry| match teller.tell(&entry) {
        Ok(told) => at(entry, told),
        Err(damage) => {
            damaged = Some(damage);
            ControlFlow::Break(())
        }
    });
    visited.map_err(|error| match &error {
        ReadError::Corrupt(damage) => Failure::refused(&error)
            .with("file", &damage.file)
            .with("offset", damage.offset),
        _ => Failure::refused(&error),
    })?;
    match damaged {
        Some(damage) => Err(refused(&damage)),
        None => Ok(()),
    }
}

fn refused(damage: &Damaged) -> Failure {
    Failure::refused(damage)
        .with("file", &damage.file)
        .with("offset", damage.offset)
}
