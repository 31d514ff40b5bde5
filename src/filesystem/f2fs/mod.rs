//! f2fs: what is in use, from the segment information table of the newest checkpoint.
//!
//! The answer is certain only when the file system was unmounted: what is synced later than a
//! checkpoint is known by following the log, which is not done here. All tables before the main
//! area count as in use. The table has no checksum: its sum has to be the checkpoint's, together with
//! what the nodes say is promised to files and was never written.
//! Source: Linux, Documentation/filesystems/f2fs.rst and fs/f2fs; each file names its part.

mod checkpoint;
mod nodes;
mod segments;
mod superblock;

use self::superblock::{BLOCK, signatures};
use super::{Budget, Doubt, Used, Volume, VolumeKind, unreadable_doubt};
use crate::block::BlockSource;
use crate::error;
use crate::units::{Extent, ExtentMapBuilder, MIB};
use uuid::Uuid;

/// What is kept of the bytes behind the last segment, at most.
const TAIL: u64 = MIB;

/// Whether a volume is an f2fs one, with its label and UUID.
///
/// # Errors
/// When no superblock can be read.
pub fn detect(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    let Some(superblock) = superblock::read(source)? else { return Ok(None) };
    let Some(block_size) = superblock.block_size() else { return Ok(None) };
    let label = String::from_utf16_lossy(&superblock.label);
    Ok(Some(Volume {
        label: (!label.is_empty()).then_some(label),
        uuid: Some(Uuid::from_bytes(superblock.uuid).to_string()),
        block_size: Some(block_size),
        length: superblock.blocks.checked_mul(block_size),
        ..Volume::of(VolumeKind::F2fs)
    }))
}

/// The used extents of an f2fs volume.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let superblock = superblock::read(source)
        .map_err(unreadable_doubt)?
        .ok_or_else(|| VolumeKind::Unknown.why_whole())?;
    superblock.check(source)?;
    let checkpoint = checkpoint::read(source, &superblock)?;
    let mut map = ExtentMapBuilder::with_budget(budget.extents);
    map.push(Extent::new(0, superblock.main * BLOCK));
    let counted = segments::read(source, &superblock, &checkpoint, &mut map)?;
    let end = superblock.main + superblock.main_segments * superblock::SEGMENT_BLOCKS;
    let tail = (end * BLOCK).max(source.size().saturating_sub(TAIL));
    map.push(Extent::between(tail.min(source.size()), source.size()));
    let extents = map.build();
    // The sum proves the table where it is the same; where it is not, only the nodes can tell why.
    if counted != checkpoint.valid_blocks {
        nodes::check(source, &superblock, &checkpoint, &extents, counted, budget)?;
    }
    Ok(Used { extents, signatures: signatures() })
}

#[cfg(test)]
mod tests;
