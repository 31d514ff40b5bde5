//! From the bitmap to the clusters in use, held against every directory and file there is.
//!
//! The bitmap has no checksum, so it alone proves nothing: each cluster of each directory and
//! file has to be in use.
//! Source: Microsoft, "exFAT file system specification", sections 7.1 "Allocation Bitmap Directory
//! Entry" and 7.2 "Up-case Table Directory Entry".

use super::boot_region::{BootSector, FIRST_CLUSTER, rotating_sum};
use super::directory::{self, Entry, Item, kind};
use super::table::{Allocation, Table};
use crate::block::BlockSource;
use crate::filesystem::bitmap::runs;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder, MIB};

/// Bytes of the bitmap read at once.
const PIECE: u64 = MIB;
/// The longest up-case table: one of two bytes for each unit of UTF-16, in bytes.
const LONGEST_UP_CASE: u64 = 2 << 16;

/// A part of the volume that a directory entry describes.
#[derive(Clone, Copy)]
struct Part {
    allocation: Allocation,
    length: u64,
    /// Flags of the bitmap, checksum of the up-case table.
    value: u32,
}

/// The root directory, whose length nothing tells but its chain.
const fn root(boot: &BootSector) -> Allocation {
    Allocation { first: boot.root_cluster, clusters: None, contiguous: false }
}

/// What the root directory tells of the volume: bitmap and up-case table.
fn parts(table: &mut Table<'_>) -> Result<(Part, Part), Doubt> {
    let boot = table.boot;
    let (mut bitmap, mut up_case) = (None, None);
    let part = |entry: Entry<'_>, value: u32| Part {
        allocation: entry.own_allocation(boot),
        length: entry.data_length(),
        value,
    };
    directory::read(table, root(boot), &mut |_, _| Ok(()), &mut |item| {
        let Item::OfVolume(entry) = item else { return Ok(()) };
        let before = match entry.kind() {
            kind::BITMAP => bitmap.replace(part(entry, entry.byte(1).into())),
            kind::UP_CASE => up_case.replace(part(entry, entry.u32(4))),
            _ => None,
        };
        if before.is_some() { Err(message!("exfat-two-tables")) } else { Ok(()) }
    })?;
    let bitmap = bitmap.ok_or_else(|| message!("exfat-bitmap-missing"))?;
    Ok((bitmap, up_case.ok_or_else(|| message!("exfat-upcase"))?))
}

/// The places of a part on the volume; `limit` is their largest number.
fn places(table: &mut Table<'_>, part: Part, limit: usize) -> Result<Vec<Extent>, Doubt> {
    let boot = table.boot;
    let mut places = Vec::new();
    let mut left = part.length;
    table.follow(part.allocation, &mut |first, count| {
        let place = boot.cluster_extent(first, count);
        let length = place.length.min(left);
        left -= length;
        places.push(Extent::new(place.offset, length));
        match places.len() > limit {
            true => Err(message!("exfat-chain", cluster = part.allocation.first.to_string())),
            false => Ok(()),
        }
    })?;
    Ok(places)
}

fn check_up_case(table: &mut Table<'_>, part: Part) -> Result<(), Doubt> {
    let fits = (2..=LONGEST_UP_CASE).contains(&part.length);
    let mut bytes = Vec::new();
    if fits {
        for place in places(table, part, LONGEST_UP_CASE as usize)? {
            let piece = table.source.read_vec(place.offset, place.length as usize);
            bytes.extend(piece.map_err(unreadable_doubt)?);
        }
    }
    match fits && rotating_sum(bytes.into_iter()) == part.value {
        true => Ok(()),
        false => Err(message!("exfat-upcase")),
    }
}

/// The clusters in use and everything outside of clusters up to the end of the volume.
///
/// # Errors
/// A doubt when the volume does not tell where its bitmap is, or it is not complete.
pub(super) fn read(
    source: &dyn BlockSource,
    boot: &BootSector,
    budget: usize,
) -> Result<ExtentMapBuilder, Doubt> {
    let table = &mut Table::new(source, boot);
    let (bitmap, up_case) = parts(table)?;
    check_up_case(table, up_case)?;
    let needed = boot.clusters.div_ceil(8);
    if bitmap.value & 1 != 0 {
        return Err(message!("exfat-two-tables"));
    }
    if bitmap.length != needed {
        return Err(message!(
            "exfat-bitmap-length",
            length = bitmap.length.to_string(),
            clusters = boot.clusters.to_string()
        ));
    }
    let mut map = ExtentMapBuilder::with_budget(budget);
    map.push(Extent::new(0, boot.heap_start));
    // Counted from 0, as bits are.
    let mut first = 0;
    let mut buffer = vec![0; PIECE.min(needed) as usize];
    for place in places(table, bitmap, budget)? {
        for offset in (place.offset..place.end()).step_by(PIECE as usize) {
            let piece = &mut buffer[..PIECE.min(place.end() - offset) as usize];
            source.read_at(offset, piece).map_err(unreadable_doubt)?;
            for run in runs(piece, boot.clusters - first) {
                // No more clusters than their numbers have bits: checked with the boot sector.
                let cluster = (first + run.start) as u32 + FIRST_CLUSTER;
                map.push(boot.cluster_extent(cluster, run.end - run.start));
            }
            first += piece.len() as u64 * 8;
        }
    }
    map.push(Extent::between(boot.heap_end(), boot.length));
    Ok(map)
}

/// A doubt when a cluster of a directory or a file is not in `map`, or one of them is damaged.
///
/// Directories are read in the order of the disk, those of one depth together; `limit` is how
/// many may wait.
pub(super) fn check_files(
    source: &dyn BlockSource,
    boot: &BootSector,
    map: &ExtentMap,
    limit: usize,
) -> Result<(), Doubt> {
    let directories = &mut Table::new(source, boot);
    let files = &mut Table::new(source, boot);
    let mut check = check_runs(map, boot);
    let mut waiting = vec![root(boot)];
    while !waiting.is_empty() {
        waiting.sort_unstable();
        let mut found = Vec::new();
        for directory in waiting {
            directory::read(directories, directory, &mut check_runs(map, boot), &mut |item| {
                match item {
                    Item::OfVolume(entry) if entry.kind() == kind::LABEL => Ok(()),
                    Item::OfVolume(entry) => files.follow(entry.own_allocation(boot), &mut check),
                    Item::File(allocation) => files.follow(allocation, &mut check),
                    Item::Directory(_) if found.len() >= limit => {
                        Err(message!("exfat-directories"))
                    }
                    Item::Directory(allocation) => {
                        found.push(allocation);
                        Ok(())
                    }
                }
            })?;
        }
        waiting = found;
    }
    Ok(())
}

/// A function that answers a doubt for clusters that are not in the map.
fn check_runs<'a>(
    map: &'a ExtentMap,
    boot: &'a BootSector,
) -> impl FnMut(u32, u64) -> Result<(), Doubt> + 'a {
    move |first, count| match map.contains(boot.cluster_extent(first, count)) {
        true => Ok(()),
        false => Err(message!("exfat-cluster-free", cluster = first.to_string())),
    }
}
