//! The road to a running node: its settings, and what its store held.

use std::time::Duration;

use kraft_proto::{
    CheckQuorum, Config, EntryKind, HardState, History, Instant, Lease, LogIndex, LogPosition,
    Member, Members, Nonce, PreVote, Raft, Recovery, Run, Snapshot, StoreId, Term,
};
use wasm_bindgen::prelude::*;

use crate::arguments::{member, node};
use crate::bodies::Bodies;
use crate::bytes;
use crate::node::Node;
use crate::options;

/// A node before it runs. Tell it everything its store holds, in order, then `run` it.
#[wasm_bindgen]
pub struct Start {
    config: Config,
    voters: Vec<Member>,
    learners: Vec<Member>,
    hard: HardState,
    snapshot: Option<Snapshot>,
    committed: Option<LogPosition>,
    /// The log from index 1, or from the snapshot, on.
    log: Vec<Entry>,
    waits_max: usize,
}

struct Entry {
    term: Term,
    kind: EntryKind,
    bytes: Vec<u8>,
}

#[wasm_bindgen]
impl Start {
    /// Node `id` on this store. `seed` chooses its election timeouts: give every node its own.
    #[wasm_bindgen(constructor)]
    pub fn new(id: f64, store: u64, seed: u64) -> Start {
        Start {
            config: Config::new(node(id), StoreId(store), seed),
            voters: Vec::new(),
            learners: Vec::new(),
            hard: HardState::default(),
            snapshot: None,
            committed: None,
            log: Vec::new(),
            waits_max: 4096,
        }
    }

    /// One that votes in the cluster's first configuration; `store` 0: whichever it has.
    pub fn voter(&mut self, id: f64, store: u64) {
        self.voters.push(member(id, store));
    }

    /// One that learns there.
    pub fn learner(&mut self, id: f64, store: u64) {
        self.learners.push(member(id, store));
    }

    /// Timeouts in microseconds.
    pub fn timing(&mut self, election_min_us: f64, election_max_us: f64, heartbeat_us: f64) {
        self.config.election_timeout_min = micros(election_min_us);
        self.config.election_timeout_max = micros(election_max_us);
        self.config.heartbeat = micros(heartbeat_us);
    }

    /// Whether a node asks around before it campaigns, whether a leader without a majority steps down,
    /// and how far clocks may drift in thousandths where reads go by lease; negative: they do not.
    pub fn elections(&mut self, pre_vote: bool, check_quorum: bool, lease_drift_permille: i32) {
        self.config.pre_vote = match pre_vote {
            true => PreVote::On,
            false => PreVote::Off,
        };
        self.config.check_quorum = match check_quorum {
            true => CheckQuorum::On,
            false => CheckQuorum::Off,
        };
        self.config.lease = match u16::try_from(lease_drift_permille) {
            Ok(drift_permille) => Lease::On { drift_permille },
            Err(_) => Lease::Off,
        };
    }

    /// Every durability option, as `presetOptions` has them.
    pub fn durability(&mut self, numbers: &[f64]) -> Result<(), JsError> {
        let options = options::from_numbers(numbers);
        let wrong = || JsError::new("these numbers are no durability options");
        self.config.durability = options.ok_or_else(wrong)?;
        Ok(())
    }

    /// What the node takes on only so much of: entries of one append, appends on their way to a peer,
    /// writes on their way to the store, entries not handed to it yet. 0: the default.
    pub fn bounds(
        &mut self,
        append_entries: u32,
        appends_in_flight: u8,
        writes_in_flight: u8,
        unwritten_entries: u32,
    ) {
        let config = &mut self.config;
        if append_entries > 0 {
            config.append_entries_max = append_entries;
        }
        if appends_in_flight > 0 {
            config.appends_in_flight_max = appends_in_flight;
        }
        if writes_in_flight > 0 {
            config.writes_in_flight_max = writes_in_flight;
        }
        if unwritten_entries > 0 {
            config.unwritten_entries_max = unwritten_entries;
        }
    }

    /// How many clients may wait at once.
    #[wasm_bindgen(js_name = waitsMax, setter)]
    pub fn set_waits_max(&mut self, count: u32) {
        self.waits_max = count as usize;
    }

    /// The hard state its store holds.
    #[wasm_bindgen(js_name = hardState)]
    pub fn hard_state(&mut self, bytes: &[u8]) -> Result<(), JsError> {
        let read = bytes::read_hard_state(bytes);
        self.hard = read.ok_or_else(|| JsError::new("the store holds no hard state of kraft's"))?;
        Ok(())
    }

    /// The core's part of the snapshot its store holds, before any record.
    pub fn snapshot(&mut self, core: &[u8]) -> Result<(), JsError> {
        self.snapshot = Some(Snapshot::decode(core)?);
        Ok(())
    }

    /// The last position that its store kept as committed, if any: it counts if the log has exactly that entry.
    pub fn committed(&mut self, term: f64, index: f64) {
        self.committed = Some(LogPosition::new(Term(term as u64), LogIndex(index as u64)));
    }

    /// The next record its store holds. It takes the place of what was told from its first entry
    /// on; what its snapshot covers is left out.
    pub fn record(&mut self, bytes: &[u8]) -> Result<(), JsError> {
        let Some((run, entries)) = bytes::read_record(bytes) else {
            return Err(JsError::new("the store holds a record that is not kraft's"));
        };
        let base = self.base();
        let first = run.first.max(base.next());
        let place = first.prev().since(base) as usize;
        if place > self.log.len() {
            let missing = base.plus(self.log.len() as u64 + 1);
            let said = format!("the store has no entry {missing}, but later ones");
            return Err(JsError::new(&said));
        }
        let covered = first.since(run.first) as usize;
        if covered < entries.len() {
            self.log.truncate(place);
        }
        let behind = entries.into_iter().skip(covered);
        self.log.extend(behind.map(|bytes| Entry {
            term: run.term,
            kind: run.kind,
            bytes: bytes.to_vec(),
        }));
        Ok(())
    }

    /// Runs it. `nonce`: drawn at random for this start and no other.
    pub fn run(self, now_us: f64, nonce: u64) -> Result<Node, JsError> {
        let members = Members::with_stores(self.voters.clone(), self.learners.clone())?;
        let mut recovery = Recovery::resume(self.hard, members);
        if let Some(snapshot) = &self.snapshot {
            recovery = recovery.snapshot(snapshot);
        }
        if let Some(position) = self.committed {
            recovery = recovery.committed(position);
        }
        let (mut bodies, mut history) = (Bodies::default(), History::default());
        for (entry, index) in self.log.iter().zip(1..) {
            let at = LogPosition::new(entry.term, self.base().plus(index));
            bodies.keep(at, None, &entry.bytes);
            let run = Run {
                term: entry.term,
                kind: entry.kind,
                first: at.index,
                count: 1,
            };
            history.push(run);
            recovery = match entry.kind {
                EntryKind::Configuration => recovery.config(at, &entry.bytes),
                EntryKind::Command | EntryKind::NoOp => recovery.run(run),
            };
        }
        let raft = Raft::new(self.config, recovery, Nonce(nonce), Instant(now_us as u64))?;
        Ok(Node::new(raft, bodies, history, self.waits_max))
    }
}

impl Start {
    /// Where the log begins.
    fn base(&self) -> LogIndex {
        let last = self.snapshot.as_ref().map(Snapshot::last);
        last.map_or(LogIndex::ZERO, |last| last.index)
    }
}

fn micros(count: f64) -> Duration {
    Duration::from_micros(count as u64)
}
