//! What must hold, whatever happens. Oracles see everything and change nothing.
//!
//! | oracle | catches |
//! | --- | --- |
//! | `election_safety` | two leaders of a term, two votes in a term, a word the disk does not know |
//! | `leader_append_only` | a leader that shortens or rewrites its own log |
//! | `log_matching` | two entries, or two pasts, at one position |
//! | `leader_completeness` | a leader without an entry that was committed before its term |
//! | `state_machine_safety` | two nodes that apply differently, a commit that is not on a majority's disks |
//! | `contract` | an acknowledgement that claims copies there were not, a leader without what must survive |
//! | `one_fate` | a fate that is wrong, or told twice and differently |
//! | `exactly_once` | a request that takes effect twice, or whose answer differs |
//! | `linearizable_reads` | a read that misses what was there before it |
//! | `convergence` | a cluster that does not come to rest when the faults are over |
//! | `bounded_memory` | anything that grows without bound |
//! | `message_chains` | messages that cause each other without end |

pub(crate) mod bounded_memory;
pub(crate) mod contract;
pub(crate) mod convergence;
pub(crate) mod election_safety;
pub(crate) mod exactly_once;
pub(crate) mod facts;
pub(crate) mod leader_append_only;
pub(crate) mod leader_completeness;
pub(crate) mod led;
pub(crate) mod linearizable_reads;
pub(crate) mod log_matching;
pub(crate) mod message_chains;
pub(crate) mod one_fate;
pub(crate) mod state_machine_safety;

use kraft_proto::durability::OnPowerLoss;

use super::event::Event;
use facts::Facts;

/// What an oracle says of an event: nothing, or what is wrong.
pub(crate) type Verdict = Result<(), String>;

/// Every oracle, and the facts they share.
#[derive(Clone, Debug)]
pub(crate) struct Oracles {
    pub facts: Facts,
    election_safety: election_safety::Oracle,
    leader_append_only: leader_append_only::Oracle,
    log_matching: log_matching::Oracle,
    leader_completeness: leader_completeness::Oracle,
    pub contract: contract::Oracle,
    one_fate: one_fate::Oracle,
    exactly_once: exactly_once::Oracle,
    linearizable_reads: linearizable_reads::Oracle,
}

impl Oracles {
    pub fn new(nodes: usize, on_power_loss: OnPowerLoss) -> Self {
        Self {
            facts: Facts::new(nodes),
            election_safety: Default::default(),
            leader_append_only: leader_append_only::Oracle::new(nodes),
            log_matching: Default::default(),
            leader_completeness: Default::default(),
            contract: contract::Oracle::new(on_power_loss),
            one_fate: Default::default(),
            exactly_once: Default::default(),
            linearizable_reads: Default::default(),
        }
    }

    /// Shows an event to everybody; the name of the oracle that objects, and what it says.
    pub fn see(&mut self, now_us: u64, event: &Event<'_>) -> Result<(), (&'static str, String)> {
        self.facts.see(event);
        self.contract.pass(now_us);
        let facts = &self.facts;
        let named = |name| move |what| (name, what);
        (self.election_safety.see(event)).map_err(named("election_safety"))?;
        (self.leader_append_only.see(event)).map_err(named("leader_append_only"))?;
        (self.log_matching.see(event)).map_err(named("log_matching"))?;
        (self.leader_completeness.see(facts, event)).map_err(named("leader_completeness"))?;
        state_machine_safety::see(facts, event).map_err(named("state_machine_safety"))?;
        (self.contract.see(facts, event)).map_err(named("contract"))?;
        (self.one_fate.see(facts, event)).map_err(named("one_fate"))?;
        (self.exactly_once.see(event)).map_err(named("exactly_once"))?;
        let outliving = self.contract.last_outliving();
        (self.linearizable_reads.see(facts, outliving, event))
            .map_err(named("linearizable_reads"))?;
        convergence::see(event).map_err(named("convergence"))?;
        message_chains::see(event).map_err(named("message_chains"))?;
        bounded_memory::see(event).map_err(named("bounded_memory"))
    }
}
