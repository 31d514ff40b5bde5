//! NTFS: what is in use, from the bitmap of clusters.
//!
//! The answer is certain only when the volume was closed cleanly, no Windows sleeps on it, and
//! every cluster that any file has is marked as in use. A volume that was not closed cleanly has
//! changes in its log, or in the memory of a sleeping Windows, that its bitmap knows nothing of:
//! it is saved whole.
//!
//! In use are the clusters that the bitmap says, without the bad ones, and everything outside of
//! clusters: the boot sector, and what follows the last cluster to the end of the partition, with
//! the backup of the boot sector in it.

mod allocation;
mod attribute;
mod attribute_list;
mod boot_sector;
mod file_name;
mod file_record;
mod hibernation;
mod log_file;
mod mapping_pairs;
mod stream;
mod table;
mod update_sequence;
mod volume_information;

use self::attribute::kind;
use self::boot_sector::BootSector;
use self::stream::ReadError;
use self::table::{FileValue, MasterFileTable};
use super::{Budget, Doubt, Used, Volume, VolumeKind, unreadable_doubt};
use crate::block::BlockSource;
use crate::error;
use crate::text::message;
use crate::units::Extent;

/// Pieces in which the volume's own files may lie when only its label is wanted.
const LABEL_LIMIT: usize = 1 << 12;

/// A structure that contradicts itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Damaged;

/// The doubt about a file record, by its number.
fn record_doubt(error: ReadError, number: u64) -> Doubt {
    match error {
        ReadError::Damaged => message!("ntfs-record-damaged", number = number.to_string()),
        ReadError::Unreadable(error) => unreadable_doubt(error),
    }
}

fn read_boot_sector(source: &dyn BlockSource, at: u64) -> error::Result<Option<BootSector>> {
    if source.size() < at.saturating_add(boot_sector::LENGTH as u64) {
        return Ok(None);
    }
    Ok(BootSector::parse(&source.read_vec(at, boot_sector::LENGTH)?))
}

/// Whether a volume is an NTFS one, with its label and serial number.
///
/// # Errors
/// When the boot sector cannot be read.
pub fn detect(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    let Some(boot) = read_boot_sector(source, 0)? else { return Ok(None) };
    Ok(Some(Volume {
        // A label that cannot be read is no reason not to know the volume.
        label: label(source, boot),
        uuid: Some(format!("{:016X}", boot.serial)),
        block_size: Some(boot.cluster_size),
        length: Some(boot.length),
        ..Volume::of(VolumeKind::Ntfs)
    }))
}

fn label(source: &dyn BlockSource, boot: BootSector) -> Option<String> {
    if !boot.is_possible() {
        return None;
    }
    let table = MasterFileTable::open(source, boot, LABEL_LIMIT).ok()?;
    match table.value(table::VOLUME, kind::VOLUME_NAME, &[]).ok()? {
        Some(FileValue::Resident(name)) => {
            let units = name.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
            let text: String = char::decode_utf16(units)
                .map(|result| result.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            (!text.is_empty()).then_some(text)
        }
        _ => None,
    }
}

/// The used extents of an NTFS volume.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let boot = read_boot_sector(source, 0)
        .map_err(unreadable_doubt)?
        .ok_or_else(|| VolumeKind::Unknown.why_whole())?;
    if boot.length > source.size() {
        return Err(message!(
            "ntfs-past-end",
            length = boot.length.to_string(),
            size = source.size().to_string()
        ));
    }
    if !boot.is_possible() {
        return Err(message!("ntfs-boot-sector"));
    }
    let backups = check_backups(source, &boot)?;
    let table = MasterFileTable::open(source, boot, budget.extents)?;
    if let Err(doubt) = check_closed(&table) {
        // That Windows sleeps here says more than that the volume was not closed.
        allocation::check_hibernation(&table)?;
        return Err(doubt);
    }
    table.check_mirror()?;
    let extents = allocation::read(&table, budget.extents)?;
    allocation::check_files(&table, &extents)?;

    let mut signatures = vec![Extent::new(0, boot.sector_size)];
    signatures.extend(
        backups
            .into_iter()
            .map(|at| Extent::between(at, (at + boot.sector_size).min(source.size()))),
    );
    Ok(Used { extents, signatures })
}

/// A doubt when the volume was not closed cleanly.
fn check_closed(table: &MasterFileTable<'_>) -> Result<(), Doubt> {
    let value = table
        .value(table::VOLUME, kind::VOLUME_INFORMATION, &[])
        .map_err(|error| record_doubt(error, table::VOLUME))?;
    let Some(FileValue::Resident(value)) = value else {
        return Err(message!("ntfs-volume-information"));
    };
    if !volume_information::is_clean(&value)? {
        return Err(message!("ntfs-dirty"));
    }
    log_file::check(table)
}

/// Where backups of the boot sector are, in bytes, ascending: in the sector behind the volume,
/// and in the last one of the partition when that is another.
///
/// # Errors
/// A doubt when one of them describes another volume. That there is none proves nothing: tools
/// that copy volumes lose it.
fn check_backups(source: &dyn BlockSource, boot: &BootSector) -> Result<Vec<u64>, Doubt> {
    let last = source.size() / boot.sector_size * boot.sector_size;
    let mut places = vec![boot.length];
    places.extend(last.checked_sub(boot.sector_size).filter(|place| *place > boot.length));
    let mut found = Vec::new();
    for place in places {
        // One that cannot be read proves nothing either.
        let Ok(Some(backup)) = read_boot_sector(source, place) else { continue };
        if !backup.same_volume(boot) {
            return Err(message!("ntfs-backup-differs", offset = place.to_string()));
        }
        found.push(place);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
