//! How kraft uses QUIC: the settings shared by the peers' listener and the clients' listener.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    AckFrequencyConfig, ClientConfig, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::error::BindError;
use crate::cert::{CertError, Credentials};

/// Bytes asked of the operating system for each direction of a socket. It may grant less.
const SOCKET_BYTES: usize = 4 * 1024 * 1024;

/// Bytes in flight before the first acknowledgement. QUIC's usual ten packets make a round of a
/// batched append wait for the other side's delayed acknowledgement.
const INITIAL_WINDOW_BYTES: u64 = 1024 * 1024;

/// The guess of a round trip before one was measured: a lost first packet is sent again after
/// three of them, and a peer that just started is found soon.
const INITIAL_RTT: Duration = Duration::from_millis(10);

/// How long the other side may keep an acknowledgement back. QUIC's usual 25 ms is longer than a
/// whole commit, and is also how late the loss of the last packet is noticed.
const ACK_DELAY_MAX: Duration = Duration::from_millis(2);

/// The longest datagram, where the path takes it: over the loopback and jumbo frames large batches
/// cost a half to a third of the CPU. quinn hands ten at a time to the operating system, which drops
/// more than 64 KiB without a word.
const DATAGRAM_BYTES_MAX: u16 = 6500;
const DATAGRAMS_AT_ONCE: usize = 10;
const _: () = assert!(DATAGRAM_BYTES_MAX as usize * DATAGRAMS_AT_ONCE < 65_507);

/// Bytes on their way to a slow reader, per stream, per connection, and unsent: between peers, and on
/// the side of a client.
const STREAM_BYTES: u32 = 2 * 1024 * 1024;
const CONNECTION_BYTES: u32 = 4 * 1024 * 1024;
const SEND_BYTES: u64 = 4 * 1024 * 1024;

/// The same at a listener for many: what each connection can make a node hold.
const NARROW_STREAM_BYTES: u32 = 512 * 1024;
const NARROW_BYTES_MIN: u32 = 64 * 1024;
const NARROW_BYTES_ALL: u32 = 32 * 1024 * 1024;

/// Connections that wait for us to look at them, and the bytes kept for them.
const INCOMING_MAX: usize = 128;
const INCOMING_BYTES_EACH: u64 = 16 * 1024;
const INCOMING_BYTES: u64 = 1024 * 1024;

/// How many streams the other side may open.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// Both ways.
    pub two_way: u8,
    /// Towards this side only.
    pub one_way: u8,
}

/// How much a connection may have on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// Between a few who know each other.
    Wide,
    /// At a listener for many; see [`widen`].
    Narrow,
}

/// Keep-alives, and when silence means that the other side is gone.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// Silence after which a keep-alive is sent.
    pub keep_alive: Duration,
    /// Silence after which the other side is taken for gone.
    pub idle: Duration,
}

/// The settings of a connection.
pub fn settings(
    streams: Streams,
    pulse: Pulse,
    windows: Windows,
) -> Result<Arc<TransportConfig>, BindError> {
    let (stream, connection, unsent) = match windows {
        Windows::Wide => (STREAM_BYTES, CONNECTION_BYTES, SEND_BYTES),
        Windows::Narrow => (
            NARROW_STREAM_BYTES,
            NARROW_BYTES_MIN,
            NARROW_BYTES_MIN.into(),
        ),
    };
    let idle = IdleTimeout::try_from(pulse.idle).map_err(|_| BindError::Time(pulse.idle))?;
    let mut congestion = CubicConfig::default();
    congestion.initial_window(INITIAL_WINDOW_BYTES);
    let mut acks = AckFrequencyConfig::default();
    acks.max_ack_delay(Some(ACK_DELAY_MAX));
    let mut path = MtuDiscoveryConfig::default();
    path.upper_bound(DATAGRAM_BYTES_MAX);
    let mut settings = TransportConfig::default();
    settings
        .max_concurrent_bidi_streams(VarInt::from(streams.two_way))
        .max_concurrent_uni_streams(VarInt::from(streams.one_way))
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(pulse.keep_alive))
        .initial_rtt(INITIAL_RTT)
        .stream_receive_window(VarInt::from_u32(stream))
        .receive_window(VarInt::from_u32(connection))
        .send_window(unsent)
        .datagram_receive_buffer_size(None)
        .ack_frequency_config(Some(acks))
        .mtu_discovery_config(Some(path))
        .congestion_controller_factory(Arc::new(congestion));
    Ok(Arc::new(settings))
}

/// Lets a connection at a listener for many have more on its way, as far as its number allows.
pub fn widen(connection: &quinn::Connection, connected: usize) {
    let connected = u32::try_from(connected.max(1)).unwrap_or(u32::MAX);
    let share = (NARROW_BYTES_ALL / connected).clamp(NARROW_BYTES_MIN, NARROW_STREAM_BYTES);
    connection.set_receive_window(VarInt::from_u32(share));
    connection.set_send_window(share.into());
}

/// What a listener does with those who connect.
pub fn server(
    credentials: &Credentials,
    alpn: &[u8],
    settings: Arc<TransportConfig>,
) -> Result<ServerConfig, CertError> {
    let tls = QuicServerConfig::try_from(credentials.server_tls(alpn)?).map_err(unusable)?;
    let mut server = ServerConfig::with_crypto(Arc::new(tls));
    server
        .transport_config(settings)
        .migration(false)
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_EACH)
        .incoming_buffer_size_total(INCOMING_BYTES);
    Ok(server)
}

/// How we connects.
pub fn client(
    credentials: &Credentials,
    alpn: &[u8],
    settings: Arc<TransportConfig>,
) -> Result<ClientConfig, CertError> {
    let tls = QuicClientConfig::try_from(credentials.client_tls(alpn)?).map_err(unusable)?;
    let mut client = ClientConfig::new(Arc::new(tls));
    client.transport_config(settings);
    Ok(client)
}

/// Opens a socket. What a restarted process must share with the one before it, so that the other
/// side of an old connection is told at once that it is gone, comes from the private key.
pub fn open(
    listen: SocketAddr,
    credentials: &Credentials,
    alpn: &str,
    server: Option<ServerConfig>,
) -> Result<Endpoint, BindError> {
    let failed = |source| BindError::Socket { listen, source };
    let socket = bind(listen).map_err(failed)?;
    for granted in [
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES),
        rustix::net::sockopt::set_socket_send_buffer_size(&socket, SOCKET_BYTES),
    ] {
        if let Err(e) = granted {
            tracing::debug!("the socket keeps its usual buffers: {e}");
        }
    }
    let reset_secret = credentials.derived_secret(&format!("{alpn} stateless reset"));
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &reset_secret);
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    config
        .max_udp_payload_size(DATAGRAM_BYTES_MAX)
        .map_err(|e| failed(io::Error::other(e)))?;
    let [a, b, c, d, e, f, g, h, ..] =
        credentials.derived_secret(&format!("{alpn} connection ids"));
    let id_key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(id_key)));
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(failed)
}

/// Opens a UDP socket. `[::]` takes IPv4 too, whatever the machine's default is, and is IPv4 alone where the
/// machine knows nothing else.
fn bind(listen: SocketAddr) -> io::Result<UdpSocket> {
    let SocketAddr::V6(every) = listen else {
        return UdpSocket::bind(listen);
    };
    if !every.ip().is_unspecified() {
        return UdpSocket::bind(listen);
    }
    let both = || -> rustix::io::Result<UdpSocket> {
        let (kind, flags) = (SocketType::DGRAM, SocketFlags::CLOEXEC);
        let socket = rustix::net::socket_with(AddressFamily::INET6, kind, flags, None)?;
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
        rustix::net::bind(&socket, &every)?;
        Ok(socket.into())
    };
    match both() {
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, listen.port()))
        }
        other => Ok(other?),
    }
}

/// An address as people write it: IPv4 over a socket for both is IPv4.
pub fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn unusable(e: quinn::crypto::rustls::NoInitialCipherSuite) -> CertError {
    CertError::Tls {
        detail: e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_socket_for_every_address_hears_both_kinds() {
        let every: SocketAddr = "[::]:0".parse().unwrap();
        let socket = bind(every).unwrap();
        let port = socket.local_addr().unwrap().port();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut heard = [0; 8];
        for from in ["127.0.0.1", "::1"] {
            let Ok(sender) = UdpSocket::bind((from, 0)) else {
                // A machine without IPv6.
                continue;
            };
            sender.send_to(b"knock", (from, port)).unwrap();
            let (bytes, address) = socket.recv_from(&mut heard).unwrap();
            assert_eq!(&heard[..bytes], b"knock");
            assert_eq!(plain(address).ip().to_string(), from);
        }
    }
}
