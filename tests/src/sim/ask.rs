//! What clients ask of nodes: writes, reads, and what became of a write.

use kraft_proto::durability::Fallback;
use kraft_proto::{
    Answer, Bound, Busy, Class, CommitMode, Fate, Grade, LogPosition, ProposeError, ReadError,
    Role, Verdict,
};

use super::action::{DiskState, Target};
use super::chronicle::{Happening, What, graded};
use super::clients::{Errand, RETRY_US, Wish};
use super::entry::has;
use super::event::Event;
use super::node::Reading;
use super::plant::Plant;
use super::sessions::Request;
use super::world::World;

/// Who proposes.
#[derive(Clone, Copy)]
pub(super) enum Asker {
    /// A client without a session, by the number of what it asks.
    Wish(u64),
    /// The client of a session.
    Session(Request),
}

/// In the token of a client that has its early answer and waits for commit.
const AWAITED: u64 = 1 << 63;

impl World {
    /// A client asks for a write that it has not asked for before.
    pub(super) fn ask_write(
        &mut self,
        to: Target,
        class: Class,
        count: u32,
        patience: u8,
    ) -> Option<LogPosition> {
        self.clients.asks += 1;
        let wish = Wish {
            to,
            class,
            count,
            patience,
            ask: self.clients.asks,
        };
        let told = Happening::new(What::Asked, "").ask(wish.ask);
        self.witness.tell(told);
        self.write(wish)
    }

    /// A client's write, at the node it believes in. Where it stands, if it was accepted.
    pub(super) fn write(&mut self, wish: Wish) -> Option<LogPosition> {
        let place = self.place_of(wish.to);
        let refused = match place {
            Some(place) => match self.propose(place, wish.class, wish.count, Asker::Wish(wish.ask))
            {
                Ok(position) => return Some(position),
                Err(refused) => refused,
            },
            None => ProposeError::NotLeader(None),
        };
        self.tally.refused += 1;
        let makes_sense = !matches!(
            refused,
            ProposeError::AtLeast { .. } | ProposeError::Count | ProposeError::TooMany(_)
        );
        if wish.patience > 0 && makes_sense {
            let to = match refused {
                ProposeError::NotLeader(Some(leader)) => Target::Node(leader.0 as u8),
                ProposeError::Transferring(to) => Target::Node(to.0 as u8),
                _ => Target::Leader,
            };
            let patience = wish.patience - 1;
            let again = Wish {
                to,
                patience,
                ..wish
            };
            self.clients
                .later(self.now_us + RETRY_US, Errand::Write(again));
        } else {
            self.witness
                .tell(Happening::new(What::GaveUp, "").ask(wish.ask));
        }
        None
    }

    /// A client does what it had put off.
    pub(super) fn run_errand(&mut self) {
        match self.clients.take() {
            Some(Errand::Write(wish)) => {
                self.write(wish);
            }
            Some(Errand::AskAgain(request)) => self.ask(Target::Leader, request),
            Some(Errand::Copy { to, request, class }) => self.hear(to, request, class),
            None => {}
        }
    }

    /// A node is asked to propose entries, of a session's request where there is one.
    pub(super) fn propose(
        &mut self,
        place: usize,
        class: Class,
        count: u32,
        asker: Asker,
    ) -> Result<LogPosition, ProposeError> {
        let node = &mut self.nodes[place];
        let Some(live) = &mut node.live else {
            return Err(ProposeError::NotLeader(None));
        };
        if node.disk.state() == DiskState::Full {
            return Err(ProposeError::Busy(Busy {
                bound: Bound::UnwrittenEntries,
                limit: 0,
            }));
        }
        let (from, proposal) = (live.log.len(), self.clients.entries + 1);
        let data = match asker {
            Asker::Session(request) => request.packed(proposal),
            Asker::Wish(_) => proposal,
        };
        let now = node.clock.show(self.now_us);
        let proposed = live.propose(now, class, count, data);
        if proposed.is_ok() {
            self.clients.entries += u64::from(count);
            let (node, log, sets) = (place, &live.log, live.sets());
            self.witness.see(Event::Log {
                node,
                from,
                log,
                sets,
            });
            match asker {
                Asker::Session(_) => self.remember_asked(place, data),
                Asker::Wish(ask) => self.tell_proposed(place, ask),
            }
        }
        self.attend(place);
        proposed.map(|proposed| proposed.run.last_position())
    }

    fn tell_proposed(&mut self, place: usize, ask: u64) {
        let Some(live) = &self.nodes[place].live else {
            return;
        };
        let position = live.log.last();
        let told = Happening::new(What::Proposed, "");
        self.witness.tell(told.node(place).ask(ask).at(position));
    }

    /// How deep each node has an entry, in order of the nodes: `·` not at all, `▁` accepted, `▄`
    /// written, `█` synced.
    pub fn shape(&self, of: LogPosition) -> String {
        let nodes = self.nodes.iter();
        let depths = nodes.map(|node| match &node.live {
            _ if has(node.disk.synced_log(), of) => '█',
            _ if has(node.disk.log(), of) => '▄',
            Some(live) if has(&live.log, of) => '▁',
            _ => '·',
        });
        depths.collect()
    }

    fn tell_answer(&mut self, place: usize, answer: &Answer<u64>) {
        if self.witness.chronicle.is_none() {
            return;
        }
        let shape = self.shape(answer.position);
        let told = Happening::new(What::Answered, graded(answer.grade));
        let mut told = told.node(place).at(answer.position);
        if answer.held.is_some() {
            told.shape = shape;
        }
        self.witness.tell(told);
    }

    /// A client's read, which sees the entry at `after` too.
    pub(super) fn read(&mut self, from: Target, after: Option<LogPosition>) {
        let Some(place) = self.place_of(from) else {
            return;
        };
        self.clients.reads += 1;
        let id = self.clients.reads;
        self.witness.see(Event::ReadAsked { id, after });
        let node = &mut self.nodes[place];
        let now = node.clock.show(self.now_us);
        let Some(live) = &mut node.live else {
            return self.witness.see(Event::ReadFailed { id });
        };
        if node.plant == Some(Plant::ReadsAtOnce) && live.role == Role::Leader {
            let (node, applied) = (place, live.commit as u64);
            return self.witness.see(Event::ReadServed {
                node,
                id,
                index: applied,
                applied,
                fate: after.map(|after| live.fate(after)),
            });
        }
        let asked = match after {
            Some(after) => live.raft.read_after(now, after),
            None => live.raft.read(now),
        };
        match asked {
            Ok(ticket) => live.reads.push(Reading {
                ticket,
                id,
                after,
                asked_us: self.now_us,
            }),
            Err(refused) => {
                self.tally.reads_failed += 1;
                self.witness.see(Event::ReadFailed { id });
                if let ReadError::Lost(of) = refused {
                    let (node, fate) = (place, Fate::Lost);
                    self.witness.see(Event::Told { node, of, fate });
                }
            }
        }
        self.attend(place);
    }

    /// A client reads what it was answered last.
    pub(super) fn read_own(&mut self, from: Target) {
        let last = self.clients.remembered().next_back();
        self.read(from, last);
    }

    /// A client asks a node for the fates of what was answered lately.
    pub(super) fn ask_fates(&mut self, of: Target) {
        let Some(place) = self.place_of(of) else {
            return;
        };
        self.catch_up_commit(place);
        let Some(live) = &self.nodes[place].live else {
            return;
        };
        for of in self.clients.remembered() {
            let asked = match self.nodes[place].plant {
                Some(Plant::FateByIndex) => {
                    let entry = live.log.get((of.index.0 as usize).wrapping_sub(1));
                    let term = entry.map_or(of.term, |entry| entry.term);
                    LogPosition::new(term, of.index)
                }
                _ => of,
            };
            if let Verdict::Recall(_) = live.raft.fate(asked) {
                self.tally.deed("recall for a fate");
            }
            let fate = live.fate(asked);
            self.tally.fates += 1;
            let node = place;
            self.witness.see(Event::Told { node, of, fate });
        }
    }

    /// A client is answered; some that were early wait on, for commit.
    pub(super) fn answer(&mut self, place: usize) {
        loop {
            let Some(live) = &mut self.nodes[place].live else {
                return;
            };
            let Some(answer) = live.waits.poll_answer() else {
                return;
            };
            self.catch_up_commit(place);
            if answer.token & AWAITED != 0 {
                self.tally.deed(match answer.grade {
                    Grade::AsAsked => "stronger answer came",
                    _ => "stronger answer never came",
                });
                self.witness.see(Event::Awaited { answer });
                continue;
            }
            if answer.held.is_some() {
                self.clients.remember(answer.position);
                self.await_stronger(place, &answer);
            }
            self.note_fallback(place, &answer);
            let Some(live) = &self.nodes[place].live else {
                return;
            };
            let fate = live.fate(answer.position);
            if contradicts(&answer, live.raft.durability().fallback, fate) {
                let what = format!("node {} answers {answer:?}, and says {fate:?}", place + 1);
                self.witness.object("one_fate", what);
            }
            let deciding = live.deciding();
            self.tally.answer(&answer);
            self.tell_answer(place, &answer);
            self.witness.see(Event::Answered {
                node: place,
                answer,
                deciding,
            });
        }
    }

    /// A client that settled for a majority has an acknowledgement which no watermark told.
    fn note_fallback(&mut self, place: usize, answer: &Answer<u64>) {
        let Some(live) = &mut self.nodes[place].live else {
            return;
        };
        let (Grade::Fallback, Some(held)) = (answer.grade, answer.held) else {
            return;
        };
        let upto = answer.position;
        if live.fate(upto) != Fate::Pending {
            return;
        }
        live.early.push(upto);
        self.witness.see(Event::Acked {
            node: place,
            deciding: live.deciding(),
            mode: answer.mode,
            held,
            upto,
        });
    }

    fn await_stronger(&mut self, place: usize, answer: &Answer<u64>) {
        let mut chance = self.chance(5, answer.token);
        if let Some(live) = &mut self.nodes[place].live
            && chance.permille(200)
        {
            let (token, of) = (answer.token | AWAITED, answer.position);
            // Without room it does not wait.
            let history = |index| live.log.run_at(index);
            let _ =
                (live.waits).await_commit(token, of, Class::default(), None, &live.raft, history);
        }
    }
}

/// Whether an answer says other than what the same node says of the entry's fate. A commit is all that a
/// write asks for, unless it asks for more voters than a majority and settles for no less.
fn contradicts(answer: &Answer<u64>, fallback: Fallback, fate: Fate) -> bool {
    let by_commit = match answer.asked.mode {
        CommitMode::Async | CommitMode::LeaderOnly | CommitMode::Sync => true,
        CommitMode::All => fallback == Fallback::ToMajority,
        CommitMode::AtLeast(_) => false,
    };
    match answer.grade {
        Grade::TimedOut => by_commit && fate == Fate::Committed,
        Grade::Lost => fate == Fate::Committed || fate == Fate::Pending,
        Grade::AsAsked | Grade::Fallback | Grade::Unknown => false,
    }
}
