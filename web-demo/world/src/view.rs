//! What a page draws of a world.

use ::tests::sim::action::DiskState;
use ::tests::sim::entry::Entry;
use ::tests::sim::network::Packet;
use ::tests::sim::{Player, Violation, World};
use kraft_proto::{Envelope, Frame, LogIndex, Status};
use serde::Serialize;

/// A world at one moment.
#[derive(Serialize)]
pub(crate) struct View<'a> {
    now_us: u64,
    /// Actions of the run that are done, and how many there are.
    actions_done: usize,
    actions: usize,
    nodes: Vec<NodeView<'a>>,
    /// In the order they arrive.
    messages: Vec<MessageView>,
    violation: Option<&'a Violation>,
}

/// A node, or the disk of one that is down.
#[derive(Serialize)]
struct NodeView<'a> {
    /// What the core says of itself; nothing while it is down.
    status: Option<Status>,
    disk: DiskState,
    /// The index of the first entry of `log`.
    first: LogIndex,
    /// The last entries.
    log: &'a [Entry],
    /// How far the operating system holds this log.
    written_upto: LogIndex,
    /// How far the disk does.
    synced_upto: LogIndex,
}

/// A message in flight.
#[derive(Serialize)]
struct MessageView {
    arrives_us: u64,
    from: u8,
    to: u8,
    /// What it says; nothing if it is no message of this version.
    envelope: Option<Envelope>,
}

impl<'a> View<'a> {
    pub(crate) fn of(player: &'a Player, entries: usize) -> Self {
        let world = player.world();
        Self {
            now_us: world.now_us(),
            actions_done: player.done(),
            actions: player.run().actions.len(),
            nodes: (0..world.len())
                .map(|place| NodeView::of(world, place, entries))
                .collect(),
            messages: world.links().packets().into_iter().map(message).collect(),
            violation: world.violation(),
        }
    }
}

impl<'a> NodeView<'a> {
    fn of(world: &'a World, place: usize, entries: usize) -> Self {
        let log = world.log(place);
        let disk = world.disk(place);
        let skipped = log.len().saturating_sub(entries);
        Self {
            status: world.core(place).map(|core| core.status()),
            disk: disk.state(),
            first: LogIndex(skipped as u64 + 1),
            log: &log[skipped..],
            written_upto: agrees_upto(log, disk.log()),
            synced_upto: agrees_upto(log, disk.synced_log()),
        }
    }
}

/// The last index through which two logs are the same.
fn agrees_upto(one: &[Entry], other: &[Entry]) -> LogIndex {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b);
    LogIndex(same.count() as u64)
}

fn message(packet: &Packet) -> MessageView {
    MessageView {
        arrives_us: packet.at_us,
        from: packet.from + 1,
        to: packet.to + 1,
        envelope: Frame::decode(&packet.bytes)
            .ok()
            .map(|frame| *frame.envelope()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tests::sim::{Tracing, draw};

    #[test]
    fn a_view_has_every_node_its_last_entries_and_every_message() {
        let run = draw(3);
        let nodes = run.setup.nodes.len();
        let mut player = Player::new(run, Tracing::Off).unwrap();
        player.play_until(5_000_000);
        let json = serde_json::to_string(&View::of(&player, 4)).unwrap();
        let view: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(view["nodes"].as_array().unwrap().len(), nodes);
        let in_flight = player.world().links().in_flight();
        assert_eq!(view["messages"].as_array().unwrap().len(), in_flight);
        for (place, node) in view["nodes"].as_array().unwrap().iter().enumerate() {
            let log = player.world().log(place).len();
            assert_eq!(node["log"].as_array().unwrap().len(), log.min(4));
            let synced = node["synced_upto"].as_u64().unwrap();
            assert!(synced <= node["written_upto"].as_u64().unwrap());
        }
    }
}
