//! What an embedder writes: its storage, on a disk that can be broken.

use kraft_proto::{HardState, LogIndex, LogPosition, Receipt, Run, Write};

/// A host's storage as the suite uses it: a store on a disk that outlives crashes.
///
/// The suite calls [`open`](Adapter::open), then any number of [`submit`](Adapter::submit) and
/// [`step`](Adapter::step), then [`crash`](Adapter::crash), then `open` again. One such stretch is a
/// *incarnation* of the process; the value lives on, as the disk does.
///
/// ```text
/// open ─► Found        submit(write, payloads) ─► step ─► receipts        crash ─► open ─► Found
///                              ▲                   │
///                              └── the core's next write ◄┘
///                      run_at(index) ─► which run stands there, at any time in between
/// ```
///
/// Nothing here may depend on the time of day or on chance that was not seeded: a failure is
/// replayed from its seed. Panics of an adapter are not caught.
pub trait Adapter {
    /// Whether [`crash`](Adapter::crash) can cut the power, not only kill the process.
    fn power_cuts(&self) -> PowerCuts;

    /// Recovers the store and begins an incarnation. The first time, the disk holds an empty log and
    /// `HardState::default()`.
    ///
    /// Everything returned is synced first: the core counts on it, and the suite cuts the power
    /// right afterwards.
    fn open(&mut self) -> Result<Found, OpenError>;

    /// Queues a write of the core. `payloads` has one element an entry of a
    /// [`WriteKind::Entries`](kraft_proto::WriteKind::Entries), no-ops included (theirs is
    /// empty), and none for other kinds. Nothing is on the disk before [`step`](Adapter::step).
    fn submit(&mut self, write: Write, payloads: Vec<Vec<u8>>);

    /// Which run of one term and one kind holds this index of the log; `None` where no entry stands. The
    /// core asks so of what it does not remember, by [`Output::Recall`](kraft_proto::Output::Recall).
    ///
    /// By what [`open`](Adapter::open) returned and every write submitted since, done or not. A part of
    /// the run that holds the index is an answer too; the longer, the fewer questions. Asked only while
    /// the machine runs, and no disk operation: [`stop_after`](Adapter::stop_after) counts none here.
    fn run_at(&mut self, index: LogIndex) -> Option<Run>;

    /// This was told as committed: a host that keeps it does so with whatever it writes some time, and
    /// returns it as [`Found::committed`]. Without this it keeps none, and learns commit from others.
    fn committed(&mut self, position: LogPosition) {
        let _ = position;
    }

    /// Does some of what was queued, and reports what is held by now.
    ///
    /// The less one step does, the more places there are to crash at; one call of the host's own
    /// disk loop is right. Receipts count from the moment they are returned.
    fn step(&mut self) -> Step;

    /// Ends this incarnation, whatever it was doing. Queued writes are gone. A limit set by
    /// [`stop_after`](Adapter::stop_after) is lifted.
    fn crash(&mut self, crash: Crash);

    /// Lets the machine stop in the middle of a disk operation (a write, an fsync, a rename): after
    /// `operations` more of them, counted from 0, that one and all later ones fail, and `open` and
    /// `step` say so. A write that is stopped may be on the disk whole, in part or not at all.
    ///
    /// Without it the suite crashes between steps only.
    fn stop_after(&mut self, operations: u64) -> Midway {
        let _ = operations;
        Midway::Unsupported
    }
}

/// What a store held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The hard state saved last, exactly as it was saved. (A host turns dirty into suspect after
    /// this, on its way to the core.)
    pub hard: HardState,
    /// The log from index 1 on, in order.
    pub runs: Vec<Run>,
    /// The bytes of every entry the runs name, in order.
    pub payloads: Vec<Vec<u8>>,
    /// A position told as committed, the newer the better, as it was told: whether the log has that
    /// entry is for the core to judge. `None` if none was kept.
    pub committed: Option<LogPosition>,
}

/// Why a store was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The machine stopped meanwhile: see [`Adapter::stop_after`].
    Stopped,
    /// The store refuses what it finds on its disk, and says why. After a crash that is a violation.
    Refused(String),
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It did something; these writes are held now. May be empty.
    Worked(Vec<Receipt>),
    /// Nothing is queued and nothing is under way.
    Idle,
    /// The machine stopped: see [`Adapter::stop_after`].
    Stopped,
}

/// How an incarnation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: what the operating system was handed lives.
    Process,
    /// The power goes: what was synced lives.
    Power(Unsynced),
}

/// What a power cut does to what was not synced. A disk that can only draw by itself does so, from
/// the seed it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it is gone.
    Lost,
    /// All of it got there in time.
    Kept,
    /// Some of it did, in any order and in pieces; which, follows from this seed.
    Torn(u64),
}

/// Whether a disk can lose its power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCuts {
    /// It can.
    Simulated,
    /// It cannot: only what a killed process may lose is checked, and the report says so.
    NotSimulated,
}

/// Whether the machine can be stopped in the middle of a disk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Midway {
    /// It will stop there.
    Armed,
    /// It cannot.
    Unsupported,
}
