//! The volume header and its copy near the end of the volume.
//!
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format", section "Volume Header"; names of
//! later attributes from Apple, hfs_format.h. Facts only.

use super::fork::{ForkData, Piece};
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::{Extent, KIB, MIB};
use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Where it begins, in bytes.
pub(super) const OFFSET: u64 = KIB;
/// Its length in bytes, and the unit of the copy's place.
pub(super) const LENGTH: u64 = 512;
/// How far before the end of the volume the copy begins, in bytes.
const COPY_BEFORE_END: u64 = KIB;
/// The largest block that is believed, in bytes.
const LARGEST_BLOCK: u64 = 64 * MIB;
/// What is searched for the copy in a partition that is longer than the volume, at most, in bytes.
const SEARCHED: u64 = MIB;

/// Bits of the attributes.
mod attribute {
    pub(super) const HARDWARE_LOCK: u32 = 1 << 7;
    pub(super) const UNMOUNTED: u32 = 1 << 8;
    pub(super) const SPARED_BLOCKS: u32 = 1 << 9;
    pub(super) const NO_CACHE_REQUIRED: u32 = 1 << 10;
    pub(super) const BOOT_VOLUME_INCONSISTENT: u32 = 1 << 11;
    pub(super) const IDENTIFIERS_REUSED: u32 = 1 << 12;
    pub(super) const JOURNALED: u32 = 1 << 13;
    pub(super) const INCONSISTENT: u32 = 1 << 14;
    pub(super) const SOFTWARE_LOCK: u32 = 1 << 15;
    pub(super) const CONTENT_PROTECTION: u32 = 1 << 30;
    pub(super) const UNUSED_NODES_CLEARED: u32 = 1 << 31;

    /// Those that say nothing of the state, or are looked at.
    pub(super) const KNOWN: u32 = HARDWARE_LOCK
        | UNMOUNTED
        | SPARED_BLOCKS
        | NO_CACHE_REQUIRED
        | BOOT_VOLUME_INCONSISTENT
        | IDENTIFIERS_REUSED
        | JOURNALED
        | INCONSISTENT
        | SOFTWARE_LOCK
        | CONTENT_PROTECTION
        | UNUSED_NODES_CLEARED;
}

/// What is common to all block numbers of a volume.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Geometry {
    /// In bytes, a power of two.
    pub(super) block_size: u64,
    pub(super) blocks: u64,
}

impl Geometry {
    /// Length of all blocks, in bytes. What follows in the partition belongs to no block.
    pub(super) fn length(self) -> u64 {
        self.blocks * self.block_size
    }

    /// Where a piece lies; none when that is not on the volume.
    pub(super) fn place(self, piece: Piece) -> Option<Extent> {
        let (start, count) = (u64::from(piece.start.get()), u64::from(piece.count.get()));
        let place = Extent::new(start * self.block_size, count * self.block_size);
        (count == 0 || start + count <= self.blocks).then_some(place)
    }

    /// The numbers of the blocks that a place touches, as far as there are blocks.
    pub(super) fn blocks_around(self, place: Extent) -> std::ops::Range<u64> {
        let start = place.offset / self.block_size;
        start.min(self.blocks)..place.end().div_ceil(self.block_size).min(self.blocks)
    }
}

#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    signature: [u8; 2],
    version: U16,
    attributes: U32,
    last_mounted_version: [u8; 4],
    journal_info_block: U32,
    create_date: U32,
    other_dates: [U32; 3],
    file_count: U32,
    folder_count: U32,
    block_size: U32,
    total_blocks: U32,
    free_blocks: U32,
    next_allocation: U32,
    clump_sizes: [U32; 2],
    next_catalog_id: U32,
    write_count: U32,
    encodings: U64,
    finder_info: [U32; 8],
    forks: [ForkData; 5],
}

const _: () = assert!(size_of::<OnDisk>() == LENGTH as usize);

/// A volume header whose numbers make sense by themselves.
pub(super) struct VolumeHeader {
    disk: OnDisk,
    pub(super) geometry: Geometry,
}

/// Reads a volume header.
///
/// # Errors
/// A doubt when it is that of an old HFS volume around this one, or makes no sense.
pub(super) fn read(source: &dyn BlockSource) -> Result<VolumeHeader, Doubt> {
    let bytes = source.read_vec(OFFSET, LENGTH as usize).map_err(unreadable_doubt)?;
    if bytes.starts_with(b"BD") {
        return Err(message!("hfsplus-wrapper"));
    }
    VolumeHeader::parse(&bytes).ok_or_else(|| message!("hfsplus-impossible"))
}

impl VolumeHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let disk = OnDisk::read_from_bytes(bytes).ok()?;
        let is_known = matches!((&disk.signature, disk.version.get()), (b"H+", 4) | (b"HX", 5));
        let block_size = u64::from(disk.block_size.get());
        let geometry = Geometry { block_size, blocks: u64::from(disk.total_blocks.get()) };
        let is_sound = is_known
            && block_size.is_power_of_two()
            && (LENGTH..=LARGEST_BLOCK).contains(&block_size)
            && geometry.length() >= OFFSET + LENGTH + COPY_BEFORE_END
            && disk.free_blocks <= disk.total_blocks;
        is_sound.then_some(Self { disk, geometry })
    }

    /// A doubt when the volume was not left at rest, or is longer than its partition of `size` bytes.
    ///
    /// # Errors
    /// That doubt.
    pub(super) fn check(&self, size: u64) -> Result<(), Doubt> {
        let attributes = self.disk.attributes.get();
        if self.geometry.length() > size {
            return Err(message!(
                "hfsplus-longer-than-volume",
                length = self.geometry.length().to_string(),
                size = size.to_string()
            ));
        }
        if attributes & (attribute::BOOT_VOLUME_INCONSISTENT | attribute::INCONSISTENT) != 0 {
            return Err(message!("hfsplus-inconsistent"));
        }
        if attributes & attribute::UNMOUNTED == 0 {
            return Err(message!("hfsplus-not-clean"));
        }
        match attributes & !attribute::KNOWN {
            0 => Ok(()),
            unknown => Err(message!("hfsplus-attributes", bits = format!("{unknown:#010x}"))),
        }
    }

    /// Whether there is a journal, and the block that tells of it.
    pub(super) fn journal_info_block(&self) -> Option<u64> {
        let is_journaled = self.disk.attributes.get() & attribute::JOURNALED != 0;
        is_journaled.then_some(self.disk.journal_info_block.get().into())
    }

    pub(super) fn free_blocks(&self) -> u64 {
        self.disk.free_blocks.get().into()
    }

    /// How many files and folders there are, without the root folder.
    pub(super) fn files_and_folders(&self) -> (u64, u64) {
        (self.disk.file_count.get().into(), self.disk.folder_count.get().into())
    }

    pub(super) const fn allocation(&self) -> &ForkData {
        &self.disk.forks[0]
    }

    pub(super) const fn extents(&self) -> &ForkData {
        &self.disk.forks[1]
    }

    pub(super) const fn catalog(&self) -> &ForkData {
        &self.disk.forks[2]
    }

    pub(super) const fn attributes_file(&self) -> &ForkData {
        &self.disk.forks[3]
    }

    pub(super) const fn startup(&self) -> &ForkData {
        &self.disk.forks[4]
    }

    /// Whether a copy tells the same of everything that only changes together with it: the section
    /// demands that the copy is written when a special file grows or moves.
    fn agrees(&self, copy: &Self) -> bool {
        self.geometry == copy.geometry
            && self.disk.signature == copy.disk.signature
            && self.disk.create_date == copy.disk.create_date
            && self
                .disk
                .forks
                .iter()
                .zip(&copy.disk.forks)
                .all(|(fork, copy)| fork.same_bytes(copy))
    }

    /// Where the alternate volume header is, which agrees with this one.
    ///
    /// It lies before the end of the partition as it was when the volume was made. That had room for
    /// less than one block more, and may have been copied into a longer one.
    ///
    /// # Errors
    /// A doubt when there is none or it does not agree.
    pub(super) fn alternate(&self, source: &dyn BlockSource) -> Result<Extent, Doubt> {
        let length = self.geometry.length();
        let last = (source.size() / LENGTH * LENGTH).saturating_sub(COPY_BEFORE_END);
        let first = length - COPY_BEFORE_END;
        let end = (first + self.geometry.block_size.min(SEARCHED)).min(last + LENGTH);
        let mut is_there = false;
        let mut agrees = |bytes: &[u8]| {
            let copy = Self::parse(bytes);
            is_there |= copy.is_some();
            copy.is_some_and(|copy| self.agrees(&copy))
        };
        let at_the_end = source.read_vec(last, LENGTH as usize).map_err(unreadable_doubt)?;
        if agrees(&at_the_end) {
            return Ok(Extent::new(last, LENGTH));
        }
        let searched = source.read_vec(first, end.saturating_sub(first) as usize);
        let searched = searched.map_err(unreadable_doubt)?;
        let found = searched.chunks_exact(LENGTH as usize).position(agrees);
        match found {
            Some(number) => Ok(Extent::new(first + number as u64 * LENGTH, LENGTH)),
            None if is_there => Err(message!("hfsplus-alternate-differs")),
            None => Err(message!("hfsplus-no-alternate")),
        }
    }
}
