//! Where clients are told to find this node.

use std::net::SocketAddr;

use crate::config::Config;

/// The client address that this node tells its peers and clients, `host:port`:
///
/// 1. `listen.advertise_clients`, where it is set;
/// 2. the address it listens at, where that is one address and its own entry among the members, as file or store have it,
///    is another number: the node has moved, and the entry is from before;
/// 3. its own entry;
/// 4. nothing.
pub(super) fn advertised(
    config: &Config,
    entry: Option<&str>,
    listens: Option<SocketAddr>,
) -> String {
    if let Some(address) = &config.advertise_clients {
        return address.to_string();
    }
    let one = listens.filter(|at| !at.ip().is_unspecified());
    match (entry, one) {
        (Some(entry), Some(at)) => match entry.parse::<SocketAddr>() {
            Ok(number) if number != at => {
                tracing::warn!(
                    "clients are told that this node is at {at}, where it listens; its entry among the members says \
                     {entry}. If clients reach it there, set listen.advertise_clients"
                );
                at.to_string()
            }
            _ => entry.to_owned(),
        },
        (Some(entry), None) => entry.to_owned(),
        (None, Some(at)) => at.to_string(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entry: &str, advertise: Option<&str>, listens: &str) -> String {
        let config = Config {
            advertise_clients: advertise.map(|address| address.parse().unwrap()),
            ..Config::default()
        };
        advertised(&config, Some(entry), listens.parse().ok())
    }

    #[test]
    fn a_node_that_moved_says_where_it_listens_and_one_behind_a_name_keeps_it() {
        assert_eq!(of("node-1:7002", None, "[::]:7002"), "node-1:7002");
        assert_eq!(of("node-1:7002", None, "10.0.0.5:7002"), "node-1:7002");
        assert_eq!(of("10.0.0.5:7002", None, "[::]:9000"), "10.0.0.5:7002");
        assert_eq!(of("10.0.0.5:7002", None, "10.0.0.5:7002"), "10.0.0.5:7002");
        assert_eq!(of("10.0.0.5:7002", None, "10.0.0.6:7002"), "10.0.0.6:7002");
        assert_eq!(
            of("10.0.0.5:7002", Some("203.0.113.5:1"), "10.0.0.6:7002"),
            "203.0.113.5:1"
        );
    }
}
