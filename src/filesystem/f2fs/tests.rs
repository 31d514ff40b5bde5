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

/// Changes the flags in both blocks of each checkpoint pack.
fn change_flags(image: &Image, change: fn(u32) -> u32) {
    let superblock = superblock::read(image).unwrap().unwrap();
    for start in [superblock.checkpoint, superblock.checkpoint + superblock::SEGMENT_BLOCKS] {
        let first = image.read_vec(start * BLOCK, BLOCK as usize).unwrap();
        let number =
            |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let blocks = u64::from(number(&first, 136));
        if !(2..512).contains(&blocks) {
            continue;
        }
        for place in [start, start + blocks - 1] {
            let mut block = image.read_vec(place * BLOCK, BLOCK as usize).unwrap();
            let flags = change(number(&block, 132));
            block[132..136].copy_from_slice(&flags.to_le_bytes());
            let offset = number(&block, 164) as usize;
            let sum = crc32_le(superblock::SIGNATURE, &block[..offset]);
            let sum = crc32_le(sum, &block[offset + 4..]);
            block[offset..offset + 4].copy_from_slice(&sum.to_le_bytes());
            image.write(place * BLOCK, &block);
        }
    }
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn arbitrary_damage_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        length in prop_oneof![9 => Just(usize::MAX), 1 => 0usize..90 << 20],
    ) {
        static SMALL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let small = SMALL.get_or_init(|| {
            let image = Image::made_by(100 * MIB, "mkfs.f2fs -q -f");
            image.read_vec(0, 100 << 20).unwrap()
        });
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
