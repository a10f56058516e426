//! Zones: any patterns and keys, held against the plainest matcher there is.

use kraft_proto::zones::{Pattern, Request, Strictness, Zone, ZoneTable};
use kraft_proto::{Class, CommitMode, FsyncMode};

use super::Depth;
use super::inputs::Input;

/// Takes zones, requests and keys.
pub fn body(bytes: &[u8]) -> Depth {
    let mut input = Input::new(bytes);
    let count = usize::from(input.byte() % 6);
    let zones: Vec<Zone> = (0..count).map(|_| zone(&mut input)).collect();
    let Ok(table) = ZoneTable::new(zones.iter().cloned()) else {
        return Depth::Refused;
    };
    assert_eq!(table.zones(), zones);
    let voters = 1 + usize::from(input.byte() % 9);
    let default = Class::new(CommitMode::Sync, FsyncMode::Commit);
    for _ in 0..8 {
        let request = Request {
            mode: mode(input.byte()),
            fsync: fsync(input.byte()),
        };
        let key = text(&mut input, 24);
        let found = table.find(&key).map(|(at, _)| at);
        let mut patterns = zones.iter().map(|zone| zone.pattern.as_bytes());
        assert_eq!(found, patterns.position(|pattern| fits(pattern, &key)));
        if let Ok(class) = table.resolve(request, [&key[..]], default, voters) {
            resolved(request, found.map(|at| &zones[at]), class, voters);
        }
        if input.is_empty() {
            break;
        }
    }
    Depth::Taken
}

/// What a class that was given has to be.
fn resolved(request: Request, zone: Option<&Zone>, class: Class, voters: usize) {
    if let Some(mode) = request.mode {
        assert_eq!(class.mode, mode, "not what was asked");
    }
    if let Some(fsync) = request.fsync {
        assert_eq!(class.fsync, fsync, "not what was asked");
    }
    if let CommitMode::AtLeast(asked) = class.mode {
        assert!((1..=voters).contains(&usize::from(asked)), "{class:?}");
    }
    let floor = zone.filter(|zone| zone.strictness == Strictness::Floor);
    if let Some(floor) = floor.and_then(|zone| zone.fsync) {
        assert!(class.fsync >= floor, "below the floor");
    }
}

/// `*` is any bytes, `?` is one: as it is said, and slow.
fn fits(pattern: &[u8], key: &[u8]) -> bool {
    match pattern.split_first() {
        None => key.is_empty(),
        Some((b'*', rest)) => (0..=key.len()).any(|taken| fits(rest, &key[taken..])),
        Some((byte, rest)) => {
            let first = key.first();
            first.is_some_and(|first| *byte == b'?' || byte == first) && fits(rest, &key[1..])
        }
    }
}

fn zone(input: &mut Input<'_>) -> Zone {
    let pattern = text(input, 9);
    let pattern = String::from_utf8_lossy(&pattern);
    Zone {
        pattern: Pattern::try_from(&*pattern).unwrap_or_default(),
        mode: mode(input.byte()),
        fsync: fsync(input.byte()),
        strictness: [Strictness::Default, Strictness::Floor][usize::from(input.byte() % 2)],
    }
}

/// Few different letters, so that much matches; now and then any byte.
fn text(input: &mut Input<'_>, length_max: u8) -> Vec<u8> {
    let length = input.byte() % (length_max + 1);
    let letter = |byte: u8| match byte {
        0..160 => b"*?ab*?ab"[usize::from(byte % 8)],
        any => any,
    };
    (0..length).map(|_| letter(input.byte())).collect()
}

fn mode(byte: u8) -> Option<CommitMode> {
    match byte % 6 {
        0 => None,
        1 => Some(CommitMode::Async),
        2 => Some(CommitMode::LeaderOnly),
        3 => Some(CommitMode::AtLeast(byte / 6)),
        4 => Some(CommitMode::Sync),
        _ => Some(CommitMode::All),
    }
}

fn fsync(byte: u8) -> Option<FsyncMode> {
    match byte % 5 {
        0 => None,
        1 => Some(FsyncMode::None),
        2 => Some(FsyncMode::Batch),
        3 => Some(FsyncMode::Commit),
        _ => Some(FsyncMode::Always),
    }
}
