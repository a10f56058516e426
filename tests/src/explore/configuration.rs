//! Who votes, small enough to stand in every entry of a disk.

use kraft_proto::{Change, Member, Members, NodeId, StoreId};
use serde::Serialize;

/// Some of the nodes: bit 0 is node 1. Renamed as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct NodeMask(pub u8);

impl NodeMask {
    /// The nodes in it, in ascending order.
    pub fn ids(self) -> impl Iterator<Item = NodeId> {
        (0..8).filter_map(move |place| {
            let is_in = self.0 & (1 << place) != 0;
            is_in.then_some(NodeId(place + 1))
        })
    }

    fn of(ids: impl Iterator<Item = NodeId>) -> Self {
        Self(ids.fold(0, |mask, id| mask | 1 << (id.0 - 1)))
    }

    /// Whether `id` is in it.
    pub fn contains(self, id: NodeId) -> bool {
        self.ids().any(|known| known == id)
    }

    /// Whether those who satisfy `yes` are more than half of it, or it is empty.
    pub fn has_majority(self, yes: impl Fn(NodeId) -> bool) -> bool {
        let (all, yes) = (self.ids().count(), self.ids().filter(|id| yes(*id)).count());
        all == 0 || yes > all / 2
    }
}

/// The voters, and while a change is under way those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Configuration {
    /// The voters.
    pub voters: NodeMask,
    /// The voters on their way out; none unless it is joint.
    pub outgoing: NodeMask,
}

impl Configuration {
    /// What the core calls members.
    pub fn of(members: &Members) -> Self {
        Self {
            voters: NodeMask::of(members.voters().iter()),
            outgoing: NodeMask::of(members.voters_outgoing().iter()),
        }
    }

    /// The members it is.
    pub fn members(self) -> Members {
        match Members::from_bytes(&self.bytes()) {
            Some(members) => members,
            None => unreachable!("{self:?} is no configuration"),
        }
    }

    /// The bytes of its entry, as `WIRE.md` has them: each member with any store and its seats.
    pub fn bytes(self) -> Vec<u8> {
        let (voters, outgoing) = (self.voters, self.outgoing);
        let everybody = NodeMask(voters.0 | outgoing.0);
        let seats = |id| u8::from(voters.contains(id)) | u8::from(outgoing.contains(id)) << 1;
        let member = |id: NodeId| [id.0 as u8, StoreId::ANY.0 as u8, seats(id)];
        let length = everybody.ids().count() as u8;
        std::iter::once(length)
            .chain(everybody.ids().flat_map(member))
            .collect()
    }

    /// Whether those who satisfy `yes` are a majority of each part.
    pub fn has_majority(self, yes: impl Fn(NodeId) -> bool) -> bool {
        self.voters.has_majority(&yes) && self.outgoing.has_majority(&yes)
    }
}

/// What makes the voters `to` out of the voters `from`.
pub fn changes(from: NodeMask, to: NodeMask) -> Vec<Change> {
    let (gone, come) = (NodeMask(from.0 & !to.0), NodeMask(to.0 & !from.0));
    let store = StoreId::ANY;
    let removed = gone.ids().map(Change::Remove);
    removed
        .chain(come.ids().map(|id| Change::Voter(Member { id, store })))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_comes_back_from_the_core() {
        for voters in 1..8 {
            for outgoing in 0..8 {
                let (voters, outgoing) = (NodeMask(voters), NodeMask(outgoing));
                let configuration = Configuration { voters, outgoing };
                assert_eq!(*configuration.members().to_bytes(), *configuration.bytes());
                assert_eq!(Configuration::of(&configuration.members()), configuration);
            }
        }
    }
}
