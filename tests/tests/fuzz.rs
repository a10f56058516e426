//! The fuzz bodies on stable: a small corpus, and inputs made from it by a seed.
//!
//! `KRAFT_SEED=<number>` makes other inputs.

use std::path::Path;
use std::{env, fs};

use kraft_proto::Frame;
use tests::explore::walk::ENDLESS;
use tests::explore::{Arena, Rule, Symmetry, World, show};
use tests::fuzz::inputs::Maker;
use tests::fuzz::{BODIES, Body, Depth, clusters, operations};
use tests::sim::{PLANTS, draw};

/// For each body.
const INPUTS: usize = 10_000;

/// A cluster costs a thousand times what a decoder does.
const CLUSTERS: usize = 300;

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let files = fs::read_dir(folder).expect("a corpus");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let read = paths.iter().map(|path| fs::read(path).expect("an input"));
    read.collect()
}

fn seed() -> u64 {
    env::var("KRAFT_SEED").map_or(1, |seed| seed.parse().expect("a number"))
}

fn run(name: &str) {
    run_some(name, INPUTS);
}

fn run_some(name: &str, inputs: usize) {
    let (_, body): &(_, Body) = BODIES.iter().find(|(n, _)| *n == name).expect("a body");
    let corpus = corpus(name);
    let mut taken = 0;
    for input in &corpus {
        taken += usize::from(body(input) == Depth::Taken);
    }
    assert!(
        taken > 1,
        "nearly nothing of the corpus is taken: is it of another version?"
    );
    let (seed, mut taken) = (seed(), 0);
    let mut maker = Maker::new(seed);
    for number in 0..inputs {
        let input = maker.make(&corpus);
        // Captured, and shown only if the body panics.
        println!("input {number} of seed {seed}: {input:?}");
        taken += usize::from(body(&input) == Depth::Taken);
    }
    assert!(taken > inputs / 50, "only {taken} inputs were taken");
    println!("{name}: {taken} of {inputs} inputs of seed {seed} were taken, the others refused");
}

#[test]
fn frames_have_one_encoding_and_no_node_panics_on_one() {
    let corpus = corpus("frames");
    let stale = corpus.iter().find(|bytes| Frame::decode(bytes).is_err());
    assert_eq!(
        stale, None,
        "a frame of another wire version: take those of WIRE.md"
    );
    run("frames");
}

#[test]
fn any_hostile_frames_leave_a_node_that_starts_from_its_own_disk() {
    run("hostile");
}

#[test]
fn any_members_are_in_order_or_refused() {
    run("members");
}

#[test]
fn any_key_has_the_zone_that_the_plainest_matcher_finds() {
    run("zones");
}

#[test]
fn any_recovery_starts_a_node_or_is_refused() {
    run("recovery");
}

#[test]
fn any_operations_keep_every_invariant() {
    run("operations");
}

#[test]
fn any_operations_on_a_cluster_please_every_oracle() {
    run_some("clusters", CLUSTERS);
}

/// `KRAFT_BLESS=1` writes the corpus anew in today's form: the beginnings of drawn runs.
#[test]
fn any_run_file_is_refused_or_ends_the_same_twice() {
    if env::var_os("KRAFT_BLESS").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/runs");
        let small = (1..).map(draw).filter(|run| run.setup.nodes.len() < 5);
        for mut run in small.take(4) {
            run.actions.truncate(8);
            for (at_us, timed) in (300_000..).step_by(8_000).zip(&mut run.actions) {
                timed.at_us = at_us;
            }
            run.storm_us = 390_000;
            let file = folder.join(format!("seed-{}", run.seed));
            fs::write(file, run.to_json()).expect("it is written");
        }
    }
    run("runs");
}

#[test]
fn any_line_to_the_driver_gets_one_reply() {
    run("driver");
}

#[test]
fn a_damaged_store_opens_with_what_was_written_or_refuses() {
    run("store");
}

#[test]
fn what_clients_send_has_one_encoding_and_is_applied_once() {
    run("clients");
}

#[test]
fn any_hello_reads_back_or_is_refused() {
    run("hello");
}

#[test]
fn any_configuration_means_the_same_when_it_is_written_again() {
    run("configuration");
}

/// And each is under `cargo fuzz`, by the name it has here.
#[test]
fn every_body_has_a_corpus_and_a_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    for (name, _) in BODIES {
        assert!(corpus(name).len() > 2, "{name}");
        let target = fuzz.join(format!("fuzz_targets/{name}.rs"));
        let target = fs::read_to_string(target).expect("a target");
        assert!(target.contains(&format!("fuzz::{name}::body")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

/// The input whose moves are these steps; hard states are synced before each.
fn follow(steps: &[&str], rule: Rule) -> Option<Vec<u8>> {
    let mut arena = Arena::new(ENDLESS, rule, Symmetry::None);
    let mut world = World::new(&mut arena).ok()?;
    let (mut moves, mut bytes) = (Vec::new(), Vec::new());
    let synced = [1, 2, 3].map(|node| format!("{node}: hard state synced"));
    for step in steps {
        let wanted = synced.iter().map(String::as_str).chain([*step]);
        for wanted in wanted {
            world.left = ENDLESS.budget;
            world.moves(&arena, &mut moves);
            let mut said = moves.iter().map(|taken| show::step(&arena, *taken));
            let Some(place) = said.position(|said| said == wanted) else {
                continue;
            };
            bytes.extend(u16::try_from(place).ok()?.to_le_bytes());
            match world.after(&mut arena, moves[place]) {
                Ok(after) => world = after.unwrap_or(world),
                Err(_) => return Some(bytes),
            }
        }
    }
    Some(bytes)
}

/// Moves that lead nowhere find nothing: the corpus comes to where a rule matters, and its
/// neighbours are there too. `KRAFT_BLESS=1` makes that input anew, from the way in
/// `testdata/explore`.
#[test]
fn a_broken_rule_is_found_by_operations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let input = folder.join("fuzz/corpus/operations/votes-not-synced");
    let rule = Rule::VotesNotSynced;
    if env::var_os("KRAFT_BLESS").is_some() {
        let way = folder.join("testdata/explore/votes-not-synced.txt");
        let way = fs::read_to_string(way).expect("a way");
        let steps = way.lines().filter_map(|line| line.trim().split_once(". "));
        let steps: Vec<&str> = steps.map(|(_, step)| step).collect();
        let bytes = follow(&steps, rule).expect("the way can be followed");
        fs::write(&input, bytes).expect("it is written");
    }
    let input = fs::read(input).expect("an input");
    assert_eq!(operations::play(&input, Rule::Kept), Ok(Depth::Taken));
    let story = operations::play(&input, rule).expect_err("votes are forgotten");
    assert!(story.contains("election safety"), "{story}");
    let mut maker = Maker::new(seed());
    let neighbours = (0..500).map(|_| maker.make(std::slice::from_ref(&input)));
    let found = neighbours.filter(|input| operations::play(input, rule).is_err());
    let found = found.count();
    println!("forgotten votes: {found} of 500 neighbours find them");
    assert!(found > 0);
}

#[test]
fn most_of_what_is_planted_in_clusters_is_found_by_operations() {
    let corpus = corpus("clusters");
    let mut found = Vec::new();
    for (plant, _) in PLANTS {
        let mut maker = Maker::new(seed());
        let mut oracles = (0..40).map(|_| clusters::find(&maker.make(&corpus), plant));
        if let Some(oracle) = oracles.find_map(|oracle| oracle) {
            println!("{plant:?} is found by {oracle}");
            found.push(plant);
        }
    }
    println!("{} of {} are found", found.len(), PLANTS.len());
    assert!(found.len() * 2 > PLANTS.len(), "only {found:?}");
}
