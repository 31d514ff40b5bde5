//! Damaged and hostile volumes: never a panic, and never less than what is in use.

use super::fixture::{can_mount, fill, made};
use super::*;
use crate::block::BlockTarget as _;
use crate::block::memory::MemoryDisk;
use crate::units::{ExtentMap, MIB};
use proptest::prelude::*;

/// A volume of 3 MiB with files in it, as it is when there is nothing to mount with.
fn small() -> Vec<u8> {
    let image = made(3 * MIB, "-c 1024");
    if can_mount() {
        fill(&image, 3, MIB / 2);
    }
    image.read_vec(0, 3 * MIB as usize).unwrap()
}

/// What an answer must be: a doubt, or everything that was in use.
fn assert_enough(disk: &MemoryDisk, sound: &ExtentMap, what: &dyn std::fmt::Display) -> bool {
    _ = detect(disk).unwrap();
    match used(disk, BUDGET) {
        Err(_) => true,
        Ok(answer) => {
            let missing = sound.difference(&answer.extents);
            assert!(missing.is_empty(), "{what}: {missing:?} is missing");
            assert!(answer.extents.end() <= disk.size(), "{what}");
            assert!(answer.signatures.iter().all(|s| answer.extents.contains(*s)), "{what}");
            false
        }
    }
}

/// Everything that describes the volume: boot sectors, the first 40 records of the table and its
/// copy, the bitmap, the start of the log.
fn structures(disk: &MemoryDisk) -> Vec<Extent> {
    let boot = read_boot_sector(disk, 0).unwrap().unwrap();
    let table = MasterFileTable::open(disk, boot, 100).unwrap();
    let file = |number| {
        let (first, count) = table.own_file(number).unwrap().runs().next().unwrap();
        boot.cluster_extent(first, count)
    };
    let log = file(table::LOG_FILE);
    vec![
        Extent::new(0, 84),
        Extent::new(510, 2),
        Extent::new(record_place(disk, 0).0, 40 * boot.record_size),
        Extent::new(boot.mft_mirror_cluster * boot.cluster_size, 4 * boot.record_size),
        file(table::BITMAP),
        Extent::new(log.offset, 128),
        Extent::new(boot.length, 84),
    ]
}

#[test]
fn a_flipped_bit_anywhere_takes_nothing_away() {
    let disk = MemoryDisk::new(small());
    let sound = certain(&disk).extents;
    let (mut doubts, mut answers) = (0, 0);
    for (number, place) in structures(&disk).into_iter().enumerate() {
        // All eight bits of the boot sectors, one bit of every third byte of what is longer.
        let step = if place.length < 512 { 1 } else { 3 };
        for offset in (place.offset..place.end()).step_by(step) {
            let bits = if step == 1 { 0..8 } else { offset % 8..offset % 8 + 1 };
            for bit in bits {
                let byte = disk.read_vec(offset, 1).unwrap()[0];
                disk.write_at(offset, &[byte ^ 1 << bit]).unwrap();
                let what = format!("structure {number}, byte {offset}, bit {bit}");
                match assert_enough(&disk, &sound, &what) {
                    true => doubts += 1,
                    false => answers += 1,
                }
                disk.write_at(offset, &[byte]).unwrap();
            }
        }
    }
    assert_eq!(certain(&disk).extents, sound);
    assert!(doubts > 500 && answers > 500, "{doubts} doubts, {answers} answers");
}

#[test]
fn every_value_in_the_boot_sector_is_survived() {
    let disk = MemoryDisk::new(small());
    let sound = certain(&disk).extents;
    for offset in (3..84).chain(510..512) {
        let byte = disk.read_vec(offset, 1).unwrap()[0];
        for value in (0..=255).step_by(5).chain([1, 2, 4, 8, 16, 32, 64, 128, 254]) {
            disk.write_at(offset, &[value]).unwrap();
            assert_enough(&disk, &sound, &format!("byte {offset} is {value}"));
        }
        disk.write_at(offset, &[byte]).unwrap();
    }
}

/// A table whose every cluster is the same one would be read for ever.
#[test]
fn a_table_longer_than_its_volume_is_a_doubt() {
    let image = made(3 * MIB, "-c 1024");
    let (place, length) = record_place(&image, table::MFT);
    let record = image.read_vec(place, length as usize).unwrap();
    let number = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    let mut at = number(20);
    while record[at] != 0x80 {
        at += number(at + 4);
    }
    let boot = read_boot_sector(&image, 0).unwrap().unwrap();
    // As often as there is room for: runs of 1000 clusters, always the same ones.
    let room = number(at + 4) - number(at + 32);
    let mut pairs = vec![0x22, 0xE8, 3];
    pairs.extend((boot.mft_cluster as u16).to_le_bytes());
    let mut runs = 1;
    while pairs.len() + 5 < room {
        pairs.extend([0x12, 0xE8, 3, 0]);
        runs += 1;
    }
    pairs.push(0);
    let clusters: u64 = runs * 1000;
    for (field, value) in
        [(24, clusters - 1), (40, clusters << 10), (48, clusters << 10), (56, clusters << 10)]
    {
        image.write(place + at as u64 + field, &value.to_le_bytes());
    }
    image.write(place + (at + number(at + 32)) as u64, &pairs);
    assert!(doubt(&image).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_damage_is_survived(
        changes in proptest::collection::vec((0usize..7, any::<prop::sample::Index>(), any::<u8>()), 1..12),
        length in prop_oneof![9 => Just(usize::MAX), 1 => 0usize..3 << 20],
    ) {
        static SMALL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let bytes = SMALL.get_or_init(small).clone();
        let disk = MemoryDisk::new(bytes.clone());
        let places = structures(&disk);
        let mut bytes = bytes;
        for (structure, index, value) in changes {
            let place = places[structure];
            bytes[place.offset as usize + index.index(place.length as usize)] = value;
        }
        bytes.truncate(length.max(1));
        let disk = MemoryDisk::new(bytes);
        _ = detect(&disk).unwrap();
        if let Ok(used) = used(&disk, BUDGET) {
            prop_assert!(used.extents.end() <= disk.size());
            prop_assert!(used.signatures.iter().all(|s| used.extents.contains(*s)));
        }
    }

    #[test]
    fn arbitrary_records_are_survived(bytes in proptest::collection::vec(any::<u8>(), 1024), start in 40u16..200) {
        let mut bytes = bytes;
        bytes[..4].copy_from_slice(b"FILE");
        bytes[4..8].copy_from_slice(&[42, 0, 3, 0]);
        bytes[20..22].copy_from_slice(&(start / 8 * 8).to_le_bytes());
        bytes[22] |= 1;
        bytes[24..32].copy_from_slice(&[0, 4, 0, 0, 0, 4, 0, 0]);
        let sequence = [bytes[42], bytes[43]];
        bytes[510..512].copy_from_slice(&sequence);
        bytes[1022..].copy_from_slice(&sequence);
        let record = file_record::FileRecord::parse(&mut bytes).unwrap().unwrap();
        for attribute in record.attributes().flatten() {
            if let attribute::Value::NonResident(value) = attribute.value {
                _ = value.runs().count();
            }
        }
        _ = attribute_list::entries(record.bytes);
    }
}
