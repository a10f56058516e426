//! A state machine as it was at one moment, to be asked while commands are applied.

use kraft_wire::api::RequestRefusal;
use kraft_wire::payload::Payload;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StateMachine;

/// A machine as it was at one moment.
pub trait Moment: Send {
    /// Answers a query.
    ///
    /// # Errors
    /// Why it is refused.
    fn query(&self, query: &Payload) -> Result<Payload, RequestRefusal>;

    /// Bytes that the view of a query has at most.
    fn view_bytes_max(&self, query: &Payload) -> usize;
}

/// A machine that no command changes any more.
pub(super) struct AtRest<M>(pub M);

impl<M: StateMachine> Moment for AtRest<M> {
    fn query(&self, query: &Payload) -> Result<Payload, RequestRefusal> {
        ask(&self.0, query)
    }

    fn view_bytes_max(&self, query: &Payload) -> usize {
        view_bytes_max(&self.0, query)
    }
}

/// Asks a machine, in its own words.
pub(super) fn ask(machine: &impl StateMachine, query: &Payload) -> Result<Payload, RequestRefusal> {
    let view = machine.query(&read(query, "query")?)?;
    Ok(Payload::of(&view))
}

/// Bytes that the view of a query has at most.
pub(super) fn view_bytes_max(machine: &impl StateMachine, query: &Payload) -> usize {
    // One that cannot be read is refused in a few words.
    let query = query.read().ok();
    query.map_or(0, |query| machine.view_bytes_max(&query))
}

/// Reads what a client sent, in the machine's words.
pub(super) fn read<T: Serialize + DeserializeOwned>(
    payload: &Payload,
    what: &str,
) -> Result<T, RequestRefusal> {
    payload.read().map_err(|error| RequestRefusal::Malformed {
        why: format!("the {what} is none of this cluster's state machine: {error}"),
    })
}
