//! Metrics, health and alerts over HTTP, for the operator's own machine.
//!
//! It has no authentication and changes nothing: keep it on loopback. Its connections are bounded in
//! number and in time, see [`listener`].
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | all figures, for Prometheus |
//! | `/healthz` | 200 while the node runs |
//! | `/readyz` | 200 while the node can serve clients |
//! | `/v1/status` | what the node says of itself, JSON |
//! | `/v1/alerts` | the alerts that are due now, JSON |

mod alerts;
pub mod listener;

use std::future::Future;
use std::io;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use kraft_proto::health::{Alert, Thresholds};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::metrics::{self, Metrics};
pub use alerts::{Change, Watchman};
use listener::AdminListener;

/// What `/` and every unknown path answer.
const PATHS: &str = "kraft admin: /metrics /healthz /readyz /v1/status /v1/alerts\n";

/// Whether a node can serve clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It leads, or knows who does.
    Ready,
    /// Not now, for this reason.
    NotReady(String),
}

/// What a node says of itself. It publishes a new one whenever that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Whether it can serve clients.
    pub readiness: Readiness,
    /// Its status report.
    pub status: Value,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            readiness: Readiness::NotReady("the node is starting".into()),
            status: Value::Null,
        }
    }
}

/// The node's end: [`watch::Sender::send_replace`] publishes. Dropped, it says the node stopped.
pub type Publisher = watch::Sender<Snapshot>;

/// The admin endpoint of one node.
#[derive(Debug)]
pub struct Admin {
    metrics: Metrics,
    node: watch::Receiver<Snapshot>,
    watchman: Watchman,
}

#[derive(Clone)]
struct Shared {
    metrics: Metrics,
    node: watch::Receiver<Snapshot>,
    alerts: watch::Receiver<Vec<Alert>>,
}

impl Admin {
    /// An endpoint that shows `metrics` and alerts beyond `thresholds`, and the node's end of it.
    pub fn new(metrics: Metrics, thresholds: Thresholds) -> (Self, Publisher) {
        let (publisher, node) = watch::channel(Snapshot::default());
        let admin = Self {
            watchman: Watchman::new(metrics.clone(), thresholds),
            metrics,
            node,
        };
        (admin, publisher)
    }

    /// Answers on `listener` and watches the figures, until `stop` is ready.
    ///
    /// # Errors
    ///
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let shared = Shared {
            metrics: self.metrics,
            node: self.node,
            alerts: self.watchman.alerts(),
        };
        let router = Router::new()
            .route("/", get(PATHS))
            .route("/metrics", get(figures))
            .route("/healthz", get(health))
            .route("/readyz", get(readiness))
            .route("/v1/status", get(status))
            .route("/v1/alerts", get(alerts_due))
            .fallback((StatusCode::NOT_FOUND, PATHS))
            .with_state(shared);
        let server = axum::serve(AdminListener::new(listener), router).with_graceful_shutdown(stop);
        tokio::select! {
            served = server => served,
            never = self.watchman.watch() => match never {},
        }
    }
}

impl Shared {
    /// Why the node cannot be asked any more, if so.
    fn stopped(&self) -> Option<Response> {
        let gone = self.node.has_changed().is_err();
        gone.then(|| unavailable("the node has stopped; its log says why"))
    }
}

fn unavailable(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}

async fn figures(State(shared): State<Shared>) -> Response {
    let page = shared.metrics.encode();
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response()
}

async fn health(State(shared): State<Shared>) -> Response {
    shared.stopped().unwrap_or_else(|| "ok\n".into_response())
}

async fn readiness(State(shared): State<Shared>) -> Response {
    if let Some(stopped) = shared.stopped() {
        return stopped;
    }
    match &shared.node.borrow().readiness {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::NotReady(why) => unavailable(why),
    }
}

async fn status(State(shared): State<Shared>) -> Response {
    if let Some(stopped) = shared.stopped() {
        return stopped;
    }
    match &shared.node.borrow().status {
        Value::Null => unavailable("the node is starting"),
        status => Json(status).into_response(),
    }
}

async fn alerts_due(State(shared): State<Shared>) -> Response {
    let alerts: Vec<Value> = shared.alerts.borrow().iter().map(alert_to_json).collect();
    Json(json!({ "alerts": alerts })).into_response()
}

fn alert_to_json(alert: &Alert) -> Value {
    json!({
        "alert": alert.kind.name(),
        "value": alert.value,
        "threshold": alert.threshold,
        "unit": alert.kind.unit(),
        "message": alert.to_string(),
    })
}
