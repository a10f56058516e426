//! The admin endpoint over real TCP.

use std::net::SocketAddr;

use host_native::admin::listener::CONNECTIONS_MAX;
use host_native::admin::{Admin, Publisher, Readiness, Snapshot};
use host_native::metrics::Metrics;
use kraft_proto::health::Thresholds;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take before its test gives up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

struct Running {
    address: SocketAddr,
    metrics: Metrics,
    publisher: Publisher,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

async fn start(metrics: Metrics, thresholds: Thresholds) -> Running {
    let (admin, publisher) = Admin::new(metrics.clone(), thresholds);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(admin.serve(listener, async {
        let _ = stopped.await;
    }));
    Running {
        address,
        metrics,
        publisher,
        stop,
        server,
    }
}

/// Status, head and body of a GET.
async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: kraft\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn metrics_are_the_prometheus_text_of_now() {
    let running = start(Metrics::new(), Thresholds::default()).await;
    running.metrics.at_risk(3, 300);
    let (status, head, body) = get(running.address, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text"));
    assert!(body.contains("\nkraft_bytes_at_risk 300\n"), "{body}");
    assert!(body.contains("# TYPE kraft_fsync_latency_seconds histogram\n"));
}

#[tokio::test]
async fn a_node_is_ready_when_it_says_so_and_unhealthy_once_it_stopped() {
    let running = start(Metrics::new(), Thresholds::default()).await;
    let at = running.address;
    assert_eq!(get(at, "/healthz").await.0, 200);
    let (status, _, why) = get(at, "/readyz").await;
    assert_eq!((status, why.trim()), (503, "the node is starting"));
    assert_eq!(get(at, "/v1/status").await.0, 503);

    running.publisher.send_replace(Snapshot {
        readiness: Readiness::Ready,
        status: json!({"node": 1, "role": "leader"}),
    });
    assert_eq!(get(at, "/readyz").await.0, 200);
    let (status, _, body) = get(at, "/v1/status").await;
    assert_eq!(status, 200);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body, json!({"node": 1, "role": "leader"}));

    running.publisher.send_replace(Snapshot {
        readiness: Readiness::NotReady("no leader is known".into()),
        status: json!({}),
    });
    let (status, _, why) = get(at, "/readyz").await;
    assert_eq!((status, why.trim()), (503, "no leader is known"));

    drop(running.publisher);
    let (status, _, why) = get(at, "/healthz").await;
    assert_eq!(status, 503);
    assert!(why.contains("stopped"), "{why}");
    assert_eq!(get(at, "/metrics").await.0, 200, "figures outlive the node");
}

#[tokio::test]
async fn an_alert_that_is_due_is_on_the_page_and_counted() {
    let thresholds = Thresholds {
        bytes_at_risk: 10,
        ..Thresholds::default()
    };
    let metrics = Metrics::new();
    metrics.at_risk(1, 11);
    let running = start(metrics, thresholds).await;
    let due = async {
        loop {
            let (status, _, body) = get(running.address, "/v1/alerts").await;
            assert_eq!(status, 200);
            let page: Value = serde_json::from_str(&body).unwrap();
            if let Some(alert) = page["alerts"].get(0) {
                break alert.clone();
            }
        }
    };
    let due = tokio::time::timeout(PATIENCE, due).await;
    let alert = due.expect("an alert on the page");
    assert_eq!(alert["alert"], "data_at_risk");
    assert_eq!(
        (&alert["value"], &alert["threshold"]),
        (&json!(11), &json!(10))
    );
    assert_eq!(alert["unit"], "bytes");
    let (_, _, page) = get(running.address, "/metrics").await;
    assert!(page.contains("kraft_alerts_total{alert=\"data_at_risk\"} 1\n"));
}

#[tokio::test]
async fn an_unknown_path_names_those_there_are() {
    let running = start(Metrics::new(), Thresholds::default()).await;
    let (status, _, body) = get(running.address, "/metric").await;
    assert_eq!(status, 404);
    assert!(body.contains("/metrics"), "{body}");
}

#[tokio::test]
async fn the_server_ends_when_it_is_told_to() {
    let running = start(Metrics::new(), Thresholds::default()).await;
    running.stop.send(()).unwrap();
    running.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_that_say_nothing_give_way_to_the_next() {
    let running = start(Metrics::new(), Thresholds::default()).await;
    let mut silent = Vec::new();
    for _ in 0..4 * CONNECTIONS_MAX {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    assert_eq!(get(running.address, "/healthz").await.0, 200);
    // The oldest were closed, and their descriptors are free.
    for stream in &mut silent[..2 * CONNECTIONS_MAX] {
        let closed = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await;
        let closed = closed.expect("a connection that is closed in time");
        assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    }
}
