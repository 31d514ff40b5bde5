//! Nodes: inodes and the blocks of addresses of large files, which tell what the checkpoint counts
//! and the segment table cannot know.
//!
//! The checkpoint's sum has blocks, too, that were promised to a file and never written: space that
//! was allocated ahead, and what a compressed cluster saves, its marker included, until the file
//! gives it back ("released").
//! Source: Linux, include/linux/f2fs_fs.h, `struct f2fs_node`; fs/f2fs/node.h, `IS_DNODE`;
//! fs/f2fs/f2fs.h, `inc_valid_block_count`, `get_inline_xattr_addrs`; fs/f2fs/file.c,
//! `f2fs_truncate_data_blocks_range`, `release_compress_blocks`.

use super::checkpoint::Checkpoint;
use super::segments;
use super::superblock::{BLOCK, SEGMENT_BLOCKS, Superblock};
use crate::block::BlockSource;
use crate::filesystem::{Budget, Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::{Extent, ExtentMap};
use std::collections::{BTreeMap, BTreeSet};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// No block.
const HOLE: u32 = 0;
/// A block that was promised and not written.
const RESERVED: u32 = u32::MAX;
/// What stands before the blocks of a compressed cluster.
const COMPRESSED: u32 = u32::MAX - 1;

/// The attributes of an inode, in units of addresses, where its file system does not say how many.
const ATTRIBUTES: usize = 50;
/// Addresses in a node of other nodes or of blocks.
const IN_NODE: u32 = 1018;
/// What a node of attributes has for its place in the file.
const OF_ATTRIBUTES: u32 = u32::MAX >> 3;
/// How many blocks there may be: an address has 32 bits.
const ADDRESSABLE: u64 = 1 << 32;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Footer {
    node: U32,
    inode: U32,
    /// The lowest three bits are flags; those above are the place among the nodes of the file.
    place: U32,
    version: U64,
    next: U32,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Inode {
    mode: U16,
    advice: u8,
    inline: u8,
    others: [u8; 356],
    addresses: [U32; 923],
    nodes: [U32; 5],
    footer: Footer,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Node {
    addresses: [U32; IN_NODE as usize],
    footer: Footer,
}

const _: () = assert!(size_of::<Inode>() == BLOCK as usize);
const _: () = assert!(size_of::<Node>() == BLOCK as usize);

impl Inode {
    const HAS_ATTRIBUTES: u8 = 0x01;
    const HAS_DATA: u8 = 0x02;
    const HAS_ENTRIES: u8 = 0x04;
    const HAS_EXTRA: u8 = 0x20;
    const IS_RELEASED: u8 = 0x80;

    const fn has(&self, flags: u8) -> bool {
        self.inline & flags != 0
    }

    /// The addresses of blocks; none when the inode makes no sense.
    fn addresses(&self, superblock: &Superblock) -> Option<&[U32]> {
        /// Folders, files and symbolic links: others have the number of a device there.
        const WITH_BLOCKS: [u16; 3] = [0o4, 0o10, 0o12];
        let is_elsewhere = WITH_BLOCKS.contains(&(self.mode.get() >> 12));
        if !is_elsewhere || self.has(Self::HAS_DATA | Self::HAS_ENTRIES) {
            return Some(&[]);
        }
        let (extra, attributes) = match self.has(Self::HAS_EXTRA) {
            true => {
                let lengths = self.addresses[0].get();
                ((lengths & 0xFFFF) as usize / 4, (lengths >> 16) as usize)
            }
            false => (0, 0),
        };
        let attributes = match superblock.has_flexible_attributes() {
            true => attributes,
            false if self.has(Self::HAS_ATTRIBUTES) => ATTRIBUTES,
            false => 0,
        };
        self.addresses.get(extra..self.addresses.len().checked_sub(attributes)?)
    }
}

/// Whether the node at a place of a file has addresses of blocks; else it has numbers of nodes, or
/// attributes.
const fn has_addresses(place: u32) -> bool {
    /// The inode, two nodes of addresses, two of nodes, and one of nodes of nodes.
    const FIRST: u32 = 3;
    const SECOND: u32 = FIRST + 1 + IN_NODE;
    const THIRD: u32 = SECOND + 1 + IN_NODE;
    match place {
        OF_ATTRIBUTES | FIRST | SECOND | THIRD => false,
        _ if place > THIRD => !(place - THIRD - 1).is_multiple_of(IN_NODE + 1),
        _ => true,
    }
}

/// What the nodes say, as far as they have been read.
struct Files<'a> {
    superblock: &'a Superblock,
    used: &'a ExtentMap,
    /// How many blocks of each segment of data no file has named yet.
    unnamed: Vec<u16>,
    nodes: u64,
    reserved: u64,
    /// Markers of compressed clusters in nodes other than inodes, by their inode: they count as long
    /// as it is not released, and it may come later.
    markers: BTreeMap<u32, u64>,
    released: BTreeSet<u32>,
}

impl Files<'_> {
    /// Takes one node; none when it contradicts the segment table or itself.
    fn add(&mut self, block: &[u8]) -> Option<()> {
        let inode = Inode::ref_from_bytes(block).ok()?;
        let node = Node::ref_from_bytes(block).ok()?;
        let (number, place) = (node.footer.inode.get(), node.footer.place.get() >> 3);
        let is_inode = number == node.footer.node.get();
        // Zero is the number of no node, and the inode alone is at the start of its file.
        if number == 0 || node.footer.node.get() == 0 || is_inode != (place == 0) {
            return None;
        }
        self.nodes += 1;
        let is_released = is_inode && inode.has(Inode::IS_RELEASED);
        if is_released {
            self.released.insert(number);
        }
        let addresses = match is_inode {
            true => inode.addresses(self.superblock)?,
            false if has_addresses(place) => &node.addresses,
            false => &[],
        };
        let is_block = |address: u32| !matches!(address, HOLE | RESERVED | COMPRESSED);
        let belong = |one: &U32, next: &U32| match is_block(one.get()) {
            true => is_block(next.get()) && one.get() + 1 == next.get(),
            false => one == next,
        };
        for run in addresses.chunk_by(belong) {
            let length = run.len() as u64;
            match run[0].get() {
                HOLE => {}
                RESERVED => self.reserved += length,
                COMPRESSED if !self.superblock.has_compression() => return None,
                COMPRESSED if is_released => {}
                COMPRESSED if is_inode => self.reserved += length,
                COMPRESSED => *self.markers.entry(number).or_default() += length,
                first => self.name(u64::from(first), length)?,
            }
        }
        Some(())
    }

    /// Takes blocks that a file names; none when the segment table does not have them in use as data,
    /// each for one file.
    fn name(&mut self, first: u64, length: u64) -> Option<()> {
        let end = first + length;
        if !self.used.contains(Extent::between(first * BLOCK, end * BLOCK)) {
            return None;
        }
        let mut start = first.checked_sub(self.superblock.main)?;
        let end = end - self.superblock.main;
        while start < end {
            let segment = start / SEGMENT_BLOCKS;
            let next = end.min((segment + 1) * SEGMENT_BLOCKS);
            let unnamed = self.unnamed.get_mut(usize::try_from(segment).ok()?)?;
            *unnamed = unnamed.checked_sub(u16::try_from(next - start).ok()?)?;
            start = next;
        }
        Some(())
    }

    /// All blocks that are promised and not written.
    fn all_reserved(&self) -> u64 {
        let counts = |(inode, count): (&u32, &u64)| match self.released.contains(inode) {
            true => 0,
            false => *count,
        };
        self.reserved + self.markers.iter().map(counts).sum::<u64>()
    }
}

/// Holds the sum of the checkpoint against the segment table and the nodes: every block in use has to
/// be a node or named by one, and what is left of the sum has to be promised to files.
///
/// # Errors
/// A doubt when something is not so, or a node cannot be read.
pub(super) fn check(
    source: &dyn BlockSource,
    superblock: &Superblock,
    checkpoint: &Checkpoint,
    used: &ExtentMap,
    counted: u64,
    budget: Budget,
) -> Result<(), Doubt> {
    let same_count = |counted: u64| match counted == checkpoint.valid_blocks {
        true => Ok(()),
        false => Err(message!(
            "f2fs-count",
            counted = counted.to_string(),
            stored = checkpoint.valid_blocks.to_string()
        )),
    };
    if counted > checkpoint.valid_blocks {
        return same_count(counted);
    }
    if superblock.blocks > ADDRESSABLE {
        return Err(message!("f2fs-impossible"));
    }
    let mut unnamed = Vec::new();
    segments::each(source, superblock, checkpoint, &mut |_, entry| {
        unnamed.push(if entry.is_of_nodes { 0 } else { entry.count as u16 });
        Ok(())
    })?;
    let (markers, released) = (BTreeMap::new(), BTreeSet::new());
    let mut files = Files { superblock, used, unnamed, nodes: 0, reserved: 0, markers, released };
    segments::each(source, superblock, checkpoint, &mut |segment, entry| {
        if !entry.is_of_nodes {
            return Ok(());
        }
        let start = superblock.main + segment * SEGMENT_BLOCKS;
        for run in entry.runs() {
            let (first, length) = (start + run.start, (run.end - run.start) * BLOCK);
            let bytes =
                source.read_vec(first * BLOCK, length as usize).map_err(unreadable_doubt)?;
            for (number, block) in (first..).zip(bytes.chunks_exact(BLOCK as usize)) {
                files
                    .add(block)
                    .ok_or_else(|| message!("f2fs-node", number = number.to_string()))?;
            }
        }
        match files.markers.len() + files.released.len() > budget.extents {
            true => Err(message!("f2fs-compressed")),
            false => Ok(()),
        }
    })?;
    if files.nodes != checkpoint.valid_nodes {
        return Err(message!(
            "f2fs-nodes",
            counted = files.nodes.to_string(),
            stored = checkpoint.valid_nodes.to_string()
        ));
    }
    if let Some(segment) = files.unnamed.iter().position(|unnamed| *unnamed != 0) {
        return Err(message!("f2fs-unnamed", number = segment.to_string()));
    }
    same_count(counted.saturating_add(files.all_reserved()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_nodes_that_have_addresses() {
        // Two at first, then those below nodes of nodes.
        let without = [3, 1022, 2041, 2042, 3061, 2042 + 1019 * 1017, OF_ATTRIBUTES];
        assert!(without.iter().all(|place| !has_addresses(*place)));
        let with = [1, 2, 4, 1021, 1023, 2040, 2043, 3060, 3062, 2042 + 1019 * 1017 + 1018];
        assert!(with.iter().all(|place| has_addresses(*place)));
    }
}
