//! The candidate: asks for votes, first without and then with a new term.

use heapless::Vec;
use serde::Serialize;

use super::{Raft, RoleState};
use crate::config::PreVote;
use crate::entry::EntryKind;
use crate::ids::{NodeId, Term};
use crate::limits::{MEMBERS_MAX, TERM_MAX};
use crate::message::{Ballot, Envelope, Message};
use crate::quorum;
use crate::time::Instant;

/// What a candidate goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Call {
    /// No leader was heard, or a caller wants an election.
    Timeout,
    /// The leader itself hands over.
    Transfer,
}

/// The votes of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Candidate {
    /// One answer a voter, the first it gave.
    ballots: Vec<(NodeId, Ballot), ASKED_MAX>,
    /// Who was asked.
    asked: Vec<NodeId, ASKED_MAX>,
    call: Call,
}

/// Every member, and a candidate that is none any more.
const ASKED_MAX: usize = MEMBERS_MAX + 1;

impl Candidate {
    fn new(own: NodeId, ballot: Ballot, call: Call) -> Self {
        let mut candidate = Self {
            ballots: Vec::new(),
            asked: Vec::new(),
            call,
        };
        candidate.cast(own, ballot);
        let _ = candidate.asked.push(own);
        candidate
    }

    fn cast(&mut self, voter: NodeId, ballot: Ballot) {
        if self.ballot(voter).is_none() {
            // One slot a member; what does not fit is no member's.
            let _ = self.ballots.push((voter, ballot));
        }
    }

    fn ballot(&self, voter: NodeId) -> Option<Ballot> {
        let cast = self.ballots.iter().find(|(id, _)| *id == voter);
        cast.map(|(_, ballot)| *ballot)
    }

    pub fn granted(&self, voter: NodeId) -> bool {
        self.ballot(voter).is_some_and(|b| b != Ballot::Refused)
    }

    pub fn clean(&self, voter: NodeId) -> bool {
        self.ballot(voter) == Some(Ballot::Granted)
    }

    /// The next of `voters` to ask.
    pub fn next_to_ask(&mut self, mut voters: impl Iterator<Item = NodeId>) -> Option<NodeId> {
        let next = voters.find(|id| !self.asked.contains(id))?;
        let _ = self.asked.push(next);
        Some(next)
    }
}

impl Raft {
    /// Starts an election at once, as after an election timeout.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = started(1, 1);
    /// node.campaign(Instant::ZERO);
    /// drain(&mut node);
    /// assert_eq!((node.role(), node.term()), (Role::Leader, Term(1)));
    /// ```
    pub fn campaign(&mut self, now: Instant) {
        self.begin(now);
        let may = self.may_stand() && self.is_active();
        if may && !matches!(self.role, RoleState::Leader(_)) {
            self.restart_election_timer();
            self.campaign_as_configured();
        }
        self.advance();
    }

    /// No leader was heard for an election timeout.
    pub(super) fn handle_election_timeout(&mut self) {
        self.silent_timeouts = self.silent_timeouts.saturating_add(1);
        self.restart_election_timer();
        self.fail_reads();
        self.ask_standing_if_learner();
        if !self.may_stand() || matches!(self.role, RoleState::Leader(_)) {
            return;
        }
        self.campaign_as_configured();
    }

    /// Whether this node may campaign now: it votes, and its disk has taken enough of its terms that
    /// the entry which opens another has room in the log's window. Elections won beside a stuck disk
    /// would otherwise push out entries that nobody could write any more.
    pub(super) fn may_stand(&self) -> bool {
        let next = self.hard.term.next();
        self.may_campaign() && next.is_some_and(|term| self.has_term_run_for(term, EntryKind::NoOp))
    }

    pub(super) fn campaign_as_configured(&mut self) {
        if self.withholds_votes() {
            return;
        }
        match self.config.pre_vote {
            PreVote::On => self.ask_around(),
            PreVote::Off => self.start_election(Call::Timeout),
        }
    }

    fn ask_around(&mut self) {
        self.fail_reads();
        let own = Candidate::new(self.config.id, self.own_ballot(), Call::Timeout);
        self.role = RoleState::PreCandidate(own);
    }

    /// Starts an election (Raft §5.2): a new term, and this node's vote for itself.
    pub(super) fn start_election(&mut self, call: Call) {
        let Some(term) = self.hard.term.next().filter(|term| term.0 <= TERM_MAX) else {
            return;
        };
        self.fail_reads();
        self.hard.term = term;
        self.hard.vote = Some(self.config.id);
        self.writes.change_vote_state();
        self.replies.clear();
        self.restart_election_timer();
        let own = Candidate::new(self.config.id, self.own_ballot(), call);
        self.role = RoleState::Candidate(own);
    }

    pub(super) fn handle_pre_vote_reply(&mut self, envelope: &Envelope, ballot: Ballot) {
        if let RoleState::PreCandidate(candidate) = &mut self.role
            && ballot != Ballot::Refused
            && Some(envelope.term) == self.hard.term.next()
        {
            candidate.cast(envelope.from, ballot);
        }
    }

    pub(super) fn handle_vote_reply(&mut self, envelope: &Envelope, ballot: Ballot) {
        if let RoleState::Candidate(candidate) = &mut self.role {
            candidate.cast(envelope.from, ballot);
        }
    }

    /// Moves on if the votes suffice. A candidate's own vote counts once it is synced.
    pub(super) fn count_votes(&mut self) {
        if let RoleState::PreCandidate(candidate) = &self.role
            && self.is_elected(candidate)
        {
            self.start_election(Call::Timeout);
        }
        if let RoleState::Candidate(candidate) = &self.role
            && self.writes.vote_state_is_synced()
            && self.is_elected(candidate)
        {
            self.become_leader();
        }
    }

    fn is_elected(&self, candidate: &Candidate) -> bool {
        quorum::elects(
            &self.members,
            |id| candidate.granted(id),
            |id| candidate.clean(id),
        )
    }

    /// The next request for a vote.
    pub(super) fn poll_vote_request(&mut self) -> Option<Envelope> {
        let last = self.log.last_position();
        let members = &self.members;
        let mut voters = members
            .voters()
            .iter()
            .chain(members.voters_outgoing().iter());
        let (to, term, message) = match &mut self.role {
            RoleState::PreCandidate(candidate) => (
                candidate.next_to_ask(&mut voters)?,
                self.hard.term.next()?,
                Message::PreVote { last },
            ),
            RoleState::Candidate(candidate) => (
                candidate.next_to_ask(&mut voters)?,
                self.hard.term,
                match candidate.call {
                    Call::Timeout => Message::Vote { last },
                    Call::Transfer => Message::TransferVote { last },
                },
            ),
            RoleState::Follower(_) | RoleState::Leader(_) => return None,
        };
        Some(self.envelope(to, term, message))
    }

    pub(super) fn envelope(&self, to: NodeId, term: Term, message: Message) -> Envelope {
        Envelope {
            from: self.config.id,
            to,
            store: self.config.store,
            incarnation: self.hard.incarnation,
            term,
            message,
        }
    }
}
