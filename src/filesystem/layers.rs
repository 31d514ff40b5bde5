//! Through the layers between disks and file systems: arrays first, then volume groups, then
//! what lies in their volumes, which may be layers again.

use super::composed::Composed;
use super::md::Array;
use super::{Budget, Doubt, Inside, Reading, Used, VolumeKind, VolumeState, lvm, md};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder, GIB, KIB, MIB};

/// Layers on top of each other that are read through.
pub(super) const MAXIMUM_DEPTH: u32 = 4;

/// Readings of all sources, through `depth` layers.
pub(super) fn read(sources: &[&dyn BlockSource], budget: Budget, depth: u32) -> Vec<Reading> {
    let mut readings = super::read_flat(sources, budget);
    if depth == 0 {
        return readings;
    }
    let members: Vec<(usize, &dyn BlockSource)> = (0..sources.len())
        .filter(|place| is_kind(&readings[*place], VolumeKind::LinuxRaid))
        .map(|place| (place, sources[place]))
        .collect();
    let (arrays, doubts) = md::arrays(&members);
    for (place, doubt) in doubts {
        readings[place].used = Err(doubt);
    }

    // The content of arrays stands beside the sources: a volume group may use both.
    let count = readings.len();
    let mut pool: Vec<&dyn BlockSource> = sources.to_vec();
    let devices: Vec<&dyn BlockSource> = arrays.iter().map(|array| &array.device as _).collect();
    let contents = super::read_flat(&devices, budget);
    readings.extend(contents.into_iter().map(Reading::proven_only));
    pool.extend(devices);
    read_groups(&pool, &mut readings, budget, depth);
    let contents = readings.split_off(count);
    for (array, content) in arrays.iter().zip(contents) {
        answer_for_members(array, &content, sources, &mut readings, budget);
    }
    readings
}

/// Whether a reader or a layer may say what a volume of this kind holds: it was recognised, and
/// nothing else was read of it.
fn is_kind(reading: &Reading, kind: VolumeKind) -> bool {
    reading.volume.kind == kind && reading.used.is_err()
}

fn answer_for_members(
    array: &Array<'_>,
    content: &Reading,
    sources: &[&dyn BlockSource],
    readings: &mut [Reading],
    budget: Budget,
) {
    let inside = Inside {
        name: array.level().to_owned(),
        volume: content.volume.clone(),
        why_whole: content.used.as_ref().err().cloned(),
    };
    let sizes: Vec<u64> = array.members.iter().map(|place| sources[*place].size()).collect();
    let used = content.used.as_ref().map_err(|doubt| {
        let kind = content.volume.title();
        message!("layer-inside", kind = kind, why = doubt.clone())
    });
    let answers: Vec<Result<Used, Doubt>> = match used {
        Ok(used) => {
            let extents = used.extents.union(&recognizable(array.device.size()));
            let used = Used { extents, signatures: used.signatures.clone() };
            array.used(&used, &sizes, budget).into_iter().map(Ok).collect()
        }
        Err(doubt) => vec![Err(doubt); sizes.len()],
    };
    for (place, answer) in array.members.iter().zip(answers) {
        let reading = &mut readings[*place];
        reading.volume.inside = vec![inside.clone()];
        // Where the content can be seen without the array, it is expected there; anything else
        // that is there contradicts.
        let others = super::find(sources[*place]).0;
        let is_expected = others.iter().all(|(volume, _)| {
            volume.kind == VolumeKind::LinuxRaid
                || (array.is_seen_without() && volume.kind == content.volume.kind)
        });
        if is_expected {
            reading.used = answer;
        }
    }
}

/// What belongs to physical volumes in `readings` is answered by their volume groups.
fn read_groups(pool: &[&dyn BlockSource], readings: &mut [Reading], budget: Budget, depth: u32) {
    let places: Vec<usize> = (0..pool.len())
        .filter(|place| {
            let reading = &readings[*place];
            let id = reading.used.as_ref().err().map(Doubt::id);
            reading.volume.kind == VolumeKind::Lvm2 && id == Some("filesystem-part-of-whole")
        })
        .collect();
    if places.is_empty() {
        return;
    }
    let sources: Vec<&dyn BlockSource> = places.iter().map(|place| pool[*place]).collect();
    let known: Vec<lvm::Known> = sources.iter().map(|source| lvm::Known::of(*source)).collect();
    let families = lvm::families(&sources, &known);

    // All logical volumes at once: a file system may lie on several.
    let mut devices: Vec<Composed<'_>> = Vec::new();
    for family in &families {
        let Ok(Some(group)) = &family.group else { continue };
        let members: Vec<&dyn BlockSource> =
            family.members.iter().map(|member| sources[*member]).collect();
        let plain = group.contents.iter().filter(|content| content.why_whole.is_none());
        devices.extend(plain.map(|content| lvm::device(content, group, &members)));
    }
    let inner: Vec<&dyn BlockSource> = devices.iter().map(|device| device as _).collect();
    let groups = families.iter().filter_map(|family| family.group.as_ref().ok()?.as_ref());
    let pools: usize = groups.map(|group| group.thin_pools.len()).sum();
    let share = Budget { extents: (budget.extents / (inner.len() + pools).max(1)).max(2) };
    let contents = read(&inner, share, depth - 1).into_iter().map(Reading::proven_only);
    let mut contents = contents.zip(&devices);

    for family in families {
        let members = &family.members;
        let group = match family.group {
            Ok(Some(group)) => group,
            Ok(None) => {
                for member in members {
                    readings[places[*member]].used =
                        lvm::used(&known[*member], [], sources[*member].size(), budget);
                }
                continue;
            }
            Err(doubt) => {
                members.iter().for_each(|member| {
                    readings[places[*member]].used = Err(doubt.clone());
                });
                continue;
            }
        };
        let of_group: Vec<&dyn BlockSource> =
            members.iter().map(|member| sources[*member]).collect();
        let thin = lvm::thin_pools(&group, &of_group, share);
        let mut extents: Vec<Vec<Extent>> = vec![Vec::new(); members.len()];
        let mut inside = Vec::new();
        for (place, content) in group.contents.iter().enumerate() {
            let read = if content.why_whole.is_none() { contents.next() } else { None };
            let (volume, used) = match &read {
                Some((reading, _)) => (Some(reading.volume.clone()), reading.used.as_ref().ok()),
                None => (None, None),
            };
            let lists = match (used, &read) {
                (Some(used), Some((_, device))) => {
                    device.on_sources(&used.extents.union(&recognizable(device.size())))
                }
                _ => match thin.data.get(&place) {
                    Some(used) => lvm::device(content, &group, &of_group).on_sources(used),
                    None => content.everywhere(members.len()),
                },
            };
            extents.iter_mut().zip(lists).for_each(|(all, list)| all.extend(list));
            if content.is_visible {
                let doubt = read.as_ref().and_then(|(reading, _)| reading.used.as_ref().err());
                let why_whole = match thin.why_whole.get(&place) {
                    Some(told_by_pool) => told_by_pool.clone(),
                    None => content.why_whole.clone().or_else(|| doubt.cloned()),
                };
                let mut volume = volume.unwrap_or(super::Volume::of(content.kind));
                if volume.kind == VolumeKind::ThinPool {
                    volume.state = why_whole.as_ref().and_then(VolumeState::told_by);
                }
                inside.push(Inside { name: content.name.clone(), volume, why_whole });
            }
        }
        for (member, extents) in members.iter().zip(extents) {
            let reading = &mut readings[places[*member]];
            reading.volume.label = Some(group.name.clone());
            reading.volume.inside = inside.clone();
            reading.used = lvm::used(&known[*member], extents, sources[*member].size(), budget);
        }
    }
}

/// Where a device of `size` bytes may be recognised by something that was on the target before:
/// a restore clears such places of partitions, and does not know the volumes inside. What is
/// kept of them is overwritten.
fn recognizable(size: u64) -> ExtentMap {
    let whole = Extent::new(0, size);
    let head = Extent::new(0, MIB);
    let tail = Extent::between(size.saturating_sub(MIB), size);
    // Headers of LUKS2 and VMFS, other copies of superblocks of btrfs.
    let copies =
        [MIB, 2 * MIB, 4 * MIB, 64 * MIB, 256 * GIB].map(|offset| Extent::new(offset, 4 * KIB));
    [head, tail].into_iter().chain(copies).filter_map(|extent| extent.intersection(whole)).collect()
}

/// A map of extents in any order, cut off at `size` bytes, within the budget.
pub(super) fn limited(
    extents: impl IntoIterator<Item = Extent>,
    size: u64,
    budget: Budget,
) -> ExtentMap {
    let whole = Extent::new(0, size);
    let mut list: Vec<Extent> =
        extents.into_iter().filter_map(|extent| extent.intersection(whole)).collect();
    list.sort_unstable();
    let mut builder = ExtentMapBuilder::with_budget(budget.extents);
    builder.extend(list);
    builder.build()
}
