//! Events as lines for people.

use kraft_proto::EntryKind;

use super::action::Action;
use super::entry::Entry;
use super::event::Event;
use super::members::{Sets, nodes};
use super::sessions::Request;

/// Who writes the lines. By pointer, so that a page, which draws records instead, loads none of this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scribe {
    /// Lines that are kept.
    pub most: usize,
    pub event: fn(&Event<'_>) -> Option<String>,
    pub action: fn(&Action) -> String,
}

impl Scribe {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            event: line,
            action: |action| format!("-- {action:?}"),
        }
    }
}

/// A line for what a person wants to see of a run.
fn line(event: &Event<'_>) -> Option<String> {
    let line = match event {
        Event::Started { node, life, log } => format!(
            "node {} starts incarnation {} with {} entries",
            node + 1,
            life & u64::from(u32::MAX),
            log.len()
        ),
        Event::Ended { node, end, led } => {
            let led = led.map_or(String::new(), |term| format!(", leader of term {term}"));
            format!("node {} ends: {end:?}{led}", node + 1)
        }
        Event::PowerCut { node, .. } => format!("node {} loses its power", node + 1),
        Event::Readmitted { node } => format!("node {} is re-admitted", node + 1),
        Event::Replaced { node } => format!("node {} has an empty disk", node + 1),
        Event::Log {
            node, from, log, ..
        } => {
            let entries: Vec<String> = log[*from..]
                .iter()
                .zip(from + 1..)
                .map(|(entry, index)| named(entry, index))
                .take(4)
                .collect();
            let more = (log.len() - from).saturating_sub(4);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("node {} takes {}{more}", node + 1, entries.join(" "))
        }
        Event::Role {
            node, role, term, ..
        } => format!("node {} is {role:?} in term {term}", node + 1),
        Event::Held {
            node, held, run, ..
        } => {
            format!(
                "node {} has {held} through {}",
                node + 1,
                run.last_position()
            )
        }
        Event::Committed {
            node, log, upto, ..
        } => format!(
            "node {} commits through {}.{upto}",
            node + 1,
            log[upto - 1].term
        ),
        Event::Acked {
            node,
            mode,
            held,
            upto,
            ..
        } => format!(
            "node {} acknowledges {mode} {held} through {upto}",
            node + 1
        ),
        Event::Settled {
            node,
            term,
            committed_upto,
            unkept,
            ..
        } => format!(
            "node {} settles term {term}: committed through {committed_upto}, the rest {unkept:?}",
            node + 1
        ),
        Event::Told { node, of, fate } => format!("node {} says of {of}: {fate:?}", node + 1),
        Event::Answered { node, answer, .. } => format!(
            "node {} answers {} at {}: asked {}, {:?} {}",
            node + 1,
            answer.token,
            answer.position,
            answer.asked,
            answer.grade,
            answer
                .held
                .map_or(String::new(), |held| format!("{} {held}", answer.mode)),
        ),
        Event::ReadServed {
            node,
            id,
            index,
            applied,
            ..
        } => format!(
            "node {} serves read {id}, ready at {index}, from {applied} entries",
            node + 1
        ),
        Event::ReadAsked { id, after } => {
            let after = after.map_or(String::new(), |after| format!(", to see {after} too"));
            format!("read {id} is asked for{after}")
        }
        Event::Awaited { answer } => {
            format!("the write at {} ends: {:?}", answer.position, answer.grade)
        }
        Event::Applied {
            node,
            index,
            request: Request { session, number },
            applied,
        } => format!(
            "node {} applies {number} of session {session} at {index}: {applied:?}",
            node + 1
        ),
        Event::Replied {
            request: Request { session, number },
            answer,
        } => format!("the client of session {session} hears {answer} for {number}"),
        Event::ReadFailed { id } => format!("read {id} fails"),
        Event::Rest { outcome } => format!("rest: {outcome:?}"),
        Event::Sent { .. } | Event::Heard { .. } | Event::Trusted { .. } | Event::Memory { .. } => {
            return None;
        }
    };
    Some(line)
}

/// An entry by its position, and what it is if it is no command.
fn named(entry: &Entry, index: usize) -> String {
    let what = match entry.kind {
        EntryKind::Command => String::new(),
        EntryKind::NoOp => " (no-op)".to_string(),
        EntryKind::Configuration => {
            let sets: Vec<String> = Sets::of(entry.data).iter().map(nodes).collect();
            format!(" (voters: {})", sets.join(", before "))
        }
    };
    format!("{}.{index}{what}", entry.term)
}
