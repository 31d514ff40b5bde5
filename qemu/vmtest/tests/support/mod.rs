//! What the tests of the live system have in common.

use calco_vmtest::{Bus, Disk, project_folder};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a real system may take from power on to its login prompt.
pub const SYSTEM_BOOT: Duration = Duration::from_secs(180);

/// One of the real systems that `qemu/fixtures/debian` makes.
#[derive(Clone, Copy, Debug)]
pub enum RealSystem {
    BiosMbr,
    BiosGpt,
    Uefi,
    SecureBoot,
}

impl RealSystem {
    /// Its disk, made if it is not there. Never to be written to.
    pub fn file(self) -> PathBuf {
        let name = match self {
            Self::BiosMbr => "bios-mbr.img",
            Self::BiosGpt => "bios-gpt.img",
            Self::Uefi => "uefi.img",
            Self::SecureBoot => "secure-boot.img",
        };
        fixture_folder().join(name)
    }

    /// Its disk, as it is attached to a machine; writes are gone with the machine.
    pub fn disk(self, bus: Bus) -> Disk {
        Disk::new(self.file()).on(bus).discard_writes()
    }
}

/// Makes the real systems if they are not there.
fn fixture_folder() -> PathBuf {
    let script = project_folder().join("qemu/fixtures/debian");
    let output = Command::new(&script).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {words}", script.display());
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).to_owned()
}
