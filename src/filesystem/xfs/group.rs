//! The headers of an allocation group: copy of the superblock, AGF, AGI and AGFL.
//!
//! Source: "XFS Algorithms & Data Structures", sections "AG Free Space Management", "AG Free
//! Space Block", "AG Free List" and "AG Inode Management".

use super::features;
use super::superblock::{HEADER_SECTORS, Superblock, bytes_of};
use super::{checksum_holds, read};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::Extent;
use std::mem::offset_of;
use std::ops::Range;
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Deepest B+tree of a group.
const MAX_LEVELS: u32 = 9;

/// `struct xfs_agf`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawFreeSpace {
    agf_magicnum: [u8; 4],
    agf_versionnum: U32,
    agf_seqno: U32,
    agf_length: U32,
    agf_bno_root: U32,
    agf_cnt_root: U32,
    agf_rmap_root: U32,
    agf_bno_level: U32,
    agf_cnt_level: U32,
    agf_rmap_level: U32,
    agf_flfirst: U32,
    agf_fllast: U32,
    agf_flcount: U32,
    agf_freeblks: U32,
    agf_longest: U32,
    agf_btreeblks: U32,
    agf_uuid: [u8; 16],
    agf_rmap_blocks: U32,
    agf_refcount_blocks: U32,
    agf_refcount_root: U32,
    agf_refcount_level: U32,
    agf_spare64: [u8; 112],
    agf_lsn: U64,
    agf_crc: U32,
}

/// `struct xfs_agi`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawInodes {
    agi_magicnum: [u8; 4],
    agi_versionnum: U32,
    agi_seqno: U32,
    agi_length: U32,
    agi_count: U32,
    agi_root: U32,
    agi_level: U32,
    agi_freecount: U32,
    agi_newino: U32,
    agi_dirino: U32,
    agi_unlinked: [U32; 64],
    agi_uuid: [u8; 16],
    agi_crc: U32,
    agi_pad32: U32,
    agi_lsn: U64,
    agi_free_root: U32,
    agi_free_level: U32,
}

/// `struct xfs_agfl`, the header of version 5; before, the block numbers begin at once.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawFreeList {
    agfl_magicnum: [u8; 4],
    agfl_seqno: U32,
    agfl_uuid: [u8; 16],
    agfl_lsn: U64,
    agfl_crc: U32,
}

const _: () = {
    assert!(offset_of!(RawFreeSpace, agf_uuid) == 64);
    assert!(offset_of!(RawFreeSpace, agf_crc) == 216);
    assert!(offset_of!(RawInodes, agi_crc) == 312);
    assert!(offset_of!(RawInodes, agi_free_root) == 328);
    assert!(size_of::<RawFreeList>() == 36);
};

/// Where a B+tree begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    /// Its root, in blocks of the group.
    pub(super) block: u64,
    /// Its number of levels.
    pub(super) levels: u32,
}

/// A group, with every block number in it inside.
///
/// Blocks are counted from the start of the group here.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) number: u64,
    /// Blocks of the group.
    pub(super) length: u64,
    /// The free-space trees by block number and by length.
    pub(super) by_block: Root,
    pub(super) by_length: Root,
    /// Free blocks in the tree, and the longest run of them, as stored.
    pub(super) free_blocks: u64,
    pub(super) longest: u64,
    /// Blocks held ready for the trees, and blocks of these beyond their roots: both count as
    /// free in the superblock.
    list_blocks: u64,
    pub(super) tree_blocks: u64,
    /// Blocks that hold metadata for sure, ascending: none of them can be free.
    pub(super) metadata: Vec<Range<u64>>,
    offset: u64,
    sector_size: u64,
}

impl Group {
    /// Reads and checks the headers of a group.
    pub(super) fn read(
        source: &dyn BlockSource,
        superblock: &Superblock,
        number: u64,
    ) -> Result<Self, Doubt> {
        let first = number * superblock.group_blocks;
        let offset = first * superblock.block_size;
        let mut sectors = vec![0; (HEADER_SECTORS * superblock.sector_size) as usize];
        read(source, offset, &mut sectors)?;
        let (copy, rest) = sectors.split_at(superblock.sector_size as usize);
        let (free_space, rest) = rest.split_at(superblock.sector_size as usize);
        let (inodes, list) = rest.split_at(superblock.sector_size as usize);
        // A damaged copy proves nothing either way: nothing is read from it.
        if number > 0 && superblock.is_contradicted_by(copy) {
            return Err(message!("xfs-backup-differs", offset = offset.to_string()));
        }
        let check = Check { superblock, number };
        let mut group = check.free_space(free_space)?;
        group.offset = offset;
        let mut blocks = check.roots(free_space)?;
        blocks.extend(check.inodes(inodes)?);
        blocks.extend(check.list(list, free_space)?);
        group.metadata.extend(blocks.into_iter().map(|block| block..block + 1));
        group.metadata.push(0..superblock.header_blocks());
        let own = first..first + group.length;
        let root = superblock.root_inode_block;
        let owned = std::iter::once(root..root + 1)
            .chain(superblock.log.clone())
            .filter(|blocks| own.contains(&blocks.start))
            .map(|blocks| blocks.start - first..blocks.end - first);
        group.metadata.extend(owned);
        group.metadata.sort_unstable_by_key(|blocks| blocks.start);
        Ok(group)
    }

    /// Where the copy of the superblock lies, in bytes.
    pub(super) const fn superblock_copy(&self) -> Extent {
        Extent::new(self.offset, self.sector_size)
    }

    /// What the superblock counts as free in this group, blocks of trees apart.
    pub(super) const fn counted_as_free(&self) -> u64 {
        self.free_blocks + self.list_blocks
    }

    /// The bytes of blocks of this group.
    pub(super) fn bytes_of(&self, superblock: &Superblock, blocks: Range<u64>) -> Extent {
        let first = self.number * superblock.group_blocks;
        bytes_of(superblock, first + blocks.start..first + blocks.end)
    }
}

struct Check<'a> {
    superblock: &'a Superblock,
    number: u64,
}

impl Check<'_> {
    /// What is the same for all headers: magic number, group, and in version 5 checksum and UUID.
    fn header(
        &self,
        what: &'static str,
        is_magic: bool,
        group: u32,
        uuid: [u8; 16],
        sector: &[u8],
        checksum: usize,
    ) -> Result<(), Doubt> {
        let has_checksums = self.superblock.has_checksums;
        if has_checksums && !checksum_holds(sector, checksum) {
            return Err(message!("xfs-checksum", what = what, group = self.number.to_string()));
        }
        let is_own = !has_checksums || uuid == self.superblock.metadata_uuid;
        let is_right = is_magic && is_own && u64::from(group) == self.number;
        is_right.then_some(()).ok_or_else(|| self.damaged(what))
    }

    fn damaged(&self, what: &'static str) -> Doubt {
        message!("xfs-header", what = what, group = self.number.to_string())
    }

    fn length(&self) -> u64 {
        self.superblock.group_length(self.number)
    }

    /// A block number of this group that can be one of metadata.
    fn block(&self, what: &'static str, number: U32) -> Result<u64, Doubt> {
        let number = u64::from(number.get());
        let inside = number >= self.superblock.header_blocks() && number < self.length();
        inside.then_some(number).ok_or_else(|| self.damaged(what))
    }

    fn root(&self, block: U32, levels: U32) -> Result<Root, Doubt> {
        let root = Root { block: self.block("AGF", block)?, levels: levels.get() };
        let possible = (1..=MAX_LEVELS).contains(&root.levels);
        possible.then_some(root).ok_or_else(|| self.damaged("AGF"))
    }

    fn free_space(&self, sector: &[u8]) -> Result<Group, Doubt> {
        const WHAT: &str = "AGF";
        let raw = raw_free_space(sector);
        self.header(
            WHAT,
            raw.agf_magicnum == *b"XAGF" && raw.agf_versionnum.get() == 1,
            raw.agf_seqno.get(),
            raw.agf_uuid,
            sector,
            offset_of!(RawFreeSpace, agf_crc),
        )?;
        let group = Group {
            number: self.number,
            length: self.length(),
            by_block: self.root(raw.agf_bno_root, raw.agf_bno_level)?,
            by_length: self.root(raw.agf_cnt_root, raw.agf_cnt_level)?,
            free_blocks: raw.agf_freeblks.get().into(),
            longest: raw.agf_longest.get().into(),
            list_blocks: raw.agf_flcount.get().into(),
            tree_blocks: raw.agf_btreeblks.get().into(),
            metadata: Vec::new(),
            offset: 0,
            sector_size: self.superblock.sector_size,
        };
        let possible = u64::from(raw.agf_length.get()) == group.length
            && group.free_blocks < group.length
            && group.longest <= group.free_blocks
            && group.tree_blocks < group.length;
        possible.then_some(group).ok_or_else(|| self.damaged(WHAT))
    }

    /// The roots of the other trees that the AGF names.
    fn roots(&self, sector: &[u8]) -> Result<Vec<u64>, Doubt> {
        const WHAT: &str = "AGF";
        let raw = raw_free_space(sector);
        let mut roots = vec![self.block(WHAT, raw.agf_cnt_root)?];
        if self.superblock.ro_compat(features::REVERSE_MAP) {
            roots.push(self.block(WHAT, raw.agf_rmap_root)?);
        }
        if self.superblock.ro_compat(features::REFLINK) {
            roots.push(self.block(WHAT, raw.agf_refcount_root)?);
        }
        Ok(roots)
    }

    /// The roots of the inode trees.
    fn inodes(&self, sector: &[u8]) -> Result<Vec<u64>, Doubt> {
        const WHAT: &str = "AGI";
        let (raw, _) = RawInodes::ref_from_prefix(sector).expect("a sector has 512 bytes");
        self.header(
            WHAT,
            raw.agi_magicnum == *b"XAGI" && raw.agi_versionnum.get() == 1,
            raw.agi_seqno.get(),
            raw.agi_uuid,
            sector,
            offset_of!(RawInodes, agi_crc),
        )?;
        if u64::from(raw.agi_length.get()) != self.length() {
            return Err(self.damaged(WHAT));
        }
        let mut roots = vec![self.block(WHAT, raw.agi_root)?];
        if self.superblock.ro_compat(features::FREE_INODE_TREE) {
            roots.push(self.block(WHAT, raw.agi_free_root)?);
        }
        Ok(roots)
    }

    /// The blocks in the free list: a ring, of which the AGF says where it begins and ends.
    fn list(&self, sector: &[u8], free_space: &[u8]) -> Result<Vec<u64>, Doubt> {
        const WHAT: &str = "AGFL";
        let numbers = if self.superblock.has_checksums {
            let (raw, numbers) =
                RawFreeList::ref_from_prefix(sector).expect("a sector has 512 bytes");
            self.header(
                WHAT,
                raw.agfl_magicnum == *b"XAFL",
                raw.agfl_seqno.get(),
                raw.agfl_uuid,
                sector,
                offset_of!(RawFreeList, agfl_crc),
            )?;
            numbers
        } else {
            sector
        };
        let numbers = numbers.as_chunks::<4>().0;
        let raw = raw_free_space(free_space);
        let [first, last, count] =
            [raw.agf_flfirst, raw.agf_fllast, raw.agf_flcount].map(|field| field.get() as usize);
        if count == 0 {
            return Ok(Vec::new());
        }
        let size = numbers.len();
        if first >= size || last >= size || count > size || (first + count - 1) % size != last {
            return Err(self.damaged(WHAT));
        }
        (first..first + count)
            .map(|index| self.block(WHAT, U32::from_bytes(numbers[index % size])))
            .collect()
    }
}

fn raw_free_space(sector: &[u8]) -> &RawFreeSpace {
    RawFreeSpace::ref_from_prefix(sector).expect("a sector has 512 bytes").0
}
