//! Model checking by hand: `cargo xtask explore BOUND [RULE] [WORLDS_MAX]`.

use std::process::ExitCode;

use tests::explore::bound::{BOUNDS, named};
use tests::explore::{Bound, Figures, Order, Outcome, Rule, Symmetry, search, shorten, show};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((bound, rule, worlds_max)) = asked(&args) else {
        eprint!("{}", help());
        return ExitCode::from(2);
    };
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

fn asked(args: &[String]) -> Option<(&'static Bound, Rule, usize)> {
    let bound = named(args.first()?)?;
    let rule = match args.get(1) {
        Some(name) => Rule::named(name)?,
        None => Rule::Kept,
    };
    let worlds_max = match args.get(2) {
        Some(max) => max.parse().ok()?,
        None => usize::MAX,
    };
    (args.len() <= 3).then_some((bound, rule, worlds_max))
}

fn help() -> String {
    let mut text = "usage: cargo xtask explore BOUND [RULE] [WORLDS_MAX]\n\nbounds:\n".to_owned();
    for bound in BOUNDS {
        text += &format!("  {:<22} {}\n", bound.name, bound.about);
    }
    text += "\nrules:\n";
    for (name, _) in Rule::ALL {
        text += &format!("  {name}\n");
    }
    text
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
