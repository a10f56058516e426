//! What oracles know in common: what was committed and by whom, and who held what in which incarnation.

use kraft_proto::{Held, LogPosition, Role};

use crate::sim::entry::{Entry, has, term_ends};
use crate::sim::event::Event;
use crate::sim::members::Sets;
use crate::sim::setup::NODES_MAX;
use crate::sim::table::Table;

/// What a node held between two starts: by term, how far.
#[derive(Clone, Debug, Default)]
struct Life {
    number: u64,
    written: Vec<(u64, u64)>,
    synced: Vec<(u64, u64)>,
}

fn raise(held: &mut Vec<(u64, u64)>, term: u64, upto: u64) {
    match held.iter_mut().rev().find(|(known, _)| *known == term) {
        Some((_, known)) => *known = upto.max(*known),
        None => held.push((term, upto)),
    }
}

/// What the leader of a term goes by.
#[derive(Clone, Copy, Debug, Default)]
struct Ruling {
    /// The newest incarnation of each peer it has heard.
    heard: [u64; NODES_MAX],
    /// The voters of its newest configuration.
    sets: Sets,
}

/// Everything ever seen of a run that more than one oracle needs.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The one sequence, and the term of the node that first reported each.
    pub committed: Vec<Entry>,
    pub committed_in: Vec<u64>,
    /// How long the sequence was before the event.
    pub committed_before: usize,
    lives: Vec<Vec<Life>>,
    /// By term.
    ruling: Table<u64, Ruling>,
    /// The term each node leads.
    leading: [Option<u64>; NODES_MAX],
    /// Nodes whose power was cut in this incarnation or after it, and who are not trusted again.
    doubtful: [Option<u64>; NODES_MAX],
}

impl Facts {
    pub fn new(nodes: usize) -> Self {
        Self {
            committed: Vec::new(),
            committed_in: Vec::new(),
            committed_before: 0,
            lives: vec![Vec::new(); nodes],
            ruling: Table::default(),
            leading: [None; NODES_MAX],
            doubtful: [None; NODES_MAX],
        }
    }

    pub fn is_committed(&self, position: LogPosition) -> bool {
        has(&self.committed, position)
    }

    /// The voters by whom the leader of a term commits.
    pub fn sets(&self, term: u64) -> Option<Sets> {
        self.ruling.get(term).map(|ruling| ruling.sets)
    }

    /// The nodes, as bits, that held an entry in the last incarnation the leader of its term has heard
    /// of, or a later one: what an incarnation before that held may be gone.
    pub fn holders(&self, position: LogPosition, held: Held) -> u16 {
        let ruling = self.ruling.get(position.term.0);
        let mut holders = 0;
        for (node, lives) in self.lives.iter().enumerate() {
            let since = ruling.map_or(0, |ruling| ruling.heard[node]);
            let counted = lives.iter().rev().take_while(|life| life.number >= since);
            let holds = |life: &Life| {
                let by = match held {
                    Held::Synced => &life.synced,
                    Held::Accepted | Held::Written => &life.written,
                };
                by.iter()
                    .rev()
                    .any(|(term, upto)| *term == position.term.0 && position.index.0 <= *upto)
            };
            if counted.into_iter().any(holds) {
                holders |= 1 << node;
            }
        }
        holders
    }

    /// Nodes that lost, in a power cut, what the leader of `term` may still count.
    pub fn doubtful(&self, term: u64) -> u16 {
        let ruling = self.ruling.get(term);
        let mut doubtful = 0;
        for node in 0..self.lives.len() {
            let since = ruling.map_or(0, |ruling| ruling.heard[node]);
            if self.doubtful[node].is_some_and(|life| since <= life) {
                doubtful |= 1 << node;
            }
        }
        doubtful
    }

    fn ruling(&mut self, term: u64) -> &mut Ruling {
        self.ruling.or_insert(term, Ruling::default())
    }

    pub fn see(&mut self, event: &Event<'_>) {
        match *event {
            Event::Started { node, life, log } => {
                self.leading[node] = None;
                let ends = term_ends(log);
                let lives = &mut self.lives[node];
                if lives.last().is_some_and(|last| last.number == life) {
                    // It ended before anybody heard of it.
                    lives.pop();
                }
                lives.push(Life {
                    number: life,
                    written: ends.clone(),
                    synced: ends,
                });
            }
            Event::Held {
                node, held, run, ..
            } => {
                if let Some(life) = self.lives[node].last_mut() {
                    let by = match held {
                        Held::Synced => &mut life.synced,
                        Held::Accepted | Held::Written => &mut life.written,
                    };
                    raise(by, run.term.0, run.last().0);
                }
            }
            Event::Heard { term, from, life } => {
                let heard = &mut self.ruling(term).heard[from];
                *heard = life.max(*heard);
            }
            Event::Role {
                node,
                role,
                term,
                sets,
                ..
            } => {
                self.leading[node] = (role == Role::Leader).then_some(term);
                if role == Role::Leader {
                    self.ruling(term).sets = sets;
                }
            }
            Event::Log { node, sets, .. } => {
                if let Some(term) = self.leading[node] {
                    self.ruling(term).sets = sets;
                }
            }
            Event::Ended { node, .. } => self.leading[node] = None,
            Event::Replaced { node } => self.lives[node].clear(),
            Event::PowerCut { node, life } => {
                let known = self.doubtful[node].unwrap_or(0);
                self.doubtful[node] = Some(known.max(life));
            }
            Event::Trusted { node } => self.doubtful[node] = None,
            Event::Committed {
                term,
                log,
                from,
                upto,
                ..
            } => {
                let known = self.committed.len();
                self.committed_before = known;
                if from <= known && upto > known {
                    self.committed.extend(&log[known..upto]);
                    self.committed_in.resize(upto, term);
                }
            }
            _ => {}
        }
    }
}
