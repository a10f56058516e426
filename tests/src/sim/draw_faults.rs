//! The faults of a drawn run: episodes, each with its end.

use kraft_proto::{Class, Lease};

use super::action::{Action, DiskState, Target, Timed, Way};
use super::chance::Chance;
use super::draw::STORM_US;
use super::draw_members;

/// What kind of day it is.
#[derive(Clone, Copy)]
enum Theme {
    Kills,
    Power,
    Blackouts,
    Links,
    Disks,
    Clocks,
    Members,
    Transfers,
    Copies,
    Everything,
    Nothing,
}

/// The faults of a run over so many nodes, in no order.
pub(super) fn draw(chance: &mut Chance, nodes: u64, lease: Lease, classes: &[Class]) -> Vec<Timed> {
    let theme = chance.one_of(&[
        Theme::Kills,
        Theme::Power,
        Theme::Power,
        Theme::Blackouts,
        Theme::Links,
        Theme::Links,
        Theme::Disks,
        Theme::Clocks,
        Theme::Members,
        Theme::Members,
        Theme::Transfers,
        Theme::Copies,
        Theme::Everything,
        Theme::Everything,
        Theme::Everything,
        Theme::Nothing,
    ]);
    let gap = chance.one_of(&[300_000, 1_000_000, 3_000_000]);
    let mut actions = Vec::new();
    let mut at_us = 600_000;
    if let Theme::Nothing = theme {
        return actions;
    }
    while at_us < STORM_US {
        let kind = match theme {
            Theme::Everything => chance.one_of(&[
                Theme::Kills,
                Theme::Power,
                Theme::Blackouts,
                Theme::Links,
                Theme::Links,
                Theme::Disks,
                Theme::Clocks,
                Theme::Members,
                Theme::Members,
                Theme::Transfers,
                Theme::Copies,
            ]),
            theme => theme,
        };
        if let Theme::Copies = kind {
            at_us = copies(chance, nodes, at_us, classes, &mut actions);
            continue;
        }
        let last = chance.one_of(&[20_000, 300_000, 1_500_000]);
        let episode = match kind {
            Theme::Kills => kills(chance, nodes),
            Theme::Power => power(chance, nodes, classes),
            Theme::Blackouts => blackout(chance),
            Theme::Links => links(chance, nodes),
            Theme::Disks => disks(chance, nodes),
            Theme::Clocks => clocks(chance, nodes, lease),
            Theme::Members => draw_members::members(chance, nodes),
            Theme::Transfers => draw_members::transfers(chance, nodes),
            Theme::Copies | Theme::Everything | Theme::Nothing => Vec::new(),
        };
        actions.extend(writes_before(chance, at_us, classes));
        let (ends, faults): (Vec<_>, Vec<_>) = episode.into_iter().partition(is_end);
        for (offset, action) in faults.into_iter().enumerate() {
            let at_us = at_us + offset as u64 * chance.number(0, 40_000);
            actions.push(Timed { at_us, action });
        }
        let end_us = at_us + 100_000 + chance.number(0, last);
        actions.extend(ends.into_iter().map(|action| Timed {
            at_us: end_us,
            action,
        }));
        at_us += chance.number(1, gap * 2);
    }
    actions
}

/// A disk is copied, its node goes on, and perhaps starts anew, and the copy takes the disk's place in
/// fair weather. When it is over.
fn copies(
    chance: &mut Chance,
    nodes: u64,
    mut at_us: u64,
    classes: &[Class],
    actions: &mut Vec<Timed>,
) -> u64 {
    let node = Target::Node(chance.number(1, nodes) as u8);
    let mut then = |at_us, action| actions.push(Timed { at_us, action });
    then(at_us, Action::Copy { node });
    for _ in 0..chance.number(0, 3) {
        at_us += 200_000;
        then(at_us, Action::Kill { node });
        at_us += 50_000;
        then(at_us, Action::StartAll);
    }
    for _ in 0..chance.number(0, 3) {
        at_us += 20_000;
        let class = chance.one_of(classes);
        then(
            at_us,
            Action::Write {
                to: Target::Leader,
                class,
                count: 1,
            },
        );
    }
    at_us += 50_000;
    then(at_us, Action::Heal);
    then(at_us, Action::StartAll);
    then(
        at_us,
        Action::Network {
            loss_permille: 0,
            copy_permille: 0,
            late_permille: 0,
        },
    );
    at_us += 1_500_000;
    then(at_us, Action::PutBack { node });
    at_us + chance.number(100_000, 1_000_000)
}

/// A node that leads, as may be, is cut off with an entry of its own; another's takes its place and is
/// committed, as the node is told; and its power goes before its disk has that one. Then its old tail is
/// back, and what its host kept as committed is no entry of it.
pub(super) fn a_tail_that_comes_back(chance: &mut Chance, nodes: u64) -> Vec<Timed> {
    let node = Target::Node(chance.number(1, nodes) as u8);
    let mut at_us = chance.number(600_000, STORM_US - 4_000_000);
    let mut actions = Vec::new();
    let mut then = |wait_us, action| {
        at_us += wait_us;
        actions.push(Timed { at_us, action });
    };
    then(0, Action::Campaign { node });
    let way = Way::Both;
    then(150_000, Action::Isolate { node, way });
    let (to, class, count) = (node, Class::default(), 1);
    then(1_000, Action::Write { to, class, count });
    // By now another leads.
    let state = DiskState::Slow(chance.one_of(&[30, 100, 300, 1000]));
    then(700_000, Action::Disk { node, state });
    then(1_000, Action::Heal);
    then(chance.number(50_000, 600_000), Action::CutPower { node });
    let state = DiskState::Healthy;
    then(1_000, Action::Disk { node, state });
    then(50_000, Action::StartAll);
    actions
}

/// What undoes faults rather than being one.
fn is_end(action: &Action) -> bool {
    match *action {
        Action::StartAll | Action::Heal => true,
        Action::Disk { state, .. } => state == DiskState::Healthy,
        Action::Drift { ppm, .. } => ppm == 0,
        Action::Network {
            loss_permille,
            copy_permille,
            late_permille,
        } => loss_permille + copy_permille + late_permille == 0,
        _ => false,
    }
}

/// Writes that are under way when the fault comes.
fn writes_before(chance: &mut Chance, at_us: u64, classes: &[Class]) -> Vec<Timed> {
    let ahead = chance.one_of(&[1, 2000, 30_000]);
    let count = chance.number(0, 4);
    let write = |_| Timed {
        at_us: at_us - chance.number(0, ahead),
        action: Action::Write {
            to: Target::Leader,
            class: chance.one_of(classes),
            count: 1,
        },
    };
    (0..count).map(write).collect()
}

fn anybody(chance: &mut Chance, nodes: u64) -> Target {
    let node = Target::Node(chance.number(1, nodes) as u8);
    chance.one_of(&[
        Target::Leader,
        Target::Follower(0),
        Target::Follower(1),
        node,
    ])
}

/// The faults, and last what ends them.
fn kills(chance: &mut Chance, nodes: u64) -> Vec<Action> {
    let node = anybody(chance, nodes);
    match chance.number(0, 9) {
        0 => vec![Action::Stop { node }, Action::StartAll],
        1 => vec![
            Action::Stop { node },
            Action::CutPower { node },
            Action::StartAll,
        ],
        2 => vec![Action::Campaign { node }, Action::StartAll],
        3 => {
            let other = anybody(chance, nodes);
            vec![
                Action::Kill { node },
                Action::Kill { node: other },
                Action::StartAll,
            ]
        }
        4 => {
            let node = Target::Node(chance.number(1, nodes) as u8);
            vec![
                Action::Kill { node },
                Action::CutPower { node },
                Action::StartAll,
            ]
        }
        _ => vec![Action::Kill { node }, Action::StartAll],
    }
}

fn power(chance: &mut Chance, nodes: u64, classes: &[Class]) -> Vec<Action> {
    if chance.permille(250) {
        return power_of_all_who_know(chance, classes);
    }
    let count = chance.number(1, nodes.div_ceil(2));
    let mut faults: Vec<Action> = (0..count)
        .map(|_| Action::CutPower {
            node: anybody(chance, nodes),
        })
        .collect();
    faults.push(Action::StartAll);
    faults
}

/// One node misses writes, and those that have them lose their power.
fn power_of_all_who_know(chance: &mut Chance, classes: &[Class]) -> Vec<Action> {
    let away = Action::Isolate {
        node: Target::Follower(0),
        way: Way::Both,
    };
    let write = |chance: &mut Chance| Action::Write {
        to: Target::Leader,
        class: chance.one_of(classes),
        count: 1,
    };
    let cut = |node| Action::CutPower { node };
    vec![
        away,
        write(chance),
        write(chance),
        cut(Target::Leader),
        // With the leader gone the one that is away is the first again.
        cut(Target::Follower(1)),
        Action::StartAll,
        Action::Heal,
    ]
}

fn blackout(chance: &mut Chance) -> Vec<Action> {
    let mut faults = vec![Action::Blackout, Action::StartAll];
    if chance.permille(300) {
        faults.insert(
            0,
            Action::Isolate {
                node: Target::Leader,
                way: Way::Both,
            },
        );
        faults.push(Action::Heal);
    }
    faults
}

fn links(chance: &mut Chance, nodes: u64) -> Vec<Action> {
    let way = chance.one_of(&[Way::Both, Way::Both, Way::In, Way::Out]);
    let node = anybody(chance, nodes);
    match chance.number(0, 5) {
        0 => {
            let mask = chance.number(1, (1 << nodes) - 1) as u16;
            vec![Action::Split { mask }, Action::Heal]
        }
        1 => {
            let storm = Action::Network {
                loss_permille: chance.one_of(&[0, 50, 300]),
                copy_permille: chance.one_of(&[0, 50, 200]),
                late_permille: chance.one_of(&[0, 50, 200]),
            };
            let fair = Action::Network {
                loss_permille: 0,
                copy_permille: 0,
                late_permille: 0,
            };
            vec![storm, fair]
        }
        2 | 3 => vec![
            Action::Isolate {
                node: Target::Leader,
                way,
            },
            Action::Heal,
        ],
        _ => vec![Action::Isolate { node, way }, Action::Heal],
    }
}

fn disks(chance: &mut Chance, nodes: u64) -> Vec<Action> {
    let node = Target::Node(chance.number(1, nodes) as u8);
    let slow = DiskState::Slow(chance.one_of(&[5, 50, 500]));
    let state = chance.one_of(&[slow, slow, DiskState::Stuck, DiskState::Full]);
    let healthy = Action::Disk {
        node,
        state: DiskState::Healthy,
    };
    vec![Action::Disk { node, state }, healthy]
}

fn clocks(chance: &mut Chance, nodes: u64, lease: Lease) -> Vec<Action> {
    let node = Target::Node(chance.number(1, nodes) as u8);
    let ppm = match lease {
        Lease::Off => chance.one_of(&[-300_000, -1000, 1000, 50_000, 900_000]),
        Lease::On { drift_permille } => {
            let most = i32::from(drift_permille) * 1000;
            chance.one_of(&[-most, most, most, most / 2])
        }
    };
    vec![Action::Drift { node, ppm }, Action::Drift { node, ppm: 0 }]
}
