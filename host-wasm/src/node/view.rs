//! What a person sees of a node: its log entry by entry, its members and peers, and what is at risk.
//!
//! Lists are rows of numbers behind each other, as many to a row as each function says: one call into
//! wasm for all of them.

use std::time::Duration;

use kraft_proto::health::{Figures, Thresholds, alerts};
use kraft_proto::{Lag, LogIndex};
use wasm_bindgen::prelude::*;

use super::{Node, moment};
use crate::bytes::kind_code;
use crate::codes::{self, Trust};

#[wasm_bindgen]
impl Node {
    /// Entries of its log from `from` on, at most `limit`: index, term, kind, commit mode and fsync
    /// mode as asked, length. The modes are −1 where they are not known: of entries found at the
    /// start, and of the protocol's own.
    pub fn entries(&self, from: f64, limit: u32) -> Vec<f64> {
        let mut rows = Vec::new();
        let first = self.first_index().max(LogIndex(from.max(0.0) as u64));
        let (mut next, mut left) = (first, limit);
        while left > 0
            && let Some(run) = self.run_from(next, left)
        {
            for at in run.positions() {
                let class = self.bodies.class(at);
                rows.extend([
                    at.index.0 as f64,
                    at.term.0 as f64,
                    f64::from(kind_code(run.kind)),
                    class.map_or(-1.0, |class| f64::from(codes::mode(class.mode))),
                    class.map_or(-1.0, |class| f64::from(class.fsync as u8)),
                    self.bodies.at(at).map_or(0, <[u8]>::len) as f64,
                ]);
            }
            left -= run.count;
            next = run.last().next();
        }
        rows
    }

    /// The first entry that is still there.
    #[wasm_bindgen(js_name = firstIndex, getter)]
    pub fn first(&self) -> f64 {
        self.first_index().0 as f64
    }

    /// Who is in the cluster: number, and the sum of 1 for a voter, 2 for a voter on its way out and
    /// 4 for a learner.
    pub fn members(&self) -> Vec<f64> {
        let members = self.raft.members();
        let seats = members.iter().map(|member| {
            let sits = [
                members.voters(),
                members.voters_outgoing(),
                members.learners(),
            ];
            let bits = sits.iter().zip([1, 2, 4]);
            let seats = bits.filter(|(set, _)| set.contains(member.id));
            (member.id, seats.map(|(_, bit)| bit).sum::<u8>())
        });
        seats
            .flat_map(|(id, seats)| [id.0 as f64, f64::from(seats)])
            .collect()
    }

    /// What a leader knows of its peers: number; how many microseconds ago it was heard; trust,
    /// written, synced, entries that it lacks, and for how many microseconds; for how many it has not
    /// told what it holds. What is not known in this term is −1. Looked at again and again, the times
    /// become exact.
    pub fn peers(&mut self, now_us: f64) -> Vec<f64> {
        let now = moment(now_us);
        let status = self.raft.status();
        let is_peer = |id| status.peers.iter().any(|peer| peer.id == id);
        self.lags.retain(|(id, _)| is_peer(*id));
        let mut rows = Vec::new();
        for peer in &status.peers {
            if !self.lags.iter().any(|(id, _)| *id == peer.id) {
                self.lags.push((peer.id, Lag::new(now)));
            }
            let Some((_, lag)) = self.lags.iter_mut().find(|(id, _)| *id == peer.id) else {
                continue;
            };
            lag.look(now, peer, status.last.index);
            let known = |number: Option<f64>| number.unwrap_or(-1.0);
            let micros = |time: Duration| time.as_micros() as f64;
            rows.extend([
                peer.id.0 as f64,
                known(peer.heard.map(|heard| micros(now.since(heard)))),
                known(peer.trust.map(|trust| f64::from(Trust::from(trust) as u8))),
                known(
                    peer.watermarks
                        .map(|watermarks| watermarks.written.0 as f64),
                ),
                known(peer.watermarks.map(|watermarks| watermarks.synced.0 as f64)),
                known(peer.lag_entries.map(|entries| entries as f64)),
                known(lag.age().map(micros)),
                micros(lag.silence()),
            ]);
        }
        rows
    }

    /// Entries acknowledged here and not committed, their bytes, and for how many microseconds the
    /// oldest has been.
    #[wasm_bindgen(js_name = atRisk)]
    pub fn at_risk(&self, now_us: f64) -> Vec<f64> {
        let age = self.at_risk.age(moment(now_us));
        vec![
            self.at_risk.entries() as f64,
            self.at_risk.bytes() as f64,
            age.as_micros() as f64,
        ]
    }

    /// The alerts that are due: kind, value, threshold. Thresholds: bytes at risk, and microseconds of
    /// a peer's lag, of a peer's silence, and of the 99th percentile of an fsync, which the host
    /// measures; negative: the core's own.
    pub fn alerts(&self, fsync_p99_us: f64, thresholds: &[f64]) -> Vec<f64> {
        let ages = self.lags.iter().filter_map(|(_, lag)| lag.age());
        let silences = self.lags.iter().map(|(_, lag)| lag.silence());
        let figures = Figures {
            bytes_at_risk: self.at_risk.bytes() as u64,
            replication_lag_max: ages.max().unwrap_or_default(),
            peer_silent_max: silences.max().unwrap_or_default(),
            fsync_p99: micros(fsync_p99_us),
            ..Figures::default()
        };
        let given = |place: usize| thresholds.get(place).copied().filter(|given| *given >= 0.0);
        let usual = Thresholds::default();
        let thresholds = Thresholds {
            bytes_at_risk: given(0).map_or(usual.bytes_at_risk, |bytes| bytes as u64),
            replication_lag_max: given(1).map_or(usual.replication_lag_max, micros),
            peer_silent_max: given(2).map_or(usual.peer_silent_max, micros),
            fsync_p99: given(3).map_or(usual.fsync_p99, micros),
            ..usual
        };
        let due = alerts(&figures, &thresholds);
        let rows = due.iter().flat_map(|alert| {
            let kind = f64::from(alert.kind as u8);
            [kind, alert.value as f64, alert.threshold as f64]
        });
        rows.collect()
    }

    /// What it waits for, in words.
    pub fn waiting(&self) -> Vec<String> {
        let status = self.raft.status();
        status.waiting.iter().map(ToString::to_string).collect()
    }
}

impl Node {
    fn first_index(&self) -> LogIndex {
        self.raft.status().compacted.index.next()
    }
}

fn micros(count: f64) -> Duration {
    Duration::from_micros(count as u64)
}
