//! What a world must remember of its past: who led, what was committed, what was acknowledged.

use kraft_proto::{LogIndex, LogPosition, NodeId, ReadTicket, Term};
use serde::Serialize;

use super::configuration::Configuration;
use super::disk::Entry;

/// A leader, and its log when it was elected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Led {
    /// Who.
    pub node: NodeId,
    /// In which term.
    pub term: Term,
    /// What it had by then.
    pub log: Vec<Entry>,
}

/// A committed entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// The entry.
    pub entry: Entry,
    /// The term in which a leader committed it: every later one has it.
    pub in_term: Term,
    /// Whose majorities decided.
    pub by: Configuration,
}

/// Entries acknowledged in a term, which outlive power cuts of so many nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acked {
    /// The last of them.
    pub upto: LogPosition,
    /// Nodes whose power was cut since, and which are not trusted again.
    pub in_doubt: Vec<NodeId>,
}

/// A read on its way, or one that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Who was asked.
    pub node: NodeId,
    /// Its number there.
    pub ticket: ReadTicket,
    /// The last of all that was acknowledged before.
    pub sees: LogIndex,
    /// From where it was served, if that was too early.
    pub served: Option<LogIndex>,
}

/// The past of a world, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// Every leader.
    pub leaders: Vec<Led>,
    /// The committed log.
    pub committed: Vec<Committed>,
    /// What was acknowledged and must outlive what happened since.
    pub acked: Vec<Acked>,
    /// Reads that wait, and those that missed something.
    pub reads: Vec<Reading>,
}

impl History {
    /// `node` was elected.
    pub fn elected(&mut self, node: NodeId, term: Term, log: &[Entry]) {
        let known = |led: &Led| led.node == node && led.term == term;
        if !self.leaders.iter().any(known) {
            let log = log.to_vec();
            self.leaders.push(Led { node, term, log });
        }
    }

    /// A node knows that its `log` is committed through `upto`, by majorities of the
    /// configuration `by`.
    pub fn committed(&mut self, upto: LogIndex, log: &[Entry], by: Configuration) {
        let log = &log[..upto.0 as usize];
        if let (Some(last), Some(fresh)) = (log.last(), log.get(self.committed.len()..)) {
            let in_term = last.term;
            let committed = |&entry| Committed { entry, in_term, by };
            self.committed.extend(fresh.iter().map(committed));
        }
    }

    /// Entries of a term through here were acknowledged, with these nodes in doubt already.
    ///
    /// 1. a follower reports an entry, and its power is cut before the report arrives;
    /// 2. the leader acknowledges the entry, and its power is cut too: a majority lost it, though
    ///    only one of them since the acknowledgement.
    pub fn acked(&mut self, upto: LogPosition, in_doubt: Vec<NodeId>, cuts_max: usize) {
        self.acked
            .retain(|acked| acked.upto.term != upto.term || acked.upto.index > upto.index);
        let known = self.acked.iter().any(|acked| acked.upto.term == upto.term);
        if !known && in_doubt.len() <= cuts_max {
            self.acked.push(Acked { upto, in_doubt });
        }
    }

    /// The power of `node` was cut. Acknowledgements outlive `cuts_max` nodes in doubt.
    pub fn power_cut(&mut self, node: NodeId, cuts_max: usize) {
        self.acked.retain_mut(|acked| {
            if !acked.in_doubt.contains(&node) {
                acked.in_doubt.push(node);
                acked.in_doubt.sort();
            }
            acked.in_doubt.len() <= cuts_max
        });
    }

    /// `node` runs and is no suspect: it has whatever was relied on.
    pub fn trusted(&mut self, node: NodeId) {
        for acked in &mut self.acked {
            acked.in_doubt.retain(|id| *id != node);
        }
    }

    /// Whether anything acknowledged is in doubt at `node`.
    pub fn doubts(&self, node: NodeId) -> bool {
        let mut acked = self.acked.iter();
        acked.any(|acked| acked.in_doubt.contains(&node))
    }

    /// A read was taken.
    pub fn asked(&mut self, node: NodeId, ticket: ReadTicket) {
        let acked = self.acked.iter().map(|acked| acked.upto.index);
        let (sees, served) = (acked.max().unwrap_or_default(), None);
        self.reads.push(Reading {
            node,
            ticket,
            sees,
            served,
        });
    }

    /// A read is served.
    pub fn served(&mut self, node: NodeId, ticket: ReadTicket, index: LogIndex) {
        self.reads.retain_mut(|read| {
            if (read.node, read.ticket) != (node, ticket) {
                return true;
            }
            read.served = Some(index);
            index < read.sees
        });
    }

    /// `node` forgot what it was asked.
    pub fn restarted(&mut self, node: NodeId) {
        let wrong = |read: &Reading| read.served.is_some();
        self.reads.retain(|read| read.node != node || wrong(read));
    }
}
