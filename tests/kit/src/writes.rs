//! Writes on their way to a disk.

use std::collections::VecDeque;

use kraft_proto::{Force, FsyncMode, HardState, Receipt, Unsynced, Write, WriteKind};

/// A write of the log that is not synced, with what it changes there.
#[derive(Clone, Debug)]
pub struct Queued<C> {
    /// What it changes.
    pub change: C,
    /// Whether the core asked for it to be forced.
    pub force: Force,
    /// None once the incarnation that asked for it has ended.
    pub write: Option<Write>,
    unsynced: Option<Unsynced>,
}

/// What a disk was asked to write and has not synced.
///
/// ```text
/// log          take ─► waiting ─► write_one ─► written ─► sync, each with all before it
/// hard state   take ─────────────────────────────────────► sync_hard_state, each by itself
/// ```
#[derive(Clone, Debug)]
pub struct Writes<C> {
    /// Oldest first; the first `written` of them are written.
    log: VecDeque<Queued<C>>,
    written: usize,
    hard: VecDeque<(HardState, Write)>,
}

impl<C> Default for Writes<C> {
    fn default() -> Self {
        Self {
            log: VecDeque::new(),
            written: 0,
            hard: VecDeque::new(),
        }
    }
}

impl<C> Writes<C> {
    /// Takes a write, and what it changes in the log. Refused if an entry that stands alone is not
    /// synced yet.
    pub fn take(&mut self, write: Write, change: C) -> Result<(), String> {
        if let WriteKind::HardState(hard) = write.kind() {
            self.hard.push_back((hard, write));
            return Ok(());
        }
        let alone = |queued: &Queued<C>| {
            let write = queued.write.as_ref();
            write.is_some_and(|write| {
                matches!(write.kind(), WriteKind::Entries(_))
                    && write.class().fsync == FsyncMode::Always
            })
        };
        if self.log.iter().any(alone) {
            return Err(format!("{write:?} before an ALWAYS entry is synced"));
        }
        self.log.push_back(Queued {
            change,
            force: write.force(),
            write: Some(write),
            unsynced: None,
        });
        Ok(())
    }

    /// Writes of the log that are not synced, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Queued<C>> {
        self.log.iter()
    }

    /// Those that are written.
    pub fn written(&self) -> impl Iterator<Item = &Queued<C>> {
        self.log.iter().take(self.written)
    }

    /// How many are written.
    pub fn written_count(&self) -> usize {
        self.written
    }

    /// Whether the core asked for any of these to be forced.
    pub fn is_forced(&self) -> bool {
        self.written().any(|queued| queued.force == Force::Now)
    }

    /// How many writes of the log are not written.
    pub fn waiting(&self) -> usize {
        self.log.len() - self.written
    }

    /// Hard states that are not synced, oldest first.
    pub fn hard_states(&self) -> impl Iterator<Item = HardState> {
        self.hard.iter().map(|(hard, _)| *hard)
    }

    /// The operating system takes the oldest write that waits.
    pub fn write_one(&mut self) -> Option<(&C, Option<Receipt>)> {
        let queued = self.log.get_mut(self.written)?;
        self.written += 1;
        let written = queued.write.clone().map(Write::written);
        let (receipt, unsynced) = written.unzip();
        queued.unsynced = unsynced;
        Some((&queued.change, receipt))
    }

    /// An fsync of the oldest `covers` writes, which are written. The last receipt says so of all.
    pub fn sync(&mut self, covers: usize) -> (Vec<Queued<C>>, Option<Receipt>) {
        assert!(covers <= self.written, "an fsync covers what is written");
        self.written -= covers;
        let mut receipt = None;
        let mut synced: Vec<Queued<C>> = self.log.drain(..covers).collect();
        for queued in &mut synced {
            let earned = queued.unsynced.take().map(Unsynced::synced);
            receipt = earned.or(receipt);
        }
        (synced, receipt)
    }

    /// An fsync of the oldest hard state: what it is, and the write that asked for it.
    pub fn sync_hard_state(&mut self) -> Option<(HardState, Write)> {
        self.hard.pop_front()
    }

    /// The incarnation ends. So many writes stay with the operating system, and nobody waits for them.
    pub fn end_incarnation(&mut self, kept: usize) {
        self.log.truncate(kept);
        for queued in &mut self.log {
            (queued.write, queued.unsynced) = (None, None);
        }
        self.written = kept;
    }

    /// Whatever is not synced of the log, taken away.
    pub fn take_log(&mut self) -> impl Iterator<Item = Queued<C>> {
        self.written = 0;
        self.log.drain(..)
    }

    /// So many of the hard states that wait get to the disk, and the others are gone: the last of them.
    pub fn keep_hard_states(&mut self, kept: usize) -> Option<HardState> {
        let last = self.hard.drain(..).take(kept).next_back();
        last.map(|(hard, _)| hard)
    }
}
