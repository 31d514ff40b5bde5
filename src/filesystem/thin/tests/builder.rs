//! Metadata of pools written by the tests, where the tools make none: with shared branches, metadata
//! snapshots, and whatever may be wrong.

use crate::block::memory::MemoryDisk;
use crate::filesystem::crc32c;
use crate::filesystem::testing::Image;
use std::collections::{BTreeMap, BTreeSet};

const BLOCK: usize = 4096;
/// Blocks of the metadata device.
const BLOCKS: u64 = 700;
const BITMAP_BLOCKS: u64 = (BLOCK as u64 - 16) * 4;

const SUPERBLOCK: u32 = 160_774;
const NODE: u32 = 121_107;
const INDEX: u32 = 160_478;
const BITMAP: u32 = 240_779;

/// A device of a pool: its number, the root of its mappings, how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    pub(super) number: u64,
    pub(super) root: u64,
    pub(super) mapped: u64,
}

pub(super) struct Builder {
    pool: Pool,
    data_blocks: u64,
    chunk: u64,
    fan_out: usize,
    /// What becomes in use beside what is mapped, and what does not although it is.
    leaked: BTreeSet<u64>,
    freed: BTreeSet<u64>,
    held: Option<(u64, u64)>,
}

/// Finished metadata.
#[derive(Clone)]
pub(super) struct Pool {
    bytes: Vec<u8>,
    next: u64,
    /// What is mixed into the checksum of each block.
    salts: BTreeMap<u64, u32>,
    /// Roots of the trees of devices: of the pool and of the metadata snapshot.
    devices: Vec<u64>,
    pub(super) details: u64,
    used: BTreeSet<u64>,
    bitmap: u64,
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

impl Builder {
    pub(super) fn new(data_blocks: u64, chunk: u64) -> Self {
        let pool = Pool {
            bytes: vec![0; BLOCKS as usize * BLOCK],
            next: 1,
            salts: BTreeMap::new(),
            devices: Vec::new(),
            details: 0,
            used: BTreeSet::new(),
            bitmap: 0,
        };
        let (leaked, freed) = (BTreeSet::new(), BTreeSet::new());
        Self { pool, data_blocks, chunk, fan_out: 5, leaked, freed, held: None }
    }

    /// Most entries of a node.
    pub(super) fn fan_out(mut self, entries: usize) -> Self {
        self.fan_out = entries;
        self
    }

    /// A data block is in use although nothing maps it.
    pub(super) fn leak(&mut self, block: u64) {
        self.leaked.insert(block);
    }

    /// A data block is free although something may map it.
    pub(super) fn free(&mut self, block: u64) {
        self.freed.insert(block);
    }

    /// The tree of the mappings of a device.
    pub(super) fn mappings(&mut self, mappings: &BTreeMap<u64, u64>) -> u64 {
        let entries: Vec<(u64, Vec<u8>)> = mappings
            .iter()
            .map(|(block, data)| (*block, (data << 24 | 1).to_le_bytes().to_vec()))
            .collect();
        self.pool.tree(&entries, 8, self.fan_out)
    }

    /// A tree whose first branch holds `mappings`, and whose second one is `other`, shared. The blocks
    /// of the other one are taken for those behind the last of `mappings`: its keys are not moved, so
    /// the second branch begins at the first key of it that lies there.
    pub(super) fn joined(&mut self, other: u64, mappings: &BTreeMap<u64, u64>) -> u64 {
        // The children of the other one, but for those that begin before the end of `mappings`.
        let end = mappings.keys().last().unwrap() + 1;
        let mut entries = Vec::new();
        let mut kept = BTreeMap::new();
        for (key, child) in self.pool.inner(other) {
            let below = self.pool.below(child);
            if *below.keys().next().unwrap() >= end {
                entries.push((key, child.to_le_bytes().to_vec()));
            } else {
                kept.extend(below.into_iter().map(|(key, data)| (key + 100_000, data)));
            }
        }
        let first = self.mappings(mappings);
        entries.insert(0, (0, first.to_le_bytes().to_vec()));
        let last = self.mappings(&kept);
        entries.push((100_000, last.to_le_bytes().to_vec()));
        self.pool.node(false, &entries, 8)
    }

    fn trees(&mut self, devices: &[Device]) -> (u64, u64) {
        let roots: Vec<(u64, Vec<u8>)> = devices
            .iter()
            .map(|device| (device.number, device.root.to_le_bytes().to_vec()))
            .collect();
        let details: Vec<(u64, Vec<u8>)> = devices
            .iter()
            .map(|device| {
                let mut details = device.mapped.to_le_bytes().to_vec();
                details.resize(24, 0);
                (device.number, details)
            })
            .collect();
        let roots = self.pool.tree(&roots, 8, self.fan_out);
        (roots, self.pool.tree(&details, 24, self.fan_out))
    }

    /// A metadata snapshot with these devices.
    pub(super) fn held(&mut self, devices: &[Device]) {
        self.held = Some(self.trees(devices));
    }

    pub(super) fn finish(mut self, devices: &[Device], transaction: u64) -> Pool {
        let (mappings, details) = self.trees(devices);
        let held = self.held.map(|_| self.pool.allocate(SUPERBLOCK));
        let pool = &mut self.pool;
        pool.details = details;
        pool.devices.push(mappings);
        pool.devices.extend(self.held.map(|(mappings, _)| mappings));

        // Data blocks: in how many leaves each is.
        let mut data: BTreeMap<u64, u32> = BTreeMap::new();
        for block in pool.all_mapped().into_iter().chain(self.leaked) {
            *data.entry(block).or_default() += 1;
        }
        data.retain(|block, _| *block < self.data_blocks && !self.freed.contains(block));
        let mut entries = Vec::new();
        for number in 0..self.data_blocks.div_ceil(BITMAP_BLOCKS) {
            let bitmap = pool.allocate(BITMAP);
            pool.bitmap(bitmap, &data, number);
            let mut entry = bitmap.to_le_bytes().to_vec();
            entry.resize(16, 0);
            entries.push((number, entry));
        }
        let index = pool.tree(&entries, 16, self.fan_out.min(100));
        let counts = pool.tree(&large(&data), 4, 200);
        let data_root = [self.data_blocks, data.len() as u64, index, counts];

        // Metadata blocks: all of them are allocated first.
        let index = pool.allocate(INDEX);
        let bitmap = pool.allocate(BITMAP);
        pool.bitmap = bitmap;
        let counts = pool.allocate(NODE);
        let mut references: BTreeMap<u64, u32> =
            [0, index, bitmap, counts].into_iter().map(|block| (block, 1)).collect();
        let mut roots = vec![mappings, details, data_root[2], data_root[3]];
        references.extend(held.map(|held| (held, 1)));
        roots.extend(self.held.into_iter().flat_map(|(mappings, details)| [mappings, details]));
        for root in roots {
            pool.refer(root, &mut references);
        }
        pool.used = references.keys().copied().collect();
        pool.bitmap(bitmap, &references, 0);
        let list = large(&references);
        pool.write_node(counts, true, &list, 4);
        let at = index as usize * BLOCK + 16;
        put(&mut pool.bytes, at, &bitmap.to_le_bytes());
        let metadata_root = [BLOCKS, references.len() as u64, index, counts];

        let mut fields: Vec<(usize, Vec<u8>)> = vec![
            (32, 27_022_010_u64.to_le_bytes().to_vec()),
            (40, 2_u32.to_le_bytes().to_vec()),
            (44, 5_u32.to_le_bytes().to_vec()),
            (48, transaction.to_le_bytes().to_vec()),
            (336, ((self.chunk / 512) as u32).to_le_bytes().to_vec()),
            (340, 8_u32.to_le_bytes().to_vec()),
            (344, BLOCKS.to_le_bytes().to_vec()),
        ];
        pool.salts.insert(0, SUPERBLOCK);
        if let (Some(block), Some((mappings, details))) = (held, self.held) {
            for (at, value) in fields.iter().cloned().chain([
                (320, mappings.to_le_bytes().to_vec()),
                (328, details.to_le_bytes().to_vec()),
            ]) {
                put(&mut pool.bytes, block as usize * BLOCK + at, &value);
            }
        }
        fields.push((56, held.unwrap_or(0).to_le_bytes().to_vec()));
        for (number, value) in data_root.into_iter().chain([0; 12]).chain(metadata_root).enumerate()
        {
            fields.push((64 + number * 8, value.to_le_bytes().to_vec()));
        }
        fields.push((320, mappings.to_le_bytes().to_vec()));
        fields.push((328, details.to_le_bytes().to_vec()));
        for (at, value) in fields {
            put(&mut pool.bytes, at, &value);
        }
        let salts: Vec<u64> = pool.salts.keys().copied().collect();
        salts.into_iter().for_each(|block| pool.seal(block));
        self.pool
    }
}

/// The counts that are too large for a bitmap.
fn large(counts: &BTreeMap<u64, u32>) -> Vec<(u64, Vec<u8>)> {
    let large = counts.iter().filter(|(_, count)| **count > 2);
    large.map(|(block, count)| (*block, count.to_le_bytes().to_vec())).collect()
}

impl Pool {
    fn allocate(&mut self, salt: u32) -> u64 {
        let block = self.next;
        assert!(block < BLOCKS, "the pool of the test is too large");
        self.next += 1;
        self.salts.insert(block, salt);
        block
    }

    fn at(&self, block: u64, at: usize) -> u64 {
        let start = block as usize * BLOCK + at;
        u64::from_le_bytes(self.bytes[start..start + 8].try_into().unwrap())
    }

    fn u32(&self, block: u64, at: usize) -> u32 {
        self.at(block, at) as u32
    }

    fn node(&mut self, is_leaf: bool, entries: &[(u64, Vec<u8>)], length: usize) -> u64 {
        let block = self.allocate(NODE);
        self.write_node(block, is_leaf, entries, length);
        block
    }

    fn write_node(&mut self, block: u64, is_leaf: bool, entries: &[(u64, Vec<u8>)], length: usize) {
        let room = (BLOCK - 32) / (8 + length) / 3 * 3;
        assert!(entries.len() <= room);
        let node = &mut self.bytes[block as usize * BLOCK..][..BLOCK];
        put(node, 4, &(1_u32 << u32::from(is_leaf)).to_le_bytes());
        put(node, 16, &(entries.len() as u32).to_le_bytes());
        put(node, 20, &(room as u32).to_le_bytes());
        put(node, 24, &(length as u32).to_le_bytes());
        for (number, (key, value)) in entries.iter().enumerate() {
            put(node, 32 + number * 8, &key.to_le_bytes());
            put(node, 32 + room * 8 + number * length, value);
        }
    }

    fn tree(&mut self, entries: &[(u64, Vec<u8>)], length: usize, fan_out: usize) -> u64 {
        let mut level: Vec<(u64, Vec<u8>)> = Vec::new();
        for part in entries.chunks(fan_out) {
            let node = self.node(true, part, length);
            level.push((part[0].0, node.to_le_bytes().to_vec()));
        }
        if level.is_empty() {
            return self.node(true, &[], length);
        }
        while level.len() > 1 {
            let parts: Vec<Vec<(u64, Vec<u8>)>> =
                level.chunks(fan_out).map(<[_]>::to_vec).collect();
            level = Vec::new();
            for part in parts {
                let node = self.node(false, &part, 8);
                level.push((part[0].0, node.to_le_bytes().to_vec()));
            }
        }
        u64::from_le_bytes(level[0].1.clone().try_into().unwrap())
    }

    fn bitmap(&mut self, block: u64, counts: &BTreeMap<u64, u32>, number: u64) {
        let first = number * BITMAP_BLOCKS;
        for (other, count) in counts.range(first..first + BITMAP_BLOCKS) {
            self.set_bits(block, other - first, *count);
        }
    }

    fn set_bits(&mut self, bitmap: u64, place: u64, count: u32) {
        let shift = place % 4 * 2;
        // The upper bit of the count comes first.
        let pair = [0b00, 0b10, 0b01, 0b11][count.min(3) as usize] << shift;
        let byte = &mut self.bytes[bitmap as usize * BLOCK + 16 + (place / 4) as usize];
        *byte = *byte & !(3 << shift) | pair;
    }

    /// Keys and children of an inner node.
    fn inner(&self, node: u64) -> Vec<(u64, u64)> {
        assert_eq!(self.u32(node, 4), 1);
        let (entries, room) = (self.u32(node, 16) as usize, self.u32(node, 20) as usize);
        (0..entries)
            .map(|number| (self.at(node, 32 + number * 8), self.at(node, 32 + (room + number) * 8)))
            .collect()
    }

    /// The mappings below a node.
    fn below(&self, node: u64) -> BTreeMap<u64, u64> {
        let (entries, room) = (self.u32(node, 16) as usize, self.u32(node, 20) as usize);
        let mut found = BTreeMap::new();
        for number in 0..entries {
            let value = self.at(node, 32 + (room + number) * 8);
            if self.u32(node, 4) == 1 {
                found.extend(self.below(value));
            } else {
                found.insert(self.at(node, 32 + number * 8), value >> 24);
            }
        }
        found
    }

    /// Counts what leads to `node`, and below it where that is new.
    fn refer(&self, node: u64, references: &mut BTreeMap<u64, u32>) {
        let count = references.entry(node).or_default();
        *count += 1;
        if *count > 1 || self.salts[&node] != NODE {
            return;
        }
        let (entries, room) = (self.u32(node, 16) as usize, self.u32(node, 20) as usize);
        let (is_leaf, length) = (self.u32(node, 4) == 2, self.u32(node, 24) as usize);
        let is_of_devices = self.is_of_devices(node);
        for number in 0..entries {
            let value = self.at(node, 32 + room * 8 + number * length);
            // Leaves with bitmaps, and those with the roots of other trees.
            if !is_leaf || length == 16 || is_of_devices {
                self.refer(value, references);
            }
        }
    }

    fn is_of_devices(&self, node: u64) -> bool {
        let mut nodes = self.devices.clone();
        while let Some(next) = nodes.pop() {
            if next == node {
                return true;
            }
            if self.u32(next, 4) == 1 {
                nodes.extend(self.inner(next).into_iter().map(|(_, child)| child));
            }
        }
        false
    }

    /// The data block of each mapping, once for each leaf that has it.
    fn all_mapped(&self) -> Vec<u64> {
        let roots = self.devices.iter().flat_map(|devices| {
            let below = self.leaf_values(*devices);
            below.into_iter().collect::<Vec<u64>>()
        });
        let mut leaves = BTreeSet::new();
        let mut nodes: Vec<u64> = roots.collect();
        while let Some(node) = nodes.pop() {
            match self.u32(node, 4) {
                1 => nodes.extend(self.inner(node).into_iter().map(|(_, child)| child)),
                _ => _ = leaves.insert(node),
            }
        }
        leaves.into_iter().flat_map(|leaf| self.below(leaf).into_values()).collect()
    }

    fn leaf_values(&self, node: u64) -> Vec<u64> {
        if self.u32(node, 4) == 1 {
            let children = self.inner(node);
            return children.into_iter().flat_map(|(_, child)| self.leaf_values(child)).collect();
        }
        let (entries, room) = (self.u32(node, 16) as usize, self.u32(node, 20) as usize);
        (0..entries).map(|number| self.at(node, 32 + (room + number) * 8)).collect()
    }

    /// Data blocks that a walk finds which believes everything and passes what leads nowhere.
    pub(super) fn found(&self) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        let held = self.at(0, 56);
        let mut nodes: Vec<(u64, bool)> = vec![(self.at(0, 320), true)];
        if held != 0 && held < BLOCKS {
            nodes.push((self.at(held, 320), true));
        }
        let mut seen = BTreeSet::new();
        while let Some((node, is_of_devices)) = nodes.pop() {
            if node >= BLOCKS || !seen.insert((node, is_of_devices)) {
                continue;
            }
            let room = (self.u32(node, 20) as usize).min(BLOCK);
            let entries = (self.u32(node, 16) as usize).min(BLOCK);
            let places = (0..entries).map(|number| 32 + (room + number) * 8);
            for at in places.take_while(|at| at + 8 <= BLOCK) {
                let value = self.at(node, at);
                match self.u32(node, 4) {
                    1 => nodes.push((value, is_of_devices)),
                    _ if is_of_devices => nodes.push((value, false)),
                    _ => _ = found.insert(value >> 24),
                }
            }
        }
        found
    }

    /// Makes number and checksum of a block right.
    fn seal(&mut self, block: u64) {
        let Some(salt) = self.salts.get(&block) else { return };
        let bytes = &mut self.bytes[block as usize * BLOCK..][..BLOCK];
        put(bytes, 8, &block.to_le_bytes());
        let sum = crc32c::chained(crc32c::SEED, &bytes[4..]) ^ salt;
        put(bytes, 0, &sum.to_le_bytes());
    }

    /// Overwrites bytes of a block, with the right checksum afterwards.
    pub(super) fn change(&mut self, block: u64, at: usize, bytes: &[u8]) {
        put(&mut self.bytes, block as usize * BLOCK + at, bytes);
        self.seal(block);
    }

    pub(super) fn flip(&mut self, block: u64, at: usize, bits: u8) {
        self.bytes[block as usize * BLOCK + at] ^= bits;
    }

    pub(super) fn set_metadata_count(&mut self, block: u64, count: u32) {
        self.set_bits(self.bitmap, block, count);
        self.seal(self.bitmap);
    }

    pub(super) fn set_first_child(&mut self, node: u64, child: u64) {
        let room = self.u32(node, 20) as usize;
        self.change(node, 32 + room * 8, &child.to_le_bytes());
    }

    /// How many blocks were ever written.
    pub(super) fn blocks(&self) -> u64 {
        self.next
    }

    pub(super) fn is_used(&self, block: u64) -> bool {
        self.used.contains(&block)
    }

    pub(super) fn disk(&self) -> MemoryDisk {
        MemoryDisk::new(self.bytes.clone())
    }

    pub(super) fn image(&self) -> Image {
        let image = Image::new(self.bytes.len() as u64);
        image.write(0, &self.bytes);
        image
    }
}
