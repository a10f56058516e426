//! Step 3: the leader is killed while it is being written to.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kraft_client::{Client, Settings};
use kraft_proto::ids::{NodeId, Term};
use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_wire::api::{Answer, Options};
use serde_json::json;
use tokio::task::JoinSet;

use super::classes::ZONES;
use super::cluster::{Cluster, Leading};
use super::error::DemoError;
use super::figures::{count, millis};
use super::ledger::Ledger;
use super::load::send;
use super::screen::{News, Screen};
use super::workload::Workload;
use crate::load::{End, Progress, Row, pump};

/// Writes of one writer on their way at a time.
const IN_FLIGHT: usize = 8;

/// What a writer rests after each answer: the demo is to show what happens to writes, not how many
/// there can be.
const REST: Duration = Duration::from_millis(5);

/// Acknowledgements before the leader is killed, and after another one leads: of each zone.
const ACKS_EACH: usize = 200;

/// Counts the acknowledgements of each zone without looking at any of them twice.
struct Shares<'a> {
    ledger: &'a Ledger,
    seen: Cell<usize>,
    counts: [Cell<usize>; ZONES.len()],
}

/// What happened when, counted from the kill.
struct Timeline {
    old: Leading,
    new: Leading,
    killed: Instant,
    elected: Duration,
    answered: Duration,
    answer: Answer,
    back: Duration,
}

pub(super) async fn step(
    cluster: &mut Cluster,
    workload: &Arc<Workload>,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<(), DemoError> {
    screen.heading("3. The leader is killed while it is being written to");
    let from = ledger.len();
    let mut writers = Writers::start(cluster, workload, ledger);
    screen.say(format_args!(
        "Seven writers, one for each zone, {} writes on their way at a time.",
        ZONES.len() * IN_FLIGHT
    ));
    let timeline = {
        let _waiting = screen.waiting("writing in all seven zones");
        let story = play(cluster, ledger, from, screen);
        tokio::select! {
            timeline = story => timeline?,
            failed = writers.first_failure() => return Err(failed),
        }
    };
    writers.stop().await?;
    let mut times = Vec::new();
    let mut slowest = Duration::ZERO;
    ledger.visit(from, |ack| {
        times.push(ack.at);
        slowest = slowest.max(ack.took);
    });
    let acks = times.len();
    let silence = silence(times, timeline.killed);
    cluster.settle().await?;
    screen.say(format_args!(
        "{} writes were acknowledged in all; for {} ms around the kill, none.",
        count(acks as u64),
        millis(silence)
    ));
    screen.say(format_args!(
        "The longest wait of a write, its dead connection included: {} ms.",
        millis(slowest)
    ));
    screen.fact(json!({
        "step": "failover",
        "killed": timeline.old.node,
        "leader": timeline.new.node,
        "term": timeline.new.term,
        "elected_after_ms": ms(timeline.elected),
        "sync_acknowledged_after_ms": ms(timeline.answered),
        "first_answer": timeline.answer,
        "restarted_and_caught_up_after_ms": ms(timeline.back),
        "acks": acks,
        "silence_ms": ms(silence),
        "slowest_write_ms": ms(slowest),
    }));
    Ok(())
}

/// Kills the leader in mid-stream, and follows what happens.
async fn play(
    cluster: &mut Cluster,
    ledger: &Ledger,
    from: usize,
    screen: &Screen,
) -> Result<Timeline, DemoError> {
    let shares = Shares::new(ledger, from);
    cluster
        .wait("acknowledgements in every zone", async |_| {
            shares.look(Term::ZERO)
        })
        .await?;
    let old = cluster.one_leader("one leader").await?;
    let at = |after: Duration, what: std::fmt::Arguments<'_>| {
        screen.say(format_args!("{:>8} ms  {what}", millis(after)));
    };

    let killed = cluster.node_mut(old.node).kill();
    at(
        Duration::ZERO,
        format_args!("kill -9 node {}, in mid-stream", old.node),
    );
    let new = cluster.next_leader(old.term).await?;
    let elected = killed.elapsed();
    at(
        elected,
        format_args!("node {} leads term {}", new.node, new.term),
    );
    let answer = first_answer(cluster, new).await?;
    let answered = killed.elapsed();
    let held = answer.achieved.map(|held| held.to_string());
    at(
        answered,
        format_args!(
            "it acknowledges a SYNC write: {}",
            screen.mark(&held.unwrap_or_default(), News::Good)
        ),
    );

    let restarted = killed.elapsed();
    cluster.node_mut(old.node).start()?;
    at(
        restarted,
        format_args!("node {} is started again, under load", old.node),
    );
    caught_up(cluster, old.node).await?;
    let back = killed.elapsed();
    at(
        back,
        format_args!("node {} holds the whole log again", old.node),
    );
    let shares = Shares::new(ledger, from);
    cluster
        .wait(
            "acknowledgements in every zone, by the new leader",
            async |_| shares.look(new.term),
        )
        .await?;
    Ok(Timeline {
        old,
        new,
        killed,
        elected,
        answered,
        answer,
        back,
    })
}

/// A write to the new leader by a client of its own, which does not wait for a dead connection.
async fn first_answer(cluster: &Cluster, new: Leading) -> Result<Answer, DemoError> {
    let address = cluster.node(new.node).address.clone();
    let client = Client::new([address], cluster.credentials()?, Settings::default());
    client
        .map_err(DemoError::asking("a client of the new leader"))?
        .put("demo:first-answer", "")
        .mode(CommitMode::Sync)
        .fsync(FsyncMode::Commit)
        .send()
        .await
        .map_err(DemoError::asking("the first write to the new leader"))
}

/// Waits until `node` holds all that the leader's log held when first asked.
async fn caught_up(cluster: &mut Cluster, node: NodeId) -> Result<(), DemoError> {
    let wanted = cluster
        .wait("a leader", async |cluster| {
            Some(cluster.leader_status().await?.last)
        })
        .await?;
    cluster
        .wait("the killed node to catch up", async |cluster| {
            let status = cluster.status(node).await?;
            (status.watermarks.written >= wanted.index && status.last.term >= wanted.term)
                .then_some(())
        })
        .await
}

impl<'a> Shares<'a> {
    fn new(ledger: &'a Ledger, from: usize) -> Self {
        Self {
            ledger,
            seen: Cell::new(from),
            counts: Default::default(),
        }
    }

    /// Something once every zone has its share of acknowledgements of `term` or later.
    fn look(&self, term: Term) -> Option<()> {
        let all = self.ledger.visit(self.seen.get(), |ack| {
            let of = ZONES
                .iter()
                .position(|zone| ack.pair.key.starts_with(zone.as_bytes()));
            if let Some(of) = of
                && ack.answer.position.term >= term
            {
                self.counts[of].set(self.counts[of].get() + 1);
            }
        });
        self.seen.set(all);
        let all_have = self.counts.iter().all(|count| count.get() >= ACKS_EACH);
        all_have.then_some(())
    }
}

/// The longest time without an acknowledgement that reaches beyond the kill.
fn silence(mut times: Vec<Instant>, killed: Instant) -> Duration {
    times.sort_unstable();
    times
        .windows(2)
        .filter(|pair| pair[1] > killed)
        .map(|pair| pair[1] - pair[0])
        .max()
        .unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Writers that go on until they are told to stop.
struct Writers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Result<(), DemoError>>,
}

impl Writers {
    fn start(cluster: &Cluster, workload: &Arc<Workload>, ledger: &Ledger) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        // Rows of step 1 have the numbers before these.
        let first = workload.rows();
        // Each zone has one: what waits for every voter must not hold up what does not.
        for zone in ZONES {
            let (stop, workload) = (stop.clone(), workload.clone());
            let (client, ledger) = (cluster.client().clone(), ledger.clone());
            tasks.spawn(async move {
                let rows = (first..)
                    .take_while(|_| !stop.load(Ordering::Relaxed))
                    .map(|number| {
                        Ok(Row {
                            number: number - first + 1,
                            line: number,
                            pair: workload.row(zone, number),
                        })
                    });
                let write = |pair| {
                    let written = send(&client, pair, Options::default(), &ledger);
                    async move {
                        let result = written.await;
                        tokio::time::sleep(REST).await;
                        result
                    }
                };
                let (_, end) = pump(
                    rows,
                    &mut Progress::default(),
                    IN_FLIGHT,
                    write,
                    std::future::pending(),
                    |_, _| {},
                )
                .await;
                match end {
                    End::Unanswered { error, .. } => {
                        Err(DemoError::asking("a write of step 3")(error))
                    }
                    _ => Ok(()),
                }
            });
        }
        Self { stop, tasks }
    }

    /// Ready when a writer fails.
    async fn first_failure(&mut self) -> DemoError {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                Some(Ok(Ok(()))) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Tells them to stop, and waits for the writes on their way.
    async fn stop(mut self) -> Result<(), DemoError> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(ended) => ended?,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        Ok(())
    }
}
