//! A decoder that takes any bytes: what it refuses, and that it never panics.

use kraft_proto::limits::{FRAME_HEADER_MAX, INDEX_MAX, RUN_ENTRIES_MAX, TERM_MAX};
use kraft_proto::{
    Append, CommitMode, EntryKind, Envelope, Finding, Frame, FsyncMode, Heartbeat, Incarnation,
    LogIndex, LogPosition, Message, NodeId, Nonce, Notice, Readmission, StoreId, Term, Trust,
    WIRE_VERSION, Watermarks, WireError, entry_prefix,
};

use crate::examples::*;

#[test]
fn what_was_encoded_decodes_to_the_same() {
    for (name, envelope, entries) in examples() {
        let bytes = encode(&envelope, &entries);
        let frame = Frame::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*frame.envelope(), envelope, "{name}");
        assert!(frame.entries().eq(entries.iter().copied()), "{name}");
    }
}

#[test]
fn a_frame_that_ends_early_is_refused_wherever_it_ends() {
    for (name, envelope, entries) in examples() {
        let bytes = encode(&envelope, &entries);
        for end in 0..bytes.len() {
            let refused = Frame::decode(&bytes[..end]);
            assert_eq!(refused, Err(WireError::Truncated), "{name} cut to {end}");
        }
    }
}

#[test]
fn bytes_behind_the_last_entry_are_refused() {
    for (name, envelope, entries) in examples() {
        let mut bytes = encode(&envelope, &entries);
        bytes.push(0);
        assert_eq!(
            Frame::decode(&bytes),
            Err(WireError::TrailingBytes),
            "{name}"
        );
    }
}

#[test]
fn another_version_is_named() {
    let (_, envelope, entries) = examples().swap_remove(0);
    let mut bytes = encode(&envelope, &entries);
    for theirs in (0..=u8::MAX).filter(|version| *version != WIRE_VERSION) {
        bytes[0] = theirs;
        assert_eq!(Frame::decode(&bytes), Err(WireError::Version { theirs }));
    }
}

#[test]
fn a_number_written_longer_than_needed_is_refused() {
    // The sender, 1, as the two bytes 81 00.
    let (_, envelope, _) = examples().swap_remove(0);
    let bytes = encode(&envelope, &[]);
    let longer = [&bytes[..1], &[0x81, 0x00], &bytes[2..]].concat();
    assert_eq!(Frame::decode(&longer), Err(WireError::NotCanonical));
}

#[test]
fn an_unknown_kind_of_message_is_refused() {
    let (_, envelope, _) = examples().swap_remove(0);
    let mut bytes = encode(&envelope, &[]);
    // Version, from, to, two bytes of store, three of incarnation, term: then the kind.
    assert_eq!(bytes[9], 0);
    bytes[9] = 15;
    assert_eq!(Frame::decode(&bytes), Err(WireError::Malformed));
}

#[test]
fn numbers_beyond_the_limits_are_refused() {
    let index = LogIndex(INDEX_MAX + 1);
    let command = |change: fn(&mut Append)| {
        let mut append = append(EntryKind::Command, 0);
        change(&mut append);
        envelope(7, Message::Append(append))
    };
    let beyond = [
        envelope(TERM_MAX + 1, Message::Matched(Watermarks::default())),
        envelope(
            8,
            Message::Vote {
                last: LogPosition::new(Term(TERM_MAX + 1), LogIndex(1)),
            },
        ),
        envelope(
            8,
            Message::PreVote {
                last: LogPosition::new(Term(7), index),
            },
        ),
        envelope(
            8,
            Message::TransferVote {
                last: LogPosition::new(Term(7), index),
            },
        ),
        envelope(
            7,
            Message::ReadIndex {
                ticket: 0,
                after: LogPosition::new(Term(7), index),
            },
        ),
        envelope(
            7,
            Message::ReadIndexReply {
                incarnation: Incarnation::new(1, Nonce(1)),
                ticket: 0,
                index,
            },
        ),
        envelope(
            7,
            Message::Snapshot {
                last: LogPosition::new(Term(7), index),
            },
        ),
        envelope(7, Message::Matched(watermarks(INDEX_MAX + 1, 0))),
        envelope(7, Message::Matched(watermarks(1, 2))),
        envelope(
            7,
            Message::Rejected {
                rejected: index,
                hint: LogPosition::ZERO,
                trust: Trust::Clean,
            },
        ),
        envelope(7, Message::Heartbeat(heartbeat(index.0, None))),
        envelope(7, Message::Heartbeat(heartbeat(1, Some(known(index.0))))),
        envelope(
            7,
            Message::HeartbeatReply(heartbeat_reply(watermarks(INDEX_MAX + 1, 0))),
        ),
        command(|append| append.count = RUN_ENTRIES_MAX + 1),
        command(|append| append.run_term = Term(TERM_MAX + 1)),
        command(|append| append.prev.index = LogIndex(INDEX_MAX + 1)),
        command(|append| append.commit = LogIndex(INDEX_MAX + 1)),
        command(|append| append.force_upto = LogIndex(INDEX_MAX + 1)),
        command(|append| append.written_upto = LogIndex(INDEX_MAX + 1)),
        command(|append| append.relied_upto = LogIndex(1)),
    ];
    for envelope in beyond {
        let bytes = encode(&envelope, &[]);
        assert_eq!(
            Frame::decode(&bytes),
            Err(WireError::OutOfRange),
            "{envelope:?}"
        );
    }
}

#[test]
fn a_run_contradicting_itself_is_refused() {
    let two_no_ops = envelope(7, Message::Append(append(EntryKind::NoOp, 2)));
    let refused = encode(&two_no_ops, &[b"", b""]);
    assert_eq!(Frame::decode(&refused), Err(WireError::OutOfRange));

    let back = Append {
        run_term: Term(5),
        ..append(EntryKind::Command, 1)
    };
    let refused = encode(&envelope(7, Message::Append(back)), &[b"x"]);
    assert_eq!(Frame::decode(&refused), Err(WireError::OutOfRange));
}

#[test]
fn an_entry_longer_than_the_frame_is_not_believed() {
    let one = envelope(7, Message::Append(append(EntryKind::Command, 1)));
    let mut bytes = encode(&one, &[]);
    bytes.extend(entry_prefix(u32::MAX));
    bytes.extend(b"short");
    assert_eq!(Frame::decode(&bytes), Err(WireError::Truncated));
}

#[test]
fn the_longest_header_fits_its_buffer() {
    let most = u64::MAX;
    let longest = Envelope {
        from: NodeId(most),
        to: NodeId(most),
        store: StoreId(most),
        incarnation: Incarnation::new(most, Nonce(most)),
        term: Term(most),
        message: Message::Append(Append {
            prev: LogPosition::new(Term(most), LogIndex(most)),
            kind: EntryKind::Configuration,
            run_term: Term(most),
            count: u32::MAX,
            commit: LogIndex(most),
            force_upto: LogIndex(most),
            written_upto: LogIndex(most),
            relied_upto: LogIndex(most),
            mode: CommitMode::AtLeast(u8::MAX),
            fsync: FsyncMode::Always,
        }),
    };
    let mut buffer = [0; FRAME_HEADER_MAX];
    let length = longest.encode(&mut buffer).unwrap().len();
    let mut short = vec![0; length - 1];
    assert_eq!(longest.encode(&mut short), Err(WireError::BufferTooSmall));
    assert_eq!(longest.encode(&mut []), Err(WireError::BufferTooSmall));
    let incarnation = Incarnation::new(most, Nonce(most));
    let knows_most = Heartbeat {
        commit: LogIndex(most),
        round: most,
        force_upto: LogIndex(most),
        readmission: Some(Readmission {
            store: StoreId(most),
            incarnation,
            readmit_upto: LogIndex(most),
            notice: Some(Notice {
                incarnation,
                finding: Finding::WentBack,
            }),
        }),
    };
    let heartbeat = Envelope {
        message: Message::Heartbeat(knows_most),
        ..longest
    };
    assert!(heartbeat.encode(&mut buffer).is_ok());
}

/// splitmix64
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Whatever decodes encodes to the same bytes again.
fn check_total(bytes: &[u8]) -> bool {
    let Ok(frame) = Frame::decode(bytes) else {
        return false;
    };
    let entries: Vec<&[u8]> = frame.entries().collect();
    assert_eq!(entries.len(), frame.envelope().entries() as usize);
    assert_eq!(encode(frame.envelope(), &entries), bytes);
    true
}

#[test]
fn any_bytes_give_a_frame_or_an_error() {
    let mut decoded = 0;
    for seed in 0..200_000 {
        let mut state = seed;
        let bytes = scrambled(&mut state);
        let result = std::panic::catch_unwind(|| check_total(&bytes));
        match result {
            Ok(frame) => decoded += u64::from(frame),
            Err(panic) => {
                eprintln!("seed {seed}: {}", hex(&bytes));
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(
        decoded > 1000,
        "only {decoded} frames decoded: too wild to say anything"
    );
}

/// Noise, or an example with a few bytes changed, cut or added.
fn scrambled(state: &mut u64) -> Vec<u8> {
    let examples = examples();
    let kind = next(state) as usize % (examples.len() + 1);
    let mut bytes = match examples.get(kind) {
        Some((_, envelope, entries)) => encode(envelope, entries),
        None => (0..next(state) % 64).map(|_| next(state) as u8).collect(),
    };
    for _ in 0..next(state) % 4 {
        let place = next(state) as usize % (bytes.len() + 1);
        match next(state) % 3 {
            0 => bytes.insert(place, next(state) as u8),
            1 if place < bytes.len() => bytes[place] = next(state) as u8,
            _ => bytes.truncate(place),
        }
    }
    bytes
}
