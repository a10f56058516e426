//! Every crash point of every operation storage does to a disk, and what recovery makes of it.
//!
//! Small [scripts](script) run through the disk thread's own work, under each fsync mode. The
//! machine is stopped in each of their operations, or that operation fails; then each pattern of
//! [losses](fates) is tried, and every disk that comes of it is opened. What must hold:
//!
//! | | a store opens, and |
//! |---|---|
//! | power cut | its log is one that was asked for, or a prefix of it, with all that was reported synced |
//! | kill | the same, with all that was reported written |
//! | either | its hard state is the last one reported, or one asked for since, and it knows its boot |
//! | either | what it kept as committed was told, and no earlier than that hard state was asked for |
//! | either | a power cut right after, which takes all that is not forced, changes nothing of that |
//! | either | entries added then and synced are there after another |
//! | a crash or a failure in that very recovery | the same again |
//!
//! Nothing is left to chance but which disks have their recovery interrupted, where and how, and
//! which lose their power again or take more entries, from one printed seed. Where only the page
//! cache has a vote, the recovery is stopped everywhere.
//!
//! `KRAFT_SEEDS` sets it, and tears every write at every sector.

mod fates;
mod model;
mod runner;
mod script;
mod tally;

use std::collections::BTreeSet;

use kraft_proto::modes::FsyncMode;

use crate::testing::bench::{dir, founding, identity};
use crate::testing::fault::{Crash, Fate, FaultFs, Operation, Tear};
use crate::{DiskError, StoreOpenError, format};
use fates::{Depth, Losses};
use model::Found;
use runner::{Ended, Formatted, Trouble, run};
use script::{SCRIPTS, Script};
use tally::{Tally, label};

/// One disk in so many has its recovery interrupted, too.
const INTERRUPTED_ONE_IN: u64 = 16;

/// To one disk in so many, more is added when it was recovered.
const MORE_ONE_IN: u64 = 4;

/// After a power cut nothing is in the page cache that is not on the disk, so of those disks only
/// one in so many loses its power again right after recovery.
const AGAIN_ONE_IN: u64 = 4;

/// What an operation that fails has done.
const WAYS_TO_FAIL: [Fate; 3] = [Fate::Lost, Fate::Torn(Tear::First(600)), Fate::Kept];

/// A small repeatable source of chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

impl Losses {
    fn crash(&self) -> Crash {
        match self {
            Self::Power(_) => Crash::Power,
            Self::Kill(..) => Crash::Process,
        }
    }
}

/// All crash points of all scripts under one fsync mode.
struct Search {
    mode: FsyncMode,
    depth: Depth,
    seed: u64,
    chance: Chance,
    tally: Tally,
}

/// A crash point: where a run ended.
struct Point<'s> {
    script: &'s Script,
    trouble: Trouble,
    ended: Ended,
    rewrite_bytes_max: u64,
}

impl<'s> Point<'s> {
    fn reach(script: &'s Script, mode: FsyncMode, trouble: Trouble) -> Self {
        let (Trouble::StopIn(at) | Trouble::FailIn(at, _)) = trouble;
        // Recoveries of one operation rewrite only the tail, those of the next the whole segment.
        let rewrite_bytes_max = if at.is_multiple_of(2) { 0 } else { 1 << 20 };
        Self {
            script,
            trouble,
            ended: run(script, mode, rewrite_bytes_max, trouble),
            rewrite_bytes_max,
        }
    }
}

/// Reaches every crash point of the scripts under one fsync mode, and opens every disk that may come
/// of each.
///
/// `KRAFT_SEEDS` sets the seed of what is left to chance, and tears every write at every sector.
///
/// # Panics
///
/// When a disk breaks one of the rules above; the message says which, where, and under which seed.
pub fn every_crash_point(mode: FsyncMode) {
    let asked = std::env::var("KRAFT_SEEDS").ok();
    let first = asked
        .as_deref()
        .map(|text| text.split("..").next().unwrap_or(text));
    let seed = first.map_or(1, |text| {
        text.trim().parse().expect("KRAFT_SEEDS: a number")
    });
    let mut search = Search {
        mode,
        depth: asked.map_or(Depth::Everyday, |_| Depth::Long),
        seed,
        chance: Chance(seed),
        tally: Tally::default(),
    };
    for script in SCRIPTS {
        search.script(script);
    }
    println!("fsync mode {mode:?}, seed {seed}: {}", search.tally);
    search.tally.assert_nothing_is_missing();
}

impl Search {
    /// Stops the machine in every operation, and lets every operation fail once.
    fn script(&mut self, script: &Script) {
        for at in 1.. {
            let stopped = Point::reach(script, self.mode, Trouble::StopIn(at));
            let Some(operation) = stopped.ended.fs.stopped_in() else {
                let how = stopped.ended.how;
                assert!(how.is_none(), "{}: {how:?}", script.name);
                break;
            };
            self.tally
                .crash_point(label(&operation), stopped.ended.during);
            let mut losses = Losses::of_power_cuts(&stopped.ended.fs, self.depth);
            losses.extend(Losses::of_kills(&stopped.ended.fs));
            self.try_all(&stopped, label(&operation), &losses);

            let ways = match (&operation, self.depth) {
                (Operation::Write(_) | Operation::Sync(_), Depth::Long) => 3,
                (Operation::Write(_) | Operation::Sync(_), Depth::Everyday) => 2,
                _ => 1,
            };
            for fate in &WAYS_TO_FAIL[..ways] {
                let failed = Point::reach(script, self.mode, Trouble::FailIn(at, *fate));
                self.fail(&failed, label(&operation));
            }
        }
    }

    fn fail(&mut self, point: &Point<'_>, label: &'static str) {
        let noticed = matches!(point.ended.how, Some(DiskError::Io(_)));
        assert!(
            noticed || point.ended.formatted == Formatted::No,
            "{}, {:?}: nobody noticed",
            point.script.name,
            point.trouble
        );
        self.tally.failures += 1;
        let pending = point.ended.fs.pending();
        let kept: Vec<_> = pending.iter().map(|p| (p.operation, Fate::Kept)).collect();
        let losses = [
            Losses::Kill(Fate::Kept, Vec::new()),
            Losses::Kill(Fate::Kept, kept.clone()),
            Losses::Power(Vec::new()),
            Losses::Power(kept),
        ];
        self.try_all(point, label, &losses);
    }

    fn try_all(&mut self, point: &Point<'_>, label: &'static str, losses: &[Losses]) {
        let mut seen = BTreeSet::new();
        for losses in losses {
            let disk = losses.apply(&point.ended.fs);
            let power = losses.crash() == Crash::Power;
            if !seen.insert((power, disk.fingerprint())) {
                continue;
            }
            self.tally.disk(label);
            if let Err(objection) = self.recover_from(point, losses, &disk) {
                panic!(
                    "script {:?} under {:?}, {:?} during {}, {losses:?}, rewrite up to {}, seed \
                     {}: {objection}",
                    point.script.name,
                    self.mode,
                    point.trouble,
                    point.ended.during,
                    point.rewrite_bytes_max,
                    self.seed
                );
            }
        }
    }

    fn recover_from(
        &mut self,
        point: &Point<'_>,
        losses: &Losses,
        disk: &FaultFs,
    ) -> Result<(), String> {
        if self.chance.below(INTERRUPTED_ONE_IN) == 0 {
            self.interrupt(point, losses)?;
        }
        // A vote that only the page cache has: nothing recovery does may cost the one before it.
        let nothing_written_back = |fates: &[(u64, Fate)]| fates.iter().all(|f| f.1 == Fate::Lost);
        if let Losses::Kill(_, fates) = losses
            && point.ended.during == "hard state"
            && matches!(point.ended.fs.stopped_in(), Some(Operation::Sync(_)))
            && nothing_written_back(fates)
        {
            self.interrupt_everywhere(point, losses)?;
        }
        let model = &point.ended.model;
        let mut opened = match runner::open(disk, point.rewrite_bytes_max) {
            Ok(opened) => opened,
            Err(StoreOpenError::NoStore(_)) if point.ended.formatted == Formatted::No => {
                let again = format(dir(), disk, identity(), founding());
                return again.map_err(|error| error.to_string());
            }
            Err(error) => return Err(error.to_string()),
        };
        let found = runner::found(&opened);
        model.admits(losses.crash(), &found, disk)?;
        self.tally.cut += u64::from(opened.warnings.iter().any(runner::is_of_a_cut));
        let unforced = runner::append_one(&mut opened.store, &found);
        drop(opened);
        if losses.crash() == Crash::Power && self.chance.below(AGAIN_ONE_IN) > 0 {
            return Ok(());
        }
        self.stays(point, disk, &found, unforced)
    }

    /// What was found is on the disk, whatever the page cache had; and more can be added to it.
    fn stays(
        &mut self,
        point: &Point<'_>,
        disk: &FaultFs,
        found: &Found,
        unforced: model::Entry,
    ) -> Result<(), String> {
        let disk = disk.after_power_cut(|_| Fate::Lost);
        let mut opened = open(&disk, point)?;
        let mut again = runner::found(&opened);
        if again.log.last() == Some(&unforced) {
            again.log.pop();
        }
        same(found, &again, "a power cut right after recovery")?;
        if self.chance.below(MORE_ONE_IN) > 0 {
            return Ok(());
        }
        let more = runner::append_one(&mut opened.store, found);
        opened.store.force().map_err(|error| error.to_string())?;
        drop(opened);
        let disk = disk.after_power_cut(|_| Fate::Lost);
        let mut last = runner::found(&open(&disk, point)?);
        if last.log.pop() != Some(more) {
            return Err("an entry synced after recovery is missing".into());
        }
        same(found, &last, "entries added after recovery")
    }

    /// Stops or fails the recovery somewhere, and then recovers from that.
    fn interrupt(&mut self, point: &Point<'_>, losses: &Losses) -> Result<(), String> {
        let operations = operations_to_open(point, losses);
        if operations == 0 {
            return Ok(());
        }
        let at = self.chance.below(operations);
        let disk = losses.apply(&point.ended.fs);
        let fails = self.chance.below(3) == 0;
        if fails {
            disk.fail_after(at, Fate::Lost);
        } else {
            disk.stop_after(at);
        }
        refuses_to_open(point, &disk, at)?;
        let mut second = Losses::of_kills(&disk);
        if !fails {
            second.extend(Losses::of_power_cuts(&disk, Depth::Everyday));
        }
        let second = second.swap_remove(self.chance.below(second.len() as u64) as usize);
        self.recover_again(point, losses, &disk, &second)
            .map_err(|objection| format!("recovery interrupted at {at}, {objection}"))
    }

    /// Stops the recovery in each of its operations, with each pattern of a power cut.
    fn interrupt_everywhere(&mut self, point: &Point<'_>, losses: &Losses) -> Result<(), String> {
        for at in 0..operations_to_open(point, losses) {
            let disk = losses.apply(&point.ended.fs);
            disk.stop_after(at);
            refuses_to_open(point, &disk, at)?;
            for second in Losses::of_power_cuts(&disk, Depth::Everyday) {
                self.recover_again(point, losses, &disk, &second)
                    .map_err(|objection| format!("recovery stopped at {at}, {objection}"))?;
            }
        }
        Ok(())
    }

    fn recover_again(
        &mut self,
        point: &Point<'_>,
        first: &Losses,
        disk: &FaultFs,
        second: &Losses,
    ) -> Result<(), String> {
        let crash = match (first.crash(), second.crash()) {
            (Crash::Process, Crash::Process) => Crash::Process,
            _ => Crash::Power,
        };
        self.tally.interrupted += 1;
        let explain = |objection| format!("then {second:?}: {objection}");
        let disk = second.apply(disk);
        let mut opened = match runner::open(&disk, point.rewrite_bytes_max) {
            Ok(opened) => opened,
            Err(StoreOpenError::NoStore(_)) if point.ended.formatted == Formatted::No => {
                return Ok(());
            }
            Err(error) => return Err(explain(error.to_string())),
        };
        let found = runner::found(&opened);
        let model = &point.ended.model;
        model.admits(crash, &found, &disk).map_err(explain)?;
        if second.crash() == Crash::Power && self.chance.below(AGAIN_ONE_IN) > 0 {
            return Ok(());
        }
        let unforced = runner::append_one(&mut opened.store, &found);
        drop(opened);
        self.stays(point, &disk, &found, unforced).map_err(explain)
    }
}

/// How many operations it takes to recover from these losses; 0 if there is no store.
fn operations_to_open(point: &Point<'_>, losses: &Losses) -> u64 {
    let disk = losses.apply(&point.ended.fs);
    let before = disk.operations();
    match runner::open(&disk, point.rewrite_bytes_max) {
        Ok(_) => disk.operations() - before,
        Err(_) => 0,
    }
}

fn refuses_to_open(point: &Point<'_>, disk: &FaultFs, at: u64) -> Result<(), String> {
    match runner::open(disk, point.rewrite_bytes_max) {
        Err(StoreOpenError::Io(_)) => Ok(()),
        Err(error) => Err(format!("recovery interrupted at {at}: {error}")),
        Ok(_) => Err(format!("recovery goes on although operation {at} failed")),
    }
}

fn open(disk: &FaultFs, point: &Point<'_>) -> Result<crate::Opened, String> {
    runner::open(disk, point.rewrite_bytes_max).map_err(|error| error.to_string())
}

fn same(found: &Found, again: &Found, after: &str) -> Result<(), String> {
    let alike = (found.base, &found.log, found.hard_state, found.committed);
    if alike == (again.base, &again.log, again.hard_state, again.committed) {
        return Ok(());
    }
    Err(format!(
        "{after} left {} entries behind {} and {:?} of {} behind {} and {:?}",
        again.log.len(),
        again.base,
        again.hard_state,
        found.log.len(),
        found.base,
        found.hard_state
    ))
}
