//! Controllers behind which disks may hide: those without a driver, and firmware RAID.

use super::disk::driver;
use super::sysfs::{self, hexadecimal, number};
use crate::text::{Message, message};
use serde::Serialize;
use std::path::Path;

/// A controller whose disks, or some of them, cannot be seen.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HiddenController {
    /// PCI address, such as `0000:00:17.0`.
    pub address: String,
    /// PCI vendor id.
    pub vendor_id: u16,
    /// PCI device id.
    pub device_id: u16,
    /// PCI class, subclass and programming interface.
    pub class: u32,
    /// The driver that has it, if any.
    pub driver: Option<String>,
    /// What it is and what the person can do.
    pub message: Message,
}

const INTEL: u16 = 0x8086;
const AMD: u16 = 0x1022;

/// Intel Volume Management Device, under which newer machines keep their NVMe disks.
const INTEL_VMD: [u16; 10] =
    [0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b, 0x9a0b, 0xa77f, 0xad0b, 0xb06f, 0xb60b];
/// AMD RAID: SATA controllers in RAID mode, and what takes the place of each NVMe disk.
const AMD_RAID: [u16; 5] = [0x43bd, 0x7905, 0x7916, 0x7917, 0xb000];

/// Base class and subclass of RAID controllers.
const RAID: u32 = 0x0104;

/// The plain name of a class of controllers that leads to disks or sticks; `None` for others.
fn class_name(class: u32) -> Option<Message> {
    Some(match class >> 8 {
        0x0100 => message!("hardware-class-scsi"),
        0x0101 => message!("hardware-class-ide"),
        RAID => message!("hardware-class-raid"),
        0x0105 | 0x0106 => message!("hardware-class-sata"),
        0x0107 => message!("hardware-class-sas"),
        0x0108 => message!("hardware-class-nvme"),
        0x0103 | 0x0109..=0x01ff => message!("hardware-class-storage"),
        0x0805 => message!("hardware-class-sd"),
        0x0c03 => match class & 0xff {
            // "USB device": the machine plays a device itself, nothing is plugged in there.
            0xfe => return None,
            _ => message!("hardware-class-usb"),
        },
        _ => return None,
    })
}

/// Reads the PCI devices in the tree at `root`.
pub(super) fn read(root: &Path) -> Vec<HiddenController> {
    let folder = root.join("sys/bus/pci/devices");
    sysfs::names(&folder)
        .into_iter()
        .filter_map(|address| read_one(&folder.join(&address), address))
        .collect()
}

fn read_one(device: &Path, address: String) -> Option<HiddenController> {
    let id = |name: &str| u16::try_from(hexadecimal(&device.join(name))?).ok();
    let (vendor_id, device_id) = (id("vendor")?, id("device")?);
    let class = hexadecimal(&device.join("class"))?;
    let driver = driver(device);
    // How many NVMe disks the firmware hides inside a SATA controller, says its driver.
    let remapped: u32 = number(&device.join("remapped_nvme")).unwrap_or(0);
    let ids = format!("{vendor_id:04x}:{device_id:04x}");
    let message = match (vendor_id, device_id) {
        (INTEL, _) if remapped > 0 => message!("hardware-remapped-nvme", count = remapped),
        _ if driver.is_some() => return None,
        (INTEL, id) if INTEL_VMD.contains(&id) => message!("hardware-intel-vmd", ids = ids),
        (AMD, id) if AMD_RAID.contains(&id) => message!("hardware-amd-raid", ids = ids),
        (INTEL, _) if class >> 8 == RAID => message!("hardware-intel-raid", ids = ids),
        (AMD, _) if class >> 8 == RAID => message!("hardware-amd-raid", ids = ids),
        _ => {
            message!("hardware-no-driver", name = class_name(class)?, ids = ids, address = &address)
        }
    };
    // Stored form: programs that read the inventory get the English sentence along.
    let message = message.to_stored();
    Some(HiddenController { address, vendor_id, device_id, class, driver, message })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tree;
    use super::*;
    use crate::text::Language;

    /// The only controller found, in a machine that also has a controller with a driver.
    fn found(tree: &Tree) -> Option<HiddenController> {
        tree.pci("0000:00:02.0", 0x1af4, 0x1001, 0x010000, Some("virtio-pci"));
        let mut found = read(tree.root());
        assert!(found.len() <= 1, "{found:?}");
        found.pop()
    }

    #[test]
    fn controllers_without_a_driver_are_told() {
        for (vendor, device, class, id) in [
            (0x8086, 0x282a, 0x010400, "hardware-intel-raid"),
            (0x8086, 0x9a0b, 0x010400, "hardware-intel-vmd"),
            (0x1022, 0x7905, 0x010400, "hardware-amd-raid"),
            (0x1022, 0xb000, 0x018000, "hardware-amd-raid"),
            (0x1000, 0x005d, 0x010400, "hardware-no-driver"),
            (0x144d, 0xa808, 0x010802, "hardware-no-driver"),
            (0x1217, 0x8621, 0x080501, "hardware-no-driver"),
            (0x1b21, 0x1242, 0x0c0330, "hardware-no-driver"),
        ] {
            let tree = Tree::new();
            tree.pci("0000:03:00.0", vendor, device, class, None);
            let controller = found(&tree).unwrap();
            assert_eq!(controller.message.id(), id, "{vendor:04x}:{device:04x}");
            assert_eq!((controller.vendor_id, controller.device_id), (vendor, device));
            for language in Language::ALL {
                let text = controller.message.in_language(language);
                assert!(text.contains(&format!("{vendor:04x}:{device:04x}")), "{text}");
            }
        }
    }

    #[test]
    fn controllers_that_hide_nothing_are_not_told() {
        for (class, driver) in [
            (0x010400, Some("megaraid_sas")), // hardware RAID that shows its volumes
            (0x010601, Some("ahci")),
            (0x030000, None), // graphics
            (0x0c0500, None), // SMBus
            (0x0c03fe, None), // USB in the role of a device
        ] {
            let tree = Tree::new();
            tree.pci("0000:03:00.0", 0x1000, 0x005d, class, driver);
            assert_eq!(found(&tree), None, "{class:06x}");
        }
    }

    #[test]
    fn nvme_disks_hidden_in_a_sata_controller_are_counted() {
        let with = |count: &str| {
            let tree = Tree::new();
            let device = tree.pci("0000:00:17.0", 0x8086, 0x282a, 0x010400, Some("ahci"));
            tree.write(&device.join("remapped_nvme"), count);
            found(&tree)
        };
        assert_eq!(with("0\n"), None);
        let controller = with("1\n").unwrap();
        assert_eq!(controller.message.id(), "hardware-remapped-nvme");
        assert_eq!(controller.driver.as_deref(), Some("ahci"));
    }
}
