//! Small workloads: together they reach every operation storage does to a disk.

/// One thing that happens to a node's disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Entries with payloads of so many bytes, forced as the fsync mode says.
    Append(&'static [usize]),
    /// So many entries are cut off, and one follows in a new term.
    Replace(usize),
    /// Everything written is forced.
    Force,
    /// A hard state.
    Vote,
    /// Two hard states between entries, all asked for at once.
    VotesAmidEntries,
    /// A snapshot covers all but so many entries: segments that hold nothing else are let go.
    Compact(usize),
    /// A snapshot takes the log's place, so many entries ahead.
    RestartBehind(usize),
    /// The store is closed and opened again.
    Stop,
    /// The process is killed; nothing more of it gets to the disk; the store is opened again.
    Kill,
    /// The power goes and takes what was not forced; the store is opened again.
    PowerCut,
}

impl Step {
    /// What is going on when a crash strikes in it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Append(_) => "append",
            Self::Replace(_) => "cut",
            Self::Force => "force",
            Self::Vote | Self::VotesAmidEntries => "hard state",
            Self::Compact(_) => "compact",
            Self::RestartBehind(_) => "restart behind a snapshot",
            Self::Stop => "stop and start",
            Self::Kill => "start after a kill",
            Self::PowerCut => "start after a power cut",
        }
    }
}

/// A workload with a name.
pub(super) struct Script {
    pub name: &'static str,
    pub steps: &'static [Step],
}

use Step::{
    Append, Compact, Force as ForceAll, Kill, PowerCut, Replace, RestartBehind, Stop, Vote,
    VotesAmidEntries,
};

/// All of them.
pub(super) const SCRIPTS: &[Script] = &[
    Script {
        name: "appends",
        steps: &[
            Append(&[30, 0, 700]),
            Append(&[600]),
            Append(&[10, 10]),
            ForceAll,
            Append(&[300, 40]),
        ],
    },
    Script {
        name: "votes",
        steps: &[
            Vote,
            Append(&[100]),
            Vote,
            VotesAmidEntries,
            Append(&[50]),
            Vote,
        ],
    },
    Script {
        name: "cuts",
        steps: &[
            Append(&[200, 200, 200]),
            Replace(1),
            ForceAll,
            Append(&[100]),
            Replace(3),
            Append(&[1500, 20]),
            Replace(1),
        ],
    },
    Script {
        name: "rotations",
        steps: &[
            Append(&[1800, 1800, 1800]),
            Append(&[1800, 300]),
            Append(&[1800, 1800]),
            Vote,
            Replace(5),
            Append(&[3000]),
        ],
    },
    Script {
        name: "a full segment, compacted as a whole",
        steps: &[
            Append(&[1900, 1900]),
            Append(&[1900]),
            Compact(1),
            Append(&[1900, 1900]),
            ForceAll,
            Compact(0),
            Append(&[40]),
        ],
    },
    Script {
        name: "recycling",
        steps: &[
            Append(&[1900, 1900]),
            Append(&[1900, 1900]),
            Replace(4),
            Append(&[1900, 1900]),
            Compact(0),
            Replace(0),
            Append(&[1900, 1900, 1900]),
        ],
    },
    Script {
        name: "snapshots",
        steps: &[
            Append(&[900, 900]),
            RestartBehind(7),
            Append(&[900, 900, 900, 900, 900]),
            Vote,
            RestartBehind(2),
            Append(&[60]),
        ],
    },
    Script {
        name: "stops",
        steps: &[
            Append(&[500, 60]),
            Vote,
            Stop,
            Append(&[60]),
            Replace(1),
            Stop,
            Append(&[2000, 2000, 100]),
            Stop,
        ],
    },
    Script {
        name: "kills",
        steps: &[
            Append(&[500, 60]),
            Vote,
            Kill,
            Append(&[500]),
            Replace(2),
            Append(&[3000]),
            Kill,
            Append(&[60]),
            Kill,
        ],
    },
    Script {
        name: "power cuts",
        steps: &[
            Append(&[500, 60]),
            ForceAll,
            Append(&[700]),
            Vote,
            PowerCut,
            Append(&[500]),
            PowerCut,
            Vote,
            Append(&[2500, 1800]),
            Kill,
        ],
    },
];
