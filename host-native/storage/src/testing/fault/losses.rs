//! What a machine loses: each change that was not forced meets its fate.

use super::fate::{Change, Fate, Pending};
use super::world::{Bytes, Interrupted, World};

impl Pending {
    pub(super) fn name(operation: u64) -> Self {
        let change = Change::Name;
        Self { operation, change }
    }

    fn of(operation: u64, bytes: &Bytes) -> Self {
        let change = match bytes {
            Bytes::Size(_) => Change::Size,
            Bytes::Write { offset, bytes } => Change::Write {
                offset: *offset,
                bytes: bytes.len(),
            },
        };
        Self { operation, change }
    }
}

impl World {
    /// Every change the disk may lack, oldest first.
    pub(super) fn pending(&self) -> Vec<Pending> {
        let contents = self.files.iter().flat_map(|file| &file.unforced);
        let contents = contents.map(|(operation, change)| Pending::of(*operation, change));
        let names = self.names_unforced.iter();
        let names = names.map(|(operation, _)| Pending::name(*operation));
        let mut pending: Vec<Pending> = contents.chain(names).collect();
        pending.sort_by_key(|pending| pending.operation);
        pending
    }

    /// The disk gets of each change of a file what `fate` says.
    pub(super) fn write_back(&mut self, fate: &mut impl FnMut(Pending) -> Fate) {
        for file in &mut self.files {
            for (operation, change) in std::mem::take(&mut file.unforced) {
                change.meet(fate(Pending::of(operation, &change)), &mut file.forced);
            }
        }
    }

    /// Undoes the operation under way and does of it what its fate says.
    pub(super) fn redo(&mut self, fate: Fate, was: Interrupted) {
        let now = self.operations;
        if fate == Fate::Lost {
            self.names = was.names;
            self.names_unforced
                .retain(|(operation, _)| *operation != now);
        }
        let Some((id, cached)) = was.file else {
            return;
        };
        let file = &mut self.files[id];
        if let Some((_, change)) = file.unforced.pop_if(|(at, _)| *at == now) {
            file.cached = cached;
            self.change_partly(id, change, fate);
        }
    }
}
