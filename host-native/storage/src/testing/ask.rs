//! A write as the core would ask for it, made by hand: only a core can make its own.

use bytes::Bytes;
use kraft_proto::modes::Held;
use kraft_proto::output::{Force, WriteKind};

use crate::worker::{Reported, Task};

/// A write with a number, by which it is told apart.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub number: u32,
    pub kind: WriteKind,
    pub force: Force,
    pub held: Held,
}

/// What the disk thread told of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Written(u32),
    Synced(u32),
}

impl Ask {
    /// The task of writing it; its entries hold `payloads`, of so many `bytes`.
    pub fn task(self, payloads: Vec<Bytes>, bytes: u64) -> Task<Self> {
        Task::Write {
            write: self,
            payloads,
            bytes,
        }
    }
}

impl Reported for Ask {
    type Receipt = Told;
    type Unsynced = u32;

    fn kind(&self) -> WriteKind {
        self.kind
    }

    fn force(&self) -> Force {
        self.force
    }

    fn held(&self) -> Held {
        self.held
    }

    fn written(self) -> (Told, u32) {
        (Told::Written(self.number), self.number)
    }

    fn synced(self) -> Told {
        Told::Synced(self.number)
    }

    fn forced(number: u32) -> Told {
        Told::Synced(number)
    }
}
