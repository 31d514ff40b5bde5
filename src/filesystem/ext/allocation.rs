//! From group descriptors and bitmaps to the blocks in use, with every cross-check there is.
//!
//! Two walks over the descriptors: the first collects all metadata, because with flexible block
//! groups that of one group may lie in any other; the second reads the bitmaps in disk order
//! and holds them against it.

use super::group_descriptor::{DescriptorTable, GroupDescriptor};
use super::read;
use super::replay::Replay;
use super::superblock::{PRIMARY, Superblock};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::filesystem::bitmap::{all_set, runs};
use crate::text::message;
use crate::units::{Extent, ExtentMapBuilder, KIB};
use std::ops::Range;

/// Runs of metadata kept in memory: 16 MiB, enough for a file system of 128 TiB with groups of
/// 128 MiB even when none of its metadata touches.
const MAX_METADATA_RUNS: usize = 1 << 20;
/// How many bytes of bitmaps that lie together are read at once.
const BATCH: u64 = 256 * KIB;

/// What is in use besides what the bitmaps say that are read, when they are read as they will be
/// after a replay of the journal.
pub(super) struct Also<'a> {
    /// The volume as it is.
    pub(super) before: &'a dyn BlockSource,
    /// What would be written to it.
    pub(super) replay: &'a Replay,
}

impl Also<'_> {
    /// Sets the bits of `bitmap`, that of `group`, whose clusters are in use before the replay or
    /// written by it. The bitmaps as they are prove nothing, since their checksums may be among
    /// what is to be written; all they can do here is add.
    fn add(
        &self,
        superblock: &Superblock,
        group: u64,
        descriptor: &GroupDescriptor,
        bitmap: &mut [u8],
    ) -> Result<(), Doubt> {
        let blocks = superblock.group_blocks(group);
        if !descriptor.block_uninit {
            let mut before = vec![0; superblock.block_size as usize];
            let offset = descriptor.block_bitmap.start * superblock.block_size;
            read(self.before, offset, &mut before)?;
            for (byte, also) in bitmap.iter_mut().zip(before) {
                *byte |= also;
            }
        }
        for block in self.replay.blocks_within(blocks.clone()) {
            let cluster = (block - blocks.start) / superblock.cluster_ratio;
            bitmap[cluster as usize / 8] |= 1 << (cluster % 8);
        }
        Ok(())
    }
}

/// Adds every extent in use to `map`, in disk order, from the boot block to the end of the file
/// system.
pub(super) fn add_used(
    source: &dyn BlockSource,
    superblock: &Superblock,
    also: Option<Also<'_>>,
    map: &mut ExtentMapBuilder,
) -> Result<(), Doubt> {
    let mut table = DescriptorTable::new(source, superblock);
    let metadata = metadata(superblock, &mut table)?;
    let mut bitmaps = BitmapReader::new(source, superblock);
    let mut next = 0;
    let mut free_clusters = 0u64;

    map.push(Extent::new(0, PRIMARY.end()));
    for group in 0..superblock.groups {
        let descriptor = table.group(group)?;
        let blocks = superblock.group_blocks(group);
        let inside = within(&metadata, &mut next, &blocks);
        let clusters = inside.map(|run| clusters_of(superblock, &blocks, &run));
        let mut used = 0;
        // All bits of the group, where more of them are to be set.
        let mut all = also.as_ref().map(|_| vec![0; superblock.block_size as usize]);
        let mut push = |run: Range<u64>| {
            let start = blocks.start + run.start * superblock.cluster_ratio;
            let end = (blocks.start + run.end * superblock.cluster_ratio).min(blocks.end);
            map.push(Extent::between(start * superblock.block_size, end * superblock.block_size));
        };
        let mut add = |run: Range<u64>| {
            used += run.end - run.start;
            match &mut all {
                None => push(run),
                Some(all) => run.for_each(|bit| all[bit as usize / 8] |= 1 << (bit % 8)),
            }
        };
        let bits = (blocks.end - blocks.start).div_ceil(superblock.cluster_ratio);
        if descriptor.block_uninit {
            // The kernel and e2fsprogs take this flag for an error in group 0.
            if group == 0 {
                return Err(message!("ext-descriptor-flags", group = group.to_string()));
            }
            joined(clusters).for_each(&mut add);
        } else {
            let bitmap = bitmaps.read(&table, group, &descriptor)?;
            let (counted, _) = bitmap.split_at(superblock.clusters_per_group() as usize / 8);
            if !descriptor.bitmap_matches(counted) {
                return Err(message!("ext-bitmap-checksum", group = group.to_string()));
            }
            for run in clusters {
                if !all_set(bitmap, run) {
                    return Err(message!("ext-metadata-free", group = group.to_string()));
                }
            }
            runs(bitmap, bits).for_each(&mut add);
        }
        if let (Some(also), Some(mut all)) = (&also, all) {
            also.add(superblock, group, &descriptor, &mut all)?;
            runs(&all, bits).for_each(&mut push);
        }
        let free = bits - used;
        if free != descriptor.free_clusters {
            return Err(message!(
                "ext-free-count-group",
                group = group.to_string(),
                counted = free.to_string(),
                stored = descriptor.free_clusters.to_string()
            ));
        }
        free_clusters += free;
    }
    let free_blocks = free_clusters * superblock.cluster_ratio;
    // The kernel counts anew after a replay: what the superblock says is of some moment before.
    if also.is_none() && free_blocks != superblock.free_blocks {
        return Err(message!(
            "ext-free-count",
            counted = free_blocks.to_string(),
            stored = superblock.free_blocks.to_string()
        ));
    }
    Ok(())
}

/// Every block that holds metadata, as runs in ascending order that do not touch.
fn metadata(
    superblock: &Superblock,
    table: &mut DescriptorTable<'_>,
) -> Result<Vec<Range<u64>>, Doubt> {
    let mut all = MetadataRuns::default();
    if let Some(block) = superblock.mmp_block {
        all.add(0, block..block + 1)?;
    }
    for group in 0..superblock.groups {
        let fixed = superblock.fixed_metadata(group);
        if fixed.end > superblock.group_blocks(group).end {
            return Err(message!("ext-group-too-small", group = group.to_string()));
        }
        all.add(0, fixed)?;
        let descriptor = table.group(group)?;
        all.add(1, descriptor.block_bitmap)?;
        all.add(2, descriptor.inode_bitmap)?;
        all.add(3, descriptor.inode_table)?;
    }
    all.finish()
}

/// Collects runs of blocks in any order and joins them now and then.
struct MetadataRuns {
    /// The last run of each kind: what comes next often goes on where it ends.
    open: [Range<u64>; 4],
    runs: Vec<Range<u64>>,
    compact_at: usize,
}

impl Default for MetadataRuns {
    fn default() -> Self {
        Self { open: Default::default(), runs: Vec::new(), compact_at: 1 << 12 }
    }
}

impl MetadataRuns {
    fn add(&mut self, kind: usize, run: Range<u64>) -> Result<(), Doubt> {
        if run.is_empty() {
            return Ok(());
        }
        let open = &mut self.open[kind];
        if open.end == run.start {
            open.end = run.end;
            return Ok(());
        }
        let finished = std::mem::replace(open, run);
        if !finished.is_empty() {
            self.runs.push(finished);
        }
        if self.runs.len() >= self.compact_at {
            self.compact()?;
            self.compact_at = (self.runs.len() * 2).max(self.compact_at);
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<(), Doubt> {
        self.runs.sort_unstable_by_key(|run| (run.start, run.end));
        let mut overlap = None;
        self.runs.dedup_by(|next, kept| {
            if next.start < kept.end {
                overlap = Some(next.start);
            }
            let touches = next.start <= kept.end;
            if touches {
                kept.end = kept.end.max(next.end);
            }
            touches
        });
        if let Some(block) = overlap {
            return Err(message!("ext-metadata-overlap", block = block.to_string()));
        }
        if self.runs.len() > MAX_METADATA_RUNS {
            return Err(message!("ext-metadata-scattered"));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Range<u64>>, Doubt> {
        self.runs.extend(self.open.iter().filter(|run| !run.is_empty()).cloned());
        self.compact()?;
        Ok(self.runs)
    }
}

/// The parts of sorted `runs` that lie in `blocks`; `next` remembers where the search goes on
/// for the blocks behind.
fn within<'a>(
    runs: &'a [Range<u64>],
    next: &mut usize,
    blocks: &Range<u64>,
) -> impl Iterator<Item = Range<u64>> + use<'a> {
    while runs.get(*next).is_some_and(|run| run.end <= blocks.start) {
        *next += 1;
    }
    let blocks = blocks.clone();
    runs[*next..]
        .iter()
        .take_while({
            let end = blocks.end;
            move |run| run.start < end
        })
        .map(move |run| run.start.max(blocks.start)..run.end.min(blocks.end))
}

/// The clusters of a group, counted from its start, that a run of its blocks touches.
fn clusters_of(superblock: &Superblock, group: &Range<u64>, run: &Range<u64>) -> Range<u64> {
    let ratio = superblock.cluster_ratio;
    (run.start - group.start) / ratio..(run.end - group.start).div_ceil(ratio)
}

/// Ascending ranges, those joined that touch or overlap.
pub(super) fn joined(ranges: impl Iterator<Item = Range<u64>>) -> impl Iterator<Item = Range<u64>> {
    let mut ranges = ranges.peekable();
    std::iter::from_fn(move || {
        let mut range = ranges.next()?;
        while let Some(next) = ranges.next_if(|next| next.start <= range.end) {
            range.end = range.end.max(next.end);
        }
        Some(range)
    })
}

/// Reads block bitmaps, several at once where they lie together.
struct BitmapReader<'a> {
    source: &'a dyn BlockSource,
    block_size: u64,
    loaded: Range<u64>,
    bytes: Vec<u8>,
}

impl<'a> BitmapReader<'a> {
    fn new(source: &'a dyn BlockSource, superblock: &Superblock) -> Self {
        Self { source, block_size: superblock.block_size, loaded: 0..0, bytes: Vec::new() }
    }

    fn read(
        &mut self,
        table: &DescriptorTable<'_>,
        group: u64,
        descriptor: &GroupDescriptor,
    ) -> Result<&[u8], Doubt> {
        let block = descriptor.block_bitmap.start;
        if !self.loaded.contains(&block) {
            let limit = (BATCH / self.block_size).max(1);
            let count = table.consecutive_bitmaps(group, block, limit);
            self.loaded = 0..0;
            self.bytes.resize((count * self.block_size) as usize, 0);
            read(self.source, block * self.block_size, &mut self.bytes)?;
            self.loaded = block..block + count;
        }
        let start = ((block - self.loaded.start) * self.block_size) as usize;
        Ok(&self.bytes[start..start + self.block_size as usize])
    }
}
