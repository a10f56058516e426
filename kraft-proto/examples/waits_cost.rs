//! What waiting costs: clients of `ALL` writes beside a voter that is away, each with its deadline.
//!
//! `cargo run --release -p kraft-proto --example waits_cost`. In each step one deadline passes and one
//! more client begins to wait, as at a steady rate; the cost of a step must not follow the number of
//! those who go on waiting.

use std::time::{Duration, Instant as Clock};

use kraft_proto::durability::Fallback;
use kraft_proto::{
    Class, CommitMode, Config, FsyncMode, Instant, Members, NodeId, Nonce, Output, Raft, Recovery,
    Slot, StoreId, Waits,
};

const STEPS: u32 = 200_000;
const ALL: Class = Class::new(CommitMode::All, FsyncMode::Commit);

/// A leader whose disk answers no `ALL` write: nothing but deadlines does.
fn leader() -> Result<Raft, Box<dyn std::error::Error>> {
    let members = Members::new([NodeId(1)], [])?;
    let config = Config::new(NodeId(1), StoreId(1), 1);
    let mut raft = Raft::new(
        config,
        Recovery::bootstrap(members),
        Nonce(1),
        Instant::ZERO,
    )?;
    raft.campaign(Instant::ZERO);
    while let Some(output) = raft.poll_output() {
        if let Output::Write(write) = output {
            raft.handle_stored(Instant::ZERO, write.synced());
        }
    }
    Ok(raft)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("waiting  ns a step");
    for waiting in [16_u32, 256, 4_096, 16_384, 65_535] {
        let mut raft = leader()?;
        let proposed = raft.propose(Instant::ZERO, ALL, 1)?;
        let position = proposed.run.last_position();
        let slots: Vec<Slot<u32>> = (0..=waiting).map(|_| Slot::default()).collect();
        let mut waits = Waits::new(slots);
        let step = Duration::from_secs(5) / waiting;
        let mut now = Instant::ZERO;
        let wait = |waits: &mut Waits<u32, Vec<Slot<u32>>>, now: Instant| {
            let deadline = Some(now.after(Duration::from_secs(5)));
            let fallback = Fallback::Refuse;
            waits.insert(0, position, &proposed, ALL, deadline, fallback)
        };
        for _ in 0..waiting {
            now = now.after(step);
            wait(&mut waits, now).map_err(|_| "no room")?;
        }
        let (began, mut answered) = (Clock::now(), 0);
        for _ in 0..STEPS {
            now = now.after(step);
            waits.handle_timeout(now, &mut raft, |_| None);
            while waits.poll_answer().is_some() {
                answered += 1;
            }
            if waits.has_room() {
                wait(&mut waits, now).map_err(|_| "no room")?;
            }
        }
        let each = began.elapsed().as_nanos() / u128::from(STEPS);
        println!("{waiting:7}  {each:9}   ({answered} answered)");
    }
    Ok(())
}
