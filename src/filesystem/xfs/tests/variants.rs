//! Every variant: nothing is free that xfs_db does not call free, and a copy of nothing but the
//! used bytes is the same file system.

use super::fixture::{assert_clean, field, filled, filled_by_mkfs, free, listed, made};
use crate::filesystem::testing::Image;
use crate::filesystem::testing::mounted::{self, Mounted, assert_same_tree, can_mount};
use crate::filesystem::xfs::{detect, used};
use crate::filesystem::{self, Budget, Used, VolumeKind};
use crate::text::Language;
use crate::units::{Extent, ExtentMap, MIB};

/// What must be true of every sound volume; answers what is used.
fn check(image: &Image, with_partclone: bool) -> Used {
    let volume = detect(image).unwrap().unwrap();
    assert_eq!(volume.kind, VolumeKind::Xfs);
    assert_eq!(volume.label.as_deref(), Some("lab"));
    assert_eq!(volume.uuid, image.blkid("UUID"));
    assert_eq!(volume.block_size, Some(field(image, "sb 0", "blocksize")));
    let length = volume.length.unwrap();
    assert_eq!(length, field(image, "sb 0", "dblocks") * volume.block_size.unwrap());

    let answer = used(image, Budget::default()).unwrap_or_else(|doubt| panic!("{doubt}"));
    let all = ExtentMap::whole(Extent::new(0, length));
    let (free, ours) = (free(image), all.difference(&answer.extents));
    assert_eq!(ours.difference(&free), ExtentMap::new(), "free only for us");
    // xfs_db counts the blocks in the free lists as free; they have content of their own.
    assert_eq!(free.total_bytes() - ours.total_bytes(), listed(image));
    assert!(ours.len() > 3);

    let groups = field(image, "sb 0", "agcount");
    let group = field(image, "sb 0", "agblocks") * volume.block_size.unwrap();
    let places: Vec<u64> = answer.signatures.iter().map(|extent| extent.offset).collect();
    assert_eq!(places, (0..groups).map(|number| number * group).collect::<Vec<u64>>());
    for signature in &answer.signatures {
        assert!(answer.extents.contains(*signature));
        assert_eq!(signature.length, field(image, "sb 0", "sectsize"));
    }

    if with_partclone {
        let theirs = image.partclone("partclone.xfs");
        assert_eq!(theirs.difference(&answer.extents), ExtentMap::new(), "less than partclone");
        let surplus = answer.extents.difference(&theirs).total_bytes();
        assert!(surplus <= answer.extents.total_bytes() / 50 + MIB, "{surplus} bytes more");
    }

    let small = used(image, Budget { extents: groups as usize + 20 }).unwrap();
    assert!(small.extents.len() <= groups as usize + 20);
    assert_eq!(answer.extents.difference(&small.extents), ExtentMap::new());
    answer
}

/// A copy of the used bytes in garbage is clean and answers the same.
fn restored(image: &Image, answer: &Used) -> Image {
    let copy = image.restored(answer);
    assert_clean(&copy);
    assert_eq!(&used(&copy, Budget::default()).unwrap(), answer);
    copy
}

fn check_mounted(arguments: &str, size: u64, count: u64) {
    if !can_mount("xfs") {
        return;
    }
    let image = filled(arguments, size, count);
    assert_clean(&image);
    let answer = check(&image, true);
    let copy = restored(&image, &answer);
    let expected = mounted::tree(Mounted::new(&[&image], "xfs", "ro").path());
    let found = mounted::tree(Mounted::new(&[&copy], "xfs", "ro").path());
    assert_same_tree(&expected, &found);
}

macro_rules! variants {
    ($($name:ident => $arguments:expr, $size:expr, $count:expr;)*) => {
        $(#[test] fn $name() { check_mounted($arguments, $size * MIB, $count); })*
    };
}

variants! {
    default_features => "", 96, 300;
    owners_and_reference_counts => "-m rmapbt=1,reflink=1 -l size=16m", 96, 300;
    no_new_features => "-m finobt=0,reflink=0,inobtcount=0,bigtime=0 -i sparse=0", 96, 300;
    blocks_of_1k => "-b size=1024 -m rmapbt=1 -l size=16m", 96, 1500;
    blocks_of_2k_and_many_extents => "-b size=2048 -i nrext64=1", 96, 800;
    many_groups => "-d agcount=19", 320, 500;
    sectors_of_4k => "-s size=4096", 96, 200;
    log_with_stripes => "-l size=12m,su=32k -d su=32k,sw=2", 96, 200;
    large_inodes => "-i size=2048 -n size=8192", 96, 200;
}

/// Blocks of the size that no kernel mounted until lately.
#[test]
fn blocks_of_64k() {
    let image = filled_by_mkfs("-b size=65536 -l size=40m", 240 * MIB);
    restored(&image, &check(&image, true));
}

#[test]
fn version_4() {
    for arguments in [
        "-m crc=0",
        "-m crc=0 -b size=512 -i size=256",
        "-m crc=0 -l size=12m,lazy-count=0",
        "-m crc=0 -l size=12m,version=1",
        "-m crc=0 -b size=1024 -d agcount=5 -n ftype=0",
    ] {
        let image = filled_by_mkfs(arguments, 96 * MIB);
        assert_clean(&image);
        restored(&image, &check(&image, true));
    }
}

#[test]
fn what_lies_behind_the_file_system_is_kept_at_the_very_end() {
    let image = made("", 64 * MIB);
    let length = used(&image, Budget::default()).unwrap().extents.end();
    image.resize(70 * MIB);
    let answer = used(&image, Budget::default()).unwrap();
    let behind = Extent::between(length, 70 * MIB);
    let kept: ExtentMap = answer.extents.within(behind).collect();
    assert_eq!(kept, ExtentMap::whole(Extent::new(69 * MIB, MIB)));
    image.resize(64 * MIB - 4096);
    let doubt = used(&image, Budget::default()).unwrap_err();
    assert_eq!(doubt.id(), "xfs-longer-than-volume");
}

#[test]
fn a_log_on_another_device_leaves_a_doubt() {
    let log = Image::new(64 * MIB);
    let image = made(&format!("-l logdev={},size=16m", log.path().display()), 64 * MIB);
    let doubt = used(&image, Budget::default()).unwrap_err();
    assert_eq!(doubt.id(), "xfs-log-elsewhere");
    let volume = filesystem::identify(&log);
    assert_eq!(volume.kind, VolumeKind::XfsLog);
    assert_eq!(volume.uuid, image.blkid("UUID"));

    // Together they answer, as long as it is really the log of this one, and clean.
    let both = |log: &Image| filesystem::read(&[log, &image], Budget::default()).remove(1).used;
    let answer = both(&log).unwrap();
    assert!(answer.extents.total_bytes() < 20 * MIB);
    assert_clean_with_log(&image.restored(&answer), &log);
    log.write(40, &2u32.to_be_bytes());
    assert_eq!(both(&log).unwrap_err().id(), "xfs-needs-recovery");
    log.write(304, &[7; 16]);
    assert_eq!(both(&log).unwrap_err().id(), "xfs-log-elsewhere");
}

fn assert_clean_with_log(image: &Image, log: &Image) {
    image.run(&format!("xfs_repair -n -f -l {}", log.path().display()));
}

#[test]
fn a_real_time_device_is_named() {
    let other = Image::new(64 * MIB);
    let arguments = format!("-m reflink=0 -r rtdev={}", other.path().display());
    let image = made(&arguments, 64 * MIB);
    let answer = check(&image, false);
    assert!(answer.extents.total_bytes() < 20 * MIB);
    let readings = filesystem::read(&[&image], Budget::default());
    let notes = filesystem::missing_parts(&[&image], &readings);
    let note = notes[0].as_ref().unwrap().in_language(Language::English);
    assert!(note.contains("“lab”") && note.contains("real-time"), "{note}");
}

/// The journal has something to replay whenever the volume was written to and not unmounted: the
/// file behind the loop device then holds what a disk holds after a power cut.
#[test]
fn a_volume_in_use_is_a_doubt() {
    if !can_mount("xfs") {
        return;
    }
    let image = made("", 96 * MIB);
    let mounted = Mounted::new(&[&image], "xfs", "rw");
    for round in 0..12 {
        std::fs::write(mounted.path().join(format!("file{round}")), vec![round; 100_000]).unwrap();
        mounted::sync(mounted.path());
        let doubt = used(&image, Budget::default()).unwrap_err();
        assert_eq!(doubt.id(), "xfs-needs-recovery", "{doubt}");
    }
    drop(mounted);
    used(&image, Budget::default()).unwrap();
}

/// The log is a ring: after many rounds it is still found out where it ends.
#[test]
fn a_log_that_was_filled_many_times() {
    if !can_mount("xfs") {
        return;
    }
    let image = made("-l size=6m", 64 * MIB);
    for round in 0..12 {
        // Records of up to 32 KiB have one header, longer ones have more.
        let options = if round % 2 == 0 { "rw" } else { "rw,logbsize=256k" };
        let mounted = Mounted::new(&[&image], "xfs", options);
        for number in 0..900 {
            let path = mounted.path().join(format!("{}-{number}", "x".repeat(200)));
            std::fs::write(&path, [round; 100]).unwrap();
        }
        mounted::sync(mounted.path());
        for number in 0..900 {
            let path = mounted.path().join(format!("{}-{number}", "x".repeat(200)));
            std::fs::remove_file(&path).unwrap();
        }
        mounted::sync(mounted.path());
        assert!(used(&image, Budget::default()).is_err());
        drop(mounted);
        used(&image, Budget::default()).unwrap_or_else(|doubt| panic!("round {round}: {doubt}"));
    }
}

/// Tools of xfsprogs make the log anew, in a round of its own and with a gap behind the record.
#[test]
fn a_log_that_a_tool_made_anew() {
    let image = made("", 96 * MIB);
    let tools = ["xfs_admin -U generate", "xfs_repair -L", "xfs_admin -U generate"];
    for tool in tools {
        image.run(tool);
        check(&image, true);
        if can_mount("xfs") {
            let mounted = Mounted::new(&[&image], "xfs", "rw");
            std::fs::write(mounted.path().join("file"), vec![1; 100_000]).unwrap();
            mounted::sync(mounted.path());
            let doubt = used(&image, Budget::default()).unwrap_err();
            assert_eq!(doubt.id(), "xfs-needs-recovery", "{tool}: {doubt}");
            drop(mounted);
            let answer = used(&image, Budget::default()).unwrap_or_else(|doubt| panic!("{doubt}"));
            restored(&image, &answer);
        }
    }
}
