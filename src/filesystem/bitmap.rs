//! Allocation bitmaps: one bit for each block or cluster, set when it is in use, the lowest bit
//! of a byte first, as ext, NTFS and exFAT have them.

use std::ops::Range;

/// Runs of set bits among the first `bits` bits, in ascending order.
pub(super) fn runs(bitmap: &[u8], bits: u64) -> Runs<'_> {
    Runs { bitmap, bits: bits.min(bitmap.len() as u64 * 8), position: 0 }
}

/// The iterator of [`runs`].
pub(super) struct Runs<'a> {
    bitmap: &'a [u8],
    bits: u64,
    position: u64,
}

impl Runs<'_> {
    /// The first bit from `position` on that is `set`, or the end.
    fn first(&self, position: u64, set: bool) -> u64 {
        let mut word = position / 64;
        let mut skip = position % 64;
        while word * 64 < self.bits {
            let start = word as usize * 8;
            let end = (start + 8).min(self.bitmap.len());
            let mut bytes = [0; 8];
            bytes[..end - start].copy_from_slice(&self.bitmap[start..end]);
            let value = u64::from_le_bytes(bytes);
            let wanted = (if set { value } else { !value }) >> skip << skip;
            if wanted != 0 {
                return (word * 64 + u64::from(wanted.trailing_zeros())).min(self.bits);
            }
            skip = 0;
            word += 1;
        }
        self.bits
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        let start = self.first(self.position, true);
        let end = self.first(start, false);
        self.position = end;
        (start < end).then_some(start..end)
    }
}

/// Whether every bit of `range` is set; the range has to lie in the bitmap.
pub(super) fn all_set(bitmap: &[u8], range: Range<u64>) -> bool {
    let all = Runs { bitmap, bits: range.end, position: 0 };
    all.first(range.start, false) == range.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_agree_with_single_bits(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..40),
            bits in 0u64..330,
            start in 0u64..320,
            length in 0u64..80,
        ) {
            let bit = |i: u64| bytes[(i / 8) as usize] >> (i % 8) & 1 == 1;
            let limit = bits.min(bytes.len() as u64 * 8);
            let found: Vec<Range<u64>> = runs(&bytes, bits).collect();
            let set: Vec<u64> = found.iter().cloned().flatten().collect();
            let expected: Vec<u64> = (0..limit).filter(|i| bit(*i)).collect();
            prop_assert_eq!(set, expected);
            prop_assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start));

            let end = (start + length).min(bytes.len() as u64 * 8);
            if start < end {
                prop_assert_eq!(all_set(&bytes, start..end), (start..end).all(bit));
            }
        }
    }
}
