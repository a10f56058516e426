//! What can be wrong with a certificate, and what to do about it.

use std::path::PathBuf;
use std::time::SystemTime;

use kraft_proto::cluster::{ClusterId, NotAClusterId};

/// A certificate or key could not be made, written or loaded.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// The file could not be read.
    #[error("cannot read {file}: {source}; nothing was loaded. Check the path, or make certificates with `kraft init`", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {file}: {source}; no certificate was saved there. Check that the directory exists and is writable", file = .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there already.
    #[error("{file} exists already and was left as it is. Choose another directory, or move the file away first", file = .file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// The file is not PEM, or lacks the expected section.
    #[error("{file} holds no usable {wanted} in PEM form: {detail}; nothing was loaded. Check that the right file is named", file = .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What was found.
        detail: String,
    },
    /// The private key is not the one of the certificate.
    #[error("the key in {key} does not belong to the certificate in {certificate}: {detail}; nothing was loaded. Name the two files that were made together", key = .key.display(), certificate = .certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The certificate has expired.
    #[error("the certificate in {certificate} has expired, on {since}; nothing was loaded. Renew it with `kraft cert renew`, where the cluster's authority is", certificate = .certificate.display(), since = humantime::format_rfc3339_seconds(*.since))]
    Expired {
        /// The certificate's file.
        certificate: PathBuf,
        /// When.
        since: SystemTime,
    },
    /// The certificate is of another cluster than the authority.
    #[error("the certificate in {file} is of cluster {theirs}, this authority of {ours}; nothing was changed. Name the folder of its own cluster's authority with --ca", file = .file.display())]
    OtherCluster {
        /// The certificate's file.
        file: PathBuf,
        /// The certificate's.
        theirs: ClusterId,
        /// The authority's.
        ours: ClusterId,
    },
    /// The certificate is not yet valid, or signed by another authority.
    #[error("the certificate in {certificate} does not hold under {authority}: {detail}; nothing was loaded. Issue a new one from this cluster's authority with `kraft cert issue`", certificate = .certificate.display(), authority = .authority.display())]
    Untrusted {
        /// The certificate's file.
        certificate: PathBuf,
        /// The authority's file.
        authority: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The certificate carries no kraft name.
    #[error("the certificate in {file} is not one of a kraft cluster: {source}; nothing was loaded. Issue one with `kraft cert issue`", file = .file.display())]
    Identity {
        /// The certificate's file.
        file: PathBuf,
        /// What is wrong with it.
        source: IdentityError,
    },
    /// A certificate could not be made.
    #[error("no certificate was made for {what}: {detail}")]
    Issue {
        /// For whom.
        what: String,
        /// Why.
        detail: String,
    },
    /// The TLS library refused the material.
    #[error(
        "TLS refused the certificates: {detail}; no connection can be made with them. Issue new ones with `kraft cert issue`"
    )]
    Tls {
        /// What it said.
        detail: String,
    },
}

/// A certificate does not say who its owner is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not an X.509 certificate.
    #[error("it is not a well-formed X.509 certificate")]
    Malformed,
    /// No `kraft://` name, or more than one.
    #[error("it carries {0} kraft:// names where exactly one is needed")]
    Names(usize),
    /// The name does not read `kraft://<cluster>/node/<id>` or `kraft://<cluster>/client/<name>`.
    #[error(
        "its name `{0}` is neither kraft://<cluster>/node/<id> nor kraft://<cluster>/client/<name>"
    )]
    Name(String),
    /// The text is no cluster id.
    #[error(transparent)]
    Cluster(#[from] NotAClusterId),
    /// A client's name has characters that are not allowed, or is empty or too long.
    #[error("`{0}` is not a client name: 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-` are needed")]
    Client(String),
}
