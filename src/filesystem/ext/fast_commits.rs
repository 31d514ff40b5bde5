//! Fast commits: changes of files since the last whole transaction, at the end of the journal. What
//! matters of them is which blocks they give to files: the content is there, the bitmaps do not know
//! of it yet. Blocks for metadata are chosen anew by who replays them.
//!
//! Source: Linux, `fs/ext4/fast_commit.h`, and kernel documentation "ext4 Data Structures and
//! Algorithms", section "Fast commits".
//!
//! The kernel replays them up to the last end mark whose number and checksum are right, and stops at
//! the first thing that it does not know. Here the checksum is not looked at, nor whether the number is
//! the one that the kernel waits for: blocks of older ones are in use once more than they have to be.

use super::allocation::joined;
use super::journal::Journal;
use super::read;
use super::superblock::Superblock;
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use std::ops::Range;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Ranges that are kept in memory.
const MAX_RANGES: usize = 1 << 20;

/// `fc_tag`.
mod tag {
    pub(super) const ADD_RANGE: u16 = 1;
    pub(super) const DELETE_RANGE: u16 = 2;
    pub(super) const CREATE: u16 = 3;
    pub(super) const LINK: u16 = 4;
    pub(super) const UNLINK: u16 = 5;
    pub(super) const INODE: u16 = 6;
    pub(super) const PAD: u16 = 7;
    pub(super) const TAIL: u16 = 8;
    pub(super) const HEAD: u16 = 9;
}

/// `struct ext4_fc_tl`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawTag {
    fc_tag: U16,
    fc_len: U16,
}

/// `struct ext4_fc_head`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHead {
    fc_features: U32,
    fc_tid: U32,
}

/// `struct ext4_fc_add_range`, with its `struct ext4_extent`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawAddRange {
    fc_ino: U32,
    ee_block: U32,
    ee_len: U16,
    ee_start_hi: U16,
    ee_start_lo: U32,
}

/// `struct ext4_fc_tail`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawTail {
    fc_tid: U32,
    fc_crc: U32,
}

/// Above this, `ee_len` says how many blocks are reserved and not written, in blocks.
const WRITTEN: u16 = 1 << 15;

/// The blocks that fast commits give to files, ascending, those joined that touch.
///
/// # Errors
/// A doubt when they have features that are not known, or blocks that cannot be.
pub(super) fn added_blocks(
    source: &dyn BlockSource,
    superblock: &Superblock,
    journal: &Journal,
) -> Result<Vec<Range<u64>>, Doubt> {
    let mut scan = Scan { superblock, transaction: None, open: Vec::new(), added: Vec::new() };
    // Without a transaction before them nobody looks at them.
    let blocks = if journal.start == 0 { 0..0 } else { journal.fast_commits.clone() };
    let mut block = vec![0; superblock.block_size as usize];
    for number in blocks {
        let place = journal.blocks.at(number).ok_or_else(damaged)?;
        read(source, place * superblock.block_size, &mut block)?;
        if !scan.block(&block)? {
            break;
        }
        if scan.open.len() + scan.added.len() > MAX_RANGES {
            return Err(message!("ext-journal-too-large"));
        }
    }
    let mut added = scan.added;
    added.sort_unstable_by_key(|run| run.start);
    Ok(joined(added.into_iter()).collect())
}

struct Scan<'a> {
    superblock: &'a Superblock,
    /// The number that the first head gives; all that count have the same.
    transaction: Option<u32>,
    /// Ranges whose end mark has not come yet.
    open: Vec<RawAddRange>,
    /// Blocks that are given to files.
    added: Vec<Range<u64>>,
}

impl Scan<'_> {
    /// Reads the tags of a block; whether they may go on in the next one.
    fn block(&mut self, block: &[u8]) -> Result<bool, Doubt> {
        let mut rest = block;
        while let Ok((raw, behind)) = RawTag::ref_from_prefix(rest) {
            let (tag, length) = (raw.fc_tag.get(), usize::from(raw.fc_len.get()));
            if self.transaction.is_none() && tag != tag::HEAD {
                return Ok(false);
            }
            match tag {
                // What is behind it in the block means nothing, and its length may lead out of it.
                tag::TAIL => {
                    return match RawTail::ref_from_prefix(behind) {
                        Ok((tail, _)) if Some(tail.fc_tid.get()) == self.transaction => {
                            self.close().map(|()| true)
                        }
                        _ => Ok(false),
                    };
                }
                tag::PAD if length > behind.len() => return Ok(true),
                _ => {}
            }
            let Some((value, next)) = behind.split_at_checked(length) else { return Ok(false) };
            match tag {
                tag::HEAD => {
                    let Ok(head) = RawHead::ref_from_bytes(value) else { return Ok(false) };
                    if head.fc_features.get() != 0 {
                        return Err(message!("ext-journal-features"));
                    }
                    let number = head.fc_tid.get();
                    if *self.transaction.get_or_insert(number) != number {
                        return Ok(false);
                    }
                }
                tag::ADD_RANGE => match RawAddRange::read_from_bytes(value) {
                    Ok(range) => self.open.push(range),
                    Err(_) => return Ok(false),
                },
                tag::DELETE_RANGE
                | tag::CREATE
                | tag::LINK
                | tag::UNLINK
                | tag::INODE
                | tag::PAD => {}
                _ => return Ok(false),
            }
            rest = next;
        }
        Ok(true)
    }

    fn close(&mut self) -> Result<(), Doubt> {
        for range in self.open.drain(..) {
            self.added.extend(blocks(self.superblock, &range)?);
        }
        Ok(())
    }
}

fn blocks(superblock: &Superblock, range: &RawAddRange) -> Result<Option<Range<u64>>, Doubt> {
    let length = match range.ee_len.get() {
        reserved if reserved > WRITTEN => reserved - WRITTEN,
        written => written,
    };
    let start = u64::from(range.ee_start_hi.get()) << 32 | u64::from(range.ee_start_lo.get());
    let blocks = start..start + u64::from(length);
    if blocks.is_empty() {
        return Ok(None);
    }
    if blocks.start <= superblock.first_data_block || blocks.end > superblock.blocks {
        return Err(damaged());
    }
    Ok(Some(blocks))
}

fn damaged() -> Doubt {
    message!("ext-journal-damaged")
}
