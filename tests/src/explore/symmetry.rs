//! Worlds that differ in the names of nodes alone, as one.

use kraft_proto::NodeId;
use serde::Serialize;

use super::fingerprint::fingerprint;
use super::renaming::bytes;

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
    /// The renamings under which a world stays the same.
    pub fn permutations(self) -> &'static [[usize; NODES]] {
        match self {
            Self::Names => &PERMUTATIONS,
            Self::None => &PERMUTATIONS[..1],
        }
    }
}

/// The name of a node after a renaming.
pub fn renamed(id: NodeId, permutation: &[usize; NODES]) -> NodeId {
    match permutation.get((id.0 as usize).wrapping_sub(1)) {
        Some(place) => NodeId(*place as u64 + 1),
        None => id,
    }
}

/// The fingerprints of a value under each renaming.
pub fn fingerprints(value: &impl Serialize, symmetry: Symmetry) -> [u128; PERMUTATIONS.len()] {
    let mut prints = [0; PERMUTATIONS.len()];
    for (print, permutation) in prints.iter_mut().zip(symmetry.permutations()) {
        *print = fingerprint(&bytes(value, permutation));
    }
    prints
}
