//! Who has a place among those who wait, and who gives one up: shares are divided by certificate, then
//! by address, then by connection, and bind only when all places are taken.

use std::collections::HashSet;

use kraft_wire::api::{Bound, Request, RequestRefusal, Response};
use kraft_wire::rows::SCAN_BYTES_MAX;

use super::engine::Engine;
use super::pending::{PendingRead, Token};
use crate::rpc::{Origin, Room, Shares, Verdict};

/// Places taken back at a time: looking for them costs the more, the more wait.
const AT_ONCE: u64 = 256;

/// How long unread answers of some may keep others from theirs.
const CROWDED_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// Bytes of an answer beside the value or the page it carries.
const AROUND: usize = 1024;

/// Bytes of a status report, with room.
const STATUS_BYTES: usize = 32 * 1024;

/// How many places whoever has too many gives up at once, for somebody who has none of them.
fn surplus(shares: &Shares, victim: &Origin, who: &Origin) -> usize {
    let more = shares.taken_by(victim).saturating_sub(shares.taken_by(who));
    (more / 2).clamp(1, AT_ONCE) as usize
}

impl Engine {
    /// Finds a place for a write, or for somebody who awaits a commit.
    pub(super) fn place_to_wait(&mut self, who: &Origin) -> Result<(), RequestRefusal> {
        match self.waiting.verdict(who, 1) {
            Verdict::Free => {}
            Verdict::TakeFrom(victim) => {
                let count = surplus(&self.waiting, &victim, who);
                let mut tokens: HashSet<Token> = self
                    .writes
                    .of(&victim)
                    .take(count)
                    .map(Token::Write)
                    .collect();
                let left = count - tokens.len();
                tokens.extend(self.awaits.of(&victim).take(left).map(Token::Await));
                self.give_up(|token| tokens.contains(&token));
            }
            Verdict::Refused => {
                return Err(RequestRefusal::Busy {
                    bound: Bound::Waits,
                    limit: self.waiting.capacity(),
                });
            }
        }
        Ok(self.waits.check_room()?)
    }

    /// Ends the wait of some: they hear that their entry lives on.
    fn give_up(&mut self, whom: impl Fn(Token) -> bool) {
        let history = |index| self.parts.history.run_at(index);
        self.waits.give_up(whom, &mut self.parts.raft, history);
        while let Some(answer) = self.waits.poll_answer() {
            self.answer(answer);
        }
    }

    /// A client is gone: whatever it waited for, others may have the places.
    pub(super) fn let_go(&mut self, gone: &Origin) {
        let mut tokens: HashSet<Token> = self.writes.of(gone).map(Token::Write).collect();
        tokens.extend(self.awaits.of(gone).map(Token::Await));
        if !tokens.is_empty() {
            self.give_up(|token| tokens.contains(&token));
        }
        drop(self.reads.take_back(gone, usize::MAX));
    }

    /// Finds a place for a read.
    pub(super) fn place_to_read(&mut self, who: &Origin) -> Result<(), RequestRefusal> {
        let limit = self.reads.shares().capacity();
        let refusal = || RequestRefusal::Busy {
            bound: Bound::Reads,
            limit,
        };
        match self.reads.shares().verdict(who, 1) {
            Verdict::Free => Ok(()),
            Verdict::TakeFrom(victim) => {
                let count = surplus(self.reads.shares(), &victim, who);
                for read in self.reads.take_back(&victim, count) {
                    read.reply.send(Response::Refused(refusal()).encode());
                }
                Ok(())
            }
            Verdict::Refused => Err(refusal()),
        }
    }

    /// Answers a read that has no place yet: at once, or as soon as its client has read enough of what
    /// it was answered before.
    pub(super) fn serve_when_read(&mut self, read: PendingRead) {
        if self.reads.has_parked(&read.reply.origin()) || self.room_for(&read) != Room::Now {
            let who = read.reply.origin();
            match self.place_to_read(&who) {
                Ok(()) => self.reads.park_new(read),
                Err(refusal) => read.reply.send(Response::Refused(refusal).encode()),
            }
            return;
        }
        let response = self.serve(&read.request);
        read.reply.send(response.encode());
    }

    /// Answers a read that has a place, or parks it there.
    pub(super) fn serve_ready(&mut self, read: PendingRead) {
        let behind = self.reads.has_parked(&read.reply.origin());
        if behind || self.room_for(&read) != Room::Now {
            self.reads.park(read);
            return;
        }
        self.serve_placed(read);
    }

    fn serve_placed(&mut self, read: PendingRead) {
        self.reads.give_back(&read.reply.origin());
        let response = self.serve(&read.request);
        read.reply.send(response.encode());
    }

    /// Answers what was parked, one of each client in turn, as far as there is room.
    pub(super) fn serve_parked(&mut self) {
        if self.reads.parked() == 0 {
            return;
        }
        // First: what is read meanwhile is told.
        self.parts.clients.want_room();
        let mut crowded = None;
        loop {
            let mut served = false;
            for who in self.reads.parked_origins() {
                let Some(read) = self.reads.first_parked(&who) else {
                    continue;
                };
                match self.room_for(read) {
                    Room::Now => {
                        if let Some(read) = self.reads.pop_parked(&who) {
                            self.serve_placed(read);
                            served = true;
                        }
                    }
                    Room::Unread => {}
                    Room::Crowded => crowded = Some(who),
                    Room::Nobody => drop(self.reads.take_back(&who, usize::MAX)),
                }
            }
            if !served {
                break;
            }
            crowded = None;
        }
        let now = self.now();
        match crowded.and_then(|who| self.reads.first_parked(&who)) {
            None => self.crowded_since = None,
            Some(read) => {
                let since = *self.crowded_since.get_or_insert(now);
                if now.since(since) >= CROWDED_MAX {
                    read.reply.crowd_out(self.answer_bytes_max(&read.request));
                    self.crowded_since = Some(now);
                }
            }
        }
    }

    fn room_for(&self, read: &PendingRead) -> Room {
        read.reply.room_for(self.answer_bytes_max(&read.request))
    }

    /// Bytes that the answer has at most.
    fn answer_bytes_max(&self, request: &Request) -> usize {
        AROUND
            + match request {
                Request::Get { key, .. } => {
                    let value = self.replica.machine().get(key.as_bytes());
                    value.map_or(0, |value| value.len())
                }
                Request::Scan { .. } => SCAN_BYTES_MAX,
                Request::Status => STATUS_BYTES,
                _ => 0,
            }
    }

    /// What to say when few places are left.
    pub(super) fn places_warning(&self) -> Option<String> {
        let reads = self.reads.shares();
        (self.places_taken() > self.parts.config.alerts.places_taken).then(|| {
            format!(
                "of its places for waiting requests {} of {} are taken by writes and {} of {} by reads: \
                 clients with more than their share give places back to others",
                self.waiting.taken(),
                self.waiting.capacity(),
                reads.taken(),
                reads.capacity()
            )
        })
    }

    /// Of a hundred places, those taken: of the kind with fewest left.
    pub(super) fn places_taken(&self) -> u32 {
        let taken = |shares: &Shares| (shares.taken() * 100 / shares.capacity().max(1)) as u32;
        taken(&self.waiting).max(taken(self.reads.shares()))
    }
}
