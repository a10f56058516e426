//! The conformance suite held to its own word: storage that is right passes, and each that is wrong
//! fails by the name of the rule it breaks.
//!
//! A failure by chance prints its seed; `KRAFT_SEED=<seed>` runs that one alone, `KRAFT_SEEDS=<count>`
//! more.

#[path = "conformance/flawed.rs"]
mod flawed;
#[path = "conformance/native.rs"]
mod native;

use flawed::{Flaw, Flawed};
use native::{NativeStore, NativeThread};
use tests::conformance::{Adapter, Effort, Exercised, PowerCuts, Rule, check};

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
    passes(
        "host-native's disk thread",
        NativeThread::new,
        &Effort::from_env(),
    );
}

#[test]
fn a_wrong_store_fails_by_the_name_of_the_rule_it_breaks() {
    let flaws = [
        (Flaw::Reorders, Rule::Order),
        (Flaw::SkipsDamage, Rule::Truncation),
        (Flaw::DropsEntry, Rule::Gap),
        (Flaw::NoChecksum, Rule::TornWrite),
        (Flaw::AddressesByIndex, Rule::TornWrite),
        (Flaw::LeavesTail, Rule::Truncation),
        (Flaw::BuffersWritten, Rule::LostWritten),
        (Flaw::SyncsEarly, Rule::EarlyCompletion),
        (Flaw::ForgetsVote, Rule::ForgottenVote),
        (Flaw::TrustsCache, Rule::LostRecovered),
        (Flaw::NeverSynced, Rule::WrittenForSynced),
        (Flaw::IgnoresForce, Rule::Unanswered),
        (Flaw::RefusesTornTail, Rule::Reopen),
    ];
    let mut wrong = Vec::new();
    for (flaw, rule) in flaws {
        match check(|_| Flawed::new(flaw), &Effort::default()) {
            Ok(exercised) => wrong.push(format!("{flaw:?} passed: {exercised}")),
            Err(violation) => {
                println!("{flaw:?}: {violation}\n");
                let named = violation
                    .to_string()
                    .contains(&format!("the rule \"{rule}\""));
                if violation.rule != rule || !named {
                    wrong.push(format!("{flaw:?} should break \"{rule}\": {violation}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for rule in Rule::ALL {
        assert!(
            flaws.iter().any(|(_, broken)| *broken == rule),
            "nobody breaks {rule}"
        );
    }
}
