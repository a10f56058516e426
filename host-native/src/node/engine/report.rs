//! What the node says of itself: to `kraft status`, to metrics, to the admin port.

use std::time::Duration;

use kraft_proto::{Status, Waiting};
use kraft_wire::api::{
    Candidacy, DifferingReplica, DiskRoom, MemberStatus, PlacesStatus, StatusReport, Voting,
};
use kraft_wire::cert;
use kraft_wire::quic::ConnectionRefusalKind;

use super::Engine;
use crate::admin::{Readiness, Snapshot};
use crate::transport::Dropped;

const DAY_SECONDS: u64 = 24 * 60 * 60;

impl Engine {
    /// Looks at everything, does what is due by it, and brings figures and the published status up to
    /// date.
    pub(super) fn refresh(&mut self) {
        let now = self.now();
        let status = self.raft.status();
        let lags = self.peers.look(now, &status);
        self.metrics.replication_lag(&lags);
        self.compare_replicas(now);
        self.log.look(now);
        self.make_snapshot_if_due();
        self.remind_of_snapshot();
        self.look_for_standby();
        self.look_after_members();
        self.serve_parked();
        self.show(&status);
        let readiness = self.readiness();
        let status = serde_json::to_value(self.report()).unwrap_or_default();
        self.publisher.send_replace(Snapshot { readiness, status });
        if self.certificate_left().is_zero() {
            self.leave_office_expired();
        }
    }

    /// Brings figures up to date.
    fn show(&self, status: &Status) {
        let (now, metrics) = (self.now(), &self.metrics);
        metrics.suspects(status.suspects() as u64);
        metrics.disks_set_back(status.disks_set_back() as u64);
        let at_risk = self.early_acks.at_risk();
        metrics.at_risk(at_risk.entries, at_risk.bytes);
        let transport = self.peers.stats();
        for reason in Dropped::ALL {
            metrics.transport_drops(reason.label(), transport.dropped(reason));
        }
        for kind in ConnectionRefusalKind::ALL {
            metrics.transport_refusals(kind.label(), transport.refused(kind));
        }
        metrics.transport_spares(transport.spares());
        let places = self.waiting.places();
        let taken = self.waiting.percent_taken();
        metrics.places(places.writes, places.reads, taken);
        let clients = self.clients.stats();
        for kind in ConnectionRefusalKind::ALL {
            metrics.client_refusals(kind.label(), clients.refused(kind));
        }
        metrics.clients(self.clients.connected() as u64, clients.sent_away());
        metrics.unread(self.clients.unread_bytes() as u64);
        metrics.without_leader(self.office.vacant_for(now));
        metrics.certificate_left(self.certificate_left());
        metrics.replicas_differ(self.applied.checked().differing().len() as u64);
        metrics.disk(self.log.busy(), self.log.room(), self.log.full_for(now));
        metrics.kept(self.log.segments(), self.snapshots.status());
    }

    /// Whether clients are well served here.
    fn readiness(&self) -> Readiness {
        if let Some(why) = self.outvoted() {
            return Readiness::NotReady(why);
        }
        let why = match self.office.leader() {
            None => "no leader is known",
            Some(_) if self.log.room() == DiskRoom::Full => {
                "the disk is full: entries are turned away until there is room"
            }
            Some(_) if self.certificate_left().is_zero() => {
                "its certificate has expired, and no client can connect to it"
            }
            Some(_) => return Readiness::Ready,
        };
        Readiness::NotReady(why.into())
    }

    /// Why this replica is not to be read from.
    fn outvoted(&self) -> Option<String> {
        self.applied.checked().outvoted(self.raft.members())
    }

    /// How long the certificate holds from now; zero once it has expired.
    fn certificate_left(&self) -> Duration {
        cert::left(self.credentials.until())
    }

    /// What an operator should look at.
    fn warnings(&self, status: &Status) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(self.peers.warnings(status));
        warnings.extend(self.log.warnings());
        warnings.extend(self.places_warning());
        warnings.extend(status.waiting.iter().filter_map(lasting));
        warnings.extend(self.certificate_warning());
        let differing = self.applied.checked().differing();
        warnings.extend(differing.iter().map(DifferingReplica::to_string));
        warnings.extend(self.outvoted());
        warnings
    }

    fn certificate_warning(&self) -> Option<String> {
        let left = self.certificate_left();
        if left.is_zero() {
            return Some(
                "its certificate has expired, and nobody can connect to it: renew it with `kraft cert renew`"
                    .into(),
            );
        }
        (left < self.config.alerts.certificate_left).then(|| {
            format!(
                "its certificate expires in {} days: renew it with `kraft cert renew`",
                left.as_secs() / DAY_SECONDS
            )
        })
    }

    /// What to say when few places are left.
    fn places_warning(&self) -> Option<String> {
        let places = self.waiting.places();
        (self.waiting.percent_taken() > self.config.alerts.places_taken).then(|| {
            format!(
                "of its places for waiting requests {} of {} are taken by writes and {} of {} by reads: \
                 clients with more than their share give places back to others",
                places.writes, places.writes_max, places.reads, places.reads_max
            )
        })
    }

    /// How this node sees itself and the cluster.
    pub(super) fn report(&self) -> StatusReport {
        let (now, status) = (self.now(), self.raft.status());
        StatusReport {
            node: self.node,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: self.identity.store,
            incarnation: status.incarnation.number,
            uptime_ms: now.0 / 1000,
            trust: status.trust,
            role: status.role,
            term: status.term,
            leader: status.leader,
            candidacy: candidacy(&status),
            last: status.last,
            watermarks: status.watermarks,
            commit: status.commit,
            applied: self.applied.position(),
            members: self.members(),
            peers: self.peers.status(now, &status),
            lag: self.peers.lag(&status),
            at_risk: self.early_acks.at_risk(),
            unkept: self.early_acks.unkept(),
            differing: self.applied.checked().differing(),
            suspects: status.suspects() as u64,
            disk: self.log.status(),
            data: self.applied.data(),
            snapshot: self.snapshots.status(),
            places: PlacesStatus {
                clients: self.clients.connected() as u64,
                unread_bytes: self.clients.unread_bytes() as u64,
                ..self.waiting.places()
            },
            waiting: status.waiting.iter().map(Waiting::to_string).collect(),
            warnings: self.warnings(&status),
        }
    }

    fn members(&self) -> Vec<MemberStatus> {
        let members = self.raft.members();
        let member = members.iter().map(|member| MemberStatus {
            id: member.id,
            voting: match members.is_voter(member.id) {
                true => Voting::Voter,
                false => Voting::Learner,
            },
            client_address: self.clients.directory().of(member.id),
        });
        member.collect()
    }
}

/// The votes it asks for, if it does.
fn candidacy(status: &Status) -> Option<Candidacy> {
    let granted = status.waiting.iter().find_map(|waiting| match waiting {
        Waiting::Votes { granted } | Waiting::CleanVotes { granted, .. } => Some(*granted),
        _ => None,
    })?;
    Some(Candidacy {
        granted: granted.into(),
        needed: status.members.voters().len() as u64 / 2 + 1,
    })
}

/// What a node waits for that does not pass by itself within a moment.
fn lasting(waiting: &Waiting) -> Option<String> {
    match waiting {
        Waiting::CleanVotes { .. }
        | Waiting::Readmission(_)
        | Waiting::LeftOut
        | Waiting::Settlement
        | Waiting::Restoring(_)
        | Waiting::Superseded(_)
        | Waiting::WentBack(_) => Some(waiting.to_string()),
        Waiting::Stop
        | Waiting::HardState
        | Waiting::Mark
        | Waiting::LogWrites
        | Waiting::Leader
        | Waiting::Votes { .. }
        | Waiting::Transfer(_)
        | Waiting::Majority { .. }
        | Waiting::Members(_)
        | Waiting::Recall(_)
        | Waiting::Snapshot(_) => None,
    }
}
