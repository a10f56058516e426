//! What the log is applied to: a state machine, behind the sessions of its clients.
//!
//! The bundled one is [`Kv`](crate::kv::Kv). A program brings its own by implementing [`StateMachine`] and
//! starts nodes with it: see `examples/job_queue.rs`.

mod moment;
mod replica;

use std::io::{self, Read, Write};

use kraft_proto::ids::LogPosition;
use kraft_wire::api::RequestRefusal;
use kraft_wire::command::AnsweredBy;
use kraft_wire::payload::PAYLOAD_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use moment::Moment;
pub use replica::{Applied, Image, Loader, Look, Replica, Replicated, digest_of};

/// A deterministic machine that committed commands are applied to, in log order, on every node.
///
/// # What must be deterministic
///
/// All nodes apply the same commands in the same order, each by itself. So the state after a command, and
/// what is said of it, must follow from the state before and the command alone:
///
/// - no clock and no random numbers: whoever sends a command puts them into it;
/// - no iteration over a map without an order, and no arithmetic that differs between machines, as of
///   floating point numbers;
/// - nothing read from outside: files, environment, other services;
/// - a new version of the machine must apply old commands as the old version did: they are in the log;
/// - [`apply`](StateMachine::apply) must not panic, as it would on every node, at the same entry, at every
///   start. What cannot be done is an answer.
///
/// Nodes compare what they applied, and say where they differ; they cannot say who is right.
///
/// # Its words
///
/// Commands, answers, queries and views travel in postcard, in which enums have numbers by their order: add
/// variants at the end, and fields never. A clone is the state at one moment, and is taken while the node
/// serves: keep large state in structures that share their parts.
pub trait StateMachine: Clone + Send + 'static {
    /// What changes it.
    type Command: Serialize + DeserializeOwned;
    /// What it says of a command. Keep it short: the last 64 of each session are remembered.
    type Answer: Serialize + DeserializeOwned;
    /// What it is asked.
    type Query: Serialize + DeserializeOwned;
    /// What it shows when asked.
    type View: Serialize + DeserializeOwned;

    /// Applies the command at `position`. Each is applied once, however often its client sent it.
    fn apply(&mut self, position: LogPosition, command: Self::Command) -> Self::Answer;

    /// Answers a query, and changes nothing.
    ///
    /// # Errors
    /// Why it is refused.
    fn query(&self, query: &Self::Query) -> Result<Self::View, RequestRefusal>;

    /// Writes the whole state, in an order that does not depend on the node: equal states are equal bytes.
    ///
    /// # Errors
    /// When `to` fails.
    fn save(&self, to: &mut dyn Write) -> io::Result<()>;

    /// Reads what [`StateMachine::save`] wrote.
    ///
    /// # Errors
    /// When `from` fails, or has something else.
    fn load(from: &mut dyn Read) -> io::Result<Self>;

    /// Whether a command may enter the log. Asked on the leader only, before it is proposed, of the command
    /// alone: what depends on the state is for [`StateMachine::apply`] to answer.
    ///
    /// # Errors
    /// Why not. Nothing was written then.
    fn check(command: &Self::Command) -> Result<(), RequestRefusal> {
        let _ = command;
        Ok(())
    }

    /// The keys that a command touches: its class is the strongest of their zones'. A machine without keys has
    /// no zones, and its commands the class of their requests, or the cluster's default.
    fn keys(command: &Self::Command) -> Box<dyn Iterator<Item = &[u8]> + '_> {
        let _ = command;
        Box::new(std::iter::empty())
    }

    /// Whether a client waits for what the machine says of a command. [`AnsweredBy::Machine`] is answered once
    /// it is applied, and is proposed as SYNC·COMMIT at least; [`AnsweredBy::Log`] as soon as its class is
    /// reached, and hears nothing of the machine.
    fn answered_by(command: &Self::Command) -> AnsweredBy {
        let _ = command;
        AnsweredBy::Machine
    }

    /// Bytes that the view of a query has at most by now. The closer, the more queries of one client are
    /// answered side by side.
    fn view_bytes_max(&self, query: &Self::Query) -> usize {
        let _ = query;
        PAYLOAD_MAX
    }

    /// How large it is, to show.
    fn size(&self) -> Size {
        Size::default()
    }
}

/// How large a state machine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// How many things it holds.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}
