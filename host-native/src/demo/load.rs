//! Step 1: the same rows in every class, and what each class costs and holds.

use std::future::pending;
use std::time::{Duration, Instant};

use kraft_proto::modes::{CommitMode, FsyncMode};
use serde_json::json;

use super::cluster::{Cluster, NODES};
use super::error::DemoError;
use super::figures::{bytes, count, millis, writes};
use super::ledger::Ledger;
use super::screen::{Live, Screen};
use super::workload::Workload;
use crate::api::{Answer, AtRisk, Options};
use crate::client::{Client, ClientError};
use crate::command::Operation;
use crate::load::{End, LoadError, Progress, Row, Tally, pump};
use crate::pair::Pair;

/// Writes on their way at the same time.
const IN_FLIGHT: usize = 64;

/// How long a class may take: on a slow disk not every row of every class is written.
const CLASS_TIME_MAX: Duration = Duration::from_secs(4);

/// How often the data at risk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One class, and who asks for it.
struct Chapter {
    prefix: &'static str,
    by: By,
}

/// Who says which class a write has.
enum By {
    /// The zone that the key lies in.
    Zone,
    /// The request itself; no zone has its key.
    Request(CommitMode, FsyncMode),
}

/// From the soonest answer to the firmest.
const CHAPTERS: [Chapter; 9] = [
    zone("event:"),
    zone("metric:"),
    zone("session:"),
    request("cart:", CommitMode::LeaderOnly, FsyncMode::Commit),
    request("vote:", CommitMode::AtLeast(2), FsyncMode::Batch),
    request("post:", CommitMode::Sync, FsyncMode::None),
    zone("user:"),
    request("ledger:", CommitMode::All, FsyncMode::Commit),
    zone("account:"),
];

const fn zone(prefix: &'static str) -> Chapter {
    Chapter {
        prefix,
        by: By::Zone,
    }
}

const fn request(prefix: &'static str, mode: CommitMode, fsync: FsyncMode) -> Chapter {
    let by = By::Request(mode, fsync);
    Chapter { prefix, by }
}

/// What was measured of one class.
struct Measured {
    class: String,
    tally: Tally,
    took: Duration,
    fsyncs: [u64; NODES],
    at_risk_most: AtRisk,
}

pub(super) async fn step(
    cluster: &mut Cluster,
    workload: &Workload,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<(), DemoError> {
    screen.heading("1. The same rows in nine classes");
    screen.say(format_args!(
        "{} rows {}, {IN_FLIGHT} on their way at a time. A class says how many nodes must hold a",
        count(workload.rows()),
        workload.origin()
    ));
    screen.say(
        "write before it is acknowledged, and when the disk is forced (fsync). The key's zone",
    );
    screen.say(
        "decides, or the request itself. `At risk` is what was acknowledged and is not yet on",
    );
    screen.say("the disks of a majority, at its highest.");
    screen.gap();
    screen.say(format_args!(
        "{:<19}{:<10}{:>8}{:>9}{:>9}  {:^21}{:>10}",
        "class", "keys", "acks/s", "p50 ms", "p99 ms", "fsyncs, each node", "at risk"
    ));
    for chapter in &CHAPTERS {
        let measured = write(cluster, workload, chapter, ledger, screen).await?;
        measured.show(chapter, screen);
    }
    Ok(())
}

/// Writes every row in one class.
async fn write(
    cluster: &mut Cluster,
    workload: &Workload,
    chapter: &Chapter,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<Measured, DemoError> {
    let from = ledger.len();
    let before = fsyncs(cluster).await?;
    let live = screen.live(workload.rows());
    live.show(0, chapter.prefix);
    let began = Instant::now();
    let mut progress = Progress::default();
    let mut highest = AtRisk::default();
    let risk = std::cell::Cell::new(AtRisk::default());
    let (tally, end) = {
        let pumped = pump(
            rows(workload, chapter.prefix, began + CLASS_TIME_MAX),
            &mut progress,
            IN_FLIGHT,
            |pair| send(cluster.client(), pair, chapter.options(), ledger),
            pending(),
            |tally, _| {
                announce(&live, chapter, tally.answers(), risk.get());
            },
        );
        let watched = watch(cluster, |now| {
            risk.set(now);
            if now.entries > highest.entries {
                highest = now;
            }
        });
        tokio::select! {
            pumped = pumped => pumped,
            () = watched => unreachable!("it watches for good"),
        }
    };
    let took = began.elapsed();
    drop(live);
    if let End::Unanswered { error, .. } = end {
        return Err(DemoError::Client {
            doing: "a write of step 1",
            source: error,
        });
    }
    // What was acknowledged early is on its way still: its fsyncs count too.
    cluster.all_written().await?;
    let after = fsyncs(cluster).await?;
    cluster.settle().await?;
    let class = match ledger.since(from).first() {
        Some(ack) => ack.answer.asked.to_string(),
        None => {
            return Err(DemoError::NotShown(format!(
                "no write of {}* was acknowledged",
                chapter.prefix
            )));
        }
    };
    Ok(Measured {
        class,
        tally,
        took,
        fsyncs: std::array::from_fn(|at| after[at].saturating_sub(before[at])),
        at_risk_most: highest,
    })
}

/// The rows of a chapter, until the time is up.
fn rows(
    workload: &Workload,
    prefix: &'static str,
    until: Instant,
) -> impl Iterator<Item = Result<Row, LoadError>> {
    (0..workload.rows())
        .take_while(move |_| Instant::now() < until)
        .map(move |number| {
            Ok(Row {
                number: number + 1,
                line: number + 1,
                pair: workload.row(prefix, number),
            })
        })
}

/// Sends one write and notes what its answer was.
pub(super) fn send(
    client: &Client,
    pair: Pair,
    options: Options,
    ledger: &Ledger,
) -> impl Future<Output = Result<Answer, ClientError>> + Send + 'static {
    let ledger = ledger.clone();
    let pairs = vec![pair.clone()];
    let write = client.operation(Operation::Put { pairs }).options(options);
    async move {
        let result = write.send().await;
        ledger.note(pair, &result);
        result
    }
}

fn announce(live: &Live<'_>, chapter: &Chapter, acked: u64, risk: AtRisk) {
    live.show(
        acked,
        format_args!(
            "{}*  {} acknowledged; at risk now: {}, {}",
            chapter.prefix,
            count(acked),
            writes(risk.entries),
            bytes(risk.bytes)
        ),
    );
}

/// Tells what the leader has at risk, again and again.
async fn watch(cluster: &Cluster, mut tell: impl FnMut(AtRisk)) {
    loop {
        if let Some(leader) = cluster.leader_status().await {
            tell(leader.at_risk);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How often each node forced its disk so far.
async fn fsyncs(cluster: &mut Cluster) -> Result<[u64; NODES], DemoError> {
    let statuses = cluster.statuses().await?;
    Ok(std::array::from_fn(|at| statuses[at].disk.fsyncs))
}

impl Chapter {
    fn options(&self) -> Options {
        match self.by {
            By::Zone => Options::default(),
            By::Request(mode, fsync) => Options {
                mode: Some(mode),
                fsync: Some(fsync),
                ..Options::default()
            },
        }
    }

    const fn by(&self) -> &'static str {
        match self.by {
            By::Zone => "its zone",
            By::Request(..) => "the request",
        }
    }
}

impl Measured {
    fn rate(&self) -> f64 {
        self.tally.answers() as f64 / self.took.as_secs_f64().max(1e-6)
    }

    fn evidence(&self) -> String {
        let evidence = self.tally.evidence();
        let mut words: Vec<String> = evidence
            .iter()
            .map(|(held, count)| match evidence.len() {
                1 => held.clone(),
                _ => format!("{count} {held}"),
            })
            .collect();
        words.sort();
        words.join(", ")
    }

    fn show(&self, chapter: &Chapter, screen: &Screen) {
        let fsyncs = self.fsyncs.map(count);
        let risk = match self.at_risk_most.entries {
            0 => "0".to_owned(),
            _ => bytes(self.at_risk_most.bytes),
        };
        screen.say(format_args!(
            "{:<19}{:<10}{:>8}{:>9}{:>9}  {:>6} {:>6} {:>6} {:>10}",
            self.class,
            format!("{}*", chapter.prefix),
            count(self.rate().round() as u64),
            millis(self.tally.latency(0.5)),
            millis(self.tally.latency(0.99)),
            fsyncs[0],
            fsyncs[1],
            fsyncs[2],
            risk,
        ));
        screen.say(format_args!(
            "    asked by {}; when acknowledged it was {}",
            chapter.by(),
            self.evidence()
        ));
        screen.fact(json!({
            "step": "load",
            "class": self.class,
            "keys": format!("{}*", chapter.prefix),
            "asked_by": chapter.by(),
            "acks": self.tally.answers(),
            "acks_per_second": self.rate(),
            "p50_ms": self.tally.latency(0.5).as_secs_f64() * 1e3,
            "p99_ms": self.tally.latency(0.99).as_secs_f64() * 1e3,
            "held": self.tally.evidence(),
            "fsyncs": self.fsyncs,
            "at_risk_most": self.at_risk_most,
        }));
    }
}
