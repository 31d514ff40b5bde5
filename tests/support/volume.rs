//! File systems in plain files, made, filled, judged and emptied by their own tools.

use super::command::{is_root, skipped, text, tool, tool_with_input, try_tool};
use super::disk;
use super::loops::{Loop, Mount};
use super::tree::{self, Node};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A file system with known files.
pub(crate) struct Volume {
    /// The file that holds it.
    pub(crate) path: PathBuf,
    pub(crate) files: BTreeMap<String, Node>,
}

/// An ext file system over garbage, filled from `tree`, a third of the small files removed again
/// so that its free space lies between used blocks. The file `zeros.bin`, which mke2fs would
/// leave as a hole, gets blocks that are really zero.
pub(crate) fn ext(path: &Path, size: u64, options: &[&str], tree: &Path) -> Volume {
    disk::garbage(path, size, size ^ 0xe2);
    let mut words = vec!["-q", "-F", "-E", "nodiscard,lazy_itable_init=0"];
    words.extend(options);
    words.extend(["-d", text(tree), text(path)]);
    tool("mke2fs", &words);
    let mut files = tree::nodes(tree);
    let mut script = String::new();
    for number in (0..300).step_by(3) {
        let name = format!("many/f{number:03}");
        if files.remove(&name).is_some() {
            script += &format!("rm {name}\n");
        }
    }
    if files.contains_key("zeros.bin") {
        script += "rm zeros.bin\n";
        // Not zero, so that every block is allocated.
        let ones = path.with_extension("ones");
        fs::write(&ones, vec![1; 3_000_000]).unwrap();
        script += &format!("write {} zeros.bin\n", text(&ones));
    }
    tool_with_input("debugfs", &["-w", "-f", "-", text(path)], &script);
    if files.contains_key("zeros.bin") {
        let block = block_size(path);
        for number in blocks_of(path, "zeros.bin") {
            disk::write(path, number * block, &vec![0; block as usize]);
        }
        fs::remove_file(path.with_extension("ones")).unwrap();
    }
    assert_ext_clean(path);
    Volume { path: path.to_owned(), files }
}

fn block_size(path: &Path) -> u64 {
    let header = tool("dumpe2fs", &["-h", text(path)]);
    let line = header.lines().find_map(|line| line.strip_prefix("Block size:")).unwrap();
    line.trim().parse().unwrap()
}

/// The blocks with the content of a file of an ext file system, as bytes of the volume.
pub(crate) fn extents_of(path: &Path, name: &str) -> Vec<(u64, u64)> {
    let block = block_size(path);
    blocks_of(path, name).into_iter().map(|number| (number * block, block)).collect()
}

fn blocks_of(path: &Path, name: &str) -> Vec<u64> {
    // `bmap` tells data blocks only, `blocks` those of the extent tree too.
    let block = block_size(path);
    let stat = tool("debugfs", &["-R", &format!("stat {name}"), text(path)]);
    let size = stat.split("Size: ").nth(1).and_then(|text| text.split_whitespace().next());
    let count = size.unwrap().parse::<u64>().unwrap().div_ceil(block);
    let script: String = (0..count).map(|number| format!("bmap {name} {number}\n")).collect();
    let answer = tool_with_input("debugfs", &["-f", "-", text(path)], &script);
    let numbers: Vec<u64> = answer.lines().filter_map(|line| line.trim().parse().ok()).collect();
    assert_eq!(numbers.len() as u64, count, "{answer}");
    assert!(!numbers.contains(&0), "{name} has holes");
    numbers
}

/// A FAT file system over garbage, filled from `tree`, a third of the small files removed again.
pub(crate) fn fat(path: &Path, size: u64, options: &[&str], tree: &Path) -> Volume {
    disk::garbage(path, size, size ^ 0xfa);
    let mut words = options.to_vec();
    words.push(text(path));
    tool("mkfs.fat", &words);
    let mut files = tree::nodes(tree);
    let mut copy = vec!["-s".to_owned(), "-Q".into(), "-i".into(), text(path).into()];
    let mut entries: Vec<_> = fs::read_dir(tree).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    copy.extend(entries.iter().map(|entry| text(entry).to_owned()));
    copy.push("::/".into());
    tool("mcopy", &copy);
    let mut remove = vec!["-i".to_owned(), text(path).into()];
    for number in (0..300).step_by(3) {
        let name = format!("many/f{number:03}");
        if files.remove(&name).is_some() {
            remove.push(format!("::/{name}"));
        }
    }
    if remove.len() > 2 {
        tool("mdel", &remove);
    }
    assert_fat_clean(path);
    Volume { path: path.to_owned(), files }
}

/// Copies a tree into a mounted volume and removes a third of the small files again.
fn fill_mounted(mount: &Mount, tree: &Path) -> BTreeMap<String, Node> {
    let from = format!("{}/.", tree.display());
    tool("cp", &["-r", &from, text(mount.path())]);
    for number in (0..300).step_by(3) {
        let file = mount.path().join(format!("many/f{number:03}"));
        if file.exists() {
            fs::remove_file(file).unwrap();
        }
    }
    tree::nodes(mount.path())
}

/// An NTFS file system over garbage, filled from `tree` through ntfs-3g; none, said loudly, where
/// nothing can be mounted.
pub(crate) fn ntfs(path: &Path, size: u64, options: &[&str], tree: &Path) -> Option<Volume> {
    disk::garbage(path, size, size ^ 0x17);
    let mut words = vec!["-q", "-Q", "-F"];
    words.extend(options);
    words.push(text(path));
    tool("mkntfs", &words);
    let mount = Mount::by_driver("ntfs-3g", "rw", path, &path.with_extension("mounted"))?;
    let files = fill_mounted(&mount, tree);
    drop(mount);
    tool("ntfsfix", &["-n", text(path)]);
    Some(Volume { path: path.to_owned(), files })
}

/// An exFAT file system over garbage, filled from `tree` through the FUSE driver; none, said
/// loudly, where nothing can be mounted.
pub(crate) fn exfat(path: &Path, size: u64, options: &[&str], tree: &Path) -> Option<Volume> {
    disk::garbage(path, size, size ^ 0xef);
    let mut words = options.to_vec();
    words.push(text(path));
    tool("mkfs.exfat", &words);
    // The driver takes block devices only.
    let device = Loop::attach(path, 512)?;
    let folder = path.with_extension("mounted");
    let mount = Mount::by_driver("mount.exfat-fuse", "rw", device.path(), &folder)?;
    let files = fill_mounted(&mount, tree);
    drop(mount);
    drop(device);
    tool("fsck.exfat", &["-n", text(path)]);
    Some(Volume { path: path.to_owned(), files })
}

/// An NTFS file system is as `ntfsfix` wants it and holds exactly these files.
#[track_caller]
pub(crate) fn assert_ntfs(volume: &Path, files: &BTreeMap<String, Node>) {
    tool("ntfsfix", &["-n", text(volume)]);
    let mount = Mount::by_driver("ntfs-3g", "ro", volume, &volume.with_extension("restored"));
    tree::assert_same(text(volume), files, mount.expect("it was mounted before").path());
}

/// An exFAT file system is clean and holds exactly these files.
#[track_caller]
pub(crate) fn assert_exfat(volume: &Path, files: &BTreeMap<String, Node>) {
    tool("fsck.exfat", &["-n", text(volume)]);
    let device = Loop::attach(volume, 512).expect("it was attached before");
    let folder = volume.with_extension("restored");
    let mount = Mount::by_driver("mount.exfat-fuse", "ro", device.path(), &folder);
    tree::assert_same(text(volume), files, mount.expect("it was mounted before").path());
}

/// `e2fsck` finds nothing to repair.
#[track_caller]
pub(crate) fn assert_ext_clean(path: &Path) {
    let (code, answer) = try_tool("e2fsck", &["-fn", text(path)]);
    assert_eq!(code, 0, "{answer}");
}

/// `fsck.fat` finds nothing to repair.
#[track_caller]
pub(crate) fn assert_fat_clean(path: &Path) {
    let (code, answer) = try_tool("fsck.fat", &["-n", text(path)]);
    assert_eq!(code, 0, "{answer}");
}

/// An ext file system is clean and holds exactly these files.
#[track_caller]
pub(crate) fn assert_ext(volume: &Path, files: &BTreeMap<String, Node>) {
    assert_ext_clean(volume);
    let folder = dump_ext(volume);
    tree::assert_same(text(volume), files, folder.path());
}

/// Everything in an ext file system, as debugfs sees it, in a folder.
pub(crate) fn dump_ext(volume: &Path) -> TempDir {
    let folder = tempfile::tempdir_in(volume.parent().unwrap()).unwrap();
    let command = format!("rdump / {}", folder.path().display());
    tool("debugfs", &["-R", &command, text(volume)]);
    folder
}

/// A FAT file system is clean and holds exactly these files.
#[track_caller]
pub(crate) fn assert_fat(volume: &Path, files: &BTreeMap<String, Node>) {
    assert_fat_clean(volume);
    let folder = tempfile::tempdir_in(volume.parent().unwrap()).unwrap();
    tool("mcopy", &["-s", "-n", "-Q", "-i", text(volume), "::/*", text(folder.path())]);
    tree::assert_same(text(volume), files, folder.path());
}

/// Whether this machine can make and mount XFS and btrfs; says so when it cannot.
pub(crate) fn can_mount(kinds: &[&str]) -> bool {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let missing = kinds.iter().find(|kind| !known.lines().any(|line| line.trim() == **kind));
    match missing {
        _ if !is_root() => skipped("needs root for loop devices"),
        Some(kind) => skipped(&format!("this kernel has no {kind}")),
        None => return true,
    }
    false
}

/// A file system on devices over garbage, filled from `tree` by the kernel, a third of the small
/// files removed again. `make` is the command that makes it, the devices its last arguments.
pub(crate) fn mounted(paths: &[&Path], size: u64, make: &[&str], tree: &Path) -> Vec<Volume> {
    for path in paths {
        disk::garbage(path, size, size ^ 0xf5);
    }
    let mut words = make.to_vec();
    words.extend(paths.iter().map(|path| text(path)));
    tool(words[0], &words[1..]);
    let mut files = tree::nodes(tree);
    with_mount(paths, "rw", |folder| {
        tool("cp", &["--archive", &format!("{}/.", text(tree)), text(folder)]);
        tool("sync", &["--file-system", text(folder)]);
        for number in (0..300).step_by(3) {
            let name = format!("many/f{number:03}");
            if files.remove(&name).is_some() {
                fs::remove_file(folder.join(name)).unwrap();
            }
        }
    });
    paths.iter().map(|path| Volume { path: path.to_path_buf(), files: files.clone() }).collect()
}

/// Does something with a mounted file system, all of whose devices are given.
pub(crate) fn with_mount(paths: &[&Path], options: &str, work: impl FnOnce(&Path)) {
    let attach = |path: &&Path| Loop::attach(path, 512).expect("loop devices are there");
    let devices: Vec<Loop> = paths.iter().map(attach).collect();
    let mut options = options.to_owned();
    for device in devices.iter().skip(1) {
        options += &format!(",device={}", device.text());
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = Mount::new(devices[0].text(), folder.path(), &options);
    work(mount.path());
    drop(mount);
}

/// An XFS file system is clean and holds exactly these files.
#[track_caller]
pub(crate) fn assert_xfs(volume: &Path, files: &BTreeMap<String, Node>) {
    let (code, answer) = try_tool("xfs_repair", &["-n", "-f", text(volume)]);
    assert_eq!(code, 0, "{answer}");
    // A mount that may recover writes to the superblock.
    with_mount(&[volume], "ro,norecovery", |folder| tree::assert_same(text(volume), files, folder));
}

/// A btrfs file system is clean, every checksum is right, and it holds exactly these files.
#[track_caller]
pub(crate) fn assert_btrfs(volumes: &[&Path], files: &BTreeMap<String, Node>) {
    let devices: Vec<Loop> =
        volumes.iter().map(|path| Loop::attach(path, 512).expect("loop devices")).collect();
    let words = ["check", "--readonly", "--check-data-csum", devices[0].text()];
    let (code, answer) = try_tool("btrfs", &words);
    assert_eq!(code, 0, "{answer}");
    drop(devices);
    with_mount(volumes, "ro", |folder| tree::assert_same(text(volumes[0]), files, folder));
}
