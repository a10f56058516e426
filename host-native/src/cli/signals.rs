//! The signals that ask a command to end, or to read its files again.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::Failure;

/// Ready at SIGINT or SIGTERM. They are listened for before this returns, so that one that comes
/// while the command starts is not missed.
pub fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Every SIGHUP from now on, which no longer ends the process.
pub fn hangups() -> Result<Signal, Failure> {
    listen(SignalKind::hangup())
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| {
        Failure::refused(format_args!(
            "cannot listen for signals: {error}; nothing runs"
        ))
    })
}
