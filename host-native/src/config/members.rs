//! Who is in the cluster and where.

use std::fmt;
use std::str::FromStr;

use kraft_proto::ids::{NodeId, StoreId};
use kraft_wire::address::Address;
use kraft_wire::rpc::CLIENTS_PORT;

use super::ports::PEERS_PORT;

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

impl fmt::Display for MemberConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}", self.id, self.peers, self.clients)
    }
}

/// Reads `ID@PEERS/CLIENTS`, the form of variables and flags.
impl FromStr for MemberConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || {
            "use ID@PEERS/CLIENTS with commas between members, such as \
             1@10.0.0.1:7001/10.0.0.1:7002"
                .to_owned()
        };
        let (id, addresses) = text.trim().split_once('@').ok_or_else(shape)?;
        let (peers, clients) = addresses.split_once('/').ok_or_else(shape)?;
        let id = id.parse().map_err(|_| shape())?;
        let wrong = |what: &str, why: String| format!("member {id}, {what}: {why}");
        Ok(Self {
            id: NodeId(id),
            peers: Address::read(peers, PEERS_PORT).map_err(|why| wrong("peers", why))?,
            clients: Address::read(clients, CLIENTS_PORT).map_err(|why| wrong("clients", why))?,
            store: StoreId::ANY,
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
    fn a_member_fits_on_one_line() {
        let line = "2@10.0.0.2:7001/10.0.0.2:7002";
        let member: MemberConfig = line.parse().unwrap();
        assert_eq!(member.id, NodeId(2));
        assert_eq!(member.to_string(), line);
        assert!("2@10.0.0.2:7001".parse::<MemberConfig>().is_err());
        let usual: MemberConfig = "3@::1/node-3".parse().unwrap();
        assert_eq!(usual.to_string(), "3@[::1]:7001/node-3:7002");
        let wrong = "3@node-3/node-3:0".parse::<MemberConfig>().unwrap_err();
        assert!(
            wrong.contains("member 3, clients: \"0\" is no port"),
            "{wrong}"
        );
    }
}
