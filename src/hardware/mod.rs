//! The machine: its firmware, its disks and who they are, and what is in the way of using them.
//!
//! Everything is read from sysfs and procfs, so it works in the live system, which runs no udev,
//! and the names it makes are udev's own.

mod boot_entries;
mod controllers;
mod disk;
mod firmware;
pub mod modules;
pub mod mounts;
mod names;
pub mod selector;
pub mod smart;
mod sysfs;
#[cfg(test)]
mod testing;
pub mod uevents;
pub mod usage;
mod vpd;

pub use boot_entries::{BootEntries, BootPartition, PartitionSignature};
pub use controllers::HiddenController;
pub use disk::{Bus, DerivedDisk, DerivedKind, Disk, KernelPartition};
pub use firmware::{Firmware, FirmwareMode, SecureBoot};

use serde::Serialize;
use std::path::Path;

/// What a machine has, as far as saving and restoring disks is concerned.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Inventory {
    /// The machine and its firmware.
    pub firmware: Firmware,
    /// The disks.
    pub disks: Vec<Disk>,
    /// Loop devices, RAID arrays and the like: they stand on something else.
    pub derived: Vec<DerivedDisk>,
    /// Controllers whose disks cannot be seen, with what the person can do.
    pub hidden: Vec<HiddenController>,
}

/// What this machine has. Asks the disks for their health, which can take
/// [`smart::PROBE_TIME`] when one of them does not answer.
pub fn inventory() -> Inventory {
    let root = Path::new("/");
    let mut inventory = Inventory::read(root);
    smart::fill(&mut inventory.disks, &root.join("sys"));
    inventory
}

impl Inventory {
    /// Reads the tree at `root`, in which `sys` is a sysfs and `dev` holds udev's links if there
    /// are any. Asks no disk anything.
    pub fn read(root: &Path) -> Self {
        let found = disk::read(root);
        Self {
            firmware: firmware::read(root),
            disks: found.disks,
            derived: found.derived,
            hidden: controllers::read(root),
        }
    }

    /// The disk with this name of the kernel's.
    pub fn disk(&self, kernel_name: &str) -> Option<&Disk> {
        self.disks.iter().find(|disk| disk.kernel_name == kernel_name)
    }
}

#[cfg(test)]
mod tests;
