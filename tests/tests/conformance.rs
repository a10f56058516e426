//! The conformance suite held to its own word: storage that is right passes, and each that is wrong
//! fails by the name of the rule it breaks.
//!
//! A failure by chance prints its seed; `KRAFT_SEED=<seed>` runs that one alone, `KRAFT_SEEDS=<count>`
//! more.

#[path = "../examples/conformance_adapter.rs"]
mod example;
#[path = "conformance/flawed.rs"]
mod flawed;
#[path = "conformance/kills.rs"]
mod kills;
#[path = "conformance/native.rs"]
mod native;
#[path = "conformance/told.rs"]
mod told;

use flawed::{Flaw, Flawed};
use kills::KillsOnly;
use native::{NativeStore, NativeThread};
use tests::conformance::{
    Adapter, Effort, Exercised, Fixed, PowerCuts, Rule, WithoutPowerCuts, check,
};

/// Checks an adapter that must pass, and that something was done.
fn passes<A: Adapter>(name: &str, make: impl FnMut(u64) -> A, effort: &Effort) -> Exercised {
    let exercised = match check(make, effort) {
        Ok(exercised) => exercised,
        Err(violation) => panic!("{name}: {violation}"),
    };
    println!("{name}: {exercised}");
    let cuts = match exercised.power_cuts {
        PowerCuts::Simulated => exercised.cuts,
        PowerCuts::NotSimulated => exercised.kills,
    };
    for done in [
        exercised.writes,
        exercised.receipts,
        exercised.reopenings,
        exercised.entries,
        exercised.questions,
        cuts,
    ] {
        assert!(
            done > 0,
            "{name}: something was not exercised at all: {exercised}"
        );
    }
    exercised
}

#[test]
fn the_reference_passes() {
    passes(
        "reference",
        |_| Flawed::new(Flaw::Nothing),
        &Effort::from_env(),
    );
}

#[test]
fn the_store_of_host_native_passes() {
    passes("host-native's store", NativeStore::new, &Effort::from_env());
}

#[test]
fn the_disk_thread_of_host_native_passes() {
    // Its crash points move with the scheduler: counting them out one by one proves no more.
    let effort = Effort {
        fixed: Fixed::Skipped,
        ..Effort::from_env()
    };
    passes("host-native's disk thread", NativeThread::new, &effort);
}

#[test]
fn a_wrong_store_fails_by_the_name_of_the_rule_it_breaks() {
    let flaws: [(Flaw, &[Rule]); 20] = [
        (Flaw::Reorders, &[Rule::Order]),
        (Flaw::DropsEntry, &[Rule::Gap]),
        (Flaw::NoChecksum, &[Rule::TornWrite]),
        (Flaw::AddressesByIndex, &[Rule::TornWrite]),
        (Flaw::LeavesTail, &[Rule::Truncation]),
        (Flaw::BuffersWritten, &[Rule::LostWritten]),
        (Flaw::SyncsEarly, &[Rule::EarlyCompletion]),
        (Flaw::ForgetsVote, &[Rule::ForgottenVote]),
        (Flaw::TrustsCache, &[Rule::LostRecovered]),
        (Flaw::NeverSynced, &[Rule::WrittenForSynced]),
        (Flaw::IgnoresForce, &[Rule::Unanswered]),
        (Flaw::RefusesTornTail, &[Rule::Reopen]),
        (Flaw::ForgetsRuns, &[Rule::ForgottenRun]),
        (Flaw::TellsDone, &[Rule::LateRun]),
        (Flaw::TellsCutTail, &[Rule::StaleRun]),
        (Flaw::TellsReplaced, &[Rule::StaleRun]),
        (Flaw::StretchesRun, &[Rule::MadeUp]),
        (Flaw::ClampsCommitted, &[Rule::MadeUp]),
        (Flaw::MixesCommitted, &[Rule::MadeUp]),
        // Which one depends on where the first tear falls.
        (
            Flaw::SkipsDamage,
            &[Rule::Truncation, Rule::Gap, Rule::Order],
        ),
    ];
    let mut wrong = Vec::new();
    for (flaw, broken) in flaws {
        match check(|_| Flawed::new(flaw), &Effort::default()) {
            Ok(exercised) => wrong.push(format!("{flaw:?} passed: {exercised}")),
            Err(violation) => {
                println!("{flaw:?}: {violation}\n");
                let rule = violation.rule;
                let named = format!("the rule \"{rule}\"");
                if !broken.contains(&rule) || !violation.to_string().contains(&named) {
                    wrong.push(format!("{flaw:?} should break {broken:?}: {violation}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for rule in Rule::ALL {
        let broken = flaws.iter().any(|(_, broken)| **broken == [rule]);
        assert!(broken, "no flaw breaks the rule \"{rule}\"");
    }
}

#[test]
fn a_failure_by_chance_is_replayed_from_its_seed() {
    let make = |_| Flawed::new(Flaw::LeavesTail);
    let by_chance = |seeds| Effort {
        fixed: Fixed::Skipped,
        seeds,
    };
    let failed = check(make, &by_chance(0..100)).expect_err("a flaw that chance finds");
    let seed = failed.story.replay.split(['=', ' ']).nth(1).unwrap();
    let seed: u64 = seed.parse().expect("KRAFT_SEED=<seed> …");
    let again = check(make, &by_chance(seed..seed + 1)).expect_err("the same flaw again");
    assert_eq!(again, failed);
}

#[test]
fn what_a_disk_without_power_cuts_cannot_show_is_said() {
    let make = |flaw| move |_| KillsOnly(Flawed::new(flaw));
    let effort = Effort::default();
    let exercised = passes("reference, kills only", make(Flaw::Nothing), &effort);
    assert_eq!(exercised.cuts, 0);
    let nothing = (Rule::EarlyCompletion, WithoutPowerCuts::Nothing);
    assert!(exercised.short_of().contains(&nothing));
    let report = exercised.to_string();
    assert!(
        report.contains("not exercised: early completion"),
        "{report}"
    );
    assert!(
        report.contains("by process kills only: forgotten vote"),
        "{report}"
    );

    check(make(Flaw::SyncsEarly), &effort).expect("only a power cut shows it");
    let killed = check(make(Flaw::BuffersWritten), &effort).expect_err("a kill shows it");
    assert_eq!(killed.rule, Rule::LostWritten);
}

#[test]
fn the_example_of_the_documentation_runs_and_stands_in_it() {
    example::main();
    let guide = include_str!("../CONFORMANCE.md");
    let code = include_str!("../examples/conformance_adapter.rs");
    assert!(
        guide.contains(code),
        "tests/CONFORMANCE.md shows another example than runs"
    );
    for rule in Rule::ALL {
        let row = format!("| {rule} |");
        assert!(
            guide.contains(&row),
            "tests/CONFORMANCE.md has no row {row:?}"
        );
    }
}
