//! What clients ask of nodes: writes, reads, and what became of a write.

use kraft_proto::{Bound, Busy, LogPosition, ProposeError, Role, Term};

use super::action::{DiskState, Target};
use super::clients::{RETRY_US, Wish};
use super::event::Event;
use super::plant::Plant;
use super::world::World;

impl World {
    /// A client's write, at the node it believes in. Where it stands, if it was accepted.
    pub(super) fn write(&mut self, wish: Wish) -> Option<LogPosition> {
        let place = self.place_of(wish.to);
        let refused = match place {
            Some(place) => match self.propose(place, wish) {
                Ok(position) => return Some(position),
                Err(refused) => refused,
            },
            None => ProposeError::NotLeader(None),
        };
        self.tally.refused += 1;
        let makes_sense = !matches!(refused, ProposeError::AtLeast { .. } | ProposeError::Count);
        if wish.patience > 0 && makes_sense {
            let to = match refused {
                ProposeError::NotLeader(Some(leader)) => Target::Node(leader.0 as u8),
                _ => Target::Leader,
            };
            let patience = wish.patience - 1;
            let again = Wish {
                to,
                patience,
                ..wish
            };
            self.clients.ask_again(self.now_us + RETRY_US, again);
        }
        None
    }

    fn propose(&mut self, place: usize, wish: Wish) -> Result<LogPosition, ProposeError> {
        let node = &mut self.nodes[place];
        let Some(live) = &mut node.live else {
            return Err(ProposeError::NotLeader(None));
        };
        if node.disk.state() == DiskState::Full {
            return Err(ProposeError::Busy(Busy {
                bound: Bound::UnwrittenEntries,
                limit: 0,
            }));
        }
        let (from, data) = (live.log.len(), self.clients.entries + 1);
        let now = node.clock.show(self.now_us);
        let proposed = live.propose(now, wish.class, wish.count, data);
        if proposed.is_ok() {
            self.clients.entries += u64::from(wish.count);
            let log = &live.log;
            let node = place;
            self.witness.see(Event::Log { node, from, log });
        }
        self.attend(place);
        proposed.map(|proposed| proposed.run.last_position())
    }

    /// A client's read.
    pub(super) fn read(&mut self, from: Target) {
        let Some(place) = self.place_of(from) else {
            return;
        };
        self.clients.reads += 1;
        let id = self.clients.reads;
        self.witness.see(Event::ReadAsked { id });
        let node = &mut self.nodes[place];
        let now = node.clock.show(self.now_us);
        let Some(live) = &mut node.live else {
            return self.witness.see(Event::ReadFailed { id });
        };
        if node.plant == Some(Plant::ReadsAtOnce) && live.role == Role::Leader {
            let (node, applied) = (place, live.commit as u64);
            return self.witness.see(Event::ReadServed { node, id, applied });
        }
        match live.raft.read(now) {
            Ok(ticket) => live.reads.push((ticket, id)),
            Err(_) => {
                self.tally.reads_failed += 1;
                self.witness.see(Event::ReadFailed { id });
            }
        }
        self.attend(place);
    }

    /// A client asks a node for the fates of what was answered lately.
    pub(super) fn ask_fates(&mut self, of: Target) {
        let Some(place) = self.place_of(of) else {
            return;
        };
        self.catch_up_commit(place);
        let Some(live) = &self.nodes[place].live else {
            return;
        };
        for of in self.clients.remembered() {
            let asked = match self.nodes[place].plant {
                Some(Plant::FateByIndex) => {
                    let entry = live.log.get((of.index.0 as usize).wrapping_sub(1));
                    let term = entry.map_or(of.term, |entry| Term(entry.term));
                    LogPosition::new(term, of.index)
                }
                _ => of,
            };
            let fate = live.raft.fate(asked);
            self.tally.fates += 1;
            let node = place;
            self.witness.see(Event::Told { node, of, fate });
        }
    }
}
