//! The command `kraft`, as a person or a script uses it. One file a subject:
//!
//! | file | what it shows |
//! | --- | --- |
//! | `usage` | without a cluster: what the command makes, what it refuses, its exit codes |
//! | `cluster` | against real nodes: answers and exit codes |
//! | `conditional` | `cas`, `txn` and `get` of several keys: done wholly, or what was found |
//! | `page` | the session of `OPERATING.md`, every answer compared |
//! | `deadlines` | no command waits longer than its deadline, and each says why it waited |
//! | `load` | real data loaded while nodes are killed: every row acknowledged is there |
//! | `log_files` | `log dump` and `log verify`: every entry is shown, damage is named, nothing is changed |
//! | `moments` | pages of one moment fit together while others write, and one that is gone is said to be |
//! | `exports` | `export` and `import`: the same bytes come back, wherever the file was cut off |

mod cluster;
mod conditional;
mod deadlines;
mod exports;
mod load;
mod log_files;
mod moments;
mod page;
mod usage;

#[path = "../kit/e2e/mod.rs"]
mod e2e;
