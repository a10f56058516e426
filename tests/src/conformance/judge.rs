//! Whether what was found after a crash may be there: a pure function, and the name of what is
//! wrong if it may not.

use kraft_proto::{EntryKind, HardState, Held, LogIndex, LogPosition, Term};

use super::adapter::Found;
use super::history::{Entry, History, ShownHard, Version};
use super::payload::payload;
use super::rule::Rule;

/// A rule that was broken, with what should have been and what was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub rule: Rule,
    pub expected: String,
    pub found: String,
}

impl Broken {
    pub fn new(rule: Rule, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Self {
            rule,
            expected,
            found,
        }
    }
}

/// Judges what a store held when it was opened. What was reported at least `held` had to survive.
pub(super) fn judge(history: &History, found: &Found, held: Held) -> Result<(), Broken> {
    hard_state(history, found.hard)?;
    committed(history, found)?;
    let log = Log::read(history, found)?;
    let newest = log.newest_write(history);
    if let Some(hole) = log.hole {
        return Err(hole_at(history, hole, newest));
    }
    match log.fits(history, held) {
        true => Ok(()),
        false => Err(log.wrong(history, held, newest)),
    }
}

/// Any of those from the last reported one on. Hard states are reported as synced only.
fn hard_state(history: &History, found: HardState) -> Result<(), Broken> {
    let reported = history.hard.synced;
    let all = &history.hard_states;
    if all[reported..].contains(&found) {
        return Ok(());
    }
    let rule = match all.contains(&found) || found == HardState::default() {
        true => Rule::ForgottenVote,
        false => Rule::TornWrite,
    };
    let expected = match reported {
        0 => format!(
            "{}, which opening returned before, or a later one",
            ShownHard(all[0])
        ),
        _ => format!(
            "{}, which was reported synced, or a later one",
            ShownHard(all[reported])
        ),
    };
    Err(Broken::new(rule, expected, ShownHard(found).to_string()))
}

/// One that was told some time, or none: it is kept for what it is worth.
fn committed(history: &History, found: &Found) -> Result<(), Broken> {
    match found.committed {
        Some(position) if !history.was_committed(position) => Err(Broken::new(
            Rule::MadeUp,
            "as committed a position that was told so, or none",
            format!(
                "entry {} of term {} as committed",
                position.index, position.term
            ),
        )),
        _ => Ok(()),
    }
}

/// A log as it was found.
struct Log {
    entries: Vec<(LogIndex, Entry)>,
    /// The first index that should be there and is not.
    hole: Option<LogIndex>,
}

impl Log {
    /// Every entry by itself: somebody wrote it, and these are its bytes.
    fn read(history: &History, found: &Found) -> Result<Self, Broken> {
        let named: usize = found.runs.iter().map(|run| run.count as usize).sum();
        if named != found.payloads.len() {
            let expected = format!("one payload for each of the {named} entries the runs name");
            let found = format!("{} payloads", found.payloads.len());
            return Err(Broken::new(Rule::Gap, expected, found));
        }
        let named = found.runs.iter().flat_map(|run| {
            let kind = run.kind;
            run.positions().map(move |at| (at, kind))
        });
        let mut log = Self {
            entries: Vec::new(),
            hole: None,
        };
        let mut next = LogIndex(1);
        for ((at, kind), bytes) in named.zip(&found.payloads) {
            whole(history, at, kind, bytes)?;
            if at.index != next && log.hole.is_none() {
                log.hole = Some(next);
            }
            next = at.index.next();
            let entry = Entry {
                term: at.term,
                kind,
                write: 0,
            };
            log.entries.push((at.index, entry));
        }
        Ok(log)
    }

    /// The latest write of which an entry was found.
    fn newest_write(&self, history: &History) -> usize {
        let of = |&(index, entry): &(LogIndex, Entry)| {
            let there = history.versions.iter().rev();
            let brought = there.filter_map(|version| version.at(index));
            brought
                .filter(|brought| *brought == entry)
                .map(|brought| brought.write)
                .next()
        };
        self.entries.iter().filter_map(of).max().unwrap_or(0)
    }

    fn is_prefix_of(&self, version: &Version) -> bool {
        self.entries
            .iter()
            .all(|(index, entry)| version.at(*index) == Some(*entry))
    }

    fn fits(&self, history: &History, held: Held) -> bool {
        let from = history.log.at(held);
        (from..history.versions.len()).any(|number| {
            let floor = history.floor(from, number);
            self.entries.len() >= floor && self.is_prefix_of(&history.versions[number])
        })
    }

    /// Names what is wrong with a log that has no hole and does not fit.
    ///
    /// 1. Among the entries of its newest write, or behind them, stands another: it was replaced or
    ///    cut off, and is there again.
    /// 2. Before them stands another than that write follows: an earlier write was passed.
    /// 3. It is a log of an earlier moment, and too short: what was reported is gone.
    fn wrong(&self, history: &History, held: Held, newest: usize) -> Broken {
        let version = &history.versions[newest];
        let stranger = self
            .entries
            .iter()
            .find(|(index, entry)| version.at(*index) != Some(*entry));
        match stranger {
            Some((index, entry)) => strange(version, newest, *index, *entry),
            None => self.too_short(history, held),
        }
    }

    fn too_short(&self, history: &History, held: Held) -> Broken {
        let from = history.log.at(held);
        let reported = &history.versions[from];
        let missing = reported.log.iter().enumerate().find(|(place, entry)| {
            let found = self.entries.get(*place);
            found.is_none_or(|(_, found)| found != *entry)
        });
        let Some((place, entry)) = missing else {
            let length = reported.log.len();
            let expected = format!("the log cut to {length} entries by a write that was reported");
            let found = format!("{} entries", self.entries.len());
            return Broken::new(Rule::Truncation, expected, found);
        };
        let rule = match (entry.write, held) {
            (0, _) => Rule::LostRecovered,
            (_, Held::Synced) => Rule::EarlyCompletion,
            (_, _) => Rule::LostWritten,
        };
        let how = match rule {
            Rule::LostRecovered => "which opening the store returned",
            Rule::EarlyCompletion => "which was reported synced",
            _ => "which was reported",
        };
        let expected = format!("entry {} of term {}, {how}", place + 1, entry.term);
        let found = match self.entries.get(place) {
            Some((_, found)) => format!("entry {} of term {} in its place", place + 1, found.term),
            None => format!("a log that ends with entry {}", self.entries.len()),
        };
        Broken::new(rule, expected, found)
    }
}

/// A later write is there and an earlier one is not; or part of one write is not.
fn hole_at(history: &History, hole: LogIndex, newest: usize) -> Broken {
    let missing = history.versions[newest].at(hole);
    let found = format!("no entry {hole}, and later ones");
    match missing {
        Some(missing) if missing.write < newest && missing.write > 0 => Broken::new(
            Rule::Order,
            format!(
                "entry {hole} of term {}, since a write handed out after it is there",
                missing.term
            ),
            found,
        ),
        _ => Broken::new(
            Rule::Gap,
            format!("entry {hole}, or the end of the log"),
            found,
        ),
    }
}

fn strange(version: &Version, newest: usize, index: LogIndex, entry: Entry) -> Broken {
    let first = version.log.iter().position(|entry| entry.write == newest);
    let before = first.is_some_and(|first| (index.0 as usize) <= first);
    let found = format!("entry {index} of term {}", entry.term);
    match version.at(index) {
        Some(there) if before && there.write > 0 => Broken::new(
            Rule::Order,
            format!(
                "entry {index} of term {}, since a write handed out after it is there",
                there.term
            ),
            found,
        ),
        Some(there) => Broken::new(
            Rule::Truncation,
            format!(
                "entry {index} of term {}, which replaced what was there",
                there.term
            ),
            found,
        ),
        None => Broken::new(
            Rule::Truncation,
            format!(
                "nothing behind entry {}: the rest was cut off",
                version.log.len()
            ),
            found,
        ),
    }
}

/// An entry that was written, with its bytes.
fn whole(history: &History, at: LogPosition, kind: EntryKind, bytes: &[u8]) -> Result<(), Broken> {
    let place = format!("entry {} of term {} ({kind:?})", at.index, at.term);
    if !history.ever(at, kind) {
        let expected = format!("entries that were written; {place} never was");
        return Err(Broken::new(Rule::TornWrite, expected, place));
    }
    let right = payload(at, kind);
    if right == bytes {
        return Ok(());
    }
    let same = right.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    let other = (1..=at.term.0 + 1).find(|term| {
        let other = LogPosition::new(Term(*term), at.index);
        other != at && !bytes.is_empty() && payload(other, EntryKind::Command) == bytes
    });
    let expected = format!("the {} bytes of {place}", right.len());
    let found = match other {
        Some(term) => format!("the bytes of term {term} under it"),
        None => format!("{} bytes, of which the first {same} are right", bytes.len()),
    };
    Err(Broken::new(Rule::TornWrite, expected, found))
}

#[cfg(test)]
mod tests;
