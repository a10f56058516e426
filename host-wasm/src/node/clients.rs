//! What clients ask of a node, and why it does nothing where it does not.

use kraft_proto::durability::Fallback;
use kraft_proto::{
    Busy, Change, ChangeError, Class, CommitMode, MembersProposeError, ProposeError, Proposed,
    ReadError, TransferError,
};
use wasm_bindgen::prelude::*;

use super::{Node, moment, position};
use crate::arguments::{class, member, node};
use crate::codes::{self, Refusal};

/// Why the last proposal or read was not taken.
#[derive(Default)]
pub(super) struct Refused {
    pub why: Option<Refusal>,
    pub said: String,
    pub hint: u64,
}

impl Node {
    fn refuse(&mut self, why: Refusal, hint: Option<u64>, said: String) -> f64 {
        self.refused = Refused {
            why: Some(why),
            said,
            hint: hint.unwrap_or(0),
        };
        -1.0
    }

    fn refuse_busy(&mut self, busy: Busy) -> f64 {
        self.refuse(Refusal::Busy, None, format!("nothing was written: {busy}"))
    }

    fn refuse_proposal(&mut self, error: ProposeError) -> f64 {
        let said = error.to_string();
        match error {
            ProposeError::NotLeader(leader) => {
                self.refuse(Refusal::NotLeader, leader.map(|leader| leader.0), said)
            }
            ProposeError::Transferring(to) => self.refuse(Refusal::Busy, Some(to.0), said),
            ProposeError::Busy(_) => self.refuse(Refusal::Busy, None, said),
            ProposeError::Count
            | ProposeError::TooMany(_)
            | ProposeError::AtLeast { .. }
            | ProposeError::Exhausted => self.refuse(Refusal::Invalid, None, said),
            ProposeError::Stopped => self.refuse(Refusal::Stopped, None, said),
        }
    }

    /// Has a client wait for what was proposed; its token.
    fn wait(
        &mut self,
        proposed: &Proposed,
        class: Class,
        deadline_us: f64,
        fallback: Fallback,
    ) -> f64 {
        self.tokens = self.tokens.wrapping_add(1);
        let at = proposed.run.last_position();
        let all_timeout = self.raft.durability().all_timeout;
        let by_mode = (proposed.mode == CommitMode::All).then(|| self.now.after(all_timeout));
        let deadline = match deadline_us > 0.0 {
            true => Some(moment(deadline_us)),
            false => by_mode,
        };
        // There is room: it was asked for.
        let _ = (self.waits).insert(self.tokens, at, proposed, class, deadline, fallback);
        self.shown.term = at.term.0;
        self.shown.index = at.index.0;
        f64::from(self.tokens)
    }

    fn refuse_members(&mut self, error: MembersProposeError) -> f64 {
        let said = error.to_string();
        let (why, hint) = match error {
            MembersProposeError::NotLeader(leader) => (Refusal::NotLeader, leader),
            MembersProposeError::Transferring(to) => (Refusal::Busy, Some(to)),
            MembersProposeError::NotReady | MembersProposeError::Busy(_) => (Refusal::Busy, None),
            MembersProposeError::UnderWay(_) => (Refusal::UnderWay, None),
            MembersProposeError::Change(error) => (why_unchanged(error), None),
            MembersProposeError::Exhausted => (Refusal::Invalid, None),
            MembersProposeError::Stopped => (Refusal::Stopped, None),
        };
        self.refuse(why, hint.map(|node| node.0), said)
    }

    fn refuse_transfer(&mut self, error: TransferError) -> f64 {
        let said = error.to_string();
        let (why, hint) = match error {
            TransferError::NotLeader(leader) => (Refusal::NotLeader, leader),
            TransferError::Itself => (Refusal::Unchanged, None),
            TransferError::Unknown(_) | TransferError::Learner(_) => (Refusal::NotMember, None),
            TransferError::Suspect(_) | TransferError::Nobody => (Refusal::Busy, None),
            TransferError::UnderWay(to) => (Refusal::UnderWay, Some(to)),
            TransferError::Stopped => (Refusal::Stopped, None),
        };
        self.refuse(why, hint.map(|node| node.0), said)
    }
}

fn why_unchanged(error: ChangeError) -> Refusal {
    match error {
        ChangeError::Nothing => Refusal::Unchanged,
        ChangeError::NotMember(_) => Refusal::NotMember,
        ChangeError::OtherStore(..) => Refusal::OtherStore,
        ChangeError::Members(_) => Refusal::NoCluster,
    }
}

fn why_unread(error: ReadError) -> Refusal {
    match error {
        ReadError::NoLeader => Refusal::NotLeader,
        ReadError::Lost(_) => Refusal::Lost,
        ReadError::NoSuchEntry(_) => Refusal::NoSuchEntry,
        ReadError::Stopped => Refusal::Stopped,
    }
}

/// One change of members: what becomes of the node, and its number.
fn change(code: f64, id: f64, store: u64) -> Option<Change> {
    match code as u8 {
        0 => Some(Change::Voter(member(id, store))),
        1 => Some(Change::Learner(member(id, store))),
        2 => Some(Change::Remove(node(id))),
        _ => None,
    }
}

#[wasm_bindgen]
impl Node {
    /// Proposes one entry. Its token, for the answer; or −1, and `refusal` says why.
    ///
    /// `mode` and `fsync` are numbers, as the TypeScript has them; `deadline_us`: the latest moment
    /// to be told something, 0 for the default.
    pub fn propose(
        &mut self,
        now_us: f64,
        mode: u32,
        fsync: u8,
        deadline_us: f64,
        fallback: u8,
        bytes: &[u8],
    ) -> Result<f64, JsError> {
        let class = class(mode, fsync)?;
        let now = self.at(now_us);
        if let Err(busy) = self.waits.check_room() {
            return Ok(self.refuse_busy(busy));
        }
        let proposed = match self.raft.propose(now, class, 1) {
            Ok(proposed) => proposed,
            Err(error) => return Ok(self.refuse_proposal(error)),
        };
        let at = proposed.run.last_position();
        self.bodies.keep(at, Some(class), bytes);
        let fallback = codes::fallback(fallback);
        Ok(self.wait(&proposed, class, deadline_us, fallback))
    }

    /// Proposes other members: for each change 0 for a voter, 1 for a learner or 2 for who leaves, then
    /// its number; and beside it the stores, 0 for whichever it has. A token, or −1, as `propose`.
    #[wasm_bindgen(js_name = changeMembers)]
    pub fn change_members(
        &mut self,
        now_us: f64,
        changes: &[f64],
        stores: &[u64],
    ) -> Result<f64, JsError> {
        let pairs = changes.chunks_exact(2).zip(stores);
        let changes: Option<Vec<Change>> = pairs
            .map(|(pair, store)| change(pair[0], pair[1], *store))
            .collect();
        let changes = changes.ok_or_else(|| JsError::new("these are no changes of members"))?;
        let now = self.at(now_us);
        if let Err(busy) = self.waits.check_room() {
            return Ok(self.refuse_busy(busy));
        }
        match self.raft.propose_members(now, &changes) {
            Ok(proposed) => Ok(self.wait(&proposed, Class::default(), 0.0, Fallback::Refuse)),
            Err(error) => Ok(self.refuse_members(error)),
        }
    }

    /// Hands leadership to a voter, 0 for the fittest: to whom, or −1, and `refusal` says why.
    pub fn transfer(&mut self, now_us: f64, to: f64) -> f64 {
        let to = (to > 0.0).then(|| node(to));
        let now = self.at(now_us);
        match self.raft.transfer_leadership(now, to) {
            Ok(to) => to.0 as f64,
            Err(error) => self.refuse_transfer(error),
        }
    }

    /// Asks for a linearizable read, which sees the entry at a position too, whatever its class; 0 and 0
    /// for none. Its ticket, or −1, and `refusal` says why.
    pub fn read(&mut self, now_us: f64, after_term: f64, after_index: f64) -> f64 {
        let now = self.at(now_us);
        match self.raft.read_after(now, position(after_term, after_index)) {
            Ok(ticket) => ticket.0 as f64,
            Err(error) => self.refuse(why_unread(error), None, error.to_string()),
        }
    }

    /// Waits until the entry at a position is committed, whatever it was acknowledged as before, lost or
    /// unknown; any node can be asked. A token, for the answer; or −1, and `refusal` says why.
    #[wasm_bindgen(js_name = awaitCommit)]
    pub fn await_commit(&mut self, now_us: f64, term: f64, index: f64, deadline_us: f64) -> f64 {
        self.at(now_us);
        if let Err(busy) = self.waits.check_room() {
            return self.refuse_busy(busy);
        }
        self.tokens = self.tokens.wrapping_add(1);
        let deadline = (deadline_us > 0.0).then(|| moment(deadline_us));
        let (of, asked) = (position(term, index), Class::default());
        // There is room: it was asked for.
        let history = |index| self.history.run_at(index);
        let _ = (self.waits).await_commit(self.tokens, of, asked, deadline, &self.raft, history);
        f64::from(self.tokens)
    }
}
