//! btrfs, on one device or several: what is in use, from the tree of extents.
//!
//! Every tree block and every piece of a file lies in an extent, every extent in a chunk, and
//! chunks say which bytes of which devices they are made of. All of it is written anew elsewhere
//! and becomes true with the superblock, so what the superblock leads to is whole at any time,
//! whether or not the file system was unmounted. The answer is certain only when everything
//! agrees: the features are all known, every tree block that was read has the right checksum,
//! place, transaction and order, and the bytes counted are those that block groups, devices and
//! superblock state.
//!
//! All bytes of all chunks are the answer, without a look at the extents, where
//! - there is a log tree: what was written for `fsync` since the last transaction is in no other
//!   tree. It lies in chunks that the superblock leads to, because the kernel writes no log where
//!   a chunk came into being in the same transaction: it completes the transaction instead.
//! - a device is missing: the others may then count differently.
//! - a chunk has parity (RAID5, RAID6): only this chunk.
//!
//! Source for everything below: btrfs documentation, "On-disk Format"; each file names its
//! section. All numbers on disk are little-endian.

mod allocation;
mod checksum;
mod chunk;
mod features;
mod key;
mod superblock;
mod tree;

#[cfg(test)]
mod tests;

use self::superblock::{PRIMARY, RawSuperblock, Superblock};
use super::{Budget, Doubt, Used, Volume};
use crate::block::BlockSource;
use crate::error::Result;
use crate::text::{Message, message};
use crate::units::MIB;

/// What is kept at the start of each device, in bytes: nothing is ever allocated there, but boot
/// loaders use it.
const HEAD: u64 = MIB;
/// How much of what lies behind the file system is kept, in bytes from the end of the volume:
/// RAID and other signatures are found there.
const TAIL: u64 = MIB;

/// What the volume is when it has the superblock of a btrfs file system.
///
/// # Errors
/// When the superblock cannot be read.
pub fn detect(source: &dyn BlockSource) -> Result<Option<Volume>> {
    if source.size() < PRIMARY.end() {
        return Ok(None);
    }
    let bytes = source.read_vec(PRIMARY.offset, PRIMARY.length as usize)?;
    Ok(RawSuperblock::parse(&bytes, PRIMARY.offset).map(RawSuperblock::volume))
}

/// Whether changes wait in the log tree for the next mount.
///
/// # Errors
/// A doubt when the superblock cannot be read.
pub(super) fn has_changes_to_replay(source: &dyn BlockSource) -> Result<bool, Doubt> {
    superblock::read_checked(source).map(|superblock| superblock.has_log)
}

/// The extents in use on one device.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let answers = used_together(&[source], budget);
    answers.into_iter().next().unwrap_or_else(|| Err(message!("btrfs-no-superblock")))
}

/// The extents in use on each of several devices, which may belong to one file system or to many.
pub(super) fn used_together(
    sources: &[&dyn BlockSource],
    budget: Budget,
) -> Vec<Result<Used, Doubt>> {
    let superblocks: Vec<Result<Superblock, Doubt>> =
        sources.iter().map(|source| superblock::read_checked(*source)).collect();
    superblocks
        .iter()
        .enumerate()
        .map(|(index, superblock)| {
            let own = superblock.as_ref().map_err(Clone::clone)?;
            let family: Vec<(&dyn BlockSource, &Superblock)> = sources
                .iter()
                .zip(&superblocks)
                .filter_map(|(source, other)| Some((*source, other.as_ref().ok()?)))
                .filter(|(_, other)| other.fsid == own.fsid)
                .collect();
            allocation::used(sources[index], own, &family, budget)
        })
        .collect()
}

/// For a person: that some devices of a file system are not among those that are at hand, whose
/// number is given.
pub(super) fn missing_parts(source: &dyn BlockSource, at_hand: u64) -> Option<Message> {
    let bytes = source.read_vec(PRIMARY.offset, PRIMARY.length as usize).ok()?;
    let raw = RawSuperblock::parse(&bytes, PRIMARY.offset)?;
    let Volume { label, uuid, .. } = raw.volume();
    let all = raw.devices();
    (all > at_hand).then(|| {
        message!(
            "btrfs-devices-missing",
            name = label.or(uuid).unwrap_or_default(),
            there = at_hand.to_string(),
            all = all.to_string()
        )
    })
}

/// Fills `buffer` from `offset` in bytes; what cannot be read is a doubt.
fn read(source: &dyn BlockSource, offset: u64, buffer: &mut [u8]) -> Result<(), Doubt> {
    source.read_at(offset, buffer).map_err(|error| {
        message!("btrfs-unreadable", offset = offset.to_string(), why = error.message().clone())
    })
}
