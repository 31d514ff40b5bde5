//! Whether the processor can run guests by itself.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A sector that a BIOS starts, which tells by the exit code that it ran. Real mode code of the
/// Intel 8086: `mov dx, 0xf4; mov al, 0x2a; out dx, al; hlt; jmp -3`.
const PROOF: [u8; 9] = [0xba, 0xf4, 0x00, 0xb0, 0x2a, 0xee, 0xf4, 0xeb, 0xfd];
/// What QEMU's `isa-debug-exit` makes of 0x2a: twice the value plus one.
const PROVEN: i32 = 0x2a * 2 + 1;
const LONGEST_PROOF: Duration = Duration::from_secs(20);

/// How instructions of the guest are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// By the processor.
    Kvm,
    /// Translated by QEMU: tens of times slower.
    Tcg,
}

impl Accelerator {
    /// KVM where a guest really runs with it, else TCG: `/dev/kvm` can be there and guests die all
    /// the same. Tried once for each process; `CALCO_ACCELERATOR=tcg` or `kvm` decides without
    /// trying.
    pub fn best() -> Self {
        static BEST: OnceLock<Accelerator> = OnceLock::new();
        *BEST.get_or_init(|| match std::env::var("CALCO_ACCELERATOR").as_deref() {
            Ok("tcg") => Self::Tcg,
            Ok("kvm") => Self::Kvm,
            _ if Path::new("/dev/kvm").exists() && kvm_runs() => Self::Kvm,
            _ => Self::Tcg,
        })
    }

    /// QEMU's arguments for it.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", "max"],
        }
    }
}

/// Boots the proof by a BIOS.
fn kvm_runs() -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    let disk = folder.path().join("proof.img");
    let mut sector = [0; 512];
    sector[..PROOF.len()].copy_from_slice(&PROOF);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    if std::fs::write(&disk, sector).is_err() {
        return false;
    }
    let drive = format!("file={},format=raw,if=ide", disk.display());
    let mut command = Command::new("qemu-system-x86_64");
    command.args(Accelerator::Kvm.arguments());
    command.args(["-m", "32", "-display", "none", "-serial", "none", "-monitor", "none"]);
    command.args(["-no-reboot", "-device", "isa-debug-exit,iobase=0xf4", "-drive", &drive]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut qemu) = command.spawn() else { return false };
    let until = Instant::now() + LONGEST_PROOF;
    let status = loop {
        match qemu.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            _ => break None,
        }
    };
    let _ = qemu.kill();
    let _ = qemu.wait();
    status.and_then(|status| status.code()) == Some(PROVEN)
}
