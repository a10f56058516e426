//! A cluster that lost a majority of its disks for good goes on from one that is left, as a cluster founded anew.
//!
//! 1. The node's epoch is raised, durably: from then on it and what may be left of the others are two clusters, whatever
//!    happens next.
//! 2. A configuration of the node alone is put at the end of its log, in a term above all that it has seen. As the only
//!    voter it elects itself, and its whole log counts as committed.
//!
//! In the other order there would be, for a moment, a node that elects itself among the others.

use bytes::Bytes;
use kraft_proto::cluster::Epoch;
use kraft_proto::{
    EntryKind, HardState, Instant, LogIndex, LogPosition, Member, Members, NodeId, Raft, Run,
    Snapshot, Term, Trust,
};
use kraft_storage::Opened;
use kraft_wire::api::Contact;

use super::applied::Applied;
use super::error::NodeError;
use super::members::{Contacts, first_members};
use super::open::{core_config, nonce};
use super::snapshots::load_newest;
use crate::config::Config;
use crate::machine::StateMachine;

/// A node that does not run, as one from which its cluster could go on.
pub struct Survivor {
    opened: Opened,
    node: NodeId,
    members: Members,
    others: Vec<(NodeId, Vec<Contact>)>,
    last: LogPosition,
    committed: LogPosition,
}

impl Survivor {
    /// Looks at the store of the node that `config` describes, whose state machine is `M`.
    ///
    /// # Errors
    ///
    /// When it could not be started either.
    pub fn look<M: StateMachine + Default>(
        config: &Config,
        node: NodeId,
        opened: Opened,
    ) -> Result<Self, NodeError> {
        let mut applied = Applied::nothing_of(LogIndex::ZERO, M::default());
        let restored = load_newest(&opened, applied.loader(), &mut Vec::new())?;
        let core = restored.as_ref().map(|restored| &restored.head.core);
        let base = core.map(Snapshot::last).unwrap_or_default();
        let first = first_members(&config.data_dir, &opened.founding)?;
        let recovery = opened
            .recovery(first, core)
            .map_err(NodeError::Unreadable)?;
        let core = core_config(config, node, opened.identity);
        let raft = Raft::new(core, recovery, nonce()?, Instant::ZERO).map_err(NodeError::Core)?;
        if let Some(restored) = restored {
            drop(applied.restore(restored.replica, restored.head.digest));
        }
        let contacts = Contacts::new(&opened.founding, &config.members);
        let members = raft.members().clone();
        let others = members.iter().map(|member| member.id);
        let others = others.filter(|id| *id != node);
        let others = others
            .map(|id| (id, contacts.of(id, applied.book())))
            .collect();
        Ok(Self {
            last: raft.last(),
            committed: opened.committed.max(base),
            node,
            members,
            others,
            opened,
        })
    }

    /// The members by its log.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The other members, and where each may be.
    pub fn others(&self) -> &[(NodeId, Vec<Contact>)] {
        &self.others
    }

    /// The end of its log: through here everything counts as committed.
    pub fn last(&self) -> LogPosition {
        self.last
    }

    /// The last entry that it knows to be committed.
    pub fn committed(&self) -> LogPosition {
        self.committed
    }

    /// How often its cluster was founded anew.
    pub fn epoch(&self) -> Epoch {
        self.opened.epoch
    }

    /// Founds the cluster anew, with this node alone; its epoch then.
    ///
    /// # Errors
    ///
    /// When the disk fails. The same again is no harm.
    pub fn found_anew(self) -> Result<Epoch, NodeError> {
        let Self {
            opened, node, last, ..
        } = self;
        let (identity, hard) = (opened.identity, opened.hard_state);
        let epoch = Epoch(opened.epoch.0 + 1);
        let term = Term(hard.term.max(last.term).0 + 1);
        let alone = Member {
            id: node,
            store: identity.store,
        };
        let members = Members::with_stores([alone], []).map_err(NodeError::NoMembers)?;
        let mut store = opened.store;
        store.save_epoch(epoch).map_err(NodeError::Disk)?;
        let hard = HardState {
            term,
            vote: None,
            // Copies that it forgot are nowhere else by now; later ones are as good as on any node.
            trust: match hard.trust {
                Trust::Suspect => Trust::Dirty,
                trust => trust,
            },
            superseded: None,
            ..hard
        };
        store.save_hard_state(hard).map_err(NodeError::Disk)?;
        let entry = Run {
            term,
            kind: EntryKind::Configuration,
            first: last.index.next(),
            count: 1,
        };
        let bytes = Bytes::copy_from_slice(&members.to_bytes());
        store.append(entry, &[bytes]).map_err(NodeError::Disk)?;
        store.force().map_err(NodeError::Disk)?;
        store.close().map_err(NodeError::Disk)?;
        Ok(epoch)
    }
}
