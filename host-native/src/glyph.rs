//! The shape of an entry in characters: a bar for each node, as high as the entry is deep there.

use std::fmt;

use kraft_proto::modes::{Class, CommitMode, Held};

/// How many of the voters have an entry, and how deep: `█▄··`, the leader first.
///
/// `▁` is accepted (in memory), `▄` written (in the operating system), `█` synced (on the disk), and
/// `·` a voter that need not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    voters: usize,
    /// How many have it.
    width: usize,
    depth: Held,
}

impl Glyph {
    /// What an answer of that mode says, on that evidence.
    pub fn of(mode: CommitMode, held: Held, voters: usize) -> Self {
        let width = match (mode, held) {
            (CommitMode::Async | CommitMode::LeaderOnly, _) | (_, Held::Accepted) => 1,
            (CommitMode::AtLeast(n), _) => usize::from(n),
            (CommitMode::Sync, _) => majority(voters),
            (CommitMode::All, _) => voters,
        };
        let depth = match mode {
            CommitMode::Async => Held::Accepted,
            _ => held,
        };
        Self {
            voters,
            width: width.min(voters),
            depth,
        }
    }

    /// What a class asks for: the shape that must be filled before its client hears.
    pub fn asked(class: Class, voters: usize) -> Self {
        Self::of(class.mode, class.fsync.held(), voters)
    }

    /// What commit says of an entry.
    pub fn committed(voters: usize) -> Self {
        Self::of(CommitMode::Sync, Held::Synced, voters)
    }

    /// An entry in whose place another is committed.
    pub const fn lost(voters: usize) -> Self {
        Self {
            voters,
            width: 0,
            depth: Held::Accepted,
        }
    }
}

/// How many of so many voters are more than half of them.
const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

impl fmt::Display for Glyph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bar = match self.depth {
            Held::Accepted => "▁",
            Held::Written => "▄",
            Held::Synced => "█",
        };
        let rest = "·".repeat(self.voters - self.width);
        write!(f, "{}{rest}", bar.repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_shape() {
        let of = |mode, held, voters| Glyph::of(mode, held, voters).to_string();
        assert_eq!(of(CommitMode::Async, Held::Accepted, 5), "▁····");
        assert_eq!(of(CommitMode::LeaderOnly, Held::Written, 5), "▄····");
        assert_eq!(of(CommitMode::LeaderOnly, Held::Synced, 5), "█····");
        assert_eq!(of(CommitMode::AtLeast(2), Held::Written, 5), "▄▄···");
        assert_eq!(of(CommitMode::Sync, Held::Written, 5), "▄▄▄··");
        assert_eq!(of(CommitMode::Sync, Held::Synced, 4), "███·");
        assert_eq!(of(CommitMode::All, Held::Synced, 5), "█████");
    }

    #[test]
    fn a_shape_has_a_place_for_every_voter_and_no_more() {
        for voters in 1..=15 {
            for mode in [CommitMode::AtLeast(9), CommitMode::Sync, CommitMode::All] {
                let shape = Glyph::of(mode, Held::Synced, voters).to_string();
                assert_eq!(shape.chars().count(), voters, "{mode} of {voters}");
            }
        }
        assert_eq!(
            Glyph::of(CommitMode::AtLeast(9), Held::Synced, 3).to_string(),
            "███"
        );
    }

    #[test]
    fn committed_is_on_the_disks_of_a_majority_and_lost_is_nowhere() {
        assert_eq!(Glyph::committed(3).to_string(), "██·");
        assert_eq!(Glyph::lost(3).to_string(), "···");
    }
}
