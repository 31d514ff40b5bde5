//! The two checksums of ext metadata.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Checksums".

use crc::{Algorithm, CRC_16_MODBUS, CRC_32_ISCSI, Crc, Table};

/// CRC-32C without the final inversion, so that one result is the seed of the next.
const CRC32C_CHAINED: Algorithm<u32> = Algorithm { xorout: 0, ..CRC_32_ISCSI };

static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC32C_CHAINED);
static CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);

/// The seed where nothing comes before.
pub(super) const SEED: u32 = u32::MAX;

/// CRC-32C of `data`, going on from `seed` (`metadata_csum`).
pub(super) fn crc32c(seed: u32, data: &[u8]) -> u32 {
    // The crate takes the initial value in the order of the polynomial, ext stores it reflected.
    let mut digest = CRC32C.digest_with_initial(seed.reverse_bits());
    digest.update(data);
    digest.finalize()
}

/// CRC-16 of `pieces` one after the other (`gdt_csum`).
pub(super) fn crc16(pieces: &[&[u8]]) -> u16 {
    let mut digest = CRC16.digest();
    for piece in pieces {
        digest.update(piece);
    }
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_chaining() {
        // The check values of the CRC catalogue, without the final inversion for CRC-32C.
        assert_eq!(crc32c(SEED, b"123456789"), !0xe306_9283);
        assert_eq!(crc32c(crc32c(SEED, b"1234"), b"56789"), !0xe306_9283);
        assert_eq!(crc16(&[b"1234", b"56789"]), 0x4b37);
    }
}
