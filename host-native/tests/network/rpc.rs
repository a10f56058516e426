//! Calls over real sockets on the loopback: answers, refusals, and what is said when it breaks.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use host_native::rpc::{Call, Calls, ClientNews, Part, Room, RpcServer, ServerLimits};
use kraft_client::{CallError, ClientLimits, ConnectError, RpcClient};
use kraft_proto::ids::NodeId;
use kraft_wire::cert::{Credentials, Issued, Role};
use kraft_wire::quic::{ConnectionRefusal, ConnectionRefusalKind};
use kraft_wire::rpc::{CLIENT_ALPN, CLIENT_VERSION};

use crate::common;
use crate::common::{LOOPBACK, Lab, Stranger, within};

fn credentials(issued: &Issued) -> Credentials {
    Credentials::from_issued(issued).unwrap()
}

fn server(lab: &Lab, limits: ServerLimits) -> (RpcServer, Calls) {
    let node = credentials(&lab.ca.issue_node(NodeId(1)).unwrap());
    RpcServer::bind(LOOPBACK, &node, limits).unwrap()
}

async fn client(lab: &Lab, server: &RpcServer) -> RpcClient {
    let issued = lab.ca.issue_client("tester").unwrap();
    connect(server.local_addr().unwrap(), &issued)
        .await
        .unwrap()
}

async fn connect(address: SocketAddr, issued: &Issued) -> Result<RpcClient, ConnectError> {
    let limits = ClientLimits::default();
    within(RpcClient::connect(
        &address.to_string(),
        &credentials(issued),
        limits,
    ))
    .await
}

async fn next(calls: &mut Calls) -> Call {
    within(calls.recv()).await.expect("the server is gone")
}

/// Answers every call with its own body.
async fn echo(mut calls: Calls) {
    while let Some(call) = calls.recv().await {
        call.reply.send(call.body);
    }
}

/// Makes a call in the background.
fn ask(client: &RpcClient, body: &[u8]) -> tokio::task::JoinHandle<Result<Bytes, CallError>> {
    let (client, body) = (client.clone(), Bytes::copy_from_slice(body));
    tokio::spawn(async move { client.call(body).await })
}

async fn outcome(
    asked: tokio::task::JoinHandle<Result<Bytes, CallError>>,
) -> Result<Bytes, CallError> {
    within(asked).await.unwrap()
}

#[tokio::test]
async fn many_calls_at_a_time_each_get_their_own_answer() {
    let lab = Lab::new();
    let (server, calls) = server(&lab, ServerLimits::default());
    tokio::spawn(echo(calls));
    let client = client(&lab, &server).await;
    assert_eq!(client.node(), NodeId(1));
    let asked: Vec<_> = (0..2000_u32)
        .map(|number| {
            let mut body = vec![0; number as usize % 3000];
            body.extend_from_slice(&number.to_le_bytes());
            (ask(&client, &body), body)
        })
        .collect();
    for (asked, body) in asked {
        assert_eq!(outcome(asked).await.unwrap(), body);
    }
    assert_eq!(server.stats().calls(), 2000);
}

#[tokio::test]
async fn answers_may_come_in_any_order_and_name_their_caller() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let (first, second) = (ask(&client, b"1"), ask(&client, b"2"));
    let (one, two) = (next(&mut calls).await, next(&mut calls).await);
    assert_eq!((&one.body[..], &two.body[..]), (&b"1"[..], &b"2"[..]));
    assert_eq!(one.caller, Role::Client("tester".parse().unwrap()));
    two.reply.send(Bytes::from_static(b"b"));
    assert_eq!(&outcome(second).await.unwrap()[..], b"b");
    one.reply.send(Bytes::from_static(b"a"));
    assert_eq!(&outcome(first).await.unwrap()[..], b"a");
}

#[tokio::test]
async fn a_node_may_call_as_clients_do() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let issued = lab.ca.issue_node(NodeId(2)).unwrap();
    let client = connect(server.local_addr().unwrap(), &issued)
        .await
        .unwrap();
    let asked = ask(&client, b"fate?");
    let call = next(&mut calls).await;
    assert_eq!(call.caller, Role::Node(NodeId(2)));
    call.reply.send(Bytes::new());
    assert_eq!(outcome(asked).await, Ok(Bytes::new()));
}

#[tokio::test]
async fn an_answer_may_come_in_parts() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let mut answers = client.stream(Bytes::from_static(b"watch")).await.unwrap();
    let call = next(&mut calls).await;
    for part in [&b"a"[..], b"b"] {
        let queued = call.reply.part(Bytes::copy_from_slice(part));
        assert_eq!(queued, Part::Queued);
        assert_eq!(within(answers.next()).await, Some(Ok(part.to_vec().into())));
    }
    call.reply.send(Bytes::from_static(b"end"));
    let last = within(answers.next()).await;
    assert_eq!(last, Some(Ok(Bytes::from_static(b"end"))));
    assert_eq!(within(answers.next()).await, None);
}

#[tokio::test]
async fn whoever_watches_for_a_client_that_left_is_told() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let answers = client.stream(Bytes::from_static(b"watch")).await.unwrap();
    let call = next(&mut calls).await;
    drop((answers, client));
    within(async {
        while call.reply.part(Bytes::new()) != Part::Gone {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_that_the_node_lets_go_is_of_unknown_outcome_and_not_forgotten() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let asked = ask(&client, b"x");
    drop(next(&mut calls).await);
    let error = outcome(asked).await.unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    // The connection lives on.
    let asked = ask(&client, b"y");
    next(&mut calls).await.reply.send(Bytes::new());
    assert_eq!(outcome(asked).await, Ok(Bytes::new()));
}

#[tokio::test]
async fn calls_and_answers_too_long_fail_alone() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let max = ClientLimits::default().frame_bytes_max as usize;
    let error = outcome(ask(&client, &vec![0; max])).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error}");
    let longest = vec![7; max - 8];
    let asked = ask(&client, &longest);
    let call = next(&mut calls).await;
    assert_eq!(call.body, longest);
    call.reply.send(vec![0; max].into());
    assert_eq!(outcome(asked).await, Err(CallError::AnswerTooLarge));
}

#[tokio::test]
async fn a_shutdown_sends_the_answers_it_owes_and_fails_later_calls_as_not_sent() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let asked = ask(&client, b"x");
    let call = next(&mut calls).await;
    let stopping = tokio::spawn(server.shutdown());
    tokio::task::yield_now().await;
    call.reply.send(Bytes::from_static(b"y"));
    assert_eq!(&outcome(asked).await.unwrap()[..], b"y");
    within(stopping).await.unwrap();
    within(client.closed()).await;
    let error = outcome(ask(&client, b"z")).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent { .. }), "{error}");
    assert!(client.broken().is_some());
}

#[tokio::test]
async fn a_broken_connection_leaves_the_outcome_unknown() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let asked = ask(&client, b"x");
    let call = next(&mut calls).await;
    drop(server);
    let error = outcome(asked).await.unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    drop(call);
}

#[tokio::test]
async fn unanswered_calls_are_bounded_by_slowing_the_client_down() {
    let lab = Lab::new();
    let limits = ServerLimits {
        calls_max: 4,
        ..ServerLimits::default()
    };
    let (server, mut calls) = server(&lab, limits);
    let client = client(&lab, &server).await;
    let asked: Vec<_> = (0..20).map(|_| ask(&client, b"x")).collect();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(next(&mut calls).await);
    }
    for _ in 0..16 {
        assert!(calls.try_recv().is_none());
        held.remove(0).reply.send(Bytes::new());
        held.push(next(&mut calls).await);
    }
    held.into_iter()
        .for_each(|call| call.reply.send(Bytes::new()));
    for asked in asked {
        assert!(outcome(asked).await.is_ok());
    }
}

#[tokio::test]
async fn in_a_full_house_an_idle_connection_gives_way_and_one_at_work_does_not() {
    const PLACES: usize = 4;
    let lab = Lab::new();
    let limits = ServerLimits {
        connections_max: PLACES,
        ..ServerLimits::default()
    };
    let (server, mut calls) = server(&lab, limits);
    let working = client(&lab, &server).await;
    let asked = ask(&working, b"work");
    let call = next(&mut calls).await;
    let mut idle = std::collections::VecDeque::new();
    for _ in 1..PLACES {
        idle.push_back(client(&lab, &server).await);
    }
    for _ in 0..2 * PLACES {
        let newcomer = client(&lab, &server).await;
        within(idle.pop_front().unwrap().closed()).await;
        let asked = ask(&newcomer, b"new");
        next(&mut calls).await.reply.send(Bytes::new());
        assert_eq!(outcome(asked).await, Ok(Bytes::new()));
        idle.push_back(newcomer);
    }
    assert_eq!(server.stats().sent_away(), 2 * PLACES as u64);
    call.reply.send(Bytes::from_static(b"done"));
    assert_eq!(outcome(asked).await, Ok(Bytes::from_static(b"done")));
}

#[tokio::test]
async fn a_large_answer_is_made_once_those_before_it_were_read() {
    const ANSWER: usize = 1024 * 1024;
    let lab = Lab::new();
    let limits = ServerLimits {
        answer_bytes_max: 3 * ANSWER,
        answer_bytes_max_total: 4 * ANSWER,
        ..ServerLimits::default()
    };
    let (server, mut calls) = server(&lab, limits);
    let client = client(&lab, &server).await;
    let (mut asked, mut waiting) = (Vec::new(), Vec::new());
    for number in 0..8_u8 {
        asked.push(ask(&client, &[number]));
        waiting.push(next(&mut calls).await);
    }
    let (mut most, mut waited) = (0, 0);
    for call in waiting {
        loop {
            server.want_room();
            if call.reply.room_for(ANSWER) == Room::Now {
                break;
            }
            waited += 1;
            assert!(matches!(within(calls.news()).await, Some(ClientNews::Room)));
        }
        call.reply.send(vec![0; ANSWER].into());
        most = most.max(server.unread_bytes());
    }
    for asked in asked {
        assert_eq!(outcome(asked).await.unwrap().len(), ANSWER);
    }
    assert!(
        most <= 3 * ANSWER && waited > 0,
        "{most} bytes unread at once"
    );
    within(async {
        while server.unread_bytes() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_gone_is_told_once() {
    let lab = Lab::new();
    let (server, mut calls) = server(&lab, ServerLimits::default());
    let client = client(&lab, &server).await;
    let asked = ask(&client, b"x");
    let call = next(&mut calls).await;
    asked.abort();
    drop(client);
    let gone = within(calls.news()).await;
    assert!(matches!(gone, Some(ClientNews::Gone(origin)) if origin == call.origin));
    assert!(call.reply.is_for_nobody());
}

#[tokio::test]
async fn a_request_that_never_ends_costs_its_own_connection() {
    const MIB: usize = 1024 * 1024;
    let lab = Lab::new();
    let limits = ServerLimits {
        answer_bytes_max_total: MIB,
        ..ServerLimits::default()
    };
    let (server, mut calls) = server(&lab, limits);
    let address = server.local_addr().unwrap();
    let issued = lab.ca.issue_client("tester").unwrap();
    let honest = client(&lab, &server).await;
    let stranger = Stranger::with(CLIENT_ALPN, &lab, Some(&issued));
    let hello = common::client_opening(&lab);
    let announced = (4 * MIB as u32).to_le_bytes();
    let endless = [&hello[..], &announced, &vec![0; 3 * MIB]].concat();
    let seen = within(stranger.greet_raw_at(address, &endless)).await;
    assert!(seen.contains("others need the room"), "{seen}");
    let asked = ask(&honest, b"x");
    next(&mut calls).await.reply.send(Bytes::new());
    assert_eq!(outcome(asked).await, Ok(Bytes::new()));
}

#[tokio::test]
async fn a_dead_port_is_given_up_in_the_time_allowed() {
    let lab = Lab::new();
    let nobody = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let issued = lab.ca.issue_client("tester").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let limits = ClientLimits {
        connect: Duration::from_millis(50),
        ..ClientLimits::default()
    };
    let connected = within(RpcClient::connect(&address, &credentials(&issued), limits)).await;
    let error = connected.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");
    let connected = within(RpcClient::connect("nowhere", &credentials(&issued), limits)).await;
    let error = connected.unwrap_err();
    assert!(matches!(error, ConnectError::Address { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_cluster_is_refused_with_a_reason() {
    let (lab, other) = (Lab::new(), Lab::new());
    let (server, _calls) = server(&lab, ServerLimits::default());
    let issued = other.ca.issue_client("tester").unwrap();
    let error = connect(server.local_addr().unwrap(), &issued)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("same authority"), "{text}");
}

#[tokio::test]
async fn the_server_refuses_strangers_and_counts_them() {
    let (lab, other) = (Lab::new(), Lab::new());
    let (server, _calls) = server(&lab, ServerLimits::default());
    let address = server.local_addr().unwrap();
    let stranger = Stranger::with(CLIENT_ALPN, &lab, None);
    let seen = within(stranger.knock_at(address)).await;
    assert!(seen.contains("certificate"), "{seen}");
    let foreign = other.ca.issue_client("tester").unwrap();
    let stranger = Stranger::with(CLIENT_ALPN, &lab, Some(&foreign));
    within(stranger.knock_at(address)).await;
    let issued = lab.ca.issue_client("tester").unwrap();
    let stranger = Stranger::with(CLIENT_ALPN, &lab, Some(&issued));
    let newer = [&b"kraft"[..], &7_u16.to_le_bytes()].concat();
    let seen = within(stranger.greet_at(address, &newer)).await;
    let ours = format!("version {CLIENT_VERSION}");
    assert!(seen.contains("version 7") && seen.contains(&ours), "{seen}");
    for (kind, count) in [
        (ConnectionRefusalKind::NoCertificate, 1),
        (ConnectionRefusalKind::Untrusted, 1),
        (ConnectionRefusalKind::Version, 1),
    ] {
        assert_eq!(server.stats().refused(kind), count, "{kind:?}");
    }
}

#[tokio::test]
async fn a_client_that_knocks_at_the_peers_door_is_told_so() {
    let lab = Lab::new();
    let (node, _events) = host_native::transport::Transport::bind(lab.node(1, &[])).unwrap();
    let issued = lab.ca.issue_client("tester").unwrap();
    let error = connect(node.local_addr().unwrap(), &issued)
        .await
        .unwrap_err();
    let ConnectError::Refused { refusal, .. } = error else {
        panic!("{error}");
    };
    assert!(
        matches!(refusal, ConnectionRefusal::Protocol(_)),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_client_that_sends_nonsense_is_cut_off_and_counted() {
    let lab = Lab::new();
    let (server, _calls) = server(&lab, ServerLimits::default());
    let address = server.local_addr().unwrap();
    let issued = lab.ca.issue_client("tester").unwrap();
    let hello = common::client_opening(&lab);
    let too_long = u32::MAX.to_le_bytes();
    let too_short = [&7_u32.to_le_bytes()[..], &[0; 7]].concat();
    for (number, nonsense) in [&too_long[..], &too_short].into_iter().enumerate() {
        let stranger = Stranger::with(CLIENT_ALPN, &lab, Some(&issued));
        let seen = within(stranger.greet_raw_at(address, &[&hello, nonsense].concat())).await;
        assert!(seen.contains("request") || seen.contains("bytes"), "{seen}");
        within(async {
            while server.stats().faults() <= number as u64 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[test]
fn a_clients_certificate_opens_no_door() {
    let lab = Lab::new();
    let issued = credentials(&lab.ca.issue_client("tester").unwrap());
    let error = RpcServer::bind(LOOPBACK, &issued, ServerLimits::default()).unwrap_err();
    assert!(error.to_string().contains("client/tester"), "{error}");
}
