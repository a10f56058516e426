//! The end of a node: in order if its disk lets it, and soon in any case.

use std::time::Duration;

use kraft_storage::{STOP_MAX, StopError};

use super::Engine;
use super::inputs::{Input, Inputs};
use crate::node::error::NodeError;

impl Engine {
    /// Takes nothing more and waits until the disk holds all that was taken, and says so: then this
    /// node starts clean, even after the power was out.
    ///
    /// A disk that is stuck is not waited for longer than [`STOP_MAX`]. What it has not done is then
    /// as if the process had been killed.
    pub(super) async fn wind_down(&mut self, inputs: &mut Inputs) -> Result<(), NodeError> {
        self.leave_office(inputs).await?;
        let patience = tokio::time::sleep(STOP_MAX);
        let mut patience = std::pin::pin!(patience);
        self.raft.stop(self.now());
        loop {
            self.pump();
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if self.raft.is_stopped() {
                return Ok(());
            }
            tokio::select! {
                report = inputs.receipts.recv() => match report {
                    Some(report) => self.take(Input::Disk(report)),
                    None => return Ok(()),
                },
                () = &mut patience => {
                    return Err(NodeError::Unfinished(self.log.unfinished(STOP_MAX)));
                }
            }
        }
    }

    /// Shuts the listeners, so that nothing more is promised, and closes the store.
    pub(super) async fn close(self, ended: Result<(), NodeError>) -> Result<(), NodeError> {
        self.clients.shutdown().await;
        self.peers.shutdown().await;
        let patience = match ended {
            // It had its time.
            Err(NodeError::Unfinished(_)) => Duration::ZERO,
            _ => STOP_MAX,
        };
        let closed = self.log.close(patience).map_err(|error| match error {
            StopError::Disk(error) => NodeError::Disk(error),
            StopError::Unfinished(unfinished) => NodeError::Unfinished(unfinished),
        });
        ended.and(closed)
    }
}
