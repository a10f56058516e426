//! The incarnations of one peer's store as a leader hears them within its term: which of them counts, and
//! whether the disk went back to an older copy of itself.
//!
//! A disk goes back where an old copy of it is put in its place: a restored backup, a snapshot of a
//! virtual machine. What it reported since is gone, and so is the count of its starts. Each rule has
//! the story that breaks its looser form (`tests/set_back.rs` tells them):
//!
//! 1. **A newer incarnation counts from nothing.** What the one before held may be gone.
//! 2. **Two incarnations of one number: nothing of that number counts for the rest of the term.** Incarnation
//!    (5, a) reports 100; the disk goes back, and (5, b) speaks; then a late report of (5, a) arrives.
//! 3. **A contradiction is only this: an incarnation refuses an append whose predecessor an earlier incarnation had
//!    synced, both within this term.** Not what the same incarnation said before, not a written copy, not
//!    what another leader cut off: an honest disk does all of these. A suspect contradicts nothing:
//!    it says itself that it may have forgotten, and is re-admitted anyhow.
//! 4. **An older incarnation is superseded only by one that answers, a round that was sent after the older
//!    one spoke.** Otherwise a disk that went back a moment after its node was killed would be taken
//!    for a copy that runs beside it, and refused for good.
//! 5. **A notice names the incarnation it is about.** Otherwise a heartbeat that was late, or meant for
//!    another incarnation, condemns one that was never heard.

use core::num::NonZeroU64;
use core::time::Duration;

use serde::Serialize;

use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, LogPosition, Nonce, StoreId};
use crate::message::{Finding, Notice, Readmission};
use crate::time::Instant;

/// Whether what a reply says is of the incarnation the leader is counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// It is.
    Current,
    /// It is, and it was not heard before: what was counted of an earlier one is void.
    New,
    /// It is not, and what was counted so far is void: rule 2.
    Contested,
    /// It is not: a newer one was heard. All that it shows is that the node is there.
    Older,
    /// It is not.
    Stale,
}

/// The moment at which a peer speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The end of the leader's log: nothing after it was ever counted on an earlier incarnation's word.
    pub last: LogIndex,
    /// The newest round of heartbeats.
    pub round: u64,
    pub now: Instant,
}

/// Whether one incarnation of the newest number was heard, or two: rule 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Number {
    Sole,
    Contested,
}

/// Whether the disk of the newest incarnation went back, until it has taken a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Disk {
    WentOn,
    WentBack,
}

/// An older incarnation that spoke after the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Older {
    /// Incarnations count from 1.
    number: NonZeroU64,
    nonce: Nonce,
    /// The newest round of heartbeats when it was first heard, and the time.
    round: u64,
    heard: Instant,
}

impl Older {
    const fn incarnation(&self) -> Incarnation {
        Incarnation::new(self.number.get(), self.nonce)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Incarnations {
    /// The store the replies come from; [`StoreId::ANY`] until the first.
    store: StoreId,
    /// The newest incarnation; its number is 0 until the first, as incarnations count from 1. Of two with one number
    /// the one that spoke last.
    newest: Incarnation,
    /// When it spoke last.
    spoke: Instant,
    /// The end of the leader's log when it was first heard.
    readmit_upto: LogIndex,
    number: Number,
    disk: Disk,
    /// Incarnations before the newest had synced the leader's log through here.
    claimed: LogPosition,
    older: Option<Older>,
    /// How often the disk was found to have gone back.
    set_backs: u32,
}

impl Incarnations {
    pub fn of(store: StoreId) -> Self {
        Self {
            store,
            newest: Incarnation::default(),
            spoke: Instant::ZERO,
            readmit_upto: LogIndex::ZERO,
            number: Number::Sole,
            disk: Disk::WentOn,
            claimed: LogPosition::ZERO,
            older: None,
            set_backs: 0,
        }
    }

    pub fn newest(&self) -> Incarnation {
        self.newest
    }

    /// When an incarnation that counts, or one of the newest number, spoke last; `None` before the first.
    pub fn spoke(&self) -> Option<Instant> {
        (self.newest.number > 0).then_some(self.spoke)
    }

    pub fn set_backs(&self) -> u32 {
        self.set_backs
    }

    /// The incarnation that is to take a higher number.
    pub fn went_back(&self) -> Option<Incarnation> {
        (self.disk == Disk::WentBack).then_some(self.newest)
    }

    /// How far incarnations before the newest had synced the leader's log.
    pub fn claimed(&self) -> LogPosition {
        self.claimed
    }

    /// An incarnation speaks. `synced`: how far the newest so far had synced the leader's log.
    pub fn hear(
        &mut self,
        store: StoreId,
        speaks: Incarnation,
        synced: LogPosition,
        moment: Moment,
    ) -> Speaker {
        if self.store != StoreId::ANY && self.store != store {
            return Speaker::Stale;
        }
        let first = self.newest.number == 0;
        if speaks.number < self.newest.number {
            if self.older.is_none_or(|older| older.incarnation() != speaks) {
                self.older = NonZeroU64::new(speaks.number).map(|number| Older {
                    number,
                    nonce: speaks.nonce,
                    round: moment.round,
                    heard: moment.now,
                });
            }
            return Speaker::Older;
        }
        if speaks.number == self.newest.number && self.number == Number::Contested {
            self.spoke = moment.now;
            self.newest = speaks;
            return Speaker::Stale;
        }
        self.store = store;
        self.spoke = moment.now;
        if speaks == self.newest {
            return Speaker::Current;
        }
        self.claimed = self.claimed.max(synced);
        if speaks.number == self.newest.number {
            self.number = Number::Contested;
            self.newest = speaks;
            self.find_back();
            return Speaker::Contested;
        }
        // One that was told to, by its nonce.
        if self.older.is_some_and(|older| older.nonce == speaks.nonce) {
            self.set_backs = self.set_backs.saturating_add(1);
        }
        self.newest = speaks;
        self.number = Number::Sole;
        self.readmit_upto = moment.last;
        self.disk = Disk::WentOn;
        self.older = None;
        match first {
            true => Speaker::Current,
            false => Speaker::New,
        }
    }

    /// Whether an older incarnation spoke, and the newest has answered no round that was sent after it did: its
    /// disk may have gone back, with all that it reported.
    pub fn is_in_doubt(&self, round_answered: u64) -> bool {
        let older = self.older.as_ref();
        older.is_some_and(|older| round_answered <= older.round)
    }

    /// The newest incarnation refused an append whose predecessor is at `prev`: rule 3.
    pub fn refused(&mut self, prev: LogIndex, trust: Trust) {
        let contradicts = prev <= self.claimed.index && prev > LogIndex::ZERO;
        if contradicts && trust != Trust::Suspect && self.disk == Disk::WentOn {
            self.find_back();
        }
    }

    fn find_back(&mut self) {
        self.disk = Disk::WentBack;
        self.set_backs = self.set_backs.saturating_add(1);
    }

    /// What this leader can tell the peer about itself. `round_answered`: by the newest incarnation. An incarnation
    /// that says nothing for `timeout` is silent.
    pub fn readmission(
        &self,
        round_answered: u64,
        now: Instant,
        timeout: Duration,
    ) -> Option<Readmission> {
        if self.newest.number == 0 {
            return None;
        }
        Some(Readmission {
            store: self.store,
            // Of two with one number nothing counts, so nothing re-admits the other.
            incarnation: self.newest,
            readmit_upto: self.readmit_upto,
            notice: self.notice(round_answered, now, timeout),
        })
    }

    fn notice(&self, round_answered: u64, now: Instant, timeout: Duration) -> Option<Notice> {
        let silent = |since: Instant| now.since(since) >= timeout;
        if let Some(older) = self.older {
            if silent(self.spoke.max(older.heard)) {
                return Some(Notice::new(older.incarnation(), Finding::WentBack));
            }
            if round_answered > older.round && !silent(self.spoke) {
                return Some(Notice::new(older.incarnation(), Finding::Superseded));
            }
        }
        self.went_back()
            .map(|incarnation| Notice::new(incarnation, Finding::WentBack))
    }
}
