//! `kraft demo`: three real nodes on this machine, and what becomes of every write.
//!
//! | step | file | shows |
//! |---|---|---|
//! | 1 | `load` | the same rows in nine classes: speed, evidence, fsyncs, data at risk |
//! | 2 | `loss` | a write that only the leader held, lost with it |
//! | 3 | `failover` | a leader killed under load, and how soon another one answers |
//! | 4 | `audit` | every acknowledged write looked up, and held against its promise |
//! | 5 | `farewell` | where everything is, and how to go on by hand |
//!
//! The nodes are processes of their own, `kraft server` each. They end with the demo, however it
//! ends.

mod audit;
mod classes;
mod cluster;
mod error;
mod failover;
mod farewell;
mod figures;
mod ledger;
mod load;
mod loss;
mod options;
mod ports;
mod screen;
mod server;
mod workload;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use cluster::Cluster;
use ledger::Ledger;
use screen::Screen;
use workload::Workload;

pub use error::DemoError;
pub use options::{DemoOptions, Ending};
pub use screen::Look;
pub use server::STAY;

/// Rows written in each class unless told otherwise.
pub const ROWS_DEFAULT: u32 = 4000;

/// What the demo found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every acknowledged write is where its class says it must be.
    Kept,
    /// One is not, or too little was looked at to say.
    Broken,
}

/// Runs the demo from the first step to the last.
///
/// # Errors
///
/// When a step could not be carried out, or a signal ended it. No node runs on then.
pub fn run(options: &DemoOptions) -> Result<Verdict, DemoError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(DemoError::Runtime)?;
    runtime.block_on(async {
        let ended = interrupted()?;
        tokio::select! {
            verdict = play(options) => verdict,
            signal = ended => Err(signal),
        }
    })
}

/// Ready at SIGINT, SIGTERM and SIGHUP.
fn interrupted() -> Result<impl Future<Output = DemoError>, DemoError> {
    let listen = |kind| signal(kind).map_err(DemoError::Runtime);
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        let kind = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
            _ = hangup.recv() => SignalKind::hangup(),
        };
        DemoError::Interrupted {
            signal: kind.as_raw_value(),
        }
    })
}

async fn play(options: &DemoOptions) -> Result<Verdict, DemoError> {
    let began = Instant::now();
    let screen = Screen::new(options.look);
    let workload = Arc::new(Workload::new(options)?);
    screen.say("kraft demo: three real nodes on this machine, and what becomes of every write.");
    screen.gap();

    let mut cluster = Cluster::make(options)?;
    cluster.start(&screen).await?;
    let ledger = Ledger::default();

    load::step(&mut cluster, &workload, &ledger, &screen).await?;
    loss::step(&mut cluster, &ledger, &screen).await?;
    failover::step(&mut cluster, &workload, &ledger, &screen).await?;
    let verdict = audit::step(&mut cluster, &ledger, &screen).await?;
    farewell::step(cluster, options.ending, &screen).await?;

    let took = began.elapsed();
    screen.say(format_args!(
        "{} The demo took {:.1} s.",
        match verdict {
            Verdict::Kept => "Every promise was kept.",
            Verdict::Broken => "A PROMISE WAS BROKEN; see step 4.",
        },
        took.as_secs_f64()
    ));
    screen.fact(json!({
        "step": "end",
        "verdict": match verdict {
            Verdict::Kept => "kept",
            Verdict::Broken => "broken",
        },
        "seconds": took.as_secs_f64(),
    }));
    Ok(verdict)
}
