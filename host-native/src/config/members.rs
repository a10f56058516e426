//! Who is in the cluster and where.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use kraft_proto::ids::{NodeId, StoreId};

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

/// One member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// Its id, which its certificate carries too.
    pub id: NodeId,
    /// Where peers reach it.
    pub peers: Address,
    /// Where clients reach it.
    pub clients: Address,
    /// The store it was formatted with; [`StoreId::ANY`] believes the first that answers.
    pub store: StoreId,
}

impl Address {
    /// Looks the name up.
    ///
    /// # Errors
    ///
    /// When the name is not known, or has no address.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        self.0.to_socket_addrs()?.next().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("{self} has no address"))
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "use HOST:PORT, such as 127.0.0.1:7001".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let port: u16 = port.parse().map_err(|_| expected())?;
        let bare_v6 = host.contains(':') && !host.starts_with('[');
        if host.is_empty() || port == 0 || bare_v6 || host.contains(char::is_whitespace) {
            return Err(expected());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for MemberConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}", self.id, self.peers, self.clients)
    }
}

/// Reads `ID@PEERS/CLIENTS`, the form of variables and flags.
impl FromStr for MemberConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (id, addresses) = text.trim().split_once('@')?;
            let (peers, clients) = addresses.split_once('/')?;
            Some(Self {
                id: NodeId(id.parse().ok()?),
                peers: peers.parse().ok()?,
                clients: clients.parse().ok()?,
                store: StoreId::ANY,
            })
        };
        parts().ok_or_else(|| {
            "use ID@PEERS/CLIENTS with commas between members, such as \
             1@10.0.0.1:7001/10.0.0.1:7002"
                .into()
        })
    }
}

/// Reads a store id: 16 hexadecimal digits at most.
pub(super) fn parse_store(text: &str) -> Result<StoreId, String> {
    u64::from_str_radix(text, 16)
        .map(StoreId)
        .map_err(|_| "use up to 16 hexadecimal digits".into())
}

/// Writes a store id as [`parse_store`] reads it.
pub(super) fn format_store(store: StoreId) -> String {
    format!("{:016x}", store.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["127.0.0.1:7001", "[::1]:7001", "node-1.example:7001"] {
            assert_eq!(good.parse::<Address>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "7001",
            ":7001",
            "host:",
            "host:0",
            "host:70000",
            "::1:7001",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        let resolved = "127.0.0.1:7001".parse::<Address>().unwrap().resolve();
        assert_eq!(resolved.unwrap(), SocketAddr::from(([127, 0, 0, 1], 7001)));
    }

    #[test]
    fn a_member_fits_on_one_line() {
        let line = "2@10.0.0.2:7001/10.0.0.2:7002";
        let member: MemberConfig = line.parse().unwrap();
        assert_eq!(member.id, NodeId(2));
        assert_eq!(member.to_string(), line);
        assert!("2@10.0.0.2:7001".parse::<MemberConfig>().is_err());
    }
}
