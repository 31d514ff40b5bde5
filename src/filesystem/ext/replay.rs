//! What a replay of the journal would do, without doing it: which blocks it would write, and how
//! the volume would read afterwards.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Journal (jbd2)":
//! "Block Header", "Descriptor Block", "Data Block", "Revocation Block" and "Commit Block".
//!
//! A transaction counts when its commit block is there. The log ends at the first block that does
//! not bear the number of the next transaction; everything else that is not as it has to be is a
//! doubt.

use super::checksum::crc32c;
use super::fast_commits;
use super::journal::{Journal, MAGIC, feature};
use super::read;
use super::superblock::Superblock;
use crate::block::BlockSource;
use crate::error;
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::Extent;
use crc::{CRC_32_MPEG_2, Crc};
use std::collections::HashMap;
use std::ops::Range;
use zerocopy::big_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Blocks of a journal that are kept track of: a journal of 4 GiB with the usual block size.
const MAX_BLOCKS: usize = 1 << 20;

/// `h_blocktype`.
const DESCRIPTOR: u32 = 1;
const COMMIT: u32 = 2;
const REVOKE: u32 = 5;

/// `t_flags`: the first four bytes of the block were the magic number and are zeroed; no UUID
/// follows the tag; it is the last one.
const ESCAPED: u32 = 1;
const SAME_UUID: u32 = 2;
const DELETED: u32 = 4;
const LAST: u32 = 8;

/// `h_chksum_type` of a commit block: CRC-32 over the blocks of the transaction.
const CHECKSUM_CRC32: u8 = 1;

static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_MPEG_2);

/// `struct journal_header_s`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    h_magic: U32,
    h_blocktype: U32,
    h_sequence: U32,
}

const HEADER: usize = size_of::<RawHeader>();

/// A block that the replay would write.
#[derive(Clone, Copy, Debug)]
struct Write {
    /// Where to.
    home: u64,
    /// Which transaction, counted from the first, so that later ones are larger.
    transaction: u32,
    /// The block of the file system, in the journal, with its content.
    content: u64,
    escaped: bool,
}

/// What a replay would write.
#[derive(Debug)]
pub(super) struct Replay {
    /// Ascending by `home`, one for each.
    writes: Vec<Write>,
    /// Blocks that fast commits give to files, ascending, none twice.
    added: Vec<Range<u64>>,
    block_size: u64,
}

impl Replay {
    /// Reads the log.
    pub(super) fn read(
        source: &dyn BlockSource,
        superblock: &Superblock,
        journal: &Journal,
    ) -> Result<Self, Doubt> {
        let mut scan = Scan {
            source,
            superblock,
            journal,
            own: own_blocks(journal),
            writes: Vec::new(),
            revoked: HashMap::new(),
            left: journal.end - journal.first,
            has_wrapped: false,
        };
        scan.transactions()?;
        let Scan { mut writes, revoked, .. } = scan;
        // A block that was revoked is not written by that transaction, nor by those before it.
        writes.retain(|write| {
            revoked.get(&write.home).is_none_or(|revoke| *revoke < write.transaction)
        });
        // The sort keeps the order of those of one transaction: the last one counts.
        writes.sort_by_key(|write| (write.home, write.transaction));
        writes.reverse();
        writes.dedup_by_key(|write| write.home);
        writes.reverse();
        let added = fast_commits::added_blocks(source, superblock, journal)?;
        Ok(Self { writes, added, block_size: superblock.block_size })
    }

    /// The blocks that it would write or give to files.
    pub(super) fn blocks_within(&self, blocks: Range<u64>) -> impl Iterator<Item = u64> + '_ {
        let (start, end) = (blocks.start, blocks.end);
        let first = self.writes.partition_point(|write| write.home < start);
        let written = self.writes[first..].iter().map(|write| write.home);
        let first = self.added.partition_point(|run| run.end <= start);
        let added = self.added[first..].iter().take_while(move |run| run.start < end);
        let added = added.flat_map(move |run| run.start.max(start)..run.end.min(end));
        written.take_while(move |home| *home < end).chain(added)
    }

    /// The volume as it would read after the replay.
    pub(super) const fn applied_to<'a>(&'a self, source: &'a dyn BlockSource) -> Replayed<'a> {
        Replayed { source, replay: self }
    }
}

/// A volume with the writes of a replay over it.
pub(super) struct Replayed<'a> {
    source: &'a dyn BlockSource,
    replay: &'a Replay,
}

impl BlockSource for Replayed<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn sector_size(&self) -> u32 {
        self.source.sector_size()
    }

    fn name(&self) -> String {
        self.source.name()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> error::Result<()> {
        self.source.read_at(offset, buffer)?;
        let block_size = self.replay.block_size;
        let range = Extent::new(offset, buffer.len() as u64);
        let first =
            self.replay.writes.partition_point(|write| (write.home + 1) * block_size <= offset);
        for write in &self.replay.writes[first..] {
            let home = Extent::new(write.home * block_size, block_size);
            let Some(part) = home.intersection(range) else { break };
            let inside = part.offset - home.offset;
            let start = (part.offset - offset) as usize;
            let target = &mut buffer[start..start + part.length as usize];
            self.source.read_at(write.content * block_size + inside, target)?;
            if write.escaped {
                let magic = MAGIC.to_be_bytes();
                for (byte, value) in target.iter_mut().zip(magic.iter().skip(inside as usize)) {
                    *byte = *value;
                }
            }
        }
        Ok(())
    }
}

/// A tag of a descriptor block: where a block belongs.
struct Tag {
    home: u64,
    escaped: bool,
    checksum: u32,
}

struct Scan<'a> {
    source: &'a dyn BlockSource,
    superblock: &'a Superblock,
    journal: &'a Journal,
    /// The blocks of the journal itself, ascending.
    own: Vec<Range<u64>>,
    /// The writes of all transactions that count.
    writes: Vec<Write>,
    /// The last transaction that revokes a block.
    revoked: HashMap<u64, u32>,
    /// Blocks of the ring that were not read yet: the log cannot be longer than it.
    left: u64,
    /// Whether the log went on at the start of the ring.
    has_wrapped: bool,
}

impl Scan<'_> {
    fn transactions(&mut self) -> Result<(), Doubt> {
        if self.journal.start == 0 {
            return Ok(());
        }
        let mut position = self.journal.start;
        let mut transaction = 0;
        let mut writes = Vec::new();
        let mut revokes = Vec::new();
        let mut checksum = CRC32.digest();
        loop {
            // The log can fill the ring up to its own start.
            let Some((_, block)) = self.next(&mut position)? else { return Ok(()) };
            let (header, _) = RawHeader::ref_from_prefix(&block).expect("a block has 1024 bytes");
            let sequence = self.journal.sequence.wrapping_add(transaction);
            if header.h_magic.get() != MAGIC || header.h_sequence.get() != sequence {
                return Ok(());
            }
            match header.h_blocktype.get() {
                DESCRIPTOR => {
                    self.check_tail(&block)?;
                    checksum.update(&block);
                    for tag in self.tags(&block)? {
                        let (content, data) = self.next(&mut position)?.ok_or_else(damaged)?;
                        checksum.update(&data);
                        writes.push((self.write(&tag, content, transaction)?, tag.checksum));
                    }
                    if writes.len() + self.writes.len() > MAX_BLOCKS {
                        return Err(message!("ext-journal-too-large"));
                    }
                }
                REVOKE => {
                    self.check_tail(&block)?;
                    revokes.extend(self.revoked_blocks(&block)?);
                    if revokes.len() + self.revoked.len() > MAX_BLOCKS {
                        return Err(message!("ext-journal-too-large"));
                    }
                }
                COMMIT => {
                    self.check_commit(&block, checksum.finalize())?;
                    // Kernels before 6.6 and e2fsck 1.47 read on behind the end of the ring then, and
                    // replay less: what they find is another state.
                    if self.has_wrapped && self.journal.has(feature::FAST_COMMIT) {
                        return Err(message!("ext-fast-commits"));
                    }
                    for (write, checksum) in writes.drain(..) {
                        self.check_content(&write, checksum, sequence)?;
                        self.writes.push(write);
                    }
                    for block in revokes.drain(..) {
                        self.revoked.insert(block, transaction);
                    }
                    checksum = CRC32.digest();
                    transaction += 1;
                }
                _ => return Err(damaged()),
            }
        }
    }

    /// The next block of the ring and where it is in the file system; none when all were read.
    fn next(&mut self, position: &mut u64) -> Result<Option<(u64, Vec<u8>)>, Doubt> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let place = self.journal.blocks.at(*position).ok_or_else(damaged)?;
        *position += 1;
        if *position == self.journal.end {
            *position = self.journal.first;
            self.has_wrapped = true;
        }
        Ok(Some((place, self.block(place)?)))
    }

    fn block(&self, place: u64) -> Result<Vec<u8>, Doubt> {
        let mut block = vec![0; self.superblock.block_size as usize];
        read(self.source, place * self.superblock.block_size, &mut block)?;
        Ok(block)
    }

    fn write(&self, tag: &Tag, content: u64, transaction: u32) -> Result<Write, Doubt> {
        let next = self.own.partition_point(|blocks| blocks.end <= tag.home);
        if self.own.get(next).is_some_and(|blocks| blocks.contains(&tag.home))
            || tag.home >= self.superblock.blocks
        {
            return Err(damaged());
        }
        Ok(Write { home: tag.home, transaction, content, escaped: tag.escaped })
    }

    /// The tags of a descriptor block.
    fn tags(&self, block: &[u8]) -> Result<Vec<Tag>, Doubt> {
        let wide = self.journal.has(feature::SIXTY_FOUR_BIT);
        let version_3 = self.journal.has(feature::CHECKSUM_3);
        let length = match (version_3, self.journal.has(feature::CHECKSUM_2), wide) {
            (true, ..) => 16,
            (_, true, true) => 14,
            (_, true, false) => 10,
            (_, false, true) => 12,
            (_, false, false) => 8,
        };
        let end = block.len() - if self.journal.has_checksums() { 4 } else { 0 };
        let mut rest = &block[HEADER..end];
        let mut tags = Vec::new();
        loop {
            let (tag, behind) = rest.split_at_checked(length).ok_or_else(damaged)?;
            let word = |at: usize| u32::from_be_bytes(tag[at..at + 4].try_into().expect("four"));
            let half = |at: usize| u32::from(u16::from_be_bytes([tag[at], tag[at + 1]]));
            // Only their lower half holds flags, in all versions; in the upper half of version 3
            // some writers leave what was there.
            let flags = half(6);
            let (checksum, high) = match (version_3, wide) {
                (true, _) => (word(12), if wide { word(8) } else { 0 }),
                (false, true) => (half(4), word(8)),
                (false, false) => (half(4), 0),
            };
            if flags & DELETED != 0 || flags & !(ESCAPED | SAME_UUID | LAST) != 0 {
                return Err(damaged());
            }
            let home = u64::from(high) << 32 | u64::from(word(0));
            tags.push(Tag { home, escaped: flags & ESCAPED != 0, checksum });
            rest = behind;
            if flags & SAME_UUID == 0 {
                rest = rest.split_at_checked(16).ok_or_else(damaged)?.1;
            }
            if flags & LAST != 0 {
                return Ok(tags);
            }
        }
    }

    fn revoked_blocks(&self, block: &[u8]) -> Result<Vec<u64>, Doubt> {
        let end = block.len() - if self.journal.has_checksums() { 4 } else { 0 };
        let word = |at: usize| u32::from_be_bytes(block[at..at + 4].try_into().expect("four"));
        // `r_count`: bytes in use, the header included.
        let used = word(HEADER) as usize;
        if used > end || used < HEADER + 4 {
            return Err(damaged());
        }
        let numbers = &block[HEADER + 4..used];
        if self.journal.has(feature::SIXTY_FOUR_BIT) {
            let (numbers, rest) = numbers.as_chunks::<8>();
            rest.is_empty()
                .then(|| numbers.iter().map(|number| u64::from_be_bytes(*number)).collect())
        } else {
            let (numbers, rest) = numbers.as_chunks::<4>();
            rest.is_empty()
                .then(|| numbers.iter().map(|number| u32::from_be_bytes(*number).into()).collect())
        }
        .ok_or_else(damaged)
    }

    /// The checksum at the end of a descriptor or revocation block.
    fn check_tail(&self, block: &[u8]) -> Result<(), Doubt> {
        if !self.journal.has_checksums() {
            return Ok(());
        }
        let (content, stored) = block.split_at(block.len() - 4);
        self.check([content, &[0; 4], &[]], stored)
    }

    /// The checksum of a commit block, over itself or over all blocks of its transaction.
    fn check_commit(&self, block: &[u8], of_transaction: u32) -> Result<(), Doubt> {
        const CHECKSUM: usize = 16;
        let (before, rest) = block.split_at(CHECKSUM);
        let (stored, after) = rest.split_at(4);
        if self.journal.has_checksums() {
            return self.check([before, &[0; 4], after], stored);
        }
        let (kind, length) = (block[HEADER], block[HEADER + 1]);
        let is_right = match (kind, length) {
            (0, 0) => stored == [0; 4],
            (CHECKSUM_CRC32, 4) => stored == of_transaction.to_be_bytes(),
            _ => false,
        };
        let expected = self.journal.compat & feature::COMPAT_CHECKSUM != 0;
        if expected && !is_right { Err(checksum_wrong()) } else { Ok(()) }
    }

    /// The checksum of a block that is to be written.
    fn check_content(&self, write: &Write, stored: u32, sequence: u32) -> Result<(), Doubt> {
        if !self.journal.has_checksums() {
            return Ok(());
        }
        let block = self.block(write.content)?;
        let computed = crc32c(crc32c(self.journal.checksum_seed, &sequence.to_be_bytes()), &block);
        let mask = if self.journal.has(feature::CHECKSUM_3) { u32::MAX } else { 0xffff };
        if computed & mask == stored { Ok(()) } else { Err(checksum_wrong()) }
    }

    fn check(&self, pieces: [&[u8]; 3], stored: &[u8]) -> Result<(), Doubt> {
        let seed = self.journal.checksum_seed;
        let computed = pieces.iter().fold(seed, |crc, piece| crc32c(crc, piece));
        if computed.to_be_bytes() == stored { Ok(()) } else { Err(checksum_wrong()) }
    }
}

fn own_blocks(journal: &Journal) -> Vec<Range<u64>> {
    let mut own: Vec<Range<u64>> = journal.blocks.runs().collect();
    own.sort_unstable_by_key(|blocks| blocks.start);
    own
}

fn damaged() -> Doubt {
    message!("ext-journal-damaged")
}

fn checksum_wrong() -> Doubt {
    message!("ext-journal-checksum")
}
