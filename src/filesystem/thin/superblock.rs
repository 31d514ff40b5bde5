//! The superblock of a pool, and the copy of it that is a metadata snapshot.
//!
//! Everything that is written becomes true with the superblock: what it leads to is the state of the
//! last commit, also after a power cut.

use super::blocks::{Blocks, Kind, damaged};
use super::space_map::{self, Root};
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::KIB;
use std::mem::size_of;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Where the superblock is, in blocks.
pub(super) const LOCATION: u64 = 0;
const MAGIC: u64 = 27_022_010;
/// Linux writes 2, its first release and older tools (which repair pools) 1, and all of them read both.
const VERSIONS: [u32; 2] = [1, 2];
/// The flag of a pool whose metadata could not be written once.
const FLAG_NEEDS_CHECK: u32 = 1;
const SECTOR: u64 = 512;
/// Sectors of a metadata block.
const METADATA_BLOCK_SECTORS: u32 = 8;
/// Data blocks are a multiple of the first, up to the second, in bytes.
const DATA_BLOCK_UNIT: u64 = 64 * KIB;
const LARGEST_DATA_BLOCK: u64 = 1024 * 1024 * KIB;

/// As it is on the disk; the rest of the block is unused.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    checksum: U32,
    flags: U32,
    block: U64,
    uuid: [u8; 16],
    magic: U64,
    version: U32,
    time: U32,
    transaction: U64,
    held_root: U64,
    data_space_map: [u8; space_map::ROOT],
    metadata_space_map: [u8; space_map::ROOT],
    mappings: U64,
    details: U64,
    data_block_sectors: U32,
    metadata_block_sectors: U32,
    metadata_blocks: U64,
    compatible: U32,
    compatible_for_reading: U32,
    incompatible: U32,
}

/// The two trees that a superblock leads to, by the blocks of their roots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trees {
    /// From devices to the roots of their mappings.
    pub(super) mappings: u64,
    /// From devices to what is known of each.
    pub(super) details: u64,
}

/// What a pool says of itself.
pub(super) struct Superblock {
    /// Number of the last transaction of who uses the pool, LVM2 for example.
    pub(super) transaction: u64,
    /// Where the copy is that a metadata snapshot leaves.
    pub(super) held_root: Option<u64>,
    pub(super) trees: Trees,
    /// Length of a data block in bytes.
    pub(super) data_block: u64,
    pub(super) data_space_map: Root,
    pub(super) metadata_space_map: Root,
}

fn on_disk(blocks: &Blocks<'_>, location: u64) -> Result<OnDisk, Doubt> {
    let bytes = blocks.read(location, Kind::Superblock)?;
    let raw = bytes.get(..size_of::<OnDisk>()).and_then(|raw| OnDisk::read_from_bytes(raw).ok());
    let raw = raw.filter(|raw| raw.magic.get() == MAGIC).ok_or_else(|| damaged(location))?;
    if !VERSIONS.contains(&raw.version.get()) {
        return Err(message!("thin-version", version = raw.version.get().to_string()));
    }
    let features = raw.compatible.get() | raw.compatible_for_reading.get() | raw.incompatible.get();
    if raw.flags.get() & !FLAG_NEEDS_CHECK != 0 || features != 0 {
        return Err(message!("thin-feature"));
    }
    Ok(raw)
}

/// The superblock that is in force.
pub(super) fn read(blocks: &Blocks<'_>) -> Result<Superblock, Doubt> {
    let raw = on_disk(blocks, LOCATION)?;
    if raw.flags.get() & FLAG_NEEDS_CHECK != 0 {
        return Err(message!("thin-needs-check"));
    }
    let data_block = u64::from(raw.data_block_sectors.get()) * SECTOR;
    let is_length = data_block > 0
        && data_block <= LARGEST_DATA_BLOCK
        && data_block.is_multiple_of(DATA_BLOCK_UNIT);
    if !is_length || raw.metadata_block_sectors.get() != METADATA_BLOCK_SECTORS {
        return Err(damaged(LOCATION));
    }
    Ok(Superblock {
        transaction: raw.transaction.get(),
        held_root: Some(raw.held_root.get()).filter(|root| *root != 0),
        trees: raw.trees(),
        data_block,
        data_space_map: Root::parse(&raw.data_space_map),
        metadata_space_map: Root::parse(&raw.metadata_space_map),
    })
}

/// The trees of a metadata snapshot. Its space maps are not kept: those of the pool count for it.
pub(super) fn read_held(blocks: &Blocks<'_>, location: u64) -> Result<Trees, Doubt> {
    on_disk(blocks, location).map(|raw| raw.trees())
}

impl OnDisk {
    fn trees(&self) -> Trees {
        Trees { mappings: self.mappings.get(), details: self.details.get() }
    }
}
