//! Small damage to an input, the same at every run.

/// A generator of numbers (xorshift64*) that depends on its seed alone.
pub struct Random(u64);

impl Random {
    /// The generator for this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit.max(1)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }
}

/// Values at which arithmetic goes wrong.
const EDGES: [u64; 8] =
    [0, 1, u64::MAX, i64::MAX as u64, u32::MAX as u64, i32::MAX as u64, 0x8000, 0xFFFF];

/// Damages `input` in one to four places.
pub fn mutate(input: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        if input.is_empty() {
            return;
        }
        let at = random.below(input.len() as u64) as usize;
        match random.below(8) {
            0..=2 => input[at] ^= 1 << random.below(8),
            3 => input[at] = random.byte(),
            4 | 5 => {
                let edge = EDGES[random.below(EDGES.len() as u64) as usize].to_le_bytes();
                let length = (1usize << random.below(4)).min(input.len() - at);
                input[at..at + length].copy_from_slice(&edge[..length]);
            }
            6 => {
                let from = random.below(input.len() as u64) as usize;
                let length = random.below(64).min((input.len() - at.max(from)) as u64) as usize;
                input.copy_within(from..from + length, at);
            }
            _ => input.truncate(at),
        }
    }
}
