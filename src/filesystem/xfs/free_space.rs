//! The free-space B+tree by block number of a group: its leaves list every free extent.
//!
//! Source: "XFS Algorithms & Data Structures", sections "Short Format B+trees" and "AG Free Space
//! B+trees".
//!
//! Version 4 has no checksums: there the tree by length is read too, and has to list the same.
//!
//! Two walks over each tree: the first over the inner nodes, which name all blocks of the tree; the second over
//! the leaves, whose extents are held against these and all other blocks that cannot be free.
//! The keys ascend from node to node, so no block is met twice and both walks end.

use super::group::{Group, Root};
use super::superblock::Superblock;
use super::{checksum_holds, read};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use std::mem::offset_of;
use std::ops::Range;
use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Blocks of one tree that are kept in memory, some 40 MiB at most: half full blocks of 4 KiB
/// then list as many free extents as the largest group can have.
const MAX_BLOCKS: usize = 1 << 20;
/// No block on this side.
const NULL: u32 = u32::MAX;

/// `struct xfs_btree_block` with short pointers; version 4 ends before `bb_blkno`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    bb_magic: [u8; 4],
    bb_level: U16,
    bb_numrecs: U16,
    bb_leftsib: U32,
    bb_rightsib: U32,
    bb_blkno: U64,
    bb_lsn: U64,
    bb_uuid: [u8; 16],
    bb_owner: U32,
    bb_crc: U32,
}

const SHORT_HEADER: usize = offset_of!(RawHeader, bb_blkno);

/// A block of the tree and the first key below it; the root has none above it that says so.
#[derive(Clone, Copy)]
struct Pointer {
    block: u32,
    first: Option<u64>,
}

/// What a tree is ordered by.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Block,
    Length,
}

struct Tree<'a> {
    source: &'a dyn BlockSource,
    superblock: &'a Superblock,
    group: &'a Group,
    order: Order,
}

/// Calls `emit` with every free extent of a group, in blocks of the group, ascending.
pub(super) fn walk(
    source: &dyn BlockSource,
    superblock: &Superblock,
    group: &Group,
    mut emit: impl FnMut(Range<u64>),
) -> Result<(), Doubt> {
    let tree = Tree { source, superblock, group, order: Order::Block };
    let (leaves, inner) = tree.leaves()?;
    let mut metadata: Vec<Range<u64>> =
        leaves.iter().map(|leaf| leaf.block).chain(inner).map(|block| one(block.into())).collect();
    metadata.extend(group.metadata.iter().cloned());
    metadata.sort_unstable_by_key(|blocks| blocks.start);
    let mut metadata = metadata.into_iter().peekable();

    let mut totals = Totals::default();
    // The end of the last free extent: the next one begins behind it, and does not touch it.
    let mut end = None;
    tree.records(&leaves, |free| {
        if free.end > group.length || end.is_some_and(|end| free.start <= end) {
            return Err(tree.damaged(free.start));
        }
        while metadata.next_if(|blocks| blocks.end <= free.start).is_some() {}
        if metadata.peek().is_some_and(|blocks| blocks.start < free.end) {
            return Err(message!(
                "xfs-metadata-free",
                group = group.number.to_string(),
                block = free.start.to_string()
            ));
        }
        totals.add(&free);
        end = Some(free.end);
        emit(free);
        Ok(())
    })?;
    if totals.blocks != group.free_blocks || totals.longest != group.longest {
        return Err(message!(
            "xfs-free-count-group",
            group = group.number.to_string(),
            counted = totals.blocks.to_string(),
            stored = group.free_blocks.to_string()
        ));
    }
    if !superblock.has_checksums {
        // What stands in for checksums: the other tree has to list the same extents.
        let by_length = Tree { order: Order::Length, ..tree };
        let (leaves, _) = by_length.leaves()?;
        let mut others = Totals::default();
        by_length.records(&leaves, |free| {
            others.add(&free);
            Ok(())
        })?;
        if others != totals {
            return Err(message!("xfs-trees-differ", group = group.number.to_string()));
        }
    }
    Ok(())
}

/// What is the same for both trees, whatever their order.
#[derive(Default, PartialEq)]
struct Totals {
    extents: u64,
    blocks: u64,
    longest: u64,
    /// Sum of a number for each extent, in which every bit of it counts.
    digest: u64,
}

impl Totals {
    fn add(&mut self, free: &Range<u64>) {
        let length = free.end - free.start;
        self.extents += 1;
        self.blocks = self.blocks.wrapping_add(length);
        self.longest = self.longest.max(length);
        // The finalizer of SplitMix64.
        let mut number = free.start << 32 | length;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.digest = self.digest.wrapping_add(number ^ number >> 31);
    }
}

impl Tree<'_> {
    fn root(&self) -> Root {
        match self.order {
            Order::Block => self.group.by_block,
            Order::Length => self.group.by_length,
        }
    }

    /// What a record or key of first block and length is ordered by.
    fn key(&self, entry: &[u8; 8]) -> u64 {
        let (start, length) = parts(entry);
        match self.order {
            Order::Block => start,
            Order::Length => length << 32 | start,
        }
    }

    /// The leaves in the order of their keys, and the blocks of the inner nodes.
    fn leaves(&self) -> Result<(Vec<Pointer>, Vec<u32>), Doubt> {
        let root = self.root();
        // Fits: the AGF was checked.
        let mut level = vec![Pointer { block: root.block as u32, first: None }];
        let mut inner = Vec::new();
        let mut buffer = Vec::new();
        for height in (1..root.levels).rev() {
            let mut below: Vec<Pointer> = Vec::new();
            for (index, node) in level.iter().enumerate() {
                let records = self.block(&level, index, height as u16, &mut buffer)?;
                if records == 0 || below.len() + inner.len() + records > MAX_BLOCKS {
                    return Err(self.damaged(node.block.into()));
                }
                let body = &buffer[self.header_length()..];
                let (keys, pointers) = body.split_at(self.records_of_node() * 8);
                let entries = keys.as_chunks::<8>().0.iter().zip(pointers.as_chunks::<4>().0);
                for (position, (key, pointer)) in entries.take(records).enumerate() {
                    let block = u32::from_be_bytes(*pointer);
                    let key = self.key(key);
                    let ascends = below.last().is_none_or(|last| last.first < Some(key));
                    let is_first = position > 0 || node.first.is_none_or(|first| first == key);
                    if !ascends || !is_first || !self.is_inside(block) {
                        return Err(self.damaged(node.block.into()));
                    }
                    below.push(Pointer { block, first: Some(key) });
                }
                inner.push(node.block);
            }
            level = below;
        }
        Ok((level, inner))
    }

    /// Calls `emit` with the extent of every record in the leaves, in their order.
    fn records(
        &self,
        leaves: &[Pointer],
        mut emit: impl FnMut(Range<u64>) -> Result<(), Doubt>,
    ) -> Result<(), Doubt> {
        let mut buffer = Vec::new();
        let mut last = None;
        for (index, leaf) in leaves.iter().enumerate() {
            let records = self.block(leaves, index, 0, &mut buffer)?;
            // Only an empty group has an empty leaf.
            if records == 0 && leaves.len() > 1 {
                return Err(self.damaged(leaf.block.into()));
            }
            let entries = &buffer[self.header_length()..].as_chunks::<8>().0[..records];
            for (position, entry) in entries.iter().enumerate() {
                let ((start, length), key) = (parts(entry), self.key(entry));
                let is_first = position > 0 || leaf.first.is_none_or(|first| first == key);
                if length == 0 || !is_first || last.is_some_and(|last| key <= last) {
                    return Err(self.damaged(leaf.block.into()));
                }
                last = Some(key);
                emit(start..start + length)?;
            }
        }
        Ok(())
    }

    fn is_inside(&self, block: u32) -> bool {
        (self.superblock.header_blocks()..self.group.length).contains(&block.into())
    }

    const fn header_length(&self) -> usize {
        if self.superblock.has_checksums { size_of::<RawHeader>() } else { SHORT_HEADER }
    }

    /// Most keys with their pointers that an inner node holds.
    const fn records_of_node(&self) -> usize {
        (self.superblock.block_size as usize - self.header_length()) / 12
    }

    const fn records_of_leaf(&self) -> usize {
        (self.superblock.block_size as usize - self.header_length()) / 8
    }

    /// Reads a block of a level into `buffer` and checks its header; answers the number of its
    /// records.
    fn block(
        &self,
        level: &[Pointer],
        index: usize,
        height: u16,
        buffer: &mut Vec<u8>,
    ) -> Result<usize, Doubt> {
        let block = level[index].block;
        let left = index.checked_sub(1).map_or(NULL, |left| level[left].block);
        let right = level.get(index + 1).map_or(NULL, |right| right.block);
        let extent = self.group.bytes_of(self.superblock, one(block.into()));
        buffer.resize(extent.length as usize, 0);
        read(self.source, extent.offset, buffer)?;
        let (raw, _) = RawHeader::ref_from_prefix(buffer).expect("a block has 512 bytes");
        let magic = match (self.superblock.has_checksums, self.order) {
            (true, Order::Block) => *b"AB3B",
            (true, Order::Length) => *b"AB3C",
            (false, Order::Block) => *b"ABTB",
            (false, Order::Length) => *b"ABTC",
        };
        let records = usize::from(raw.bb_numrecs.get());
        let limit = if height == 0 { self.records_of_leaf() } else { self.records_of_node() };
        if raw.bb_magic != magic
            || raw.bb_level.get() != height
            || records > limit
            || raw.bb_leftsib.get() != left
            || raw.bb_rightsib.get() != right
        {
            return Err(self.damaged(block.into()));
        }
        if self.superblock.has_checksums {
            if !checksum_holds(buffer, offset_of!(RawHeader, bb_crc)) {
                return Err(message!(
                    "xfs-checksum",
                    what = "BNOBT",
                    group = self.group.number.to_string()
                ));
            }
            // Counted in units of 512 bytes.
            if raw.bb_blkno.get() != extent.offset / 512
                || raw.bb_uuid != self.superblock.metadata_uuid
                || u64::from(raw.bb_owner.get()) != self.group.number
            {
                return Err(self.damaged(block.into()));
            }
        }
        Ok(records)
    }

    fn damaged(&self, block: u64) -> Doubt {
        message!("xfs-tree", group = self.group.number.to_string(), block = block.to_string())
    }
}

const fn one(block: u64) -> Range<u64> {
    block..block + 1
}

/// First block and length of a record or key.
fn parts(entry: &[u8; 8]) -> (u64, u64) {
    let number = u64::from_be_bytes(*entry);
    (number >> 32, number & u64::from(u32::MAX))
}
