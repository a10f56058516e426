//! Where somebody is reached: a host, by name or number, and a port.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// The longest name that the domain name system knows, in bytes.
const NAME_BYTES_MAX: usize = 253;

/// A host and a port, written so that it can be looked up: an IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

/// A host without its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A number.
    Ip(IpAddr),
    /// A name.
    Name(String),
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

    /// As it was written, with its port.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A host at a port.
    pub fn new(host: &Host, port: u16) -> Self {
        Self(match host {
            Host::Ip(ip) => SocketAddr::new(*ip, port).to_string(),
            Host::Name(name) => format!("{name}:{port}"),
        })
    }

    /// Reads `HOST` or `HOST:PORT`; a port that is not given is `usual`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to write instead.
    pub fn read(text: &str, usual: u16) -> Result<Self, String> {
        let (host, port) = split(text)?;
        Ok(Self::new(&host.reachable()?, port.unwrap_or(usual)))
    }
}

impl Host {
    /// The same, where it can be a destination.
    ///
    /// # Errors
    ///
    /// When it is every address of a machine, which is for listening.
    pub fn reachable(self) -> Result<Self, String> {
        match self {
            Self::Ip(ip) if ip.is_unspecified() => Err(format!(
                "{ip} is every address of a machine, to listen at; name the one by which it is reached"
            )),
            host => Ok(host),
        }
    }
}

/// Reads a host and, where one is given, its port: `node-1`, `node-1:7001`, `10.0.0.5`, `::1`, `[::1]`,
/// `[::1]:7001`.
///
/// # Errors
///
/// What is wrong with it, and what to write instead.
pub fn split(text: &str) -> Result<(Host, Option<u16>), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(
            "it is empty; use HOST or HOST:PORT, such as 127.0.0.1:7001 or [::1]:7001".into(),
        );
    }
    if text.contains("://") {
        return Err("leave out what stands before and with ://; use HOST or HOST:PORT".into());
    }
    // A bare IPv6 address has colons of its own, and then no port.
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok((Host::Ip(ip), None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest
            .split_once(']')
            .ok_or("the bracket is not closed; use [ADDRESS] or [ADDRESS]:PORT")?;
        let ip: Ipv6Addr = inside.parse().map_err(|_| not_v6(inside))?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(read_port(port)?),
            None if after.is_empty() => None,
            None => {
                return Err(format!(
                    "{after:?} stands behind the bracket; use [ADDRESS]:PORT"
                ));
            }
        };
        return Ok((Host::Ip(ip.into()), port));
    }
    let (host, port) = match text.split_once(':') {
        None => (text, None),
        Some((_, rest)) if rest.contains(':') => return Err(not_v6(text)),
        Some((host, port)) => (host, Some(read_port(port)?)),
    };
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok((Host::Ip(ip), port));
    }
    Ok((Host::Name(read_name(host)?), port))
}

/// Reads where to listen: an address of this machine, with or without a port.
///
/// # Errors
///
/// What is wrong with it, and what to write instead.
pub fn read_listen(text: &str, usual: u16) -> Result<SocketAddr, String> {
    // Port 0 takes a free one here, where as a destination it means nothing.
    if let Ok(whole) = text.trim().parse::<SocketAddr>() {
        return Ok(whole);
    }
    match split(text)? {
        (Host::Ip(ip), port) => Ok(SocketAddr::new(ip, port.unwrap_or(usual))),
        (Host::Name(name), _) => Err(format!(
            "{name:?} is a name: to listen, use one of this machine's addresses, or [::] for all of them"
        )),
    }
}

fn not_v6(text: &str) -> String {
    match text.contains('%') {
        true => format!(
            "{text:?} names an interface of one machine behind its %; use an address that every machine knows"
        ),
        false => format!(
            "{text:?} is no IPv6 address; use HOST, HOST:PORT, an IPv6 address, or [ADDRESS]:PORT"
        ),
    }
}

fn read_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!(
            "{text:?} is no port: use 1 to 65535 behind the colon"
        )),
    }
}

fn read_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("no host stands before the colon; use HOST:PORT".into());
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(format!(
            "a name has at most {NAME_BYTES_MAX} bytes, and this one {}",
            text.len()
        ));
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    if let Some(other) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!("{other:?} cannot stand in the name of a host"));
    }
    let only_numbers = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if only_numbers {
        return Err(format!(
            "{text:?} is neither a name nor an address: an IPv4 address has four numbers of 0 to 255"
        ));
    }
    Ok(text.to_owned())
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string())
    }
}

impl From<&Address> for String {
    fn from(address: &Address) -> Self {
        address.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads `HOST:PORT`, the port always given.
impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match split(text)? {
            (host, Some(port)) => Ok(Self::new(&host.reachable()?, port)),
            (_, None) => {
                Err("it has no port; use HOST:PORT, such as 127.0.0.1:7001 or [::1]:7001".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_host_is_read_with_and_without_a_port() {
        for (text, with_usual) in [
            ("127.0.0.1", "127.0.0.1:7001"),
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("::1", "[::1]:7001"),
            ("[::1]", "[::1]:7001"),
            ("[::1]:9", "[::1]:9"),
            ("2001:db8::5", "[2001:db8::5]:7001"),
            ("localhost", "localhost:7001"),
            ("localhost:9", "localhost:9"),
            ("node-1.example", "node-1.example:7001"),
            ("kraft_node.7:65535", "kraft_node.7:65535"),
        ] {
            let read = Address::read(text, 7001);
            assert_eq!(read.as_ref().map(Address::as_str), Ok(with_usual), "{text}");
            assert_eq!(read.clone(), with_usual.parse(), "it reads back");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("host:", "no port"),
            ("host:0", "\"0\" is no port"),
            ("host:70000", "\"70000\" is no port"),
            (":7001", "no host"),
            ("two words", "' ' cannot stand"),
            ("a:b:c", "no IPv6 address"),
            ("[::1", "not closed"),
            ("[::1]7001", "behind the bracket"),
            ("[node-1]:7001", "no IPv6 address"),
            ("fe80::1%eth0", "interface"),
            ("https://node-1", "://"),
            ("10.0.0.256", "0 to 255"),
            ("7001", "0 to 255"),
            ("0.0.0.0", "to listen at"),
            ("[::]:7001", "to listen at"),
        ] {
            let refused = Address::read(text, 7001).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn a_port_is_asked_for_only_where_none_is_usual() {
        assert!("node-1".parse::<Address>().unwrap_err().contains("no port"));
    }

    #[test]
    fn where_to_listen_is_an_address_of_this_machine() {
        let read = |text| read_listen(text, 7001).map(|address| address.to_string());
        assert_eq!(read("::").as_deref(), Ok("[::]:7001"));
        assert_eq!(read("0.0.0.0:9").as_deref(), Ok("0.0.0.0:9"));
        assert_eq!(read("127.0.0.1:0").as_deref(), Ok("127.0.0.1:0"));
        assert!(read("node-1:7001").unwrap_err().contains("is a name"));
    }

    #[test]
    fn an_address_is_looked_up_as_it_was_written() {
        let resolved = "127.0.0.1:7001".parse::<Address>().unwrap().resolve();
        assert_eq!(resolved.unwrap(), SocketAddr::from(([127, 0, 0, 1], 7001)));
    }
}
