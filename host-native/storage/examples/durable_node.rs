//! A durable node in 80 lines: a cluster of one whose log is still there when it starts again.
//!
//! Run it with `cargo run -p kraft-storage --example durable_node`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use kraft_proto::{
    Class, ClusterId, CommitMode, Config, EntryKind, FsyncMode, Instant, Members, NodeId, Nonce,
    Output, Raft, StoreId, WriteKind,
};
use kraft_storage::{Disk, Done, Founding, Identity, Job, Options, RealFs, STOP_MAX};

const ME: NodeId = NodeId(1);
const FORCED: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

/// Opens the store in `dir`, says what its log holds, and adds `greeting` to it.
fn run(dir: &Path, greeting: &'static str) -> Result<(), Box<dyn Error>> {
    let opened = kraft_storage::open(dir, RealFs::shared(), &Options::default())?;
    let reader = opened.store.reader();
    for run in &opened.log {
        if run.kind == EntryKind::Command {
            println!("  found {:?}", reader.read(*run, usize::MAX)?);
        }
    }
    // Another one at every start, so that nobody takes this one for the one before.
    let nonce = Nonce(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64);
    let config = Config::new(ME, opened.identity.store, nonce.0);
    let recovery = opened.recovery(Members::new([ME], [])?, None)?;
    let mut raft = Raft::new(config, recovery, nonce, Instant::ZERO)?;
    let (tell, done) = channel();
    let disk = Disk::start(opened.store, move |report| drop(tell.send(report)))?;

    let mut entry = None;
    let mut payloads = BTreeMap::new();
    raft.campaign(Instant::ZERO);
    loop {
        while let Some(output) = raft.poll_output() {
            match output {
                Output::Write(write) => {
                    let payloads = match write.kind() {
                        WriteKind::Entries(run) => {
                            let bytes = |at| payloads.remove(&at).unwrap_or_default();
                            run.positions().map(bytes).collect()
                        }
                        _ => Vec::new(),
                    };
                    disk.submit(Job { write, payloads });
                }
                Output::Commit { upto } if entry.is_some_and(|entry| upto >= entry) => {
                    println!("  {greeting:?} is on the disk, committed through {upto}");
                    return Ok(disk.stop(STOP_MAX)?);
                }
                _ => {} // Nobody else is in the cluster, and nobody waits for less than the disk.
            }
        }
        // It leads when its vote for itself is on the disk.
        if entry.is_none()
            && let Ok(proposed) = raft.propose(Instant::ZERO, FORCED, 1)
        {
            entry = Some(proposed.run.last_position());
            payloads.insert(proposed.run.last_position(), Bytes::from(greeting));
            continue;
        }
        match done.recv_timeout(Duration::from_secs(10))? {
            Done::Receipt(receipt) => raft.handle_stored(Instant::ZERO, receipt),
            Done::Failed(error) => return Err(error.into()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("kraft-durable-node-{}", std::process::id()));
    let identity = Identity {
        cluster: ClusterId(1),
        node: ME,
        store: StoreId(1),
    };
    kraft_storage::format(&dir, &RealFs, identity, Founding::alone(ME))?;
    for greeting in ["hello", "hello again"] {
        println!("a start");
        run(&dir, greeting)?;
    }
    Ok(std::fs::remove_dir_all(dir)?)
}
