//! The checkpoint: which state of the file system counts, and whether it was left at rest.
//!
//! Source: Linux, include/linux/f2fs_fs.h, `struct f2fs_checkpoint`; fs/f2fs/checkpoint.c,
//! `f2fs_get_valid_checkpoint`; fs/f2fs/f2fs.h, `__bitmap_ptr`.

use super::superblock::{BLOCK, SEGMENT_BLOCKS, SIGNATURE, Superblock};
use crate::block::BlockSource;
use crate::filesystem::recognize::crc32_le;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

const UNMOUNTED: u32 = 0x1;
const COMPACT_SUMMARIES: u32 = 0x4;
const ERROR: u32 = 0x8;
const NEEDS_CHECK: u32 = 0x10;
const LARGE_NAT_BITMAP: u32 = 0x400;
const QUOTA_NEEDS_CHECK: u32 = 0x800;
const DISABLED: u32 = 0x1000;
const RESIZING: u32 = 0x4000;

/// Where the bitmaps of the tables begin in the block.
const BITMAPS: usize = 192;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    version: U64,
    user_blocks: U64,
    valid_blocks: U64,
    reserved_segments: U32,
    overprovisioned_segments: U32,
    free_segments: U32,
    current_node_segments: [U32; 8],
    current_node_offsets: [U16; 8],
    current_data_segments: [U32; 8],
    current_data_offsets: [U16; 8],
    flags: U32,
    /// Blocks of the pack.
    blocks: U32,
    /// The first block of summaries, counted from the start of the pack.
    summaries: U32,
    valid_nodes: U32,
    valid_inodes: U32,
    next_node: U32,
    sit_bitmap_length: U32,
    nat_bitmap_length: U32,
    checksum_offset: U32,
    elapsed: U64,
    kinds: [u8; 16],
}

const _: () = assert!(size_of::<OnDisk>() == BITMAPS);

/// The checkpoint that counts.
pub(super) struct Checkpoint {
    version: u64,
    flags: u32,
    /// First block of its pack.
    start: u64,
    /// Blocks of its pack.
    blocks: u64,
    summaries: u64,
    /// Blocks in use, together with those that were promised to files and never written.
    pub(super) valid_blocks: u64,
    /// Nodes in use.
    pub(super) valid_nodes: u64,
    /// Which copy of each block of the segment information table counts: a bit for each, the
    /// highest of a byte first.
    pub(super) sit_bitmap: Vec<u8>,
}

/// The first or last block of a pack, if its checksum is right.
fn block(source: &dyn BlockSource, number: u64) -> Result<Option<Vec<u8>>, Doubt> {
    let bytes = source.read_vec(number * BLOCK, BLOCK as usize).map_err(unreadable_doubt)?;
    let (disk, _) = OnDisk::ref_from_prefix(&bytes).expect("a block is longer");
    let offset = disk.checksum_offset.get() as usize;
    if !(BITMAPS..=BLOCK as usize - 4).contains(&offset) {
        return Ok(None);
    }
    let stored = u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"));
    // What lies behind the checksum belongs to it too.
    let sum = crc32_le(crc32_le(SIGNATURE, &bytes[..offset]), &bytes[offset + 4..]);
    Ok((stored == sum).then_some(bytes))
}

/// The checkpoint of the pack that begins at a block, if the pack is complete.
fn pack(
    source: &dyn BlockSource,
    superblock: &Superblock,
    start: u64,
) -> Result<Option<Checkpoint>, Doubt> {
    let Some(bytes) = block(source, start)? else { return Ok(None) };
    let (disk, _) = OnDisk::ref_from_prefix(&bytes).expect("a block is longer");
    let blocks = u64::from(disk.blocks.get());
    if !(2..=SEGMENT_BLOCKS).contains(&blocks) {
        return Ok(None);
    }
    let Some(last) = block(source, start + blocks - 1)? else { return Ok(None) };
    let (end, _) = OnDisk::ref_from_prefix(&last).expect("a block is longer");
    if end.version != disk.version {
        return Ok(None);
    }
    let flags = disk.flags.get();
    let length = disk.sit_bitmap_length.get() as usize;
    let nat = disk.nat_bitmap_length.get() as usize;
    let bitmap = if flags & LARGE_NAT_BITMAP != 0 {
        // Behind the checksum and the bitmap of the other table.
        slice(&bytes, (BITMAPS + 4).saturating_add(nat), length)
    } else if superblock.payload > 0 {
        let most = (superblock.payload * BLOCK) as usize;
        if length > most {
            return Ok(None);
        }
        source.read_vec((start + 1) * BLOCK, length).map(Some).map_err(unreadable_doubt)?
    } else {
        slice(&bytes, BITMAPS, length)
    };
    let Some(sit_bitmap) = bitmap else { return Ok(None) };
    Ok(Some(Checkpoint {
        version: disk.version.get(),
        flags,
        start,
        blocks,
        summaries: u64::from(disk.summaries.get()),
        valid_blocks: disk.valid_blocks.get(),
        valid_nodes: u64::from(disk.valid_nodes.get()),
        sit_bitmap,
    }))
}

fn slice(bytes: &[u8], start: usize, length: usize) -> Option<Vec<u8>> {
    bytes.get(start..start.checked_add(length)?).map(<[u8]>::to_vec)
}

/// The newer one of the two checkpoints.
///
/// # Errors
/// A doubt when there is none, or the file system was not left at rest.
pub(super) fn read(source: &dyn BlockSource, superblock: &Superblock) -> Result<Checkpoint, Doubt> {
    let mut newest: Option<Checkpoint> = None;
    for start in [superblock.checkpoint, superblock.checkpoint + SEGMENT_BLOCKS] {
        if let Some(found) = pack(source, superblock, start)? {
            // Their numbers go on for ever; the kernel compares them in the same way.
            let is_newer = newest
                .as_ref()
                .is_none_or(|newest| (found.version.wrapping_sub(newest.version) as i64) > 0);
            if is_newer {
                newest = Some(found);
            }
        }
    }
    let checkpoint = newest.ok_or_else(|| message!("f2fs-no-checkpoint"))?;
    if checkpoint.flags & (ERROR | NEEDS_CHECK | QUOTA_NEEDS_CHECK | RESIZING) != 0 {
        return Err(message!("f2fs-needs-check"));
    }
    // What was synced after the checkpoint is found by going through the log, and not here.
    if checkpoint.flags & UNMOUNTED == 0 || checkpoint.flags & DISABLED != 0 {
        return Err(message!("f2fs-not-clean"));
    }
    Ok(checkpoint)
}

impl Checkpoint {
    /// The journal of the segment information table: what was changed and is not in the table yet.
    /// It lies in the summary of the segment of cold data.
    ///
    /// # Errors
    /// A doubt when it cannot be read.
    pub(super) fn sit_journal(&self, source: &dyn BlockSource) -> Result<Vec<u8>, Doubt> {
        /// Bytes of a journal.
        const JOURNAL: usize = 507;
        /// Where it begins in the summary of a segment: behind 512 entries of 7 bytes.
        const BEHIND_ENTRIES: usize = 512 * 7;
        /// Kinds of current segments; cold data is the third.
        const KINDS: u64 = 6;
        const COLD_DATA: u64 = 2;
        let (block, offset) = if self.flags & COMPACT_SUMMARIES != 0 {
            // The journal of the other table comes first.
            (Some(self.summaries), JOURNAL)
        } else {
            // A pack that was written at the end of a mount has all of them before its last block.
            let first = self.blocks.checked_sub(KINDS + 1);
            (first.map(|first| first + COLD_DATA), BEHIND_ENTRIES)
        };
        let block = block
            .filter(|block| (1..self.blocks).contains(block))
            .ok_or_else(|| message!("f2fs-impossible"))?;
        let bytes = source
            .read_vec((self.start + block) * BLOCK, BLOCK as usize)
            .map_err(unreadable_doubt)?;
        Ok(bytes[offset..offset + JOURNAL].to_vec())
    }
}
