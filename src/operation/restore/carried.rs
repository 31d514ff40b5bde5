//! Whether a target already is what the image would make of it: an unattended machine that starts
//! from the network again and again must not restore over new work for ever.

use super::TargetPlan;
use crate::block::BlockSource;
use crate::error::Result;
use crate::image::{Disk, Freshness, Image, ImageDisk, SavedVolume};
use crate::operation::survey::DiskSurvey;
use crate::units::{Extent, MIB};

/// Whether the target carries the partition table of the image: its identity (disk GUID or MBR
/// signature), or all of its bytes. Where no table is restored, whether it carries one of the
/// volumes: its identity, or the bytes of its superblocks.
///
/// The identity alone is enough, since a system that was restored may have changed the rest: many
/// enlarge their last partition when they start for the first time, and a superblock changes with
/// every mount.
pub(super) fn is_carried(image: &Image, plan: &TargetPlan) -> Result<bool> {
    let disk = &image.manifest().disks[plan.disk];
    let target = plan.target.look()?;
    if plan.partitions.is_none() && !plan.placement.table.is_empty() {
        return Ok(same_table(disk, &plan.found) || has_bytes_of_table(plan, target.as_ref())?);
    }
    let index = image.index(plan.disk, Freshness::Any)?;
    let source = ImageDisk::new(image, plan.disk, &index, Freshness::Any)?;
    for piece in &plan.placement.pieces {
        let volumes = disk.volumes.iter().filter(|volume| piece.from.contains(volume.extent));
        for volume in volumes {
            let to = piece.to + (volume.extent.offset - piece.from.offset);
            if same_volume(volume, to, &plan.found)
                || has_signatures(&source, volume, to, target.as_ref())?
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether text tells one disk or volume from others: neither absent nor all zeros.
fn tells(identity: &str) -> bool {
    identity.chars().any(|c| c.is_ascii_alphanumeric() && c != '0')
}

fn same_table(disk: &Disk, found: &DiskSurvey) -> bool {
    disk.table.scheme == found.table.scheme
        && disk.table.uuid == found.table.uuid
        && disk.table.uuid.as_deref().is_some_and(tells)
}

fn has_bytes_of_table(plan: &TargetPlan, target: &dyn BlockSource) -> Result<bool> {
    for write in &plan.placement.table {
        if write.extent().end() > target.size()
            || target.read_vec(write.offset, write.bytes.len())? != write.bytes
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_volume(volume: &SavedVolume, to: u64, found: &DiskSurvey) -> bool {
    let there = found.volumes.iter().find(|there| there.extent.offset == to);
    there.is_some_and(|there| {
        let (saved, there) = (&volume.content, there.content());
        saved.kind == there.kind
            && saved.uuid == there.uuid
            && saved.uuid.as_deref().is_some_and(tells)
    })
}

/// Whether the superblocks of a volume stand at `to`; of one that nobody knows, its first
/// mebibyte.
fn has_signatures(
    source: &ImageDisk<'_>,
    volume: &SavedVolume,
    to: u64,
    target: &dyn BlockSource,
) -> Result<bool> {
    // The first few tell as much as all: a large file system has hundreds.
    let known = volume.signatures.iter().take(8).copied();
    let places: Vec<Extent> = match volume.signatures.is_empty() {
        true => vec![Extent::new(0, volume.extent.length.min(MIB))],
        false => known.collect(),
    };
    let mut says_something = false;
    for place in places {
        let from = volume.extent.offset.saturating_add(place.offset);
        let length = place.length.min(MIB);
        let at = to.saturating_add(place.offset);
        let is_there = |disk: &dyn BlockSource, at: u64| {
            at.checked_add(length).is_some_and(|end| end <= disk.size())
        };
        if !is_there(source, from) || !is_there(target, at) {
            return Ok(false);
        }
        let bytes = source.read_vec(from, length as usize)?;
        if target.read_vec(at, length as usize)? != bytes {
            return Ok(false);
        }
        says_something |= bytes.iter().any(|byte| *byte != 0);
    }
    Ok(says_something)
}
