//! The numbers that mean something, each in its own type.
//!
//! None of them offers arithmetic that makes no sense: a term is only ever followed by the next
//! one, an index is only ever moved along the log.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A period of at most one leader (Raft §5.1). Term 0 precedes every election.
    Term
}
number! {
    /// A place in the log. The first entry has index 1; 0 stands before it.
    LogIndex
}
number! {
    /// A member of the cluster, chosen by whoever set the cluster up.
    NodeId
}
number! {
    /// The identity of one data store, drawn at random when it is formatted.
    ///
    /// A wiped disk under an old [`NodeId`] has another store id, so what the old disk promised is
    /// not believed of the new one. [`StoreId::ANY`] in a member list means "not known yet".
    StoreId
}

/// One start of a store, its *incarnation*: each is told apart from the one before, so that a reply which
/// was true before a crash is not counted after it.
///
/// Only numbers are ordered. Two incarnations of one number are the sign of a disk that went back to an
/// older copy of itself, or of a copy that runs beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Incarnation {
    /// How many times the store has been started, as far as its disk knows; 0 before the first.
    pub number: u64,
    /// What tells it from another incarnation of the same number.
    pub nonce: Nonce,
}

/// A number that its host draws at random for every start of a node, and for no other.
///
/// A host without a source of random numbers may give any; two starts that happen to get the same
/// are told apart by their numbers alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Nonce(pub u64);

impl Term {
    /// The term before the first election.
    pub const ZERO: Self = Self(0);

    /// The following term; `None` at the end of the number range.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(term) => Some(Self(term)),
            None => None,
        }
    }
}

impl LogIndex {
    /// The place before the first entry.
    pub const ZERO: Self = Self(0);

    /// The following index. Saturates, which [`INDEX_MAX`](crate::limits::INDEX_MAX) keeps out of
    /// reach.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The index before this one; that of 0 is 0.
    pub const fn prev(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The index `count` further on.
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How many entries lie in `(earlier, self]`; 0 if there are none.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl StoreId {
    /// Stands in a member list for "whichever store answers first".
    pub const ANY: Self = Self(0);
}

impl Incarnation {
    /// Names an incarnation.
    pub const fn new(number: u64, nonce: Nonce) -> Self {
        Self { number, nonce }
    }

    /// The following start, for which the host drew `nonce`.
    pub const fn next(self, nonce: Nonce) -> Self {
        Self::new(self.number.saturating_add(1), nonce)
    }
}

impl fmt::Display for Incarnation {
    /// The number: what an operator counts by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// One exact entry: an index alone may name different entries in different terms.
///
/// The order is Raft's *at least as up-to-date* (§5.4.1): the later term wins, then the longer log.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LogPosition {
    /// The term in which a leader created the entry.
    pub term: Term,
    /// Its place in the log.
    pub index: LogIndex,
}

impl LogPosition {
    /// The position before the first entry.
    pub const ZERO: Self = Self {
        term: Term::ZERO,
        index: LogIndex::ZERO,
    };

    /// Names the entry at `index` created in `term`.
    pub const fn new(term: Term, index: LogIndex) -> Self {
        Self { term, index }
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.index)
    }
}
