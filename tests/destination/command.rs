//! The program with words for volumes, as a person or a job runs it.

use crate::support::command::{calco, calco_command, finish, text, tool, try_tool};
use crate::support::disk;
use crate::support::loops::{Loop, Mount};
use crate::volume::{Kind, Volume, assert_given_back, mount_points};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// A plain file that holds a disk without a table.
fn source(folder: &Path, size: u64) -> String {
    let path = folder.join("source.img");
    disk::garbage(&path, size, size);
    text(&path).to_owned()
}

#[test]
fn everything_is_done_by_the_name_of_a_volume() {
    for kind in Kind::ALL {
        let Some(volume) = Volume::make(kind, "Job") else { return };
        let device = volume.attach();
        let disk = source(volume.folder.path(), 8 * MIB);
        let to = format!("disk:{}/mis%20imágenes", volume.label);
        let dry = calco(&["save", &disk, "--to", &format!("disk:{}", volume.label), "--dry-run"]);
        dry.expect(0);
        let run = calco(&["save", &disk, "--to", &to, "--name", "first"]).expect(0);
        assert!(run.stdout.contains(&format!("{to}/first")), "{}", run.stdout);
        assert!(!run.stdout.contains("/run/calco"), "{}", run.stdout);
        assert_given_back(&device);

        let image = format!("{to}/first");
        let shown = calco(&["show", &image, "--json"]).expect(0).json();
        assert_eq!(shown["location"], image.as_str());
        let command = shown["manifest"]["command"].as_str().unwrap();
        assert!(command.contains(&format!("--to '{to}'")), "{command}");
        let list = calco(&["images", &to, "--json"]).expect(0).json();
        assert_eq!(list["images"][0]["name"], "first");
        calco(&["verify", &image]).expect(0);
        calco(&["map", &image]).expect(0);
        assert_given_back(&device);

        let target = volume.folder.path().join("target.img");
        disk::blank(&target, 8 * MIB);
        calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
        disk::assert_same("what was restored", Path::new(&disk), &target, 0, 8 * MIB);
        calco(&["delete", &image, "--yes"]).expect(0);
        calco(&["prune", &to, "--unfinished", "--yes"]).expect(0);
        let list = calco(&["images", &to, "--json"]).expect(0).json();
        assert_eq!(list["images"].as_array().unwrap().len(), 0);
        let missing = calco(&["show", &image]).expect(1);
        assert!(missing.stderr.contains(&to) && !missing.stderr.contains("/run/calco"));
        assert_given_back(&device);
    }
}

#[test]
fn what_a_look_finds_is_not_changed_by_it() {
    let Some(volume) = Volume::make(Kind::Ext4, "Same") else { return };
    let device = volume.attach();
    let disk = source(volume.folder.path(), 2 * MIB);
    let to = format!("disk:{}", volume.label);
    calco(&["save", &disk, "--to", &to, "--name", "first"]).expect(0);
    tool("sync", &[device.text()]);
    let before = volume.folder.path().join("before.img");
    fs::copy(&volume.file, &before).unwrap();
    let image = format!("{to}/first");
    calco(&["images", &to]).expect(0);
    calco(&["verify", &image]).expect(0);
    calco(&["show", &image]).expect(0);
    calco(&["save", &disk, "--to", &to, "--name", "second", "--dry-run"]).expect(0);
    let target = volume.folder.path().join("target.img");
    disk::blank(&target, 2 * MIB);
    calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    assert_given_back(&device);
    tool("sync", &[device.text()]);
    let length = fs::metadata(&before).unwrap().len();
    disk::assert_same("the destination", &before, &volume.file, 0, length);
}

#[test]
fn a_folder_for_an_image_that_was_refused_does_not_stay() {
    let Some(volume) = Volume::make(Kind::Ext4, "Made") else { return };
    let device = volume.attach();
    let disk = source(volume.folder.path(), 2 * MIB);
    let on_it = |path: &str| format!("disk:{}{path}", volume.label);
    let refused = ["save", &disk, "--to", &on_it("/new/deep"), "--name", "a", "--partitions", "7"];
    calco(&refused).expect(1);
    assert_given_back(&device);
    calco(&["images", &on_it("/new")]).expect(1);
    // What holds an image does, and so does what was there before.
    calco(&["save", &disk, "--to", &on_it("/new"), "--name", "first"]).expect(0);
    calco(&["delete", &on_it("/new/first"), "--yes"]).expect(0);
    calco(&refused).expect(1);
    calco(&["images", &on_it("/new")]).expect(0);
    calco(&["images", &on_it("/new/deep")]).expect(1);
    assert_given_back(&device);
}

#[test]
fn a_name_must_mean_exactly_one_volume() {
    let Some(volume) = Volume::make(Kind::Ext4, "Two") else { return };
    let copy = volume.folder.path().join("copy.img");
    fs::copy(&volume.file, &copy).unwrap();
    tool("tune2fs", &["-U", "random", text(&copy)]);
    let (one, other) = (volume.attach(), Loop::attach(&copy, 512).unwrap());
    let to = format!("disk:{}", volume.label);
    let run = calco(&["images", &to]).expect(5);
    for device in [&one, &other] {
        assert!(run.stderr.contains(device.text()), "{}", run.stderr);
    }
    let uuid = tool("blkid", &["-p", "-o", "value", "-s", "UUID", other.text()]);
    calco(&["images", &format!("disk:{}", uuid.trim().to_uppercase())]).expect(0);
    // A loop device is no USB disk.
    let run = calco(&["images", &format!("usb:{}", volume.label)]).expect(1);
    assert!(run.stderr.contains(&volume.label), "{}", run.stderr);
    calco(&["images", "disk:"]).expect(2);
    calco(&["show", &to]).expect(2);
    assert_given_back(&one);
    assert_given_back(&other);
}

#[test]
fn a_volume_that_refuses_writes_is_refused() {
    let Some(volume) = Volume::make(Kind::Ext4, "Lock") else { return };
    let disk = source(volume.folder.path(), MIB);
    let device = volume.attach();
    tool("blockdev", &["--setro", device.text()]);
    let to = format!("disk:{}", volume.label);
    let run = calco(&["save", &disk, "--to", &to]).expect(5);
    assert!(run.stderr.contains("write-protected"), "{}", run.stderr);
    calco(&["images", &to]).expect(0);
    // What was protected before stays so.
    assert_eq!(tool("blockdev", &["--getro", device.text()]).trim(), "1");
    tool("blockdev", &["--setrw", device.text()]);
    assert_given_back(&device);
}

#[test]
fn a_full_volume_says_so_before_the_save() {
    let Some(volume) = Volume::make(Kind::Ext4, "Full") else { return };
    let disk = source(volume.folder.path(), MIB);
    let device = volume.attach();
    {
        let mount = Mount::new(device.text(), &volume.folder.path().join("mnt"), "rw");
        let fill = format!("of={}", text(&mount.path().join("fill")));
        try_tool("dd", &["if=/dev/zero", &fill, "bs=1M"]);
        try_tool("dd", &["if=/dev/zero", &format!("{fill}2"), "bs=1k"]);
    }
    let run = calco(&["save", &disk, "--to", &format!("disk:{}", volume.label)]).expect(1);
    assert!(run.stderr.contains("The destination is full"), "{}", run.stderr);
    assert_given_back(&device);
}

#[test]
fn a_disk_is_neither_saved_to_itself_nor_restored_over_its_own_image() {
    let Some(volume) = Volume::make(Kind::Ext4, "Self") else { return };
    let device = volume.attach();
    let to = format!("disk:{}", volume.label);
    tool("sync", &[device.text()]);
    let before = volume.folder.path().join("before.img");
    fs::copy(&volume.file, &before).unwrap();
    let run = calco(&["save", device.text(), "--to", &to]).expect(5);
    assert!(run.stderr.contains("to be saved itself"), "{}", run.stderr);
    calco(&["save", device.text(), "--to", &to, "--dry-run"]).expect(5);
    assert_given_back(&device);
    let length = fs::metadata(&before).unwrap().len();
    disk::assert_same("the source", &before, &volume.file, 0, length);

    let disk = source(volume.folder.path(), MIB);
    calco(&["save", &disk, "--to", &to, "--name", "first"]).expect(0);
    let run = calco(&["restore", &format!("{to}/first"), "--to", device.text(), "--yes"]).expect(5);
    assert!(run.stderr.contains("holds the image itself"), "{}", run.stderr);
    assert!(!run.stderr.contains("/run/calco"), "{}", run.stderr);
    calco(&["verify", &format!("{to}/first")]).expect(0);
    assert_given_back(&device);
}

#[test]
fn what_a_killed_save_leaves_mounted_is_cleared_by_the_next_run() {
    let Some(volume) = Volume::make(Kind::Xfs, "Kill") else { return };
    let device = volume.attach();
    let disk = source(volume.folder.path(), 150 * MIB);
    let to = format!("disk:{}", volume.label);
    let mut child = calco_command()
        .args(["save", &disk, "--to", &to, "--name", "killed"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    // The header is durable before the second file is begun.
    let has_header = || {
        let at = mount_points(device.text());
        let files = at.first().and_then(|at| fs::read_dir(Path::new(at).join("killed")).ok());
        files.is_some_and(|files| files.count() > 1)
    };
    while !has_header() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    finish("save", child);
    assert_eq!(mount_points(device.text()).len(), 1, "it was killed while it was mounted");
    let list = calco(&["images", &to, "--json"]).expect(0).json();
    assert_eq!(list["images"][0]["condition"], "unfinished", "{list}");
    assert_given_back(&device);
    calco(&["prune", &to, "--unfinished", "--yes"]).expect(0);
    assert_given_back(&device);
}
