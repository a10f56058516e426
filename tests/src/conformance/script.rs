//! What a node is put through: a few scripts that always run, and any number drawn from a seed.

use kraft_proto::FsyncMode;

use super::chance::Chance;

/// Where the node sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// The only voter, proposing.
    Leader,
    /// One of three, fed by leaders made by hand.
    Follower,
}

/// One thing to happen to a node or its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The node campaigns.
    Campaign,
    /// The leader proposes.
    Propose { count: u32, fsync: FsyncMode },
    /// A candidate of a new term asks for the follower's vote.
    Vote,
    /// The leader sends entries behind the log.
    Append { count: u32, fsync: FsyncMode },
    /// A leader of a new term sends entries in place of the last `cut`.
    Replace {
        cut: u32,
        count: u32,
        fsync: FsyncMode,
    },
    /// Time passes, so that what is unforced is to be forced.
    Pass,
    /// The store does one step.
    Step,
    /// The store does everything.
    Drain,
}

/// Actions in order.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub name: String,
    pub seat: Seat,
    pub actions: Vec<Action>,
}

use Action::{Append, Campaign, Drain, Pass, Propose, Replace, Step, Vote};
use FsyncMode::{Always, Batch, Commit, None as Never};

impl Script {
    fn new(name: &str, seat: Seat, actions: &[Action]) -> Self {
        Self {
            name: name.to_owned(),
            seat,
            actions: actions.to_vec(),
        }
    }

    /// The scripts that are cut short at every point there is.
    pub fn fixed() -> Vec<Self> {
        let append = |count, fsync| Append { count, fsync };
        let propose = |count, fsync| Propose { count, fsync };
        let replace = |cut, count, fsync| Replace { cut, count, fsync };
        vec![
            Self::new(
                "a leader proposes in every fsync mode",
                Seat::Leader,
                &[
                    Campaign,
                    Drain,
                    propose(3, Never),
                    Step,
                    propose(2, Commit),
                    propose(1, Never),
                    Drain,
                    propose(4, Batch),
                    propose(2, Always),
                    propose(3, Never),
                    Drain,
                    Pass,
                    Drain,
                ],
            ),
            Self::new(
                "many writes wait together",
                Seat::Follower,
                &[
                    append(3, Never),
                    append(2, Commit),
                    append(4, Never),
                    append(1, Always),
                    append(2, Never),
                    Step,
                    append(3, Never),
                    Vote,
                    Drain,
                ],
            ),
            Self::new(
                "votes, one after the other",
                Seat::Follower,
                &[
                    Vote,
                    Drain,
                    Vote,
                    Step,
                    Vote,
                    Vote,
                    Drain,
                    append(1, Never),
                    Vote,
                    Drain,
                ],
            ),
            Self::new(
                "new leaders replace the tail",
                Seat::Follower,
                &[
                    append(6, Commit),
                    Drain,
                    replace(3, 1, Commit),
                    Drain,
                    append(2, Never),
                    Drain,
                    replace(4, 2, Never),
                    Drain,
                    replace(1, 3, Commit),
                    Drain,
                ],
            ),
            Self::new(
                "a tail is replaced before it was stored",
                Seat::Follower,
                &[
                    append(5, Never),
                    replace(2, 1, Never),
                    Step,
                    append(2, Commit),
                    replace(3, 4, Never),
                    append(1, Never),
                    Drain,
                    Pass,
                    Drain,
                ],
            ),
        ]
    }

    /// A short script for a store that was just recovered, so that what a crash left in it can do
    /// its damage.
    pub fn after_crash(seat: Seat) -> Self {
        let actions: &[Action] = match seat {
            Seat::Leader => &[
                Campaign,
                Drain,
                Propose {
                    count: 2,
                    fsync: Never,
                },
                Drain,
                Propose {
                    count: 1,
                    fsync: Commit,
                },
                Drain,
            ],
            Seat::Follower => &[
                Replace {
                    cut: 1,
                    count: 1,
                    fsync: Never,
                },
                Drain,
                Vote,
                Append {
                    count: 2,
                    fsync: Commit,
                },
                Drain,
            ],
        };
        Self::new("a recovered store goes on", seat, actions)
    }

    /// A script drawn from chance.
    pub fn random(seat: Seat, chance: &mut Chance) -> Self {
        let count = 4 + chance.below(24);
        let mut actions: Vec<Action> = match seat {
            Seat::Leader => vec![Campaign, Drain],
            Seat::Follower => Vec::new(),
        };
        actions.extend((0..count).map(|_| Self::draw(seat, chance)));
        actions.push(Drain);
        Self {
            name: "a script of chance".to_owned(),
            seat,
            actions,
        }
    }

    fn draw(seat: Seat, chance: &mut Chance) -> Action {
        let count = 1 + chance.below(5) as u32;
        let fsync = [Never, Batch, Commit, Always][chance.below(4) as usize];
        let follower = seat == Seat::Follower;
        match chance.below(12) {
            0..=4 if follower => Append { count, fsync },
            0..=6 if !follower => Propose { count, fsync },
            5 | 6 => {
                let cut = 1 + chance.below(6) as u32;
                Replace { cut, count, fsync }
            }
            7 if follower => Vote,
            7 | 8 => Pass,
            9 | 10 => Step,
            _ => Drain,
        }
    }
}
