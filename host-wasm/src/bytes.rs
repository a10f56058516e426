//! What a store keeps, as bytes: records of the log and the hard state.
//!
//! A storage adapter sees a record as bytes with the index of its first entry, and needs to know no
//! more. All numbers are little-endian.
//!
//! ```text
//! record     = term:u64  first:u64  count:u32  kind:u8  (length:u32  bytes)*count
//! hard state = term:u64  voted:u8  vote:u64  incarnation  trust:u8  (the incarnation that superseded it)?
//! incarnation       = number:u64  nonce:u64
//! ```

use kraft_proto::{
    EntryKind, HardState, Incarnation, LogIndex, LogPosition, NodeId, Nonce, Run, Term, Trust,
};
use wasm_bindgen::prelude::*;

/// What stands before the entries of a record.
const HEAD_LEN: usize = 8 + 8 + 4 + 1;

/// Room made for each entry at once: one that has more takes it later.
const BODY_LEN_USUAL: usize = 4 + 256;

/// A record of the log: a run and the bytes of its entries; `None` if one is missing.
pub fn record<'a>(
    run: Run,
    mut bytes_of: impl FnMut(LogPosition) -> Option<&'a [u8]>,
) -> Option<Vec<u8>> {
    let mut record = Vec::with_capacity(HEAD_LEN + run.count as usize * BODY_LEN_USUAL);
    record.extend(run.term.0.to_le_bytes());
    record.extend(run.first.0.to_le_bytes());
    record.extend(run.count.to_le_bytes());
    record.push(kind_code(run.kind));
    for position in run.positions() {
        let bytes = bytes_of(position)?;
        record.extend((bytes.len() as u32).to_le_bytes());
        record.extend(bytes);
    }
    Some(record)
}

/// The number of an entry's kind.
pub fn kind_code(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Command => 0,
        EntryKind::NoOp => 1,
        EntryKind::Configuration => 2,
    }
}

/// The entries of a record, for whoever shows what a store holds: index, term, kind and length of
/// each in turn. None of what is no record of kraft's.
#[wasm_bindgen(js_name = recordEntries)]
pub fn record_entries(bytes: &[u8]) -> Vec<f64> {
    let Some((run, entries)) = read_record(bytes) else {
        return Vec::new();
    };
    let places = run.positions().zip(entries);
    let kind = f64::from(kind_code(run.kind));
    places
        .flat_map(|(at, entry)| {
            [
                at.index.0 as f64,
                at.term.0 as f64,
                kind,
                entry.len() as f64,
            ]
        })
        .collect()
}

/// What a record holds; `None` if these bytes were never made by [`record`].
pub fn read_record(bytes: &[u8]) -> Option<(Run, Vec<&[u8]>)> {
    let mut reader = Reader(bytes);
    let run = Run {
        term: Term(reader.u64()?),
        first: LogIndex(reader.u64()?),
        count: reader.u32()?,
        kind: match reader.u8()? {
            0 => EntryKind::Command,
            1 => EntryKind::NoOp,
            2 => EntryKind::Configuration,
            _ => return None,
        },
    };
    let mut entries = Vec::new();
    for _ in 0..run.count {
        let length = reader.u32()? as usize;
        entries.push(reader.take(length)?);
    }
    let whole = reader.0.is_empty() && run.first.0 > 0 && !entries.is_empty();
    whole.then_some((run, entries))
}

/// A hard state as bytes.
pub fn hard_state(hard: &HardState) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(hard.term.0.to_le_bytes());
    bytes.push(u8::from(hard.vote.is_some()));
    bytes.extend(hard.vote.map_or(0, |vote| vote.0).to_le_bytes());
    push_life(&mut bytes, hard.incarnation);
    bytes.push(match hard.trust {
        Trust::Clean => 0,
        Trust::Dirty => 1,
        Trust::Suspect => 2,
    });
    if let Some(by) = hard.superseded {
        push_life(&mut bytes, by);
    }
    bytes
}

fn push_life(bytes: &mut Vec<u8>, life: Incarnation) {
    bytes.extend(life.number.to_le_bytes());
    bytes.extend(life.nonce.0.to_le_bytes());
}

/// The hard state in these bytes; `None` if they were never made by [`hard_state`].
pub fn read_hard_state(bytes: &[u8]) -> Option<HardState> {
    let mut reader = Reader(bytes);
    let term = Term(reader.u64()?);
    let voted = reader.u8()?;
    let vote = NodeId(reader.u64()?);
    let hard = HardState {
        term,
        vote: (voted == 1).then_some(vote),
        incarnation: reader.life()?,
        trust: match reader.u8()? {
            0 => Trust::Clean,
            1 => Trust::Dirty,
            2 => Trust::Suspect,
            _ => return None,
        },
        superseded: match reader.0.is_empty() {
            true => None,
            false => Some(reader.life()?),
        },
    };
    (reader.0.is_empty() && voted <= 1).then_some(hard)
}

/// Takes what is there, and nothing that is not.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        let bytes = self.take(8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    fn life(&mut self) -> Option<Incarnation> {
        let number = self.u64()?;
        Some(Incarnation::new(number, Nonce(self.u64()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(count: u32) -> Run {
        Run {
            term: Term(7),
            kind: EntryKind::Command,
            first: LogIndex(3),
            count,
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was_and_in_part_not_at_all() {
        let bodies = [&b"one"[..], b"", b"three"];
        let made = record(run(3), |at| bodies.get(at.index.0 as usize - 3).copied()).unwrap();
        assert_eq!(read_record(&made), Some((run(3), bodies.to_vec())));
        for length in 0..made.len() {
            assert_eq!(read_record(&made[..length]), None, "{length} bytes of it");
        }
        let longer = [&made[..], b"x"].concat();
        assert_eq!(read_record(&longer), None);
    }

    #[test]
    fn a_record_with_a_missing_entry_is_not_made() {
        assert_eq!(
            record(run(2), |at| (at.index.0 == 3).then_some(&b"x"[..])),
            None
        );
    }

    #[test]
    fn a_hard_state_comes_back_as_it_was_and_in_part_not_at_all() {
        let hard = HardState {
            term: Term(9),
            vote: Some(NodeId(4)),
            incarnation: Incarnation::new(2, Nonce(2)),
            trust: Trust::Suspect,
            superseded: None,
        };
        let bytes = hard_state(&hard);
        assert_eq!(read_hard_state(&bytes), Some(hard));
        for length in 0..bytes.len() {
            assert_eq!(read_hard_state(&bytes[..length]), None);
        }
        let copy = HardState {
            superseded: Some(Incarnation::new(3, Nonce(9))),
            ..hard
        };
        let longer = hard_state(&copy);
        assert_eq!(read_hard_state(&longer), Some(copy));
        for length in bytes.len() + 1..longer.len() {
            assert_eq!(read_hard_state(&longer[..length]), None);
        }
    }
}
