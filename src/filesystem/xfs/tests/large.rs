//! File systems larger than any disk of ext4: sparse files in memory.

use super::fixture::{field, free, listed, xfs_db};
use crate::filesystem::Budget;
use crate::filesystem::testing::Image;
use crate::filesystem::testing::mounted::{Mounted, can_mount, sync};
use crate::filesystem::xfs::used;
use crate::units::{Extent, ExtentMap, GIB};

const TIB: u64 = 1024 * GIB;

fn check(arguments: &str, size: u64) {
    let command = format!("mkfs.xfs -q -f -K -l size=64m {arguments}");
    let image = Image::made_by(size, &command);
    if can_mount("xfs") {
        let mounted = Mounted::new(&[&image], "xfs", "rw");
        // Folders go to different groups.
        for number in 0..60 {
            let folder = mounted.path().join(format!("folder{number}"));
            std::fs::create_dir(&folder).unwrap();
            for file in 0..6 {
                std::fs::write(folder.join(format!("{file}")), vec![7; 20_000]).unwrap();
            }
            sync(mounted.path());
            std::fs::remove_file(folder.join("2")).unwrap();
        }
        drop(mounted);
        let highest = free(&image).as_slice().last().unwrap().offset;
        assert!(highest > size.saturating_sub(2 * TIB));
    }
    let answer = used(&image, Budget::default()).unwrap_or_else(|doubt| panic!("{doubt}"));
    let length = field(&image, "sb 0", "dblocks") * field(&image, "sb 0", "blocksize");
    let ours = ExtentMap::whole(Extent::new(0, length)).difference(&answer.extents);
    let theirs = free(&image);
    assert_eq!(ours.difference(&theirs), ExtentMap::new());
    assert_eq!(theirs.total_bytes() - ours.total_bytes(), listed(&image));
    assert!(xfs_db(&image, &["sb 0", "print fdblocks"]).contains("fdblocks"));
}

#[test]
fn twenty_tebibytes() {
    check("", 20 * TIB);
}

#[test]
fn two_hundred_tebibytes_and_owners() {
    check("-m rmapbt=1", 200 * TIB);
}

#[test]
fn many_small_groups() {
    check("-d agsize=1g", 120 * GIB);
}
