//! Kraft beside other Rafts: processor time, heap and instructions per entry applied on all three
//! nodes of one thread, each batch applied everywhere before the next.
//!
//! `tests/BENCHMARKS.md` says how to run it and what is counted for whom.

mod bare;
mod contest;
mod counting;
mod floor;
mod kraft;
mod raft_rs;
mod report;

use std::hint::black_box;
use std::process::ExitCode;

use contest::{Applied, Contender, PAYLOAD};
use raft_rs::{RaftRs, Usage};
use report::{Figures, Report};

/// The one that the others are held against.
const KRAFT: &str = "kraft";

/// Everybody, in the order of the table.
const NAMES: [&str; 6] = [
    "raft-rs, as used",
    "raft-rs, one message",
    "raft-rs, one message on the wire",
    "raftbare",
    KRAFT,
    "three framed copies",
];

/// Entries per batch.
const SIZES: [usize; 3] = [1, 64, 1024];

fn contender(name: &str) -> Box<dyn Contender> {
    match name {
        "raft-rs, as used" => Box::new(RaftRs::new(Usage::AsUsed)),
        "raft-rs, one message" => Box::new(RaftRs::new(Usage::OneMessage)),
        "raft-rs, one message on the wire" => Box::new(RaftRs::new(Usage::OneMessageOnWire)),
        "raftbare" => Box::<bare::Bare>::default(),
        KRAFT => Box::<kraft::Kraft>::default(),
        _ => Box::<floor::Floor>::default(),
    }
}

/// Distinct payloads, a batch at a time.
struct Payloads {
    made: u64,
    batch: Vec<[u8; PAYLOAD]>,
}

impl Payloads {
    fn new(size: usize) -> Self {
        Self {
            made: 0,
            batch: vec![[7; PAYLOAD]; size],
        }
    }

    /// Numbers the next batch, and notes what applying it adds up to.
    fn next(&mut self, expected: &mut Applied) -> &[[u8; PAYLOAD]] {
        for payload in &mut self.batch {
            self.made += 1;
            payload[..8].copy_from_slice(&self.made.to_le_bytes());
            expected.apply(payload);
        }
        &self.batch
    }
}

/// Runs batches, and checks that every node applied every payload. Making the payloads is measured
/// too: a few nanoseconds, the same for everybody.
fn exercise(contender: &mut dyn Contender, payloads: &mut Payloads, batches: usize) -> Figures {
    let before = contender.applied();
    let mut expected = Applied::default();
    let heap = counting::heap();
    let began = counting::cpu_ns();
    for _ in 0..batches {
        measured(contender, black_box(payloads.next(&mut expected)));
    }
    let ns = counting::cpu_ns() - began;
    let asked = counting::heap();
    for (node, after) in contender.applied().into_iter().enumerate() {
        let applied = Applied {
            count: after.count - before[node].count,
            sum: after.sum.wrapping_sub(before[node].sum),
        };
        assert_eq!(applied, expected, "what node {node} applied");
    }
    Figures {
        entries: expected.count,
        ns,
        calls: asked.calls - heap.calls,
        bytes: asked.bytes - heap.bytes,
    }
}

/// What callgrind is asked to collect.
#[inline(never)]
fn measured(contender: &mut dyn Contender, payloads: &[[u8; PAYLOAD]]) {
    contender.batch(payloads);
}

const HELP: &str = "\
usage: peers [--quick] [--json]           everybody in turn, medians and ratios
       peers --only NAME --batch N        one contender, for a profiler

  --quick      few rounds: whether it works, not how fast
  --json       one JSON object
  --rounds N   rounds (25)
";

struct Asked {
    json: bool,
    rounds: usize,
    entries: usize,
    only: Option<String>,
    batch: usize,
}

fn asked(mut args: impl Iterator<Item = String>) -> Option<Asked> {
    let mut asked = Asked {
        json: false,
        rounds: 25,
        entries: 16_384,
        only: None,
        batch: 64,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => asked.json = true,
            "--quick" => (asked.rounds, asked.entries) = (3, 1024),
            "--rounds" => asked.rounds = args.next()?.parse().ok().filter(|n| *n > 0)?,
            "--only" => asked.only = Some(args.next().filter(|n| NAMES.contains(&n.as_str()))?),
            "--batch" => asked.batch = args.next()?.parse().ok().filter(|n| SIZES.contains(n))?,
            _ => return None,
        }
    }
    Some(asked)
}

fn main() -> ExitCode {
    let Some(asked) = asked(std::env::args().skip(1)) else {
        eprint!("{HELP}\nNAME is one of: {}\n", NAMES.join("; "));
        return ExitCode::from(2);
    };
    if let Some(name) = &asked.only {
        alone(name, asked.batch, asked.entries);
        return ExitCode::SUCCESS;
    }
    let mut report = Report::new();
    for size in SIZES {
        let mut contenders = NAMES.map(|name| (contender(name), Payloads::new(size)));
        let batches = (asked.entries / size).max(2);
        for (contender, payloads) in &mut contenders {
            exercise(contender.as_mut(), payloads, batches);
        }
        for round in 0..asked.rounds {
            for turn in 0..NAMES.len() {
                let place = (round + turn) % NAMES.len();
                let (contender, payloads) = &mut contenders[place];
                let figures = exercise(contender.as_mut(), payloads, batches);
                report.note(size, place, figures);
            }
        }
    }
    print!(
        "{}",
        if asked.json {
            report.json()
        } else {
            report.table()
        }
    );
    ExitCode::SUCCESS
}

/// One contender at one size: `entries` entries inside [`measured`].
fn alone(name: &str, size: usize, entries: usize) {
    let mut contender = contender(name);
    let figures = exercise(
        contender.as_mut(),
        &mut Payloads::new(size),
        (entries / size).max(2),
    );
    println!("{name}: {} entries in batches of {size}", figures.entries);
}
