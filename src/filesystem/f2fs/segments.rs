//! The segment information table (SIT): which blocks of the main area are in use.
//!
//! Source: Linux, include/linux/f2fs_fs.h, `struct f2fs_sit_entry` and `struct f2fs_journal`;
//! fs/f2fs/segment.c, `build_sit_entries`.

use super::checkpoint::Checkpoint;
use super::superblock::{BLOCK, SEGMENT_BLOCKS, Superblock};
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::{Extent, ExtentMapBuilder};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes of an entry: count and kind, a bitmap, and a time.
const ENTRY: usize = 74;
/// Entries in a block of the table.
pub(super) const IN_BLOCK: u64 = BLOCK / ENTRY as u64;
/// Bytes of the bitmap in an entry.
const BITMAP: usize = SEGMENT_BLOCKS as usize / 8;
/// The bits of the count; those above tell the kind of the segment.
const COUNT: u16 = 0x3FF;
/// Kinds there are: three of data, three of nodes.
const KINDS: u16 = 6;
const KINDS_OF_DATA: u16 = 3;

/// What the table says about one segment.
pub(super) struct Entry {
    bitmap: [u8; BITMAP],
    pub(super) count: u64,
    pub(super) is_of_nodes: bool,
}

impl Entry {
    /// Reads an entry; none when it contradicts itself.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = u16::from_le_bytes([bytes[0], bytes[1]]);
        // The highest bit of a byte stands for its first block.
        let mut bitmap: [u8; BITMAP] = bytes[2..2 + BITMAP].try_into().ok()?;
        bitmap.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        let counted = bitmap.iter().map(|byte| u64::from(byte.count_ones())).sum();
        let is_sound = u64::from(word & COUNT) == counted && word >> 10 < KINDS;
        let is_of_nodes = word >> 10 >= KINDS_OF_DATA;
        is_sound.then_some(Self { bitmap, count: counted, is_of_nodes })
    }

    /// Runs of blocks in use, counted from the start of the segment.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        crate::filesystem::bitmap::runs(&self.bitmap, SEGMENT_BLOCKS)
    }
}

/// The entries of a journal, by the number of their segment; none when it makes no sense.
fn journal(bytes: &[u8], segments: u64) -> Option<BTreeMap<u64, &[u8]>> {
    let (count, entries) = bytes.split_at(2);
    let count = usize::from(u16::from_le_bytes([count[0], count[1]]));
    let mut found = BTreeMap::new();
    for entry in entries.get(..count.checked_mul(4 + ENTRY)?)?.chunks(4 + ENTRY) {
        let (number, entry) = entry.split_at(4);
        let number = u64::from(u32::from_le_bytes(number.try_into().ok()?));
        if number >= segments {
            return None;
        }
        found.insert(number, entry);
    }
    Some(found)
}

/// Goes through the segments in their order.
///
/// # Errors
/// A doubt when the table cannot be read or contradicts itself, or that of `visit`.
pub(super) fn each(
    source: &dyn BlockSource,
    superblock: &Superblock,
    checkpoint: &Checkpoint,
    visit: &mut dyn FnMut(u64, &Entry) -> Result<(), Doubt>,
) -> Result<(), Doubt> {
    let segments = superblock.main_segments;
    let bytes = checkpoint.sit_journal(source)?;
    let newer = journal(&bytes, segments).ok_or_else(|| message!("f2fs-journal"))?;
    let copy = superblock.sit_segments / 2 * SEGMENT_BLOCKS;
    for number in 0..segments.div_ceil(IN_BLOCK) {
        let is_second = checkpoint
            .sit_bitmap
            .get(number as usize / 8)
            .ok_or_else(|| message!("f2fs-impossible"))?
            >> (7 - number % 8)
            & 1;
        let block = superblock.sit + number + if is_second == 1 { copy } else { 0 };
        let table = source.read_vec(block * BLOCK, BLOCK as usize).map_err(unreadable_doubt)?;
        let first = number * IN_BLOCK;
        for segment in first..segments.min(first + IN_BLOCK) {
            let place = (segment - first) as usize * ENTRY;
            let bytes = newer.get(&segment).copied().unwrap_or(&table[place..place + ENTRY]);
            let entry = Entry::parse(bytes)
                .ok_or_else(|| message!("f2fs-segment", number = segment.to_string()))?;
            visit(segment, &entry)?;
        }
    }
    Ok(())
}

/// Adds the blocks of the main area that are in use, and answers how many they are.
///
/// # Errors
/// A doubt when the table cannot be read or contradicts itself.
pub(super) fn read(
    source: &dyn BlockSource,
    superblock: &Superblock,
    checkpoint: &Checkpoint,
    map: &mut ExtentMapBuilder,
) -> Result<u64, Doubt> {
    let mut total = 0;
    each(source, superblock, checkpoint, &mut |segment, entry| {
        total += entry.count;
        let start = superblock.main + segment * SEGMENT_BLOCKS;
        for run in entry.runs() {
            map.push(Extent::between((start + run.start) * BLOCK, (start + run.end) * BLOCK));
        }
        Ok(())
    })?;
    Ok(total)
}
