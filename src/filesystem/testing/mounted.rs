//! Volumes mounted by the running kernel, filled until their free space is in many pieces, and
//! compared file by file.

use super::{Garbage, Image, run};
use crate::block::BlockSource;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use tempfile::TempDir;

/// The devices of one file system, attached to loop devices and mounted; gone with the test.
pub(in crate::filesystem) struct Mounted {
    folder: TempDir,
    devices: Vec<String>,
    is_mounted: bool,
}

/// Whether this machine can mount file systems of a kind, as the kernel names it; says loudly
/// when it cannot.
pub(in crate::filesystem) fn can_mount(kind: &str) -> bool {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let able = rustix::process::geteuid().is_root()
        && Path::new("/dev/loop-control").exists()
        && known.lines().any(|line| line.trim_start() == kind);
    if !able {
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        eprintln!("SKIPPED: {name}: needs root, loop devices and {kind} in the kernel");
    }
    able
}

impl Mounted {
    /// Mounts a file system, all of whose devices are in `images`.
    pub(in crate::filesystem) fn new(images: &[&Image], kind: &str, options: &str) -> Self {
        let mut mounted =
            Self { folder: TempDir::new().unwrap(), devices: Vec::new(), is_mounted: false };
        for image in images {
            let path = image.path().to_str().unwrap();
            let words = ["losetup", "--find", "--show", path].map(str::to_owned);
            mounted.devices.push(run(&words).trim().to_owned());
        }
        let mut options = options.to_owned();
        if kind == "btrfs" {
            // The kernel knows the other devices of a file system only when told.
            for device in &mounted.devices {
                options += &format!(",device={device}");
            }
        }
        let folder = mounted.path().to_str().unwrap().to_owned();
        let device = &mounted.devices[0];
        run(&["mount", "-t", kind, "-o", &options, device, &folder].map(str::to_owned));
        mounted.is_mounted = true;
        mounted
    }

    pub(in crate::filesystem) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command with the mount's path in place of `{}`.
    pub(in crate::filesystem) fn run(&self, command: &str) -> String {
        let path = self.path().to_str().unwrap();
        let words: Vec<String> =
            command.split_whitespace().map(|word| word.replace("{}", path)).collect();
        run(&words)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Whoever looks at all mounts of the machine keeps them busy for a moment.
        let quiet = |words: &[&str]| {
            for _ in 0..100 {
                let output = std::process::Command::new(words[0]).args(&words[1..]).output();
                if output.is_ok_and(|output| output.status.success()) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            assert!(std::thread::panicking(), "{words:?} failed");
        };
        if self.is_mounted {
            quiet(&["umount", self.path().to_str().unwrap()]);
        }
        for device in &self.devices {
            quiet(&["losetup", "--detach", device]);
        }
    }
}

/// Fills a folder until the free space of its volume is in many pieces: `count` files up to
/// `largest` bytes, two in three removed again, larger ones spread over the holes, and some of
/// each special kind.
pub(in crate::filesystem) fn fill(folder: &Path, seed: u64, count: u64, largest: u64) {
    let mut garbage = Garbage::new(seed);
    for number in 0..count {
        let inside = folder.join(format!("folder{}", number % 7));
        fs::create_dir_all(&inside).unwrap();
        let length = garbage.number() % largest;
        fs::write(inside.join(format!("file{number}")), garbage.bytes(length as usize)).unwrap();
    }
    // On disk before any of them is removed: else they would never get a place.
    sync(folder);
    for number in (0..count).filter(|number| number % 3 != 1) {
        fs::remove_file(folder.join(format!("folder{}/file{number}", number % 7))).unwrap();
    }
    sync(folder);
    for number in 0..4 {
        let content = garbage.bytes(3 * largest as usize);
        fs::write(folder.join(format!("large{number}")), content).unwrap();
    }
    fs::remove_file(folder.join("large1")).unwrap();
    fs::write(folder.join("text"), "the same line again\n".repeat(20_000)).unwrap();
    fs::write(folder.join("n".repeat(250)), "a long name").unwrap();
    fs::write(folder.join("año ñandú"), "").unwrap();
    fs::hard_link(folder.join("large0"), folder.join("the same")).unwrap();
    std::os::unix::fs::symlink("folder1/file1", folder.join("link")).unwrap();
    std::os::unix::fs::symlink("x/".repeat(400), folder.join("long link")).unwrap();
    let sparse = File::create(folder.join("sparse")).unwrap();
    sparse.write_all_at(b"end", 3_000_000).unwrap();
    let preallocated = File::create(folder.join("preallocated")).unwrap();
    rustix::fs::fallocate(&preallocated, rustix::fs::FallocateFlags::empty(), 0, 500_000).unwrap();
    preallocated.write_all_at(&garbage.bytes(5000), 300_000).unwrap();
    let attributes = File::create(folder.join("attributes")).unwrap();
    for number in 0..8 {
        let value = garbage.bytes(300);
        let name = format!("user.attribute{number}");
        rustix::fs::fsetxattr(&attributes, name, &value, rustix::fs::XattrFlags::empty()).unwrap();
    }
}

/// What the devices of a mounted file system hold at one moment, as after a power cut. The kernel may
/// write to them at any time (another program's `sync` reaches every mount), and a copy takes a while,
/// so it counts only when nothing has changed between the copy of the last and a second look at the
/// first.
pub(in crate::filesystem) fn cut(images: &[&Image]) -> Vec<Image> {
    for _ in 0..200 {
        let copies: Vec<Image> = images.iter().map(|image| copy(image)).collect();
        let is_same = |(image, copy): (&&Image, &Image)| {
            fs::read(image.path()).unwrap() == fs::read(copy.path()).unwrap()
        };
        if images.iter().zip(&copies).all(is_same) {
            return copies;
        }
    }
    panic!("the devices are written to all the time");
}

/// A copy of an image in a file of its own.
pub(in crate::filesystem) fn copy(image: &Image) -> Image {
    let copy = Image::new(image.size());
    fs::copy(image.path(), copy.path()).unwrap();
    copy
}

/// Makes a copy of a file that shares its blocks, and writes into the middle of it.
pub(in crate::filesystem) fn reflink(from: &Path, to: &Path) {
    let source = File::open(from).unwrap();
    let copy = File::options().read(true).write(true).create_new(true).open(to).unwrap();
    rustix::fs::ioctl_ficlone(&copy, &source).unwrap();
    copy.write_all_at(&[7; 5000], 8192).unwrap();
}

/// Makes everything in the volume of a folder durable.
pub(in crate::filesystem) fn sync(folder: &Path) {
    rustix::fs::syncfs(File::open(folder).unwrap()).unwrap();
}

/// Everything below a folder: its path, and in words what is there, with a hash of the content.
pub(in crate::filesystem) fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            let content = if metadata.is_dir() && metadata.ino() == 2 {
                // What btrfs shows in a snapshot where a subvolume was: it has no times.
                found.insert(name, "nothing".to_owned());
                continue;
            } else if metadata.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else {
                hex::encode(Sha256::digest(fs::read(&path).unwrap()))
            };
            // Folders of subvolumes count their links in their own way.
            let links = if metadata.is_dir() { 0 } else { metadata.nlink() };
            found.insert(
                name,
                format!(
                    "{content} mode {:o} links {links} length {} modified {}.{}",
                    metadata.mode(),
                    metadata.size(),
                    metadata.mtime(),
                    metadata.mtime_nsec()
                ),
            );
        }
    }
    found
}

/// Fails with the first differences of two trees.
#[track_caller]
pub(in crate::filesystem) fn assert_same_tree(
    expected: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) {
    assert!(expected.len() > 20, "{} files", expected.len());
    let wrong: Vec<&String> = expected
        .keys()
        .chain(found.keys())
        .filter(|path| expected.get(*path) != found.get(*path))
        .collect();
    let shown: Vec<String> = wrong
        .iter()
        .take(3)
        .map(|path| format!("{path}: {:?}, not {:?}", found.get(*path), expected.get(*path)))
        .collect();
    assert!(wrong.is_empty(), "{} differ: {shown:#?}", wrong.len());
}
