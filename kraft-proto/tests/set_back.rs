//! A disk that went back to an older copy of itself: what a leader takes for one, what it does not, and
//! what the node does then. The rules are listed in `src/incarnations.rs`.

mod cluster;

#[path = "set_back/found.rs"]
mod found;
#[path = "set_back/no_contradiction.rs"]
mod no_contradiction;
#[path = "set_back/notices.rs"]
mod notices;

use cluster::messages::{append, envelope, heartbeat_reply, watermarks};
use cluster::store::{Stop, Store};
use cluster::{Answering, Cluster, Disk, at, id, ms, run};
use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, Envelope, Fate, Finding, FsyncMode, HardState,
    Heartbeat, Held, Incarnation, LogIndex, LogPosition, Message, Nonce, Notice, PeerStatus,
    PreVote, Proposed, Readmission, Role, StoreId, Term, Trust, Waiting, WriteKind,
};

const FIRM: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

fn incarnation(number: u64, nonce: u64) -> Incarnation {
    Incarnation::new(number, Nonce(nonce))
}

fn peer(cluster: &Cluster, n: u64) -> PeerStatus {
    let peers = cluster.status(1).peers;
    peers.into_iter().find(|peer| peer.id == id(n)).unwrap()
}

/// What lies on the disk of node `n` now, as a copy of its directory would have it.
fn copy(cluster: &Cluster, n: u64) -> Store {
    cluster.stores[&id(n)].clone()
}

/// The node is killed, its disk replaced by the copy, and the node started again.
fn put_back(cluster: &mut Cluster, n: u64, copy: &Store) {
    cluster.kill(n);
    replace(cluster, n, copy);
    cluster.restart(n);
}

fn replace(cluster: &mut Cluster, n: u64, copy: &Store) {
    let copy = Store {
        stopped: Some(Stop::Kill),
        ..copy.clone()
    };
    cluster.stores.insert(id(n), copy);
}

/// Three nodes of which the first leads; the third has been started `starts` times, and was copied
/// while `copied` was its newest. Then it took five entries, with node 2 away.
fn story(starts: u64, copied: u64) -> (Cluster, Store, Vec<Proposed>) {
    let mut cluster = Cluster::with(3, |config| Config {
        check_quorum: CheckQuorum::On,
        ..config
    });
    cluster.elect(1);
    let mut saved = None;
    for start in 1..=starts {
        if start > 1 {
            cluster.kill(3);
            cluster.restart(3);
        }
        cluster.pass(ms(100));
        if start == copied {
            saved = Some(copy(&cluster, 3));
        }
    }
    cluster.isolate(2);
    let acked: Vec<Proposed> = (0..5).map(|_| cluster.propose(1, FIRM)).collect();
    cluster.run_until_idle();
    assert!(acked.iter().all(|proposed| cluster.acked(1, proposed)));
    cluster.pass(ms(60));
    (cluster, saved.unwrap(), acked)
}

/// The acknowledged writes outlive the leader, although only it and the third node ever had them.
fn survive(cluster: &mut Cluster, acked: &[Proposed]) {
    cluster.kill(1);
    cluster.heal();
    cluster.pass(ms(3000));
    let leader = cluster.leader().expect("two of three elect a leader");
    for proposed in acked {
        let position = proposed.run.last_position();
        assert_eq!(cluster.fate(leader, position), Fate::Committed);
    }
}

/// What the leader tells a node with its next heartbeat.
fn told(cluster: &mut Cluster, n: u64) -> Option<Readmission> {
    let now = cluster.now.after(ms(60));
    cluster.now = now;
    cluster.raft(1).handle_timeout(now);
    cluster.poll();
    let beats = cluster.intercept(|envelope| envelope.to == id(n));
    let mut known = beats
        .iter()
        .filter_map(|packet| match packet.envelope.message {
            Message::Heartbeat(beat) => beat.readmission,
            _ => None,
        });
    known.next_back()
}

fn found(incarnation: Incarnation, finding: Finding) -> Notice {
    Notice {
        incarnation,
        finding,
    }
}
