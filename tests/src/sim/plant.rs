//! Hosts that are wrong on purpose: each breaks one promise, for one oracle to find.
//!
//! The core is never touched. A plant is part of a run, so that a failing run with one replays like
//! any other.

use serde::{Deserialize, Serialize};

/// What a host does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plant {
    /// It starts without the vote its disk holds.
    ForgetsVote,
    /// While it leads it changes an entry of its log.
    RewritesOwnLog,
    /// It ships the bytes of another entry.
    ShipsOtherBytes,
    /// It brings back half of its synced log when it starts.
    ForgetsSynced,
    /// It applies what is written and not committed.
    AppliesAhead,
    /// It acknowledges for a majority what only it has.
    AcksAlone,
    /// It says after every power cut that the operating system ran on.
    SaysSameBoot,
    /// Its disks say that entries are synced, and they are not.
    FsyncLies,
    /// It tells fates by index, whatever the term.
    FateByIndex,
    /// It serves reads from what it has applied, without asking anybody.
    ReadsAtOnce,
    /// It has leases, and a clock that runs worse than they allow.
    DriftsBeyond,
    /// Its sessions remember nothing.
    AppliesTwice,
    /// Its sessions remember the highest number only.
    RemembersHighest,
    /// It never reports a write of its log.
    NeverReports,
    /// It keeps every write it has finished.
    KeepsWrites,
    /// It sends its last append to a peer again whenever that answers one.
    SendsAgain,
    /// It takes what it kept as committed for an index, and no longer than its log.
    ClampsHint,
    /// It answers what stands in its log by the log from before the last cut.
    AnswersFromBefore,
    /// The nonce of each start is the number on its disk, not a fresh one.
    RepeatsNonce,
}

/// Every plant, and the oracle that finds it.
pub const PLANTS: [(Plant, &str); 19] = [
    (Plant::ForgetsVote, "election_safety"),
    (Plant::RewritesOwnLog, "leader_append_only"),
    (Plant::ShipsOtherBytes, "log_matching"),
    (Plant::ForgetsSynced, "leader_completeness"),
    (Plant::AppliesAhead, "state_machine_safety"),
    (Plant::AcksAlone, "contract"),
    (Plant::SaysSameBoot, "contract"),
    (Plant::FsyncLies, "leader_completeness"),
    (Plant::FateByIndex, "one_fate"),
    (Plant::AppliesTwice, "exactly_once"),
    (Plant::RemembersHighest, "exactly_once"),
    (Plant::ReadsAtOnce, "linearizable_reads"),
    (Plant::DriftsBeyond, "linearizable_reads"),
    (Plant::NeverReports, "convergence"),
    (Plant::KeepsWrites, "bounded_memory"),
    (Plant::SendsAgain, "message_chains"),
    (Plant::ClampsHint, "state_machine_safety"),
    (Plant::AnswersFromBefore, "log_matching"),
    (Plant::RepeatsNonce, "set_back"),
];
