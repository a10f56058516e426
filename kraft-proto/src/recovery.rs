//! The only road to a running node: what its store held, told in order.

use crate::config::ConfigError;
use crate::configurations::Configurations;
use crate::entry::{EntryKind, Run};
use crate::hard_state::{Boot, HardState};
use crate::ids::{LogIndex, LogPosition};
use crate::log::Log;
use crate::members::Members;
use crate::snapshot::Snapshot;

/// What a store recovered. Everything given to it is synced first: the node counts on it.
///
/// ```
/// use kraft_proto::{Members, NodeId, Recovery};
///
/// let members = Members::new((1..=3).map(NodeId), []).unwrap();
/// let first_start = Recovery::bootstrap(members);
/// # let _ = first_start;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Recovery {
    pub(crate) hard: HardState,
    pub(crate) log: Log,
    pub(crate) members: Members,
    pub(crate) configurations: Configurations,
    /// The end of the snapshot that the log begins behind.
    pub(crate) snapshot: LogPosition,
    pub(crate) hint: Hint,
    pub(crate) boot: Boot,
    /// Why no node can start from this, told by [`Raft::new`](crate::Raft::new).
    pub(crate) flaw: Option<ConfigError>,
}

/// What the host kept as committed, and whether the log recovered so far has exactly that entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// None was given.
    None,
    /// The log has it.
    Found(LogPosition),
    /// The log does not reach it yet, or has another entry there.
    Missing(LogPosition),
}

impl Recovery {
    /// An empty store of a new cluster of `members`.
    pub fn bootstrap(members: Members) -> Self {
        Self::resume(HardState::default(), members)
    }

    /// A store that has run before; `members` is the configuration at index 0.
    ///
    /// Unless [`same_boot`](Self::same_boot) is said too, the power may have been out since: a node
    /// that was [dirty](crate::Trust::Dirty) starts [suspect](crate::Trust::Suspect).
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let members = Members::new([NodeId(1)], []).unwrap();
    /// let hard = HardState { term: Term(4), ..HardState::default() };
    /// let log = Run { term: Term(4), kind: EntryKind::Command, first: LogIndex(1), count: 9 };
    /// let recovery = Recovery::resume(hard, members).run(log);
    /// let config = Config::new(NodeId(1), StoreId(7), 42);
    /// let node = Raft::new(config, recovery, Nonce(2), Instant::ZERO).unwrap();
    /// assert_eq!((node.term(), node.last().index), (Term(4), LogIndex(9)));
    /// ```
    pub fn resume(hard: HardState, members: Members) -> Self {
        Self {
            hard,
            log: Log::empty(),
            configurations: Configurations::new(&members, LogIndex::ZERO),
            members,
            snapshot: LogPosition::ZERO,
            hint: Hint::None,
            boot: Boot::Unknown,
            flaw: None,
        }
    }

    /// The operating system under which `hard` was saved has run ever since: whatever the last incarnation
    /// had written is in the log given here.
    ///
    /// Say it only where that is known, as by a boot id kept with the hard state. A disk that was
    /// detached meanwhile, or a machine restored from an image, has no such memory.
    pub fn same_boot(mut self) -> Self {
        self.boot = Boot::Same;
        self
    }

    /// The snapshot its log begins behind, told before any of its entries. The host has restored its
    /// state machine from it: commit is told from there on.
    pub fn snapshot(mut self, snapshot: &Snapshot) -> Self {
        if self.log.last() > LogIndex::ZERO {
            self.flaw = self.flaw.or(Some(ConfigError::Gap));
        } else {
            self.log = snapshot.log.clone();
            if let Hint::Missing(hint) = self.hint {
                self = self.committed(hint);
            }
            self.members = snapshot.members.clone();
            self.configurations = Configurations::new(&snapshot.members, snapshot.members_at);
            self.snapshot = snapshot.last();
        }
        self
    }

    /// The last position the host was told as committed, as far as it kept that; to be told before
    /// any entry. With it a node knows at once what it knew before.
    ///
    /// It may be old, and need not have been forced. It counts only if the log told here has exactly that entry:
    /// otherwise it is dropped, and [`Dropped::hints`](crate::Dropped::hints) says so. Taken as an
    /// index, or clamped to the log, it would lose data:
    ///
    /// 1. a node is told that 7 is committed, by the disks of two others, while its own copy is unsynced;
    /// 2. its power fails; what its disk brings back reaches 7 again, with entries of an older leader;
    /// 3. committed *through 7* would have it apply those.
    pub fn committed(mut self, position: LogPosition) -> Self {
        self.hint = match self.log.position_at(position.index) == Some(position) {
            true => Hint::Found(position),
            false => Hint::Missing(position),
        };
        self
    }

    /// The next entries of its log, from index 1 or its snapshot on: commands or a no-op. A gap or a term that
    /// goes back is reported by [`Raft::new`](crate::Raft::new).
    pub fn run(mut self, run: Run) -> Self {
        if run.kind == EntryKind::Configuration {
            self.flaw = self.flaw.or(Some(ConfigError::Members));
        } else {
            self.extend(run);
        }
        self
    }

    /// The next entry of its log, which holds a configuration, and its bytes.
    pub fn config(mut self, at: LogPosition, bytes: &[u8]) -> Self {
        let Some(members) = Members::from_bytes(bytes) else {
            self.flaw = self.flaw.or(Some(ConfigError::Members));
            return self;
        };
        self.extend(Run {
            term: at.term,
            kind: EntryKind::Configuration,
            first: at.index,
            count: 1,
        });
        self.configurations
            .enter(&mut self.members, members, at.index);
        self
    }

    fn extend(&mut self, run: Run) {
        let follows = run.first == self.log.last().next()
            && run.term >= self.log.last_position().term
            && run.term.0 > 0;
        if follows {
            self.log.extend(run);
            // Here, as the run may leave the log's window before the last one is told.
            if let Hint::Missing(hint) = self.hint
                && hint.term == run.term
                && run.first <= hint.index
                && hint.index <= run.last()
            {
                self.hint = Hint::Found(hint);
            }
        } else {
            self.flaw = self.flaw.or(Some(ConfigError::Gap));
        }
    }
}
