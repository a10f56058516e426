//! Programs that a test starts: each is waited for with an end, and ends with its test.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long a program may take before its test gives up: many tests share few cores.
pub const PROGRAM_MAX: Duration = Duration::from_secs(180);

/// How long after a program's end its output may stay open. Longer, and something that it started is
/// still running.
const STRAGGLE_MAX: Duration = Duration::from_secs(10);

/// A program and all that it starts, unless that leaves its process group. They are killed when this
/// is dropped.
pub struct Program {
    child: Child,
    spelled: String,
    output: Option<Receiver<Said>>,
    said: Said,
}

/// What a program said so far, and how many of its two outputs have ended.
#[derive(Default)]
struct Said {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    ended: usize,
}

/// Runs a program to its end, with nothing to read.
///
/// # Panics
/// If it takes too long, or if something that it started goes on behind it.
pub fn output(command: &mut Command) -> Output {
    Program::listened_to(command.stdin(Stdio::null())).output()
}

impl Program {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let words = command.get_args().map(|word| word.to_string_lossy());
        let program = command.get_program().to_string_lossy();
        let spelled = words.fold(program.into_owned(), |line, word| line + " " + &word);
        #[expect(clippy::disallowed_methods, reason = "here it gets its end")]
        let started = command.process_group(0).spawn();
        Self {
            child: started.unwrap_or_else(|error| panic!("{spelled}: {error}")),
            spelled,
            output: None,
            said: Said::default(),
        }
    }

    /// Starts it and keeps all that it says.
    pub fn listened_to(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = Self::start(piped);
        let (stdout, stderr) = (program.child.stdout.take(), program.child.stderr.take());
        let (tell, said) = channel();
        let out = tell.clone();
        listen(stdout.unwrap(), move |stdout, ended| {
            let stderr = Vec::new();
            let said = Said {
                stdout,
                stderr,
                ended,
            };
            out.send(said).is_ok()
        });
        listen(stderr.unwrap(), move |stderr, ended| {
            let stdout = Vec::new();
            let said = Said {
                stdout,
                stderr,
                ended,
            };
            tell.send(said).is_ok()
        });
        program.output = Some(said);
        program
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The first line that it prints, where its standard output is piped and nobody listens. What it
    /// prints later is dropped.
    ///
    /// # Panics
    /// If it prints none, or takes too long.
    pub fn first_line(&mut self) -> String {
        let mut out = BufReader::new(self.child.stdout.take().expect("a pipe"));
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            if out.read_line(&mut line).is_ok_and(|read| read > 0) && tell.send(line).is_ok() {
                // It must not end for want of a reader.
                let _ = std::io::copy(&mut out, &mut std::io::sink());
            }
        });
        let line = told.recv_timeout(PROGRAM_MAX);
        line.unwrap_or_else(|error| panic!("{}: no line: {error}", self.spelled))
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it takes too long.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PROGRAM_MAX;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            self.hear(Duration::from_millis(5));
            assert!(
                Instant::now() < end,
                "{}: not ended within {PROGRAM_MAX:?}\n{}",
                self.spelled,
                self.said.shown()
            );
        }
    }

    /// Waits for its end, and for the end of what it says.
    ///
    /// # Panics
    /// If it takes too long, or if something that it started goes on behind it.
    pub fn output(mut self) -> Output {
        let status = self.wait();
        let end = Instant::now() + STRAGGLE_MAX;
        while self.said.ended < 2 {
            self.hear(Duration::from_millis(5));
            assert!(
                Instant::now() < end,
                "{}: {status}, but what it started goes on\n{}",
                self.spelled,
                self.said.shown()
            );
        }
        let said = std::mem::take(&mut self.said);
        Output {
            status,
            stdout: said.stdout,
            stderr: said.stderr,
        }
    }

    /// Takes what is said within `patience`.
    fn hear(&mut self, patience: Duration) {
        let heard = self.output.as_ref().map(|said| said.recv_timeout(patience));
        match heard {
            Some(Ok(more)) => {
                self.said.stdout.extend(more.stdout);
                self.said.stderr.extend(more.stderr);
                self.said.ended += more.ended;
            }
            Some(Err(RecvTimeoutError::Timeout)) => {}
            Some(Err(RecvTimeoutError::Disconnected)) | None => std::thread::sleep(patience),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both can only fail for those that have ended.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Said {
    fn shown(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!("{}\n{}", text(&self.stdout), text(&self.stderr))
    }
}

/// Sends a process a signal.
///
/// # Panics
/// If there is no such process, or no such signal here.
pub fn signal(process: u32, name: &str) {
    let signal = match name {
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        other => panic!("SIG{other} is not sent here"),
    };
    let pid = Pid::from_raw(process as i32).expect("a process");
    kill_process(pid, signal).unwrap_or_else(|error| panic!("SIG{name} to {process}: {error}"));
}

/// Reads to the end on a thread of its own.
fn listen(
    mut from: impl Read + Send + 'static,
    tell: impl Fn(Vec<u8>, usize) -> bool + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        loop {
            match from.read(&mut buffer) {
                Ok(0) | Err(_) => {
                    tell(Vec::new(), 1);
                    return;
                }
                Ok(read) if tell(buffer[..read].to_vec(), 0) => {}
                Ok(_) => return,
            }
        }
    });
}
