//! The state machine of the simulated hosts: a counter, and the sessions that make asking again safe.
//!
//! A session remembers *which* of its last [`WINDOW`] numbers were applied, and with what answer; the
//! highest alone would not do: number 5 may have been lost where 6 was not.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::plant::Plant;

/// Sessions of a world, numbered from 1.
pub const SESSIONS_MAX: u8 = 4;
/// Numbers of a session that are told apart, counted down from the highest applied.
pub(crate) const WINDOW: u64 = 64;

/// What a client asks for, as often as it asks: its session and the number of the request there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Request {
    /// From 1 on.
    pub session: u8,
    /// From 1 on.
    pub number: u64,
}

const PROPOSAL_BITS: u32 = 40;
const SESSION_BITS: u32 = 8;

impl Request {
    /// What the entry of a proposal of it holds.
    pub(crate) fn packed(self, proposal: u64) -> u64 {
        proposal
            | u64::from(self.session) << PROPOSAL_BITS
            | self.number << (PROPOSAL_BITS + SESSION_BITS)
    }

    /// The request in an entry, if it holds one.
    pub(crate) fn unpacked(data: u64) -> Option<Self> {
        let session = (data >> PROPOSAL_BITS) as u8;
        let number = data >> (PROPOSAL_BITS + SESSION_BITS);
        (session > 0).then_some(Self { session, number })
    }
}

/// What became of a request when its entry was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It took effect, with this answer.
    Now(u64),
    /// It had taken effect, with this answer.
    Before(u64),
    /// Nobody can tell any more: it is refused.
    TooOld,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Session {
    highest: u64,
    /// From the highest down; `None` was not applied.
    answers: VecDeque<Option<u64>>,
}

/// A counter that each request raises by one; the answer is what it shows then.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Machine {
    count: u64,
    sessions: Vec<Session>,
}

impl Machine {
    pub fn apply(&mut self, request: Request, plant: Option<Plant>) -> Applied {
        let place = usize::from(request.session) - 1;
        if self.sessions.len() <= place {
            self.sessions.resize_with(place + 1, Session::default);
        }
        let session = &mut self.sessions[place];
        let number = request.number;
        if number <= session.highest {
            let back = (session.highest - number) as usize;
            match session.answers.get(back) {
                _ if plant == Some(Plant::AppliesTwice) => {}
                _ if plant == Some(Plant::RemembersHighest) => return Applied::Before(self.count),
                Some(Some(answer)) => return Applied::Before(*answer),
                Some(None) => {}
                None => return Applied::TooOld,
            }
        }
        self.count += 1;
        while session.highest < number {
            session.highest += 1;
            session.answers.push_front(None);
        }
        session.answers.truncate(WINDOW as usize);
        let back = (session.highest - number) as usize;
        if let Some(answer) = session.answers.get_mut(back) {
            *answer = Some(self.count);
        }
        Applied::Now(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(machine: &mut Machine, number: u64) -> Applied {
        machine.apply(Request { session: 2, number }, None)
    }

    #[test]
    fn a_request_comes_back_from_its_entry() {
        let request = Request {
            session: 3,
            number: 77,
        };
        assert_eq!(Request::unpacked(request.packed(123_456)), Some(request));
        assert_eq!(Request::unpacked(123_456), None);
    }

    #[test]
    fn number_5_is_new_where_6_was_applied_and_5_was_lost() {
        let mut machine = Machine::default();
        assert_eq!(ask(&mut machine, 4), Applied::Now(1));
        assert_eq!(ask(&mut machine, 6), Applied::Now(2));
        assert_eq!(ask(&mut machine, 5), Applied::Now(3));
        assert_eq!(ask(&mut machine, 6), Applied::Before(2));
        assert_eq!(ask(&mut machine, 5), Applied::Before(3));
        assert_eq!(ask(&mut machine, 6 + WINDOW), Applied::Now(4));
        assert_eq!(ask(&mut machine, 6), Applied::TooOld);
    }
}
