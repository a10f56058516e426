//! The nodes of a script, and the network and disks between their outputs and inputs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::show;
use crate::drive::driver::Driver;

/// A message in flight.
#[derive(Debug)]
struct Flight {
    from: u64,
    to: u64,
    blob: String,
}

/// Whether a write is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Medium {
    Written,
    Synced,
}

/// A write of a node.
#[derive(Debug)]
struct Write {
    /// Its number; none if an earlier incarnation made it.
    id: Option<u64>,
    log: bool,
    wanted: bool,
    medium: Medium,
    blob: Value,
}

/// Which lines of the output are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All.
    Full,
    /// Without messages, writes and applied entries.
    Brief,
}

/// Which writes of a node reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that asked for it.
    Wanted,
    /// Hard states only.
    HardState,
}

/// How nodes stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What was written survives.
    Kill,
    /// What was synced survives.
    PowerCut,
}

/// The world of a script.
#[derive(Debug, Default)]
pub struct World {
    driver: Driver,
    /// The fields of `new`.
    settings: Map<String, Value>,
    flights: Vec<Flight>,
    disks: BTreeMap<u64, Vec<Write>>,
    running: BTreeSet<u64>,
    isolated: BTreeSet<u64>,
    /// Those that were killed, on an operating system that runs on.
    killed: BTreeSet<u64>,
    said: Vec<String>,
}

impl World {
    /// What was said since this was last called.
    pub fn take_said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// The nodes that run.
    pub fn running(&self) -> Vec<u64> {
        self.running.iter().copied().collect()
    }

    /// Sends a request and shows the reply as it is.
    pub fn raw(&mut self, request: &str) {
        let reply = self.driver.answer(request.as_bytes()).to_json();
        self.said.push(reply);
    }

    /// Sends a request to a node and takes care of what it puts out. Returns the reply's state.
    pub fn ask(&mut self, node: u64, detail: Detail, request: &Value) -> Value {
        let reply = self.driver.answer(request.to_string().as_bytes()).to_json();
        let reply: Value = serde_json::from_str(&reply).unwrap_or_default();
        if let Some(why) = reply["err"].as_str() {
            self.said.push(format!("{}{why}", show::REFUSED));
        }
        for line in reply["out"].as_array().into_iter().flatten() {
            self.take(node, line);
            if let Some(shown) = show::line(node, line, detail) {
                self.said.push(shown);
            }
        }
        reply["state"].clone()
    }

    /// Says something.
    pub fn say(&mut self, what: String) {
        self.said.push(what);
    }

    fn take(&mut self, node: u64, line: &Value) {
        match line["t"].as_str() {
            Some("send") => self.flights.push(Flight {
                from: node,
                to: line["to"].as_u64().unwrap_or_default(),
                blob: line["blob"].as_str().unwrap_or_default().to_owned(),
            }),
            Some("write") => {
                let kinds = line["kind"].as_array().map_or(&[][..], Vec::as_slice);
                self.disks.entry(node).or_default().push(Write {
                    id: line["id"].as_u64(),
                    log: !kinds.contains(&json!("hard_state")),
                    wanted: line["sync"] == true,
                    medium: Medium::Written,
                    blob: line["blob"].clone(),
                });
            }
            _ => {}
        }
    }

    /// Puts a log on the disk of a node that does not run: one entry of each of these terms.
    pub fn history(&mut self, node: u64, terms: &[u64]) {
        let newest = terms.iter().max().copied().unwrap_or_default();
        let mut blobs = vec![format!("hard {newest} - 1 clean")];
        let mut before = 0;
        for (first, term) in (1..).zip(terms) {
            blobs.push(format!("entries {before} {first} {term} command 78"));
            before = *term;
        }
        let synced = |blob: String| Write {
            id: None,
            log: blob.starts_with("entries"),
            wanted: true,
            medium: Medium::Synced,
            blob: json!(blob),
        };
        let writes = blobs.into_iter().map(synced).collect();
        self.disks.insert(node, writes);
    }

    /// Starts a cluster of `count` voters.
    pub fn cluster(&mut self, count: u64, settings: Map<String, Value>) {
        self.settings = settings;
        let voters: Vec<u64> = (1..=count).collect();
        self.settings.entry("voters").or_insert(json!(voters));
        for node in voters {
            self.start(node, &Map::new(), Detail::Brief);
        }
    }

    /// Starts a node from what its disk kept.
    pub fn start(&mut self, node: u64, more: &Map<String, Value>, detail: Detail) {
        let disk = self.disks.entry(node).or_default();
        let blobs: Vec<Value> = disk.iter().map(|write| write.blob.clone()).collect();
        let mut request = self.settings.clone();
        request.extend(more.clone());
        request.insert("cmd".into(), json!("new"));
        request.insert("node".into(), json!(node));
        request.insert("disk".into(), json!(blobs));
        if self.killed.remove(&node) {
            request.entry("suspect").or_insert(json!(false));
        }
        self.running.insert(node);
        self.ask(node, detail, &Value::Object(request));
    }

    /// Stops a node.
    pub fn stop(&mut self, node: u64, how: Stop) {
        self.ask(node, Detail::Full, &json!({"cmd": "drop", "node": node}));
        self.running.remove(&node);
        let disk = self.disks.entry(node).or_default();
        if how == Stop::Kill {
            self.killed.insert(node);
        } else {
            disk.retain(|write| write.medium == Medium::Synced);
        }
        for write in disk {
            write.id = None;
            write.medium = Medium::Synced;
        }
    }

    /// Whatever this node sends and is sent is lost, or no longer.
    pub fn isolate(&mut self, node: u64, cut: bool) {
        if cut {
            self.isolated.insert(node);
        } else {
            self.isolated.remove(&node);
        }
    }

    /// Takes the messages in flight from `from` to `to`; `None` stands for anyone.
    fn land(&mut self, from: Option<u64>, to: Option<u64>) -> Vec<Flight> {
        let meant = |flight: &mut Flight| {
            from.is_none_or(|from| flight.from == from) && to.is_none_or(|to| flight.to == to)
        };
        self.flights.extract_if(.., meant).collect()
    }

    /// The messages in flight between two nodes arrive. True if there were any.
    pub fn deliver(&mut self, from: Option<u64>, to: Option<u64>, detail: Detail) -> bool {
        let landed = self.land(from, to);
        let any = !landed.is_empty();
        for Flight { from, to, blob } in landed {
            let cut = self.isolated.contains(&from) || self.isolated.contains(&to);
            if !cut && self.running.contains(&to) {
                let request = json!({"cmd": "msg", "node": to, "from": from, "blob": blob});
                self.ask(to, detail, &request);
            }
        }
        any
    }

    /// The messages in flight between two nodes are lost.
    pub fn lose(&mut self, from: Option<u64>, to: Option<u64>) {
        let count = self.land(from, to).len();
        self.said.push(format!("{count} lost"));
    }

    /// Writes of a node are on the disk. True if there were any.
    pub fn sync(&mut self, node: u64, which: Which, detail: Detail) -> bool {
        let disk = self.disks.entry(node).or_default();
        let asked = disk.iter_mut().filter(|write| {
            let meant = match which {
                Which::All => true,
                Which::Wanted => write.wanted,
                Which::HardState => !write.log,
            };
            write.medium == Medium::Written && meant
        });
        let ids: Vec<(u64, bool)> = asked
            .filter_map(|write| Some((write.id?, write.log)))
            .collect();
        let last_log = ids.iter().filter(|(_, log)| *log).map(|(id, _)| *id).max();
        for write in disk.iter_mut() {
            let along = write.log && write.id.is_some() && write.id <= last_log;
            let itself = ids.iter().any(|(id, _)| Some(*id) == write.id);
            if along || itself {
                write.medium = Medium::Synced;
            }
        }
        for (id, log) in &ids {
            // The last log write takes the earlier ones along.
            if !log || Some(*id) == last_log {
                let request = json!({"cmd": "synced", "node": node, "id": id});
                self.ask(node, detail, &request);
            }
        }
        !ids.is_empty()
    }

    /// Lets disks and network finish what they were asked.
    pub fn run_until_idle(&mut self) {
        for _ in 0..1000 {
            let mut any = false;
            for node in self.running() {
                any |= self.sync(node, Which::Wanted, Detail::Brief);
            }
            any |= self.deliver(None, None, Detail::Brief);
            if !any {
                return;
            }
        }
        self.said.push(show::UNFINISHED.to_owned());
    }
}
