//! Volumes full of files, and whether another volume holds the same.

use crate::filesystem::testing::tree::{Tree, tree};
use crate::filesystem::testing::{Garbage, Image, run};
use rustix::fs::XattrFlags;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Whether ntfs-3g can mount here; says so when it cannot.
pub(super) fn can_mount() -> bool {
    let can = rustix::process::geteuid().is_root() && Path::new("/dev/fuse").exists();
    if !can {
        eprintln!("SKIPPED: needs root and /dev/fuse");
    }
    can
}

/// A volume mounted by ntfs-3g.
pub(super) struct Mounted(tempfile::TempDir);

impl Mounted {
    pub(super) fn new(image: &Image, options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        image.run(&format!("ntfs-3g -o {options} {{}} {place}"));
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run(&["umount".to_owned(), self.path().to_str().unwrap().to_owned()]);
    }
}

/// An NTFS volume of `size` bytes, made with these options of mkntfs.
pub(super) fn made(size: u64, options: &str) -> Image {
    let image = Image::new(size);
    image.run(&format!("mkntfs -q -Q -F {options}"));
    image
}

/// A file that is stored compressed when it is created in such a folder.
fn compressed_folder(path: &Path) {
    fs::create_dir(path).unwrap();
    const COMPRESSED: u32 = 0x800;
    let value = COMPRESSED.to_be_bytes();
    rustix::fs::setxattr(path, "system.ntfs_attrib_be", &value, XattrFlags::empty()).unwrap();
}

/// Fills a volume until it is fragmented: many small files between large ones, every third
/// removed again, then files with holes, compressed ones, several names, long names, and two
/// files that grow in turns.
pub(super) fn fill(image: &Image, seed: u64, room: u64) {
    let mounted = Mounted::new(image, "rw");
    let root = mounted.path();
    let mut garbage = Garbage::new(seed);
    fs::create_dir(root.join("many")).unwrap();
    let piece = (room / 400).max(700) as usize;
    for number in 0..120usize {
        let name = format!("many/a file with a rather long name {number:04}.data");
        let length = if number % 5 == 0 { piece * 2 } else { number * 9 };
        fs::write(root.join(name), garbage.bytes(length)).unwrap();
    }
    for number in (0..120).step_by(3) {
        fs::remove_file(root.join(format!("many/a file with a rather long name {number:04}.data")))
            .unwrap();
    }
    let mut turns =
        ["one", "other"].map(|name| File::create(root.join(format!("{name} in turns"))).unwrap());
    for number in 0..40 {
        for file in &mut turns {
            file.write_all(&garbage.bytes(piece / 2 + number)).unwrap();
            file.sync_all().unwrap();
        }
    }
    let sparse = File::create(root.join("holes")).unwrap();
    for number in 0..10 {
        sparse.write_all_at(&garbage.bytes(500), number * 300_000).unwrap();
    }
    sparse.set_len(5_000_000).unwrap();
    compressed_folder(&root.join("compressed"));
    let text = "the same words again and again, so that they can be compressed\n".repeat(2000);
    fs::write(root.join("compressed/text"), text).unwrap();
    fs::write(root.join("compressed/garbage"), garbage.bytes(100_000)).unwrap();
    fs::hard_link(root.join("holes"), root.join("holes by another name")).unwrap();
    fs::write(root.join("ñandú ".repeat(42)), "a long name").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::create_dir_all(root.join("in/a/deep/folder")).unwrap();
    fs::write(root.join("in/a/deep/folder/file"), garbage.bytes(piece)).unwrap();
}

/// Fills a small volume to the brim, makes room in every second place, and uses it for small
/// files, so that the master file table has to grow in pieces.
pub(super) fn fragment_table(image: &Image) {
    let mounted = Mounted::new(image, "rw");
    let root = mounted.path();
    let full = |number: usize| root.join(format!("fill/{number:06}"));
    fs::create_dir(root.join("fill")).unwrap();
    let mut count = 0;
    while fs::write(full(count), [7; 1500]).is_ok() {
        count += 1;
    }
    for number in (0..=count).step_by(2) {
        // The last one may not exist.
        _ = fs::remove_file(full(number));
    }
    for number in 0..count {
        if fs::write(root.join(format!("small-{number:06}")), format!("small {number}")).is_err() {
            break;
        }
    }
}

/// Every path of a volume.
pub(super) fn files(image: &Image) -> Tree {
    tree(Mounted::new(image, "ro").path())
}
