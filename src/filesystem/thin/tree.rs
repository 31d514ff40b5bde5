//! B-trees of blocks: keys ascend, values are in the leaves, and whole branches can be shared.
//!
//! A node of a snapshot is that of its origin until one of them changes, so a branch can be reached in
//! many ways. It is read once, whatever the number of ways, which are counted: the counts have to be
//! those that the space map of the metadata device says.

use super::blocks::{BLOCK, Blocks, Kind, damaged, u32_at, u64_at};
use crate::filesystem::Doubt;
use std::ops::Range;

/// Nodes above each other that are followed. Four levels have room for all data blocks of the largest
/// pool, with nodes that are as empty as Linux lets them become.
const MAXIMUM_DEPTH: u32 = 16;
const HEADER: usize = 32;
const KEY: usize = 8;
/// Length of the number of a block, which is the value in inner nodes.
const POINTER: usize = 8;
const FLAG_INNER: u32 = 1;
const FLAG_LEAF: u32 = 2;

/// What a metadata block is used as.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Role {
    Nothing,
    Superblock,
    /// A node of the tree of devices.
    Devices,
    /// A node of the tree of one device.
    Mappings,
    Details,
    /// A list of bitmaps, in a block or as a node of a tree.
    Index,
    Bitmap,
    /// A node of the tree of counts that are too large for a bitmap.
    Counts,
}

/// A branch that was begun and has not come to its end.
const UNFINISHED: u64 = u64::MAX;

/// The metadata blocks, and what is known of those that were met.
pub(super) struct Visits<'a> {
    pub(super) blocks: &'a Blocks<'a>,
    roles: Vec<Role>,
    /// For each block how often something leads to it.
    references: Vec<u32>,
    /// For each node how many values its leaves have.
    values: Vec<u64>,
}

/// What a tree holds.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) role: Role,
    /// Length of a value in bytes.
    pub(super) value: usize,
}

/// Is called with each key and its value. A shared branch comes once.
pub(super) type Emit<'e> = dyn FnMut(u64, &[u8]) -> Result<(), Doubt> + 'e;

impl<'a> Visits<'a> {
    /// Nothing was met yet of the first `count` blocks.
    pub(super) fn new(blocks: &'a Blocks<'a>, count: usize) -> Self {
        Self {
            blocks,
            roles: vec![Role::Nothing; count],
            references: vec![0; count],
            values: vec![UNFINISHED; count],
        }
    }

    /// How often something led to each block.
    pub(super) fn references(&self) -> &[u32] {
        &self.references
    }

    /// Something leads to a block; answers whether it is the first time. No block is two things.
    pub(super) fn meet(&mut self, block: u64, role: Role) -> Result<bool, Doubt> {
        let place = usize::try_from(block).ok().filter(|place| *place < self.roles.len());
        let place = place.ok_or_else(|| damaged(block))?;
        self.references[place] = self.references[place].saturating_add(1);
        let is_first = self.roles[place] == Role::Nothing;
        if !is_first && self.roles[place] != role {
            return Err(damaged(block));
        }
        self.roles[place] = role;
        Ok(is_first)
    }

    /// Goes through a tree; answers how many values it has, those of shared branches too.
    pub(super) fn walk(
        &mut self,
        root: u64,
        shape: Shape,
        emit: &mut Emit<'_>,
    ) -> Result<u64, Doubt> {
        // No key is the greatest number there is: a range could not contain it.
        self.branch(root, shape, 0..u64::MAX, 0, emit)
    }

    /// Goes through the branch of a node whose keys lie in `range`. Calls itself once for each level.
    fn branch(
        &mut self,
        block: u64,
        shape: Shape,
        range: Range<u64>,
        depth: u32,
        emit: &mut Emit<'_>,
    ) -> Result<u64, Doubt> {
        let bad = || damaged(block);
        if depth > MAXIMUM_DEPTH {
            return Err(bad());
        }
        if !self.meet(block, shape.role)? {
            let values = self.values[block as usize];
            // Where it is not finished, it leads to itself.
            return if values == UNFINISHED { Err(bad()) } else { Ok(values) };
        }
        let bytes = self.blocks.read(block, Kind::Node)?;
        let node = Node::parse(&bytes, shape.value).ok_or_else(bad)?;
        let mut values = 0u64;
        let mut lowest = range.start;
        for entry in 0..node.entries {
            let (key, value) = node.entry(entry).ok_or_else(bad)?;
            if key < lowest || key >= range.end {
                return Err(bad());
            }
            lowest = key + 1;
            if node.is_leaf {
                emit(key, value)?;
                values = values.saturating_add(1);
            } else {
                let next = node.entry(entry + 1).map_or(range.end, |(next, _)| next);
                let child = u64_at(value, 0).ok_or_else(bad)?;
                let below = self.branch(child, shape, key..next, depth + 1, emit)?;
                values = values.saturating_add(below);
            }
        }
        self.values[block as usize] = values.min(UNFINISHED - 1);
        Ok(values)
    }
}

/// A node: a header, room for keys, room for values.
struct Node<'a> {
    is_leaf: bool,
    entries: usize,
    keys: &'a [u8],
    values: &'a [u8],
    /// Length of a value in bytes.
    length: usize,
}

impl<'a> Node<'a> {
    fn parse(bytes: &'a [u8], leaf_value: usize) -> Option<Self> {
        let field = |at| u32_at(bytes, at);
        let is_leaf = match field(4)? {
            FLAG_INNER => false,
            FLAG_LEAF => true,
            _ => return None,
        };
        let length = if is_leaf { leaf_value } else { POINTER };
        let (entries, room) = (field(16)? as usize, field(20)? as usize);
        let is_sound = field(24)? as usize == length
            && room <= (BLOCK - HEADER) / (KEY + length)
            && entries <= room
            && (is_leaf || entries > 0);
        if !is_sound {
            return None;
        }
        let (keys, values) = bytes.get(HEADER..)?.split_at_checked(room * KEY)?;
        Some(Self { is_leaf, entries, keys, values, length })
    }

    /// A key and its value; none behind the last one.
    fn entry(&self, number: usize) -> Option<(u64, &'a [u8])> {
        if number >= self.entries {
            return None;
        }
        let key = u64_at(self.keys, number * KEY)?;
        Some((key, self.values.get(number * self.length..(number + 1) * self.length)?))
    }
}
