//! The two checksums of ext metadata: CRC-32C (`metadata_csum`) and CRC-16 (`gdt_csum`).
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Checksums".

pub(super) use crate::filesystem::crc32c::{SEED, chained as crc32c};
use crc::{CRC_16_MODBUS, Crc};

static CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_MODBUS);

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
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc16(&[b"1234", b"56789"]), 0x4b37);
    }
}
