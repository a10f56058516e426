//! Recovery: any hard state and any runs start a node, or are refused with a reason.

use std::num::NonZeroU64;

use kraft_proto::{
    Class, Config, EntryKind, HardState, Incarnation, Instant, LogIndex, Members, NodeId, Nonce,
    Raft, Recovery, Run, StoreId, Term, Trust,
};

use super::Depth;
use super::frames::run_until_idle;
use super::inputs::Input;

/// Takes a hard state and runs.
pub fn body(bytes: &[u8]) -> Depth {
    let mut input = Input::new(bytes);
    let hard = HardState {
        term: Term(input.number()),
        vote: NonZeroU64::new(input.number()).map(|id| NodeId(id.get())),
        incarnation: Incarnation::new(input.number(), Nonce(input.number())),
        trust: [Trust::Clean, Trust::Dirty, Trust::Suspect][usize::from(input.byte() % 3)],
        superseded: match input.byte() {
            0 => Some(Incarnation::new(input.number(), Nonce(input.number()))),
            _ => None,
        },
    };
    let members = Members::new([NodeId(1)], [NodeId(2)]).expect("members");
    let mut recovery = Recovery::resume(hard, members);
    if input.byte().is_multiple_of(2) {
        recovery = recovery.same_boot();
    }
    let mut next = LogIndex(1);
    while !input.is_empty() {
        let shape = input.byte();
        let first = match shape & 7 {
            0 => LogIndex(input.number()),
            _ => next,
        };
        let run = Run {
            term: Term(input.number()),
            kind: [EntryKind::Command, EntryKind::NoOp][usize::from(shape >> 7)],
            first,
            count: u32::from(input.short() & 0xfff),
        };
        next = first.plus(u64::from(run.count));
        recovery = recovery.run(run);
    }
    let now = Instant::ZERO;
    let Ok(mut node) = Raft::new(
        Config::new(NodeId(1), StoreId(1), 7),
        recovery,
        Nonce(1),
        now,
    ) else {
        return Depth::Refused;
    };
    let status = node.status();
    assert!(status.term >= hard.term && status.term >= status.last.term);
    assert!(status.incarnation.number > hard.incarnation.number);
    assert_eq!(status.watermarks.synced, status.last.index);
    run_until_idle(&mut node, now);
    node.campaign(now);
    run_until_idle(&mut node, now);
    let _ = node.propose(now, Class::default(), 1);
    run_until_idle(&mut node, now);
    Depth::Taken
}
