//! Clusters of bare nodes under random faults, from a seed.
//!
//! Fair faults: messages are lost, doubled and reordered without bound; a node dies with its
//! process (what was written survives), with its power (what was synced survives, and any prefix of
//! what was merely written), or is stopped in order; a disk finishes late. Unfair, and not done: bytes changed in
//! flight or on the disk, a synced write forgotten, a node that lies.
//!
//! | checked | where |
//! | --- | --- |
//! | at most one leader a term; one vote a term, across restarts | `oracle.rs` |
//! | a node's members are those of the newest configuration in its log; a leader has one uncommitted at most | `watch.rs` |
//! | a position names one entry and one predecessor, everywhere and for ever | `oracle.rs` |
//! | one sequence is committed, and each commit lies on the disks of a majority of every active configuration | `oracle.rs` |
//! | an ack claims no more copies than there were in each configuration that may decide, stands above no uncommitted configuration, and outlives what the contract says: written copies of a majority the power of any minority, of all voters that of all but one | `oracle.rs` |
//! | a snapshot is asked for and applied only where it is committed and on the disk, and nothing behind it before it; its members are those of its history | `snapshots.rs`, `watch.rs` |
//! | a fate, once told, stays true | `oracle.rs` |
//! | a read sees what was acknowledged before it, on a leader, a follower or by lease, and the entry it was to see | `oracle.rs` |
//! | logs parts of which lie below a window of two to four terms, asked of hosts that answer late, never, or of a log that was cut since; hints of what is committed that the log does not bear out | `recalls.rs` |
//! | faults over, the cluster converges and everyone who waited was answered | `world.rs` |
//!
//! A failure prints its seed. `KRAFT_SEEDS=17 KRAFT_TRACE=1 cargo test -p tests --test random -- --nocapture`
//! replays it; `KRAFT_SEEDS=1..5000` runs many.

mod chance;
mod churn;
mod configurations;
mod disk;
mod host;
mod oracle;
mod recalls;
mod snapshots;
mod watch;
mod weather;
mod world;

use std::env;
use std::ops::Range;

use chance::Chance;
use snapshots::Counts;
use world::World;

/// Prints how to replay, if the run fails.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!("replay: KRAFT_SEEDS={seed} cargo test -p tests --test random");
        }
    }
}

fn seeds(default: Range<u64>) -> Range<u64> {
    let Ok(asked) = env::var("KRAFT_SEEDS") else {
        return default;
    };
    let number = |text: &str| text.trim().parse::<u64>().expect("KRAFT_SEEDS: a number");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&asked)..number(&asked) + 1,
    }
}

#[test]
fn nothing_raft_promises_breaks_under_random_faults() {
    let mut steps = 0;
    let mut commits = 0;
    let mut acks = 0;
    let mut leaders = 0;
    let mut power_cuts = 0;
    let mut readmissions = 0;
    let mut transfers = (0, 0);
    let mut reads = (0, 0);
    let mut changes = 0;
    let mut snapshots = Counts::default();
    let mut recalls = recalls::Counts::default();
    let mut seeds_played = 0;
    for seed in seeds(0..120) {
        let replay = Replay(seed);
        let mut world = World::new(Chance::new(seed));
        world.storm();
        world.calm();
        steps += world.steps();
        commits += world.oracle.committed();
        acks += world.oracle.acks();
        leaders += world.oracle.leaders();
        power_cuts += world.oracle.power_cuts();
        readmissions += world.oracle.readmissions();
        let (begun, sent) = world.oracle.transfers();
        transfers = (transfers.0 + begun, transfers.1 + sent);
        let (served, elsewhere) = world.oracle.reads();
        reads = (reads.0 + served, reads.1 + elsewhere);
        changes += world.changes;
        snapshots = snapshots.and(world.snapshots);
        recalls = recalls.and(world.recalls);
        seeds_played += 1;
        drop(replay);
    }
    println!("{steps} steps, {leaders} leaders, {commits} entries committed, {acks} acks checked");
    println!("{power_cuts} power cuts of voters, {readmissions} suspects re-admitted");
    println!("{} reads served, {} of them by followers", reads.0, reads.1);
    let (begun, sent) = transfers;
    println!("{begun} transfers begun, {sent} votes asked for by whom a leader sent");
    println!("{changes} changes of members");
    println!("{snapshots:?}");
    println!("{recalls:?}");
    assert!(
        recalls.complete(seeds_played),
        "something was never met: {recalls:?}"
    );
}
