//! Configurations: any bytes of their entry, and one change of whatever they hold.

use kraft_proto::{
    Change, Config, Instant, Member, Members, NodeId, Nonce, Raft, Recovery, Role, StoreId,
};

use super::Depth;
use super::frames::run_until_idle;
use super::inputs::Input;

/// Takes the bytes of an entry, and changes behind them: the first byte says how many are the
/// entry's.
pub fn body(bytes: &[u8]) -> Depth {
    let Some((&length, rest)) = bytes.split_first() else {
        return Depth::Refused;
    };
    let (entry, changes) = rest.split_at(usize::from(length).min(rest.len()));
    let Some(members) = Members::from_bytes(entry) else {
        return Depth::Refused;
    };
    assert_eq!(*members.to_bytes(), *entry, "another encoding");
    check(&members);
    let mut input = Input::new(changes);
    for voter in members.voters().iter() {
        let member = members.iter().find(|member| member.id == voter);
        change(&members, *member.expect("a voter is a member"), &mut input);
    }
    Depth::Taken
}

/// Whoever can lead alone takes changes: each is refused and changes nothing, or leaves members
/// that are in order.
fn change(members: &Members, own: Member, input: &mut Input<'_>) {
    let config = Config::new(own.id, own.store, 7);
    let now = Instant::ZERO;
    let Ok(mut node) = Raft::new(config, Recovery::bootstrap(members.clone()), Nonce(1), now)
    else {
        return;
    };
    run_until_idle(&mut node, now);
    node.campaign(now);
    run_until_idle(&mut node, now);
    if node.status().role != Role::Leader {
        return;
    }
    for _ in 0..16 {
        if input.is_empty() {
            return;
        }
        let changes: Vec<Change> = (0..input.byte() % 4).map(|_| drawn(input)).collect();
        let before = node.status();
        let taken = node.propose_members(now, &changes);
        let after = node.status();
        match taken {
            Ok(_) => {
                check(&after.members);
                let joint = changes.len() > 1;
                assert_eq!(after.members.is_joint(), joint, "{changes:?}");
                let outgoing = after.members.voters_outgoing().iter();
                assert!(!joint || outgoing.eq(before.members.voters().iter()));
            }
            Err(_) => assert_eq!(after.members, before.members, "{changes:?}"),
        }
        run_until_idle(&mut node, now);
        check(&node.status().members);
    }
}

fn drawn(input: &mut Input<'_>) -> Change {
    let kind = input.byte();
    let member = Member {
        id: NodeId(u64::from(input.byte() % 20)),
        store: StoreId(u64::from(kind >> 6)),
    };
    match kind % 3 {
        0 => Change::Voter(member),
        1 => Change::Learner(member),
        _ => Change::Remove(member.id),
    }
}

fn check(members: &Members) {
    let voters: Vec<NodeId> = members.voters().iter().collect();
    assert!(!voters.is_empty(), "nobody votes");
    for learner in members.learners().iter() {
        assert!(!voters.contains(&learner), "{learner} votes and learns");
    }
    let ids: Vec<NodeId> = members.iter().map(|member| member.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let read = Members::from_bytes(&members.to_bytes());
    assert_eq!(read.as_ref(), Some(members), "it does not read back");
}
