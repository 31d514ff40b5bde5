//! What a disk says of its own health (SMART), where it can be asked.
//!
//! Asking needs root. A disk that does not answer, answers with an error, or hangs is "unknown":
//! that is never an error, and never a reason to wait longer than [`PROBE_TIME`].

use super::disk::{Bus, Disk};
use super::sysfs::{is_numbered, link_name};
use crate::sys::{nvme, scsi};
use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long one command may take. Disks that sleep need some seconds to wake up.
const COMMAND_TIME: Duration = Duration::from_secs(8);
/// How long all disks together may take, opening them included.
pub const PROBE_TIME: Duration = Duration::from_secs(10);

/// What a disk says of its health.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The disk sees no reason to worry.
    Good,
    /// The disk expects to fail soon, or has lost reliability: copy it first of all.
    Failing,
    /// It was not or could not be asked.
    #[default]
    Unknown,
}

impl Verdict {
    /// The word for it in JSON and in manifests.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
        }
    }
}

/// The verdict, with the numbers behind it where the disk gives any.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Health {
    /// The verdict.
    pub verdict: Verdict,
    /// Numbers of an NVMe disk.
    #[serde(flatten)]
    pub nvme: Option<NvmeHealth>,
}

/// From the health log of an NVMe disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct NvmeHealth {
    /// The critical warning bits: spare blocks low (0), temperature (1), reliability degraded
    /// (2), read-only (3), backup of volatile memory failed (4), persistent memory (5).
    pub critical_warning: u8,
    /// Spare blocks left, in percent.
    pub available_spare: u8,
    /// Estimated share of its life that is used up, in percent; can pass 100.
    pub percentage_used: u8,
    /// How often data could not be read or written without errors, saturated at 64 bits.
    pub media_errors: u64,
}

/// SMART RETURN STATUS (ACS-3, section 7.52.4) inside ATA PASS-THROUGH (16) (SAT-3, section
/// 12.2.2.3).
fn smart_return_status() -> [u8; 16] {
    const ATA_PASS_THROUGH_16: u8 = 0x85;
    const NO_DATA: u8 = 3 << 1;
    // Registers are wanted back even when the command went well: the verdict is in them.
    const CHECK_CONDITION: u8 = 1 << 5;
    let mut command = [0; 16];
    command[0] = ATA_PASS_THROUGH_16;
    command[1] = NO_DATA;
    command[2] = CHECK_CONDITION;
    command[4] = 0xda; // feature: return status
    command[10] = 0x4f; // LBA 15:8, the key of all SMART commands
    command[12] = 0xc2; // LBA 23:16
    command[14] = 0xb0; // command: SMART
    command
}

/// Reads the verdict from the ATA registers in sense data: descriptor format with an ATA status
/// return descriptor, or fixed format (SAT-3, section 12.2.2.6 and 12.2.2.7).
fn ata_verdict(sense: &[u8]) -> Verdict {
    let byte = |index: usize| sense.get(index).copied().unwrap_or(0);
    let (status, middle, high) = match byte(0) & 0x7f {
        0x72 | 0x73 => {
            // A list of descriptors: type, additional length, data.
            let mut list = sense.get(8..).unwrap_or(&[]);
            loop {
                let Some(&length) = list.get(1) else { return Verdict::Unknown };
                if let (0x09, Some(registers)) = (list[0], list.first_chunk::<14>()) {
                    break (registers[13], registers[9], registers[11]);
                }
                list = list.get(2 + usize::from(length)..).unwrap_or(&[]);
            }
        }
        // "ATA pass through information available".
        0x70 | 0x71 if (byte(12), byte(13)) == (0x00, 0x1d) => (byte(4), byte(10), byte(11)),
        _ => return Verdict::Unknown,
    };
    // Bit 0 of the status says that the command failed: SMART is switched off, for example.
    match (status & 1, middle, high) {
        (0, 0x4f, 0xc2) => Verdict::Good,
        (0, 0xf4, 0x2c) => Verdict::Failing,
        _ => Verdict::Unknown,
    }
}

/// Number of the health log page (NVM Express Base Specification 2.0, section 5.16.1.3).
const HEALTH_PAGE: u8 = 2;

fn nvme_health(page: &[u8; 512]) -> Health {
    let media_errors = u128::from_le_bytes(page[160..176].try_into().expect("16 bytes"));
    let numbers = NvmeHealth {
        critical_warning: page[0],
        available_spare: page[3],
        percentage_used: page[5],
        media_errors: media_errors.try_into().unwrap_or(u64::MAX),
    };
    // Heat passes; everything else does not.
    const TEMPERATURE: u8 = 1 << 1;
    let verdict = match numbers.critical_warning & !TEMPERATURE {
        0 => Verdict::Good,
        _ => Verdict::Failing,
    };
    Health { verdict, nvme: Some(numbers) }
}

fn ask(path: &Path, ata: bool) -> Health {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(device) = rustix::fs::open(path, flags, Mode::empty()) else {
        return Health::default();
    };
    if !ata {
        return match nvme::log_page(&device, HEALTH_PAGE, COMMAND_TIME) {
            Ok(page) => nvme_health(&page),
            Err(_) => Health::default(),
        };
    }
    let verdict = match scsi::command_without_data(&device, &smart_return_status(), COMMAND_TIME) {
        Ok(answer) => ata_verdict(&answer.sense),
        Err(_) => Verdict::Unknown,
    };
    Health { verdict, nvme: None }
}

/// How to ask a disk: `Some(true)` through ATA, `Some(false)` through NVMe.
fn way(disk: &Disk, device: &Path) -> Option<bool> {
    match disk.bus {
        Bus::Nvme | Bus::NvmeFabrics => Some(false),
        Bus::Ata => Some(true),
        Bus::Usb | Bus::Sas => {
            // An unknown command can hang a simple stick. A disk that gave its ATA identity
            // understands the ATA commands too.
            let translated = disk.names.iter().any(|name| name.starts_with("ata-"));
            let scsi = link_name(&device.join("device/subsystem")).as_deref() == Some("scsi");
            (translated && scsi && !disk.removable).then_some(true)
        }
        _ => None,
    }
}

/// Asks all disks at once, and fills in what they answer within [`PROBE_TIME`].
pub fn fill(disks: &mut [Disk], sysfs: &Path) {
    let (sender, receiver) = mpsc::channel();
    let mut asked = 0;
    for (index, disk) in disks.iter().enumerate() {
        let Some(ata) = way(disk, &sysfs.join("block").join(&disk.kernel_name)) else { continue };
        if disk.size == 0 || is_numbered(&disk.kernel_name, "sr") {
            continue;
        }
        let (sender, path) = (sender.clone(), disk.path.clone());
        // A thread that hangs in the kernel is left behind: it holds nothing but its descriptor.
        let thread = std::thread::Builder::new().name("smart".into()).spawn(move || {
            let _ = sender.send((index, ask(&path, ata)));
        });
        asked += usize::from(thread.is_ok());
    }
    let end = Instant::now() + PROBE_TIME;
    for _ in 0..asked {
        let left = end.saturating_duration_since(Instant::now());
        let Ok((index, health)) = receiver.recv_timeout(left) else { return };
        disks[index].health = health;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ata_command_is_built_as_specified() {
        assert_eq!(
            smart_return_status(),
            [0x85, 0x06, 0x20, 0, 0xda, 0, 0, 0, 0, 0, 0x4f, 0, 0xc2, 0, 0xb0, 0]
        );
    }

    /// Sense data in descriptor format with an ATA status return descriptor.
    fn sense(status: u8, middle: u8, high: u8) -> Vec<u8> {
        let mut sense = vec![0x72, 0x01, 0x00, 0x1d, 0, 0, 0, 0x0e];
        sense.extend([0x09, 0x0c, 0, 0, 0, 0, 0, 0, 0, middle, 0, high, 0xa0, status]);
        sense
    }

    #[test]
    fn ata_answers_are_understood() {
        assert_eq!(ata_verdict(&sense(0x50, 0x4f, 0xc2)), Verdict::Good);
        assert_eq!(ata_verdict(&sense(0x50, 0xf4, 0x2c)), Verdict::Failing);
        assert_eq!(ata_verdict(&sense(0x51, 0x4f, 0xc2)), Verdict::Unknown, "command aborted");
        assert_eq!(ata_verdict(&sense(0x50, 0, 0)), Verdict::Unknown, "registers not filled");
        for length in 0..21 {
            // Cut off before the registers: never a verdict.
            assert_eq!(ata_verdict(&sense(0x50, 0xf4, 0x2c)[..length]), Verdict::Unknown);
        }

        let mut fixed = [0u8; 18];
        fixed[0] = 0x70;
        (fixed[4], fixed[10], fixed[11], fixed[13]) = (0x50, 0xf4, 0x2c, 0x1d);
        assert_eq!(ata_verdict(&fixed), Verdict::Failing);
        fixed[12] = 0x20; // "invalid command operation code"
        assert_eq!(ata_verdict(&fixed), Verdict::Unknown);
        // A descriptor list that never advances past its end.
        assert_eq!(ata_verdict(&[0x72; 96]), Verdict::Unknown);
    }

    #[test]
    fn the_words_are_those_of_json() {
        for verdict in [Verdict::Good, Verdict::Failing, Verdict::Unknown] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.id());
        }
    }

    #[test]
    fn nvme_answers_are_understood() {
        let mut page = [0u8; 512];
        (page[3], page[5]) = (100, 7);
        page[160] = 3;
        let health = nvme_health(&page);
        assert_eq!(health.verdict, Verdict::Good);
        let numbers = health.nvme.unwrap();
        assert_eq!(
            (numbers.available_spare, numbers.percentage_used, numbers.media_errors),
            (100, 7, 3)
        );
        page[0] = 0b10;
        assert_eq!(nvme_health(&page).verdict, Verdict::Good, "hot is not failing");
        page[0] = 0b100;
        assert_eq!(nvme_health(&page).verdict, Verdict::Failing);
        page[160..176].fill(0xff);
        assert_eq!(nvme_health(&page).nvme.unwrap().media_errors, u64::MAX);
    }
}
