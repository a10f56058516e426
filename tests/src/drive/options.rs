//! The fields of `new`: a node's settings, and what its disk kept.

use std::time::Duration;

use kraft_proto::durability::{Fallback, LeaderFsync, LeaderOnlyReplication};
use kraft_proto::limits::{TERM_RUNS_MAX, TERM_RUNS_MIN};
use kraft_proto::{
    CheckQuorum, Class, Config, Durability, Instant, Lease, Members, NodeId, Nonce, PreVote,
    StoreId,
};
use serde_json::Value;

use super::disk::{Disk, Stop};
use super::fields::{Fields, Refusal};

/// One tick. The core counts microseconds, and an election timeout is drawn among whole ticks.
pub const TICK: Duration = Duration::from_micros(1);

/// This many ticks.
pub fn ticks(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// The moment so many ticks after a node's start.
pub fn moment(ticks: u64) -> Instant {
    Instant::from_micros(ticks)
}

/// Everything a node starts from.
#[derive(Debug)]
pub struct Options {
    /// Its settings.
    pub config: Config,
    /// The configuration at index 0.
    pub members: Members,
    /// What its disk kept.
    pub disk: Disk,
    /// How its last incarnation ended.
    pub stop: Stop,
    /// What tells this start from others of the same number, if the caller says so.
    pub nonce: Option<Nonce>,
}

impl Options {
    /// Reads the fields of a `new` for `node`.
    pub fn read(node: NodeId, fields: Fields<'_>) -> Result<Self, Refusal> {
        fields.need("voters")?;
        let voters = fields.nodes("voters")?.unwrap_or_default();
        let learners = fields.nodes("learners")?.unwrap_or_default();
        let members = Members::new(voters, learners)
            .map_err(|error| Refusal(format!("voters, learners: {error}")))?;
        let stop = match fields.truth("suspect")? {
            None => Stop::Unknown,
            Some(false) => Stop::ProcessOnly,
            Some(true) => Stop::Suspect,
        };
        Ok(Self {
            config: config(node, fields)?,
            members,
            disk: disk(fields)?,
            stop,
            nonce: fields.number("nonce")?.map(Nonce),
        })
    }
}

fn config(node: NodeId, fields: Fields<'_>) -> Result<Config, Refusal> {
    let seed = fields.number("seed")?.unwrap_or_default();
    let election_ticks = fields.number("election_ticks")?.unwrap_or(10);
    let heartbeat_ticks = fields.number("heartbeat_ticks")?.unwrap_or(1);
    let longest = election_ticks.saturating_mul(2).saturating_sub(1);
    let pre_vote = match fields.truth("prevote")?.unwrap_or_default() {
        true => PreVote::On,
        false => PreVote::Off,
    };
    let check_quorum = match fields.truth("check_quorum")?.unwrap_or_default() {
        true => CheckQuorum::On,
        false => CheckQuorum::Off,
    };
    // A node keeps its store, whichever blobs survive on it.
    let common = Config::new(node, StoreId(node.0), seed);
    // Beyond its type it is beyond its limit, which the core refuses by name.
    let tiny = |name, default| {
        let given = fields.small_number(name)?;
        Ok(given.map_or(default, |given| given.try_into().unwrap_or(u8::MAX)))
    };
    Ok(Config {
        election_timeout_min: ticks(election_ticks),
        election_timeout_max: ticks(longest),
        heartbeat: ticks(heartbeat_ticks),
        pre_vote,
        check_quorum,
        lease: match fields.number("lease_drift_permille")? {
            None => Lease::Off,
            // Beyond its type it is beyond its limit, which the core refuses by name.
            Some(drift) => Lease::On {
                drift_permille: drift.try_into().unwrap_or(u16::MAX),
            },
        },
        append_entries_max: fields
            .small_number("append_entries_max")?
            .unwrap_or(common.append_entries_max),
        appends_in_flight_max: tiny("appends_in_flight_max", common.appends_in_flight_max)?,
        writes_in_flight_max: tiny("writes_in_flight_max", common.writes_in_flight_max)?,
        term_runs_max: window(fields)?.unwrap_or(common.term_runs_max),
        durability: durability(fields)?,
        ..common
    })
}

/// The core's own refusal would not say `window`.
fn window(fields: Fields<'_>) -> Result<Option<u8>, Refusal> {
    let wrong = || {
        Refusal(format!(
            "window: must lie in {TERM_RUNS_MIN}..={TERM_RUNS_MAX}"
        ))
    };
    let Some(given) = fields.number("window")? else {
        return Ok(None);
    };
    match u8::try_from(given) {
        Ok(runs) if (TERM_RUNS_MIN..=TERM_RUNS_MAX).contains(&runs.into()) => Ok(Some(runs)),
        _ => Err(wrong()),
    }
}

fn durability(fields: Fields<'_>) -> Result<Durability, Refusal> {
    let count = |name, default| Ok(fields.small_number(name)?.unwrap_or(default));
    let time = |name, default| Ok(ticks(fields.number(name)?.unwrap_or(default)));
    let leader_fsync = match fields.truth("leader_fsync")?.unwrap_or_default() {
        true => LeaderFsync::Required,
        false => LeaderFsync::AsClass,
    };
    let leader_only_replication = match fields.truth("async_replicate")?.unwrap_or(true) {
        true => LeaderOnlyReplication::Background,
        false => LeaderOnlyReplication::WithHeartbeat,
    };
    let fallback = match fields.truth("fallback_to_majority")?.unwrap_or_default() {
        true => Fallback::ToMajority,
        false => Fallback::Refuse,
    };
    let common = Durability::default();
    Ok(Durability {
        default: Class::new(
            fields.word("commit_mode")?.unwrap_or_default(),
            fields.word("fsync_mode")?.unwrap_or_default(),
        ),
        leader_fsync,
        leader_only_replication,
        batch_size: count("batch_size", 100)?,
        batch_timeout: time("batch_timeout_ticks", 10)?,
        all_timeout: time("all_timeout_ticks", 500)?,
        fallback,
        batch_fsync_count: count("batch_fsync_count", 100)?,
        batch_fsync_interval: time("batch_fsync_ticks", 10)?,
        lazy_force: time("lazy_flush_ticks", 100)?,
        at_risk_entries_max: match fields.number("at_risk_entries_max")? {
            None => common.at_risk_entries_max,
            Some(most) => most,
        },
        // A caller that reports no write for long may have its reasons.
        disk_stall: time("disk_stall_ticks", u64::MAX)?,
        ..common
    })
}

fn disk(fields: Fields<'_>) -> Result<Disk, Refusal> {
    let blobs = fields.list("disk")?.unwrap_or_default();
    let blobs: Vec<&str> = blobs
        .iter()
        .map(Value::as_str)
        .collect::<Option<_>>()
        .ok_or_else(|| Refusal::new("disk: expected a list of blobs"))?;
    Disk::replay(blobs)
}
