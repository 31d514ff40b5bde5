//! The firmware: BIOS or UEFI, Secure Boot, and what the machine calls itself.

use super::sysfs::{self, text};
use serde::Serialize;
use std::path::Path;

/// How the machine was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FirmwareMode {
    /// By UEFI.
    Uefi,
    /// By a BIOS, by UEFI acting as one, or by anything else that is not UEFI.
    Bios,
}

/// Whether only signed systems start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecureBoot {
    /// It is enforced.
    On,
    /// It is not, or the firmware has no such thing.
    Off,
    /// The firmware's variables cannot be read.
    Unknown,
}

/// The machine and its firmware.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Firmware {
    /// How the machine was started.
    pub mode: FirmwareMode,
    /// Whether Secure Boot is enforced.
    pub secure_boot: SecureBoot,
    /// Whether the firmware takes new Secure Boot keys from anybody (UEFI only).
    pub setup_mode: Option<bool>,
    /// Who made the machine.
    pub vendor: Option<String>,
    /// What its maker calls it.
    pub product: Option<String>,
    /// Its serial number; only root can read it.
    pub serial: Option<String>,
}

/// The GUID of the variables that the UEFI specification defines (section 3.3).
pub(super) const GLOBAL_VARIABLE: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// A UEFI variable that is one byte, 0 or 1. The file starts with 4 bytes of attributes.
fn variable(efi: &Path, name: &str) -> Option<bool> {
    let bytes = sysfs::bytes(&efi.join(format!("efivars/{name}-{GLOBAL_VARIABLE}")))?;
    match bytes.as_slice() {
        [_, _, _, _, value] => Some(*value != 0),
        _ => None,
    }
}

/// What boards say whose maker filled nothing in.
fn is_placeholder(text: &str) -> bool {
    const PLACEHOLDERS: [&str; 14] = [
        "default string",
        "none",
        "not applicable",
        "not available",
        "not specified",
        "n/a",
        "o.e.m.",
        "system manufacturer",
        "system product name",
        "system serial number",
        "system version",
        "to be filled by o.e.m.",
        "undefined",
        "unknown",
    ];
    let lower = text.to_ascii_lowercase();
    PLACEHOLDERS.contains(&lower.as_str())
        || lower.chars().all(|c| !c.is_alphanumeric() || c == '0' || c == 'x')
}

/// Reads the firmware's facts from the tree at `root`.
pub(super) fn read(root: &Path) -> Firmware {
    let efi = root.join("sys/firmware/efi");
    let device_tree = root.join("sys/firmware/devicetree/base");
    let dmi = root.join("sys/class/dmi/id");
    let setup_mode = variable(&efi, "SetupMode");
    let (mode, secure_boot) = if efi.is_dir() {
        let enforced = variable(&efi, "SecureBoot").map(|on| on && setup_mode != Some(true));
        let secure_boot = match enforced {
            Some(true) => SecureBoot::On,
            Some(false) => SecureBoot::Off,
            // The folder is there and has other variables: this firmware knows no Secure Boot.
            None if !sysfs::names(&efi.join("efivars")).is_empty()
                && !efi.join(format!("efivars/SecureBoot-{GLOBAL_VARIABLE}")).exists() =>
            {
                SecureBoot::Off
            }
            None => SecureBoot::Unknown,
        };
        (FirmwareMode::Uefi, secure_boot)
    } else {
        (FirmwareMode::Bios, SecureBoot::Off)
    };
    let identity = |names: &[&str]| {
        names.iter().filter_map(|name| text(&dmi.join(name))).find(|value| !is_placeholder(value))
    };
    let vendor = identity(&["sys_vendor", "board_vendor"]);
    // Lenovo keeps the name people know in the version, and a code in the name.
    let product = match vendor.as_deref() {
        Some("LENOVO") => identity(&["product_version", "product_name", "board_name"]),
        _ => identity(&["product_name", "board_name"]),
    };
    Firmware {
        mode,
        secure_boot,
        setup_mode,
        vendor,
        product: product.or_else(|| text(&device_tree.join("model"))),
        serial: identity(&["product_serial", "board_serial", "chassis_serial"])
            .or_else(|| text(&device_tree.join("serial-number"))),
    }
}
