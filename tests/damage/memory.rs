//! How much memory a run takes at its worst moment.

use crate::support::*;
use std::path::Path;
use std::process::{Command, Stdio};

/// The most that any run may have resident, in KiB.
const LIMIT: u64 = 256 << 10;

/// Runs the binary; answers its exit code and the most memory it had resident, in KiB.
fn peak_of(arguments: &[&str]) -> (i32, u64) {
    let mut child = calco()
        .args(["--progress", "none"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        // The kernel keeps the highest value, so that the last look tells it.
        if let Ok(status) = std::fs::read_to_string(&status_file)
            && let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:"))
        {
            let number = line.split_ascii_whitespace().nth(1).unwrap();
            peak = peak.max(number.parse::<u64>().unwrap());
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap_or(-1), peak);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[track_caller]
fn stays_small(arguments: &[&str]) {
    let (code, peak) = peak_of(arguments);
    assert_eq!(code, 0, "{arguments:?}");
    assert!(peak > 1024, "{arguments:?}: {peak} KiB cannot be right");
    assert!(peak < LIMIT, "{arguments:?}: {} MiB resident", peak >> 10);
    eprintln!("{} MiB: {}", peak >> 10, arguments[0]);
}

fn whole_way(disk: &Path, target: &Path, store: &Path, more: &[&str]) {
    let image = store.join("image");
    let save = ["save", utf8(disk), "--to", utf8(store), "--name", "image"];
    stays_small(&[&save[..], more].concat());
    stays_small(&["verify", utf8(&image)]);
    stays_small(&["restore", utf8(&image), "--to", utf8(target), "--yes"]);
    stays_small(&["images", utf8(store)]);
}

#[test]
fn a_disk_of_sixteen_tebibytes() {
    let Some(mount) = SmallMount::new("size=1g") else {
        assert!(!is_root());
        return;
    };
    let path = |name: &str| mount.path().join(name);
    let size = 16u64 << 40;
    for name in ["disk", "target"] {
        std::fs::File::create(path(name)).unwrap().set_len(size).unwrap();
    }
    std::fs::create_dir(path("store")).unwrap();
    // Nearly all of it belongs to no partition.
    let made = Command::new("sgdisk")
        .args(["-n", "1:0:+64M", "-n", "2:0:+128M"])
        .arg(path("disk"))
        .stdout(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    whole_way(&path("disk"), &path("target"), &path("store"), &[]);
    let dump = |name: &str| {
        let output = Command::new("sgdisk").arg("-p").arg(path(name)).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().skip(1).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(dump("target"), dump("disk"));
}

/// Much content, none of it compressible or equal, on all levels of memory.
#[test]
fn a_disk_that_is_full() {
    let folder = folder();
    let disk = folder.path().join("disk");
    let target = folder.path().join("target");
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let mut piece = vec![0; 16 * MIB];
    let mut file = std::fs::File::create(&disk).unwrap();
    for seed in 0..32 {
        Random::new(seed).fill(&mut piece);
        std::io::Write::write_all(&mut file, &piece).unwrap();
    }
    drop(file);
    std::fs::File::create(&target).unwrap().set_len(32 * 16 * MIB as u64).unwrap();
    whole_way(&disk, &target, &store, &["--raw"]);
    // The highest level has the largest tables.
    let save = ["save", utf8(&disk), "--to", utf8(&store), "--name", "high", "--level", "19"];
    let small = folder.path().join("small");
    std::fs::write(&small, &piece).unwrap();
    stays_small(&[&["save", utf8(&small)], &save[2..]].concat());
}

/// A file system whose free space lies between all files: as many extents as there can be.
#[test]
fn a_disk_of_very_many_extents() {
    let folder = folder();
    let disk = folder.path().join("disk");
    let target = folder.path().join("target");
    let store = folder.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let size = 2u64 << 30;
    std::fs::File::create(&disk).unwrap().set_len(size).unwrap();
    // Blocks of 1 KiB, every other one of them marked as used.
    let made = Command::new("mke2fs")
        .args(["-q", "-t", "ext2", "-b", "1024", "-O", "^resize_inode"])
        .arg(&disk)
        .status();
    assert!(made.unwrap().success());
    mark_every_other_block(&disk, size);
    std::fs::File::create(&target).unwrap().set_len(size).unwrap();
    whole_way(&disk, &target, &store, &[]);
    let (code, json, text) = run(&["--json", "map", utf8(&disk)]);
    assert_eq!(code, 0, "{text}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let extents = json["disks"][0]["extents"].as_array().unwrap().len();
    assert!(extents > 200_000, "only {extents} extents");
}

/// Sets every other bit of every block bitmap and corrects the counts, as a file system would have
/// it that was filled with small files of which every second was deleted.
fn mark_every_other_block(disk: &Path, size: u64) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new().read(true).write(true).open(disk).unwrap();
    let read = |offset: u64, length: usize| {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, offset).unwrap();
        bytes
    };
    let number =
        |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut superblock = read(1024, 1024);
    let blocks_per_group = u64::from(number(&superblock, 32));
    let first_block = u64::from(number(&superblock, 20));
    let groups = (size / 1024 - first_block).div_ceil(blocks_per_group);
    let mut descriptors = read(2048, groups as usize * 32);
    let mut free_blocks = 0u32;
    for group in 0..groups {
        let descriptor = &mut descriptors[group as usize * 32..][..32];
        let place = u64::from(number(descriptor, 0)) * 1024;
        let mut bitmap = read(place, 1024);
        let blocks = blocks_per_group.min(size / 1024 - first_block - group * blocks_per_group);
        let mut free = 0u16;
        for block in 0..blocks as usize {
            if block % 2 == 0 {
                bitmap[block / 8] |= 1 << (block % 8);
            }
            free += u16::from(bitmap[block / 8] & (1 << (block % 8)) == 0);
        }
        file.write_all_at(&bitmap, place).unwrap();
        descriptor[12..14].copy_from_slice(&free.to_le_bytes());
        free_blocks += u32::from(free);
    }
    file.write_all_at(&descriptors, 2048).unwrap();
    superblock[12..16].copy_from_slice(&free_blocks.to_le_bytes());
    file.write_all_at(&superblock, 1024).unwrap();
}
