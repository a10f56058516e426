//! The rules, by name.

use std::fmt;

/// What a host owes the core for each [`Write`](kraft_proto::Write) it was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Log writes reach the disk in the order they were handed out.
    Order,
    /// Entries come back from index 1 on without a hole, each with its bytes.
    Gap,
    /// An entry comes back whole or not at all, under the term and index it was written with.
    TornWrite,
    /// Entries that were replaced or cut off do not come back beside what stands there now.
    Truncation,
    /// What was reported as written outlives the process.
    LostWritten,
    /// What was reported as synced outlives the power.
    EarlyCompletion,
    /// A hard state that was reported is never followed by an older one.
    ForgottenVote,
    /// What opening the store returned is still there the next time.
    LostRecovered,
    /// A write that asks to be forced is reported as synced, not only as written.
    WrittenForSynced,
    /// Every write is reported, by its own receipt or that of a later one.
    Unanswered,
    /// The store opens after every crash.
    Reopen,
    /// The run at an index is told for as long as an entry stands there, from its first write on and
    /// after every start.
    ForgottenRun,
    /// A write counts for what is told from the moment it is submitted, done or not.
    LateRun,
    /// Nothing is told of entries that were replaced or cut off.
    StaleRun,
    /// A run it tells was given to it, whole or in part, and so was a position it returns as committed:
    /// neither stretched or clamped nor put together.
    MadeUp,
}

/// How much of a rule is exercised by killing processes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutPowerCuts {
    /// All of it.
    Whole,
    /// What a killed process could break.
    KillsOnly,
    /// Nothing.
    Nothing,
}

impl Rule {
    /// Every rule, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::Order,
        Self::Gap,
        Self::TornWrite,
        Self::Truncation,
        Self::LostWritten,
        Self::EarlyCompletion,
        Self::ForgottenVote,
        Self::LostRecovered,
        Self::WrittenForSynced,
        Self::Unanswered,
        Self::Reopen,
        Self::ForgottenRun,
        Self::LateRun,
        Self::StaleRun,
        Self::MadeUp,
    ];

    /// What it asks, in one sentence.
    pub const fn promise(self) -> &'static str {
        match self {
            Self::Order => "log writes reach the disk in the order they were handed out",
            Self::Gap => "entries come back from index 1 on without a hole, each with its bytes",
            Self::TornWrite => {
                "an entry comes back whole or not at all, under the term and index it was written with"
            }
            Self::Truncation => {
                "entries that were replaced or cut off do not come back beside what stands there now"
            }
            Self::LostWritten => "what was reported as written outlives the process",
            Self::EarlyCompletion => "what was reported as synced outlives the power",
            Self::ForgottenVote => {
                "a hard state that was reported is never followed by an older one"
            }
            Self::LostRecovered => "what opening the store returned is still there the next time",
            Self::WrittenForSynced => {
                "a write that asks to be forced is reported as synced, not only as written"
            }
            Self::Unanswered => {
                "every write is reported, by its own receipt or that of a later one"
            }
            Self::Reopen => "the store opens after every crash",
            Self::ForgottenRun => {
                "the run at an index is told for as long as an entry stands there, after every start too"
            }
            Self::LateRun => {
                "a write counts for what is told from the moment it is submitted, done or not"
            }
            Self::StaleRun => "nothing is told of entries that were replaced or cut off",
            Self::MadeUp => {
                "a run it tells, and a position it returns as committed, was given to it: neither \
                 stretched or clamped nor put together"
            }
        }
    }

    /// What to do about a store that breaks it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Order => {
                "apply log writes strictly first come, first served; at recovery stop at the first \
                 record that is missing or damaged instead of skipping it"
            }
            Self::Gap => {
                "return the log from its first entry up to the first one that is missing, and one \
                 payload for every entry the runs name"
            }
            Self::TornWrite => {
                "keep a checksum over term, index, kind and bytes with each entry, and at recovery \
                 cut the log at the first entry that fails it"
            }
            Self::Truncation => {
                "when a run begins at or before the end of the log, remove everything from its first \
                 index on, before or together with writing it; skip no damaged record at recovery, or \
                 what it replaced stands there again"
            }
            Self::LostWritten => {
                "call `write.written()` only after the write call has returned, not when the bytes \
                 are in a buffer of your own"
            }
            Self::EarlyCompletion => {
                "call `synced()` only after an fsync that was begun after the write returned, and \
                 that covers file lengths and names as well"
            }
            Self::ForgottenVote => {
                "replace the hard state atomically and fsync it before `synced()`; never let an \
                 earlier one overwrite a later one"
            }
            Self::LostRecovered => {
                "force what recovery read, by writing it anew where an fsync proves nothing, before \
                 `open` returns it; cut off a torn tail durably"
            }
            Self::WrittenForSynced => {
                "for `Force::Now`, fsync and report `write.synced()`, or `unsynced.synced()` after \
                 `write.written()`"
            }
            Self::Unanswered => {
                "report each write, or the last of a batch; an empty `WriteKind::Force` is reported \
                 like any other"
            }
            Self::Reopen => {
                "take a torn tail for what it is: cut it off and open; refuse only what was synced \
                 and is damaged"
            }
            Self::ForgottenRun => {
                "keep the runs of the log in memory, beginning with those that `open` returns, and \
                 let none go before a snapshot covers it"
            }
            Self::LateRun => {
                "take note of a run when its write is submitted, not when the disk has it: the core \
                 asks of the log as it is to be"
            }
            Self::StaleRun => {
                "when a run is submitted that begins at or before the end of the log, forget every run \
                 from its first index on, and shorten the one that reaches across it"
            }
            Self::MadeUp => {
                "tell a run with the term, the kind and the bounds it was submitted with; return the \
                 position told as committed whole and as it was, whatever the log has there"
            }
        }
    }

    /// How much of it is exercised where the power cannot be cut.
    pub const fn without_power_cuts(self) -> WithoutPowerCuts {
        match self {
            Self::EarlyCompletion => WithoutPowerCuts::Nothing,
            Self::Order
            | Self::TornWrite
            | Self::Truncation
            | Self::ForgottenVote
            | Self::LostRecovered
            | Self::Reopen
            | Self::MadeUp => WithoutPowerCuts::KillsOnly,
            Self::Gap
            | Self::LostWritten
            | Self::WrittenForSynced
            | Self::Unanswered
            | Self::ForgottenRun
            | Self::LateRun
            | Self::StaleRun => WithoutPowerCuts::Whole,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Order => "order",
            Self::Gap => "gap",
            Self::TornWrite => "torn write",
            Self::Truncation => "truncation",
            Self::LostWritten => "lost written",
            Self::EarlyCompletion => "early completion",
            Self::ForgottenVote => "forgotten vote",
            Self::LostRecovered => "lost recovered",
            Self::WrittenForSynced => "written for synced",
            Self::Unanswered => "unanswered",
            Self::Reopen => "reopen",
            Self::ForgottenRun => "forgotten run",
            Self::LateRun => "late run",
            Self::StaleRun => "stale run",
            Self::MadeUp => "made up",
        })
    }
}
