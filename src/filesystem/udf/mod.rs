//! UDF: what is in use, from the space bitmap of its partition.
//!
//! The answer is certain only when the volume was closed, its descriptors are sound, all space that
//! is free is told by one bitmap, and the bitmap agrees with what was counted when the volume was
//! closed. That is how disks and sticks are formatted; discs that are written once or rewritten in a
//! way of their own are doubts. All that lies outside of the partition counts as in use.
//!
//! Sources: ECMA-167 (3rd edition), OSTA UDF 2.60; each file names its sections.

mod descriptors;

use self::descriptors::{BITMAP_HEADER, Layout, is_anchor, space_bitmap};
use super::bitmap::runs;
use super::{Budget, Doubt, Used, Volume, unreadable_doubt};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMapBuilder, KIB, MIB};
use crc::{CRC_16_XMODEM, Crc};

/// The CRC of descriptors (ECMA-167 3/7.2.6).
static CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);
/// Bytes of the bitmap read at once.
const PIECE: u64 = MIB;
/// Where a UDF volume is recognized: descriptors of at least 2048 bytes.
const RECOGNITION: Extent = Extent::new(32 * KIB, 16 * KIB);

fn damaged() -> Doubt {
    message!("udf-damaged")
}

/// Adds what the descriptors of a volume tell of it, as far as they can be read.
pub(super) fn describe(source: &dyn BlockSource, volume: &mut Volume) {
    if let Some((block_size, label)) = descriptors::describe(source) {
        (volume.block_size, volume.label) = (Some(block_size), label);
    }
}

/// The used extents of a UDF volume.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let layout = descriptors::layout(source)?;
    let mut map = ExtentMapBuilder::with_budget(budget.extents);
    let partition = layout.extent(0, layout.blocks);
    map.push(Extent::new(0, partition.offset));
    let used = read_bitmap(source, &layout, &mut map)?;
    if layout.blocks - used != layout.free {
        return Err(message!(
            "udf-count",
            counted = (layout.blocks - used).to_string(),
            stored = layout.free.to_string()
        ));
    }
    map.push(Extent::between(partition.end(), source.size()));
    let extents = map.build();
    // The bitmap itself has to be where it is said to be in use.
    let blocks = layout.bitmap_length.div_ceil(layout.block_size);
    if !extents.contains(layout.extent(layout.bitmap, blocks)) {
        return Err(damaged());
    }
    Ok(Used { extents, signatures: signatures(source, &layout) })
}

/// Adds the blocks in use, and answers how many they are.
fn read_bitmap(
    source: &dyn BlockSource,
    layout: &Layout,
    map: &mut ExtentMapBuilder,
) -> Result<u64, Doubt> {
    let blocks = layout.bitmap_length.div_ceil(layout.block_size);
    let fits = layout.bitmap.checked_add(blocks).is_some_and(|end| end <= layout.blocks);
    if !fits || layout.bitmap_length < BITMAP_HEADER as u64 {
        return Err(damaged());
    }
    let at = layout.extent(layout.bitmap, 1).offset;
    let mut header = [0; BITMAP_HEADER];
    source.read_at(at, &mut header).map_err(unreadable_doubt)?;
    let needed = layout.blocks.div_ceil(8);
    match space_bitmap(&header, layout.bitmap) {
        Some((bits, bytes))
            if bits == layout.blocks
                && bytes >= needed
                && BITMAP_HEADER as u64 + needed <= layout.bitmap_length => {}
        _ => return Err(damaged()),
    }
    let (mut done, mut used) = (0, 0);
    let mut buffer = vec![0; PIECE.min(needed) as usize];
    while done < needed {
        let piece = &mut buffer[..PIECE.min(needed - done) as usize];
        source.read_at(at + BITMAP_HEADER as u64 + done, piece).map_err(unreadable_doubt)?;
        // A bit that is set is a block that is free (ECMA-167 4/14.12.3).
        piece.iter_mut().for_each(|byte| *byte = !*byte);
        let first = done * 8;
        for run in runs(piece, layout.blocks - first) {
            map.push(layout.extent(first + run.start, run.end - run.start));
            used += run.end - run.start;
        }
        done += piece.len() as u64;
    }
    Ok(used)
}

/// Where the volume is recognized, and its anchors (ECMA-167 3/8.4.2.1).
fn signatures(source: &dyn BlockSource, layout: &Layout) -> Vec<Extent> {
    let block = |number: u64| Extent::new(number * layout.block_size, layout.block_size);
    let last = (source.size() / layout.block_size).saturating_sub(1);
    let anchors = [256, last.saturating_sub(256), last]
        .into_iter()
        .filter(|number| is_anchor(source, layout.block_size, *number));
    let mut found = vec![RECOGNITION];
    found.extend(anchors.map(block));
    found.dedup();
    found
}

#[cfg(test)]
mod tests;
