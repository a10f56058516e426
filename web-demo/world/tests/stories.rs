//! Each story of the page is a run: natively it comes out as its file says, and who watches hears of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tests::sim::chronicle::{Happening, What};
use tests::sim::{Plant, Player, Run};

/// What of a story's file is held against its run.
#[derive(Deserialize)]
struct Story {
    name: String,
    captions: Vec<Caption>,
    question: Question,
    outcome: Outcome,
    until_us: u64,
    run: Run,
}

#[derive(Deserialize)]
struct Caption {
    at_us: u64,
}

#[derive(Deserialize)]
struct Question {
    at_us: u64,
    choices: Vec<String>,
    answer: usize,
}

/// What the oracles count.
#[derive(Debug, PartialEq, Deserialize)]
struct Outcome {
    told: usize,
    lost: usize,
    violation: Option<String>,
}

fn stories() -> Vec<Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stories");
    let files = fs::read_dir(folder).expect("the stories are there");
    let mut stories: Vec<Story> = files
        .map(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let story: Story = serde_json::from_str(&text).unwrap();
            // As whoever is handed the file reads it.
            Run::from_json(&story.run.to_json()).unwrap();
            story
        })
        .collect();
    stories.sort_by(|one, other| one.name.cmp(&other.name));
    stories
}

fn outcome(run: &Run) -> Outcome {
    let mut player = Player::new(run.clone()).unwrap();
    player.world_mut().watch();
    player.finish();
    let violation = player
        .world()
        .violation()
        .map(|violation| violation.oracle.clone());
    let (records, _) = player.world_mut().happenings(0);
    let mut asked = BTreeMap::new();
    let mut places = BTreeSet::new();
    let (mut told, mut lost) = (BTreeSet::new(), BTreeSet::new());
    for record in records {
        let place = (record.term, record.last);
        match record.what {
            What::Asked => {
                asked.insert(record.ask, record.at_us);
            }
            // What a world asks of itself when it comes to rest is no client's.
            What::Proposed if asked[&record.ask] <= run.storm_us => {
                places.insert(place);
            }
            What::Answered if !record.shape.is_empty() && places.contains(&place) => {
                told.insert(place);
            }
            What::Judged if record.word == "lost" && places.contains(&place) => {
                lost.insert(place);
            }
            _ => {}
        }
    }
    assert!(
        lost.is_subset(&told),
        "what nobody was told yes for is not lost"
    );
    Outcome {
        told: told.len(),
        lost: lost.len(),
        violation,
    }
}

#[test]
fn every_story_comes_out_natively_as_its_file_says() {
    let stories = stories();
    let mut writes = 0;
    for story in &stories {
        let found = outcome(&story.run);
        assert_eq!(found, story.outcome, "{}", story.name);
        writes += found.told;
    }
    println!("{} stories, {writes} acknowledged writes", stories.len());
    assert!(stories.len() >= 11);
}

#[test]
fn a_story_asks_before_its_outcome_and_its_captions_are_in_order() {
    for story in stories() {
        let Question {
            at_us,
            choices,
            answer,
        } = &story.question;
        assert!(*answer < choices.len(), "{}", story.name);
        assert!(*at_us < story.until_us && story.until_us <= story.run.storm_us);
        let times = || story.captions.iter().map(|caption| caption.at_us);
        assert!(times().is_sorted(), "{}", story.name);
        assert!(times().all(|at| at < story.until_us), "{}", story.name);
    }
}

fn told(name: &str) -> (Story, Vec<Happening>) {
    let story = stories().into_iter().find(|story| story.name == name);
    let story = story.expect("the story is there");
    let mut player = Player::new(story.run.clone()).unwrap();
    player.world_mut().watch();
    player.finish();
    let (records, _) = player.world_mut().happenings(0);
    let records = records.to_vec();
    (story, records)
}

/// Section 5.4.2 of the paper: four of five disks have the entry, nobody is told yes, and another takes its place.
#[test]
fn in_figure_8_four_disks_have_an_entry_that_is_never_committed() {
    let (story, records) = told("figure-8");
    let disks = |term, until_us| -> BTreeSet<u8> {
        let here = |record: &&Happening| {
            let place = record.term == term && (record.first..=record.last).contains(&6);
            place && record.what == What::Held && record.word == "synced"
        };
        let early = records.iter().filter(|record| record.at_us <= until_us);
        early.filter(here).map(|record| record.node).collect()
    };
    assert_eq!(disks(2, story.question.at_us), BTreeSet::from([2, 3, 4, 5]));
    assert_eq!(disks(3, story.until_us), BTreeSet::from([1, 2, 3, 4, 5]));
    let answered =
        |record: &Happening| record.what == What::Answered && (record.term, record.last) == (2, 6);
    assert!(!records.iter().any(answered));
}

/// While the two that lack the writes are alone they elect nobody. Were the one that forgot trusted, they would.
#[test]
fn a_majority_that_forgot_waits_and_loses_what_it_would_lose_if_it_were_trusted() {
    let (story, records) = told("re-admission");
    let elected = records.iter().filter(|record| record.word == "leader");
    let alone = 4_205_000..6_200_000;
    assert!(
        elected
            .map(|record| record.at_us)
            .all(|at| !alone.contains(&at))
    );
    let again = records
        .iter()
        .find(|record| record.what == What::Readmitted);
    let again = again.expect("it is trusted again");
    assert!(again.node == 2 && again.at_us > alone.end && again.at_us < story.until_us);

    let forgotten = |record: &&Happening| record.what == What::Held && record.last > 22;
    let meanwhile = |record: &&Happening| record.node < 3 && alone.contains(&record.at_us);
    assert_eq!(
        records.iter().filter(forgotten).filter(meanwhile).count(),
        0
    );

    let mut trusting = story.run;
    trusting.setup.plant = Some(Plant::SaysSameBoot);
    let trusted = outcome(&trusting);
    assert_eq!(trusted.violation.as_deref(), Some("contract"));
}

/// The links of the contract lead to runs that lose what they say: those whose seeds it has.
#[test]
fn every_seed_of_the_contract_loses_an_acknowledged_write() {
    let page = include_str!("../../../kraft-proto/DURABILITY.md");
    let seeds = page.split("seed ").skip(1);
    let number = |text: &str| -> u64 {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    };
    let seeds: BTreeSet<u64> = seeds.map(number).collect();
    for seed in &seeds {
        assert!(outcome(&tests::sim::draw(*seed)).lost > 0, "seed {seed}");
    }
    println!("{} seeds", seeds.len());
    assert!(seeds.len() >= 10);
}
