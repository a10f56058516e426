//! What nodes say and hold, shown to the oracle at every step.

use kraft_proto::{
    CommitMode, Grade, LogPosition, Members, Message, Output, ReadOutcome, Role, Trust, WriteKind,
};

use crate::configurations;
use crate::disk::{Change, Entry};
use crate::host::AWAITED;
use crate::world::{Packet, World};

impl World {
    /// Looks at a node after anything happened to it, and does what it says.
    pub fn observe(&mut self, place: usize) {
        let budget = match self.weather.outputs_max {
            u64::MAX => u64::MAX,
            most => self.chance.number(0..=most),
        };
        self.observe_some(place, budget);
    }

    pub fn observe_all(&mut self, place: usize) {
        self.observe_some(place, u64::MAX);
    }

    fn observe_some(&mut self, place: usize, budget: u64) {
        self.look(place);
        for _ in 0..budget {
            let Some(live) = &mut self.hosts[place].live else {
                return;
            };
            let Some(output) = live.poll() else { break };
            self.trace(|| format!("  {} {output:?}", place + 1));
            self.handle_output(place, output);
            self.look(place);
        }
        self.answer(place);
    }

    fn look(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        let id = host.config.id;
        let Some(live) = &mut host.live else { return };
        live.adopt_own_entries();
        let status = live.raft.status();
        assert_eq!(status.last.index.0 as usize, live.log.len());
        let newest = configurations::of(&live.log).next();
        let (at, members) = newest.unwrap_or_else(|| (0, host.members.clone()));
        assert_eq!((status.members_at.0, &status.members), (at, &members));
        self.oracle.saw_members(&members);
        // A new leader may not know yet what is committed.
        if status.role == Role::Leader && status.commit.term == status.term {
            let mut open =
                configurations::of(&live.log).filter(|(at, _)| *at > status.commit.index.0);
            assert!(open.nth(1).is_none(), "{id} leads with two open changes");
        }
        if status.trust != Trust::Suspect {
            self.oracle.saw_trusted(id);
            if live.trust == Trust::Suspect {
                self.oracle.saw_readmission();
            }
        }
        live.trust = status.trust;
        self.oracle
            .saw_log(&live.log, live.log.len().saturating_sub(8));
        if status.role == Role::Leader {
            self.oracle.saw_leader(id, status.term.0, &live.log);
        }
        let commit = status.commit.index.0 as usize;
        assert!(commit >= live.commit, "commit of {id} goes back");
        if commit > live.commit {
            self.oracle
                .saw_commit(id, &live.log, &members, live.commit, commit);
            live.commit = commit;
        }
        let (oracle, commit) = (&self.oracle, live.commit as u64);
        live.early
            .retain(|early| early.index.0 > commit || !oracle.is_committed(*early));
    }

    fn handle_output(&mut self, place: usize, output: Output) {
        let host = &mut self.hosts[place];
        let id = host.config.id;
        let Some(live) = &mut host.live else { return };
        match output {
            Output::Send { envelope, .. } => {
                let disk = host.disk.synced_hard_state();
                self.oracle.saw_sent(&envelope, disk);
                if let Message::Append(append) = &envelope.message {
                    live.check_handed(append.run());
                }
                let bytes = live.encode(&envelope);
                self.packets.push(Packet {
                    from: envelope.from,
                    to: envelope.to,
                    bytes,
                    state: Vec::new(),
                });
            }
            Output::Write(write) => {
                let change = match write.kind() {
                    WriteKind::HardState(_) | WriteKind::Force => Change::Nothing,
                    WriteKind::Entries(run) => {
                        live.check_handed(run);
                        Change::Entries(run, live.entries(run))
                    }
                    WriteKind::Snapshot(last) => Change::Snapshot(live.snapshots[&last].clone()),
                };
                host.disk.take(write, change);
            }
            Output::Ack { mode, held, upto } => {
                let deciding = deciding(&live.log, &host.members, live.commit as u64, upto);
                self.oracle.saw_ack(id, (mode, held), upto, &deciding);
                if !self.oracle.is_committed(upto) || upto.index.0 as usize > live.commit {
                    live.early.push(upto);
                }
            }
            Output::Settled {
                term,
                committed_upto,
                unkept,
            } => {
                let oracle = &mut self.oracle;
                oracle.saw_settled(term.0, committed_upto.0, unkept, live);
                live.early.retain(|early| early.term != term);
            }
            Output::Read { ticket, outcome } => {
                for read in live.reads.iter().filter(|read| read.ticket == ticket) {
                    if let ReadOutcome::Ready(index) = outcome {
                        self.oracle.saw_read(live, read, index.0);
                    }
                }
                live.reads.retain(|read| read.ticket != ticket);
            }
            Output::OwnEntry { at, kind, bytes } => {
                live.check_own_entry(at, kind, &bytes);
            }
            Output::Members { .. } => {}
            Output::Superseded { by } => {
                panic!("node {id} is told of its own later incarnation {by}")
            }
            Output::Commit { upto } => {
                let restored = live.raft.status().compacted.index.0 as usize;
                assert!(
                    restored <= live.applied,
                    "{id} applies behind what it lacks"
                );
                live.applied = upto.index.0 as usize;
                // Kept lazily.
                if self.chance.permille(300) {
                    host.hint = Some(upto);
                }
            }
            Output::Recall { question, index } => self.recall(place, question, index),
            Output::Snapshot { to, upto } => self.serve(place, to, upto),
            Output::Restored { upto } => self.restore(place, upto),
            Output::Role { .. } => {}
        }
    }

    fn answer(&mut self, place: usize) {
        let Some(live) = &mut self.hosts[place].live else {
            return;
        };
        while let Some(answer) = live.waits.poll_answer() {
            if answer.token & AWAITED != 0 {
                let committed = self.oracle.is_committed(answer.position);
                let unknown = answer.grade == Grade::Unknown;
                let told = answer.grade == Grade::AsAsked;
                assert!(unknown || told == committed, "{answer:?}");
                continue;
            }
            match (answer.grade, answer.held) {
                (Grade::Lost, None) => assert!(!self.oracle.is_committed(answer.position)),
                (Grade::AsAsked, Some(held)) => {
                    let asked = answer.asked;
                    let enough = match asked.mode {
                        CommitMode::Async => true,
                        _ => held >= asked.fsync.held(),
                    };
                    assert!(enough, "asked {asked}, got {held}");
                }
                (Grade::Fallback, Some(_)) => {
                    let few = matches!(
                        answer.asked.mode,
                        CommitMode::Async | CommitMode::LeaderOnly
                    );
                    assert!(!few, "{answer:?}");
                }
                (Grade::TimedOut | Grade::Unknown, None) => {}
                other => panic!("an answer that makes no sense: {other:?}"),
            }
        }
    }
}

/// The configurations that an acknowledgement through `upto` must count in: the newest, and while
/// that may be cut off the one before.
fn deciding(log: &[Entry], first: &Members, commit: u64, upto: LogPosition) -> Vec<Members> {
    let mut newest = configurations::of(log).chain([(0, first.clone())]);
    let Some((at, members)) = newest.next() else {
        return Vec::new();
    };
    if at <= commit {
        return vec![members];
    }
    assert!(
        upto.index.0 < at,
        "{upto} is acknowledged above the open change at {at}"
    );
    let before = newest.next().map(|(_, members)| members);
    [members].into_iter().chain(before).collect()
}
