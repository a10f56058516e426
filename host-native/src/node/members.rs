//! Who is in the cluster, by the store; and where they are, by whoever said so last.
//!
//! The configuration at index 0 is the one the directory was formatted with, and later ones are in
//! the log. A list of members in the file says where they are. It must name the same ones as the
//! directory: 1. the file of node 3 is cut down to itself; 2. node 3 elects itself, and both sides
//! acknowledge writes on a majority of theirs; 3. they meet again, and one side's are gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kraft_proto::{Member, Members, MembersError, NodeId, StoreId};
use kraft_storage::{Contact as StoreContact, Founding};
use kraft_wire::api::Contact;

use crate::address_book::AddressBook;
use crate::config::{Config, MemberConfig};

/// Why the members of a directory are not those to start a node with. Nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum MembersRefused {
    /// The file names others.
    #[error(
        "the configuration names the members {listed}, and {} was formatted with {founding}. The \
         node was not started: by another list it would be in another cluster. Give [[members]] as \
         the directory has it, or leave it out", .dir.display()
    )]
    Differ {
        /// The data directory.
        dir: PathBuf,
        /// Whom the file names: `1, 2 and 3`.
        listed: String,
        /// Whom the directory was formatted with.
        founding: String,
    },
    /// The file names another store of a member.
    #[error(
        "the configuration names store {:016x} for member {member}, and {} was formatted with \
         {:016x}. The node was not started. Correct `store` of that [[members]] entry, or leave it \
         out", .listed.0, .dir.display(), .founding.0
    )]
    StoreDiffers {
        /// The data directory.
        dir: PathBuf,
        /// Whose.
        member: NodeId,
        /// Its store by the file.
        listed: StoreId,
        /// Its store by the directory.
        founding: StoreId,
    },
    /// The directory names nobody.
    #[error(
        "{} was formatted to join a cluster and knows no member of it. Nothing runs: this release \
         starts the directories that `kraft init` makes", .0.display()
    )]
    Unknown(PathBuf),
    /// The list makes no cluster.
    #[error("the members make no cluster: {0}; nothing runs")]
    List(MembersError),
}

/// A cluster that begins with these members.
pub(crate) fn founding_of(listed: &[MemberConfig]) -> Result<Founding, MembersError> {
    let members = Members::with_stores(
        listed.iter().map(|member| Member {
            id: member.id,
            store: member.store,
        }),
        [],
    )?;
    let contact = |member: &Member| {
        let listed = listed.iter().find(|listed| listed.id == member.id);
        listed.map(contact_of).unwrap_or_default()
    };
    let contacts = members.iter().map(contact).collect();
    let members = Box::new(members);
    Ok(Founding::Cluster { members, contacts })
}

fn contact_of(listed: &MemberConfig) -> StoreContact {
    StoreContact {
        peers: listed.peers.to_string(),
        clients: listed.clients.to_string(),
    }
}

/// The configuration a directory was formatted with.
pub(super) fn first_members(dir: &Path, founding: &Founding) -> Result<Members, MembersRefused> {
    match founding {
        Founding::Cluster { members, .. } => Ok(Members::clone(members)),
        Founding::Joins => Err(MembersRefused::Unknown(dir.to_owned())),
    }
}

/// Whether a node is one of those that its cluster began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// It is, on this very store.
    AtTheBeginning,
    /// It joined later, perhaps under the number of a founder that is gone.
    Later,
}

impl Joined {
    /// By the members that the cluster began with.
    pub fn of(founders: &Members, node: NodeId, store: StoreId) -> Self {
        match founders.iter().any(|one| is_bound_to(one, node, store)) {
            true => Self::AtTheBeginning,
            false => Self::Later,
        }
    }
}

/// Whether this member is that node, on that store.
pub(super) fn is_bound_to(member: &Member, node: NodeId, store: StoreId) -> bool {
    member.id == node && (member.store == store || member.store == StoreId::ANY)
}

/// Holds the file's list against the directory. Once the log has another configuration than the
/// directory was formatted with, only the addresses of the list count; and on a node that joined later.
pub(super) fn check_list(
    config: &Config,
    joined: Joined,
    founding: &Founding,
    in_force: &Members,
) -> Result<(), MembersRefused> {
    let first = first_members(&config.data_dir, founding)?;
    if config.members.is_empty() {
        return Ok(());
    }
    let listed = founding_of(&config.members).map_err(MembersRefused::List)?;
    if joined == Joined::Later || *in_force != first {
        tracing::info!(
            "the members are {}, by the log; of [[members]] in the configuration ({listed}) only \
             the addresses count",
            Founding::of(in_force.clone())
        );
        return Ok(());
    }
    let dir = config.data_dir.clone();
    let named = |id| config.member(id).is_some();
    if config.members.len() != first.iter().len() || !first.iter().all(|one| named(one.id)) {
        return Err(MembersRefused::Differ {
            dir,
            listed: listed.to_string(),
            founding: founding.to_string(),
        });
    }
    let other_store = first.iter().find_map(|one| {
        let listed = config.member(one.id)?.store;
        (listed != StoreId::ANY && listed != one.store).then_some((one, listed))
    });
    match other_store {
        None => Ok(()),
        Some((one, listed)) => Err(MembersRefused::StoreDiffers {
            dir,
            member: one.id,
            listed,
            founding: one.store,
        }),
    }
}

/// Where members may be, as far as this node's files say: hints to dial.
#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    /// By the file.
    listed: BTreeMap<NodeId, Contact>,
    /// By what the directory was formatted with.
    founding: BTreeMap<NodeId, Contact>,
}

impl Contacts {
    /// What the directory was formatted with, and what the file says.
    pub fn new(founding: &Founding, listed: &[MemberConfig]) -> Self {
        let mut then = BTreeMap::new();
        if let Founding::Cluster { members, .. } = founding {
            let known = members.iter().map(|member| member.id);
            let known = known.filter_map(|id| Some((id, of_store(founding.contact(id)?))));
            then.extend(known);
        }
        let listed = listed.iter();
        let listed = listed.map(|member| (member.id, of_store(&contact_of(member))));
        Self {
            listed: listed.collect(),
            founding: then,
        }
    }

    /// Where this member may be, the likeliest first: where the log says, where the file says, and where it was in the
    /// beginning. A cluster whose nodes all moved starts by the file.
    pub fn of(&self, id: NodeId, book: &AddressBook) -> Vec<Contact> {
        let logged = book.get(id).map(|listed| &listed.contact);
        let known = [logged, self.listed.get(&id), self.founding.get(&id)];
        known.into_iter().flatten().cloned().collect()
    }

    /// Everybody of whom the files say where they may be.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.listed.keys().chain(self.founding.keys()).copied()
    }
}

fn of_store(contact: &StoreContact) -> Contact {
    Contact {
        peers: contact.peers.clone(),
        clients: contact.clients.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ids: &[u64]) -> Vec<MemberConfig> {
        let member = |&id: &u64| MemberConfig {
            id: NodeId(id),
            store: StoreId(1000 + id),
            ..format!("{id}@moved-{id}:1/moved-{id}:2").parse().unwrap()
        };
        ids.iter().map(member).collect()
    }

    fn config(members: Vec<MemberConfig>) -> Config {
        Config {
            members,
            data_dir: "/data".into(),
            ..Config::default()
        }
    }

    /// A file with these members over a directory of 1, 2 and 3.
    fn check(members: Vec<MemberConfig>) -> Result<(), String> {
        let founding = founding_of(&listed(&[1, 2, 3])).unwrap();
        let in_force = first_members(Path::new("/data"), &founding).unwrap();
        check_list(
            &config(members),
            Joined::AtTheBeginning,
            &founding,
            &in_force,
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_names_those_of_the_directory_or_nobody() {
        assert_eq!(check(Vec::new()), Ok(()));
        assert_eq!(check(listed(&[3, 1, 2])), Ok(()));
        for other in [&[3][..], &[1, 2], &[1, 2, 4], &[1, 2, 3, 4, 5]] {
            let why = check(listed(other)).unwrap_err();
            assert!(why.contains("formatted with 1, 2 and 3"), "{why}");
            let names = founding_of(&listed(other)).unwrap().to_string();
            assert!(why.contains(&format!("members {names},")), "{why}");
        }
    }

    #[test]
    fn a_store_is_compared_where_the_list_names_one() {
        let mut members = listed(&[1, 2, 3]);
        members[1].store = StoreId::ANY;
        assert_eq!(check(members.clone()), Ok(()));
        members[1].store = StoreId(7);
        let why = check(members).unwrap_err();
        assert!(why.contains("0000000000000007 for member 2"), "{why}");
        assert!(why.contains("formatted with 00000000000003ea"), "{why}");
    }

    #[test]
    fn behind_another_configuration_in_the_log_only_addresses_count() {
        let founding = founding_of(&listed(&[1, 2, 3])).unwrap();
        let in_force = Members::new([1, 2].map(NodeId), []).unwrap();
        assert!(
            check_list(
                &config(listed(&[2, 9])),
                Joined::AtTheBeginning,
                &founding,
                &in_force
            )
            .is_ok()
        );
    }

    #[test]
    fn a_node_that_joined_later_has_a_list_of_its_own() {
        let founding = founding_of(&listed(&[1, 2, 3])).unwrap();
        let first = first_members(Path::new("/data"), &founding).unwrap();
        let joined = |node, store| Joined::of(&first, NodeId(node), StoreId(store));
        assert_eq!(joined(3, 1003), Joined::AtTheBeginning);
        assert_eq!(joined(4, 1004), Joined::Later);
        assert_eq!(
            joined(3, 7),
            Joined::Later,
            "the number of one that is gone"
        );
        let check = |joined| check_list(&config(listed(&[1, 3, 4])), joined, &founding, &first);
        assert!(check(Joined::Later).is_ok());
        assert!(check(Joined::AtTheBeginning).is_err());
    }

    #[test]
    fn a_directory_that_names_nobody_starts_no_node() {
        let one = Members::new([NodeId(1)], []).unwrap();
        let refused = check_list(&config(listed(&[1])), Joined::Later, &Founding::Joins, &one);
        assert!(matches!(refused, Err(MembersRefused::Unknown(_))));
    }

    #[test]
    fn the_file_says_where_members_are_and_the_directory_of_the_others() {
        let mut then = listed(&[1, 2]);
        then[0].peers = "before:1".parse().unwrap();
        then[1].peers = "before:2".parse().unwrap();
        let contacts = Contacts::new(&founding_of(&then).unwrap(), &listed(&[1]));
        let peers = |id| {
            let known = contacts.of(NodeId(id), &AddressBook::default());
            let known = known.into_iter().map(|contact| contact.peers);
            known.collect::<Vec<_>>()
        };
        assert_eq!(peers(1), ["moved-1:1", "before:1"]);
        assert_eq!(peers(2), ["before:2"]);
        assert!(peers(3).is_empty());
    }
}
