//! The journal, which has to be empty: what it holds is in no other place yet.
//!
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format", section "Journal".

use super::volume_header::{Geometry, VolumeHeader};
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::Extent;
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// The journal lies on this volume.
const IN_FILE_SYSTEM: u32 = 1;
const ON_OTHER_DEVICE: u32 = 2;
/// It is to be made anew at the next mount.
const NEEDS_INITIALIZATION: u32 = 4;

/// What the journal info block says, in the byte order of the volume.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct InfoBlock {
    flags: U32,
    device_signature: [U32; 8],
    /// From the start of the volume, in bytes.
    offset: U64,
    /// In bytes.
    size: U64,
}

const MAGIC: u32 = 0x4A4E_4C78;
const ENDIAN: u32 = 0x1234_5678;
/// Bytes of the header that its checksum covers.
const HEADER: usize = 44;
/// Where in them the checksum is.
const CHECKSUM: std::ops::Range<usize> = 36..40;

/// The header of the journal, which is in the byte order of the machine that wrote it.
#[derive(Debug, PartialEq)]
struct Header {
    start: u64,
    end: u64,
    /// All of these are in bytes.
    size: u64,
    header_size: u64,
}

/// The checksum of the section "Journal Header": the field itself counts as zero.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(0u32, |sum, byte| (sum << 8) ^ sum.wrapping_add(u32::from(*byte)))
}

impl Header {
    /// Reads the header; none when it is damaged.
    fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let word = |at: usize| bytes[at..at + 4].try_into().expect("four bytes");
        let long = |at: usize| bytes[at..at + 8].try_into().expect("eight bytes");
        let is_big = match (u32::from_be_bytes(word(0)), u32::from_be_bytes(word(4))) {
            (MAGIC, ENDIAN) => true,
            (magic, endian) if magic.swap_bytes() == MAGIC && endian.swap_bytes() == ENDIAN => {
                false
            }
            _ => return None,
        };
        let u32_at = if is_big { u32::from_be_bytes } else { u32::from_le_bytes };
        let u64_at = if is_big { u64::from_be_bytes } else { u64::from_le_bytes };
        let mut covered = *bytes;
        covered[CHECKSUM].fill(0);
        (checksum(&covered) == u32_at(word(CHECKSUM.start))).then(|| Self {
            start: u64_at(long(8)),
            end: u64_at(long(16)),
            size: u64_at(long(24)),
            header_size: u32_at(word(40)).into(),
        })
    }
}

/// Where the info block and the journal lie; nothing for a volume without one.
///
/// # Errors
/// A doubt when the journal is elsewhere, damaged, not made yet, or not empty.
pub(super) fn check(source: &dyn BlockSource, header: &VolumeHeader) -> Result<Vec<Extent>, Doubt> {
    let damaged = || message!("hfsplus-journal-damaged");
    let Some(block) = header.journal_info_block() else { return Ok(Vec::new()) };
    let Geometry { block_size, blocks } = header.geometry;
    if block == 0 || block >= blocks {
        return Err(damaged());
    }
    let place = Extent::new(block * block_size, block_size);
    let bytes = source.read_vec(place.offset, size_of::<InfoBlock>()).map_err(unreadable_doubt)?;
    let info = InfoBlock::ref_from_bytes(&bytes).map_err(|_| damaged())?;
    match info.flags.get() {
        IN_FILE_SYSTEM => {}
        flags if flags & ON_OTHER_DEVICE != 0 => return Err(message!("hfsplus-journal-elsewhere")),
        flags if flags & NEEDS_INITIALIZATION != 0 => return Err(message!("hfsplus-journal-new")),
        _ => return Err(damaged()),
    }
    let (offset, size) = (info.offset.get(), info.size.get());
    let fits = offset.checked_add(size).is_some_and(|end| end <= header.geometry.length());
    if !fits || size < HEADER as u64 {
        return Err(damaged());
    }
    let mut bytes = [0; HEADER];
    source.read_at(offset, &mut bytes).map_err(unreadable_doubt)?;
    let journal = Header::parse(&bytes).ok_or_else(damaged)?;
    let inside = journal.header_size..=journal.size;
    if journal.size != size
        || journal.header_size < HEADER as u64
        || !inside.contains(&journal.start)
        || !inside.contains(&journal.end)
    {
        return Err(damaged());
    }
    match journal.start == journal.end {
        true => Ok(vec![place, Extent::new(offset, size)]),
        false => Err(message!("hfsplus-journal-full")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_is_read_in_both_byte_orders_and_not_when_a_bit_is_wrong(
            start: u64, end: u64, size: u64, bit in 0usize..HEADER * 8,
        ) {
            let write = |u32_of: fn(u32) -> [u8; 4], u64_of: fn(u64) -> [u8; 8]| {
                let mut bytes = [0; HEADER];
                bytes[..4].copy_from_slice(&u32_of(MAGIC));
                bytes[4..8].copy_from_slice(&u32_of(ENDIAN));
                bytes[8..16].copy_from_slice(&u64_of(start));
                bytes[16..24].copy_from_slice(&u64_of(end));
                bytes[24..32].copy_from_slice(&u64_of(size));
                bytes[40..44].copy_from_slice(&u32_of(512));
                let sum = u32_of(checksum(&bytes));
                bytes[CHECKSUM].copy_from_slice(&sum);
                bytes
            };
            let expected = Header { start, end, size, header_size: 512 };
            for mut bytes in [
                write(u32::to_be_bytes, u64::to_be_bytes),
                write(u32::to_le_bytes, u64::to_le_bytes),
            ] {
                let read = Header::parse(&bytes);
                prop_assert_eq!(read.as_ref(), Some(&expected));
                bytes[bit / 8] ^= 1 << (bit % 8);
                prop_assert!(Header::parse(&bytes).is_none());
            }
        }
    }
}
