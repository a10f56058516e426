//! When an operator should be told: figures against their thresholds.

use core::fmt;
use core::time::Duration;

use heapless::Vec;
use serde::{Deserialize, Serialize};

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Alerts there can be at once: one of each kind.
pub const ALERTS_MAX: usize = 10;

/// What is watched, as it stands now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Figures {
    /// Bytes acknowledged and not yet synced by a majority.
    pub bytes_at_risk: u64,
    /// How far the slowest peer is behind, of those of which that is known.
    pub replication_lag_max: Duration,
    /// The longest that a peer has not told its leader what it holds.
    pub peer_silent_max: Duration,
    /// The 99th percentile of the time one fsync takes.
    pub fsync_p99: Duration,
    /// How long entries have been turned away because the disk is full; zero while it has room.
    pub disk_full: Duration,
    /// Of a hundred places for requests that wait, those taken.
    pub places_taken: u32,
    /// Peers that have applied other entries than this node: one is too many.
    pub replicas_differing: u64,
    /// Nodes whose disk was found to have gone back to an older copy of itself: one is too many.
    pub disks_set_back: u64,
    /// How long this node has known no leader; zero while it knows one.
    pub without_leader: Duration,
    /// How long its certificate holds from now, zero once it has expired; `None` where there is none.
    pub certificate_left: Option<Duration>,
}

/// What is still well. An alert is due strictly beyond; of the time a certificate has left, strictly below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thresholds {
    /// Bytes acknowledged and not yet synced by a majority.
    pub bytes_at_risk: u64,
    /// How far the slowest peer is behind, of those of which that is known.
    pub replication_lag_max: Duration,
    /// The longest that a peer has not told its leader what it holds.
    pub peer_silent_max: Duration,
    /// The 99th percentile of the time one fsync takes.
    pub fsync_p99: Duration,
    /// How long entries have been turned away because the disk is full.
    pub disk_full: Duration,
    /// Of a hundred places for requests that wait, those taken.
    pub places_taken: u32,
    /// How long this node has known no leader.
    pub without_leader: Duration,
    /// How long its certificate holds from now.
    pub certificate_left: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            bytes_at_risk: 100 * 1024 * 1024,
            replication_lag_max: Duration::from_secs(10),
            peer_silent_max: Duration::from_secs(10),
            fsync_p99: Duration::from_millis(100),
            disk_full: Duration::ZERO,
            places_taken: 90,
            without_leader: Duration::from_secs(5),
            certificate_left: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AlertKind {
    /// Too many acknowledged bytes are not yet on a majority's disks. Counted in bytes.
    DataAtRisk,
    /// A peer is too far behind. Counted in microseconds.
    ReplicationLag,
    /// A peer has not told what it holds for too long. Counted in microseconds.
    PeerSilent,
    /// The disk is slow to force. Counted in microseconds.
    SlowFsync,
    /// The disk is full: entries are turned away. Counted in microseconds.
    DiskFull,
    /// Clients are about to be refused as too many wait. Counted in hundredths.
    PlacesTaken,
    /// Peers have applied other entries than this node. Counted in peers; none is the threshold.
    ReplicasDiffer,
    /// Disks went back to older copies of themselves. Counted in nodes; none is the threshold.
    DiskWentBack,
    /// No leader has been known for too long. Counted in microseconds.
    NoLeader,
    /// The certificate holds for too short a time, or has expired. Counted in microseconds.
    CertificateExpires,
}

/// One figure on the wrong side of its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// Which figure.
    pub kind: AlertKind,
    /// What it is: bytes, microseconds, peers or nodes, as `kind` says.
    pub value: u64,
    /// What it should not exceed, or of a certificate not fall below, in the same unit.
    pub threshold: u64,
}

/// The alerts due for these figures.
pub fn alerts(figures: &Figures, thresholds: &Thresholds) -> Vec<Alert, ALERTS_MAX> {
    let compared = [
        Alert {
            kind: AlertKind::DataAtRisk,
            value: figures.bytes_at_risk,
            threshold: thresholds.bytes_at_risk,
        },
        Alert {
            kind: AlertKind::ReplicationLag,
            value: micros(figures.replication_lag_max),
            threshold: micros(thresholds.replication_lag_max),
        },
        Alert {
            kind: AlertKind::PeerSilent,
            value: micros(figures.peer_silent_max),
            threshold: micros(thresholds.peer_silent_max),
        },
        Alert {
            kind: AlertKind::SlowFsync,
            value: micros(figures.fsync_p99),
            threshold: micros(thresholds.fsync_p99),
        },
        Alert {
            kind: AlertKind::DiskFull,
            value: micros(figures.disk_full),
            threshold: micros(thresholds.disk_full),
        },
        Alert {
            kind: AlertKind::PlacesTaken,
            value: figures.places_taken.into(),
            threshold: thresholds.places_taken.into(),
        },
        Alert {
            kind: AlertKind::ReplicasDiffer,
            value: figures.replicas_differing,
            threshold: 0,
        },
        Alert {
            kind: AlertKind::DiskWentBack,
            value: figures.disks_set_back,
            threshold: 0,
        },
        Alert {
            kind: AlertKind::NoLeader,
            value: micros(figures.without_leader),
            threshold: micros(thresholds.without_leader),
        },
    ];
    let certificate = figures.certificate_left.map(|left| Alert {
        kind: AlertKind::CertificateExpires,
        value: micros(left),
        threshold: micros(thresholds.certificate_left),
    });
    let beyond = compared
        .into_iter()
        .filter(|alert| alert.value > alert.threshold);
    let below = certificate
        .into_iter()
        .filter(|alert| alert.value < alert.threshold);
    beyond.chain(below).collect()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; ALERTS_MAX] = [
        Self::DataAtRisk,
        Self::ReplicationLag,
        Self::PeerSilent,
        Self::SlowFsync,
        Self::DiskFull,
        Self::PlacesTaken,
        Self::ReplicasDiffer,
        Self::DiskWentBack,
        Self::NoLeader,
        Self::CertificateExpires,
    ];

    /// The name used in metrics and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataAtRisk => "data_at_risk",
            Self::ReplicationLag => "replication_lag",
            Self::PeerSilent => "peer_silent",
            Self::SlowFsync => "slow_fsync",
            Self::DiskFull => "disk_full",
            Self::PlacesTaken => "places_taken",
            Self::ReplicasDiffer => "replicas_differ",
            Self::DiskWentBack => "disk_went_back",
            Self::NoLeader => "no_leader",
            Self::CertificateExpires => "certificate_expires",
        }
    }

    /// The unit of an alert's value and threshold.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::DataAtRisk => "bytes",
            Self::ReplicationLag
            | Self::PeerSilent
            | Self::SlowFsync
            | Self::DiskFull
            | Self::NoLeader
            | Self::CertificateExpires => "microseconds",
            Self::PlacesTaken => "percent",
            Self::ReplicasDiffer => "peers",
            Self::DiskWentBack => "nodes",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            value, threshold, ..
        } = *self;
        let time = Duration::from_micros;
        match self.kind {
            AlertKind::DataAtRisk => write!(
                f,
                "{value} acknowledged bytes are not yet on a majority's disks (more than {threshold})"
            ),
            AlertKind::ReplicationLag => write!(
                f,
                "the slowest peer is {:?} behind (more than {:?})",
                time(value),
                time(threshold)
            ),
            AlertKind::PeerSilent => write!(
                f,
                "a peer has not told what it holds for {:.1?} (more than {:?}): it is down or cut off, or \
                 cannot be fed",
                time(value),
                time(threshold)
            ),
            AlertKind::SlowFsync => write!(
                f,
                "one fsync in a hundred takes {:?} or longer (more than {:?})",
                time(value),
                time(threshold)
            ),
            AlertKind::DiskWentBack => write!(
                f,
                "{value} nodes run on disks that went back to older copies of themselves: the status \
                 names them"
            ),
            AlertKind::DiskFull => write!(
                f,
                "the disk is full: entries have been turned away for {:.1?} (more than {:?})",
                time(value),
                time(threshold)
            ),
            AlertKind::PlacesTaken => write!(
                f,
                "{value} of 100 places for waiting requests are taken (more than {threshold})"
            ),
            AlertKind::ReplicasDiffer => write!(
                f,
                "{value} of the peers have applied other entries than this node: the status names them"
            ),
            AlertKind::NoLeader => write!(
                f,
                "no leader for {} s (more than {} s): nothing is written or read linearizably",
                time(value).as_secs(),
                time(threshold).as_secs()
            ),
            AlertKind::CertificateExpires if value == 0 => f.write_str(
                "the certificate of this node has expired: nobody can connect to it any more",
            ),
            AlertKind::CertificateExpires => write!(
                f,
                "the certificate of this node expires in {} days (less than {})",
                time(value).as_secs() / DAY_SECONDS,
                time(threshold).as_secs() / DAY_SECONDS
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(figures: Figures) -> Vec<AlertKind, ALERTS_MAX> {
        alerts(&figures, &Thresholds::default())
            .iter()
            .map(|alert| alert.kind)
            .collect()
    }

    #[test]
    fn at_the_threshold_all_is_well() {
        assert!(kinds(Figures::default()).is_empty());
        let at = Figures {
            bytes_at_risk: 104_857_600,
            replication_lag_max: Duration::from_millis(10_000),
            peer_silent_max: Duration::from_millis(10_000),
            fsync_p99: Duration::from_millis(100),
            disk_full: Duration::ZERO,
            places_taken: 90,
            replicas_differing: 0,
            disks_set_back: 0,
            without_leader: Duration::from_secs(5),
            certificate_left: Some(Duration::from_secs(30 * DAY_SECONDS)),
        };
        assert!(kinds(at).is_empty());
    }

    #[test]
    fn one_beyond_its_threshold_raises_its_own_alert() {
        let one_byte = Figures {
            bytes_at_risk: 104_857_601,
            ..Figures::default()
        };
        assert_eq!(kinds(one_byte)[..], [AlertKind::DataAtRisk]);
        let lag = Figures {
            replication_lag_max: Duration::from_micros(10_000_001),
            ..Figures::default()
        };
        assert_eq!(kinds(lag)[..], [AlertKind::ReplicationLag]);
        let silent = Figures {
            peer_silent_max: Duration::from_micros(10_000_001),
            ..Figures::default()
        };
        assert_eq!(kinds(silent)[..], [AlertKind::PeerSilent]);
        let fsync = Figures {
            fsync_p99: Duration::from_micros(100_001),
            ..Figures::default()
        };
        assert_eq!(kinds(fsync)[..], [AlertKind::SlowFsync]);
        let full = Figures {
            disk_full: Duration::from_micros(1),
            ..Figures::default()
        };
        assert_eq!(kinds(full)[..], [AlertKind::DiskFull]);
        let busy = Figures {
            places_taken: 91,
            ..Figures::default()
        };
        assert_eq!(kinds(busy)[..], [AlertKind::PlacesTaken]);
        let other = Figures {
            replicas_differing: 1,
            ..Figures::default()
        };
        assert_eq!(kinds(other)[..], [AlertKind::ReplicasDiffer]);
    }

    #[test]
    fn no_leader_and_a_certificate_near_its_end_are_told() {
        let figures = Figures {
            without_leader: Duration::from_micros(5_000_001),
            certificate_left: Some(Duration::from_secs(30 * DAY_SECONDS - 1)),
            ..Figures::default()
        };
        assert_eq!(
            kinds(figures)[..],
            [AlertKind::NoLeader, AlertKind::CertificateExpires]
        );
        let expired = Figures {
            certificate_left: Some(Duration::ZERO),
            ..Figures::default()
        };
        assert_eq!(kinds(expired)[..], [AlertKind::CertificateExpires]);
        assert!(
            kinds(Figures::default()).is_empty(),
            "no certificate, no alert"
        );
    }

    #[test]
    fn all_at_once_carry_their_values_and_thresholds() {
        let figures = Figures {
            bytes_at_risk: 11,
            replication_lag_max: Duration::MAX,
            peer_silent_max: Duration::from_micros(13),
            fsync_p99: Duration::from_micros(8),
            disk_full: Duration::from_micros(6),
            places_taken: 4,
            replicas_differing: 2,
            ..Figures::default()
        };
        let thresholds = Thresholds {
            bytes_at_risk: 10,
            replication_lag_max: Duration::from_micros(9),
            peer_silent_max: Duration::from_micros(12),
            fsync_p99: Duration::from_micros(7),
            disk_full: Duration::from_micros(5),
            places_taken: 3,
            ..Thresholds::default()
        };
        let raised = alerts(&figures, &thresholds);
        let parts: Vec<_, ALERTS_MAX> = raised
            .iter()
            .map(|alert| (alert.kind, alert.value, alert.threshold))
            .collect();
        assert_eq!(
            parts[..],
            [
                (AlertKind::DataAtRisk, 11, 10),
                (AlertKind::ReplicationLag, u64::MAX, 9),
                (AlertKind::PeerSilent, 13, 12),
                (AlertKind::SlowFsync, 8, 7),
                (AlertKind::DiskFull, 6, 5),
                (AlertKind::PlacesTaken, 4, 3),
                (AlertKind::ReplicasDiffer, 2, 0),
            ]
        );
    }
}
