//! Tables put onto other disks, judged by sgdisk, sfdisk and fdisk.

use super::damaged::{LAST, SIZE, gpt, mbr, seal};
use super::*;
use crate::error::ErrorKind;
use crate::partition::layout::{
    Repair, SavedTable, TableWrite, Target, fit, needed_size, stale_table_extents,
};
use crate::partition::{RegionKind, Scheme, read};
use crate::units::Extent;

/// What fitting the table of `source` onto a file of `size` bytes gives.
fn fitted(source: &dyn BlockSource, size: u64, repair: Repair) -> Result<Vec<TableWrite>> {
    let table = read(source).table;
    let saved = SavedTable::read(source, &table)?;
    fit(&saved, Target { size, sector_size: None }, repair)
}

/// The same, written onto a disk of zeros.
fn restored(source: &dyn BlockSource, size: u64, repair: Repair) -> FileDisk {
    let disk = FileDisk::new(size);
    for write in fitted(source, size, repair).unwrap() {
        disk.write(write.offset, &write.bytes);
    }
    disk
}

fn assert_approved(disk: &FileDisk) {
    let said = disk.run("sgdisk", &["-v"], "");
    assert!(said.contains("No problems found"), "{said}");
    let mut command = Command::new("sfdisk");
    let output = command.arg("--verify").arg(disk.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.to_lowercase().contains("pmbr"), "{said}");
}

fn all_bytes_of(source: &FileDisk, regions: &[crate::partition::Region]) -> Vec<TableWrite> {
    let of = |region: &crate::partition::Region| TableWrite {
        kind: region.kind,
        offset: region.extent.offset,
        bytes: source.read_vec(region.extent.offset, region.extent.length as usize).unwrap(),
    };
    regions.iter().map(of).collect()
}

#[test]
fn the_same_size_gets_the_same_bytes() {
    let grown = FileDisk::divided(8 * MIB, "label: gpt\n1 : start=2048, size=2048\n");
    grown.file().set_len(16 * MIB).unwrap();
    let damaged = FileDisk::new(SIZE);
    let mut bytes = gpt();
    bytes[512 + 50] ^= 1;
    damaged.write(0, &bytes);
    let hopeless = FileDisk::new(SIZE);
    bytes[LAST as usize * 512] ^= 1;
    hopeless.write(0, &bytes);
    let hybrid = FileDisk::divided(8 * MIB, "label: gpt\n1 : start=2048, size=2048\n");
    hybrid.run("sgdisk", &["-h", "1"], "");
    let logical = FileDisk::divided(
        8 * MIB,
        "label: dos\n2 : start=2048, type=f\n5 : size=99\n6 : size=99\n",
    );
    for source in [grown, damaged, hopeless, hybrid, logical] {
        let mut writes = fitted(&source, source.size(), Repair::No).unwrap();
        assert_eq!(writes.last().unwrap().kind, RegionKind::Mbr);
        writes.sort_by_key(|write| write.offset);
        let table = read(&source).table;
        assert!(table.regions.len() >= 3);
        assert_eq!(writes, all_bytes_of(&source, &table.regions));
    }
}

#[test]
fn a_larger_disk_gets_what_sgdisk_would_make() {
    for size in [SIZE + 512, 5 * MIB, 64 * MIB, 1 << 30, 16 << 30] {
        let source = MemoryDisk::new(gpt());
        let disk = restored(&source, size, Repair::No);
        assert_approved(&disk);
        let table = certain(read(&disk));
        assert_eq!(ids(&table.problems), [""; 0]);
        assert_eq!(table.partitions, read(&source).table.partitions);

        // sgdisk moves the backup of the same disk, enlarged.
        let other = FileDisk::new(size);
        let bytes = gpt();
        other.write(0, &bytes[..17408]);
        other.write(LAST * 512 - 32 * 512, &bytes[(LAST as usize - 32) * 512..]);
        other.run("sgdisk", &["-e"], "");
        for region in &table.regions {
            let length = region.extent.length as usize;
            let ours = disk.read_vec(region.extent.offset, length).unwrap();
            let theirs = other.read_vec(region.extent.offset, length).unwrap();
            if region.kind == RegionKind::Mbr {
                // It writes the protective MBR anew, with other cylinders, and no boot code.
                let size = 446 + 12..446 + 16;
                assert_eq!(ours[size.clone()], theirs[size]);
            } else {
                assert_eq!(ours, theirs, "{:?} on {size}", region.kind);
            }
        }
    }
}

#[test]
fn a_disk_beyond_2_tib_gets_a_protective_entry_of_all_it_can_say() {
    let disk = restored(&MemoryDisk::new(gpt()), 3 << 40, Repair::No);
    assert_approved(&disk);
    assert_eq!(disk.read_vec(446 + 12, 4).unwrap(), [0xff; 4]);
    assert_eq!(ids(&certain(read(&disk)).problems), [""; 0]);
    // And back: the field then means "any size", as some systems always write it.
    let again = restored(&disk, SIZE, Repair::No);
    assert_eq!(again.read_vec(446 + 12, 4).unwrap(), [0xff; 4]);
    assert_eq!(again.read_vec(512, 512).unwrap(), gpt()[512..1024]);
    assert_eq!(ids(&certain(read(&again)).problems), [""; 0]);
}

#[test]
fn sectors_of_4096_bytes_are_moved_too() {
    let source = FileDisk::new(64 * MIB);
    source.run("fdisk", &["-b", "4096"], "g\nn\n1\n256\n+8M\nn\n2\n\n+4M\nw\n");
    let source = source.with_sector_size(4096);
    let disk = restored(&source, 100 * MIB, Repair::No);
    let said = disk.run("fdisk", &["-b", "4096"], "v\nq\n");
    assert!(said.contains("No errors detected"), "{said}");
    let disk = disk.with_sector_size(4096);
    let table = certain(read(&disk));
    assert_eq!(ids(&table.problems), [""; 0]);
    assert_eq!(table.partitions, read(&source).table.partitions);
}

#[test]
fn an_mbr_is_the_same_on_every_disk() {
    let script = "label: dos\n1 : start=2048, size=64\n2 : start=4096, size=8192, type=5\n\
                  5 : size=64\n6 : size=64\n";
    let source = FileDisk::divided(8 * MIB, script);
    source.write(MIB, b"data");
    let table = certain(read(&source));
    assert_eq!(needed_size(&table, source.size()), 12288 * 512);
    for size in [12288 * 512, 8 * MIB, 100 * MIB] {
        let disk = restored(&source, size, Repair::No);
        let theirs = disk.run("sfdisk", &["--dump"], "").replace(disk.path().to_str().unwrap(), "");
        let ours = source.run("sfdisk", &["--dump"], "");
        assert_eq!(theirs, ours.replace(source.path().to_str().unwrap(), ""));
    }
    let error = fitted(&source, 12288 * 512 - 1, Repair::No).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[test]
fn a_smaller_disk_takes_the_table_or_is_refused_with_the_bytes_that_are_missing() {
    let source = MemoryDisk::new(gpt());
    let table = certain(read(&source));
    // The last partition ends before sector 6144; the backup takes 33 sectors.
    let needed = (6144 + 33) * 512;
    assert_eq!(needed_size(&table, SIZE), needed);
    let disk = restored(&source, needed, Repair::No);
    assert_approved(&disk);
    assert_eq!(certain(read(&disk)).partitions, table.partitions);
    // A file may end within a sector.
    assert_eq!(certain(read(&restored(&source, needed + 511, Repair::No))).problems, []);

    let error = fitted(&source, needed - 1000, Repair::No).unwrap_err();
    assert_eq!(
        (error.kind(), error.message().id()),
        (ErrorKind::Refused, "partition-target-too-small")
    );
    let report = error.report();
    for number in [1000, needed, needed - 1000] {
        assert!(report.contains(&number.to_string()), "{report}");
    }
    assert!(error.advice().is_some());
}

#[test]
fn nothing_is_written_past_the_end_whatever_the_size() {
    for bytes in [gpt(), [mbr(&[(0x83, 2048, 4096)]), vec![0; SIZE as usize - 512]].concat()] {
        let source = MemoryDisk::new(bytes);
        for size in (0..SIZE + MIB).step_by(5 * 512 + 77) {
            if let Ok(writes) = fitted(&source, size, Repair::No) {
                assert!(writes.iter().all(|write| write.extent().end() <= size), "{size}");
            }
        }
    }
}

#[test]
fn another_sector_size_is_refused() {
    let source = MemoryDisk::new(gpt());
    let table = read(&source).table;
    let saved = SavedTable::read(&source, &table).unwrap();
    let target = |sector_size| Target { size: SIZE, sector_size };
    let error = fit(&saved, target(Some(4096)), Repair::No).unwrap_err();
    assert_eq!(
        (error.kind(), error.message().id()),
        (ErrorKind::Refused, "partition-target-sector-size")
    );
    assert!(fit(&saved, target(Some(512)), Repair::No).is_ok());
    assert!(fit(&saved, target(None), Repair::No).is_ok());
}

#[test]
fn a_repair_makes_a_damaged_copy_what_it_was() {
    let sound = gpt();
    for damage in [512 + 16, 512 + 75, 1024 + 300, LAST as usize * 512 + 8, LAST as usize * 512 - 1]
    {
        let mut bytes = sound.clone();
        bytes[damage] ^= 4;
        let source = MemoryDisk::new(bytes);
        let disk = restored(&source, SIZE, Repair::Yes);
        assert_approved(&disk);
        for region in &read(&source).table.regions {
            let place = region.extent.offset as usize..region.extent.end() as usize;
            let ours = disk.read_vec(region.extent.offset, place.len()).unwrap();
            assert_eq!(ours, sound[place], "{:?} of damage at {damage}", region.kind);
        }
        // On a larger disk both copies are made from the sound one without being asked.
        let disk = restored(&source, 5 * MIB, Repair::No);
        assert_approved(&disk);
        assert_eq!(read(&disk).table.problems, []);
    }
}

#[test]
fn copies_that_differ_stay_different_unless_repaired() {
    let mut bytes = gpt();
    let entry = (LAST as usize - 32) * 512 + 2 * 128;
    bytes[entry + 40..entry + 48].copy_from_slice(&5800u64.to_le_bytes());
    seal(&mut bytes, LAST);
    let source = MemoryDisk::new(bytes);
    let before = read(&source);
    let after = read(&restored(&source, 5 * MIB, Repair::No));
    assert_eq!(after.table.partitions, before.table.partitions);
    let other = before.alternative.unwrap();
    assert_eq!(after.alternative.unwrap().partitions, other.partitions);
    // The copy that the caller believes is the one that both become.
    let saved = SavedTable::read(&source, &other).unwrap();
    let target = Target { size: SIZE, sector_size: Some(512) };
    let disk = FileDisk::new(SIZE);
    for write in fit(&saved, target, Repair::Yes).unwrap() {
        disk.write(write.offset, &write.bytes);
    }
    assert_approved(&disk);
    assert_eq!(certain(read(&disk)).partitions, other.partitions);
}

#[test]
fn a_repair_never_writes_over_a_partition() {
    // Cut off in its last partition: the backup would have to lie over it.
    let mut bytes = gpt();
    bytes.truncate(5500 * 512);
    let source = MemoryDisk::new(bytes);
    let size = source.size();
    let error = fitted(&source, size, Repair::Yes).unwrap_err();
    assert_eq!(
        (error.kind(), error.message().id()),
        (ErrorKind::Refused, "partition-repair-no-room")
    );
    // Unasked it stays as it is, on a disk that is a little larger too.
    for size in [size, size + 4096] {
        let writes = fitted(&source, size, Repair::No).unwrap();
        assert_eq!(writes.len(), 3);
        assert!(writes.iter().all(|write| {
            source.read_vec(write.offset, write.bytes.len()).unwrap() == write.bytes
        }));
    }
    // With room for all that the table claims, it is whole again.
    let disk = restored(&source, SIZE, Repair::No);
    assert_approved(&disk);
    assert_eq!(certain(read(&disk)).problems, []);
}

#[test]
fn a_hybrid_mbr_keeps_its_entries_on_a_larger_disk() {
    let source = FileDisk::divided(8 * MIB, "label: gpt\n1 : start=2048, size=2048\n");
    source.run("sgdisk", &["-h", "1"], "");
    let disk = restored(&source, 16 * MIB, Repair::No);
    assert_eq!(disk.read_vec(0, 512).unwrap(), source.read_vec(0, 512).unwrap());
    let table = certain(read(&disk));
    assert_eq!((table.scheme, ids(&table.problems)), (Scheme::HybridGpt, vec!["partition-hybrid"]));
}

#[test]
fn a_disk_without_a_table_has_nothing_to_write() {
    let source = MemoryDisk::new(vec![0; MIB as usize]);
    assert_eq!(fitted(&source, 2 * MIB, Repair::No).unwrap(), []);
    assert_eq!(fitted(&source, MIB - 1, Repair::No).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn old_tables_are_looked_for_at_both_ends() {
    let size = 64 * MIB + 700;
    let ends = [Extent::new(0, MIB), Extent::between(63 * MIB + 512, size)];
    assert_eq!(stale_table_extents(size, 512), ends);
    assert_eq!(stale_table_extents(MIB, 512), [Extent::new(0, MIB)]);
    assert_eq!(stale_table_extents(0, 512), []);
    let disk = FileDisk::divided(64 * MIB, "label: gpt\n1 : size=99\n");
    for extent in stale_table_extents(disk.size(), 512) {
        disk.write(extent.offset, &vec![0; extent.length as usize]);
    }
    assert_eq!(disk.run("wipefs", &[], ""), "");
    let reading = read(&disk);
    assert_eq!((reading.table.scheme, ids(&reading.table.problems)), (Scheme::None, vec![]));
}
