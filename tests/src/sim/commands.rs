//! Clients with sessions: they ask until they are answered, and a copy of what they asked may be late.

use kraft_proto::Class;
use serde::Serialize;

use super::action::Target;
use super::ask::Asker;
use super::clients::Errand;
use super::event::Event;
use super::sessions::{Applied, Request, SESSIONS_MAX, WINDOW};
use super::table::Table;
use super::world::World;

/// How often a client asks.
const TRIES_MAX: u8 = 8;
/// How long it waits for an answer.
const TIMEOUT_US: u64 = 120_000;
/// Requests that wait at one node.
const ASKED_MAX: usize = 64;

/// What a client is not answered yet.
#[derive(Clone, Copy, Debug, Serialize)]
struct Open {
    class: Class,
    tries: u8,
}

/// The client of one session.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Client {
    number: u64,
    open: Table<u64, Open>,
}

impl World {
    /// The client of a session asks for something new, unless it waits for too much already.
    pub(super) fn command(&mut self, to: Target, session: u8, class: Class) {
        if !(1..=SESSIONS_MAX).contains(&session) {
            return;
        }
        let client = &mut self.clients.sessions[usize::from(session) - 1];
        let number = client.number + 1;
        let oldest = client.open.first_key();
        if oldest.is_some_and(|oldest| number - oldest >= WINDOW) {
            return;
        }
        client.number = number;
        client.open.or_insert(number, Open { class, tries: 0 });
        self.ask(to, Request { session, number });
    }

    fn open(&mut self, request: Request) -> Option<&mut Open> {
        let client = &mut self.clients.sessions[usize::from(request.session) - 1];
        client.open.get_mut(request.number)
    }

    /// A client asks, for the first time or again.
    pub(super) fn ask(&mut self, to: Target, request: Request) {
        let Some(open) = self.open(request) else {
            return;
        };
        open.tries += 1;
        let Open { class, tries } = *open;
        if tries > TRIES_MAX {
            // It gives up, and will not ask for this again.
            let client = &mut self.clients.sessions[usize::from(request.session) - 1];
            client.open.remove(request.number);
            return;
        }
        if tries > 1 {
            self.tally.deed("command asked for again");
        }
        let mut chance = self.chance(2, request.packed(u64::from(tries)));
        self.clients
            .later(self.now_us + TIMEOUT_US, Errand::AskAgain(request));
        if chance.permille(100) {
            let late_us = chance.number(1, 2 * TIMEOUT_US);
            self.clients
                .later(self.now_us + late_us, Errand::Copy { to, request, class });
        }
        self.hear(to, request, class);
    }

    /// A node hears what a client asks for.
    pub(super) fn hear(&mut self, to: Target, request: Request, class: Class) {
        let Some(place) = self.place_of(to) else {
            return;
        };
        if self
            .propose(place, class, 1, Asker::Session(request))
            .is_err()
        {
            self.tally.refused += 1;
        }
    }

    /// A node has applied a request; the client that asked there is told, if the answer gets through.
    pub(super) fn applied(&mut self, place: usize, index: u64, request: Request, applied: Applied) {
        self.tally.deed(match applied {
            Applied::Now(_) => "command applied",
            Applied::Before(_) => "command known already",
            Applied::TooOld => "command too old to tell",
        });
        self.witness.see(Event::Applied {
            node: place,
            index,
            request,
            applied,
        });
        let Some(live) = &mut self.nodes[place].live else {
            return;
        };
        let data = live.log[index as usize - 1].data;
        let Some(asked) = live.asked.iter().position(|asked| *asked == data) else {
            return;
        };
        live.asked.remove(asked);
        let (Applied::Now(answer) | Applied::Before(answer)) = applied else {
            return;
        };
        let mut chance = self.chance(3, data);
        if self.open(request).is_some() && !chance.permille(200) {
            let client = &mut self.clients.sessions[usize::from(request.session) - 1];
            client.open.remove(request.number);
            self.witness.see(Event::Replied { request, answer });
        }
    }

    /// A node remembers whom to answer.
    pub(super) fn remember_asked(&mut self, place: usize, data: u64) {
        if let Some(live) = &mut self.nodes[place].live {
            if live.asked.len() == ASKED_MAX {
                live.asked.remove(0);
            }
            live.asked.push(data);
        }
    }
}
