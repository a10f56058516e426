//! The cluster, its network and its clock, and what befalls them.

use kraft_proto::{
    Class, Config, Frame, Instant, LogPosition, Member, Members, NodeId, Role, StoreId, Trust,
    Verdict,
};

use crate::chance::Chance;
use crate::disk::{Crash, Entry};
use crate::host::{AWAITED, Host, Reading};
use crate::oracle::{Oracle, Power};
use crate::recalls::{self, Answering, Late};
use crate::snapshots::Counts;
use crate::weather::{Weather, draw_config, draw_weather, millis};

/// A message in flight.
#[derive(Clone)]
pub struct Packet {
    pub from: NodeId,
    pub to: NodeId,
    pub bytes: Vec<u8>,
    /// What comes beside a snapshot.
    pub state: Vec<Entry>,
}

pub struct World {
    pub chance: Chance,
    pub weather: Weather,
    pub hosts: Vec<Host>,
    pub packets: Vec<Packet>,
    /// Nodes nobody hears, and who hear nobody.
    cut_off: Vec<NodeId>,
    pub now: Instant,
    proposals: u64,
    positions: Vec<LogPosition>,
    steps: u64,
    trace: bool,
    pub changes: u64,
    pub snapshots: Counts,
    pub recalls: recalls::Counts,
    /// Answers of hosts on their way.
    pub late: Vec<Late>,
    pub answering: Answering,
    pub oracle: Oracle,
}

impl World {
    pub fn new(mut chance: Chance) -> Self {
        let voters = chance.one_of(&[1, 2, 3, 3, 3, 4, 5]);
        let learners = chance.one_of(&[0, 0, 1]);
        let weather = draw_weather(&mut chance, voters);
        let member = |id| Member {
            id: NodeId(id),
            store: StoreId(100 + id),
        };
        let joiners = match weather.churn_permille {
            0 => 0,
            _ => chance.number(0..=2),
        };
        let everyone = 1..=voters + learners + joiners;
        let (voting, learning) = (1..=voters, voters + 1..=voters + learners);
        let members = match chance.permille(500) {
            true => Members::new(voting.map(NodeId), learning.map(NodeId)),
            false => Members::with_stores(voting.map(member), learning.map(member)),
        };
        let members = members.expect("few members");
        let hosts = everyone.map(|id| {
            let config = Config {
                id: NodeId(id),
                store: StoreId(100 + id),
                ..draw_config(&mut chance, weather.on_power_loss, weather.lease)
            };
            Host::new(config, members.clone())
        });
        let mut world = Self {
            hosts: hosts.collect(),
            oracle: Oracle::new(&members, weather.protection()),
            changes: 0,
            snapshots: Counts::default(),
            recalls: recalls::Counts::default(),
            late: Vec::new(),
            answering: Answering::Anyhow,
            chance,
            weather,
            packets: Vec::new(),
            cut_off: Vec::new(),
            now: Instant::ZERO,
            proposals: 0,
            positions: Vec::new(),
            steps: 0,
            trace: std::env::var_os("KRAFT_TRACE").is_some(),
        };
        for place in 0..world.hosts.len() {
            world.start(place);
        }
        world
    }

    pub fn steps(&self) -> u64 {
        self.steps
    }

    pub fn trace(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:>9} {}", self.now.0, what());
        }
    }

    /// Random faults.
    pub fn storm(&mut self) {
        for _ in 0..self.weather.steps {
            self.steps += 1;
            if self.chance.permille(100) {
                self.answer_late();
            }
            let place = self.chance.place(self.hosts.len());
            if self.chance.permille(self.weather.churn_permille) {
                self.change_members(place);
                continue;
            }
            if self.chance.permille(self.weather.compact_permille) {
                match self.chance.permille(800) {
                    true => self.compact(place),
                    false => self.send_any_snapshot(place),
                }
                continue;
            }
            match self.chance.number(0..=99) {
                0..=54 => self.deliver_any(),
                55..=79 => self.advance_disk(place),
                80..=91 => self.pass_time(),
                92..=95 => self.propose(place),
                96 | 97 => self.read(place),
                98 if self.chance.permille(300) => self.transfer(place),
                98 => self.check_some_fate(place),
                _ => self.disturb(place),
            }
        }
    }

    /// No more faults: the cluster must come to rest with everything committed and answered.
    pub fn calm(&mut self) {
        self.cut_off.clear();
        self.answering = Answering::AtOnce;
        while !self.late.is_empty() {
            self.answer_late();
        }
        self.weather.outputs_max = u64::MAX;
        for place in 0..self.hosts.len() {
            if self.hosts[place].live.is_none() {
                self.start(place);
            }
        }
        // What is in the logs commits by itself, and so does one more entry.
        let mut last: Option<LogPosition> = None;
        for _ in 0..5000 {
            self.steps += 1;
            if self.is_at_rest() {
                match last {
                    Some(last) if self.oracle.is_committed(last) => return,
                    _ => last = self.propose_last(),
                }
            }
            for packet in std::mem::take(&mut self.packets) {
                self.deliver(&packet);
            }
            for place in 0..self.hosts.len() {
                for _ in 0..20 {
                    if self.hosts[place].disk.is_busy() {
                        self.advance_disk(place);
                    }
                }
            }
            self.now = self.now.after(millis(1));
            for place in 0..self.hosts.len() {
                self.tick(place);
            }
        }
        let status: Vec<_> = self
            .hosts
            .iter()
            .filter_map(|host| host.live.as_ref())
            .map(|live| (live.raft.status(), live.waits.len(), &live.early))
            .collect();
        panic!("no rest after the storm: {status:#?}");
    }

    fn propose_last(&mut self) -> Option<LogPosition> {
        let now = self.now;
        self.proposals += 1;
        let data = self.proposals;
        if let Some((place, _)) = self.leader() {
            let live = self.hosts[place].live.as_mut()?;
            let class = self.weather.classes[data as usize % self.weather.classes.len()];
            // Some ask more voters than there are by now.
            let proposed = live
                .propose(now, class, 1, data)
                .or_else(|| live.propose(now, Class::default(), 1, data));
            self.observe(place);
            if let Some(run) = proposed {
                return Some(run.last_position());
            }
        }
        None
    }

    fn is_at_rest(&self) -> bool {
        // Who is no member any more waits for ever, and nobody waits for it.
        let Some((_, members)) = self.leader().filter(|(_, members)| !members.is_joint()) else {
            return false;
        };
        let hosts = self.hosts.iter().filter(|host| members.contains(host.id()));
        let longest = hosts.clone().filter_map(|host| host.live.as_ref());
        let longest = longest.map(|live| live.log.len()).max();
        hosts.clone().all(|host| {
            host.live.as_ref().is_some_and(|live| {
                longest == Some(live.log.len())
                    && live.commit == live.log.len()
                    && live.waits.is_empty()
                    && live.early.is_empty()
                    && live.reads.is_empty()
            })
        })
    }

    fn start(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        if let Some(hint) = host.hint {
            self.recalls.count_hint(&host.image, hint);
        }
        host.start(self.now);
        let log = &host.image.log;
        self.oracle.saw_disk(host.life(), log, log);
        self.trace(|| format!("start {}", place + 1));
        self.observe(place);
    }

    fn deliver_any(&mut self) {
        if self.packets.is_empty() {
            return;
        }
        // Mostly in the order sent, sometimes not.
        let place = match self.chance.permille(700) {
            true => 0,
            false => self.chance.place(self.packets.len()),
        };
        if self.chance.permille(self.weather.loss_permille) {
            self.packets.remove(place);
        } else if self.chance.permille(self.weather.copy_permille) {
            let packet = self.packets[place].clone();
            self.deliver(&packet);
        } else {
            let packet = self.packets.remove(place);
            self.deliver(&packet);
        }
    }

    fn deliver(&mut self, packet: &Packet) {
        if self.cut_off.contains(&packet.from) || self.cut_off.contains(&packet.to) {
            return;
        }
        let place = packet.to.0 as usize - 1;
        let now = self.now;
        if let Some(live) = &mut self.hosts[place].live {
            let frame = Frame::decode(&packet.bytes).expect("what a node sends decodes");
            let status = live.raft.status();
            if status.role == Role::Leader && status.term == frame.envelope().term {
                self.oracle.saw_answer(status.term.0, frame.envelope());
            }
            live.receive(now, &packet.bytes, &packet.state);
            self.observe(place);
        }
    }

    fn advance_disk(&mut self, place: usize) {
        let host = &mut self.hosts[place];
        let life = host.life();
        let Some(live) = &mut host.live else { return };
        let receipt = host.disk.advance(&mut self.chance);
        let written = host.disk.written_log();
        self.oracle.saw_disk(life, &written, host.disk.synced_log());
        if let Some(receipt) = receipt {
            live.stored(self.now, receipt);
            self.observe(place);
        }
    }

    fn pass_time(&mut self) {
        self.now = self.now.after(millis(self.chance.number(0..=2)));
        for place in 0..self.hosts.len() {
            if self.chance.permille(700) {
                self.tick(place);
            }
        }
    }

    fn tick(&mut self, place: usize) {
        let now = self.now;
        if let Some(live) = &mut self.hosts[place].live {
            live.timeout(now);
            self.observe(place);
        }
    }

    fn propose(&mut self, place: usize) {
        let now = self.now;
        let class = self.weather.classes[self.chance.place(self.weather.classes.len())];
        let count = self.chance.one_of(&[1, 1, 2, 5]);
        let Some(live) = &mut self.hosts[place].live else {
            return;
        };
        if let Some(run) = live.propose(now, class, count, self.proposals + 1) {
            self.proposals += u64::from(count);
            self.positions.push(run.last_position());
            if self.chance.permille(300) && live.waits.has_room() {
                let (waits, raft, log) = (&mut live.waits, &live.raft, &live.log);
                let history = |index| log.run_at(index);
                let token = AWAITED | self.proposals;
                let awaited =
                    waits.await_commit(token, run.last_position(), class, None, raft, history);
                awaited.expect("there was room");
            }
            self.trace(|| format!("propose {} {class} {run:?}", place + 1));
        }
        self.observe(place);
    }

    fn read(&mut self, place: usize) {
        let now = self.now;
        let floor = self.oracle.read_floor();
        let after = match self.positions.last() {
            Some(_) if self.chance.permille(300) => {
                self.positions[self.chance.place(self.positions.len())]
            }
            _ => LogPosition::ZERO,
        };
        if let Some(live) = &mut self.hosts[place].live {
            if let Ok(ticket) = live.raft.read_after(now, after) {
                live.reads.push(Reading {
                    ticket,
                    floor,
                    after,
                });
            }
            self.observe(place);
        }
    }

    fn transfer(&mut self, place: usize) {
        let now = self.now;
        let to = self.chance.number(0..=self.hosts.len() as u64);
        if let Some(live) = &mut self.hosts[place].live {
            let to = (to > 0).then_some(NodeId(to));
            if live.raft.transfer_leadership(now, to).is_ok() {
                self.oracle.saw_transfer();
            }
            self.trace(|| format!("transfer {} to {to:?}", place + 1));
            self.observe(place);
        }
    }

    fn check_some_fate(&mut self, place: usize) {
        if self.positions.is_empty() {
            return;
        }
        let position = self.positions[self.chance.place(self.positions.len())];
        if let Some(live) = &self.hosts[place].live {
            if let Verdict::Recall(_) = live.raft.fate(position) {
                self.recalls.for_fates += 1;
            }
            self.oracle.check_fate(live, position);
        }
    }

    fn disturb(&mut self, place: usize) {
        if self.hosts[place].live.is_none() {
            self.start(place);
        } else if self.chance.permille(self.weather.crash_permille) {
            let how = match self.weather.power {
                Power::Steady => self.chance.one_of(&[Crash::Process, Crash::Stop]),
                Power::Fails => {
                    self.chance
                        .one_of(&[Crash::Process, Crash::Power, Crash::Power, Crash::Stop])
                }
            };
            self.crash(place, how);
            // Back before anybody misses it, or later.
            if self.chance.permille(500) {
                self.start(place);
            }
        } else if self.chance.permille(300) {
            match self.cut_off.pop() {
                Some(_) => {}
                None => self.cut_off.push(self.hosts[place].id()),
            }
            self.trace(|| format!("cut off: {:?}", self.cut_off));
        }
    }

    fn crash(&mut self, place: usize, how: Crash) {
        if how == Crash::Stop {
            self.stop(place);
        }
        let host = &mut self.hosts[place];
        if host.live.take().is_some() {
            host.image = host.disk.crash(how, &mut self.chance);
            host.crashed = how;
            if how == Crash::Power {
                self.oracle.saw_power_cut(host.config.id);
            }
            self.trace(|| format!("crash {} {how:?}", place + 1));
        }
    }

    /// A clean stop: the node has everything forced and says so, and the power may go out then.
    fn stop(&mut self, place: usize) {
        if let Some(live) = &mut self.hosts[place].live {
            live.raft.stop(self.now);
        }
        for _ in 0..1000 {
            self.observe_all(place);
            let host = &mut self.hosts[place];
            let Some(live) = &mut host.live else { return };
            if live.raft.is_stopped() {
                let trust = live.raft.status().trust;
                assert_ne!(trust, Trust::Dirty, "a clean stop leaves nothing dirty");
                return;
            }
            while let Some(receipt) = host.disk.finish_one() {
                live.stored(self.now, receipt);
            }
        }
        panic!("node {} does not stop", place + 1);
    }
}
