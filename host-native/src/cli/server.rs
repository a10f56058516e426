//! `kraft server`.

use std::io::BufRead;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::runtime;
use tokio::sync::oneshot;

use super::output::{Failure, Style, exit, say, tell};
use super::settings::SettingFlags;
use super::signals;
use crate::config::{Config, Layers};
use crate::demo::STAY;
use crate::kv::Kv;
use crate::node::{Node, NodeError, TestSwitchAccess};

/// Where a node's configuration is looked for when none is named.
const USUAL_PLACE: &str = "kraft.toml";

#[derive(Args, Debug)]
pub struct Server {
    /// The node's configuration; kraft.toml unless given
    #[arg(long, short, env = "KRAFT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the effective configuration, with where each value comes from, and stop
    #[arg(long)]
    check: bool,
    /// Obey clients that ask it to misbehave, as the demo does
    #[arg(long, hide = true)]
    grant_test_switch: bool,
    /// Stop when standard input closes too: whoever started it is gone
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

/// What ends a node beside a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    Signal,
    StdinCloses,
}

impl Server {
    pub fn run(self, style: Style) -> Result<u8, Failure> {
        let (check, switch, until) = (self.check, self.test_switch(), self.until());
        let (layers, config) = self.read()?;
        for name in layers.ignored() {
            tell(format_args!("kraft: {name} names no option; it is ignored"));
        }
        for warning in config.warnings() {
            tell(format_args!("kraft: {warning}"));
        }
        if check {
            show(style, &layers.effective()?)?;
            return Ok(exit::DONE);
        }
        let runtime = runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::refused(format_args!("cannot start: {error}; nothing runs"))
        })?;
        runtime.block_on(serve(config, switch, until, style))
    }

    fn test_switch(&self) -> TestSwitchAccess {
        match self.grant_test_switch {
            true => TestSwitchAccess::Granted,
            false => TestSwitchAccess::Refused,
        }
    }

    fn until(&self) -> Until {
        match self.until_stdin_closes {
            true => Until::StdinCloses,
            false => Until::Signal,
        }
    }

    fn read(self) -> Result<(Layers, Config), Failure> {
        let file = match self.config {
            Some(file) => Some(file),
            None => Some(PathBuf::from(USUAL_PLACE)).filter(|file| file.exists()),
        };
        let layers = match file {
            Some(file) => Layers::new().file(&file)?,
            None => Layers::new(),
        };
        let layers = self.settings.onto(layers.process_environment());
        let config = layers.config()?;
        config.check_server()?;
        Ok((layers, config))
    }
}

async fn serve(
    config: Config,
    switch: TestSwitchAccess,
    until: Until,
    style: Style,
) -> Result<u8, Failure> {
    let stop = stop_at(until)?;
    let mut node = Node::start(config, Kv::default()).await?;
    node.set_test_switch(switch);
    let addresses = node.addresses();
    match style {
        Style::Json => say(json!({
            "peers": addresses.peers,
            "clients": addresses.clients,
            "admin": addresses.admin,
        })),
        Style::Human => tracing::info!(
            peers = ?addresses.peers,
            clients = ?addresses.clients,
            admin = ?addresses.admin,
            "the node is open"
        ),
    }
    let reload = node.reload();
    let mut hangups = signals::hangups()?;
    let reloading = tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            reload.now();
        }
    });
    let ran = node.run(stop).await;
    reloading.abort();
    ran?;
    tracing::info!("stopped; everything written is on the disk");
    Ok(exit::DONE)
}

/// Ready at a signal, which is listened for before this returns, or at the end of standard input.
fn stop_at(until: Until) -> Result<impl Future<Output = ()>, Failure> {
    let signalled = signals::asked_to_end()?;
    Ok(async move {
        tokio::select! {
            () = signalled => {}
            () = stdin_closed(), if until == Until::StdinCloses => {}
        }
    })
}

/// Ready when standard input ends, unless its last line was [`STAY`]. It is read on a thread of its
/// own: the runtime's would keep the process alive until something is typed.
async fn stdin_closed() {
    let (closed, wait) = oneshot::channel();
    let reader = std::thread::Builder::new().name("stdin".into());
    let read = reader.spawn(move || {
        // An error ends it as the end does.
        let last = std::io::stdin().lock().lines().map_while(Result::ok).last();
        match last.as_deref() {
            Some(STAY) => std::mem::forget(closed),
            _ => drop(closed.send(())),
        }
    });
    match read {
        // A sender that is dropped unsent would be as good as sent.
        Ok(_) => drop(wait.await),
        Err(error) => {
            tracing::warn!("cannot watch standard input: {error}");
            std::future::pending().await
        }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Config(error) => error.into(),
            error => Self::refused(error),
        }
    }
}

fn show(style: Style, effective: &str) -> Result<(), Failure> {
    match style {
        Style::Human => say(effective.trim_end()),
        Style::Json => {
            let table: toml::Table = toml::from_str(effective).map_err(Failure::refused)?;
            style.show(&table, "");
        }
    }
    Ok(())
}
