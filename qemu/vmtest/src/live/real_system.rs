//! Real systems to save, restore and boot.

use crate::{Bus, Disk, Firmware, project_folder};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// How long a real system may take from power on to its login prompt. It takes half a minute where
/// nothing else runs.
pub const SYSTEM_BOOT: Duration = Duration::from_secs(600);
/// What a real system says when it is up.
pub const LOGIN: &str = "calco-fixture login:";

/// One of the real systems that `qemu/fixtures/debian` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealSystem {
    BiosMbr,
    BiosGpt,
    Uefi,
    SecureBoot,
}

impl RealSystem {
    pub const ALL: [Self; 4] = [Self::BiosMbr, Self::BiosGpt, Self::Uefi, Self::SecureBoot];

    /// Its name, as in the files of its disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::BiosMbr => "bios-mbr",
            Self::BiosGpt => "bios-gpt",
            Self::Uefi => "uefi",
            Self::SecureBoot => "secure-boot",
        }
    }

    /// The firmware that starts it.
    pub fn firmware(self) -> Firmware {
        match self {
            Self::BiosMbr | Self::BiosGpt => Firmware::Bios,
            Self::Uefi => Firmware::Uefi,
            Self::SecureBoot => Firmware::UefiSecureBoot,
        }
    }

    /// How its disk is attached where it comes from; it is restored to another kind.
    pub fn bus(self) -> Bus {
        match self {
            Self::BiosMbr => Bus::Ahci,
            Self::BiosGpt | Self::Uefi => Bus::Virtio,
            Self::SecureBoot => Bus::Nvme,
        }
    }

    /// Its disk, made if it is not there. Never to be written to.
    pub fn file(self) -> PathBuf {
        folder().join(format!("{}.img", self.name()))
    }

    /// Its disk, as it is attached to a machine; writes are gone with the machine.
    pub fn disk(self) -> Disk {
        Disk::new(self.file()).on(self.bus()).serial_number("SOURCE").discard_writes()
    }
}

/// Makes the real systems if they are not there.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let script = project_folder().join("qemu/fixtures/debian");
        let output = Command::new(&script).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {words}", script.display());
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}
