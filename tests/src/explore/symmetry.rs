//! Worlds that differ in the names of nodes alone, as one.

use kraft_proto::NodeId;
use serde::Serialize;

use super::bound::Bound;
use super::configuration::NodeMask;
use super::fingerprint::fingerprint;
use super::renaming::{Unread, bytes};

/// How many voters a world has.
pub const NODES: usize = 3;

/// Every order of three nodes: what each id becomes, less one.
pub const PERMUTATIONS: [[usize; NODES]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// Whether worlds that differ in the names of nodes alone count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// They do.
    Names,
    /// They do not.
    None,
}

impl Symmetry {
    /// The renamings under which worlds within a bound behave the same: those that leave the first
    /// voters the first voters, and any change that may be proposed one that may be.
    pub fn permutations(self, bound: &Bound) -> Vec<[usize; NODES]> {
        let keeps = |permutation: &&[usize; NODES]| {
            let renamed = |mask: &NodeMask| renamed_mask(*mask, permutation);
            let mut targets = bound.targets.iter().map(renamed);
            renamed(&bound.voters) == bound.voters && targets.all(|to| bound.targets.contains(&to))
        };
        match self {
            Self::Names => PERMUTATIONS.iter().filter(keeps).copied().collect(),
            Self::None => PERMUTATIONS[..1].to_vec(),
        }
    }
}

/// Some nodes after a renaming.
pub fn renamed_mask(mask: NodeMask, permutation: &[usize; NODES]) -> NodeMask {
    let ids = mask.ids().map(|id| renamed(id, permutation));
    NodeMask(ids.fold(0, |mask, id| mask | 1 << (id.0 - 1)))
}

/// The name of a node after a renaming.
pub fn renamed(id: NodeId, permutation: &[usize; NODES]) -> NodeId {
    match permutation.get((id.0 as usize).wrapping_sub(1)) {
        Some(place) => NodeId(*place as u64 + 1),
        None => id,
    }
}

/// The fingerprints of a value under each renaming, without what is not read; what is left over
/// is 0.
pub fn fingerprints(
    value: &impl Serialize,
    permutations: &[[usize; NODES]],
    unread: Unread,
) -> [u128; PERMUTATIONS.len()] {
    let mut prints = [0; PERMUTATIONS.len()];
    for (print, permutation) in prints.iter_mut().zip(permutations) {
        *print = fingerprint(&bytes(value, permutation, unread));
    }
    prints
}
