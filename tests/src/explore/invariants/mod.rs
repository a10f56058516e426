//! What must hold in every world, one promise a file: pure functions over a read-only view.

mod acks_outlive_power_cuts;
mod commit_is_synced;
mod election_safety;
mod leader_append_only;
mod leader_completeness;
mod log_matching;
mod reads_see_acks;
mod said_is_synced;
mod state_machine_safety;

use kraft_proto::{HardState, Incarnation, LogIndex, NodeId, Role, Term, Trust};

use super::configuration::Configuration;
use super::disk::Entry;
use super::history::History;
use super::node::{Deed, Node};
use super::symmetry::NODES;

/// A node, as an invariant sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub id: NodeId,
    /// Its term.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
    /// What it does.
    pub role: Role,
    /// Whether it may have forgotten something.
    pub trust: Trust,
    /// How far it knows the log to be committed.
    pub commit: LogIndex,
    /// The log inside the core.
    pub log: Vec<Entry>,
    /// The log that is synced.
    pub synced: Vec<Entry>,
    /// Who votes, as its log has it.
    pub configuration: Configuration,
    /// The newest incarnation of each peer that it heard as a leader.
    pub lives: [Incarnation; NODES],
    /// The hard state that is synced.
    pub hard: HardState,
}

impl Seen {
    /// Looks at a node.
    pub fn of(node: &Node) -> Self {
        let status = node.raft.status();
        let mut lives = [Incarnation::default(); NODES];
        for peer in &status.peers {
            lives[peer.id.0 as usize - 1] = peer.incarnation;
        }
        Self {
            id: status.id,
            term: status.term,
            vote: status.vote,
            role: status.role,
            trust: status.trust,
            commit: status.commit.index,
            lives,
            log: node.log(),
            synced: node.disk.log.iter().map(|entry| entry.bare()).collect(),
            configuration: Configuration::of(&status.members),
            hard: node.disk.hard,
        }
    }

    /// The log without the entries of `term` and later ones: what its leader was elected with.
    pub fn log_before(&self, term: Term) -> &[Entry] {
        let end = self.log.partition_point(|entry| entry.term < term);
        &self.log[..end]
    }
}

/// A world, as an invariant sees it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Every node.
    pub nodes: [&'a Seen; NODES],
    /// What was before.
    pub history: &'a History,
}

/// One step of one node, as an invariant sees it.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// Before.
    pub before: &'a Seen,
    /// After.
    pub after: &'a Seen,
    /// What it did.
    pub deeds: &'a [Deed],
}

/// What is wrong, in words.
pub type Verdict = Result<(), String>;

/// An invariant of worlds.
pub type OfWorlds = fn(&View) -> Verdict;

/// An invariant of steps.
pub type OfSteps = fn(&Step) -> Verdict;

/// Invariants of worlds, by name.
pub const OF_WORLDS: &[(&str, OfWorlds)] = &[
    ("election safety", election_safety::check),
    ("log matching", log_matching::check),
    ("leader completeness", leader_completeness::check),
    ("state machine safety", state_machine_safety::check),
    ("commit is synced", commit_is_synced::check),
    ("acks outlive power cuts", acks_outlive_power_cuts::check),
    ("reads see acks", reads_see_acks::check),
];

/// Invariants of steps, by name.
pub const OF_STEPS: &[(&str, OfSteps)] = &[
    ("leader append-only", leader_append_only::check),
    ("what is said is synced", said_is_synced::check),
];

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// What is wrong.
    pub what: String,
}

/// The first invariant that a subject breaks.
pub fn judge<S>(
    invariants: &[(&'static str, impl Fn(&S) -> Verdict)],
    subject: &S,
) -> Result<(), Violation> {
    for (invariant, check) in invariants {
        check(subject).map_err(|what| Violation { invariant, what })?;
    }
    Ok(())
}

/// A log in words: the terms of its entries.
fn terms(log: &[Entry]) -> String {
    let terms: Vec<String> = log.iter().map(|entry| entry.term.to_string()).collect();
    format!("[{}]", terms.join(" "))
}
