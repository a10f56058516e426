//! Clusters of real processes: `kraft server` three times, killed, stopped, moved and looked at. One
//! file a subject:
//!
//! | file | what it shows |
//! | --- | --- |
//! | `addresses` | nodes that moved, nodes that are down, addresses of both kinds |
//! | `backups` | a backup is saved while the cluster serves, looked into, and the beginning of another cluster |
//! | `certificates` | they expire, are renewed while nodes run, and are read again |
//! | `changes` | members change: a dead node replaced, one node grown to three, a node moved, what is refused |
//! | `classes` | what each class costs and has, and how its requests end |
//! | `disk` | a data directory that is not what it should be |
//! | `heard` | of a node that was not heard since the leader changed nobody says zero |
//! | `history` | a node that was away for more changes of leader than a core remembers |
//! | `large` | by hand: a state of millions of keys, its snapshot and a start from it |
//! | `members` | who is in the cluster stands in the directory, whatever a file says |
//! | `recover` | a disk that is dirty under another boot: what a node says, what an operator can do |
//! | `set_back` | a directory replaced by an older copy of itself, and a copy of another |
//! | `standstill` | processes that stand still for seconds, and a node back at another address |
//! | `survival` | load of every class while processes are killed, stand still, are replaced and backed up |
//! | `watch` | what an operator sees: data at risk, its alert, its loss, readiness |

mod addresses;
mod backups;
mod certificates;
mod changes;
mod classes;
mod disk;
mod heard;
mod history;
mod large;
mod members;
mod recover;
mod set_back;
mod standstill;
mod survival;
mod watch;

#[path = "../kit/e2e/mod.rs"]
mod e2e;
