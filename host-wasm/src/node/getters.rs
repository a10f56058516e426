//! What JavaScript reads of a node: the parts of the last output and of the last answer, why
//! something was refused, and what the node is at this moment.

use kraft_proto::Force;
use wasm_bindgen::prelude::*;

use super::Node;
use crate::about::MessageKind;
use crate::codes::{self, Grade, Held, Refusal, Role, Standing, Trust, WriteKind};

/// The parts of the last output.
#[wasm_bindgen]
impl Node {
    /// A message, a record, a hard state. Taken: a second call has nothing.
    #[wasm_bindgen(js_name = takeBytes)]
    pub fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.shown.bytes)
    }

    /// Whom to send to.
    #[wasm_bindgen(getter)]
    pub fn to(&self) -> f64 {
        self.shown.to as f64
    }

    /// A term: of a position, an acknowledgement, a role.
    #[wasm_bindgen(getter)]
    pub fn term(&self) -> f64 {
        self.shown.term as f64
    }

    /// An index: of a position, of a record's first entry, of what a read waits for.
    #[wasm_bindgen(getter)]
    pub fn index(&self) -> f64 {
        self.shown.index as f64
    }

    /// Whether the members that were shown are known to be committed.
    #[wasm_bindgen(js_name = membersAgreed, getter)]
    pub fn members_agreed(&self) -> bool {
        let agreed = self.shown.members.map(|(agreed, _)| agreed);
        agreed == Some(kraft_proto::Agreed::Committed)
    }

    /// What this node is among them.
    #[wasm_bindgen(getter)]
    pub fn standing(&self) -> Option<Standing> {
        self.shown.members.map(|(_, own)| own.into())
    }

    /// The commit mode of an acknowledgement or a message.
    #[wasm_bindgen(getter)]
    pub fn mode(&self) -> u32 {
        self.shown.mode
    }

    /// What a message is about.
    #[wasm_bindgen(js_name = messageKind, getter)]
    pub fn message_kind(&self) -> Option<MessageKind> {
        self.shown.message
    }

    /// How many entries a message brings.
    #[wasm_bindgen(js_name = messageEntries, getter)]
    pub fn message_entries(&self) -> u32 {
        self.shown.entries
    }

    /// The strongest fsync mode among them.
    #[wasm_bindgen(getter)]
    pub fn fsync(&self) -> u8 {
        self.shown.fsync
    }

    /// How firmly acknowledged.
    #[wasm_bindgen(getter)]
    pub fn held(&self) -> Held {
        self.shown.held.map_or(Held::Not, Held::from)
    }

    /// Of a write, for `written` and `synced`; of a read, its ticket.
    #[wasm_bindgen(getter)]
    pub fn token(&self) -> u32 {
        self.shown.token
    }

    /// What to write.
    #[wasm_bindgen(js_name = writeKind, getter)]
    pub fn write_kind(&self) -> WriteKind {
        self.shown.write.map_or(WriteKind::Force, |(kind, _)| kind)
    }

    /// Whether the write must be forced, and reported by `synced`.
    #[wasm_bindgen(js_name = mustForce, getter)]
    pub fn must_force(&self) -> bool {
        self.shown
            .write
            .is_some_and(|(_, force)| force == Force::Now)
    }

    /// Whether early acknowledgements are lost, where nobody knows it is false.
    #[wasm_bindgen(js_name = isLost, getter)]
    pub fn is_lost(&self) -> bool {
        self.shown.unkept == Some(kraft_proto::Unkept::Lost)
    }
}

/// The parts of the last answer.
#[wasm_bindgen]
impl Node {
    /// Whose.
    #[wasm_bindgen(js_name = answerToken, getter)]
    pub fn answer_token(&self) -> u32 {
        self.answer.map_or(0, |answer| answer.token)
    }

    /// The term of its position.
    #[wasm_bindgen(js_name = answerTerm, getter)]
    pub fn answer_term(&self) -> f64 {
        self.answer
            .map_or(0.0, |answer| answer.position.term.0 as f64)
    }

    /// The index of its position.
    #[wasm_bindgen(js_name = answerIndex, getter)]
    pub fn answer_index(&self) -> f64 {
        self.answer
            .map_or(0.0, |answer| answer.position.index.0 as f64)
    }

    /// The mode achieved.
    #[wasm_bindgen(js_name = answerMode, getter)]
    pub fn answer_mode(&self) -> u32 {
        self.answer.map_or(0, |answer| codes::mode(answer.mode))
    }

    /// How firmly it was held.
    #[wasm_bindgen(js_name = answerHeld, getter)]
    pub fn answer_held(&self) -> Held {
        let held = self.answer.and_then(|answer| answer.held);
        held.map_or(Held::Not, Held::from)
    }

    /// How that stands to what was asked.
    #[wasm_bindgen(js_name = answerGrade, getter)]
    pub fn answer_grade(&self) -> Grade {
        self.answer
            .map_or(Grade::Unknown, |answer| answer.grade.into())
    }

    /// Why the last proposal, read, transfer or change of members was refused.
    #[wasm_bindgen(getter)]
    pub fn refusal(&self) -> Refusal {
        self.refused.why.unwrap_or(Refusal::Nothing)
    }

    /// The same in words.
    #[wasm_bindgen(js_name = refusalText, getter)]
    pub fn refusal_text(&self) -> String {
        self.refused.said.clone()
    }

    /// Whom to ask instead; 0 if nobody is known.
    #[wasm_bindgen(getter)]
    pub fn hint(&self) -> f64 {
        self.refused.hint as f64
    }
}

/// What it is at this moment.
#[wasm_bindgen]
impl Node {
    /// What it does.
    #[wasm_bindgen(getter)]
    pub fn role(&self) -> Role {
        self.raft.status().role.into()
    }

    /// Whom it follows, itself when it leads; 0 for nobody.
    #[wasm_bindgen(getter)]
    pub fn leader(&self) -> f64 {
        self.raft
            .status()
            .leader
            .map_or(0.0, |leader| leader.0 as f64)
    }

    /// Its term.
    #[wasm_bindgen(js_name = currentTerm, getter)]
    pub fn current_term(&self) -> f64 {
        self.raft.status().term.0 as f64
    }

    /// The last committed entry.
    #[wasm_bindgen(js_name = commitIndex, getter)]
    pub fn commit_index(&self) -> f64 {
        self.raft.status().commit.index.0 as f64
    }

    /// The last entry.
    #[wasm_bindgen(js_name = lastIndex, getter)]
    pub fn last_index(&self) -> f64 {
        self.raft.status().last.index.0 as f64
    }

    /// How far its store has written the log.
    #[wasm_bindgen(js_name = writtenIndex, getter)]
    pub fn written_index(&self) -> f64 {
        self.raft.status().watermarks.written.0 as f64
    }

    /// How far its store has synced the log.
    #[wasm_bindgen(js_name = syncedIndex, getter)]
    pub fn synced_index(&self) -> f64 {
        self.raft.status().watermarks.synced.0 as f64
    }

    /// Whether it may have forgotten something.
    #[wasm_bindgen(getter)]
    pub fn trust(&self) -> Trust {
        self.raft.status().trust.into()
    }

    /// Bytes of entries in memory.
    #[wasm_bindgen(js_name = memoryBytes, getter)]
    pub fn memory_bytes(&self) -> f64 {
        self.bodies.len_bytes() as f64
    }
}
