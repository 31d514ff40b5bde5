//! The allocation file: a bit for each block, the highest of a byte first.
//!
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format", section "Allocation File".

use super::fork::{Fork, impossible};
use super::volume_header::Geometry;
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::filesystem::bitmap::runs;
use crate::units::{Extent, ExtentMapBuilder, MIB};
use std::ops::Range;

/// Bytes of the bitmap read at once.
const PIECE: u64 = MIB;

/// Adds the blocks that are in use, and those of `kept` whatever the bitmap says; answers how many
/// blocks the bitmap calls free.
///
/// # Errors
/// A doubt when the bitmap is shorter than the volume or cannot be read.
pub(super) fn read(
    source: &dyn BlockSource,
    geometry: Geometry,
    bitmap: &Fork,
    kept: &[Range<u64>],
    map: &mut ExtentMapBuilder,
) -> Result<u64, Doubt> {
    let needed = geometry.blocks.div_ceil(8);
    if bitmap.length < needed {
        return Err(impossible(bitmap.name));
    }
    let mut buffer = vec![0; PIECE.min(needed) as usize];
    let (mut done, mut used) = (0, 0);
    while done < needed {
        let piece = &mut buffer[..PIECE.min(needed - done) as usize];
        bitmap.read_at(source, done, piece)?;
        piece.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        let first = done * 8;
        let bits = (geometry.blocks - first).min(piece.len() as u64 * 8);
        used += runs(piece, bits).map(|run| run.end - run.start).sum::<u64>();
        for block in kept.iter().cloned().flatten() {
            if (first..first + bits).contains(&block) {
                piece[((block - first) / 8) as usize] |= 1 << ((block - first) % 8);
            }
        }
        for run in runs(piece, bits) {
            let (start, end) = (first + run.start, first + run.end);
            map.push(Extent::between(start * geometry.block_size, end * geometry.block_size));
        }
        done += piece.len() as u64;
    }
    Ok(geometry.blocks - used)
}
