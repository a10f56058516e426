//! Linearizable reads (Raft thesis §6.4): a read sees everything acknowledged as Sync before it was asked,
//! written copies included.

use super::{Verdict, View};

pub fn check(view: &View) -> Verdict {
    for read in &view.history.reads {
        if let Some(served) = read.served {
            return Err(format!(
                "node {} serves a read from {served} on, and {} was acknowledged before it",
                read.node, read.sees
            ));
        }
    }
    Ok(())
}
