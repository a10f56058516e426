//! A disk that goes back to an earlier copy of itself, and what must become of the node on it.
//!
//! It is fair only where the design promises something: one leader heard the node before and hears it
//! after, counts everything that is on its disk, and stays until the node is up to date. So it happens
//! only in fair weather, and nothing else befalls the cluster for [`QUIET_US`].

use kraft_proto::{EntryKind, Role, Trust};

use super::action::DiskState;
use super::disk::Copied;
use super::event::End;
use super::node::Stopping;
use super::plant::Plant;
use super::world::World;

/// How long nothing else befalls, in microseconds: three times what it takes.
const QUIET_US: u64 = 3_000_000;

/// How often it is waited for so long where a node is slow to be brought up to date: one that says one
/// thing a millisecond, on a disk that takes 80 ms to force each entry of hundreds.
const WAITS_MAX: u8 = 5;

/// A node whose disk went back.
#[derive(Clone, Copy, Debug)]
pub(super) struct SetBack {
    place: usize,
    /// The leader that saw both, and its term.
    leader: usize,
    term: u64,
    /// What that had committed by then.
    commit: u64,
    until_us: u64,
    notice: Notice,
    /// How often it was waited for.
    waits: u8,
}

/// Whether the leader is to notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    /// It lacks what was counted, or its number is no newer one.
    Must,
    /// Its number is newer, and nothing is gone.
    May,
}

impl SetBack {
    /// Whether it is the disk of this node.
    pub fn is_of(&self, place: usize) -> bool {
        self.place == place
    }
}

impl World {
    /// Whether other faults are to wait.
    pub(super) fn is_quiet(&self) -> bool {
        let back = self.set_back.as_ref();
        back.is_some_and(|back| self.now_us < back.until_us)
    }

    /// Somebody copies the disk of a node, as far as it is certain.
    pub(super) fn copy_disk(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        node.copied = Some(node.disk.copy());
    }

    /// The disk of a node is replaced by the copy, and the node started on it.
    pub(super) fn put_back(&mut self, place: usize) {
        let Some((leader, copied)) = self.may_put_back(place) else {
            return;
        };
        let heard = self.life_heard(leader, place);
        let number = copied.saved.hard.incarnation.number + 1;
        // A suspect says itself that it may have forgotten.
        let lacks = copied.len() < self.nodes[place].disk.synced_log().len()
            && copied.saved.hard.trust != Trust::Suspect;
        let kind = match number.cmp(&heard) {
            std::cmp::Ordering::Less => "disk set back, lower number",
            std::cmp::Ordering::Equal => "disk set back, equal number",
            std::cmp::Ordering::Greater => "disk set back, higher number",
        };
        self.tally.fault(kind);
        let status = self.nodes[leader]
            .live
            .as_ref()
            .map(|live| live.raft.status());
        let Some(status) = status else { return };
        self.set_back = Some(SetBack {
            place,
            leader,
            term: status.term.0,
            commit: status.commit.index.0,
            until_us: self.now_us + QUIET_US,
            notice: match lacks || number <= heard {
                true => Notice::Must,
                false => Notice::May,
            },
            waits: 1,
        });
        self.end(place, End::Killed);
        self.nodes[place].disk.put_back(copied);
        self.start(place);
    }

    /// The number of the newest incarnation of a peer that a leader heard.
    fn life_heard(&self, leader: usize, place: usize) -> u64 {
        let live = self.nodes[leader].live.as_ref();
        let peers = live
            .map(|live| live.raft.status().peers)
            .unwrap_or_default();
        let mut peers = peers.iter().filter(|peer| peer.id.0 == place as u64 + 1);
        peers.next().map_or(0, |peer| peer.incarnation.number)
    }

    /// The leader that sees both, and the copy; `None` where nothing is promised.
    fn may_put_back(&self, place: usize) -> Option<(usize, Copied)> {
        let fair = matches!(self.setup.plant, None | Some(Plant::RepeatsNonce))
            && self.links.is_fair()
            && !self.is_quiet();
        let healthy = self.nodes.iter().all(|node| {
            let up = node.live.as_ref();
            let up = up
                .is_some_and(|live| live.stopping == Stopping::No && live.trust != Trust::Suspect);
            up && node.disk.state() == DiskState::Healthy && node.clock.is_true()
        });
        let leader = self.place_of(super::action::Target::Leader)?;
        if !fair || !healthy || leader == place {
            return None;
        }
        let copied = self.nodes[place].copied.clone()?;
        let status = self.nodes[leader].live.as_ref()?.raft.status();
        let at_rest = status.role == Role::Leader
            && status.commit.term == status.term
            && status.transfer_to.is_none()
            && self.nodes.iter().all(|node| {
                node.live
                    .as_ref()
                    .is_some_and(|live| live.raft.status().term == status.term)
            });
        let live = self.nodes[place].live.as_ref()?;
        let peer = status
            .peers
            .iter()
            .find(|peer| peer.id.0 == place as u64 + 1)?;
        let log = self.nodes[place].disk.synced_log();
        // All of it is counted, and no members changed since.
        let counted = peer.incarnation == live.raft.status().incarnation
            && peer
                .watermarks
                .is_some_and(|watermarks| watermarks.synced.0 >= log.len() as u64)
            && self.nodes[place].disk.log().len() == log.len();
        let same = log.get(..copied.len()) == Some(copied.log());
        let members = log.get(copied.len()..).unwrap_or_default().iter();
        let members_stay = !members
            .clone()
            .any(|entry| entry.kind == EntryKind::Configuration)
            && status.members_at <= status.commit.index;
        (at_rest && counted && same && members_stay).then_some((leader, copied))
    }

    /// After the quiet: the node is up to date and trusted, and whoever must have noticed did.
    pub(super) fn review_set_back(&mut self) {
        let Some(back) = self.set_back.filter(|back| self.now_us >= back.until_us) else {
            return;
        };
        self.set_back = None;
        let status = |place: usize| {
            let live = self.nodes[place].live.as_ref();
            live.map(|live| live.raft.status())
        };
        let (Some(leader), Some(node)) = (status(back.leader), status(back.place)) else {
            return;
        };
        if leader.role != Role::Leader || leader.term.0 != back.term {
            return self.tally.deed("leader left while a disk was set back");
        }
        let id = back.place as u64 + 1;
        let noticed = leader
            .peers
            .iter()
            .any(|peer| peer.id.0 == id && peer.set_backs > 0);
        let whole = node.trust != Trust::Suspect && node.commit.index.0 >= back.commit;
        let missed = back.notice == Notice::Must && !noticed;
        if !missed && !whole && back.waits < WAITS_MAX {
            self.set_back = Some(SetBack {
                until_us: self.now_us + QUIET_US,
                waits: back.waits + 1,
                ..back
            });
            return;
        }
        if missed || !whole {
            let what = format!(
                "{back:?}: noticed: {noticed}, {:?}, commit {}",
                node.trust, node.commit
            );
            return self.witness.object("set_back", what);
        }
        if noticed {
            self.tally.deed("disk that went back noticed");
        }
    }
}
