//! What a crash leaves of a disk, and what a new incarnation finds there.

use super::{Copied, Disk, Fsync, Leaves, Op, Saved, apply};
use crate::sim::chance::Chance;

impl Disk {
    /// The process that wrote dies. What it had handed over stays; what it was about to may.
    pub fn kill(&mut self, leaves: Leaves) {
        let mut chance = self.crash_chance();
        let reached = match leaves {
            Leaves::Some => chance.number(self.written as u64, self.ops.len() as u64) as usize,
            Leaves::Nothing => self.written,
        };
        for op in self.ops.iter().take(reached).skip(self.written) {
            apply(op.change.as_ref(), &mut self.seen, usize::MAX);
            self.seen_snapshot = op.snapshot.clone().or(self.seen_snapshot.take());
        }
        self.ops.truncate(reached);
        self.keep_some_hard_state(&mut chance, leaves);
        for op in &mut self.ops {
            op.write = None;
            op.unsynced = None;
        }
        self.written = self.ops.len();
        self.forget_work();
    }

    /// The power goes.
    pub fn cut_power(&mut self, leaves: Leaves) {
        let mut chance = self.crash_chance();
        let all: Vec<Op> = self.lied.drain(..).chain(self.ops.drain(..)).collect();
        let kept = match chance.number(0, 2) {
            _ if leaves == Leaves::Nothing => 0,
            0 => 0,
            1 => all.len(),
            _ => chance.number(0, all.len() as u64) as usize,
        };
        for op in all.iter().take(kept) {
            apply(op.change.as_ref(), &mut self.synced, usize::MAX);
            self.synced_snapshot = op.snapshot.clone().or(self.synced_snapshot.take());
        }
        if let Some(Op {
            change: Some((run, entries)),
            snapshot: None,
            ..
        }) = all.get(kept)
            && leaves == Leaves::Some
            && chance.permille(500)
        {
            let torn = chance.number(0, u64::from(run.count)) as usize;
            if torn > 0 {
                apply(Some(&(*run, entries.clone())), &mut self.synced, torn);
            }
        }
        self.keep_some_hard_state(&mut chance, leaves);
        self.seen = self.synced.clone();
        self.seen_snapshot = self.synced_snapshot.clone();
        self.written = 0;
        self.boot += 1;
        self.forget_work();
    }

    fn crash_chance(&mut self) -> Chance {
        self.done += 1;
        Chance::about(&[self.key[0], 3, self.key[1], self.done])
    }

    fn keep_some_hard_state(&mut self, chance: &mut Chance, leaves: Leaves) {
        let kept = match leaves {
            Leaves::Some => chance.number(0, self.hards.len() as u64) as usize,
            Leaves::Nothing => 0,
        };
        if let Some((saved, _)) = self.hards.drain(..).take(kept).next_back() {
            self.saved = saved;
        }
        self.hards.clear();
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
            self.lied.extend(self.ops.drain(..));
        } else {
            self.ops.clear();
            self.synced.clone_from(&self.seen);
            self.synced_snapshot.clone_from(&self.seen_snapshot);
        }
        self.written = 0;
    }

    /// A copy of what is certain.
    pub(crate) fn copy(&self) -> Copied {
        Copied {
            saved: self.saved,
            log: self.synced.clone(),
            snapshot: self.synced_snapshot.clone(),
            hint: self.hint,
        }
    }

    /// The copy takes its place. The operating system is the one that runs.
    pub(crate) fn put_back(&mut self, copied: Copied) {
        self.ops.clear();
        self.hards.clear();
        self.written = 0;
        self.forget_work();
        self.saved = Saved {
            boot: self.boot,
            ..copied.saved
        };
        self.hint = copied.hint;
        self.synced.clone_from(&copied.log);
        self.seen = copied.log;
        self.synced_snapshot.clone_from(&copied.snapshot);
        self.seen_snapshot = copied.snapshot;
    }

    /// A recovery that brings back only so many entries: a broken store.
    pub fn forget_from(&mut self, len: usize) {
        // Not behind its snapshot.
        let covered = self.seen_snapshot.as_ref().map_or(0, |(covers, _)| *covers);
        self.synced.truncate(len.max(covered));
        self.seen.truncate(len.max(covered));
    }

    /// What the disk forgets of its hard state: a broken store.
    pub fn forget_vote(&mut self) {
        self.saved.hard.vote = None;
    }
}
