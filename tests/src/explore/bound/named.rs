//! The bounds that have a name. Each says what it leaves out; what all of them leave out stands in
//! the [module](super::super)'s documentation.

use super::{Bound, Budget, Carries, HardStates, SYNCED, Start, WRITTEN};
use crate::explore::configuration::NodeMask;

/// Led by node 1, hard states synced at once, everybody votes: what most bounds begin with.
const LED: Bound = Bound {
    name: "",
    about: "",
    class: SYNCED,
    hard_states: HardStates::AtOnce,
    carries: Carries::NothingOfTheLast,
    start: Start::Led,
    voters: EVERYBODY,
    targets: &[],
    budget: Budget::NOTHING,
};

/// Acknowledged on written copies.
const LED_WRITTEN: Bound = Bound {
    class: WRITTEN,
    ..LED
};

/// Empty disks, and nothing but votes.
const VOTES: Bound = Bound {
    carries: Carries::Votes,
    start: Start::Empty,
    ..LED
};

const EVERYBODY: NodeMask = NodeMask(0b111);
const ONE_OF_THREE: &[NodeMask] = &[NodeMask(0b001), NodeMask(0b010), NodeMask(0b100)];

/// All of them: those of the tests, and then those by hand.
pub const BOUNDS: &[Bound] = &[
    Bound {
        name: "elections",
        about: "three campaigns, a power cut",
        budget: Budget {
            campaigns: 3,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..VOTES
    },
    Bound {
        name: "suspects",
        about: "an entry acked on written copies, two power cuts, a campaign",
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            power_cuts: 2,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "replication",
        about: "an entry, a campaign, and all that follows",
        carries: Carries::NothingStale,
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    // Both majorities count: all three voters, and the one that stays. It may be the leader or not.
    Bound {
        name: "joint",
        about: "a change from three voters to one of them, a campaign, and all that follows",
        carries: Carries::NothingStale,
        targets: ONE_OF_THREE,
        budget: Budget {
            campaigns: 1,
            changes: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "joint-cut",
        about: "a change from three voters to one of them, two campaigns, a power cut",
        targets: ONE_OF_THREE,
        budget: Budget {
            campaigns: 2,
            changes: 1,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "joint-twice",
        about: "a change from three voters to one of them, two campaigns, and all that follows",
        carries: Carries::NothingStale,
        targets: ONE_OF_THREE,
        budget: Budget {
            campaigns: 2,
            changes: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    // The trap of changes of one server: two leaders, each with its own, whose majorities do not meet.
    Bound {
        name: "single-changes",
        about: "two voters, two changes of one each, two campaigns, and all that follows",
        carries: Carries::NothingStale,
        voters: NodeMask(0b011),
        targets: &[NodeMask(0b111), NodeMask(0b001), NodeMask(0b010)],
        budget: Budget {
            campaigns: 2,
            changes: 2,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "single-changes-cut",
        about: "two voters, two changes of one each, two campaigns, a power cut",
        voters: NodeMask(0b011),
        targets: &[NodeMask(0b111), NodeMask(0b001), NodeMask(0b010)],
        budget: Budget {
            campaigns: 2,
            changes: 2,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "readmission",
        about: "an entry acked on written copies, a heartbeat, a power cut, a campaign, and appends \
                from before",
        start: Start::LedBefore,
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            heartbeats: 1,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "readmission-plain",
        about: "an entry acked on written copies, a heartbeat, a power cut, a campaign",
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            heartbeats: 1,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "readmission-twice",
        about: "an entry acked on written copies, a heartbeat, two power cuts, a campaign",
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            heartbeats: 1,
            power_cuts: 2,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "reads",
        about: "an entry acked on written copies, a read anywhere, a campaign, and all that follows",
        carries: Carries::NothingStale,
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            reads: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "transfer",
        about: "an entry, leadership handed over, a campaign, and all that follows",
        carries: Carries::NothingStale,
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            transfers: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "kills",
        about: "an entry acked on written copies, a kill, a power cut, a campaign",
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            kills: 1,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "elections-twice",
        about: "three campaigns, two power cuts",
        budget: Budget {
            campaigns: 3,
            power_cuts: 2,
            ..Budget::NOTHING
        },
        ..VOTES
    },
    Bound {
        name: "elections-in-flight",
        about: "two campaigns, a power cut, hard states in flight",
        hard_states: HardStates::InFlight,
        budget: Budget {
            campaigns: 2,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..VOTES
    },
    Bound {
        name: "replication-cut",
        about: "two entries, a power cut, a campaign, and all that follows",
        carries: Carries::NothingStale,
        budget: Budget {
            campaigns: 1,
            proposals: 2,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    // Figure 8: an entry of an earlier term on a majority, and yet overwritten.
    Bound {
        name: "replication-twice",
        about: "an entry, two campaigns, and all that follows",
        carries: Carries::NothingStale,
        budget: Budget {
            campaigns: 2,
            proposals: 1,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "from-nothing",
        about: "two campaigns on empty disks, and all that follows",
        carries: Carries::NothingStale,
        start: Start::Empty,
        budget: Budget {
            campaigns: 2,
            ..Budget::NOTHING
        },
        ..LED
    },
    Bound {
        name: "suspects-two-entries",
        about: "two entries acked on written copies, a power cut, a campaign",
        budget: Budget {
            campaigns: 1,
            proposals: 2,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "suspects-in-flight",
        about: "an entry acked on written copies, a power cut, a campaign, hard states in flight",
        hard_states: HardStates::InFlight,
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
    Bound {
        name: "suspects-clean",
        about: "an entry acked on written copies, a node that becomes clean, a power cut, a campaign",
        budget: Budget {
            campaigns: 1,
            proposals: 1,
            cleanings: 1,
            power_cuts: 1,
            ..Budget::NOTHING
        },
        ..LED_WRITTEN
    },
];

/// The bound of that name.
pub fn named(name: &str) -> Option<&'static Bound> {
    BOUNDS.iter().find(|bound| bound.name == name)
}
