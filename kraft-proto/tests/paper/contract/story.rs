//! One acknowledgement on the least evidence its class takes, one failure, and the end of it.

use kraft_proto::{Fate, Grade, Held, LogPosition, Role, Unkept};

use super::{Row, evidence};
use crate::bare;
use crate::cluster::clients::Clients;
use crate::cluster::{Cluster, Disk, ms};

pub const VOTERS: u64 = 5;

/// What strikes.
#[derive(Clone, Debug)]
pub enum Strike {
    /// The leader's process is killed.
    KillLeader,
    /// The leader runs on, and nobody hears it.
    CutOffLeader,
    /// These machines lose power.
    CutPower(Vec<u64>),
}

/// When those it struck are back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Return {
    /// All of them before the election.
    Before,
    /// These before the election, the others after it.
    Only(Vec<u64>),
    /// All of them after it.
    After,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub strike: Strike,
    pub back: Return,
    /// Who campaigns first.
    pub candidate: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Committed,
    Lost,
}

/// Every choice of who campaigns first.
pub fn each_candidate(strike: &Strike, back: &Return) -> Vec<Failure> {
    let failure = |candidate| Failure {
        strike: strike.clone(),
        back: back.clone(),
        candidate,
    };
    (1..=VOTERS).map(failure).collect()
}

/// Every set of `count` nodes.
pub fn sets_of(count: u32) -> Vec<Vec<u64>> {
    (0..1_u64 << VOTERS)
        .filter(|set| set.count_ones() == count)
        .map(|set| (1..=VOTERS).filter(|n| set >> (n - 1) & 1 == 1).collect())
        .collect()
}

/// Acknowledges one entry as `row` says and lets `failure` strike.
pub fn tell(row: &Row, failure: &Failure) -> End {
    let mut cluster = Cluster::with(VOTERS, bare);
    cluster.elect(1);
    let position = acknowledge(&mut cluster, row);
    let struck = strike(&mut cluster, &failure.strike);
    for n in &struck {
        let early = match &failure.back {
            Return::Before => true,
            Return::Only(these) => these.contains(n),
            Return::After => false,
        };
        if early {
            cluster.restart(*n);
        }
    }
    // From here on disks do as they are asked, and what was merely written stays so.
    cluster.disks(Disk::AsAsked);
    elect_first(&mut cluster, failure.candidate);
    pass_until(&mut cluster, 400, has_led);
    for n in struck {
        if !cluster.is_up(n) {
            cluster.restart(n);
        }
    }
    cluster.heal();
    pass_until(&mut cluster, 5000, |cluster| {
        (1..=VOTERS).all(|n| cluster.fate(n, position) != Fate::Pending)
    });
    conclude(&cluster, row, position)
}

/// Proposes the entry and shows that its client hears on exactly the evidence of its row.
fn acknowledge(cluster: &mut Cluster, row: &Row) -> LogPosition {
    for n in row.copies.max(1) + 1..=VOTERS {
        cluster.isolate(n);
    }
    cluster.disks(match evidence(row) {
        Held::Accepted => Disk::Busy,
        Held::Written => Disk::LogHeld,
        Held::Synced => Disk::Prompt,
    });
    let mut clients = Clients::new();
    let position = clients.propose(cluster, 1, row.class, row.fallback);
    cluster.run_until_idle();
    let mut told = clients.told(cluster);
    if told.is_empty() {
        cluster.pass(ms(501));
        told = clients.told(cluster);
    }
    let [answer] = told[..] else {
        panic!("{row:?} was not acknowledged")
    };
    assert!([Grade::AsAsked, Grade::Fallback].contains(&answer.grade));
    assert_eq!(answer.held, Some(evidence(row)));
    let nobody: [u64; 0] = [];
    let copies: Vec<u64> = (1..=row.copies).collect();
    assert_eq!(cluster.holders(position, Held::Written), copies);
    match evidence(row) {
        Held::Synced => assert_eq!(cluster.holders(position, Held::Synced), copies),
        _ => assert_eq!(cluster.holders(position, Held::Synced), nobody),
    }
    position
}

/// Returns those that are down.
fn strike(cluster: &mut Cluster, strike: &Strike) -> Vec<u64> {
    cluster.heal();
    match strike {
        Strike::KillLeader => {
            cluster.kill(1);
            vec![1]
        }
        Strike::CutOffLeader => {
            cluster.isolate(1);
            vec![]
        }
        Strike::CutPower(victims) => {
            for n in victims {
                cluster.cut_power(*n);
            }
            victims.clone()
        }
    }
}

/// Lets one node campaign until its term is not the reason that it loses.
fn elect_first(cluster: &mut Cluster, candidate: u64) {
    for _ in 0..8 {
        if !cluster.is_up(candidate) || cluster.role(candidate) == Role::Leader {
            return;
        }
        cluster.campaign(candidate);
    }
}

/// Lets time pass until something is so, or so many milliseconds have passed.
fn pass_until(cluster: &mut Cluster, millis_max: u64, so: impl Fn(&Cluster) -> bool) {
    for _ in 0..millis_max / 20 {
        if so(cluster) {
            return;
        }
        cluster.pass(ms(20));
    }
}

/// Whether the newest leader has committed something of its own term.
fn has_led(cluster: &Cluster) -> bool {
    let leader = cluster.leader().map(|n| cluster.status(n));
    leader.is_some_and(|status| status.term.0 > 1 && status.commit.term == status.term)
}

/// Everybody agrees on the end, and who acknowledged what is lost has said so.
fn conclude(cluster: &Cluster, row: &Row, position: LogPosition) -> End {
    let end = match cluster.fate(1, position) {
        Fate::Committed => End::Committed,
        Fate::Lost => End::Lost,
        open => panic!("{row:?}: {position} is {open:?} in the end"),
    };
    for n in 2..=VOTERS {
        assert_eq!(
            cluster.fate(n, position),
            cluster.fate(1, position),
            "{row:?}, node {n}"
        );
    }
    let same_life = cluster.status(1).incarnation.number == 1;
    if same_life && end == End::Lost {
        let told = cluster.settled(1, position.term.0);
        assert_eq!(told, Some((position.index.0 - 1, Unkept::Lost)), "{row:?}");
    }
    end
}
