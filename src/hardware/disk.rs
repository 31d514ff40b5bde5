//! Disks, as sysfs shows them.

use super::names;
use super::smart::Health;
use super::sysfs::{self, Chain, file_name, flag, is_numbered, link_name, number, text};
use super::vpd;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How a disk is attached.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are the names of the buses")]
pub enum Bus {
    Ata,
    Usb,
    Nvme,
    /// NVMe over a network.
    NvmeFabrics,
    Scsi,
    Sas,
    Iscsi,
    FibreChannel,
    Virtio,
    /// eMMC, soldered.
    Mmc,
    /// An SD card.
    SdCard,
    Xen,
    /// Hyper-V.
    Vmbus,
    Firewire,
    Pmem,
    Other,
}

impl Bus {
    /// How people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ata => "ATA",
            Self::Usb => "USB",
            Self::Nvme => "NVMe",
            Self::NvmeFabrics => "NVMe-oF",
            Self::Scsi => "SCSI",
            Self::Sas => "SAS",
            Self::Iscsi => "iSCSI",
            Self::FibreChannel => "FC",
            Self::Virtio => "virtio",
            Self::Mmc => "eMMC",
            Self::SdCard => "SD",
            Self::Xen => "Xen",
            Self::Vmbus => "Hyper-V",
            Self::Firewire => "FireWire",
            Self::Pmem => "PMEM",
            Self::Other => "?",
        }
    }
}

/// A disk: a piece of hardware, or what a virtual machine shows as one.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Disk {
    /// The kernel's name, such as `sda`: good until the next start only.
    pub kernel_name: String,
    /// The device node.
    pub path: PathBuf,
    /// How it is attached.
    pub bus: Bus,
    /// Vendor, where the bus tells one.
    pub vendor: Option<String>,
    /// Model, in full.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// World wide name, EUI-64 or NGUID with its prefix, as the disk tells it: `0x5000c500…`,
    /// `eui.0025…`, `uuid.…`.
    pub wwn: Option<String>,
    /// Size in bytes; 0 when no medium is in the drive.
    pub size: u64,
    /// Logical sector size in bytes.
    pub logical_sector_size: u32,
    /// Physical sector size in bytes.
    pub physical_sector_size: u32,
    /// Whether it has turning platters, as far as the kernel knows.
    pub rotational: bool,
    /// Whether the medium can be taken out of the drive (card readers, USB sticks).
    pub removable: bool,
    /// Whether it belongs to the inside of the machine: neither removable nor on a bus or slot
    /// that leads outside.
    pub internal: bool,
    /// Whether the kernel refuses to write to it.
    pub read_only: bool,
    /// The kernel's number for this disk in this drive, never used twice since the start.
    pub sequence: Option<u64>,
    /// Where it is plugged in, in the form of `/dev/disk/by-path`.
    pub transport_path: Option<String>,
    /// Every name it has below `/dev/disk/by-id`, by udev's links or computed as udev would.
    pub names: Vec<String>,
    /// Its partitions, as the kernel has read them.
    pub partitions: Vec<KernelPartition>,
    /// What the disk says of its own health; see [`super::smart`].
    pub health: Health,
}

/// A partition that the kernel knows of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KernelPartition {
    /// Its number.
    pub number: u32,
    /// The kernel's name, such as `sda1`.
    pub kernel_name: String,
}

/// What a derived block device is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DerivedKind {
    /// A loop device on this file or device.
    Loop {
        /// What it stands on, as the kernel names it.
        backing: String,
    },
    /// A software RAID array.
    Raid {
        /// Its level, such as `raid1`.
        level: Option<String>,
        /// The kernel's names of its members.
        members: Vec<String>,
    },
    /// A network block device that is connected.
    NetworkBlockDevice,
    /// A boot area of an eMMC, apart from its main area.
    MmcBootArea,
}

/// A block device that is made from something else, or a small extra area of a disk: never
/// meant when somebody says "the disk".
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DerivedDisk {
    /// The kernel's name.
    pub kernel_name: String,
    /// The device node.
    pub path: PathBuf,
    /// What it is.
    #[serde(flatten)]
    pub kind: DerivedKind,
    /// Size in bytes.
    pub size: u64,
    /// Logical sector size in bytes.
    pub logical_sector_size: u32,
    /// Whether the kernel refuses to write to it.
    pub read_only: bool,
    /// The kernel's number for what is in this device, never used twice since the start.
    pub sequence: Option<u64>,
    /// Its partitions, as the kernel has read them.
    pub partitions: Vec<KernelPartition>,
}

/// What sysfs tells apart from the names.
pub(super) struct Found {
    pub(super) disks: Vec<Disk>,
    pub(super) derived: Vec<DerivedDisk>,
}

/// Reads `sys/block` below `root`.
pub(super) fn read(root: &Path) -> Found {
    let folder = root.join("sys/block");
    let links = names::links(&root.join("dev/disk/by-id"));
    let mut found = Found { disks: Vec::new(), derived: Vec::new() };
    for name in sysfs::names(&folder) {
        let device = folder.join(&name);
        // The paths of one multipath NVMe disk are hidden; so is what is no disk to anybody.
        if flag(&device.join("hidden")).unwrap_or(false) {
            continue;
        }
        match sort(&name, &device) {
            Sort::Disk => {
                let mut disk = read_disk(&name, &device);
                let own = links.iter().filter(|(_, target)| *target == name);
                disk.names.extend(own.map(|(link, _)| link.clone()));
                disk.names.sort();
                disk.names.dedup();
                found.disks.push(disk);
            }
            Sort::Derived(kind) => found.derived.push(DerivedDisk {
                path: node(&name),
                kind,
                size: size(&device),
                logical_sector_size: sector_size(&device, "logical"),
                read_only: flag(&device.join("ro")).unwrap_or(false),
                sequence: number(&device.join("diskseq")),
                partitions: partitions(&device),
                kernel_name: name,
            }),
            Sort::Other => {}
        }
    }
    found.disks.sort_by(|a, b| natural(&a.kernel_name).cmp(&natural(&b.kernel_name)));
    found
}

enum Sort {
    Disk,
    Derived(DerivedKind),
    Other,
}

fn sort(name: &str, device: &Path) -> Sort {
    let occupied = || size(device) > 0;
    if is_numbered(name, "loop") {
        return match text(&device.join("loop/backing_file")) {
            Some(backing) => Sort::Derived(DerivedKind::Loop { backing }),
            None => Sort::Other,
        };
    }
    if device.join("md").is_dir() {
        return match occupied() {
            true => Sort::Derived(DerivedKind::Raid {
                level: text(&device.join("md/level")),
                members: sysfs::names(&device.join("slaves")),
            }),
            false => Sort::Other,
        };
    }
    if is_numbered(name, "nbd") {
        return match occupied() {
            true => Sort::Derived(DerivedKind::NetworkBlockDevice),
            false => Sort::Other,
        };
    }
    if let Some((card, "0" | "1")) = name.split_once("boot")
        && is_numbered(card, "mmcblk")
    {
        return Sort::Derived(DerivedKind::MmcBootArea);
    }
    // Memory, optical drives, floppies, flash translation layers, and what is made of disks.
    const OTHERS: [&str; 11] =
        ["ram", "zram", "dm-", "sr", "fd", "mtdblock", "bcache", "zd", "drbd", "rbd", "ublkb"];
    let other = OTHERS.iter().any(|prefix| is_numbered(name, prefix))
        || (name.starts_with("mmcblk") && name.ends_with("rpmb"));
    if other { Sort::Other } else { Sort::Disk }
}

/// A key that puts `sdb` before `sdaa` and `nvme2n1` before `nvme10n1`.
fn natural(name: &str) -> (&str, usize, &str) {
    (name.get(..2).unwrap_or(""), name.len(), name)
}

fn node(name: &str) -> PathBuf {
    // The kernel writes `!` where the node's name has a slash: cciss!c0d0.
    Path::new("/dev").join(name.replace('!', "/"))
}

fn size(device: &Path) -> u64 {
    // Always counted in 512 bytes, whatever the sector size.
    number::<u64>(&device.join("size")).unwrap_or(0).saturating_mul(512)
}

fn sector_size(device: &Path, which: &str) -> u32 {
    number(&device.join(format!("queue/{which}_block_size"))).unwrap_or(512)
}

fn bus(name: &str, chain: &Chain) -> Bus {
    if name.starts_with("nvme") {
        let controller = chain.find("nvme", |folder| folder.join("transport").exists());
        return match controller.and_then(|folder| text(&folder.join("transport"))).as_deref() {
            None | Some("pcie" | "apple-nvme") => Bus::Nvme,
            Some(_) => Bus::NvmeFabrics,
        };
    }
    if name.starts_with("pmem") {
        return Bus::Pmem;
    }
    if chain.nearest("usb").is_some() {
        return Bus::Usb;
    }
    if let Some(card) = chain.nearest("mmc") {
        return match text(&card.join("type")).as_deref() {
            Some("MMC") => Bus::Mmc,
            _ => Bus::SdCard,
        };
    }
    if chain.numbered("ata").is_some() {
        return Bus::Ata;
    }
    if chain.nearest("virtio").is_some() {
        return Bus::Virtio;
    }
    if chain.nearest("vmbus").is_some() {
        return Bus::Vmbus;
    }
    if chain.nearest("xen").is_some() {
        return Bus::Xen;
    }
    if chain.nearest("firewire").is_some() {
        return Bus::Firewire;
    }
    if chain.numbered("session").is_some() {
        return Bus::Iscsi;
    }
    if chain.has_prefix("rport-") {
        return Bus::FibreChannel;
    }
    if chain.has_prefix("end_device-") {
        return Bus::Sas;
    }
    if chain.nearest("scsi").is_some() { Bus::Scsi } else { Bus::Other }
}

/// Whether the disk hangs on a Thunderbolt or USB4 socket: the kernel calls what is behind it
/// removable, whatever the disk itself says.
fn behind_external_port(chain: &Chain) -> bool {
    chain
        .find("pci", |folder| text(&folder.join("removable")).as_deref() == Some("removable"))
        .is_some()
}

fn read_disk(name: &str, device: &Path) -> Disk {
    let chain = Chain::of(device);
    let bus = bus(name, &chain);
    let identity = names::identify(name, device, bus, &chain);
    let removable = flag(&device.join("removable")).unwrap_or(false);
    let internal = match bus {
        Bus::Usb | Bus::SdCard | Bus::Firewire | Bus::Iscsi | Bus::FibreChannel => false,
        Bus::NvmeFabrics => false,
        _ => !removable && !behind_external_port(&chain),
    };
    Disk {
        kernel_name: name.to_owned(),
        path: node(name),
        bus,
        vendor: identity.vendor,
        model: identity.model,
        serial: identity.serial,
        wwn: identity.wwn,
        size: size(device),
        logical_sector_size: sector_size(device, "logical"),
        physical_sector_size: sector_size(device, "physical"),
        rotational: flag(&device.join("queue/rotational")).unwrap_or(false),
        removable,
        internal,
        read_only: flag(&device.join("ro")).unwrap_or(false),
        sequence: number(&device.join("diskseq")),
        transport_path: names::transport_path(name, device, &chain),
        names: identity.names,
        partitions: partitions(device),
        health: Health::default(),
    }
}

/// The partitions the kernel has made below a disk's folder in sysfs.
fn partitions(device: &Path) -> Vec<KernelPartition> {
    let mut found: Vec<KernelPartition> = sysfs::names(device)
        .into_iter()
        .filter_map(|kernel_name| {
            let number = number(&device.join(&kernel_name).join("partition"))?;
            Some(KernelPartition { number, kernel_name })
        })
        .collect();
    found.sort_by_key(|partition| partition.number);
    found
}

impl Disk {
    /// What a person calls it: vendor and model, else its bus.
    pub fn title(&self) -> String {
        match (&self.vendor, &self.model) {
            (Some(vendor), Some(model)) if !model.starts_with(vendor.as_str()) => {
                format!("{vendor} {model}")
            }
            (_, Some(model)) => model.clone(),
            (Some(vendor), None) => vendor.clone(),
            (None, None) => self.bus.name().to_owned(),
        }
    }

    /// The device node of the partition `number`, as the kernel would name it; it need not
    /// exist.
    pub fn partition_path(&self, number: u32) -> PathBuf {
        partition_path(&self.path, number)
    }
}

impl DerivedDisk {
    /// The device node of the partition `number`, as the kernel would name it; it need not
    /// exist.
    pub fn partition_path(&self, number: u32) -> PathBuf {
        partition_path(&self.path, number)
    }
}

fn partition_path(disk: &Path, number: u32) -> PathBuf {
    let name = file_name(disk);
    let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    disk.with_file_name(format!("{name}{separator}{number}"))
}

/// The kernel's name of a block device by its device number; `root` holds `sys`.
pub(super) fn kernel_name(root: &Path, number: u64) -> Option<String> {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    link_name(&root.join(format!("sys/dev/block/{major}:{minor}")))
}

/// Whether a device folder has a driver.
pub(super) fn driver(device: &Path) -> Option<String> {
    link_name(&device.join("driver"))
}

/// The identity of an ATA or SCSI disk in the VPD pages that the kernel keeps for it.
pub(super) struct VpdPages {
    pub(super) designators: Vec<vpd::Designator>,
    pub(super) serial: Option<String>,
    pub(super) ata: Option<vpd::AtaIdentity>,
}

impl VpdPages {
    pub(super) fn read(device: &Path) -> Self {
        let page = |name: &str| sysfs::bytes(&device.join("device").join(name)).unwrap_or_default();
        let designators = vpd::designators(&page("vpd_pg83"));
        let ata = vpd::ata_identity(&page("vpd_pg89"))
            .or_else(|| vpd::ata_identity_from_designators(&designators));
        Self { designators, serial: vpd::unit_serial_number(&page("vpd_pg80")), ata }
    }
}
