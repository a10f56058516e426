//! How much of everything a world may do: what makes it finite.

use kraft_proto::{Class, CommitMode, FsyncMode, Term};
use serde::Serialize;

/// A world's limits. All of them count over its whole life, whatever node it is.
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
    /// No requests of a term that their receiver's disk has left behind: whoever lags hears of a
    /// later term from those who campaign or lead in it.
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
    /// With node 1 leading term 1, the barrier on every disk and known to be committed, and nothing
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
    /// Times that deadlines are due on some node.
    pub deadlines: u8,
    /// Processes killed.
    pub kills: u8,
    /// Power cuts.
    pub power_cuts: u8,
}

const SYNCED: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);
const WRITTEN: Class = Class::new(CommitMode::Sync, FsyncMode::None);

type Shape = (Start, HardStates, Carries);

const fn bound(
    (name, about): (&'static str, &'static str),
    class: Class,
    (start, hard_states, carries): Shape,
    [campaigns, proposals, deadlines, kills, power_cuts]: [u8; 5],
) -> Bound {
    Bound {
        name,
        about,
        class,
        hard_states,
        carries,
        start,
        budget: Budget {
            campaigns,
            proposals,
            deadlines,
            kills,
            power_cuts,
        },
    }
}

const VOTES: Shape = (Start::Empty, HardStates::AtOnce, Carries::Votes);
const VOTES_IN_FLIGHT: Shape = (Start::Empty, HardStates::InFlight, Carries::Votes);
const EMPTY: Shape = (Start::Empty, HardStates::AtOnce, Carries::NothingStale);
const LED: Shape = (Start::Led, HardStates::AtOnce, Carries::NothingStale);
const LED_ONCE: Shape = (Start::Led, HardStates::AtOnce, Carries::NothingOfTheLast);
const LED_IN_FLIGHT: Shape = (Start::Led, HardStates::InFlight, Carries::NothingOfTheLast);
const LED_BEFORE: Shape = (
    Start::LedBefore,
    HardStates::AtOnce,
    Carries::NothingOfTheLast,
);

/// Every bound with a name: those of the tests, and then those by hand. The numbers are those of
/// [`Budget`], in its order.
#[rustfmt::skip]
pub const BOUNDS: &[Bound] = &[
    bound(("elections", "three campaigns, a power cut"), SYNCED, VOTES, [3, 0, 0, 0, 1]),
    bound(("suspects", "an entry acked on written copies, two power cuts, a campaign"), WRITTEN, LED_ONCE, [1, 1, 0, 0, 2]),
    bound(("readmission", "the same with one power cut, a heartbeat, and appends from before"), WRITTEN, LED_BEFORE, [1, 1, 1, 0, 1]),
    bound(("kills", "an entry acked on written copies, a kill, a power cut, a campaign"), WRITTEN, LED_ONCE, [1, 1, 0, 1, 1]),
    bound(("elections-twice", "three campaigns, two power cuts"), SYNCED, VOTES, [3, 0, 0, 0, 2]),
    bound(("elections-in-flight", "two campaigns, a power cut, hard states in flight"), SYNCED, VOTES_IN_FLIGHT, [2, 0, 0, 0, 1]),
    bound(("replication", "an entry, a campaign, and all that follows"), SYNCED, LED, [1, 1, 0, 0, 0]),
    bound(("replication-cut", "two entries, a power cut, a campaign"), SYNCED, LED_ONCE, [1, 2, 0, 0, 1]),
    bound(("from-nothing", "two campaigns on empty disks, and all that follows"), SYNCED, EMPTY, [2, 0, 0, 0, 0]),
    bound(("suspects-two-entries", "two entries acked on written copies, a power cut, a campaign"), WRITTEN, LED_ONCE, [1, 2, 0, 0, 1]),
    bound(("suspects-in-flight", "an entry acked on written copies, a power cut, a campaign, hard states in flight"), WRITTEN, LED_IN_FLIGHT, [1, 1, 0, 0, 1]),
    bound(("suspects-clean", "an entry acked on written copies, deadlines that clean, a power cut, a campaign"), WRITTEN, LED_ONCE, [1, 1, 1, 0, 1]),
];

impl Bound {
    /// The last term there can be.
    pub fn last_term(&self) -> Term {
        let first = match self.start {
            Start::Empty => 0,
            Start::Led | Start::LedBefore => 1,
        };
        Term(first + u64::from(self.budget.campaigns))
    }
}

/// The bound of that name.
pub fn named(name: &str) -> Option<&'static Bound> {
    BOUNDS.iter().find(|bound| bound.name == name)
}
