//! Tree blocks, verified, and walks over them in the order of their keys.
//!
//! Source: btrfs documentation, "On-disk Format", sections "Header", "Node" and "Leaf".

use super::checksum;
use super::chunk::ChunkMap;
use super::key::Key;
use super::read;
use super::superblock::{MAX_LEVELS, Root, Superblock};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use std::mem::offset_of;
use std::ops::Range;
use std::rc::Rc;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Inner nodes kept for the next walk, which mostly begins with the same.
const CACHED: usize = 16;

/// `struct btrfs_header`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawHeader {
    csum: [u8; checksum::LENGTH],
    fsid: [u8; 16],
    bytenr: U64,
    flags: U64,
    chunk_tree_uuid: [u8; 16],
    generation: U64,
    owner: U64,
    nritems: U32,
    level: u8,
}

const HEADER: usize = size_of::<RawHeader>();
/// Bytes of `struct btrfs_key_ptr`: a key, an address, a generation.
const POINTER: usize = Key::LENGTH + 16;
/// Bytes of `struct btrfs_item`: a key, where the content is, how long it is.
const ITEM: usize = Key::LENGTH + 8;

const _: () = {
    assert!(HEADER == 101);
    assert!(POINTER == 33);
    assert!(ITEM == 25);
};

/// A tree block whose checksum and place are right and whose keys ascend.
struct Block {
    logical: u64,
    level: u8,
    items: usize,
    bytes: Vec<u8>,
}

impl Block {
    /// Bytes of one entry.
    const fn entry(&self) -> usize {
        if self.level == 0 { ITEM } else { POINTER }
    }

    fn key(&self, index: usize) -> Key {
        let start = HEADER + index * self.entry();
        Key::parse(&self.bytes[start..]).expect("entries were checked")
    }

    fn number<const N: usize>(&self, index: usize, at: usize) -> [u8; N] {
        let start = HEADER + index * self.entry() + at;
        self.bytes[start..start + N].try_into().expect("entries were checked")
    }

    /// The child of an inner node.
    fn child(&self, index: usize) -> Root {
        Root {
            logical: u64::from_le_bytes(self.number(index, Key::LENGTH)),
            generation: u64::from_le_bytes(self.number(index, Key::LENGTH + 8)),
            level: self.level - 1,
        }
    }

    /// Where in the block the content of an item is.
    fn content(&self, index: usize) -> Range<usize> {
        let [offset, length] =
            [0, 4].map(|at| u32::from_le_bytes(self.number(index, Key::LENGTH + at)) as usize);
        HEADER + offset..HEADER + offset + length
    }

    /// Whether the keys ascend and every entry and item is inside.
    fn is_sound(&self) -> bool {
        let most = (self.bytes.len() - HEADER) / self.entry();
        if self.items > most || (self.level > 0 && self.items == 0) {
            return false;
        }
        let ascends = (1..self.items).all(|index| self.key(index - 1) < self.key(index));
        let first_content = HEADER + self.items * ITEM;
        let inside = self.level > 0
            || (0..self.items).all(|index| {
                let content = self.content(index);
                content.start >= first_content && content.end <= self.bytes.len()
            });
        ascends && inside
    }
}

/// A device of the file system that is at hand.
pub(super) struct Device<'a> {
    pub(super) source: &'a dyn BlockSource,
    pub(super) id: u64,
}

/// Reads tree blocks through the chunks.
pub(super) struct Trees<'a> {
    pub(super) superblock: &'a Superblock,
    devices: Vec<Device<'a>>,
    pub(super) chunks: ChunkMap,
    cache: Vec<Rc<Block>>,
    /// Blocks that may still be read: bounds the time that a hostile file system can take.
    left: u64,
}

/// What a walk calls with the key and content of each item.
type Visit<'a> = &'a mut dyn FnMut(Key, &[u8]) -> Result<(), Doubt>;

impl<'a> Trees<'a> {
    /// Readers start with the chunks that the superblock tells.
    pub(super) fn new(
        superblock: &'a Superblock,
        devices: Vec<Device<'a>>,
        chunks: ChunkMap,
    ) -> Self {
        let bytes: u64 =
            devices.iter().fold(0, |sum, device| sum.saturating_add(device.source.size()));
        // Each copy on each device is looked up once at most, and the copies take room.
        let left = 2 * (bytes / superblock.node_size) + (1 << 12);
        Self { superblock, devices, chunks, cache: Vec::new(), left }
    }

    /// Calls `visit` with every item of a tree from `keys.start` on and before `keys.end`.
    ///
    /// Each block lies between the keys that its parent gives, so none is met twice.
    pub(super) fn walk(
        &mut self,
        root: Root,
        keys: Range<Key>,
        visit: Visit<'_>,
    ) -> Result<(), Doubt> {
        if root.level >= MAX_LEVELS {
            return Err(damaged(root.logical));
        }
        let block = self.block(root)?;
        // Blocks from the root down, the entry that is next, and the first key behind each.
        let mut path = vec![(Rc::clone(&block), start(&block, keys.start), keys.end)];
        loop {
            let depth = path.len() - 1;
            let (block, index, end) = &mut path[depth];
            let block = Rc::clone(block);
            if block.level == 0 {
                for item in *index..block.items {
                    let key = block.key(item);
                    if key >= *end {
                        break;
                    }
                    visit(key, &block.bytes[block.content(item)])?;
                }
            } else if *index < block.items && block.key(*index) < *end {
                let (first, child) = (block.key(*index), block.child(*index));
                *index += 1;
                let limit = if *index < block.items { block.key(*index).min(*end) } else { *end };
                let below = self.block(child)?;
                // What lies behind the next key of the parent belongs to its sibling.
                let last = below.items.checked_sub(1).map(|last| below.key(last));
                let sibling = (path[depth].1 < block.items).then(|| block.key(path[depth].1));
                let inside = below.items > 0
                    && below.key(0) == first
                    && sibling.is_none_or(|sibling| last < Some(sibling));
                if !inside {
                    return Err(damaged(child.logical));
                }
                let from = start(&below, keys.start);
                path.push((below, from, limit));
                continue;
            }
            path.pop();
            if path.is_empty() {
                return Ok(());
            }
        }
    }

    /// The content of one item.
    pub(super) fn item(&mut self, root: Root, wanted: Key) -> Result<Option<Vec<u8>>, Doubt> {
        let mut found = None;
        let behind = Key { offset: wanted.offset.saturating_add(1), ..wanted };
        self.walk(root, wanted..behind, &mut |key, content| {
            if key == wanted {
                found = Some(content.to_vec());
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn block(&mut self, place: Root) -> Result<Rc<Block>, Doubt> {
        if let Some(index) = self.cache.iter().position(|block| block.logical == place.logical)
            && self.cache[index].level == place.level
        {
            let block = self.cache.remove(index);
            self.cache.push(Rc::clone(&block));
            return Ok(block);
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| message!("btrfs-too-many-blocks"))?;
        let block = Rc::new(self.read(place)?);
        if self.cache.len() == CACHED {
            self.cache.remove(0);
        }
        self.cache.push(Rc::clone(&block));
        Ok(block)
    }

    /// Reads a block from the first of its copies that is right.
    fn read(&self, place: Root) -> Result<Block, Doubt> {
        let damaged = || damaged(place.logical);
        let node_size = self.superblock.node_size;
        let chunk = self.chunks.at(place.logical).ok_or_else(damaged)?;
        let offset = place.logical - chunk.logical;
        if !place.logical.is_multiple_of(self.superblock.sector_size)
            || chunk.length - offset < node_size
        {
            return Err(damaged());
        }
        let mut doubt = None;
        for copy in 0..chunk.copies() {
            let mut bytes = vec![0; node_size as usize];
            let mut filled = 0;
            let mut fill = || -> Result<(), Doubt> {
                while filled < bytes.len() {
                    let (stripe, there) = chunk.locate(offset + filled as u64, copy);
                    let device = self.devices.iter().find(|device| device.id == stripe.device);
                    let device = device.ok_or_else(|| message!("btrfs-device-missing"))?;
                    let length = there.min((bytes.len() - filled) as u64) as usize;
                    read(device.source, stripe.offset, &mut bytes[filled..filled + length])?;
                    filled += length;
                }
                Ok(())
            };
            match fill().and_then(|()| self.check(place, bytes)) {
                Ok(block) => return Ok(block),
                Err(error) => _ = doubt.get_or_insert(error),
            }
        }
        Err(doubt.unwrap_or_else(damaged))
    }

    fn check(&self, place: Root, bytes: Vec<u8>) -> Result<Block, Doubt> {
        if !self.superblock.checksum.holds(&bytes) {
            return Err(message!("btrfs-checksum", logical = place.logical.to_string()));
        }
        let (raw, _) = RawHeader::ref_from_prefix(&bytes).expect("a block has 4096 bytes");
        let is_right = raw.bytenr.get() == place.logical
            && raw.fsid == self.superblock.metadata_uuid
            && raw.generation.get() == place.generation
            && place.generation <= self.superblock.generation
            && raw.level == place.level;
        let items = raw.nritems.get() as usize;
        let block = Block { logical: place.logical, level: place.level, items, bytes };
        (is_right && block.is_sound()).then_some(block).ok_or_else(|| damaged(place.logical))
    }
}

/// The first entry that can lead to `key`.
fn start(block: &Block, key: Key) -> usize {
    let (mut low, mut high) = (0, block.items);
    while low < high {
        let middle = (low + high) / 2;
        if block.key(middle) < key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    // In an inner node what comes before may begin earlier and reach to it.
    if block.level > 0 && (low == block.items || block.key(low) > key) {
        low = low.saturating_sub(1);
    }
    low
}

fn damaged(logical: u64) -> Doubt {
    message!("btrfs-block", logical = logical.to_string())
}

const _: () = assert!(offset_of!(RawHeader, nritems) == 96);
