//! The B-trees: all records of their leaves, in the order of the file.
//!
//! Nodes are not found by following links but by the map of nodes that are in use, so that a tree is
//! read once and from its beginning to its end. What the header counts has to be found.
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format", section "B-Trees".

use super::fork::Fork;
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::filesystem::bitmap::runs;
use crate::text::message;
use crate::units::MIB;
use zerocopy::big_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Told each record of the leaves: its key and what belongs to it.
type OnRecord<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), Doubt> + 'a;

/// Bytes of a tree read at once; a multiple of every size of nodes.
const CHUNK: u64 = MIB;

/// Kinds of nodes.
mod kind {
    pub(super) const LEAF: u8 = 0xFF;
    pub(super) const INDEX: u8 = 0;
    pub(super) const HEADER: u8 = 1;
    pub(super) const MAP: u8 = 2;
}

/// The length of keys takes two bytes.
const BIG_KEYS: u32 = 2;
/// Which record of the header node is the first part of the map.
const MAP_IN_HEADER: usize = 2;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Descriptor {
    next: U32,
    previous: U32,
    kind: u8,
    height: u8,
    records: U16,
    reserved: U16,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct HeaderRecord {
    depth: U16,
    root: U32,
    leaf_records: U32,
    first_leaf: U32,
    last_leaf: U32,
    node_size: U16,
    longest_key: U16,
    nodes: U32,
    free_nodes: U32,
    reserved: U16,
    clump_size: U32,
    tree_type: u8,
    key_compare_type: u8,
    attributes: U32,
}

const DESCRIPTOR: usize = size_of::<Descriptor>();

/// A node. What is asked of it is none where it contradicts itself.
#[derive(Clone, Copy)]
struct Node<'a>(&'a [u8]);

impl<'a> Node<'a> {
    fn descriptor(self) -> Option<&'a Descriptor> {
        Descriptor::ref_from_prefix(self.0).ok().map(|(descriptor, _)| descriptor)
    }

    /// Where a record begins; for the number after the last, where free space does.
    fn offset(self, number: usize) -> Option<usize> {
        let at = self.0.len().checked_sub(2 * (number + 1))?;
        Some(usize::from(u16::from_be_bytes(self.0.get(at..at + 2)?.try_into().ok()?)))
    }

    fn record(self, number: usize) -> Option<&'a [u8]> {
        let records = usize::from(self.descriptor()?.records.get());
        let end = self.0.len().checked_sub(2 * (records + 1))?;
        let (from, to) = (self.offset(number)?, self.offset(number + 1)?);
        (number < records && DESCRIPTOR <= from && to <= end).then(|| self.0.get(from..to))?
    }

    /// Key and data of a record of a leaf. The data begins at an even place.
    fn leaf_record(self, number: usize) -> Option<(&'a [u8], &'a [u8])> {
        let (length, rest) = self.record(number)?.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let key = rest.get(..length)?;
        Some((key, rest.get(length.next_multiple_of(2)..)?))
    }
}

/// A B-tree in a fork.
pub(super) struct Tree<'a> {
    source: &'a dyn BlockSource,
    fork: &'a Fork,
    node_size: u64,
    depth: u64,
    nodes: u64,
    free_nodes: u64,
    leaf_records: u64,
    first_leaf: u64,
}

/// The map of nodes, of which one part at a time is kept.
struct NodeMap {
    bits: Vec<u8>,
    /// The node of the first bit.
    first: u64,
    /// The node with the next part; 0 at the end.
    next: u64,
    /// Parts so far that have a node of their own.
    parts: u64,
}

impl<'a> Tree<'a> {
    /// The tree in a fork.
    ///
    /// # Errors
    /// A doubt when its header makes no sense.
    pub(super) fn open(source: &'a dyn BlockSource, fork: &'a Fork) -> Result<Self, Doubt> {
        let mut bytes = [0; DESCRIPTOR + size_of::<HeaderRecord>()];
        fork.read_at(source, 0, &mut bytes)?;
        let parsed = || {
            let descriptor = Node(&bytes).descriptor()?;
            let (header, _) = HeaderRecord::ref_from_prefix(&bytes[DESCRIPTOR..]).ok()?;
            let node_size = u64::from(header.node_size.get());
            let tree = Self {
                source,
                fork,
                node_size,
                depth: header.depth.get().into(),
                nodes: header.nodes.get().into(),
                free_nodes: header.free_nodes.get().into(),
                leaf_records: header.leaf_records.get().into(),
                first_leaf: header.first_leaf.get().into(),
            };
            let is_sound = descriptor.kind == kind::HEADER
                && header.attributes.get() & BIG_KEYS != 0
                && node_size.is_power_of_two()
                && (512..=32 << 10).contains(&node_size)
                && tree.nodes > 0
                && tree.nodes * node_size <= fork.length;
            is_sound.then_some(tree)
        };
        parsed().ok_or_else(|| message!("hfsplus-node", file = fork.name, node = "0"))
    }

    fn damaged(&self, node: u64) -> Doubt {
        message!("hfsplus-node", file = self.fork.name, node = node.to_string())
    }

    fn read_node(&self, number: u64) -> Result<Vec<u8>, Doubt> {
        if number >= self.nodes {
            return Err(self.damaged(number));
        }
        let mut bytes = vec![0; self.node_size as usize];
        self.fork.read_at(self.source, number * self.node_size, &mut bytes)?;
        Ok(bytes)
    }

    /// The key of the first record of all, if there is one.
    ///
    /// # Errors
    /// A doubt when it cannot be read.
    pub(super) fn first_key(&self) -> Result<Option<Vec<u8>>, Doubt> {
        let bytes = self.read_node(self.first_leaf)?;
        Ok(Node(&bytes).leaf_record(0).map(|(key, _)| key.to_vec()))
    }

    /// Sets the map to the part of a node.
    fn read_map(&self, node: u64, map: &mut NodeMap) -> Result<(), Doubt> {
        let bytes = self.read_node(node)?;
        let wanted = if node == 0 { (kind::HEADER, MAP_IN_HEADER) } else { (kind::MAP, 0) };
        let parsed = || {
            let descriptor = Node(&bytes).descriptor()?;
            // It takes what the node has room for. With less, many nodes would be read for few bits.
            let is_long = |bits: &&[u8]| bits.len() as u64 >= self.node_size / 4;
            let bits = Node(&bytes).record(wanted.1).filter(is_long)?;
            let is_wanted = descriptor.kind == wanted.0 && descriptor.height == 0;
            is_wanted.then(|| (bits.to_vec(), descriptor.next.get().into()))
        };
        let (mut bits, next) = parsed().ok_or_else(|| self.damaged(node))?;
        // The highest bit of a byte stands for its first node, as in the allocation file.
        bits.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        map.first += map.bits.len() as u64 * 8;
        map.parts += u64::from(node != 0);
        (map.bits, map.next) = (bits, next);
        Ok(())
    }

    /// The bits of `count` nodes from `first` on, which follow those asked for before.
    fn used_nodes(&self, map: &mut NodeMap, first: u64, count: u64) -> Result<Vec<u8>, Doubt> {
        let mut bits = vec![0; count.div_ceil(8) as usize];
        for number in 0..count {
            let node = first + number;
            while node - map.first >= map.bits.len() as u64 * 8 {
                if map.next == 0 {
                    return Err(self.damaged(0));
                }
                self.read_map(map.next, map)?;
            }
            let bit = node - map.first;
            let is_used = map.bits[(bit / 8) as usize] >> (bit % 8) & 1;
            bits[(number / 8) as usize] |= is_used << (number % 8);
        }
        Ok(bits)
    }

    /// Tells key and data of every record of the leaves.
    ///
    /// # Errors
    /// A doubt when a node is damaged, or records and nodes are not as many as the header says;
    /// those of the function.
    pub(super) fn each_record(&self, on_record: &mut OnRecord<'_>) -> Result<(), Doubt> {
        let mut map = NodeMap { bits: Vec::new(), first: 0, next: 0, parts: 0 };
        self.read_map(0, &mut map)?;
        let in_chunk = CHUNK / self.node_size;
        let mut buffer = vec![0; (CHUNK.min(self.nodes * self.node_size)) as usize];
        let (mut used, mut maps, mut records) = (0, 0, 0);
        for first in (0..self.nodes).step_by(in_chunk as usize) {
            let count = in_chunk.min(self.nodes - first);
            let bits = self.used_nodes(&mut map, first, count)?;
            let Some(range) = runs(&bits, count).reduce(|all, run| all.start..run.end) else {
                continue;
            };
            let length = ((range.end - range.start) * self.node_size) as usize;
            let buffer = &mut buffer[..length];
            self.fork.read_at(self.source, (first + range.start) * self.node_size, buffer)?;
            for number in runs(&bits, count).flatten() {
                let from = ((number - range.start) * self.node_size) as usize;
                let node = Node(&buffer[from..from + self.node_size as usize]);
                used += 1;
                match self.kind(node, first + number)? {
                    kind::MAP => maps += 1,
                    kind::LEAF => records += self.leaf(node, first + number, on_record)?,
                    _ => {}
                }
            }
        }
        // The map is as long as there are nodes, or longer.
        if used + self.free_nodes != self.nodes || maps < map.parts {
            return Err(self.damaged(0));
        }
        match records == self.leaf_records {
            true => Ok(()),
            false => Err(message!(
                "hfsplus-records",
                file = self.fork.name,
                counted = records.to_string(),
                stored = self.leaf_records.to_string()
            )),
        }
    }

    /// The kind of a node that is in use, which has to fit its place and height.
    fn kind(&self, node: Node<'_>, number: u64) -> Result<u8, Doubt> {
        let descriptor = node.descriptor().ok_or_else(|| self.damaged(number))?;
        let height = u64::from(descriptor.height);
        let fits = match descriptor.kind {
            kind::HEADER => number == 0 && height == 0,
            kind::MAP => number > 0 && height == 0,
            kind::LEAF => number > 0 && height == 1 && self.depth > 0,
            kind::INDEX => number > 0 && (2..=self.depth).contains(&height),
            _ => false,
        };
        if fits { Ok(descriptor.kind) } else { Err(self.damaged(number)) }
    }

    /// Tells the records of a leaf, and answers how many they are.
    fn leaf(
        &self,
        node: Node<'_>,
        number: u64,
        on_record: &mut OnRecord<'_>,
    ) -> Result<u64, Doubt> {
        let records = node.descriptor().map_or(0, |descriptor| descriptor.records.get());
        for record in 0..records {
            let (key, data) =
                node.leaf_record(record.into()).ok_or_else(|| self.damaged(number))?;
            on_record(key, data)?;
        }
        Ok(records.into())
    }
}
