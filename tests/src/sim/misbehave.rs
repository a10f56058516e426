//! What hosts do that are wrong on purpose, beside what stands where they should do right.

use kraft_proto::{CommitMode, Held, LogIndex, LogPosition, Role, Term};

use super::event::Event;
use super::plant::Plant;
use super::world::World;

impl World {
    /// A peer has answered an append, and gets it again.
    pub(super) fn send_again(&mut self, place: usize, to: usize) {
        let node = &self.nodes[place];
        let chain = self.chain + 1;
        let mut kept = node.last_appends.iter();
        if let Some((_, envelope, bytes)) = kept.find(|(peer, ..)| *peer == to) {
            let saved = node.disk.saved().hard;
            self.witness.see(Event::Sent {
                envelope,
                saved,
                chain,
            });
            let bytes = bytes.clone();
            self.links.send(self.now_us, place, to, chain, bytes);
        }
    }

    /// What a host does that is wrong on purpose.
    pub(super) fn misbehave(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let (Some(plant), Some(live)) = (node.plant, &mut node.live) else {
            return;
        };
        let (node, len) = (place, live.log.len());
        let ahead = len > live.commit;
        let leads = live.role == Role::Leader;
        match plant {
            Plant::RewritesOwnLog if leads && ahead && len > 8 => {
                live.log[len - 1].data += 1;
                let (log, sets) = (&live.log, live.sets());
                self.witness.see(Event::Log {
                    node,
                    from: len - 1,
                    log,
                    sets,
                });
            }
            Plant::AppliesAhead if !leads && ahead => {
                let (from, term, log) = (live.commit, live.term, &live.log);
                let upto = len;
                self.witness.see(Event::Committed {
                    node,
                    term,
                    log,
                    from,
                    upto,
                });
                live.commit = upto;
            }
            Plant::AcksAlone if leads && ahead && live.log[len - 1].term.0 == live.term => {
                let upto = LogPosition::new(Term(live.term), LogIndex(len as u64));
                let (mode, held) = (CommitMode::Sync, Held::Synced);
                self.witness.see(Event::Acked {
                    node,
                    deciding: live.deciding(),
                    mode,
                    held,
                    upto,
                });
            }
            _ => {}
        }
    }
}
