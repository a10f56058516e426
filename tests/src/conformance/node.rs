//! A real node over the store under test: only it can make the writes that receipts come from.

use std::time::Duration;

use kraft_proto::{
    Append, CheckQuorum, Class, CommitMode, Config, EntryKind, Envelope, Frame, FsyncMode, Held,
    Incarnation, Instant, LogIndex, LogPosition, Members, Message, NodeId, Nonce, Output, PreVote,
    Raft, Receipt, Recovery, StoreId, Term, Write, entry_prefix, limits::FRAME_HEADER_MAX,
};

use super::adapter::Found;
use super::payload::payloads;
use super::script::{Action, Seat};

const ME: NodeId = NodeId(1);

/// A node, fed by hand.
pub(super) struct Node {
    raft: Raft,
    now: Instant,
    /// The log it accepted, while it follows.
    log: Vec<LogPosition>,
    /// The terms in which nodes made by hand lead or campaign.
    term: Term,
}

impl Node {
    /// Starts from what a store returned, which was judged to be a log.
    pub fn start(seat: Seat, found: &Found) -> Self {
        let members = match seat {
            Seat::Leader => Members::new([ME], []),
            Seat::Follower => Members::new((1..=3).map(NodeId), []),
        };
        let members = members.expect("members that do not repeat");
        let resumed = Recovery::resume(found.hard, members);
        let recovery = found.runs.iter().copied().fold(resumed, Recovery::run);
        let log: Vec<LogPosition> = found.runs.iter().flat_map(|run| run.positions()).collect();
        let last = log.last().copied().unwrap_or_default();
        let raft =
            Raft::new(config(), recovery, Nonce(1), Instant::ZERO).expect("a log without gaps");
        Self {
            raft,
            now: Instant::ZERO,
            log,
            // A new incarnation hears a new leader: what one leader sent is not sent by it again otherwise.
            term: Term(found.hard.term.max(last.term).0 + 1),
        }
    }

    /// Does one thing of a script.
    pub fn act(&mut self, action: Action) {
        match action {
            Action::Campaign => self.raft.campaign(self.now),
            Action::Propose { count, fsync } => {
                let class = Class::new(CommitMode::Sync, fsync);
                // A leader that is not ready, or waits for its disk, says so and writes nothing.
                let _refused = self.raft.propose(self.now, class, count).err();
            }
            Action::Vote => {
                self.term = Term(self.raft.status().term.max(self.term).0 + 1);
                let last = LogPosition::new(self.term, LogIndex(u64::from(u32::MAX)));
                self.hear(Message::Vote { last }, &[]);
            }
            Action::Append { count, fsync } => self.append(0, count, fsync),
            Action::Replace { cut, count, fsync } => {
                self.term = Term(self.term.0 + 1);
                self.append(cut as usize, count, fsync);
            }
            Action::Pass => {
                self.now = self.now.after(Duration::from_secs(2));
                self.raft.handle_timeout(self.now);
            }
            Action::Step | Action::Drain => {}
        }
    }

    /// A leader made by hand sends `count` entries in place of the last `cut`.
    fn append(&mut self, cut: usize, count: u32, fsync: FsyncMode) {
        self.term = self.term.max(self.raft.status().term);
        let keep = self.log.len().saturating_sub(cut);
        let prev = match keep {
            0 => LogPosition::ZERO,
            _ => self.log[keep - 1],
        };
        let last = prev.index.plus(u64::from(count));
        let (force_upto, relied_upto) = match fsync.held() {
            Held::Synced => (last, LogIndex::ZERO),
            _ => (LogIndex::ZERO, last),
        };
        let append = Append {
            prev,
            kind: EntryKind::Command,
            run_term: self.term,
            count,
            commit: LogIndex::ZERO,
            force_upto,
            written_upto: relied_upto,
            relied_upto,
            mode: CommitMode::Sync,
            fsync,
        };
        self.hear(Message::Append(append), &payloads(append.run()));
    }

    fn hear(&mut self, message: Message, entries: &[Vec<u8>]) {
        let envelope = Envelope {
            from: NodeId(2 + self.term.0 % 2),
            to: ME,
            store: StoreId(9),
            incarnation: Incarnation::new(1, Nonce(1)),
            term: self.term,
            message,
        };
        let mut buffer = [0; FRAME_HEADER_MAX];
        let header = envelope.encode(&mut buffer).expect("room for a header");
        let mut bytes = header.to_vec();
        for entry in entries {
            bytes.extend(entry_prefix(entry.len() as u32));
            bytes.extend(entry);
        }
        let frame = Frame::decode(&bytes).expect("a frame made by hand");
        if let Some(run) = self.raft.handle_message(self.now, &frame).run() {
            self.log.truncate(run.first.prev().0 as usize);
            self.log.extend(run.positions());
        }
    }

    /// The writes it asks for by now.
    pub fn writes(&mut self) -> Vec<Write> {
        let mut writes = Vec::new();
        while let Some(output) = self.raft.poll_output() {
            if let Output::Write(write) = output {
                writes.push(write);
            }
        }
        writes
    }

    /// Hands it a receipt.
    pub fn stored(&mut self, receipt: Receipt) {
        self.raft.handle_stored(self.now, receipt);
    }
}

/// No elections of its own accord: the scripts hold them.
fn config() -> Config {
    let hour = Duration::from_secs(3600);
    Config {
        election_timeout_min: hour,
        election_timeout_max: hour,
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..Config::new(ME, StoreId(7), 1)
    }
}
