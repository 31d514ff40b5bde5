//! Every variant on one device: a copy of nothing but the used bytes is the same file system.

use super::fixture::{Attached, certain, data_chunks, field, filled, made, restored};
use crate::block::BlockSource;
use crate::filesystem::btrfs::{detect, used};
use crate::filesystem::testing::Image;
use crate::filesystem::testing::mounted::{self, Mounted, assert_same_tree, can_mount};
use crate::filesystem::{Budget, VolumeKind};
use crate::units::{Extent, ExtentMap, KIB, MIB};

/// Everything that must be true of a file system on one device.
fn check(arguments: &str, options: &str, with_partclone: bool) {
    if !can_mount("btrfs") {
        return;
    }
    let images = filled(arguments, 1, 320 * MIB, options);
    let image = &images[0];
    let volume = detect(image).unwrap().unwrap();
    assert_eq!(volume.kind, VolumeKind::Btrfs);
    assert_eq!(volume.label.as_deref(), Some("lab"));
    assert_eq!(volume.uuid, image.blkid("UUID"));
    assert_eq!(volume.length, Some(field(image, "dev_item.total_bytes")));
    assert_eq!(volume.block_size, Some(field(image, "sectorsize")));

    let answers = certain(&images);
    let answer = &answers[0];
    // Fewer bytes than the chunks have, and no fewer than the extents.
    let total = answer.extents.total_bytes();
    assert!(total >= field(image, "bytes_used"), "{total}");
    assert!(total < field(image, "dev_item.bytes_used"), "{total}");
    assert!(answer.extents.len() > 50, "{} extents", answer.extents.len());
    let places: Vec<Extent> = answer.signatures.clone();
    assert_eq!(places, [Extent::new(64 * KIB, 4096), Extent::new(64 * MIB, 4096)]);
    assert!(places.iter().all(|place| answer.extents.contains(*place)));
    assert!(answer.extents.contains(Extent::new(0, MIB)));

    if with_partclone {
        // It counts in tree blocks, and takes block groups of metadata from their first extent
        // to their end.
        let theirs = image.partclone("partclone.btrfs");
        let block = field(image, "nodesize");
        let ours = answer.extents.aligned_outward(block, image.size());
        let in_data: ExtentMap =
            data_chunks(image).into_iter().flat_map(|chunk| theirs.within(chunk)).collect();
        assert!(in_data.total_bytes() > 3 * MIB, "{in_data:?}");
        assert_eq!(in_data.difference(&ours), ExtentMap::new(), "less than partclone");
        let surplus = answer.extents.difference(&theirs).total_bytes();
        println!("{arguments}: {total} bytes, {surplus} more than partclone");
        assert!(surplus <= total / 20 + MIB, "{surplus} bytes more");
    }

    let copies = restored(&images, &answers);
    Attached::new(&copies).assert_clean();
    assert_eq!(certain(&copies), answers);
    let expected = mounted::tree(Mounted::new(&[image], "btrfs", "ro").path());
    let copy = Mounted::new(&[&copies[0]], "btrfs", "ro");
    assert_same_tree(&expected, &mounted::tree(copy.path()));
    // Every copy of everything, by its checksum.
    copy.run("btrfs scrub start -B -r {}");
    let errors = copy.run("btrfs device stats --check {}");
    drop(copy);
    assert!(errors.lines().all(|line| line.ends_with(" 0")), "{errors}");

    let small = used(image, Budget { extents: 24 }).unwrap();
    assert!(small.extents.len() <= 24);
    assert_eq!(answer.extents.difference(&small.extents), ExtentMap::new());
}

macro_rules! variants {
    ($($name:ident => $arguments:expr, $options:expr, $partclone:expr;)*) => {
        $(#[test] fn $name() { check($arguments, $options, $partclone); })*
    };
}

variants! {
    metadata_twice => "-m dup -d single", "rw", false;
    everything_once => "-m single -d single", "rw", true;
    everything_twice => "-m dup -d dup", "rw", false;
    mixed_block_groups => "--mixed -n 4096", "rw", false;
    compressed => "-m single", "rw,compress-force=zstd", true;
    nodes_of_64k => "-n 65536 -m single", "rw", true;
    nodes_of_4k => "-n 4096 -m single --csum xxhash", "rw", true;
    sha256 => "--csum sha256 -m single -d single", "rw", true;
    blake2 => "--csum blake2 -m dup", "rw", false;
    free_space_cache_of_version_1 => "-R ^free-space-tree -m single", "rw", true;
    without_holes_and_skinny_extents => "-O ^no-holes,^skinny-metadata -m single", "rw", true;
    quotas => "-R quota -m single", "rw", true;
}

/// Only newer versions of mkfs.btrfs make one.
#[test]
fn block_groups_in_a_tree_of_their_own() {
    let output =
        std::process::Command::new("mkfs.btrfs").args(["-O", "list-all"]).output().unwrap();
    let features = String::from_utf8_lossy(&output.stderr).into_owned();
    if features.contains("block-group-tree") {
        check("-O block-group-tree -m dup", "rw", false);
    } else {
        eprintln!("SKIPPED: this mkfs.btrfs makes no tree of block groups");
    }
}

#[test]
fn a_new_uuid_that_metadata_does_not_bear() {
    let images = made("-m single", 1, 200 * MIB);
    let before = certain(&images);
    images[0].run("btrfstune -f -M 0c1f6d0e-0000-4000-8000-123456789abc");
    assert_eq!(
        detect(&images[0]).unwrap().unwrap().uuid.as_deref(),
        Some("0c1f6d0e-0000-4000-8000-123456789abc")
    );
    assert_eq!(before[0].signatures, certain(&images)[0].signatures);
}

#[test]
fn what_lies_behind_the_file_system_is_kept_at_the_very_end() {
    let images = made("", 1, 200 * MIB);
    let image: &Image = &images[0];
    image.resize(210 * MIB);
    let answer = used(image, Budget::default()).unwrap();
    let behind = Extent::between(200 * MIB, 210 * MIB);
    let kept: ExtentMap = answer.extents.within(behind).collect();
    assert_eq!(kept, ExtentMap::whole(Extent::new(209 * MIB, MIB)));
    image.resize(199 * MIB);
    let doubt = used(image, Budget::default()).unwrap_err();
    assert_eq!(doubt.id(), "btrfs-longer-than-volume");
}

/// Beyond the third superblock and all sizes of ext4, in a sparse file.
#[test]
fn forty_tebibytes() {
    if !can_mount("btrfs") {
        return;
    }
    let images = filled("-m dup --nodiscard", 1, 40 << 40, "rw");
    let answers = certain(&images);
    let places: Vec<u64> = answers[0].signatures.iter().map(|place| place.offset).collect();
    assert_eq!(places, [64 << 10, 64 << 20, 256 << 30]);
    assert!(answers[0].extents.total_bytes() < 200 * MIB);
}
