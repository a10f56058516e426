//! What a program has started, and what that has: found by a mark in their environment, whoever
//! their parents are by now.
//!
//! A program that ends may leave others behind, which have another parent from then on and may be in
//! another process group. The mark goes with them. Nothing is found where there is no `/proc`.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The variable that carries the mark.
const VARIABLE: &str = "XTASK_BROOD";

/// How long they may take to end by themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// The processes of one program.
pub struct Brood {
    entry: String,
}

impl Brood {
    /// Marks a program that is about to start.
    pub fn of(command: &mut Command) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        command.env(VARIABLE, &mark);
        Self {
            entry: format!("{VARIABLE}={mark}"),
        }
    }

    /// The brood of a program that was marked, if it was.
    pub fn marked_in(command: &Command) -> Option<Self> {
        let mut variables = command.get_envs();
        let mark = variables.find_map(|(name, value)| (name == VARIABLE).then_some(value?))?;
        let entry = format!("{VARIABLE}={}", mark.to_string_lossy());
        Some(Self { entry })
    }

    /// Those that run.
    pub fn alive(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = process.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // One that has ended meanwhile, or is somebody else's, has nothing to read.
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            let mut entries = environment.split(|byte| *byte == 0);
            if entries.any(|entry| entry == self.entry.as_bytes()) {
                found.push(id);
            }
        }
        found
    }

    /// Gives them a while to end by themselves, then kills them. What had to be killed.
    pub fn end(&self) -> Vec<u32> {
        let end = Instant::now() + PATIENCE;
        loop {
            let alive = self.alive();
            if alive.is_empty() || Instant::now() > end {
                self.kill();
                return alive;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills them.
    #[cfg(unix)]
    pub fn kill(&self) {
        use rustix::process::{Pid, Signal, kill_process};
        for id in self.alive() {
            if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
                // It can only fail for one that has ended.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// There is no `/proc` to find them in.
    #[cfg(not(unix))]
    pub fn kill(&self) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_leaves_behind_is_found_and_ended() {
        let mut shell = Command::new("setsid");
        shell.args(["sh", "-c", "sleep 1000 >/dev/null 2>&1 &"]);
        let brood = Brood::of(&mut shell);
        crate::shell::run(&mut shell).unwrap();
        assert_eq!(
            brood.alive().len(),
            1,
            "the shell is gone, what it started is not"
        );
        brood.kill();
        assert_eq!(brood.end(), [0; 0], "none has to be killed again");
    }
}
