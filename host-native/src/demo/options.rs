//! What the demo is asked.

use std::path::PathBuf;

use super::screen::Look;

/// What the demo is asked.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// The `kraft` program: each node is a process of it.
    pub program: PathBuf,
    /// The rows to write, CSV or JSON lines; `None`: generated ones.
    pub input: Option<PathBuf>,
    /// The column of the input that holds the key; `None`: the first one.
    pub key: Option<String>,
    /// Rows to write in each class.
    pub rows: u32,
    /// What the generated rows follow from.
    pub seed: u64,
    /// The directory to make the cluster in; `None`: one of its own among the temporary ones.
    pub dir: Option<PathBuf>,
    /// What becomes of the nodes.
    pub ending: Ending,
    /// How it speaks.
    pub look: Look,
}

/// What becomes of the nodes when the demo is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// They are stopped.
    #[default]
    Stop,
    /// They go on, if the demo came to its end.
    Keep,
}
