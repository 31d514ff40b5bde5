//! Chosen partitions: onto the same number, another number, a file, a device. What is beside them
//! does not change by a byte.

use crate::source::{SourceDisk, Table, make, save, small};
use crate::support::command::{calco, has_tools, text};
use crate::support::loops::Loop;
use crate::support::{MIB, disk};
use std::fs;
use std::path::{Path, PathBuf};

const TOOLS: [&str; 6] = ["mke2fs", "debugfs", "mkfs.fat", "mcopy", "sfdisk", "wipefs"];

/// A disk with another table and garbage in every partition: 1 is 90 MiB, 2 is 20, 3 is 18.
fn target(path: &Path) -> PathBuf {
    let slot = |number, start, length| crate::source::Slot {
        number,
        start,
        length,
        content: crate::source::Content::Unknown,
    };
    let slots = vec![slot(1, 1, 90), slot(2, 92, 20), slot(3, 113, 18)];
    make(path, 140, Table::Sfdisk("gpt", &["L", "L", "L"]), slots);
    path.to_owned()
}

/// Everything but one range is as it was.
#[track_caller]
fn assert_rest_same(before: &Path, after: &Path, start: u64, length: u64) {
    let size = fs::metadata(before).unwrap().len();
    assert_eq!(fs::metadata(after).unwrap().len(), size);
    disk::assert_same("what lies before", before, after, 0, start);
    disk::assert_same("what lies behind", before, after, start + length, size - start - length);
}

struct Case {
    folder: tempfile::TempDir,
    source: SourceDisk,
    image: String,
    target: PathBuf,
    before: PathBuf,
}

/// An image with partition 2 of the small disk, or with all of it, and a target.
fn case(partitions: Option<&str>) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let source = small(folder.path());
    let store = folder.path().join("store");
    let image = match partitions {
        None => save(&[text(&source.path)], &store, "part"),
        Some(list) => save(&[text(&source.path), "--partitions", list], &store, "part"),
    };
    let target = target(&folder.path().join("target.img"));
    let before = folder.path().join("before.img");
    fs::copy(&target, &before).unwrap();
    Case { folder, source, image, target, before }
}

#[test]
fn a_partition_goes_onto_the_same_number_another_and_a_file() {
    if !has_tools(&TOOLS) {
        return;
    }
    let case = case(Some("2"));
    let (image, target) = (&case.image, text(&case.target));
    calco(&["verify", image]).expect(0);
    let fat = &case.source.slots[1];

    // It is not a whole disk.
    let run = calco(&["restore", image, "--to", target, "--yes"]).expect(5);
    assert!(run.stderr.contains("--partitions"), "{}", run.stderr);
    assert_rest_same(&case.before, &case.target, 0, 0);
    // What is not in the image cannot be restored, nor onto what is not there.
    calco(&["restore", image, "--partitions", "1", "--to", target, "--yes"]).expect(1);
    calco(&["restore", image, "--place", "2=7", "--to", target, "--yes"]).expect(1);
    calco(&["restore", image, "--place", "2=", "--to", target, "--yes"]).expect(2);
    calco(&["restore", image, "--partitions", "2", "--yes"]).expect(2);
    assert_rest_same(&case.before, &case.target, 0, 0);

    calco(&["restore", image, "--partitions", "2", "--to", target, "--yes"]).expect(0);
    case.source.assert_volume(fat, &case.target, 92 * MIB);
    assert_rest_same(&case.before, &case.target, 92 * MIB, 20 * MIB);

    fs::copy(&case.before, &case.target).unwrap();
    calco(&["restore", image, "--place", "2=3", "--to", target, "--yes"]).expect(0);
    case.source.assert_volume(fat, &case.target, 113 * MIB);
    assert_rest_same(&case.before, &case.target, 113 * MIB, 18 * MIB);

    let file = case.folder.path().join("partition.img");
    disk::garbage(&file, fat.bytes(), 12);
    let place = format!("2={}", file.display());
    calco(&["restore", image, "--place", &place, "--yes"]).expect(0);
    case.source.assert_volume(fat, &file, 0);

    disk::garbage(&file, fat.bytes() - MIB, 13);
    let run = calco(&["restore", image, "--place", &place, "--yes"]).expect(5);
    assert!(run.stderr.contains("1.00 MiB"), "{}", run.stderr);
}

#[test]
fn two_partitions_of_a_whole_image_leave_the_third_alone() {
    if !has_tools(&TOOLS) {
        return;
    }
    let case = case(None);
    let target = text(&case.target);
    let words = ["restore", &case.image, "--partitions", "1,2", "--to", target, "--yes"];
    calco(&words).expect(0);
    case.source.assert_volume(&case.source.slots[0], &case.target, MIB);
    case.source.assert_volume(&case.source.slots[1], &case.target, 92 * MIB);
    // The table, the gap between them and everything from the third partition on.
    disk::assert_same("the table", &case.before, &case.target, 0, MIB);
    disk::assert_same("the gap", &case.before, &case.target, 91 * MIB, MIB);
    disk::assert_same("the third", &case.before, &case.target, 112 * MIB, 28 * MIB);

    // Two onto one place, and one that does not fit.
    fs::copy(&case.before, &case.target).unwrap();
    let twice = ["restore", &case.image, "--place", "2=3", "--place", "3=3", "--to", target];
    calco(&[&twice[..], &["--yes"]].concat()).expect(2);
    calco(&["restore", &case.image, "--place", "1=2", "--to", target, "--yes"]).expect(5);
    assert_rest_same(&case.before, &case.target, 0, 0);
}

#[test]
fn a_partition_of_a_device_is_restored_while_its_neighbour_is_in_use() {
    if !has_tools(&TOOLS) || !has_tools(&["losetup", "partx"]) {
        return;
    }
    let case = case(Some("2"));
    let Some(device) = Loop::with_partitions(&case.target, 512) else { return };
    // Somebody holds partition 3 for itself, as a mount does.
    let neighbour = rustix::fs::open(
        device.partition(3),
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::EXCL,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    let image = &case.image;
    calco(&["restore", image, "--place", "2=3", "--to", device.text(), "--yes"]).expect(5);
    calco(&["restore", image, "--partitions", "2", "--to", device.text(), "--yes"]).expect(0);
    drop(neighbour);
    drop(device);
    case.source.assert_volume(&case.source.slots[1], &case.target, 92 * MIB);
    assert_rest_same(&case.before, &case.target, 92 * MIB, 20 * MIB);

    // By the partition's own device, and saved from one.
    fs::copy(&case.before, &case.target).unwrap();
    let device = Loop::with_partitions(&case.target, 512).unwrap();
    let place = format!("2={}", device.partition(3));
    calco(&["restore", image, "--place", &place, "--yes"]).expect(0);
    let store = case.folder.path().join("store");
    let again = save(&[&device.partition(3)], &store, "from a partition");
    drop(device);
    case.source.assert_volume(&case.source.slots[1], &case.target, 113 * MIB);
    assert_rest_same(&case.before, &case.target, 113 * MIB, 18 * MIB);
    let file = case.folder.path().join("again.img");
    disk::garbage(&file, 18 * MIB, 14);
    calco(&["restore", &again, "--to", text(&file), "--yes"]).expect(0);
    case.source.assert_volume(&case.source.slots[1], &file, 0);
}

/// A disk that lost its table has no partition 2, and is no partition either: the others on it can still
/// be saved, as long as nobody writes over them.
#[test]
fn a_disk_that_lost_its_table_is_not_taken_for_a_partition() {
    if !has_tools(&TOOLS) {
        return;
    }
    let case = case(None);
    let target = text(&case.target);
    // The copy at the end is sound, and nothing announces it.
    disk::write(&case.target, 0, &vec![0; 17 << 10]);
    fs::copy(&case.target, &case.before).unwrap();
    for words in [&["--partitions", "2"][..], &["--place", "2=2"]] {
        let all = [&["restore", &case.image, "--to", target, "--yes"], words].concat();
        let run = calco(&all).expect(5);
        assert!(run.stderr.contains("no partition table"), "{}", run.stderr);
    }
    // No copy either, and as large as the disk of the image.
    disk::garbage(&case.target, case.source.size, 14);
    fs::copy(&case.target, &case.before).unwrap();
    calco(&["restore", &case.image, "--partitions", "2", "--to", target, "--yes"]).expect(5);
    assert_rest_same(&case.before, &case.target, 0, 0);
    // All of it, when somebody says so.
    let place = format!("2={target}");
    calco(&["restore", &case.image, "--place", &place, "--yes"]).expect(0);
    case.source.assert_volume(&case.source.slots[1], &case.target, 0);
    // What cannot be the disk is a place for the partition.
    let file = case.folder.path().join("partition.img");
    disk::garbage(&file, case.source.slots[1].bytes(), 15);
    let words = ["restore", &case.image, "--partitions", "2,2", "--to", text(&file), "--yes"];
    calco(&words).expect(0);
    case.source.assert_volume(&case.source.slots[1], &file, 0);
}

#[test]
fn a_target_by_two_names_is_one_target() {
    if !has_tools(&TOOLS) {
        return;
    }
    let case = case(None);
    let other = case.folder.path().join("other.img");
    fs::hard_link(&case.target, &other).unwrap();
    let places = [format!("1={}", case.target.display()), format!("2={}", other.display())];
    let places = ["--place", &places[0], "--place", &places[1]];
    let words = [&["restore", &case.image, "--dry-run"], &places[..]].concat();
    let run = calco(&words).expect(2);
    assert!(run.stderr.contains("same place"), "{}", run.stderr);
}
