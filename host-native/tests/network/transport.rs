//! Peers over real sockets on the loopback: what gets through, what is refused, what is noticed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use host_native::transport::{
    DownReason, Dropped, Event, Events, Fault, Hold, PEER_VERSION, Route, Sending, Settings,
    Stream, Transport, TransportConfig,
};
use kraft_proto::ids::{NodeId, Nonce};
use kraft_proto::modes::CommitMode;
use kraft_wire::quic::{ConnectionRefusal, ConnectionRefusalKind};
use tokio::task::JoinSet;

use crate::common;
use crate::common::{Lab, Stranger, within};

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const APPEND: Route = Route::Append(CommitMode::Sync);

/// Two nodes that list each other, and their events.
struct KeyValue {
    lab: Lab,
    one: (Transport, Events),
    two: (Transport, Events),
}

impl KeyValue {
    /// Binds both and waits until each has the other.
    async fn up(change: impl Fn(&mut TransportConfig)) -> Self {
        let lab = Lab::new();
        let mut config = lab.node(1, &[]);
        change(&mut config);
        let mut one = Transport::bind(config).unwrap();
        let mut config = lab.node(2, &[(1, one.0.local_addr().unwrap())]);
        change(&mut config);
        let mut two = Transport::bind(config).unwrap();
        up(&mut one.1, TWO).await;
        up(&mut two.1, ONE).await;
        one.0
            .set_peer(TWO, vec![two.0.local_addr().unwrap().to_string()]);
        Self { lab, one, two }
    }
}

/// Waits for an event, passing over others.
async fn wait_for<T>(events: &mut Events, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    within(async {
        loop {
            let event = events.recv().await.expect("the transport is gone");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    })
    .await
}

async fn up(events: &mut Events, peer: NodeId) {
    wait_for(events, |event| {
        matches!(event, Event::Up { peer: who, .. } if who == peer).then_some(())
    })
    .await;
}

async fn down(events: &mut Events, peer: NodeId) -> DownReason {
    wait_for(events, |event| match event {
        Event::Down { peer: who, reason } if who == peer => Some(reason),
        _ => None,
    })
    .await
}

async fn refused(events: &mut Events) -> ConnectionRefusal {
    wait_for(events, |event| match event {
        Event::Refused(refused) => Some(refused.refusal),
        _ => None,
    })
    .await
}

async fn frame(events: &mut Events) -> (Stream, Bytes) {
    wait_for(events, |event| match event {
        Event::Frame { stream, bytes, .. } => Some((stream, bytes)),
        _ => None,
    })
    .await
}

fn send(from: &Transport, to: NodeId, route: Route, bytes: &[u8]) -> Sending {
    from.send(to, route, [Bytes::copy_from_slice(bytes)])
}

#[tokio::test]
async fn frames_flow_both_ways_in_order_on_every_stream() {
    let mut pair = KeyValue::up(|_| {}).await;
    let large = vec![7; 300_000];
    for (from, to, id) in [
        (&pair.one.0, &mut pair.two.1, TWO),
        (&pair.two.0, &mut pair.one.1, ONE),
    ] {
        for route in [Route::Control, APPEND, Route::Snapshot] {
            for number in 0..100_u8 {
                let pieces = [
                    Bytes::from(vec![number]),
                    Bytes::from(large[..2000].to_vec()),
                ];
                assert_eq!(from.send(id, route, pieces), Sending::Queued);
            }
            assert_eq!(send(from, id, route, &large), Sending::Queued);
            for number in 0..100_u8 {
                let (stream, bytes) = frame(to).await;
                assert_eq!((stream, bytes.len()), (route.stream(), 2001));
                assert_eq!((bytes[0], bytes[1]), (number, 7));
            }
            assert_eq!(frame(to).await.1, large);
            let sent = from.stats().sent(route.stream());
            assert_eq!((sent.frames, sent.bytes), (101, 100 * 2001 + 300_000));
        }
    }
}

#[tokio::test]
async fn frames_sent_while_others_wait_elsewhere_keep_their_own_stream() {
    let mut pair = KeyValue::up(|_| {}).await;
    send(&pair.one.0, TWO, APPEND, &[1; 100_000]);
    send(&pair.one.0, TWO, Route::Control, b"2");
    let mut streams = [
        frame(&mut pair.two.1).await.0,
        frame(&mut pair.two.1).await.0,
    ];
    streams.sort_unstable();
    assert_eq!(streams, [Stream::Control, Stream::Append]);
}

#[test]
fn a_multi_threaded_runtime_does_as_well() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut pair = KeyValue::up(|_| {}).await;
        send(&pair.one.0, TWO, Route::Control, b"hello");
        assert_eq!(&frame(&mut pair.two.1).await.1[..], b"hello");
    });
}

/// Waits until exactly one connection of those that came up is left.
async fn one_is_left(transport: &Transport) {
    within(async {
        let stats = transport.stats();
        while stats.connects() - stats.disconnects() != 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn nodes_that_dial_each_other_at_once_end_up_with_one_working_connection() {
    let mut spares = 0;
    for _ in 0..10 {
        let lab = Lab::new();
        let mut one = Transport::bind(lab.node(1, &[])).unwrap();
        let mut two = Transport::bind(lab.node(2, &[])).unwrap();
        one.0
            .set_peer(TWO, vec![two.0.local_addr().unwrap().to_string()]);
        two.0
            .set_peer(ONE, vec![one.0.local_addr().unwrap().to_string()]);
        up(&mut one.1, TWO).await;
        up(&mut two.1, ONE).await;
        // What was queued on a connection that is then swapped may be lost: say it again.
        let through = async {
            loop {
                send(&one.0, TWO, Route::Control, b"ping");
                let pause = Duration::from_millis(20);
                let heard = tokio::time::timeout(pause, frame(&mut two.1)).await;
                if heard.is_ok() {
                    return;
                }
            }
        };
        within(through).await;
        one_is_left(&one.0).await;
        one_is_left(&two.0).await;
        spares += one.0.stats().spares() + two.0.stats().spares();
    }
    println!("10 pairs, {spares} spare connections closed");
}

/// Frames as they stand on a stream.
fn lane_frames(frames: impl Iterator<Item = String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        bytes.extend((frame.len() as u32).to_le_bytes());
        bytes.extend(frame.as_bytes());
    }
    bytes
}

/// On two threads, so that the old connection and the new one are served at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_takes_over_and_no_frame_of_the_first_comes_after_it() {
    const TAKEOVERS: usize = 50;
    let lab = Lab::new();
    let mut one = Transport::bind(lab.node(1, &[])).unwrap();
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    // Says its number over and over, until another connection takes its place.
    let talk = async |number: usize, talking: &mut JoinSet<String>| {
        let connection = stranger.greeted(&one.0, &lab.hello(2)).await;
        talking.spawn(async move {
            let mut stream = connection.open_uni().await.unwrap();
            let frames = lane_frames(std::iter::repeat_n(number.to_string(), 100));
            let append_stream = 2;
            let mut result = stream.write_all(&[append_stream]).await;
            while result.is_ok() {
                result = stream.write_all(&frames).await;
            }
            connection.closed().await.to_string()
        });
    };
    let (mut talking, mut frames) = (JoinSet::new(), 0);
    for number in 0..TAKEOVERS {
        let listen = async {
            let mut ups = 0;
            loop {
                match one.1.recv().await.unwrap() {
                    Event::Frame { bytes, .. } => {
                        let from: usize = str::from_utf8(&bytes).unwrap().parse().unwrap();
                        // Nothing of an earlier one, once this one is up.
                        assert_eq!(from, number - usize::from(ups == 0 && number > 0));
                        frames += 1;
                        if from == number {
                            return;
                        }
                    }
                    Event::Up { .. } => ups += 1,
                    Event::Down { reason, .. } => assert_eq!(reason, DownReason::Replaced),
                    other => panic!("{other:?}"),
                }
            }
        };
        within(async { tokio::join!(talk(number, &mut talking), listen) }).await;
    }
    for _ in 1..TAKEOVERS {
        let told = within(talking.join_next()).await.unwrap().unwrap();
        assert!(told.contains("took over"), "{told}");
    }
    assert!(talking.try_join_next().is_none(), "the last one is kept");
    one_is_left(&one.0).await;
    assert_eq!(one.0.stats().spares(), TAKEOVERS as u64 - 1);
    println!(
        "{TAKEOVERS} connections of one node, each taking over from a talking one: {frames} frames"
    );
}

#[tokio::test]
async fn a_peer_that_moved_to_another_address_is_heard_and_answered_there() {
    // Whichever of the two is the preferred dialer.
    for (stays, moves) in [(ONE, TWO), (TWO, ONE)] {
        let lab = Lab::new();
        let mut first = Transport::bind(lab.node(moves.0, &[])).unwrap();
        let old = first.0.local_addr().unwrap();
        let mut here = Transport::bind(lab.node(stays.0, &[(moves.0, old)])).unwrap();
        up(&mut here.1, moves).await;
        up(&mut first.1, stays).await;
        first.0.shutdown().await;
        down(&mut here.1, moves).await;
        // Nobody tells the node that stays: its list still names the old address, where nobody is.
        let address = here.0.local_addr().unwrap();
        let mut there = Transport::bind(lab.node(moves.0, &[(stays.0, address)])).unwrap();
        assert_ne!(there.0.local_addr().unwrap(), old);
        up(&mut here.1, moves).await;
        up(&mut there.1, stays).await;
        send(&here.0, moves, APPEND, b"to there");
        assert_eq!(&frame(&mut there.1).await.1[..], b"to there");
        send(&there.0, stays, Route::Control, b"back");
        assert_eq!(&frame(&mut here.1).await.1[..], b"back");
        let view = here.0.peers().pop().unwrap();
        assert_eq!(view.address, Some(old.to_string()), "the list is as it was");
        one_is_left(&here.0).await;
    }
}

#[tokio::test]
async fn a_shutdown_is_known_at_once_and_a_restart_on_the_same_port_is_found() {
    let KeyValue { lab, mut one, two } = KeyValue::up(|_| {}).await;
    let address = two.0.local_addr().unwrap();
    two.0.shutdown().await;
    drop(two.1);
    assert_eq!(down(&mut one.1, TWO).await, DownReason::Shutdown);
    assert_eq!(
        send(&one.0, TWO, APPEND, b"lost"),
        Sending::Dropped(Dropped::NotConnected)
    );
    // The new process does not list node 1: it is node 1 that has to find it.
    let mut config = lab.node(2, &[]);
    config.listen = address;
    config.hello.incarnation = config.hello.incarnation.next(Nonce(2));
    let incarnation = config.hello.incarnation;
    let mut two = within(common::bind_again(config)).await;
    let hello = wait_for(&mut one.1, |event| match event {
        Event::Up { hello, .. } => Some(hello),
        _ => None,
    })
    .await;
    assert_eq!(hello.incarnation, incarnation);
    up(&mut two.1, ONE).await;
    send(&one.0, TWO, Route::Control, b"again");
    assert_eq!(&frame(&mut two.1).await.1[..], b"again");
}

/// Silence alone would never be noticed with these times.
fn patient(config: &mut TransportConfig) {
    config.timing.idle = Duration::from_secs(600);
}

#[tokio::test]
async fn the_successor_of_a_killed_process_tells_its_peers_that_it_is_gone() {
    let lab = Lab::new();
    let mut config = lab.node(1, &[]);
    patient(&mut config);
    let mut one = Transport::bind(config).unwrap();
    let mut config = lab.node(2, &[(1, one.0.local_addr().unwrap())]);
    patient(&mut config);
    let credentials = config.credentials.clone();
    let (address, kill) = common::bind_to_kill(config);
    one.0.set_peer(TWO, vec![address.to_string()]);
    up(&mut one.1, TWO).await;
    kill();

    let mut config = lab.node(2, &[]);
    config.credentials = credentials;
    config.listen = address;
    patient(&mut config);
    let mut two = within(common::bind_again(config)).await;
    assert_eq!(down(&mut one.1, TWO).await, DownReason::Restarted);
    up(&mut one.1, TWO).await;
    up(&mut two.1, ONE).await;
}

#[tokio::test]
async fn a_restarted_node_takes_its_place_before_the_old_connection_is_given_up() {
    let lab = Lab::new();
    let mut config = lab.node(1, &[]);
    patient(&mut config);
    let mut one = Transport::bind(config).unwrap();
    let mut config = lab.node(2, &[(1, one.0.local_addr().unwrap())]);
    patient(&mut config);
    let (_, kill) = common::bind_to_kill(config.clone());
    up(&mut one.1, TWO).await;
    kill();
    // On another port, so that nothing tells node 1 but the new connection.
    let mut two = Transport::bind(config).unwrap();
    assert_eq!(down(&mut one.1, TWO).await, DownReason::Replaced);
    up(&mut one.1, TWO).await;
    up(&mut two.1, ONE).await;
    send(&one.0, TWO, APPEND, b"again");
    assert_eq!(&frame(&mut two.1).await.1[..], b"again");
}

#[tokio::test]
async fn a_process_that_falls_silent_is_noticed() {
    let lab = Lab::new();
    let mut one = Transport::bind(lab.node(1, &[])).unwrap();
    let config = lab.node(2, &[(1, one.0.local_addr().unwrap())]);
    let (_, kill) = common::bind_to_kill(config);
    up(&mut one.1, TWO).await;
    kill();
    assert_eq!(down(&mut one.1, TWO).await, DownReason::Silent);
}

#[tokio::test]
async fn settings_that_differ_are_reported_and_nothing_is_refused() {
    let lab = Lab::new();
    let mut one = Transport::bind(lab.node(1, &[])).unwrap();
    let mut config = lab.node(2, &[(1, one.0.local_addr().unwrap())]);
    config.hello.settings = Settings {
        zones: 99,
        ..config.hello.settings
    };
    let two = Transport::bind(config).unwrap();
    let differs = wait_for(&mut one.1, |event| match event {
        Event::Differs { peer, setting } => Some((peer, setting.label())),
        _ => None,
    })
    .await;
    assert_eq!(differs, (TWO, "zones"));
    assert_eq!(one.0.stats().differences(), 1);
    assert!(one.0.is_up(TWO));
    drop(two);
}

#[tokio::test]
async fn held_appends_are_dropped_and_the_other_lanes_go_on() {
    let mut pair = KeyValue::up(|_| {}).await;
    let one = &pair.one.0;
    one.hold_appends(Hold::On);
    assert_eq!(
        send(one, TWO, APPEND, b"1"),
        Sending::Dropped(Dropped::Held)
    );
    send(one, TWO, Route::Control, b"2");
    assert_eq!(frame(&mut pair.two.1).await.0, Stream::Control);
    one.hold_appends(Hold::Off);
    send(one, TWO, APPEND, b"3");
    assert_eq!(&frame(&mut pair.two.1).await.1[..], b"3");
    // Those that wait when the hold begins are dropped too.
    send(one, TWO, APPEND, b"4");
    one.hold_appends(Hold::On);
    assert_eq!(one.stats().dropped(Dropped::Held), 2);
}

#[tokio::test]
async fn sending_never_blocks_and_what_does_not_fit_is_counted() {
    let pair = KeyValue::up(|config| config.limits.append_bytes_max = 10_000).await;
    let one = &pair.one.0;
    // Nobody else runs between these: the queue cannot drain.
    let outcomes: Vec<_> = (0..20)
        .map(|_| send(one, TWO, APPEND, &[1; 1000]))
        .collect();
    let dropped = outcomes.iter().filter(|sent| **sent != Sending::Queued);
    assert_eq!(outcomes[0], Sending::Queued);
    assert_eq!(outcomes[19], Sending::Dropped(Dropped::QueueFull));
    assert_eq!(
        one.stats().dropped(Dropped::QueueFull),
        dropped.count() as u64
    );
    let too_long = vec![0; pair.lab.node(1, &[]).limits.frame_bytes_max as usize + 1];
    let sent = send(one, TWO, Route::Snapshot, &too_long);
    assert_eq!(sent, Sending::Dropped(Dropped::Size));
}

#[tokio::test]
async fn a_node_that_does_not_keep_up_slows_its_peers_down_and_loses_nothing() {
    const FRAMES: u32 = 400;
    let mut pair = KeyValue::up(|config| config.limits.events_bytes_max = 64 * 1024).await;
    let mut taken = 0_u32;
    for number in 0..FRAMES {
        let mut chunk = vec![0; 64 * 1024];
        chunk[..4].copy_from_slice(&number.to_le_bytes());
        while pair.one.0.room(TWO, Stream::Snapshot) < chunk.len() + 8 {
            let (_, bytes) = frame(&mut pair.two.1).await;
            assert_eq!(bytes[..4], taken.to_le_bytes());
            taken += 1;
        }
        let sent = send(&pair.one.0, TWO, Route::Snapshot, &chunk);
        assert_eq!(sent, Sending::Queued);
    }
    while taken < FRAMES {
        let (_, bytes) = frame(&mut pair.two.1).await;
        assert_eq!(bytes[..4], taken.to_le_bytes());
        taken += 1;
    }
}

#[tokio::test]
async fn a_removed_peer_is_let_go_and_not_dialed() {
    let mut pair = KeyValue::up(|_| {}).await;
    pair.two.0.remove_peer(ONE);
    pair.one.0.remove_peer(TWO);
    assert_eq!(down(&mut pair.one.1, TWO).await, DownReason::Removed);
    assert_eq!(down(&mut pair.two.1, ONE).await, DownReason::Removed);
    assert_eq!(pair.one.0.peers(), []);
    // And is dialed again once it is listed again.
    let address = pair.two.0.local_addr().unwrap().to_string();
    pair.one.0.set_peer(TWO, vec![address]);
    up(&mut pair.one.1, TWO).await;
}

#[tokio::test]
async fn content_without_sense_ends_the_connection_and_it_is_made_anew() {
    let mut pair = KeyValue::up(|_| {}).await;
    pair.one.0.disconnect(TWO, Fault::Garbage);
    let reason = down(&mut pair.one.1, TWO).await;
    assert_eq!(reason, DownReason::Fault(Fault::Garbage));
    let reason = down(&mut pair.two.1, ONE).await;
    assert!(matches!(reason, DownReason::Failed(text) if text.contains("garbage")));
    up(&mut pair.one.1, TWO).await;
    assert_eq!(pair.one.0.stats().faults(Fault::Garbage), 1);
}

/// A node with an open listener, for strangers to connect to.
fn listener(lab: &Lab) -> (Transport, Events) {
    Transport::bind(lab.node(1, &[])).unwrap()
}

#[tokio::test]
async fn who_shows_no_certificate_is_refused() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::nameless(&lab);
    let seen = within(stranger.connects(&node)).await;
    assert!(seen.contains("certificate"), "{seen}");
    assert_eq!(refused(&mut events).await, ConnectionRefusal::NoCertificate);
    assert_eq!(
        node.stats().refused(ConnectionRefusalKind::NoCertificate),
        1
    );
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let (lab, other) = (Lab::new(), Lab::new());
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &other.ca.issue_node(TWO).unwrap());
    within(stranger.connects(&node)).await;
    assert!(matches!(
        refused(&mut events).await,
        ConnectionRefusal::Untrusted(_)
    ));
    assert_eq!(node.stats().refused(ConnectionRefusalKind::Untrusted), 1);
}

#[tokio::test]
async fn a_node_of_another_authority_is_not_believed_when_we_dial_it() {
    let (lab, other) = (Lab::new(), Lab::new());
    let impostor = Transport::bind(other.node(2, &[])).unwrap();
    let address = impostor.0.local_addr().unwrap();
    let (node, mut events) = Transport::bind(lab.node(1, &[(2, address)])).unwrap();
    let refusal = refused(&mut events).await;
    assert!(
        matches!(refusal, ConnectionRefusal::Untrusted(_)),
        "{refusal}"
    );
    assert!(!node.is_up(TWO));
}

#[tokio::test]
async fn another_node_at_a_peers_address_is_refused() {
    let lab = Lab::new();
    let three = Transport::bind(lab.node(3, &[])).unwrap();
    let address = three.0.local_addr().unwrap();
    let (_node, mut events) = Transport::bind(lab.node(1, &[(2, address)])).unwrap();
    let expected = ConnectionRefusal::Address {
        dialed: TWO,
        answered: NodeId(3),
    };
    assert_eq!(refused(&mut events).await, expected);
}

#[tokio::test]
async fn who_is_refused_for_a_lasting_reason_tries_more_and_more_rarely() {
    const REFUSALS: u32 = 8;
    let first = Duration::from_millis(10);
    let lab = Lab::new();
    let three = Transport::bind(lab.node(3, &[])).unwrap();
    let address = three.0.local_addr().unwrap();
    let mut config = lab.node(1, &[(2, address)]);
    config.timing.refused = first;
    let began = Instant::now();
    let (_node, mut events) = Transport::bind(config).unwrap();
    for _ in 0..REFUSALS {
        refused(&mut events).await;
    }
    // Each pause lasts at least half of twice the one before.
    let least = first * (2_u32.pow(REFUSALS - 1) - 1) / 2;
    let took = began.elapsed();
    assert!(took >= least, "{took:?}, at least {least:?}");
    println!("{REFUSALS} attempts in {took:?}");
}

#[tokio::test]
async fn a_client_certificate_opens_no_peer_door() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &lab.ca.issue_client("eve").unwrap());
    let seen = within(stranger.connects(&node)).await;
    assert!(seen.contains("client eve may not"), "{seen}");
    assert!(matches!(
        refused(&mut events).await,
        ConnectionRefusal::Role(_)
    ));
    assert_eq!(node.stats().refused(ConnectionRefusalKind::Role), 1);
}

#[tokio::test]
async fn another_cluster_id_is_refused() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    let mut hello = lab.hello(2);
    hello.cluster.0 ^= 1;
    let seen = within(stranger.greet(&node, &common::opening(PEER_VERSION, &hello))).await;
    assert!(seen.contains(&hello.cluster.to_string()), "{seen}");
    let refusal = refused(&mut events).await;
    assert!(
        matches!(refusal, ConnectionRefusal::Cluster { .. }),
        "{refusal}"
    );
}

#[tokio::test]
async fn another_epoch_is_refused_naming_both() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    let mut hello = lab.hello(2);
    hello.epoch.0 += 1;
    let opening = common::opening(PEER_VERSION, &hello);
    let seen = within(stranger.greet(&node, &opening)).await;
    assert!(
        seen.contains("of epoch 1") && seen.contains("of epoch 0"),
        "{seen}"
    );
    let refusal = refused(&mut events).await;
    assert!(
        matches!(refusal, ConnectionRefusal::Epoch { .. }),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_node_id_that_the_certificate_does_not_carry_is_refused() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    let opening = common::opening(PEER_VERSION, &lab.hello(3));
    let seen = within(stranger.greet(&node, &opening)).await;
    assert!(seen.contains("claims to be node 3"), "{seen}");
    let expected = ConnectionRefusal::NodeId {
        claimed: NodeId(3),
        certified: TWO,
    };
    assert_eq!(refused(&mut events).await, expected);
}

#[tokio::test]
async fn an_unknown_version_is_refused_naming_both() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    let opening = common::opening(9, &lab.hello(2));
    let seen = within(stranger.greet(&node, &opening)).await;
    let ours = format!("version {PEER_VERSION}");
    assert!(seen.contains("version 9") && seen.contains(&ours), "{seen}");
    let expected = ConnectionRefusal::Version {
        ours: PEER_VERSION,
        theirs: 9,
    };
    assert_eq!(refused(&mut events).await, expected);
}

#[tokio::test]
async fn a_hello_that_is_none_is_refused() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let cut_short = [&b"kraft"[..], &PEER_VERSION.to_le_bytes(), b"\xff"].concat();
    for nonsense in [&b"GET / HTTP/1.1"[..], b"kraft", &cut_short, b""] {
        let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
        within(stranger.greet(&node, nonsense)).await;
        let refusal = refused(&mut events).await;
        assert!(matches!(refusal, ConnectionRefusal::Hello(_)), "{refusal}");
    }
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    within(stranger.greet_raw(&node, &u32::MAX.to_le_bytes())).await;
    let refusal = refused(&mut events).await;
    assert!(matches!(refusal, ConnectionRefusal::Hello(_)), "{refusal}");
    assert_eq!(node.stats().refused(ConnectionRefusalKind::Hello), 5);
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let issued = lab.ca.issue_node(TWO).unwrap();
    let stranger = Stranger::speaking("kraft-client/1", &lab, &issued);
    within(stranger.connects(&node)).await;
    let refusal = refused(&mut events).await;
    assert!(
        matches!(refusal, ConnectionRefusal::Protocol(_)),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_peer_that_misbehaves_on_a_stream_is_cut_off_by_name() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let control = 1_u8;
    let too_long = [&[control][..], &u32::MAX.to_le_bytes()].concat();
    let truncated = [&[control][..], &8_u32.to_le_bytes(), b"abc"].concat();
    let empty_frame = [control, 0, 0, 0, 0];
    for (bytes, fault) in [
        (&too_long[..], Fault::FrameTooLarge),
        (&truncated[..], Fault::NoFrames),
        (&empty_frame[..], Fault::NoFrames),
        (&[77][..], Fault::UnknownStream),
        (b"", Fault::UnknownStream),
    ] {
        let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
        let before = node.stats().faults(fault);
        let seen = within(stranger.misbehave(&node, &lab.hello(2), &[bytes])).await;
        assert!(seen.contains(fault.label()), "{seen}");
        assert_eq!(down(&mut events, TWO).await, DownReason::Fault(fault));
        assert_eq!(node.stats().faults(fault), before + 1);
    }
}

#[tokio::test]
async fn a_lane_opened_twice_is_a_fault() {
    let lab = Lab::new();
    let (node, mut events) = listener(&lab);
    let stranger = Stranger::new(&lab, &lab.ca.issue_node(TWO).unwrap());
    let connection = within(stranger.greeted(&node, &lab.hello(2))).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = connection.open_uni().await.unwrap();
        stream.write_all(&[1]).await.unwrap();
        streams.push(stream);
    }
    let reason = down(&mut events, TWO).await;
    assert_eq!(reason, DownReason::Fault(Fault::StreamTwice));
}

#[tokio::test]
async fn a_certificate_of_another_node_is_refused_before_anything_is_opened() {
    let lab = Lab::new();
    let mut config = lab.node(1, &[]);
    config.credentials = lab.node(2, &[]).credentials;
    let error = Transport::bind(config).unwrap_err();
    assert!(error.to_string().contains("node/2"), "{error}");
}
