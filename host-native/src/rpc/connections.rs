//! Who is connected: a full house makes room by closing connections that do nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kraft_wire::lock;

use super::origin::Origin;
use super::pool::Holder;
use super::session::Session;

/// The connections that are up.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    inside: Mutex<BTreeMap<u64, Entered>>,
}

#[derive(Debug)]
struct Entered {
    origin: Origin,
    session: Arc<Session>,
}

/// Whether somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Granted,
    /// All places are taken by connections with something to do, or within their share.
    Full,
}

impl Connections {
    pub fn new(max: usize) -> Self {
        Self {
            max,
            inside: Mutex::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        lock(&self.inside).len()
    }

    /// Lets a connection in. Where there is no place, one that has nothing to do leaves: of the
    /// certificate with most connections, then of the address with most, the one that has been idle
    /// for longest. Nobody's goes for one that has more already.
    pub fn enter(&self, origin: Origin, session: &Arc<Session>) -> Entry {
        let mut inside = lock(&self.inside);
        if inside.len() >= self.max {
            let Some(victim) = victim(&inside, &origin) else {
                return Entry::Full;
            };
            if let Some(entered) = inside.remove(&victim) {
                let why = "it had nothing to do, and another client needs its place";
                entered.session.send_away(why);
            }
        }
        let session = session.clone();
        inside.insert(origin.connection, Entered { origin, session });
        Entry::Granted
    }

    pub fn leave(&self, origin: &Origin) {
        lock(&self.inside).remove(&origin.connection);
    }
}

fn victim(inside: &BTreeMap<u64, Entered>, newcomer: &Origin) -> Option<u64> {
    let (mut certificates, mut addresses) = (BTreeMap::new(), BTreeMap::new());
    for entered in inside.values() {
        let Origin {
            certificate,
            address,
            ..
        } = entered.origin;
        *certificates.entry(certificate).or_insert(0_usize) += 1;
        *addresses.entry((certificate, address)).or_insert(0_usize) += 1;
    }
    let counts = |of: &Origin| {
        let by_certificate = certificates.get(&of.certificate).copied();
        let by_address = addresses.get(&(of.certificate, of.address)).copied();
        (by_certificate.unwrap_or(0), by_address.unwrap_or(0))
    };
    let own = counts(newcomer);
    let may_go = |of: &Origin| {
        let theirs = counts(of);
        match of.certificate == newcomer.certificate {
            true => of.address == newcomer.address || theirs.1 > own.1,
            false => theirs.0 > own.0,
        }
    };
    let idle = inside.iter().filter_map(|(number, entered)| {
        let since = entered.session.idle_since()?;
        may_go(&entered.origin)
            .then(|| (counts(&entered.origin), std::cmp::Reverse(since), *number))
    });
    idle.max().map(|(_, _, number)| number)
}
