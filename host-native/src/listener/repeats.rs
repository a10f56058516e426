//! What happens again and again is said once, and then how often it happened.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use kraft_wire::lock;

/// How long the next line about the same waits.
const PAUSE: Duration = Duration::from_secs(600);

/// Things told apart; beyond them the one said longest ago is forgotten.
const KEYS_MAX: usize = 256;

/// Counts what repeats, by key.
#[derive(Debug)]
pub(crate) struct Repeats<K> {
    told: Mutex<BTreeMap<K, Told>>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    said: Instant,
    count: u64,
}

impl<K: Ord + Copy> Repeats<K> {
    pub(crate) fn new() -> Self {
        Self {
            told: Mutex::default(),
        }
    }

    /// It happened again. How often so far, if that is to be said now: the first time, and then no
    /// more than once in ten minutes.
    pub(crate) fn happened(&self, key: K, now: Instant) -> Option<u64> {
        let mut told = lock(&self.told);
        if let Some(known) = told.get_mut(&key) {
            known.count += 1;
            if now.saturating_duration_since(known.said) < PAUSE {
                return None;
            }
            known.said = now;
            return Some(known.count);
        }
        if told.len() >= KEYS_MAX {
            let oldest = told.iter().min_by_key(|(_, told)| told.said);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                told.remove(&oldest);
            }
        }
        let count = 1;
        told.insert(key, Told { said: now, count });
        Some(count)
    }

    /// It is over for these keys: said at once should it happen again.
    pub(crate) fn over(&self, of: impl Fn(K) -> bool) {
        lock(&self.told).retain(|key, _| !of(*key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_said_once_then_with_its_count_and_anew_after_it_was_over() {
        let (repeats, began) = (Repeats::new(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(repeats.happened(1, at(0)), Some(1));
        let quiet = (1..600).filter_map(|second| repeats.happened(1, at(second)));
        assert_eq!(quiet.count(), 0);
        assert_eq!(repeats.happened(2, at(30)), Some(1), "another thing");
        assert_eq!(repeats.happened(1, at(600)), Some(601));
        repeats.over(|key| key == 1);
        assert_eq!(repeats.happened(1, at(601)), Some(1));
    }

    #[test]
    fn many_different_things_take_bounded_room() {
        let (repeats, now) = (Repeats::new(), Instant::now());
        for key in 0..10_000 {
            assert_eq!(repeats.happened(key, now), Some(1));
        }
        assert!(lock(&repeats.told).len() <= KEYS_MAX);
    }
}
