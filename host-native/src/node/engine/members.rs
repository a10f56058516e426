//! Who is in the cluster, and where: changes that clients ask for, those that a leader makes by itself once a node has
//! caught up, and what follows from them here.
//!
//! ```text
//!  asked ─► refused, with what would be lost
//!        └► configuration and address in the log ─► committed, applied: answered, and every node dials there
//!  a node that is to replace another ─► caught up ─► both changes as one (joint consensus)
//! ```

use kraft_proto::{
    Agreed, Change, Class, CommitMode, Fate, FsyncMode, LogIndex, LogPosition, Member,
    MembersProposeError, NodeId, PeerState, Standing, Status, StoreId, Trust,
};
use kraft_storage::Founding;
use kraft_wire::address::Address;
use kraft_wire::api::{
    Care, ChangeMembers, Contact, MemberReport, MembersChange, MembersReport, RequestRefusal,
    Response, Voting,
};
use kraft_wire::rpc::ADDRESS_BYTES_MAX;

use super::Engine;
use crate::address_book::{BookEntry, Listed};
use crate::node::error::NodeError;
use crate::node::membership::PendingChange;
use crate::rpc::Reply;

/// A node that lacks no more entries than this has caught up: under load some are always on their way.
const CAUGHT_UP_ENTRIES: u64 = 1000;

fn stay(why: impl Into<String>) -> Response {
    Response::Refused(RequestRefusal::MembersStay { why: why.into() })
}

fn weaker(why: impl Into<String>) -> Response {
    Response::Refused(RequestRefusal::MembersWeaker { why: why.into() })
}

impl Engine {
    pub(super) fn take_members_change(&mut self, asked: ChangeMembers, reply: Reply) {
        match self.change_members(asked) {
            Ok(at) => self.membership.wait(PendingChange { at, reply }),
            Err(response) => reply.send(response.encode()),
        }
    }

    /// Proposes a change, if it is to be made; where the last of its entries stands.
    fn change_members(&mut self, asked: ChangeMembers) -> Result<LogPosition, Response> {
        if !self.office.leads() {
            return Err(self.redirect());
        }
        self.membership.check_room().map_err(Response::Refused)?;
        let care = asked.care;
        match asked.change {
            MembersChange::Add {
                node,
                store,
                contact,
                replaces,
            } => self.add_member(Member { id: node, store }, contact, replaces),
            MembersChange::Promote { nodes } => self.promote(&nodes, care),
            MembersChange::Remove { nodes } => self.remove(&nodes, care),
            MembersChange::Replace { old, new } => self.replace(old, new, care),
            MembersChange::Move { node, contact } => {
                let members = self.raft.members();
                if !members.contains(node) {
                    return Err(stay(format!("node {node} is no member")));
                }
                let replaces = self.applied.book().get(node);
                let replaces = replaces.and_then(|listed| listed.replaces);
                self.list(node, Listed { contact, replaces })
            }
        }
    }

    fn add_member(
        &mut self,
        member: Member,
        contact: Contact,
        replaces: Option<NodeId>,
    ) -> Result<LogPosition, Response> {
        let Member { id, store } = member;
        if id == NodeId(0) {
            return Err(stay("members have numbers from 1 on"));
        }
        check_contact(&contact)?;
        let members = self.raft.members();
        let known = members.iter().find(|known| known.id == id);
        let replaced = |old| members.is_voter(id) && !members.contains(old);
        match replaces {
            // An earlier copy of this request did all of it.
            Some(old) if known.is_some() && replaced(old) => return Ok(self.raft.last()),
            Some(old) if old == id || !members.is_voter(old) => {
                return Err(stay(format!(
                    "node {old} is no voter that another could replace"
                )));
            }
            _ => {}
        }
        match known.map(|known| known.store) {
            None => self.propose_members(&[Change::Learner(member)])?,
            // It asks again, or was announced before.
            Some(known) if known == store || known == StoreId::ANY => self.raft.last(),
            Some(_) => {
                return Err(stay(format!(
                    "node {id} is a member on another store. Give the new machine a number of its own with `kraft cert \
                     issue node`, and have it replace node {id}"
                )));
            }
        };
        self.list(id, Listed { contact, replaces })
    }

    fn promote(&mut self, nodes: &[NodeId], care: Care) -> Result<LogPosition, Response> {
        let members = self.raft.members();
        let mut changes = Vec::new();
        for id in nodes {
            let member = members.iter().find(|member| member.id == *id);
            let Some(member) = member.copied() else {
                return Err(stay(format!("node {id} is no member: it joins first")));
            };
            if !members.is_voter(*id) {
                changes.push(Change::Voter(member));
            }
        }
        self.propose_with_care(&changes, care)
    }

    fn remove(&mut self, nodes: &[NodeId], care: Care) -> Result<LogPosition, Response> {
        let members = self.raft.members();
        // Who is no member was removed by an earlier copy of this request.
        let there = nodes.iter().filter(|id| members.contains(**id));
        let changes: Vec<_> = there.copied().map(Change::Remove).collect();
        self.propose_with_care(&changes, care)
    }

    fn replace(&mut self, old: NodeId, new: NodeId, care: Care) -> Result<LogPosition, Response> {
        let members = self.raft.members();
        let member = members.iter().find(|member| member.id == new).copied();
        let Some(member) = member else {
            return Err(stay(format!("node {new} is no member: it joins first")));
        };
        let replaced = !members.contains(old) && members.is_voter(new);
        let changes = [Change::Voter(member), Change::Remove(old)];
        match replaced {
            // An earlier copy of this request did it.
            true => Ok(self.raft.last()),
            false if old == new || !members.contains(old) => {
                Err(stay(format!("node {old} is no other member")))
            }
            false => self.propose_with_care(&changes, care),
        }
    }

    /// Proposes changes, unless they make the cluster weaker and are not forced.
    fn propose_with_care(
        &mut self,
        changes: &[Change],
        care: Care,
    ) -> Result<LogPosition, Response> {
        if changes.is_empty() {
            return Ok(self.raft.last());
        }
        if care == Care::Refuse {
            self.check_strength(changes)?;
        }
        self.propose_members(changes)
    }

    /// What a change would cost.
    fn check_strength(&self, changes: &[Change]) -> Result<(), Response> {
        let status = self.raft.status();
        let promoted = changes.iter().filter_map(|change| match change {
            Change::Voter(member) => Some(member.id),
            Change::Learner(_) | Change::Remove(_) => None,
        });
        for node in promoted.clone() {
            let lag_entries = lag_of(&status, node);
            if lag_entries.is_none_or(|lag| lag > CAUGHT_UP_ENTRIES) {
                let refusal = RequestRefusal::NotCaughtUp { node, lag_entries };
                return Err(Response::Refused(refusal));
            }
        }
        let leaves = |id: &NodeId| {
            changes
                .iter()
                .any(|change| matches!(change, Change::Remove(gone) if gone == id))
        };
        let before = status.members.voters();
        let mut after: Vec<NodeId> = before.iter().filter(|id| !leaves(id)).collect();
        after.extend(promoted);
        let (was, is) = (before.len(), after.len());
        if is == was && is > 0 && before.iter().eq(after.iter().copied()) {
            return Ok(());
        }
        if is % 2 == 0 && is > 0 && is != was {
            return Err(weaker(format!(
                "{is} voters, an even number, survive no more failures than {}, and need more of them for every write. \
                 Change two at once, or replace one",
                is - 1
            )));
        }
        let majority = is / 2 + 1;
        // A connection says little: one to a node that was killed looks alive for seconds.
        let recent = self.config.timing.election_timeout_max;
        let answers = |id: &&NodeId| {
            let peer = status.peers.iter().find(|peer| peer.id == **id);
            let heard = peer.and_then(|peer| peer.heard);
            **id == self.node || heard.is_some_and(|heard| self.now().since(heard) <= recent)
        };
        let reached = after.iter().filter(answers).count();
        if reached < majority {
            return Err(weaker(format!(
                "of the {is} voters that there would be, {reached} answer by now, and {majority} are needed to go on"
            )));
        }
        let clean = |id: &&NodeId| trust_of(&status, **id) != Some(Trust::Suspect);
        let clean = after.iter().filter(clean).count();
        let needed = is - majority + 1;
        if clean < needed {
            return Err(weaker(format!(
                "of the {is} voters that there would be, {clean} have not lost copies in a power cut, and {needed} of \
                 those are needed to elect a leader"
            )));
        }
        Ok(())
    }

    fn propose_members(&mut self, changes: &[Change]) -> Result<LogPosition, Response> {
        let now = self.now();
        match self.raft.propose_members(now, changes) {
            Ok(proposed) => Ok(proposed.run.last_position()),
            Err(error) => Err(self.members_refused(error)),
        }
    }

    fn members_refused(&self, error: MembersProposeError) -> Response {
        Response::Refused(match error {
            MembersProposeError::NotLeader(_) => return self.redirect(),
            MembersProposeError::NotReady => RequestRefusal::NotReady,
            MembersProposeError::UnderWay(_) => RequestRefusal::MembersChanging,
            MembersProposeError::Transferring(_) => RequestRefusal::LeadershipTransfer,
            MembersProposeError::Change(error) => RequestRefusal::MembersStay {
                why: error.to_string(),
            },
            MembersProposeError::Busy(busy) => busy.into(),
            MembersProposeError::Exhausted => RequestRefusal::LogExhausted,
            MembersProposeError::Stopped => RequestRefusal::Stopping,
        })
    }

    /// Has the log say where a node is. This node looks for it there at once.
    fn list(&mut self, node: NodeId, listed: Listed) -> Result<LogPosition, Response> {
        check_contact(&listed.contact)?;
        if !self.applied.book().has_room(node) {
            return Err(stay("the address book is full of nodes that have left"));
        }
        let mut addresses = vec![listed.contact.peers.clone()];
        let known = self.membership.contacts().of(node, self.applied.book());
        addresses.extend(known.into_iter().map(|contact| contact.peers));
        let at = self.propose_book(&BookEntry::Is(node, listed))?;
        self.peers.reach(node, addresses);
        Ok(at)
    }

    fn propose_book(&mut self, entry: &BookEntry) -> Result<LogPosition, Response> {
        let refused = Response::Refused;
        let payload = self.log.fit(entry.encode().into());
        let payload = payload.map_err(|unfit| refused(unfit.into()))?;
        let now = self.now();
        let bytes = payload.len() as u64;
        self.log.admit(now, 1, bytes).map_err(refused)?;
        let class = Class::new(CommitMode::Sync, FsyncMode::Commit);
        let (proposed, _) = self
            .propose_payload(now, class, &payload)
            .map_err(|error| self.refused(error))?;
        Ok(proposed.run.last_position())
    }

    /// Tells those whose change is made, and those who have to ask another leader.
    pub(super) fn answer_members(&mut self) {
        if !self.membership.has_waiting() {
            return;
        }
        let status = self.raft.status();
        // A leader that leaves by the change says so before it goes.
        if self.is_settled(&status) {
            let made = self.membership.made(self.applied.upto());
            let report = Response::Members(Box::new(self.members_report()));
            for change in made {
                let fate = |at| self.raft.fate_with(at, |index| self.log.run_at(index));
                match fate(change.at) {
                    Fate::Committed => change.reply.send(report.encode()),
                    // Another leader's entries stand there: it is asked.
                    _ => change.reply.send(self.redirect().encode()),
                }
            }
        }
        if !self.office.leads() {
            let redirect = self.redirect();
            for change in self.membership.take_waiting() {
                change.reply.send(redirect.encode());
            }
        }
    }

    /// Whether the members are known to be these, and no change is on its way.
    fn is_settled(&self, status: &Status) -> bool {
        !status.members.is_joint() && status.members_at <= self.commit
    }

    /// What a leader does by itself: a node that has caught up takes the place it was to have, and of a node that has left
    /// nobody needs to know where it was.
    pub(super) fn look_after_members(&mut self) {
        if !self.office.leads() || !self.membership.is_idle(self.applied.upto()) {
            return;
        }
        let status = self.raft.status();
        if !self.is_settled(&status) {
            return;
        }
        let members = &status.members;
        let book = self.applied.book();
        let gone = book.iter().find(|(id, _)| !members.contains(*id));
        let successor = book.iter().find_map(|(new, listed)| {
            let old = listed.replaces.filter(|old| members.contains(*old))?;
            (members.learners().contains(new)).then_some((old, new))
        });
        let proposed = match (gone, successor) {
            (Some((id, _)), _) => self.propose_book(&BookEntry::Left(id)),
            (None, Some((old, new))) => {
                let replaced = self.replace(old, new, Care::Refuse);
                if replaced.is_ok() {
                    tracing::info!("node {new} has caught up and takes the place of node {old}");
                }
                replaced
            }
            (None, None) => return,
        };
        // What is refused now is tried again at the next look.
        if let Ok(at) = proposed {
            self.membership.propose(at.index);
        }
    }

    /// The members in force are others, or known to be committed by now.
    pub(super) fn notice_members(&mut self, at: LogIndex, agreed: Agreed, own: Standing) {
        if own != Standing::LeftOut {
            self.membership.belongs();
        }
        if agreed != Agreed::Committed {
            return;
        }
        let members = self.raft.members().iter().map(|member| member.id);
        for left in self.membership.settle(members) {
            tracing::info!("node {left} has left, by the configuration at {at}");
            self.peers.part(left);
            self.clients.directory().forget(left);
        }
        if own == Standing::LeftOut {
            match self.membership.has_belonged() {
                true => {
                    self.failed = Some(NodeError::Removed {
                        node: self.node,
                        at,
                    })
                }
                false => tracing::info!(
                    "by the configuration at {at} this node is no member yet: it waits to be added"
                ),
            }
        }
    }

    /// Looks for members where the log says that they are by now.
    pub(super) fn follow_address_book(&mut self) {
        let book = self.applied.book();
        if !self.membership.follow(book) {
            return;
        }
        for (node, listed) in book.iter().filter(|(node, _)| *node != self.node) {
            let known = self.membership.contacts().of(node, book);
            let addresses = known.into_iter().map(|contact| contact.peers);
            self.peers.reach(node, addresses.collect());
            let directory = self.clients.directory();
            directory.note(node, &listed.contact.clients);
        }
    }

    /// Who is in the cluster and where.
    pub(super) fn members_report(&self) -> MembersReport {
        let status = self.raft.status();
        let book = self.applied.book();
        let contact_of = |id| {
            let known = self.membership.contacts().of(id, book);
            known.into_iter().next().unwrap_or_default()
        };
        let report = |member: &Member, voting| MemberReport {
            id: member.id,
            store: member.store,
            voting,
            contact: contact_of(member.id),
            replaces: book.get(member.id).and_then(|listed| listed.replaces),
            lag_entries: lag_of(&status, member.id),
        };
        let members = &status.members;
        let voting = |id| match members.is_voter(id) {
            true => Voting::Voter,
            false => Voting::Learner,
        };
        let founders = match self.membership.founding() {
            Founding::Cluster { members, .. } => {
                let founders = members.iter();
                founders.map(|one| report(one, Voting::Voter)).collect()
            }
            Founding::Joins => Vec::new(),
        };
        MembersReport {
            node: self.node,
            cluster: self.identity.cluster.to_string(),
            epoch: self.epoch,
            at: status.members_at,
            settled: self.is_settled(&status),
            members: members
                .iter()
                .map(|member| report(member, voting(member.id)))
                .collect(),
            founders,
        }
    }
}

/// Entries that a follower lacks, where it has told its leader.
fn lag_of(status: &Status, node: NodeId) -> Option<u64> {
    let peer = status.peers.iter().find(|peer| peer.id == node)?;
    (peer.state == PeerState::Replicate)
        .then_some(peer.lag_entries)
        .flatten()
}

fn trust_of(status: &Status, node: NodeId) -> Option<Trust> {
    if status.id == node {
        return Some(status.trust);
    }
    status.peers.iter().find(|peer| peer.id == node)?.trust
}

fn check_contact(contact: &Contact) -> Result<(), Response> {
    for address in [&contact.peers, &contact.clients] {
        let why = match address.parse::<Address>() {
            Ok(_) if address.len() <= ADDRESS_BYTES_MAX => continue,
            Ok(_) => "it is too long".to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(stay(format!("{address:?} is no address of a node: {why}")));
    }
    Ok(())
}
