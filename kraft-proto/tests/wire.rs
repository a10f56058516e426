//! The wire format: the golden vectors of `WIRE.md`, and a decoder that takes any bytes.

use kraft_proto::limits::{
    FRAME_HEADER_MAX, INDEX_MAX, RUN_ENTRIES_MAX, SNAPSHOT_BYTES_MAX, TERM_MAX,
};
use kraft_proto::{
    Append, Ballot, CommitMode, EntryKind, Envelope, Finding, Frame, FsyncMode, Heartbeat,
    HeartbeatReply, Holding, Incarnation, Known, LogIndex, LogPosition, Members, Message, NodeId,
    Nonce, Notice, Snapshot, StoreId, Term, Trust, WIRE_VERSION, WireError, entry_prefix,
};

const SPEC: &str = include_str!("../WIRE.md");

fn envelope(term: u64, message: Message) -> Envelope {
    Envelope {
        from: NodeId(1),
        to: NodeId(2),
        store: StoreId(300),
        incarnation: Incarnation::new(4, Nonce(700)),
        term: Term(term),
        message,
    }
}

fn position(term: u64, index: u64) -> LogPosition {
    LogPosition::new(Term(term), LogIndex(index))
}

fn holding(written: u64, synced: u64) -> Holding {
    Holding {
        written: LogIndex(written),
        synced: LogIndex(synced),
    }
}

fn append(kind: EntryKind, count: u32) -> Append {
    Append {
        prev: position(6, 200),
        kind,
        run_term: Term(7),
        count,
        commit: LogIndex(199),
        force_upto: LogIndex(201),
        written_upto: LogIndex(0),
        relied_upto: LogIndex(0),
        mode: CommitMode::Sync,
        fsync: FsyncMode::Commit,
    }
}

fn heartbeat(commit: u64, known: Option<Known>) -> Heartbeat {
    Heartbeat {
        commit: LogIndex(commit),
        round: 12,
        force_upto: LogIndex(0),
        known,
    }
}

fn known(readmit_upto: u64) -> Known {
    Known {
        store: StoreId(301),
        incarnation: Incarnation::new(5, Nonce(701)),
        readmit_upto: LogIndex(readmit_upto),
        notice: None,
    }
}

/// What is told to start 4 of the store whose start 5 is known.
fn judged(finding: Finding, number: u64) -> Heartbeat {
    let notice = Notice {
        life: Incarnation::new(number, Nonce(702)),
        finding,
    };
    let known = Known {
        notice: Some(notice),
        ..known(202)
    };
    heartbeat(199, Some(known))
}

fn heartbeat_reply(holding: Holding) -> HeartbeatReply {
    HeartbeatReply {
        round: 12,
        received: LogIndex(202),
        holding,
        trust: Trust::Suspect,
    }
}

/// Every kind of message, by its name in `WIRE.md`, and the entries behind it.
fn examples() -> Vec<(&'static str, Envelope, Vec<&'static [u8]>)> {
    let bare = |name, term, message| (name, envelope(term, message), Vec::new());
    let relaxed = Append {
        written_upto: LogIndex(202),
        relied_upto: LogIndex(202),
        mode: CommitMode::AtLeast(2),
        fsync: FsyncMode::Batch,
        ..append(EntryKind::Command, 2)
    };
    vec![
        bare(
            "pre-vote",
            8,
            Message::PreVote {
                last: position(7, 300),
            },
        ),
        bare(
            "pre-vote reply",
            8,
            Message::PreVoteReply {
                ballot: Ballot::Granted,
            },
        ),
        bare(
            "vote",
            8,
            Message::Vote {
                last: position(7, 300),
            },
        ),
        bare(
            "vote reply, suspect",
            8,
            Message::VoteReply {
                ballot: Ballot::GrantedBySuspect,
            },
        ),
        bare(
            "vote reply, refused",
            8,
            Message::VoteReply {
                ballot: Ballot::Refused,
            },
        ),
        (
            "append, no-op",
            envelope(7, Message::Append(append(EntryKind::Barrier, 1))),
            vec![b""],
        ),
        (
            "append, two commands",
            envelope(7, Message::Append(relaxed)),
            vec![b"a=1", b"b"],
        ),
        (
            "append, configuration",
            envelope(7, Message::Append(append(EntryKind::Configuration, 1))),
            vec![b"\x03\x01\xac\x02\x03\x02\xad\x02\x02\x03\x00\x01"],
        ),
        bare(
            "append, empty",
            7,
            Message::Append(append(EntryKind::Command, 0)),
        ),
        bare("matched", 7, Message::Matched(holding(202, 201))),
        bare(
            "rejected",
            7,
            Message::Rejected {
                rejected: LogIndex(200),
                hint: position(5, 150),
                trust: Trust::Clean,
            },
        ),
        bare("heartbeat", 7, Message::Heartbeat(heartbeat(199, None))),
        bare(
            "heartbeat, to a known incarnation",
            7,
            Message::Heartbeat(heartbeat(199, Some(known(202)))),
        ),
        bare(
            "heartbeat, to a superseded incarnation",
            7,
            Message::Heartbeat(judged(Finding::Superseded, 4)),
        ),
        bare(
            "heartbeat, to a disk that went back",
            7,
            Message::Heartbeat(judged(Finding::WentBack, 4)),
        ),
        bare(
            "heartbeat reply",
            7,
            Message::HeartbeatReply(heartbeat_reply(holding(202, 201))),
        ),
        bare("timeout now", 7, Message::TimeoutNow),
        bare(
            "left out",
            7,
            Message::LeftOut {
                store: StoreId(300),
                at: LogIndex(180),
            },
        ),
        bare(
            "transfer vote",
            8,
            Message::TransferVote {
                last: position(7, 300),
            },
        ),
        bare(
            "read index",
            7,
            Message::ReadIndex {
                ticket: 9,
                after: position(7, 201),
            },
        ),
        bare(
            "read index reply",
            7,
            Message::ReadIndexReply {
                incarnation: Incarnation::new(5, Nonce(701)),
                ticket: 9,
                index: LogIndex(202),
            },
        ),
        (
            "snapshot",
            envelope(
                7,
                Message::Snapshot {
                    last: position(6, 200),
                },
            ),
            vec![
                b"\xc8\x01\x04\x64\x03\x05\x65\x01\x06\x96\x01\x01\x06\xb4\x01\x02\xb4\x01\
                  \x03\x01\xac\x02\x03\x02\xad\x02\x02\x03\x00\x01",
            ],
        ),
    ]
}

fn encode(envelope: &Envelope, entries: &[&[u8]]) -> Vec<u8> {
    let mut header = [0; FRAME_HEADER_MAX];
    let mut frame = envelope.encode(&mut header).unwrap().to_vec();
    for entry in entries {
        frame.extend(entry_prefix(entry.len() as u32));
        frame.extend(*entry);
    }
    frame
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The golden vectors of the specification: lines of `name: hex`.
fn golden() -> Vec<(String, String)> {
    let block = SPEC.split("```golden\n").nth(1).expect("golden vectors");
    let block = block.split("```").next().unwrap_or_default();
    block
        .lines()
        .map(|line| line.split_once(": ").expect("name: hex"))
        .map(|(name, hex)| (name.to_owned(), hex.replace(' ', "")))
        .collect()
}

#[test]
fn every_kind_of_message_has_the_bytes_of_the_specification() {
    let expected: Vec<(String, String)> = examples()
        .iter()
        .map(|(name, envelope, entries)| ((*name).to_owned(), hex(&encode(envelope, entries))))
        .collect();
    assert_eq!(golden(), expected);
}

#[test]
fn a_configuration_has_the_bytes_of_the_specification() {
    let joint = examples().into_iter().find_map(|(name, _, entries)| {
        (name == "append, configuration").then(|| Members::from_bytes(entries[0]).unwrap())
    });
    let joint = joint.unwrap();
    let ids =
        |set: kraft_proto::members::NodeSet<'_>| set.iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(ids(joint.voters()), [1, 3]);
    assert_eq!(ids(joint.voters_outgoing()), [1, 2]);
    let stores: Vec<u64> = joint.iter().map(|member| member.store.0).collect();
    assert_eq!(stores, [300, 301, 0]);
}

#[test]
fn a_history_has_the_bytes_of_the_specification() {
    let entries = examples().pop().unwrap().2;
    let history = Snapshot::decode(entries[0]).unwrap();
    assert_eq!(history.last(), position(6, 200));
    assert_eq!(history.members_at(), LogIndex(180));
    assert_eq!(history.members().voters().len(), 2);
    let mut again = [0; SNAPSHOT_BYTES_MAX];
    assert_eq!(history.encode(&mut again), Ok(entries[0]));
    assert!(SPEC.contains(&format!("{SNAPSHOT_BYTES_MAX} bytes")));
}

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
        envelope(TERM_MAX + 1, Message::Matched(Holding::default())),
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
        envelope(7, Message::Matched(holding(INDEX_MAX + 1, 0))),
        envelope(7, Message::Matched(holding(1, 2))),
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
            Message::HeartbeatReply(heartbeat_reply(holding(INDEX_MAX + 1, 0))),
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
    let two_barriers = envelope(7, Message::Append(append(EntryKind::Barrier, 2)));
    let refused = encode(&two_barriers, &[b"", b""]);
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
    let life = Incarnation::new(most, Nonce(most));
    let knows_most = Heartbeat {
        commit: LogIndex(most),
        round: most,
        force_upto: LogIndex(most),
        known: Some(Known {
            store: StoreId(most),
            incarnation: life,
            readmit_upto: LogIndex(most),
            notice: Some(Notice {
                life,
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
