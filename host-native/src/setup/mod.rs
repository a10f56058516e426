//! Makes a cluster: its authority, its certificates, one folder a node, and one client.
//!
//! ```text
//! kraft/
//! ├── ca.pem  ca.key            the authority; the key signs new members, keep it safe
//! ├── client.toml               what `put`, `get` and the others read
//! ├── client-admin.pem  .key
//! └── node-1/                   whole in itself: copy it to its machine
//!     ├── kraft.toml
//!     ├── ca.pem  node-1.pem  node-1.key
//!     └── data/                 formatted, empty
//! ```

pub mod join;

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::{NodeId, StoreId};
use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::presets::Preset;
use kraft_proto::zones::ZoneTable;
use kraft_storage::{FormatError, Founding, RealFs};
use kraft_wire::cert::{CA_CERTIFICATE_FILE, CertError, ClusterCa, random_cluster_id};
use thiserror::Error;

use crate::config::{
    self, ADMIN_PORT, Address, CLIENTS_PORT, Config, ConfigError, Listen, MemberConfig, PEERS_PORT,
    TlsFiles,
};
use crate::node;
use crate::node::backup::Beginning;

/// The name of the client that is made along.
const CLIENT: &str = "admin";

/// How far apart the ports of two nodes on one host are.
const PORT_STEP: u16 = 10;

/// Where one node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it listens at.
    pub listen: Listen,
    /// Where its peers reach it.
    pub peers: Address,
    /// Where clients reach it.
    pub clients: Address,
}

/// What a cluster shall be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its nodes, numbered from 1 in this order.
    pub places: Vec<Place>,
    /// The durability options to start from.
    pub preset: Preset,
    /// Which keys have which class.
    pub zones: ZoneTable,
}

/// A cluster that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub cluster: ClusterId,
    /// Each node's configuration, in order.
    pub nodes: Vec<PathBuf>,
    /// The client's configuration.
    pub client: PathBuf,
}

/// Why no cluster was made. Nothing is left behind.
#[derive(Debug, Error)]
pub enum SetupError {
    /// It has no node, or too many.
    #[error("{0} nodes: a cluster has 1 to {MEMBERS_MAX}. Nothing was made")]
    Nodes(usize),
    /// Something is there already.
    #[error(
        "{} is there already and not empty. Nothing was made or changed: name another directory, \
         or remove it if that cluster is no longer needed",
        .0.display()
    )]
    Exists(PathBuf),
    /// The file system refused.
    #[error("cannot write {}: {source}. Nothing was made", path.display())]
    Io {
        /// What could not be written.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The options do not fit together.
    #[error("{0}. Nothing was made")]
    Config(#[from] ConfigError),
    /// A certificate could not be made.
    #[error("{0}. Nothing was made")]
    Cert(#[from] CertError),
    /// A data directory could not be formatted.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The folder is to have one node's certificate.
    #[error(
        "{} has no certificate of one node, node-N.pem, with its key and ca.pem beside it: make it with `kraft cert issue \
         node` where the authority is, and copy the folder here. Nothing was made", .0.display()
    )]
    NoCertificate(PathBuf),
    /// It is a node already.
    #[error(
        "{} is there already: this folder is a node's. Start it with `kraft server`, or name another folder with --dir. \
         Nothing was made", .0.display()
    )]
    IsNode(PathBuf),
    /// What the node begins with could not be written.
    #[error("what the node begins with cannot be written: {0}. Nothing was made")]
    Beginning(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers. Nothing was made")]
    Random,
}

impl Place {
    /// Node `number`, from 1, of several on this machine: ports 7001 to 7003, 7011 to 7013, ….
    pub fn loopback(number: u16) -> Self {
        let step = number.saturating_sub(1).saturating_mul(PORT_STEP);
        Self::at_ports([PEERS_PORT, CLIENTS_PORT, ADMIN_PORT].map(|port| port + step))
    }

    /// The same, where node 1 has `first` and the two ports behind it, and each other three that are ten further on; `None`
    /// where there are no such ports.
    pub fn loopback_from(first: u16, number: u16) -> Option<Self> {
        let step = number.saturating_sub(1).checked_mul(PORT_STEP)?;
        let peers = first.checked_add(step)?;
        let admin = peers.checked_add(2)?;
        (first > 0).then(|| Self::at_ports([peers, peers + 1, admin]))
    }

    /// A node on this machine with these ports for peers, clients and admin.
    pub fn at_ports([peers, clients, admin]: [u16; 3]) -> Self {
        let here = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            listen: Listen {
                peers: here(peers),
                clients: here(clients),
                admin: here(admin),
            },
            peers: here(peers).into(),
            clients: here(clients).into(),
        }
    }

    /// A node on a machine of its own, `HOST` or `HOST:PORT`: peers reach it at that port, else the usual one, clients
    /// at the next, and operators at the one after. It listens at every address of its machine.
    ///
    /// # Errors
    ///
    /// When `host` is neither a name nor an address, or has no room for three ports.
    pub fn host(host: &str) -> Result<Self, String> {
        let (host, port) = config::split(host)?;
        let host = host.reachable()?;
        let peers = port.unwrap_or(PEERS_PORT);
        let [clients, admin] = match peers.checked_add(2) {
            Some(admin) => [peers + 1, admin],
            None => return Err(format!("port {peers} leaves no room for the two behind it")),
        };
        let usual = Config::default().listen;
        let at = |address: SocketAddr, port| SocketAddr::new(address.ip(), port);
        Ok(Self {
            listen: Listen {
                peers: at(usual.peers, peers),
                clients: at(usual.clients, clients),
                admin: at(usual.admin, admin),
            },
            peers: Address::new(&host, peers),
            clients: Address::new(&host, clients),
        })
    }
}

/// Makes the cluster in `dir`, which appears whole or not at all.
///
/// # Errors
///
/// When `dir` holds something, the plan does not fit together, or files cannot be written.
pub fn create(dir: &Path, plan: &Plan) -> Result<Created, SetupError> {
    create_from(dir, plan, None)
}

/// The same; the cluster begins with the state of a backup.
///
/// # Errors
///
/// As [`create`].
pub fn create_from(
    dir: &Path,
    plan: &Plan,
    beginning: Option<&Beginning>,
) -> Result<Created, SetupError> {
    if plan.places.is_empty() || plan.places.len() > MEMBERS_MAX {
        return Err(SetupError::Nodes(plan.places.len()));
    }
    if fs::read_dir(dir).is_ok_and(|mut inside| inside.next().is_some()) {
        return Err(SetupError::Exists(dir.to_owned()));
    }
    let draft = draft_of(dir);
    let made = make(&draft, plan, beginning).and_then(|cluster| {
        fs::rename(&draft, dir).map_err(failed(dir))?;
        sync_parent(dir)?;
        Ok(cluster)
    });
    let cluster = made.inspect_err(|_| {
        // Best effort: the error that is told is the one that matters.
        let _ = fs::remove_dir_all(&draft);
    })?;
    let node = |number| dir.join(node_folder(number)).join("kraft.toml");
    Ok(Created {
        cluster,
        nodes: (1..=plan.places.len()).map(node).collect(),
        client: dir.join("client.toml"),
    })
}

fn draft_of(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(format!(".draft-{}", std::process::id()));
    name.into()
}

fn node_folder(number: usize) -> String {
    format!("node-{number}")
}

fn make(dir: &Path, plan: &Plan, beginning: Option<&Beginning>) -> Result<ClusterId, SetupError> {
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let cluster = random_cluster_id().map_err(|_| SetupError::Random)?;
    let ca = ClusterCa::create(cluster)?;
    ca.write(dir)?;
    let members = members(plan)?;
    let founding =
        node::founding_of(&members).map_err(|error| ConfigError::Unfit(error.to_string()))?;

    for (member, place) in members.iter().zip(&plan.places) {
        let folder = dir.join(format!("node-{}", member.id));
        fs::create_dir(&folder).map_err(failed(&folder))?;
        let (cert, key) = ca.issue_node(member.id)?.write(&folder)?;
        write(&folder.join(CA_CERTIFICATE_FILE), ca.certificate_pem())?;
        let config = Config {
            node: Some(member.id),
            cluster: Some(cluster),
            listen: place.listen,
            tls: tls_files(&cert, &key),
            members: members.clone(),
            preset: plan.preset,
            durability: plan.preset.durability(),
            zones: plan.zones.clone(),
            ..Config::default()
        };
        config.check()?;
        config.check_server()?;
        write(&folder.join("kraft.toml"), &config.to_file())?;
        let identity = kraft_storage::Identity {
            cluster,
            node: member.id,
            store: member.store,
        };
        let data = folder.join(&config.data_dir);
        kraft_storage::format(&data, &RealFs, identity, founding.clone())?;
        if let (Some(beginning), Founding::Cluster { members, .. }) = (beginning, &founding) {
            let begun = beginning.write(&data, members, member.id);
            begun.map_err(|error| SetupError::Beginning(error.to_string()))?;
        }
    }

    let (cert, key) = ca.issue_client(CLIENT)?.write(dir)?;
    let client = Config {
        cluster: Some(cluster),
        tls: tls_files(&cert, &key),
        members,
        ..Config::default()
    };
    write(&dir.join("client.toml"), &client.to_client_file())?;
    Ok(cluster)
}

fn members(plan: &Plan) -> Result<Vec<MemberConfig>, SetupError> {
    let numbered = (1..).zip(&plan.places);
    numbered
        .map(|(number, place)| {
            Ok(MemberConfig {
                id: NodeId(number),
                peers: place.peers.clone(),
                clients: place.clients.clone(),
                store: random_store()?,
            })
        })
        .collect()
}

fn random_store() -> Result<StoreId, SetupError> {
    let drawn = ring::rand::generate::<[u8; 8]>(&ring::rand::SystemRandom::new())
        .map_err(|_| SetupError::Random)?;
    match StoreId(u64::from_le_bytes(drawn.expose())) {
        StoreId::ANY => random_store(),
        store => Ok(store),
    }
}

/// The files by their names alone, so that the folder can be moved.
fn tls_files(cert: &Path, key: &Path) -> TlsFiles {
    let name = |path: &Path| path.file_name().map(PathBuf::from).unwrap_or_default();
    TlsFiles {
        ca: CA_CERTIFICATE_FILE.into(),
        cert: name(cert),
        key: name(key),
    }
}

fn write(path: &Path, text: &str) -> Result<(), SetupError> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(failed(path))
}

fn sync_parent(dir: &Path) -> Result<(), SetupError> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let opened = File::open(parent).and_then(|parent| parent.sync_all());
    opened.map_err(failed(parent))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> SetupError + '_ {
    |source| SetupError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::zones::{Pattern, Strictness, Zone};
    use kraft_wire::cert::Credentials;

    use super::*;
    use crate::config::Layers;

    fn plan(nodes: u16) -> Plan {
        Plan {
            places: (1..=nodes).map(Place::loopback).collect(),
            preset: Preset::LowLatency,
            zones: ZoneTable::default(),
        }
    }

    fn read(file: &Path) -> Config {
        Layers::new().file(file).unwrap().config().unwrap()
    }

    #[test]
    fn a_cluster_is_made_whole_and_its_folders_can_be_moved() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("here");
        let created = create(&at, &plan(3)).unwrap();
        let moved = dir.path().join("there");
        fs::rename(&at, &moved).unwrap();

        let mut members = None;
        for (number, file) in (1..).zip(&created.nodes) {
            let file = moved.join(file.strip_prefix(&at).unwrap());
            let config = read(&file);
            assert_eq!(
                config.check_server().unwrap(),
                (NodeId(number), created.cluster)
            );
            assert_eq!(config.durability(), Preset::LowLatency.durability());
            let members = members.get_or_insert_with(|| config.members.clone());
            assert_eq!(&config.members, members, "everybody has the same list");
            let tls = &config.tls;
            Credentials::load(&tls.cert, &tls.key, &tls.ca).unwrap();
            assert!(config.data_dir.join("meta").exists());
        }
        let client = read(&moved.join("client.toml"));
        assert_eq!(client.check_client().unwrap(), created.cluster);
        assert_eq!(Some(client.members), members);
        Credentials::load(&client.tls.cert, &client.tls.key, &client.tls.ca).unwrap();
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "x").unwrap();
        let refused = create(dir.path(), &plan(1)).unwrap_err();
        assert!(matches!(refused, SetupError::Exists(_)));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_plan_that_does_not_fit_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("kraft");
        let nine = Zone {
            pattern: Pattern::try_from("*").unwrap(),
            mode: Some(kraft_proto::CommitMode::AtLeast(9)),
            fsync: None,
            strictness: Strictness::Default,
        };
        let unfit = Plan {
            zones: ZoneTable::new([nine]).unwrap(),
            ..plan(3)
        };
        let refused = create(&at, &unfit).unwrap_err().to_string();
        assert!(refused.contains("9 of 3 voters"), "{refused}");
        for nodes in [0, 16] {
            let refused = create(&at, &plan(nodes)).unwrap_err();
            assert!(matches!(refused, SetupError::Nodes(_)));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn nodes_on_one_machine_have_ports_of_their_own() {
        assert_eq!(Place::loopback(1).listen.peers.port(), 7001);
        assert_eq!(Place::loopback(1).listen.admin.port(), 7003);
        assert_eq!(Place::loopback(2).clients.as_str(), "127.0.0.1:7012");
        let ports = |first, number| {
            let place = Place::loopback_from(first, number)?;
            Some((place.listen.peers.port(), place.listen.admin.port()))
        };
        assert_eq!(ports(9000, 3), Some((9020, 9022)));
        assert_eq!(ports(65_533, 1), Some((65_533, 65_535)));
        for none in [(0, 1), (65_534, 1), (65_530, 2), (7001, u16::MAX)] {
            assert_eq!(ports(none.0, none.1), None, "{none:?}");
        }
        let apart = Place::host("node-2.example").unwrap();
        assert_eq!(apart.peers.as_str(), "node-2.example:7001");
        assert_eq!(apart.listen.clients.to_string(), "[::]:7002");
        let by_number = Place::host("2001:db8::5").unwrap();
        assert_eq!(by_number.clients.as_str(), "[2001:db8::5]:7002");
        let at_port = Place::host("localhost:9000").unwrap();
        assert_eq!(at_port.clients.as_str(), "localhost:9001");
        assert_eq!(at_port.listen.admin.to_string(), "127.0.0.1:9002");
        assert!(Place::host("two words").is_err());
        assert!(Place::host("node-1:65534").unwrap_err().contains("no room"));
    }
}
