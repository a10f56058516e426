//! Running programs: loudly, quietly, or watching what they print.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::brood::Brood;

/// How long a program may say nothing. Longer, and it waits for something that does not come.
const SILENCE_MAX: Duration = Duration::from_secs(20 * 60);

/// How long after a program's end its output may stay open. Longer, and something it started is
/// still running.
const STRAGGLE_MAX: Duration = Duration::from_secs(10);

/// The command as a person would type it.
pub fn spelled(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(&program)
        .to_string();
    command.get_args().fold(name, |line, arg| {
        format!("{line} {}", arg.to_string_lossy())
    })
}

/// Runs it, printing what it prints. Anything but success is an error.
pub fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", spelled(command));
    #[expect(
        clippy::disallowed_methods,
        reason = "it builds or installs: no test waits here"
    )]
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start `{}`", spelled(command)))?;
    succeeded(status, command)
}

/// Runs it and returns what it printed. Anything but success is an error that carries its standard
/// error.
pub fn output(command: &mut Command) -> Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is asked what it is: no test waits here"
    )]
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}`: {}\n{}", spelled(command), output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the program can be started at all with these arguments and succeeds.
pub fn works(command: &mut Command) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is asked whether it is there: no test waits here"
    )]
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Runs it, printing its standard output and showing each line to `on_line`.
///
/// A program that says nothing for long, and a process that outlives it and holds its output open,
/// are ended, and are errors rather than a wait without an end.
pub fn watch(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<()> {
    println!("$ {}", spelled(command));
    let brood = Brood::of(command);
    #[expect(clippy::disallowed_methods, reason = "here it gets its end")]
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start `{}`", spelled(command)))?;
    let Some(stdout) = child.stdout.take() else {
        bail!("`{}` has no standard output", spelled(command));
    };
    let lines = lines(stdout);
    let mut ended: Option<Instant> = None;
    let (mut heard, mut last) = (Instant::now(), String::new());
    loop {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                println!("{line}");
                on_line(&line);
                (heard, last) = (Instant::now(), line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if child.try_wait()?.is_some()
                    && ended.get_or_insert_with(Instant::now).elapsed() > STRAGGLE_MAX
                {
                    let left = brood.alive();
                    brood.kill();
                    bail!(
                        "`{}` ended, but what it started did not: processes {left:?}, now killed",
                        spelled(command)
                    );
                }
                if heard.elapsed() > SILENCE_MAX {
                    brood.kill();
                    child.kill()?;
                    child.wait()?;
                    bail!(
                        "`{}` said nothing for {SILENCE_MAX:?} and was killed; its last line was {last:?}",
                        spelled(command)
                    );
                }
            }
        }
    }
    succeeded(child.wait()?, command)
}

fn lines(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_string();
            if tell.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
    told
}

fn succeeded(status: ExitStatus, command: &Command) -> Result<()> {
    if !status.success() {
        bail!("`{}`: {status}", spelled(command));
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn every_line_is_seen_and_a_bad_end_is_an_error() {
        let mut seen = Vec::new();
        watch(&mut sh("echo one; echo two"), |line| {
            seen.push(line.to_string())
        })
        .unwrap();
        assert_eq!(seen, ["one", "two"]);
        assert!(watch(&mut sh("exit 3"), |_| ()).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_outlives_a_program_and_holds_its_output_open_is_ended_and_an_error() {
        let mut shell = sh("sleep 1000 & echo $!; exit 0");
        let mut started = String::new();
        let error = watch(&mut shell, |line| started = line.to_string()).unwrap_err();
        assert!(error.to_string().contains(&started), "{error}");
        let process = std::path::Path::new("/proc").join(&started).join("environ");
        let end = Instant::now() + STRAGGLE_MAX;
        while !std::fs::read(&process).unwrap_or_default().is_empty() {
            assert!(Instant::now() < end, "process {started} was not killed");
            thread::yield_now();
        }
    }

    #[test]
    fn an_error_carries_what_the_program_said() {
        let error = output(&mut sh("echo why >&2; exit 1")).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
        assert!(!works(&mut Command::new("no-such-program-anywhere")));
    }
}
