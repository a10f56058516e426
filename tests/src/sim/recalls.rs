//! What hosts say of their logs where the cores ask: at once, late or not at all, and late perhaps of a
//! log that was cut since. And how far commit was told, as they keep it.

use kraft_proto::{LogIndex, LogPosition, Question, Role, Run};
use serde::Serialize;

use super::chance::Chance;
use super::node::Node;
use super::plant::Plant;
use super::world::World;

/// The longest that an answer takes.
const LATE_US_MAX: u64 = 400_000;

/// An answer on its way, of the log as it was when it was asked for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Late {
    pub at_us: u64,
    question: Question,
    run: Run,
}

/// The hosts' answers of one node.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Recalls {
    asked: u64,
    late: Vec<Late>,
}

impl Recalls {
    /// When the next answer comes.
    pub fn next_at(&self) -> u64 {
        let times = self.late.iter().map(|late| late.at_us);
        times.min().unwrap_or(u64::MAX)
    }
}

impl Node {
    /// What its host gives the core as committed, and what will become of that.
    pub fn hint(&self) -> Option<(LogPosition, &'static str)> {
        let hint = self.disk.hint()?;
        let log = self.disk.log();
        let covers = self.disk.snapshot().map_or(0, |(covers, _)| *covers);
        let place = hint.index.0 as usize;
        let there = place.checked_sub(1).and_then(|place| log.get(place));
        let what = match there {
            None => "hint ahead of the log",
            Some(_) if place <= covers => "hint behind the snapshot",
            Some(entry) if entry.term != hint.term => "hint over a resurrected tail",
            Some(_) => "hint used",
        };
        if self.plant != Some(Plant::ClampsHint) {
            return Some((hint, what));
        }
        let place = place.min(log.len());
        let term = place.checked_sub(1).map(|place| log[place].term);
        let index = LogIndex(place as u64);
        Some((LogPosition::new(term.unwrap_or_default(), index), what))
    }
}

impl World {
    /// The core of a node asks which run stands at an index.
    pub(super) fn recall(&mut self, place: usize, question: Question, index: LogIndex) {
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        node.recalls.asked += 1;
        let about = (place as u64) << 48 | node.recalls.asked;
        let mut chance = Chance::about(&[self.seed, 4, 6, about]);
        let now = node.clock.show(now_us);
        let Some(live) = &mut node.live else { return };
        self.tally.deed(match live.raft.status().role {
            Role::Leader => "recall for a peer",
            _ => "recall for a comparison",
        });
        // Only a host that is wrong keeps anything of before.
        let run = live.before.run_at(index).or_else(|| live.log.run_at(index));
        let Some(run) = run else { return };
        match chance.number(0, 9) {
            0 => self.tally.deed("recall lost"),
            1..=3 => {
                let at_us = now_us + chance.number(100, LATE_US_MAX);
                let late = &mut node.recalls.late;
                late.push(Late {
                    at_us,
                    question,
                    run,
                });
            }
            _ => {
                self.tally.deed("recall answered");
                live.raft.handle_recalled(now, question, run);
            }
        }
    }

    /// The host keeps how far commit was told, now and then.
    pub(super) fn keep_hint(&mut self, place: usize, upto: LogPosition) {
        let mut chance = self.chance(7, (place as u64) << 48 | upto.index.0);
        if chance.permille(300) {
            self.nodes[place].disk.keep_hint(upto);
        }
    }

    /// The answers of a node's host that are due by now.
    pub(super) fn answer_late(&mut self, place: usize) {
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        let now = node.clock.show(now_us);
        let late = &mut node.recalls.late;
        let due: Vec<Late> = late.extract_if(.., |late| late.at_us <= now_us).collect();
        let Some(live) = &mut node.live else { return };
        for Late { question, run, .. } in due {
            let there = live.log.run_at(question.index());
            self.tally.deed(match there.map(|there| there.term) {
                Some(term) if term == run.term => "recall answered late",
                _ => "recall voided by a cut",
            });
            live.raft.handle_recalled(now, question, run);
        }
    }
}
