//! Episodes in which members come and go, and leadership moves.

use super::action::{Action, Seat, Target};
use super::chance::Chance;

fn node(chance: &mut Chance, nodes: u64) -> Target {
    Target::Node(chance.number(1, nodes) as u8)
}

/// One change or several, and what may befall the cluster meanwhile.
pub(super) fn members(chance: &mut Chance, nodes: u64) -> Vec<Action> {
    let one = node(chance, nodes);
    let seat = |node, seat| Action::Seat { node, seat };
    match chance.number(0, 11) {
        // A newcomer learns, and is promoted.
        0 | 1 => vec![seat(one, Seat::Learner), seat(one, Seat::Voter)],
        2 => vec![seat(one, Seat::Voter)],
        3 => vec![seat(Target::Leader, Seat::Nobody)],
        // The leader leaves, and dies before that is committed, or after.
        4 => vec![
            seat(Target::Leader, Seat::Nobody),
            Action::Kill {
                node: Target::Leader,
            },
            Action::StartAll,
        ],
        5 => vec![seat(one, Seat::Nobody)],
        // One leaves, and comes back with what it had, or with nothing.
        6 => vec![
            seat(one, Seat::Nobody),
            Action::Replace { node: one },
            seat(one, Seat::Voter),
        ],
        7 => vec![Action::Replace { node: one }, seat(one, Seat::Learner)],
        8 => vec![
            all(chance, nodes),
            Action::CutPower {
                node: Target::Leader,
            },
            Action::StartAll,
        ],
        // Two leaders, each of which may want other members.
        9 => vec![
            all(chance, nodes),
            Action::Split {
                mask: chance.number(1, (1 << nodes) - 1) as u16,
            },
            seat(one, Seat::Nobody),
            Action::Heal,
        ],
        _ => vec![all(chance, nodes)],
    }
}

/// Any members.
fn all(chance: &mut Chance, nodes: u64) -> Action {
    let everybody = (1 << nodes) - 1;
    let mut voters = chance.number(1, everybody) as u16;
    if chance.permille(500) {
        // More of them.
        voters |= chance.number(1, everybody) as u16;
    }
    Action::Members {
        of: chance.one_of(&[Target::Leader, Target::Leader, Target::OldLeader]),
        voters,
        learners: chance.number(0, everybody) as u16 & !voters,
    }
}

/// Leadership is handed over, to somebody who may be able to take it.
pub(super) fn transfers(chance: &mut Chance, nodes: u64) -> Vec<Action> {
    let one = node(chance, nodes);
    let to = chance.one_of(&[None, None, Some(Target::Follower(0)), Some(one)]);
    let transfer = Action::Transfer {
        from: Target::Leader,
        to,
    };
    match chance.number(0, 5) {
        0 => vec![transfer, Action::Kill { node: one }, Action::StartAll],
        1 => vec![
            transfer,
            Action::CutPower {
                node: Target::Leader,
            },
            Action::StartAll,
        ],
        2 => {
            let cut = Action::Isolate {
                node: one,
                way: super::action::Way::Both,
            };
            vec![cut, transfer, Action::Heal]
        }
        _ => vec![transfer],
    }
}
