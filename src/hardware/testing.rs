//! Trees that look like sysfs, for tests.

use super::Inventory;
use super::vpd::tests::{ata_pages, designator, page};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A root folder with `sys`, `dev` and `proc`.
pub(super) struct Tree {
    root: TempDir,
}

/// Sizes in the fixtures: 512-byte sectors of 500 GB.
pub(super) const SECTORS_500_GB: u64 = 976_773_168;

impl Tree {
    pub(super) fn new() -> Self {
        let tree = Self { root: tempfile::tempdir().unwrap() };
        for folder in [
            "sys/block",
            "sys/class/block",
            "sys/devices",
            "sys/dev/block",
            "sys/bus/pci/devices",
            "dev",
            "proc/self",
        ] {
            fs::create_dir_all(tree.root().join(folder)).unwrap();
        }
        tree
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn inventory(&self) -> Inventory {
        Inventory::read(self.root())
    }

    pub(super) fn write(&self, path: &Path, content: impl AsRef<[u8]>) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A device folder below `sys/devices`, of a subsystem, with its attributes.
    pub(super) fn device(
        &self,
        path: &str,
        subsystem: Option<&str>,
        attributes: &[(&str, &str)],
    ) -> PathBuf {
        let folder = self.root().join("sys/devices").join(path);
        fs::create_dir_all(&folder).unwrap();
        self.write(&folder.join("uevent"), "");
        if let Some(subsystem) = subsystem {
            symlink(self.root().join("sys/bus").join(subsystem), folder.join("subsystem")).unwrap();
        }
        for (name, value) in attributes {
            self.write(&folder.join(name), format!("{value}\n"));
        }
        folder
    }

    /// A PCI function, listed on its bus.
    pub(super) fn pci(
        &self,
        address: &str,
        vendor: u16,
        device: u16,
        class: u32,
        driver: Option<&str>,
    ) -> PathBuf {
        let folder = self.device(
            &format!("pci0000:00/{address}"),
            Some("pci"),
            &[
                ("vendor", &format!("0x{vendor:04x}")),
                ("device", &format!("0x{device:04x}")),
                ("class", &format!("0x{class:06x}")),
            ],
        );
        if let Some(driver) = driver {
            let target = self.root().join("sys/bus/pci/drivers").join(driver);
            symlink(target, folder.join("driver")).unwrap();
        }
        symlink(&folder, self.root().join("sys/bus/pci/devices").join(address)).unwrap();
        folder
    }

    /// The block device of the device at `path`, with a number, listed as the kernel does.
    pub(super) fn block(
        &self,
        path: &str,
        name: &str,
        number: &str,
        sectors: u64,
        attributes: &[(&str, &str)],
    ) -> PathBuf {
        let folder = self.device(
            &format!("{path}/block/{name}"),
            Some("block"),
            &[
                ("dev", number),
                ("size", &sectors.to_string()),
                ("ro", "0"),
                ("removable", "0"),
                ("hidden", "0"),
                ("diskseq", number.rsplit(':').next().unwrap()),
                ("queue/logical_block_size", "512"),
                ("queue/physical_block_size", "512"),
                ("queue/rotational", "0"),
            ],
        );
        for (attribute, value) in attributes {
            self.write(&folder.join(attribute), format!("{value}\n"));
        }
        // Not every device has one: virtual devices stand on nothing.
        let parent = self.root().join("sys/devices").join(path);
        if parent.join("uevent").exists() {
            symlink(&parent, folder.join("device")).unwrap();
        }
        symlink(&folder, self.root().join("sys/block").join(name)).unwrap();
        self.list(&folder, name, number);
        folder
    }

    /// A partition of a block device folder.
    pub(super) fn partition(&self, disk: &Path, name: &str, partition: u32, number: &str) {
        let folder = disk.join(name);
        self.write(&folder.join("partition"), format!("{partition}\n"));
        self.write(&folder.join("dev"), format!("{number}\n"));
        self.list(&folder, name, number);
    }

    fn list(&self, folder: &Path, name: &str, number: &str) {
        symlink(folder, self.root().join("sys/dev/block").join(number)).unwrap();
        symlink(folder, self.root().join("sys/class/block").join(name)).unwrap();
    }

    /// A virtual block device (dm, md, loop) that stands on others, which know it as holder.
    pub(super) fn stacked(&self, name: &str, number: &str, below: &[&str]) -> PathBuf {
        let folder = self.block("virtual", name, number, 1 << 20, &[]);
        for lower in below {
            let lower_folder = self.root().join("sys/class/block").join(lower);
            let lower_folder = lower_folder.canonicalize().unwrap();
            for (from, to, link) in [
                (&folder, "slaves", (&lower_folder, *lower)),
                (&lower_folder, "holders", (&folder, name)),
            ] {
                fs::create_dir_all(from.join(to)).unwrap();
                symlink(link.0, from.join(to).join(link.1)).unwrap();
            }
        }
        folder
    }

    /// Makes the links that udev makes: link name and kernel name.
    pub(super) fn by_id(&self, links: &[(&str, &str)]) {
        let folder = self.root().join("dev/disk/by-id");
        fs::create_dir_all(&folder).unwrap();
        for (link, name) in links {
            symlink(format!("../../{name}"), folder.join(link)).unwrap();
        }
    }

    /// A SATA disk on port `port` of an AHCI controller.
    pub(super) fn sata(&self, port: u32, name: &str, model: &str, serial: &str, wwn: Option<u64>) {
        let host = port - 1;
        let controller = "pci0000:00/0000:00:1f.2";
        if !self.root().join("sys/devices").join(controller).exists() {
            self.pci("0000:00:1f.2", 0x8086, 0x2922, 0x010601, Some("ahci"));
        }
        let ata = format!("{controller}/ata{port}");
        self.device(&ata, None, &[(&format!("ata_port/ata{port}/port_no"), &port.to_string())]);
        let address = format!("{host}:0:0:0");
        let scsi = format!("{ata}/host{host}/target{host}:0:0/{address}");
        // The kernel cuts the model to 16 characters here.
        let short = &model[..model.len().min(16)];
        let device = self.device(&scsi, Some("scsi"), &[("vendor", "ATA     "), ("model", short)]);
        let (page_83, page_89) = ata_pages(model, serial, wwn);
        self.write(&device.join("vpd_pg83"), page_83);
        self.write(&device.join("vpd_pg89"), page_89);
        let number = format!("8:{}", 16 * host);
        self.block(
            &scsi,
            name,
            &number,
            SECTORS_500_GB,
            &[("queue/physical_block_size", "4096"), ("queue/rotational", "1")],
        );
    }

    /// A USB stick.
    pub(super) fn usb_stick(&self, name: &str, vendor: &str, model: &str, serial: Option<&str>) {
        self.pci("0000:00:14.0", 0x8086, 0xa36d, 0x0c0330, Some("xhci_hcd"));
        let hub = "pci0000:00/0000:00:14.0/usb1";
        self.device(hub, Some("usb"), &[("idVendor", "1d6b"), ("serial", "0000:00:14.0")]);
        let stick = format!("{hub}/1-4");
        let folder =
            self.device(&stick, Some("usb"), &[("idVendor", "0781"), ("idProduct", "5581")]);
        if let Some(serial) = serial {
            self.write(&folder.join("serial"), format!("{serial}\n"));
        }
        let interface = format!("{stick}/1-4:1.0");
        self.device(&interface, Some("usb"), &[("bInterfaceNumber", "00")]);
        let scsi = format!("{interface}/host6/target6:0:0/6:0:0:0");
        let device = self.device(&scsi, Some("scsi"), &[("vendor", vendor), ("model", model)]);
        self.write(&device.join("vpd_pg80"), page(0x80, b"0000"));
        self.block(&scsi, name, "8:96", 60_062_500, &[("removable", "1")]);
    }

    /// An NVMe disk with one namespace.
    pub(super) fn nvme(&self, index: u32, model: &str, serial: &str, wwid: &str) {
        let address = format!("0000:0{}:00.0", index + 1);
        self.pci(&address, 0x144d, 0xa808, 0x010802, Some("nvme"));
        let controller = format!("pci0000:00/{address}/nvme/nvme{index}");
        self.device(
            &controller,
            Some("nvme"),
            // The controller pads both with spaces.
            &[
                ("model", &format!("{model:40}")),
                ("serial", &format!("{serial:20}")),
                ("transport", "pcie"),
            ],
        );
        let name = format!("nvme{index}n1");
        let folder = self.block(
            &controller,
            &name,
            &format!("259:{}", 16 * index),
            SECTORS_500_GB,
            &[("wwid", wwid), ("nsid", "1")],
        );
        self.partition(&folder, &format!("{name}p1"), 1, &format!("259:{}", 16 * index + 1));
    }

    /// A virtio disk.
    pub(super) fn virtio(&self, name: &str, serial: Option<&str>, minor: u32) {
        let address = format!("0000:00:0{}.0", minor / 16 + 3);
        self.pci(&address, 0x1af4, 0x1001, 0x010000, Some("virtio-pci"));
        let device = format!("pci0000:00/{address}/virtio{minor}");
        self.device(&device, Some("virtio"), &[("vendor", "0x1af4"), ("device", "0x0002")]);
        let folder = self.block(&device, name, &format!("254:{minor}"), 20 << 11, &[]);
        self.write(&folder.join("serial"), serial.unwrap_or(""));
    }

    /// An eMMC (`MMC`) or an SD card (`SD`) with its two boot areas.
    pub(super) fn mmc(&self, kind: &str, model: &str, serial: &str) {
        let host = "platform/soc/fe340000.mmc/mmc_host/mmc0/mmc0:0001";
        let cid = "150100445634303634";
        self.device(
            host,
            Some("mmc"),
            &[("name", model), ("serial", serial), ("type", kind), ("cid", cid)],
        );
        self.block(host, "mmcblk0", "179:0", 122_142_720, &[]);
        self.block(host, "mmcblk0boot0", "179:32", 8192, &[("ro", "1")]);
    }

    /// A SCSI disk of a virtual machine or a storage network: an identification page, no more.
    pub(super) fn scsi(&self, name: &str, vendor: &str, model: &str, designators: &[Vec<u8>]) {
        self.pci("0000:00:05.0", 0x1000, 0x0030, 0x010000, Some("mptspi"));
        let scsi = "pci0000:00/0000:00:05.0/host9/target9:0:1/9:0:1:0";
        let device = self.device(scsi, Some("scsi"), &[("vendor", vendor), ("model", model)]);
        self.write(&device.join("vpd_pg83"), page(0x83, &designators.concat()));
        self.block(scsi, name, "8:144", 20 << 11, &[]);
    }
}

/// A designator for [`Tree::scsi`].
pub(super) fn scsi_designator(code_set: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    designator(code_set, kind, value)
}
