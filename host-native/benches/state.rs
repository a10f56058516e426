//! What a state that can be copied in no time costs, beside an ordered map that cannot: by hand,
//! `cargo bench -p host-native --bench state`. Ratios are of two runs in turn, the median of the rounds.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use imbl::OrdMap;
use kraft_wire::key_value::{Key, Value};

const KEYS: u64 = 1_000_000;
const ROUNDS: usize = 5;

/// Keys in an order that is not theirs.
fn keys() -> Vec<Key> {
    let key = |n: u64| format!("user:{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..KEYS)
        .map(|n| Key::try_from(key(n).as_str()).unwrap())
        .collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// For one key, in nanoseconds.
fn each(took: Duration) -> f64 {
    took.as_secs_f64() * 1e9 / KEYS as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let keys = keys();
    let value = Value::new(vec![7; 64]).unwrap();
    let (mut plain, mut shared) = (BTreeMap::new(), OrdMap::new());
    let mut rows: [Vec<(f64, f64)>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let puts = (
            timed(|| {
                keys.iter()
                    .for_each(|key| drop(plain.insert(key.clone(), value.clone())))
            }),
            timed(|| {
                keys.iter()
                    .for_each(|key| drop(shared.insert(key.clone(), value.clone())))
            }),
        );
        let gets = (
            timed(|| {
                keys.iter().for_each(|key| {
                    black_box(plain.get(key));
                })
            }),
            timed(|| {
                keys.iter().for_each(|key| {
                    black_box(shared.get(key));
                })
            }),
        );
        // A snapshot is being written meanwhile: what changes is copied first.
        let snapshot = shared.clone();
        let during = (
            timed(|| {
                keys.iter()
                    .for_each(|key| drop(plain.insert(key.clone(), value.clone())))
            }),
            timed(|| {
                keys.iter()
                    .for_each(|key| drop(shared.insert(key.clone(), value.clone())))
            }),
        );
        drop(snapshot);
        for (row, (plain, shared)) in rows.iter_mut().zip([puts, gets, during]) {
            row.push((each(plain), each(shared)));
        }
    }
    println!("{KEYS} keys of 21 bytes, values of 64: ns a key    BTreeMap   OrdMap   ratio");
    let names = ["put", "get", "put of every key, beside a clone"];
    for (name, row) in names.into_iter().zip(rows) {
        let of = |part: fn(&(f64, f64)) -> f64| median(row.iter().map(part).collect());
        println!(
            "  {name:<48} {:>9.0} {:>8.0} {:>7.2}",
            of(|pair| pair.0),
            of(|pair| pair.1),
            of(|pair| pair.1 / pair.0)
        );
    }
    let clone = timed(|| drop(black_box(shared.clone())));
    println!("  a clone takes {clone:?}");
}
