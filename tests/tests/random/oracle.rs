//! What must hold, whatever happens. It sees everything and changes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use kraft_proto::{
    Ballot, CommitMode, Envelope, Fate, HardState, Held, Incarnation, LogPosition, Members,
    Message, NodeId, Role, Unkept,
};

use crate::configurations::{enough, voter_sets};
use crate::disk::Entry;
use crate::host::{Live, Reading};

/// Which faults a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    Steady,
    Fails,
}

/// Whether copies that were merely written outlive the power of a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// They do: whoever may have forgotten some is re-admitted first, or the power never fails.
    On,
    /// They do not, by the cluster's own choice.
    Off,
}

/// Everything ever seen of a run.
pub struct Oracle {
    /// Everybody who ever voted.
    voters: BTreeSet<NodeId>,
    protection: Protection,
    /// Who led each term, and the terms of its log when it began.
    leaders: HashMap<u64, (NodeId, Vec<u64>)>,
    votes: HashMap<(NodeId, u64), NodeId>,
    /// By term and index: the term before, and what the entry holds.
    entries: HashMap<(u64, u64), (u64, Entry)>,
    committed: Vec<Entry>,
    /// Positions that were held in each incarnation of each node, in either way.
    written: HashMap<Life, HashSet<(u64, u64)>>,
    synced: HashMap<Life, HashSet<(u64, u64)>>,
    /// The newest incarnation of a peer that the leader of a term has heard.
    heard: HashMap<(u64, NodeId), Incarnation>,
    /// Acknowledgements that later leaders must know of, and how far that goes.
    outliving: HashMap<(u64, u64), Outliving>,
    /// Voters that lost their power, and what they were relied on for, until they are trusted again.
    in_doubt: BTreeSet<NodeId>,
    power_cuts: u64,
    readmissions: u64,
    lost: HashSet<(u64, u64)>,
    acks: u64,
    reads: (u64, u64),
    transfers: u64,
    taken_over: u64,
}

/// How far an acknowledgement outlives power cuts.
#[derive(Clone, Debug, Default)]
struct Outliving {
    /// Voters whose power was cut since and who are not trusted again.
    in_doubt: BTreeSet<NodeId>,
    /// How many of them it outlives.
    cuts_max: usize,
}

/// A node between two starts.
type Life = (NodeId, Incarnation);

fn pair(position: LogPosition) -> (u64, u64) {
    (position.term.0, position.index.0)
}

impl Oracle {
    pub fn new(members: &Members, protection: Protection) -> Self {
        Self {
            voters: members.voters().iter().collect(),
            protection,
            leaders: HashMap::new(),
            votes: HashMap::new(),
            entries: HashMap::new(),
            committed: Vec::new(),
            written: HashMap::new(),
            synced: HashMap::new(),
            heard: HashMap::new(),
            outliving: HashMap::new(),
            in_doubt: BTreeSet::new(),
            power_cuts: 0,
            readmissions: 0,
            lost: HashSet::new(),
            acks: 0,
            reads: (0, 0),
            transfers: 0,
            taken_over: 0,
        }
    }

    pub fn committed(&self) -> u64 {
        self.committed.len() as u64
    }

    pub fn acks(&self) -> u64 {
        self.acks
    }

    pub fn leaders(&self) -> u64 {
        self.leaders.len() as u64
    }

    /// A leader agreed to hand over.
    pub fn saw_transfer(&mut self) {
        self.transfers += 1;
    }

    /// Transfers begun, and candidates sent by their leaders.
    pub fn transfers(&self) -> (u64, u64) {
        (self.transfers, self.taken_over)
    }

    /// A node goes by this configuration.
    pub fn saw_members(&mut self, members: &Members) {
        let voting = voter_sets(members).flat_map(|set| set.iter().collect::<Vec<_>>());
        self.voters.extend(voting);
    }

    /// Log Matching (Raft §5.3): a position names one entry, and one entry before it.
    pub fn saw_log(&mut self, log: &[Entry], from: usize) {
        for place in from..log.len() {
            let before = place.checked_sub(1).map_or(0, |place| log[place].term.0);
            let entry = log[place];
            assert!(entry.term.0 >= before, "terms go back in {log:?}");
            let key = (entry.term.0, place as u64 + 1);
            let known = *self.entries.entry(key).or_insert((before, entry));
            assert_eq!(known, (before, entry), "two entries at {key:?}");
        }
    }

    /// Election Safety and Leader Completeness (Raft §5.2, §5.4).
    pub fn saw_leader(&mut self, node: NodeId, term: u64, log: &[Entry]) {
        if let Some((other, _)) = self.leaders.get(&term) {
            assert_eq!(*other, node, "two leaders of term {term}");
            return;
        }
        for (place, entry) in self.committed.iter().enumerate() {
            if entry.term.0 < term {
                assert_eq!(
                    log.get(place),
                    Some(entry),
                    "leader {node} of term {term} lacks a committed entry"
                );
            }
        }
        let terms: Vec<u64> = log.iter().map(|entry| entry.term.0).collect();
        for acked in self.outliving.keys() {
            check_leader_has(*acked, node, term, &terms);
        }
        self.leaders.insert(term, (node, terms));
    }

    /// A vote is given once a term, whatever happens in between, and nothing is said that the disk
    /// does not know.
    pub fn saw_sent(&mut self, envelope: &Envelope, disk: HardState) {
        match envelope.message {
            Message::PreVote { .. } | Message::PreVoteReply { .. } => {}
            Message::Vote { .. } | Message::TransferVote { .. } => {
                assert_eq!((disk.term, disk.vote), (envelope.term, Some(envelope.from)));
            }
            Message::VoteReply { ballot } if ballot != Ballot::Refused => {
                assert_eq!((disk.term, disk.vote), (envelope.term, Some(envelope.to)));
            }
            _ => assert!(disk.term >= envelope.term, "{envelope:?} before {disk:?}"),
        }
        if let Message::TransferVote { .. } = envelope.message {
            self.taken_over += 1;
        }
        if let Message::VoteReply { ballot } = envelope.message
            && ballot != Ballot::Refused
        {
            let key = (envelope.from, envelope.term.0);
            let to = *self.votes.entry(key).or_insert(envelope.to);
            assert_eq!(to, envelope.to, "{key:?} voted twice");
        }
    }

    /// The leader of a term gets an answer of a peer.
    pub fn saw_answer(&mut self, term: u64, envelope: &Envelope) {
        let heard = self.heard.entry((term, envelope.from)).or_default();
        if envelope.incarnation.number > heard.number {
            *heard = envelope.incarnation;
        }
    }

    /// A node's disk went on.
    pub fn saw_disk(&mut self, life: Life, written: &[Entry], synced: &[Entry]) {
        for (held, log) in [(&mut self.written, written), (&mut self.synced, synced)] {
            let held = held.entry(life).or_default();
            for (place, entry) in log.iter().enumerate().rev() {
                // What stands before a position known is known.
                if !held.insert((entry.term.0, place as u64 + 1)) {
                    break;
                }
            }
        }
    }

    /// The nodes that held an entry in the last incarnation the leader of `term` heard of, or a later one:
    /// what an incarnation before that held may be gone.
    fn holders(&self, term: u64, position: (u64, u64), held: Held) -> BTreeSet<NodeId> {
        let by = match held {
            Held::Synced => &self.synced,
            Held::Accepted | Held::Written => &self.written,
        };
        let counts = |(node, life): &Life| {
            let heard = self.heard.get(&(term, *node)).copied().unwrap_or_default();
            life.number >= heard.number
        };
        by.iter()
            .filter(|(life, positions)| counts(life) && positions.contains(&position))
            .map(|((node, _), _)| *node)
            .collect()
    }

    /// State Machine Safety (Raft §5.4.3), and commit by synced copies only.
    pub fn saw_commit(
        &mut self,
        node: NodeId,
        log: &[Entry],
        members: &Members,
        from: usize,
        upto: usize,
    ) {
        let news = upto > self.committed.len();
        for (place, entry) in log[..upto].iter().enumerate().skip(from) {
            match self.committed.get(place) {
                Some(known) => assert_eq!(entry, known, "node {node} commits otherwise"),
                None => self.committed.push(*entry),
            }
            let key = (entry.term.0, place as u64 + 1);
            assert!(!self.lost.contains(&key), "{key:?} was lost and commits");
        }
        if news {
            let last = (log[upto - 1].term.0, upto as u64);
            let holders = self.holders(last.0, last, Held::Synced);
            assert!(
                enough(members, CommitMode::Sync, |id| holders.contains(&id)),
                "{last:?} commits on {holders:?} only, of {members:?}"
            );
        }
    }

    pub fn is_committed(&self, position: LogPosition) -> bool {
        let place = (position.index.0 as usize).wrapping_sub(1);
        let entry = self.committed.get(place);
        entry.is_some_and(|entry| entry.term == position.term)
    }

    /// An ack was given by leader `node`.
    ///
    /// `deciding` are the configurations that may elect the next leader.
    pub fn saw_ack(
        &mut self,
        node: NodeId,
        (mode, held): (CommitMode, Held),
        upto: LogPosition,
        deciding: &[Members],
    ) {
        self.acks += 1;
        let holders = self.holders(upto.term.0, pair(upto), held);
        if (mode, held) == (CommitMode::Sync, Held::Synced) {
            // Counted when it was committed, by those who were members then.
            assert!(self.is_committed(upto), "{upto} is not committed");
        } else if mode != CommitMode::LeaderOnly {
            for members in deciding {
                assert!(
                    enough(members, mode, |id| holders.contains(&id)),
                    "{mode} {held} through {upto} is on {holders:?} only, of {members:?}"
                );
            }
        }
        if !matches!(mode, CommitMode::Async | CommitMode::Sync | CommitMode::All) {
            assert!(holders.contains(&node), "{mode} {held} not on the leader");
        }
        // The leader alone is a majority only where it is the one voter.
        let sets = || deciding.iter().flat_map(voter_sets);
        if mode == CommitMode::LeaderOnly && !sets().all(|set| set.contains(node)) {
            return;
        }
        let sizes = || sets().map(|set| set.len());
        if !sizes().all(|voters| mode.outlives_leader(voters)) {
            return;
        }
        let fewest = sizes().min().unwrap_or_default();
        let cuts_max = match (held, self.protection) {
            (Held::Synced, _) => usize::MAX,
            (Held::Written, Protection::On) if mode == CommitMode::All => fewest - 1,
            (Held::Written, Protection::On) => fewest - (fewest / 2 + 1),
            (Held::Written, Protection::Off) | (Held::Accepted, _) => return,
        };
        for (term, (leader, log)) in &self.leaders {
            check_leader_has(pair(upto), *leader, *term, log);
        }
        // A follower may have reported its copy, and lost it since: the leader counts what it heard.
        let reported_and_cut = self.in_doubt.iter().copied().filter(|node| {
            let lives = self.written.iter().filter(|(life, _)| life.0 == *node);
            lives
                .into_iter()
                .any(|(_, held)| held.contains(&pair(upto)))
        });
        let in_doubt: BTreeSet<NodeId> = reported_and_cut.collect();
        if in_doubt.len() > cuts_max {
            return;
        }
        let outliving = self.outliving.entry(pair(upto)).or_insert(Outliving {
            in_doubt,
            cuts_max: 0,
        });
        if cuts_max > outliving.cuts_max {
            outliving.cuts_max = cuts_max;
        }
    }

    /// The power of `node` failed: what was merely written there may be gone.
    pub fn saw_power_cut(&mut self, node: NodeId) {
        if !self.voters.contains(&node) {
            return;
        }
        self.power_cuts += 1;
        self.in_doubt.insert(node);
        self.outliving.retain(|_, acked| {
            acked.in_doubt.insert(node);
            acked.in_doubt.len() <= acked.cuts_max
        });
    }

    /// A running node is not suspect: it has everything that was ever relied on.
    pub fn saw_trusted(&mut self, node: NodeId) {
        if !self.in_doubt.remove(&node) {
            return;
        }
        for acked in self.outliving.values_mut() {
            acked.in_doubt.remove(&node);
        }
    }

    /// A suspect was trusted again.
    pub fn saw_readmission(&mut self) {
        self.readmissions += 1;
    }

    pub fn readmissions(&self) -> u64 {
        self.readmissions
    }

    pub fn power_cuts(&self) -> u64 {
        self.power_cuts
    }

    /// A read is served: by a leader, by a follower, or by a lease.
    pub fn saw_read(&mut self, live: &Live, read: &Reading, index: u64) {
        let Reading { floor, after, .. } = read;
        self.reads.0 += 1;
        if live.raft.status().role != Role::Leader {
            self.reads.1 += 1;
        }
        assert!(index >= *floor, "a read at {index} misses {floor}");
        assert!(index <= live.commit as u64, "a read beyond commit");
        match live.fate(*after) {
            Fate::Pending => panic!("{after} is not decided when its read is"),
            Fate::Committed => assert!(index >= after.index.0, "a read at {index} misses {after}"),
            Fate::Lost => assert!(!self.is_committed(*after)),
            Fate::Unknown => {}
        }
    }

    /// Reads served, and by nodes that did not lead.
    pub fn reads(&self) -> (u64, u64) {
        self.reads
    }

    /// How far a read that begins now must see.
    pub fn read_floor(&self) -> u64 {
        let acked = self.outliving.keys().map(|(_, index)| *index).max();
        acked.unwrap_or_default().max(self.committed())
    }

    /// Early acks of a term were settled by node `live`.
    pub fn saw_settled(&mut self, term: u64, committed_upto: u64, rest: Unkept, live: &Live) {
        for early in live.early.iter().filter(|early| early.term.0 == term) {
            if early.index.0 <= committed_upto {
                assert!(self.is_committed(*early), "{early} is not committed");
            } else if rest == Unkept::Lost {
                assert!(!self.is_committed(*early), "{early} is committed");
                self.lost.insert(pair(*early));
            }
        }
    }

    /// What a node says became of an entry.
    pub fn check_fate(&mut self, live: &Live, of: LogPosition) {
        match live.fate(of) {
            Fate::Committed => assert!(self.is_committed(of), "{of} is not committed"),
            Fate::Lost => {
                assert!(!self.is_committed(of), "{of} is committed");
                self.lost.insert(pair(of));
            }
            Fate::Pending | Fate::Unknown => {}
        }
    }
}

fn check_leader_has((term, index): (u64, u64), leader: NodeId, led: u64, terms: &[u64]) {
    if led > term {
        assert_eq!(
            terms.get(index as usize - 1),
            Some(&term),
            "leader {leader} of term {led} lacks ({term}, {index}), which was acknowledged"
        );
    }
}
