//! Moments: the state machine as it was, kept for clients that read it page by page.

use std::collections::BTreeMap;
use std::time::Duration;

use kraft_proto::{Instant, LogIndex};
use kraft_wire::api::{
    Bound, MOMENT_AGE_S_MAX, MOMENT_UNREAD_S_MAX, MOMENTS_MAX, MomentId, RequestRefusal, Response,
};
use kraft_wire::payload::Payload;

use crate::machine::Moment;
use crate::rpc::{Origin, Shares, Verdict};

const UNREAD_MAX: Duration = Duration::from_secs(MOMENT_UNREAD_S_MAX);
const AGE_MAX: Duration = Duration::from_secs(MOMENT_AGE_S_MAX);

/// The moments that a node keeps. Each ends when its client says so, with the connection that asked for it, when it is
/// not read any more, when it is old, or when others who have fewer ask for one.
pub(super) struct Moments {
    shares: Shares,
    kept: BTreeMap<MomentId, Kept>,
}

struct Kept {
    machine: Box<dyn Moment>,
    read_at: LogIndex,
    whose: Origin,
    since: Instant,
    read: Instant,
}

/// Moments that are let go. A state of millions of keys is not let go in an instant: drop it where nobody waits.
#[must_use]
pub(super) struct LetGo(Vec<Box<dyn Moment>>);

impl LetGo {
    /// Drops them beside everything else.
    pub fn aside(self) {
        if !self.0.is_empty() {
            tokio::task::spawn_blocking(move || drop(self));
        }
    }
}

impl Moments {
    /// None is kept yet.
    pub fn new() -> Self {
        Self {
            shares: Shares::of(MOMENTS_MAX),
            kept: BTreeMap::new(),
        }
    }

    /// Finds a place for a moment of `whose`; another may lose the one that it has not read for longest.
    ///
    /// # Errors
    /// When whoever asks has its share, or more.
    pub fn find_place(&mut self, whose: &Origin) -> Result<LetGo, RequestRefusal> {
        match self.shares.verdict(whose, 1) {
            Verdict::Free => Ok(LetGo(Vec::new())),
            Verdict::TakeFrom(victim) => {
                let theirs = self.kept.iter().filter(|(_, kept)| kept.whose == victim);
                let unread = theirs.min_by_key(|(_, kept)| kept.read);
                let unread = unread.map(|(id, _)| *id);
                Ok(self.let_go_if(|id, _| Some(*id) == unread))
            }
            Verdict::Refused => Err(RequestRefusal::Busy {
                bound: Bound::Moments,
                limit: MOMENTS_MAX,
            }),
        }
    }

    /// Keeps a moment, for which there must be a place.
    pub fn keep(
        &mut self,
        now: Instant,
        whose: Origin,
        read_at: LogIndex,
        machine: Box<dyn Moment>,
    ) -> MomentId {
        let id = MomentId::random();
        let kept = Kept {
            machine,
            read_at,
            whose,
            since: now,
            read: now,
        };
        self.kept.insert(id, kept);
        self.shares.take(whose, 1);
        id
    }

    /// Asks the state machine as it was.
    pub fn query(&mut self, now: Instant, id: MomentId, query: &Payload) -> Response {
        let Some(kept) = self.kept.get_mut(&id) else {
            return Response::Refused(RequestRefusal::MomentGone);
        };
        kept.read = now;
        match kept.machine.query(query) {
            Ok(view) => Response::View {
                view,
                read_at: kept.read_at,
            },
            Err(refusal) => Response::Refused(refusal),
        }
    }

    /// Bytes that the view of a query has at most.
    pub fn view_bytes_max(&self, id: MomentId, query: &Payload) -> usize {
        let kept = self.kept.get(&id);
        kept.map_or(0, |kept| kept.machine.view_bytes_max(query))
    }

    /// Whoever reads it has read enough.
    pub fn end(&mut self, ended: MomentId) -> LetGo {
        self.let_go_if(|id, _| *id == ended)
    }

    /// A connection is gone, and nobody reads its moments any more.
    pub fn gone(&mut self, whose: &Origin) -> LetGo {
        self.let_go_if(|_, kept| kept.whose == *whose)
    }

    /// Lets go what is due by now.
    pub fn handle_timeout(&mut self, now: Instant) -> LetGo {
        self.let_go_if(|_, kept| {
            now.since(kept.read) >= UNREAD_MAX || now.since(kept.since) >= AGE_MAX
        })
    }

    fn let_go_if(&mut self, ended: impl Fn(&MomentId, &Kept) -> bool) -> LetGo {
        let gone = self.kept.extract_if(.., |id, kept| ended(id, kept));
        let gone: Vec<Kept> = gone.map(|(_, kept)| kept).collect();
        for kept in &gone {
            self.shares.give_back(&kept.whose, 1);
        }
        LetGo(gone.into_iter().map(|kept| kept.machine).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    struct Echo;

    impl Moment for Echo {
        fn query(&self, query: &Payload) -> Result<Payload, RequestRefusal> {
            Ok(query.clone())
        }

        fn view_bytes_max(&self, query: &Payload) -> usize {
            query.as_bytes().len()
        }
    }

    fn origin(connection: u64) -> Origin {
        Origin {
            certificate: 1,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            connection,
        }
    }

    fn after(seconds: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(seconds))
    }

    fn keep(moments: &mut Moments, now: Instant, whose: Origin) -> Option<MomentId> {
        drop(moments.find_place(&whose).ok()?);
        Some(moments.keep(now, whose, LogIndex(7), Box::new(Echo)))
    }

    fn is_kept(moments: &mut Moments, now: Instant, id: MomentId) -> bool {
        let query = Payload::of(&1_u8);
        match moments.query(now, id, &query) {
            Response::View { view, read_at } => {
                assert_eq!((view, read_at), (query, LogIndex(7)));
                true
            }
            Response::Refused(RequestRefusal::MomentGone) => false,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_that_is_not_read_or_old_is_let_go() {
        let mut moments = Moments::new();
        let [unread, read] = [1, 2].map(|n| keep(&mut moments, after(0), origin(n)).unwrap());
        let step = MOMENT_UNREAD_S_MAX - 1;
        let mut at = step;
        while at < MOMENT_AGE_S_MAX {
            drop(moments.handle_timeout(after(at)));
            assert!(is_kept(&mut moments, after(at), read), "after {at} s");
            at += step;
        }
        assert!(!is_kept(&mut moments, after(at), unread));
        drop(moments.handle_timeout(after(at)));
        assert!(!is_kept(&mut moments, after(at), read), "it is old");
        assert_eq!(moments.shares.taken(), 0);
    }

    #[test]
    fn they_end_when_asked_and_with_their_connection() {
        let mut moments = Moments::new();
        let [one, other] = [1, 2].map(|n| keep(&mut moments, after(0), origin(n)).unwrap());
        assert_eq!(moments.gone(&origin(1)).0.len(), 1);
        assert!(!is_kept(&mut moments, after(0), one));
        assert!(is_kept(&mut moments, after(0), other));
        for ended in [1, 0] {
            assert_eq!(moments.end(other).0.len(), ended);
        }
        assert_eq!(moments.shares.taken(), 0);
    }

    #[test]
    fn one_client_leaves_room_for_others() {
        let mut moments = Moments::new();
        let mut first = Vec::new();
        while let Some(id) = keep(&mut moments, after(0), origin(1)) {
            first.push(id);
        }
        assert_eq!(first.len() as u64, MOMENTS_MAX);
        let unread = first.pop().unwrap();
        for id in &first {
            assert!(is_kept(&mut moments, after(1), *id));
        }
        let second = keep(&mut moments, after(2), origin(2)).unwrap();
        assert!(is_kept(&mut moments, after(2), second));
        assert!(!is_kept(&mut moments, after(2), unread), "it gave way");
        assert_eq!(moments.kept.len() as u64, MOMENTS_MAX);
        assert!(keep(&mut moments, after(2), origin(1)).is_none());
    }
}
