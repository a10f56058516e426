//! Makes the folder of a node that joins a cluster which runs.

use std::fs;
use std::path::{Path, PathBuf};

use kraft_proto::cluster::{ClusterId, Epoch};
use kraft_proto::ids::{NodeId, StoreId};
use kraft_proto::{Member, Members};
use kraft_storage::{Contact, Founding, Identity, RealFs};
use kraft_wire::api::{MemberReport, MembersReport};
use kraft_wire::cert::{CA_CERTIFICATE_FILE, Credentials, PeerIdentity, Role};

use super::{Place, SetupError, failed, random_store, tls_files, write};
use crate::config::{Config, ConfigError, Layers, MemberConfig};
use crate::node::NodeError;

/// A node that has its certificate, and nothing else yet.
#[derive(Clone, Debug)]
pub struct Newcomer {
    dir: PathBuf,
    identity: PeerIdentity,
    node: NodeId,
    /// Its certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What was made for it.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its configuration.
    pub config: PathBuf,
    /// Its data directory.
    pub data: PathBuf,
    /// The store it was formatted with.
    pub store: StoreId,
}

impl Newcomer {
    /// Whose certificate is in `dir`.
    ///
    /// # Errors
    ///
    /// When there is none of a node, or more than one, or it cannot be used.
    pub fn in_folder(dir: &Path) -> Result<Self, SetupError> {
        let listed = fs::read_dir(dir).map_err(failed(dir))?;
        let names = listed.filter_map(|entry| Some(entry.ok()?.path()));
        let mut certificates: Vec<PathBuf> = names
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.is_some_and(|name| name.starts_with("node-") && name.ends_with(".pem"))
            })
            .collect();
        let (Some(cert), None) = (certificates.pop(), certificates.pop()) else {
            return Err(SetupError::NoCertificate(dir.to_owned()));
        };
        let key = cert.with_extension("key");
        let credentials = Credentials::load(&cert, &key, &dir.join(CA_CERTIFICATE_FILE))?;
        let identity = credentials.identity().clone();
        match identity.role {
            Role::Node(node) => Ok(Self {
                dir: dir.to_owned(),
                identity,
                node,
                cert,
                key,
            }),
            Role::Client(_) => Err(SetupError::NoCertificate(dir.to_owned())),
        }
    }

    /// Its cluster.
    pub fn cluster(&self) -> ClusterId {
        self.identity.cluster
    }

    /// Its number.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.dir.join(CA_CERTIFICATE_FILE)
    }
}

/// Writes its configuration, and formats its data directory: as the founders' cluster, of which it is none, so that the log
/// says the rest.
///
/// # Errors
///
/// When something of it is there already, the cluster is another, or files cannot be written.
pub fn make(
    newcomer: &Newcomer,
    cluster: &MembersReport,
    place: Place,
    like: Option<&Path>,
) -> Result<Made, SetupError> {
    let file = newcomer.dir.join("kraft.toml");
    let like = match like {
        Some(file) => Layers::new().file(file)?.config()?,
        None => Config::default(),
    };
    let store = random_store()?;
    let own = MemberConfig {
        id: newcomer.node,
        peers: place.peers,
        clients: place.clients,
        store,
    };
    let config = Config {
        node: Some(newcomer.node),
        cluster: Some(newcomer.cluster()),
        listen: place.listen,
        tls: tls_files(&newcomer.cert, &newcomer.key),
        members: hints(&cluster.members, own)?,
        preset: like.preset,
        durability: like.durability,
        zones: like.zones,
        ..Config::default()
    };
    config.check()?;
    config.check_server()?;
    let data = newcomer.dir.join(&config.data_dir);
    for there in [&file, &data] {
        if there.exists() {
            return Err(SetupError::IsNode(there.clone()));
        }
    }
    let identity = Identity {
        cluster: newcomer.cluster(),
        node: newcomer.node,
        store,
    };
    kraft_storage::format(&data, &RealFs, identity, founding(&cluster.founders)?)?;
    if cluster.epoch > Epoch::default() {
        enter_epoch(&data, cluster.epoch)
            .map_err(|error| SetupError::Beginning(error.to_string()))?;
    }
    write(&file, &config.to_file())?;
    Ok(Made {
        config: file,
        data,
        store,
    })
}

/// The cluster was founded anew before this node joins.
fn enter_epoch(data: &Path, epoch: Epoch) -> Result<(), NodeError> {
    let options = kraft_storage::Options::default();
    let mut store = kraft_storage::open(data, RealFs::shared(), &options)?.store;
    store.save_epoch(epoch).map_err(NodeError::Disk)?;
    store.close().map_err(NodeError::Disk)
}

fn founding(founders: &[MemberReport]) -> Result<Founding, SetupError> {
    let member = |report: &MemberReport| Member {
        id: report.id,
        store: report.store,
    };
    let members = Members::with_stores(founders.iter().map(member), []);
    let members = members.map_err(|error| ConfigError::Unfit(error.to_string()))?;
    let contact = |member: &Member| {
        let founder = founders.iter().find(|founder| founder.id == member.id);
        let contact = founder.map(|founder| &founder.contact);
        Contact {
            peers: contact.map(|one| one.peers.clone()).unwrap_or_default(),
            clients: contact.map(|one| one.clients.clone()).unwrap_or_default(),
        }
    };
    let contacts = members.iter().map(contact).collect();
    let members = Box::new(members);
    Ok(Founding::Cluster { members, contacts })
}

/// Where members are by now, as far as is known, and this node.
fn hints(members: &[MemberReport], own: MemberConfig) -> Result<Vec<MemberConfig>, SetupError> {
    let others = members.iter().filter(|member| member.id != own.id);
    let known = others.filter(|member| !member.contact.peers.is_empty());
    let known: Result<Vec<_>, SetupError> = known
        .map(|member| {
            let read = |address: &str| {
                address
                    .parse()
                    .map_err(|error| ConfigError::Unfit(format!("{address}: {error}")))
            };
            Ok(MemberConfig {
                id: member.id,
                peers: read(&member.contact.peers)?,
                clients: read(&member.contact.clients)?,
                store: member.store,
            })
        })
        .collect();
    let mut hints = known?;
    hints.push(own);
    Ok(hints)
}
