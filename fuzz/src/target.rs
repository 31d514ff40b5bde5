//! The targets: what must hold for every input.

use crate::checksum;
pub use crate::image::{header, index, manifest};
use crate::sparse_disk::SparseDisk;
pub use crate::whole::image;
use calco::block::BlockSource;
use calco::filesystem::{self, Reading, VolumeKind, thin};
use calco::partition::{self, PartitionTable, TableReading};
use calco::units::{Extent, GIB};

/// A target by its name, which is also that of the folder of its corpus.
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The function. Panics where something does not hold; answers whether the input was
    /// understood, so that a corpus that no parser understands is found out.
    pub run: fn(&[u8]) -> bool,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "gpt", run: gpt },
    Target { name: "mbr", run: mbr },
    Target { name: "ext", run: ext },
    Target { name: "fat", run: fat },
    Target { name: "ntfs", run: ntfs },
    Target { name: "exfat", run: exfat },
    Target { name: "f2fs", run: f2fs },
    Target { name: "udf", run: udf },
    Target { name: "hfsplus", run: hfsplus },
    Target { name: "packed", run: packed },
    Target { name: "swap", run: swap },
    Target { name: "xfs", run: xfs },
    Target { name: "btrfs", run: btrfs },
    Target { name: "lvm", run: lvm },
    Target { name: "thin", run: thin_pool },
    Target { name: "md", run: md },
    Target { name: "recognize", run: recognize },
    Target { name: "header", run: header },
    Target { name: "manifest", run: manifest },
    Target { name: "index", run: index },
    Target { name: "image", run: image },
];

/// Largest disk for the readers of file systems: their time grows with the size of the
/// allocation data, and a fuzzer needs many runs a second.
const LARGEST_VOLUME: u64 = 4 * GIB;

/// Largest disk for partition tables: as large as offsets allow.
const LARGEST_DISK: u64 = i64::MAX as u64;

/// A disk with a GUID partition table, as it is and with its checksums made right.
pub fn gpt(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_DISK);
    table(&disk) | (checksum::repair_gpt(&mut disk) && table(&disk))
}

/// A disk with a master boot record.
pub fn mbr(input: &[u8]) -> bool {
    table(&SparseDisk::decode(input, LARGEST_DISK))
}

/// A volume with an ext file system, as it is and with its checksum made right.
pub fn ext(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_ext(&mut disk) && is_certain(&volume(&disk)))
}

/// A volume with a FAT file system.
pub fn fat(input: &[u8]) -> bool {
    is_certain(&volume(&SparseDisk::decode(input, LARGEST_VOLUME)))
}

/// A volume with an NTFS file system.
pub fn ntfs(input: &[u8]) -> bool {
    is_certain(&volume(&SparseDisk::decode(input, LARGEST_VOLUME)))
}

/// A volume with an exFAT file system, as it is and with its checksum made right.
pub fn exfat(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_exfat(&mut disk) && is_certain(&volume(&disk)))
}

/// A volume with an f2fs file system, as it is and with the checksums of its checkpoints made right.
pub fn f2fs(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_f2fs(&mut disk) && is_certain(&volume(&disk)))
}

/// A volume with a UDF file system, as it is and with the checksums of its descriptors made right.
pub fn udf(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_udf(&mut disk) && is_certain(&volume(&disk)))
}

/// A volume with an HFS+ or HFSX file system, as it is and with the copy of its header and the
/// checksum of its journal made right.
pub fn hfsplus(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    let is_read = |disk: &SparseDisk| volume(disk).unproven.is_some();
    is_read(&disk) | (checksum::repair_hfsplus(&mut disk) && is_read(&disk))
}

/// A squashfs, EROFS or ISO 9660 image.
pub fn packed(input: &[u8]) -> bool {
    is_certain(&volume(&SparseDisk::decode(input, LARGEST_VOLUME)))
}

/// A swap area.
pub fn swap(input: &[u8]) -> bool {
    is_certain(&volume(&SparseDisk::decode(input, LARGEST_VOLUME)))
}

/// A volume with an XFS file system, as it is and with its checksums made right.
pub fn xfs(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_xfs(&mut disk) && is_certain(&volume(&disk)))
}

/// A device of a btrfs file system, as it is and with its checksums made right.
pub fn btrfs(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_btrfs(&mut disk) && is_certain(&volume(&disk)))
}

/// A physical volume of LVM2, as it is and with its checksums made right.
pub fn lvm(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_lvm(&mut disk) && is_certain(&volume(&disk)))
}

/// The metadata volume of a thin pool, as it is and with its checksums made right.
pub fn thin_pool(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain_pool(&disk) | (checksum::repair_thin(&mut disk) && is_certain_pool(&disk))
}

/// Whether it is certain which data blocks of a pool are in use, where LVM2 says what the pool says.
fn is_certain_pool(disk: &SparseDisk) -> bool {
    let Some((data_block, transaction)) = checksum::thin_superblock(disk) else { return false };
    let (data_size, devices) = (LARGEST_DISK, Vec::new());
    let expected = thin::Expected { data_size, data_block, transaction, devices };
    let Ok(used) = thin::used(disk, &expected, disk.budget()) else { return false };
    assert!(used.end() <= data_size, "used bytes are in the volume: {used:?}");
    assert!(used.len() <= disk.budget().extents.max(2), "{} extents", used.len());
    let in_blocks =
        |extent: Extent| (extent.offset % data_block, extent.length % data_block) == (0, 0);
    assert!(used.iter().all(in_blocks), "{used:?}");
    true
}

/// A member of a Linux md array, as it is and with its checksums made right.
pub fn md(input: &[u8]) -> bool {
    let mut disk = SparseDisk::decode(input, LARGEST_VOLUME);
    is_certain(&volume(&disk)) | (checksum::repair_md(&mut disk) && is_certain(&volume(&disk)))
}

/// A volume that is only recognised.
pub fn recognize(input: &[u8]) -> bool {
    volume(&SparseDisk::decode(input, LARGEST_VOLUME)).volume.kind != VolumeKind::Unknown
}

fn table(disk: &SparseDisk) -> bool {
    let TableReading { table, alternative, doubt } = partition::read(disk);
    check_table(&table, disk.size(), doubt.is_some());
    if let Some(alternative) = alternative {
        check_table(&alternative, disk.size(), doubt.is_some());
    }
    doubt.is_none() && !table.partitions.is_empty()
}

fn check_table(table: &PartitionTable, size: u64, doubtful: bool) {
    let disk = Extent::new(0, size);
    for region in &table.regions {
        assert!(disk.contains(region.extent), "{region:?} is not on the disk");
    }
    assert!(
        table.regions.windows(2).all(|pair| pair[0].extent.offset <= pair[1].extent.offset),
        "regions ascend: {:?}",
        table.regions
    );
    assert!(
        table.partitions.windows(2).all(|pair| pair[0].number < pair[1].number),
        "numbers ascend: {:?}",
        table.partitions
    );
    for partition in &table.partitions {
        let extent = partition.extent;
        assert!(extent.offset.checked_add(extent.length).is_some(), "{partition:?} overflows");
        assert!(
            disk.contains(extent) || doubtful || !table.problems.is_empty(),
            "{partition:?} is not on the disk, and nothing says so"
        );
    }
}

fn volume(disk: &SparseDisk) -> Reading {
    let mut readings = filesystem::read(&[disk], disk.budget());
    assert_eq!(readings.len(), 1, "one reading for each source");
    let reading = readings.remove(0);
    check_reading(&reading, disk);
    reading
}

fn is_certain(reading: &Reading) -> bool {
    reading.used.is_ok()
}

fn check_reading(reading: &Reading, disk: &SparseDisk) {
    assert!(reading.used.is_err() || reading.unproven.is_none(), "one answer: {reading:?}");
    let Some(used) = reading.used.as_ref().ok().or(reading.unproven.as_ref()) else { return };
    let size = disk.size();
    assert!(used.extents.end() <= size, "used bytes are in the volume: {reading:?}");
    assert!(
        used.extents.len() <= disk.budget().extents.max(2),
        "{} extents are over the budget of {}",
        used.extents.len(),
        disk.budget().extents
    );
    for signature in &used.signatures {
        assert!(used.extents.contains(*signature), "signature {signature} is not called used");
    }
}
