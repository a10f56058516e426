//! Step 1: the same rows in every class, and what each class costs and holds.

use std::cell::Cell;
use std::future::pending;
use std::ops::Range;
use std::time::{Duration, Instant};

use kraft_client::{Client, ClientError};
use kraft_proto::modes::Class;
use kraft_wire::api::{Answer, AtRisk, Options};
use kraft_wire::command::Operation;
use kraft_wire::key_value::KeyValue;
use serde_json::json;

use super::classes::{CHAPTERS, Chapter};
use super::cluster::{Cluster, NODES};
use super::error::DemoError;
use super::figures::{bytes, count, millis, rate, rounded, writes};
use super::ledger::Ledger;
use super::screen::{Live, Screen};
use super::workload::Workload;
use crate::glyph::Glyph;
use crate::load::{End, LoadError, Progress, Row, Tally, pump};

/// Writes on their way at the same time, once a class was measured one write at a time.
const IN_FLIGHT: usize = 64;

/// Rows written one at a time, at most.
const ALONE_MAX: u64 = 300;

/// How long a class may take: on a slow disk not every row of every class is written.
const CLASS_TIME_MAX: Duration = Duration::from_secs(4);

/// How much of it is for one write at a time: the crowd shows what a shared fsync does for a firm
/// class, which is slowest alone.
const ALONE_TIME_MAX: Duration = Duration::from_secs(CLASS_TIME_MAX.as_secs() / 2);

/// How often the data at risk is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What was measured of one class.
struct Measured {
    class: Class,
    /// One write at a time.
    alone: Tally,
    /// Many at a time.
    crowd: Tally,
    took: Duration,
    /// Of each node, while many were written at a time.
    fsyncs: [u64; NODES],
    at_risk_most: AtRisk,
    /// Rows there was no time for.
    left_out: u64,
}

pub(super) async fn step(
    cluster: &mut Cluster,
    workload: &Workload,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<(), DemoError> {
    screen.heading("1. The same rows in nine classes, from the soonest answer to the firmest");
    screen.say(format_args!(
        "{} rows {}. A class says how many nodes must hold a write",
        count(workload.rows()),
        workload.origin()
    ));
    screen.say("before it is acknowledged, and when the disk is forced (fsync) for it. The zone");
    screen.say("of its key decides, or the request. At risk: the most that was acknowledged and");
    screen.say("not yet on the disks of a majority.");
    screen.gap();
    warm_up(cluster, screen).await?;
    screen.say(format_args!(
        "{:<28}{:^16}{:>10}   {}",
        "",
        "one at a time",
        format!("{IN_FLIGHT} at once"),
        "fsyncs of node"
    ));
    screen.say(format_args!(
        "{:<19}{:<10}{:>7}{:>8}{:>9}{:>6}{:>6}{:>6}{:>9}",
        "class", "keys", "p50 ms", "p99 ms", "acks/s", "1", "2", "3", "at risk"
    ));
    for chapter in &CHAPTERS {
        let measured = write(cluster, workload, chapter, ledger, screen).await?;
        measured.show(chapter, screen);
    }
    Ok(())
}

/// Writes some rows nobody counts: the first writes of a fresh cluster are slow.
async fn warm_up(cluster: &mut Cluster, screen: &Screen) -> Result<(), DemoError> {
    let _waiting = screen.waiting("warming up");
    let client = cluster.client().clone();
    for number in 0..ALONE_MAX {
        let written = client
            .put(format!("demo:warm-{}", number % 10), "")
            .send()
            .await;
        written.map_err(DemoError::asking("a first write"))?;
    }
    cluster.settle().await?;
    Ok(())
}

/// Writes every row in one class: some one at a time, then the others many at a time.
async fn write(
    cluster: &mut Cluster,
    workload: &Workload,
    chapter: &Chapter,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<Measured, DemoError> {
    let from = ledger.len();
    let live = screen.live(workload.rows());
    live.show(0, chapter.prefix);
    let began = Instant::now();
    let alone_max = ALONE_MAX.min(workload.rows().div_ceil(4));
    let burst = Burst {
        workload,
        chapter,
        ledger,
        live: &live,
    };
    let until = began + ALONE_TIME_MAX;
    let (alone, _) = burst.write(cluster, 0..alone_max, 1, until).await?;
    cluster.all_written().await?;

    let before = fsyncs(cluster).await?;
    let crowd_began = Instant::now();
    let until = began + CLASS_TIME_MAX;
    // Alone, each row waited for the one before: as many are written as were answered.
    let rest = alone.answers()..workload.rows();
    let (crowd, at_risk_most) = burst.write(cluster, rest, IN_FLIGHT, until).await?;
    let took = crowd_began.elapsed();
    // What was acknowledged early is on its way still: its fsyncs count too.
    cluster.all_written().await?;
    let after = fsyncs(cluster).await?;
    drop(live);
    cluster.settle().await?;

    let mut class = None;
    ledger.visit(from, |ack| {
        class.get_or_insert(ack.answer.asked);
    });
    let Some(class) = class else {
        return Err(DemoError::NotShown(format!(
            "no write of {}* was acknowledged",
            chapter.prefix
        )));
    };
    let written = alone.answers() + crowd.answers();
    Ok(Measured {
        class,
        alone,
        crowd,
        took,
        fsyncs: std::array::from_fn(|at| after[at].saturating_sub(before[at])),
        at_risk_most,
        left_out: workload.rows().saturating_sub(written),
    })
}

/// Writes of one class.
struct Burst<'a> {
    workload: &'a Workload,
    chapter: &'a Chapter,
    ledger: &'a Ledger,
    live: &'a Live<'a>,
}

impl Burst<'_> {
    /// Writes some rows, until the time is up. Says how the answers were, and the most that was at
    /// risk meanwhile.
    async fn write(
        &self,
        cluster: &Cluster,
        rows: Range<u64>,
        in_flight: usize,
        until: Instant,
    ) -> Result<(Tally, AtRisk), DemoError> {
        let first = rows.start;
        let risk = Cell::new(AtRisk::default());
        let mut highest = AtRisk::default();
        let mut progress = Progress::default();
        let written = pump(
            self.rows(rows, until),
            &mut progress,
            in_flight,
            |pair| send(cluster.client(), pair, self.chapter.options(), self.ledger),
            pending(),
            |tally, _| self.announce(first + tally.answers(), risk.get()),
        );
        let watched = watch(cluster, |now| {
            risk.set(now);
            if now.entries > highest.entries {
                highest = now;
            }
        });
        let (tally, end) = tokio::select! {
            written = written => written,
            () = watched => unreachable!("it watches for good"),
        };
        match end {
            End::Unanswered { error, .. } => Err(DemoError::Client {
                doing: "a write of step 1",
                source: error,
            }),
            _ => Ok((tally, highest)),
        }
    }

    /// Those rows, until the time is up.
    fn rows(
        &self,
        rows: Range<u64>,
        until: Instant,
    ) -> impl Iterator<Item = Result<Row, LoadError>> {
        let first = rows.start;
        rows.take_while(move |_| Instant::now() < until)
            .map(move |number| {
                Ok(Row {
                    number: number - first + 1,
                    line: number + 1,
                    pair: self.workload.row(self.chapter.prefix, number),
                })
            })
    }

    fn announce(&self, acked: u64, risk: AtRisk) {
        self.live.show(
            acked,
            format_args!(
                "{}*  {} acknowledged; at risk now: {}, {}",
                self.chapter.prefix,
                count(acked),
                writes(risk.entries),
                bytes(risk.bytes)
            ),
        );
    }
}

/// Sends one write and notes what its answer was.
pub(super) fn send(
    client: &Client,
    pair: KeyValue,
    options: Options,
    ledger: &Ledger,
) -> impl Future<Output = Result<Answer, ClientError>> + Send + 'static {
    let ledger = ledger.clone();
    let pairs = vec![pair.clone()];
    let write = client.operation(Operation::Put { pairs }).options(options);
    async move {
        let began = Instant::now();
        let result = write.send().await;
        ledger.note(pair, began, &result);
        result
    }
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

impl Measured {
    /// Acknowledgements a second while many were on their way, if there was time for any.
    fn rate(&self) -> Option<f64> {
        rate(self.crowd.answers(), self.took)
    }

    fn evidence(&self) -> String {
        // A class this slow may have had no time for a crowd.
        let evidence = match self.crowd.answers() {
            0 => self.alone.evidence(),
            _ => self.crowd.evidence(),
        };
        let words: Vec<String> = evidence
            .iter()
            .map(|(held, count)| match evidence.len() {
                1 => held.clone(),
                _ => format!("{held} ({count})"),
            })
            .collect();
        words.join(" or ")
    }

    fn show(&self, chapter: &Chapter, screen: &Screen) {
        let fsyncs = self.fsyncs.map(count);
        screen.say(format_args!(
            "{:<19}{:<10}{:>7}{:>8}{:>9}{:>6}{:>6}{:>6}{:>9}",
            self.class.to_string(),
            format!("{}*", chapter.prefix),
            millis(self.alone.latency(0.5)),
            millis(self.alone.latency(0.99)),
            rounded(self.rate()),
            fsyncs[0],
            fsyncs[1],
            fsyncs[2],
            bytes(self.at_risk_most.bytes),
        ));
        screen.say(format_args!(
            "  {}  by {}; when acknowledged: {}",
            Glyph::asked(self.class, NODES),
            chapter.by(),
            self.evidence()
        ));
        if self.left_out > 0 {
            screen.say(format_args!(
                "    after {} s the last {} rows were left out",
                CLASS_TIME_MAX.as_secs(),
                count(self.left_out)
            ));
        }
        let latency = |tally: &Tally, quantile| tally.latency(quantile).as_secs_f64() * 1e3;
        screen.fact(json!({
            "step": "load",
            "class": self.class.to_string(),
            "keys": format!("{}*", chapter.prefix),
            "asked_by": chapter.by(),
            "held": self.crowd.evidence(),
            "one_at_a_time": {
                "acks": self.alone.answers(),
                "p50_ms": latency(&self.alone, 0.5),
                "p99_ms": latency(&self.alone, 0.99),
            },
            "at_once": {
                "in_flight": IN_FLIGHT,
                "acks": self.crowd.answers(),
                "acks_per_second": self.rate(),
                "p50_ms": latency(&self.crowd, 0.5),
                "p99_ms": latency(&self.crowd, 0.99),
                "fsyncs": self.fsyncs,
            },
            "at_risk_most": self.at_risk_most,
            "left_out": self.left_out,
        }));
    }
}
