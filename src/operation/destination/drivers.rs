//! Which kinds of volume the kernel can write, and how they are mounted.

use crate::filesystem::VolumeKind;
use std::path::Path;

/// How the kernel mounts a kind of volume.
pub(super) struct Driver {
    /// The kernel's name of the file system.
    pub(super) name: &'static str,
    /// Options for a look: nothing is replayed, nothing repaired.
    pub(super) look: &'static str,
    /// Options for writing.
    pub(super) write: &'static str,
    /// Options for writing that older kernels know too.
    pub(super) write_plain: &'static str,
}

/// The driver for a kind of volume; none when the kernel cannot write it.
///
/// Names are UTF-8 wherever a file system stores them in another form. No option makes every
/// write wait: the files of an image are flushed one by one, and a stick that is told to write
/// each block at once takes many times as long.
pub(super) fn driver(kind: VolumeKind) -> Option<Driver> {
    let driver = |name, look, write| Driver { name, look, write, write_plain: write };
    Some(match kind {
        // Its driver reads ext2 and ext3 as well.
        VolumeKind::Ext2 | VolumeKind::Ext3 | VolumeKind::Ext4 => {
            driver("ext4", "noload", "errors=remount-ro")
        }
        // `nouuid`: a copy of a volume that is mounted can be looked at.
        VolumeKind::Xfs => driver("xfs", "norecovery,nouuid", ""),
        VolumeKind::Btrfs => driver("btrfs", "rescue=nologreplay", "skip_balance"),
        VolumeKind::F2fs => driver("f2fs", "norecovery", ""),
        VolumeKind::Fat12 | VolumeKind::Fat16 | VolumeKind::Fat32 => {
            driver("vfat", "utf8", "utf8,errors=remount-ro")
        }
        VolumeKind::Exfat => driver("exfat", "iocharset=utf8", "iocharset=utf8,errors=remount-ro"),
        VolumeKind::Ntfs => Driver {
            name: "ntfs3",
            look: "iocharset=utf8",
            write: "iocharset=utf8,windows_names",
            write_plain: "iocharset=utf8",
        },
        _ => return None,
    })
}

/// Whether people keep files on volumes of this kind, be it that nothing can be stored on them
/// here: what a machine needs for itself (swap, members of arrays, media that are never written)
/// is not worth a word.
pub(super) fn holds_files(kind: VolumeKind) -> bool {
    driver(kind).is_some()
        || matches!(
            kind,
            VolumeKind::Refs
                | VolumeKind::Bitlocker
                | VolumeKind::Luks1
                | VolumeKind::Luks2
                | VolumeKind::HfsPlus
                | VolumeKind::Apfs
                | VolumeKind::Zfs
                | VolumeKind::Bcachefs
                | VolumeKind::Nilfs2
                | VolumeKind::Jfs
                | VolumeKind::Reiserfs
                | VolumeKind::Udf
        )
}

/// Whether the kernel has a driver of this name, built in, loaded, or as a module that it can
/// load. `root` holds `proc` and `lib/modules`.
pub(super) fn is_available(name: &str, root: &Path) -> bool {
    let known = std::fs::read_to_string(root.join("proc/filesystems")).unwrap_or_default();
    // A line is `nodev`, or nothing, and the name.
    if known.lines().any(|line| line.split_whitespace().next_back() == Some(name)) {
        return true;
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let modules = root.join("lib/modules").join(release).join("modules.dep");
    let Ok(modules) = std::fs::read_to_string(modules) else { return false };
    // Each line begins with the path of a module and a colon; the file may be compressed.
    let is_module = |line: &str| {
        let file = line.split(':').next().unwrap_or_default().rsplit('/').next();
        file.and_then(|file| file.split_once(".ko")).is_some_and(|(module, _)| module == name)
    };
    modules.lines().any(is_module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_found_in_the_kernel_and_among_its_modules() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(!is_available("ext4", root.path()));
        put("proc/filesystems", "nodev\ttmpfs\n\text4\n\tfuseblk\n");
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        put(
            &format!("lib/modules/{release}/modules.dep"),
            "kernel/fs/fat/vfat.ko.xz: kernel/fs/fat/fat.ko.xz\nkernel/fs/ntfs3/ntfs3.ko:\n",
        );
        for there in ["ext4", "vfat", "ntfs3"] {
            assert!(is_available(there, root.path()), "{there}");
        }
        for missing in ["xfs", "fuse", "ext", "ntfs", "exfat"] {
            assert!(!is_available(missing, root.path()), "{missing}");
        }
    }

    #[test]
    fn a_look_replays_no_journal() {
        for kind in [VolumeKind::Ext3, VolumeKind::Ext4, VolumeKind::Xfs, VolumeKind::Btrfs] {
            let look = driver(kind).unwrap().look;
            assert!(
                ["noload", "norecovery", "nologreplay"].iter().any(|word| look.contains(word)),
                "{look}"
            );
        }
        assert!(driver(VolumeKind::Luks2).is_none() && holds_files(VolumeKind::Luks2));
        assert!(!holds_files(VolumeKind::Swap) && !holds_files(VolumeKind::Iso9660));
    }
}
