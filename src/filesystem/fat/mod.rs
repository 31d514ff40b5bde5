//! FAT12, FAT16 and FAT32.
//!
//! In use are the reserved sectors, every copy of the FAT, the root directory, each cluster with
//! an entry in the FAT, and what follows the last cluster.
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03.

mod boot_sector;
mod directory;
mod fs_info;
mod table;

use super::{Budget, Doubt, Used, Volume, VolumeKind, unreadable_doubt};
use crate::block::BlockSource;
use crate::error;
use crate::text::message;
use crate::units::{Extent, ExtentMapBuilder, MIB};
use boot_sector::{BootSector, Mirroring, RootDirectory};

/// What is kept of the bytes behind the last cluster, at most: backups of partition tables and
/// the like lie at the very end.
const TAIL: u64 = MIB;

fn read_boot_sector(source: &dyn BlockSource) -> error::Result<Option<BootSector>> {
    if source.size() < boot_sector::LENGTH as u64 {
        return Ok(None);
    }
    Ok(BootSector::parse(&source.read_vec(0, boot_sector::LENGTH)?))
}

/// Whether a volume is a FAT one, with its label (of the root directory, or else of the boot
/// sector) and serial number.
///
/// # Errors
/// When the boot sector cannot be read.
pub fn detect(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    let Some(boot) = read_boot_sector(source)? else { return Ok(None) };
    // A label that cannot be read is no reason not to know the volume.
    let label = directory::volume_label(source, &boot).unwrap_or(None);
    let boot_label = boot.label.filter(|label| label != b"NO NAME    ");
    Ok(Some(Volume {
        label: label.or(boot_label).and_then(directory::decode_label),
        uuid: boot.serial.map(|serial| format!("{:04X}-{:04X}", serial >> 16, serial & 0xFFFF)),
        block_size: Some(boot.cluster_size),
        length: Some(boot.length),
        ..Volume::of(boot.kind)
    }))
}

/// The used extents of a FAT volume.
///
/// # Errors
/// A doubt wherever two statements of the volume about itself do not agree, it was not closed
/// cleanly, or its structures cannot be read.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let boot = read_boot_sector(source)
        .map_err(unreadable_doubt)?
        .ok_or_else(|| VolumeKind::Unknown.why_whole())?;
    check_layout(source, &boot)?;

    let mut extents = ExtentMapBuilder::with_budget(budget.extents);
    extents.push(Extent::between(0, boot.data_start));
    let mut root_in_use = false;
    let mut on_used = |first: u64, count: u64| {
        if let RootDirectory::Chain(root) = boot.root_directory {
            root_in_use |= (first..first + count).contains(&u64::from(root));
        }
        extents.push(boot.cluster_extent(first, count));
    };
    let totals = table::scan(source, &boot, &mut on_used)?;
    if matches!(boot.root_directory, RootDirectory::Chain(_)) && !root_in_use {
        return Err(message!("fat-root-missing"));
    }
    check_free_clusters(source, &boot, totals.free)?;

    let data_end = boot.cluster_extent(2, boot.clusters).end();
    extents.push(Extent::between(data_end.max(source.size().saturating_sub(TAIL)), source.size()));
    let extents = extents.build();
    // Some systems read what an entry or a link names without a look at its own entry.
    table::check_links(source, &boot, &extents)?;
    directory::check_tree(source, &boot, &extents)?;
    Ok(Used { extents, signatures: signatures(&boot) })
}

/// Doubts that the boot sector alone gives rise to.
fn check_layout(source: &dyn BlockSource, boot: &BootSector) -> Result<(), Doubt> {
    let (length, size) = (boot.length, source.size());
    if length > size {
        return Err(message!("fat-past-end", length = length.to_string(), size = size.to_string()));
    }
    if boot.sector_size < u64::from(source.sector_size()) {
        return Err(message!(
            "fat-sector-size",
            volume = boot.sector_size.to_string(),
            disk = source.sector_size().to_string()
        ));
    }
    if boot.version != 0 {
        return Err(message!("fat-version", version = format!("{:#06x}", boot.version)));
    }
    if boot.contradictory || boot.clusters > boot.clusters_limit() {
        return Err(message!("fat-contradictory"));
    }
    if boot.fat_entries_length() > boot.fat_length {
        return Err(message!("fat-too-short"));
    }
    if boot.is_dirty() {
        return Err(message!("fat-dirty"));
    }
    if boot.met_errors() {
        return Err(message!("fat-met-errors"));
    }
    let active_exists = match boot.mirroring {
        Mirroring::On => true,
        Mirroring::Off { active } => active < boot.fat_copies,
    };
    if !active_exists {
        return Err(message!("fat-contradictory"));
    }
    if let Some(offset) = boot.backup {
        let bytes = source.read_vec(offset, boot_sector::LENGTH).map_err(unreadable_doubt)?;
        if BootSector::parse(&bytes).is_some_and(|backup| !backup.same_layout(boot)) {
            return Err(message!("fat-backup-differs"));
        }
    }
    Ok(())
}

/// A known number of free clusters must be the one that the FAT has.
fn check_free_clusters(
    source: &dyn BlockSource,
    boot: &BootSector,
    free: u64,
) -> Result<(), Doubt> {
    let Some(offset) = boot.info else { return Ok(()) };
    let bytes = source.read_vec(offset, fs_info::LENGTH).map_err(unreadable_doubt)?;
    match fs_info::free_clusters(&bytes) {
        Some(said) if said != free => {
            Err(message!("fat-free-count", said = said.to_string(), counted = free.to_string()))
        }
        _ => Ok(()),
    }
}

/// Boot sector, FSInfo and the backups of both, ascending.
fn signatures(boot: &BootSector) -> Vec<Extent> {
    let backup_info = boot
        .backup
        .zip(boot.info)
        .map(|(backup, info)| backup + info)
        .filter(|offset| offset + boot.sector_size <= boot.fat_start);
    let mut offsets: Vec<u64> =
        [Some(0), boot.info, boot.backup, backup_info].into_iter().flatten().collect();
    offsets.sort_unstable();
    offsets.dedup();
    offsets.into_iter().map(|offset| Extent::new(offset, boot.sector_size)).collect()
}

#[cfg(test)]
mod tests;
