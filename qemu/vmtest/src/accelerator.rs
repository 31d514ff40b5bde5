//! Whether the processor can run guests by itself.

use crate::place::project_folder;
use std::process::Command;
use std::sync::OnceLock;

/// How instructions of the guest are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// By the processor.
    Kvm,
    /// Translated by QEMU: tens of times slower.
    Tcg,
}

impl Accelerator {
    /// KVM where a guest really runs with it, else TCG: `qemu/acceleration` tries it, once for each
    /// process. `CALCO_ACCELERATOR=tcg` or `kvm` decides without trying.
    pub fn best() -> Self {
        static BEST: OnceLock<Accelerator> = OnceLock::new();
        *BEST.get_or_init(|| match std::env::var("CALCO_ACCELERATOR").as_deref() {
            Ok("tcg") => Self::Tcg,
            Ok("kvm") => Self::Kvm,
            _ => {
                let script = project_folder().join("qemu/acceleration");
                let output = Command::new(script).output();
                match output.is_ok_and(|output| output.stdout.trim_ascii() == b"kvm") {
                    true => Self::Kvm,
                    false => Self::Tcg,
                }
            }
        })
    }

    /// QEMU's arguments for it.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "max"],
            Self::Tcg => ["-accel", "tcg", "-cpu", "max"],
        }
    }

    /// Processors of a guest. When QEMU 7.2 translates for two at once, one of them can run into code
    /// that the other is changing, and the kernel ends with "Oops: int3".
    pub(crate) const fn processors(self) -> usize {
        match self {
            Self::Kvm => 2,
            Self::Tcg => 1,
        }
    }
}
