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
use quinn::{Connection, SendStream};
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::{Batch, FrameReader};
use super::refusal::ConnectionRefusal;
use crate::cert::{self, PeerIdentity};

/// The longest hello, in bytes.
pub const HELLO_BYTES_MAX: u32 = 8 * 1024;

const MAGIC: &[u8] = b"kraft";
const VERSION_BYTES: usize = 2;

/// The stream of the hello, when both sides are content.
pub struct Greeted<T> {
    /// What the other side says of itself.
    pub theirs: T,
    /// To go on speaking.
    pub send: SendStream,
    /// To go on hearing.
    pub receive: FrameReader,
}

/// The dialing side: says hello and hears the answer.
pub async fn introduce<S: Serialize, T: DeserializeOwned>(
    connection: &Connection,
    version: u16,
    ours: &S,
) -> Result<Greeted<T>, ConnectionRefusal> {
    let (mut send, receive) = connection
        .open_bi()
        .await
        .map_err(|e| ConnectionRefusal::of_connection(&e))?;
    say(&mut send, version, ours).await?;
    hear(send, FrameReader::new(receive, HELLO_BYTES_MAX), version).await
}

/// The side that was dialed: hears the hello. It answers with [`say`] once it is content.
pub async fn listen<T: DeserializeOwned>(
    connection: &Connection,
    version: u16,
) -> Result<Greeted<T>, ConnectionRefusal> {
    let (send, receive) = connection
        .accept_bi()
        .await
        .map_err(|e| ConnectionRefusal::of_connection(&e))?;
    hear(send, FrameReader::new(receive, HELLO_BYTES_MAX), version).await
}

/// Says hello.
pub async fn say<S: Serialize>(
    send: &mut SendStream,
    version: u16,
    ours: &S,
) -> Result<(), ConnectionRefusal> {
    let opening = encode(version, ours)?;
    let mut batch = Batch::default();
    batch.begin(u32::try_from(opening.len()).map_err(|e| ConnectionRefusal::Hello(e.to_string()))?);
    batch.push(opening);
    batch.write_to(send).await.map_err(|e| match e {
        quinn::WriteError::ConnectionLost(e) => ConnectionRefusal::of_connection(&e),
        e => ConnectionRefusal::Broken(e.to_string()),
    })
}

async fn hear<T: DeserializeOwned>(
    send: SendStream,
    mut receive: FrameReader,
    version: u16,
) -> Result<Greeted<T>, ConnectionRefusal> {
    let opening = receive
        .next()
        .await
        .map_err(|e| ConnectionRefusal::of_read(&e))?
        .ok_or_else(|| ConnectionRefusal::Hello("the stream ended before it".to_owned()))?;
    Ok(Greeted {
        theirs: decode(version, &opening)?,
        send,
        receive,
    })
}

/// Whom the verified certificate of the other side speaks for.
pub fn identity_of(connection: &Connection) -> Result<PeerIdentity, ConnectionRefusal> {
    let certificate = certificate_of(connection).ok_or(ConnectionRefusal::NoCertificate)?;
    PeerIdentity::from_certificate(&certificate).map_err(ConnectionRefusal::Nameless)
}

/// Until when the certificate of the other side holds.
pub fn until(connection: &Connection) -> Option<SystemTime> {
    let (_, until) = cert::validity(&certificate_of(connection)?).ok()?;
    Some(until)
}

fn certificate_of(connection: &Connection) -> Option<CertificateDer<'static>> {
    let chain = connection.peer_identity()?;
    let chain = chain.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    chain.first().cloned()
}

/// The bytes of an opening.
///
/// # Errors
///
/// None that a hello gives rise to.
pub fn encode<S: Serialize>(version: u16, hello: &S) -> Result<Bytes, ConnectionRefusal> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&version.to_le_bytes());
    postcard::to_extend(hello, out)
        .map(Bytes::from)
        .map_err(|e| ConnectionRefusal::Hello(e.to_string()))
}

/// Reads an opening; an unknown version is told from nonsense.
pub fn decode<T: DeserializeOwned>(version: u16, opening: &[u8]) -> Result<T, ConnectionRefusal> {
    let wrong = |what: &str| ConnectionRefusal::Hello(what.to_owned());
    let rest = opening
        .strip_prefix(MAGIC)
        .ok_or_else(|| wrong("it does not begin as kraft's do"))?;
    let (theirs, body) = rest
        .split_first_chunk::<VERSION_BYTES>()
        .ok_or_else(|| wrong("it ends before the version"))?;
    let theirs = u16::from_le_bytes(*theirs);
    if theirs != version {
        return Err(ConnectionRefusal::Version {
            ours: version,
            theirs,
        });
    }
    match postcard::take_from_bytes(body) {
        Ok((hello, [])) => Ok(hello),
        Ok(_) => Err(wrong("it goes on after its end")),
        Err(e) => Err(ConnectionRefusal::Hello(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Hello = (u64, String);

    fn hello() -> Hello {
        (3, "node".to_owned())
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
            Err(ConnectionRefusal::Hello(_))
        ));
    }

    #[test]
    fn an_unknown_version_is_named_whatever_its_hello_looks_like() {
        let opening = [MAGIC, &9_u16.to_le_bytes(), b"who knows"].concat();
        let refusal = decode::<Hello>(1, &opening).unwrap_err();
        assert_eq!(refusal, ConnectionRefusal::Version { ours: 1, theirs: 9 });
        let text = refusal.to_string();
        assert!(
            text.contains("version 9") && text.contains("version 1"),
            "{text}"
        );
    }
}
