//! Members that come and go.

use kraft_proto::{Change, Member, Members, NodeId, Role, StoreId};

use crate::world::World;

impl World {
    /// Somebody, most often the leader, is asked to change the members.
    pub fn change_members(&mut self, place: usize) {
        let place = match self.leader() {
            Some((leader, _)) if self.chance.permille(800) => leader,
            _ => place,
        };
        let nodes = self.hosts.len();
        let count = self.chance.one_of(&[1, 1, 2, 3]);
        let mut changes: Vec<Change> = Vec::new();
        for _ in 0..count {
            let id = NodeId(self.chance.place(nodes) as u64 + 1);
            let store = self.chance.one_of(&[StoreId::ANY, StoreId(100 + id.0)]);
            let member = Member { id, store };
            let change = self.chance.one_of(&[
                Change::Voter(member),
                Change::Voter(member),
                Change::Learner(member),
                Change::Remove(id),
            ]);
            if changes.iter().all(|other| other.id() != id) {
                changes.push(change);
            }
        }
        let now = self.now;
        let Some(live) = &mut self.hosts[place].live else {
            return;
        };
        if let Some(run) = live.change_members(now, &changes) {
            self.changes += 1;
            self.trace(|| format!("members {} {changes:?} {run:?}", place + 1));
        }
        self.observe(place);
    }

    /// The leader of the latest term and the members it knows.
    pub fn leader(&self) -> Option<(usize, Members)> {
        let live = self.hosts.iter().enumerate();
        let live = live.filter_map(|(place, host)| Some((place, host.live.as_ref()?)));
        let leaders = live.filter(|(_, live)| live.raft.status().role == Role::Leader);
        leaders
            .max_by_key(|(_, live)| live.raft.status().term)
            .map(|(place, live)| (place, live.raft.members().clone()))
    }
}
