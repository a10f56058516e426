//! After the faults: does the cluster come to rest?

use kraft_proto::{Class, LogPosition, Role};

use super::action::{Action, Target};
use super::event::Event;
use super::members::names;
use super::world::World;

/// How long a cluster without faults may commit nothing new: what its clients asked for over and over, each
/// to be forced by itself on a slow disk, takes longer than this.
const STILL_US_MAX: u64 = 60_000_000;
/// How long it may take in all.
const REST_US_MAX: u64 = 600_000_000;
/// How often it is looked at.
const LOOK_US: u64 = 20_000;

impl World {
    /// Ends the faults and waits until every log is the same, committed and answered for; one more
    /// write must commit too. Everything else is a violation.
    pub fn come_to_rest(&mut self) {
        self.step(&Action::Calm);
        let end = self.now_us + REST_US_MAX;
        let mut last: Option<LogPosition> = None;
        let (mut committed, mut still_until) = (0, end);
        while self.now_us < end.min(still_until) && self.witness.violation.is_none() {
            self.pass_until(self.now_us + LOOK_US);
            let committed_now = self.witness.oracles.facts.committed.len();
            if committed_now > committed || still_until == end {
                (committed, still_until) = (committed_now, self.now_us + STILL_US_MAX);
            }
            for place in 0..self.nodes.len() {
                // One that was asked to stop has by now.
                self.start(place);
            }
            if self.is_at_rest() {
                let facts = &self.witness.oracles.facts;
                if last.is_some_and(|last| facts.is_committed(last)) {
                    self.tally.runs = 1;
                    return self.witness.see(Event::Rest { outcome: Ok(()) });
                }
                last = self.ask_write(Target::Leader, Class::default(), 1, 0);
            }
        }
        if self.witness.violation.is_none() {
            let what = self.unrest();
            self.witness.see(Event::Rest {
                outcome: Err(&what),
            });
        }
    }

    fn is_at_rest(&self) -> bool {
        let Some(leader) = self.place_of(Target::Leader) else {
            return false;
        };
        let Some(live) = &self.nodes[leader].live else {
            return false;
        };
        let longest = Some(live.log.len());
        let (at, number) = live.configuration();
        let members = live.raft.members();
        if members.is_joint() || at > live.commit || !names(number, leader) {
            return false;
        }
        let mut nodes = self.nodes.iter().enumerate();
        self.clients.next_at() == u64::MAX
            && nodes.all(|(place, node)| {
                // Who is no member hears nothing any more, and need not.
                !names(number, place)
                    || node.live.as_ref().is_some_and(|live| {
                        longest == Some(live.log.len())
                            && live.commit == live.log.len()
                            && live.waits.is_empty()
                            && live.early.is_empty()
                            && live.reads.is_empty()
                    })
            })
    }

    fn unrest(&self) -> String {
        let mut lines = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let Some(live) = &node.live else {
                lines.push(format!("node {} is down", place + 1));
                continue;
            };
            let status = live.raft.status();
            let waiting: Vec<String> = status.waiting.iter().map(ToString::to_string).collect();
            let role = match live.role {
                Role::Leader => "leads",
                _ if !names(live.configuration().1, place) => "is no member in",
                _ => "follows",
            };
            lines.push(format!(
                "node {} {role} term {}, log {}, commit {}, {} wait, {} early, {} reads: {}",
                place + 1,
                status.term,
                status.last,
                status.commit,
                live.waits.len(),
                live.early.len(),
                live.reads.len(),
                waiting.join("; ")
            ));
        }
        lines.join(" | ")
    }
}
