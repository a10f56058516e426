//! What is written: the rows of a file, or made-up ones that follow from a seed.

use std::collections::HashSet;

use kraft_wire::key_value::{KEY_MAX, Key, KeyValue, Value};
use serde_json::json;

use super::error::DemoError;
use super::options::DemoOptions;
use crate::load::{Keying, Rows};

/// Bytes that a made-up value has at least.
const VALUE_BYTES_MIN: usize = 200;

/// Bytes of a key that are left for a prefix before it and a round behind it.
const KEY_ROOM: usize = 64;

const CITIES: [&str; 8] = [
    "Aarhus", "Bergen", "Chania", "Durban", "Évora", "Fukuoka", "Galway", "Haifa",
];
const ACTIONS: [&str; 6] = ["view", "search", "add", "remove", "buy", "share"];

/// Rows without their prefix: each class writes the same ones under its own.
#[derive(Debug)]
pub(super) struct Workload {
    source: Source,
    rows: u64,
}

#[derive(Debug)]
enum Source {
    Made {
        seed: u64,
    },
    Read {
        name: String,
        rows: Vec<(Key, Value)>,
    },
}

impl Workload {
    /// Reads the input, or makes ready to make rows up.
    pub fn new(options: &DemoOptions) -> Result<Self, DemoError> {
        let Some(file) = &options.input else {
            return Ok(Self {
                source: Source::Made { seed: options.seed },
                rows: options.rows.max(1).into(),
            });
        };
        let keying = Keying {
            column: options.key.clone(),
            prefix: String::new(),
        };
        let mut seen = HashSet::new();
        let mut rows = Vec::new();
        for row in Rows::open(file, None, &keying)? {
            let KeyValue { key, value } = row?.pair;
            // A key that comes again would hide the row before it from the audit.
            if key.len() + KEY_ROOM <= KEY_MAX && seen.insert(key.clone()) {
                rows.push((key, value));
            }
            if rows.len() >= options.rows as usize {
                break;
            }
        }
        if rows.is_empty() {
            return Err(DemoError::NoRows(file.clone()));
        }
        Ok(Self {
            rows: rows.len() as u64,
            source: Source::Read {
                name: file.display().to_string(),
                rows,
            },
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Where they come from, in words.
    pub fn origin(&self) -> String {
        match &self.source {
            Source::Made { seed } => format!("made up from seed {seed}"),
            Source::Read { name, .. } => format!("of {name}"),
        }
    }

    /// Row `number`, from 0, under `prefix`. Beyond the last they begin again, under new keys.
    pub fn row(&self, prefix: &str, number: u64) -> KeyValue {
        let (round, at) = (number / self.rows, number % self.rows);
        let (name, value) = match &self.source {
            Source::Made { seed } => (format!("{at:06}").into_bytes(), made(*seed, prefix, number)),
            Source::Read { rows, .. } => {
                let (key, value) = &rows[at as usize];
                (key.as_bytes().to_vec(), value.clone())
            }
        };
        let mut key = prefix.as_bytes().to_vec();
        key.extend(name);
        if round > 0 {
            key.extend(format!("#{round}").into_bytes());
        }
        KeyValue {
            key: Key::new(key).expect("room was left for a prefix and a round"),
            value,
        }
    }
}

/// A made-up row of the kind that `prefix` names.
fn made(seed: u64, prefix: &str, number: u64) -> Value {
    let kind = prefix
        .bytes()
        .fold(seed, |sum, byte| mix(sum ^ u64::from(byte)));
    let mut state = mix(kind ^ number);
    let mut next = |below: u64| {
        state = mix(state);
        state % below
    };
    let city = CITIES[next(CITIES.len() as u64) as usize];
    let mut row = json!({ "number": number, "city": city });
    let fields = match prefix {
        "account:" | "transaction:" | "ledger:" => json!({
            "cents": next(10_000_000), "currency": "EUR", "to": format!("{:08}", next(100_000_000)),
        }),
        "metric:" | "event:" => json!({
            "host": format!("web-{}", next(40)), "load": next(100), "what": ACTIONS[next(6) as usize],
        }),
        _ => json!({
            "visits": next(1000), "last": ACTIONS[next(6) as usize], "token": format!("{:016x}", next(u64::MAX)),
        }),
    };
    if let (Some(row), Some(fields)) = (row.as_object_mut(), fields.as_object()) {
        row.extend(fields.clone());
    }
    let mut notes = String::new();
    while row.to_string().len() + notes.len() < VALUE_BYTES_MIN {
        let (action, city) = (next(ACTIONS.len() as u64), next(CITIES.len() as u64));
        notes.push_str(ACTIONS[action as usize]);
        notes.push_str(" in ");
        notes.push_str(CITIES[city as usize]);
        notes.push_str("; ");
    }
    row["notes"] = notes.trim_end_matches("; ").into();
    Value::try_from(row.to_string().as_str()).expect("a made-up row is short")
}

/// The next number of a sequence without a visible pattern (splitmix64).
const fn mix(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::demo::{Ending, Look};

    fn options(input: Option<PathBuf>) -> DemoOptions {
        DemoOptions {
            program: "kraft".into(),
            input,
            key: None,
            rows: 3,
            seed: 7,
            dir: None,
            ending: Ending::Stop,
            look: Look::Lines,
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_rows_and_no_key_comes_twice() {
        let (one, same) = (Workload::new(&options(None)), Workload::new(&options(None)));
        let (one, same) = (one.unwrap(), same.unwrap());
        let keys: HashSet<_> = (0..9).map(|n| one.row("user:", n).key).collect();
        assert_eq!(keys.len(), 9);
        assert_eq!(one.row("user:", 5), same.row("user:", 5));
        assert_ne!(one.row("user:", 5).value, one.row("user:", 6).value);
        assert!(one.row("account:", 0).value.len() >= VALUE_BYTES_MIN);
    }

    #[test]
    fn the_rows_of_a_file_come_once_each_and_no_more_than_asked() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rows.csv");
        std::fs::write(&file, "id,v\na,1\nb,2\na,3\nc,4\nd,5\n").unwrap();
        let rows = Workload::new(&options(Some(file.clone()))).unwrap();
        assert_eq!(rows.rows(), 3);
        assert_eq!(rows.row("user:", 2).key.as_bytes(), b"user:c");
        assert_eq!(rows.row("user:", 4).key.as_bytes(), b"user:b#1");
        std::fs::write(&file, "id,v\n").unwrap();
        let none = Workload::new(&options(Some(file))).unwrap_err();
        assert!(matches!(none, DemoError::NoRows(_)));
    }
}
