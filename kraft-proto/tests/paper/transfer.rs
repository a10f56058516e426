//! Raft thesis §3.10: leadership handed over on purpose.

use kraft_proto::{
    Class, CommitMode, Durability, Envelope, FsyncMode, Held, LogPosition, Message, NodeId,
    ProposeError, Role, TransferError, Trust,
};

use crate::cluster::messages::{envelope, heartbeat_reply, watermarks};
use crate::cluster::{Cluster, Disk, at, id, ms};

fn transfer(cluster: &mut Cluster, from: u64, to: Option<u64>) -> Result<NodeId, TransferError> {
    let now = cluster.now;
    cluster.raft(from).transfer_leadership(now, to.map(NodeId))
}

fn timeout_now(envelope: &Envelope) -> bool {
    envelope.message == Message::TimeoutNow
}

#[test]
fn the_target_leads_at_once_although_everybody_hears_the_leader() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let before = cluster.now;
    assert_eq!(transfer(&mut cluster, 1, Some(3)), Ok(id(3)));
    cluster.run_until_idle();
    assert_eq!(cluster.now, before, "nobody waited for a timeout");
    assert_eq!(
        (cluster.role(3), cluster.term(3), cluster.role(1)),
        (Role::Leader, 2, Role::Follower)
    );
    let proposed = cluster.propose(3, Class::default());
    cluster.run_until_idle();
    assert!(cluster.acked(3, &proposed));
}

/// Thesis §3.10: "The prior leader sends all its log entries to the target server", and then only
/// tells it to campaign: before, it would lose the election that nobody else holds.
#[test]
fn the_target_is_told_only_once_it_has_the_last_entry() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    let behind = cluster.propose_many(1, Class::default(), 9);
    cluster.run_until_idle();
    cluster.heal();
    assert_eq!(transfer(&mut cluster, 1, Some(3)), Ok(id(3)));
    cluster.poll();
    assert!(!cluster.network.iter().any(|p| timeout_now(&p.envelope)));
    assert_eq!(cluster.status(1).transfer_to, Some(id(3)));
    cluster.pass(ms(140));
    assert_eq!(cluster.role(3), Role::Leader);
    assert_eq!(cluster.terms(3), [vec![1; 10], vec![2]].concat());
    assert_eq!(cluster.commit(3).index, behind.run.last().next());
}

/// What waits for company is sent along: it was accepted, and must not be lost for a transfer.
#[test]
fn what_was_accepted_before_goes_with_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let class = Class::new(CommitMode::Async, FsyncMode::None);
    let accepted = cluster.propose_many(1, class, 3).run.last_position();
    assert_eq!(transfer(&mut cluster, 1, Some(2)), Ok(id(2)));
    cluster.run_until_idle();
    assert_eq!(cluster.role(2), Role::Leader);
    assert_eq!(cluster.commit(2), at(2, accepted.index.0 + 1));
    assert_eq!(cluster.holders(accepted, Held::Written), [1, 2, 3]);
}

#[test]
fn writes_are_refused_meanwhile_and_taken_again_when_nobody_took_over() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    assert_eq!(transfer(&mut cluster, 1, Some(3)), Ok(id(3)));
    let refused = Err(ProposeError::Transferring(id(3)));
    assert_eq!(cluster.try_propose(1, Class::default()), refused);
    cluster.pass(ms(299));
    assert_eq!(cluster.try_propose(1, Class::default()), refused);
    cluster.pass(ms(1));
    assert_eq!(cluster.status(1).transfer_to, None);
    let proposed = cluster.propose(1, Class::default());
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed), "it never left office");
}

#[test]
fn a_lost_word_is_said_again_with_the_next_heartbeat() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    assert_eq!(transfer(&mut cluster, 1, Some(2)), Ok(id(2)));
    cluster.poll();
    assert_eq!(cluster.intercept(timeout_now).len(), 1);
    cluster.pass(ms(49));
    assert_eq!(cluster.role(1), Role::Leader);
    cluster.pass(ms(1));
    assert_eq!(cluster.role(2), Role::Leader);
}

#[test]
fn nobody_named_means_the_voter_that_holds_most() {
    let mut cluster = Cluster::with_learners(5, 1);
    cluster.elect(1);
    for n in [2, 4, 5] {
        cluster.cut(1, n);
    }
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    // Node 3 and learner 6 hold it.
    assert_eq!(transfer(&mut cluster, 1, None), Ok(id(3)));
    let again = transfer(&mut cluster, 1, None);
    assert_eq!(again, Ok(id(3)), "the same one again");
    let other = transfer(&mut cluster, 1, Some(2));
    assert_eq!(other, Err(TransferError::UnderWay(id(3))));
    cluster.run_until_idle();
    assert_eq!(cluster.role(1), Role::Follower);
}

#[test]
fn a_target_that_makes_no_sense_is_refused_by_name() {
    let mut cluster = Cluster::with_learners(3, 1);
    let nobody_leads = transfer(&mut cluster, 1, None);
    assert_eq!(nobody_leads, Err(TransferError::NotLeader(None)));
    cluster.elect(1);
    for (from, to, refused) in [
        (1, 1, TransferError::Itself),
        (1, 4, TransferError::Learner(id(4))),
        (1, 9, TransferError::Unknown(id(9))),
        (2, 3, TransferError::NotLeader(Some(id(1)))),
    ] {
        assert_eq!(transfer(&mut cluster, from, Some(to)), Err(refused));
    }
    assert!(cluster.try_propose(1, Class::default()).is_ok());
    let now = cluster.now;
    cluster.raft(1).stop(now);
    let stopped = transfer(&mut cluster, 1, None);
    assert_eq!(stopped, Err(TransferError::Stopped));

    let mut alone = Cluster::new(1);
    alone.elect(1);
    let refused = transfer(&mut alone, 1, None);
    assert_eq!(refused, Err(TransferError::Nobody));
}

/// A suspect may lack what it once acknowledged, and its own vote is not clean.
#[test]
fn a_suspect_is_refused_and_one_found_suspect_ends_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.inject(answer_of_suspect(0));
    let refused = transfer(&mut cluster, 1, Some(3));
    assert_eq!(refused, Err(TransferError::Suspect(id(3))));
    assert_eq!(transfer(&mut cluster, 1, None), Ok(id(2)));

    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    assert_eq!(transfer(&mut cluster, 1, Some(3)), Ok(id(3)));
    cluster.inject(answer_of_suspect(0));
    assert_eq!(cluster.status(1).transfer_to, None);
    assert!(cluster.try_propose(1, Class::default()).is_ok());
}

/// Thesis §4.2.3: "the leadership transfer extension [...] the RequestVote messages can include a
/// special flag to indicate this behavior".
#[test]
fn voters_that_hear_a_leader_answer_only_a_candidate_it_sent() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let last = LogPosition::new(kraft_proto::Term(1), kraft_proto::LogIndex(1));
    cluster.inject(envelope(3, 2, 2, Message::Vote { last }));
    assert_eq!((cluster.term(2), cluster.status(2).vote), (1, Some(id(1))));
    cluster.inject(envelope(3, 2, 2, Message::TransferVote { last }));
    assert_eq!((cluster.term(2), cluster.status(2).vote), (2, Some(id(3))));
}

/// A word of an earlier term, or of anybody but the leader, would depose a working leader.
#[test]
fn only_the_leader_of_this_very_term_is_believed() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    cluster.pass(ms(150));
    assert_eq!(transfer(&mut cluster, 1, Some(2)), Ok(id(2)));
    cluster.run_until_idle();
    for (from, to, term) in [(1, 3, 1), (1, 3, 2), (3, 2, 2), (2, 4, 2)] {
        cluster.inject(envelope(from, to, term, Message::TimeoutNow));
        cluster.run_until_idle();
        let leader = (cluster.role(2), cluster.term(2));
        assert_eq!(leader, (Role::Leader, 2), "{from} to {to} in {term}");
    }
}

/// Votes compare whole logs here too: the leader's word replaces the timeout and nothing else.
#[test]
fn a_transfer_vote_needs_the_log_as_any_vote_does() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let last = at(1, 1);
    cluster.inject(envelope(3, 2, 2, Message::TransferVote { last }));
    assert_eq!((cluster.term(2), cluster.status(2).vote), (2, None));
}

fn impatient(config: kraft_proto::Config) -> kraft_proto::Config {
    kraft_proto::Config {
        durability: Durability {
            disk_stall: ms(500),
            ..config.durability
        },
        ..config
    }
}

#[test]
fn a_leader_whose_disk_is_stuck_hands_over() {
    let mut cluster = Cluster::with(3, impatient);
    cluster.elect(1);
    cluster.node(1).disk = Disk::LogHeld;
    // The system goes on taking writes: what counts is the one that is owed longest.
    for _ in 0..4 {
        cluster.propose(1, Class::default());
        cluster.pass(ms(120));
        assert_eq!(cluster.role(1), Role::Leader);
    }
    cluster.pass(ms(20));
    assert_eq!(cluster.role(1), Role::Follower, "500 ms after the first");
    let leader = (2..=3).find(|n| cluster.role(*n) == Role::Leader);
    let leader = leader.expect("one of the others leads");
    assert_eq!(
        cluster.commit(leader).index,
        cluster.status(leader).last.index
    );
}

#[test]
fn a_slow_disk_is_not_a_stuck_one() {
    let mut cluster = Cluster::with(3, impatient);
    cluster.elect(1);
    cluster.node(1).disk = Disk::LogHeld;
    for _ in 0..9 {
        cluster.propose(1, Class::default());
        cluster.pass(ms(400));
        cluster.sync(1);
    }
    cluster.pass(ms(2000));
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
}

#[test]
fn a_stuck_disk_with_nobody_to_take_over_keeps_its_leader() {
    let mut cluster = Cluster::with(1, impatient);
    cluster.elect(1);
    cluster.node(1).disk = Disk::LogHeld;
    let proposed = cluster.propose(1, Class::default());
    cluster.pass(ms(3000));
    assert_eq!(cluster.role(1), Role::Leader);
    cluster.sync(1);
    assert!(cluster.acked(1, &proposed));
}

/// The vote of a node with a stuck disk would wait for that disk: the others must be able to elect
/// without it, or nobody leads at all.
#[test]
fn a_stuck_disk_keeps_its_leader_where_the_others_cannot_elect_one() {
    for suspect in [true, false] {
        let mut cluster = Cluster::with(3, impatient);
        cluster.elect(1);
        match suspect {
            true => {
                cluster.lossy = |e| e.to == id(1) && e.from == id(3);
                cluster.inject(answer_of_suspect(0));
            }
            false => {
                // It had answered for long, and that is long ago.
                cluster.pass(ms(2000));
                cluster.kill(3);
            }
        }
        cluster.pass(ms(200));
        cluster.node(1).disk = Disk::LogHeld;
        cluster.propose(1, Class::default());
        for round in 0..20 {
            cluster.pass(ms(50));
            if suspect {
                cluster.inject(answer_of_suspect(round + 100));
            }
        }
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 1));
        assert_eq!(cluster.status(1).transfer_to, None);
    }
}

/// Node 3 answers a round of heartbeats of leader 1, and says that it is suspect.
fn answer_of_suspect(round: u64) -> Envelope {
    let Message::HeartbeatReply(reply) = heartbeat_reply(round, 1, watermarks(1, 1)) else {
        unreachable!()
    };
    let trust = Trust::Suspect;
    let reply = kraft_proto::HeartbeatReply { trust, ..reply };
    envelope(3, 1, 1, Message::HeartbeatReply(reply))
}
