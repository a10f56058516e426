//! How much of everything a world may do: what makes it finite.

use kraft_proto::{Class, CommitMode, FsyncMode, Term};
use serde::Serialize;

use super::configuration::NodeMask;

mod named;

pub use named::{BOUNDS, named};

/// A world's limits. All of them count over its whole incarnation, whatever node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Its name on the command line.
    pub name: &'static str,
    /// What may happen, in words.
    pub about: &'static str,
    /// The class of every proposal.
    pub class: Class,
    /// How hard states reach the disk.
    pub hard_states: HardStates,
    /// What the network carries.
    pub carries: Carries,
    /// Where it begins.
    pub start: Start,
    /// Who votes at first.
    pub voters: NodeMask,
    /// Who may vote after a change of members: any of these.
    pub targets: &'static [NodeMask],
    /// What may be spent.
    pub budget: Budget,
}

/// How hard states reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardStates {
    /// Whenever a move says so; a crash may come first.
    InFlight,
    /// At once. Nothing is said before that, so a crash in between is one before the input, but for
    /// what the log took meanwhile.
    AtOnce,
}

/// What the network carries; the rest is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// Everything.
    Everything,
    /// No requests of a term that their receiver's disk has left behind, and no refused votes:
    /// whoever lags hears of a later term from those who campaign or lead in it.
    NothingStale,
    /// Of these, nothing that a leader of the last possible term sends: its election is judged, and
    /// what an earlier leader acknowledges after it.
    NothingOfTheLast,
    /// Of what is not stale, nothing but votes.
    Votes,
}

/// Where a world begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With empty disks.
    Empty,
    /// With node 1 leading term 1, the no-op on every disk and known to be committed, and nothing
    /// in flight.
    Led,
    /// The same, but the appends of that term may all arrive once more.
    LedBefore,
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Budget {
    /// Campaigns.
    pub campaigns: u8,
    /// Proposals, of one entry each.
    pub proposals: u8,
    /// Rounds of heartbeats: the deadlines of some leader are due.
    pub heartbeats: u8,
    /// Times that some node becomes clean, because what was relied on there has been synced for a
    /// while.
    pub cleanings: u8,
    /// Changes of members proposed.
    pub changes: u8,
    /// Transfers of leadership.
    pub transfers: u8,
    /// Reads.
    pub reads: u8,
    /// Processes killed.
    pub kills: u8,
    /// Power cuts.
    pub power_cuts: u8,
}

impl Budget {
    /// Nothing may happen.
    pub const NOTHING: Self = Self {
        campaigns: 0,
        proposals: 0,
        heartbeats: 0,
        cleanings: 0,
        changes: 0,
        transfers: 0,
        reads: 0,
        kills: 0,
        power_cuts: 0,
    };

    /// Each of them, for fingerprints.
    pub fn each(self) -> [u8; 9] {
        [
            self.campaigns,
            self.proposals,
            self.heartbeats,
            self.cleanings,
            self.changes,
            self.transfers,
            self.reads,
            self.kills,
            self.power_cuts,
        ]
    }
}

impl Bound {
    /// The last term there can be.
    pub fn last_term(&self) -> Term {
        let first = match self.start {
            Start::Empty => 0,
            Start::Led | Start::LedBefore => 1,
        };
        // A node that is handed leadership campaigns once more.
        let elections = self.budget.campaigns + self.budget.transfers;
        Term(first + u64::from(elections))
    }
}

/// Acknowledged by a majority's disks.
pub const SYNCED: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);
/// Acknowledged by what a majority has merely written.
pub const WRITTEN: Class = Class::new(CommitMode::Sync, FsyncMode::None);
