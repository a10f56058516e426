//! What a client is told: which cluster, which certificate, and whom to ask.

use std::fs;
use std::path::{self, Path, PathBuf};

use kraft_proto::cluster::ClusterId;
use kraft_wire::address::Address;
use kraft_wire::rpc::CLIENTS_PORT;
use serde::Deserialize;

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// Which cluster.
    pub cluster: ClusterId,
    /// Where its nodes take clients.
    pub addresses: Vec<Address>,
    /// The cluster's authority, PEM.
    pub ca: PathBuf,
    /// The client's certificate, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Why a file configures no client. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ClientConfigError {
    /// The file could not be read at all.
    #[error(
        "cannot read the configuration {}: {source}. Name another, or make one with `kraft init`",
        file.display()
    )]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not TOML, or a value in it is of the wrong shape.
    #[error("{}: {why}", file.display())]
    Shape {
        /// Which file.
        file: PathBuf,
        /// Where and what, in the parser's words.
        why: String,
    },
    /// Something that has no default was not given.
    #[error("{} lacks `{what}`: set it, or make a complete file with `kraft init`", file.display())]
    Missing {
        /// Which file.
        file: PathBuf,
        /// Which option.
        what: &'static str,
    },
    /// A value makes no sense.
    #[error("{}: `{key}` cannot be {given:?}: {why}", file.display())]
    BadValue {
        /// Which file.
        file: PathBuf,
        /// Which option.
        key: &'static str,
        /// Its value.
        given: String,
        /// What it should be.
        why: String,
    },
}

/// The part of a configuration file that clients read. A node's file has more, which they pass over.
#[derive(Deserialize)]
struct File {
    cluster: Option<String>,
    #[serde(default)]
    tls: Tls,
    #[serde(default)]
    members: Vec<Member>,
}

/// Files that nobody names are looked for beside the configuration.
#[derive(Deserialize)]
#[serde(default)]
struct Tls {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
struct Member {
    clients: String,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            ca: "ca.pem".into(),
            cert: "node.pem".into(),
            key: "node.key".into(),
        }
    }
}

impl ClientConfig {
    /// Reads `client.toml` as `kraft init` writes it, or a node's configuration. Paths in it start
    /// where the file is.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, lacks something, or a value in it makes no sense.
    pub fn load(file: &Path) -> Result<Self, ClientConfigError> {
        let text = fs::read_to_string(file).map_err(|source| ClientConfigError::Unreadable {
            file: file.to_owned(),
            source,
        })?;
        Self::read(file, &text)
    }

    /// Reads what a file of this name would say with this text. The file is not looked at.
    ///
    /// # Errors
    ///
    /// When the text lacks something, or a value in it makes no sense.
    pub fn read(file: &Path, text: &str) -> Result<Self, ClientConfigError> {
        let found: File = toml::from_str(text).map_err(|error| ClientConfigError::Shape {
            file: file.to_owned(),
            why: error.to_string(),
        })?;
        let missing = |what| ClientConfigError::Missing {
            file: file.to_owned(),
            what,
        };
        let bad = |key, given: &str, why: String| ClientConfigError::BadValue {
            file: file.to_owned(),
            key,
            given: given.to_owned(),
            why,
        };
        let cluster = found.cluster.ok_or_else(|| missing("cluster"))?;
        let cluster = cluster
            .parse()
            .map_err(|why: kraft_proto::NotAClusterId| bad("cluster", &cluster, why.to_string()))?;
        if found.members.is_empty() {
            return Err(missing("members"));
        }
        let address = |member: &Member| {
            Address::read(&member.clients, CLIENTS_PORT)
                .map_err(|why| bad("clients", &member.clients, why))
        };
        let whole = path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let base = whole.parent().unwrap_or(Path::new(""));
        Ok(Self {
            cluster,
            addresses: found
                .members
                .iter()
                .map(address)
                .collect::<Result<_, _>>()?,
            ca: base.join(found.tls.ca),
            cert: base.join(found.tls.cert),
            key: base.join(found.tls.key),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        cluster = "000000000000000000000000000000ab"
        preset = "web"
        [tls]
        cert = "client.pem"
        [[members]]
        id = 1
        clients = "10.0.0.1"
    "#;

    #[test]
    fn the_part_that_clients_need_is_read_and_the_rest_passed_over() {
        let config = ClientConfig::read(Path::new("/etc/kraft/client.toml"), WHOLE).unwrap();
        assert_eq!(config.cluster, ClusterId(0xab));
        let addresses: Vec<&str> = config.addresses.iter().map(Address::as_str).collect();
        assert_eq!(addresses, ["10.0.0.1:7002"]);
        assert_eq!(config.cert, Path::new("/etc/kraft/client.pem"));
        assert_eq!(config.ca, Path::new("/etc/kraft/ca.pem"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let read = |text: &str| {
            ClientConfig::read(Path::new("c.toml"), text)
                .unwrap_err()
                .to_string()
        };
        assert!(read("").contains("c.toml lacks `cluster`"));
        let alone = WHOLE.split("[[members]]").next().unwrap();
        assert!(read(alone).contains("lacks `members`"));
        assert!(read(&WHOLE.replace("ab", "zz")).contains("`cluster` cannot be"));
        assert!(read(&WHOLE.replace("10.0.0.1", "10.0.0.1:0")).contains("`clients` cannot be"));
        assert!(read("cluster = [").contains("c.toml: "));
    }
}
