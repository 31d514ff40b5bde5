//! File systems on several devices.

use super::fixture::{Attached, certain, field, filled, made, restored, used_of};
use crate::block::BlockSource;
use crate::filesystem::btrfs::{detect, used};
use crate::filesystem::testing::Image;
use crate::filesystem::testing::mounted::{self, Mounted, assert_same_tree, can_mount, copy};
use crate::filesystem::{self, Budget};
use crate::text::Language;
use crate::units::{ExtentMap, MIB};

fn check(arguments: &str, devices: usize) {
    if !can_mount("btrfs") {
        return;
    }
    let images = filled(arguments, devices, 200 * MIB, "rw");
    let answers = certain(&images);
    for (image, answer) in images.iter().zip(&answers) {
        let allocated = field(image, "dev_item.bytes_used");
        let used = answer.extents.total_bytes();
        // Chunks with parity are kept whole.
        let more =
            if arguments.contains("-d raid5") || arguments.contains("-d raid6") { MIB } else { 0 };
        assert!(used <= allocated + more, "{used} of {allocated}");
    }
    // No device needs to be readable alone.
    let sources: Vec<&dyn BlockSource> = images.iter().map(|image| image as _).collect();
    for (reading, answer) in filesystem::read(&sources, Budget::default()).iter().zip(&answers) {
        assert_eq!(reading.used.as_ref().unwrap(), answer);
    }
    let copies = restored(&images, &answers);
    Attached::new(&copies).assert_clean();
    assert_eq!(certain(&copies), answers);
    let mount =
        |images: &[Image]| Mounted::new(&images.iter().collect::<Vec<&Image>>(), "btrfs", "ro");
    let expected = mounted::tree(mount(&images).path());
    let mounted = mount(&copies);
    assert_same_tree(&expected, &mounted::tree(mounted.path()));
    mounted.run("btrfs scrub start -B -r {}");
    let errors = mounted.run("btrfs device stats --check {}");
    assert!(errors.lines().all(|line| line.ends_with(" 0")), "{errors}");
}

macro_rules! profiles {
    ($($name:ident => $arguments:expr, $devices:expr;)*) => {
        $(#[test] fn $name() { check($arguments, $devices); })*
    };
}

profiles! {
    raid0 => "-m raid0 -d raid0", 3;
    raid1 => "-m raid1 -d raid1", 2;
    raid10 => "-m raid10 -d raid10", 4;
    raid1_of_three_and_four_copies => "-m raid1c4 -d raid1c3", 4;
    raid1_of_metadata_only => "-m raid1 -d single", 2;
    raid5 => "-m raid1 -d raid5", 3;
    raid6_for_everything => "-m raid6 -d raid6", 4;
}

/// What is missing leaves all allocated bytes of what is there, where it can be read.
#[test]
fn a_device_is_missing() {
    if !can_mount("btrfs") {
        return;
    }
    let images = filled("-m raid1 -d single", 2, 200 * MIB, "rw");
    let together = certain(&images);
    for (image, answer) in images.iter().zip(&together) {
        let alone = used(image, Budget::default()).unwrap();
        assert_eq!(answer.extents.difference(&alone.extents), ExtentMap::new());
        let allocated = field(image, "dev_item.bytes_used");
        assert!((allocated..allocated + 2 * MIB).contains(&alone.extents.total_bytes()));
    }
    // Where half of the tables is elsewhere, all of them are needed.
    let images = made("-m raid0 -d raid0", 3, 200 * MIB);
    let doubts: Vec<String> = images
        .iter()
        .filter_map(|image| used(image, Budget::default()).err())
        .map(|doubt| doubt.id().to_owned())
        .collect();
    assert!(!doubts.is_empty());
    assert!(doubts.iter().all(|id| id == "btrfs-device-missing"), "{doubts:?}");
}

#[test]
fn devices_find_each_other_among_all_volumes() {
    let first = made("-m raid1 -d raid1", 2, 200 * MIB);
    let second = made("-m raid1 -d raid0", 2, 200 * MIB);
    let alone = made("-m dup", 1, 200 * MIB);
    let other = Image::made_by(MIB, "mkswap");
    let sources: [&dyn BlockSource; 5] = [&second[1], &first[0], &other, &alone[0], &second[0]];
    let readings = filesystem::read(&sources, Budget::default());
    let notes = filesystem::missing_parts(&sources, &readings);
    assert!(readings.iter().all(|reading| reading.used.is_ok()));
    let expected = certain(&[&second[0], &second[1]].map(copy));
    assert_eq!(readings[4].used.as_ref().unwrap(), &expected[0]);
    assert_eq!(readings[0].used.as_ref().unwrap(), &expected[1]);
    assert_eq!(readings[3].used.as_ref().unwrap(), &certain(&alone)[0]);
    assert_eq!(
        notes.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true, false, false, false]
    );
    let note = notes[1].as_ref().unwrap().in_language(Language::English);
    assert!(note.contains("lab") && note.contains("2 devices"), "{note}");
}

#[test]
fn devices_that_do_not_fit_together() {
    let images = made("-m raid1 -d raid1", 2, 200 * MIB);
    let ids = |images: &[Image]| -> Vec<Option<String>> {
        let answers = used_of(images);
        answers.into_iter().map(|used| used.err().map(|doubt| doubt.id().to_owned())).collect()
    };
    assert_eq!(ids(&images), [None, None]);
    let twice = [copy(&images[0]), copy(&images[0])];
    assert_eq!(ids(&twice), vec![Some("btrfs-device-twice".to_owned()); 2]);
    if !can_mount("btrfs") {
        return;
    }
    // One of them was away while the other went on.
    let old = copy(&images[1]);
    {
        let mounted = Mounted::new(&[&images[0], &images[1]], "btrfs", "rw");
        std::fs::write(mounted.path().join("file"), "new").unwrap();
    }
    let [first, _] = <[Image; 2]>::try_from(images).ok().unwrap();
    assert_eq!(ids(&[first, old]), vec![Some("btrfs-devices-differ".to_owned()); 2]);
}

#[test]
fn a_seed_is_a_doubt() {
    let images = made("-m single", 1, 200 * MIB);
    images[0].run("btrfstune -f -S 1");
    assert!(detect(&images[0]).unwrap().is_some());
    let doubt = used(&images[0], Budget::default()).unwrap_err();
    assert_eq!(doubt.id(), "btrfs-state");
    assert!(doubt.to_string().contains("seeding"));
}
