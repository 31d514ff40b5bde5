//! The targets: what must hold for every input.

use crate::sparse_disk::SparseDisk;
use calco::block::BlockSource;
use calco::filesystem::{self, Reading};
use calco::partition::{self, PartitionTable, TableReading};
use calco::units::{Extent, GIB};

/// A target by its name, which is also that of the folder of its corpus.
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "gpt", run: gpt },
    Target { name: "mbr", run: mbr },
    Target { name: "ext", run: ext },
    Target { name: "fat", run: fat },
    Target { name: "swap", run: swap },
];

/// Largest disk for the readers of file systems: their time grows with the size of the
/// allocation data, and a fuzzer needs many runs a second.
const LARGEST_VOLUME: u64 = 4 * GIB;

/// A disk with a GUID partition table.
pub fn gpt(input: &[u8]) {
    table(input);
}

/// A disk with a master boot record.
pub fn mbr(input: &[u8]) {
    table(input);
}

/// A volume with an ext file system.
pub fn ext(input: &[u8]) {
    volume(input);
}

/// A volume with a FAT file system.
pub fn fat(input: &[u8]) {
    volume(input);
}

/// A swap area.
pub fn swap(input: &[u8]) {
    volume(input);
}

fn table(input: &[u8]) {
    let disk = SparseDisk::decode(input, i64::MAX as u64);
    let TableReading { table, alternative, doubt } = partition::read(&disk);
    check_table(&table, disk.size(), doubt.is_some());
    if let Some(alternative) = alternative {
        check_table(&alternative, disk.size(), doubt.is_some());
    }
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

fn volume(input: &[u8]) {
    let disk = SparseDisk::decode(input, LARGEST_VOLUME);
    let readings = filesystem::read(&[&disk], disk.budget());
    assert_eq!(readings.len(), 1, "one reading for each source");
    for reading in &readings {
        check_reading(reading, &disk);
    }
}

fn check_reading(reading: &Reading, disk: &SparseDisk) {
    let Ok(used) = &reading.used else { return };
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
