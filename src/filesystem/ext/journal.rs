//! The journal inside the file system: only whether it is empty.
//!
//! Sources: kernel documentation "ext4 Data Structures and Algorithms", sections "Journal
//! (jbd2)", "Index Nodes" and "The Contents of inode.i_block" (extent tree, direct map).

use super::group_descriptor::DescriptorTable;
use super::read;
use super::superblock::{Superblock, impossible};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use zerocopy::big_endian::U32 as BigU32;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `i_flags`: `i_block` holds an extent tree.
const EXTENTS_FLAG: u32 = 0x80000;
/// `eh_magic`.
const EXTENT_MAGIC: u16 = 0xf30a;
/// Deepest extent tree the format allows.
const MAX_DEPTH: u16 = 5;
/// `h_magic` of jbd2 blocks.
const JOURNAL_MAGIC: u32 = 0xc03b_3998;
/// `h_blocktype` of the journal superblock, versions 1 and 2.
const JOURNAL_SUPERBLOCK: [u32; 2] = [3, 4];

/// The first fields of `struct ext4_inode`, up to `i_block`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawInode {
    before_flags: [u8; 0x20],
    i_flags: U32,
    i_osd1: U32,
    i_block: [u8; 60],
}

/// `struct ext4_extent_header` and the first entry behind it, leaf or index.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawExtentNode {
    eh_magic: U16,
    eh_entries: U16,
    eh_max: U16,
    eh_depth: U16,
    eh_generation: U32,
    /// `ee_block` or `ei_block`.
    logical_block: U32,
    /// `ee_len` and `ee_start_hi` of a leaf; `ei_leaf_lo` of an index.
    second: U32,
    /// `ee_start_lo` of a leaf; `ei_leaf_hi` and padding of an index.
    third: U32,
}

/// The first fields of `struct journal_superblock_s`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawJournalSuperblock {
    h_magic: BigU32,
    h_blocktype: BigU32,
    h_sequence: BigU32,
    s_blocksize: BigU32,
    s_maxlen: BigU32,
    s_first: BigU32,
    s_sequence: BigU32,
    s_start: BigU32,
    s_errno: BigU32,
}

/// A doubt when the journal holds changes although the superblock says there is nothing to
/// recover: the kernel would drop them, `e2fsck` would ask.
pub(super) fn check(source: &dyn BlockSource, superblock: &Superblock) -> Result<(), Doubt> {
    let Some(inode) = superblock.journal_inode else { return Ok(()) };
    let block = first_block(source, superblock, inode)?;
    let mut raw = RawJournalSuperblock::new_zeroed();
    read(source, block * superblock.block_size, raw.as_mut_bytes())?;
    if raw.h_magic.get() != JOURNAL_MAGIC
        || !JOURNAL_SUPERBLOCK.contains(&raw.h_blocktype.get())
        || raw.s_errno.get() != 0
    {
        return Err(message!("ext-journal-damaged"));
    }
    if raw.s_start.get() != 0 {
        return Err(message!("ext-journal-not-empty"));
    }
    Ok(())
}

/// The block of the file system that holds the first block of a file.
fn first_block(
    source: &dyn BlockSource,
    superblock: &Superblock,
    inode: u32,
) -> Result<u64, Doubt> {
    let group = u64::from(inode - 1) / superblock.inodes_per_group;
    if group >= superblock.groups {
        return Err(impossible("s_journal_inum", inode.into()));
    }
    let index = u64::from(inode - 1) % superblock.inodes_per_group;
    let table = DescriptorTable::new(source, superblock).group(group)?.inode_table;
    let offset = table.start * superblock.block_size + index * superblock.inode_size;
    let mut raw = RawInode::new_zeroed();
    read(source, offset, raw.as_mut_bytes())?;

    let inside = |block: u64| {
        let valid = block > superblock.first_data_block && block < superblock.blocks;
        valid.then_some(block).ok_or_else(|| message!("ext-journal-damaged"))
    };
    if raw.i_flags.get() & EXTENTS_FLAG == 0 {
        let (first, _) = U32::read_from_prefix(&raw.i_block).expect("i_block has 60 bytes");
        return inside(first.get().into());
    }
    let (mut node, _) =
        RawExtentNode::read_from_prefix(&raw.i_block).expect("i_block has 60 bytes");
    let mut above = MAX_DEPTH + 1;
    loop {
        let depth = node.eh_depth.get();
        let valid = node.eh_magic.get() == EXTENT_MAGIC
            && node.eh_entries.get() != 0
            && node.logical_block.get() == 0
            // Each level is one lower than the one above it: the walk ends.
            && depth < above;
        if !valid {
            return Err(message!("ext-journal-damaged"));
        }
        let (second, third) = (u64::from(node.second.get()), u64::from(node.third.get()));
        if depth == 0 {
            return inside(second >> 16 << 32 | third);
        }
        let child = inside((third & 0xffff) << 32 | second)?;
        read(source, child * superblock.block_size, node.as_mut_bytes())?;
        above = depth;
    }
}
