//! Clusters of the simulator: typed operations, with every oracle on.

use kraft_proto::{Class, CommitMode, FsyncMode};

use super::Depth;
use super::inputs::Input;
use crate::sim::action::{DiskState, Target, Way};
use crate::sim::{Action, Plant, Run, Timed, Tracing, draw, shrink};

/// So many at most.
const ACTIONS_MAX: usize = 48;

/// Takes the seed of a cluster, and what is done to it.
pub fn body(bytes: &[u8]) -> Depth {
    let run = run(&mut Input::new(bytes));
    if run.play(Tracing::Off).violation.is_some() {
        panic!("{}", shrink::report(&run));
    }
    match run.actions.is_empty() {
        true => Depth::Refused,
        false => Depth::Taken,
    }
}

/// The oracle that finds what is planted in that cluster, if one does.
pub fn find(bytes: &[u8], plant: Plant) -> Option<String> {
    let mut run = run(&mut Input::new(bytes));
    run.setup.plant = Some(plant);
    let violation = shrink::play(&run, Tracing::Off).violation;
    violation.map(|violation| violation.oracle)
}

/// Members, settings, network and disks are those of a drawn run; the operations are the input's.
fn run(input: &mut Input<'_>) -> Run {
    let drawn = draw(u64::from(input.short()));
    let mut at_us = 300_000;
    let mut actions = Vec::new();
    while !input.is_empty() && actions.len() < ACTIONS_MAX {
        at_us += [0, 200, 3_000, 40_000][usize::from(input.byte() % 4)];
        let action = action(input);
        actions.push(Timed { at_us, action });
    }
    Run {
        actions,
        storm_us: at_us + 20_000,
        ..drawn
    }
}

fn action(input: &mut Input<'_>) -> Action {
    let kind = input.byte();
    let node = target(input);
    match kind % 20 {
        0..=5 => Action::Write {
            to: node,
            class: class(input),
            count: 1 + u32::from(input.byte() % 4),
        },
        6 => Action::Read { from: node },
        7 => Action::Fate { of: node },
        8 => Action::Kill { node },
        9 => Action::CutPower { node },
        10 => Action::Blackout,
        11 => Action::Stop { node },
        12 => Action::Start {
            node: 1 + input.byte() % 9,
        },
        13 => Action::StartAll,
        14 => Action::Campaign { node },
        15 => Action::Isolate {
            node,
            way: [Way::In, Way::Out, Way::Both][usize::from(input.byte() % 3)],
        },
        16 => Action::Split {
            mask: input.short() % 512,
        },
        17 => Action::Heal,
        18 => Action::Disk {
            node,
            state: [
                DiskState::Healthy,
                DiskState::Slow(30),
                DiskState::Stuck,
                DiskState::Full,
            ][usize::from(input.byte() % 4)],
        },
        _ => Action::Drift {
            node,
            ppm: i32::from(input.byte()) * 2_000 - 200_000,
        },
    }
}

fn target(input: &mut Input<'_>) -> Target {
    match input.byte() {
        byte @ 0..80 => Target::Node(1 + byte % 9),
        80..160 => Target::Leader,
        160..190 => Target::OldLeader,
        byte => Target::Follower(byte % 8),
    }
}

fn class(input: &mut Input<'_>) -> Class {
    let byte = input.byte();
    let modes = CommitMode::each(1 + byte / 20 % 3);
    let fsyncs = FsyncMode::ALL;
    Class::new(
        modes[usize::from(byte % 5)],
        fsyncs[usize::from(byte / 5 % 4)],
    )
}
