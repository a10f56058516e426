//! The rules a world goes by: as the core has them, or with one of them broken from outside.
//!
//! A broken rule is a wrong host or a network that lies: the core itself is never changed. Each
//! must be found out, or the explorer could not find anything.

use kraft_proto::{Ballot, Envelope, HardState, LogIndex, Message};

use super::configuration::{Configuration, NodeMask};

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// None.
    Kept,
    /// A disk that reports hard states as synced and forgets the vote in a power cut.
    VotesNotSynced,
    /// A start after a power cut that says the operating system ran on.
    NaiveRejoin,
    /// A network on which the yes of a suspect becomes the yes of one that forgot nothing.
    SuspectsCountAsClean,
    /// A network on which suspects are re-admitted at the leader's commit index.
    ReadmissionAtCommit,
    /// Hosts that read the configuration of a change as the voters of before and after in one.
    JointByUnion,
    /// Hosts that read the configuration of a change as the new voters alone.
    JointByNew,
    /// Hosts that serve reads at once wherever a node believes that it leads.
    ReadsUnconfirmed,
}

/// What the next incarnation hears about the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The operating system is the one that took the writes.
    SameBoot,
    /// The power may have been out.
    PowerMayHaveFailed,
}

impl Rule {
    /// Every rule and its name on the command line.
    pub const ALL: [(&str, Self); 8] = [
        ("kept", Self::Kept),
        ("votes-not-synced", Self::VotesNotSynced),
        ("naive-rejoin", Self::NaiveRejoin),
        ("suspects-count-as-clean", Self::SuspectsCountAsClean),
        ("readmission-at-commit", Self::ReadmissionAtCommit),
        ("joint-by-union", Self::JointByUnion),
        ("joint-by-new", Self::JointByNew),
        ("reads-unconfirmed", Self::ReadsUnconfirmed),
    ];

    /// The rule of that name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, rule)| *rule)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, rule)| *rule == self);
        found.map_or("", |(name, _)| name)
    }

    /// What is left of a synced hard state after a power cut.
    pub fn after_power_cut(self, hard: HardState) -> HardState {
        match self {
            Self::VotesNotSynced => HardState { vote: None, ..hard },
            _ => hard,
        }
    }

    /// What a node is told that starts after a power cut.
    pub fn told_after_power_cut(self) -> Told {
        match self {
            Self::NaiveRejoin => Told::SameBoot,
            _ => Told::PowerMayHaveFailed,
        }
    }

    /// What a host reads where an entry holds a configuration. The bytes themselves stay as they
    /// are; so does what a leader knows that proposed them.
    pub fn read(self, held: Configuration) -> Configuration {
        let Configuration { voters, outgoing } = held;
        let voters = match self {
            Self::JointByUnion => NodeMask(voters.0 | outgoing.0),
            Self::JointByNew => voters,
            _ => return held,
        };
        Configuration {
            voters,
            outgoing: NodeMask(0),
        }
    }

    /// From where on a leader that has committed so far serves a read without having asked anybody.
    pub fn served_at_once(self, commit: LogIndex) -> Option<LogIndex> {
        (self == Self::ReadsUnconfirmed).then_some(commit)
    }

    /// What the network makes of a message.
    pub fn sent(self, mut envelope: Envelope) -> Envelope {
        match (self, &mut envelope.message) {
            (
                Self::SuspectsCountAsClean,
                Message::VoteReply { ballot } | Message::PreVoteReply { ballot },
            ) if *ballot == Ballot::GrantedBySuspect => *ballot = Ballot::Granted,
            (Self::ReadmissionAtCommit, Message::Heartbeat(beat)) => {
                if let Some(known) = &mut beat.readmission {
                    known.readmit_upto = beat.commit;
                }
            }
            _ => {}
        }
        envelope
    }
}
