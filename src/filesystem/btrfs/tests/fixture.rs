//! File systems for the tests, and what the tools of btrfs-progs say of them.

use crate::block::BlockSource;
use crate::filesystem::btrfs::used_together;
use crate::filesystem::testing::mounted::{self, Mounted};
use crate::filesystem::testing::{Image, run};
use crate::filesystem::{Budget, Doubt, Used};
use crate::units::Extent;

/// The devices of a file system, each in a file.
pub(super) fn made(arguments: &str, devices: usize, size: u64) -> Vec<Image> {
    let images: Vec<Image> = (0..devices).map(|_| Image::new(size)).collect();
    let mut words: Vec<String> = format!("mkfs.btrfs -q -f -L lab {arguments}")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.extend(images.iter().map(|image| image.path().to_str().unwrap().to_owned()));
    run(&words);
    images
}

/// Fills a mounted file system with what btrfs has besides files: subvolumes, snapshots,
/// compressed and shared extents, what was removed since.
pub(super) fn fill(mounted: &Mounted, count: u64) {
    let folder = mounted.path();
    mounted::fill(folder, 21, count, 60_000);
    mounted::reflink(&folder.join("large0"), &folder.join("shared"));
    mounted.run("btrfs -q subvolume create {}/inner");
    std::fs::write(folder.join("inner/file"), vec![5; 200_000]).unwrap();
    mounted.run("btrfs -q subvolume snapshot -r {} {}/snapshot");
    std::fs::write(folder.join("large0"), "replaced").unwrap();
    let inside = folder.join("inner");
    for number in 0..40 {
        std::fs::write(inside.join(format!("{number}")), vec![number; 30_000]).unwrap();
    }
    mounted::sync(folder);
    for number in (0..40).step_by(2) {
        std::fs::remove_file(inside.join(format!("{number}"))).unwrap();
    }
    mounted::sync(folder);
}

/// A file system that the kernel filled until its free space was in many pieces.
pub(super) fn filled(arguments: &str, devices: usize, size: u64, options: &str) -> Vec<Image> {
    let images = made(arguments, devices, size);
    let all: Vec<&Image> = images.iter().collect();
    fill(&Mounted::new(&all, "btrfs", options), 300);
    images
}

pub(super) fn used_of(images: &[Image]) -> Vec<Result<Used, Doubt>> {
    let sources: Vec<&dyn BlockSource> = images.iter().map(|image| image as _).collect();
    used_together(&sources, Budget::default())
}

#[track_caller]
pub(super) fn certain(images: &[Image]) -> Vec<Used> {
    used_of(images).into_iter().map(|used| used.unwrap_or_else(|doubt| panic!("{doubt}"))).collect()
}

/// A copy of every device, of nothing but its used bytes in garbage.
pub(super) fn restored(images: &[Image], used: &[Used]) -> Vec<Image> {
    images.iter().zip(used).map(|(image, used)| image.restored(used)).collect()
}

/// Devices attached to loop devices, for the tools that take no files.
pub(super) struct Attached(Vec<String>);

impl Attached {
    pub(super) fn new(images: &[Image]) -> Self {
        let attach = |image: &Image| {
            let path = image.path().to_str().unwrap();
            run(&["losetup", "--find", "--show", path].map(str::to_owned)).trim().to_owned()
        };
        Self(images.iter().map(attach).collect())
    }

    /// `btrfs check` finds nothing, checksums of all data included.
    #[track_caller]
    pub(super) fn assert_clean(&self) {
        let words = ["btrfs", "check", "--readonly", "--check-data-csum", &self.0[0]];
        run(&words.map(str::to_owned));
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        for device in &self.0 {
            run(&["losetup", "--detach", device].map(str::to_owned));
        }
    }
}

/// A field of what `btrfs inspect-internal dump-super` says.
pub(super) fn field(image: &Image, name: &str) -> u64 {
    let answer = image.run("btrfs inspect-internal dump-super");
    let line = answer.lines().find(|line| line.split_whitespace().next() == Some(name));
    let value = line.unwrap_or_else(|| panic!("{name}: {answer}")).split_whitespace().nth(1);
    value.unwrap().parse().unwrap()
}

/// Where the chunks with data are, of a file system with one copy of everything.
pub(super) fn data_chunks(image: &Image) -> Vec<Extent> {
    let answer = image.run("btrfs inspect-internal dump-tree -t chunk");
    let mut chunks = Vec::new();
    let mut length = None;
    for line in answer.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["length", number, .., kind] => {
                length = kind.starts_with("DATA").then(|| number.parse().unwrap());
            }
            ["stripe", _, "devid", _, "offset", offset] => {
                let offset = offset.parse().unwrap();
                chunks.extend(length.map(|length| Extent::new(offset, length)));
            }
            _ => {}
        }
    }
    chunks
}
