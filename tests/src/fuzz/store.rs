//! Log segments and `meta` of host-native's store: damaged in any way, a store opens with what was
//! written, less a tail, or refuses.

use std::path::PathBuf;

use kraft_proto::{
    EntryKind, HardState, Incarnation, LogIndex, LogPosition, NodeId, Nonce, Run, Term, Trust,
};
use kraft_storage::testing::bench::{dir, formatted, identity, try_open};
use kraft_storage::testing::{Crash, FaultFs};
use kraft_storage::{Fs, Store};

use super::Depth;
use super::inputs::Input;

/// Takes writes and damage.
pub fn body(bytes: &[u8]) -> Depth {
    let mut input = Input::new(bytes);
    let mut fs = formatted(1);
    let mut store = try_open(&fs).expect("a new store").store;
    let mut written = Vec::new();
    let mut saved = vec![HardState::default()];
    for _ in 0..input.byte() % 8 {
        write(&mut store, input.byte(), &mut written, &mut saved);
    }
    let closed = input.byte().is_multiple_of(3);
    match closed {
        true => store.close().expect("it closes"),
        false => drop(store),
    }
    let crash = [Crash::Process, Crash::Power][usize::from(input.byte() % 2)];
    fs = fs.crash(crash);
    let complete = closed || crash == Crash::Process;
    let mut damaged = false;
    for _ in 0..8 {
        if input.is_empty() {
            break;
        }
        damage(&fs, &mut input);
        damaged = true;
    }
    let seen = kraft_storage::verify(dir(), &fs);
    match try_open(&fs) {
        Ok(opened) => {
            let found = positions(&opened.log);
            assert!(written.starts_with(&found), "{found:?} of {written:?}");
            let expected = complete && !damaged;
            assert!(!expected || found == written, "{found:?} of {written:?}");
            assert_eq!(opened.identity, identity());
            assert!(
                saved.contains(&opened.hard_state),
                "{:?}",
                opened.hard_state
            );
            let seen = seen.expect("it opens, so it verifies");
            assert_eq!(positions(&seen.log), found);
            drop(opened.store);
            let again = try_open(&fs).expect("it opened before");
            assert_eq!(positions(&again.log), found);
            Depth::Taken
        }
        Err(error) => {
            assert!(damaged, "undamaged, and refused: {error}");
            Depth::Refused
        }
    }
}

/// One write: entries, a hard state, or a sync.
fn write(store: &mut Store, what: u8, written: &mut Vec<LogPosition>, saved: &mut Vec<HardState>) {
    let last = written.last().copied().unwrap_or_default();
    let term = Term(last.term.0 + 1);
    match what % 4 {
        0 | 1 => {
            for index in 1..=u64::from(what >> 2) % 6 {
                let run = Run {
                    term,
                    kind: EntryKind::NoOp,
                    first: LogIndex(last.index.0 + index),
                    count: 1,
                };
                store.append(run, &[]).expect("there is room");
                written.push(run.last_position());
            }
        }
        2 => store.force().expect("it syncs"),
        _ => {
            let hard = HardState {
                term,
                vote: Some(NodeId(1)),
                incarnation: Incarnation::new(saved.len() as u64, Nonce(saved.len() as u64)),
                trust: Trust::Dirty,
                superseded: None,
            };
            store.save_hard_state(hard).expect("it is saved");
            saved.push(hard);
        }
    }
}

/// One change to one file: a byte, a stretch of zeroes, or its end cut off.
fn damage(fs: &FaultFs, input: &mut Input) {
    let files = files(fs);
    let path = &files[usize::from(input.byte()) % files.len()];
    let file = fs.open(path).expect("it is there");
    let size = file.size().expect("it has a size");
    let (how, place, value) = (input.byte(), u64::from(input.short()), input.byte());
    // What matters stands at the front of each block.
    let at = [place, 4096 + place % 512, place % 128][usize::from(how % 3)] % size.max(1);
    let changed = match how >> 6 {
        0 | 1 => file.write_at(&[value], at),
        2 => file.write_at(&vec![0; usize::from(value)], at),
        _ => file.set_size(at),
    };
    changed.and_then(|()| file.sync()).expect("it changes");
}

fn files(fs: &FaultFs) -> Vec<PathBuf> {
    let log = dir().join("log");
    let segments = fs.list(&log).expect("a folder");
    let mut files: Vec<PathBuf> = segments.iter().map(|name| log.join(name)).collect();
    files.push(dir().join("meta"));
    files
}

fn positions(runs: &[Run]) -> Vec<LogPosition> {
    runs.iter().copied().flat_map(Run::positions).collect()
}
