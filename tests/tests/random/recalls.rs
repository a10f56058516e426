//! What hosts say of their logs where the cores ask, at once, late or never; and what they kept of commit.

use kraft_proto::{LogIndex, LogPosition, Question, Role, Run};

use crate::disk::Image;
use crate::world::World;

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub for_peers: u64,
    pub for_comparisons: u64,
    pub for_fates: u64,
    pub answered: u64,
    pub late: u64,
    pub lost: u64,
    pub voided: u64,
    pub hints_used: u64,
    pub hints_ahead: u64,
    pub hints_behind: u64,
    pub hints_over_other_entries: u64,
}

impl Counts {
    fn each(&mut self) -> [&mut u64; 11] {
        [
            &mut self.for_peers,
            &mut self.for_comparisons,
            &mut self.for_fates,
            &mut self.answered,
            &mut self.late,
            &mut self.lost,
            &mut self.voided,
            &mut self.hints_used,
            &mut self.hints_ahead,
            &mut self.hints_behind,
            &mut self.hints_over_other_entries,
        ]
    }

    /// Both together.
    pub fn and(mut self, mut other: Self) -> Self {
        for (ours, theirs) in self.each().into_iter().zip(other.each()) {
            *ours += *theirs;
        }
        self
    }

    /// Whether everything happened that so many seeds meet. Answers voided by a cut and hints over other
    /// entries are met by the simulator's sweeps alone.
    pub fn complete(self, seeds: u64) -> bool {
        let common = [
            self.for_peers,
            self.for_fates,
            self.answered,
            self.late,
            self.lost,
            self.hints_used,
            self.hints_behind,
        ];
        let rare = [self.for_comparisons, self.hints_ahead];
        let met = |counts: &[u64]| counts.iter().all(|count| *count > 0);
        (seeds < 120 || met(&common)) && (seeds < 3000 || met(&rare))
    }

    /// A node starts on this disk, with what its host kept as committed.
    pub fn count_hint(&mut self, image: &Image, hint: LogPosition) {
        let covered = image
            .snapshot
            .as_ref()
            .map_or(0, |saved| saved.last.index.0);
        let there = image.log.run_at(hint.index).map(|run| run.term);
        *match there {
            None => &mut self.hints_ahead,
            Some(_) if hint.index.0 <= covered => &mut self.hints_behind,
            Some(term) if term == hint.term => &mut self.hints_used,
            Some(_) => &mut self.hints_over_other_entries,
        } += 1;
    }
}

/// How hosts answer: at once when faults are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    Anyhow,
    AtOnce,
}

/// An answer on its way, of the log as it was.
pub struct Late {
    place: usize,
    question: Question,
    run: Run,
}

impl World {
    /// A core asks its host which run stands at an index.
    pub fn recall(&mut self, place: usize, question: Question, index: LogIndex) {
        let now = self.now;
        let Some(live) = &mut self.hosts[place].live else {
            return;
        };
        *match live.raft.status().role {
            Role::Leader => &mut self.recalls.for_peers,
            _ => &mut self.recalls.for_comparisons,
        } += 1;
        let Some(run) = live.log.run_at(index) else {
            return;
        };
        match self.chance.number(0..=9) {
            0 if self.answering == Answering::Anyhow => self.recalls.lost += 1,
            1..=3 if self.answering == Answering::Anyhow => self.late.push(Late {
                place,
                question,
                run,
            }),
            _ => {
                self.recalls.answered += 1;
                live.raft.handle_recalled(now, question, run);
            }
        }
    }

    /// Some answer arrives, perhaps of a log that was cut since, or of an earlier incarnation.
    pub fn answer_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let chosen = self.chance.place(self.late.len());
        let Late {
            place,
            question,
            run,
        } = self.late.swap_remove(chosen);
        let now = self.now;
        if let Some(live) = &mut self.hosts[place].live {
            let there = live.log.run_at(question.index());
            *match there.is_some_and(|there| there.term == run.term) {
                true => &mut self.recalls.late,
                false => &mut self.recalls.voided,
            } += 1;
            live.raft.handle_recalled(now, question, run);
            self.observe(place);
        }
    }
}
