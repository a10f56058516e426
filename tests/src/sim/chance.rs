//! Random choices, each a pure function of what it is about.
//!
//! A choice is keyed rather than drawn from one stream: leaving an action out of a run changes as
//! little as possible of the rest, so that a failing run can be made shorter.

use serde::{Deserialize, Serialize};

/// A generator (splitmix64).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chance(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Chance {
    /// The choices about the thing these words name.
    pub fn about(words: &[u64]) -> Self {
        let fold = |sum: u64, word: &u64| mix(sum.wrapping_add(GOLDEN) ^ word);
        Self(words.iter().fold(0, fold))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number of the span, both ends included.
    pub fn number(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high.max(low) - low + 1)
    }

    /// One of the choices.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.next() % choices.len() as u64) as usize]
    }

    /// True so many times in a thousand.
    pub fn permille(&mut self, times: u64) -> bool {
        self.next() % 1000 < times
    }

    /// A seed for something else, small enough for every reader of JSON.
    pub fn seed(&mut self) -> u64 {
        self.next() >> 11
    }
}
