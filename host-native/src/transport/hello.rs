//! The first words on every connection, before anything else is believed.
//!
//! Each side sends one frame on the stream that the dialing side opens first:
//!
//! ```text
//! "kraft" | version, 2 bytes little-endian | hello in postcard, nothing after it
//! ```
//!
//! The first seven bytes mean the same in every version, so that two releases that cannot talk can
//! still say so. A side that refuses closes the connection with the reason as text.

use std::time::SystemTime;

use bytes::Bytes;
use kraft_proto::ids::{Incarnation, NodeId, StoreId};
use kraft_proto::limits::MEMBERS_MAX;
use quinn::{Connection, SendStream};
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame::{Batch, FrameReader};
use super::refusal::Refusal;
use crate::cert::{self, ClusterId, PeerIdentity};
use crate::epoch::Epoch;
use crate::rpc::ADDRESS_BYTES_MAX;

/// The version of what peers say to each other.
pub const PEER_VERSION: u16 = 2;

/// The longest hello, in bytes.
pub(crate) const HELLO_BYTES_MAX: u32 = 8 * 1024;

// A hello to clients names every member.
const _: () = assert!(MEMBERS_MAX * (ADDRESS_BYTES_MAX + 16) + 1024 <= HELLO_BYTES_MAX as usize);

const MAGIC: &[u8] = b"kraft";
const VERSION_BYTES: usize = 2;

/// What a node says of itself to its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The cluster it belongs to; the certificate must say the same.
    pub cluster: ClusterId,
    /// Which node it is; the certificate must say the same.
    pub node: NodeId,
    /// Its data store.
    pub store: StoreId,
    /// How often its cluster was founded anew; nodes of another epoch are of another cluster.
    pub epoch: Epoch,
    /// Its start.
    pub incarnation: Incarnation,
    /// What ought to be equal on every node.
    pub settings: Settings,
}

/// Digests of the settings that ought to be equal on every node. A difference is reported, and
/// changes nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Of the table of zones.
    pub zones: u64,
    /// Of the class of a write that names none.
    pub default_class: u64,
    /// Of what a node that lost power may do.
    pub on_power_loss: u64,
}

/// One of [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The table of zones.
    Zones,
    /// The class of a write that names none.
    DefaultClass,
    /// What a node that lost power may do.
    OnPowerLoss,
}

/// A peer's hello with what changes from start to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PeerHello {
    pub(super) hello: Hello,
    /// The number its process drew when it started: two connections with the same number come from the same process.
    pub(super) process: u64,
    /// Where clients reach it, `host:port`; empty if it does not say.
    pub(super) clients: String,
}

impl Hello {
    /// Reads the first words of a peer as they travel.
    ///
    /// # Errors
    ///
    /// Says why the connection would be closed: another version, or no hello at all.
    pub fn read(opening: &[u8]) -> Result<Self, Refusal> {
        decode(PEER_VERSION, opening).map(|PeerHello { hello, .. }| hello)
    }

    /// The first words of a node whose process drew this number.
    ///
    /// # Errors
    ///
    /// None that a hello gives rise to.
    pub fn write(self, process: u64) -> Result<Bytes, Refusal> {
        let ours = PeerHello {
            hello: self,
            process,
            clients: String::new(),
        };
        encode(PEER_VERSION, &ours)
    }
}

impl Setting {
    /// Its name in logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Zones => "zones",
            Self::DefaultClass => "default_class",
            Self::OnPowerLoss => "on_power_loss",
        }
    }
}

impl Settings {
    /// The settings that are not equal in `other`.
    pub fn differences(self, other: Self) -> impl Iterator<Item = Setting> {
        [
            (Setting::Zones, self.zones == other.zones),
            (
                Setting::DefaultClass,
                self.default_class == other.default_class,
            ),
            (
                Setting::OnPowerLoss,
                self.on_power_loss == other.on_power_loss,
            ),
        ]
        .into_iter()
        .filter_map(|(setting, equal)| (!equal).then_some(setting))
    }
}

/// The stream of the hello, when both sides are content.
pub(crate) struct Greeted<T> {
    pub(crate) theirs: T,
    pub(crate) send: SendStream,
    pub(crate) receive: FrameReader,
}

/// The dialing side: says hello and hears the answer.
pub(crate) async fn introduce<S: Serialize, T: DeserializeOwned>(
    connection: &Connection,
    version: u16,
    ours: &S,
) -> Result<Greeted<T>, Refusal> {
    let (mut send, receive) = connection
        .open_bi()
        .await
        .map_err(|e| Refusal::of_connection(&e))?;
    say(&mut send, version, ours).await?;
    hear(send, FrameReader::new(receive, HELLO_BYTES_MAX), version).await
}

/// The side that was dialed: hears the hello. It answers with [`say`] once it is content.
pub(crate) async fn listen<T: DeserializeOwned>(
    connection: &Connection,
    version: u16,
) -> Result<Greeted<T>, Refusal> {
    let (send, receive) = connection
        .accept_bi()
        .await
        .map_err(|e| Refusal::of_connection(&e))?;
    hear(send, FrameReader::new(receive, HELLO_BYTES_MAX), version).await
}

/// Says hello.
pub(crate) async fn say<S: Serialize>(
    send: &mut SendStream,
    version: u16,
    ours: &S,
) -> Result<(), Refusal> {
    let opening = encode(version, ours)?;
    let mut batch = Batch::default();
    batch.begin(u32::try_from(opening.len()).map_err(|e| Refusal::Hello(e.to_string()))?);
    batch.push(opening);
    batch.write_to(send).await.map_err(|e| match e {
        quinn::WriteError::ConnectionLost(e) => Refusal::of_connection(&e),
        e => Refusal::Broken(e.to_string()),
    })
}

async fn hear<T: DeserializeOwned>(
    send: SendStream,
    mut receive: FrameReader,
    version: u16,
) -> Result<Greeted<T>, Refusal> {
    let opening = receive
        .next()
        .await
        .map_err(|e| Refusal::of_read(&e))?
        .ok_or_else(|| Refusal::Hello("the stream ended before it".to_owned()))?;
    Ok(Greeted {
        theirs: decode(version, &opening)?,
        send,
        receive,
    })
}

/// Whom the verified certificate of the other side speaks for.
pub(crate) fn identity_of(connection: &Connection) -> Result<PeerIdentity, Refusal> {
    let certificate = certificate_of(connection).ok_or(Refusal::NoCertificate)?;
    PeerIdentity::from_certificate(&certificate).map_err(Refusal::Nameless)
}

/// Until when the certificate of the other side holds.
pub(super) fn until(connection: &Connection) -> Option<SystemTime> {
    let (_, until) = cert::validity(&certificate_of(connection)?).ok()?;
    Some(until)
}

fn certificate_of(connection: &Connection) -> Option<CertificateDer<'static>> {
    let chain = connection.peer_identity()?;
    let chain = chain.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.first().cloned()
}

fn encode<S: Serialize>(version: u16, hello: &S) -> Result<Bytes, Refusal> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&version.to_le_bytes());
    postcard::to_extend(hello, out)
        .map(Bytes::from)
        .map_err(|e| Refusal::Hello(e.to_string()))
}

/// Reads an opening; an unknown version is told from nonsense.
pub(crate) fn decode<T: DeserializeOwned>(version: u16, opening: &[u8]) -> Result<T, Refusal> {
    let wrong = |what: &str| Refusal::Hello(what.to_owned());
    let rest = opening
        .strip_prefix(MAGIC)
        .ok_or_else(|| wrong("it does not begin as kraft's do"))?;
    let (theirs, body) = rest
        .split_first_chunk::<VERSION_BYTES>()
        .ok_or_else(|| wrong("it ends before the version"))?;
    let theirs = u16::from_le_bytes(*theirs);
    if theirs != version {
        return Err(Refusal::Version {
            ours: version,
            theirs,
        });
    }
    match postcard::take_from_bytes(body) {
        Ok((hello, [])) => Ok(hello),
        Ok(_) => Err(wrong("it goes on after its end")),
        Err(e) => Err(Refusal::Hello(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::ids::Nonce;

    use super::*;

    fn hello() -> Hello {
        Hello {
            cluster: ClusterId(7),
            node: NodeId(3),
            store: StoreId(9),
            epoch: Epoch(1),
            incarnation: Incarnation::new(2, Nonce(2)),
            settings: Settings::default(),
        }
    }

    #[test]
    fn an_opening_reads_back_and_nothing_may_follow_it() {
        let opening = encode(1, &hello()).unwrap();
        assert_eq!(decode(1, &opening), Ok(hello()));
        for end in 0..opening.len() {
            assert!(decode::<Hello>(1, &opening[..end]).is_err());
        }
        let longer = [&opening[..], &[0]].concat();
        assert!(matches!(
            decode::<Hello>(1, &longer),
            Err(Refusal::Hello(_))
        ));
    }

    #[test]
    fn an_unknown_version_is_named_whatever_its_hello_looks_like() {
        let opening = [MAGIC, &9_u16.to_le_bytes(), b"who knows"].concat();
        let refusal = decode::<Hello>(1, &opening).unwrap_err();
        assert_eq!(refusal, Refusal::Version { ours: 1, theirs: 9 });
        let text = refusal.to_string();
        assert!(
            text.contains("version 9") && text.contains("version 1"),
            "{text}"
        );
    }

    #[test]
    fn each_setting_that_differs_is_named() {
        let ours = Settings::default();
        let theirs = Settings {
            zones: 1,
            on_power_loss: 2,
            ..ours
        };
        let named: Vec<_> = ours.differences(theirs).collect();
        assert_eq!(named, [Setting::Zones, Setting::OnPowerLoss]);
    }
}
