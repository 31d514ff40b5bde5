//! What their own programs make and judge.

use super::fixture::{can_mount, files, fill, made};
use super::*;
use crate::filesystem::{VolumeState, read};
use crate::units::{ExtentMap, GIB};

/// Size, sector size and options of mkfs.exfat; how many bytes the files are about. No clusters of
/// 512 bytes: fsck.exfat 1.2.0 misreads entry sets that are longer than a cluster.
const VARIANTS: [(u64, u32, &str, u64); 7] = [
    (32 * MIB, 512, "-c 1024 -L SMALL", 4 * MIB),
    (64 * MIB, 512, "-c 4096 -L ñandú_größe", 12 * MIB),
    (64 * MIB + 12_345, 512, "-c 32K", 12 * MIB),
    (64 * MIB, 512, "--pack-bitmap -b 64K", 12 * MIB),
    (600 * MIB, 512, "-c 1M", 24 * MIB),
    (80 * MIB, 4096, "-c 4096", 12 * MIB),
    (80 * MIB, 2048, "-c 16K -L X", 12 * MIB),
];

/// Everything that must hold of a certain answer about a sound volume.
fn assert_round_trip(image: &Image, sector_size: u32, what: &str) -> Used {
    let used = used(image, BUDGET).unwrap_or_else(|doubt| panic!("{what}: {doubt}"));
    assert!(used.extents.end() <= image.size(), "{what}");
    for signature in &used.signatures {
        assert!(used.extents.contains(*signature), "{what}");
    }
    let theirs = image.partclone("partclone.exfat");
    assert!(!theirs.is_empty(), "{what}");
    let missing = theirs.difference(&used.extents);
    assert!(missing.is_empty(), "{what}: partclone also has {missing:?}");
    let boot = boot(image);
    let outside: ExtentMap =
        [Extent::new(0, boot.heap_start), Extent::between(boot.heap_end(), image.size())]
            .into_iter()
            .collect();
    let more = used.extents.difference(&theirs).difference(&outside);
    assert!(more.is_empty(), "{what}: beyond partclone's map: {more:?}");

    let restored = image.restored(&used);
    restored.run("fsck.exfat -n");
    assert_eq!(files(&restored, sector_size), files(image, sector_size), "{what}");
    used
}

#[test]
fn used_bytes_alone_make_a_sound_volume() {
    if !can_mount() {
        return;
    }
    for (seed, (size, sector_size, options, room)) in VARIANTS.into_iter().enumerate() {
        let what = format!("{options}, sectors of {sector_size}");
        let image = made(size, sector_size, options);
        fill(&image, sector_size, seed as u64, room);
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.label, image.blkid("LABEL"), "{what}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{what}");
        let used = assert_round_trip(&image, sector_size, &what);
        assert!(used.extents.total_bytes() < size * 2 / 3, "{what}: too much");
        let sector = u64::from(sector_size);
        let both = [Extent::new(0, sector), Extent::new(12 * sector, sector)];
        assert_eq!(used.signatures, both, "{what}");
    }
}

#[test]
fn empty_volumes_are_read() {
    for (size, options) in [(8 * MIB, ""), (2 * GIB, "-c 32M"), (2048 * GIB, "-c 32M")] {
        let image = made(size, 512, options);
        let used = used(&image, Budget { extents: 100 })
            .unwrap_or_else(|doubt| panic!("{options}: {doubt}"));
        // partclone counts in sectors, and takes minutes for large volumes.
        if size < 4 * GIB {
            let theirs = image.partclone("partclone.exfat");
            assert!(theirs.difference(&used.extents).is_empty(), "{options}");
        }
        let boot = boot(&image);
        // Bitmap, up-case table, root directory, and what is no whole cluster at the end.
        let in_clusters = used.extents.total_bytes() - boot.heap_start;
        assert!(
            in_clusters <= 4 * boot.cluster_size + boot.clusters / 8,
            "{options}: {in_clusters}"
        );
    }
}

#[test]
fn the_end_of_a_longer_partition_is_kept() {
    let image = made(16 * MIB, 512, "");
    image.resize(20 * MIB);
    let used = certain(&image);
    assert!(used.extents.contains(Extent::between(19 * MIB, 20 * MIB)));
    assert!(!used.extents.contains(Extent::new(18 * MIB, MIB)));
}

#[test]
fn labels_and_serial_numbers_are_those_blkid_shows() {
    for options in ["", "-L x", "-L ñandú_largo"] {
        let image = made(16 * MIB, 512, options);
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.kind, VolumeKind::Exfat);
        assert_eq!(volume.label, image.blkid("LABEL"), "{options}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{options}");
        image.run("exfatlabel {} CHANGED");
        assert_eq!(detect(&image).unwrap().unwrap().label.as_deref(), Some("CHANGED"));
        assert!(used(&image, BUDGET).is_ok(), "{options}");
    }
}

/// Changes a field of both boot sectors, makes the checksums right, expects a doubt, and changes
/// it back.
fn expect_doubt(image: &Image, offset: u64, bytes: &[u8], expected: Option<&str>) {
    let regions = boot(image).regions();
    let before = image.read_vec(offset, bytes.len()).unwrap();
    let write = |bytes: &[u8]| {
        for region in regions {
            image.write(region.offset + offset, bytes);
            repair_checksum(image, region);
        }
    };
    write(bytes);
    assert_eq!(doubt(image).as_deref(), expected, "{bytes:x?} at {offset}");
    write(&before);
    assert_eq!(doubt(image), None, "at {offset}");
}

#[test]
fn what_the_boot_sector_says_is_held_against_the_rest() {
    let image = made(16 * MIB, 512, "-c 4096");
    let number = |at: u64| u32::from_le_bytes(image.read_vec(at, 4).unwrap().try_into().unwrap());
    let (length, clusters, heap) = (number(72), number(92), number(88));
    let region = Some("exfat-boot-region");
    expect_doubt(&image, 72, &(length + 1).to_le_bytes(), Some("exfat-past-end"));
    expect_doubt(&image, 72, &(length - 8).to_le_bytes(), region);
    expect_doubt(&image, 92, &(clusters + 1).to_le_bytes(), region);
    expect_doubt(&image, 92, &0u32.to_le_bytes(), region);
    expect_doubt(&image, 92, &(clusters - 9).to_le_bytes(), Some("exfat-bitmap-length"));
    expect_doubt(&image, 88, &(heap + 4).to_le_bytes(), region);
    expect_doubt(&image, 80, &[10, 0, 0, 0], region);
    expect_doubt(&image, 84, &[1, 0, 0, 0], region);
    expect_doubt(&image, 96, &[1], region);
    expect_doubt(&image, 96, &(clusters + 2).to_le_bytes(), region);
    expect_doubt(&image, 30, &[1], region);
    expect_doubt(&image, 510, &[0], region);
    expect_doubt(&image, 110, &[0], region);
    expect_doubt(&image, 110, &[2], Some("exfat-two-tables"));
    expect_doubt(&image, 105, &[2], Some("exfat-version"));
    expect_doubt(&image, 104, &[1], Some("exfat-version"));
    expect_doubt(&image, 106, &[1], Some("exfat-two-tables"));
    expect_doubt(&image, 106, &[4], Some("exfat-media-failure"));
    expect_doubt(&image, 106, &[8], None);
    expect_doubt(&image, 106, &[16], Some("exfat-flags"));
    expect_doubt(&image, 112, &[101], region);
    expect_doubt(&image, 112, &[0xFF], None);
    expect_doubt(&image, 112, &[99], None);
    expect_doubt(&image, 106, &[2], Some("exfat-dirty"));
    image.write(106, &[2]);
    assert_eq!(read(&[&image], BUDGET)[0].volume.state, Some(VolumeState::Unclean));
}

#[test]
fn boot_regions_are_held_against_each_other() {
    let image = made(16 * MIB, 512, "");
    let [main, backup] = boot(&image).regions();
    image.write(main.offset + 600, &[1]);
    assert_eq!(doubt(&image).as_deref(), Some("exfat-boot-checksum"));
    repair_checksum(&image, main);
    assert_eq!(doubt(&image).as_deref(), Some("exfat-backup-differs"));
    // A backup that is damaged, or cannot be read, says nothing.
    image.write(backup.offset + 600, &[2]);
    assert_eq!(doubt(&image), None);
    let broken = Broken { source: &image, unreadable: Extent::new(backup.offset, 1) };
    assert_eq!(doubt(&broken), None);
    let broken = Broken { source: &image, unreadable: Extent::new(main.offset + 4096, 1) };
    assert_eq!(doubt(&broken).as_deref(), Some("filesystem-unreadable"));
}

#[test]
fn a_free_cluster_of_a_file_is_a_doubt() {
    if !can_mount() {
        return;
    }
    let image = made(16 * MIB, 512, "-c 4096");
    fill(&image, 512, 9, 2 * MIB);
    let sound = certain(&image).extents;
    let boot = boot(&image);
    // The bitmap is the first thing in the clusters of every volume made here.
    let bitmap = boot.heap_start;
    let mut doubts = std::collections::BTreeSet::new();
    for cluster in 0..boot.clusters {
        let used = sound.contains(boot.cluster_extent(cluster as u32 + 2, 1));
        let at = bitmap + cluster / 8;
        let byte = image.read_vec(at, 1).unwrap()[0];
        assert_eq!(byte >> (cluster % 8) & 1 == 1, used);
        image.write(at, &[byte ^ 1 << (cluster % 8)]);
        // One more does no harm; each one less belongs to something.
        match used {
            true => _ = doubts.insert(doubt(&image).expect("a doubt")),
            false if cluster % 50 == 0 => {
                assert!(sound.difference(&certain(&image).extents).is_empty());
            }
            false => {}
        }
        image.write(at, &[byte]);
    }
    assert!(doubts.contains("exfat-cluster-free"));
}
