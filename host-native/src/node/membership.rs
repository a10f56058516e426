//! Changes of the members that clients wait for, and where members may be found.

use std::collections::BTreeSet;

use kraft_proto::{LogIndex, LogPosition, NodeId};
use kraft_storage::Founding;
use kraft_wire::api::{Bound, RequestRefusal};

use super::members::Contacts;
use crate::address_book::AddressBook;
use crate::rpc::Reply;

/// Clients that wait for a change of the members at once, at most.
const WAITING_MAX: usize = 64;

/// A client that waits for a change.
pub(super) struct PendingChange {
    /// Its last entry: it is made once that is applied.
    pub at: LogPosition,
    pub reply: Reply,
}

/// Changes of the members, and where members may be found.
pub(super) struct Membership {
    founding: Founding,
    contacts: Contacts,
    /// Members by the last configuration that was known to be committed.
    known: BTreeSet<NodeId>,
    /// Whether this node was a member, with its store, at any time of this run.
    belonged: bool,
    /// The changes of the address book that are carried out.
    followed: u64,
    /// Through here stand the entries that this node proposed of its own accord.
    proposed: LogIndex,
    waiting: Vec<PendingChange>,
}

impl Membership {
    /// Of a node whose members are those, and which is one or not.
    pub fn new(
        founding: Founding,
        contacts: Contacts,
        members: impl IntoIterator<Item = NodeId>,
        belongs: bool,
    ) -> Self {
        Self {
            founding,
            contacts,
            known: members.into_iter().collect(),
            belonged: belongs,
            followed: 0,
            proposed: LogIndex::ZERO,
            waiting: Vec::new(),
        }
    }

    /// The members that the cluster began with.
    pub fn founding(&self) -> &Founding {
        &self.founding
    }

    /// Where members may be found.
    pub fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// This node is a member.
    pub fn belongs(&mut self) {
        self.belonged = true;
    }

    /// Whether it was one at any time of this run.
    pub fn has_belonged(&self) -> bool {
        self.belonged
    }

    /// These are the members, for good. Who has left.
    pub fn settle(&mut self, members: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
        let members: BTreeSet<NodeId> = members.into_iter().collect();
        let left = self.known.difference(&members).copied().collect();
        self.known = members;
        left
    }

    /// Whether the address book has changes that were not followed yet; from now on they are.
    pub fn follow(&mut self, book: &AddressBook) -> bool {
        std::mem::replace(&mut self.followed, book.changes()) != book.changes()
    }

    /// This node proposed an entry of its own accord.
    pub fn propose(&mut self, at: LogIndex) {
        self.proposed = at;
    }

    /// Whether what it proposed of its own accord is applied.
    pub fn is_idle(&self, applied: LogIndex) -> bool {
        self.proposed <= applied
    }

    /// Whether another client may wait.
    ///
    /// # Errors
    ///
    /// When too many do.
    pub fn check_room(&self) -> Result<(), RequestRefusal> {
        match self.waiting.len() < WAITING_MAX {
            true => Ok(()),
            false => Err(RequestRefusal::Busy {
                bound: Bound::Waits,
                limit: WAITING_MAX as u64,
            }),
        }
    }

    /// A client waits.
    pub fn wait(&mut self, change: PendingChange) {
        self.waiting.push(change);
    }

    /// Whether anybody waits.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those whose change stands at or before this, which is applied.
    pub fn made(&mut self, applied: LogIndex) -> Vec<PendingChange> {
        let made = self
            .waiting
            .extract_if(.., |change| change.at.index <= applied);
        made.collect()
    }

    /// All who wait.
    pub fn take_waiting(&mut self) -> Vec<PendingChange> {
        std::mem::take(&mut self.waiting)
    }
}
