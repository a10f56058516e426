//! Every decoder of clients' bytes is total and canonical, and the state machine takes any bytes.
//!
//! `KRAFT_SEED=<number>` repeats a run.

use host_native::kv::Kv;
use host_native::machine::{Replica, Replicated, StateMachine, digest_of};
use host_native::replicas::Digest;
use kraft_proto::entry::EntryKind;
use kraft_proto::ids::{LogIndex, LogPosition, Term};
use kraft_wire::api::{Request, Response, VERSION};
use kraft_wire::command::{Command, Operation};

const ROUNDS: usize = 20_000;

struct Random(u64);

impl Random {
    /// From the environment, else from the time; printed, so that a failure can be repeated.
    fn seeded() -> Self {
        let seed = match std::env::var("KRAFT_SEED") {
            Ok(seed) => seed.parse().expect("KRAFT_SEED is a number"),
            Err(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        };
        println!("KRAFT_SEED={seed}");
        Self(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound
    }

    /// Bytes in which small numbers are frequent: tags and lengths that lead somewhere.
    fn bytes(&mut self) -> Vec<u8> {
        let len = self.below(96);
        (0..len)
            .map(|_| match self.below(3) {
                0 => self.next() as u8,
                _ => self.below(8) as u8,
            })
            .collect()
    }

    /// `bytes` with a few of them changed, left out or doubled.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            match self.below(3) {
                0 => bytes[at] = self.next() as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        bytes
    }
}

#[test]
fn any_bytes_give_a_value_with_that_one_encoding_or_an_error() {
    let mut random = Random::seeded();
    let (mut requests, mut responses) = (vec![vec![VERSION, 4]], vec![vec![VERSION, 8]]);
    for _ in 0..ROUNDS {
        let fresh = random.bytes();
        let versioned: Vec<u8> = std::iter::once(VERSION).chain(fresh).collect();
        let known = requests[random.below(requests.len())].clone();
        for bytes in [versioned.clone(), random.damaged(known)] {
            if let Ok(request) = Request::decode(&bytes) {
                assert_eq!(request.encode(), bytes, "{request:?}");
                requests.push(bytes);
            }
        }
        let known = responses[random.below(responses.len())].clone();
        for bytes in [versioned, random.damaged(known)] {
            if let Ok(response) = Response::decode(&bytes) {
                assert_eq!(response.encode(), bytes, "{response:?}");
                responses.push(bytes);
            }
        }
    }
    assert!(
        requests.len() > 100 && responses.len() > 100,
        "nothing was read"
    );
}

#[test]
fn a_digest_of_a_peer_reads_only_as_it_is_written() {
    let mut random = Random::seeded();
    let mut read = 0;
    for _ in 0..ROUNDS {
        let digest = Digest {
            start: LogIndex(random.next()),
            at: LogIndex(random.next()),
            value: random.next(),
        };
        let frame = random.damaged(digest.encode().to_vec());
        match Digest::decode(&frame) {
            Some(Ok(digest)) => {
                assert_eq!(digest.encode()[..], frame);
                read += 1;
            }
            Some(Err(_)) => assert_eq!(frame[0], 0),
            None => assert_ne!(frame[0], 0),
        }
    }
    assert!(read > 0, "nothing was read");
}

#[test]
fn a_command_reads_only_as_it_is_written() {
    let mut random = Random::seeded();
    let mut read = 0;
    for _ in 0..ROUNDS {
        let bytes: Vec<u8> = std::iter::once(1).chain(random.bytes()).collect();
        let Ok(command) = Command::decode(&bytes) else {
            continue;
        };
        let Ok(operation) = Operation::decode(command.operation) else {
            continue;
        };
        if operation.check().is_ok() {
            read += 1;
            assert_eq!(
                Command::encode(&command.request, &operation.encode().unwrap()).unwrap(),
                bytes
            );
        }
    }
    assert!(read > 0, "nothing was read");
}

#[test]
fn two_replicas_take_any_bytes_and_agree() {
    let mut random = Random::seeded();
    let mut one = Replicated::new(Kv::default());
    let mut other = Replicated::new(Kv::default());
    let mut machine = Kv::default();
    for index in 1..=ROUNDS as u64 {
        let position = LogPosition::new(Term(1), LogIndex(index));
        let bytes: Vec<u8> = std::iter::once(1).chain(random.bytes()).collect();
        assert_eq!(one.apply(position, &bytes), other.apply(position, &bytes));
        if let Ok(operation) = Operation::decode(&bytes[1..]) {
            machine.apply(position, operation);
        }
        let _ = host_native::checksummed::verify(position, EntryKind::Command, &bytes);
    }
    assert_eq!(
        digest_of(one.image()).unwrap().as_ref(),
        digest_of(other.image()).unwrap().as_ref()
    );
}
