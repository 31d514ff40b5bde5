//! The power is cut at every single write of a restore, in the middle of that write.

use crate::support::*;
use calco::block::memory::MemoryDisk;
use calco::filesystem::VolumeKind;
use calco::operation::survey::survey;
use calco::partition::Scheme;
use calco::report::Silent;

/// What a fresh look finds on a disk: the scheme of its table, and what its volumes seem to be.
fn look(bytes: Vec<u8>) -> (Scheme, Vec<VolumeKind>) {
    let disk = MemoryDisk::new(bytes);
    let found = survey(&[&disk], &Silent).unwrap().pop().unwrap();
    (found.table.scheme, found.volumes.iter().map(|volume| volume.content().kind).collect())
}

/// A larger disk whose contents have to be told apart from what was there before.
fn disk(divide: fn(&mut [u8])) -> Vec<u8> {
    let mut disk = vec![0; 5 * MIB];
    divide(&mut disk);
    for (number, piece) in disk[1200 * KIB..2 * MIB].chunks_mut(64 * KIB).enumerate() {
        Random::new(number as u64 + 100).fill(piece);
    }
    write_swap(&mut disk[2 * MIB..4 * MIB]);
    disk
}

/// Restores the whole disk with the power cut at each write.
fn whole_disk(source_disk: &[u8], old: &[u8], size: usize) {
    let store = stored(&[source_disk]);
    let expected = look(source_disk.to_vec());
    for power in 0.. {
        let mut before = old.to_vec();
        before.resize(size, 0xEE);
        let target = Target::with_power(before, power);
        let result = restore(&store, 0, None, &target);
        if result.is_ok() {
            assert!(power > 10, "{power}");
            let mut found = target.disk.to_vec();
            found.truncate(source_disk.len());
            if size == source_disk.len() {
                assert!(found == source_disk);
            }
            assert_eq!(look(target.disk.to_vec()), expected);
            return;
        }
        let (scheme, volumes) = look(target.disk.to_vec());
        if power == 0 && target.disk.to_vec()[..KIB] == old[..KIB] {
            continue; // Nothing was written yet.
        }
        if scheme != Scheme::None {
            // The table is written in parts, and may be recognized by the first of them. Then
            // everything else must be there.
            let found = target.disk.to_vec();
            let rest = 34 * 512..source_disk.len() - 34 * 512;
            assert!(found[rest.clone()] == source_disk[rest], "cut at write {power}: a table");
            continue;
        }
        assert_eq!(volumes, [VolumeKind::Unknown], "cut at write {power}");
    }
}

#[test]
fn a_gpt_disk() {
    let divided = |disk: &mut [u8]| write_gpt(disk, 512, &[(2048, 2048), (4096, 4096)]);
    let source = disk(divided);
    let old = disk(|disk| write_gpt(disk, 512, &[(100, 5000)]));
    whole_disk(&source, &old, source.len());
    // Onto a larger one with another table.
    whole_disk(&source, &disk(|disk| write_mbr(disk, &[(64, 1000)])), source.len() + 3 * MIB);
}

#[test]
fn an_mbr_disk() {
    let source = disk(|disk| write_mbr(disk, &[(2048, 2048), (4096, 4096)]));
    let old = disk(|disk| write_gpt(disk, 512, &[(100, 5000)]));
    whole_disk(&source, &old, source.len());
    whole_disk(&source, &old, source.len() + 3 * MIB);
}

#[test]
fn a_disk_without_a_table() {
    let mut source = vec![0; 5 * MIB];
    Random::new(8).fill(&mut source[8 * KIB..4 * MIB]);
    write_swap(&mut source);
    let store = stored(&[&source]);
    assert_eq!(look(source.clone()), (Scheme::None, vec![VolumeKind::Swap]));
    let old = disk(|disk| write_gpt(disk, 512, &[(100, 5000)]));
    for power in 0.. {
        let target = Target::with_power(old.clone(), power);
        if restore(&store, 0, None, &target).is_ok() {
            assert_eq!(look(target.disk.to_vec()).1, [VolumeKind::Swap]);
            return;
        }
        if power > 0 {
            let found = look(target.disk.to_vec());
            assert_eq!(found, (Scheme::None, vec![VolumeKind::Unknown]), "cut at write {power}");
        }
    }
}

#[test]
fn one_partition_among_others() {
    let divided = |disk: &mut [u8]| write_gpt(disk, 512, &[(2048, 2048), (4096, 4096)]);
    let mut source = disk(divided);
    // A used block that shows that the whole volume arrived.
    Random::new(4).fill(&mut source[2 * MIB..2 * MIB + 1000]);
    let store = stored(&[&source]);
    let mut old = disk(divided);
    Random::new(1).fill(&mut old[1200 * KIB..2 * MIB]);
    Random::new(2).fill(&mut old[4 * MIB..4 * MIB + 512 * KIB]);
    let partition = 2 * MIB..4 * MIB;
    for power in 0.. {
        let target = Target::with_power(old.clone(), power);
        let result = restore(&store, 0, Some(&[2]), &target);
        let found = target.disk.to_vec();
        // The table and the neighbours stand at every moment.
        assert!(found[..partition.start] == old[..partition.start], "cut at write {power}");
        assert!(found[partition.end..] == old[partition.end..], "cut at write {power}");
        let (scheme, volumes) = look(found.clone());
        assert_eq!(scheme, Scheme::Gpt);
        if result.is_ok() {
            assert_eq!(volumes[1], VolumeKind::Swap);
            assert!(found[partition.start..][..4096] == source[partition.start..][..4096]);
            assert!(power >= 2, "{power}");
            return;
        }
        let is_untouched = found == old;
        assert!(is_untouched || volumes[1] == VolumeKind::Unknown, "cut at write {power}");
    }
}

#[test]
fn a_target_that_was_cut_can_be_restored_again() {
    let source = disk(|disk| write_gpt(disk, 512, &[(2048, 2048), (4096, 4096)]));
    let store = stored(&[&source]);
    for power in [1, 7, 12, 20] {
        let cut = Target::with_power(source.clone(), power);
        assert!(restore(&store, 0, None, &cut).is_err());
        let again = Target::new(cut.disk.to_vec());
        restore(&store, 0, None, &again).unwrap();
        assert!(again.disk.to_vec() == source);
    }
}
