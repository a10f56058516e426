//! What tests start programs with: whatever a program does, its test ends, and the program with it.
#![cfg(target_os = "linux")]

#[path = "kit/e2e/process.rs"]
mod process;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use process::{Program, output};

fn sh(script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", script]);
    command
}

/// Whether there is such a process, other than one that nobody has waited for yet.
fn runs(process: &str) -> bool {
    let file = format!("/proc/{}/cmdline", process.trim());
    !std::fs::read(file).unwrap_or_default().is_empty()
}

/// Whether it ends: one that was just killed takes a moment to be gone.
fn ends(process: &str) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while runs(process) {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// 1. A script stops at its first error, while a server that it started has its output; 2. whoever
///    reads that output waits for the server, which nobody stops.
#[test]
fn a_shell_that_leaves_servers_behind_is_told_with_what_it_said() {
    let mut script = sh("set -e\necho before\nsleep 1000 & echo $!\nfalse\nkill $!");
    let ended = catch_unwind(AssertUnwindSafe(|| output(&mut script)));
    let told = *ended.unwrap_err().downcast::<String>().unwrap();
    assert!(
        told.contains("exit status: 1, but what it started goes on"),
        "{told}"
    );
    let server = told.lines().skip_while(|line| *line != "before").nth(1);
    assert!(ends(server.unwrap()), "{told}");
}

#[test]
fn a_program_and_what_it_started_end_with_its_test() {
    let mut program = Program::start(sh("sleep 1000 & echo $!; wait").stdout(Stdio::piped()));
    let child = program.first_line();
    assert!(runs(&child) && program.is_running());
    drop(program);
    assert!(ends(&child));
}

#[test]
fn all_that_a_program_says_and_its_end_are_told() {
    let said = output(&mut sh("echo out; echo err >&2; exit 3"));
    assert_eq!(said.status.code(), Some(3));
    assert_eq!(
        (&said.stdout[..], &said.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..])
    );
}
