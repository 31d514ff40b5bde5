//! Volumes full of files, and whether another volume holds the same.

use crate::filesystem::testing::tree::{Tree, tree};
use crate::filesystem::testing::{Garbage, Image, run};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// Whether the driver can mount here; says so when it cannot.
pub(super) fn can_mount() -> bool {
    let can = rustix::process::geteuid().is_root()
        && Path::new("/dev/fuse").exists()
        && Path::new("/dev/loop-control").exists()
        && Path::new("/usr/sbin/mount.exfat-fuse").exists();
    if !can {
        eprintln!("SKIPPED: needs root, /dev/fuse, loop devices and exfat-fuse");
    }
    can
}

fn words(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

/// A loop device on an image.
struct Loop(String);

impl Loop {
    fn new(image: &Image, sector_size: u32) -> Self {
        let path = image.path().display();
        let answer =
            run(&words(&format!("losetup --find --show --sector-size {sector_size} {path}")));
        Self(answer.trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        run(&words(&format!("losetup --detach {}", self.0)));
    }
}

/// A volume mounted by the FUSE driver.
pub(super) struct Mounted {
    folder: tempfile::TempDir,
    /// Detached when the driver has let go of it.
    _device: Loop,
}

impl Mounted {
    pub(super) fn new(image: &Image, sector_size: u32, options: &str) -> Self {
        let device = Loop::new(image, sector_size);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        run(&words(&format!("mount.exfat-fuse -o {options} {} {place}", device.0)));
        Self { folder, _device: device }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(&words(&format!("umount {}", self.path().display())));
    }
}

/// A volume of `size` bytes with sectors of so many bytes, made with these options of
/// mkfs.exfat.
pub(super) fn made(size: u64, sector_size: u32, options: &str) -> Image {
    let image = Image::new(size);
    if sector_size == 512 {
        image.run(&format!("mkfs.exfat {options}"));
    } else {
        // It takes the size of sectors from the device.
        let device = Loop::new(&image, sector_size);
        run(&words(&format!("mkfs.exfat {options} {}", device.0)));
    }
    image
}

/// Fills a volume until it is fragmented: many files, every third removed again, two that grow
/// in turns, so that they need chains, and a folder with more entries than a cluster has.
pub(super) fn fill(image: &Image, sector_size: u32, seed: u64, room: u64) {
    let mounted = Mounted::new(image, sector_size, "rw");
    let root = mounted.path();
    let mut garbage = Garbage::new(seed);
    let piece = (room / 200).max(600) as usize;
    fs::create_dir(root.join("many")).unwrap();
    let name = |number: usize| root.join(format!("many/file with a rather long name {number:04}"));
    for number in 0..90 {
        let length = if number % 4 == 0 { piece } else { number * 11 };
        fs::write(name(number), garbage.bytes(length)).unwrap();
    }
    for number in (0..90).step_by(3) {
        fs::remove_file(name(number)).unwrap();
    }
    let mut turns =
        ["one", "other"].map(|name| File::create(root.join(format!("{name} in turns"))).unwrap());
    for number in 0..20 {
        for file in &mut turns {
            file.write_all(&garbage.bytes(piece / 2 + number)).unwrap();
            file.flush().unwrap();
        }
    }
    fs::create_dir_all(root.join("in/a/deep/folder")).unwrap();
    fs::write(root.join("in/a/deep/folder/file"), garbage.bytes(piece)).unwrap();
    fs::write(root.join("ñandú ".repeat(40)), "a long name").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join("large"), garbage.bytes(room as usize / 4)).unwrap();
}

/// Every path of a volume.
pub(super) fn files(image: &Image, sector_size: u32) -> Tree {
    tree(Mounted::new(image, sector_size, "ro").path())
}
