//! Model checking by hand: `cargo xtask explore BOUND [RULE] [WORLDS_MAX]`.

use std::process::ExitCode;

use clap::Parser;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tests::explore::bound::{BOUNDS, named};
use tests::explore::{Bound, Figures, Order, Outcome, Rule, Symmetry, search, shorten, show};

/// Every world within a bound, or as many as wanted: is something wrong in any of them?
#[derive(Parser)]
#[command(name = "explore")]
struct Cli {
    #[arg(value_parser = bounds())]
    bound: &'static Bound,
    /// By which the cluster goes: as it should, or wrong on purpose
    #[arg(value_parser = rules(), default_value = Rule::Kept.name())]
    rule: Rule,
    /// Stop after so many worlds; all of them otherwise
    worlds_max: Option<usize>,
}

fn bounds() -> impl TypedValueParser<Value = &'static Bound> {
    let names = BOUNDS
        .iter()
        .map(|bound| PossibleValue::new(bound.name).help(bound.about));
    PossibleValuesParser::new(names).try_map(|name| named(&name).ok_or("no such bound"))
}

fn rules() -> impl TypedValueParser<Value = Rule> {
    let names = Rule::ALL.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(names).try_map(|name| Rule::named(&name).ok_or("no such rule"))
}

fn main() -> ExitCode {
    let Cli {
        bound,
        rule,
        worlds_max,
    } = Cli::parse();
    let worlds_max = worlds_max.unwrap_or(usize::MAX);
    println!("{}: {}; rule: {}", bound.name, bound.about, rule.name());
    // What is wrong is to be found by a shortest way; what is right, to be through with.
    let order = match rule {
        Rule::Kept => Order::Largest,
        _ => Order::Shortest,
    };
    let (outcome, figures, mut arena) =
        search(bound, rule, Symmetry::Names, order, worlds_max, |figures| {
            println!(
                "  {} worlds in {} situations, {} waiting, {:.1} s",
                figures.worlds,
                figures.situations,
                figures.waiting,
                figures.took.as_secs_f64()
            );
        });
    report(&figures);
    match outcome {
        Outcome::Exhausted => println!("exhausted: nothing is wrong in any world"),
        Outcome::Cut => println!("cut off: nothing is wrong in the worlds visited"),
        Outcome::Violated(violation, way) => {
            let (violation, way) = match order {
                Order::Shortest => (violation, way),
                Order::Largest => shorten::shortened(&mut arena, violation, way),
            };
            print!("{}", show::way(&arena, bound, rule, &violation, &way));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn report(figures: &Figures) {
    let seconds = figures.took.as_secs_f64();
    println!(
        "{} worlds in {} situations, up to {} moves deep, {} moves tried, {seconds:.1} s",
        figures.worlds, figures.situations, figures.depth, figures.moves
    );
    let parts: Vec<String> = figures
        .parts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    println!("made of {}", parts.join(", "));
    if let Some(peak) = peak_bytes() {
        let per_million = peak as f64 / figures.worlds as f64;
        println!(
            "{} MiB at the peak, {per_million:.0} MB per million worlds",
            peak >> 20
        );
    }
}

/// The most memory this process ever had, where the system tells.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
