//! Damaged volumes: a doubt, or at least everything that is really in use; never a panic.

use super::fixture::{field, filled, filled_by_mkfs, made};
use crate::block::BlockSource;
use crate::filesystem::testing::mounted::can_mount;
use crate::filesystem::testing::{Broken, Garbage, Image};
use crate::filesystem::xfs::{detect, used};
use crate::filesystem::{Budget, crc32c::crc32c};
use crate::units::{Extent, ExtentMap, KIB, MIB};

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, Budget::default()).err().map(|doubt| doubt.id().to_owned())
}

/// Makes the checksum of a sector right, which lies at `field` in it.
fn repair(image: &Image, sector: Extent, field: usize) {
    let mut bytes = image.read_vec(sector.offset, sector.length as usize).unwrap();
    bytes[field..field + 4].fill(0);
    let checksum = crc32c(&[&bytes]);
    image.write(sector.offset + field as u64, &checksum.to_le_bytes());
}

/// Writes into the superblock and makes its checksum right; answers the doubt.
fn with_superblock(image: &Image, offset: u64, bytes: &[u8]) -> Option<String> {
    let sector = Extent::new(0, 512);
    let before = image.read_vec(0, 512).unwrap();
    image.write(offset, bytes);
    repair(image, sector, 224);
    let found = doubt(image);
    let known = detect(image).unwrap();
    if let (Some(id), Some(volume)) = (&found, known) {
        assert!(!id.is_empty() && volume.length != Some(0));
    }
    image.write(0, &before);
    found
}

#[test]
fn what_the_superblock_cannot_say() {
    let image = made("", 64 * MIB);
    assert_eq!(doubt(&image), None);
    let expect = |offset: u64, bytes: &[u8], id: &str| {
        assert_eq!(with_superblock(&image, offset, bytes).as_deref(), Some(id), "{offset}");
        assert_eq!(doubt(&image), None);
    };
    expect(8, &(1u64 << 40).to_be_bytes(), "xfs-impossible"); // sb_dblocks
    expect(84, &0u32.to_be_bytes(), "xfs-impossible"); // sb_agblocks
    expect(84, &u32::MAX.to_be_bytes(), "xfs-impossible");
    expect(88, &u32::MAX.to_be_bytes(), "xfs-impossible"); // sb_agcount
    expect(124, &[63], "xfs-impossible"); // sb_agblklog
    expect(123, &[0], "xfs-impossible"); // sb_inopblog
    expect(121, &[16], "xfs-impossible"); // sb_sectlog
    expect(48, &u64::MAX.to_be_bytes(), "xfs-impossible"); // sb_logstart
    expect(96, &u32::MAX.to_be_bytes(), "xfs-impossible"); // sb_logblocks
    expect(56, &u64::MAX.to_be_bytes(), "xfs-impossible"); // sb_rootino
    expect(48, &0u64.to_be_bytes(), "xfs-log-elsewhere");
    expect(100, &0xb4b6u16.to_be_bytes(), "xfs-impossible"); // sb_versionnum
    expect(126, &[1], "xfs-in-progress");
    expect(144, &7u64.to_be_bytes(), "xfs-free-count"); // sb_fdblocks
    expect(208, &1u32.to_be_bytes(), "xfs-feature-unknown"); // sb_features_compat
    expect(212, &0x1fu32.to_be_bytes(), "xfs-feature-unknown"); // sb_features_ro_compat
    expect(216, &0x10bu32.to_be_bytes(), "xfs-feature-unknown"); // sb_features_incompat
    expect(216, &0x1bu32.to_be_bytes(), "xfs-needs-repair");
    // Exchange of contents and parents move nothing.
    assert_eq!(with_superblock(&image, 216, &0xcbu32.to_be_bytes()), None);
    image.write(40, &[1]);
    assert_eq!(doubt(&image).as_deref(), Some("xfs-checksum"));
    image.write(0, b"x");
    assert_eq!(detect(&image).unwrap(), None);
    assert_eq!(doubt(&image).as_deref(), Some("xfs-no-superblock"));
}

#[test]
fn what_group_headers_cannot_say() {
    let image = made("", 64 * MIB);
    let group = field(&image, "sb 0", "agblocks") * 4096;
    let sector = |number: u64| Extent::new(group + number * 512, 512);
    let expect = |which: u64, checksum: usize, offset: u64, bytes: &[u8], id: Option<&str>| {
        let sector = sector(which);
        let before = image.read_vec(sector.offset, 512).unwrap();
        image.write(sector.offset + offset, bytes);
        assert_eq!(doubt(&image).as_deref(), id.map(|_| "xfs-checksum"), "{which} {offset}");
        repair(&image, sector, checksum);
        assert_eq!(doubt(&image).as_deref(), id, "{which} {offset}");
        image.write(sector.offset, &before);
        assert_eq!(doubt(&image), None);
    };
    let number = |value: u32| value.to_be_bytes();
    // AGF: group, length, root, levels, list, counts.
    for offset in [4, 8, 12, 16, 20, 28, 40, 44, 48] {
        expect(1, 216, offset, &number(0x0fff_ffff), Some("xfs-header"));
    }
    expect(1, 216, 16, &number(0), Some("xfs-header"));
    expect(1, 216, 28, &number(0), Some("xfs-header"));
    expect(1, 216, 28, &number(2), Some("xfs-tree"));
    expect(1, 216, 16, &number(9), Some("xfs-tree"));
    expect(1, 216, 52, &number(100), Some("xfs-header"));
    expect(1, 216, 60, &number(1), Some("xfs-free-count"));
    expect(1, 216, 64, &[9; 16], Some("xfs-header"));
    // AGI: group, length, roots.
    for offset in [8, 12, 20, 328] {
        expect(2, 312, offset, &number(0x0fff_ffff), Some("xfs-header"));
    }
    // AGFL: group, and a block that is free.
    expect(3, 32, 4, &number(77), Some("xfs-header"));
    expect(3, 32, 36 + 4 * 2, &number(1000), Some("xfs-metadata-free"));
    // The copy of the superblock: another length counts, damage does not.
    let before = image.read_vec(group, 512).unwrap();
    image.write(group + 8, &77u64.to_be_bytes());
    assert_eq!(doubt(&image), None);
    repair(&image, Extent::new(group, 512), 224);
    assert_eq!(doubt(&image).as_deref(), Some("xfs-backup-differs"));
    image.write(group, &before);
    assert_eq!(doubt(&image), None);
}

#[test]
fn what_cannot_be_read_is_a_doubt() {
    let image = made("", 64 * MIB);
    let group = field(&image, "sb 0", "agblocks") * 4096;
    let root = field(&image, "agf 1", "bnoroot") * 4096;
    for offset in [group, group + 512, group + root] {
        let broken = Broken { source: &image, unreadable: Extent::new(offset, 512) };
        assert_eq!(doubt(&broken).as_deref(), Some("xfs-unreadable"));
    }
    let broken = Broken { source: &image, unreadable: Extent::new(0, 512) };
    assert!(detect(&broken).is_err());
}

/// Where the log begins, in bytes.
fn start_of_log(image: &Image) -> u64 {
    let block = field(image, "sb 0", "logstart");
    let log = field(image, "sb 0", "agblklog");
    let group = field(image, "sb 0", "agblocks");
    ((block >> log) * group + (block & ((1 << log) - 1))) * 4096
}

#[test]
fn a_log_that_makes_no_sense() {
    let image = made("", 64 * MIB);
    let start = start_of_log(&image);
    let expect = |offset: u64, bytes: &[u8], id: &str| {
        let before = image.read_vec(start + offset, bytes.len()).unwrap();
        image.write(start + offset, bytes);
        assert_eq!(doubt(&image).as_deref(), Some(id), "{offset}");
        image.write(start + offset, &before);
        assert_eq!(doubt(&image), None);
    };
    let number = |value: u32| value.to_be_bytes();
    expect(0, &number(0), "xfs-log-damaged");
    expect(0, &number(1), "xfs-log-damaged");
    expect(4, &number(9), "xfs-log-damaged");
    expect(8, &number(3), "xfs-log-damaged");
    expect(12, &number(u32::MAX), "xfs-log-damaged");
    expect(16, &[9; 8], "xfs-log-damaged");
    expect(40, &number(2), "xfs-needs-recovery");
    expect(304, &[9; 16], "xfs-log-damaged");
    expect(320, &number(u32::MAX), "xfs-log-damaged");
    expect(512 + 9, &[0], "xfs-needs-recovery");
    // Something was written after the unmount.
    let end = 512
        * (1 + u64::from(u32::from_be_bytes(
            image.read_vec(start + 12, 4).unwrap().try_into().unwrap(),
        )) / 512);
    expect(end, &number(1), "xfs-needs-recovery");
    expect(MIB, &number(1), "xfs-log-damaged");
}

/// Behind the gap in a log that a tool made anew, nothing may be newer, however far behind.
#[test]
fn a_newer_block_far_behind_a_gap() {
    let image = made("-l size=20m", 96 * MIB);
    image.run("xfs_admin -U generate");
    assert_eq!(doubt(&image), None);
    let start = start_of_log(&image);
    let newest = image.read_vec(start + 4, 4).unwrap();
    for offset in [4 * KIB, MIB, 9 * MIB, 19 * MIB] {
        let before = image.read_vec(start + offset, 4).unwrap();
        image.write(start + offset, &newest);
        assert_eq!(doubt(&image).as_deref(), Some("xfs-log-damaged"), "{offset}");
        image.write(start + offset, &before);
    }
    assert_eq!(doubt(&image), None);
}

/// Bits flipped anywhere in the metadata, checksums made right again or not.
fn flip(image: &Image, places: &[Extent], checksums: &[Option<usize>]) {
    let sound = used(image, Budget::default()).unwrap();
    let mut garbage = Garbage::new(5);
    for round in 0..1500 {
        let which = garbage.number() as usize % places.len();
        let place = places[which];
        let before = image.read_vec(place.offset, place.length as usize).unwrap();
        let mut bytes = before.clone();
        for _ in 0..=garbage.number() % 3 {
            let bit = garbage.number() as usize % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        image.write(place.offset, &bytes);
        let repaired = checksums[which].filter(|_| round % 2 == 0);
        if let Some(field) = repaired {
            repair(image, place, field);
        }
        _ = detect(image).unwrap();
        match used(image, Budget::default()) {
            Err(_) => {}
            // With a right checksum it is no damage any more: another volume may be told.
            Ok(_) if repaired.is_some() => {}
            Ok(found) => {
                let lost = sound.extents.difference(&found.extents);
                assert_eq!(lost, ExtentMap::new(), "{place}, round {round}");
            }
        }
        image.write(place.offset, &before);
    }
    assert_eq!(used(image, Budget::default()).unwrap(), sound);
}

/// The headers of the first groups and the roots of their trees.
fn metadata(image: &Image) -> (Vec<Extent>, Vec<Option<usize>>) {
    let block = field(image, "sb 0", "blocksize");
    let group = field(image, "sb 0", "agblocks") * block;
    let mut places = Vec::new();
    let mut checksums = Vec::new();
    for number in 0..2 {
        for (sector, checksum) in [(0, 224), (1, 216), (2, 312), (3, 32)] {
            places.push(Extent::new(number * group + sector * 512, 512));
            checksums.push(Some(checksum));
        }
        let root = field(image, &format!("agf {number}"), "bnoroot");
        places.push(Extent::new(number * group + root * block, block));
        checksums.push(Some(52));
    }
    (places, checksums)
}

#[test]
fn flipped_bits_of_version_5() {
    if !can_mount("xfs") {
        return;
    }
    // Small blocks, so that the tree has inner nodes.
    let image = filled("-b size=1024 -l size=6m -d agcount=2", 48 * MIB, 900);
    assert!(field(&image, "agf 0", "bnolevel") > 1);
    let (places, checksums) = metadata(&image);
    flip(&image, &places, &checksums);
}

/// Without checksums a flipped bit can tell a smaller free extent, never a larger one: the
/// counters would not agree.
#[test]
fn flipped_bits_of_version_4() {
    let image = filled_by_mkfs("-m crc=0 -l size=6m", 48 * MIB);
    let (places, _) = metadata(&image);
    flip(&image, &places, &vec![None; places.len()]);
}
