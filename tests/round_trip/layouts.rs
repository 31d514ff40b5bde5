//! Tables that are wrong, unusual or large.

use crate::source::{self, Content, Slot, SourceDisk, Table, save, signatures, small};
use crate::support::command::{calco, has_tools, text, tool};
use crate::support::{MIB, disk, tree, volume};
use std::fs;
use std::path::Path;

const TOOLS: [&str; 9] =
    ["mke2fs", "debugfs", "e2fsck", "mkfs.fat", "fsck.fat", "mkswap", "sfdisk", "sgdisk", "wipefs"];
/// Where an MBR's first entry is, and how long each one is, in bytes.
const ENTRIES: u64 = 446;
const ENTRY: u64 = 16;
const TIB: u64 = 1 << 40;

/// A disk of 96 MiB with an MBR: ext4 from 1 MiB to 41 MiB, something unknown from 50 MiB to 60 MiB,
/// and in an extended partition ext2 from 64 MiB and something unknown from 81 MiB.
fn with_mbr(folder: &Path) -> SourceDisk {
    let files = folder.join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 5, 200_000, false);
    let ext4 = volume::ext(&folder.join("ext4"), 40 * MIB, &["-t", "ext4"], &files);
    let ext2 = volume::ext(&folder.join("ext2"), 16 * MIB, &["-t", "ext2"], &files);
    let slot = |number, start, length, content| Slot { number, start, length, content };
    let slots = vec![
        slot(1, 1, 40, Content::Ext(ext4)),
        slot(3, 50, 10, Content::Unknown),
        slot(5, 64, 16, Content::Ext(ext2)),
        slot(6, 81, 2, Content::Unknown),
    ];
    let table = Table::Sfdisk("dos", &["83", "83", "83", "83"]);
    source::make(&folder.join("disk.img"), 96, table, slots)
}

/// The bytes of an entry's start or length (both little endian, in sectors) are replaced.
fn poke(disk: &Path, entry: u64, at: u64, sectors: u32) {
    disk::write(disk, ENTRIES + entry * ENTRY + at, &sectors.to_le_bytes());
}

const START: u64 = 8;
const LENGTH: u64 = 12;

/// Saves and restores onto garbage, and answers what `map` and `save` said.
#[track_caller]
fn copied(disk: &SourceDisk, target: &Path) -> String {
    let folder = disk.path.parent().unwrap();
    let said = calco(&["map", text(&disk.path)]).expect(0);
    let image = save(&[text(&disk.path)], &folder.join("store"), "disk");
    calco(&["verify", &image]).expect(0);
    disk::garbage(target, disk.size, 2);
    calco(&["restore", &image, "--to", text(target), "--yes"]).expect(0);
    said.stdout + &said.stderr
}

/// A range of mebibytes is equal, byte for byte.
#[track_caller]
fn assert_whole(disk: &SourceDisk, target: &Path, start: u64, end: u64) {
    disk::assert_same("what is saved whole", &disk.path, target, start * MIB, (end - start) * MIB);
}

#[test]
fn a_protective_mbr_of_a_wrong_size_comes_back() {
    if !has_tools(&TOOLS) {
        return;
    }
    // Too small, none, too large for the disk.
    for sectors in [2047, 0, 0x7fff_ffff] {
        let folder = tempfile::tempdir().unwrap();
        let disk = small(folder.path());
        poke(&disk.path, 0, LENGTH, sectors);
        disk.assert_round_trip(folder.path());
    }
}

#[test]
fn a_hybrid_mbr_comes_back() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = small(folder.path());
    tool("sgdisk", &["--hybrid=1:2", text(&disk.path)]);
    let image = disk.assert_round_trip(folder.path());
    // Both tables name the same partitions: none is counted twice.
    let shown = calco(&["show", &image, "--json"]).expect(0).json();
    let volumes = shown["manifest"]["disks"][0]["volumes"].as_array();
    assert_eq!(volumes.map(Vec::len), Some(4), "{shown}");
}

#[test]
fn partitions_that_overlap_are_saved_whole_and_said() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = with_mbr(folder.path());
    // The third one begins inside the first.
    poke(&disk.path, 2, START, (30 * MIB / 512) as u32);
    poke(&disk.path, 2, LENGTH, (30 * MIB / 512) as u32);
    let target = folder.path().join("target");
    let said = copied(&disk, &target);
    assert!(said.contains("Partitions 1 and 3 overlap"), "{said}");
    assert_whole(&disk, &target, 0, 60);
    disk.assert_volume(&disk.slots[2], &target, disk.slots[2].offset());
    assert_eq!(signatures(&target), signatures(&disk.path));
}

#[test]
fn a_partition_past_the_end_is_saved_whole_and_said() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = with_mbr(folder.path());
    poke(&disk.path, 2, START, (84 * MIB / 512) as u32);
    poke(&disk.path, 2, LENGTH, (40 * MIB / 512) as u32);
    let target = folder.path().join("target");
    let said = copied(&disk, &target);
    let missing = format!("Partition 3 goes {} bytes past the end", 28 * MIB);
    assert!(said.contains(&missing), "{said}");
    assert_whole(&disk, &target, 84, 96);
    disk.assert_volume(&disk.slots[0], &target, disk.slots[0].offset());
    disk.assert_volume(&disk.slots[2], &target, disk.slots[2].offset());
}

#[test]
fn logical_partitions_in_a_ring_end_and_nothing_is_lost() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = with_mbr(folder.path());
    // The EBR before partition 6 leads back to the first EBR.
    let link = disk::read(&disk.path, 63 * MIB + ENTRIES + ENTRY + START, 4);
    let at = 63 * MIB + u64::from(u32::from_le_bytes(link.try_into().unwrap())) * 512;
    assert!((80 * MIB..81 * MIB).contains(&at), "the second EBR is at {at}");
    disk::write(
        &disk.path,
        at + ENTRIES + ENTRY,
        &[0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
    );
    let target = folder.path().join("target");
    let said = copied(&disk, &target);
    assert!(said.contains("EBR") || said.contains("logical"), "{said}");
    disk.assert_volume(&disk.slots[0], &target, disk.slots[0].offset());
    // What the chain covers is as it was, whichever way it is read.
    assert_whole(&disk, &target, 50, 60);
    assert_whole(&disk, &target, 81, 83);
    disk::assert_same("the second EBR", &disk.path, &target, at, 512);
    disk.assert_volume(&disk.slots[2], &target, disk.slots[2].offset());
}

#[test]
fn partitions_beyond_two_tebibytes_come_back() {
    if !has_tools(&TOOLS) {
        return;
    }
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
    let path = |name: &str| folder.path().join(name);
    let files = path("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 6, 500_000, false);
    let ext = volume::ext(&path("ext"), 64 * MIB, &["-t", "ext4"], &files);
    let (source, target) = (path("source"), path("target"));
    for disk in [&source, &target] {
        disk::blank(disk, 3 * TIB);
    }
    let start = 2 * TIB + 512 * 1024 * MIB;
    disk::sfdisk(
        &source,
        &format!(
            "label: gpt\n1: start=1MiB, size=1GiB, type=S\n2: start={}, size=64MiB, type=L\n",
            start / 512
        ),
    );
    disk::embed(&ext.path, &source, start);
    let image = save(&[text(&source)], &path("store"), "large");
    // What the target was is not known of a hole: one file system and one table on it are old.
    tool(
        "mke2fs",
        &["-q", "-F", "-t", "ext2", "-E", &format!("offset={start}"), text(&target), "32M"],
    );
    calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    calco(&["verify", &image]).expect(0);
    let restored = path("restored");
    disk::extract(&target, start, 64 * MIB, &restored);
    volume::assert_ext(&restored, &ext.files);
    assert_eq!(signatures(&target), signatures(&source));
    tool("sgdisk", &["--verify", text(&target)]);
    disk::assert_same("the end of the disk", &source, &target, 3 * TIB - MIB, MIB);
}

#[test]
fn a_file_system_beyond_sixteen_tebibytes_comes_back() {
    if !has_tools(&["mkfs.xfs", "xfs_repair", "xfs_db", "sgdisk"]) {
        return;
    }
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
    let path = |name: &str| folder.path().join(name);
    let (source, target) = (path("source"), path("target"));
    for volume in [&source, &target] {
        disk::blank(volume, 20 * TIB);
    }
    let prototype = path("prototype");
    let content = path("content");
    fs::write(&content, disk::Noise::new(8).bytes(3_000_000)).unwrap();
    let text_of = format!("/boot\n0 0\nd--755 0 0\nfile ---644 0 0 {}\n$\n", content.display());
    fs::write(&prototype, text_of).unwrap();
    let words = ["-q", "-l", "size=64m", "-p", text(&prototype), text(&source)];
    tool("mkfs.xfs", &words);
    let image = save(&[text(&source)], &path("store"), "larger");
    calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    calco(&["verify", &image]).expect(0);
    tool("xfs_repair", &["-n", text(&target)]);
    let map = &source::maps(text(&source))[0];
    for (offset, length) in source::extents(map) {
        disk::assert_same("a used extent", &source, &target, offset, length);
    }
    let used = map["used_bytes"].as_u64().unwrap();
    assert!((64 * MIB..512 * MIB).contains(&used), "{used} bytes are called used");
}
