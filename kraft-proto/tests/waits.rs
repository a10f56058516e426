//! Who waits is told exactly what the watermarks say: no more, no less, and once.

mod cluster;

use std::time::Duration;

use cluster::clients::{Clients, graded};
use cluster::{Cluster, Disk};
use kraft_proto::durability::Fallback;
use kraft_proto::{
    Class, CommitMode, Fate, FsyncMode, Grade, Held, Instant, Output, Role, Slot, Waits,
};

const ALL: Class = Class::new(CommitMode::All, FsyncMode::Commit);
const SYNC: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);
const LEADER_ONLY: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);

#[test]
fn a_fallback_for_one_client_does_not_pass_for_a_full_ack_of_another() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    let mut clients = Clients::new();
    clients.propose(&mut cluster, 1, ALL, Fallback::ToMajority);
    clients.propose(&mut cluster, 2, ALL, Fallback::Refuse);
    cluster.run_until_idle();
    assert_eq!(clients.told(&mut cluster), []);
    cluster.pass(Duration::from_millis(501));
    let told = clients.told(&mut cluster);
    assert_eq!(
        graded(&told),
        [
            (1, Grade::Fallback, Some(Held::Synced)),
            (2, Grade::TimedOut, None)
        ]
    );
    cluster.heal();
    cluster.pass(Duration::from_secs(1));
    assert_eq!(clients.told(&mut cluster), [], "each is answered once");
}

/// A host that needs the room, or whose client is gone.
#[test]
fn whoever_is_given_up_is_answered_as_at_its_deadline_and_leaves_its_place() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    let mut clients = Clients::new();
    for token in 1..=3 {
        clients.propose(&mut cluster, token, ALL, Fallback::Refuse);
    }
    clients.propose(&mut cluster, 4, ALL, Fallback::ToMajority);
    cluster.run_until_idle();
    assert_eq!(clients.told(&mut cluster), []);
    clients.give_up(&mut cluster, |token| token % 2 == 0);
    assert_eq!(
        graded(&clients.told(&mut cluster)),
        [
            (2, Grade::TimedOut, None),
            (4, Grade::Fallback, Some(Held::Synced))
        ]
    );
    clients.give_up(&mut cluster, |token| token % 2 == 0);
    assert_eq!(clients.told(&mut cluster), [], "each is answered once");
    cluster.heal();
    cluster.pass(Duration::from_millis(400));
    let asked = Some(Held::Synced);
    assert_eq!(
        graded(&clients.told(&mut cluster)),
        [(1, Grade::AsAsked, asked), (3, Grade::AsAsked, asked)]
    );
}

#[test]
fn without_a_majority_there_is_nothing_to_fall_back_to() {
    let mut cluster = Cluster::with(3, |config| kraft_proto::Config {
        pre_vote: kraft_proto::PreVote::Off,
        check_quorum: kraft_proto::CheckQuorum::Off,
        ..config
    });
    cluster.elect(1);
    cluster.isolate(1);
    let mut clients = Clients::new();
    clients.propose(&mut cluster, 1, ALL, Fallback::ToMajority);
    cluster.run_until_idle();
    cluster.pass(Duration::from_millis(501));
    let told = clients.told(&mut cluster);
    assert_eq!(graded(&told), [(1, Grade::TimedOut, None)]);
}

#[test]
fn a_deposed_leader_answers_by_what_commit_proves() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let mut clients = Clients::new();
    // Replicated, but the leader hears of nothing and its own disk is silent.
    cluster.node(1).disk = Disk::Held;
    clients.propose(&mut cluster, 1, SYNC, Fallback::Refuse);
    cluster.lossy = |envelope| envelope.to == cluster::id(1);
    cluster.run_until_idle();
    cluster.lossy = |_| false;
    cluster.isolate(1);
    // Never leaves the leader.
    clients.propose(&mut cluster, 2, SYNC, Fallback::Refuse);
    clients.propose(&mut cluster, 3, ALL, Fallback::ToMajority);
    cluster.run_until_idle();
    cluster.pass(Duration::from_millis(800));
    let leader = cluster.leader().expect("another leader");
    assert_ne!(leader, 1);
    cluster.heal();
    cluster.sync(1);
    cluster.node(1).disk = Disk::Prompt;
    cluster.pass(Duration::from_secs(1));
    let told = clients.told(&mut cluster);
    let of = |token| graded(&told).into_iter().find(|answer| answer.0 == token);
    assert_eq!(of(1), Some((1, Grade::AsAsked, Some(Held::Synced))));
    assert_eq!(of(2), Some((2, Grade::Lost, None)));
    assert!(of(3).is_some_and(|(_, grade, _)| grade != Grade::AsAsked));
}

#[test]
fn an_early_ack_that_is_lost_is_told_once_more() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let mut clients = Clients::new();
    clients.propose(&mut cluster, 1, LEADER_ONLY, Fallback::Refuse);
    cluster.run_until_idle();
    let told = clients.told(&mut cluster);
    assert_eq!(graded(&told), [(1, Grade::AsAsked, Some(Held::Written))]);
    let position = told[0].position;
    cluster.pass(Duration::from_millis(800));
    assert_ne!(cluster.leader(), Some(1));
    cluster.heal();
    cluster.pass(Duration::from_secs(1));
    let settled = cluster
        .node(1)
        .outputs
        .iter()
        .find_map(|output| match output {
            Output::Settled {
                term,
                committed_upto,
                ..
            } => Some((*term, *committed_upto)),
            _ => None,
        });
    let (term, committed_upto) = settled.expect("the loss is told");
    assert_eq!(term, position.term);
    assert!(committed_upto < position.index);
    let before_commit = cluster.node(1).outputs.iter().position(
        |output| matches!(output, Output::Commit { upto } if upto.index >= position.index),
    );
    let settled_at = cluster
        .node(1)
        .outputs
        .iter()
        .position(|output| matches!(output, Output::Settled { .. }));
    assert!(
        settled_at < before_commit,
        "told before the commit that proves it"
    );
}

#[test]
fn a_full_house_turns_the_next_one_away_with_its_token() {
    let mut cluster = Cluster::new(1);
    cluster.elect(1);
    assert_eq!(cluster.raft(1).status().role, Role::Leader);
    let mut clients = Clients::new();
    cluster.node(1).disk = Disk::Held;
    for token in 0..8 {
        assert!(clients.waits.has_room());
        clients.propose(&mut cluster, token, SYNC, Fallback::Refuse);
    }
    assert!(!clients.waits.has_room());
    let proposed = cluster.propose(1, SYNC);
    let position = proposed.run.last_position();
    let turned_away = clients
        .waits
        .insert(99, position, &proposed, SYNC, None, Fallback::Refuse);
    assert_eq!(turned_away, Err(99));
    cluster.run_until_idle();
    cluster.sync(1);
    assert_eq!(clients.told(&mut cluster).len(), 8);
}

/// A client may await the stronger answer of a LeaderOnly write: Sync·synced, or lost.
#[test]
fn whoever_awaits_commit_is_told_of_it_after_the_first_answer() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    let mut clients = Clients::new();
    let position = clients.propose(&mut cluster, 1, LEADER_ONLY, Fallback::Refuse);
    clients.await_commit(&mut cluster, 2, position);
    cluster.run_until_idle();
    let first = clients.told(&mut cluster);
    assert_eq!(graded(&first), [(1, Grade::AsAsked, Some(Held::Written))]);
    for n in [1, 2] {
        cluster.pass(Duration::from_secs(1));
        assert_eq!(clients.told(&mut cluster), [], "{} of 3 disks", n - 1);
        cluster.sync(n);
    }
    cluster.pass(Duration::from_millis(60));
    let then = clients.told(&mut cluster);
    assert_eq!(graded(&then), [(2, Grade::AsAsked, Some(Held::Synced))]);
    assert_eq!(then[0].mode, CommitMode::Sync);
    clients.await_commit(&mut cluster, 3, position);
    let at_once = clients.told(&mut cluster);
    assert_eq!(graded(&at_once), [(3, Grade::AsAsked, Some(Held::Synced))]);
}

#[test]
fn whoever_awaits_commit_is_told_that_it_will_not_come() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let mut clients = Clients::new();
    let first = clients.propose(&mut cluster, 1, LEADER_ONLY, Fallback::Refuse);
    let second = clients.propose(&mut cluster, 2, LEADER_ONLY, Fallback::Refuse);
    // Not in the order of their positions.
    clients.await_commit(&mut cluster, 12, second);
    clients.await_commit(&mut cluster, 11, first);
    cluster.pass(Duration::from_secs(1));
    let early = clients.told(&mut cluster);
    assert_eq!(early.len(), 2, "{early:?}");
    cluster.heal();
    cluster.pass(Duration::from_secs(1));
    let mut told = graded(&clients.told(&mut cluster));
    told.sort_by_key(|(token, ..)| *token);
    assert_eq!(told, [(11, Grade::Lost, None), (12, Grade::Lost, None)]);
}

/// Asked in the order of positions or not, each is told as soon as its own entry is committed.
#[test]
fn whoever_awaits_an_earlier_entry_does_not_wait_for_a_later_one() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    let mut clients = Clients::new();
    let first = clients.propose(&mut cluster, 1, LEADER_ONLY, Fallback::Refuse);
    cluster.run_until_idle();
    assert_eq!(clients.told(&mut cluster).len(), 1);
    cluster.lossy = |envelope| envelope.entries() > 0;
    let second = clients.propose(&mut cluster, 2, LEADER_ONLY, Fallback::Refuse);
    clients.await_commit(&mut cluster, 12, second);
    clients.await_commit(&mut cluster, 11, first);
    cluster.run_until_idle();
    assert_eq!(clients.told(&mut cluster).len(), 1);
    cluster.sync(2);
    cluster.sync(3);
    let told = graded(&clients.told(&mut cluster));
    assert_eq!(told, [(11, Grade::AsAsked, Some(Held::Synced))]);
}

/// 1. node 1 of two voters proposes for all of them, which is a majority of them;
/// 2. node 3 is added, and node 1 leaves office before it hears of any copy;
/// 3. the next leader commits with two of three: that is not all, and no longer as asked.
#[test]
fn commit_is_not_all_that_was_asked_for_where_others_joined_meanwhile() {
    let eager = |config| kraft_proto::Config {
        pre_vote: kraft_proto::PreVote::Off,
        check_quorum: kraft_proto::CheckQuorum::Off,
        ..config
    };
    for joins in [false, true] {
        let mut cluster = Cluster::with(2, eager);
        cluster.join(3);
        cluster.elect(1);
        let mut clients = Clients::new();
        cluster.lossy = |envelope| envelope.to == cluster::id(1);
        clients.propose(&mut cluster, 1, ALL, Fallback::Refuse);
        if joins {
            let member = kraft_proto::Member {
                id: cluster::id(3),
                store: kraft_proto::StoreId(3),
            };
            let change = [kraft_proto::Change::Voter(member)];
            cluster.change(1, &change).unwrap();
        }
        cluster.run_until_idle();
        cluster.lossy = |_| false;
        cluster.elect(2);
        cluster.pass(Duration::from_millis(200));
        let told = graded(&clients.told(&mut cluster));
        let expected = match joins {
            false => (1, Grade::AsAsked, Some(Held::Synced)),
            true => (1, Grade::TimedOut, None),
        };
        assert_eq!(told, [expected], "node 3 joins: {joins}");
    }
}

/// The story: 1. an `All` entry is committed, node 3 has not got it; 2. the leader leaves office before
/// its client's deadline; 3. at the deadline the client heard *timed out*, though this very node
/// called its fate *committed*, and the client had said that a majority will do.
#[test]
fn who_settles_for_a_majority_hears_of_it_though_its_leader_has_left_office() {
    for fsync in [FsyncMode::None, FsyncMode::Commit] {
        for (fallback, grade, held) in [
            (Fallback::ToMajority, Grade::Fallback, Some(Held::Synced)),
            (Fallback::Refuse, Grade::TimedOut, None),
        ] {
            let mut cluster = Cluster::new(3);
            cluster.elect(1);
            cluster.isolate(3);
            let mut clients = Clients::new();
            let class = Class::new(CommitMode::All, fsync);
            let position = clients.propose(&mut cluster, 1, class, fallback);
            cluster.pass(Duration::from_millis(100));
            if cluster.fate(1, position) == Fate::Pending {
                cluster.sync(1);
                cluster.sync(2);
            }
            assert_eq!(cluster.fate(1, position), Fate::Committed);
            assert_eq!(clients.told(&mut cluster), []);
            cluster.isolate(1);
            cluster.pass(Duration::from_millis(390));
            assert_ne!(cluster.role(1), Role::Leader, "check-quorum");
            cluster.pass(Duration::from_millis(11));
            let told = clients.told(&mut cluster);
            assert_eq!(graded(&told), [(1, grade, held)]);
        }
    }
}

/// The core names in an acknowledgement what somebody asked. A majority's copies of an `All` entry
/// are nobody's, until a client settles for them: then they count as given, and their fate is told.
#[test]
fn all_alone_is_not_acknowledged_as_sync_and_counts_as_early_once_somebody_settles() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.cut(1, 3);
    cluster.disks(Disk::LogHeld);
    let mut clients = Clients::new();
    let class = Class::new(CommitMode::All, FsyncMode::None);
    let position = clients.propose(&mut cluster, 1, class, Fallback::ToMajority);
    cluster.run_until_idle();
    let acks = |cluster: &mut Cluster| {
        let outputs = cluster.node(1).outputs.iter();
        let acks = outputs.filter(|output| matches!(output, Output::Ack { .. }));
        acks.cloned().collect::<Vec<_>>()
    };
    assert_eq!(acks(&mut cluster), [], "nobody asked for Sync");
    assert_eq!(cluster.status(1).entries_at_risk, 0, "nobody was told");
    cluster.pass(Duration::from_millis(501));
    assert_eq!(acks(&mut cluster), []);
    let told = clients.told(&mut cluster);
    assert_eq!(graded(&told), [(1, Grade::Fallback, Some(Held::Written))]);
    assert_eq!(told[0].position, position);
    assert_eq!(cluster.status(1).entries_at_risk, 1, "now somebody was");
}

/// Whoever waits costs nothing when another is due: 65,536 wait, one of them is due each millisecond.
#[test]
fn of_those_who_wait_only_those_who_are_due_are_looked_at() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    let proposed = cluster.propose(1, ALL);
    let position = proposed.run.last_position();
    let slots: Vec<Slot<u32>> = (0..65_536).map(|_| Slot::default()).collect();
    let mut waits = Waits::new(slots);
    for token in 0..65_536_u32 {
        // In no order.
        let due = u64::from(token.wrapping_mul(40_503) % 65_536);
        let deadline = Some(Instant::from_millis(1_000 + due));
        waits
            .insert(token, position, &proposed, ALL, deadline, Fallback::Refuse)
            .unwrap();
    }
    let raft = cluster.raft(1);
    for due in 0..65_536_u64 {
        assert_eq!(waits.poll_timeout(), Instant::from_millis(1_000 + due));
        waits.handle_timeout(Instant::from_millis(1_000 + due), raft, |_| None);
        let told = waits.poll_answer().map(|answer| answer.grade);
        assert_eq!(told, Some(Grade::TimedOut));
        assert_eq!(waits.poll_answer(), None);
    }
    assert!(waits.is_empty());
    assert_eq!(waits.poll_timeout(), Instant::NEVER);
}

/// Who asks for the same, and has as long, is answered first if it asked first.
#[test]
fn those_who_are_due_together_are_answered_in_the_order_they_came() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    let proposed = cluster.propose(1, ALL);
    let position = proposed.run.last_position();
    let mut waits = Waits::new((0..100).map(|_| Slot::default()).collect::<Vec<_>>());
    let due = Instant::from_millis(1_000);
    for token in 0..100_u32 {
        waits
            .insert(token, position, &proposed, ALL, Some(due), Fallback::Refuse)
            .unwrap();
    }
    let raft = cluster.raft(1);
    waits.handle_timeout(due, raft, |_| None);
    let told: Vec<u32> = std::iter::from_fn(|| waits.poll_answer())
        .map(|answer| answer.token)
        .collect();
    assert_eq!(told, (0..100).collect::<Vec<_>>());
}
