//! What clients make a node hold, of all connections together: answers that wait to be sent, whose bytes
//! are bounded before they are made, and requests that have not arrived as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use kraft_wire::lock;
use tokio::sync::Notify;

/// A connection that makes the node hold bytes.
pub(super) trait Holder: fmt::Debug + Send + Sync {
    /// How many.
    fn held_bytes(&self) -> usize;
    /// Closes it, for this reason.
    fn send_away(&self, why: &'static str);
}

/// What all connections make the node hold.
#[derive(Debug)]
pub(super) struct Pool {
    /// An answer that can wait is not made beyond it; one that cannot may go as far again.
    bytes_max: usize,
    bytes: AtomicUsize,
    holders: Mutex<BTreeMap<u64, Weak<dyn Holder>>>,
    /// Somebody waits for room.
    wanted: AtomicBool,
    freed: Notify,
}

impl Pool {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: AtomicUsize::new(0),
            holders: Mutex::default(),
            wanted: AtomicBool::new(false),
            freed: Notify::new(),
        }
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether so many more may wait.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.bytes() + bytes <= self.bytes_max
    }

    pub fn enter(&self, connection: u64, holder: &Arc<impl Holder + 'static>) {
        let holder: Weak<dyn Holder> = Arc::<_>::downgrade(holder) as Weak<_>;
        lock(&self.holders).insert(connection, holder);
    }

    pub fn leave(&self, connection: u64) {
        lock(&self.holders).remove(&connection);
    }

    /// Counts an answer, or what arrived of a request. Before anybody else can see it: what is taken out
    /// must have been counted in.
    pub fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Sends whoever has most away when there is far too much: it does not read, and what it was sent
    /// cannot wait. Not under the lock of a session, which may be the very one.
    pub fn relieve(&self) {
        if self.bytes.load(Ordering::Relaxed) > 2 * self.bytes_max {
            self.send_largest_away(0);
        }
    }

    /// Answers were written, or dropped with their connection.
    pub fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        if self.wanted.swap(false, Ordering::Relaxed) {
            self.freed.notify_one();
        }
    }

    /// Waits until answers were written since this was last asked for.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// From now on [`Pool::freed`] is told when there is room again.
    pub fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Closes the connection with most bytes unsent, if that is more than `than`.
    pub fn send_largest_away(&self, than: usize) {
        let holders = lock(&self.holders);
        let living = holders.values().filter_map(Weak::upgrade);
        let largest = living.max_by_key(|holder| holder.held_bytes());
        drop(holders);
        if let Some(holder) = largest
            && holder.held_bytes() > than
        {
            holder.send_away(
                "it does not read its answers or end its requests, and others need the room",
            );
        }
    }
}
