//! Looks at the figures at a steady pace and says when an alert begins and when it ends.

use std::convert::Infallible;
use std::time::Duration;

use kraft_proto::health::{Alert, AlertKind, Thresholds, alerts};
use tokio::sync::watch;
use tokio::time::{self, MissedTickBehavior};

use crate::metrics::Metrics;

/// How often the figures are looked at.
const PACE: Duration = Duration::from_secs(1);

/// Looks between two stretches of the fsync percentile: it covers 30 to 60 seconds.
const LOOKS_PER_WINDOW: u32 = 30;

/// What became of an alert since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It began.
    Raised(Alert),
    /// It is over.
    Cleared(AlertKind),
}

/// Compares a node's figures with its thresholds.
#[derive(Debug)]
pub struct Watchman {
    metrics: Metrics,
    thresholds: Thresholds,
    due: watch::Sender<Vec<Alert>>,
}

impl Watchman {
    /// Watches these figures.
    pub fn new(metrics: Metrics, thresholds: Thresholds) -> Self {
        Self {
            metrics,
            thresholds,
            due: watch::Sender::default(),
        }
    }

    /// The alerts due at the last look.
    pub fn alerts(&self) -> watch::Receiver<Vec<Alert>> {
        self.due.subscribe()
    }

    /// Looks once: logs and counts what changed, and publishes what is due.
    pub fn look(&self) -> Vec<Change> {
        let now = alerts(&self.metrics.figures(), &self.thresholds);
        let before = self.due.send_replace(now.to_vec());
        let among = |alerts: &[Alert], kind| alerts.iter().any(|alert| alert.kind == kind);
        let raised = now
            .iter()
            .filter(|alert| !among(&before, alert.kind))
            .map(|&alert| Change::Raised(alert));
        let cleared = before
            .iter()
            .filter(|alert| !among(&now, alert.kind))
            .map(|alert| Change::Cleared(alert.kind));
        let changes: Vec<Change> = raised.chain(cleared).collect();
        for change in &changes {
            match change {
                Change::Raised(alert) => {
                    self.metrics.alert_raised(alert.kind);
                    tracing::warn!(alert = alert.kind.name(), "{alert}");
                }
                Change::Cleared(kind) => {
                    tracing::info!(alert = kind.name(), "back below its threshold");
                }
            }
        }
        changes
    }

    /// Looks for ever.
    pub async fn watch(self) -> Infallible {
        let mut pace = time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = 0_u32;
        loop {
            pace.tick().await;
            self.look();
            looks += 1;
            if looks == LOOKS_PER_WINDOW {
                looks = 0;
                self.metrics.next_fsync_window();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_when_it_begins_and_when_it_ends_and_counted_once() {
        let metrics = Metrics::new();
        let thresholds = Thresholds {
            bytes_at_risk: 10,
            ..Thresholds::default()
        };
        let watchman = Watchman::new(metrics.clone(), thresholds);
        let due = watchman.alerts();
        assert_eq!(watchman.look(), []);

        metrics.at_risk(1, 10);
        assert_eq!(watchman.look(), [], "at the threshold all is well");

        metrics.at_risk(1, 11);
        let alert = Alert {
            kind: AlertKind::DataAtRisk,
            value: 11,
            threshold: 10,
        };
        assert_eq!(watchman.look(), [Change::Raised(alert)]);
        metrics.at_risk(1, 12);
        assert_eq!(watchman.look(), [], "it goes on");
        assert_eq!(due.borrow()[0].value, 12, "and shows its newest value");

        metrics.at_risk(0, 0);
        assert_eq!(watchman.look(), [Change::Cleared(AlertKind::DataAtRisk)]);
        assert!(due.borrow().is_empty());
        let counted = "kraft_alerts_total{alert=\"data_at_risk\"} 1\n";
        assert!(metrics.encode().contains(counted));
    }
}
