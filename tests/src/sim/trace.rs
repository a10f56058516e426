//! Events as lines for people.

use super::event::Event;

/// A line for what a person wants to see of a run.
pub(crate) fn line(event: &Event<'_>) -> Option<String> {
    let line = match event {
        Event::Started { node, life, log } => format!(
            "node {} starts life {life} with {} entries",
            node + 1,
            log.len()
        ),
        Event::Ended { node, end, led } => {
            let led = led.map_or(String::new(), |term| format!(", leader of term {term}"));
            format!("node {} ends: {end:?}{led}", node + 1)
        }
        Event::PowerCut { node, .. } => format!("node {} loses its power", node + 1),
        Event::Readmitted { node } => format!("node {} is re-admitted", node + 1),
        Event::Log { node, from, log } => {
            let entries: Vec<String> = log[*from..]
                .iter()
                .zip(from + 1..)
                .map(|(entry, index)| format!("{}.{index}", entry.term))
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
        } => format!(
            "node {} acknowledges {mode} {held} through {upto}",
            node + 1
        ),
        Event::Settled {
            node,
            term,
            committed_upto,
            rest,
            ..
        } => format!(
            "node {} settles term {term}: committed through {committed_upto}, the rest {rest:?}",
            node + 1
        ),
        Event::Told { node, of, fate } => format!("node {} says of {of}: {fate:?}", node + 1),
        Event::Answered { node, answer } => format!(
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
        Event::ReadServed { node, id, applied } => {
            format!("node {} serves read {id} from {applied} entries", node + 1)
        }
        Event::ReadFailed { id } => format!("read {id} fails"),
        Event::Rest { outcome } => format!("rest: {outcome:?}"),
        Event::Sent { .. }
        | Event::Heard { .. }
        | Event::Trusted { .. }
        | Event::ReadAsked { .. }
        | Event::Memory { .. } => return None,
    };
    Some(line)
}
