//! The node's certificate while it runs: read again when its files change or somebody asks for it, and what happens when
//! it expires.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kraft_proto::{NodeId, Role};
use kraft_wire::cert::{self, Credentials};
use tokio::sync::{Notify, mpsc};

use super::engine::Engine;
use crate::config::TlsFiles;
use crate::transport::PeerView;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a leader whose certificate has expired waits before it tries again to transfer leadership.
const RETRY_TRANSFER: Duration = Duration::from_secs(5);

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

impl Engine {
    /// Shows this certificate from now on to whoever connects. Connections that there are go on.
    pub(super) fn take_credentials(&mut self, credentials: &Credentials) {
        if credentials.identity() != self.parts.credentials.identity() {
            tracing::warn!(
                "the certificate was read again, and is for {} instead of {}: the node goes on with the one it has",
                credentials.identity(),
                self.parts.credentials.identity()
            );
            return;
        }
        let taken = self
            .parts
            .transport
            .set_credentials(credentials)
            .and_then(|()| self.parts.clients.set_credentials(credentials));
        match taken {
            Ok(()) => {
                tracing::info!(
                    "the certificate was read again: it holds until {}",
                    humantime::format_rfc3339_seconds(credentials.until())
                );
                self.parts.credentials = credentials.clone();
            }
            Err(error) => tracing::warn!(
                "the certificate was read again and cannot be used: {error}. The node goes on with the one it has"
            ),
        }
    }

    /// How long the certificate holds from now; zero once it has expired.
    pub(super) fn certificate_left(&self) -> Duration {
        cert::left(self.parts.credentials.until())
    }

    /// Has another node lead while nobody can connect to this one: one whose own certificate holds. The connections it has
    /// stay, so its peers follow it until then.
    pub(super) fn leave_office_expired(&mut self) {
        let now = self.now();
        if self.role != Role::Leader || now < self.expired_retry_at {
            return;
        }
        self.expired_retry_at = now.after(RETRY_TRANSFER);
        let Some(to) = self.fittest_by_certificate() else {
            tracing::warn!(
                "the certificate of this leader has expired, and no other node with a valid one can be reached: it \
                 leads on, and no client can connect to it. Renew it with `kraft cert renew`"
            );
            return;
        };
        match self.parts.raft.transfer_leadership(now, Some(to)) {
            Ok(to) => tracing::warn!(
                "the certificate of this leader has expired: leadership is transferred to node {to}. Renew it with `kraft \
                 cert renew`"
            ),
            Err(error) => tracing::warn!(
                "the certificate of this leader has expired, and leadership cannot be transferred to node {to}: {error}"
            ),
        }
    }

    /// The node that holds most of the log, of those that can be reached and whose certificates hold.
    fn fittest_by_certificate(&self) -> Option<NodeId> {
        let holds = |view: &PeerView| {
            view.certificate_until
                .is_some_and(|until| until > SystemTime::now())
        };
        let valid: Vec<NodeId> = self
            .parts
            .transport
            .peers()
            .into_iter()
            .filter(holds)
            .map(|view| view.peer)
            .collect();
        let status = self.parts.raft.status();
        status
            .peers
            .iter()
            .filter(|peer| valid.contains(&peer.id))
            .max_by_key(|peer| peer.watermarks.map(|watermarks| watermarks.synced))
            .map(|peer| peer.id)
    }
}
