//! Logs that are compacted, and the snapshots that take their place.

use kit::Kept;
use kraft_proto::{LogIndex, LogPosition, NodeId};

use crate::disk::Saved;
use crate::host::Live;
use crate::world::{Packet, World};

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub made: u64,
    pub compacted: u64,
    pub asked: u64,
    pub sent: u64,
    pub restored: u64,
}

impl Counts {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            made: self.made + other.made,
            compacted: self.compacted + other.compacted,
            asked: self.asked + other.asked,
            sent: self.sent + other.sent,
            restored: self.restored + other.restored,
        }
    }
}

impl Live {
    /// A snapshot of the state after some applied entry.
    fn make(&mut self, index: usize) -> Option<LogPosition> {
        let term = self.log[index.checked_sub(1)?].term;
        let at = LogPosition::new(term, LogIndex(index as u64));
        let Kept { last, core } = Kept::made(&self.raft, at)?;
        let state = self.log[..index].to_vec();
        assert_eq!(state.last().map(|e| e.term), Some(last.term));
        self.snapshots.insert(last, Saved { last, core, state });
        Some(last)
    }
}

impl World {
    /// A host takes a snapshot, and most often drops its log before that.
    pub fn compact(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        let Some(live) = &mut host.live else { return };
        let compacted = live.raft.status().compacted.index.0;
        if live.applied as u64 <= compacted {
            return;
        }
        let index = self.chance.number(compacted + 1..=live.applied as u64);
        let Some(last) = live.make(index as usize) else {
            return;
        };
        self.snapshots.made += 1;
        if self.chance.permille(800) && live.raft.compacted(last).is_ok() {
            self.snapshots.compacted += 1;
            host.disk.compact(live.snapshots[&last].clone());
            self.trace(|| format!("compact {} through {last}", place + 1));
        }
        self.observe(place);
    }

    /// A host is asked for a snapshot: it sends one that reaches far enough, sooner or later or not.
    pub fn serve(&mut self, place: usize, to: NodeId, upto: LogIndex) {
        self.snapshots.asked += 1;
        let Some(live) = &mut self.hosts[place].live else {
            return;
        };
        assert!(
            live.applied as u64 >= upto.0,
            "{upto} was not told as committed"
        );
        if self.chance.permille(300) {
            return;
        }
        let fit = live.snapshots.keys().filter(|last| last.index >= upto);
        let fit: Vec<LogPosition> = fit.copied().collect();
        let made = match fit.is_empty() || self.chance.permille(300) {
            true => live.make(live.applied),
            false => None,
        };
        // Where the members are not known yet, there is one at hand.
        let last = made.unwrap_or_else(|| fit[self.chance.place(fit.len())]);
        self.send_snapshot(place, to, last);
    }

    /// A leader's host sends some old snapshot to somebody for no reason.
    pub fn send_any_snapshot(&mut self, place: usize) {
        let to = NodeId(self.chance.place(self.hosts.len()) as u64 + 1);
        let Some(live) = &self.hosts[place].live else {
            return;
        };
        let at_hand: Vec<LogPosition> = live.snapshots.keys().copied().collect();
        if !at_hand.is_empty() {
            let last = at_hand[self.chance.place(at_hand.len())];
            self.send_snapshot(place, to, last);
        }
    }

    fn send_snapshot(&mut self, place: usize, to: NodeId, last: LogPosition) {
        let Some(live) = &self.hosts[place].live else {
            return;
        };
        let Some(envelope) = live.raft.snapshot_message(to, last) else {
            return;
        };
        self.snapshots.sent += 1;
        self.trace(|| format!("snapshot {} to {to} through {last}", place + 1));
        let Some(live) = &self.hosts[place].live else {
            return;
        };
        self.packets.push(Packet {
            from: envelope.from,
            to,
            bytes: live.encode(&envelope),
            state: live.snapshots[&last].state.clone(),
        });
    }

    /// The state is replaced: by one that goes on from what was applied.
    pub fn restore(&mut self, place: usize, upto: LogPosition) {
        self.snapshots.restored += 1;
        let host = &mut self.hosts[place];
        let Some(live) = &mut host.live else {
            return;
        };
        let saved = &live.snapshots[&upto];
        assert_eq!(saved.state.len() as u64, upto.index.0);
        assert!(
            live.applied < saved.state.len(),
            "{upto} undoes what is applied"
        );
        let on_disk = host.disk.synced_log().get(..saved.state.len());
        assert_eq!(on_disk, Some(&saved.state[..]), "{upto} is not on the disk");
        live.applied = saved.state.len();
    }
}
