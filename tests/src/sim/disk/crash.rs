//! What a crash leaves of a disk, and what a new incarnation finds there.

use kit::{Queued, Writes};
use kraft_proto::LogIndex;

use super::{Change, Copied, Disk, Fsync, Leaves, Saved};
use crate::sim::chance::Chance;

impl Disk {
    /// The process that wrote dies. What it had handed over stays; what it was about to may.
    pub fn kill(&mut self, leaves: Leaves) {
        let mut chance = self.crash_chance();
        let (written, all) = (self.writes.written_count(), self.writes.log().count());
        let reached = match leaves {
            Leaves::Some => chance.number(written as u64, all as u64) as usize,
            Leaves::Nothing => written,
        };
        for queued in self.writes.log().take(reached).skip(written) {
            queued.change.apply(&mut self.seen, usize::MAX);
        }
        self.keep_some_hard_state(&mut chance, leaves);
        self.writes.end_incarnation(reached);
        self.forget_work();
    }

    /// The power goes.
    pub fn cut_power(&mut self, leaves: Leaves) {
        let mut chance = self.crash_chance();
        let all: Vec<Queued<Change>> = self.lied.drain(..).chain(self.writes.take_log()).collect();
        let kept = match chance.number(0, 2) {
            _ if leaves == Leaves::Nothing => 0,
            0 => 0,
            1 => all.len(),
            _ => chance.number(0, all.len() as u64) as usize,
        };
        for queued in all.iter().take(kept) {
            queued.change.apply(&mut self.synced, usize::MAX);
        }
        if let Some(change) = all.get(kept).map(|queued| &queued.change)
            && let (Some((run, _)), None) = (&change.entries, &change.snapshot)
            && leaves == Leaves::Some
            && chance.permille(500)
        {
            let torn = chance.number(0, u64::from(run.count)) as usize;
            if torn > 0 {
                change.apply(&mut self.synced, torn);
            }
        }
        self.keep_some_hard_state(&mut chance, leaves);
        self.seen = self.synced.clone();
        self.boot += 1;
        self.forget_work();
    }

    fn crash_chance(&mut self) -> Chance {
        self.done += 1;
        Chance::about(&[self.key[0], 3, self.key[1], self.done])
    }

    fn keep_some_hard_state(&mut self, chance: &mut Chance, leaves: Leaves) {
        let waiting = self.writes.hard_states().count();
        let kept = match leaves {
            Leaves::Some => chance.number(0, waiting as u64) as usize,
            Leaves::Nothing => 0,
        };
        if let Some(hard) = self.writes.keep_hard_states(kept) {
            let boot = self.boot;
            self.saved = Saved { hard, boot };
        }
    }

    fn forget_work(&mut self) {
        self.write_at = None;
        self.sync_at = None;
        self.hard_at = None;
        self.finished = None;
    }

    /// A new incarnation begins: what is there is forced before it counts.
    pub fn recover(&mut self) {
        if self.fsync == Fsync::Lies {
            self.lied.extend(self.writes.take_log());
        } else {
            drop(self.writes.take_log());
            self.synced.clone_from(&self.seen);
        }
    }

    /// A copy of what is certain.
    pub(crate) fn copy(&self) -> Copied {
        Copied {
            saved: self.saved,
            image: self.synced.clone(),
            hint: self.hint,
        }
    }

    /// The copy takes its place. The operating system is the one that runs.
    pub(crate) fn put_back(&mut self, copied: Copied) {
        self.writes = Writes::default();
        self.forget_work();
        self.saved = Saved {
            boot: self.boot,
            ..copied.saved
        };
        self.hint = copied.hint;
        self.synced.clone_from(&copied.image);
        self.seen = copied.image;
    }

    /// A recovery that brings back only so many entries: a broken store.
    pub fn forget_from(&mut self, len: usize) {
        // Not behind its snapshot.
        let covered = self.seen.snapshot.as_ref().map_or(0, |(covers, _)| *covers);
        let from = LogIndex(len.max(covered) as u64 + 1);
        self.synced.log.cut(from);
        self.seen.log.cut(from);
    }

    /// What the disk forgets of its hard state: a broken store.
    pub fn forget_vote(&mut self) {
        self.saved.hard.vote = None;
    }
}
