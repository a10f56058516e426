use kraft_proto::{Class, Held, PeerState, Role, StoreId, Term, Trust, Watermarks};

use super::*;
use crate::command::{Operation, SessionId};
use crate::key_value::{Key, KeyValue, Unfit, Value};
use crate::payload::Outcome;
use crate::rows::{Effect, Page, Query, Scan, ScanFrom, View};
use crate::txn::{Change, Compare, Txn};

const POSITION: LogPosition = LogPosition::new(Term(3), LogIndex(17));

fn key(key: &str) -> Key {
    Key::try_from(key).unwrap()
}

fn value(value: &str) -> Value {
    Value::try_from(value).unwrap()
}

fn pairs() -> Vec<KeyValue> {
    vec![KeyValue {
        key: key("account:1"),
        value: value("100"),
    }]
}

fn answer(achieved: Option<(CommitMode, Held)>, grade: Grade) -> Answer {
    Answer {
        position: POSITION,
        asked: Class::new(CommitMode::All, FsyncMode::Always),
        achieved: achieved.map(|(mode, held)| Achieved { mode, held }),
        voters: 5,
        grade,
        outcome: None,
    }
}

fn write(operation: &Operation) -> Request {
    Request::Write(Write {
        request: RequestId {
            session: SessionId {
                id: u128::MAX,
                opened_at: LogIndex(9),
            },
            number: 300,
        },
        operation: Payload::of(operation),
        options: Options {
            mode: Some(CommitMode::AtLeast(2)),
            fsync: Some(FsyncMode::None),
            timeout_ms: Some(5000),
            fallback: Some(Fallback::ToMajority),
        },
        attempt: Attempt::Again,
        patience_ms: Some(9_750),
    })
}

fn requests() -> Vec<Request> {
    vec![
        write(&Operation::Put { pairs: pairs() }),
        write(&Operation::Delete {
            keys: vec![key("a"), key("b")],
        }),
        write(&Operation::Cas {
            key: key("a"),
            expected: None,
            new: Some(value("")),
        }),
        write(&Operation::DeletePrefix { prefix: key("a") }),
        write(&Operation::Txn(Txn {
            compare: vec![Compare {
                key: key("a"),
                holds: None,
            }],
            then: vec![Change::Delete(key("b"))],
        })),
        Request::Query {
            query: Payload::of(&Query::GetMany(vec![key("a"), key("b")])),
            freshness: Freshness::Linearizable,
        },
        Request::Query {
            query: Payload::of(&Query::Get(key("a"))),
            freshness: Freshness::Linearizable,
        },
        Request::Query {
            query: Payload::of(&Query::Scan(Scan {
                prefix: Some(key("user:")),
                from: ScanFrom::After(key("user:3")),
                until: None,
                limit: Some(10),
            })),
            freshness: Freshness::Stale,
        },
        Request::KeepMoment {
            freshness: Freshness::Linearizable,
        },
        Request::QueryMoment {
            query: Payload::of(&Query::Get(key("a"))),
            moment: MomentId(7),
        },
        Request::EndMoment {
            moment: MomentId(7),
        },
        Request::Fate { position: POSITION },
        Request::Status,
        Request::Digest,
        Request::Test(TestSwitch::HoldAppends),
        Request::Transfer {
            to: Some(NodeId(2)),
        },
        Request::Await {
            position: POSITION,
            timeout_ms: 500,
        },
    ]
}

fn status() -> StatusReport {
    StatusReport {
        node: NodeId(1),
        version: "0.1.0".to_owned(),
        store: StoreId(77),
        incarnation: 2,
        trust: Trust::Clean,
        uptime_ms: 12_345,
        role: Role::Leader,
        term: Term(3),
        leader: Some(NodeId(1)),
        candidacy: Some(Candidacy {
            granted: 1,
            needed: 2,
        }),
        last: POSITION,
        watermarks: Watermarks::default(),
        commit: POSITION,
        applied: POSITION,
        members: vec![MemberStatus {
            id: NodeId(1),
            voting: Voting::Voter,
            client_address: Some("127.0.0.1:7002".to_owned()),
        }],
        peers: vec![PeerStatus {
            id: NodeId(2),
            link: Link::Down,
            state: PeerState::Probe,
            heard_ms: Some(7),
            watermarks: Some(Watermarks::default()),
            lag_entries: Some(3),
            lag_ms: Some(40),
            silent_ms: 7,
            why: Some("does not answer".to_owned()),
        }],
        lag: LagStatus {
            entries_max: Some(3),
            entries_mean: Some(2),
            ms_max: Some(40),
            ms_mean: None,
            unknown: 1,
        },
        at_risk: AtRisk::default(),
        unkept: UnkeptAcks {
            lost: 1,
            unknown: 2,
        },
        differing: vec![DifferingReplica {
            node: NodeId(3),
            after: LogIndex(10_000),
            through: LogIndex(20_000),
        }],
        suspects: 1,
        disk: DiskStatus::default(),
        places: PlacesStatus::default(),
        data: DataStatus::default(),
        snapshot: Some(SnapshotStatus {
            last: POSITION,
            bytes: 4096,
        }),
        waiting: vec!["a majority".to_owned()],
        warnings: vec!["look here".to_owned()],
    }
}

fn responses() -> Vec<Response> {
    vec![
        Response::Answered(Answer {
            outcome: Some(Payload::of(&Outcome::Ok(Effect::Swapped))),
            ..answer(Some((CommitMode::Sync, Held::Synced)), Grade::Fallback)
        }),
        Response::Redirect {
            leader: Some(Leader {
                node: NodeId(2),
                address: "127.0.0.1:7002".to_owned(),
            }),
        },
        Response::Redirect { leader: None },
        Response::Leads(LeadsReport {
            leader: NodeId(2),
            term: Term(4),
        }),
        Response::Refused(RequestRefusal::Floor {
            zone: "account:*".to_owned(),
            floor: Class::default(),
            asked: Class::new(CommitMode::Async, FsyncMode::None),
        }),
        Response::Refused(Unfit::EmptyKey.into()),
        Response::Refused(RequestRefusal::MomentGone),
        Response::MomentEnded,
        Response::MomentKept {
            moment: MomentId(7),
            read_at: LogIndex(4),
        },
        Response::View {
            view: Payload::of(&View::Values(vec![None, Some(value("v"))])),
            read_at: LogIndex(4),
        },
        Response::View {
            view: Payload::of(&View::Value(Some(value("v")))),
            read_at: LogIndex(4),
        },
        Response::View {
            view: Payload::of(&View::Page(Page {
                rows: pairs(),
                more: Some(key("account:1")),
            })),
            read_at: LogIndex(4),
        },
        Response::Fate(FateReport {
            position: POSITION,
            fate: Fate::Lost,
            node: NodeId(3),
            commit: LogIndex(20),
            voters: 3,
        }),
        Response::Status(Box::new(status())),
        Response::Digest(DigestReport {
            node: NodeId(3),
            applied: POSITION,
            sha256: "00".repeat(32),
            entries: 5,
        }),
        Response::Switched,
    ]
}

#[test]
fn every_message_reads_back_as_it_was_sent() {
    for request in requests() {
        assert_eq!(Request::decode(&request.encode()), Ok(request));
    }
    for response in responses() {
        assert_eq!(Response::decode(&response.encode()), Ok(response));
    }
}

#[test]
fn a_message_cut_short_or_continued_is_refused() {
    for request in requests() {
        let bytes = request.encode();
        for end in 0..bytes.len() {
            assert!(
                Request::decode(&bytes[..end]).is_err(),
                "{request:?} to {end}"
            );
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(Request::decode(&longer).is_err(), "{request:?}");
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = Request::Status.encode().to_vec();
    bytes[0] = 9;
    let error = Request::decode(&bytes).unwrap_err();
    assert_eq!(error, MessageError::Version { theirs: 9 });
    let refusal = RequestRefusal::from(error).to_string();
    let named = format!("version 9, the node {VERSION}");
    assert!(refusal.contains(&named), "{refusal}");
}

#[test]
fn a_message_over_the_limit_is_refused_unread() {
    let bytes = vec![VERSION; MESSAGE_MAX + 2];
    assert!(matches!(
        Request::decode(&bytes),
        Err(MessageError::Decode(DecodeError::TooLarge { .. }))
    ));
}

#[test]
fn people_read_words() {
    let answer = answer(
        Some((CommitMode::AtLeast(2), Held::Written)),
        Grade::AsAsked,
    );
    let json = serde_json::to_value(&answer).unwrap();
    let expected = serde_json::json!({
        "position": {"term": 3, "index": 17},
        "asked": {"mode": "ALL", "fsync": "ALWAYS"},
        "achieved": {"mode": "AT_LEAST_2", "held": "written"},
        "voters": 5,
        "grade": "as_asked",
        "outcome": null,
    });
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_value::<Answer>(json).unwrap(), answer);
    let json = serde_json::to_value(status()).unwrap();
    assert_eq!(json["role"], "leader");
    assert_eq!(
        serde_json::from_value::<StatusReport>(json).unwrap(),
        status()
    );
}

#[test]
fn an_answer_says_what_it_knows_and_no_more() {
    let lines = [
        (
            answer(Some((CommitMode::All, Held::Synced)), Grade::AsAsked),
            "3.17: on the disks of every voter, as asked (ALL·ALWAYS)",
        ),
        (
            answer(Some((CommitMode::Sync, Held::Synced)), Grade::Fallback),
            "3.17: on the disks of a majority, weaker than asked (ALL·ALWAYS), as the fallback \
             allows",
        ),
        (
            answer(None, Grade::TimedOut),
            "3.17: not acknowledged when the time for ALL·ALWAYS was up; it lives on: ask its fate \
             by its position",
        ),
    ];
    for (answer, line) in lines {
        assert_eq!(answer.to_string(), line);
    }
    let evidence = [
        (CommitMode::Async, Held::Accepted, "in the leader's memory"),
        (
            CommitMode::LeaderOnly,
            Held::Accepted,
            "in the leader's memory",
        ),
        (
            CommitMode::LeaderOnly,
            Held::Written,
            "in the leader's operating system",
        ),
        (
            CommitMode::AtLeast(1),
            Held::Synced,
            "on the disk of 1 voter",
        ),
        (
            CommitMode::AtLeast(2),
            Held::Written,
            "in the operating systems of 2 voters",
        ),
        (
            CommitMode::Sync,
            Held::Written,
            "in the operating systems of a majority",
        ),
    ];
    for (mode, held, words) in evidence {
        assert_eq!(Achieved { mode, held }.to_string(), words);
    }
}
