//! Running programs: loudly, quietly, or watching what they print.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

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
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start `{}`", spelled(command)))?;
    succeeded(status, command)
}

/// Runs it and returns what it printed. Anything but success is an error that carries its standard
/// error.
pub fn output(command: &mut Command) -> Result<String> {
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
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Runs it, printing its standard output and showing each line to `on_line`.
///
/// A process that outlives the program and holds its output open is an error rather than a hang.
pub fn watch(command: &mut Command, mut on_line: impl FnMut(&str)) -> Result<()> {
    println!("$ {}", spelled(command));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start `{}`", spelled(command)))?;
    let Some(stdout) = child.stdout.take() else {
        bail!("`{}` has no standard output", spelled(command));
    };
    let lines = lines(stdout);
    let mut ended: Option<Instant> = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                println!("{line}");
                on_line(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                if child.try_wait()?.is_some()
                    && ended.get_or_insert_with(Instant::now).elapsed() > STRAGGLE_MAX
                {
                    bail!(
                        "`{}` ended, but a process it started did not",
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
    fn an_error_carries_what_the_program_said() {
        let error = output(&mut sh("echo why >&2; exit 1")).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
        assert!(!works(&mut Command::new("no-such-program-anywhere")));
    }
}
