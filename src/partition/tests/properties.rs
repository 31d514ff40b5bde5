//! What holds for every disk, however its bytes came to be.

use super::damaged::{LAST, SIZE, gpt, mbr, seal};
use super::*;
use crate::partition::layout::{Repair, SavedTable, Target, fit, needed_size};
use crate::partition::read;
use crate::units::Extent;
use proptest::prelude::*;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Disks to start from: with a GPT, with logical partitions, hybrid, and blank.
fn sound_disks() -> &'static [Vec<u8>] {
    static DISKS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    DISKS.get_or_init(|| {
        let mut logical = vec![0; SIZE as usize];
        let first = mbr(&[(0x83, 2048, 100), (0x05, 3000, 3000)]);
        logical[..512].copy_from_slice(&first);
        for n in 0..4 {
            let at = (3000 + 100 * n) as usize * 512;
            let link = if n < 3 { (0x05, 100 * (n + 1), 100) } else { (0, 0, 0) };
            logical[at..at + 512].copy_from_slice(&mbr(&[(0x83, 10, 20), link]));
        }
        let mut hybrid = gpt();
        let list = mbr(&[(0xee, 1, 2047), (0x83, 2048, 2048), (0x83, 4096, 1024)]);
        hybrid[..512].copy_from_slice(&list);
        vec![gpt(), logical, hybrid, vec![0; SIZE as usize]]
    })
}

/// Offsets where tables are, most of the time.
fn places() -> impl Strategy<Value = usize> {
    let size = SIZE as usize;
    prop_oneof![
        440usize..512,
        512usize..604,
        1024usize..1024 + 512,
        (LAST as usize * 512)..(LAST as usize * 512 + 92),
        ((LAST as usize - 32) * 512)..((LAST as usize - 32) * 512 + 512),
        (3000usize * 512 + 440)..(3000 * 512 + 512),
        (3100usize * 512 + 440)..(3100 * 512 + 512),
        0..size,
    ]
}

/// A disk with some bytes changed, its GPT checksums made right again or not, and cut or grown.
fn any_disk() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..9),
        Just(vec![0xff; 8]),
        Just(vec![0; 8]),
        Just(vec![0; 64]),
    ];
    let changes = proptest::collection::vec((places(), bytes), 0..6);
    let length = prop_oneof![4 => Just(SIZE as usize), 1 => 0..SIZE as usize + 9999];
    (0..4usize, changes, any::<[bool; 2]>(), length).prop_map(|(base, changes, sealed, length)| {
        let mut disk = sound_disks()[base].clone();
        for (at, bytes) in changes {
            let end = (at + bytes.len()).min(disk.len());
            disk[at..end].copy_from_slice(&bytes[..end - at]);
        }
        for (lba, is_sealed) in [1, LAST].into_iter().zip(sealed) {
            if is_sealed && disk[lba as usize * 512..].starts_with(b"EFI PART") {
                seal(&mut disk, lba);
            }
        }
        disk.resize(length, 0);
        disk
    })
}

/// A GPT with any partitions that fit beside one another, one of its copies perhaps damaged.
fn any_gpt() -> impl Strategy<Value = Vec<u8>> {
    let lengths = proptest::collection::vec((0u64..900, 1u64..900), 0..9);
    let damage = prop_oneof![Just(None), Just(Some(512 + 30)), Just(Some(LAST as usize * 512 + 1))];
    let order = Just((1..=128usize).collect::<Vec<_>>()).prop_shuffle();
    (lengths, order, damage).prop_map(|(lengths, order, damage)| {
        let mut disk = gpt();
        let mut entries = vec![0; 128 * 128];
        let mut first = 34;
        for ((gap, length), number) in lengths.into_iter().zip(order) {
            first += gap;
            if first + length > LAST - 32 {
                break;
            }
            let entry = &mut entries[(number - 1) * 128..number * 128];
            entry[..32].fill(number as u8);
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&(first + length - 1).to_le_bytes());
            entry[56] = b'x';
            first += length;
        }
        for (header, array) in [(1, 2), (LAST, LAST - 32)] {
            disk[array as usize * 512..][..entries.len()].copy_from_slice(&entries);
            // Partitions may begin right behind the array.
            disk[header as usize * 512 + 40..][..8].copy_from_slice(&34u64.to_le_bytes());
            seal(&mut disk, header);
        }
        if let Some(at) = damage {
            disk[at] ^= 1;
        }
        disk
    })
}

fn assert_sane(table: &PartitionTable, size: u64) {
    let whole = Extent::new(0, size);
    assert!(table.regions.iter().all(|region| whole.contains(region.extent)));
    assert!(table.regions.iter().all(|region| !region.extent.is_empty()));
    assert!(table.regions.windows(2).all(|p| p[0].extent.end() <= p[1].extent.offset));
    assert!(table.partitions.windows(2).all(|p| p[0].number < p[1].number));
    let json = serde_json::to_string(table).unwrap();
    assert_eq!(&serde_json::from_str::<PartitionTable>(&json).unwrap(), table);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn reading_never_fails_and_fitting_never_goes_past_the_end(
        bytes in any_disk(),
        sector_size in prop::sample::select(vec![512u32, 4096, 0, 77]),
        target in 0..2 * SIZE,
        is_repair in any::<bool>(),
    ) {
        let size = bytes.len() as u64;
        let disk = MemoryDisk::new(bytes).with_sector_size(sector_size);
        let start = Instant::now();
        let reading = read(&disk);
        assert!(start.elapsed() < Duration::from_secs(2));
        for message in reading.doubt.iter().chain(&reading.table.problems) {
            for language in Language::ALL {
                assert!(!message.in_language(language).contains("{"));
            }
        }
        for table in std::iter::once(&reading.table).chain(&reading.alternative) {
            assert_sane(table, size);
            if reading.doubt.is_none() {
                let held = table.partitions.iter().filter(|partition| !partition.extended);
                let mut places: Vec<_> = held.map(|partition| partition.extent).collect();
                places.sort_unstable();
                prop_assert!(places.windows(2).all(|pair| !pair[0].overlaps(pair[1])));
            }
            let saved = SavedTable::read(&disk, table).unwrap();
            let fit_onto = |size, repair| fit(&saved, Target { size, sector_size: None }, repair);

            // The same size, unrepaired: exactly what was there, each byte of it once.
            let same = fit_onto(size, Repair::No).unwrap();
            prop_assert_eq!(same.len(), table.regions.len());
            for write in same {
                prop_assert_eq!(disk.read_vec(write.offset, write.bytes.len()).unwrap(), write.bytes);
            }

            let repair = if is_repair { Repair::Yes } else { Repair::No };
            if let Ok(mut writes) = fit_onto(target, repair) {
                writes.sort_by_key(|write| write.offset);
                prop_assert!(writes.iter().all(|write| write.extent().end() <= target));
                prop_assert!(writes.windows(2).all(|p| p[0].extent().end() <= p[1].offset));
            }
        }
    }

    #[test]
    fn a_table_moved_to_another_disk_says_the_same(bytes in any_gpt(), target in 0..3 * SIZE) {
        let source = MemoryDisk::new(bytes);
        let before = certain(read(&source));
        let needed = needed_size(&before, SIZE);
        let saved = SavedTable::read(&source, &before).unwrap();
        let fitted = fit(&saved, Target { size: target, sector_size: None }, Repair::No);
        prop_assert_eq!(fitted.is_ok(), target >= needed);
        let Ok(writes) = fitted else { return Ok(()) };
        let mut moved = vec![0; target as usize];
        for write in writes {
            moved[write.extent().offset as usize..write.extent().end() as usize]
                .copy_from_slice(&write.bytes);
        }
        let after = certain(read_bytes(&moved));
        prop_assert_eq!(&after.partitions, &before.partitions);
        prop_assert_eq!(&after.uuid, &before.uuid);
        prop_assert!(target == SIZE || after.problems.is_empty());
    }

    #[test]
    fn noise_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..40_000)) {
        let size = bytes.len() as u64;
        assert_sane(&read_bytes(&bytes).table, size);
    }
}
