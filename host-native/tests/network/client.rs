//! The client against nodes that answer as told: who is asked, what is sent again, and what the
//! caller is told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host_native::exit;
use host_native::exit::ExitCode;
use host_native::kv::Kv;
use host_native::machine::{Applied, Replica, Replicated};
use kraft_client::{Client, ClientError, Settings};
use kraft_proto::{Class, CommitMode, Fate, FsyncMode, Held, LogIndex, LogPosition, Term};
use kraft_wire::api::{
    Achieved, Answer, Bound, Freshness, Grade, Request, RequestRefusal, Response, Write,
};
use kraft_wire::command::{Command, Operation, RequestId};
use kraft_wire::key_value::{Key, KeyValue, Unfit, Value};
use kraft_wire::payload::Payload;
use kraft_wire::rows::{Effect, Page, Query, Scan, ScanFrom, View};
use tokio::sync::{Barrier, mpsc};

use crate::fake::{Cluster, Say, nobody_at};

const POSITION: LogPosition = LogPosition::new(Term(2), LogIndex(9));

fn answer(grade: Grade) -> Response {
    Response::Answered(Answer {
        position: POSITION,
        asked: Class::default(),
        achieved: Some(Achieved {
            mode: CommitMode::Sync,
            held: Held::Synced,
        }),
        voters: 3,
        grade,
        outcome: None,
    })
}

fn as_asked() -> Say {
    Say::This(answer(Grade::AsAsked))
}

fn refused(refusal: RequestRefusal) -> Say {
    Say::This(Response::Refused(refusal))
}

fn write_of(request: &Request) -> &Write {
    match request {
        Request::Write(write) => write,
        other => panic!("not a write: {other:?}"),
    }
}

/// Impatient enough for a test in which nobody answers.
fn hasty() -> Settings {
    Settings {
        deadline: Duration::from_millis(300),
        head_start: Duration::from_millis(150),
        patience: Duration::from_millis(100),
        patience_read: Duration::from_millis(100),
        ..Settings::default()
    }
}

/// A state machine that all fake nodes share, and how often a command was applied to it.
#[derive(Default)]
struct Shared {
    machine: Replicated<Kv>,
    applied: usize,
}

impl Shared {
    fn apply(&mut self, write: &Write) -> Answer {
        let index = self.machine.applied().index.next();
        let position = LogPosition::new(Term(2), index);
        let command = Command::encode(&write.request, &write.operation).unwrap();
        let applied = self.machine.apply(position, &command);
        self.applied += usize::from(matches!(applied, Applied::Now(_)));
        let Response::Answered(answer) = answer(Grade::AsAsked) else {
            unreachable!()
        };
        Answer { position, ..answer }.with_outcome(applied.outcome().cloned())
    }
}

#[tokio::test]
async fn the_leader_is_found_and_kept() {
    let cluster = Cluster::new();
    let leader = cluster.node(|_| as_asked()).await;
    let address = leader.address.clone();
    let follower = cluster.node(move |_| Say::leader_is(3, &address)).await;
    let lost = cluster.node(|_| Say::nobody_leads()).await;

    let client = cluster.client([&lost, &follower]).await;
    for _ in 0..5 {
        let result = client.put("k", "v").send().await;
        assert_eq!(result.exit_code(), exit::AS_ASKED);
        assert_eq!(result.unwrap().position, POSITION);
    }
    assert_eq!((lost.asked(), follower.asked(), leader.asked()), (1, 1, 5));
    assert_eq!(client.leader(), Some(leader.address.clone()));
    assert!(client.addresses().contains(&leader.address));
}

#[tokio::test]
async fn two_nodes_that_send_a_client_to_each_other_do_not_keep_it_running() {
    let cluster = Cluster::new();
    let (tell, told) = tokio::sync::watch::channel(String::new());
    let one = cluster
        .node(move |_| Say::leader_is(2, &told.borrow()))
        .await;
    let address = one.address.clone();
    let other = cluster.node(move |_| Say::leader_is(1, &address)).await;
    tell.send(other.address.clone()).unwrap();

    let client = cluster.client_with([&one], hasty()).await;
    assert!(client.put("k", "v").send().await.is_err());
    // A pause after every few hops: dozens at most in this time, not thousands.
    assert!(one.asked() + other.asked() < 200);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_sent_again_and_applied_once() {
    let cluster = Cluster::new();
    let shared = Arc::new(Mutex::new(Shared::default()));
    let log = shared.clone();
    let dies = cluster
        .node(move |request| {
            log.lock().unwrap().apply(write_of(&request));
            Say::HangUp
        })
        .await;
    let log = shared.clone();
    let lives = cluster
        .node(move |request| {
            let answer = log.lock().unwrap().apply(write_of(&request));
            Say::This(Response::Answered(answer))
        })
        .await;

    let client = cluster.client([&dies, &lives]).await;
    let answer = client.cas("k", None, Some("mine")).send().await.unwrap();
    // Applied a second time it would have found the key in its way.
    assert_eq!(answer.effect(), Some(Effect::Swapped));
    assert_eq!(answer.position.index, LogIndex(2));
    assert_eq!((dies.asked(), lives.asked()), (1, 1));
    assert_eq!(shared.lock().unwrap().applied, 1);
}

#[tokio::test]
async fn a_lost_entry_is_written_again_under_the_same_number() {
    let cluster = Cluster::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = seen.clone();
    let node = cluster
        .node(move |request| {
            let mut requests = requests.lock().unwrap();
            requests.push(write_of(&request).request);
            match requests.len() {
                1 => Say::This(answer(Grade::Lost)),
                2 => refused(RequestRefusal::Busy {
                    bound: Bound::EntriesAtRisk,
                    limit: 5,
                }),
                3 => Say::This(answer(Grade::Unknown)),
                _ => as_asked(),
            }
        })
        .await;
    let client = cluster.client([&node]).await;
    client.put("k", "v").send().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|request| *request == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn a_write_that_timed_out_or_fell_back_is_an_answer() {
    let cluster = Cluster::new();
    for (grade, code) in [
        (Grade::TimedOut, exit::TIMED_OUT),
        (Grade::Fallback, exit::FALLBACK),
    ] {
        let node = cluster.node(move |_| Say::This(answer(grade))).await;
        let client = cluster.client([&node]).await;
        let result = client.put("k", "v").send().await;
        assert_eq!(result.exit_code(), code);
        assert_eq!(node.asked(), 1);
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_told_at_once() {
    let cluster = Cluster::new();
    let floor = RequestRefusal::Floor {
        zone: "account:*".to_owned(),
        floor: Class::new(CommitMode::All, FsyncMode::Always),
        asked: Class::new(CommitMode::Async, FsyncMode::None),
    };
    let refusal = floor.clone();
    let node = cluster.node(move |_| refused(refusal.clone())).await;
    let client = cluster.client([&node]).await;
    let result = client.put("account:1", "v").send().await;
    assert_eq!(result.exit_code(), exit::NOT_WRITTEN);
    let error = result.unwrap_err();
    assert_eq!(error, ClientError::Refused(floor));
    let text = error.to_string();
    assert!(
        text.contains("account:*") && text.contains("Nothing was written"),
        "{text}"
    );
    assert_eq!(node.asked(), 1);
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() {
    let cluster = Cluster::new();
    let dies = cluster.node(|_| Say::HangUp).await;
    let refuses = cluster
        .node(|_| {
            refused(RequestRefusal::DiskFull {
                free: 1,
                reserve: 2,
            })
        })
        .await;
    let client = cluster.client([&dies, &refuses]).await;
    let result = client.put("k", "v").send().await;
    assert!(
        matches!(result, Err(ClientError::OutcomeUnknown { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn without_an_answer_the_outcome_is_unknown_and_the_request_can_be_sent_again() {
    let cluster = Cluster::new();
    let silent = cluster.node(|_| Say::Nothing).await;
    let client = cluster.client_with([&silent], hasty()).await;
    let result = client.put("k", "v").send().await;
    assert_eq!(result.exit_code(), exit::OUTCOME_UNKNOWN);
    let Err(ClientError::OutcomeUnknown { request, .. }) = &result else {
        panic!("{result:?}");
    };
    let printed = result.as_ref().unwrap_err().to_string();
    assert!(printed.contains(&request.to_string()), "{printed}");

    let (tell, mut told) = mpsc::unbounded_channel();
    let answers = cluster
        .node(move |again| {
            tell.send(write_of(&again).request).unwrap();
            as_asked()
        })
        .await;
    let client = cluster.client([&answers]).await;
    let typed: RequestId = request.to_string().parse().unwrap();
    client.put("k", "v").again_as(typed).send().await.unwrap();
    assert_eq!(told.recv().await, Some(*request));
}

#[tokio::test]
async fn a_request_sent_again_and_refused_may_have_been_written_the_first_time() {
    let cluster = Cluster::new();
    let node = cluster
        .node(|_| refused(RequestRefusal::RequestTooOld { lowest: 100 }))
        .await;
    let client = cluster.client([&node]).await;
    let request = "000102030405060708090a0b0c0d0e0f-0-1".parse().unwrap();
    let result = client.put("k", "v").again_as(request).send().await;
    assert_eq!(result.exit_code(), exit::OUTCOME_UNKNOWN);
}

#[tokio::test]
async fn what_never_left_was_not_written() {
    let cluster = Cluster::new();
    let address = nobody_at();
    let client = Client::new([address.clone()], cluster.credentials(), hasty()).unwrap();
    let result = client.put("k", "v").send().await;
    assert_eq!(result.exit_code(), exit::NOT_WRITTEN);
    let text = result.unwrap_err().to_string();
    assert!(
        text.contains(&address) && text.contains("Nothing was written"),
        "{text}"
    );
    assert!(client.reach_one().await.is_err());
    let none = Client::new(Vec::<String>::new(), cluster.credentials(), hasty());
    assert_eq!(none.unwrap_err(), ClientError::NoAddress);
}

#[tokio::test]
async fn an_expired_session_is_replaced_and_the_write_goes_on() {
    let cluster = Cluster::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = seen.clone();
    let node = cluster
        .node(move |request| {
            let request = write_of(&request).request;
            requests.lock().unwrap().push(request);
            match request.session.opened_at {
                LogIndex(70) => as_asked(),
                _ => refused(RequestRefusal::SessionExpired {
                    open_at: LogIndex(70),
                }),
            }
        })
        .await;
    let client = cluster.client([&node]).await;
    client.put("k", "v").send().await.unwrap();
    client.put("k", "v").send().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert_ne!(seen[0].session.id, seen[1].session.id);
    assert_eq!(seen[1].session, seen[2].session);
}

#[tokio::test]
async fn an_expired_session_after_a_lost_answer_is_not_replaced() {
    let cluster = Cluster::new();
    let dies = cluster.node(|_| Say::HangUp).await;
    let expired = cluster
        .node(|_| {
            refused(RequestRefusal::SessionExpired {
                open_at: LogIndex(70),
            })
        })
        .await;
    let client = cluster.client([&dies, &expired]).await;
    let result = client.put("k", "v").send().await;
    assert_eq!(result.exit_code(), exit::OUTCOME_UNKNOWN);
    assert_eq!(expired.asked(), 1);
}

#[tokio::test]
async fn hundreds_of_writes_are_on_their_way_at_once() {
    const WRITES: usize = 256;
    let cluster = Cluster::new();
    let all_there = Arc::new(Barrier::new(WRITES));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = seen.clone();
    // Nobody is answered before everybody has asked.
    let node = cluster
        .node(move |request| {
            requests.lock().unwrap().push(write_of(&request).request);
            Say::When(all_there.clone(), answer(Grade::AsAsked))
        })
        .await;
    let client = cluster.client([&node]).await;
    let writes: Vec<_> = (0..WRITES)
        .map(|n| tokio::spawn(client.put(format!("k{n}"), "v").send()))
        .collect();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    let seen = seen.lock().unwrap();
    let ids: HashSet<_> = seen.iter().collect();
    assert_eq!(ids.len(), WRITES);
    assert!(
        seen.iter()
            .all(|request| (1..=64).contains(&request.number))
    );
}

#[tokio::test]
async fn a_submitted_write_is_on_its_way_without_anybody_waiting() {
    let cluster = Cluster::new();
    let node = cluster.node(|_| as_asked()).await;
    let client = cluster.client([&node]).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let event = || client.put("event:1", "v").mode(CommitMode::Async);
    event().submit().unwrap();
    event()
        .submit_then(move |result| tell.send(result).unwrap())
        .unwrap();
    client.idle().await;
    assert_eq!(node.asked(), 2);
    assert!(told.recv().await.unwrap().is_ok());
    let unfit = client.put("", "v").submit();
    assert_eq!(
        unfit,
        Err(ClientError::Refused(RequestRefusal::Unfit(Unfit::EmptyKey)))
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let cluster = Cluster::new();
    let node = cluster.node(|_| as_asked()).await;
    let client = cluster.client([&node]).await;
    let large = vec![0; kraft_wire::key_value::VALUE_MAX + 1];
    let none: [(&str, &str); 0] = [];
    for write in [
        client.put("", "v"),
        client.put("k", &large),
        client.put_many(none),
        client.put_many([("k", &large[1..]); 4]),
        client.delete([""]),
        client.cas("k", None, Some(&large)),
    ] {
        let result = write.send().await;
        assert!(
            matches!(result, Err(ClientError::Refused(RequestRefusal::Unfit(_)))),
            "{result:?}"
        );
    }
    assert_eq!(node.asked(), 0);
}

#[tokio::test]
async fn the_largest_write_arrives() {
    let cluster = Cluster::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let node = cluster
        .node(move |request| {
            tell.send(write_of(&request).operation.clone()).unwrap();
            as_asked()
        })
        .await;
    let client = cluster.client([&node]).await;
    let value = vec![7; kraft_wire::key_value::VALUE_MAX];
    let pairs = [
        ("a", &value[..]),
        ("b", &value),
        ("c", &value),
        ("d", &value[70_000..]),
    ];
    client.put_many(pairs).send().await.unwrap();
    let told = told.recv().await.unwrap();
    let Ok(Operation::Put { pairs }) = told.read() else {
        panic!("not a put");
    };
    assert_eq!(pairs.len(), 4);
    assert!(
        pairs
            .iter()
            .all(|pair| pair.value.iter().all(|byte| *byte == 7))
    );
}

#[tokio::test]
async fn options_travel_with_the_request() {
    use kraft_proto::durability::Fallback;

    let cluster = Cluster::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let node = cluster
        .node(move |request| {
            tell.send(write_of(&request).options).unwrap();
            as_asked()
        })
        .await;
    let client = cluster.client([&node]).await;
    client
        .put("k", "v")
        .mode(CommitMode::All)
        .fsync(FsyncMode::Always)
        .timeout(Duration::from_secs(10))
        .fallback(Fallback::ToMajority)
        .send()
        .await
        .unwrap();
    let options = told.recv().await.unwrap();
    assert_eq!(options.mode, Some(CommitMode::All));
    assert_eq!(options.fsync, Some(FsyncMode::Always));
    assert_eq!(options.timeout_ms, Some(10_000));
    assert_eq!(options.fallback, Some(Fallback::ToMajority));
}

#[tokio::test]
async fn reads_follow_the_leader_and_ask_again() {
    let cluster = Cluster::new();
    let leader = cluster.node(read_answers()).await;
    let address = leader.address.clone();
    let follower = cluster.node(move |_| Say::leader_is(2, &address)).await;
    let dies = cluster.node(|_| Say::HangUp).await;

    let client = cluster.client([&dies, &follower]).await;
    assert_eq!(client.get("k").await.unwrap(), Some(value("read")));
    assert_eq!(client.get_as("k", Freshness::Stale).await.unwrap(), None);
    let page = client.scan(Scan::prefix(key("k"))).await.unwrap();
    assert_eq!((page.rows.len(), page.more.clone()), (1, Some(key("k"))));
    let next = Scan {
        from: ScanFrom::After(page.more.unwrap()),
        ..Scan::prefix(key("k"))
    };
    assert!(client.scan(next).await.unwrap().rows.is_empty());
    let fate = client.fate(POSITION).await.unwrap();
    assert_eq!((fate.position, fate.fate), (POSITION, Fate::Committed));
}

#[tokio::test]
async fn a_node_asked_by_its_address_is_asked_once() {
    let cluster = Cluster::new();
    let dies = cluster.node(|_| Say::HangUp).await;
    let answers = cluster.node(read_answers()).await;
    let client = cluster.client([&answers]).await;
    let error = client.status(&dies.address).await.unwrap_err();
    assert!(matches!(error, ClientError::NotRead { .. }));
    assert_eq!(dies.asked(), 1);
    let fate = client.fate_of(&answers.address, POSITION).await.unwrap();
    assert_eq!(fate.fate, Fate::Committed);
}

#[tokio::test]
async fn an_answer_to_another_question_is_not_believed() {
    let cluster = Cluster::new();
    let confused = cluster.node(|_| Say::This(Response::Switched)).await;
    let client = cluster.client_with([&confused], hasty()).await;
    let result = client.put("k", "v").send().await;
    assert_eq!(result.exit_code(), exit::OUTCOME_UNKNOWN);
    assert!(matches!(
        client.get("k").await,
        Err(ClientError::NotRead { .. })
    ));
    let garbage = cluster.node(|_| Say::Bytes(vec![1, 2, 3])).await;
    let client = cluster.client_with([&garbage], hasty()).await;
    let result = client.put("k", "v").send().await;
    assert_eq!(result.exit_code(), exit::OUTCOME_UNKNOWN);
}

fn key(text: &str) -> Key {
    Key::try_from(text).unwrap()
}

fn value(text: &str) -> Value {
    Value::try_from(text).unwrap()
}

/// One row, and none after it.
fn rows_of(scan: &Scan) -> Page {
    let first = scan.from == ScanFrom::Start;
    let row = KeyValue {
        key: key("k"),
        value: value("v"),
    };
    Page {
        rows: if first { vec![row] } else { Vec::new() },
        more: first.then(|| key("k")),
    }
}

/// Answers every kind of read.
fn read_answers() -> impl Fn(Request) -> Say + Send + Sync + 'static {
    |request| {
        Say::This(match request {
            Request::Query { query, freshness } => {
                let view = match query.read().unwrap() {
                    Query::Get(_) => {
                        let fresh = freshness == Freshness::Linearizable;
                        View::Value(fresh.then(|| value("read")))
                    }
                    Query::GetMany(keys) => View::Values(vec![Some(value("read")); keys.len()]),
                    Query::Scan(scan) => View::Page(rows_of(&scan)),
                };
                Response::View {
                    view: Payload::of(&view),
                    read_at: LogIndex(1),
                }
            }
            Request::Fate { position } => Response::Fate(kraft_wire::api::FateReport {
                position,
                fate: Fate::Committed,
                node: kraft_proto::NodeId(1),
                commit: LogIndex(9),
                voters: 3,
            }),
            other => panic!("not expected: {other:?}"),
        })
    }
}
