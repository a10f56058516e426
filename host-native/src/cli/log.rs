//! What a command says of its work, on standard error: as `KRAFT_LOG` asks.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::output::Failure;

/// The variable.
const VARIABLE: &str = "KRAFT_LOG";

/// What it may hold.
const GRAMMAR: &str = "use off, error, warn, info, debug or trace, or TARGET=LEVEL such as host_native=debug, with commas \
                       between";

/// Starts the log: what the variable asks for, else `usual`.
pub fn start(usual: &str) -> Result<(), Failure> {
    let asked = match env::var_os(VARIABLE) {
        None => usual.to_owned(),
        Some(value) if value.is_empty() => usual.to_owned(),
        Some(value) => value
            .into_string()
            .map_err(|value| refused(&value.to_string_lossy()))?,
    };
    let filter = read(&asked).ok_or_else(|| refused(&asked))?;
    // A second call in one process, as in a test, keeps the first log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
    Ok(())
}

fn refused(value: &str) -> Failure {
    Failure::usage(format_args!(
        "{VARIABLE} cannot be {value:?}: {GRAMMAR}. Nothing was done"
    ))
}

/// A filter takes any word for the name of a target, and a misspelt level would ask for nothing without a word.
fn read(text: &str) -> Option<EnvFilter> {
    let level = |word: &str| !word.trim().is_empty() && word.trim().parse::<LevelFilter>().is_ok();
    let fits = |directive: &str| match directive.rsplit_once('=') {
        Some((target, asked)) => !target.trim().is_empty() && level(asked),
        None => level(directive),
    };
    let all = text.split(',').all(fits);
    all.then(|| EnvFilter::try_new(text).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_misspelt_is_refused() {
        for good in ["info", "warn,host_native=debug", "off", "quinn=trace,info"] {
            assert!(read(good).is_some(), "{good}");
        }
        for wrong in [
            "debg",
            "host_native",
            "host_native=loud",
            "=info",
            "info,",
            "",
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
