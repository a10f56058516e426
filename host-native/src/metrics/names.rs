//! How figures get their names.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

pub(super) type Seconds = Gauge<f64, AtomicU64>;

/// Hands out metrics that are registered under their names.
pub(super) struct Names(pub(super) Registry);

impl Names {
    pub(super) fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}
