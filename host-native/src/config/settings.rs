//! Every option once: where it stands in a file, its variable, its flag, how it is read and shown.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use kraft_proto::durability::{Fallback, LeaderFsync, LeaderOnlyReplication, OnPowerLoss};
use kraft_proto::ids::NodeId;
use kraft_wire::address::read_listen;
use kraft_wire::rpc::CLIENTS_PORT;

use super::members::MemberConfig;
use super::options::{AtRiskFull, Config};
use super::ports::{ADMIN_PORT, PEERS_PORT};
use super::values::{format_bytes, format_duration, parse_bytes, parse_duration, parse_switch};

/// One option.
#[derive(Debug)]
pub struct Setting {
    /// Its place in the file: `durability.batch_size`.
    pub path: &'static str,
    /// Its name elsewhere: `batch_size` is `KRAFT_BATCH_SIZE` and `--batch-size`.
    pub word: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    /// Reads it; a relative path starts at the given folder.
    pub(super) set: fn(&mut Config, &str, &Path) -> Result<(), String>,
    /// Its value as TOML; `None` if it has none.
    pub(super) show: fn(&Config) -> Option<String>,
}

impl Setting {
    /// The variable that sets it.
    pub fn variable(&self) -> String {
        format!("KRAFT_{}", self.word.to_ascii_uppercase())
    }

    /// The flag that sets it, without its dashes.
    pub fn flag(&self) -> String {
        self.word.replace('_', "-")
    }

    /// The section of the file it stands in; empty at the top.
    pub fn section(&self) -> &'static str {
        self.path.split_once('.').map_or("", |(section, _)| section)
    }

    /// Its key within the section.
    pub fn key(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, key)| key)
    }

    /// The option at this place of the file.
    pub fn at(path: &str) -> Option<&'static Self> {
        let former = FORMER.iter().find(|(former, _)| *former == path);
        let path = former.map_or(path, |(_, now)| now);
        SETTINGS.iter().find(|setting| setting.path == path)
    }

    /// The option of this name.
    pub fn named(word: &str) -> Option<&'static Self> {
        let by_former = |setting: &&Self| setting.former_word() == Some(word);
        let named = SETTINGS.iter().find(|setting| setting.word == word);
        named.or_else(|| SETTINGS.iter().find(by_former))
    }

    /// The name that it had before, which still sets it.
    pub fn former_word(&self) -> Option<&'static str> {
        let former = FORMER.iter().find(|(_, now)| *now == self.path);
        former.map(|(former, _)| former.rsplit('.').next().unwrap_or(former))
    }

    /// Its value when nothing sets it.
    pub fn default_value(&self) -> Option<String> {
        (self.show)(&Config::default())
    }
}

/// Places that had another name before: files, variables and flags of then still set them.
const FORMER: [(&str, &str); 1] = [("durability.lazy_flush", "durability.lazy_force")];

/// A setting that is one field: its place, name, reader, shower, field and purpose.
macro_rules! setting {
    ($path:literal, $word:literal, $read:expr, $show:expr, $($field:ident).+, $about:literal) => {
        Setting {
            path: $path,
            word: $word,
            about: $about,
            set: |config, text, base| {
                config.$($field).+ = $read(text, base)?;
                Ok(())
            },
            show: |config| $show(&config.$($field).+),
        }
    };
}

/// Every option, in the order of a written file.
pub const SETTINGS: &[Setting] = &[
    setting! {
        "node", "node", node, number_of_node, node,
        "which member this is"
    },
    setting! {
        "cluster", "cluster", some_word, quoted_some, cluster,
        "which cluster it belongs to"
    },
    setting! {
        "data_dir", "data_dir", path, quoted_path, data_dir,
        "where the log and the node's identity are"
    },
    setting! {
        "preset", "preset", word, quoted, preset,
        "financial, balanced, low_latency or max_throughput: the durability options to start \
         from"
    },
    setting! {
        "zones_file", "zones", some_path, quoted_some_path, zones_file,
        "a file of [[zones]] that replaces those of the main file"
    },
    setting! {
        "members", "members", members, hidden, members,
        "everybody, as ID@PEERS/CLIENTS with commas between"
    },
    setting! {
        "listen.peers", "listen_peers", listen_peers, quoted, listen.peers,
        "where peers are listened for, UDP; [::] is every address, IPv4 too"
    },
    setting! {
        "listen.clients", "listen_clients", listen_clients, quoted, listen.clients,
        "where clients are listened for, UDP; [::] is every address, IPv4 too"
    },
    setting! {
        "listen.advertise_clients", "advertise_clients", some_word, quoted_some, advertise_clients,
        "where clients reach this node, HOST:PORT, if that is neither its entry among the members nor where it listens"
    },
    setting! {
        "listen.admin", "listen_admin", listen_admin, quoted, listen.admin,
        "metrics and health, TCP without authentication"
    },
    setting! {
        "tls.ca", "tls_ca", path, quoted_path, tls.ca,
        "the cluster's authority, PEM"
    },
    setting! {
        "tls.cert", "tls_cert", path, quoted_path, tls.cert,
        "the own certificate, PEM"
    },
    setting! {
        "tls.key", "tls_key", path, quoted_path, tls.key,
        "its private key, PEM"
    },
    setting! {
        "durability.default_mode", "default_mode", word, quoted, durability.default.mode,
        "ASYNC, LEADER_ONLY, AT_LEAST_<n>, SYNC or ALL: how many hold a write that asks \
         nothing else"
    },
    setting! {
        "durability.default_fsync", "default_fsync", word, quoted, durability.default.fsync,
        "NONE, BATCH, COMMIT or ALWAYS: when the disk is forced for such a write"
    },
    setting! {
        "durability.fsync_floor", "fsync_floor", word, quoted, durability.fsync_floor,
        "what this node never goes below, whatever is asked"
    },
    Setting {
        path: "durability.leader_fsync",
        word: "leader_fsync",
        about: "LEADER_ONLY waits for the leader's disk, whatever its fsync mode",
        set: |config, text, _| {
            config.durability.leader_fsync =
                parse_switch(text, LeaderFsync::AsClass, LeaderFsync::Required)?;
            Ok(())
        },
        show: |config| switch(config.durability.leader_fsync == LeaderFsync::Required),
    },
    Setting {
        path: "durability.async_replicate",
        word: "async_replicate",
        about: "LEADER_ONLY writes are sent to followers at once, not with the next heartbeat",
        set: |config, text, _| {
            config.durability.leader_only_replication = parse_switch(
                text,
                LeaderOnlyReplication::WithHeartbeat,
                LeaderOnlyReplication::Background,
            )?;
            Ok(())
        },
        show: |config| {
            switch(config.durability.leader_only_replication == LeaderOnlyReplication::Background)
        },
    },
    setting! {
        "durability.batch_size", "batch_size", count, number, durability.batch_size,
        "ASYNC: entries replicated together"
    },
    setting! {
        "durability.batch_timeout", "batch_timeout", duration, quoted_duration, durability.batch_timeout,
        "ASYNC: how long an entry waits for company"
    },
    setting! {
        "durability.all_timeout", "all_timeout", duration, quoted_duration, durability.all_timeout,
        "ALL: how long a write waits for everybody"
    },
    Setting {
        path: "durability.fallback_to_majority",
        word: "fallback_to_majority",
        about: "ALL: at the deadline a majority is enough, and the answer says so",
        set: |config, text, _| {
            config.durability.fallback =
                parse_switch(text, Fallback::Refuse, Fallback::ToMajority)?;
            Ok(())
        },
        show: |config| switch(config.durability.fallback == Fallback::ToMajority),
    },
    setting! {
        "durability.batch_fsync_count", "batch_fsync_count", count, number, durability.batch_fsync_count,
        "BATCH: entries between two forces"
    },
    setting! {
        "durability.batch_fsync_interval", "batch_fsync_interval", duration, quoted_duration, durability.batch_fsync_interval,
        "BATCH: the longest time between two forces"
    },
    setting! {
        "durability.lazy_force", "lazy_force", duration, quoted_duration, durability.lazy_force,
        "NONE: the force in the background, this long after the first unforced entry"
    },
    setting! {
        "durability.disk_stall", "disk_stall", duration, quoted_duration, durability.disk_stall,
        "a leader whose own disk owes it a write for this long transfers leadership"
    },
    setting! {
        "durability.at_risk_entries_max", "at_risk_entries_max", count, number, durability.at_risk_entries_max,
        "entries acknowledged early and not committed; beyond it early writes are refused"
    },
    setting! {
        "durability.at_risk_bytes_max", "at_risk_bytes_max", bytes, quoted_bytes, at_risk_bytes_max,
        "their bytes; beyond it early writes are refused"
    },
    Setting {
        path: "durability.at_risk_full",
        word: "at_risk_full",
        about: "wait or refuse: beyond either, clients ask again until their deadline, or are refused at once",
        set: |config, text, _| {
            config.at_risk_full = match text {
                "wait" => AtRiskFull::Wait,
                "refuse" => AtRiskFull::Refuse,
                _ => return Err("use wait or refuse".into()),
            };
            Ok(())
        },
        show: |config| {
            quoted(&match config.at_risk_full {
                AtRiskFull::Wait => "wait",
                AtRiskFull::Refuse => "refuse",
            })
        },
    },
    Setting {
        path: "durability.on_power_loss",
        word: "on_power_loss",
        about: "protect or available: whether a node that may have forgotten copies helps elect a leader; one setting for the cluster",
        set: |config, text, _| {
            config.durability.on_power_loss = match text {
                "protect" => OnPowerLoss::Protect,
                "available" => OnPowerLoss::Available,
                _ => return Err("use protect or available".into()),
            };
            Ok(())
        },
        show: |config| {
            quoted(&match config.durability.on_power_loss {
                OnPowerLoss::Protect => "protect",
                OnPowerLoss::Available => "available",
            })
        },
    },
    setting! {
        "raft.election_timeout_min", "election_timeout_min", duration, quoted_duration, timing.election_timeout_min,
        "the shortest time without a leader before an election"
    },
    setting! {
        "raft.election_timeout_max", "election_timeout_max", duration, quoted_duration, timing.election_timeout_max,
        "the longest"
    },
    setting! {
        "raft.heartbeat", "heartbeat", duration, quoted_duration, timing.heartbeat,
        "how often a leader is heard from when there is nothing to send"
    },
    setting! {
        "limits.waiting_writes_max", "waiting_writes_max", count, number, limits.waiting_writes,
        "writes that wait for their answer; beyond it clients with more than their share give places back"
    },
    setting! {
        "limits.waiting_reads_max", "waiting_reads_max", count, number, limits.waiting_reads,
        "reads that wait for their answer; beyond it clients with more than their share give places back"
    },
    setting! {
        "limits.request_timeout_max", "request_timeout_max", duration, quoted_duration, limits.request_timeout,
        "the longest time a request may wait; one that asks for more is answered by then"
    },
    setting! {
        "limits.unwritten_bytes_max", "unwritten_bytes_max", bytes, quoted_bytes, limits.unwritten_bytes,
        "bytes of entries in memory that wait for the disk; beyond it writes are refused as busy"
    },
    setting! {
        "limits.unwritten_entries_max", "unwritten_entries_max", count, number, limits.unwritten_entries,
        "how many they may be, 4096 to 65536"
    },
    setting! {
        "limits.writes_in_flight_max", "writes_in_flight_max", count, number, limits.writes_in_flight,
        "log writes on their way to the disk, 1 to 16: fewer join more entries in each"
    },
    setting! {
        "limits.appends_in_flight_max", "appends_in_flight_max", count, number, limits.appends_in_flight,
        "appends on their way to one peer, 1 to 16: what a slow peer can cost its leader"
    },
    setting! {
        "limits.append_entries_max", "append_entries_max", count, number, limits.append_entries,
        "entries one append carries, 1 to 4096"
    },
    setting! {
        "snapshots.entries", "snapshot_entries", count, number, snapshots.entries,
        "entries after which a snapshot is made, so that the log before it can go"
    },
    setting! {
        "snapshots.bytes", "snapshot_bytes", bytes, quoted_bytes, snapshots.bytes,
        "bytes of log after which one is made; two are kept, and the log from the older one on"
    },
    setting! {
        "snapshots.dir", "snapshot_dir", some_path, quoted_some_path, snapshots.dir,
        "where they are kept, if not in the data directory"
    },
    setting! {
        "alerts.disk_full", "alert_disk_full", duration, quoted_duration, alerts.disk_full,
        "alert when entries have been turned away for longer than this because the disk is full"
    },
    setting! {
        "alerts.places_taken", "alert_places_taken", count, number, alerts.places_taken,
        "alert when more than this many of a hundred places for waiting requests are taken"
    },
    setting! {
        "alerts.bytes_at_risk", "alert_bytes_at_risk", bytes, quoted_bytes, alerts.bytes_at_risk,
        "alert beyond this many acknowledged bytes not yet on a majority's disks"
    },
    setting! {
        "alerts.replication_lag", "alert_replication_lag", duration, quoted_duration, alerts.replication_lag_max,
        "alert when a peer is further behind than this"
    },
    setting! {
        "alerts.peer_silent", "alert_peer_silent", duration, quoted_duration, alerts.peer_silent_max,
        "alert when a peer has not told its leader what it holds for longer than this"
    },
    setting! {
        "alerts.fsync_p99", "alert_fsync_p99", duration, quoted_duration, alerts.fsync_p99,
        "alert when one fsync in a hundred takes longer than this"
    },
    setting! {
        "alerts.without_leader", "alert_without_leader", duration, quoted_duration, alerts.without_leader,
        "alert when no leader has been known for longer than this"
    },
    setting! {
        "alerts.certificate_left", "alert_certificate_left", duration, quoted_duration, alerts.certificate_left,
        "alert when this node's certificate expires sooner than this"
    },
];

fn word<T: FromStr<Err: Display>>(text: &str, _: &Path) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn some_word<T: FromStr<Err: Display>>(text: &str, base: &Path) -> Result<Option<T>, String> {
    word(text, base).map(Some)
}

fn count<T: FromStr>(text: &str, _: &Path) -> Result<T, String> {
    text.parse()
        .map_err(|_| "use a whole number within reason".into())
}

fn node(text: &str, base: &Path) -> Result<Option<NodeId>, String> {
    match count(text, base)? {
        0 => Err("ids start at 1".into()),
        id => Ok(Some(NodeId(id))),
    }
}

fn listen_peers(text: &str, _: &Path) -> Result<SocketAddr, String> {
    read_listen(text, PEERS_PORT)
}

fn listen_clients(text: &str, _: &Path) -> Result<SocketAddr, String> {
    read_listen(text, CLIENTS_PORT)
}

fn listen_admin(text: &str, _: &Path) -> Result<SocketAddr, String> {
    read_listen(text, ADMIN_PORT)
}

fn members(text: &str, _: &Path) -> Result<Vec<MemberConfig>, String> {
    text.split(',').map(str::parse).collect()
}

fn path(text: &str, base: &Path) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("use a path".into());
    }
    Ok(base.join(text))
}

fn some_path(text: &str, base: &Path) -> Result<Option<PathBuf>, String> {
    path(text, base).map(Some)
}

fn duration(text: &str, _: &Path) -> Result<Duration, String> {
    parse_duration(text)
}

fn bytes(text: &str, _: &Path) -> Result<u64, String> {
    parse_bytes(text)
}

pub(super) fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quoted<T: Display>(value: &T) -> Option<String> {
    Some(quote(&value.to_string()))
}

fn quoted_some<T: Display>(value: &Option<T>) -> Option<String> {
    value.as_ref().and_then(quoted)
}

fn quoted_path(path: &Path) -> Option<String> {
    quoted(&path.display())
}

fn quoted_some_path(path: &Option<PathBuf>) -> Option<String> {
    path.as_deref().and_then(quoted_path)
}

fn quoted_duration(duration: &Duration) -> Option<String> {
    quoted(&format_duration(*duration))
}

fn quoted_bytes(bytes: &u64) -> Option<String> {
    quoted(&format_bytes(*bytes))
}

fn number<T: Display>(value: &T) -> Option<String> {
    Some(value.to_string())
}

fn number_of_node(node: &Option<NodeId>) -> Option<String> {
    node.map(|id| id.to_string())
}

fn switch(on: bool) -> Option<String> {
    Some(on.to_string())
}

fn hidden(_: &[MemberConfig]) -> Option<String> {
    None
}
