//! The entries a node may still have to write, send or apply: their bytes, in the order of the log.

use std::collections::VecDeque;

use kraft_proto::{Class, LogIndex, LogPosition};

/// Entries by index, ascending.
#[derive(Default)]
pub struct Bodies {
    entries: VecDeque<Body>,
}

/// One entry's bytes, its position, and the class as far as it is known here.
struct Body {
    at: LogPosition,
    class: Option<Class>,
    bytes: Box<[u8]>,
}

impl Bodies {
    /// Keeps the bytes of a position, in place of what another leader had there and behind it.
    pub fn keep(&mut self, at: LogPosition, class: Option<Class>, bytes: &[u8]) {
        let bytes = bytes.into();
        let body = Body { at, class, bytes };
        match self.place(at.index) {
            Ok(place) if self.entries[place].at.term == at.term => self.entries[place] = body,
            Ok(place) => {
                self.entries.truncate(place);
                self.entries.push_back(body);
            }
            Err(place) => self.entries.insert(place, body),
        }
    }

    /// The class of exactly this position; `None` where it is not known.
    pub fn class(&self, position: LogPosition) -> Option<Class> {
        self.find(position)?.class
    }

    /// The bytes of exactly this position: the same index of another term is another entry.
    pub fn at(&self, position: LogPosition) -> Option<&[u8]> {
        Some(&self.find(position)?.bytes)
    }

    /// Forgets entries through `upto`: a snapshot stands for them.
    pub fn drop_through(&mut self, upto: LogIndex) {
        let kept = self.entries.partition_point(|body| body.at.index <= upto);
        self.entries.drain(..kept);
    }

    /// How many bytes are kept, without what keeping them costs.
    pub fn len_bytes(&self) -> usize {
        self.entries.iter().map(|body| body.bytes.len()).sum()
    }

    fn find(&self, position: LogPosition) -> Option<&Body> {
        let place = self.place(position.index).ok()?;
        self.entries.get(place).filter(|body| body.at == position)
    }

    /// Where this index is, or where it would be.
    fn place(&self, index: LogIndex) -> Result<usize, usize> {
        match self.entries.back() {
            Some(last) if last.at.index >= index => self
                .entries
                .binary_search_by_key(&index, |body| body.at.index),
            _ => Err(self.entries.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::Term;

    use super::*;

    fn at(term: u64, index: u64) -> LogPosition {
        LogPosition::new(Term(term), LogIndex(index))
    }

    #[test]
    fn bytes_are_found_by_term_and_index_only() {
        let mut bodies = Bodies::default();
        for index in 1..=4 {
            bodies.keep(at(1, index), None, b"old");
        }
        bodies.keep(at(2, 3), None, b"new");
        assert_eq!(bodies.at(at(1, 3)), None);
        assert_eq!(bodies.at(at(2, 3)), Some(&b"new"[..]));
        assert_eq!(
            bodies.at(at(1, 4)),
            None,
            "it stood behind what was replaced"
        );
        bodies.drop_through(LogIndex(2));
        assert_eq!(bodies.at(at(1, 2)), None);
        assert_eq!(bodies.len_bytes(), 3);
    }

    #[test]
    fn what_is_kept_late_or_again_stands_in_its_place() {
        let mut bodies = Bodies::default();
        for index in [2, 4, 5] {
            bodies.keep(at(1, index), None, b"in order");
        }
        bodies.keep(at(1, 3), None, b"late");
        bodies.keep(at(1, 4), None, b"again");
        bodies.keep(at(1, 1), None, b"first");
        let found: Vec<_> = (1..=6).map(|index| bodies.at(at(1, index))).collect();
        let expected: [Option<&[u8]>; 6] = [
            Some(b"first"),
            Some(b"in order"),
            Some(b"late"),
            Some(b"again"),
            Some(b"in order"),
            None,
        ];
        assert_eq!(found, expected);
        bodies.drop_through(LogIndex(9));
        assert_eq!(bodies.len_bytes(), 0);
    }
}
