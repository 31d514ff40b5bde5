//! A machine that restores itself at every start must not do it over new work: see `--again`.

use crate::source::{save, small};
use crate::support::command::{Run, calco, calco_command, finish, has_tools, text, tool};
use crate::support::{MIB, disk};
use std::path::Path;
use std::process::Stdio;

fn unattended(words: &[&str]) -> Run {
    let mut command = calco_command();
    command.env("CALCO_UNATTENDED", "1").args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(&words.join(" "), command.spawn().unwrap())
}

/// Restores once, changes the target, is refused, and restores again when told to.
fn assert_refused_once_it_is_there(image: &str, target: &Path, changed: u64) {
    let words = ["restore", image, "--to", text(target), "--yes"];
    unattended(&words).expect(0);
    disk::write(target, changed, b"new work");
    let run = unattended(&words).expect(5);
    assert!(run.stderr.contains("--again"), "{}", run.stderr);
    assert_eq!(disk::read(target, changed, 8), b"new work");
    // The plan can be looked at, and a person who is there decides alone.
    unattended(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert_eq!(disk::read(target, changed, 8), b"new work");
    unattended(&[&words[..], &["--again"]].concat()).expect(0);
    assert_ne!(disk::read(target, changed, 8), b"new work");
}

#[test]
fn a_disk_with_a_gpt_is_restored_unattended_once() {
    if !has_tools(&["mke2fs", "debugfs", "mkfs.fat", "mcopy", "mkswap", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = small(folder.path());
    let image = save(&[text(&source.path)], &folder.path().join("store"), "image");
    let target = folder.path().join("target.img");
    disk::garbage(&target, source.size + MIB, 3);
    // In the partition of unknown content, which is restored whole.
    assert_refused_once_it_is_there(&image, &target, 98 * MIB + 4096);
    // The restored system enlarged its last partition, as many do: the disk is still the same.
    tool("sfdisk", &["--no-reread", "--no-tell-kernel", "--delete", text(&target), "4"]);
    unattended(&["restore", &image, "--to", text(&target), "--yes"]).expect(5);
    // A disk that was divided anew is another one.
    disk::sfdisk(&target, "label: gpt\n,8M\n");
    unattended(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    // So is a disk whose restore was cut off: it has no table.
    disk::write(&target, 0, &[0; 2 * MIB as usize]);
    let end = source.size;
    disk::write(&target, end, &vec![0; MIB as usize]);
    unattended(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
}

#[test]
fn a_disk_with_an_mbr_is_restored_unattended_once() {
    if !has_tools(&["sfdisk"]) {
        return;
    }
    // With a signature, and without one, when only its bytes tell.
    for signature in ["0x1234abcd", "0x00000000"] {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source.img");
        disk::garbage(&source, 16 * MIB, 40);
        disk::write(&source, 0, &[0; 512]);
        disk::sfdisk(&source, &format!("label: dos\nlabel-id: {signature}\n,4M,da\n,4M,da\n"));
        let image = save(&[text(&source)], &folder.path().join("store"), "image");
        let target = folder.path().join("target.img");
        disk::garbage(&target, 16 * MIB, 41);
        assert_refused_once_it_is_there(&image, &target, 3 * MIB);
    }
}

#[test]
fn a_volume_is_restored_unattended_once() {
    if !has_tools(&["mke2fs", "tune2fs"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.img");
    disk::blank(&source, 24 * MIB);
    tool("mke2fs", &["-q", "-F", "-t", "ext4", text(&source)]);
    let image = save(&[text(&source)], &folder.path().join("store"), "image");
    let target = folder.path().join("target.img");
    disk::garbage(&target, 24 * MIB, 50);
    let words = ["restore", &image, "--to", text(&target), "--yes"];
    unattended(&words).expect(0);
    unattended(&words).expect(5);
    // As after a mount: the superblock is another one, the file system is the same.
    tool("tune2fs", &["-L", "changed", "-C", "7", text(&target)]);
    unattended(&words).expect(5);
    tool("tune2fs", &["-U", "random", text(&target)]);
    unattended(&words).expect(0);
    unattended(&[&words[..], &["--again"]].concat()).expect(0);
}

#[test]
fn content_that_nobody_knows_is_restored_unattended_once() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.img");
    disk::garbage(&source, 6 * MIB, 60);
    let image = save(&[text(&source)], &folder.path().join("store"), "image");
    let target = folder.path().join("target.img");
    disk::garbage(&target, 8 * MIB, 61);
    assert_refused_once_it_is_there(&image, &target, 3 * MIB);
}

#[test]
fn a_partition_is_restored_unattended_once() {
    if !has_tools(&["mke2fs", "debugfs", "mkfs.fat", "mcopy", "mkswap", "sfdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = small(folder.path());
    let image = save(&[text(&source.path)], &folder.path().join("store"), "image");
    let target = folder.path().join("target.img");
    disk::garbage(&target, source.size, 70);
    disk::sfdisk(&target, "label: gpt\nstart=1M,size=80M\nstart=81M,size=20M\n");
    let words = ["restore", &image, "--to", text(&target), "--partitions", "2", "--yes"];
    unattended(&words).expect(0);
    unattended(&words).expect(5);
    unattended(&[&words[..], &["--again"]].concat()).expect(0);
    // The other partition is another one.
    let words = ["restore", &image, "--to", text(&target), "--partitions", "1", "--yes"];
    unattended(&words).expect(0);
}

#[test]
fn what_a_target_was_recognized_by_can_be_put_back() {
    if !has_tools(&["mke2fs", "debugfs", "mkfs.fat", "mcopy", "mkswap", "sfdisk", "e2fsck"]) {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let old = small(folder.path());
    let target = folder.path().join("it's the target.img");
    std::fs::copy(&old.path, &target).unwrap();
    // An image of something else, too short to overwrite more than the start of the first volume.
    let other = folder.path().join("other.img");
    disk::garbage(&other, MIB, 80);
    let image = save(&[text(&other)], &folder.path().join("store"), "image");
    let kept = folder.path().join("old parts");
    let words = ["restore", &image, "--to", text(&target), "--yes", "--keep-old", text(&kept)];
    let run = calco(&words).expect(0);
    assert!(disk::difference(&old.path, &target, 0, MIB).is_some());
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    // The commands are shown, and stand at the start of the file too.
    let bytes = std::fs::read(&kept).unwrap();
    let beginning = String::from_utf8_lossy(&bytes[..4096]).into_owned();
    let commands: Vec<&str> =
        run.stderr.lines().filter(|line| line.starts_with("dd if=")).collect();
    assert!(commands.len() >= 2 && beginning.contains(commands[0]), "{}", run.stderr);
    for command in commands {
        tool("sh", &["-c", command]);
    }
    disk::assert_same("everything", &old.path, &target, 0, old.size);
    // A file that is there already is nobody's to overwrite, and nothing else happens then.
    calco(&words).expect(1);
    disk::assert_same("everything", &old.path, &target, 0, old.size);

    assert_eq!(std::fs::read(&kept).unwrap(), bytes);
}
