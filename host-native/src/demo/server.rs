//! One node: a process of `kraft server`, its files, and its end.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use kraft_proto::ids::NodeId;
use rustix::process::{Pid, Signal, kill_process};

use super::error::DemoError;

/// How long a node may take to stop in order.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Lines of a log that are shown when its node ended by itself.
const TAIL_LINES: usize = 8;

/// The last line on the standard input of a node that is to live on without whoever started it.
pub const STAY: &str = "stay";

/// One node of the demo's cluster.
#[derive(Debug)]
pub(super) struct Server {
    pub id: NodeId,
    /// Its configuration.
    pub config: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// Where it takes clients.
    pub address: String,
    /// Where it takes operators.
    pub admin: String,
    program: PathBuf,
    running: Option<Running>,
}

/// A process that is killed when this is dropped. Should this process itself be killed, the end of
/// its standard input stops it.
#[derive(Debug)]
struct Running {
    child: Child,
    lifeline: Option<ChildStdin>,
}

impl Server {
    pub fn new(program: &Path, id: NodeId, config: &Path, address: String, admin: String) -> Self {
        Self {
            id,
            config: config.to_owned(),
            log: config.with_file_name("server.log"),
            address,
            admin,
            program: program.to_owned(),
            running: None,
        }
    }

    /// Starts the process. It is not ready yet when this returns.
    pub fn start(&mut self) -> Result<(), DemoError> {
        let open = || File::options().create(true).append(true).open(&self.log);
        let log = || {
            open().map_err(|source| DemoError::Io {
                path: self.log.clone(),
                source,
            })
        };
        let mut command = Command::new(&self.program);
        // Somebody's own settings are for somebody's own cluster.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("KRAFT_") && name != "KRAFT_LOG" {
                command.env_remove(name);
            }
        }
        #[expect(clippy::disallowed_methods, reason = "it ends with this")]
        let spawned = command
            .arg("server")
            .arg("--config")
            .arg(&self.config)
            .args(["--grant-test-switch", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(log()?)
            .stderr(log()?)
            // Ctrl-C is for the demo, which then stops its nodes.
            .process_group(0)
            .spawn();
        let mut child = spawned.map_err(|source| DemoError::Spawn {
            node: self.id,
            program: self.program.clone(),
            source,
        })?;
        let lifeline = child.stdin.take();
        self.running = Some(Running { child, lifeline });
        Ok(())
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Whether it was started and not stopped or killed.
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Kills it with SIGKILL; it can do nothing about it. Returns when the signal was sent.
    pub fn kill(&mut self) -> Instant {
        if let Some(mut running) = self.running.take() {
            // It can only fail for one that has ended.
            let _ = running.child.kill();
            let at = Instant::now();
            drop(running);
            return at;
        }
        Instant::now()
    }

    /// Fails if it ended by itself.
    pub fn check(&mut self) -> Result<(), DemoError> {
        let ended = match &mut self.running {
            Some(running) => running.child.try_wait(),
            None => return Ok(()),
        };
        let how = match ended {
            Ok(None) => return Ok(()),
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Err(DemoError::Ended {
            node: self.id,
            how,
            log: self.log.clone(),
            tail: tail(&self.log),
        })
    }

    /// Asks it to stop in order, without waiting.
    pub fn ask_to_stop(&self) {
        if let Some(pid) = self.pid().and_then(as_pid) {
            // It can only fail for one that has ended.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits until it has stopped in order.
    pub async fn stopped(&mut self) -> Result<(), DemoError> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        match running.wait(STOP_WITHIN).await {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(None) => Err(DemoError::NotShown(format!(
                "node {} did not stop within {} s and was killed; its log is {}",
                self.id,
                STOP_WITHIN.as_secs(),
                self.log.display()
            ))),
            ended => Err(DemoError::Ended {
                node: self.id,
                how: match ended {
                    Ok(Some(status)) => status.to_string(),
                    Ok(None) => String::new(),
                    Err(error) => error.to_string(),
                },
                log: self.log.clone(),
                tail: tail(&self.log),
            }),
        }
    }

    /// Lets it live on without the demo.
    pub fn leave(&mut self) -> io::Result<()> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        if let Some(mut lifeline) = running.lifeline.take() {
            writeln!(lifeline, "{STAY}")?;
        }
        // Dropping it would kill the process.
        std::mem::forget(running);
        Ok(())
    }
}

impl Running {
    /// Its status, or `None` if it takes too long. There is no way to wait with a limit, so it is
    /// looked at every few milliseconds.
    async fn wait(&mut self, within: Duration) -> io::Result<Option<ExitStatus>> {
        let until = Instant::now() + within;
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(Some(status)),
                None if Instant::now() >= until => return Ok(None),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both can only fail for one that has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn as_pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

/// The last lines of a file.
fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines[from..].join("\n")
}
