//! Damaged and hostile volumes: never a panic, and never less than what is in use.

use super::fixture::{can_mount, fill, made};
use super::*;
use crate::block::BlockTarget as _;
use crate::block::memory::MemoryDisk;
use crate::filesystem::testing::Garbage;
use proptest::prelude::*;

const SIZE: u64 = 3 * MIB;

/// A small volume with files in it, as it is when there is nothing to mount with.
fn small() -> Vec<u8> {
    let image = made(SIZE, 512, "-c 1024 -b 64K -L LABEL");
    if can_mount() {
        fill(&image, 512, 4, MIB / 2);
    }
    image.read_vec(0, SIZE as usize).unwrap()
}

fn survive(disk: &MemoryDisk) -> Option<Used> {
    _ = detect(disk).unwrap();
    let answer = used(disk, BUDGET).ok()?;
    assert!(answer.extents.end() <= disk.size());
    assert!(answer.signatures.iter().all(|s| answer.extents.contains(*s)));
    Some(answer)
}

/// Bits flipped in everything that is in use: boot regions, table, bitmap, directories.
#[test]
fn a_flipped_bit_anywhere_takes_nothing_away() {
    let disk = MemoryDisk::new(small());
    let sound = certain(&disk).extents;
    let boot = boot(&disk);
    let mut garbage = Garbage::new(8);
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
    for offset in (0..120).chain(510..512) {
        for bit in 0..8 {
            flip(offset, bit);
        }
    }
    for region in boot.regions() {
        for offset in (region.offset..region.end()).step_by(37) {
            flip(offset, garbage.number() % 8);
        }
    }
    // The table as far as there are clusters, and the bitmap, up-case table and directories.
    for offset in (boot.fat_start..boot.fat_start + boot.clusters * 4).step_by(3) {
        flip(offset, garbage.number() % 8);
    }
    for extent in sound.within(Extent::between(boot.heap_start, SIZE)) {
        for offset in (extent.offset..extent.end()).step_by(113) {
            flip(offset, garbage.number() % 8);
        }
    }
    assert_eq!(certain(&disk).extents, sound);
    assert!(doubts > 500 && answers > 500, "{doubts} doubts, {answers} answers");
}

#[test]
fn a_directory_in_itself_is_a_doubt() {
    let image = made(16 * MIB, 512, "-c 4096");
    let boot = boot(&image);
    let root = boot.cluster_extent(boot.root_cluster, 1);
    // A file entry that is a folder, whose clusters are those of the root directory.
    let mut set = [0; 64];
    set[0] = 0x85;
    set[1] = 1;
    set[4] = 0x10;
    set[32] = 0xC0;
    set[33] = 1;
    set[52..56].copy_from_slice(&boot.root_cluster.to_le_bytes());
    set[56..64].copy_from_slice(&4096u64.to_le_bytes());
    let sum = set.iter().enumerate().fold(0u16, |sum, (at, byte)| match at {
        2 | 3 => sum,
        _ => sum.rotate_right(1).wrapping_add(u16::from(*byte)),
    });
    set[2..4].copy_from_slice(&sum.to_le_bytes());
    let free = (0..).step_by(32).find(|at| image.read_vec(root.offset + at, 1).unwrap()[0] == 0);
    image.write(root.offset + free.unwrap(), &set);
    assert_eq!(doubt(&image).as_deref(), Some("exfat-chain"));
}

#[test]
fn a_chain_without_end_is_a_doubt() {
    let image = made(16 * MIB, 512, "-c 4096");
    let boot = boot(&image);
    let entry = boot.fat_start + u64::from(boot.root_cluster) * 4;
    for next in [boot.root_cluster, 0, 1, 0xFFFF_FFF7, boot.clusters as u32 + 2] {
        image.write(entry, &next.to_le_bytes());
        assert_eq!(doubt(&image).as_deref(), Some("exfat-chain"), "{next}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_damage_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        repaired in any::<bool>(),
        length in prop_oneof![9 => Just(usize::MAX), 1 => 0usize..3 << 20],
    ) {
        static SMALL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = SMALL.get_or_init(small).clone();
        let in_use: Vec<Extent> = certain(&MemoryDisk::new(bytes.clone())).extents.iter().collect();
        for (index, value) in changes {
            let extent = in_use[index.index(in_use.len())];
            bytes[extent.offset as usize + index.index(extent.length as usize)] = value;
        }
        bytes.truncate(length.max(1));
        if repaired && bytes.len() > 12 * 512 {
            let sum = boot_region::rotating_sum(
                bytes[..11 * 512].iter().enumerate()
                    .filter(|(at, _)| ![106, 107, 112].contains(at))
                    .map(|(_, byte)| *byte),
            );
            for word in bytes[11 * 512..12 * 512].as_chunks_mut::<4>().0 {
                *word = sum.to_le_bytes();
            }
        }
        survive(&MemoryDisk::new(bytes));
    }
}
