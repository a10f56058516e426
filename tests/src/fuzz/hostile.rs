//! Hostile frames: a member sends what no honest node would, at numbers where rules begin and end, to a
//! node that lives; and after each the node is started again from its own disk.
//!
//! 1. No frame ends the node, and none is written that the next start refuses.
//! 2. What is committed is not replaced while the node lives.
//! 3. What its disk holds is what its core says it holds.

use kit::{Kept, Medium};
use kraft_proto::limits::{FRAME_HEADER_MAX, INDEX_MAX, TERM_MAX};
use kraft_proto::{
    Append, Ballot, Class, CommitMode, Config, EntryKind, Envelope, Finding, Frame, FsyncMode,
    Heartbeat, HeartbeatReply, Incarnation, Instant, LogIndex, LogPosition, Members, Message,
    NodeId, Nonce, Notice, Output, Raft, Readmission, StoreId, Term, Trust, Watermarks, Write,
    WriteKind, entry_prefix,
};

use super::Depth;
use super::inputs::Input;

/// So many at most.
const FRAMES_MAX: usize = 24;

const OWN: NodeId = NodeId(1);

/// Takes what is sent to a node, and what happens to it meanwhile.
pub fn body(bytes: &[u8]) -> Depth {
    let mut input = Input::new(bytes);
    let mut victim = Victim::new();
    let mut depth = Depth::Refused;
    for _ in 0..FRAMES_MAX {
        if input.is_empty() {
            break;
        }
        match input.byte() % 16 {
            0 => victim.pass(u64::from(input.byte()) * 4),
            1 => victim.campaign(),
            2 => victim.propose(u32::from(input.byte() % 4) + 1),
            3 => victim.compact(),
            4 => victim = victim.restarted(),
            _ => depth = victim.hear(&mut input, depth),
        }
        // Whatever it wrote, it starts from that.
        drop(victim.restarted());
    }
    depth
}

fn members() -> Members {
    Members::new([NodeId(1), NodeId(2), NodeId(3)], [NodeId(4)]).expect("members")
}

struct Victim {
    raft: Raft,
    now: Instant,
    disk: Medium,
    /// Bytes that were taken, until they are written.
    taken: Vec<(LogPosition, Vec<u8>)>,
    snapshots: Vec<Kept>,
    /// What it told as committed in this incarnation, and where that ends.
    committed: Vec<LogPosition>,
}

impl Victim {
    fn new() -> Self {
        Self::started(Medium::default(), Instant::ZERO)
    }

    /// Starts it, as an operator does who knows that there is no other copy of its disk.
    fn started(mut disk: Medium, now: Instant) -> Self {
        if let Some(by) = disk.hard.superseded.take() {
            let lifted = by.number.max(disk.hard.incarnation.number);
            disk.hard.incarnation.number = lifted;
            disk.hard.trust = Trust::Suspect;
        }
        let config = Config::new(OWN, StoreId(1), 7);
        let nonce = Nonce(disk.hard.incarnation.number + 1);
        let raft = Raft::new(config, disk.recovery(members()).same_boot(), nonce, now)
            .unwrap_or_else(|error| panic!("its own disk is refused: {error}: {disk:?}"));
        let mut victim = Self {
            raft,
            now,
            disk,
            taken: Vec::new(),
            snapshots: Vec::new(),
            committed: Vec::new(),
        };
        victim.run_until_idle();
        victim
    }

    /// The same node after a kill.
    fn restarted(&self) -> Self {
        Self::started(self.disk.clone(), self.now)
    }

    fn pass(&mut self, millis: u64) {
        self.now = Instant(self.now.0 + millis * 1_000);
        self.raft.handle_timeout(self.now);
        self.run_until_idle();
    }

    fn campaign(&mut self) {
        self.raft.campaign(self.now);
        self.run_until_idle();
    }

    fn propose(&mut self, count: u32) {
        if let Ok(proposed) = self.raft.propose(self.now, Class::default(), count) {
            for at in proposed.run.positions() {
                self.taken.push((at, b"own".to_vec()));
            }
        }
        self.run_until_idle();
    }

    fn compact(&mut self) {
        let commit = self.raft.status().commit;
        let Some(kept) = Kept::made(&self.raft, commit) else {
            return;
        };
        if self.raft.compacted(commit).is_ok() {
            self.disk.compact(kept);
        }
        self.run_until_idle();
    }

    fn hear(&mut self, input: &mut Input<'_>, depth: Depth) -> Depth {
        let bytes = self.frame(input);
        let Ok(frame) = Frame::decode(&bytes) else {
            return depth;
        };
        let before = self.raft.status();
        let taken = self.raft.handle_message(self.now, &frame);
        for (at, bytes) in taken.entries() {
            self.taken.push((at, bytes.to_vec()));
        }
        if let Some(last) = taken.snapshot() {
            let core = frame.entries().next().expect("its history").to_vec();
            self.snapshots.push(Kept { last, core });
        }
        self.run_until_idle();
        let after = self.raft.status();
        assert!(after.term >= before.term && after.commit.index >= before.commit.index);
        Depth::Taken
    }

    /// Takes whatever it puts out, and syncs whatever it writes.
    fn run_until_idle(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.raft.poll_output() {
            match output {
                Output::OwnEntry { at, bytes, .. } => self.taken.push((at, bytes.to_vec())),
                Output::Write(write) => self.write(write),
                Output::Commit { upto } => self.committed.push(upto),
                Output::Restored { upto } => self.committed = vec![upto],
                Output::Recall { question, index } => {
                    if let Some(run) = self.disk.log.run_at(index) {
                        self.raft.handle_recalled(self.now, question, run);
                    }
                }
                _ => {}
            }
            outputs += 1;
            assert!(outputs < 10_000, "it never falls silent");
        }
        let status = self.raft.status();
        assert!(status.commit.index <= status.last.index && status.last.index.0 <= INDEX_MAX);
        assert_eq!(
            status.watermarks.synced,
            self.disk.log.last().index,
            "what its disk holds"
        );
        for at in &self.committed {
            let term = self.disk.log.at(at.index).map(|entry| entry.term);
            assert!(term.is_none_or(|term| term == at.term), "{at} was replaced");
        }
    }

    fn write(&mut self, write: Write) {
        let (taken, snapshots) = (&self.taken, &self.snapshots);
        let bytes = |at: LogPosition| match write.kind() {
            WriteKind::Snapshot(_) => {
                let found = snapshots.iter().rev().find(|kept| kept.last == at);
                found.map(|kept| kept.core.clone())
            }
            _ => {
                let found = taken.iter().rev().find(|(of, _)| *of == at);
                found.map(|(_, bytes)| bytes.clone())
            }
        };
        let bytes = |at| bytes(at).unwrap_or_else(|| panic!("no bytes of {at}"));
        self.disk.write(write.kind(), bytes);
        self.raft.handle_stored(self.now, write.synced());
    }

    /// A frame of a member, with numbers from where rules begin and end.
    fn frame(&self, input: &mut Input<'_>) -> Vec<u8> {
        let kind = input.byte();
        let from = NodeId(u64::from(input.byte() % 6));
        let (message, entries) = self.message(kind, input);
        let term = self.term(input);
        let incarnations = self.raft.status().incarnation.number;
        let envelope = Envelope {
            from,
            to: OWN,
            store: StoreId(from.0),
            incarnation: self.incarnation(incarnations, input),
            term,
            message,
        };
        let mut header = [0; FRAME_HEADER_MAX];
        let mut bytes = envelope.encode(&mut header).expect("room").to_vec();
        for entry in entries {
            bytes.extend(entry_prefix(entry.len() as u32));
            bytes.extend(entry);
        }
        bytes
    }

    /// One incarnation or another, with the nonce of the victim's or another.
    fn incarnation(&self, incarnations: u64, input: &mut Input<'_>) -> Incarnation {
        let byte = input.byte();
        let number =
            [1, incarnations, incarnations, incarnations + 1, u64::MAX][usize::from(byte % 5)];
        Incarnation::new(number, Nonce(u64::from(byte / 5 % 3) + incarnations - 1))
    }

    fn message(&self, kind: u8, input: &mut Input<'_>) -> (Message, Vec<Vec<u8>>) {
        let incarnations = self.raft.status().incarnation.number;
        let message = match kind % 20 {
            0..=6 => return self.append(input),
            7..=9 => return self.snapshot(input),
            10 | 11 => Message::Heartbeat(Heartbeat {
                commit: self.index(input),
                round: u64::from(input.byte()),
                force_upto: self.index(input),
                readmission: input.byte().is_multiple_of(2).then(|| Readmission {
                    store: StoreId(u64::from(input.byte() % 3)),
                    incarnation: self.incarnation(incarnations, input),
                    readmit_upto: self.index(input),
                    notice: input.byte().is_multiple_of(2).then(|| Notice {
                        incarnation: self.incarnation(incarnations, input),
                        finding: [Finding::WentBack, Finding::Superseded]
                            [usize::from(input.byte() % 2)],
                    }),
                }),
            }),
            12 => Message::Vote {
                last: self.position(input),
            },
            13 => Message::PreVote {
                last: self.position(input),
            },
            14 => Message::VoteReply {
                ballot: Ballot::Granted,
            },
            15 => Message::PreVoteReply {
                ballot: Ballot::Granted,
            },
            16 => Message::Matched(self.watermarks(input)),
            17 => Message::Rejected {
                rejected: self.index(input),
                hint: self.position(input),
                trust: Trust::Clean,
            },
            18 => Message::HeartbeatReply(HeartbeatReply {
                round: self.number(input),
                received: self.index(input),
                watermarks: self.watermarks(input),
                trust: Trust::Clean,
            }),
            _ => match input.byte() % 4 {
                0 => Message::TimeoutNow,
                1 => Message::TransferVote {
                    last: self.position(input),
                },
                2 => Message::ReadIndex {
                    ticket: self.number(input),
                    after: self.position(input),
                },
                _ => Message::LeftOut {
                    store: StoreId(1),
                    at: self.index(input),
                },
            },
        };
        (message, Vec::new())
    }

    fn append(&self, input: &mut Input<'_>) -> (Message, Vec<Vec<u8>>) {
        let kinds = [
            EntryKind::Command,
            EntryKind::Command,
            EntryKind::NoOp,
            EntryKind::Configuration,
        ];
        let kind = kinds[usize::from(input.byte() % 4)];
        let count = match kind {
            EntryKind::Command => u32::from(input.byte() % 6),
            _ => 1,
        };
        let entry = match (kind, input.byte() % 4) {
            (EntryKind::Configuration, 0) => vec![1, 2, 3],
            (EntryKind::Configuration, 1) => {
                let alone = Members::new([NodeId(2)], []).expect("one voter");
                alone.to_bytes().to_vec()
            }
            (EntryKind::Configuration, _) => members().to_bytes().to_vec(),
            (EntryKind::Command, byte) => vec![byte; usize::from(byte)],
            (EntryKind::NoOp, _) => Vec::new(),
        };
        let relied_upto = self.index(input);
        let append = Append {
            prev: self.position(input),
            kind,
            run_term: self.term(input),
            count,
            commit: self.index(input),
            force_upto: self.index(input),
            written_upto: relied_upto,
            relied_upto,
            mode: CommitMode::Sync,
            fsync: [FsyncMode::None, FsyncMode::Always][usize::from(input.byte() % 2)],
        };
        (Message::Append(append), vec![entry; count as usize])
    }

    /// A history of one or two stretches, which ends where the message says or elsewhere.
    fn snapshot(&self, input: &mut Input<'_>) -> (Message, Vec<Vec<u8>>) {
        let last = self.position(input);
        let base = match input.byte() % 3 {
            0 => (0, 0),
            _ => (self.term(input).0, self.index(input).0),
        };
        let mut runs = vec![(self.term(input).0, base.1.saturating_add(1), 1_u8)];
        if input.byte().is_multiple_of(2) {
            runs.push((last.term.0, self.index(input).0, 1));
        }
        let members_at = match input.byte() % 2 {
            0 => 0,
            _ => self.index(input).0,
        };
        let head = (last.index.0, base, runs, members_at);
        let mut buffer = [0; 256];
        let used = postcard::to_slice(&head, &mut buffer).expect("a few numbers");
        let mut core = used.to_vec();
        core.extend(&*members().to_bytes());
        (Message::Snapshot { last }, vec![core])
    }

    fn number(&self, input: &mut Input<'_>) -> u64 {
        match input.byte() % 4 {
            0 => u64::MAX,
            1 => 1 << 40,
            _ => input.number(),
        }
    }

    fn watermarks(&self, input: &mut Input<'_>) -> Watermarks {
        let written = self.index(input);
        Watermarks {
            written,
            synced: written.min(self.index(input)),
        }
    }

    fn index(&self, input: &mut Input<'_>) -> LogIndex {
        let status = self.raft.status();
        let byte = input.byte();
        let near = [
            status.last.index,
            status.commit.index,
            status.compacted.index,
        ];
        match byte % 8 {
            0..=4 => LogIndex(
                (near[usize::from(byte / 8 % 3)].0 + 2).saturating_sub(u64::from(byte % 5)),
            ),
            5 => LogIndex(u64::from(byte / 8)),
            6 => LogIndex(INDEX_MAX - u64::from(byte / 8 % 4)),
            _ => LogIndex(status.last.index.0 + (1 << (byte / 8 + 14))),
        }
    }

    fn term(&self, input: &mut Input<'_>) -> Term {
        let status = self.raft.status();
        let byte = input.byte();
        match byte % 8 {
            0..=3 => status.term,
            4 => Term(status.term.0 + 1),
            5 => status.last.term,
            6 => Term(u64::from(byte / 8 % 4)),
            _ => Term(TERM_MAX - u64::from(byte / 8 % 2)),
        }
    }

    fn position(&self, input: &mut Input<'_>) -> LogPosition {
        let index = self.index(input);
        let term = self.disk.log.at(index).map(|entry| entry.term);
        match (term, input.byte() % 4) {
            (Some(term), 0..=2) => LogPosition::new(term, index),
            (None, 0..=2) if index.0 == 0 => LogPosition::ZERO,
            _ => LogPosition::new(self.term(input), index),
        }
    }
}
