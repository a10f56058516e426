//! What a page draws of a world.

use ::tests::sim::entry::Entry;
use ::tests::sim::network::Packet;
use ::tests::sim::{Player, Violation, World};
use kraft_proto::message::Ballot;
use kraft_proto::{EntryKind, Frame, Message, Role, Trust};
use serde::Serialize;

/// A world at one moment.
#[derive(Serialize)]
pub(crate) struct View<'a> {
    now_us: u64,
    nodes: Vec<NodeView>,
    /// In the order they arrive.
    messages: Vec<MessageView>,
    /// Those that were lost, where that is not long ago.
    lost: Vec<MessageView>,
    /// Links that carry nothing, as sender and receiver.
    cut: Vec<(u8, u8)>,
    violation: Option<&'a Violation>,
}

/// A node, or the disk of one that is down.
#[derive(Serialize)]
struct NodeView {
    up: bool,
    role: &'static str,
    term: u64,
    trust: &'static str,
    commit: u64,
    /// What it waits for, in words, the most fundamental first.
    waiting: Vec<String>,
    drift_ppm: i32,
    /// The index of the first entry of `log`.
    first: u64,
    /// The last entries: term, kind, and which proposal.
    log: Vec<(u64, &'static str, u64)>,
    /// How far the operating system holds this log.
    written: u64,
    /// How far the disk does.
    synced: u64,
}

/// A message on its way.
#[derive(Serialize)]
struct MessageView {
    number: u64,
    sent_us: u64,
    /// When it arrives; when it was lost, if it was.
    arrives_us: u64,
    from: u8,
    to: u8,
    kind: &'static str,
    term: u64,
    /// Of an append, the first entry; of a reply, how far written.
    first: u64,
    /// Of an append and of a vote, the last entry; of a reply, how far synced.
    last: u64,
    /// Of an append, the strongest mode in it.
    mode: String,
    /// Of a vote: how it was cast.
    word: &'static str,
}

/// How long a message that was lost is still shown.
const LOST_US: u64 = 400_000;

impl<'a> View<'a> {
    pub(crate) fn of(player: &'a Player, entries: usize) -> Self {
        let world = player.world();
        let links = world.links();
        let places = || 0..world.len();
        let pairs = places().flat_map(|from| places().map(move |to| (from, to)));
        let cut = pairs.filter(|(from, to)| from != to && links.is_cut(*from, *to));
        let recent = |at_us: u64| at_us + LOST_US > world.now_us();
        let lost = links.lost().filter(|lost| recent(lost.lost_us));
        Self {
            now_us: world.now_us(),
            nodes: places()
                .map(|place| NodeView::of(world, place, entries))
                .collect(),
            messages: links.packets().into_iter().map(message).collect(),
            lost: lost.map(|lost| message(&lost.packet)).collect(),
            cut: cut
                .map(|(from, to)| (from as u8 + 1, to as u8 + 1))
                .collect(),
            violation: world.violation(),
        }
    }
}

impl NodeView {
    fn of(world: &World, place: usize, entries: usize) -> Self {
        let log = world.log(place);
        let disk = world.disk(place);
        let skipped = log.len().saturating_sub(entries);
        let status = world.core(place).map(|core| core.status());
        let saved = disk.saved().hard;
        Self {
            up: status.is_some(),
            role: match status.as_ref().map(|status| status.role) {
                None => "down",
                Some(Role::Leader) => "leader",
                Some(Role::Follower) => "follower",
                Some(Role::Candidate) => "candidate",
                Some(Role::PreCandidate) => "pre_candidate",
            },
            term: status.as_ref().map_or(saved.term, |status| status.term).0,
            trust: match status.as_ref().map_or(saved.trust, |status| status.trust) {
                Trust::Clean => "clean",
                Trust::Dirty => "dirty",
                Trust::Suspect => "suspect",
            },
            commit: (status.as_ref()).map_or(0, |status| status.commit.index.0),
            waiting: status
                .iter()
                .flat_map(|status| &status.waiting)
                .map(ToString::to_string)
                .collect(),
            drift_ppm: world.drift_ppm(place),
            first: skipped as u64 + 1,
            log: log[skipped..].iter().map(entry).collect(),
            written: agrees_upto(log, disk.log()),
            synced: agrees_upto(log, disk.synced_log()),
        }
    }
}

fn entry(entry: &Entry) -> (u64, &'static str, u64) {
    let kind = match entry.kind {
        EntryKind::Command => "command",
        EntryKind::NoOp => "no_op",
        EntryKind::Configuration => "configuration",
    };
    (entry.term.0, kind, entry.data)
}

/// The last index through which two logs are the same.
fn agrees_upto(one: &[Entry], other: &[Entry]) -> u64 {
    one.iter().zip(other).take_while(|(a, b)| a == b).count() as u64
}

fn message(packet: &Packet) -> MessageView {
    let mut view = MessageView {
        number: packet.number,
        sent_us: packet.sent_us,
        arrives_us: packet.at_us,
        from: packet.from + 1,
        to: packet.to + 1,
        kind: "",
        term: 0,
        first: 0,
        last: 0,
        mode: String::new(),
        word: "",
    };
    if let Ok(frame) = Frame::decode(&packet.bytes) {
        let envelope = frame.envelope();
        view.term = envelope.term.0;
        view.says(&envelope.message);
    }
    view
}

impl MessageView {
    fn says(&mut self, message: &Message) {
        let span = |first: u64, last: u64| (first, last);
        (self.kind, (self.first, self.last)) = match message {
            Message::PreVote { last } => ("pre_vote", span(0, last.index.0)),
            Message::PreVoteReply { ballot } => {
                self.word = cast(ballot);
                ("pre_vote_reply", span(0, 0))
            }
            Message::Vote { last } | Message::TransferVote { last } => {
                ("vote", span(0, last.index.0))
            }
            Message::VoteReply { ballot } => {
                self.word = cast(ballot);
                ("vote_reply", span(0, 0))
            }
            Message::Append(append) => {
                self.mode = append.mode.to_string();
                let run = append.run();
                let last = run.first.0 + u64::from(run.count) - 1;
                ("append", span(run.first.0, last))
            }
            Message::Matched(held) => ("matched", span(held.written.0, held.synced.0)),
            Message::Rejected { hint, .. } => ("rejected", span(0, hint.index.0)),
            Message::Heartbeat(beat) => ("heartbeat", span(0, beat.commit.0)),
            Message::HeartbeatReply(reply) => {
                let held = reply.watermarks;
                ("heartbeat_reply", span(held.written.0, held.synced.0))
            }
            Message::Snapshot { last } => ("snapshot", span(0, last.index.0)),
            // Of reads, of a transfer, or to who is no member any more: drawn, and not told apart.
            Message::TimeoutNow
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::LeftOut { .. } => ("other", span(0, 0)),
        };
    }
}

fn cast(ballot: &Ballot) -> &'static str {
    match ballot {
        Ballot::Granted => "granted",
        Ballot::GrantedBySuspect => "granted_by_suspect",
        Ballot::Refused => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tests::sim::draw;

    #[test]
    fn a_view_has_every_node_its_last_entries_and_every_message() {
        let run = draw(3);
        let nodes = run.setup.nodes.len();
        let mut player = Player::new(run).unwrap();
        player.play_until(5_000_000);
        let json = serde_json::to_string(&View::of(&player, 4)).unwrap();
        let view: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(view["nodes"].as_array().unwrap().len(), nodes);
        let in_flight = player.world().links().in_flight();
        let messages = view["messages"].as_array().unwrap();
        assert_eq!(messages.len(), in_flight);
        for message in messages {
            assert!(message["sent_us"].as_u64() <= message["arrives_us"].as_u64());
            assert_ne!(message["kind"], "");
        }
        for (place, node) in view["nodes"].as_array().unwrap().iter().enumerate() {
            let log = player.world().log(place).len();
            assert_eq!(node["log"].as_array().unwrap().len(), log.min(4));
            assert!(node["synced"].as_u64() <= node["written"].as_u64());
        }
    }
}
