//! What the node says of itself: to `kraft status`, to metrics, to the admin port.

use std::time::Duration;

use kraft_proto::{Lag, NodeId, PeerState, PeerStatus as CorePeer, Status, Waiting};
use kraft_wire::api::{
    AtRisk, Candidacy, DataStatus, DifferingReplica, DiskRoom, DiskStatus, LagStatus, Link,
    MemberStatus, PeerStatus, PlacesStatus, StatusReport, Voting,
};
use kraft_wire::quic::ConnectionRefusalKind;

use super::engine::Engine;
use crate::admin::{Readiness, Snapshot};
use crate::metrics::{Behind, Lag as LagFigure};
use crate::transport::Dropped;

const DAY_SECONDS: u64 = 24 * 60 * 60;

impl Engine {
    /// Brings figures and the published status up to date.
    pub(super) fn refresh(&mut self) {
        let now = self.now();
        let status = self.parts.raft.status();
        let last = status.last.index;
        let mut figures = Vec::with_capacity(status.peers.len());
        for peer in &status.peers {
            if !self.lags.iter().any(|(id, _)| *id == peer.id) {
                self.lags.push((peer.id, Lag::new(now)));
            }
            if let Some((_, lag)) = self.lags.iter_mut().find(|(id, _)| *id == peer.id) {
                lag.look(now, peer, last);
                figures.push(LagFigure {
                    peer: peer.id,
                    behind: match (peer.lag_entries, lag.age()) {
                        (Some(entries), Some(time)) => Some(Behind { entries, time }),
                        _ => None,
                    },
                    silence: lag.silence(),
                });
            }
        }
        self.notice_stranded(&status);
        self.notice_set_back(&status);
        self.compare_replicas(now);
        self.look_at_disk();
        let metrics = &self.parts.metrics;
        metrics.suspects(status.suspects() as u64);
        metrics.disks_set_back(status.disks_set_back() as u64);
        metrics.replication_lag(&figures);
        metrics.at_risk(self.at_risk.entries() as u64, self.at_risk.bytes() as u64);
        let transport = self.parts.transport.stats();
        for reason in Dropped::ALL {
            metrics.transport_drops(reason.label(), transport.dropped(reason));
        }
        for kind in ConnectionRefusalKind::ALL {
            metrics.transport_refusals(kind.label(), transport.refused(kind));
        }
        metrics.transport_spares(transport.spares());
        metrics.places(
            self.waiting.taken(),
            self.reads.shares().taken(),
            self.places_taken(),
        );
        let clients = self.parts.clients.stats();
        for kind in ConnectionRefusalKind::ALL {
            metrics.client_refusals(kind.label(), clients.refused(kind));
        }
        metrics.clients(self.parts.clients.connected() as u64, clients.sent_away());
        metrics.unread(self.parts.clients.unread_bytes() as u64);
        let without = match self.leader {
            Some(_) => Duration::ZERO,
            None => now.since(self.without_leader_since),
        };
        metrics.without_leader(without);
        let certificate_left = self.certificate_left();
        metrics.certificate_left(certificate_left);
        metrics.replicas_differ(self.replicas.differing().len() as u64);
        self.serve_parked();
        let readiness = match (self.outvoted(), self.leader) {
            (Some(why), _) => Readiness::NotReady(why),
            (None, Some(_)) if self.disk.room == DiskRoom::Full => Readiness::NotReady(
                "the disk is full: entries are turned away until there is room".into(),
            ),
            (None, Some(_)) if certificate_left.is_zero() => Readiness::NotReady(
                "its certificate has expired, and no client can connect to it".into(),
            ),
            (None, Some(_)) => Readiness::Ready,
            (None, None) => Readiness::NotReady("no leader is known".into()),
        };
        let status = serde_json::to_value(self.report()).unwrap_or_default();
        self.parts
            .publisher
            .send_replace(Snapshot { readiness, status });
        if certificate_left.is_zero() {
            self.leave_office_expired();
        }
    }

    /// Says once of each peer that only a snapshot could help it.
    fn notice_stranded(&mut self, status: &Status) {
        for peer in &status.peers {
            if peer.state != PeerState::Snapshot {
                self.stranded.remove(&peer.id);
            } else if self.stranded.insert(peer.id) {
                tracing::warn!(
                    "node {} cannot be caught up: {}",
                    peer.id,
                    why_stranded(status)
                );
            }
        }
    }

    /// Says once of each disk that it went back to an older copy of itself.
    fn notice_set_back(&mut self, status: &Status) {
        for (node, times) in set_backs(status) {
            if self.set_back.insert(node, times) != Some(times) {
                tracing::warn!("{}", set_back(node));
            }
        }
    }

    /// What an operator should look at.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.parts.warnings.clone();
        let status = self.parts.raft.status();
        warnings.extend(set_backs(&status).map(|(node, _)| set_back(node)));
        warnings.extend(self.disk_warnings());
        warnings.extend(self.places_warning());
        warnings.extend(self.parts.raft.status().waiting.iter().filter_map(lasting));
        let left = self.certificate_left();
        if left.is_zero() {
            warnings.push(
                "its certificate has expired, and nobody can connect to it: renew it with `kraft cert renew`"
                    .into(),
            );
        } else if left < self.parts.config.alerts.certificate_left {
            warnings.push(format!(
                "its certificate expires in {} days: renew it with `kraft cert renew`",
                left.as_secs() / DAY_SECONDS
            ));
        }
        let differing = self.replicas.differing();
        warnings.extend(differing.iter().map(DifferingReplica::to_string));
        warnings.extend(self.outvoted());
        for (peer, setting) in &self.differing {
            warnings.push(format!(
                "node {peer} has another setting of {setting}: the leader's decides; make them equal"
            ));
        }
        warnings
    }

    /// How this node sees itself and the cluster.
    pub(super) fn report(&self) -> StatusReport {
        let status = self.parts.raft.status();
        let parts = &self.parts;
        let stats = parts.disk.stats();
        let machine = self.replica.machine();
        let peers = status.peers.iter();
        StatusReport {
            node: parts.node,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            store: parts.identity.store,
            incarnation: status.incarnation.number,
            uptime_ms: self.now().0 / 1000,
            trust: status.trust,
            role: status.role,
            term: status.term,
            leader: status.leader,
            candidacy: candidacy(&status),
            last: status.last,
            watermarks: status.watermarks,
            commit: status.commit,
            applied: self.replica.applied(),
            members: self.members(),
            peers: peers.map(|peer| self.peer(&status, peer)).collect(),
            lag: self.lag(&status),
            at_risk: AtRisk {
                entries: self.at_risk.entries() as u64,
                bytes: self.at_risk.bytes() as u64,
            },
            unkept: self.unkept,
            differing: self.replicas.differing(),
            suspects: status.suspects() as u64,
            disk: DiskStatus {
                log_bytes: stats.bytes_written(),
                free_bytes: parts.disk.space().disk_free(),
                fsyncs: stats.fsyncs(),
                fsync_bytes: stats.bytes_forced(),
                room: self.disk.room,
            },
            data: DataStatus {
                entries: machine.entries(),
                bytes: machine.bytes(),
                sessions: self.replica.sessions().len() as u64,
            },
            places: PlacesStatus {
                writes: self.waiting.taken(),
                writes_max: self.waiting.capacity(),
                reads: self.reads.shares().taken(),
                reads_max: self.reads.shares().capacity(),
                clients: parts.clients.connected() as u64,
                unread_bytes: parts.clients.unread_bytes() as u64,
            },
            waiting: status.waiting.iter().map(Waiting::to_string).collect(),
            warnings: self.warnings(),
        }
    }

    /// The peer's lag in time, when last looked at.
    fn lag_of(&self, peer: &CorePeer) -> Option<&Lag> {
        let mut lags = self.lags.iter();
        lags.find(|(id, _)| *id == peer.id).map(|(_, lag)| lag)
    }

    fn lag(&self, status: &Status) -> LagStatus {
        let known = status.peers.iter().filter(|peer| peer.watermarks.is_some());
        let ages = known.filter_map(|peer| self.lag_of(peer)?.age());
        let ages: Vec<u64> = ages.map(millis).collect();
        LagStatus {
            entries_max: status.lag_entries_max(),
            entries_mean: status.lag_entries_mean(),
            ms_max: ages.iter().copied().max(),
            ms_mean: (!ages.is_empty())
                .then(|| ages.iter().sum::<u64>().div_ceil(ages.len() as u64)),
            unknown: status.peers_unknown() as u64,
        }
    }

    fn members(&self) -> Vec<MemberStatus> {
        let members = self.parts.raft.members();
        let member = members.iter().map(|member| MemberStatus {
            id: member.id,
            voting: match members.is_voter(member.id) {
                true => Voting::Voter,
                false => Voting::Learner,
            },
            client_address: self.parts.clients.directory().of(member.id),
        });
        member.collect()
    }

    fn peer(&self, status: &Status, peer: &CorePeer) -> PeerStatus {
        let up = self.parts.transport.is_up(peer.id);
        let (link, why) = if !up {
            let why = "no connection: it is down, or the network between is";
            (Link::Down, Some(why.to_owned()))
        } else if peer.state == PeerState::Snapshot {
            (Link::Connected, Some(why_stranded(status)))
        } else {
            (Link::Connected, None)
        };
        let lag = self.lag_of(peer);
        PeerStatus {
            id: peer.id,
            link,
            state: peer.state,
            heard_ms: peer.heard.map(|heard| millis(self.now().since(heard))),
            watermarks: peer.watermarks,
            lag_entries: peer.lag_entries,
            lag_ms: lag
                .filter(|_| peer.watermarks.is_some())
                .and_then(Lag::age)
                .map(millis),
            silent_ms: lag.map_or(0, |lag| millis(lag.silence())),
            why,
        }
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
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

/// The nodes whose disk went back to an older copy of itself, and how often.
fn set_backs(status: &Status) -> impl Iterator<Item = (NodeId, u32)> {
    let own = status.set_back.map(|_| (status.id, 1));
    let peers = status.peers.iter().map(|peer| (peer.id, peer.set_backs));
    let peers = peers.filter(|(_, times)| *times > 0);
    own.into_iter().chain(peers.collect::<Vec<_>>())
}

fn set_back(node: NodeId) -> String {
    format!(
        "the disk of node {node} went back to an older copy of itself, as a restored backup does: the \
         node is brought up to date, and its votes do not count in full before; see to it that nothing \
         puts old copies back"
    )
}

/// Why a peer gets no entries although it is connected.
fn why_stranded(status: &Status) -> String {
    format!(
        "it needs entries through index {}, which are gone here, and this host makes no snapshots",
        status.compacted.index
    )
}
