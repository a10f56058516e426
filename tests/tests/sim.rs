//! A band of simulated clusters, and the oracles held to their own word.
//!
//! A failure prints its seed, the shortest run that fails, and the end of its trace.
//! `KRAFT_SEEDS=17..18 cargo test -p tests --test sim` plays that seed again; `KRAFT_SEEDS=0..300`
//! many, up to 400. `cargo xtask sweep` is for more than that.

use std::env;
use std::ops::Range;

use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, FsyncMode, Lease, NodeId, PreVote, StoreId,
};
use tests::sim::action::{DiskState, Way};
use tests::sim::cells::{COLUMNS, Promise, ROWS};
use tests::sim::setup::{DiskSpeed, Network};
use tests::sim::shrink::{play, report, shrink};
use tests::sim::{
    Action, PLANTS, Plant, Run, Tally, Target, Timed, Tracing, contract, draw, run_json,
};

/// Seeds of one test at most: a sweep of more wants an optimized build.
const BAND_MAX: usize = 400;

fn seeds(default: Range<u64>) -> Range<u64> {
    let Ok(asked) = env::var("KRAFT_SEEDS") else {
        return default;
    };
    let number = |text: &str| text.trim().parse::<u64>().expect("KRAFT_SEEDS: a number");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&asked)..number(&asked) + 1,
    }
}

#[test]
fn no_promise_breaks_in_a_band_of_seeds() {
    let mut total = Tally::default();
    for seed in seeds(0..40).take(BAND_MAX) {
        let run = draw(seed);
        let outcome = play(&run, Tracing::Off);
        if outcome.violation.is_some() {
            panic!("{}", report(&run));
        }
        total.add(&outcome.tally, seed);
    }
    println!(
        "{} runs, {:.2} simulated hours, {} events, {} entries committed, {} acks checked",
        total.runs,
        total.simulated_us as f64 / 3.6e9,
        total.events,
        total.committed,
        total.acks_checked
    );
    assert!(total.runs > 0 && total.committed > 0 && total.acks_checked > 0);
}

/// The first seed whose run has the plant found by its oracle.
fn found(plant: Plant, oracle: &str) -> Option<Run> {
    (0..12).find_map(|seed| {
        let mut run = draw(seed);
        run.setup.plant = Some(plant);
        let violation = play(&run, Tracing::Off).violation?;
        (violation.oracle == oracle).then_some(run)
    })
}

/// Three nodes, the first of which leads after 50 ms, and what befalls them.
fn told(actions: &[(u64, Action)]) -> Run {
    let mut run = draw(0);
    run.setup.voters = 3;
    run.setup.learners = 0;
    run.setup.network = Network {
        delay_us_min: 100,
        delay_us_max: 500,
        loss_permille: 0,
        copy_permille: 0,
        late_permille: 0,
    };
    run.setup.disk = DiskSpeed {
        write_us: (5, 20),
        sync_us: (100, 200),
    };
    run.setup.outputs_max = None;
    run.setup.nodes = (1..=3)
        .map(|id| Config {
            pre_vote: PreVote::Off,
            ..Config::new(NodeId(id), StoreId(100 + id), id)
        })
        .collect();
    let at = |(ms, action): &(u64, Action)| Timed {
        at_us: ms * 1000,
        action: *action,
    };
    run.actions = actions.iter().map(at).collect();
    run.storm_us = 3_000_000;
    run
}

/// The story in which a plant is found, where chance would take long.
fn story(plant: Plant) -> Option<Run> {
    let node = Target::Node;
    let cut = |id| Action::Isolate {
        node: node(id),
        way: Way::Both,
    };
    let disk = |id, state| Action::Disk {
        node: node(id),
        state,
    };
    let full = |id| disk(id, DiskState::Full);
    let healthy = |id| disk(id, DiskState::Healthy);
    let class = Class::new(CommitMode::Sync, FsyncMode::None);
    let to = Target::Leader;
    let actions = match plant {
        // Node 3 votes for 1, forgets it, and votes for 2 in the same term.
        Plant::ForgetsVote => vec![
            (1, cut(2)),
            (
                1,
                Action::Isolate {
                    node: node(3),
                    way: Way::Out,
                },
            ),
            (10, Action::Campaign { node: node(1) }),
            (30, Action::Kill { node: node(1) }),
            (30, Action::Kill { node: node(3) }),
            (31, Action::Start { node: 3 }),
            (32, Action::Heal),
            (33, Action::Campaign { node: node(2) }),
        ],
        // 1 and 2 hold a relied-on copy; 1 loses it with its power, says nothing, and elects 3.
        Plant::SaysSameBoot => vec![
            (10, Action::Campaign { node: node(1) }),
            (200, cut(3)),
            (
                210,
                Action::Write {
                    to,
                    class,
                    count: 1,
                },
            ),
            (260, Action::CutPower { node: node(1) }),
            (261, Action::Split { mask: 0b010 }),
            (300, Action::StartAll),
        ],
        // Two of three disks forget what they said was synced.
        Plant::FsyncLies => vec![
            (10, Action::Campaign { node: node(1) }),
            (200, cut(3)),
            (
                210,
                Action::Write {
                    to,
                    class: Class::default(),
                    count: 1,
                },
            ),
            (400, Action::Blackout),
            (401, Action::Split { mask: 0b010 }),
            (500, Action::StartAll),
        ],
        // The leader's clock nearly stands still: its lease lasts while another one leads.
        Plant::DriftsBeyond => vec![
            (
                1000,
                Action::Drift {
                    node: to,
                    ppm: -900_000,
                },
            ),
            (
                1100,
                Action::Isolate {
                    node: to,
                    way: Way::Both,
                },
            ),
            (
                1900,
                Action::Write {
                    to,
                    class: Class::default(),
                    count: 1,
                },
            ),
            (
                1950,
                Action::Read {
                    from: Target::OldLeader,
                },
            ),
        ],
        // Node 2 has an entry of 1, which 3 has it cut off; after four more terms 1 leads again, and asks
        // whether 2 has that entry.
        Plant::AnswersFromBefore => vec![
            (10, Action::Campaign { node: node(1) }),
            (100, full(3)),
            (100, full(4)),
            (100, full(5)),
            (
                101,
                Action::Write {
                    to,
                    class: Class::default(),
                    count: 1,
                },
            ),
            (120, cut(1)),
            (120, healthy(3)),
            (121, Action::Campaign { node: node(3) }),
            (150, Action::Campaign { node: node(2) }),
            (180, Action::Campaign { node: node(3) }),
            (210, Action::Campaign { node: node(2) }),
            (240, Action::Campaign { node: node(3) }),
            (270, Action::Heal),
            (270, cut(3)),
            (335, Action::Campaign { node: node(1) }),
        ],
        // Node 3 has an entry that nobody else has; another takes its place and is committed, and the
        // disk of node 3 does not come to it before its power goes.
        Plant::ClampsHint => vec![
            (10, Action::Campaign { node: node(3) }),
            (100, cut(3)),
            (
                101,
                Action::Write {
                    to,
                    class: Class::default(),
                    count: 1,
                },
            ),
            (300, Action::Campaign { node: node(1) }),
            (340, disk(3, DiskState::Slow(1000))),
            (350, Action::Heal),
            (680, Action::CutPower { node: node(3) }),
            (681, healthy(3)),
            (690, Action::Start { node: 3 }),
        ],
        // The disk of node 3 is copied, starts again, takes an entry, and goes back: to the same number.
        Plant::RepeatsNonce => vec![
            (10, Action::Campaign { node: node(1) }),
            (200, Action::Copy { node: node(3) }),
            (210, Action::Kill { node: node(3) }),
            (220, Action::Start { node: 3 }),
            (
                500,
                Action::Write {
                    to,
                    class: Class::default(),
                    count: 1,
                },
            ),
            (800, Action::PutBack { node: node(3) }),
        ],
        _ => return None,
    };
    let mut run = told(&actions);
    if plant == Plant::AnswersFromBefore {
        run.setup.voters = 5;
        let nodes = (1..=5).map(|id| Config {
            pre_vote: PreVote::Off,
            check_quorum: CheckQuorum::Off,
            term_runs_max: 2,
            ..Config::new(NodeId(id), StoreId(100 + id), id)
        });
        run.setup.nodes = nodes.collect();
    }
    if plant == Plant::RepeatsNonce {
        run.storm_us = 5_000_000;
    }
    if plant == Plant::DriftsBeyond {
        for config in &mut run.setup.nodes {
            config.lease = Lease::On { drift_permille: 10 };
        }
    }
    Some(run)
}

/// The run in which a plant is found: its story over several seeds, or a drawn run.
fn find(plant: Plant, oracle: &str) -> Option<Run> {
    let Some(mut run) = story(plant) else {
        return found(plant, oracle);
    };
    (0..200).find_map(|seed| {
        run.seed = seed;
        run.setup.plant = None;
        let violation = play(&run, Tracing::Off).violation;
        assert_eq!(violation, None, "the story of {plant:?} without the plant");
        run.setup.plant = Some(plant);
        let violation = play(&run, Tracing::Off).violation?;
        (violation.oracle == oracle).then(|| run.clone())
    })
}

#[test]
fn every_oracle_finds_its_plant() {
    let mut missed = Vec::new();
    for (plant, oracle) in PLANTS {
        match find(plant, oracle) {
            Some(run) => println!("{plant:?}: found by {oracle} at seed {}", run.seed),
            None => missed.push((plant, oracle)),
        }
    }
    assert!(
        missed.is_empty(),
        "oracles that miss what is planted: {missed:?}"
    );
}

#[test]
fn a_failing_run_is_made_shorter_and_fails_the_same_way() {
    let run = found(Plant::AcksAlone, "contract").expect("a plant that is found at once");
    let shortest = shrink(&run);
    assert!(shortest.actions.len() <= 3, "{:?}", shortest.actions);
    let violation = play(&shortest, Tracing::Off).violation;
    assert_eq!(violation.expect("it still fails").oracle, "contract");
    let report = report(&run);
    assert!(report.contains("contract is violated"), "{report}");
}

/// Actions a person reads of any violation.
const SHORT: usize = 12;

#[test]
fn what_breaks_a_promise_is_told_in_a_few_actions() {
    let mut lengths = Vec::new();
    for (plant, oracle) in PLANTS {
        // What shows only when all is at rest takes a whole run for every trial.
        if matches!(oracle, "convergence" | "bounded_memory") {
            continue;
        }
        let run = find(plant, oracle).expect("a plant that is found");
        let shortest = shrink(&run);
        let violation = play(&shortest, Tracing::Off).violation;
        assert_eq!(violation.expect("it still fails").oracle, oracle);
        lengths.push((plant, run.actions.len(), shortest.actions.len()));
    }
    println!("actions before and after: {lengths:?}");
    let long = lengths.iter().filter(|(_, _, after)| *after > SHORT);
    assert_eq!(long.count(), 0, "{lengths:?}");
}

#[test]
fn a_run_is_a_value_and_ends_in_the_same_state_each_time() {
    let run = draw(3);
    let hash = run.play(Tracing::Off).hash;
    assert_eq!(run_json(&run.to_json()), Ok(hash));
    let mut other = run.clone();
    other.version += 1;
    assert!(run_json(&other.to_json()).unwrap_err().contains("version"));
}

#[test]
fn a_clone_of_a_world_is_another_future_of_it() {
    let run = draw(5);
    let mut world = run.world().unwrap();
    for Timed { at_us, action } in &run.actions[..60] {
        world.pass_until(*at_us);
        world.step(action);
    }
    let mut same = world.clone();
    let mut other = world.clone();
    for branch in [&mut world, &mut same] {
        branch.step(&Action::Pass { us: 500_000 });
    }
    other.step(&Action::Blackout);
    other.step(&Action::Pass { us: 500_000 });
    assert_eq!(world.hash(), same.hash());
    assert_ne!(world.hash(), other.hash());
}

#[test]
fn the_contract_is_written_between_its_markers() {
    let table = contract::table(&Tally::default());
    let document = "before\n<!-- contract -->\nstale\n<!-- /contract -->\nafter\n";
    let written = contract::between_markers(document, &table).unwrap();
    assert!(written.starts_with("before\n<!-- contract -->\n| you heard |"));
    assert!(written.ends_with("<!-- /contract -->\nafter\n") && !written.contains("stale"));
    assert!(contract::between_markers("no markers", &table).is_err());
}

/// The rows of a table between two markers, each with its cells.
fn rows<'a>(page: &'a str, begin: &str, end: &str) -> Vec<Vec<&'a str>> {
    let (_, rest) = page.split_once(begin).expect("a marker");
    let (table, _) = rest.split_once(end).expect("its end");
    let lines = table.lines().filter(|line| line.starts_with('|'));
    let cells = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect());
    let rows: Vec<Vec<&str>> = cells.collect();
    assert_eq!(rows.len(), 2 + ROWS.len());
    rows[2..].to_vec()
}

#[test]
fn the_contract_shows_each_cell_as_the_design_has_it() {
    let page = include_str!("../../kraft-proto/DURABILITY.md");
    for (row, cells) in ROWS.iter().zip(rows(page, contract::BEGIN, contract::END)) {
        for (column, cell) in COLUMNS.iter().zip(&cells[2..]) {
            let (said, counts) = cell.split_once(": ").expect("a cell with its counts");
            let begins = match row.promise(*column) {
                Promise::Survives => "survives",
                Promise::MayLose => "may lose",
            };
            assert!(said.starts_with(begins), "{row:?} when {column:?}: {cell}");
            if let Some((kept, all)) = counts.split_once(" of ")
                && begins == "survives"
            {
                assert_eq!(kept, all, "{row:?} when {column:?}");
            }
        }
    }
}

#[test]
fn the_readme_marks_each_cell_as_the_design_has_it() {
    let page = include_str!("../../README.md");
    let marked = rows(page, "<!-- marks -->", "<!-- /marks -->");
    for (row, cells) in ROWS.iter().zip(marked) {
        assert_eq!(cells.len(), 3 + COLUMNS.len());
        for (column, mark) in COLUMNS.iter().zip(&cells[3..]) {
            let expected = match row.promise(*column) {
                Promise::Survives => "✓",
                Promise::MayLose => "✗",
            };
            assert_eq!(*mark, expected, "{row:?} when {column:?}");
        }
    }
}
