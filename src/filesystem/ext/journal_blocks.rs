//! Where the blocks of the journal are: those of its file, in their order.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", sections "Index Nodes" and
//! "The Contents of inode.i_block" (extent tree; direct and indirect block addressing).

use super::group_descriptor::DescriptorTable;
use super::read;
use super::superblock::{Superblock, impossible};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use std::ops::Range;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `i_flags`: `i_block` holds an extent tree.
const EXTENTS_FLAG: u32 = 0x80000;
/// `eh_magic`.
const EXTENT_MAGIC: u16 = 0xf30a;
/// Deepest extent tree the format allows.
const MAX_DEPTH: u16 = 5;
/// Longest extent whose blocks were written, in blocks; a longer one was only reserved.
const MAX_EXTENT: u16 = 1 << 15;
/// Pieces of a journal that are kept in memory.
const MAX_RUNS: usize = 1 << 16;
/// Block numbers in `i_block` that are direct.
const DIRECT: usize = 12;

/// The first fields of `struct ext4_inode`, up to `i_block`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawInode {
    before_flags: [u8; 0x20],
    i_flags: U32,
    i_osd1: U32,
    i_block: [u8; 60],
}

/// `struct ext4_extent_header`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawExtentHeader {
    eh_magic: U16,
    eh_entries: U16,
    eh_max: U16,
    eh_depth: U16,
    eh_generation: U32,
}

/// `struct ext4_extent` and `struct ext4_extent_idx`: both have twelve bytes.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawExtent {
    /// `ee_block` or `ei_block`.
    logical_block: U32,
    /// `ee_len` and `ee_start_hi` of a leaf; `ei_leaf_lo` of an index.
    second: [u8; 4],
    /// `ee_start_lo` of a leaf; `ei_leaf_hi` and padding of an index.
    third: [u8; 4],
}

/// The blocks of a file, from its first on without holes.
#[derive(Debug, Default)]
pub(super) struct FileBlocks {
    /// Block of the file that each run begins with, and its blocks of the file system.
    runs: Vec<(u64, Range<u64>)>,
    length: u64,
}

impl FileBlocks {
    /// Number of blocks.
    pub(super) const fn len(&self) -> u64 {
        self.length
    }

    /// The block of the file system with a block of the file.
    pub(super) fn at(&self, block: u64) -> Option<u64> {
        let next = self.runs.partition_point(|(first, _)| *first <= block);
        let (first, blocks) = self.runs.get(next.checked_sub(1)?)?;
        let number = blocks.start + (block - first);
        (number < blocks.end).then_some(number)
    }

    /// Its blocks of the file system, in the order of the file.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.runs.iter().map(|(_, blocks)| blocks.clone())
    }

    fn push(&mut self, superblock: &Superblock, start: u64, count: u64) -> Result<(), Doubt> {
        let end = start.checked_add(count).filter(|end| *end <= superblock.blocks);
        let (Some(end), true) = (end, start > superblock.first_data_block && count > 0) else {
            return Err(damaged());
        };
        match self.runs.last_mut() {
            Some((_, last)) if last.end == start => last.end = end,
            _ => self.runs.push((self.length, start..end)),
        }
        self.length += count;
        if self.runs.len() > MAX_RUNS { Err(damaged()) } else { Ok(()) }
    }
}

/// The blocks of the file with a number, at most `limit` of them.
pub(super) fn blocks_of(
    source: &dyn BlockSource,
    superblock: &Superblock,
    inode: u32,
    limit: u64,
) -> Result<FileBlocks, Doubt> {
    let group = u64::from(inode - 1) / superblock.inodes_per_group;
    if group >= superblock.groups {
        return Err(impossible("s_journal_inum", inode.into()));
    }
    let index = u64::from(inode - 1) % superblock.inodes_per_group;
    let table = DescriptorTable::new(source, superblock).group(group)?.inode_table;
    let offset = table.start * superblock.block_size + index * superblock.inode_size;
    let mut raw = RawInode::new_zeroed();
    read(source, offset, raw.as_mut_bytes())?;
    let mut walk = Walk { source, superblock, limit, found: FileBlocks::default() };
    if raw.i_flags.get() & EXTENTS_FLAG != 0 {
        walk.extents(&raw.i_block, MAX_DEPTH + 1, 0)?;
    } else {
        let numbers = raw.i_block.as_chunks::<4>().0;
        walk.direct(&numbers[..DIRECT])?;
        for (level, number) in (1..).zip(&numbers[DIRECT..]) {
            walk.indirect(u32::from_le_bytes(*number), level)?;
        }
    }
    Ok(walk.found)
}

struct Walk<'a> {
    source: &'a dyn BlockSource,
    superblock: &'a Superblock,
    /// Enough blocks.
    limit: u64,
    found: FileBlocks,
}

impl Walk<'_> {
    fn is_done(&self) -> bool {
        self.found.length >= self.limit
    }

    fn block(&self, number: u64) -> Result<Vec<u8>, Doubt> {
        if number <= self.superblock.first_data_block || number >= self.superblock.blocks {
            return Err(damaged());
        }
        let mut bytes = vec![0; self.superblock.block_size as usize];
        read(self.source, number * self.superblock.block_size, &mut bytes)?;
        Ok(bytes)
    }

    /// A node of the extent tree. Each level is one lower than the one above it, and every leaf
    /// adds blocks: the walk ends.
    fn extents(&mut self, node: &[u8], above: u16, first: u64) -> Result<(), Doubt> {
        let (header, entries) = RawExtentHeader::ref_from_prefix(node).map_err(|_| damaged())?;
        let (entries, _) =
            <[RawExtent]>::ref_from_prefix_with_elems(entries, header.eh_entries.get().into())
                .map_err(|_| damaged())?;
        let depth = header.eh_depth.get();
        if header.eh_magic.get() != EXTENT_MAGIC
            || depth >= above
            || entries.first().is_none_or(|entry| u64::from(entry.logical_block.get()) != first)
        {
            return Err(damaged());
        }
        for entry in entries {
            if self.is_done() {
                break;
            }
            // Without holes.
            if u64::from(entry.logical_block.get()) != self.found.length {
                return Err(damaged());
            }
            if depth == 0 {
                let [length_low, length_high, high @ ..] = entry.second;
                let length = u16::from_le_bytes([length_low, length_high]);
                let high = u64::from(u16::from_le_bytes(high));
                if length > MAX_EXTENT {
                    return Err(damaged());
                }
                let start = high << 32 | u64::from(u32::from_le_bytes(entry.third));
                self.found.push(self.superblock, start, length.into())?;
            } else {
                let [high_low, high_high, ..] = entry.third;
                let high = u64::from(u16::from_le_bytes([high_low, high_high]));
                let child = high << 32 | u64::from(u32::from_le_bytes(entry.second));
                let node = self.block(child)?;
                self.extents(&node, depth, self.found.length)?;
            }
        }
        Ok(())
    }

    fn direct(&mut self, numbers: &[[u8; 4]]) -> Result<(), Doubt> {
        for number in numbers {
            if self.is_done() {
                break;
            }
            self.found.push(self.superblock, u32::from_le_bytes(*number).into(), 1)?;
        }
        Ok(())
    }

    /// A block of block numbers, one to three levels above those of the file.
    fn indirect(&mut self, number: u32, level: u8) -> Result<(), Doubt> {
        if self.is_done() {
            return Ok(());
        }
        let block = self.block(number.into())?;
        let numbers = block.as_chunks::<4>().0;
        if level == 1 {
            return self.direct(numbers);
        }
        for number in numbers {
            self.indirect(u32::from_le_bytes(*number), level - 1)?;
        }
        Ok(())
    }
}

fn damaged() -> Doubt {
    message!("ext-journal-damaged")
}
