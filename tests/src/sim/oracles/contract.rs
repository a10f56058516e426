//! The contract (`kraft-proto/DURABILITY.md`): an acknowledgement claims no more copies than there are, and no
//! leader comes without what must survive.

use std::collections::VecDeque;

use kraft_proto::durability::OnPowerLoss;
use kraft_proto::{Answer, CommitMode, Grade, Held, LogPosition, Role};

use super::Verdict;
use super::facts::Facts;
use super::led::Led;
use crate::sim::cells::{Cells, Column, Promise, Row};
use crate::sim::entry::has;
use crate::sim::event::{End, Event};
use crate::sim::members::{Sets, nodes, size};
use crate::sim::table::Table;

/// How many power cuts an acknowledgement outlives, in each set of voters that decided about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outlives {
    None,
    Minority,
    AllButOne,
    All,
}

/// An acknowledgement that later leaders must know of.
#[derive(Clone, Debug)]
struct Outliving {
    deciding: Sets,
    /// Nodes whose power was cut since and who are not trusted again.
    in_doubt: u16,
    outlives: Outlives,
}

impl Outliving {
    fn stands(&self) -> bool {
        self.deciding.all(|set| {
            let voters = size(set);
            let most = match self.outlives {
                Outlives::None => 0,
                Outlives::Minority => voters - (voters / 2 + 1),
                Outlives::AllButOne => voters - 1,
                Outlives::All => voters,
            };
            size(self.in_doubt & set) <= most
        })
    }
}

/// An answer that a client has, and what happened since.
#[derive(Clone, Debug)]
struct Heard {
    position: LogPosition,
    row: Row,
    leader: usize,
    at_us: u64,
    /// The voters, where there was but one set of them.
    voters: Option<u16>,
    dark: u16,
    leader_killed: bool,
    killed: bool,
    leader_changed: bool,
    /// Whoever watches was told of its fate, and of what had befallen it by then.
    told: Option<Option<Column>>,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub position: LogPosition,
    pub row: Row,
    /// What befell it, if anything did.
    pub column: Option<Column>,
    pub kept: bool,
}

impl Heard {
    fn judged(&self, kept: bool) -> Judged {
        Judged {
            position: self.position,
            row: self.row,
            column: column(self),
            kept,
        }
    }
}

/// How long faults still count for a write that is committed when it is answered.
const WINDOW_US: u64 = 2_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    on_power_loss: OnPowerLoss,
    outliving: Table<LogPosition, Outliving>,
    leaders: Vec<Led>,
    now_us: u64,
    early: Vec<Heard>,
    firm: VecDeque<Heard>,
    pub cells: Cells,
    /// Acknowledgements checked, and those given before commit that were kept and lost.
    pub acks: u64,
    pub kept: u64,
    pub lost: u64,
    /// Answers that were settled since somebody asked who watches.
    judged: Option<Vec<Judged>>,
}

impl Oracle {
    pub fn new(on_power_loss: OnPowerLoss) -> Self {
        Self {
            on_power_loss,
            outliving: Table::default(),
            leaders: Vec::new(),
            now_us: 0,
            early: Vec::new(),
            firm: VecDeque::new(),
            cells: Cells::default(),
            acks: 0,
            kept: 0,
            lost: 0,
            judged: None,
        }
    }

    /// Keeps what becomes of each answer for [`Self::judge`].
    pub fn watch(&mut self) {
        self.judged.get_or_insert_default();
    }

    /// The answers whose fate this event decided. One whose commit is known may still be told of again,
    /// when more has befallen it.
    pub fn judge(&mut self, facts: &Facts, event: &Event<'_>) -> Vec<Judged> {
        let decides = matches!(
            event,
            Event::Answered { .. }
                | Event::Committed { .. }
                | Event::PowerCut { .. }
                | Event::Ended { .. }
                | Event::Role { .. }
                | Event::Rest { .. }
        );
        if !decides {
            return Vec::new();
        }
        let mut judged = self.judged.as_mut().map(std::mem::take).unwrap_or_default();
        for heard in self.early.iter_mut().chain(&mut self.firm) {
            let befell = column(heard);
            let decided = heard.position.index.0 <= facts.committed.len() as u64;
            if decided && heard.told != Some(befell) {
                heard.told = Some(befell);
                judged.push(heard.judged(facts.is_committed(heard.position)));
            }
        }
        judged
    }

    /// Tells the time.
    pub fn pass(&mut self, now_us: u64) {
        self.now_us = now_us;
    }

    /// The last index that a majority or more is relied on to keep.
    pub fn last_outliving(&self) -> u64 {
        let indexes = self.outliving.keys().map(|position| position.index.0);
        indexes.max().unwrap_or(0)
    }

    pub fn see(&mut self, facts: &Facts, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Acked {
                node,
                deciding,
                mode,
                held,
                upto,
            } => self.acked(facts, node, deciding, (mode, held), upto),
            Event::Role {
                node,
                role: Role::Leader,
                term,
                log,
                ..
            } => {
                for heard in self.early.iter_mut().chain(&mut self.firm) {
                    heard.leader_changed |= term > heard.position.term.0;
                }
                self.leaders.push(Led::new(term, node, log));
                for position in self.outliving.keys() {
                    if position.term.0 < term && !has(log, position) {
                        return Err(lacks(node, term, position));
                    }
                }
                Ok(())
            }
            Event::PowerCut { node, .. } => {
                self.outliving.retain(|_, acked| {
                    acked.in_doubt |= 1 << node;
                    acked.stands()
                });
                for heard in self.early.iter_mut().chain(&mut self.firm) {
                    heard.dark |= 1 << node;
                }
                Ok(())
            }
            Event::Trusted { node } => {
                for acked in self.outliving.values_mut() {
                    acked.in_doubt &= !(1 << node);
                }
                Ok(())
            }
            Event::Ended {
                node,
                end: End::Killed,
                led,
            } => {
                for heard in self.early.iter_mut().chain(&mut self.firm) {
                    heard.killed = true;
                    let of_term = led == Some(heard.position.term.0);
                    heard.leader_killed |= of_term && heard.leader == node;
                }
                Ok(())
            }
            Event::Committed { upto, .. } => {
                if !self.outliving.is_empty() {
                    self.outliving
                        .retain(|position, _| !facts.is_committed(position));
                }
                let reached = |heard: &Heard| heard.position.index.0 <= upto as u64;
                if self.early.iter().any(reached) {
                    self.settle(facts, |heard| facts.is_committed(heard.position))?;
                }
                Ok(())
            }
            Event::Answered {
                node,
                answer,
                deciding,
            } => self.answered(facts, node, answer, deciding),
            Event::Rest { outcome: Ok(()) } => {
                let firm = self.firm.drain(..);
                self.early.extend(firm);
                self.settle(facts, |_| true)
            }
            _ => Ok(()),
        }
    }

    fn acked(
        &mut self,
        facts: &Facts,
        node: usize,
        deciding: Sets,
        (mode, held): (CommitMode, Held),
        upto: LogPosition,
    ) -> Verdict {
        self.acks += 1;
        if mode == CommitMode::Async {
            return Ok(());
        }
        let holders = facts.holders(upto, held);
        let of_leader = matches!(mode, CommitMode::LeaderOnly | CommitMode::AtLeast(_));
        let claimed = match (mode, held) {
            // Counted when it was committed, by those who voted then; a leader that restores a snapshot
            // tells its host of the commit later.
            (CommitMode::Sync, Held::Synced) => {
                facts.is_committed(upto) || deciding.enough(mode, holders)
            }
            (CommitMode::LeaderOnly, _) => true,
            _ => deciding.enough(mode, holders),
        };
        if !claimed || (of_leader && holders & (1 << node) == 0) {
            return Err(format!(
                "node {} acknowledges {mode} {held} through {upto}, which {} hold, of {}",
                node + 1,
                nodes(holders),
                nodes(deciding.everybody())
            ));
        }
        let alone = mode == CommitMode::LeaderOnly && !deciding.all(|set| set & (1 << node) != 0);
        if alone || !deciding.outlived_by(mode) || facts.is_committed(upto) {
            return Ok(());
        }
        let acked = Outliving {
            deciding,
            in_doubt: facts.doubtful(upto.term.0),
            outlives: match (held, self.on_power_loss) {
                (Held::Synced, _) => Outlives::All,
                (_, OnPowerLoss::Available) => Outlives::None,
                _ if mode == CommitMode::All => Outlives::AllButOne,
                _ => Outlives::Minority,
            },
        };
        if !acked.stands() {
            return Ok(());
        }
        for led in self.leaders.iter().rev() {
            if led.term > upto.term.0 && !led.had(upto) {
                return Err(lacks(led.node, led.term, upto));
            }
        }
        let known = self.outliving.or_insert(upto, acked.clone());
        if acked.outlives > known.outlives {
            (known.deciding, known.outlives) = (acked.deciding, acked.outlives);
        }
        Ok(())
    }

    fn answered(
        &mut self,
        facts: &Facts,
        node: usize,
        answer: Answer<u64>,
        deciding: Sets,
    ) -> Verdict {
        let asked = answer.asked;
        let as_many = |voters: u16| {
            let voters = size(voters);
            let of = |mode: CommitMode| mode.voters_asked(voters).min(voters);
            of(answer.mode) >= of(asked.mode)
        };
        let sensible = match (answer.grade, answer.held) {
            (Grade::AsAsked, Some(held)) => {
                let firm = asked.mode == CommitMode::Async || held >= asked.fsync.held();
                firm && deciding.all(as_many)
            }
            // It asked for more than a majority when it did, whoever votes by now.
            (Grade::Fallback, Some(_)) => {
                !matches!(asked.mode, CommitMode::Async | CommitMode::LeaderOnly)
            }
            (Grade::Lost | Grade::TimedOut | Grade::Unknown, None) => true,
            _ => false,
        };
        if !sensible {
            return Err(format!("an answer that makes no sense: {answer:?}"));
        }
        let Some(held) = answer.held else {
            return Ok(());
        };
        let heard = Heard {
            position: answer.position,
            row: Row::of(answer.mode, held, deciding.outlived_by(answer.mode)),
            leader: node,
            at_us: self.now_us,
            voters: deciding.only(),
            dark: facts.doubtful(answer.position.term.0),
            leader_killed: false,
            killed: false,
            leader_changed: false,
            told: None,
        };
        let over = |heard: &Heard, now: u64| heard.at_us + WINDOW_US < now;
        while self.firm.front().is_some_and(|old| over(old, self.now_us)) {
            self.early.extend(self.firm.pop_front());
        }
        if matches!(heard.row, Row::MajoritySynced | Row::AllSynced) {
            self.firm.push_back(heard);
        } else {
            self.early.push(heard);
        }
        self.settle(facts, |heard| facts.is_committed(heard.position))
    }

    /// Counts the answers whose fate is known.
    fn settle(&mut self, facts: &Facts, known: impl Fn(&Heard) -> bool) -> Verdict {
        let mut broken = Ok(());
        let mut early = std::mem::take(&mut self.early);
        early.retain(|heard| {
            if !known(heard) {
                return true;
            }
            let kept = facts.is_committed(heard.position);
            if let Some(judged) = &mut self.judged
                && heard.told != Some(column(heard))
            {
                judged.push(heard.judged(kept));
            }
            match kept {
                true => self.kept += 1,
                false => self.lost += 1,
            }
            match (column(heard), kept) {
                (Some(column), true) => self.cells.keep(heard.row, column),
                (Some(column), false) => {
                    self.cells.lose(heard.row, column);
                    if self.promise(heard.row, column) == Promise::Survives {
                        broken = Err(format!(
                            "{:?} at {} is gone, and all that happened is {column:?}",
                            heard.row, heard.position
                        ));
                    }
                }
                (None, _) => {}
            }
            false
        });
        self.early = early;
        broken
    }

    fn promise(&self, row: Row, column: Column) -> Promise {
        match (row, self.on_power_loss) {
            (Row::MajorityWritten | Row::AllWritten, OnPowerLoss::Available)
                if column >= Column::MinorityDark =>
            {
                Promise::MayLose
            }
            _ => row.promise(column),
        }
    }
}

/// Where an answer is counted, if anything befell it.
fn column(heard: &Heard) -> Option<Column> {
    let all = heard.voters?;
    let (voters, dark) = (size(all), size(heard.dark & all));
    if voters < 3 {
        return None;
    }
    match dark {
        _ if dark == voters => Some(Column::AllDark),
        _ if dark > voters - (voters / 2 + 1) => Some(Column::MostDark),
        0 if heard.leader_killed => Some(Column::LeaderKilled),
        0 if heard.leader_changed && !heard.killed => Some(Column::LeaderChanged),
        0 => None,
        _ => Some(Column::MinorityDark),
    }
}

fn lacks(node: usize, term: u64, position: LogPosition) -> String {
    format!(
        "node {} leads term {term} without {position}, which was acknowledged and must survive",
        node + 1
    )
}

#[cfg(test)]
mod tests {
    use kraft_proto::{EntryKind, LogIndex, Members, NodeId, Run, Term};

    use super::*;
    use crate::sim::entry::Entry;
    use crate::sim::members::number_of;

    /// Nodes 1 and 2 of three write an entry, which is acknowledged for a majority; node 1 loses power;
    /// node 3 leads without the entry.
    fn judged(cut_on_the_way: bool) -> Verdict {
        let members = Members::new((1..=3).map(NodeId), []).expect("three voters");
        let sets = Sets::of(number_of(&members));
        let no_op = Entry {
            term: Term(1),
            kind: EntryKind::NoOp,
            data: 0,
        };
        let leads = |node, term, log| Event::Role {
            node,
            role: Role::Leader,
            term,
            log,
            sets,
        };
        let wrote = |node| Event::Held {
            node,
            held: Held::Written,
            run: Run {
                term: Term(1),
                kind: EntryKind::Command,
                first: LogIndex(2),
                count: 1,
            },
        };
        let cut = |node| Event::PowerCut { node, life: 1 };
        let old = [no_op];
        let mut events: Vec<Event<'_>> = (0..3)
            .map(|node| Event::Started {
                node,
                life: 1,
                log: &[],
            })
            .collect();
        events.push(leads(0, 1, &old));
        events.push(Event::Heard {
            term: 1,
            from: 1,
            life: 1,
        });
        events.extend([wrote(0), wrote(1)]);
        if cut_on_the_way {
            events.push(cut(1));
        }
        events.push(Event::Acked {
            node: 0,
            deciding: sets,
            mode: CommitMode::Sync,
            held: Held::Written,
            upto: LogPosition::new(Term(1), LogIndex(2)),
        });
        events.extend([cut(0), leads(2, 2, &old)]);
        let mut facts = Facts::new(3);
        let mut oracle = Oracle::new(OnPowerLoss::Protect);
        events.iter().try_for_each(|event| {
            facts.see(event);
            oracle.see(&facts, event)
        })
    }

    /// 1. node 2 loses power while the report of its copy is on the wire; 2. the entry is acknowledged;
    /// 3. one more cut is the second since the write. The one after the answer alone excuses nothing.
    #[test]
    fn power_cuts_count_since_the_write_not_since_the_answer() {
        assert_eq!(judged(true), Ok(()));
        let objected = judged(false).expect_err("one of three is a minority");
        assert!(objected.contains("must survive"), "{objected}");
    }
}
