//! The journal inside the file system: its superblock, and whether there is something to replay.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Journal (jbd2)".

use super::checksum::{SEED, crc32c};
use super::journal_blocks::{FileBlocks, blocks_of};
use super::read;
use super::superblock::Superblock;
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use std::mem::offset_of;
use std::ops::Range;
use zerocopy::big_endian::U32;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `h_magic` of jbd2 blocks.
pub(super) const MAGIC: u32 = 0xc03b_3998;
/// `h_blocktype` of the journal superblock, versions 1 and 2.
const SUPERBLOCK_1: u32 = 3;
const SUPERBLOCK_2: u32 = 4;
/// `s_checksum_type`: the only one there is.
const CHECKSUM_CRC32C: u8 = 4;

/// Blocks for fast commits where `s_num_fc_blks` says 0, and the fewest that are left for the ring
/// (`JBD2_DEFAULT_FAST_COMMIT_BLOCKS`, `JBD2_MIN_JOURNAL_BLOCKS`).
const FAST_COMMIT_BLOCKS: u64 = 256;
const LEAST_RING: u64 = 1024;

/// Features of `s_feature_compat` and `s_feature_incompat`.
pub(super) mod feature {
    pub(in super::super) const COMPAT_CHECKSUM: u32 = 0x1;
    pub(in super::super) const REVOKE: u32 = 0x1;
    pub(in super::super) const SIXTY_FOUR_BIT: u32 = 0x2;
    pub(in super::super) const ASYNC_COMMIT: u32 = 0x4;
    pub(in super::super) const CHECKSUM_2: u32 = 0x8;
    pub(in super::super) const CHECKSUM_3: u32 = 0x10;
    pub(in super::super) const FAST_COMMIT: u32 = 0x20;
}

/// `struct journal_superblock_s`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawJournalSuperblock {
    h_magic: U32,
    h_blocktype: U32,
    h_sequence: U32,
    s_blocksize: U32,
    s_maxlen: U32,
    s_first: U32,
    s_sequence: U32,
    s_start: U32,
    s_errno: U32,
    s_feature_compat: U32,
    s_feature_incompat: U32,
    s_feature_ro_compat: U32,
    s_uuid: [u8; 16],
    s_nr_users: U32,
    s_dynsuper: U32,
    s_max_transaction: U32,
    s_max_trans_data: U32,
    s_checksum_type: u8,
    s_padding2: [u8; 3],
    s_num_fc_blks: U32,
    s_head: U32,
    s_padding: [U32; 40],
    s_checksum: U32,
    s_users: [u8; 16 * 48],
}

const _: () = {
    assert!(offset_of!(RawJournalSuperblock, s_uuid) == 0x30);
    assert!(offset_of!(RawJournalSuperblock, s_checksum_type) == 0x50);
    assert!(offset_of!(RawJournalSuperblock, s_checksum) == 0xfc);
    assert!(size_of::<RawJournalSuperblock>() == 1024);
};

/// A journal all of whose blocks are known.
#[derive(Debug)]
pub(super) struct Journal {
    /// Its blocks, the superblock first.
    pub(super) blocks: FileBlocks,
    /// The ring of blocks that it is written to: the first, and the first behind it.
    pub(super) first: u64,
    pub(super) end: u64,
    /// The blocks behind the ring that fast commits are written to.
    pub(super) fast_commits: Range<u64>,
    /// Number of the first transaction that may have to be replayed, and the block where it
    /// begins; 0 when there is none.
    pub(super) sequence: u32,
    pub(super) start: u64,
    /// Features of `s_feature_compat` and `s_feature_incompat`.
    pub(super) compat: u32,
    pub(super) incompat: u32,
    /// What CRC-32C checksums of its blocks start from.
    pub(super) checksum_seed: u32,
}

impl Journal {
    pub(super) const fn has(&self, incompat: u32) -> bool {
        self.incompat & incompat != 0
    }

    /// Whether its blocks have checksums of their own.
    pub(super) const fn has_checksums(&self) -> bool {
        self.has(feature::CHECKSUM_2 | feature::CHECKSUM_3)
    }
}

/// A doubt when the journal holds changes although the superblock says there is nothing to
/// recover: the kernel would drop them, `e2fsck` would ask.
pub(super) fn check_empty(source: &dyn BlockSource, superblock: &Superblock) -> Result<(), Doubt> {
    let Some(inode) = superblock.journal_inode else { return Ok(()) };
    let blocks = blocks_of(source, superblock, inode, 1)?;
    match read_superblock(source, superblock, &blocks)?.s_start.get() {
        0 => Ok(()),
        _ => Err(message!("ext-journal-not-empty")),
    }
}

/// The journal, when everything its superblock says is possible and known.
pub(super) fn load(source: &dyn BlockSource, superblock: &Superblock) -> Result<Journal, Doubt> {
    let damaged = || message!("ext-journal-damaged");
    let inode = superblock.journal_inode.ok_or_else(damaged)?;
    let blocks = blocks_of(source, superblock, inode, 1)?;
    let raw = read_superblock(source, superblock, &blocks)?;
    let length = u64::from(raw.s_maxlen.get());
    let (first, start) = (u64::from(raw.s_first.get()), u64::from(raw.s_start.get()));
    let (compat, incompat) = match raw.h_blocktype.get() {
        // The first version has no features.
        SUPERBLOCK_1 => (0, 0),
        _ => (raw.s_feature_compat.get(), raw.s_feature_incompat.get()),
    };
    let has_features = raw.h_blocktype.get() == SUPERBLOCK_2;
    let known = feature::REVOKE
        | feature::SIXTY_FOUR_BIT
        | feature::ASYNC_COMMIT
        | feature::CHECKSUM_2
        | feature::CHECKSUM_3
        | feature::FAST_COMMIT;
    let unknown = incompat & !known | compat & !feature::COMPAT_CHECKSUM;
    if unknown != 0 || (has_features && raw.s_feature_ro_compat.get() != 0) {
        return Err(message!("ext-journal-features"));
    }
    let both = feature::CHECKSUM_2 | feature::CHECKSUM_3;
    if incompat & both == both {
        return Err(damaged());
    }
    if incompat & both != 0 {
        let bytes = raw.as_bytes();
        let (before, rest) = bytes.split_at(offset_of!(RawJournalSuperblock, s_checksum));
        let computed = [before, &[0; 4], &rest[4..]].iter().fold(SEED, |crc, b| crc32c(crc, b));
        if raw.s_checksum_type != CHECKSUM_CRC32C || computed != raw.s_checksum.get() {
            return Err(damaged());
        }
    }
    // The block before those of fast commits belongs to neither.
    let (end, fast_commits) = match raw.s_num_fc_blks.get() {
        _ if incompat & feature::FAST_COMMIT == 0 => (length, length..length),
        number => {
            let number = if number == 0 { FAST_COMMIT_BLOCKS } else { number.into() };
            let end = length.checked_sub(number).filter(|end| *end >= LEAST_RING);
            let end = end.ok_or_else(damaged)?;
            (end, end + 1..length)
        }
    };
    if first == 0 || first >= end || start >= end || (start != 0 && start < first) {
        return Err(damaged());
    }
    // A file of other than its own blocks again and again could be read for ever.
    if length > superblock.blocks {
        return Err(damaged());
    }
    let blocks = blocks_of(source, superblock, inode, length)?;
    if blocks.len() < length {
        return Err(damaged());
    }
    Ok(Journal {
        blocks,
        first,
        end,
        fast_commits,
        sequence: raw.s_sequence.get(),
        start,
        compat,
        incompat,
        checksum_seed: crc32c(SEED, &raw.s_uuid),
    })
}

fn read_superblock(
    source: &dyn BlockSource,
    superblock: &Superblock,
    blocks: &FileBlocks,
) -> Result<RawJournalSuperblock, Doubt> {
    let damaged = || message!("ext-journal-damaged");
    let block = blocks.at(0).ok_or_else(damaged)?;
    let mut raw = RawJournalSuperblock::new_zeroed();
    read(source, block * superblock.block_size, raw.as_mut_bytes())?;
    let sound = raw.h_magic.get() == MAGIC
        && matches!(raw.h_blocktype.get(), SUPERBLOCK_1 | SUPERBLOCK_2)
        && u64::from(raw.s_blocksize.get()) == superblock.block_size
        && raw.s_errno.get() == 0;
    sound.then_some(raw).ok_or_else(damaged)
}
