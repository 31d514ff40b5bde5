//! Volumes for the tests, and what the tools of xfsprogs say of them.

use crate::filesystem::testing::mounted::{self, Mounted};
use crate::filesystem::testing::{Garbage, Image};
use crate::units::{Extent, ExtentMap};
use std::fmt::Write as _;

/// Logs are small here: the usual one of 64 MiB would be most of a small volume.
pub(super) fn made(arguments: &str, size: u64) -> Image {
    let log = if arguments.contains("-l ") { "" } else { "-l size=12m" };
    Image::made_by(size, &format!("mkfs.xfs -q -f --unsupported -L lab {log} {arguments}"))
}

/// A volume that the kernel filled until its free space was in many pieces.
pub(super) fn filled(arguments: &str, size: u64, count: u64) -> Image {
    let image = made(arguments, size);
    let mounted = Mounted::new(&[&image], "xfs", "rw");
    mounted::fill(mounted.path(), 11, count, 60_000);
    if !arguments.contains("reflink=0") {
        mounted::reflink(&mounted.path().join("large0"), &mounted.path().join("shared"));
    }
    drop(mounted);
    image
}

/// A volume that mkfs.xfs filled itself: of version 4, which newer kernels do not mount.
pub(super) fn filled_by_mkfs(arguments: &str, size: u64) -> Image {
    let folder = tempfile::tempdir().unwrap();
    let mut garbage = Garbage::new(12);
    let mut prototype = "/boot\n0 0\nd--755 0 0\n".to_owned();
    for number in 0..150 {
        let path = folder.path().join(format!("file{number}"));
        let length = garbage.number() % 90_000;
        std::fs::write(&path, garbage.bytes(length as usize)).unwrap();
        writeln!(prototype, "file{number} ---644 0 0 {}", path.display()).unwrap();
    }
    prototype += "$\n";
    let script = folder.path().join("prototype");
    std::fs::write(&script, prototype).unwrap();
    made(&format!("{arguments} -p {}", script.display()), size)
}

/// What xfs_db answers to its commands.
pub(super) fn xfs_db(image: &Image, commands: &[&str]) -> String {
    let path = image.path().to_str().unwrap().to_owned();
    let mut words = vec!["xfs_db".to_owned(), "-r".to_owned()];
    for command in commands {
        words.extend(["-c".to_owned(), (*command).to_owned()]);
    }
    words.push(path);
    crate::filesystem::testing::run(&words)
}

/// A field that xfs_db prints.
pub(super) fn field(image: &Image, place: &str, name: &str) -> u64 {
    let answer = xfs_db(image, &[place, &format!("print {name}")]);
    let value = answer.trim().split(" = ").nth(1).unwrap_or_else(|| panic!("{name}: {answer}"));
    value.strip_prefix("0x").map_or_else(
        || value.parse().unwrap(),
        |hexadecimal| u64::from_str_radix(hexadecimal, 16).unwrap(),
    )
}

/// What xfs_db calls free, in bytes: the extents of the free-space trees and the blocks of the
/// free lists.
pub(super) fn free(image: &Image) -> ExtentMap {
    let block = field(image, "sb 0", "blocksize");
    let group = field(image, "sb 0", "agblocks") * block;
    xfs_db(image, &["freesp -d"])
        .lines()
        .take_while(|line| !line.contains("from"))
        .filter_map(|line| {
            let numbers: Vec<u64> =
                line.split_whitespace().map_while(|word| word.parse().ok()).collect();
            let [number, start, length] = numbers[..] else { return None };
            Some(Extent::new(number * group + start * block, length * block))
        })
        .collect()
}

/// Blocks of all free lists, in bytes.
pub(super) fn listed(image: &Image) -> u64 {
    let groups = field(image, "sb 0", "agcount");
    let blocks: u64 = (0..groups).map(|n| field(image, &format!("agf {n}"), "flcount")).sum();
    blocks * field(image, "sb 0", "blocksize")
}

/// xfs_repair finds nothing to repair.
#[track_caller]
pub(super) fn assert_clean(image: &Image) {
    image.run("xfs_repair -n -f");
}
