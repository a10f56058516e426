//! Configurations as numbers, so that an entry stays small and a world remains a value; and the sets
//! of voters that decide, as bits by place.
//!
//! ```text
//!  7 bits a node, node 1 lowest:  voter 1 · on its way out 2 · learner 4 · which of its stores << 3
//! ```

use kraft_proto::{CommitMode, Member, Members, NodeId, StoreId};

use super::hash;
use super::setup::NODES_MAX;

const VOTER: u64 = 1;
const OUTGOING: u64 = 2;
const LEARNER: u64 = 4;
const SEAT_BITS: usize = 7;
/// Stores one node can have had, one after the other.
pub(crate) const STORES_MAX: u64 = 15;

/// The so-manieth store of a node, from 1 on.
pub(crate) fn store(id: u64, generation: u64) -> StoreId {
    StoreId(100 * generation + id)
}

/// Which store of its node that is; 0 for [`StoreId::ANY`].
pub(crate) fn generation(store: StoreId) -> u64 {
    store.0 / 100
}

/// The number of a configuration.
pub(crate) fn number_of(members: &Members) -> u64 {
    let seat = |member: &Member| {
        let id = member.id;
        let sits = |yes, bit| if yes { bit } else { 0 };
        let seat = sits(members.voters().contains(id), VOTER)
            | sits(members.voters_outgoing().contains(id), OUTGOING)
            | sits(members.learners().contains(id), LEARNER)
            | generation(member.store) << 3;
        seat << (SEAT_BITS * (id.0 as usize - 1))
    };
    members.iter().map(seat).sum()
}

/// Whether the configuration with this number names a node on the so-manieth of its stores.
pub(crate) fn seats(number: u64, place: usize, generation: u64) -> bool {
    let seat = number >> (SEAT_BITS * place) & ((1 << SEAT_BITS) - 1);
    let named = seat >> 3;
    names(number, place) && (named == 0 || named == generation)
}

fn seats_of(number: u64) -> impl Iterator<Item = (u64, u64)> {
    let seat = move |place: usize| number >> (SEAT_BITS * place) & ((1 << SEAT_BITS) - 1);
    (0..NODES_MAX).map(move |place| (place as u64 + 1, seat(place)))
}

/// What the entry of the configuration with this number holds (`WIRE.md`).
pub(crate) fn bytes_of(number: u64) -> Vec<u8> {
    let members: Vec<(u64, u64, u8)> = seats_of(number)
        .filter(|(_, seat)| seat & (VOTER | OUTGOING | LEARNER) != 0)
        .map(|(id, seat)| match seat >> 3 {
            0 => (id, StoreId::ANY.0, (seat & 7) as u8),
            of => (id, store(id, of).0, (seat & 7) as u8),
        })
        .collect();
    hash::encode(&members)
}

/// The number of the configuration in an entry.
pub(crate) fn number_in(bytes: &[u8]) -> Option<u64> {
    Members::from_bytes(bytes).map(|members| number_of(&members))
}

/// Whether the configuration with this number names a node.
pub(crate) fn names(number: u64, place: usize) -> bool {
    number >> (SEAT_BITS * place) & (VOTER | OUTGOING | LEARNER) != 0
}

/// Sets of voters whose word counts, as bits: node 1 is bit 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sets {
    /// Unused ones are zero.
    masks: [u16; 4],
}

impl Sets {
    /// Those of a configuration.
    pub fn of(number: u64) -> Self {
        let mut sets = Self::default();
        for (id, seat) in seats_of(number) {
            let bit = 1 << (id - 1);
            sets.masks[0] |= if seat & VOTER != 0 { bit } else { 0 };
            sets.masks[1] |= if seat & OUTGOING != 0 { bit } else { 0 };
        }
        sets
    }

    /// Those of both configurations.
    pub fn and(self, other: Self) -> Self {
        let [one, two, ..] = self.masks;
        let [three, four, ..] = other.masks;
        Self {
            masks: [one, two, three, four],
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.masks.iter().copied().filter(|mask| *mask != 0)
    }

    /// The voters, where there is but one set of them.
    pub fn only(&self) -> Option<u16> {
        let mut sets = self.iter();
        let one = sets.next()?;
        sets.all(|set| set == one).then_some(one)
    }

    /// Everybody in any of them.
    pub fn everybody(&self) -> u16 {
        self.iter().fold(0, |all, mask| all | mask)
    }

    /// Whether a condition holds in every set, of its voters.
    pub fn all(&self, holds: impl Fn(u16) -> bool) -> bool {
        self.iter().all(holds)
    }

    /// Whether `holders` are as many as `mode` asks.
    pub fn enough(&self, mode: CommitMode, holders: u16) -> bool {
        self.all(|set| {
            let voters = size(set);
            size(holders & set) >= mode.voters_asked(voters).min(voters)
        })
    }

    /// Whether an acknowledgement of this mode says something about later leaders.
    pub fn outlived_by(&self, mode: CommitMode) -> bool {
        self.all(|set| mode.outlives_leader(size(set)))
    }
}

/// The nodes of a mask, for people.
pub(crate) fn nodes(mask: u16) -> String {
    let nodes = (0..NODES_MAX).filter(|place| mask & (1 << place) != 0);
    let nodes: Vec<String> = nodes.map(|place| (place + 1).to_string()).collect();
    match nodes.is_empty() {
        true => "no node".to_string(),
        false => format!("nodes {}", nodes.join(", ")),
    }
}

/// How many nodes.
pub(crate) fn size(mask: u16) -> usize {
    mask.count_ones() as usize
}

/// A member on one of its stores.
pub(crate) fn member(place: usize, generation: u64) -> Member {
    let id = place as u64 + 1;
    Member {
        id: NodeId(id),
        store: store(id, generation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kraft_proto::{Change, Config, Instant, Nonce, Raft, Recovery};

    fn numbered(number: u64) -> Option<Members> {
        Members::from_bytes(&bytes_of(number))
    }

    #[test]
    fn a_number_brings_back_its_configuration() {
        let voters = (0..8).map(|place| member(place, 1));
        let learners = [member(8, STORES_MAX)];
        let members = Members::with_stores(voters, learners).unwrap();
        assert_eq!(numbered(number_of(&members)), Some(members.clone()));
        let any = Members::new((1..=9).map(NodeId), []).unwrap();
        assert_eq!(numbered(number_of(&any)), Some(any));
        let config = Config::new(NodeId(1), store(1, 1), 1);
        let alone = Members::with_stores([member(0, 1)], []).unwrap();
        let mut raft =
            Raft::new(config, Recovery::bootstrap(alone), Nonce(1), Instant::ZERO).unwrap();
        raft.campaign(Instant::ZERO);
        while let Some(output) = raft.poll_output() {
            if let kraft_proto::Output::Write(write) = output {
                raft.handle_stored(Instant::ZERO, write.synced());
            }
        }
        let changes = [Change::Voter(member(1, 3)), Change::Remove(NodeId(1))];
        raft.propose_members(Instant::ZERO, &changes).unwrap();
        let joint = raft.members().clone();
        let number = number_of(&joint);
        assert!(joint.is_joint());
        assert_eq!(numbered(number), Some(joint.clone()));
        assert_eq!(bytes_of(number), joint.to_bytes().to_vec());
        assert_eq!(Sets::of(number).iter().collect::<Vec<_>>(), [0b10, 0b01]);
    }
}
