//! What their own programs make and judge.

use super::fixture::{Mounted, can_mount, files, fill, fragment_table, made};
use super::*;
use crate::units::{ExtentMap, GIB, KIB, MIB};

/// Size and options of mkntfs; how many bytes the files are about.
const VARIANTS: [(u64, &str, u64); 9] = [
    (24 * MIB, "-c 512", 6 * MIB),
    (40 * MIB, "-c 1024", 8 * MIB),
    (64 * MIB, "-c 4096 -L label", 12 * MIB),
    (64 * MIB + 12_345, "-c 4096 -L ñandú_größer", 12 * MIB),
    (100 * MIB, "-c 65536", 20 * MIB),
    (400 * MIB, "-c 1048576", 20 * MIB),
    (64 * MIB, "-s 4096 -c 4096", 12 * MIB),
    (80 * MIB, "-s 1024 -c 32768", 12 * MIB),
    (64 * MIB, "-C", 12 * MIB),
];

/// Everything that must hold of a certain answer about a sound volume.
fn assert_round_trip(image: &Image, what: &str) -> Used {
    let used = used(image, BUDGET).unwrap_or_else(|doubt| panic!("{what}: {doubt}"));
    assert_eq!(used.extents.end(), image.size(), "{what}: the end of the partition is in use");
    for signature in &used.signatures {
        assert!(used.extents.contains(*signature), "{what}");
    }
    let theirs = image.partclone("partclone.ntfs");
    assert!(!theirs.is_empty(), "{what}");
    let missing = theirs.difference(&used.extents);
    assert!(missing.is_empty(), "{what}: partclone also has {missing:?}");
    let boot = read_boot_sector(image, 0).unwrap().unwrap();
    let tail = ExtentMap::whole(Extent::between(boot.clusters_end(), image.size()));
    let more = used.extents.difference(&theirs).difference(&tail);
    assert!(more.is_empty(), "{what}: beyond partclone's map and the tail: {more:?}");

    let restored = image.restored(&used);
    // Records and copies, both boot sectors, the log; changes nothing.
    restored.run("ntfsfix -n");
    restored.run("ntfsinfo -m");
    assert_eq!(files(&restored), files(image), "{what}");
    used
}

#[test]
fn used_bytes_alone_make_a_sound_volume() {
    if !can_mount() {
        return;
    }
    for (seed, (size, options, room)) in VARIANTS.into_iter().enumerate() {
        let image = made(size, options);
        fill(&image, seed as u64, room);
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.label, image.blkid("LABEL"), "{options}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{options}");
        let used = assert_round_trip(&image, options);
        assert!(used.extents.total_bytes() < size * 2 / 3, "{options}: too much");
        // The backup of the boot sector is found; partclone leaves it out.
        let boot = read_boot_sector(&image, 0).unwrap().unwrap();
        let backup = Extent::new(boot.length, boot.sector_size);
        assert_eq!(used.signatures, [Extent::new(0, boot.sector_size), backup], "{options}");
    }
}

#[test]
fn an_empty_volume_with_clusters_of_2_mib_is_read() {
    let image = made(6 * GIB, "-c 2097152");
    let volume = detect(&image).unwrap().unwrap();
    assert_eq!(volume.block_size, Some(2 * MIB));
    let used = certain(&image);
    assert!(image.partclone("partclone.ntfs").difference(&used.extents).is_empty());
    assert!(used.extents.total_bytes() < 200 * MIB);
}

#[test]
fn a_table_in_many_pieces_is_followed() {
    if !can_mount() {
        return;
    }
    let image = made(9 * MIB, "-c 512");
    fragment_table(&image);
    let boot = read_boot_sector(&image, 0).unwrap().unwrap();
    let table = MasterFileTable::open(&image, boot, 1 << 20).unwrap();
    let (place, length) = record_place(&image, 0);
    let mut bytes = image.read_vec(place, length as usize).unwrap();
    let record = file_record::FileRecord::parse(&mut bytes).unwrap().unwrap();
    let list = record.attribute(kind::ATTRIBUTE_LIST).unwrap();
    assert!(list.is_some(), "the table has not grown in pieces");
    let mut records = 0;
    table
        .for_each_record(&mut |_, record| {
            records += u64::from(record.is_ok());
            Ok(())
        })
        .unwrap();
    assert!(records > 2000, "{records} records");
    assert_round_trip(&image, "fragmented table");
    // With room for fewer pieces it is a doubt, not a wrong answer.
    assert!(used(&image, Budget { extents: 3 }).is_err());
}

#[test]
fn a_small_budget_only_adds() {
    if !can_mount() {
        return;
    }
    let image = made(64 * MIB, "");
    fill(&image, 77, 12 * MIB);
    let exact = certain(&image).extents;
    let merged = used(&image, Budget { extents: 12 }).unwrap().extents;
    assert!(merged.len() <= 12 && exact.len() > 12);
    assert!(exact.difference(&merged).is_empty());
}

/// A bitmap in two pieces, the second one before the first: by hand, since no program makes one
/// at will.
#[test]
fn a_bitmap_in_two_pieces_is_followed() {
    let image = made(16 * MIB, "-c 512");
    let before = certain(&image).extents;
    let boot = read_boot_sector(&image, 0).unwrap().unwrap();
    let table = MasterFileTable::open(&image, boot, 100).unwrap();
    let bitmap = table.own_file(table::BITMAP).unwrap();
    let [(first, count)] = bitmap.runs().collect::<Vec<_>>()[..] else { panic!("one run") };
    assert!(count > 4 && first > 200);
    // A free place before it.
    let free = before.gaps_within(Extent::new(0, first * 512)).next().unwrap().offset / 512;
    let moved = count - 2;
    // Marked in the bitmap itself, then its end is copied there.
    let mut bits = image.read_vec(first * 512, (count * 512) as usize).unwrap();
    for cluster in free..free + moved {
        bits[cluster as usize / 8] |= 1 << (cluster % 8);
    }
    for cluster in first + 2..first + count {
        bits[cluster as usize / 8] &= !(1 << (cluster % 8));
    }
    image.write(first * 512, &bits);
    image.write(free * 512, &bits[1024..]);
    image.write((first + 2) * 512, &vec![0xA5; 512 * moved as usize]);
    // Two runs in place of one: lengths of one byte, distances of two and three.
    let distance = free as i64 - first as i64;
    let mut pairs = vec![0x31, 2];
    pairs.extend(&first.to_le_bytes()[..3]);
    pairs.extend([0x31, moved as u8]);
    pairs.extend(&distance.to_le_bytes()[..3]);
    pairs.push(0);
    write_pairs(&image, table::BITMAP, 0, &pairs);

    let after = certain(&image).extents;
    let expected: ExtentMap = before
        .difference(&ExtentMap::whole(Extent::new((first + 2) * 512, moved * 512)))
        .union(&ExtentMap::whole(Extent::new(free * 512, moved * 512)));
    assert_eq!(after, expected);
    assert!(image.partclone("partclone.ntfs").difference(&after).is_empty());
    image.run("ntfsfix -n");
}

#[test]
fn bad_clusters_are_not_used() {
    let image = made(16 * MIB, "-c 4096");
    let before = certain(&image).extents;
    let gap = before.gaps_within(Extent::new(0, 16 * MIB)).last().unwrap();
    let bad = gap.offset / 4096 + 10;
    let boot = read_boot_sector(&image, 0).unwrap().unwrap();
    // Three bad clusters, as chkdsk would record them: in the bitmap, and as the only clusters
    // of the stream "$Bad", between two holes.
    let table = MasterFileTable::open(&image, boot, 100).unwrap();
    let (bitmap, _) = table.own_file(table::BITMAP).unwrap().runs().next().unwrap();
    for cluster in bad..bad + 3 {
        let at = bitmap * 4096 + cluster / 8;
        let byte = image.read_vec(at, 1).unwrap()[0];
        image.write(at, &[byte | 1 << (cluster % 8)]);
    }
    let after = boot.clusters - bad - 3;
    let mut pairs = vec![0x02];
    pairs.extend(&bad.to_le_bytes()[..2]);
    pairs.extend([0x21, 3]);
    pairs.extend(&bad.to_le_bytes()[..2]);
    pairs.push(0x02);
    pairs.extend(&after.to_le_bytes()[..2]);
    pairs.push(0);
    write_pairs(&image, table::BAD_CLUSTERS, 4, &pairs);
    assert_eq!(certain(&image).extents, before);
    let broken = Broken { source: &image, unreadable: Extent::new(bad * 4096, 3 * 4096) };
    assert_eq!(certain(&broken).extents, before);
}

#[test]
fn the_end_of_a_longer_partition_is_kept() {
    let image = made(16 * MIB, "");
    image.resize(20 * MIB);
    let used = certain(&image);
    assert!(used.extents.contains(Extent::between(16 * MIB - 512, 20 * MIB)));
    // As Windows has it: the backup in the last sector of the partition.
    let boot = image.read_vec(0, 512).unwrap();
    image.write(20 * MIB - 512, &boot);
    let used = certain(&image);
    let backups = [Extent::new(16 * MIB - 512, 512), Extent::new(20 * MIB - 512, 512)];
    assert_eq!(used.signatures[1..], backups);
}

#[test]
fn volumes_are_known_as_blkid_knows_them() {
    for options in
        ["", "-c 65536 -L x", "-L ñandú", "-s 4096", "-c 512 -L 32_characters_are_the_longest_xx"]
    {
        let image = made(64 * MIB, options);
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(image.blkid("TYPE").as_deref(), Some("ntfs"));
        assert_eq!(volume.kind, VolumeKind::Ntfs);
        assert_eq!(volume.label, image.blkid("LABEL"), "{options}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{options}");
        assert_eq!(volume.length.unwrap() + volume_sector(&image), image.size());
    }
    for other in [&b"-FVE-FS-"[..], b"ReFS\0\0\0\0", b"MSDOS5.0"] {
        let image = made(16 * MIB, "");
        image.write(3, other);
        assert_eq!(detect(&image).unwrap(), None);
    }
}

fn volume_sector(image: &Image) -> u64 {
    read_boot_sector(image, 0).unwrap().unwrap().sector_size
}

/// 64 TiB in a sparse file: 16 GiB of bitmap would be a lot to keep in memory.
#[test]
fn a_large_volume_needs_little_memory() {
    if !can_mount() {
        return;
    }
    let image = Image::new(0);
    // ext4 stops at 16 TiB.
    image.resize(8 * 1024 * GIB);
    image.run("mkntfs -q -Q -F -c 65536");
    let mounted = Mounted::new(&image, "rw");
    std::fs::write(mounted.path().join("file"), vec![1; 100 * KIB as usize]).unwrap();
    drop(mounted);
    let used = used(&image, Budget { extents: 64 }).unwrap();
    assert!(used.extents.total_bytes() < GIB, "{}", used.extents.total_bytes());
}
