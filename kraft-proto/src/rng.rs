//! Chance without a generator's state: one number from what it is for.

/// Mixes `words` into one number (splitmix64's finalizer over a running sum).
///
/// The same words give the same number, so that a node's timeouts follow from its seed, its term
/// and its attempt, and a recorded run replays.
pub(crate) fn mix(words: &[u64]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for word in words {
        state = state
            .wrapping_add(*word)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

/// A number in `low..=high`, even enough for timeouts.
pub(crate) fn between(low: u64, high: u64, words: &[u64]) -> u64 {
    let width = high.saturating_sub(low).saturating_add(1);
    let scaled = u128::from(mix(words)) * u128::from(width);
    low + (scaled >> 64) as u64
}
