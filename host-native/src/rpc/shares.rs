//! Fair shares of something a node has only so much of.
//!
//! A share binds only when others ask: alone, one client may have everything. When all is taken, who
//! asks gets a place of whoever has most, divided by certificate first, then by address, then by
//! connection:
//!
//! 1. a client has taken all 65,536 places over sixteen connections, and keeps them for an hour;
//! 2. another asks, of the same certificate and from the same address: by connection it has none and
//!    the largest has 4,096, so it gets one of those;
//! 3. so do the next, until both have as many; from then on they are refused like everybody.
//!
//! Nobody gains by opening more connections, or by coming from more addresses, where others with
//! other certificates ask.

use std::collections::BTreeMap;

use super::origin::Origin;

/// Who has how much of it.
#[derive(Clone, Debug)]
pub struct Shares {
    capacity: u64,
    taken: u64,
    by: BTreeMap<Origin, u64>,
}

/// What somebody hears who asks for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is room.
    Free,
    /// There is none, and this connection has more than its share: it has to give some back.
    TakeFrom(Origin),
    /// There is none, and whoever asks has its share already.
    Refused,
}

/// The parts of an origin that shares are divided by, one level after the other.
type Branch = (u64, Option<std::net::IpAddr>, Option<u64>);

const LEVELS: [fn(&Origin) -> Branch; 3] = [
    |of| (of.certificate, None, None),
    |of| (of.certificate, Some(of.address), None),
    |of| (of.certificate, Some(of.address), Some(of.connection)),
];

impl Shares {
    /// So much of it, and nobody has any.
    pub fn of(capacity: u64) -> Self {
        Self {
            capacity,
            taken: 0,
            by: BTreeMap::new(),
        }
    }

    /// How much there is.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How much is taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How much this connection has.
    pub fn taken_by(&self, who: &Origin) -> u64 {
        self.by.get(who).copied().unwrap_or_default()
    }

    /// Whether `who` may have so much more.
    pub fn verdict(&self, who: &Origin, more: u64) -> Verdict {
        if self.taken.saturating_add(more) <= self.capacity {
            return Verdict::Free;
        }
        // Goes down its own branch as long as no other branch has more than a fair part.
        for (level, branch_of) in LEVELS.iter().enumerate() {
            let within =
                |of: &Origin| level == 0 || LEVELS[level - 1](of) == LEVELS[level - 1](who);
            let branches = self.sums(branch_of, within);
            let mine = branch_of(who);
            let own = branches.get(&mine).copied().unwrap_or_default();
            let largest = branches.into_iter().max_by_key(|(_, taken)| *taken);
            if let Some((branch, taken)) = largest
                && branch != mine
                && taken >= own.saturating_add(2 * more)
            {
                return match self.largest_within(level, branch) {
                    Some(victim) => Verdict::TakeFrom(victim),
                    None => Verdict::Refused,
                };
            }
        }
        Verdict::Refused
    }

    /// The connection with most in a branch: of the address with most.
    fn largest_within(&self, level: usize, branch: Branch) -> Option<Origin> {
        let mut branch = branch;
        for (at, branch_of) in LEVELS.iter().enumerate().skip(level + 1) {
            let within = |of: &Origin| LEVELS[at - 1](of) == branch;
            let sums = self.sums(branch_of, within);
            branch = sums.into_iter().max_by_key(|(_, taken)| *taken)?.0;
        }
        self.by.keys().find(|of| LEVELS[2](of) == branch).copied()
    }

    fn sums(
        &self,
        branch_of: impl Fn(&Origin) -> Branch,
        within: impl Fn(&Origin) -> bool,
    ) -> BTreeMap<Branch, u64> {
        let mut sums = BTreeMap::new();
        for (of, taken) in self.by.iter().filter(|(of, _)| within(of)) {
            *sums.entry(branch_of(of)).or_default() += taken;
        }
        sums
    }

    /// `who` has so much more.
    pub fn take(&mut self, who: Origin, more: u64) {
        self.taken += more;
        *self.by.entry(who).or_default() += more;
    }

    /// `who` gives so much back.
    pub fn give_back(&mut self, who: &Origin, less: u64) {
        if let Some(taken) = self.by.get_mut(who) {
            let less = less.min(*taken);
            *taken -= less;
            self.taken -= less;
            if *taken == 0 {
                self.by.remove(who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn origin(certificate: u64, address: u8, connection: u64) -> Origin {
        Origin {
            certificate,
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, address)),
            connection,
        }
    }

    /// Asks until it is refused; whom it took from gives one place back each time.
    fn ask_for_all(shares: &mut Shares, who: Origin) -> u64 {
        loop {
            match shares.verdict(&who, 1) {
                Verdict::Free => shares.take(who, 1),
                Verdict::TakeFrom(victim) => {
                    assert!(shares.taken_by(&victim) > shares.taken_by(&who) || victim != who);
                    shares.give_back(&victim, 1);
                    shares.take(who, 1);
                }
                Verdict::Refused => return shares.taken_by(&who),
            }
        }
    }

    #[test]
    fn alone_one_client_may_have_everything() {
        let mut shares = Shares::of(1000);
        assert_eq!(ask_for_all(&mut shares, origin(1, 1, 1)), 1000);
    }

    #[test]
    fn two_connections_of_one_certificate_and_address_get_a_half_each() {
        let mut shares = Shares::of(1000);
        ask_for_all(&mut shares, origin(1, 1, 1));
        let second = ask_for_all(&mut shares, origin(1, 1, 2));
        assert!((499..=500).contains(&second), "{second}");
        assert_eq!(shares.taken(), 1000);
        assert_eq!(shares.verdict(&origin(1, 1, 1), 1), Verdict::Refused);
    }

    #[test]
    fn many_connections_gain_nothing_against_another_certificate_or_address() {
        for honest in [origin(2, 1, 0), origin(1, 2, 0)] {
            let mut shares = Shares::of(1000);
            for connection in 1..=100 {
                ask_for_all(&mut shares, origin(1, 1, connection));
            }
            let got = ask_for_all(&mut shares, honest);
            assert!((499..=500).contains(&got), "{honest:?}: {got}");
            // And nothing is taken back from it.
            for connection in 1..=100 {
                ask_for_all(&mut shares, origin(1, 1, connection));
            }
            assert_eq!(shares.taken_by(&honest), got);
        }
    }

    #[test]
    fn one_of_many_connections_of_one_certificate_gets_its_part() {
        let mut shares = Shares::of(1000);
        for connection in 1..=99 {
            ask_for_all(&mut shares, origin(1, 1, connection));
        }
        let got = ask_for_all(&mut shares, origin(1, 1, 100));
        assert!((8..=10).contains(&got), "{got}");
    }

    #[test]
    fn what_is_given_back_is_free() {
        let mut shares = Shares::of(10);
        let (one, two) = (origin(1, 1, 1), origin(2, 1, 2));
        shares.take(one, 10);
        shares.give_back(&one, 4);
        assert_eq!(shares.verdict(&two, 4), Verdict::Free);
        shares.give_back(&one, 100);
        assert_eq!((shares.taken(), shares.taken_by(&one)), (0, 0));
    }
}
