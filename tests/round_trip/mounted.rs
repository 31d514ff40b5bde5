//! Disks with file systems that the kernel itself filled: XFS and btrfs.

use crate::source::{self, Content, Slot, Table, maps, save};
use crate::support::command::{calco, has_tools, text};
use crate::support::{MIB, disk, tree, volume};
use std::fs;
use std::path::Path;

const TOOLS: [&str; 8] =
    ["mkfs.xfs", "xfs_repair", "mkfs.btrfs", "btrfs", "mount", "losetup", "sfdisk", "wipefs"];

const XFS: [&str; 8] = ["mkfs.xfs", "-q", "-f", "--unsupported", "-l", "size=16m", "-L", "data"];

fn has_everything() -> bool {
    has_tools(&TOOLS) && volume::can_mount(&["xfs", "btrfs"])
}

fn files(folder: &Path) -> std::path::PathBuf {
    let files = folder.join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 4, 3_000_000, true);
    tree::fill_from_machine(&files.join("machine"), 8_000_000, true);
    files
}

#[test]
fn a_disk_with_xfs_and_btrfs_comes_back() {
    if !has_everything() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = files(folder.path());
    let make = |name: &str, size: u64, words: &[&str]| {
        volume::mounted(&[&path(name)], size * MIB, words, &files).remove(0)
    };
    let btrfs = ["mkfs.btrfs", "-q", "-f", "-L", "home"];
    let single = ["mkfs.btrfs", "-q", "-f", "-m", "single", "--csum", "sha256"];
    let contents = [
        (130, Content::Xfs(make("xfs", 130, &XFS))),
        (200, Content::Btrfs(make("btrfs", 200, &btrfs))),
        (150, Content::Btrfs(make("single", 150, &single))),
        (4, Content::Unknown),
    ];
    let mut start = 1;
    let mut slots = Vec::new();
    for (number, (length, content)) in (1..).zip(contents) {
        slots.push(Slot { number, start, length, content });
        start += length;
    }
    let table = Table::Sfdisk("gpt", &["L", "L", "L", "L"]);
    let disk = source::make(&path("disk.img"), start + 8, table, slots);
    let map = maps(text(&disk.path));
    let volumes = map[0]["volumes"].as_array().unwrap();
    assert!(volumes[..3].iter().all(|volume| volume["whole"] == false));
    disk.assert_round_trip(folder.path());
}

/// One btrfs file system over two disks: saved together and restored together, each is read with
/// the other; saved alone, all allocated bytes are kept and a note says what is missing.
#[test]
fn a_file_system_over_two_disks_comes_back() {
    if !has_everything() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let files = files(folder.path());
    let (first, second) = (path("first.img"), path("second.img"));
    let size = 180 * MIB;
    let words = ["mkfs.btrfs", "-q", "-f", "-L", "both", "-m", "raid1", "-d", "raid0"];
    let made = volume::mounted(&[&first, &second], size, &words, &files).remove(0);

    let store = path("store");
    let image = save(&[text(&first), text(&second)], &store, "both");
    calco(&["verify", &image]).expect(0);
    let together = maps(&image);
    let (x, y) = (path("x.img"), path("y.img"));
    for (target, map) in [&x, &y].into_iter().zip(&together) {
        assert_eq!(map["volumes"][0]["whole"], false);
        disk::garbage(target, size, 30);
    }
    let (to_x, to_y) = (format!("first.img={}", text(&x)), format!("second.img={}", text(&y)));
    calco(&["restore", &image, "--to", &to_x, "--to", &to_y, "--yes"]).expect(0);
    volume::assert_btrfs(&[&x, &y], &made.files);

    let alone = calco(&["map", text(&first), "--json"]).expect(0).json();
    let used = |map: &serde_json::Value| map["used_bytes"].as_u64().unwrap();
    assert!(used(&alone["disks"][0]) > used(&together[0]));
    let shown = calco(&["save", text(&first), "--to", text(&store), "--name", "one"]).expect(0);
    let said = shown.stdout + &shown.stderr;
    assert!(said.contains("both") && said.contains("2 devices"), "{said}");
}
