//! One message of each kind, with the name it has in the specification.

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Append, Ballot, CommitMode, EntryKind, Envelope, Finding, FsyncMode, Heartbeat, HeartbeatReply,
    Incarnation, LogIndex, LogPosition, Message, NodeId, Nonce, Notice, Readmission, StoreId, Term,
    Trust, Watermarks, entry_prefix,
};

pub fn envelope(term: u64, message: Message) -> Envelope {
    Envelope {
        from: NodeId(1),
        to: NodeId(2),
        store: StoreId(300),
        incarnation: Incarnation::new(4, Nonce(700)),
        term: Term(term),
        message,
    }
}

pub fn position(term: u64, index: u64) -> LogPosition {
    LogPosition::new(Term(term), LogIndex(index))
}

pub fn watermarks(written: u64, synced: u64) -> Watermarks {
    Watermarks {
        written: LogIndex(written),
        synced: LogIndex(synced),
    }
}

pub fn append(kind: EntryKind, count: u32) -> Append {
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

pub fn heartbeat(commit: u64, readmission: Option<Readmission>) -> Heartbeat {
    Heartbeat {
        commit: LogIndex(commit),
        round: 12,
        force_upto: LogIndex(0),
        readmission,
    }
}

pub fn known(readmit_upto: u64) -> Readmission {
    Readmission {
        store: StoreId(301),
        incarnation: Incarnation::new(5, Nonce(701)),
        readmit_upto: LogIndex(readmit_upto),
        notice: None,
    }
}

/// What is told to start 4 of the store whose start 5 is known.
pub fn judged(finding: Finding, number: u64) -> Heartbeat {
    let notice = Notice {
        incarnation: Incarnation::new(number, Nonce(702)),
        finding,
    };
    let known = Readmission {
        notice: Some(notice),
        ..known(202)
    };
    heartbeat(199, Some(known))
}

pub fn heartbeat_reply(watermarks: Watermarks) -> HeartbeatReply {
    HeartbeatReply {
        round: 12,
        received: LogIndex(202),
        watermarks,
        trust: Trust::Suspect,
    }
}

/// Every kind of message, by its name in `WIRE.md`, and the entries behind it.
pub fn examples() -> Vec<(&'static str, Envelope, Vec<&'static [u8]>)> {
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
            envelope(7, Message::Append(append(EntryKind::NoOp, 1))),
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
        bare("matched", 7, Message::Matched(watermarks(202, 201))),
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
            Message::HeartbeatReply(heartbeat_reply(watermarks(202, 201))),
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

pub fn encode(envelope: &Envelope, entries: &[&[u8]]) -> Vec<u8> {
    let mut header = [0; FRAME_HEADER_MAX];
    let mut frame = envelope.encode(&mut header).unwrap().to_vec();
    for entry in entries {
        frame.extend(entry_prefix(entry.len() as u32));
        frame.extend(*entry);
    }
    frame
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
