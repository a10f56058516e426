//! The node's certificate while it runs: read again when its files change or somebody asks for it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kraft_wire::cert::Credentials;
use tokio::sync::{Notify, mpsc};

use crate::config::TlsFiles;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Has a running node read its certificate again. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Reads the files again, whether they look changed or not. What cannot be used is logged, and the node goes on with
    /// what it had.
    pub fn now(&self) {
        self.0.notify_one();
    }
}

/// Looks after the certificate's files.
#[derive(Debug)]
pub(super) struct Keeper {
    files: TlsFiles,
    reload: Reload,
    seen: Vec<Trace>,
    credentials: mpsc::Sender<Credentials>,
}

/// What tells one content of a file from the next without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Trace {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Keeper {
    /// A keeper of these files, as they were read just now, and where new credentials come out.
    pub fn new(files: &TlsFiles) -> (Self, mpsc::Receiver<Credentials>) {
        let (credentials, receiver) = mpsc::channel(1);
        let keeper = Self {
            seen: traces(files),
            files: files.clone(),
            reload: Reload::default(),
            credentials,
        };
        (keeper, receiver)
    }

    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Reads the files again whenever there is reason to, until nobody takes what they hold.
    pub async fn keep(mut self) {
        loop {
            let asked = tokio::select! {
                () = self.reload.0.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
                () = self.credentials.closed() => return,
            };
            let traces = traces(&self.files);
            let changed = traces != self.seen;
            if !asked && !changed {
                continue;
            }
            self.seen = traces;
            let TlsFiles { ca, cert, key } = &self.files;
            match Credentials::load(cert, key, ca) {
                Ok(credentials) => {
                    if self.credentials.send(credentials).await.is_err() {
                        return;
                    }
                }
                // Of two files that change one after the other the second is news again.
                Err(error) => tracing::warn!(
                    "the certificate was read again and cannot be used: {error}. The node goes on with the one it has"
                ),
            }
        }
    }
}

fn traces(files: &TlsFiles) -> Vec<Trace> {
    let TlsFiles { ca, cert, key } = files;
    let trace = |file: &Path| {
        let meta = fs::metadata(file).ok()?;
        Some(Trace {
            inode: meta.ino(),
            bytes: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        })
    };
    [ca, cert, key]
        .map(|file| trace(file).unwrap_or_default())
        .to_vec()
}
