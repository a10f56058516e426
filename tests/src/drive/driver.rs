//! The nodes, and which command goes to which of them.

use std::collections::BTreeMap;

use kraft_proto::{Change, Class, LogPosition, Member, NodeId, StoreId, Term};
use serde_json::Value;

use super::fields::{Fields, Refusal};
use super::line::{Line, Reply, State};
use super::node::Node;
use super::options::Options;

/// The version of the protocol.
const PROTO: u32 = 1;

/// What works in this build.
const FEATURES: [&str; 10] = [
    "prevote",
    "check_quorum",
    "transfer",
    "readindex",
    "conf",
    "snapshot",
    "commit_modes",
    "fsync_modes",
    "suspect",
    "fate",
];

/// Ticks of one request at most: a leader says something in each.
const TICKS_MAX: u64 = 100_000;

/// Any number of bare nodes.
#[derive(Debug, Default)]
pub struct Driver {
    nodes: BTreeMap<NodeId, Node>,
    /// The newest write of nodes that are gone.
    last_writes: BTreeMap<NodeId, u64>,
    /// How often each node was started.
    starts: BTreeMap<NodeId, u64>,
}

impl Driver {
    /// Carries out one request. Whatever the line holds, there is one reply.
    pub fn answer(&mut self, line: &[u8]) -> Reply {
        let request: Value = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => {
                return Reply::refused(Refusal(format!("not JSON: {error}")), Vec::new());
            }
        };
        match Fields::of(&request, "request").and_then(|fields| self.request(fields)) {
            Ok(reply) => reply,
            Err(refusal) => Reply::refused(refusal, Vec::new()),
        }
    }

    fn request(&mut self, fields: Fields<'_>) -> Result<Reply, Refusal> {
        match fields.need_text("cmd")? {
            "hello" => Ok(Reply::done(Vec::new(), Some(hello()))),
            "new" => self.start(fields),
            "drop" => self.drop_node(fields),
            cmd => {
                if !KNOWN.contains(&cmd) {
                    return Err(Refusal(format!("cmd: no command is called {cmd:?}")));
                }
                let id = fields.need_node("node")?;
                let node = self.nodes.get_mut(&id).ok_or_else(|| no_node(id))?;
                let done = carry_out(node, cmd, fields);
                let out = node.take_out();
                Ok(match done {
                    Ok(state) => Reply::done(out, state),
                    Err(refusal) => Reply::refused(refusal, out),
                })
            }
        }
    }

    fn start(&mut self, fields: Fields<'_>) -> Result<Reply, Refusal> {
        let id = fields.need_node("node")?;
        let options = Options::read(id, fields)?;
        let last_write = match self.nodes.get(&id) {
            Some(node) => node.last_write(),
            None => self.last_writes.get(&id).copied().unwrap_or_default(),
        };
        let starts = self.starts.get(&id).copied().unwrap_or_default() + 1;
        let mut node = Node::start(options, starts, last_write)?;
        let out: Vec<Line> = node.take_out();
        self.starts.insert(id, starts);
        self.nodes.insert(id, node);
        Ok(Reply::done(out, None))
    }

    fn drop_node(&mut self, fields: Fields<'_>) -> Result<Reply, Refusal> {
        let id = fields.need_node("node")?;
        let node = self.nodes.remove(&id).ok_or_else(|| no_node(id))?;
        self.last_writes.insert(id, node.last_write());
        Ok(Reply::done(Vec::new(), None))
    }
}

/// Commands to one node.
const KNOWN: [&str; 11] = [
    "tick", "msg", "synced", "propose", "read", "fate", "campaign", "state", "transfer", "compact",
    "conf",
];

fn carry_out(node: &mut Node, cmd: &str, fields: Fields<'_>) -> Result<Option<State>, Refusal> {
    match cmd {
        "tick" => {
            let count = fields.need_number("n")?;
            if count > TICKS_MAX {
                return Err(Refusal(format!(
                    "n: at most {TICKS_MAX} ticks in one request"
                )));
            }
            node.tick(count);
            Ok(None)
        }
        "msg" => deliver(node, fields).map(|()| None),
        "synced" => node.synced(fields.need_number("id")?).map(|()| None),
        "propose" => {
            let data = fields.need_text("data")?.to_owned();
            let default = node.default_class();
            let class = Class::new(
                fields.word("mode")?.unwrap_or(default.mode),
                fields.word("fsync")?.unwrap_or(default.fsync),
            );
            node.propose(client(fields)?, Some(data), class).map(Some)
        }
        "read" => {
            let after = LogPosition::new(
                Term(fields.number("after_term")?.unwrap_or_default()),
                fields.index("after_index")?.unwrap_or_default(),
            );
            node.read(client(fields)?, after).map(|()| None)
        }
        "fate" => {
            let of = LogPosition::new(fields.need_term("term")?, fields.need_index("index")?);
            Ok(Some(node.fate(of)))
        }
        "campaign" => {
            node.campaign();
            Ok(None)
        }
        "transfer" => {
            let to = fields.number("to")?.map(NodeId);
            node.transfer(to).map(|()| None)
        }
        "compact" => node.compact(fields.need_index("index")?).map(|()| None),
        "conf" => node.change_members(&changes(fields)?).map(Some),
        "state" => Ok(Some(node.state())),
        _ => Err(Refusal(format!("cmd: {cmd:?} does not work in this build"))),
    }
}

fn deliver(node: &mut Node, fields: Fields<'_>) -> Result<(), Refusal> {
    let from = fields.need_node("from")?;
    match fields.text("blob")? {
        Some(blob) => node.deliver_blob(from, blob),
        None => {
            let kind = fields.need_text("kind")?;
            let msg = Fields::of(fields.need("msg")?, "msg")?;
            node.deliver_handmade(from, kind, msg)
        }
    }
}

/// `[["add", 4], …]`
fn changes(fields: Fields<'_>) -> Result<Vec<Change>, Refusal> {
    fields.need("changes")?;
    let changes = fields.list("changes")?.unwrap_or_default().iter();
    let change = |change: &Value| {
        let (word, node) = (change.get(0)?.as_str()?, change.get(1)?.as_u64()?);
        let member = Member {
            id: NodeId(node),
            store: StoreId::ANY,
        };
        match word {
            "add" => Some(Change::Voter(member)),
            "learner" => Some(Change::Learner(member)),
            "remove" => Some(Change::Remove(member.id)),
            _ => None,
        }
    };
    let changes = changes.map(change).collect::<Option<_>>();
    changes.ok_or_else(|| {
        Refusal::new("changes: expected a list of [\"add\", \"learner\" or \"remove\", node]")
    })
}

/// The caller's own name for a proposal or a read.
fn client(fields: Fields<'_>) -> Result<&Value, Refusal> {
    match fields.need("id")? {
        id @ (Value::Number(_) | Value::String(_)) => Ok(id),
        _ => Err(Refusal::new("id: expected a number or a string")),
    }
}

fn no_node(id: NodeId) -> Refusal {
    Refusal(format!("node: there is no node {id}"))
}

fn hello() -> State {
    State::Hello {
        proto: PROTO,
        r#impl: format!("kraft {}", env!("CARGO_PKG_VERSION")),
        features: FEATURES.to_vec(),
    }
}
