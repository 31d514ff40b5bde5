//! What stands in the way of using a device or plain file, and which disks a folder lies on.

use super::disk::kernel_name;
use super::mounts::{self, Mount};
use super::sysfs::{self, is_numbered, text};
use crate::error::{Context, Result};
use crate::sys::loop_device;
use crate::text::{Message, message};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How a device or file is in use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum How {
    /// Its file system is mounted.
    Mounted {
        /// Where.
        at: PathBuf,
        /// Whether nobody can write to the file system, by whichever mount.
        read_only: bool,
    },
    /// It is used as swap.
    Swap,
    /// Another block device stands on it: a device mapper volume, a RAID array.
    Holder {
        /// That device: the volume's own name for a device mapper one, else the kernel's.
        name: String,
        /// Whether it writes by itself, or may: an array that synchronizes, a cache. A device
        /// mapper volume does not; who uses it is listed too.
        writes: bool,
    },
    /// A loop device stands on it.
    Loop {
        /// The node of the loop device.
        device: PathBuf,
    },
}

/// One use of a device, of one of its partitions, or of what stands on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Use {
    /// The node or file in use.
    pub device: PathBuf,
    /// How.
    #[serde(flatten)]
    pub how: How,
}

impl Use {
    /// Whether the use is a mounted file system that nobody can write to, or only leads to
    /// other uses that are listed themselves: such a source can be read safely.
    pub fn never_writes(&self) -> bool {
        match self.how {
            How::Mounted { read_only, .. } => read_only,
            How::Swap => false,
            How::Holder { writes, .. } => !writes,
            How::Loop { .. } => true,
        }
    }

    /// The use as a sentence.
    pub fn message(&self) -> Message {
        let device = self.device.display().to_string();
        match &self.how {
            How::Mounted { at, read_only } => {
                let at = at.display().to_string();
                match read_only {
                    true => {
                        message!("hardware-use-mounted-read-only", device = device, where = at)
                    }
                    false => message!("hardware-use-mounted", device = device, where = at),
                }
            }
            How::Swap => message!("hardware-use-swap", device = device),
            How::Holder { name, .. } => {
                message!("hardware-use-holder", device = device, name = name)
            }
            How::Loop { device: node } => {
                let name = node.display().to_string();
                message!("hardware-use-loop", device = device, name = name)
            }
        }
    }
}

/// Everything that uses a block device, its partitions and what stands on them, or a plain file
/// by way of loop devices. Empty when nothing does. Mounts in other mount namespaces are not
/// seen; opening the device exclusively still fails because of them.
///
/// # Errors
/// When the path cannot be looked at.
pub fn uses_of(path: &Path) -> Result<Vec<Use>> {
    let unknown = || message!("hardware-usage-unknown", path = path.display().to_string());
    let metadata = fs::metadata(path).context(unknown)?;
    let system = System::read(Path::new("/"));
    let mut uses = Vec::new();
    if metadata.file_type().is_block_device() {
        system.device_uses(metadata.rdev(), &mut BTreeSet::new(), &mut uses);
    } else {
        system.file_uses(path, &metadata, &mut uses);
    }
    Ok(uses)
}

/// The mounts of the file system that a block device holds, or is a part of. Mounts in other mount
/// namespaces are not seen.
///
/// # Errors
/// When the path cannot be looked at, or is no block device (`ENOTBLK`).
pub fn mounts_of(path: &Path) -> Result<Vec<Mount>> {
    let unknown = || message!("hardware-usage-unknown", path = path.display().to_string());
    let metadata = fs::metadata(path).context(unknown)?;
    if !metadata.file_type().is_block_device() {
        return Err(rustix::io::Errno::NOTBLK).context(unknown);
    }
    let system = System::read(Path::new("/"));
    let holds = |mount: &&Mount| system.below_mount(mount).contains(&metadata.rdev());
    Ok(system.mounts.iter().filter(holds).cloned().collect())
}

/// The device numbers (`st_rdev`) of all whole disks that a file or folder lies on: through
/// partitions, volumes, arrays, and loop devices with the disks below them. A loop device or
/// array on the way is in the set too. Empty for network and memory file systems.
///
/// # Errors
/// When the path cannot be looked at.
pub fn disks_under(path: &Path) -> Result<BTreeSet<u64>> {
    let mut disks = BTreeSet::new();
    let unknown = || message!("hardware-usage-unknown", path = path.display().to_string());
    System::read(Path::new("/")).below_path(path, 0, &mut disks).context(unknown)?;
    Ok(disks)
}

/// The device number of the disk that a block device is a partition of, or its own.
///
/// # Errors
/// When the path cannot be looked at, or is no block device (`ENOTBLK`).
pub fn whole_disk(path: &Path) -> Result<u64> {
    let unknown = || message!("hardware-usage-unknown", path = path.display().to_string());
    let metadata = fs::metadata(path).context(unknown)?;
    if !metadata.file_type().is_block_device() {
        return Err(rustix::io::Errno::NOTBLK).context(unknown);
    }
    Ok(System::read(Path::new("/")).whole(metadata.rdev()))
}

/// A loop device that is attached to something.
struct Loop {
    number: u64,
    node: PathBuf,
    /// What it stands on, as the kernel shows it.
    path: Option<PathBuf>,
    /// The same by numbers, which only root can ask.
    backing: Option<loop_device::Backing>,
}

/// What procfs and sysfs say at one moment.
struct System {
    root: PathBuf,
    mounts: Vec<Mount>,
    swaps: Vec<mounts::Swap>,
    loops: Vec<Loop>,
}

/// Whether a device that stands on others, by its folder in sysfs, may write to them unasked.
fn writes_by_itself(folder: &Path) -> bool {
    if folder.join("dm").is_dir() {
        return false;
    }
    // md: `clean` has nothing to write, and a resync goes on in `active` and `clean` alike.
    let state = text(&folder.join("md/array_state"));
    let action = text(&folder.join("md/sync_action"));
    let quiet = ["clear", "inactive", "readonly", "read-auto", "clean"];
    let idle = action.is_none_or(|action| action == "idle" || action == "frozen");
    !(idle && state.is_some_and(|state| quiet.contains(&state.as_str())))
}

/// Deeper stacks of loop devices in files on loop devices are not followed.
const DEPTH_LIMIT: usize = 32;

impl System {
    fn read(root: &Path) -> Self {
        let root = root.to_owned();
        let (mounts, swaps) = (mounts::mounts(&root), mounts::swaps(&root));
        let mut system = Self { root, mounts, swaps, loops: Vec::new() };
        system.loops = system.attached_loops();
        system
    }

    fn attached_loops(&self) -> Vec<Loop> {
        let folder = self.root.join("sys/block");
        let attached = |name: String| {
            let path = sysfs::bytes(&folder.join(&name).join("loop/backing_file"))?;
            let node = Path::new("/dev").join(&name);
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let backing = rustix::fs::open(self.root.join("dev").join(&name), flags, Mode::empty())
                .ok()
                .and_then(|device| loop_device::backing(device).ok());
            Some(Loop {
                number: self.number_in(&folder.join(&name))?,
                node,
                path: sysfs::printable(&path).map(PathBuf::from),
                backing,
            })
        };
        let names = sysfs::names(&folder);
        names.into_iter().filter(|name| is_numbered(name, "loop")).filter_map(attached).collect()
    }

    /// The folder of a block device or partition in sysfs.
    fn folder(&self, number: u64) -> Option<PathBuf> {
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        self.root.join(format!("sys/dev/block/{major}:{minor}")).canonicalize().ok()
    }

    /// The device number in the `dev` attribute of a folder.
    fn number_in(&self, folder: &Path) -> Option<u64> {
        let text = text(&folder.join("dev"))?;
        let (major, minor) = text.split_once(':')?;
        Some(rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?))
    }

    /// The number of the block device at a node's path, also where the node itself is missing.
    fn number_of(&self, node: &Path) -> Option<u64> {
        let name = node.strip_prefix("/dev").ok()?;
        if let Ok(metadata) = fs::metadata(self.root.join("dev").join(name))
            && metadata.file_type().is_block_device()
        {
            return Some(metadata.rdev());
        }
        self.number_in(&self.root.join("sys/class/block").join(name))
    }

    fn node(&self, number: u64) -> PathBuf {
        let name = kernel_name(&self.root, number).unwrap_or_else(|| {
            format!("block/{}:{}", rustix::fs::major(number), rustix::fs::minor(number))
        });
        Path::new("/dev").join(name.replace('!', "/"))
    }

    /// The partitions of a device.
    fn partitions(&self, folder: &Path) -> Vec<u64> {
        let is_partition = |part: &PathBuf| part.join("partition").exists();
        let parts = sysfs::names(folder).into_iter().map(|name| folder.join(name));
        parts.filter(is_partition).filter_map(|part| self.number_in(&part)).collect()
    }

    /// The number of the disk that a partition belongs to, or the number itself.
    fn whole(&self, number: u64) -> u64 {
        self.folder(number)
            .filter(|folder| folder.join("partition").exists())
            .and_then(|folder| self.number_in(folder.parent()?))
            .unwrap_or(number)
    }

    /// The block devices that a mounted file system stands on.
    fn below_mount(&self, mount: &Mount) -> Vec<u64> {
        let (major, minor) = mount.device;
        if major != 0 {
            return vec![rustix::fs::makedev(major, minor)];
        }
        // No single device: the source names one of them, or all with colons between.
        let source = mount.source.to_string_lossy();
        let mut numbers: Vec<u64> = match self.number_of(&mount.source) {
            Some(number) => vec![number],
            None => source.split(':').filter_map(|part| self.number_of(Path::new(part))).collect(),
        };
        if mount.file_system == "btrfs" {
            let folder = self.root.join("sys/fs/btrfs");
            for members in sysfs::names(&folder) {
                let members = folder.join(members).join("devices");
                let members: Vec<u64> = sysfs::names(&members)
                    .iter()
                    .filter_map(|name| self.number_in(&members.join(name)))
                    .collect();
                if members.iter().any(|member| numbers.contains(member)) {
                    numbers.extend(members);
                }
            }
        }
        numbers
    }

    fn device_uses(&self, number: u64, seen: &mut BTreeSet<u64>, uses: &mut Vec<Use>) {
        if !seen.insert(number) {
            return;
        }
        let device = self.node(number);
        let mut add = |how| uses.push(Use { device: device.clone(), how });
        for mount in self.mounts.iter().filter(|mount| self.below_mount(mount).contains(&number)) {
            add(How::Mounted { at: mount.mount_point.clone(), read_only: mount.read_only });
        }
        if self.swaps.iter().any(|swap| self.number_of(swap) == Some(number)) {
            add(How::Swap);
        }
        let folder = self.folder(number).unwrap_or_default();
        let mut above = Vec::new();
        for holder in sysfs::names(&folder.join("holders")) {
            let holder_folder = folder.join("holders").join(&holder);
            let name = text(&holder_folder.join("dm/name")).unwrap_or(holder);
            add(How::Holder { name, writes: writes_by_itself(&holder_folder) });
            above.extend(self.number_in(&holder_folder));
        }
        for attached in &self.loops {
            let stands_here = match attached.backing {
                Some(backing) => backing.block_device == number,
                None => attached.path.as_ref().is_some_and(|p| self.number_of(p) == Some(number)),
            };
            if stands_here {
                add(How::Loop { device: attached.node.clone() });
                above.push(attached.number);
            }
        }
        above.extend(self.partitions(&folder));
        for number in above {
            self.device_uses(number, seen, uses);
        }
    }

    fn file_uses(&self, path: &Path, metadata: &Metadata, uses: &mut Vec<Use>) {
        let mut add = |how| uses.push(Use { device: path.to_owned(), how });
        let same = |other: &Path| {
            fs::metadata(other)
                .is_ok_and(|other| (other.dev(), other.ino()) == (metadata.dev(), metadata.ino()))
        };
        if self.swaps.iter().any(|swap| same(swap)) {
            add(How::Swap);
        }
        // A program that mounts disk files by itself (FUSE) names the file as its source.
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        for mount in &self.mounts {
            if mount.file_system.starts_with("fuse") && mount.source == canonical {
                add(How::Mounted { at: mount.mount_point.clone(), read_only: mount.read_only });
            }
        }
        let mut above = Vec::new();
        for attached in &self.loops {
            let stands_here = match attached.backing {
                Some(backing) => {
                    (backing.file_system, backing.inode) == (metadata.dev(), metadata.ino())
                }
                None => attached.path.as_deref().is_some_and(same),
            };
            if stands_here {
                add(How::Loop { device: attached.node.clone() });
                above.push(attached.number);
            }
        }
        let mut seen = BTreeSet::new();
        for number in above {
            self.device_uses(number, &mut seen, uses);
        }
    }

    /// Adds the whole disks below a file or folder.
    fn below_path(
        &self,
        path: &Path,
        depth: usize,
        disks: &mut BTreeSet<u64>,
    ) -> std::io::Result<()> {
        let status = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID)?;
        if status.stx_dev_major != 0 {
            let number = rustix::fs::makedev(status.stx_dev_major, status.stx_dev_minor);
            self.below_device(number, depth, disks);
            return Ok(());
        }
        // Kernels before 5.8 tell no mount: then the longest mount point counts, and of several
        // at one place the last.
        let told = status.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        let mount = if told {
            self.mounts.iter().find(|mount| mount.id == status.stx_mnt_id)
        } else {
            let path = path.canonicalize()?;
            let around = self.mounts.iter().filter(|mount| path.starts_with(&mount.mount_point));
            around.max_by_key(|mount| mount.mount_point.as_os_str().len())
        };
        let Some(mount) = mount else { return Ok(()) };
        for number in self.below_mount(mount) {
            self.below_device(number, depth, disks);
        }
        // What is written to an overlay lands in its upper folder.
        let upper = mount.options.iter().find_map(|option| {
            let option = option.to_str()?;
            option.strip_prefix("upperdir=").filter(|_| mount.file_system == "overlay")
        });
        if let Some(upper) = upper
            && depth < DEPTH_LIMIT
        {
            // It can lie where this process cannot see it.
            let _ = self.below_path(Path::new(upper), depth + 1, disks);
        }
        Ok(())
    }

    /// Adds the whole disk of a device, and those below it.
    fn below_device(&self, number: u64, depth: usize, disks: &mut BTreeSet<u64>) {
        let whole = self.whole(number);
        if !disks.insert(whole) || depth >= DEPTH_LIMIT {
            return;
        }
        let slaves = self.folder(whole).unwrap_or_default().join("slaves");
        for slave in sysfs::names(&slaves) {
            if let Some(number) = self.number_in(&slaves.join(slave)) {
                self.below_device(number, depth + 1, disks);
            }
        }
        let Some(attached) = self.loops.iter().find(|attached| attached.number == whole) else {
            return;
        };
        match (attached.backing, &attached.path) {
            (Some(backing), _) if backing.block_device != 0 => {
                self.below_device(backing.block_device, depth + 1, disks);
            }
            (Some(backing), _) if rustix::fs::major(backing.file_system) != 0 => {
                self.below_device(backing.file_system, depth + 1, disks);
            }
            (_, Some(path)) => match self.number_of(path) {
                Some(number) => self.below_device(number, depth + 1, disks),
                None => drop(self.below_path(path, depth + 1, disks)),
            },
            (_, None) => {}
        }
    }
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
