//! Every world within two bounds, and what is found when a rule is broken.
//!
//! `KRAFT_BLESS=1 cargo test -p tests --test explore` writes the ways that were found into
//! `testdata/explore`; read the difference before it is committed. `cargo xtask explore` has larger
//! bounds.

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use tests::explore::bound::Budget;
use tests::explore::{Figures, Order, Outcome, Rule, Symmetry, bound, search, show, walk};

/// Exhausts a bound, and returns how much it was.
fn exhaust(name: &str, symmetry: Symmetry, order: Order) -> Figures {
    let bound = bound::named(name).expect("a bound");
    let (outcome, figures, arena) = search(bound, Rule::Kept, symmetry, order, usize::MAX, |_| {});
    if let Outcome::Violated(violation, way) = &outcome {
        panic!("{}", show::way(&arena, bound, Rule::Kept, violation, way));
    }
    assert!(matches!(outcome, Outcome::Exhausted));
    println!(
        "{name}: {} worlds in {} situations, {} moves tried, up to {} deep",
        figures.worlds, figures.situations, figures.moves, figures.depth
    );
    let [leaders, committed, acked] = figures.events;
    assert!(leaders > 1, "nobody was elected");
    let Budget {
        proposals, changes, ..
    } = bound.budget;
    assert!(proposals == 0 || acked > 0, "nothing was acknowledged");
    assert!(
        proposals + changes == 0 || committed > 1,
        "nothing came of it"
    );
    figures
}

/// Finds what goes wrong under a broken rule, and compares the way there with the one known.
fn finds(name: &str, rule: Rule, invariant: &str) {
    let bound = bound::named(name).expect("a bound");
    let (outcome, _, arena) = search(
        bound,
        rule,
        Symmetry::Names,
        Order::Shortest,
        usize::MAX,
        |_| {},
    );
    let Outcome::Violated(violation, way) = outcome else {
        panic!("{} is not found out: {outcome:?}", rule.name());
    };
    assert_eq!(violation.invariant, invariant);
    let came = show::way(&arena, bound, rule, &violation, &way);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/explore");
    let path = folder.join(format!("{}.txt", rule.name()));
    if env::var_os("KRAFT_BLESS").is_some() {
        fs::write(path, came).expect("a way is written");
        return;
    }
    let expected = fs::read_to_string(&path).expect("testdata/explore");
    assert_eq!(expected, came, "{} has another shortest way", rule.name());
}

#[test]
fn three_campaigns_and_a_power_cut_never_elect_two_leaders_of_a_term() {
    let worlds = exhaust("elections", Symmetry::Names, Order::Largest).worlds;
    assert!(worlds > 10_000);
}

#[test]
fn a_written_ack_of_a_majority_outlives_the_power_of_a_minority() {
    let worlds = exhaust("suspects", Symmetry::Names, Order::Largest).worlds;
    assert!(worlds > 50_000);
}

#[test]
fn renaming_nodes_hides_no_depth_and_leaves_one_of_each_kind() {
    // Where node 1 leads to begin with, only the other two can change their names.
    for (name, names) in [("elections", 6), ("joint", 2)] {
        let all = exhaust(name, Symmetry::None, Order::Shortest);
        let some = exhaust(name, Symmetry::Names, Order::Shortest);
        assert_eq!(all.depth, some.depth);
        let (all, some) = (all.situations, some.situations);
        let fewest = all.div_ceil(names);
        assert!(some >= fewest && some < fewest * 6 / 5, "{some} of {all}");
    }
}

#[test]
fn whatever_comes_first_the_same_situations_are_found() {
    for name in ["elections", "suspects"] {
        let shortest = exhaust(name, Symmetry::Names, Order::Shortest);
        let largest = exhaust(name, Symmetry::Names, Order::Largest);
        assert_eq!(shortest.situations, largest.situations);
        assert!(shortest.worlds > largest.worlds);
    }
}

#[test]
fn a_vote_that_is_not_synced_elects_two_leaders() {
    finds("elections", Rule::VotesNotSynced, "election safety");
}

#[test]
fn a_naive_rejoin_loses_an_acknowledged_entry() {
    finds("suspects", Rule::NaiveRejoin, "acks outlive power cuts");
}

#[test]
fn votes_of_suspects_counted_as_clean_lose_an_acknowledged_entry() {
    finds(
        "suspects",
        Rule::SuspectsCountAsClean,
        "acks outlive power cuts",
    );
}

#[test]
fn readmission_at_the_commit_index_loses_an_acknowledged_entry() {
    finds(
        "readmission",
        Rule::ReadmissionAtCommit,
        "acks outlive power cuts",
    );
}

#[test]
fn no_two_majorities_decide_while_members_change() {
    let worlds = exhaust("joint", Symmetry::Names, Order::Largest).worlds;
    assert!(worlds > 10_000);
}

#[test]
fn what_is_committed_stays_while_leaders_change() {
    let worlds = exhaust("replication", Symmetry::Names, Order::Largest).worlds;
    assert!(worlds > 20_000);
}

#[test]
fn a_joint_configuration_read_as_its_union_loses_a_committed_entry() {
    finds("joint", Rule::JointByUnion, "leader completeness");
}

#[test]
fn a_joint_configuration_read_as_the_new_one_elects_two_leaders() {
    finds("joint-cut", Rule::JointByNew, "election safety");
}

#[test]
fn a_read_that_nobody_confirmed_misses_an_acknowledged_entry() {
    finds("reads", Rule::ReadsUnconfirmed, "reads see acks");
}

#[test]
fn a_trace_repeats_from_its_seed_and_elects_and_commits() {
    let trace = |seed| {
        let mut lines = Vec::new();
        walk::walk(seed, 2_000, &mut lines).expect("nothing is violated");
        String::from_utf8(lines).expect("JSON")
    };
    let lines = trace(1);
    assert_eq!(lines, trace(1));
    assert_ne!(lines, trace(2));
    assert_eq!(lines.lines().count(), 2_001);
    let mut before: Vec<[u64; 3]> = Vec::new();
    let (mut roles, mut commits) = (BTreeSet::new(), 0);
    for (number, line) in lines.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["step"].as_u64(), Some(number as u64));
        let taken = line["move"].as_str().expect("a move");
        let nodes = line["nodes"].as_array().expect("nodes").iter();
        let nodes: Vec<[u64; 3]> = nodes.map(|node| read(node, &mut roles)).collect();
        let changed = nodes.iter().zip(&before).filter(|(is, was)| is != was);
        assert!(before.is_empty() || changed.count() <= 1, "one node a step");
        for ([term, commit, _], [earlier, ..]) in nodes.iter().zip(&before) {
            // A term that was not synced yet may be forgotten: nothing was said in it.
            let crash = taken.ends_with("started again");
            assert!(term >= earlier || crash, "terms never fall: line {number}");
            commits = commits.max(*commit);
        }
        before = nodes;
    }
    println!("committed through {commits}, roles {roles:?}");
    assert!(commits > 3 && roles.len() == 3);
}

/// A node of a trace as its documentation has it: its term, its commit index and the synced length
/// of its log.
fn read(node: &serde_json::Value, roles: &mut BTreeSet<String>) -> [u64; 3] {
    roles.insert(node["role"].as_str().expect("a role").to_owned());
    assert!(node["vote"].is_null() || node["vote"].as_u64().is_some_and(|id| id <= 3));
    let log = node["log"].as_array().expect("a log");
    let terms: Vec<u64> = log.iter().filter_map(serde_json::Value::as_u64).collect();
    assert!(terms.len() == log.len() && terms.is_sorted());
    let number = |field: &str| node[field].as_u64().expect("a number");
    assert!(number("commit") <= log.len() as u64);
    [number("term"), number("commit"), number("synced")]
}
