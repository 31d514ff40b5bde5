//! Volumes on loop devices, with labels that no other test uses.

use crate::support::command::{is_root, skipped, text, tool};
use crate::support::disk;
use crate::support::loops::{Loop, Mount};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A kind of file system that is made here.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    Ext4,
    Xfs,
    Btrfs,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Ext4, Self::Xfs, Self::Btrfs];

    /// The least size that its mkfs accepts, in bytes.
    fn size(self) -> u64 {
        match self {
            Self::Ext4 => 64 << 20,
            Self::Xfs => 320 << 20,
            Self::Btrfs => 128 << 20,
        }
    }
}

/// A file system in a file.
pub(crate) struct Volume {
    pub(crate) folder: TempDir,
    pub(crate) file: PathBuf,
    pub(crate) label: String,
}

impl Volume {
    /// Makes one; none, said loudly, where loop devices cannot be used.
    pub(crate) fn make(kind: Kind, name: &str) -> Option<Self> {
        if !is_root() || !Path::new("/dev/loop-control").exists() {
            skipped("needs root and loop devices");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("volume.img");
        // Labels of XFS have at most 12 bytes.
        let label = format!("{name}{:05}", std::process::id() % 100_000);
        assert!(label.len() <= 12, "{label}");
        disk::blank(&file, kind.size());
        let (program, force) = match kind {
            Kind::Ext4 => ("mkfs.ext4", "-F"),
            Kind::Xfs => ("mkfs.xfs", "-f"),
            Kind::Btrfs => ("mkfs.btrfs", "-f"),
        };
        tool(program, &["-q", force, "-L", &label, text(&file)]);
        Some(Self { folder, file, label })
    }

    pub(crate) fn attach(&self) -> Loop {
        Loop::attach(&self.file, 512).unwrap()
    }

    /// Fills it and takes away its power: the file is what the medium holds at a moment at which
    /// the journal says more than the places that it is about.
    pub(crate) fn cut_off(&mut self) {
        let copy = self.folder.path().join("cut.img");
        {
            let device = self.attach();
            let folder = self.folder.path().join("mnt");
            let mount = Mount::new(device.text(), &folder, "rw");
            fs::create_dir(mount.path().join("images")).unwrap();
            fs::write(mount.path().join("images/old"), vec![b'o'; 100_000]).unwrap();
            drop(mount);
            let mount = Mount::new(device.text(), &folder, "rw");
            // The first transaction of a mount is never a log tree of btrfs.
            fs::write(mount.path().join("first"), "x").unwrap();
            tool("sync", &["-f", text(mount.path())]);
            fs::write(mount.path().join("images/new"), vec![b'n'; 200_000]).unwrap();
            tool("sync", &[text(&mount.path().join("images/new"))]);
            tool("cp", &["--sparse=always", text(&self.file), text(&copy)]);
            drop(mount);
            let attached = device.path().file_name().unwrap().to_owned();
            drop(device);
            // Another test that looks at all disks may hold it for a moment longer.
            let backing = Path::new("/sys/block").join(attached).join("loop/backing_file");
            let ours = || {
                fs::read_to_string(&backing).is_ok_and(|path| Path::new(path.trim()) == self.file)
            };
            while ours() {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        fs::rename(copy, &self.file).unwrap();
    }
}

/// Where a device is mounted, by the kernel's list.
pub(crate) fn mount_points(device: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts
        .lines()
        .filter(|line| line.split_whitespace().any(|field| field == device))
        .map(|line| line.split_whitespace().nth(4).unwrap().to_owned())
        .collect()
}

/// Fails when something of ours is left for a device: a mount, a folder, its protection.
#[track_caller]
pub(crate) fn assert_given_back(device: &Loop) {
    assert_eq!(mount_points(device.text()), [""; 0], "still mounted");
    let name = device.path().file_name().unwrap().to_str().unwrap();
    let entries = fs::read_dir("/run/calco/mnt").into_iter().flatten().flatten();
    let left: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|entry| entry.starts_with(&format!("{name}-")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let protected = tool("blockdev", &["--getro", device.text()]);
    assert_eq!(protected.trim(), "0", "still read-only");
}
