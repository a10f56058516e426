//! Moves and ways in words.

use kraft_proto::{Ballot, Envelope, Message};

use super::arena::Arena;
use super::bound::Bound;
use super::configuration::{Configuration, NodeMask};
use super::invariants::Violation;
use super::node::Input;
use super::rule::Rule;
use super::world::Move;

/// A move in words.
pub fn step(arena: &Arena, taken: Move) -> String {
    let node = Arena::id(usize::from(taken.place));
    match arena.input(taken.input) {
        Input::Message(letter) => match letter.configuration {
            Configuration {
                voters: NodeMask(0),
                ..
            } => message(&letter.envelope),
            brought => format!("{}, {}", message(&letter.envelope), configuration(brought)),
        },
        Input::HardStateSynced => format!("{node}: hard state synced"),
        Input::LogSynced => format!("{node}: log synced"),
        Input::Campaign => format!("{node}: campaigns"),
        Input::Propose => format!("{node}: an entry is proposed"),
        Input::Heartbeat => format!("{node}: heartbeats are due"),
        Input::Clean => format!("{node}: all it has was synced for a while"),
        Input::Change(to) => format!("{node}: voters {} are proposed", nodes(to)),
        Input::Transfer(to) => format!("{node}: is to hand over to {}", nodes(to)),
        Input::Read => format!("{node}: a read is asked"),
        Input::Kill => format!("{node}: killed, and started again"),
        Input::CutPower => format!("{node}: power cut, and started again"),
    }
}

fn nodes(mask: NodeMask) -> String {
    let ids: Vec<String> = mask.ids().map(|id| id.to_string()).collect();
    format!("[{}]", ids.join(" "))
}

fn configuration(of: Configuration) -> String {
    let voters = nodes(of.voters);
    match of.outgoing {
        NodeMask(0) => format!("voters {voters}"),
        outgoing => format!("voters {voters} and outgoing {}", nodes(outgoing)),
    }
}

/// A message in words.
pub fn message(envelope: &Envelope) -> String {
    let what = match envelope.message {
        Message::PreVote { last } => format!("pre-vote, last {last}"),
        Message::PreVoteReply { ballot } => format!("pre-vote {}", answer(ballot)),
        Message::Vote { last } => format!("vote, last {last}"),
        Message::VoteReply { ballot } => format!("vote {}", answer(ballot)),
        Message::Append(append) => format!(
            "append after {}, {} of term {}, commit {}",
            append.prev, append.count, append.run_term, append.commit
        ),
        Message::Matched(watermarks) => {
            format!(
                "matched, written {} synced {}",
                watermarks.written, watermarks.synced
            )
        }
        Message::Rejected { rejected, hint, .. } => format!("rejected {rejected}, try {hint}"),
        Message::Heartbeat(beat) => {
            let known = beat.readmission.map_or(String::new(), |known| {
                format!(
                    ", incarnation {} re-admitted at {}",
                    known.incarnation, known.readmit_upto
                )
            });
            format!("heartbeat {}, commit {}{known}", beat.round, beat.commit)
        }
        Message::HeartbeatReply(reply) => format!(
            "heartbeat {} answered, received {} written {} synced {}",
            reply.round, reply.received, reply.watermarks.written, reply.watermarks.synced
        ),
        Message::Snapshot { last } => format!("snapshot through {last}"),
        Message::TimeoutNow => "campaign now".to_owned(),
        Message::LeftOut { at, .. } => format!("left out at {at}"),
        Message::TransferVote { last } => format!("vote in a transfer, last {last}"),
        Message::ReadIndex { ticket, after } => format!("read {ticket}, after {after}"),
        Message::ReadIndexReply { ticket, index, .. } => format!("read {ticket} at {index}"),
    };
    format!(
        "{}>{}: term {}, incarnation {}: {what}",
        envelope.from, envelope.to, envelope.term, envelope.incarnation
    )
}

fn answer(ballot: Ballot) -> &'static str {
    match ballot {
        Ballot::Granted => "granted",
        Ballot::GrantedBySuspect => "granted by a suspect",
        Ballot::Refused => "refused",
    }
}

/// A way to a violation, as a story that ends badly.
pub fn way(
    arena: &Arena,
    bound: &Bound,
    rule: Rule,
    violation: &Violation,
    way: &[Move],
) -> String {
    let mut shown = format!(
        "bound: {}, {}\nrule: {}\n\n",
        bound.name,
        bound.about,
        rule.name()
    );
    for (number, taken) in way.iter().enumerate() {
        shown += &format!("{:>3}. {}\n", number + 1, step(arena, *taken));
    }
    shown + &format!("\n{}: {}\n", violation.invariant, violation.what)
}
