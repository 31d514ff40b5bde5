//! Space maps: how often each block of a device is in use.
//!
//! Two bits for each block say 0, 1 or 2, or that the count is in a tree. The bitmaps of the metadata
//! device are listed in one block, those of the data device in a tree.

use super::blocks::{BLOCK, Kind, damaged, u32_at, u64_at};
use super::superblock;
use super::tree::{Role, Shape, Visits};
use crate::filesystem::{Doubt, bitmap};
use crate::text::message;
use std::ops::Range;

/// Room for the root of a space map in the superblock, in bytes.
pub(super) const ROOT: usize = 128;
/// Header of a bitmap in bytes.
const BITMAP_HEADER: usize = 16;
/// Blocks that one bitmap tells of: four in a byte.
pub(super) const BITMAP_BLOCKS: u64 = (BLOCK - BITMAP_HEADER) as u64 * 4;
/// Header of the list of bitmaps in bytes.
const INDEX_HEADER: usize = 16;
/// Length of an entry in a list of bitmaps: where it is, and two hints for who looks for free blocks.
const INDEX_ENTRY: usize = 16;
/// Bitmaps of the metadata device: more have no room in the list.
const MAXIMUM_METADATA_BITMAPS: u64 = 255;
/// What two bits say where the count is in the tree.
const IN_TREE: u32 = 3;
const COUNT: usize = 4;
/// Most data blocks, 32 MiB of bits: with the smallest data blocks 16 TiB, and LVM2 makes them larger
/// for pools of that size.
const MAXIMUM_DATA_BLOCKS: u64 = 1 << 28;

/// The root of a space map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    /// Blocks of the device that it knows.
    pub(super) blocks: u64,
    /// How many of them are in use.
    allocated: u64,
    index: u64,
    counts: u64,
}

impl Root {
    pub(super) fn parse(bytes: &[u8; ROOT]) -> Self {
        let number = |at| u64_at(bytes, at).unwrap_or_default();
        Self { blocks: number(0), allocated: number(8), index: number(16), counts: number(24) }
    }

    /// How many blocks of the metadata device it knows.
    pub(super) fn metadata_blocks(&self, there: u64) -> Result<usize, Doubt> {
        if self.blocks > there {
            let [length, size] =
                [self.blocks, there].map(|blocks| blocks.saturating_mul(BLOCK as u64));
            return Err(message!(
                "thin-size",
                length = length.to_string(),
                size = size.to_string()
            ));
        }
        let is_sound = self.blocks > 0 && self.blocks <= MAXIMUM_METADATA_BITMAPS * BITMAP_BLOCKS;
        if is_sound { Ok(self.blocks as usize) } else { Err(damaged(superblock::LOCATION)) }
    }

    /// Holds the number of blocks in use against that of the data device. That of the metadata device is
    /// not right after `thin_restore`, and there each count is held against another.
    fn counted(&self, counted: u64) -> Result<(), Doubt> {
        if counted == self.allocated {
            return Ok(());
        }
        Err(message!(
            "thin-allocated",
            counted = counted.to_string(),
            stored = self.allocated.to_string()
        ))
    }
}

/// What two bits of a bitmap say of each of its blocks.
fn bits(block: &[u8]) -> impl Iterator<Item = u32> + '_ {
    block[BITMAP_HEADER..].iter().flat_map(|byte| {
        // The lower bit counts two, the upper one.
        [0, 2, 4, 6].map(|shift| {
            let pair = u32::from(byte >> shift & 3);
            (pair & 1) << 1 | pair >> 1
        })
    })
}

/// The blocks that the bitmap with this number tells of.
fn told_by(number: u64, blocks: u64) -> Range<u64> {
    let start = number * BITMAP_BLOCKS;
    start..(start + BITMAP_BLOCKS).min(blocks)
}

/// Calls `emit` with every count that a tree holds.
fn counts(
    visits: &mut Visits<'_>,
    root: &Root,
    mut emit: impl FnMut(u64, u32),
) -> Result<(), Doubt> {
    let shape = Shape { role: Role::Counts, value: COUNT };
    visits.walk(root.counts, shape, &mut |block, value| {
        emit(block, u32_at(value, 0).unwrap_or_default());
        Ok(())
    })?;
    Ok(())
}

/// How often each metadata block is in use, as the space map says.
pub(super) fn metadata(visits: &mut Visits<'_>, root: &Root) -> Result<Vec<u32>, Doubt> {
    visits.meet(root.index, Role::Index)?;
    let index = visits.blocks.read(root.index, Kind::Index)?;
    let mut found = Vec::new();
    for number in 0..root.blocks.div_ceil(BITMAP_BLOCKS) {
        let at = INDEX_HEADER + number as usize * INDEX_ENTRY;
        let block = u64_at(&index, at).ok_or_else(|| damaged(root.index))?;
        if !visits.meet(block, Role::Bitmap)? {
            return Err(damaged(block));
        }
        let bitmap = visits.blocks.read(block, Kind::Bitmap)?;
        let told = told_by(number, root.blocks);
        found.extend(bits(&bitmap).take((told.end - told.start) as usize));
    }
    counts(visits, root, |block, count| {
        let place = usize::try_from(block).ok().and_then(|place| found.get_mut(place));
        // Where the bitmap does not lead to it, it is left over and without meaning.
        if let Some(place) = place.filter(|place| **place == IN_TREE) {
            *place = count;
        }
    })?;
    Ok(found)
}

/// The data blocks that are in use, as the space map of the data device says.
pub(super) struct InUse {
    /// A bit for each block, the lowest of a byte first.
    bitmap: Vec<u8>,
    blocks: u64,
}

impl InUse {
    pub(super) fn has(&self, block: u64) -> bool {
        block < self.blocks && self.bitmap[(block / 8) as usize] >> (block % 8) & 1 == 1
    }

    /// The blocks in use, in ascending runs.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        bitmap::runs(&self.bitmap, self.blocks)
    }
}

/// Which data blocks are in use.
pub(super) fn data(visits: &mut Visits<'_>, root: &Root) -> Result<InUse, Doubt> {
    if root.blocks > MAXIMUM_DATA_BLOCKS {
        return Err(message!("thin-too-large", blocks = root.blocks.to_string()));
    }
    let mut bitmaps = Vec::new();
    let shape = Shape { role: Role::Index, value: INDEX_ENTRY };
    visits.walk(root.index, shape, &mut |number, entry| {
        // They are there without gaps: keys ascend, and there are as many as there have to be.
        if number != bitmaps.len() as u64 || number >= root.blocks.div_ceil(BITMAP_BLOCKS) {
            return Err(damaged(root.index));
        }
        bitmaps.push(u64_at(entry, 0).unwrap_or_default());
        Ok(())
    })?;
    if bitmaps.len() as u64 != root.blocks.div_ceil(BITMAP_BLOCKS) {
        return Err(damaged(root.index));
    }
    let mut in_use =
        InUse { bitmap: vec![0; root.blocks.div_ceil(8) as usize], blocks: root.blocks };
    let mut counted = 0;
    for (number, block) in bitmaps.into_iter().enumerate() {
        if !visits.meet(block, Role::Bitmap)? {
            return Err(damaged(block));
        }
        let bitmap = visits.blocks.read(block, Kind::Bitmap)?;
        for (place, count) in told_by(number as u64, root.blocks).zip(bits(&bitmap)) {
            if count > 0 {
                in_use.bitmap[(place / 8) as usize] |= 1 << (place % 8);
                counted += 1;
            }
        }
    }
    counts(visits, root, |_, _| {})?;
    root.counted(counted)?;
    Ok(in_use)
}
