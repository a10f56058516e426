//! What a leader knows of one peer's log (after etcd/raft's `tracker`; Raft §5.3 *nextIndex*,
//! *matchIndex*).

use heapless::Deque;
use serde::{Deserialize, Serialize};

use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, NodeId, StoreId};
use crate::limits::{APPENDS_IN_FLIGHT_MAX, RUN_ENTRIES_MAX};
use crate::message::{Holding, Known};

const _: () = assert!(RUN_ENTRIES_MAX <= u16::MAX as u32);

/// How the leader feeds a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PeerState {
    /// One append at a time, until one matches.
    Probe,
    /// Appends follow each other without waiting.
    Replicate,
    /// The peer needs entries that are gone here, or whose terms are: only a snapshot helps.
    Snapshot,
}

/// Whether a probe may go out, or a snapshot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Probe {
    Due,
    Sent,
}

/// Whether what a reply says is of the life the leader is counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Current,
    Stale,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub id: NodeId,
    /// The store its replies come from; [`StoreId::ANY`] until the first.
    store: StoreId,
    /// The life its replies come from; 0 until the first, as lives count from 1.
    incarnation: Incarnation,
    /// The end of the leader's log when that life was first heard.
    readmit_upto: LogIndex,
    /// Whether it said that it may have forgotten what it reported.
    pub trust: Trust,
    state: PeerState,
    probe: Probe,
    /// The next entry to send; for one that needs a snapshot, the next once it has that.
    next: LogIndex,
    holding: Holding,
    /// The appends in flight end where `next` begins; here is how many entries each holds.
    in_flight: Deque<u16, APPENDS_IN_FLIGHT_MAX>,
    /// Where the oldest of them begins.
    in_flight_from: LogIndex,
    /// The commit index it was last told.
    pub commit_told: LogIndex,
    /// The last round of heartbeats sent to it, and answered by it.
    pub round_sent: u64,
    pub round_answered: u64,
    /// Heard of since the last check of the quorum.
    pub heard: Heard,
    stall: Stall,
}

/// Whether anything was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Heard {
    Yes,
    No,
}

/// Notices a lost append: what was sent before the round before last has not arrived, and nothing
/// else has arrived since.
///
/// One round is watched at a time, until it or a later one is answered: answers may take longer
/// than a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stall {
    /// The round that is watched; 0 if none is. For a peer that needs a snapshot: the newest when
    /// that was asked for.
    round: u64,
    /// `next` when it was sent, and when the one watched before it was.
    next: LogIndex,
    next_before: LogIndex,
    /// What had arrived by the answer before.
    received: LogIndex,
}

impl Progress {
    pub fn new(id: NodeId, store: StoreId, next: LogIndex) -> Self {
        Self {
            id,
            store,
            incarnation: Incarnation::default(),
            readmit_upto: LogIndex::ZERO,
            trust: Trust::Clean,
            state: PeerState::Probe,
            probe: Probe::Due,
            next,
            holding: Holding::default(),
            in_flight: Deque::new(),
            in_flight_from: next,
            commit_told: LogIndex::ZERO,
            round_sent: 0,
            round_answered: 0,
            heard: Heard::No,
            stall: Stall::default(),
        }
    }

    pub fn holding(&self) -> Holding {
        self.holding
    }

    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub fn state(&self) -> PeerState {
        self.state
    }

    pub fn next(&self) -> LogIndex {
        self.next
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What this leader can tell the peer about itself.
    pub fn known(&self) -> Option<Known> {
        (self.incarnation != Incarnation::default()).then_some(Known {
            store: self.store,
            incarnation: self.incarnation,
            readmit_upto: self.readmit_upto,
        })
    }

    /// Binds the peer to the life that speaks. What a life before it held may be gone, so a newer
    /// one starts from nothing; an older one no longer counts. `last` is the end of the leader's
    /// log: nothing after it was ever counted on an earlier life's word.
    ///
    /// Counting a match from before a restart once committed two different entries at one index.
    pub fn hear(&mut self, store: StoreId, incarnation: Incarnation, last: LogIndex) -> Life {
        if self.store != StoreId::ANY && self.store != store {
            return Life::Stale;
        }
        if incarnation < self.incarnation {
            return Life::Stale;
        }
        let known = self.incarnation != Incarnation::default();
        if known && incarnation > self.incarnation {
            // Of one that was to have a snapshot this asks whether it got there.
            let fresh = Self::new(self.id, store, self.next);
            *self = Self {
                round_sent: self.round_sent,
                ..fresh
            };
        }
        if self.incarnation != incarnation {
            self.readmit_upto = last;
        }
        self.store = store;
        self.incarnation = incarnation;
        self.heard = Heard::Yes;
        Life::Current
    }

    /// Whether an append from `next` may go out now. `in_flight_max`: how many may be on their way.
    pub fn may_send(&self, in_flight_max: u8) -> bool {
        match self.state {
            PeerState::Probe => self.probe == Probe::Due,
            PeerState::Replicate => self.in_flight.len() < usize::from(in_flight_max),
            PeerState::Snapshot => false,
        }
    }

    /// Whether the next append goes out even with nothing in it.
    pub fn is_probing(&self) -> bool {
        self.state == PeerState::Probe
    }

    /// An append that ends at `last` was sent.
    pub fn sent(&mut self, last: LogIndex) {
        match self.state {
            PeerState::Probe => self.probe = Probe::Sent,
            PeerState::Replicate => {
                let count = last.since(self.next.prev());
                if count > 0 {
                    if self.in_flight.is_empty() {
                        self.in_flight_from = self.next;
                    }
                    self.next = last.next();
                    // The caller asked `may_send`, and a run is no longer than the limit.
                    let _ = self.in_flight.push_back(count as u16);
                }
            }
            PeerState::Snapshot => {}
        }
    }

    /// The peer needs a snapshot that covers entries through `upto`.
    pub fn needs_snapshot(&mut self, upto: LogIndex) {
        self.state = PeerState::Snapshot;
        self.probe = Probe::Due;
        self.in_flight.clear();
        self.next = upto.next();
    }

    /// How far the snapshot must reach that is to be asked for now.
    pub fn snapshot_due(&self) -> Option<LogIndex> {
        let due = self.state == PeerState::Snapshot && self.probe == Probe::Due;
        due.then_some(self.next.prev())
    }

    /// A snapshot that covers entries through `upto` was asked for in this round.
    pub fn snapshot_asked(&mut self, upto: LogIndex, round: u64) {
        self.probe = Probe::Sent;
        self.next = upto.next();
        self.stall.round = round;
    }

    /// The peer could not compare a snapshot with its log; with one through `upto` it can.
    pub fn snapshot_rejected(&mut self, upto: LogIndex) {
        if self.state == PeerState::Snapshot && upto >= self.next {
            self.needs_snapshot(upto);
        }
    }

    /// The peer holds this much of the leader's log.
    pub fn matched(&mut self, holding: Holding) {
        self.holding = self.holding.max_of(holding);
        let written = self.holding.written;
        while let Some(count) = self.in_flight.front() {
            let behind = self.in_flight_from.plus(u64::from(*count));
            if behind > written.next() {
                break;
            }
            self.in_flight_from = behind;
            self.in_flight.pop_front();
        }
        self.next = self.next.max(written.next());
    }

    /// An append matched: appends may follow each other, unless it is the late answer to one from
    /// before a snapshot was needed.
    pub fn replicate(&mut self) {
        let lacks_snapshot =
            self.state == PeerState::Snapshot && self.holding.written.next() < self.next;
        if self.state != PeerState::Replicate && !lacks_snapshot {
            self.replicate_from(self.holding.written.next());
        }
    }

    fn replicate_from(&mut self, next: LogIndex) {
        if self.state == PeerState::Snapshot {
            self.watch_from(next);
        }
        self.state = PeerState::Replicate;
        self.in_flight.clear();
        self.next = next;
    }

    /// An append whose `prev` was `rejected` did not match; `retry` is where the logs may agree, and
    /// entries through `gone` cannot be sent. A late answer to an earlier probe is ignored.
    ///
    /// The next probe goes out at once only where it asks about less than this one: there is an end to
    /// that. Otherwise it waits for a heartbeat to be answered:
    ///
    /// 1. a peer refuses what it said it held, as one whose disk is an older copy does;
    /// 2. nothing before that is asked about, so the same probe is due;
    /// 3. probe and refusal cause each other as fast as the wire carries them.
    pub fn rejected(&mut self, rejected: LogIndex, retry: Option<LogIndex>, gone: LogIndex) {
        let current = match self.state {
            PeerState::Probe => rejected == self.next.prev(),
            PeerState::Replicate => rejected > self.holding.written && rejected < self.next,
            PeerState::Snapshot => false,
        };
        if !current {
            return;
        }
        let lowest = self.holding.written.next();
        let next = retry.map(|retry| retry.next().min(rejected).max(lowest));
        match next.filter(|next| *next > gone) {
            Some(next) if next < self.next => self.probe_from(next),
            Some(_) => self.probe = Probe::Sent,
            None => self.needs_snapshot(gone),
        }
    }

    fn probe_from(&mut self, next: LogIndex) {
        self.state = PeerState::Probe;
        self.probe = Probe::Due;
        self.in_flight.clear();
        self.next = next;
        self.stall.next = next;
        self.stall.next_before = next;
    }

    /// What the stall watched so far says nothing of appends from `next` on.
    fn watch_from(&mut self, next: LogIndex) {
        self.stall.round = 0;
        self.stall.next = next;
        self.stall.next_before = next;
    }

    /// A timed heartbeat of this round goes out. A snapshot has so many rounds to arrive, and a peer
    /// that has answered none since it was asked for is not there to take it.
    pub fn mark_heartbeat(&mut self, round: u64, snapshot_rounds: u64) {
        if self.state == PeerState::Snapshot {
            let asked = self.stall.round;
            let overdue = round - asked >= snapshot_rounds && self.round_answered > asked;
            if self.probe == Probe::Sent && overdue {
                self.probe = Probe::Due;
            }
        } else if self.stall.round == 0 {
            self.stall.round = round;
            self.stall.next_before = self.stall.next;
            self.stall.next = self.next;
        }
    }

    /// The peer answered a round and says how far its log matches the leader's.
    pub fn heartbeat_answered(&mut self, round: u64, received: LogIndex, last: LogIndex) {
        self.round_answered = self.round_answered.max(round);
        let received = received.min(last);
        match self.state {
            PeerState::Probe | PeerState::Snapshot
                if received >= self.next.prev() && received > LogIndex::ZERO =>
            {
                self.replicate_from(received.next());
            }
            PeerState::Probe => self.probe = Probe::Due,
            PeerState::Replicate if self.stall.round > 0 && round >= self.stall.round => {
                let missing = received.next() < self.stall.next_before;
                let stuck = received <= self.stall.received;
                self.stall.received = received;
                self.stall.round = 0;
                if missing && stuck {
                    self.probe_from(received.max(self.holding.written).next());
                }
            }
            PeerState::Replicate | PeerState::Snapshot => {}
        }
    }
}
