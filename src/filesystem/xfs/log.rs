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
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a basic block.
const BASIC_BLOCK: u64 = 512;
/// How much of the log is read at once, in bytes.
const BATCH: u64 = 256 * KIB;
/// `h_magicno`; never the number of a round.
const MAGIC: u32 = 0xfeed_babe;
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
    fn newest_record(&self) -> Result<(u64, u64), Doubt> {
        // The last header in the blocks of the current round, and in those of the one before.
        let mut headers = [None; 2];
        let mut rounds: Option<(u32, u32)> = None;
        let mut head = None;
        let mut buffer = vec![0; BATCH as usize];
        let mut number = 0;
        while number < self.blocks() {
            let length = BATCH.min((self.blocks() - number) * BASIC_BLOCK) as usize;
            let batch = &mut buffer[..length];
            read(self.source, self.extent.offset + number * BASIC_BLOCK, batch)?;
            for block in batch.as_chunks::<{ BASIC_BLOCK as usize }>().0 {
                let [first, second] = [0, 4].map(|at| word(block, at));
                let is_header = first == MAGIC;
                let round = if is_header { second } else { first };
                let (newest, last) = *rounds.get_or_insert((round, round));
                if round != last {
                    // One change, from this round to the one before it.
                    if head.is_some() || newest.checked_sub(1) != Some(round) {
                        return Err(message!("xfs-log-damaged"));
                    }
                    head = Some(number);
                }
                rounds = Some((newest, round));
                if is_header {
                    headers[usize::from(head.is_some())] = Some(number);
                }
                number += 1;
            }
        }
        // Round 0 is what was never written.
        if rounds.is_none_or(|(newest, _)| newest == 0) {
            return Err(message!("xfs-log-damaged"));
        }
        // Without a change of round the head is at the end. A record that began in the round
        // before may end in this one.
        let newest = headers[0].or(headers[1]).ok_or_else(|| message!("xfs-log-damaged"))?;
        Ok((newest, head.unwrap_or(self.blocks())))
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

fn word(block: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(block[at..at + 4].try_into().expect("four bytes"))
}
