//! Damaged file systems: a doubt, or at least everything that is really in use; never a panic.

use super::fixture::{certain, field, filled, made};
use crate::block::BlockSource;
use crate::filesystem::btrfs::{detect, used};
use crate::filesystem::crc32c::crc32c;
use crate::filesystem::testing::mounted::can_mount;
use crate::filesystem::testing::{Broken, Garbage, Image};
use crate::filesystem::{Budget, Used};
use crate::units::{Extent, ExtentMap, KIB, MIB};

const SUPERBLOCK: u64 = 64 * KIB;

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, Budget::default()).err().map(|doubt| doubt.id().to_owned())
}

/// Makes the checksum of a superblock or tree block right.
fn repair(image: &Image, block: Extent) {
    let bytes = image.read_vec(block.offset, block.length as usize).unwrap();
    image.write(block.offset, &crc32c(&[&bytes[32..]]).to_le_bytes());
}

#[test]
fn what_the_superblock_cannot_say() {
    let images = made("-m single", 1, 128 * MIB);
    let image = &images[0];
    let sound = certain(&images).remove(0);
    let before = image.read_vec(SUPERBLOCK, 4096).unwrap();
    let expect = |offset: u64, bytes: &[u8], id: Option<&str>| {
        image.write(SUPERBLOCK + offset, bytes);
        assert_eq!(doubt(image).as_deref(), Some("btrfs-superblock-checksum"), "{offset}");
        repair(image, Extent::new(SUPERBLOCK, 4096));
        assert_eq!(doubt(image).as_deref(), id, "{offset}");
        assert!(detect(image).unwrap().is_some());
        image.write(SUPERBLOCK, &before);
        assert_eq!(doubt(image), None);
    };
    let number = |value: u64| value.to_le_bytes();
    expect(0x38, &number(1 | 1 << 35), Some("btrfs-state"));
    expect(0x48, &number(3), Some("btrfs-impossible")); // generation
    expect(0x50, &number(0x1234), Some("btrfs-block")); // root
    expect(0x50, &number(u64::MAX), Some("btrfs-block"));
    expect(0x58, &number(u64::MAX), Some("btrfs-block")); // chunk_root
    expect(0x78, &number(12), Some("btrfs-used-count")); // bytes_used
    expect(0x90, &[0, 0, 2, 0], Some("btrfs-impossible")); // sectorsize
    expect(0x94, &[0, 0, 2, 0], Some("btrfs-impossible")); // nodesize
    expect(0xa0, &[1, 9, 0, 0], Some("btrfs-impossible")); // sys_chunk_array_size
    expect(0xa0, &[5, 0, 0, 0], Some("btrfs-chunk"));
    expect(0xa0, &[0, 0, 0, 0], Some("btrfs-block"));
    expect(0xac, &number(1), Some("btrfs-feature-unknown")); // compat_flags
    expect(0xb4, &number(1 << 20), Some("btrfs-feature-unknown")); // compat_ro_flags
    expect(0xbc, &number(0x1361), Some("btrfs-feature-unknown")); // incompat_flags
    expect(0xbc, &number(0x2361), Some("btrfs-feature-unknown"));
    expect(0xbc, &number(0x4361), Some("btrfs-feature-unknown"));
    expect(0xc6, &[200], Some("btrfs-block")); // root_level
    expect(0xc7, &[1], Some("btrfs-block")); // chunk_root_level
    expect(0xc9, &number(0), Some("btrfs-replacement")); // devid
    expect(0xc9, &number(2), Some("btrfs-device-missing"));
    expect(0xc9 + 16, &number(12), Some("btrfs-device-item")); // bytes_used of the device
    expect(0xc9 + 66, &[9; 16], Some("btrfs-device-item")); // its UUID
    expect(0xc9 + 82, &[9; 16], Some("btrfs-other-device")); // UUID of its file system
    expect(0x88, &number(2), Some("btrfs-device-item")); // num_devices
    // A log to replay leaves all allocated bytes.
    image.write(SUPERBLOCK + 0x60, &number(1 << 20));
    repair(image, Extent::new(SUPERBLOCK, 4096));
    let with_log = used(image, Budget::default()).unwrap();
    assert_eq!(sound.extents.difference(&with_log.extents), ExtentMap::new());
    assert!(with_log.extents.total_bytes() >= field(image, "dev_item.bytes_used"));
    image.write(SUPERBLOCK, &before);

    image.write(SUPERBLOCK + 0xc4, &[9, 0]); // csum_type
    assert_eq!(doubt(image).as_deref(), Some("btrfs-impossible"));
    image.write(SUPERBLOCK, &before);
    image.write(SUPERBLOCK + 0x40, b"x");
    assert_eq!(detect(image).unwrap(), None);
    assert_eq!(doubt(image).as_deref(), Some("btrfs-no-superblock"));
}

/// A copy that is newer than the first superblock is a doubt; one that is older or damaged is
/// not.
#[test]
fn copies_of_the_superblock() {
    let images = made("-m single", 1, 128 * MIB);
    let image = &images[0];
    let place = Extent::new(64 * MIB, 4096);
    let generation =
        u64::from_le_bytes(image.read_vec(place.offset + 0x48, 8).unwrap().try_into().unwrap());
    for (difference, id) in [(1, Some("btrfs-copy-newer")), (0, None), (-1, None)] {
        let number = generation.wrapping_add_signed(difference);
        image.write(place.offset + 0x48, &number.to_le_bytes());
        repair(image, place);
        assert_eq!(doubt(image).as_deref(), id, "{difference}");
    }
    image.write(place.offset + 0x48, &u64::MAX.to_le_bytes());
    assert_eq!(doubt(image), None);
    let broken = Broken { source: image, unreadable: place };
    assert_eq!(doubt(&broken), None);
}

/// Where the tree blocks lie that are read, by their magic: the UUID in their headers.
fn tree_blocks(image: &Image) -> Vec<Extent> {
    let superblock = image.read_vec(SUPERBLOCK, 4096).unwrap();
    let (uuid, node) = (&superblock[0x20..0x30], field(image, "nodesize"));
    let answer = used(image, Budget::default()).unwrap();
    let mut found = Vec::new();
    for extent in answer.extents.iter() {
        for offset in (extent.offset..extent.end()).step_by(4096) {
            if offset < MIB || offset == 64 * MIB || offset + node > image.size() {
                continue;
            }
            if image.read_vec(offset + 32, 16).unwrap() == uuid {
                found.push(Extent::new(offset, node));
            }
        }
    }
    found
}

fn flip(image: &Image, sound: &Used, blocks: &[Extent], rounds: u64) -> u64 {
    let mut garbage = Garbage::new(8);
    let mut doubts = 0;
    for round in 0..rounds {
        let block = blocks[garbage.number() as usize % blocks.len()];
        let before = image.read_vec(block.offset, block.length as usize).unwrap();
        let mut bytes = before.clone();
        for _ in 0..=garbage.number() % 3 {
            // Mostly where the numbers are: at the start.
            let length = if garbage.number().is_multiple_of(3) { bytes.len() } else { 300 };
            let bit = garbage.number() as usize % (length * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        image.write(block.offset, &bytes);
        if round % 2 == 0 {
            repair(image, block);
        }
        _ = detect(image).unwrap();
        match used(image, Budget::default()) {
            Err(_) => doubts += 1,
            // With a right checksum it is no damage any more: another file system may be told.
            Ok(_) if round % 2 == 0 => {}
            Ok(found) => {
                let lost = sound.extents.difference(&found.extents);
                assert_eq!(lost, ExtentMap::new(), "{block}, round {round}");
            }
        }
        image.write(block.offset, &before);
    }
    assert_eq!(&used(image, Budget::default()).unwrap(), sound);
    doubts
}

#[test]
fn flipped_bits() {
    if !can_mount("btrfs") {
        return;
    }
    // Small nodes, so that the trees have inner ones.
    let images = filled("-m single -n 4096", 1, 128 * MIB, "rw");
    let sound = certain(&images).remove(0);
    let mut blocks = tree_blocks(&images[0]);
    assert!(blocks.len() > 20, "{}", blocks.len());
    blocks.push(Extent::new(SUPERBLOCK, 4096));
    let doubts = flip(&images[0], &sound, &blocks, 600);
    assert!(doubts > 50, "{doubts}");
    let doubts = flip(&images[0], &sound, &blocks[blocks.len() - 1..], 400);
    assert!(doubts > 200, "{doubts}");
}

/// Of two copies one is enough.
#[test]
fn a_damaged_copy_of_the_metadata() {
    let images = made("-m dup", 1, 128 * MIB);
    let image = &images[0];
    let sound = certain(&images).remove(0);
    for block in tree_blocks(image) {
        let before = image.read_vec(block.offset, 4096).unwrap();
        image.write(block.offset + 500, &[0x5a; 64]);
        assert_eq!(used(image, Budget::default()).unwrap(), sound);
        let broken = Broken { source: image, unreadable: block };
        assert_eq!(used(&broken, Budget::default()).unwrap(), sound);
        image.write(block.offset, &before);
    }
}

#[test]
fn what_cannot_be_read_is_a_doubt() {
    let images = made("-m single", 1, 128 * MIB);
    let image = &images[0];
    let broken = Broken { source: image, unreadable: Extent::new(SUPERBLOCK, 512) };
    assert!(detect(&broken).is_err());
    assert_eq!(doubt(&broken).as_deref(), Some("btrfs-unreadable"));
    let mut doubts = 0;
    for block in tree_blocks(image) {
        let broken = Broken { source: image, unreadable: block };
        doubts += u64::from(doubt(&broken).as_deref() == Some("btrfs-unreadable"));
    }
    assert!(doubts >= 4, "{doubts}");
}
