//! XFS, versions 4 and 5: in use is everything but the free extents of its allocation groups.
//!
//! The free extents come from the B+tree by block number of each group. The answer is certain
//! only when everything agrees: all features are known, the log ends with the record of a clean
//! unmount, every checksum holds, no free extent covers metadata, and what was counted in the
//! trees is what the group headers and the superblock state.
//!
//! Source for everything below: "XFS Algorithms & Data Structures", 3rd edition; each file names
//! its section. All numbers on disk are big-endian but for the checksums.

mod features;
mod free_space;
mod group;
mod log;
mod superblock;

#[cfg(test)]
mod tests;

use self::group::Group;
use self::superblock::RawSuperblock;
use super::{Budget, Doubt, Used, Volume};
use crate::block::BlockSource;
use crate::error::Result;
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMapBuilder, MIB};

/// How much of what lies behind the file system is kept, in bytes from the end of the volume:
/// RAID and other signatures are found there.
const TAIL: u64 = MIB;

/// What the volume is when it has the superblock of an XFS file system, or the log of one.
///
/// # Errors
/// When its start cannot be read.
pub fn detect(source: &dyn BlockSource) -> Result<Option<Volume>> {
    if source.size() < superblock::LENGTH as u64 {
        return Ok(None);
    }
    let bytes = source.read_vec(0, superblock::LENGTH)?;
    Ok(RawSuperblock::parse(&bytes).map(RawSuperblock::volume))
}

/// The extents in use.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    used_with_log(source, None, budget)
}

/// The extents in use of a file system whose log may be on the device `log`.
pub(super) fn used_with_log(
    source: &dyn BlockSource,
    log: Option<&dyn BlockSource>,
    budget: Budget,
) -> Result<Used, Doubt> {
    let superblock = superblock::read(source)?;
    log::check_clean(source, log, &superblock)?;
    if superblock.groups > budget.extents as u64 {
        return Err(message!("xfs-too-many-groups", groups = superblock.groups.to_string()));
    }

    let mut map = ExtentMapBuilder::with_budget(budget.extents);
    let mut signatures = Vec::new();
    // Where the bytes begin that no free extent before them covers.
    let mut position = 0;
    let (mut free_blocks, mut tree_blocks) = (0, 0);
    for number in 0..superblock.groups {
        let group = Group::read(source, &superblock, number)?;
        signatures.push(group.superblock_copy());
        free_blocks += group.counted_as_free();
        tree_blocks += group.tree_blocks;
        free_space::walk(source, &superblock, &group, |free| {
            let extent = group.bytes_of(&superblock, free);
            map.push(Extent::between(position, extent.offset));
            position = extent.end();
        })?;
    }
    if !superblock.free_blocks_agree(free_blocks, tree_blocks) {
        return Err(message!(
            "xfs-free-count",
            counted = (free_blocks + tree_blocks).to_string(),
            stored = superblock.free_blocks.to_string()
        ));
    }
    map.push(Extent::between(position, superblock.length()));
    map.push(Extent::between(
        superblock.length().max(source.size().saturating_sub(TAIL)),
        source.size(),
    ));
    Ok(Used { extents: map.build(), signatures })
}

/// For a person: that the files of a file system are on a second device too.
pub(super) fn missing_parts(source: &dyn BlockSource) -> Option<Message> {
    let bytes = source.read_vec(0, superblock::LENGTH).ok()?;
    let raw = RawSuperblock::parse(&bytes)?;
    let Volume { label, uuid, .. } = raw.volume();
    raw.has_real_time_device()
        .then(|| message!("xfs-real-time-device", name = label.or(uuid).unwrap_or_default()))
}

/// Fills `buffer` from `offset` in bytes; what cannot be read is a doubt.
fn read(source: &dyn BlockSource, offset: u64, buffer: &mut [u8]) -> Result<(), Doubt> {
    source.read_at(offset, buffer).map_err(|error| {
        message!("xfs-unreadable", offset = offset.to_string(), why = error.message().clone())
    })
}

/// Whether the CRC-32C in the four bytes at `field` of `bytes`, little-endian, is that of the
/// others with these four taken for zeros.
fn checksum_holds(bytes: &[u8], field: usize) -> bool {
    let (before, rest) = bytes.split_at(field);
    let (stored, after) = rest.split_at(4);
    super::crc32c::crc32c(&[before, &[0; 4], after]).to_le_bytes() == stored
}
