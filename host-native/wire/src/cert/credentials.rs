//! What one node or client shows to others, and the TLS settings made of it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use ring::hmac;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, RootCertStore, ServerConfig};

use super::authority::Issued;
use super::error::CertError;
use super::files;
use super::identity::PeerIdentity;
use super::info::validity;

/// A certificate, its private key and the authority it trusts: all that mutual TLS needs.
///
/// Once built these hold:
/// 1. the key belongs to the certificate;
/// 2. the certificate is signed by the authority and was valid when it was loaded;
/// 3. it carries exactly one kraft name.
#[derive(Clone)]
pub struct Credentials {
    identity: PeerIdentity,
    until: SystemTime,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    roots: Arc<RootCertStore>,
}

/// The files that credentials were read from, for errors.
struct Sources<'a> {
    certificate: &'a Path,
    key: &'a Path,
    authority: &'a Path,
}

impl Credentials {
    /// Loads a certificate, its key and the authority's certificate from PEM files.
    ///
    /// # Errors
    ///
    /// When a file is missing or is not what it should be, when the key is another certificate's,
    /// or when the certificate is expired or of another authority. The error names the file.
    pub fn load(certificate: &Path, key: &Path, authority: &Path) -> Result<Self, CertError> {
        let sources = Sources {
            certificate,
            key,
            authority,
        };
        Self::checked(
            files::read_certificates(certificate)?,
            files::read_key(key)?,
            files::read_certificates(authority)?,
            &sources,
        )
    }

    /// The same from a certificate just issued, without files.
    ///
    /// # Errors
    ///
    /// As for [`Credentials::load`]; the file names in the error are then only descriptions.
    pub fn from_issued(issued: &Issued) -> Result<Self, CertError> {
        let sources = Sources {
            certificate: Path::new("(issued certificate)"),
            key: Path::new("(issued key)"),
            authority: Path::new("(issuing authority)"),
        };
        let certificate = |pem: &str, file: &Path| {
            CertificateDer::from_pem_slice(pem.as_bytes())
                .map_err(|e| files::unusable(file, "certificate", e.to_string()))
        };
        let key = PrivateKeyDer::from_pem_slice(issued.key_pem().as_bytes())
            .map_err(|e| files::unusable(sources.key, "private key", e.to_string()))?;
        Self::checked(
            vec![certificate(issued.certificate_pem(), sources.certificate)?],
            key,
            vec![certificate(issued.authority_pem(), sources.authority)?],
            &sources,
        )
    }

    fn checked(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        authorities: Vec<CertificateDer<'static>>,
        sources: &Sources<'_>,
    ) -> Result<Self, CertError> {
        let untrusted = |detail: String| CertError::Untrusted {
            certificate: sources.certificate.into(),
            authority: sources.authority.into(),
            detail,
        };
        let identity =
            PeerIdentity::from_certificate(&chain[0]).map_err(|source| CertError::Identity {
                file: sources.certificate.into(),
                source,
            })?;
        let (_, until) = validity(&chain[0]).map_err(|source| CertError::Identity {
            file: sources.certificate.into(),
            source,
        })?;
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider()).map_err(|e| {
            CertError::KeyMismatch {
                certificate: sources.certificate.into(),
                key: sources.key.into(),
                detail: e.to_string(),
            }
        })?;
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(|e| {
                files::unusable(sources.authority, "certificate authority", e.to_string())
            })?;
        }
        let roots = Arc::new(roots);
        verifier(&roots)?
            .verify_client_cert(&chain[0], &chain[1..], UnixTime::now())
            .map_err(|e| match e {
                rustls::Error::InvalidCertificate(
                    CertificateError::Expired | CertificateError::ExpiredContext { .. },
                ) => CertError::Expired {
                    certificate: sources.certificate.into(),
                    since: until,
                },
                e => untrusted(e.to_string()),
            })?;
        Ok(Self {
            identity,
            until,
            chain,
            key: Arc::new(key),
            roots,
        })
    }

    /// Whom they speak for.
    pub const fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    /// Until when the certificate holds.
    pub const fn until(&self) -> SystemTime {
        self.until
    }

    /// TLS for a listener of this node: whoever connects must show a certificate.
    pub fn server_tls(&self, alpn: &[u8]) -> Result<ServerConfig, CertError> {
        let mut tls = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(refused)?
            .with_client_cert_verifier(verifier(&self.roots)?)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(refused)?;
        tls.alpn_protocols = vec![alpn.to_vec()];
        // A resumed session would skip the look at a certificate that has expired since.
        tls.send_tls13_tickets = 0;
        Ok(tls)
    }

    /// TLS for connecting to another node's listener.
    pub fn client_tls(&self, alpn: &[u8]) -> Result<ClientConfig, CertError> {
        let mut tls = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(refused)?
            .with_root_certificates(self.roots.clone())
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(refused)?;
        tls.alpn_protocols = vec![alpn.to_vec()];
        tls.resumption = Resumption::disabled();
        Ok(tls)
    }

    /// A secret that is the same at every start with this private key, one for each purpose.
    pub fn derived_secret(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.secret_der());
        let mut secret = [0; 32];
        secret.copy_from_slice(hmac::sign(&key, purpose.as_bytes()).as_ref());
        secret
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn verifier(roots: &Arc<RootCertStore>) -> Result<Arc<dyn ClientCertVerifier>, CertError> {
    WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
        .build()
        .map_err(|e| CertError::Tls {
            detail: e.to_string(),
        })
}

fn refused(e: rustls::Error) -> CertError {
    CertError::Tls {
        detail: e.to_string(),
    }
}
