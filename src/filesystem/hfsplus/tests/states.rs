//! Volumes that were not left at rest, and those that contradict themselves.

use super::*;
use crate::block::BlockTarget as _;
use crate::units::MIB;
use generator::journal_header;

fn disk_of(plan: &Plan) -> (Made, MemoryDisk) {
    let made = make(plan);
    let disk = MemoryDisk::new(made.bytes.clone());
    (made, disk)
}

/// The doubt about a volume in which these bytes were changed, also in the copy of the header.
fn changed(disk: &MemoryDisk, at: u64, bytes: &[u8]) -> Option<String> {
    let before = disk.read_vec(at, bytes.len()).unwrap();
    disk.write_at(at, bytes).unwrap();
    let found = doubt(disk);
    disk.write_at(at, &before).unwrap();
    assert_eq!(doubt(disk), None);
    found
}

#[test]
fn a_volume_that_was_not_unmounted_is_a_doubt() {
    let (_, disk) = disk_of(&Plan::default());
    let attributes = |value: u32| changed(&disk, 1028, &value.to_be_bytes());
    assert_eq!(attributes(0x2000).as_deref(), Some("hfsplus-not-clean"));
    assert_eq!(attributes(0x2900).as_deref(), Some("hfsplus-inconsistent"));
    assert_eq!(attributes(0x6100).as_deref(), Some("hfsplus-inconsistent"));
    assert_eq!(attributes(0x2101).as_deref(), Some("hfsplus-attributes"));
    assert_eq!(attributes(0x0001_2100).as_deref(), Some("hfsplus-attributes"));
    // Locks, blocks that were spared, numbers of files that are used again; and how Macs leave it.
    for harmless in [0x2180, 0x2300, 0x2500, 0x3100, 0xA100, 0x8000_2100, 0xC000_2100] {
        assert_eq!(attributes(harmless), None, "{harmless:#x}");
    }
    disk.write_at(1028, &0x2000u32.to_be_bytes()).unwrap();
    let [reading] = read(&[&disk], BUDGET).try_into().unwrap();
    assert_eq!(reading.volume.state, Some(VolumeState::Unclean));
    assert_eq!(reading.unproven, None);
}

#[test]
fn a_journal_that_is_not_empty_and_here_is_a_doubt() {
    for journal in [Journal::BigEndian, Journal::LittleEndian] {
        let (made, disk) = disk_of(&Plan { journal, ..Plan::default() });
        let (info, at) = (made.journal_info as u64, made.journal as u64);
        let size = u64::from_be_bytes(disk.read_vec(info + 44, 8).unwrap().try_into().unwrap());
        let header = |start, end, size| {
            let header = journal_header(start, end, size, journal == Journal::BigEndian);
            changed(&disk, at, &header)
        };
        assert_eq!(header(512, 512, size), None);
        assert_eq!(header(size, size, size), None);
        assert_eq!(header(512, 1024, size).as_deref(), Some("hfsplus-journal-full"));
        assert_eq!(header(2048, 1024, size).as_deref(), Some("hfsplus-journal-full"));
        for (start, end, size) in [(0, 0, size), (512, 512, size - 512), (512, size + 1, size)] {
            assert_eq!(header(start, end, size).as_deref(), Some("hfsplus-journal-damaged"));
        }
        for byte in 0..44 {
            let value = disk.read_vec(at + byte, 1).unwrap()[0] ^ 0x10;
            let found = changed(&disk, at + byte, &[value]);
            assert_eq!(found.as_deref(), Some("hfsplus-journal-damaged"), "{byte}");
        }
        let flags = |value: u32| changed(&disk, info, &value.to_be_bytes());
        assert_eq!(flags(2).as_deref(), Some("hfsplus-journal-elsewhere"));
        assert_eq!(flags(5).as_deref(), Some("hfsplus-journal-new"));
        assert_eq!(flags(0).as_deref(), Some("hfsplus-journal-damaged"));
        assert_eq!(flags(9).as_deref(), Some("hfsplus-journal-damaged"));
        for (at, value) in [(36, u64::MAX), (44, 0), (44, u64::MAX)] {
            let found = changed(&disk, info + at, &value.to_be_bytes());
            assert_eq!(found.as_deref(), Some("hfsplus-journal-damaged"));
        }
        // A block that does not exist, or the one with the volume header.
        for block in [0, u32::MAX] {
            let found = changed(&disk, 1024 + 12, &block.to_be_bytes());
            assert_eq!(found.as_deref(), Some("hfsplus-journal-damaged"));
        }
    }
}

#[test]
fn an_old_volume_around_it_is_a_doubt() {
    let image = Image::new(4 * MIB);
    image.write(1024, b"BD");
    image.write(1024 + 124, b"H+");
    let [reading] = read(&[&image], BUDGET).try_into().unwrap();
    assert_eq!(reading.volume.kind, VolumeKind::HfsPlus);
    assert_eq!(reading.used.unwrap_err().id(), "hfsplus-wrapper");
}

#[test]
fn the_copy_of_the_header_has_to_agree() {
    let plan = Plan::default();
    let (made, disk) = disk_of(&plan);
    let copy = made.bytes.len() as u64 - 1024;
    let doubted = |at: u64, value: u8| changed(&disk, copy + at, &[value]);
    assert_eq!(doubted(0, 0).as_deref(), Some("hfsplus-no-alternate"));
    // Date of creation, number of blocks, pieces of the allocation file and of the catalog.
    for at in [19, 47, 112 + 7, 128 + 3, 288 + 7, 272 + 15] {
        assert_eq!(doubted(at, 0xEE).as_deref(), Some("hfsplus-alternate-differs"), "{at}");
    }
    // What changes all the time: attributes, dates, counts.
    for at in [5, 23, 35, 51, 71] {
        assert_eq!(doubted(at, 0x01), None, "{at}");
    }
}

/// A volume that was copied into a larger partition: the copy of the header is where it was.
#[test]
fn a_longer_partition_is_kept_behind_the_volume() {
    for behind in [0, 1536, 3584] {
        let made = make(&Plan { behind, ..Plan::default() });
        let image = image(&made);
        let before = certain(&image);
        image.resize(6 * MIB);
        image.write(6 * MIB - 600, b"something else");
        let used = certain(&image);
        assert_eq!(used.signatures, before.signatures);
        assert!(used.extents.contains(Extent::between(made.bytes.len() as u64, 6 * MIB)));
        assert!(before.extents.difference(&used.extents).is_empty());
        image.resize(4 * MIB - 512);
        assert_eq!(doubt(&image).as_deref(), Some("hfsplus-longer-than-volume"));
    }
}

/// One block of each file is called free, and another one used, so that the count is right.
#[test]
fn a_block_that_is_named_and_free_is_a_doubt() {
    let plan = Plan { special_pieces: 10, blocks: 2000, ..Plan::default() };
    let (made, disk) = disk_of(&plan);
    let size = plan.block_size as u64;
    let bit = |block: usize| {
        let byte = block / 8;
        // Of the allocation file, in its pieces.
        let (run, inside) = (byte / plan.block_size, byte % plan.block_size);
        let blocks: Vec<usize> =
            made.allocation.iter().flat_map(|(start, count)| *start..start + count).collect();
        (blocks[run] as u64 * size + inside as u64, 0x80u8 >> (block % 8))
    };
    let flip = |block: usize| {
        let (at, mask) = bit(block);
        let byte = disk.read_vec(at, 1).unwrap()[0];
        disk.write_at(at, &[byte ^ mask]).unwrap();
    };
    let free = made.used.iter().rposition(|used| !used).unwrap();
    let first = |runs: &[(usize, usize)]| runs[0].0;
    let last =
        |runs: &[(usize, usize)]| runs.last().map(|(start, count)| start + count - 1).unwrap();
    let (info, journal) = (made.journal_info / plan.block_size, made.journal / plan.block_size);
    for (block, expected) in [
        (first(&made.allocation), "hfsplus-fork-free"),
        (last(&made.allocation), "hfsplus-fork-free"),
        (first(&made.extents), "hfsplus-fork-free"),
        (first(&made.catalog), "hfsplus-fork-free"),
        (last(&made.catalog), "hfsplus-fork-free"),
        (first(&made.attributes), "hfsplus-fork-free"),
        (first(&made.largest), "hfsplus-file-free"),
        (last(&made.largest), "hfsplus-file-free"),
        (info, "hfsplus-journal-damaged"),
        (journal + 3, "hfsplus-journal-damaged"),
    ] {
        flip(block);
        assert_eq!(doubt(&disk).as_deref(), Some("hfsplus-free-count"), "{block}");
        flip(free);
        assert_eq!(doubt(&disk).as_deref(), Some(expected), "{block}");
        flip(block);
        flip(free);
        assert_eq!(doubt(&disk), None);
    }
    // The block with the volume header is kept, whatever the bitmap says.
    flip(0);
    flip(free);
    assert!(certain(&disk).extents.contains(Extent::new(0, size)));
}

#[test]
fn what_cannot_be_read_is_a_doubt() {
    let made = make(&Plan::default());
    let image = image(&made);
    for (start, _) in [made.catalog[0], made.extents[0], made.allocation[0], (0, 1)] {
        let broken = Broken { source: &image, unreadable: Extent::new(start as u64 * 4096, 2048) };
        assert_eq!(doubt(&broken).as_deref(), Some("filesystem-unreadable"));
    }
}
