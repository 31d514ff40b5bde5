//! Damaged and hostile volumes: never a panic, and never less than what is in use.

use super::*;
use crate::block::BlockTarget as _;
use crate::filesystem::testing::Garbage;
use proptest::prelude::*;

/// A small volume in which everything occurs: overflow extents of files and special files, a
/// journal, attributes.
fn small() -> Plan {
    Plan {
        block_size: 512,
        blocks: 1500,
        special_pieces: 9,
        files: 25,
        file_pieces: 20,
        spare_nodes: 1,
        ..Plan::default()
    }
}

fn survive(disk: &MemoryDisk) -> Option<Used> {
    let mut volume = Volume::of(VolumeKind::HfsPlus);
    describe(disk, &mut volume);
    let answer = used(disk, BUDGET).ok()?;
    assert!(answer.extents.end() <= disk.size());
    assert!(answer.signatures.iter().all(|s| answer.extents.contains(*s)));
    Some(answer)
}

/// Bits flipped in everything that tells what is in use: volume header and copy, bitmap, trees, journal.
#[test]
fn a_flipped_bit_anywhere_takes_nothing_away() {
    let made = make(&small());
    let disk = MemoryDisk::new(made.bytes.clone());
    let sound = certain(&disk).extents;
    let mut garbage = Garbage::new(9);
    let (mut doubts, mut answers) = (0, 0);
    let mut flip = |offset: u64, bit: u64| {
        let byte = disk.read_vec(offset, 1).unwrap()[0];
        disk.write_at(offset, &[byte ^ 1 << bit]).unwrap();
        match survive(&disk) {
            Some(answer) => {
                let missing = sound.difference(&answer.extents);
                assert!(missing.is_empty(), "byte {offset}, bit {bit}: {missing:?} is missing");
                answers += 1;
            }
            None => doubts += 1,
        }
        disk.write_at(offset, &[byte]).unwrap();
    };
    for offset in (1024..1536).chain(made.bytes.len() as u64 - 1024..made.bytes.len() as u64) {
        for bit in 0..8 {
            flip(offset, bit);
        }
    }
    let bytes_of = |runs: &[(usize, usize)]| -> Vec<u64> {
        runs.iter()
            .flat_map(|(start, count)| start * 512..(start + count) * 512)
            .map(|at| at as u64)
            .collect()
    };
    let all = [&made.allocation, &made.extents, &made.catalog, &made.attributes];
    let mut places: Vec<u64> = all.into_iter().flat_map(|runs| bytes_of(runs)).collect();
    places.extend((0..60).map(|at| (made.journal_info + at) as u64));
    places.extend((0..60).map(|at| (made.journal + at) as u64));
    for offset in places.into_iter().step_by(3) {
        flip(offset, garbage.number() % 8);
    }
    assert_eq!(certain(&disk).extents, sound);
    assert!(doubts > 1000 && answers > 1000, "{doubts} doubts, {answers} answers");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_damage_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        copied in any::<bool>(),
        length in prop_oneof![9 => Just(usize::MAX), 1 => 0usize..800_000],
    ) {
        static SMALL: std::sync::OnceLock<(Vec<u8>, Vec<usize>)> = std::sync::OnceLock::new();
        let (bytes, places) = SMALL.get_or_init(|| {
            let made = make(&small());
            let all = [&made.allocation, &made.extents, &made.catalog, &made.attributes];
            let runs = all.into_iter().flatten().map(|(start, count)| start * 512..(start + count) * 512);
            let header = std::iter::repeat_n(1024..1536, 20);
            let journal = [made.journal_info..made.journal_info + 60, made.journal..made.journal + 44];
            (made.bytes.clone(), runs.chain(header).chain(journal).flatten().collect())
        });
        let mut bytes = bytes.clone();
        for (index, value) in changes {
            bytes[places[index.index(places.len())]] = value;
        }
        if copied {
            // What the header says is then not doubted because its copy says something else.
            let copy = bytes.len() - 1024;
            bytes.copy_within(1024..1536, copy);
        }
        bytes.truncate(length.max(1));
        survive(&MemoryDisk::new(bytes));
    }
}

/// Numbers at which arithmetic goes wrong, everywhere in the header and in its copy alike.
#[test]
fn extreme_numbers_are_survived() {
    let made = make(&small());
    let copy = made.bytes.len() - 1024;
    for value in [0, 1, u32::MAX, i32::MAX as u32, 0x8000_0000, 0x0100_0000] {
        for at in (0..512).step_by(4) {
            let mut bytes = made.bytes.clone();
            for start in [1024, copy] {
                bytes[start + at..start + at + 4].copy_from_slice(&value.to_be_bytes());
            }
            survive(&MemoryDisk::new(bytes));
        }
    }
    // Largest blocks, as many as there can be, and all of them eight times.
    for block_size in [1 << 26, 1 << 27, 1 << 31] {
        let mut bytes = made.bytes.clone();
        let header = &mut bytes[1024..1536];
        header[40..44].copy_from_slice(&u32::to_be_bytes(block_size));
        header[44..48].fill(0xFF);
        for at in (112..512).step_by(80).flat_map(|fork| (fork + 16..fork + 80).step_by(8)) {
            header[at..at + 4].fill(0);
            header[at + 4..at + 8].fill(0xFF);
        }
        survive(&MemoryDisk::new(bytes));
    }
    // In the headers of the trees.
    for runs in [&made.extents, &made.catalog, &made.attributes] {
        let start = runs[0].0 * 512;
        for at in (0..120).step_by(2) {
            for value in [[0, 0], [0xFF, 0xFF], [0x7F, 0xFF], [0, 1]] {
                let mut bytes = made.bytes.clone();
                bytes[start + at..start + at + 2].copy_from_slice(&value);
                survive(&MemoryDisk::new(bytes));
            }
        }
    }
}
