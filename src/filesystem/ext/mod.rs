//! ext2, ext3 and ext4: what is in use, from the allocation bitmaps.
//!
//! The answer is certain only when everything agrees: the features are all known, the file
//! system was left in order, every checksum holds, all metadata is marked as used, and the free
//! blocks counted in the bitmaps are those that descriptors and superblock state.
//!
//! When the journal has to be replayed, the volume is read as it would be afterwards, and all of
//! that has to hold there. In use is then what is in use after the replay, what is in use before
//! it, and every block that it would write or that fast commits give to files.
//!
//! Source for everything below: kernel documentation, "ext4 Data Structures and Algorithms";
//! each file names its section.

mod allocation;
mod checksum;
mod fast_commits;
mod features;
mod group_descriptor;
mod journal;
mod journal_blocks;
mod layout;
mod mmp;
mod replay;
mod superblock;

#[cfg(test)]
mod tests;

use self::features::incompat;
use self::replay::Replay;
use self::superblock::{PRIMARY, RawSuperblock, Superblock};
use super::{Budget, Doubt, Used, Volume};
use crate::block::BlockSource;
use crate::error::Result;
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder, MIB};
use zerocopy::{FromZeros, IntoBytes};

/// How much of what lies behind the file system is kept, in bytes from the end of the volume:
/// RAID and other signatures are found there.
const TAIL: u64 = MIB;

/// What the volume is when it has an ext superblock, or an external journal's.
///
/// # Errors
/// When the superblock cannot be read.
pub fn detect(source: &dyn BlockSource) -> Result<Option<Volume>> {
    if source.size() < PRIMARY.end() {
        return Ok(None);
    }
    let bytes = source.read_vec(PRIMARY.offset, PRIMARY.length as usize)?;
    Ok(RawSuperblock::parse(&bytes).map(RawSuperblock::volume))
}

/// Whether changes wait in the journal for the next mount.
///
/// # Errors
/// When the superblock cannot be read.
pub(super) fn has_changes_to_replay(source: &dyn BlockSource) -> Result<bool> {
    if source.size() < PRIMARY.end() {
        return Ok(false);
    }
    let bytes = source.read_vec(PRIMARY.offset, PRIMARY.length as usize)?;
    Ok(RawSuperblock::parse(&bytes).is_some_and(RawSuperblock::needs_recovery))
}

/// The extents in use.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let raw = read_superblock(source, PRIMARY)?.ok_or_else(|| message!("ext-no-superblock"))?;
    if raw.features().incompat(incompat::JOURNAL_DEV) {
        raw.check_checksum()?;
        let whole = ExtentMap::whole(Extent::new(0, source.size()));
        return Ok(Used { extents: whole, signatures: vec![PRIMARY] });
    }
    let superblock = raw.check(source.size())?;
    check_backup(source, &raw, &superblock)?;
    mmp::check(source, &superblock)?;
    if raw.needs_recovery() {
        return used_after_replay(source, &raw, &superblock, budget);
    }
    journal::check_empty(source, &superblock)?;

    let signatures = signatures(&superblock, budget)?;
    let mut map = ExtentMapBuilder::with_budget(budget.extents);
    allocation::add_used(source, &superblock, None, &mut map)?;
    map.push(tail(superblock.length(), source.size()));
    Ok(Used { extents: map.build(), signatures })
}

/// The extents in use of a file system whose journal has to be replayed.
fn used_after_replay(
    source: &dyn BlockSource,
    raw: &RawSuperblock,
    superblock: &Superblock,
    budget: Budget,
) -> Result<Used, Doubt> {
    let journal = journal::load(source, superblock)?;
    let replay = Replay::read(source, superblock, &journal)?;
    let replayed = replay.applied_to(source);
    let after =
        read_superblock(&replayed, PRIMARY)?.ok_or_else(|| message!("ext-no-superblock"))?;
    if raw.is_contradicted_by(&after) {
        return Err(message!("ext-backup-differs", offset = PRIMARY.offset.to_string()));
    }
    let superblock = after.check(source.size())?;

    let signatures = signatures(&superblock, budget)?;
    let mut map = ExtentMapBuilder::with_budget(budget.extents);
    let also = allocation::Also { before: source, replay: &replay };
    allocation::add_used(&replayed, &superblock, Some(also), &mut map)?;
    map.push(tail(superblock.length(), source.size()));
    let extents = map.build();
    let bytes = |blocks: std::ops::Range<u64>| {
        Extent::between(blocks.start * superblock.block_size, blocks.end * superblock.block_size)
    };
    if !journal.blocks.runs().all(|blocks| extents.contains(bytes(blocks))) {
        return Err(message!("ext-journal-damaged"));
    }
    Ok(Used { extents, signatures })
}

/// Where the copies of the superblock are.
fn signatures(superblock: &Superblock, budget: Budget) -> Result<Vec<Extent>, Doubt> {
    let signatures: Vec<Extent> =
        superblock.superblock_copies().take(budget.extents.saturating_add(1)).collect();
    if signatures.len() > budget.extents {
        return Err(message!("ext-metadata-scattered"));
    }
    Ok(signatures)
}

/// What is kept behind a file system that is shorter than its volume; both in bytes.
fn tail(length: u64, volume: u64) -> Extent {
    Extent::between(length.max(volume.saturating_sub(TAIL)), volume)
}

/// A doubt when the first backup describes another geometry.
///
/// Without checksums this is what tells a changed size or group size from a real one. A place
/// without a readable backup proves nothing either way: no tool minds a damaged one.
fn check_backup(
    source: &dyn BlockSource,
    raw: &RawSuperblock,
    superblock: &Superblock,
) -> Result<(), Doubt> {
    let Some(place) = superblock.superblock_copies().nth(1) else { return Ok(()) };
    match read_superblock(source, place) {
        Ok(Some(backup)) if raw.is_contradicted_by(&backup) => {
            Err(message!("ext-backup-differs", offset = place.offset.to_string()))
        }
        _ => Ok(()),
    }
}

fn read_superblock(
    source: &dyn BlockSource,
    place: Extent,
) -> Result<Option<RawSuperblock>, Doubt> {
    let mut raw = RawSuperblock::new_zeroed();
    read(source, place.offset, raw.as_mut_bytes())?;
    Ok(RawSuperblock::parse(raw.as_bytes()).cloned())
}

/// Fills `buffer` from `offset` in bytes; what cannot be read is a doubt.
fn read(source: &dyn BlockSource, offset: u64, buffer: &mut [u8]) -> Result<(), Doubt> {
    source.read_at(offset, buffer).map_err(|error| {
        message!("ext-unreadable", offset = offset.to_string(), why = error.message().clone())
    })
}
