//! From chunks and extents to the bytes in use on one device.
//!
//! Sources: btrfs documentation, "On-disk Format", sections "Chunk tree", "Extent tree", "Block
//! group item", "Dev extent" and "Root item".

use super::chunk::{self, Chunk, ChunkMap};
use super::key::Key;
use super::superblock::{RawDevice, Root, Superblock};
use super::tree::{Device, Trees};
use super::{HEAD, TAIL};
use crate::block::BlockSource;
use crate::filesystem::{Budget, Doubt, Used};
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder};
use std::iter::Peekable;
use zerocopy::FromBytes as _;

/// Trees by their numbers.
const EXTENT_TREE: u64 = 2;
const DEVICE_TREE: u64 = 4;
const BLOCK_GROUP_TREE: u64 = 11;
/// Where a root item says where its tree begins.
const ROOT_GENERATION: usize = 160;
const ROOT_ADDRESS: usize = 176;
const ROOT_LEVEL: usize = 238;

/// The bytes in use on the device `source` with the superblock `own`, one of those of `family`:
/// all devices of its file system that are at hand.
pub(super) fn used(
    source: &dyn BlockSource,
    own: &Superblock,
    family: &[(&dyn BlockSource, &Superblock)],
    budget: Budget,
) -> Result<Used, Doubt> {
    check_family(own, family)?;
    let devices: Vec<Device<'_>> = family
        .iter()
        .map(|(source, superblock)| Device { source: *source, id: superblock.device.devid.get() })
        .collect();
    let is_complete = devices.len() as u64 == own.devices;
    let mut trees = Trees::new(own, devices, chunk::system_chunks(&own.system_chunks)?);
    read_chunks(&mut trees, own, family)?;
    let stripes = Stripes::of(own, &trees.chunks)?;

    let mut map = Collected::new(source, own, budget);
    if own.has_log || !is_complete {
        for stripe in &stripes.ascending {
            map.push(stripe.extent);
        }
        return Ok(map.finish());
    }

    let extents = root(&mut trees, EXTENT_TREE)?;
    let groups =
        if own.has_block_group_tree { root(&mut trees, BLOCK_GROUP_TREE)? } else { extents };
    check_device_extents(&mut trees, own, &stripes)?;
    // Bytes in each chunk, once it was walked.
    let mut bytes_used: Vec<Option<u64>> = vec![None; trees.chunks.as_slice().len()];
    for stripe in &stripes.ascending {
        let chunk = trees.chunks.as_slice()[stripe.chunk].clone();
        if chunk.is_mapped() {
            let start = stripe.extent.offset;
            let bytes = walk_chunk(&mut trees, extents, groups, &chunk, &mut |extent| {
                let part = chunk.part_of_stripe(stripe.index, extent);
                map.push(Extent::between(start + part.start, start + part.end));
            })?;
            bytes_used[stripe.chunk] = Some(bytes);
        } else {
            map.push(stripe.extent);
        }
    }
    // Chunks of the other devices count too.
    let mut sum: u64 = 0;
    for (index, bytes) in bytes_used.into_iter().enumerate() {
        let bytes = match bytes {
            Some(bytes) => bytes,
            None => {
                let chunk = trees.chunks.as_slice()[index].clone();
                walk_chunk(&mut trees, extents, groups, &chunk, &mut |_| {})?
            }
        };
        sum = sum.saturating_add(bytes);
    }
    if sum != own.bytes_used {
        return Err(message!(
            "btrfs-used-count",
            counted = sum.to_string(),
            stored = own.bytes_used.to_string()
        ));
    }
    Ok(map.finish())
}

/// Whether the devices at hand are different ones that tell the same story.
fn check_family(own: &Superblock, family: &[(&dyn BlockSource, &Superblock)]) -> Result<(), Doubt> {
    let same = |other: &Superblock| {
        other.generation == own.generation
            && other.metadata_uuid == own.metadata_uuid
            && other.root == own.root
            && other.chunk_root == own.chunk_root
            && other.has_log == own.has_log
            && other.devices == own.devices
            && other.bytes_used == own.bytes_used
            && other.node_size == own.node_size
    };
    if !family.iter().all(|(_, other)| same(other)) {
        return Err(message!("btrfs-devices-differ"));
    }
    let mut ids: Vec<u64> = family.iter().map(|(_, other)| other.device.devid.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != family.len() || ids.len() as u64 > own.devices {
        return Err(message!("btrfs-device-twice"));
    }
    Ok(())
}

/// Reads the chunk tree, whose own chunks the superblock tells, and takes its chunks from then
/// on.
fn read_chunks(
    trees: &mut Trees<'_>,
    own: &Superblock,
    family: &[(&dyn BlockSource, &Superblock)],
) -> Result<(), Doubt> {
    let mut chunks = ChunkMap::default();
    let mut devices = 0;
    let mut known = 0;
    trees.walk(own.chunk_root, Key::FIRST..Key::LAST, &mut |key, content| {
        if key.is_chunk() {
            let (chunk, _) = Chunk::parse(key, content)?;
            return chunks.push(chunk);
        }
        if key.is_device() {
            let (device, _) = RawDevice::ref_from_prefix(content)
                .map_err(|_| message!("btrfs-device-item", device = key.offset.to_string()))?;
            devices += 1;
            let mut others = family.iter().map(|(_, other)| &other.device);
            if let Some(other) = others.find(|other| other.devid == device.devid) {
                let same = device.uuid == other.uuid
                    && device.total_bytes == other.total_bytes
                    && device.bytes_used == other.bytes_used;
                if !same || key.offset != device.devid.get() {
                    return Err(message!("btrfs-device-item", device = key.offset.to_string()));
                }
                known += 1;
            }
        }
        Ok(())
    })?;
    if devices != own.devices || known != family.len() {
        return Err(message!("btrfs-device-item", device = own.device.devid.get().to_string()));
    }
    // The kernel starts from the same chunks.
    for chunk in trees.chunks.as_slice() {
        if chunks.at(chunk.logical) != Some(chunk) {
            return Err(message!("btrfs-chunk", logical = chunk.logical.to_string()));
        }
    }
    trees.chunks = chunks;
    Ok(())
}

/// A stripe on one device.
struct OwnStripe {
    /// Its bytes on the device.
    extent: Extent,
    /// Which chunk it belongs to, and which stripe of that it is.
    chunk: usize,
    index: usize,
}

/// The stripes of all chunks on one device.
struct Stripes {
    /// In the order of the device.
    ascending: Vec<OwnStripe>,
}

impl Stripes {
    fn of(own: &Superblock, chunks: &ChunkMap) -> Result<Self, Doubt> {
        let mut ascending = Vec::new();
        for (number, chunk) in chunks.as_slice().iter().enumerate() {
            for (index, stripe) in chunk.stripes.iter().enumerate() {
                if stripe.device == own.device.devid.get() {
                    let extent = Extent::new(stripe.offset, chunk.stripe_length());
                    ascending.push(OwnStripe { extent, chunk: number, index });
                }
            }
        }
        ascending.sort_unstable_by_key(|stripe| stripe.extent);
        let overlaps = ascending.windows(2).find(|pair| pair[0].extent.overlaps(pair[1].extent));
        let behind = ascending.last().filter(|last| last.extent.end() > own.length());
        if let Some(stripe) = overlaps.map(|pair| &pair[1]).or(behind) {
            let logical = chunks.as_slice()[stripe.chunk].logical;
            return Err(message!("btrfs-chunk", logical = logical.to_string()));
        }
        let sum: u64 = ascending.iter().map(|stripe| stripe.extent.length).sum();
        if sum != own.device.bytes_used.get() {
            return Err(message!(
                "btrfs-device-count",
                counted = sum.to_string(),
                stored = own.device.bytes_used.get().to_string()
            ));
        }
        Ok(Self { ascending })
    }
}

/// Whether the device tree lists the same pieces of this device as the chunks do.
fn check_device_extents(
    trees: &mut Trees<'_>,
    own: &Superblock,
    stripes: &Stripes,
) -> Result<(), Doubt> {
    let device = own.device.devid.get();
    let tree = root(trees, DEVICE_TREE)?;
    let mut expected = stripes.ascending.iter();
    let chunks: Vec<u64> = trees.chunks.as_slice().iter().map(|chunk| chunk.logical).collect();
    let differs = |offset: u64| message!("btrfs-device-extent", offset = offset.to_string());
    trees.walk(tree, Key::of_object(device)..Key::of_object(device + 1), &mut |key, content| {
        if key.kind != Key::DEVICE_EXTENT {
            return Ok(());
        }
        let stripe = expected.next().ok_or_else(|| differs(key.offset))?;
        // `struct btrfs_dev_extent`: the chunk at 16, the length at 24.
        let same = key.offset == stripe.extent.offset
            && number(content, 16) == Some(chunks[stripe.chunk])
            && number(content, 24) == Some(stripe.extent.length);
        same.then_some(()).ok_or_else(|| differs(key.offset))
    })?;
    match expected.next() {
        Some(stripe) => Err(differs(stripe.extent.offset)),
        None => Ok(()),
    }
}

/// Where a tree begins, by the tree of trees.
fn root(trees: &mut Trees<'_>, tree: u64) -> Result<Root, Doubt> {
    let missing = || message!("btrfs-tree-missing", tree = tree.to_string());
    let place = trees.superblock.root;
    let item = trees
        .item(place, Key { object: tree, kind: Key::ROOT_ITEM, offset: 0 })?
        .ok_or_else(missing)?;
    Ok(Root {
        logical: number(&item, ROOT_ADDRESS).ok_or_else(missing)?,
        level: *item.get(ROOT_LEVEL).ok_or_else(missing)?,
        generation: number(&item, ROOT_GENERATION).ok_or_else(missing)?,
    })
}

/// Calls `emit` with every extent in a chunk, as offsets from its start, ascending; answers the
/// bytes of all of them, which are those that the block group states.
fn walk_chunk(
    trees: &mut Trees<'_>,
    extents: Root,
    groups: Root,
    chunk: &Chunk,
    emit: &mut dyn FnMut(std::ops::Range<u64>),
) -> Result<u64, Doubt> {
    let (sector_size, node_size) = (trees.superblock.sector_size, trees.superblock.node_size);
    let mut position = chunk.logical;
    let mut bytes = 0;
    let keys = Key::of_object(chunk.logical)..Key::of_object(chunk.end());
    trees.walk(extents, keys, &mut |key, _| {
        let length = match key.kind {
            Key::EXTENT_ITEM => key.offset,
            Key::METADATA_ITEM => node_size,
            _ => return Ok(()),
        };
        let end = key.object.checked_add(length).filter(|end| *end <= chunk.end());
        let aligned = key.object.is_multiple_of(sector_size) && length.is_multiple_of(sector_size);
        match end {
            Some(end) if length != 0 && aligned && key.object >= position => {
                emit(key.object - chunk.logical..end - chunk.logical);
                position = end;
                bytes += length;
                Ok(())
            }
            _ => Err(message!("btrfs-extent", logical = key.object.to_string())),
        }
    })?;
    let group = Key { object: chunk.logical, kind: Key::BLOCK_GROUP_ITEM, offset: chunk.length };
    let item = trees.item(groups, group)?;
    // `struct btrfs_block_group_item`: bytes used at 0, content and profile at 16.
    let stated = item.as_deref().and_then(|item| number(item, 0));
    let kind = item.as_deref().and_then(|item| number(item, 16));
    if stated != Some(bytes) || kind != Some(chunk.kind) {
        return Err(message!(
            "btrfs-group-count",
            logical = chunk.logical.to_string(),
            counted = bytes.to_string(),
            stored = stated.unwrap_or(0).to_string()
        ));
    }
    Ok(bytes)
}

/// The number at an offset.
fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

/// The map of one device, as extents come in the order of the device, together with what is
/// always kept.
struct Collected {
    map: ExtentMapBuilder,
    kept: Peekable<std::vec::IntoIter<Extent>>,
    signatures: Vec<Extent>,
}

impl Collected {
    fn new(source: &dyn BlockSource, own: &Superblock, budget: Budget) -> Self {
        let signatures: Vec<Extent> = own.mirrors().collect();
        let size = source.size();
        let behind = Extent::between(own.length().max(size.saturating_sub(TAIL)), size);
        let kept: ExtentMap =
            signatures.iter().copied().chain([Extent::new(0, HEAD), behind]).collect();
        let kept: Vec<Extent> = kept.iter().collect();
        Self {
            map: ExtentMapBuilder::with_budget(budget.extents),
            kept: kept.into_iter().peekable(),
            signatures,
        }
    }

    fn push(&mut self, extent: Extent) {
        if extent.is_empty() {
            return;
        }
        while let Some(kept) = self.kept.next_if(|kept| kept.offset <= extent.offset) {
            self.map.push(kept);
        }
        self.map.push(extent);
    }

    fn finish(mut self) -> Used {
        self.map.extend(self.kept);
        Used { extents: self.map.build(), signatures: self.signatures }
    }
}
