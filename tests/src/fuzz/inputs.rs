//! Reading an input as numbers, and making inputs from a corpus.

/// An input that is read from its beginning; behind its end it is all zeroes.
pub struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    /// Reads `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A number: mostly a small one, now and then any.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            254 => u64::MAX / 4 - u64::from(self.byte()),
            small => u64::from(small),
        }
    }
}

/// Inputs made from a corpus, the same from the same seed (splitmix64).
pub struct Maker(u64);

impl Maker {
    /// A maker with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }

    /// One of the corpus with a few bytes changed, left out, doubled or added; or bytes at random.
    pub fn make(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = match self.below(8) {
            0 => (0..self.below(64)).map(|_| self.below(256) as u8).collect(),
            _ => corpus
                .get(self.below(corpus.len()))
                .cloned()
                .unwrap_or_default(),
        };
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 => bytes.insert(at, self.below(256) as u8),
                _ if at == bytes.len() => {}
                1 => bytes[at] = self.below(256) as u8,
                2 => drop(bytes.remove(at)),
                _ => bytes[at] = bytes[at].wrapping_add([1, 255][self.below(2)]),
            }
        }
        bytes
    }
}
