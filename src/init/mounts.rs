//! What PID 1 makes of the bare root file system: a table, carried out line by line.

use rustix::fs::Mode;
use rustix::mount::MountFlags;
use std::fmt;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// One thing to make.
pub(super) enum Entry {
    /// A folder with its mode.
    Folder(&'static str, u32),
    /// A mount: kind of file system, place, flags, options.
    Mount(&'static str, &'static str, MountFlags, &'static str),
    /// A link: its path, what it points to.
    Link(&'static str, &'static str),
    /// A setting of the kernel: its file, the value.
    Setting(&'static str, &'static str),
}

use Entry::{Folder, Link, Mount, Setting};

const NO_PROGRAMS: MountFlags =
    MountFlags::NOSUID.union(MountFlags::NOEXEC).union(MountFlags::NODEV);
const NO_SUID: MountFlags = MountFlags::NOSUID;
const NO_DEVICES: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// The table, in order.
pub(super) const TABLE: &[Entry] = &[
    Folder("/proc", 0o555),
    Mount("proc", "/proc", NO_PROGRAMS, ""),
    Folder("/sys", 0o555),
    Mount("sysfs", "/sys", NO_PROGRAMS, ""),
    Folder("/dev", 0o755),
    Mount("devtmpfs", "/dev", NO_SUID, "mode=0755"),
    Folder("/dev/pts", 0o755),
    Mount("devpts", "/dev/pts", NO_SUID.union(MountFlags::NOEXEC), "mode=0620,ptmxmode=0666"),
    Folder("/dev/shm", 0o1777),
    Mount("tmpfs", "/dev/shm", NO_DEVICES, "mode=1777"),
    Folder("/run", 0o755),
    Mount("tmpfs", "/run", NO_DEVICES, "mode=0755"),
    Folder("/tmp", 0o1777),
    Mount("tmpfs", "/tmp", NO_DEVICES, "mode=1777"),
    Folder("/mnt", 0o755),
    Folder("/root", 0o700),
    Folder("/run/calco", 0o700),
    Folder("/run/calco/mnt", 0o700),
    Link("/dev/fd", "/proc/self/fd"),
    Link("/dev/stdin", "/proc/self/fd/0"),
    Link("/dev/stdout", "/proc/self/fd/1"),
    Link("/dev/stderr", "/proc/self/fd/2"),
    Link("/etc/mtab", "/proc/self/mounts"),
    // What we write to the kernel's log must not be thinned out.
    Setting("/proc/sys/kernel/printk_devkmsg", "on"),
    // Only what stops the machine is drawn over the menu; the log has all.
    Setting("/proc/sys/kernel/printk", "1 4 1 7"),
    // Dirty pages of a slow stick must not fill a small memory, nor hide its speed for minutes.
    Setting("/proc/sys/vm/dirty_background_ratio", "5"),
    Setting("/proc/sys/vm/dirty_ratio", "10"),
    Setting("/proc/sys/kernel/hostname", "calco"),
];

impl Entry {
    /// Makes it. What is there already is no failure.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(super) fn make(&self) -> io::Result<()> {
        match self {
            Folder(path, mode) => match rustix::fs::mkdir(*path, Mode::from_raw_mode(*mode)) {
                // The mask of the process does not hold for what is in a table.
                Ok(()) => rustix::fs::chmod(*path, Mode::from_raw_mode(*mode))?,
                Err(rustix::io::Errno::EXIST) if Path::new(path).is_dir() => {}
                Err(error) => return Err(error.into()),
            },
            Mount(kind, place, flags, options) => {
                let options = std::ffi::CString::new(*options)?;
                match rustix::mount::mount(*kind, *place, *kind, *flags, options.as_c_str()) {
                    // The kernel can have mounted /dev itself.
                    Ok(()) | Err(rustix::io::Errno::BUSY) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Link(path, target) => match symlink(target, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            },
            // As echo writes it: some settings are refused without the end of the line.
            Setting(file, value) => std::fs::write(file, format!("{value}\n"))?,
        }
        Ok(())
    }

    /// The place of a mount.
    pub(super) fn mount_point(&self) -> Option<&'static str> {
        match self {
            Mount(_, place, ..) => Some(place),
            _ => None,
        }
    }
}

/// The line of the table, as it is logged when it fails.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Folder(path, mode) => write!(f, "mkdir -m {mode:o} {path}"),
            Mount(kind, place, _, options) => write!(f, "mount -t {kind} -o '{options}' {place}"),
            Link(path, target) => write!(f, "ln -s {target} {path}"),
            Setting(file, value) => write!(f, "echo {value} > {file}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mount_has_its_folder_before_it() {
        let mut folders = Vec::new();
        for entry in TABLE {
            match entry {
                Folder(path, _) => folders.push(*path),
                Mount(_, place, ..) => assert!(folders.contains(place), "{entry}"),
                Link(..) | Setting(..) => {}
            }
        }
        assert!(TABLE.iter().filter_map(Entry::mount_point).any(|place| place == "/run"));
    }
}
