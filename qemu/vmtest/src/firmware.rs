//! What starts the machine.

use std::io;
use std::path::{Path, PathBuf};

/// Where Debian's package `ovmf` puts its files.
const OVMF: &str = "/usr/share/OVMF";

/// The firmware of a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firmware {
    /// SeaBIOS.
    #[default]
    Bios,
    /// OVMF, which starts whatever it finds.
    Uefi,
    /// OVMF with Microsoft's keys enrolled and Secure Boot enforced.
    UefiSecureBoot,
}

impl Firmware {
    /// The code, and the variables to start from.
    fn files(self) -> Option<(PathBuf, PathBuf)> {
        let (code, variables) = match self {
            Self::Bios => return None,
            Self::Uefi => ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
            Self::UefiSecureBoot => ("OVMF_CODE_4M.ms.fd", "OVMF_VARS_4M.ms.fd"),
        };
        Some((Path::new(OVMF).join(code), Path::new(OVMF).join(variables)))
    }

    /// The machine type that it needs.
    pub(crate) fn machine_type(self) -> &'static str {
        match self {
            // The variables can only be written from system management mode.
            Self::UefiSecureBoot => "q35,smm=on",
            _ => "q35",
        }
    }

    /// Makes the machine's own variables in this file, if it is not there, as of a machine that was
    /// never used.
    pub(crate) fn prepare(self, variables: &Path) -> io::Result<()> {
        if let Some((_, template)) = self.files()
            && !variables.exists()
        {
            std::fs::copy(template, variables)?;
        }
        Ok(())
    }

    /// QEMU's arguments for it.
    pub(crate) fn arguments(self, variables: &Path) -> Vec<String> {
        let Some((code, _)) = self.files() else { return Vec::new() };
        let (code, variables) = (code.display(), variables.display());
        let mut arguments = vec![
            "-drive".to_owned(),
            format!("if=pflash,unit=0,format=raw,readonly=on,file={code}"),
            "-drive".to_owned(),
            format!("if=pflash,unit=1,format=raw,file={variables}"),
        ];
        if self == Self::UefiSecureBoot {
            arguments.push("-global".to_owned());
            arguments.push("driver=cfi.pflash01,property=secure,value=on".to_owned());
        }
        arguments
    }
}
