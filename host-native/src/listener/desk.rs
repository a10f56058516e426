//! Connections that have not said who they are: bounded in all, and shared out by address.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use kraft_wire::lock;
use quinn::Incoming;
use tokio::sync::oneshot;

use super::network::network;

/// From a quarter of the places on, an address must show that it receives what is sent to it.
const CALM: usize = 4;

/// The desk at a listener: who comes in waits here until its hello is done.
#[derive(Debug)]
pub(crate) struct Desk {
    max: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// The oldest first.
    places: VecDeque<Place>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    address: IpAddr,
    /// Dropped, whoever has the place goes.
    _keep: oneshot::Sender<()>,
}

/// A place at the desk; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    waiting: Arc<Mutex<Waiting>>,
    away: oneshot::Receiver<()>,
}

/// What becomes of somebody who comes.
#[derive(Debug)]
pub(crate) enum Seated {
    /// It has a place.
    Here(Seat),
    /// It is to show that it receives at its address first. That costs nothing here.
    ProveAddress,
}

/// Whether somebody was seen to receive at the address it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    Claimed,
    Proved,
}

impl Desk {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            waiting: Arc::default(),
        }
    }

    /// Finds a place for a connection, or what else to do with it.
    pub(crate) fn receive(&self, incoming: &Incoming) -> Seated {
        let address = network(incoming.remote_address().ip());
        let seen = match incoming.remote_address_validated() {
            true => Address::Proved,
            false => Address::Claimed,
        };
        self.seat(address, seen)
    }

    /// With all places taken, the address with most gives up its oldest: an honest hello is done in a
    /// moment.
    fn seat(&self, address: IpAddr, seen: Address) -> Seated {
        let mut waiting = lock(&self.waiting);
        if seen == Address::Claimed && waiting.places.len() >= self.max / CALM {
            return Seated::ProveAddress;
        }
        if waiting.places.len() >= self.max {
            let mut counts = BTreeMap::new();
            for place in &waiting.places {
                *counts.entry(place.address).or_insert(0_usize) += 1;
            }
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            let oldest =
                most.and_then(|(of, _)| waiting.places.iter().position(|p| p.address == of));
            if let Some(oldest) = oldest {
                waiting.places.remove(oldest);
            }
        }
        let (keep, away) = oneshot::channel();
        let number = waiting.next;
        waiting.next += 1;
        waiting.places.push_back(Place {
            number,
            address,
            _keep: keep,
        });
        Seated::Here(Seat {
            number,
            waiting: self.waiting.clone(),
            away,
        })
    }
}

impl Seat {
    /// Does something, unless the place is needed for another first.
    pub(crate) async fn hold<T>(mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            // Nothing is ever sent: the only news is that the place is gone.
            _ = &mut self.away => None,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.waiting)
            .places
            .retain(|place| place.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    fn seated(seated: Seated) -> Option<Seat> {
        match seated {
            Seated::Here(seat) => Some(seat),
            Seated::ProveAddress => None,
        }
    }

    fn is_sent_away(seat: &mut Seat) -> bool {
        seat.away.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn under_load_an_address_is_proved_and_one_that_has_most_gives_way() {
        let desk = Desk::new(16);
        let mut seats = Vec::new();
        for _ in 0..4 {
            seats.extend(seated(desk.seat(address(1), Address::Claimed)));
        }
        assert!(seated(desk.seat(address(1), Address::Claimed)).is_none());
        for _ in 4..15 {
            seats.extend(seated(desk.seat(address(1), Address::Proved)));
        }
        let other = seated(desk.seat(address(2), Address::Proved)).unwrap();
        for gone in 0..8 {
            assert!(seats.iter_mut().take(gone).all(is_sent_away), "{gone}");
            assert!(!seats.iter_mut().skip(gone).any(is_sent_away), "{gone}");
            seats.extend(seated(desk.seat(address(3), Address::Proved)));
        }
        drop(seats);
        assert_eq!(lock(&desk.waiting).places.len(), 1);
        drop(other);
    }
}
