//! The certificate authority of one cluster.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::NodeId;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SubjectPublicKeyInfo,
};

use super::cluster::server_name;
use super::error::{CertError, IdentityError};
use super::files;
use super::identity::{ClientName, PeerIdentity, Role, SCHEME, names_in, parsed};

/// The file of a cluster's authority: public, needed by every node and client.
pub const CA_CERTIFICATE_FILE: &str = "ca.pem";
/// The key of a cluster's authority: whoever holds it can make members. Keep it off the nodes.
pub const CA_KEY_FILE: &str = "ca.key";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const AUTHORITY_DAYS: u32 = 30 * 365;
const LEAF_DAYS: u32 = 10 * 365;

/// How far apart the ends of two nodes' certificates are: further than an operator is told beforehand, so that one is
/// renewed before the next is due, and no cluster stops at once.
const SPREAD_DAYS: u64 = 35;

/// Nodes with ends of their own.
const SPREAD_NODES: u64 = 32;

const _: () = assert!(SPREAD_DAYS * SPREAD_NODES < LEAF_DAYS as u64 / 2);

/// How long a certificate holds unless it is asked for otherwise: ten years, and for each node a different number of
/// weeks less.
pub fn usual_validity(role: &Role) -> Duration {
    let less = match role {
        Role::Node(id) => (id.0.saturating_sub(1) % SPREAD_NODES) * SPREAD_DAYS,
        Role::Client(_) => 0,
    };
    DAY * (LEAF_DAYS - less as u32)
}

/// The certificate authority of one cluster: makes certificates for its nodes and clients.
pub struct ClusterCa {
    cluster: ClusterId,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, fresh from the authority and not yet written anywhere.
pub struct Issued {
    identity: PeerIdentity,
    certificate_pem: String,
    key_pem: String,
    authority_pem: String,
}

impl ClusterCa {
    /// Founds the authority of a new cluster. It is in memory only until [`ClusterCa::write`].
    ///
    /// # Errors
    ///
    /// When the operating system gives no random numbers.
    pub fn create(cluster: ClusterId) -> Result<Self, CertError> {
        let failed = |e: rcgen::Error| CertError::Issue {
            what: format!("the authority of cluster {cluster}"),
            detail: e.to_string(),
        };
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = named(&format!("kraft cluster {cluster}"), DAY * AUTHORITY_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let uri = format!("kraft://{cluster}/authority");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(failed)?)];
        let certificate_pem = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self {
            cluster,
            certificate_pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// Loads an authority that [`ClusterCa::write`] saved in `dir`.
    ///
    /// # Errors
    ///
    /// When a file is missing or is not what it should be; the error names it.
    pub fn load(dir: &Path) -> Result<Self, CertError> {
        let (file, key_file) = (dir.join(CA_CERTIFICATE_FILE), dir.join(CA_KEY_FILE));
        let certificate_pem = files::read_text(&file)?;
        let certificates = files::read_certificates(&file)?;
        let key = KeyPair::from_pem(&files::read_text(&key_file)?)
            .map_err(|e| files::unusable(&key_file, "private key", e.to_string()))?;
        let (cluster, public_key) =
            authority_of(&certificates[0]).map_err(|source| CertError::Identity {
                file: file.clone(),
                source,
            })?;
        if public_key != key.public_key_raw() {
            return Err(CertError::KeyMismatch {
                certificate: file,
                key: key_file,
                detail: "the public keys differ".to_owned(),
            });
        }
        let issuer = Issuer::from_ca_cert_der(&certificates[0], key)
            .map_err(|e| files::unusable(&file, "certificate authority", e.to_string()))?;
        Ok(Self {
            cluster,
            certificate_pem,
            issuer,
        })
    }

    /// The cluster it speaks for.
    pub const fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Its certificate, which every node and client needs, in PEM form.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Saves certificate and key in `dir`, readable by the owner only, over no existing file.
    ///
    /// # Errors
    ///
    /// When a file exists already or cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), CertError> {
        files::write_private(&dir.join(CA_KEY_FILE), &self.issuer.key().serialize_pem())?;
        files::write_private(&dir.join(CA_CERTIFICATE_FILE), &self.certificate_pem)
    }

    /// Makes a certificate for the node `id`.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random numbers.
    pub fn issue_node(&self, id: NodeId) -> Result<Issued, CertError> {
        let role = Role::Node(id);
        let valid = usual_validity(&role);
        self.issue(role, valid)
    }

    /// Makes a certificate for a client.
    ///
    /// # Errors
    ///
    /// When the name is not one a client may have; see [`ClientName`].
    pub fn issue_client(&self, name: &str) -> Result<Issued, CertError> {
        let name: ClientName = name.parse().map_err(|e: IdentityError| CertError::Issue {
            what: format!("client `{name}`"),
            detail: e.to_string(),
        })?;
        let role = Role::Client(name);
        let valid = usual_validity(&role);
        self.issue(role, valid)
    }

    /// Makes a certificate with a key of its own that holds for `valid` from now.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random numbers.
    pub fn issue(&self, role: Role, valid: Duration) -> Result<Issued, CertError> {
        let key = KeyPair::generate().map_err(|e| not_issued(&role, &e))?;
        let certificate_pem = self.sign(&role, valid, &key)?;
        Ok(Issued {
            identity: PeerIdentity {
                cluster: self.cluster,
                role,
            },
            certificate_pem,
            key_pem: key.serialize_pem(),
            authority_pem: self.certificate_pem.clone(),
        })
    }

    /// Makes the certificate of a file anew, for the same owner and the same key, and holding for `valid` from now; the
    /// usual time unless given. Whether the old one still holds does not matter, nor does its key have to be here. The
    /// file is replaced as a whole.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, or its certificate is another cluster's or an authority's. It is then as
    /// it was.
    pub fn renew(&self, file: &Path, valid: Option<Duration>) -> Result<PeerIdentity, CertError> {
        let certificates = files::read_certificates(file)?;
        let der = &certificates[0];
        let identity =
            PeerIdentity::from_certificate(der).map_err(|source| CertError::Identity {
                file: file.into(),
                source,
            })?;
        if identity.cluster != self.cluster {
            return Err(CertError::OtherCluster {
                file: file.into(),
                theirs: identity.cluster,
                ours: self.cluster,
            });
        }
        let valid = valid.unwrap_or_else(|| usual_validity(&identity.role));
        let malformed = || CertError::Identity {
            file: file.into(),
            source: IdentityError::Malformed,
        };
        let (_, parsed) = x509_parser::parse_x509_certificate(der).map_err(|_| malformed())?;
        let key = SubjectPublicKeyInfo::from_der(parsed.public_key().raw)
            .map_err(|e| not_issued(&identity.role, &e))?;
        let certificate_pem = self.sign(&identity.role, valid, &key)?;
        files::replace_private(file, &certificate_pem)?;
        Ok(identity)
    }

    fn sign(
        &self,
        role: &Role,
        valid: Duration,
        key: &impl PublicKeyData,
    ) -> Result<String, CertError> {
        let failed = |e: rcgen::Error| not_issued(role, &e);
        let cluster = self.cluster;
        let identity = PeerIdentity {
            cluster,
            role: role.clone(),
        };
        let mut params = named(&format!("kraft {role}"), valid);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![SanType::URI(
            identity.to_string().try_into().map_err(failed)?,
        )];
        if let Role::Node(id) = role {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
            for name in [server_name(cluster), format!("node-{id}.{cluster}.kraft")] {
                let name = name.try_into().map_err(failed)?;
                params.subject_alt_names.push(SanType::DnsName(name));
            }
        }
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(key, &self.issuer).map_err(failed)?;
        Ok(certificate.pem())
    }
}

fn not_issued(role: &Role, error: &rcgen::Error) -> CertError {
    CertError::Issue {
        what: role.to_string(),
        detail: error.to_string(),
    }
}

impl Issued {
    /// Whom it speaks for.
    pub const fn identity(&self) -> &PeerIdentity {
        &self.identity
    }

    /// The certificate in PEM form.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key in PEM form.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The certificate of the authority that signed it, in PEM form.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// The stem of its file names: `node-3`, or `client-` and the client's name.
    pub fn file_stem(&self) -> String {
        match &self.identity.role {
            Role::Node(id) => format!("node-{id}"),
            Role::Client(name) => format!("client-{name}"),
        }
    }

    /// Saves `<stem>.pem` and `<stem>.key` in `dir`, readable by the owner only, and returns their
    /// paths in that order.
    ///
    /// # Errors
    ///
    /// When a file exists already or cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(PathBuf, PathBuf), CertError> {
        let stem = self.file_stem();
        let certificate = dir.join(format!("{stem}.pem"));
        let key = dir.join(format!("{stem}.key"));
        files::write_private(&key, &self.key_pem)?;
        files::write_private(&certificate, &self.certificate_pem)?;
        Ok((certificate, key))
    }
}

/// Parameters of a certificate valid from yesterday, so that clocks a little apart agree on it.
fn named(common_name: &str, valid: Duration) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.not_before = (now - DAY).into();
    params.not_after = (now + valid).into();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

/// The cluster an authority's certificate names, and its public key.
pub(super) fn authority_of(der: &[u8]) -> Result<(ClusterId, Vec<u8>), IdentityError> {
    let certificate = parsed(der)?;
    let names = names_in(&certificate)?;
    let cluster = names
        .iter()
        .find_map(|name| name.strip_prefix(SCHEME)?.strip_suffix("/authority"));
    let cluster = cluster.ok_or(IdentityError::Names(0))?.parse()?;
    Ok((
        cluster,
        certificate.public_key().subject_public_key.data.to_vec(),
    ))
}
