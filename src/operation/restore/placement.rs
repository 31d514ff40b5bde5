//! Which bytes of an image go to which bytes of a target, and in what order.

use super::{RestoreOptions, RestoreTarget, TargetKind, TargetPlan, look_at, refused};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{Disk, Freshness, Image, ImageDisk, Saved, SavedVolume};
use crate::operation::survey::partition_list;
use crate::partition::Scheme;
use crate::partition::layout::{self, Repair, SavedTable, TableWrite, Target};
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMap, GIB, KIB, MIB, human_bytes};
use std::sync::Arc;

/// Where a partition of the image goes.
#[derive(Clone, Debug)]
pub enum PartitionPlace {
    /// To the partition with this number on the target: number in the image, number there.
    Number(u32, u32),
    /// To a whole device or file of its own: number in the image.
    Whole(u32),
}

/// What the person asked for: one disk of the image, one target.
pub struct Assignment {
    /// The number of the disk in the image.
    pub disk: usize,
    /// The target.
    pub target: Arc<dyn RestoreTarget>,
    /// Only these partitions; none for the whole disk.
    pub partitions: Option<Vec<PartitionPlace>>,
}

/// A stretch of the image's disk and where it goes.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Bytes of the disk in the image.
    pub from: Extent,
    /// Where the first of them goes, in bytes of the target.
    pub to: u64,
}

/// Everything that has to be written to one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    /// Stretches, ascending in the image.
    pub pieces: Vec<Piece>,
    /// Bytes of the image's disk that are written after everything else, because they make the
    /// rest recognizable. Within the pieces.
    pub held: ExtentMap,
    /// Bytes of the target that are zeroed before anything else: what makes the old contents
    /// recognizable, and the places of `held`.
    pub wiped: ExtentMap,
    /// The table, in the order in which it is written, each part flushed before the next.
    pub table: Vec<TableWrite>,
}

/// Both ends of everything, in bytes: superblocks, tables, RAID and volume manager labels lie here.
const EDGE: u64 = MIB;
/// What lies elsewhere: the second header of LUKS2 behind a large first one, which libblkid looks
/// for by itself, at 1, 2 or 4 MiB; VMFS at 1 and 2 MiB; the mirrors of btrfs superblocks.
pub(super) const ELSEWHERE: [Extent; 5] = [
    Extent::new(MIB, 4 * KIB),
    Extent::new(2 * MIB, 4 * KIB),
    Extent::new(4 * MIB, 4 * KIB),
    Extent::new(64 * MIB, 4 * KIB),
    Extent::new(256 * GIB, 4 * KIB),
];
/// Superblock copies that are held back, at most: the memory they need stays small, and a volume
/// without its first mebibyte is no volume.
const MAX_SIGNATURES: usize = 4096;

/// Places where something at `extent` may be recognized by.
fn recognizable(extent: Extent) -> impl Iterator<Item = Extent> {
    let head = Extent::new(extent.offset, EDGE);
    let tail = Extent::between(extent.end().saturating_sub(EDGE).max(extent.offset), extent.end());
    let elsewhere = ELSEWHERE
        .into_iter()
        .map(move |place| Extent::new(extent.offset.saturating_add(place.offset), place.length));
    [head, tail].into_iter().chain(elsewhere).filter_map(move |place| place.intersection(extent))
}

/// Computes what one assignment means. More than one target comes out where the system has the
/// partitions as devices of their own.
pub(super) fn place(
    image: &Image,
    assignment: Assignment,
    options: &RestoreOptions,
    warnings: &mut Vec<Message>,
) -> Result<Vec<TargetPlan>> {
    let disk = &image.manifest().disks[assignment.disk];
    if let Some(sector_size) = assignment.target.sector_size()
        && sector_size != disk.sector_size
    {
        return Err(refused(
            assignment.target.as_ref(),
            message!("restore-sector-size", image = disk.sector_size, target = sector_size),
        )
        .advise(message!("restore-sector-size-advice")));
    }
    match assignment.partitions {
        None => Ok(vec![whole_disk(image, assignment.disk, assignment.target, options, warnings)?]),
        Some(places) => partitions(image, assignment.disk, assignment.target, places),
    }
}

fn whole_disk(
    image: &Image,
    number: usize,
    target: Arc<dyn RestoreTarget>,
    options: &RestoreOptions,
    warnings: &mut Vec<Message>,
) -> Result<TargetPlan> {
    let disk = &image.manifest().disks[number];
    if !disk.complete {
        let saved: Vec<String> = disk
            .volumes
            .iter()
            .filter(|volume| volume.saved != Saved::Skipped)
            .filter_map(|volume| volume.partition)
            .map(|number| number.to_string())
            .collect();
        return Err(Error::new(ErrorKind::Refused, message!("restore-not-whole"))
            .on_device(&disk.identity.name)
            .advise(message!("restore-not-whole-advice", list = saved.join(","))));
    }
    let (size, found) = look_at(target.as_ref())?;
    let table = table_writes(image, number, &target, size, options)?;
    if size > disk.size {
        warnings.push(message!(
            "restore-larger",
            target = target.name(),
            rest = human_bytes(size - disk.size)
        ));
    }

    let whole = Extent::new(0, disk.size);
    let map = used_map(image, number)?;
    let edges = [Extent::new(0, EDGE), Extent::between(disk.size.saturating_sub(EDGE), disk.size)];
    let held: ExtentMap = edges
        .into_iter()
        .chain(disk.table.regions.iter().map(|region| region.extent))
        .filter_map(|extent| extent.intersection(whole))
        .collect();
    // On the target: its own ends and old table, and what is not overwritten at places where
    // something old would be recognized inside the new.
    let target_disk = Extent::new(0, size);
    let old_table = found.table.regions.iter().map(|region| region.extent);
    let stale: ExtentMap = recognizable(target_disk)
        .chain(disk.volumes.iter().flat_map(|volume| recognizable(volume.extent)))
        .chain(old_table)
        .filter_map(|extent| extent.intersection(target_disk))
        .collect();
    let wiped = stale.difference(&map).union(&held);
    let bytes = map.total_bytes();
    Ok(TargetPlan {
        placement: Placement { pieces: vec![Piece { from: whole, to: 0 }], held, wiped, table },
        disk: number,
        target,
        size,
        found,
        partitions: None,
        bytes,
    })
}

/// The used-extent map of a disk in an image.
fn used_map(image: &Image, number: usize) -> Result<ExtentMap> {
    let index = image.index(number, Freshness::Any)?;
    // No saver writes as many; a hostile image costs 64 MiB and no more.
    let mut builder = crate::units::ExtentMapBuilder::with_budget(4 << 20);
    for extent in index.used_extents() {
        builder.push(extent?);
    }
    Ok(builder.build())
}

/// The table as it will stand on the target.
fn table_writes(
    image: &Image,
    number: usize,
    target: &Arc<dyn RestoreTarget>,
    size: u64,
    options: &RestoreOptions,
) -> Result<Vec<TableWrite>> {
    let disk = &image.manifest().disks[number];
    let too_small = |missing: u64| {
        refused(
            target.as_ref(),
            message!(
                "restore-too-small",
                needed = human_bytes(disk.size),
                there = human_bytes(size),
                missing = human_bytes(missing)
            ),
        )
        .advise(message!("restore-too-small-advice"))
    };
    if size < disk.size {
        return Err(too_small(disk.size - size));
    }
    if disk.table.scheme == Scheme::None {
        return Ok(Vec::new());
    }
    let index = image.index(number, Freshness::Any)?;
    let source = ImageDisk::new(image, number, &index, Freshness::Any)?;
    let saved = SavedTable::read(&source, &disk.table)?;
    let fitted = Target { size, sector_size: target.sector_size() };
    let repair = if options.repair_table { Repair::Yes } else { Repair::No };
    let writes =
        layout::fit(&saved, fitted, repair).map_err(|error| error.on_device(target.name()))?;
    if !can_all_stand(&writes, size) {
        return Err(image.damaged_description());
    }
    Ok(writes)
}

/// Whether every part of a table lies on a disk of `size` bytes, and none is overwritten by
/// another with something else: only then can all of them be read back.
fn can_all_stand(writes: &[TableWrite], size: u64) -> bool {
    let mut sorted: Vec<&TableWrite> = writes.iter().collect();
    sorted.sort_by_key(|write| write.offset);
    // Of those before the current one, the one that reaches the furthest.
    let mut furthest: Option<&TableWrite> = None;
    for write in sorted {
        if write.extent().end() > size {
            return false;
        }
        if let Some(before) = furthest
            && let Some(shared) = before.extent().intersection(write.extent())
        {
            let part = |write: &TableWrite| {
                let start = (shared.offset - write.offset) as usize;
                write.bytes[start..start + shared.length as usize].to_vec()
            };
            if part(before) != part(write) {
                return false;
            }
        }
        if furthest.is_none_or(|before| before.extent().end() < write.extent().end()) {
            furthest = Some(write);
        }
    }
    true
}

fn volume(disk: &Disk, number: u32) -> Result<&SavedVolume> {
    let found = disk.volumes.iter().find(|volume| volume.partition == Some(number));
    match found {
        Some(volume) if volume.saved != Saved::Skipped => Ok(volume),
        _ => {
            let saved = disk.volumes.iter().filter(|volume| volume.saved != Saved::Skipped);
            let list = partition_list(saved.filter_map(|volume| volume.partition));
            Err(Error::new(ErrorKind::NotFound, message!("restore-no-partition", number = number))
                .on_device(&disk.identity.name)
                .advise(message!("restore-no-partition-advice", list = list)))
        }
    }
}

fn partitions(
    image: &Image,
    number: usize,
    target: Arc<dyn RestoreTarget>,
    places: Vec<PartitionPlace>,
) -> Result<Vec<TargetPlan>> {
    let disk = &image.manifest().disks[number];
    let map = used_map(image, number)?;
    let (size, found) = look_at(target.as_ref())?;
    let mut plans: Vec<TargetPlan> = Vec::new();
    let mut together = Placement::default();
    let mut together_places = Vec::new();
    let mut taken: Vec<Extent> = Vec::new();
    for place in places {
        let (PartitionPlace::Whole(from) | PartitionPlace::Number(from, _)) = place;
        let volume = volume(disk, from)?;
        let place = match place {
            // Onto a partition, or what has its size: onto all of it, and that is what the plan says.
            PartitionPlace::Number(from, to)
                if from == to && found.table.scheme == Scheme::None && found.doubt.is_none() =>
            {
                check_is_volume(target.as_ref(), &found, size, disk)?;
                PartitionPlace::Whole(from)
            }
            place => place,
        };
        let region = match place {
            PartitionPlace::Whole(_) => Extent::new(0, size),
            PartitionPlace::Number(_, to) => target_partition(target.as_ref(), &found, to)?,
        };
        let needed = volume.extent.length;
        if region.length < needed {
            return Err(refused(
                target.as_ref(),
                message!(
                    "restore-partition-too-small",
                    number = from,
                    needed = human_bytes(needed),
                    there = human_bytes(region.length),
                    missing = human_bytes(needed - region.length)
                ),
            )
            .advise(message!("restore-too-small-advice")));
        }
        if taken.iter().any(|other| other.overlaps(region)) {
            return Err(Error::new(ErrorKind::Usage, message!("restore-place-twice"))
                .on_device(target.name())
                .advise(message!("restore-place-twice-advice")));
        }
        taken.push(region);
        let bytes = map.within(volume.extent).map(|extent| extent.length).sum();
        let alone = match place {
            PartitionPlace::Number(_, to) if region.offset != 0 || region.length != size => {
                target.partition(to, region)
            }
            _ => None,
        };
        match alone {
            Some(alone) => {
                let region = Extent::new(0, region.length);
                let (size, found) = look_at(alone.as_ref())?;
                let placement = place_volume(volume, region, &map);
                plans.push(TargetPlan {
                    bytes,
                    placement,
                    disk: number,
                    target: alone,
                    size,
                    found,
                    partitions: Some(vec![place]),
                });
            }
            None => {
                let placement = place_volume(volume, region, &map);
                together.pieces.extend(placement.pieces);
                together.held = together.held.union(&placement.held);
                together.wiped = together.wiped.union(&placement.wiped);
                together_places.push((place, bytes));
            }
        }
    }
    if !together_places.is_empty() {
        together.pieces.sort_by_key(|piece| piece.from.offset);
        plans.push(TargetPlan {
            bytes: together_places.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes)),
            placement: together,
            disk: number,
            target,
            size,
            found,
            partitions: Some(together_places.into_iter().map(|(place, _)| place).collect()),
        });
    }
    Ok(plans)
}

/// Refuses to take a disk whose table is lost for a place without one: a partition would go over its start,
/// and over others that can still be saved.
fn check_is_volume(
    target: &dyn RestoreTarget,
    found: &super::DiskSurvey,
    size: u64,
    disk: &Disk,
) -> Result<()> {
    let is_disk = match target.kind() {
        TargetKind::Disk => true,
        TargetKind::Volume => false,
        TargetKind::Unknown => size >= disk.size || found.has_stray_table(),
    };
    if is_disk {
        return Err(refused(target, message!("restore-no-table"))
            .advise(message!("restore-no-table-advice")));
    }
    Ok(())
}

fn target_partition(
    target: &dyn RestoreTarget,
    found: &super::DiskSurvey,
    number: u32,
) -> Result<Extent> {
    if let Some(doubt) = &found.doubt {
        return Err(refused(target, message!("restore-table-doubtful", why = doubt.clone())));
    }
    let volumes = found.volumes.iter();
    match volumes.into_iter().find(|volume| volume.number() == Some(number)) {
        Some(volume) => Ok(volume.extent),
        None => {
            let list = partition_list(found.volumes.iter().filter_map(|volume| volume.number()));
            Err(Error::new(
                ErrorKind::NotFound,
                message!("restore-no-target-partition", number = number),
            )
            .on_device(target.name())
            .advise(message!("restore-no-target-partition-advice", list = list)))
        }
    }
}

/// One volume into a region of the target that is at least as long.
fn place_volume(volume: &SavedVolume, region: Extent, map: &ExtentMap) -> Placement {
    let from = volume.extent;
    let used: ExtentMap = map.within(from).collect();
    let signatures = volume.signatures.iter().take(MAX_SIGNATURES).filter_map(|extent| {
        Extent::new(from.offset.saturating_add(extent.offset), extent.length).intersection(from)
    });
    let held: ExtentMap = recognizable(from).chain(signatures).collect();
    let to_target = |map: &ExtentMap| -> ExtentMap {
        map.iter()
            .map(|extent| Extent::new(region.offset + (extent.offset - from.offset), extent.length))
            .collect()
    };
    let stale: ExtentMap = recognizable(region).collect();
    let wiped = stale.difference(&to_target(&used)).union(&to_target(&held));
    Placement { pieces: vec![Piece { from, to: region.offset }], held, wiped, table: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::RegionKind;

    #[test]
    fn parts_of_a_table_that_overwrite_each_other_cannot_all_stand() {
        let write = |offset: u64, bytes: &[u8]| TableWrite {
            kind: RegionKind::Ebr,
            offset,
            bytes: bytes.to_vec(),
        };
        assert!(can_all_stand(&[], 0));
        assert!(can_all_stand(&[write(512, &[1; 512]), write(0, &[2; 512])], 1024));
        assert!(!can_all_stand(&[write(512, &[1; 512]), write(0, &[2; 512])], 1023));
        assert!(!can_all_stand(&[write(u64::MAX - 5, &[1; 10])], u64::MAX - 1));
        // The same bytes at the same place are no contradiction.
        assert!(can_all_stand(&[write(0, &[1; 64]), write(10, &[1; 8]), write(20, &[1; 90])], 200));
        assert!(!can_all_stand(
            &[write(0, &[1; 64]), write(10, &[1; 8]), write(20, &[2; 90])],
            200
        ));
        assert!(!can_all_stand(&[write(0, &[1; 64]), write(0, &[1, 1, 3])], 200));
    }
}
