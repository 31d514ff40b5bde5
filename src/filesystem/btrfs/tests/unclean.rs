//! Power cuts: the file behind a loop device, copied while the file system is being written to.

use super::fixture::{Attached, field, made, restored, used_of};
use crate::filesystem::testing::mounted::{Mounted, can_mount, cut, sync};
use crate::filesystem::testing::{Garbage, Image};
use crate::units::MIB;
use std::fs::File;
use std::io::Write as _;

/// What the disks hold when the power fails at some moment, and which files had been synced.
struct Cut {
    images: Vec<Image>,
    synced: usize,
}

/// Writes, syncs some of it, and cuts the power, again and again: what was synced is there after
/// a restore of the used bytes and the mount that replays the log.
fn check(arguments: &str, devices: usize) {
    if !can_mount("btrfs") {
        return;
    }
    let images = made(arguments, devices, 128 * MIB);
    let mut garbage = Garbage::new(31);
    let all: Vec<&Image> = images.iter().collect();
    // Only what is asked for becomes durable.
    let mounted = Mounted::new(&all, "btrfs", "rw,commit=300");
    let mut synced: Vec<(String, Vec<u8>)> = Vec::new();
    let mut cuts = Vec::new();
    let (mut round, mut logs) = (0, 0);
    // A program elsewhere that syncs all file systems empties the log.
    while round < 10 || (logs < 6 && round < 40) {
        for number in 0..20 {
            let path = mounted.path().join(format!("unsynced-{round}-{number}"));
            std::fs::write(path, garbage.bytes(20_000)).unwrap();
        }
        if round % 4 == 3 {
            sync(mounted.path());
        }
        let name = format!("synced-{round}");
        let content = garbage.bytes(100_000 + round * 7000);
        let mut file = File::create(mounted.path().join(&name)).unwrap();
        file.write_all(&content).unwrap();
        file.sync_all().unwrap();
        synced.push((name, content));
        // The loop device has written everything durable to the file.
        let cut = Cut { images: cut(&all), synced: synced.len() };
        logs += usize::from(field(&cut.images[0], "log_root") != 0);
        cuts.push(cut);
        round += 1;
    }
    drop(mounted);

    assert!(logs >= 6, "{logs} cuts with a log to replay");
    for (round, cut) in cuts.into_iter().enumerate() {
        let used: Vec<_> = used_of(&cut.images)
            .into_iter()
            .map(|used| used.unwrap_or_else(|doubt| panic!("cut {round}: {doubt}")))
            .collect();
        let copies = restored(&cut.images, &used);
        let all: Vec<&Image> = copies.iter().collect();
        let again = Mounted::new(&all, "btrfs", "rw");
        for (name, content) in &synced[..cut.synced] {
            let found = std::fs::read(again.path().join(name)).unwrap();
            assert!(found == *content, "cut {round}: {name}");
        }
        drop(again);
        Attached::new(&copies).assert_clean();
    }
}

#[test]
fn synced_files_come_back() {
    check("-m dup -d single", 1);
}

#[test]
fn synced_files_come_back_from_two_devices() {
    check("-m raid1 -d raid0", 2);
}
