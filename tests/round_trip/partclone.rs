//! Volumes without a table, held against partclone: every block that it calls used is as it was.

use crate::source::{maps, save};
use crate::support::command::{calco, has_tools, text, tool};
use crate::support::volume::{self, Volume};
use crate::support::{MIB, disk, tree};
use std::fs;
use std::path::Path;

/// The block size in bytes and the used blocks, by partclone.
pub(crate) fn used_by_partclone(program: &str, volume: &Path, folder: &Path) -> (u64, Vec<u64>) {
    let image = folder.join("partclone.image");
    let log = folder.join("partclone.log");
    let words = ["-c", "-q", "-O", text(&image), "-s", text(volume), "-L", text(&log)];
    tool(program, &words);
    // Header of version 2: 110 bytes with the number of blocks at 60 and their size at 84, then
    // the bitmap, the least significant bit first.
    let header = disk::read(&image, 0, 110);
    assert_eq!(&header[..15], b"partclone-image");
    assert_eq!(&header[30..34], b"0002");
    assert_eq!(header[105], 1, "the bitmap is not one of bits");
    let total = u64::from_le_bytes(header[60..68].try_into().unwrap());
    let block = u64::from(u32::from_le_bytes(header[84..88].try_into().unwrap()));
    let bitmap = disk::read(&image, 110, total.div_ceil(8));
    let is_used = |number: &u64| bitmap[(number / 8) as usize] >> (number % 8) & 1 == 1;
    fs::remove_file(image).unwrap();
    (block, (0..total).filter(is_used).collect())
}

fn assert_used_comes_back(
    program: Option<&str>,
    made: &Volume,
    folder: &Path,
    assert_volume: impl Fn(&Path),
) {
    let name = made.path.file_name().unwrap().to_str().unwrap();
    let image = save(&[text(&made.path)], &folder.join("store"), name);
    assert_eq!(maps(text(&made.path)), maps(&image), "{name}");
    let size = fs::metadata(&made.path).unwrap().len();
    let target = folder.join("target");
    disk::garbage(&target, size, 4);
    calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);

    assert_volume(&target);
    let Some(program) = program else { return };
    let (block, used) = used_by_partclone(program, &made.path, folder);
    assert!(used.len() > 20, "{name}: {} blocks used", used.len());
    for number in &used {
        disk::assert_same(name, &made.path, &target, number * block, block);
    }
    // The free space of a volume is a good part of it: what all of it is saved for is a failure.
    let map = maps(&image);
    let saved = map[0]["used_bytes"].as_u64().unwrap();
    assert_eq!(map[0]["volumes"][0]["whole"], false, "{name}");
    let theirs = used.len() as u64 * block;
    assert!(saved < theirs + size / 8 + 4 * MIB, "{name}: {saved} saved, {theirs} used");
}

#[test]
fn what_partclone_calls_used_on_ext_comes_back() {
    if !has_tools(&["partclone.extfs", "mke2fs", "debugfs", "e2fsck"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 8, 2_000_000, true);
    let variants: [(&str, &[&str]); 9] = [
        ("ext2-1k", &["-t", "ext2", "-b", "1024"]),
        ("ext3-2k", &["-t", "ext3", "-b", "2048"]),
        ("ext4-4k", &["-t", "ext4", "-b", "4096"]),
        ("ext4-64bit-checksums", &["-t", "ext4", "-b", "1024", "-O", "64bit,metadata_csum"]),
        ("ext4-uninit", &["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg,^flex_bg"]),
        ("ext4-meta-bg", &["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"]),
        ("ext4-bigalloc", &["-t", "ext4", "-b", "4096", "-O", "bigalloc", "-C", "16384"]),
        ("ext4-sparse-super2", &["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode"]),
        ("ext4-inline-data", &["-t", "ext4", "-b", "4096", "-I", "256", "-O", "inline_data"]),
    ];
    for (name, options) in variants {
        let mut made = volume::ext(&folder.path().join(name), 40 * MIB, options, &files);
        if name == "ext4-inline-data" {
            // debugfs takes small files out in its own way: the same way twice.
            made.files = tree::nodes(volume::dump_ext(&made.path).path());
        }
        // partclone counts clusters for blocks there and gives up.
        let program = (name != "ext4-bigalloc").then_some("partclone.extfs");
        assert_used_comes_back(program, &made, folder.path(), |target| {
            volume::assert_ext(target, &made.files);
        });
        fs::remove_file(&made.path).unwrap();
    }
}

/// Its reader of btrfs calls free parts of metadata chunks used, so it is no measure here: see
/// `filesystem::btrfs::tests`.
#[test]
fn what_partclone_calls_used_on_xfs_comes_back() {
    let tools = ["partclone.xfs", "mkfs.xfs", "xfs_repair", "mount", "losetup"];
    if !has_tools(&tools) || !volume::can_mount(&["xfs"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 8, 2_000_000, true);
    let variants: [(&str, &[&str]); 3] = [
        ("xfs", &["-m", "crc=1"]),
        ("xfs-1k-many-groups", &["-b", "size=1024", "-d", "agcount=5"]),
        ("xfs-rmapbt", &["-m", "rmapbt=1"]),
    ];
    for (name, options) in variants {
        let mut words = vec!["mkfs.xfs", "-q", "-f", "--unsupported", "-l", "size=16m"];
        words.extend(options);
        let path = folder.path().join(name);
        let made = volume::mounted(&[&path], 160 * MIB, &words, &files).remove(0);
        assert_used_comes_back(Some("partclone.xfs"), &made, folder.path(), |target| {
            volume::assert_xfs(target, &made.files);
        });
        fs::remove_file(&made.path).unwrap();
    }
}

#[test]
fn what_partclone_calls_used_on_fat_comes_back() {
    if !has_tools(&["partclone.fat", "mkfs.fat", "fsck.fat", "mcopy", "mdel"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 9, 1_000_000, false);
    let variants: [(&str, u64, &[&str]); 5] = [
        ("fat12", 15, &["-F", "12", "-s", "8"]),
        ("fat16", 40, &["-F", "16"]),
        ("fat16-large-clusters", 80, &["-F", "16", "-s", "32", "-r", "1024"]),
        ("fat32", 48, &["-F", "32", "-s", "1"]),
        ("fat32-one-table", 80, &["-F", "32", "-s", "2", "-f", "1"]),
    ];
    for (name, size, options) in variants {
        let made = volume::fat(&folder.path().join(name), size * MIB, options, &files);
        // partclone misreads the table of FAT12: it calls free clusters used and used ones free.
        let program = (name != "fat12").then_some("partclone.fat");
        assert_used_comes_back(program, &made, folder.path(), |target| {
            volume::assert_fat(target, &made.files);
        });
        fs::remove_file(&made.path).unwrap();
    }
}

#[test]
fn what_partclone_calls_used_on_ntfs_comes_back() {
    if !has_tools(&["partclone.ntfs", "mkntfs", "ntfs-3g", "ntfsfix"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 10, 2_000_000, false);
    let variants: [(&str, u64, &[&str]); 5] = [
        ("ntfs-512", 48, &["-c", "512"]),
        ("ntfs-4k", 64, &["-c", "4096", "-L", "label"]),
        ("ntfs-64k", 120, &["-c", "65536"]),
        ("ntfs-sectors-4k", 64, &["-s", "4096", "-c", "4096"]),
        ("ntfs-compressed", 64, &["-C"]),
    ];
    for (name, size, options) in variants {
        let path = folder.path().join(name);
        let Some(made) = volume::ntfs(&path, size * MIB, options, &files) else { return };
        assert_used_comes_back(Some("partclone.ntfs"), &made, folder.path(), |target| {
            volume::assert_ntfs(target, &made.files);
        });
        fs::remove_file(&made.path).unwrap();
    }
}

#[test]
fn what_partclone_calls_used_on_exfat_comes_back() {
    if !has_tools(&["partclone.exfat", "mkfs.exfat", "fsck.exfat", "mount.exfat-fuse"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 11, 2_000_000, false);
    let variants: [(&str, u64, &[&str]); 3] = [
        ("exfat-1k", 48, &["-c", "1K"]),
        ("exfat-4k", 64, &["-c", "4096", "-L", "label"]),
        ("exfat-64k", 120, &["-c", "64K", "--pack-bitmap"]),
    ];
    for (name, size, options) in variants {
        let path = folder.path().join(name);
        let Some(made) = volume::exfat(&path, size * MIB, options, &files) else { return };
        assert_used_comes_back(Some("partclone.exfat"), &made, folder.path(), |target| {
            volume::assert_exfat(target, &made.files);
        });
        fs::remove_file(&made.path).unwrap();
    }
}
