//! exFAT: what is in use, from the bitmap of clusters.
//!
//! The answer is certain only when the volume was closed cleanly, its checksums hold, and every
//! cluster of every directory and file is marked as in use.
//!
//! In use are the boot regions, the allocation table, the clusters that the bitmap says, and what
//! follows the last cluster. Bad clusters are marked as in use too, and stay so: the table, which
//! alone could tell them, means nothing where a file lies in one piece.
//! Source: Microsoft, "exFAT file system specification"; each file names its section.

mod allocation;
mod boot_region;
mod directory;
mod table;

use self::boot_region::BootSector;
use self::directory::kind;
use super::{Budget, Doubt, Used, Volume, VolumeKind, unreadable_doubt};
use crate::block::BlockSource;
use crate::error;
use crate::text::message;
use crate::units::{Extent, KIB, MIB};

/// What is kept of the bytes behind the volume, at most: backups of partition tables and the
/// like lie at the very end.
const TAIL: u64 = MIB;

/// How much of the root directory is read for the label, in bytes: formatters put it among the
/// first entries.
const LABEL_AMONG: u64 = 2 * KIB;

fn read_boot_sector(source: &dyn BlockSource) -> error::Result<Option<BootSector>> {
    if source.size() < boot_region::LENGTH as u64 {
        return Ok(None);
    }
    Ok(BootSector::parse(&source.read_vec(0, boot_region::LENGTH)?))
}

/// Whether a volume is an exFAT one, with its label and serial number.
///
/// # Errors
/// When the boot sector cannot be read.
pub fn detect(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    let Some(boot) = read_boot_sector(source)? else { return Ok(None) };
    Ok(Some(Volume {
        label: label(source, &boot),
        uuid: Some(format!("{:04X}-{:04X}", boot.serial >> 16, boot.serial & 0xFFFF)),
        block_size: Some(boot.cluster_size),
        length: Some(boot.length),
        ..Volume::of(VolumeKind::Exfat)
    }))
}

/// The label. One that cannot be read is no reason not to know the volume.
fn label(source: &dyn BlockSource, boot: &BootSector) -> Option<String> {
    if !boot.has_cluster(boot.root_cluster) {
        return None;
    }
    let root = boot.cluster_extent(boot.root_cluster, 1);
    let bytes = source.read_vec(root.offset, root.length.min(LABEL_AMONG) as usize).ok()?;
    let entry = directory::entries(&bytes)
        .take_while(|entry| entry.kind() != kind::END)
        .find(|entry| entry.kind() == kind::LABEL)?;
    let length = usize::from(entry.byte(1)).min(11);
    let units = (0..length)
        .map(|number| u16::from_le_bytes([entry.byte(2 + 2 * number), entry.byte(3 + 2 * number)]));
    let text: String = char::decode_utf16(units)
        .map(|result| result.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    (!text.is_empty()).then_some(text)
}

/// The used extents of an exFAT volume.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let boot = read_boot_sector(source)
        .map_err(unreadable_doubt)?
        .ok_or_else(|| VolumeKind::Unknown.why_whole())?;
    boot.check(source.size())?;
    check_regions(source, &boot)?;

    let mut extents = allocation::read(source, &boot, budget.extents)?;
    extents
        .push(Extent::between(boot.length.max(source.size().saturating_sub(TAIL)), source.size()));
    let extents = extents.build();
    allocation::check_files(source, &boot, &extents, budget.extents)?;
    let signatures = boot.regions().map(|region| Extent::new(region.offset, boot.sector_size));
    Ok(Used { extents, signatures: signatures.to_vec() })
}

/// A doubt when the boot region is damaged, or its backup describes another volume. A damaged
/// backup takes nothing from what is proven by the checksum of the region itself.
fn check_regions(source: &dyn BlockSource, boot: &BootSector) -> Result<(), Doubt> {
    let [main, backup] = boot.regions();
    let bytes = source.read_vec(main.offset, main.length as usize).map_err(unreadable_doubt)?;
    let main = boot_region::checksum(&bytes).ok_or_else(|| message!("exfat-boot-checksum"))?;
    let backup = source.read_vec(backup.offset, backup.length as usize).ok();
    match backup.as_deref().and_then(boot_region::checksum) {
        Some(backup) if backup != main => Err(message!("exfat-backup-differs")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
