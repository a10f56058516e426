//! The requests in the log that are not applied yet: what makes sure that a number is one write's before its session
//! knows it.

use std::collections::{HashMap, VecDeque};

use kraft_proto::LogIndex;
use kraft_wire::command::{RequestId, WriteDigest};

/// Requests this node proposed, as leader, and has not applied.
#[derive(Debug, Default)]
pub(super) struct OwnRequests {
    digests: HashMap<RequestId, WriteDigest>,
    in_order: VecDeque<(LogIndex, RequestId)>,
}

/// Whether a request is on its way already, and as which write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnItsWay {
    No,
    TheSame,
    Another,
}

impl OwnRequests {
    /// Notes that the entry at `index` carries `request`.
    pub fn propose(&mut self, index: LogIndex, request: RequestId, digest: WriteDigest) {
        self.digests.insert(request, digest);
        self.in_order.push_back((index, request));
    }

    /// Forgets what is applied by now, or was lost: its session knows it then.
    pub fn applied(&mut self, upto: LogIndex) {
        while let Some((_, request)) = self.in_order.pop_front_if(|(index, _)| *index <= upto) {
            self.digests.remove(&request);
        }
    }

    /// What is known of `request`.
    pub fn look(&self, request: &RequestId, digest: WriteDigest) -> OnItsWay {
        match self.digests.get(request) {
            None => OnItsWay::No,
            Some(known) if *known == digest => OnItsWay::TheSame,
            Some(_) => OnItsWay::Another,
        }
    }
}

#[cfg(test)]
mod tests {
    use kraft_wire::command::SessionId;

    use super::*;

    fn request(number: u64) -> RequestId {
        RequestId {
            session: SessionId {
                id: 7,
                opened_at: LogIndex(0),
            },
            number,
        }
    }

    #[test]
    fn a_number_on_its_way_is_one_writes_until_its_session_knows_it() {
        let (one, other) = (WriteDigest::of(b"one"), WriteDigest::of(b"other"));
        let mut requests = OwnRequests::default();
        requests.propose(LogIndex(5), request(1), one);
        requests.propose(LogIndex(6), request(2), other);
        assert_eq!(requests.look(&request(1), one), OnItsWay::TheSame);
        assert_eq!(requests.look(&request(1), other), OnItsWay::Another);
        assert_eq!(requests.look(&request(3), one), OnItsWay::No);
        requests.applied(LogIndex(5));
        assert_eq!(requests.look(&request(1), other), OnItsWay::No);
        assert_eq!(requests.look(&request(2), one), OnItsWay::Another);
    }
}
