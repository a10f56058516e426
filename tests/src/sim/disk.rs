//! A simulated disk: what it holds for certain, what the operating system shows, and what a power
//! cut makes of the difference.
//!
//! ```text
//!  take ─► queued ─► written: the system shows it ─► synced: certain
//!                    └── a power cut keeps a prefix, the last write of it perhaps torn; what
//!                        an unsynced truncation had cut off is there again
//! ```

mod crash;

use kit::{Queued, Writes};
use kraft_proto::{
    EntryKind, HardState, Held, LogIndex, LogPosition, Receipt, Run, Write, WriteKind,
};
use serde::{Deserialize, Serialize};

use super::action::DiskState;
use super::chance::Chance;
use super::entry::{Entry, Log};
use super::setup::DiskSpeed;
use super::snapshots::Kept;

/// What a write changes in the log.
#[derive(Clone, Debug, Default)]
struct Change {
    entries: Option<(Run, Vec<Entry>)>,
    /// The core's part of the snapshot that takes the log's place.
    snapshot: Option<Kept>,
}

/// What a log write changes, as far as a medium has it.
#[derive(Clone, Debug, Default)]
struct Image {
    log: Log,
    /// The snapshot it begins with: a log stands here with all that its snapshot covers.
    snapshot: Option<Kept>,
}

/// The hard state of a node, and the boot of the operating system that saved it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Term, vote, incarnation, trust.
    pub hard: HardState,
    /// Which boot.
    pub boot: u64,
}

/// An earlier copy of a disk.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    pub saved: Saved,
    image: Image,
    hint: Option<LogPosition>,
}

impl Copied {
    pub fn log(&self) -> &[Entry] {
        &self.image.log
    }

    pub fn len(&self) -> usize {
        self.image.log.len()
    }
}

/// Whether an fsync does what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Fsync {
    /// It does.
    Honest,
    /// It says that entries are synced, and they are not.
    Lies,
}

/// What a crash leaves of that which nothing holds yet: of what was accepted, when a process dies; of what
/// was written too, when the power goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// Some of it, by chance: that is fair, and a sweep must meet it.
    #[default]
    Some,
    /// Nothing: a lesson shows what may be lost, not what luck saves.
    Nothing,
}

/// Something a disk did.
pub struct Done {
    /// What to tell the core.
    pub receipt: Receipt,
    /// Entries held from now on, and how.
    pub held: Vec<(Held, Run)>,
}

/// The disk of one node.
#[derive(Clone, Debug)]
pub struct Disk {
    key: [u64; 2],
    speed: DiskSpeed,
    fsync: Fsync,
    state: DiskState,
    boot: u64,
    synced: Image,
    seen: Image,
    saved: Saved,
    /// The last position told as committed, as far as its host kept that: never forced.
    hint: Option<LogPosition>,
    /// Said to be synced by a disk that lies.
    lied: Vec<Queued<Change>>,
    /// Those that are written are in `seen`.
    writes: Writes<Change>,
    write_at: Option<u64>,
    sync_at: Option<(u64, usize)>,
    hard_at: Option<u64>,
    /// A finished write whose receipt may come again.
    finished: Option<Write>,
    done: u64,
}

impl Change {
    /// What it makes the disk hold.
    fn held(&self, held: Held) -> Vec<(Held, Run)> {
        match &self.entries {
            Some((_, entries)) if self.snapshot.is_some() => {
                let log = Log::from(entries.clone());
                log.runs().map(|run| (held, run)).collect()
            }
            Some((run, _)) => vec![(held, *run)],
            None => Vec::new(),
        }
    }

    /// Makes it, with so many of its entries at most.
    fn apply(&self, image: &mut Image, keep: usize) {
        if let Some((run, entries)) = &self.entries {
            image.log.put(run.first, entries.iter().take(keep).copied());
        }
        if let Some(kept) = &self.snapshot {
            image.snapshot = Some(kept.clone());
        }
    }
}

impl Disk {
    /// An empty disk.
    pub fn new(seed: u64, node: u64, speed: DiskSpeed, fsync: Fsync) -> Self {
        Self {
            key: [seed, node],
            speed,
            fsync,
            state: DiskState::Healthy,
            boot: 1,
            synced: Image::default(),
            seen: Image::default(),
            saved: Saved::default(),
            hint: None,
            lied: Vec::new(),
            writes: Writes::default(),
            write_at: None,
            sync_at: None,
            hard_at: None,
            finished: None,
            done: 0,
        }
    }

    /// How it does.
    pub fn state(&self) -> DiskState {
        self.state
    }

    /// Changes how it does.
    pub fn set_state(&mut self, now_us: u64, state: DiskState) {
        if self.state == DiskState::Stuck {
            let late = |at: &mut Option<u64>| *at = at.map(|at| at.max(now_us));
            late(&mut self.write_at);
            late(&mut self.hard_at);
            self.sync_at = self.sync_at.map(|(at, covers)| (at.max(now_us), covers));
        }
        self.state = state;
    }

    /// The log as the operating system shows it.
    pub fn log(&self) -> &[Entry] {
        &self.seen.log
    }

    /// The log as far as it is certain.
    pub fn synced_log(&self) -> &[Entry] {
        &self.synced.log
    }

    /// The snapshot its log begins with.
    pub(crate) fn snapshot(&self) -> Option<&Kept> {
        self.seen.snapshot.as_ref()
    }

    /// Keeps a snapshot of what it holds for certain, at once. Not on a disk that lies.
    pub(crate) fn keep_snapshot(&mut self, kept: Kept) -> bool {
        let newer = |known: &Option<Kept>| known.as_ref().is_none_or(|known| known.0 < kept.0);
        let keeps = self.fsync == Fsync::Honest && newer(&self.seen.snapshot);
        if keeps {
            self.synced.snapshot = Some(kept.clone());
            self.seen.snapshot = Some(kept);
        }
        keeps
    }

    /// What was told as committed, and kept.
    pub(crate) fn hint(&self) -> Option<LogPosition> {
        self.hint
    }

    pub(crate) fn keep_hint(&mut self, position: LogPosition) {
        self.hint = Some(position);
    }

    /// The hard state that is certain.
    pub fn saved(&self) -> Saved {
        self.saved
    }

    /// Whether the system that saved the hard state still runs.
    pub fn is_same_boot(&self) -> bool {
        self.saved.boot == self.boot
    }

    /// Log writes that are not written, and hard states that are not synced. What is written and waits
    /// for an fsync is the operating system's to keep, and how much that becomes is a matter of how
    /// slow the disk is: the core counts the entries at risk, not the writes.
    pub fn queued(&self) -> usize {
        self.writes.waiting() + self.writes.hard_states().count()
    }

    /// Takes a write, with what its entries hold. Refused if an entry that stands alone is not
    /// synced yet.
    pub fn take(
        &mut self,
        now_us: u64,
        write: Write,
        entries: Vec<Entry>,
        taken: Option<Kept>,
    ) -> Result<(), String> {
        let change = match write.kind() {
            WriteKind::HardState(_) | WriteKind::Force => Change::default(),
            WriteKind::Entries(run) => Change {
                entries: Some((run, entries)),
                snapshot: None,
            },
            WriteKind::Snapshot(last) => {
                let snapshot = taken.filter(|(covers, _)| *covers as u64 == last.index.0);
                if snapshot.is_none() {
                    return Err(format!(
                        "a write of a snapshot through {last} it never took"
                    ));
                }
                let run = Run {
                    term: last.term,
                    kind: EntryKind::Command,
                    first: LogIndex(1),
                    count: entries.len() as u32,
                };
                Change {
                    entries: Some((run, entries)),
                    snapshot,
                }
            }
        };
        self.writes.take(write, change)?;
        self.begin(now_us);
        Ok(())
    }

    fn takes(&mut self, span: (u64, u64)) -> u64 {
        self.done += 1;
        let [seed, node] = self.key;
        let time = Chance::about(&[seed, 2, node, self.done]).number(span.0, span.1);
        match self.state {
            DiskState::Slow(factor) => time * u64::from(factor),
            _ => time,
        }
    }

    /// Starts what can be started.
    fn begin(&mut self, now_us: u64) {
        if self.write_at.is_none() && self.writes.waiting() > 0 {
            self.write_at = Some(now_us + self.takes(self.speed.write_us));
        }
        if self.hard_at.is_none() && self.writes.hard_states().next().is_some() {
            self.hard_at = Some(now_us + self.takes(self.speed.sync_us));
        }
        if self.sync_at.is_none() && self.writes.is_forced() {
            let at = now_us + self.takes(self.speed.sync_us);
            self.sync_at = Some((at, self.writes.written_count()));
        }
    }

    /// When it will have done something.
    pub fn next_at(&self) -> u64 {
        if self.state == DiskState::Stuck {
            return u64::MAX;
        }
        let sync_at = self.sync_at.map(|(at, _)| at);
        let all = [self.write_at, sync_at, self.hard_at];
        all.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Does what is done by now, one thing at a time.
    pub fn advance(&mut self, now_us: u64) -> Option<Done> {
        let due = |at: Option<u64>| at.is_some_and(|at| at <= now_us);
        let done = if due(self.hard_at) {
            self.finish_hard()
        } else if due(self.write_at) {
            self.finish_write()
        } else if due(self.sync_at.map(|(at, _)| at)) {
            self.finish_sync()
        } else {
            return None;
        };
        self.begin(now_us);
        done
    }

    fn finish_hard(&mut self) -> Option<Done> {
        self.hard_at = None;
        let (hard, write) = self.writes.sync_hard_state()?;
        let boot = self.boot;
        self.saved = Saved { hard, boot };
        Some(Done {
            receipt: write.synced(),
            held: Vec::new(),
        })
    }

    fn finish_write(&mut self) -> Option<Done> {
        self.write_at = None;
        let (change, receipt) = self.writes.write_one()?;
        change.apply(&mut self.seen, usize::MAX);
        let held = change.held(Held::Written);
        receipt.map(|receipt| Done { receipt, held })
    }

    fn finish_sync(&mut self) -> Option<Done> {
        let (_, covers) = self.sync_at.take()?;
        let mut held = Vec::new();
        let (synced, receipt) = self.writes.sync(covers);
        for mut queued in synced {
            held.extend(queued.change.held(Held::Synced));
            self.finished = queued.write.take().or(self.finished.take());
            match self.fsync {
                Fsync::Honest => queued.change.apply(&mut self.synced, usize::MAX),
                Fsync::Lies => self.lied.push(queued),
            }
        }
        receipt.map(|receipt| Done { receipt, held })
    }

    /// A receipt that was given already.
    pub fn receipt_again(&self) -> Option<Receipt> {
        self.finished.clone().map(Write::synced)
    }

    /// Everything in it, for the hash of the state.
    pub fn canonical(&self) -> impl Serialize {
        let op = |queued: &Queued<Change>| {
            let change = queued.change.entries.clone();
            (change, queued.force, queued.write.is_some())
        };
        let boot = self.boot;
        let hards = self.writes.hard_states();
        (
            (self.fsync, self.state, self.boot, self.done),
            (&self.synced.log, &self.seen.log, self.saved),
            (&self.synced.snapshot, &self.seen.snapshot, self.hint),
            self.lied.iter().map(op).collect::<Vec<_>>(),
            self.writes.log().map(op).collect::<Vec<_>>(),
            self.writes.written_count(),
            hards.map(|hard| Saved { hard, boot }).collect::<Vec<_>>(),
            (self.write_at, self.sync_at, self.hard_at),
        )
    }
}
