//! PEM files: written once, for their owner only; read with errors that name the file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::CertError;

const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// Writes a file that only its owner may read, and never over an existing one.
pub(super) fn write_private(file: &Path, text: &str) -> Result<(), CertError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::AlreadyExists => CertError::Exists { file: file.into() },
        _ => CertError::Write {
            file: file.into(),
            source,
        },
    };
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(file)
        .map_err(failed)?;
    out.write_all(text.as_bytes()).map_err(failed)?;
    out.sync_all().map_err(failed)?;
    sync_parent(file).map_err(failed)
}

fn sync_parent(file: &Path) -> std::io::Result<()> {
    let parent = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

/// Puts a file that only its owner may read in the place of another, whole or not at all.
pub(super) fn replace_private(file: &Path, text: &str) -> Result<(), CertError> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".draft-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    write_private(&draft, text)?;
    let replaced = std::fs::rename(&draft, file).and_then(|()| sync_parent(file));
    replaced.map_err(|source| {
        // Best effort: the error that is told is the one that matters.
        let _ = std::fs::remove_file(&draft);
        CertError::Write {
            file: file.into(),
            source,
        }
    })
}

/// Reads every certificate of a PEM file; at least one.
pub(super) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertError> {
    const WANTED: &str = "certificate";
    let text = read(file)?;
    let found = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(file, WANTED, e.to_string()))?;
    if found.is_empty() {
        return Err(unusable(file, WANTED, "no CERTIFICATE section".to_owned()));
    }
    Ok(found)
}

/// Reads the private key of a PEM file, and warns when others may read it too.
pub(super) fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, CertError> {
    let text = read(file)?;
    if let Ok(metadata) = std::fs::metadata(file)
        && metadata.mode() & OTHERS != 0
    {
        tracing::warn!(
            file = %file.display(),
            "other users may read this private key; set its mode to 600"
        );
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|e| unusable(file, "private key", e.to_string()))
}

/// Reads a PEM file as text.
pub(super) fn read_text(file: &Path) -> Result<String, CertError> {
    String::from_utf8(read(file)?)
        .map_err(|_| unusable(file, "PEM section", "it is not text".to_owned()))
}

fn read(file: &Path) -> Result<Vec<u8>, CertError> {
    std::fs::read(file).map_err(|source| CertError::Read {
        file: file.into(),
        source,
    })
}

pub(super) fn unusable(file: &Path, wanted: &'static str, detail: String) -> CertError {
    CertError::Pem {
        file: file.into(),
        wanted,
        detail,
    }
}
