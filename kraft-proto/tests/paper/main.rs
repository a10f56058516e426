//! The Raft paper and kraft's design in order: one test a promise, one file a section.
//!
//! | file | what it holds to its word |
//! | --- | --- |
//! | `elections` | Raft §5.1, §5.2: terms, votes, timeouts |
//! | `replication` | Raft §5.3: the log, figure 7 |
//! | `safety` | Raft §5.4: votes by logs, commit by terms, figure 8 |
//! | `membership` | Raft §6; `left_out`: who is no member any more; `own_entries`: the bytes of configurations; `acks`: in which configuration copies count |
//! | `snapshots`, `clients` | Raft §7, §8 |
//! | `reads`, `lease` | thesis §6.4: reads of followers, of one's own writes, by lease |
//! | `transfer` | thesis §3.10: leadership handed over on purpose |
//! | `fsync_modes`, `commit_modes`, `pairs`, `requests` | when the disk is forced, when a client hears |
//! | `contract` | what can still be lost, and what cannot |
//! | `fates` | every early acknowledgement ends in one fate |
//! | `outputs`, `copies`, `writes` | the stories behind odd-looking rules |

#[path = "../cluster/mod.rs"]
mod cluster;

mod clients;
mod commit_modes;
mod contract;
mod copies;
mod elections;
mod fates;
mod fsync_modes;
mod lease;
mod membership;
mod outputs;
mod pairs;
mod reads;
mod replication;
mod requests;
mod safety;
mod snapshots;
mod transfer;
mod writes;

use kraft_proto::{CheckQuorum, Config, PreVote};

/// The bare algorithm of figure 2, without the thesis' additions.
fn bare(config: Config) -> Config {
    Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    }
}
