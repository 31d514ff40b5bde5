//! The log: only whether it ends with the record that a clean unmount writes.
//!
//! Source: "XFS Algorithms & Data Structures", section "Journaling Log".
//!
//! The log is a ring of basic blocks of 512 bytes, written in rounds. The first word of each is
//! the number of the round in which it was written, or the magic number where a record begins,
//! with the round in the next word. So where the round changes is the head, and the last record
//! before the head is the newest one. When that is an unmount record, everything before it is in
//! place and there is nothing to replay.

use super::read;
use super::superblock::{Superblock, bytes_of};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::{Extent, KIB};
use std::mem::offset_of;
use std::ops::Range;
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a basic block.
const BASIC_BLOCK: u64 = 512;
/// Basic blocks around the head that are looked at: 4 MiB. Eight records of 256 KiB can be under
/// way at once.
const WINDOW: u64 = (4 << 20) / BASIC_BLOCK;
/// How much of the log is read at once, in bytes.
const BATCH: u64 = 256 * KIB;
/// `h_magicno`; never the number of a round.
const MAGIC: u32 = 0xfeed_babe;
/// The round of a basic block that was never written.
const NEVER: u32 = 0;
/// Content of a record that one header describes, in bytes.
const HEADER_SPAN: u32 = 32 << 10;
/// Longest record, in bytes.
const MAX_RECORD: u32 = 256 << 10;
/// `oh_flags`: the operation is an unmount.
const UNMOUNT: u8 = 0x20;

/// `struct xlog_rec_header`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawRecord {
    h_magicno: U32,
    h_cycle: U32,
    h_version: U32,
    h_len: U32,
    h_lsn: U64,
    h_tail_lsn: U64,
    h_crc: U32,
    h_prev_block: U32,
    h_num_logops: U32,
    h_cycle_data: [U32; 64],
    h_fmt: U32,
    h_fs_uuid: [u8; 16],
    h_size: U32,
}

const _: () = {
    assert!(offset_of!(RawRecord, h_cycle_data) == 44);
    assert!(offset_of!(RawRecord, h_fs_uuid) == 304);
    assert!(size_of::<RawRecord>() as u64 <= BASIC_BLOCK);
};

/// `struct xlog_op_header`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawOperation {
    oh_tid: U32,
    oh_len: U32,
    oh_clientid: u8,
    oh_flags: u8,
    oh_res2: [u8; 2],
}

/// A doubt when there is anything to replay, or that cannot be told.
///
/// `elsewhere` is the device with the log of a file system that has none inside.
pub(super) fn check_clean(
    source: &dyn BlockSource,
    elsewhere: Option<&dyn BlockSource>,
    superblock: &Superblock,
) -> Result<(), Doubt> {
    let log = match (superblock.log.clone(), elsewhere) {
        (Some(blocks), _) => Log { source, extent: bytes_of(superblock, blocks) },
        (None, Some(device)) => {
            let extent = Extent::new(0, superblock.log_blocks * superblock.block_size);
            if extent.is_empty() || extent.length > device.size() {
                return Err(message!("xfs-log-damaged"));
            }
            Log { source: device, extent }
        }
        (None, None) => return Err(message!("xfs-log-elsewhere")),
    };
    let (newest, head) = log.newest_record()?;
    match log.is_unmount(newest, head, superblock)? {
        true => Ok(()),
        false => Err(message!("xfs-needs-recovery")),
    }
}

struct Log<'a> {
    source: &'a dyn BlockSource,
    /// Its place in bytes.
    extent: Extent,
}

impl Log<'_> {
    /// Number of basic blocks.
    const fn blocks(&self) -> u64 {
        self.extent.length / BASIC_BLOCK
    }

    /// The last record header before the head, and the head, in basic blocks.
    ///
    /// The head is searched for by halves, as the kernel does it. Around it as much of the ring
    /// has to be in order as can be under way at once, twice over.
    fn newest_record(&self) -> Result<(u64, u64), Doubt> {
        let damaged = || message!("xfs-log-damaged");
        let blocks = self.blocks();
        let (current, last) = (self.round(0)?, self.round(blocks - 1)?);
        if current == NEVER || (last != current && last != current - 1) {
            return Err(damaged());
        }
        let mut head = blocks;
        if last != current {
            let mut before = 0;
            head = blocks - 1;
            while head - before > 1 {
                let middle = before + (head - before) / 2;
                match self.round(middle)? {
                    round if round == current => before = middle,
                    round if round == last || round == NEVER => head = middle,
                    _ => return Err(damaged()),
                }
            }
        }
        // A record that began in the round before may end in this one.
        let window = WINDOW.min(blocks);
        let wrapped = window.saturating_sub(head);
        let older = self.last_header(blocks - wrapped..blocks, last)?;
        let newer = self.last_header(head - (window - wrapped)..head, current)?;
        let near = blocks.min(head + WINDOW);
        // What xfsprogs leaves behind the unmount record of a log that it made anew. Then the end of
        // it proves nothing, but that nothing newer is anywhere.
        if self.check_older(head..near, last)? && last != NEVER {
            self.check_older(near..blocks, last)?;
        }
        let newest = newer.or(older).ok_or_else(damaged)?;
        Ok((newest, head))
    }

    /// The round in which a basic block was written.
    fn round(&self, block: u64) -> Result<u32, Doubt> {
        let mut words = [0; 8];
        read(self.source, self.extent.offset + block * BASIC_BLOCK, &mut words)?;
        Ok(round(&words))
    }

    /// The last record header among basic blocks that all have to be of one round.
    fn last_header(&self, blocks: Range<u64>, expected: u32) -> Result<Option<u64>, Doubt> {
        let mut found = None;
        self.scan(blocks, |number, block| {
            if word(block, 0) == MAGIC {
                found = Some(number);
            }
            round(block) == expected
        })?;
        Ok(found)
    }

    /// Makes sure that basic blocks were written in the round `last` or never; answers whether any
    /// was never written.
    fn check_older(&self, blocks: Range<u64>, last: u32) -> Result<bool, Doubt> {
        let mut has_gap = false;
        self.scan(blocks, |_, block| {
            has_gap |= round(block) == NEVER;
            round(block) == last || round(block) == NEVER
        })?;
        Ok(has_gap)
    }

    /// Reads basic blocks; a doubt at the first that is not `right`.
    fn scan(
        &self,
        blocks: Range<u64>,
        mut right: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(), Doubt> {
        let mut buffer = vec![0; BATCH as usize];
        let mut number = blocks.start;
        while number < blocks.end {
            let length = BATCH.min((blocks.end - number) * BASIC_BLOCK) as usize;
            let batch = &mut buffer[..length];
            read(self.source, self.extent.offset + number * BASIC_BLOCK, batch)?;
            for block in batch.as_chunks::<{ BASIC_BLOCK as usize }>().0 {
                if !right(number, block) {
                    return Err(message!("xfs-log-damaged"));
                }
                number += 1;
            }
        }
        Ok(())
    }

    /// Whether the record at basic block `newest` is an unmount record that ends at the head.
    fn is_unmount(&self, newest: u64, head: u64, superblock: &Superblock) -> Result<bool, Doubt> {
        let mut raw = RawRecord::new_zeroed();
        read(self.source, self.extent.offset + newest * BASIC_BLOCK, raw.as_mut_bytes())?;
        let (length, size) = (raw.h_len.get(), raw.h_size.get());
        let lsn = u64::from(raw.h_cycle.get()) << 32 | newest;
        if !matches!(raw.h_version.get(), 1 | 2)
            || raw.h_lsn.get() != lsn
            || raw.h_fs_uuid != superblock.uuid
            || length > MAX_RECORD
            || size > MAX_RECORD
        {
            return Err(message!("xfs-log-damaged"));
        }
        let headers = match raw.h_version.get() {
            2 => size.div_ceil(HEADER_SPAN).max(1).into(),
            _ => 1,
        };
        // The record may go on at the start of the ring.
        let content = newest + headers;
        let end = content + u64::from(length).div_ceil(BASIC_BLOCK);
        let head = if newest < head { head } else { head + self.blocks() };
        if end != head || raw.h_num_logops.get() != 1 {
            return Ok(false);
        }
        let mut operation = RawOperation::new_zeroed();
        let offset = self.extent.offset + content % self.blocks() * BASIC_BLOCK;
        read(self.source, offset, operation.as_mut_bytes())?;
        Ok(operation.oh_flags & UNMOUNT != 0)
    }
}

/// The round in which a basic block was written, by its first two words.
fn round(block: &[u8]) -> u32 {
    match word(block, 0) {
        MAGIC => word(block, 4),
        round => round,
    }
}

fn word(block: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(block[at..at + 4].try_into().expect("four bytes"))
}
