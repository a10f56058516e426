//! One disk, put through incarnations and crashes, and judged each time it is opened.

use kraft_proto::{Held, LogIndex, Receipt, WriteKind};

use super::adapter::{Adapter, Crash, Found, OpenError, Step, Unsynced};
use super::exercised::Exercised;
use super::history::{History, Owed, Shown};
use super::judge::{Broken, judge};
use super::node::Node;
use super::payload::payloads;
use super::recall::judge_run;
use super::rule::Rule;
use super::script::{Action, Script, Seat};
use super::violation::{Story, Violation};

/// Steps after which a store that is still not idle counts as one that never will be.
const STEPS_MAX: u64 = 100_000;

/// Where an incarnation is cut short, beside the places where the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// After this many steps.
    Steps(u64),
    /// When the script is through.
    End,
}

/// Whether an incarnation was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It came to the end of the script.
    Whole,
    /// It did not.
    Cut,
}

/// A disk and what is known of it.
pub(super) struct Trial<'a, A> {
    pub adapter: A,
    history: History,
    tally: &'a mut Exercised,
    /// What a crash since the last opening could not take: what was at least this firmly held.
    survives: Held,
    found: Found,
    step: String,
    replay: String,
}

impl<'a, A: Adapter> Trial<'a, A> {
    /// A disk that was just made.
    pub fn new(adapter: A, tally: &'a mut Exercised, replay: String) -> Self {
        tally.disks += 1;
        Self {
            adapter,
            history: History::new(),
            tally,
            survives: Held::Synced,
            found: Found::default(),
            step: "the disk is new".to_owned(),
            replay,
        }
    }

    /// Opens the store, judges what it holds, and plays a script.
    pub fn live(&mut self, script: &Script, until: Until) -> Result<Ended, Violation> {
        match self.open()? {
            Ended::Cut => Ok(Ended::Cut),
            Ended::Whole => self.play(script, until),
        }
    }

    /// Opens the store and judges what it holds. `Cut` if the machine stopped meanwhile.
    pub fn open(&mut self) -> Result<Ended, Violation> {
        self.step.push_str("; the store is opened");
        let found = match self.adapter.open() {
            Ok(found) => found,
            Err(OpenError::Stopped) => return Ok(Ended::Cut),
            Err(OpenError::Refused(why)) => {
                let broken = Broken::new(Rule::Reopen, "a store that opens", why);
                return Err(self.violation(broken));
            }
        };
        judge(&self.history, &found, self.survives).map_err(|broken| self.violation(broken))?;
        self.tally.reopenings += 1;
        self.tally.entries += found.payloads.len() as u64;
        self.history.begin(&found);
        self.survives = Held::Written;
        self.found = found;
        self.ask()?;
        Ok(Ended::Whole)
    }

    /// Plays a script on the store that was opened.
    pub fn play(&mut self, script: &Script, until: Until) -> Result<Ended, Violation> {
        let mut node = Node::start(script.seat, &self.found);
        let mut left = match until {
            Until::Steps(steps) => steps,
            Until::End => u64::MAX,
        };
        self.step = format!("\"{}\"", script.name);
        for action in &script.actions {
            node.act(*action);
            self.submit(&mut node)?;
            let steps = match action {
                Action::Step => 1,
                Action::Drain => STEPS_MAX,
                _ => 0,
            };
            if self.work(&mut node, steps, &mut left)? == Ended::Cut {
                self.step.push_str(", cut short");
                return Ok(Ended::Cut);
            }
        }
        self.step.push_str(", to its end");
        Ok(Ended::Whole)
    }

    /// Up to `steps` steps of the store, fewer if it has nothing to do.
    fn work(&mut self, node: &mut Node, steps: u64, left: &mut u64) -> Result<Ended, Violation> {
        for _ in 0..steps {
            if *left == 0 {
                return Ok(Ended::Cut);
            }
            *left -= 1;
            match self.adapter.step() {
                Step::Stopped => return Ok(Ended::Cut),
                Step::Idle => {
                    return match self.history.owed() {
                        None => Ok(Ended::Whole),
                        Some(owed) => Err(self.violation(unpaid(owed))),
                    };
                }
                Step::Worked(receipts) => self.report(node, receipts)?,
            }
        }
        if steps < STEPS_MAX {
            return Ok(Ended::Whole);
        }
        let found = format!("still at work after {STEPS_MAX} steps");
        Err(self.violation(Broken::new(Rule::Unanswered, "Step::Idle", found)))
    }

    fn report(&mut self, node: &mut Node, receipts: Vec<Receipt>) -> Result<(), Violation> {
        for receipt in receipts {
            self.tally.receipts += 1;
            self.history.report(&receipt);
            node.stored(receipt);
        }
        self.submit(node)
    }

    fn submit(&mut self, node: &mut Node) -> Result<(), Violation> {
        for write in node.writes() {
            self.tally.writes += 1;
            self.history.hand(&write);
            let payloads = match write.kind() {
                WriteKind::Entries(run) => payloads(run),
                _ => Vec::new(),
            };
            let kind = write.kind();
            self.adapter.submit(write, payloads);
            // Not every write, so that the end of the log is often another position.
            if let WriteKind::Entries(run) = kind
                && self.tally.writes.is_multiple_of(2)
            {
                self.history.commit(run.last_position());
                self.adapter.committed(run.last_position());
            }
        }
        self.ask()
    }

    /// Asks which run stands at every index there was in this incarnation.
    fn ask(&mut self) -> Result<(), Violation> {
        for index in (0..=self.history.reached().0 + 1).map(LogIndex) {
            self.tally.questions += 1;
            let told = self.adapter.run_at(index);
            if let Err(broken) = judge_run(&self.history, index, told) {
                let violation = self.violation(broken);
                return Err(self.look_again(index, violation));
            }
        }
        Ok(())
    }

    /// A store that is right once its writes are done tells too late; one that is wrong then is wrong.
    fn look_again(&mut self, index: LogIndex, first: Violation) -> Violation {
        if first.rule != Rule::LateRun {
            return first;
        }
        for _ in 0..STEPS_MAX {
            match self.adapter.step() {
                Step::Worked(receipts) => {
                    receipts.iter().for_each(|r| self.history.report(r));
                }
                Step::Stopped => return first,
                Step::Idle => break,
            }
        }
        let told = self.adapter.run_at(index);
        match judge_run(&self.history, index, told) {
            Err(still) if still.rule != Rule::LateRun => self.violation(still),
            _ => first,
        }
    }

    /// Ends an incarnation.
    pub fn crash(&mut self, crash: Crash) {
        self.adapter.crash(crash);
        let what = match crash {
            Crash::Process => {
                self.tally.kills += 1;
                "the process is killed"
            }
            Crash::Power(unsynced) => {
                self.tally.cuts += 1;
                self.survives = Held::Synced;
                match unsynced {
                    Unsynced::Lost => "the power goes (unsynced: lost)",
                    Unsynced::Kept => "the power goes (unsynced: kept)",
                    Unsynced::Torn(_) => "the power goes (unsynced: torn)",
                }
            }
        };
        self.step.push_str("; ");
        self.step.push_str(what);
    }

    /// What follows every crash: the store is opened and crashes at once, is opened again and goes
    /// on, crashes once more, and is opened a last time.
    pub fn aftermath(&mut self, seat: Seat, crashes: [Crash; 2]) -> Result<(), Violation> {
        self.come_to_rest()?;
        self.crash(crashes[0]);
        self.live(&Script::after_crash(seat), Until::End)?;
        self.crash(crashes[1]);
        self.come_to_rest()
    }

    /// Opens the store where nothing stops the machine any more.
    fn come_to_rest(&mut self) -> Result<(), Violation> {
        match self.open()? {
            Ended::Whole => Ok(()),
            Ended::Cut => {
                let found = "a machine that has stopped, though the crash was over";
                let broken = Broken::new(Rule::Reopen, "a store that opens", found);
                Err(self.violation(broken))
            }
        }
    }

    fn violation(&self, broken: Broken) -> Violation {
        let Broken {
            rule,
            expected,
            found,
        } = broken;
        let story = Box::new(Story {
            step: self.step.clone(),
            expected,
            found,
            writes: self.history.lines(),
            replay: self.replay.clone(),
        });
        Violation { rule, story }
    }
}

fn unpaid(owed: Owed) -> Broken {
    match owed {
        Owed::Any(kind) => Broken::new(
            Rule::Unanswered,
            format!("a receipt that covers: {}", Shown(kind)),
            "Step::Idle and no such receipt",
        ),
        Owed::Synced(kind) => Broken::new(
            Rule::WrittenForSynced,
            format!("a synced receipt that covers: {}", Shown(kind)),
            "Step::Idle and a written one at most",
        ),
    }
}
