//! The CRC-32C (Castagnoli) that ext4, XFS and btrfs protect their metadata with.

use crc::{Algorithm, CRC_32_ISCSI, Crc, Table};

/// Without the final inversion, so that one result is the seed of the next.
const CHAINED: Algorithm<u32> = Algorithm { xorout: 0, ..CRC_32_ISCSI };

static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CHAINED);

/// The seed where nothing comes before.
pub(super) const SEED: u32 = u32::MAX;

/// CRC-32C of `pieces` one after the other.
pub(super) fn crc32c(pieces: &[&[u8]]) -> u32 {
    !pieces.iter().fold(SEED, |seed, piece| chained(seed, piece))
}

/// CRC-32C of `data` without the final inversion, going on from `seed`.
pub(super) fn chained(seed: u32, data: &[u8]) -> u32 {
    // The crate takes the initial value in the order of the polynomial, file systems store it
    // reflected.
    let mut digest = CRC32C.digest_with_initial(seed.reverse_bits());
    digest.update(data);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_and_chaining() {
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[b"12345", b"", b"6789"]), 0xe306_9283);
        assert_eq!(chained(SEED, b"123456789"), !0xe306_9283);
        assert_eq!(chained(chained(SEED, b"1234"), b"56789"), !0xe306_9283);
    }
}
