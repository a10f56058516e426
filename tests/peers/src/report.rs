//! Medians of rounds, and ratios within a round.

use std::fmt::Write;

use kraft_proto::Raft;

use crate::{KRAFT, NAMES, SIZES};

/// What one round of one contender took.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Entries applied on every node.
    pub entries: u64,
    /// Processor time.
    pub ns: u64,
    /// Calls of the heap.
    pub calls: u64,
    /// Bytes asked of it.
    pub bytes: u64,
}

/// What an entry costs.
struct Cost {
    ns: f64,
    /// How many times what kraft took in the same round.
    ratio: f64,
    calls: f64,
    bytes: f64,
}

/// Every round of everybody.
pub struct Report {
    rounds: Vec<[Vec<Figures>; NAMES.len()]>,
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

impl Report {
    /// Nothing was measured.
    pub fn new() -> Self {
        Self {
            rounds: SIZES.map(|_| Default::default()).into(),
        }
    }

    /// One more round.
    pub fn note(&mut self, size: usize, place: usize, figures: Figures) {
        let row = SIZES.iter().position(|one| *one == size);
        self.rounds[row.expect("a size of ours")][place].push(figures);
    }

    fn cost(&self, row: usize, place: usize) -> Cost {
        let kraft = NAMES.iter().position(|name| *name == KRAFT);
        let kraft = &self.rounds[row][kraft.expect("kraft is among them")];
        let own = &self.rounds[row][place];
        let per = |of: fn(&Figures) -> u64| {
            median(own.iter().map(|one| of(one) as f64 / one.entries as f64))
        };
        let ratios = own
            .iter()
            .zip(kraft)
            .map(|(a, b)| a.ns as f64 / b.ns as f64);
        Cost {
            ns: per(|one| one.ns),
            ratio: median(ratios),
            calls: per(|one| one.calls),
            bytes: per(|one| one.bytes),
        }
    }

    /// For a person.
    pub fn table(&self) -> String {
        let mut text = String::from("CPU ns per entry applied on all 3 nodes (times kraft)\n\n|");
        let rule = "---|".repeat(1 + 2 * SIZES.len());
        let _ = write!(text, " 256 B payload, entries per batch |");
        for size in SIZES {
            let _ = write!(text, " {size} |");
        }
        for size in SIZES {
            let _ = write!(text, " heap calls, bytes at {size} |");
        }
        let _ = writeln!(text, "\n|{rule}");
        for (place, name) in NAMES.iter().enumerate() {
            let _ = write!(text, "| {name} |");
            let costs: Vec<Cost> = (0..SIZES.len()).map(|row| self.cost(row, place)).collect();
            for cost in &costs {
                let _ = write!(text, " {:.0} ({:.2}×) |", cost.ns, cost.ratio);
            }
            for cost in &costs {
                let _ = write!(text, " {:.2}, {:.0} |", cost.calls, cost.bytes);
            }
            text.push('\n');
        }
        let _ = writeln!(text, "\nsize_of::<Raft>(): {} B", size_of::<Raft>());
        text
    }

    /// For a program.
    pub fn json(&self) -> String {
        let mut rows = Vec::new();
        for (row, size) in SIZES.iter().enumerate() {
            for (place, name) in NAMES.iter().enumerate() {
                let cost = self.cost(row, place);
                rows.push(format!(
                    "{{\"name\":\"{name}\",\"batch\":{size},\"ns\":{:.1},\"times_kraft\":{:.3},\
                     \"heap_calls\":{:.3},\"heap_bytes\":{:.1}}}",
                    cost.ns, cost.ratio, cost.calls, cost.bytes
                ));
            }
        }
        format!(
            "{{\"size_of_raft\":{},\"per_entry\":[{}]}}\n",
            size_of::<Raft>(),
            rows.join(",")
        )
    }
}
