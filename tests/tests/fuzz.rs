//! The fuzz bodies on stable: a small corpus, and inputs made from it by a seed.
//!
//! `KRAFT_SEED=<number>` makes other inputs.

use std::path::Path;
use std::{env, fs};

use kraft_proto::Frame;
use tests::explore::Rule;
use tests::fuzz::inputs::Maker;
use tests::fuzz::{BODIES, Body, Depth, clusters, operations};
use tests::sim::PLANTS;

const INPUTS: usize = 10_000;

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
    let (_, body): &(_, Body) = BODIES.iter().find(|(n, _)| *n == name).expect("a body");
    let corpus = corpus(name);
    let mut taken = 0;
    for input in &corpus {
        taken += usize::from(body(input) == Depth::Taken);
    }
    assert!(taken > 1, "nearly nothing of the corpus is taken");
    let (seed, mut taken) = (seed(), 0);
    let mut maker = Maker::new(seed);
    for number in 0..INPUTS {
        let input = maker.make(&corpus);
        // Captured, and shown only if the body panics.
        println!("input {number} of seed {seed}: {input:?}");
        taken += usize::from(body(&input) == Depth::Taken);
    }
    assert!(taken > INPUTS / 50, "only {taken} inputs were taken");
    println!("{name}: {taken} of {INPUTS} inputs of seed {seed} were taken, the others refused");
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
    run("clusters");
}

#[test]
fn any_run_file_is_refused_or_ends_the_same_twice() {
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

/// Moves that lead nowhere near a vote find nothing: the inputs must lead there.
#[test]
fn a_broken_rule_is_found_by_operations() {
    let corpus = corpus("operations");
    let mut maker = Maker::new(seed());
    for number in 0..INPUTS {
        let input = maker.make(&corpus);
        if let Err(story) = operations::play(&input, Rule::VotesNotSynced) {
            println!("input {number} finds it:\n{story}");
            return;
        }
    }
    panic!("votes are forgotten, and no input shows it");
}

#[test]
fn most_of_what_is_planted_in_clusters_is_found_by_operations() {
    let corpus = corpus("clusters");
    let mut found = Vec::new();
    for (plant, _) in PLANTS {
        let mut maker = Maker::new(seed());
        let mut oracles = (0..300).map(|_| clusters::find(&maker.make(&corpus), plant));
        if let Some(oracle) = oracles.find_map(|oracle| oracle) {
            println!("{plant:?} is found by {oracle}");
            found.push(plant);
        }
    }
    assert!(found.len() * 2 > PLANTS.len(), "only {found:?}");
}
