//! Clients of one node, who wait through [`Waits`] as a host has them wait.

use std::time::Duration;

use kraft_proto::durability::Fallback;
use kraft_proto::{Answer, Class, CommitMode, Grade, Held, Instant, LogPosition, Slot, Waits};

use super::Cluster;

pub struct Clients {
    node: u64,
    pub waits: Waits<u32, [Slot<u32>; 8]>,
}

impl Clients {
    /// Clients of node 1.
    pub fn new() -> Self {
        Self::of(1)
    }

    pub fn of(node: u64) -> Self {
        Self {
            node,
            waits: Waits::new(std::array::from_fn(|_| Slot::default())),
        }
    }

    /// Proposes for a client. `All` writes have a deadline of half a second.
    pub fn propose(
        &mut self,
        cluster: &mut Cluster,
        token: u32,
        class: Class,
        fallback: Fallback,
    ) -> LogPosition {
        // What was said before is known before.
        assert_eq!(self.told(cluster), []);
        let proposed = cluster.propose(self.node, class);
        let deadline: Instant = cluster.now.after(Duration::from_millis(500));
        let position = proposed.run.last_position();
        let deadline = (class.mode == CommitMode::All).then_some(deadline);
        self.waits
            .insert(token, position, &proposed, class, deadline, fallback)
            .unwrap();
        position
    }

    /// Has a client wait for the commit of an entry.
    pub fn await_commit(&mut self, cluster: &mut Cluster, token: u32, of: LogPosition) {
        let node = cluster.node(self.node);
        let history = |index| node.history.run_at(index);
        self.waits
            .await_commit(token, of, Class::default(), None, &node.raft, history)
            .unwrap();
    }

    /// Waits no longer for some of them.
    pub fn give_up(&mut self, cluster: &mut Cluster, whom: impl Fn(u32) -> bool) {
        let node = cluster.node(self.node);
        let history = |index| node.history.run_at(index);
        self.waits.give_up(whom, &mut node.raft, history);
    }

    /// Shows the node's outputs to the clients and returns what they are told.
    pub fn told(&mut self, cluster: &mut Cluster) -> Vec<Answer<u32>> {
        let now = cluster.now;
        let node = cluster.node(self.node);
        for output in node.outputs.drain(..) {
            let history = |index| node.history.run_at(index);
            self.waits.handle_output(&output, &node.raft, history);
        }
        let history = |index| node.history.run_at(index);
        self.waits.handle_timeout(now, &mut node.raft, history);
        std::iter::from_fn(|| self.waits.poll_answer()).collect()
    }
}

pub fn graded(answers: &[Answer<u32>]) -> Vec<(u32, Grade, Option<Held>)> {
    let grade = |answer: &Answer<u32>| (answer.token, answer.grade, answer.held);
    answers.iter().map(grade).collect()
}
