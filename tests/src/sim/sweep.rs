//! Many runs, and what they add up to.

use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;

use super::cells::{COLUMNS, Cells, ROWS};
use super::draw::draw;
use super::faults::{DEEDS, FAULTS};
use super::shrink::{play, report};
use super::tally::Tally;
use super::witness::Tracing;

/// So many runs meet everything, the rarest cell of the contract too: a sweep of them that did not has
/// failed.
pub const RUNS_ENOUGH: u64 = 40_000;

/// Plays the runs of these seeds.
///
/// # Errors
///
/// The report of the first run that breaks a promise.
pub fn sweep(seeds: Range<u64>) -> Result<Tally, String> {
    let mut total = Tally::default();
    for seed in seeds {
        let run = draw(seed);
        let outcome = play(&run, Tracing::Off);
        if outcome.violation.is_some() {
            return Err(report(&run));
        }
        total.add(&outcome.tally, seed);
    }
    Ok(total)
}

/// What was never exercised: faults, deeds, cells of the contract.
pub fn unmet(total: &Tally) -> Vec<String> {
    let met = |name: &str| match name {
        "message lost" => total.carried.lost,
        "message doubled" => total.carried.copied,
        "message late" => total.carried.late,
        "message overtaken" => total.carried.overtook,
        name => total.faults.get(name).copied().unwrap_or(0),
    };
    let done = |name: &str| total.deeds.get(name).copied().unwrap_or(0);
    let faults = FAULTS.iter().filter(|name| met(name) == 0);
    let deeds = DEEDS.iter().filter(|name| done(name) == 0);
    let mut unmet: Vec<String> = faults
        .chain(deeds)
        .map(|name| format!("`{name}` was never met"))
        .collect();
    unmet.extend(total.cells.unmet());
    unmet
}

/// The sums, for a person.
pub fn summary(total: &Tally, took: Duration) -> String {
    let hours = total.simulated_us as f64 / 3.6e9;
    let minutes = took.as_secs_f64() / 60.0;
    let mut text = String::new();
    let mut line = |what: String| {
        let _ = writeln!(text, "{what}");
    };
    line(format!(
        "{} runs, {hours:.2} simulated cluster-hours in {:.1} s: {:.1} hours and {:.0} runs a minute",
        total.runs,
        took.as_secs_f64(),
        hours / minutes,
        total.runs as f64 / minutes
    ));
    line(format!(
        "{} events shown to the oracles, {} messages delivered, {} leaders, {} entries committed",
        total.events, total.carried.delivered, total.leaders, total.committed
    ));
    line(format!(
        "{} acks checked; {} answers kept, {} lost; {} reads served, {} failed; {} fates told; {} proposals refused; {} suspects re-admitted",
        total.acks_checked,
        total.answers_kept,
        total.answers_lost,
        total.reads_served,
        total.reads_failed,
        total.fates,
        total.refused,
        total.readmissions
    ));
    line(format!("messages: {:?}", total.carried));
    line("faults:".to_string());
    for (name, count) in &total.faults {
        line(format!("  {count:>9}  {name}"));
    }
    line("and besides:".to_string());
    for (name, count) in &total.deeds {
        line(format!("  {count:>9}  {name}"));
    }
    line("answers by class: as asked, fallback, timed out, lost or unknown".to_string());
    for (name, answers) in &total.answers {
        line(format!(
            "  {:>9} {:>6} {:>6} {:>6}  {name}",
            answers.as_asked, answers.fallback, answers.timed_out, answers.lost
        ));
    }
    line("contract cells: kept/lost".to_string());
    cells(&total.cells, &mut line);
    line("contract cells with on_power_loss = \"available\": kept/lost".to_string());
    cells(&total.cells_available, &mut line);
    text
}

fn cells(cells: &Cells, line: &mut impl FnMut(String)) {
    for row in ROWS {
        let counts: Vec<String> = COLUMNS
            .iter()
            .map(|column| {
                let cell = cells.get(row, *column);
                format!("{:>8}/{:<6}", cell.kept, cell.lost)
            })
            .collect();
        line(format!("  {:<16}{}", format!("{row:?}"), counts.join(" ")));
    }
}
