//! Opening the disks that the person chose: what stands in the way, and whether they are still the
//! same when the first byte is written.

use super::destination;
use super::restore::{RestoreTarget, TargetKind};
use super::save::SaveSource;
use super::survey::Choice;
use crate::block::device::{Access, Device};
use crate::block::{BlockSource, BlockTarget};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::hardware::smart::Verdict;
use crate::hardware::usage::{Use, disks_under, uses_of, whole_disk};
use crate::hardware::{Disk, FirmwareMode, Inventory, SecureBoot, selector};
use crate::image::{DiskIdentity, Machine};
use crate::sys::block_device;
use crate::text::{Message, message};
use crate::units::Extent;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an inventory tells of the machine, as images keep it.
pub fn machine(inventory: &Inventory) -> Machine {
    let firmware = &inventory.firmware;
    Machine {
        vendor: firmware.vendor.clone(),
        product: firmware.product.clone(),
        serial: firmware.serial.clone(),
        firmware: match firmware.mode {
            FirmwareMode::Bios => Some("bios".to_owned()),
            FirmwareMode::Uefi => Some("uefi".to_owned()),
        },
        secure_boot: match firmware.secure_boot {
            SecureBoot::On => Some(true),
            SecureBoot::Off => Some(false),
            _ => None,
        },
    }
}

fn identity(path: &Path, disk: Option<&Disk>) -> DiskIdentity {
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = file_name.unwrap_or_else(|| path.display().to_string());
    let Some(disk) = disk else { return DiskIdentity { name, ..DiskIdentity::default() } };
    DiskIdentity {
        name,
        bus: Some(disk.bus.name().to_owned()),
        model: disk.model.clone(),
        serial: disk.serial.clone(),
        wwn: disk.wwn.clone(),
        smart: match disk.health.verdict {
            Verdict::Good => Some("good".to_owned()),
            Verdict::Failing => Some("failing".to_owned()),
            Verdict::Unknown => None,
        },
    }
}

fn list_of(uses: &[Use]) -> Message {
    uses.iter()
        .map(Use::message)
        .reduce(|first, next| message!("devices-and", first = first, next = next))
        .unwrap_or_else(|| message!("devices-nothing"))
}

/// Opens a disk to be saved.
///
/// # Errors
/// [`ErrorKind::Refused`] when something can write to it while it is read.
pub fn open_source(word: &str, inventory: &Inventory, choice: Choice) -> Result<SaveSource> {
    let selected = selector::resolve(word, inventory)?;
    let uses = uses_of(&selected.path)?;
    let writing: Vec<Use> = uses.iter().filter(|found| !found.never_writes()).cloned().collect();
    if !writing.is_empty() {
        return Err(Error::new(
            ErrorKind::Refused,
            message!("devices-source-in-use", uses = list_of(&writing)),
        )
        .on_device(selected.path.display().to_string())
        .advise(message!("devices-source-in-use-advice")));
    }
    let access = if uses.is_empty() { Access::Source } else { Access::SharedSource };
    let device = Device::open(&selected.path, access)?;
    let disk = selected.disk.as_deref().and_then(|name| inventory.disk(name));
    Ok(SaveSource {
        identity: identity(&selected.path, disk),
        physical_sector_size: device.physical_sector_size(),
        disk: Arc::new(device),
        choice,
    })
}

/// Which plain file a device is, where it is one.
fn plain_file(device: &Device) -> Result<Option<(u64, u64)>> {
    if device.is_block_device() {
        return Ok(None);
    }
    let metadata = device.file().metadata().context(|| message!("block-open-failed"))?;
    Ok(Some((metadata.dev(), metadata.ino())))
}

/// What the kernel tells of a block device.
fn sysfs_of(number: u64) -> PathBuf {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    PathBuf::from(format!("/sys/dev/block/{major}:{minor}"))
}

/// Whether a medium of this program is on it: its ISO file system, by name.
fn is_our_medium(path: &Path) -> bool {
    const DESCRIPTOR: u64 = 32 << 10;
    let descriptor = Device::open(path, Access::Look).and_then(|device| {
        let mut descriptor = [0; 512];
        device.read_at(DESCRIPTOR, &mut descriptor).map(|()| descriptor)
    });
    descriptor.is_ok_and(|descriptor| {
        descriptor[..6] == *b"\x01CD001" && descriptor[40..].starts_with(b"CALCO")
    })
}

/// A disk, partition or plain file that the person chose to overwrite.
pub struct DeviceTarget {
    path: PathBuf,
    /// The kernel's name of the disk it is or belongs to.
    disk: Option<String>,
    identity: DiskIdentity,
    size: u64,
    sequence: Option<u64>,
    /// For plain files, which one it is: file system and number in it.
    file: Option<(u64, u64)>,
    sector_size: Option<u32>,
    /// Folders that must not lie on it.
    protected: Vec<PathBuf>,
    is_partition: bool,
    /// Whether it is a partition, or a volume of the device mapper.
    is_volume: bool,
}

impl DeviceTarget {
    /// Finds a target. `protected` are folders that must survive: that of the image above all.
    ///
    /// # Errors
    /// When the word does not mean exactly one, or it cannot be opened for a look.
    pub fn find(word: &str, inventory: &Inventory, protected: &[PathBuf]) -> Result<Self> {
        let selected = selector::resolve(word, inventory)?;
        Self::at(&selected.path, selected.disk, selected.partition.is_some(), inventory, protected)
    }

    fn at(
        path: &Path,
        disk: Option<String>,
        is_partition: bool,
        inventory: &Inventory,
        protected: &[PathBuf],
    ) -> Result<Self> {
        let device = Device::open(path, Access::Look)?;
        let found = disk.as_deref().and_then(|name| inventory.disk(name));
        let number = device.file().metadata().ok().filter(|_| device.is_block_device());
        // Also of what is no disk, as a loop device.
        let tells = |name: &str| {
            let path = sysfs_of(number.as_ref()?.rdev()).join(name);
            std::fs::read_to_string(path).ok()
        };
        let is_partition = is_partition || tells("partition").is_some();
        let is_mapped =
            tells("dm/uuid").is_some_and(|id| id.starts_with("LVM-") || id.starts_with("CRYPT-"));
        Ok(Self {
            identity: identity(path, found),
            size: device.size(),
            sequence: block_device::disk_sequence(device.file()).ok(),
            file: plain_file(&device)?,
            sector_size: device.is_block_device().then(|| device.sector_size()),
            path: path.to_owned(),
            disk,
            protected: protected.to_vec(),
            is_partition,
            is_volume: is_partition || is_mapped,
        })
    }

    fn refused(&self, message: Message) -> Error {
        Error::new(ErrorKind::Refused, message).on_device(self.name())
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a plain file has another name in this folder.
    fn is_linked_in(&self, folder: &Path) -> bool {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files = entries.filter_map(|entry| entry.metadata().ok());
        self.file.is_some() && files.any(|file| Some((file.dev(), file.ino())) == self.file)
    }

    fn changed(&self) -> Error {
        self.refused(message!("devices-changed")).advise(message!("devices-changed-advice"))
    }
}

impl RestoreTarget for DeviceTarget {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn identity(&self) -> DiskIdentity {
        self.identity.clone()
    }

    fn sector_size(&self) -> Option<u32> {
        self.sector_size
    }

    fn kind(&self) -> TargetKind {
        match (self.is_volume, &self.disk) {
            (true, _) => TargetKind::Volume,
            (false, Some(_)) => TargetKind::Disk,
            (false, None) => TargetKind::Unknown,
        }
    }

    fn node(&self) -> Option<(u64, u64)> {
        // No file system has a block device's number: that of a device is followed by a zero.
        let device = || std::fs::metadata(&self.path).ok().map(|metadata| (metadata.rdev(), 0));
        self.file.or_else(device)
    }

    fn check(&self) -> Result<()> {
        let metadata = std::fs::metadata(&self.path).ok();
        // Before other uses: the image's own volume may be mounted for nothing but this restore.
        for folder in &self.protected {
            let is_inside = std::fs::canonicalize(&self.path)
                .ok()
                .zip(std::fs::canonicalize(folder).ok())
                .is_some_and(|(target, folder)| target.starts_with(folder));
            // A partition beside that of the image may be restored; the whole disk may not.
            let is_below = !self.is_partition
                && metadata.as_ref().is_some_and(|found| found.file_type().is_block_device())
                && disks_under(folder)?.contains(&whole_disk(&self.path)?);
            if is_inside || is_below || self.is_linked_in(folder) {
                return Err(self
                    .refused(message!("devices-target-holds-image"))
                    .advise(message!("devices-target-holds-image-advice")));
            }
        }
        let is_of_image = |path: &Path| path.parent().is_some_and(destination::is_image);
        if self.file.is_some()
            && std::fs::canonicalize(&self.path).is_ok_and(|path| is_of_image(&path))
        {
            return Err(self
                .refused(message!("devices-target-is-image"))
                .advise(message!("devices-target-is-image-advice")));
        }
        if super::is_live() && is_our_medium(&self.path) {
            return Err(self
                .refused(message!("devices-target-is-calco"))
                .advise(message!("devices-target-is-calco-advice")));
        }
        let is_read_only = |metadata: &std::fs::Metadata| {
            metadata.file_type().is_block_device()
                && std::fs::read_to_string(sysfs_of(metadata.rdev()).join("ro"))
                    .is_ok_and(|text| text.trim() == "1")
        };
        if metadata.as_ref().is_some_and(is_read_only) {
            return Err(self
                .refused(message!("devices-target-read-only"))
                .advise(message!("devices-target-read-only-advice")));
        }
        let uses = uses_of(&self.path)?;
        if !uses.is_empty() {
            return Err(self
                .refused(message!("devices-target-in-use", uses = list_of(&uses)))
                .advise(message!("block-busy-advice")));
        }
        if self.disk.is_some()
            && let Some(metadata) = &metadata
            && disks_under(Path::new("/"))?.contains(&metadata.rdev())
        {
            return Err(self.refused(message!("devices-target-runs-system")));
        }
        Ok(())
    }

    fn look(&self) -> Result<Arc<dyn BlockSource>> {
        Ok(Arc::new(Device::open(&self.path, Access::Look)?))
    }

    fn open(&self) -> Result<Arc<dyn BlockTarget>> {
        self.check()?;
        let device = Device::open(&self.path, Access::Target)?;
        let sequence = block_device::disk_sequence(device.file()).ok();
        let is_same = device.size() == self.size
            && sequence == self.sequence
            && plain_file(&device)? == self.file;
        if !is_same {
            return Err(self.changed());
        }
        if let Some(name) = &self.disk {
            let now = Inventory::read(Path::new("/"));
            let found = now.disk(name);
            let same = found.is_some_and(|disk| {
                disk.serial == self.identity.serial && disk.wwn == self.identity.wwn
            });
            if !same {
                return Err(self.changed());
            }
        }
        if device.is_block_device() && block_device::is_read_only(device.file()).unwrap_or(false) {
            return Err(self
                .refused(message!("devices-target-read-only"))
                .advise(message!("devices-target-read-only-advice")));
        }
        Ok(Arc::new(device))
    }

    fn partition(&self, number: u32, extent: Extent) -> Option<Arc<dyn RestoreTarget>> {
        let name = self.path.to_str()?;
        let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
        let path = PathBuf::from(format!("{name}{separator}{number}"));
        let metadata = std::fs::metadata(&path).ok()?;
        if self.sector_size.is_none() || !metadata.file_type().is_block_device() {
            return None;
        }
        // The kernel may still go by an older table than the one on the disk: what it calls by
        // this number is then another place.
        let start = sysfs_of(metadata.rdev()).join("start");
        let start: u64 = std::fs::read_to_string(start).ok()?.trim().parse().ok()?;
        let inventory = Inventory::read(Path::new("/"));
        Self::at(&path, self.disk.clone(), true, &inventory, &self.protected)
            .ok()
            .filter(|target| Extent::new(start.saturating_mul(512), target.size) == extent)
            .map(|target| Arc::new(target) as Arc<dyn RestoreTarget>)
    }
}
