//! What clients send and what the log holds of it: requests, answers, commands, checksummed entries.

use std::fmt::Debug;

use host_native::checksummed;
use host_native::kv::Kv;
use host_native::machine::{Applied, Replica, Replicated, digest_of};
use kraft_proto::cluster::ClusterId;
use kraft_proto::{EntryKind, LogIndex, LogPosition, Term};
use kraft_wire::api::{Request, Response};
use kraft_wire::command::{Command, Operation, RequestId};
use kraft_wire::payload::{Outcome, Payload};
use kraft_wire::rows::Effect;

use super::Depth;

/// Takes any bytes, as each of them.
pub fn body(bytes: &[u8]) -> Depth {
    let mut depth = Depth::Refused;
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes, "{request:?}");
        depth = Depth::Taken;
    }
    if let Ok(response) = Response::decode(bytes) {
        assert_eq!(response.encode(), bytes, "{response:?}");
        depth = Depth::Taken;
    }
    let payload = Payload::from(bytes.to_vec());
    if let Ok(outcome) = payload.read::<Outcome<Effect>>() {
        assert_eq!(Payload::of(&outcome), payload);
    }
    if let Ok(word) = str::from_utf8(bytes) {
        words(word);
    }
    checksums(bytes);
    if command(bytes) == Depth::Taken {
        depth = Depth::Taken;
    }
    depth
}

fn words(word: &str) {
    if let Ok(id) = word.parse::<RequestId>() {
        reads_back(id);
    }
    if let Ok(id) = word.parse::<ClusterId>() {
        reads_back(id);
    }
}

fn reads_back<T: ToString + std::str::FromStr + PartialEq + Debug>(value: T) {
    let again = value.to_string().parse().ok();
    assert_eq!(again, Some(value));
}

/// A command is applied once, and alike everywhere.
fn command(bytes: &[u8]) -> Depth {
    let command = Command::decode(bytes);
    if let Ok(command) = command
        && let Ok(operation) = Operation::decode(command.operation)
        && operation.check().is_ok()
    {
        let payload = operation.encode().expect("it is fit");
        let again = Command::encode(&command.request, &payload);
        assert_eq!(again.expect("it is fit"), bytes, "{operation:?}");
    }
    let place = |index| LogPosition::new(Term(1), LogIndex(index));
    let mut one = Replicated::new(Kv::default());
    let mut other = Replicated::new(Kv::default());
    let first = one.apply(place(1), bytes);
    assert_eq!(first, other.apply(place(1), bytes));
    let before = one.machine().bytes();
    let second = one.apply(place(2), bytes);
    assert_eq!(second, other.apply(place(2), bytes));
    assert_eq!(one.machine().bytes(), before, "applied twice");
    let digest = |replica: &Replicated<Kv>| digest_of(replica.image()).expect("it is saved");
    assert_eq!(digest(&one).as_ref(), digest(&other).as_ref());
    assert_eq!(command.is_err(), first == Applied::Malformed);
    if let Applied::Now(answer) = first {
        assert_eq!(second, Applied::Before(answer));
        return Depth::Taken;
    }
    Depth::Refused
}

/// What verifies is what a checksum was added to, and nothing else does.
fn checksums(bytes: &[u8]) {
    let place = LogPosition::new(Term(3), LogIndex(5));
    if let Ok(payload) = checksummed::verify(place, EntryKind::Command, bytes) {
        assert_eq!(checksummed::add(place, EntryKind::Command, payload), bytes);
    }
    let mut entry = checksummed::add(place, EntryKind::Command, bytes).to_vec();
    let opened = checksummed::verify(place, EntryKind::Command, &entry);
    assert_eq!(opened, Ok(bytes));
    let elsewhere = LogPosition::new(Term(3), LogIndex(6));
    assert!(checksummed::verify(elsewhere, EntryKind::Command, &entry).is_err());
    let at = bytes.len() / 2;
    entry[at] ^= 1 << (at % 8);
    assert!(checksummed::verify(place, EntryKind::Command, &entry).is_err());
}
