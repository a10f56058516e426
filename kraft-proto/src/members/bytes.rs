//! A configuration as the bytes of its entry. `WIRE.md` is normative: they travel and lie on disks.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use super::change::{Seat, SeatList};
use super::{Member, Members};
use crate::ids::{NodeId, StoreId};
use crate::limits::{CONFIGURATION_BYTES_MAX, MEMBERS_MAX};

const VOTER: u8 = 1;
const OUTGOING: u8 = 2;
const LEARNER: u8 = 4;

/// One member as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    id: NodeId,
    store: StoreId,
    seats: u8,
}

/// The bytes of an entry that holds a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationBytes(Vec<u8, CONFIGURATION_BYTES_MAX>);

impl core::ops::Deref for ConfigurationBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Members {
    /// What the entry of this configuration holds.
    pub fn to_bytes(&self) -> ConfigurationBytes {
        let written = self
            .seats()
            .iter()
            .map(Written::of)
            .collect::<Vec<_, MEMBERS_MAX>>();
        let mut bytes = [0; CONFIGURATION_BYTES_MAX];
        // The limit is what so many members need at most.
        let used = postcard::to_slice(&written, &mut bytes).map_or(0, |used| used.len());
        ConfigurationBytes(bytes[..used].iter().copied().collect())
    }

    /// The configuration an entry holds; `None` if these bytes were never written by
    /// [`Members::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (written, rest) = postcard::take_from_bytes::<Vec<Written, MEMBERS_MAX>>(bytes).ok()?;
        if !rest.is_empty() || !written.windows(2).all(|pair| pair[0].id < pair[1].id) {
            return None;
        }
        let seats: Option<SeatList> = written.iter().map(Written::seat).collect();
        let members = Self::seated(seats?).ok()?;
        (*members.to_bytes() == *bytes).then_some(members)
    }
}

impl Written {
    fn of(seat: &Seat) -> Self {
        let bit = |sits, bit| if sits { bit } else { 0 };
        Self {
            id: seat.member.id,
            store: seat.member.store,
            seats: bit(seat.voter, VOTER)
                | bit(seat.outgoing, OUTGOING)
                | bit(seat.learner, LEARNER),
        }
    }

    fn seat(&self) -> Option<Seat> {
        let seat = Seat {
            member: Member {
                id: self.id,
                store: self.store,
            },
            voter: self.seats & VOTER != 0,
            outgoing: self.seats & OUTGOING != 0,
            learner: self.seats & LEARNER != 0,
        };
        let known = self.seats != 0 && self.seats <= VOTER | OUTGOING | LEARNER;
        (known && !(seat.voter && seat.learner)).then_some(seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::Change;

    fn member(id: u64, store: u64) -> Member {
        Member {
            id: NodeId(id),
            store: StoreId(store),
        }
    }

    #[test]
    fn the_longest_configuration_fits_and_comes_back() {
        let far = |place: u64| member(u64::MAX - place, u64::MAX);
        let most = MEMBERS_MAX as u64 - 1;
        let full = Members::with_stores((1..=most).map(far), []).unwrap();
        let change = [Change::Voter(far(0)), Change::Learner(far(1))];
        let joint = full.changed(&change).unwrap();
        let bytes = joint.to_bytes();
        assert_eq!(bytes.len(), CONFIGURATION_BYTES_MAX);
        assert_eq!(Members::from_bytes(&bytes), Some(joint));
    }

    #[test]
    fn bytes_that_hold_no_configuration_are_refused() {
        let members = Members::with_stores([member(1, 2)], [member(3, 4)]).unwrap();
        let good = members.to_bytes();
        assert_eq!(*good, [2, 1, 2, 1, 3, 4, 4]);
        let refused: [&[u8]; 8] = [
            &[],
            &[0],
            &[2, 1, 2, 1, 3, 4],
            &[2, 1, 2, 1, 3, 4, 4, 0],
            &[2, 1, 2, 1, 1, 4, 4],
            &[2, 1, 2, 5, 3, 4, 4],
            &[2, 1, 2, 0, 3, 4, 1],
            &[1, 3, 4, 4],
        ];
        for bytes in refused {
            assert_eq!(Members::from_bytes(bytes), None, "{bytes:?}");
        }
        assert_eq!(
            Members::from_bytes(&[0x82, 0, 1, 2, 1, 3, 4, 4]),
            None,
            "not shortest"
        );
    }
}
