//! Compaction and snapshots. What a snapshot holds of the state machine is, in this world, the log
//! it stands for: hosts keep all of theirs, and the cores know only what lies behind their snapshot.

use kit::framed;
use kraft_proto::{LogIndex, LogPosition, NodeId, Raft, Snapshot};

use super::action::Target;
use super::entry::{self, Entry, Log};
use super::event::Event;
use super::node::Live;
use super::world::World;

/// A snapshot as a host keeps it: how many entries it covers, and the core's part of it.
pub(crate) type Kept = (usize, Vec<u8>);

fn made(raft: &Raft, at: LogPosition) -> Option<Kept> {
    let kept = kit::Kept::made(raft, at)?;
    Some((kept.last.index.0 as usize, kept.core))
}

impl Live {
    /// The last of so many entries.
    fn position_at(&self, index: usize) -> LogPosition {
        let index = LogIndex(index as u64);
        LogPosition::new(self.log.term_at(index).unwrap_or_default(), index)
    }

    /// A snapshot took the place of the log.
    pub fn restore(&mut self, log: Vec<Entry>, core: Vec<u8>) {
        self.taken = Some((log.len(), core));
        self.log = Log::from(log);
        self.configurations.truncate(1);
        self.configurations.extend(entry::configurations(&self.log));
    }
}

impl World {
    /// A node keeps a snapshot and drops its log, but for the last so many committed entries.
    pub(super) fn compact(&mut self, node: Target, keep: u32) {
        let Some(place) = self.place_of(node) else {
            return;
        };
        let node = &mut self.nodes[place];
        let Some(live) = &mut node.live else { return };
        let upto = live.position_at(live.commit.saturating_sub(keep as usize));
        let Some(kept) = made(&live.raft, upto) else {
            return;
        };
        if kept.0 <= node.disk.synced_log().len()
            && node.disk.keep_snapshot(kept)
            && live.raft.compacted(upto).is_ok()
        {
            self.tally.deed("log compacted");
        }
        self.attend(place);
    }

    /// A peer needs what is gone here.
    pub(super) fn send_snapshot(&mut self, place: usize, to: NodeId, upto: LogIndex) {
        let node = &mut self.nodes[place];
        let Some(live) = &mut node.live else { return };
        let kept = node.disk.snapshot().cloned();
        let kept = kept.filter(|(last, _)| *last as u64 >= upto.0);
        let kept = kept.or_else(|| made(&live.raft, live.position_at(live.commit)));
        let Some((covers, core)) = kept else { return };
        let state = live.log[..covers].to_vec();
        let last = Snapshot::decode(&core).map(|snapshot| snapshot.last());
        let envelope = last
            .ok()
            .and_then(|last| live.raft.snapshot_message(to, last));
        let Some(envelope) = envelope else { return };
        let saved = node.disk.saved().hard;
        self.tally.deed("snapshot sent");
        let chain = self.chain + 1;
        self.witness.see(Event::Sent {
            envelope: &envelope,
            saved,
            chain,
        });
        if let Ok(bytes) = framed(&envelope, |_| Some(&core)) {
            let to = to.0 as usize - 1;
            self.links
                .send_bulk(self.now_us, place, to, chain, (bytes, state));
        }
    }
}
