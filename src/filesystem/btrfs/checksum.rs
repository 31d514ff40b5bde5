//! The checksums that superblocks and tree blocks bear.
//!
//! Source: btrfs documentation, "Checksumming" and "On-disk Format", `csum_type`.

use crate::filesystem::crc32c::crc32c;
use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh64::xxh64;

/// Bytes at the start of every block that its checksum may take; it covers the rest.
pub(super) const LENGTH: usize = 32;

/// Which checksum a file system uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Checksum {
    Crc32c,
    Xxhash64,
    Sha256,
    Blake2b,
}

impl Checksum {
    /// The one with a number of `csum_type`.
    pub(super) const fn of_type(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::Crc32c),
            1 => Some(Self::Xxhash64),
            2 => Some(Self::Sha256),
            3 => Some(Self::Blake2b),
            _ => None,
        }
    }

    /// Whether a block is what was written.
    pub(super) fn holds(self, block: &[u8]) -> bool {
        let (stored, content) = block.split_at(LENGTH);
        match self {
            Self::Crc32c => stored[..4] == crc32c(&[content]).to_le_bytes(),
            Self::Xxhash64 => stored[..8] == xxh64(content, 0).to_le_bytes(),
            Self::Sha256 => stored == Sha256::digest(content).as_slice(),
            Self::Blake2b => stored == Blake2b::<U32>::digest(content).as_slice(),
        }
    }
}
