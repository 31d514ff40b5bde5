//! Disks and how they are attached.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A SCSI host adapter, by its QEMU name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScsiController {
    /// virtio-scsi.
    Virtio,
    /// LSI 53C895A, in old servers and virtual machines.
    Lsi53c895a,
    /// LSI MegaRAID SAS.
    MegaRaid,
    /// LSI SAS 1068.
    Sas1068,
    /// VMware's paravirtual adapter.
    Vmware,
    /// AMD Am53C974.
    Am53c974,
}

impl ScsiController {
    fn device(self) -> &'static str {
        match self {
            Self::Virtio => "virtio-scsi-pci",
            Self::Lsi53c895a => "lsi53c895a",
            Self::MegaRaid => "megasas",
            Self::Sas1068 => "mptsas1068",
            Self::Vmware => "pvscsi",
            Self::Am53c974 => "am53c974",
        }
    }
}

/// How a disk is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk.
    #[default]
    Virtio,
    /// Serial ATA, on the machine's own AHCI controller.
    Ahci,
    /// NVM Express.
    Nvme,
    /// SCSI, each disk on an adapter of its own.
    Scsi(ScsiController),
    /// A USB stick, on the machine's xHCI controller.
    Usb,
}

/// A disk whose bytes are in a file.
#[derive(Clone, Debug)]
pub struct Disk {
    file: PathBuf,
    bus: Bus,
    serial_number: Option<String>,
    sector_size: u32,
    discard_writes: bool,
    read_errors: Vec<u64>,
}

impl Disk {
    /// The disk whose bytes are in this file, with 512-byte sectors, on virtio.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            bus: Bus::default(),
            serial_number: None,
            sector_size: 512,
            discard_writes: false,
            read_errors: Vec::new(),
        }
    }

    /// How it is attached.
    #[must_use]
    pub fn on(self, bus: Bus) -> Self {
        Self { bus, ..self }
    }

    /// The serial number that it tells.
    #[must_use]
    pub fn serial_number(self, number: &str) -> Self {
        Self { serial_number: Some(number.to_owned()), ..self }
    }

    /// Logical and physical sector size, in bytes: 512 or 4096.
    #[must_use]
    pub fn sector_size(self, bytes: u32) -> Self {
        Self { sector_size: bytes, ..self }
    }

    /// The file stays as it is; what the guest writes is gone with the guest.
    #[must_use]
    pub fn discard_writes(self) -> Self {
        Self { discard_writes: true, ..self }
    }

    /// Reading this sector (of 512 bytes) fails, always.
    #[must_use]
    pub fn read_error_at(mut self, sector: u64) -> Self {
        self.read_errors.push(sector);
        self
    }

    /// The file with its bytes.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// How QEMU reads and writes its bytes, as a node of its block layer (docs/devel/blkdebug.rst).
    pub(crate) fn block_node(&self) -> Value {
        let mut file = json!({ "driver": "file", "filename": self.file });
        if !self.read_errors.is_empty() {
            let rules: Vec<Value> = self
                .read_errors
                .iter()
                .map(|sector| json!({ "event": "none", "iotype": "read", "sector": sector }))
                .collect();
            file = json!({ "driver": "blkdebug", "image": file, "inject-error": rules });
        }
        json!({ "driver": "raw", "file": file })
    }

    /// The argument of `-drive`.
    pub(crate) fn drive_argument(&self, name: &str) -> String {
        let node = format!("json:{}", self.block_node()).replace(',', ",,");
        let snapshot = if self.discard_writes { ",snapshot=on" } else { "" };
        format!("if=none,id={name},cache=unsafe,file={node}{snapshot}")
    }

    /// Whether it can be attached while the machine runs.
    pub(crate) fn can_be_plugged(&self) -> bool {
        self.bus == Bus::Usb && !self.discard_writes
    }

    /// What the guest sees, as the properties of QEMU's device, with the adapter before it if it
    /// needs one. `port` is that of the AHCI controller.
    pub(crate) fn devices(&self, name: &str, port: usize, boot_index: Option<usize>) -> Vec<Value> {
        let mut before = Vec::new();
        let mut device = match self.bus {
            Bus::Virtio => json!({ "driver": "virtio-blk-pci" }),
            Bus::Ahci => json!({ "driver": "ide-hd", "bus": format!("ide.{port}") }),
            Bus::Nvme => json!({ "driver": "nvme", "serial": "NVME0" }),
            Bus::Scsi(controller) => {
                let adapter = format!("{name}-adapter");
                before.push(json!({ "driver": controller.device(), "id": adapter }));
                json!({ "driver": "scsi-hd", "bus": format!("{adapter}.0") })
            }
            Bus::Usb => json!({ "driver": "usb-storage", "bus": "usb.0", "removable": true }),
        };
        device["drive"] = name.into();
        device["id"] = format!("{name}-device").into();
        if let Some(number) = &self.serial_number {
            device["serial"] = number.as_str().into();
        }
        if self.sector_size != 512 {
            device["logical_block_size"] = self.sector_size.into();
            device["physical_block_size"] = self.sector_size.into();
        }
        if let Some(index) = boot_index {
            device["bootindex"] = index.into();
        }
        before.push(device);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_disk_is_virtio_with_512_byte_sectors() {
        let disk = Disk::new("/tmp/a,b.img");
        assert_eq!(
            disk.devices("d", 0, None),
            [json!({ "driver": "virtio-blk-pci", "drive": "d", "id": "d-device" })]
        );
        let argument = disk.drive_argument("d");
        assert!(argument.contains(r#""filename":"/tmp/a,,b.img""#), "{argument}");
        assert!(!argument.contains("snapshot"));
        assert!(disk.clone().discard_writes().drive_argument("d").ends_with(",snapshot=on"));
    }

    #[test]
    fn each_bus_has_its_device() {
        let last = |bus| Disk::new("x").on(bus).serial_number("S1").devices("d", 3, Some(2));
        let ahci = last(Bus::Ahci);
        assert_eq!(ahci[0]["bus"], "ide.3");
        assert_eq!(ahci[0]["serial"], "S1");
        assert_eq!(ahci[0]["bootindex"], 2);
        let scsi = last(Bus::Scsi(ScsiController::MegaRaid));
        assert_eq!(scsi[0]["driver"], "megasas");
        assert_eq!(scsi[1]["bus"], "d-adapter.0");
        assert_eq!(last(Bus::Usb)[0]["removable"], true);
        assert_eq!(last(Bus::Nvme)[0]["serial"], "S1");
    }

    #[test]
    fn bad_sectors_go_through_blkdebug() {
        let node = Disk::new("x").read_error_at(2048).read_error_at(9).block_node();
        assert_eq!(node["file"]["driver"], "blkdebug");
        assert_eq!(node["file"]["inject-error"][1]["sector"], 9);
        assert_eq!(node["file"]["image"]["filename"], "x");
    }

    #[test]
    fn large_sectors_are_told_to_the_guest() {
        let device = &Disk::new("x").sector_size(4096).devices("d", 0, None)[0];
        assert_eq!(device["logical_block_size"], 4096);
        assert_eq!(device["physical_block_size"], 4096);
    }
}
