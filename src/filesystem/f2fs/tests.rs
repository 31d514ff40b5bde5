//! Volumes made by mkfs.f2fs, filled by sload.f2fs, judged by fsck.f2fs and partclone.

use super::*;
use crate::block::BlockTarget as _;
use crate::block::memory::MemoryDisk;
use crate::filesystem::VolumeState;
use crate::filesystem::recognize::crc32_le;
use crate::filesystem::testing::{Broken, Garbage, Image};
use crate::units::ExtentMap;
use proptest::prelude::*;

const BUDGET: Budget = Budget { extents: 1 << 20 };

/// Size and options of mkfs.f2fs.
const VARIANTS: [(u64, &str); 7] = [
    (128 * MIB, "-l SMALL"),
    (200 * MIB, "-l ñandú"),
    (200 * MIB, "-O extra_attr,inode_checksum,sb_checksum,inode_crtime"),
    (200 * MIB, "-O encrypt,extra_attr,project_quota,quota,verity"),
    (300 * MIB, "-s 4 -z 2"),
    (300 * MIB, "-i -O extra_attr,compression,lost_found"),
    (1024 * MIB, "-o 5 -w 4096"),
];

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt| doubt.id().to_owned())
}

fn certain(source: &dyn BlockSource) -> Used {
    used(source, BUDGET).unwrap_or_else(|doubt| panic!("{}: {doubt}", source.name()))
}

/// A folder with files of many sizes.
fn files(seed: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut garbage = Garbage::new(seed);
    for number in 0..200usize {
        let inside = folder.path().join(format!("folder {}", number % 17));
        std::fs::create_dir_all(&inside).unwrap();
        let length = if number % 9 == 0 { number * 4000 } else { number * 37 };
        std::fs::write(inside.join(format!("file {number} ñ")), garbage.bytes(length)).unwrap();
    }
    std::os::unix::fs::symlink("folder 3/file 3 ñ", folder.path().join("link")).unwrap();
    folder
}

fn made(size: u64, options: &str, seed: u64) -> Image {
    let image = Image::made_by(size, &format!("mkfs.f2fs -q -f {options}"));
    let folder = files(seed);
    image.run(&format!("sload.f2fs -f {}", folder.path().display()));
    image
}

#[test]
fn used_bytes_alone_make_a_sound_volume() {
    for (seed, (size, options)) in VARIANTS.into_iter().enumerate() {
        let image = made(size, options, seed as u64);
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.label, image.blkid("LABEL"), "{options}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{options}");
        let used = used(&image, BUDGET).unwrap_or_else(|doubt| panic!("{options}: {doubt}"));
        assert!(used.extents.end() <= image.size(), "{options}");
        assert!(used.signatures.iter().all(|place| used.extents.contains(*place)), "{options}");
        assert!(used.extents.total_bytes() < size * 3 / 4, "{options}: too much");
        // It does not find the checkpoints of a volume with a large bitmap.
        let theirs = match options.starts_with("-i") {
            true => ExtentMap::default(),
            false => image.partclone("partclone.f2fs"),
        };
        assert!(options.starts_with("-i") || !theirs.is_empty(), "{options}");
        // It takes what lies behind the main area for a part of it.
        let superblock = superblock::read(&image).unwrap().unwrap();
        let end = superblock.main + superblock.main_segments * superblock::SEGMENT_BLOCKS;
        let theirs: ExtentMap = theirs.within(Extent::new(0, end * BLOCK)).collect();
        let missing = theirs.difference(&used.extents);
        assert!(missing.is_empty(), "{options}: partclone also has {missing:?}");
        let restored = image.restored(&used);
        let judged = restored.run("fsck.f2fs --dry-run {}");
        assert!(!judged.contains("[Fail]"), "{options}: {judged}");
        assert_eq!(
            restored.run("fsck.f2fs --dry-run {}"),
            image.run("fsck.f2fs --dry-run {}").replace(
                &image.path().display().to_string(),
                &restored.path().display().to_string()
            ),
            "{options}"
        );
    }
}

#[test]
fn an_empty_volume_needs_its_tables_and_little_more() {
    let image = Image::made_by(1024 * MIB, "mkfs.f2fs -q -f");
    let used = certain(&image);
    let superblock = superblock::read(&image).unwrap().unwrap();
    let beyond = used.extents.total_bytes() - superblock.main * BLOCK;
    assert!(beyond <= 3 * TAIL, "{beyond}");
}

/// Changes both superblocks and makes their checksums right again, where they have one.
fn change_superblocks(image: &Image, offset: usize, bytes: &[u8]) {
    for place in signatures() {
        let mut copy = image.read_vec(place.offset, place.length as usize).unwrap();
        copy[offset..offset + bytes.len()].copy_from_slice(bytes);
        let sum = crc32_le(superblock::SIGNATURE, &copy[..3068]);
        copy[3068..].copy_from_slice(&sum.to_le_bytes());
        image.write(place.offset, &copy);
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Changes the number at a place in both blocks of each checkpoint pack.
fn change_checkpoints(image: &Image, at: usize, change: impl Fn(u32) -> u32) {
    let superblock = superblock::read(image).unwrap().unwrap();
    for start in [superblock.checkpoint, superblock.checkpoint + superblock::SEGMENT_BLOCKS] {
        let first = image.read_vec(start * BLOCK, BLOCK as usize).unwrap();
        let blocks = u64::from(number(&first, 136));
        if !(2..512).contains(&blocks) {
            continue;
        }
        for place in [start, start + blocks - 1] {
            let mut block = image.read_vec(place * BLOCK, BLOCK as usize).unwrap();
            let changed = change(number(&block, at));
            block[at..at + 4].copy_from_slice(&changed.to_le_bytes());
            let offset = number(&block, 164) as usize;
            let sum = crc32_le(superblock::SIGNATURE, &block[..offset]);
            let sum = crc32_le(sum, &block[offset + 4..]);
            block[offset..offset + 4].copy_from_slice(&sum.to_le_bytes());
            image.write(place * BLOCK, &block);
        }
    }
}

/// Changes the flags of the checkpoints.
fn change_flags(image: &Image, change: fn(u32) -> u32) {
    change_checkpoints(image, 132, change);
}

#[test]
fn what_is_not_at_rest_or_not_known_is_a_doubt() {
    let fresh = || made(128 * MIB, "", 1);
    let image = fresh();
    change_flags(&image, |flags| flags & !1);
    let reading = crate::filesystem::read(&[&image], BUDGET).pop().unwrap();
    assert_eq!(reading.used.unwrap_err().id(), "f2fs-not-clean");
    assert_eq!(reading.volume.state, Some(VolumeState::Unclean));
    change_flags(&image, |flags| flags | 1);
    assert_eq!(doubt(&image), None);
    change_flags(&image, |flags| flags | 0x10);
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-needs-check"));

    let image = fresh();
    change_superblocks(&image, 2180, &0x8000u32.to_le_bytes());
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-features"));
    let image = fresh();
    change_superblocks(&image, 2201, b"/dev/sdb");
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-devices"));
    let image = fresh();
    change_superblocks(&image, 16, &14u32.to_le_bytes());
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-block-size"));
    let image = fresh();
    change_superblocks(&image, 80, &7u32.to_le_bytes());
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-impossible"));

    let image = fresh();
    change_superblocks(&image, 36, &u64::MAX.to_le_bytes());
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-longer-than-volume"));

    let image = fresh();
    image.write(BLOCK + 1024 + 68, &[1]);
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-superblocks"));
    let image = fresh();
    let length = superblock::read(&image).unwrap().unwrap().blocks * BLOCK;
    image.resize(length - BLOCK);
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-longer-than-volume"));
}

#[test]
fn a_table_that_contradicts_itself_is_a_doubt() {
    let image = made(128 * MIB, "", 2);
    let superblock = superblock::read(&image).unwrap().unwrap();
    let table = Extent::new(
        superblock.sit * BLOCK,
        superblock.sit_segments * superblock::SEGMENT_BLOCKS * BLOCK,
    );
    let mut caught = 0;
    for place in (table.offset..table.end()).step_by(BLOCK as usize) {
        for entry in 0..superblock.main_segments.min(segments::IN_BLOCK) {
            let byte = place + entry * 74 + 10;
            let before = image.read_vec(byte, 1).unwrap();
            image.write(byte, &[before[0] ^ 0x10]);
            caught += usize::from(doubt(&image).as_deref() == Some("f2fs-segment"));
            image.write(byte, &before);
        }
        if caught > 0 {
            break;
        }
    }
    assert!(caught > 10, "{caught}");
    let broken = Broken { source: &image, unreadable: Extent::new(superblock.sit * BLOCK, 4096) };
    assert!(doubt(&broken).is_none_or(|doubt| doubt == "filesystem-unreadable"));
}

/// Numbers of blocks and of nodes that a checkpoint has, by their places.
const BLOCKS_IN_USE: usize = 16;
const NODES_IN_USE: usize = 144;

/// A volume with a file whose addresses need nodes of their own, besides small ones.
fn made_with_large(options: &str) -> Image {
    let image = Image::made_by(100 * MIB, &format!("mkfs.f2fs -q -f {options}"));
    let folder = files(5);
    std::fs::write(folder.path().join("large"), Garbage::new(5).bytes(9 << 20)).unwrap();
    image.run(&format!("sload.f2fs -f {}", folder.path().display()));
    image
}

/// Blocks that the checkpoint counts and the segment table does not.
fn reserved(image: &Image) -> u64 {
    let superblock = superblock::read(image).unwrap().unwrap();
    let checkpoint = checkpoint::read(image, &superblock).unwrap();
    let mut map = ExtentMapBuilder::unlimited();
    checkpoint.valid_blocks - segments::read(image, &superblock, &checkpoint, &mut map).unwrap()
}

/// Places of the nodes in use of which something is so.
fn find_nodes(image: &Image, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<u64> {
    let superblock = superblock::read(image).unwrap().unwrap();
    let checkpoint = checkpoint::read(image, &superblock).unwrap();
    let mut found = Vec::new();
    segments::each(image, &superblock, &checkpoint, &mut |segment, entry| {
        let start = superblock.main + segment * superblock::SEGMENT_BLOCKS;
        let places = entry.runs().flatten().map(|block| (start + block) * BLOCK);
        found.extend(places.filter(|place| {
            entry.is_of_nodes && is_wanted(&image.read_vec(*place, BLOCK as usize).unwrap())
        }));
        Ok(())
    })
    .unwrap();
    found
}

/// A node that is no inode.
fn is_direct(block: &[u8]) -> bool {
    number(block, 4072) != number(block, 4076)
}

/// The inode of a file whose data are not in the inode itself.
fn is_file(block: &[u8]) -> bool {
    !is_direct(block) && block[1] >> 4 == 8 && block[3] & 6 == 0
}

#[test]
fn what_is_promised_to_files_is_in_the_sum() {
    for (options, is_flexible) in
        [("", false), ("-O extra_attr,inode_checksum", false), ("-O extra_attr", true)]
    {
        let image = made_with_large(options);
        // sload.f2fs does not know how to say how much of an inode is for attributes.
        if is_flexible {
            change_superblocks(&image, 2180, &0x48u32.to_le_bytes());
            for inode in find_nodes(&image, |block| is_file(block) && block[3] & 1 == 1) {
                image.write(inode + 362, &[50, 0]);
                image.write(inode + 360 + 880 * 4, b"attributes");
            }
        }
        assert_eq!(reserved(&image), 0, "{options}");
        let before = certain(&image).extents;
        let direct = *find_nodes(&image, is_direct).last().unwrap();
        let inode = find_nodes(&image, is_file)[3];
        image.write(direct + 900 * 4, &[0xFF; 100 * 4]);
        image.write(inode + 360 + 700 * 4, &[0xFF; 20 * 4]);
        assert_eq!(doubt(&image), None, "{options}: the sums are the same");
        change_checkpoints(&image, BLOCKS_IN_USE, |blocks| blocks + 120);
        assert_eq!(reserved(&image), 120, "{options}");
        assert_eq!(certain(&image).extents, before, "{options}");

        for wrong in [-1, 1] {
            let change = |by: i32| move |number: u32| number.wrapping_add_signed(by);
            change_checkpoints(&image, BLOCKS_IN_USE, change(wrong));
            assert_eq!(doubt(&image).as_deref(), Some("f2fs-count"), "{options}");
            change_checkpoints(&image, BLOCKS_IN_USE, change(-wrong));
            change_checkpoints(&image, NODES_IN_USE, change(wrong));
            assert_eq!(doubt(&image).as_deref(), Some("f2fs-nodes"), "{options}");
            change_checkpoints(&image, NODES_IN_USE, change(-wrong));
        }
        let superblock = superblock::read(&image).unwrap().unwrap();
        let end = superblock.main + superblock.main_segments * superblock::SEGMENT_BLOCKS;
        // Free, a node, before and behind the main area, a marker where nothing is compressed, and an
        // address less or more.
        let wrong = [end - 1, direct / BLOCK, 5, end, u64::from(u32::MAX), 0xFFFF_FFFE, 0];
        let doubts = wrong.map(|wrong| {
            let address = image.read_vec(direct, 4).unwrap();
            image.write(direct, &(wrong as u32).to_le_bytes());
            let doubt = doubt(&image).unwrap_or_else(|| panic!("{options}: {wrong}"));
            image.write(direct, &address);
            doubt
        });
        let node = "f2fs-node";
        let unnamed = "f2fs-unnamed";
        assert_eq!(doubts, [node, node, node, node, unnamed, node, unnamed], "{options}");
        let mut twice = image.read_vec(direct, 8).unwrap();
        twice.copy_within(4.., 0);
        let address = image.read_vec(direct, 4).unwrap();
        image.write(direct, &twice);
        // As many as there are in the segment, but not each once: the sum is not wrong.
        assert_eq!(doubt(&image), None, "{options}");
        image.write(direct, &address);
        let footer = image.read_vec(direct + 4072, 24).unwrap();
        for (at, value) in [(0, 0u32), (4, 0), (8, 0), (8, 3 << 3)] {
            image.write(direct + 4072 + at, &value.to_le_bytes());
            assert!(doubt(&image).is_some(), "{options}: {at}");
            image.write(direct + 4072, &footer);
        }
        let unreadable = Extent::new(direct, BLOCK);
        let broken = Broken { source: &image, unreadable };
        assert_eq!(doubt(&broken).as_deref(), Some("filesystem-unreadable"));
        assert_eq!(certain(&image).extents, before, "{options}");
    }
}

#[test]
fn a_table_that_lost_or_found_a_block_is_a_doubt_whatever_is_promised() {
    let image = made_with_large("");
    let direct = *find_nodes(&image, is_direct).last().unwrap();
    image.write(direct + 900 * 4, &[0xFF; 50 * 4]);
    change_checkpoints(&image, BLOCKS_IN_USE, |blocks| blocks + 50);
    certain(&image);
    let superblock = superblock::read(&image).unwrap().unwrap();
    let mut caught = std::collections::BTreeMap::<String, usize>::new();
    let copy = superblock.sit_segments / 2 * superblock::SEGMENT_BLOCKS;
    for table in [superblock.sit, superblock.sit + copy] {
        for number in 0..superblock.main_segments.min(segments::IN_BLOCK) {
            let place = table * BLOCK + number * 74;
            let before = image.read_vec(place, 74).unwrap();
            let count = u16::from_le_bytes([before[0], before[1]]);
            for is_set in [true, false] {
                // Consistently: the bitmap and the count of the segment.
                let bits = before[2..66].iter();
                let mut bytes = bits.enumerate().filter(|(_, byte)| (**byte > 0) == is_set);
                let Some((at, byte)) = bytes.next() else { continue };
                let bit = if is_set { 1 << byte.trailing_zeros() } else { 1 };
                let changed = if is_set { count - 1 } else { count + 1 };
                image.write(place, &changed.to_le_bytes());
                image.write(place + 2 + at as u64, &[byte ^ bit]);
                if let Some(doubt) = doubt(&image) {
                    *caught.entry(doubt).or_default() += 1;
                }
                image.write(place, &before);
            }
        }
    }
    certain(&image);
    let of = |id: &str| caught.get(id).copied().unwrap_or_default();
    // Those of the copy that counts, without the few that are in the journal.
    assert!(caught.values().sum::<usize>() as u64 >= superblock.main_segments - 6, "{caught:?}");
    assert!(of("f2fs-node") > 0 && of("f2fs-unnamed") > 0, "{caught:?}");
}

/// Clusters of compressed files: each has a marker, no block, and three that are only promised. No
/// program makes compressed files without a kernel here, so they are written by hand.
fn clusters(count: usize) -> Vec<u8> {
    [0xFFFF_FFFEu32, u32::MAX, u32::MAX, u32::MAX].map(u32::to_le_bytes).concat().repeat(count)
}

#[test]
fn markers_of_compressed_clusters_are_in_the_sum_until_a_file_is_released() {
    let image = made_with_large("-O extra_attr,compression");
    let before = certain(&image).extents;
    let direct = *find_nodes(&image, is_direct).last().unwrap();
    let owner = image.read_vec(direct + 4076, 4).unwrap();
    let large = find_nodes(&image, |block| block[4072..4076] == owner)[0];
    let small = find_nodes(&image, is_file).into_iter().find(|place| *place != large).unwrap();
    image.write(direct + 900 * 4, &clusters(10));
    image.write(small + 360 + 700 * 4, &clusters(5));
    change_checkpoints(&image, BLOCKS_IN_USE, |blocks| blocks + 60);
    assert_eq!(certain(&image).extents, before);
    let doubt_of_few = used(&image, Budget { extents: 0 }).unwrap_err();
    assert_eq!(doubt_of_few.id(), "f2fs-compressed");
    for (inode, markers) in [(small, 5), (large, 10)] {
        let flags = image.read_vec(inode + 3, 1).unwrap()[0];
        image.write(inode + 3, &[flags | 0x80]);
        assert_eq!(doubt(&image).as_deref(), Some("f2fs-count"));
        change_checkpoints(&image, BLOCKS_IN_USE, |blocks| blocks - markers);
        assert_eq!(certain(&image).extents, before);
    }
    assert_eq!(reserved(&image), 45);
    // Without the feature a marker is an address that cannot be.
    change_superblocks(&image, 2180, &8u32.to_le_bytes());
    assert_eq!(doubt(&image).as_deref(), Some("f2fs-node"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn arbitrary_damage_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        length in prop_oneof![9 => Just(usize::MAX), 1 => 0usize..90 << 20],
        has_promised in any::<bool>(),
    ) {
        static SMALL: std::sync::OnceLock<[Vec<u8>; 2]> = std::sync::OnceLock::new();
        let small = &SMALL.get_or_init(|| {
            let empty = Image::made_by(100 * MIB, "mkfs.f2fs -q -f");
            let promised = made_with_large("-O extra_attr,compression");
            let direct = *find_nodes(&promised, is_direct).last().unwrap();
            promised.write(direct + 900 * 4, &clusters(10));
            change_checkpoints(&promised, BLOCKS_IN_USE, |blocks| blocks + 40);
            [empty, promised].map(|image| image.read_vec(0, 100 << 20).unwrap())
        })[usize::from(has_promised)];
        let sound = certain(&MemoryDisk::new(small.clone())).extents;
        let disk = MemoryDisk::new(small.clone());
        let extents: Vec<Extent> = sound.iter().collect();
        for (index, value) in &changes {
            let extent = extents[index.index(extents.len())];
            let offset = extent.offset + index.index(extent.length as usize) as u64;
            disk.write_at(offset, &[*value]).unwrap();
        }
        let mut bytes = disk.read_vec(0, 100 << 20).unwrap();
        bytes.truncate(length.max(1));
        let disk = MemoryDisk::new(bytes);
        _ = detect(&disk).unwrap();
        if let Ok(answer) = used(&disk, BUDGET) {
            prop_assert!(answer.extents.end() <= disk.size());
            prop_assert!(answer.signatures.iter().all(|place| answer.extents.contains(*place)));
        }
    }
}
