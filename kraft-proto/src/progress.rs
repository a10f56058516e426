//! What a leader knows of one peer's log (after etcd/raft's `tracker`; Raft §5.3 *nextIndex*,
//! *matchIndex*).

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entry::Run;
use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId, StoreId, Term};
use crate::in_flight::InFlight;
use crate::incarnations::{Incarnations, Moment, Speaker};
use crate::message::{Readmission, Watermarks};
use crate::recall::Asking;
use crate::time::Instant;

/// How the leader feeds a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PeerState {
    /// One append at a time, until one matches.
    Probe,
    /// Appends follow each other without waiting.
    Replicate,
    /// The peer needs entries that are gone here: only a snapshot helps.
    Snapshot,
}

/// Whether a probe may go out, or a snapshot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
enum Probe {
    Due,
    Sent,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    pub id: NodeId,
    /// Whose replies count.
    pub incarnations: Incarnations,
    /// Whether it said that it may have forgotten what it reported.
    pub trust: Trust,
    state: PeerState,
    probe: Probe,
    /// The next entry to send; for one that needs a snapshot, the next once it has that.
    next: LogIndex,
    /// The term of the entry before that, where it was sent or the host told it; 0 where not.
    prev_term: Term,
    watermarks: Watermarks,
    /// The last entry that is known to be synced there, and of which the term was known here then.
    synced: LogPosition,
    /// The appends in flight end where `next` begins; here is how many entries each holds.
    in_flight: InFlight,
    /// The newest commit index, and the heartbeat of the newest round.
    pub commit: News,
    pub beat: News,
    /// The last round of heartbeats that it answered.
    pub round_answered: u64,
    /// Heard of since the last check of the quorum.
    pub heard: Heard,
    stall: Stall,
    /// What the host is asked for, to feed it.
    pub asking: Asking,
}

/// Whether something is to be said to a peer, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum News {
    Due,
    Given,
}

/// Whether anything was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum Heard {
    Yes,
    No,
}

/// Notices a lost append: what was sent before the round before last has not arrived, and nothing
/// else has arrived since.
///
/// One round is watched at a time, until it or a later one is answered: answers may take longer
/// than a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
            incarnations: Incarnations::of(store),
            trust: Trust::Clean,
            state: PeerState::Probe,
            probe: Probe::Due,
            next,
            prev_term: Term::ZERO,
            watermarks: Watermarks::default(),
            synced: LogPosition::ZERO,
            in_flight: InFlight::new(),
            commit: News::Due,
            beat: News::Due,
            round_answered: 0,
            heard: Heard::No,
            stall: Stall::default(),
            asking: Asking::nothing(),
        }
    }

    pub fn watermarks(&self) -> Watermarks {
        self.watermarks
    }

    /// What counts of what it holds: nothing while its newest incarnation is in doubt.
    pub fn counted(&self) -> Watermarks {
        match self.incarnations.is_in_doubt(self.round_answered) {
            true => Watermarks::default(),
            false => self.watermarks,
        }
    }

    /// What it holds, `None` until its newest incarnation has said so of this leader's log, and while that is
    /// in doubt.
    ///
    /// 1. a node holds 3,000 entries, and is cut off;
    /// 2. another leader is elected, which counts from nothing for every peer;
    /// 3. that zero told, the node is 3,000 entries behind, and is rebuilt by its operator.
    pub fn told_watermarks(&self) -> Option<Watermarks> {
        // Logs agree where they begin: one that is fed from there holds nothing of this leader's.
        let compared = self.state == PeerState::Replicate || self.next == LogIndex(1);
        let told = compared || self.watermarks.written > LogIndex::ZERO;
        let certain = self.was_heard() && !self.incarnations.is_in_doubt(self.round_answered);
        (certain && told).then_some(self.watermarks)
    }

    /// Whether it may have forgotten what it reported, `None` until its newest incarnation has said so.
    pub fn told_trust(&self) -> Option<Trust> {
        (self.round_answered > 0).then_some(self.trust)
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

    /// The newest incarnation that was heard; its number is 0 before the first.
    pub fn newest_life(&self) -> Incarnation {
        self.incarnations.newest()
    }

    /// Whether it spoke at all in this term.
    pub fn was_heard(&self) -> bool {
        self.incarnations.newest().number > 0
    }

    /// What this leader can tell the peer about itself. See [`Incarnations::known`].
    pub fn readmission(&self, now: Instant, timeout: Duration) -> Option<Readmission> {
        self.incarnations
            .readmission(self.round_answered, now, timeout)
    }

    /// Binds the peer to the incarnation that speaks. What an incarnation before it held may be gone, so a newer
    /// one starts from nothing, and is asked first for what the one before had synced.
    ///
    /// Counting a match from before a restart once committed two different entries at one index.
    pub fn hear(&mut self, store: StoreId, speaks: Incarnation, moment: Moment) -> Speaker {
        let incarnation = self.incarnations.hear(store, speaks, self.synced, moment);
        match incarnation {
            // Else a leader with no other peer in sight leaves office, and forgets the incarnation that the
            // older one is to be told of.
            Speaker::Current | Speaker::Older => self.heard = Heard::Yes,
            Speaker::New | Speaker::Contested => {
                let claimed = self.incarnations.claimed();
                let (next, prev_term) = match claimed.index > LogIndex::ZERO {
                    true => (claimed.index.next(), claimed.term),
                    // Of one that was to have a snapshot this asks whether it got there.
                    false => (self.next, Term::ZERO),
                };
                let heard = match incarnation {
                    Speaker::New => Heard::Yes,
                    _ => self.heard,
                };
                *self = Self {
                    incarnations: self.incarnations.clone(),
                    beat: self.beat,
                    heard,
                    prev_term,
                    ..Self::new(self.id, store, next)
                };
            }
            Speaker::Stale => {}
        }
        incarnation
    }

    /// The predecessor of the append that asks a newer incarnation for what an earlier one had synced. It is
    /// known here although the log before it may be gone.
    pub fn claim_to_check(&self) -> Option<LogPosition> {
        let claimed = self.incarnations.claimed();
        let asks = self.state == PeerState::Probe && self.next.prev() == claimed.index;
        (asks && claimed.index > LogIndex::ZERO).then_some(claimed)
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

    /// The term of the entry before the next, if it is kept: the log's window may be past it.
    pub fn prev_term(&self) -> Option<Term> {
        (self.prev_term > Term::ZERO).then_some(self.prev_term)
    }

    pub fn keep_prev(&mut self, term: Term) {
        self.prev_term = term;
    }

    fn move_next(&mut self, next: LogIndex) {
        if self.next != next {
            self.next = next;
            self.prev_term = Term::ZERO;
        }
    }

    /// An append of this run, from the next entry on, was sent.
    pub fn sent(&mut self, run: Run) {
        match self.state {
            PeerState::Probe => self.probe = Probe::Sent,
            PeerState::Replicate if !run.is_empty() => {
                self.move_next(run.last().next());
                self.prev_term = run.term;
                // The caller asked `may_send`.
                self.in_flight.push(run.count);
            }
            PeerState::Replicate | PeerState::Snapshot => {}
        }
    }

    /// The peer needs a snapshot that covers entries through `upto`.
    pub fn needs_snapshot(&mut self, upto: LogIndex) {
        self.state = PeerState::Snapshot;
        self.probe = Probe::Due;
        self.in_flight.clear();
        self.asking = Asking::nothing();
        self.move_next(upto.next());
    }

    /// How far the snapshot must reach that is to be asked for now.
    pub fn snapshot_due(&self) -> Option<LogIndex> {
        let due = self.state == PeerState::Snapshot && self.probe == Probe::Due;
        due.then_some(self.next.prev())
    }

    /// A snapshot that covers entries through `upto` was asked for in this round.
    pub fn snapshot_asked(&mut self, upto: LogIndex, round: u64) {
        self.probe = Probe::Sent;
        self.move_next(upto.next());
        self.stall.round = round;
    }

    /// The peer holds this much of the leader's log. `synced`: the entry there, if it is known.
    pub fn matched(&mut self, watermarks: Watermarks, synced: Option<LogPosition>) {
        self.watermarks = self.watermarks.max_of(watermarks);
        self.synced = self.synced.max(synced.unwrap_or_default());
        let written = self.watermarks.written;
        let mut behind = LogIndex(self.next.since(LogIndex(self.in_flight.entries())));
        while let Some(count) = self.in_flight.front() {
            behind = behind.plus(u64::from(count));
            if behind > written.next() {
                break;
            }
            self.in_flight.pop();
        }
        self.move_next(self.next.max(written.next()));
    }

    /// An append matched: appends may follow each other, if what went before the one that is asked about
    /// is there. Other answers are late ones, or come from a disk that is behind:
    ///
    /// 1. a peer is sent a log of many terms faster than its disk takes it, and turns an append away;
    /// 2. it refuses those behind, is probed, and then an answer arrives to what it took before;
    /// 3. by that all would be sent to it again: answers and refusals cause appends, sixteen each, until
    ///    its disk has moved.
    pub fn replicate(&mut self) {
        let written = self.watermarks.written;
        if self.state != PeerState::Replicate && written >= self.next.prev() {
            self.replicate_from(written.next());
        }
    }

    fn replicate_from(&mut self, next: LogIndex) {
        if self.state == PeerState::Snapshot {
            self.watch_from(next);
        }
        self.state = PeerState::Replicate;
        self.in_flight.clear();
        self.move_next(next);
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
    pub fn rejected(&mut self, rejected: LogIndex, retry: LogIndex, gone: LogIndex) {
        let current = match self.state {
            PeerState::Probe => rejected == self.next.prev(),
            PeerState::Replicate => rejected > self.watermarks.written && rejected < self.next,
            PeerState::Snapshot => false,
        };
        if !current {
            return;
        }
        let lowest = self.watermarks.written.next();
        match retry.next().min(rejected).max(lowest) {
            next if next <= gone => self.needs_snapshot(gone),
            next if next < self.next => self.probe_from(next),
            _ => self.probe = Probe::Sent,
        }
    }

    fn probe_from(&mut self, next: LogIndex) {
        self.state = PeerState::Probe;
        self.probe = Probe::Due;
        self.in_flight.clear();
        self.move_next(next);
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
            PeerState::Snapshot if received >= self.next.prev() && received > LogIndex::ZERO => {
                self.replicate_from(received.next());
            }
            PeerState::Probe if received >= self.next.min(last) && received > LogIndex::ZERO => {
                self.replicate_from(received.next());
            }
            // Lost, or turned away by a peer that is busy.
            PeerState::Probe if self.stall.is_answered(round) => {
                self.stall.round = 0;
                self.probe = Probe::Due;
            }
            PeerState::Replicate if self.stall.is_answered(round) => {
                let missing = received.next() < self.stall.next_before;
                let stuck = received <= self.stall.received;
                self.stall.received = received;
                self.stall.round = 0;
                if missing && stuck {
                    self.probe_from(received.max(self.watermarks.written).next());
                }
            }
            PeerState::Probe | PeerState::Replicate | PeerState::Snapshot => {}
        }
    }
}

impl Stall {
    /// Whether the round that is watched is answered by this one.
    fn is_answered(&self, round: u64) -> bool {
        self.round > 0 && round >= self.round
    }
}
