//! The thread that writes what a peer sends, verifies it and loads it: one for the life of the node, so that what it is told
//! happens in that order, and no snapshot writes into the file of another.

use std::sync::mpsc::{Receiver as Queue, Sender, channel};

use kraft_storage::{IoError, Part, SnapshotFile, Snapshots as Store};
use tokio::sync::mpsc;

use super::News;
use super::content::{Restored, load};
use crate::machine::Loader;

/// Bytes after which it is noted on the disk how far a snapshot came: a process that ends is sent at most so many again.
const NOTED_BYTES: u64 = 32 * 1024 * 1024;

/// Which time something is received: what is said of an earlier one means nothing any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::node) struct Attempt(u64);

impl Attempt {
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// How far a snapshot came.
pub(in crate::node) struct Progress {
    pub(super) attempt: Attempt,
    pub(super) what: Reached,
}

/// How far.
pub(super) enum Reached {
    /// So many bytes of it are here.
    Have(u64),
    /// It is here, verified and loaded.
    Loaded(Box<Restored>),
    /// It is not, and why.
    Failed(String),
}

/// What the thread is to do.
enum Order {
    /// Take this one, and go on with what is there of it.
    Begin(Attempt, SnapshotFile, Loader),
    /// Bytes of it.
    Piece(u64, Vec<u8>),
    /// Nothing is wanted any more.
    Forget,
}

/// The thread, as others see it. It ends with this.
pub(super) struct Receiver {
    orders: Sender<Order>,
}

impl Receiver {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub fn start(store: Store, news: mpsc::UnboundedSender<News>) -> Result<Self, IoError> {
        let (orders, taken) = channel();
        let work = Work {
            store,
            news,
            current: None,
        };
        let thread = std::thread::Builder::new().name("receive".into());
        let started = thread.spawn(move || work.run(&taken));
        started.map_err(|source| IoError {
            doing: "start a thread for",
            path: "snapshots".into(),
            source,
        })?;
        Ok(Self { orders })
    }

    pub fn begin(&self, attempt: Attempt, offered: SnapshotFile, loader: Loader) {
        self.order(Order::Begin(attempt, offered, loader));
    }

    pub fn piece(&self, offset: u64, bytes: Vec<u8>) {
        self.order(Order::Piece(offset, bytes));
    }

    pub fn forget(&self) {
        self.order(Order::Forget);
    }

    fn order(&self, order: Order) {
        // An error would mean that the thread has panicked: then nothing comes, and the log says why.
        let _ = self.orders.send(order);
    }
}

/// What is being received.
struct Current {
    attempt: Attempt,
    part: Part,
    loader: Loader,
    /// Bytes of which the disk knows that they are here.
    noted: u64,
}

struct Work {
    store: Store,
    news: mpsc::UnboundedSender<News>,
    current: Option<Current>,
}

impl Work {
    fn run(mut self, orders: &Queue<Order>) {
        while let Ok(order) = orders.recv() {
            match order {
                Order::Begin(attempt, offered, loader) => self.begin(attempt, &offered, loader),
                Order::Piece(offset, bytes) => self.put(offset, &bytes),
                Order::Forget => self.forget(),
            }
        }
    }

    fn say(&self, attempt: Attempt, what: Reached) {
        // An error means that the node is gone.
        let _ = self.news.send(News::Received(Progress { attempt, what }));
    }

    fn begin(&mut self, attempt: Attempt, offered: &SnapshotFile, loader: Loader) {
        self.current = None;
        match self.store.receive(offered) {
            Ok(part) => {
                let noted = part.have();
                self.current = Some(Current {
                    attempt,
                    part,
                    loader,
                    noted,
                });
                self.go_on();
            }
            Err(error) => self.say(attempt, Reached::Failed(error.to_string())),
        }
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        let Some(current) = &mut self.current else {
            return;
        };
        match current.put(offset, bytes) {
            Ok(()) => self.go_on(),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Says how much is here; if that is all, verifies and loads it.
    fn go_on(&mut self) {
        let Some(current) = &self.current else {
            return;
        };
        let attempt = current.attempt;
        self.say(attempt, Reached::Have(current.part.have()));
        if let Some(whole) = self.current.take_if(|current| current.part.is_whole()) {
            match self.load(whole) {
                Ok(restored) => self.say(attempt, Reached::Loaded(Box::new(restored))),
                Err(why) => {
                    // It begins anew with the next offer.
                    self.forget();
                    self.say(attempt, Reached::Failed(why));
                }
            }
        }
    }

    fn load(&self, whole: Current) -> Result<Restored, String> {
        let last = whole.part.offered().last;
        whole.part.finish().map_err(|error| error.to_string())?;
        let read = self.store.read_received(last);
        let loaded = read.and_then(|reader| load(reader, whole.loader));
        loaded.map_err(|error| error.to_string())
    }

    fn fail(&mut self, why: &str) {
        if let Some(Current { attempt, .. }) = self.current.take() {
            self.say(attempt, Reached::Failed(why.to_owned()));
        }
    }

    fn forget(&mut self) {
        self.current = None;
        if let Err(error) = self.store.forget_received() {
            tracing::warn!("a snapshot that is not needed was not removed: {error}");
        }
    }
}

impl Current {
    fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), IoError> {
        self.part.put(offset, bytes)?;
        let have = self.part.have();
        if have - self.noted >= NOTED_BYTES {
            self.part.note()?;
            self.noted = have;
        }
        Ok(())
    }
}
