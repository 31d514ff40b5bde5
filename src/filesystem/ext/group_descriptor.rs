//! Group descriptors: where the bitmaps and the inode table of each block group are.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Block Group
//! Descriptors".

use super::checksum::{crc16, crc32c};
use super::features::{incompat, ro_compat};
use super::read;
use super::superblock::Superblock;
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::KIB;
use std::mem::offset_of;
use std::ops::Range;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// `bg_flags`: the block bitmap was never written and follows from the metadata alone.
const BLOCK_UNINIT: u16 = 0x2;
/// How much of the table is read at once, in bytes.
const CHUNK: u64 = 64 * KIB;

/// `struct ext4_group_desc` as it lies on disk; without `64bit` it ends before the `_hi` fields.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawDescriptor {
    bg_block_bitmap_lo: U32,
    bg_inode_bitmap_lo: U32,
    bg_inode_table_lo: U32,
    bg_free_blocks_count_lo: U16,
    bg_free_inodes_count_lo: U16,
    bg_used_dirs_count_lo: U16,
    bg_flags: U16,
    bg_exclude_bitmap_lo: U32,
    bg_block_bitmap_csum_lo: U16,
    bg_inode_bitmap_csum_lo: U16,
    bg_itable_unused_lo: U16,
    bg_checksum: U16,
    bg_block_bitmap_hi: U32,
    bg_inode_bitmap_hi: U32,
    bg_inode_table_hi: U32,
    bg_free_blocks_count_hi: U16,
    bg_free_inodes_count_hi: U16,
    bg_used_dirs_count_hi: U16,
    bg_itable_unused_hi: U16,
    bg_exclude_bitmap_hi: U32,
    bg_block_bitmap_csum_hi: U16,
    bg_inode_bitmap_csum_hi: U16,
    bg_reserved: U32,
}

const _: () = {
    assert!(size_of::<RawDescriptor>() == 64);
    assert!(offset_of!(RawDescriptor, bg_checksum) == 0x1e);
    assert!(offset_of!(RawDescriptor, bg_block_bitmap_csum_hi) == 0x38);
};

/// What a descriptor says, with every location inside the file system.
#[derive(Debug)]
pub(super) struct GroupDescriptor {
    /// Blocks of the block bitmap, the inode bitmap and the inode table.
    pub(super) block_bitmap: Range<u64>,
    pub(super) inode_bitmap: Range<u64>,
    pub(super) inode_table: Range<u64>,
    /// Free clusters of the group, as stored.
    pub(super) free_clusters: u64,
    /// The block bitmap was never written.
    pub(super) block_uninit: bool,
    bitmap_checksum: Option<BitmapChecksum>,
}

#[derive(Clone, Copy, Debug)]
struct BitmapChecksum {
    seed: u32,
    value: u32,
    mask: u32,
}

impl GroupDescriptor {
    /// Whether `bitmap`, the bits of the group that count, is what was written.
    pub(super) fn bitmap_matches(&self, bitmap: &[u8]) -> bool {
        self.bitmap_checksum
            .is_none_or(|checksum| crc32c(checksum.seed, bitmap) & checksum.mask == checksum.value)
    }
}

/// The descriptor table, read a piece at a time.
pub(super) struct DescriptorTable<'a> {
    source: &'a dyn BlockSource,
    superblock: &'a Superblock,
    /// The groups whose descriptors are in `bytes`.
    loaded: Range<u64>,
    bytes: Vec<u8>,
}

impl<'a> DescriptorTable<'a> {
    pub(super) fn new(source: &'a dyn BlockSource, superblock: &'a Superblock) -> Self {
        Self { source, superblock, loaded: 0..0, bytes: Vec::new() }
    }

    /// The descriptor of a group, checked.
    pub(super) fn group(&mut self, group: u64) -> Result<GroupDescriptor, Doubt> {
        self.load(group)?;
        let bytes = self.raw_bytes(group);
        self.check_checksum(group, bytes)?;
        self.decode(group, bytes)
    }

    /// How many bitmaps lie one after the other from that of `group` on, as far as descriptors
    /// are at hand; bitmaps that were never written end the run.
    pub(super) fn consecutive_bitmaps(&self, group: u64, first: u64, limit: u64) -> u64 {
        let end = self.loaded.end.min(group.saturating_add(limit));
        let follows = |next: &u64| {
            let (raw, expected) = (self.raw(self.raw_bytes(*next)), first + (next - group));
            raw.bitmap_location() == expected && raw.bg_flags.get() & BLOCK_UNINIT == 0
        };
        1 + (group + 1..end).take_while(follows).count() as u64
    }

    fn load(&mut self, group: u64) -> Result<(), Doubt> {
        if self.loaded.contains(&group) {
            return Ok(());
        }
        let superblock = self.superblock;
        let per_block = superblock.descriptors_per_block;
        let index = group / per_block;
        let (first, blocks) = if index < superblock.table_descriptor_blocks {
            let chunk = (CHUNK / superblock.block_size).max(1);
            let first = index - index % chunk;
            (first, chunk.min(superblock.table_descriptor_blocks - first))
        } else {
            (index, 1)
        };
        let offset = superblock.descriptor_block(first) * superblock.block_size;
        self.loaded = 0..0;
        self.bytes.resize((blocks * superblock.block_size) as usize, 0);
        read(self.source, offset, &mut self.bytes)?;
        self.loaded = first * per_block..((first + blocks) * per_block).min(superblock.groups);
        Ok(())
    }

    /// The descriptor's bytes; the group has to be loaded.
    fn raw_bytes(&self, group: u64) -> &[u8] {
        let size = self.superblock.descriptor_size as usize;
        let start = (group - self.loaded.start) as usize * size;
        &self.bytes[start..start + size]
    }

    fn raw(&self, bytes: &[u8]) -> RawDescriptor {
        let mut full = [0; size_of::<RawDescriptor>()];
        let length = bytes.len().min(full.len());
        full[..length].copy_from_slice(&bytes[..length]);
        zerocopy::transmute!(full)
    }

    fn check_checksum(&self, group: u64, bytes: &[u8]) -> Result<(), Doubt> {
        let superblock = self.superblock;
        let number = (group as u32).to_le_bytes();
        let field = offset_of!(RawDescriptor, bg_checksum);
        let (before, after) = (&bytes[..field], &bytes[field + 2..]);
        let computed = if superblock.features.ro_compat(ro_compat::METADATA_CSUM) {
            let pieces: [&[u8]; 4] = [&number, before, &[0, 0], after];
            let seed = superblock.checksum_seed;
            pieces.iter().fold(seed, |crc, piece| crc32c(crc, piece)) as u16
        } else if superblock.features.ro_compat(ro_compat::GDT_CSUM) {
            crc16(&[&superblock.uuid, &number, before, after])
        } else {
            return Ok(());
        };
        if computed != self.raw(bytes).bg_checksum.get() {
            return Err(message!("ext-descriptor-checksum", group = group.to_string()));
        }
        Ok(())
    }

    fn decode(&self, group: u64, bytes: &[u8]) -> Result<GroupDescriptor, Doubt> {
        let superblock = self.superblock;
        let raw = self.raw(bytes);
        // Without flexible block groups everything of a group lies in it.
        let home = if superblock.features.incompat(incompat::FLEX_BG) {
            superblock.first_data_block..superblock.blocks
        } else {
            superblock.group_blocks(group)
        };
        let inside = |start: u64, blocks: u64| match start.checked_add(blocks) {
            Some(end) if start >= home.start && end <= home.end => Ok(start..end),
            _ => Err(message!(
                "ext-descriptor-location",
                group = group.to_string(),
                block = start.to_string()
            )),
        };
        let checksum_field = offset_of!(RawDescriptor, bg_block_bitmap_csum_hi) as u64 + 2;
        let wide = superblock.descriptor_size >= checksum_field;
        Ok(GroupDescriptor {
            block_bitmap: inside(raw.bitmap_location(), 1)?,
            inode_bitmap: inside(join(raw.bg_inode_bitmap_lo, raw.bg_inode_bitmap_hi), 1)?,
            inode_table: inside(
                join(raw.bg_inode_table_lo, raw.bg_inode_table_hi),
                superblock.inode_table_blocks(),
            )?,
            free_clusters: u64::from(raw.bg_free_blocks_count_hi.get()) << 16
                | u64::from(raw.bg_free_blocks_count_lo.get()),
            block_uninit: superblock.features.group_checksums()
                && raw.bg_flags.get() & BLOCK_UNINIT != 0,
            bitmap_checksum: superblock.features.ro_compat(ro_compat::METADATA_CSUM).then(|| {
                let high = u32::from(raw.bg_block_bitmap_csum_hi.get()) << 16;
                BitmapChecksum {
                    seed: superblock.checksum_seed,
                    value: high | u32::from(raw.bg_block_bitmap_csum_lo.get()),
                    mask: if wide { u32::MAX } else { 0xffff },
                }
            }),
        })
    }
}

impl RawDescriptor {
    fn bitmap_location(&self) -> u64 {
        join(self.bg_block_bitmap_lo, self.bg_block_bitmap_hi)
    }
}

fn join(low: U32, high: U32) -> u64 {
    u64::from(high.get()) << 32 | u64::from(low.get())
}
