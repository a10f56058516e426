//! A fingerprint of 128 bits (MurmurHash3, x64) over bytes.
//!
//! With a hundred million worlds the chance that any two share one is below 10⁻²².

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

fn lane_one(word: u64) -> u64 {
    word.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn lane_two(word: u64) -> u64 {
    word.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn finish(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

fn word(bytes: &[u8]) -> u64 {
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(padded)
}

/// The fingerprint of `bytes`.
pub fn fingerprint(bytes: &[u8]) -> u128 {
    let (mut one, mut two) = (0x6b72_6166_u64, 0x7421_u64);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        one ^= lane_one(word(&block[..8]));
        one = one.rotate_left(27).wrapping_add(two);
        one = one.wrapping_mul(5).wrapping_add(0x52dc_e729);
        two ^= lane_two(word(&block[8..]));
        two = two.rotate_left(31).wrapping_add(one);
        two = two.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let rest = blocks.remainder();
    if rest.len() > 8 {
        two ^= lane_two(word(&rest[8..]));
    }
    one ^= lane_one(word(&rest[..rest.len().min(8)]));
    one ^= bytes.len() as u64;
    two ^= bytes.len() as u64;
    one = one.wrapping_add(two);
    two = two.wrapping_add(one);
    (one, two) = (finish(one), finish(two));
    one = one.wrapping_add(two);
    two = two.wrapping_add(one);
    (u128::from(two) << 64) | u128::from(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let mut seen = std::collections::HashSet::new();
        for len in 0..70 {
            assert!(seen.insert(fingerprint(&vec![0; len])), "length {len}");
            for place in 0..len {
                let mut bytes = vec![0; len];
                bytes[place] = 1;
                assert!(seen.insert(fingerprint(&bytes)), "byte {place} of {len}");
            }
        }
    }
}
