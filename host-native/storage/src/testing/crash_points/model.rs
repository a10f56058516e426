//! What storage was told and what it reported, and therefore what a crash may leave.

use kraft_proto::hard_state::HardState;
use kraft_proto::ids::{LogPosition, Term};

use crate::testing::fault::Crash;
use crate::{Boot, BootId, Fs};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub term: u64,
    pub payload: Vec<u8>,
}

/// What a store was found to hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The index before the first entry.
    pub base: usize,
    pub log: Vec<Entry>,
    pub hard_state: HardState,
    pub boot: Boot,
    pub committed: LogPosition,
}

/// A log that was asked for. Index `i` is entry `i + 1`.
#[derive(Clone, Debug)]
struct Version {
    /// The write that asked for it.
    number: u32,
    log: Vec<Entry>,
    /// So many of its entries were reported synced, in this version or an earlier one.
    synced: usize,
    /// So many were reported written.
    written: usize,
    /// The log begins behind one of these.
    bases: (usize, usize),
}

/// A hard state that was asked for, and under which boot.
#[derive(Clone, Copy, Debug)]
struct Saved {
    number: u32,
    hard_state: HardState,
    boot: BootId,
    /// How many of what was told as committed it need not have taken along.
    told: usize,
}

/// Everything asked for that may be found, oldest first. There is always one of each.
#[derive(Clone)]
pub(super) struct Model {
    versions: Vec<Version>,
    saved: Vec<Saved>,
    /// What was told as committed, oldest first.
    told: Vec<LogPosition>,
    /// Versions older than this write's are not in the page cache any more.
    cached_since: u32,
    number: u32,
}

impl Model {
    /// A store that was just formatted.
    pub fn new(fs: &dyn Fs) -> Self {
        let boot = fs.boot_id().expect("the faulty disk has one");
        Self {
            versions: vec![Version {
                number: 0,
                log: Vec::new(),
                synced: 0,
                written: 0,
                bases: (0, 0),
            }],
            saved: vec![Saved {
                number: 0,
                hard_state: HardState::default(),
                boot,
                told: 0,
            }],
            told: vec![LogPosition::ZERO],
            cached_since: 0,
            number: 0,
        }
    }

    /// The number of the next write.
    pub fn next_number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    fn newest(&self) -> &Version {
        &self.versions[self.versions.len() - 1]
    }

    /// Entries in the newest log.
    pub fn len(&self) -> usize {
        self.newest().log.len()
    }

    /// The term of an entry.
    pub fn term_at(&self, index: usize) -> u64 {
        index
            .checked_sub(1)
            .map_or(0, |at| self.newest().log[at].term)
    }

    /// The first `keep` entries are to stay, `entries` to follow.
    pub fn asked(&mut self, number: u32, keep: usize, entries: Vec<Entry>) {
        let newest = self.newest();
        let mut log = newest.log[..keep].to_vec();
        log.extend(entries);
        let version = Version {
            number,
            log,
            synced: newest.synced.min(keep),
            written: newest.written.min(keep),
            bases: newest.bases,
        };
        self.versions.push(version);
    }

    /// The log is to begin behind `base`, which a snapshot holds.
    pub fn asked_to_restart_behind(&mut self, number: u32, base: usize, term: u64) {
        let unseen = Entry {
            term,
            payload: Vec::new(),
        };
        self.versions.push(Version {
            number,
            log: vec![unseen; base],
            synced: base,
            written: base,
            bases: (base, base),
        });
    }

    /// Entries up to `upto` may go.
    pub fn asked_to_compact(&mut self, upto: usize) {
        for version in &mut self.versions {
            version.bases.1 = version.bases.1.max(upto);
        }
    }

    pub fn asked_to_save(&mut self, number: u32, hard_state: HardState, fs: &dyn Fs) {
        let boot = fs.boot_id().expect("the faulty disk has one");
        self.saved.push(Saved {
            number,
            hard_state,
            boot,
            told: self.told.len() - 1,
        });
    }

    /// What is told as committed next: a position like no other.
    pub fn tell(&mut self) -> LogPosition {
        let next = self.told[self.told.len() - 1].index.next();
        let told = LogPosition::new(Term(next.0 + 100), next);
        self.told.push(told);
        told
    }

    /// The store was closed: what was told last is kept.
    pub fn closed(&mut self) {
        let last = self.told.len() - 1;
        self.saved.iter_mut().for_each(|saved| saved.told = last);
    }

    /// A log write is written, and every earlier one with it.
    pub fn told_written(&mut self, number: u32) {
        let reached = self.reached(number);
        self.cached_since = self.cached_since.max(self.versions[reached].number);
        let written = self.versions[reached].log.len();
        self.hold(reached, |version, common| {
            version.written = version.written.max(common.min(written));
        });
    }

    /// A log write is synced, and every earlier one with it; or a hard state is.
    pub fn told_synced(&mut self, number: u32) {
        if self.saved.iter().any(|saved| saved.number == number) {
            self.saved.retain(|saved| saved.number >= number);
            return;
        }
        self.told_written(number);
        self.versions.drain(..self.reached(number));
        let synced = self.versions[0].log.len();
        self.hold(0, |version, common| {
            version.synced = version.synced.max(common.min(synced));
        });
    }

    /// The newest version that this write covers.
    fn reached(&self, number: u32) -> usize {
        let reached = self.versions.iter().rposition(|v| v.number <= number);
        reached.unwrap_or(0)
    }

    /// Tells this version and each later one how many entries they share with it.
    fn hold(&mut self, from: usize, mut tell: impl FnMut(&mut Version, usize)) {
        let held = self.versions[from].log.clone();
        for version in &mut self.versions[from..] {
            let both = version.log.iter().zip(&held);
            let common = both.take_while(|(one, other)| one == other).count();
            tell(version, common);
        }
    }

    /// The page cache is gone.
    pub fn power_cut(&mut self) {
        self.cached_since = 0;
        for version in &mut self.versions {
            version.written = version.synced;
        }
    }

    /// Whether this may be found after such a crash, by the boot that runs on `fs`.
    pub fn admits(&self, crash: Crash, found: &Found, fs: &dyn Fs) -> Result<(), String> {
        if self.version_of(crash, found).is_none() {
            return Err(format!(
                "after {crash:?} a log of {}..{} was found, {:?}, which none of these is: {}",
                found.base,
                found.base + found.log.len(),
                terms(&found.log),
                self.versions_in_words(),
            ));
        }
        let boot = fs.boot_id();
        let admitted = self.saved.iter().any(|saved| {
            saved.hard_state == found.hard_state
                && Boot::between(Some(saved.boot), boot) == found.boot
                && self.told[saved.told..].contains(&found.committed)
        });
        if admitted {
            return Ok(());
        }
        Err(format!(
            "found {:?} of {:?} boot, committed through {}; may be {:?} of {:?}",
            found.hard_state, found.boot, found.committed, self.saved, self.told
        ))
    }

    fn version_of(&self, crash: Crash, found: &Found) -> Option<&Version> {
        let end = found.base + found.log.len();
        self.versions.iter().rev().find(|version| {
            let held = match crash {
                Crash::Power => version.synced,
                Crash::Process => version.written,
            };
            let cached = crash == Crash::Power || version.number >= self.cached_since;
            let (least, most) = version.bases;
            cached
                && end >= held
                && (least..=most).contains(&found.base)
                && version.log.get(found.base..end) == Some(&found.log[..])
        })
    }

    /// Goes on from what was found, all of which recovery forced.
    pub fn goes_on_from(&mut self, crash: Crash, found: &Found) {
        let Some(version) = self.version_of(crash, found) else {
            panic!("admitted before");
        };
        let end = found.base + found.log.len();
        let mut version = version.clone();
        version.log.truncate(end);
        version.synced = end;
        version.written = end;
        self.cached_since = version.number;
        self.versions = vec![version];
        self.saved
            .retain(|saved| saved.hard_state == found.hard_state);
        self.told = vec![found.committed];
        self.saved.iter_mut().for_each(|saved| saved.told = 0);
    }

    fn versions_in_words(&self) -> String {
        let words = self.versions.iter().map(|version| {
            format!(
                "\n  write {}: {:?}, {} synced, {} written, from {:?}",
                version.number,
                terms(&version.log),
                version.synced,
                version.written,
                version.bases
            )
        });
        words.collect()
    }
}

/// How many entries of each term, in order.
fn terms(log: &[Entry]) -> Vec<(u64, usize)> {
    let mut terms: Vec<(u64, usize)> = Vec::new();
    for entry in log {
        match terms.last_mut() {
            Some((term, count)) if *term == entry.term => *count += 1,
            _ => terms.push((entry.term, 1)),
        }
    }
    terms
}
