//! Reading attributes and device chains from a sysfs tree.
//!
//! Attributes appear and vanish with the hardware, so everything here answers `None` instead of
//! failing.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// No attribute read here is longer; binary VPD pages are the longest.
const ATTRIBUTE_LIMIT: u64 = 64 * 1024;

/// The bytes of an attribute.
pub(super) fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(ATTRIBUTE_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The text of an attribute without padding; `None` when there is nothing else.
pub(super) fn text(path: &Path) -> Option<String> {
    printable(&bytes(path)?)
}

/// Bytes as text without padding: spaces and NULs at both ends. Control characters, which could
/// play tricks on a terminal, become `?`. `None` when nothing is left.
pub(super) fn printable(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.replace(|c: char| c.is_control(), "?"))
}

/// The decimal number of an attribute.
pub(super) fn number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    text(path)?.parse().ok()
}

/// Whether an attribute is a number other than 0.
pub(super) fn flag(path: &Path) -> Option<bool> {
    number::<i64>(path).map(|value| value != 0)
}

/// The hexadecimal number of an attribute, with or without `0x`.
pub(super) fn hexadecimal(path: &Path) -> Option<u32> {
    let text = text(path)?;
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(&text), 16).ok()
}

/// The names in a folder, sorted; none when there is no such folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The last component of what a link points to, such as the name of a driver or subsystem.
pub(super) fn link_name(path: &Path) -> Option<String> {
    Some(fs::read_link(path).ok()?.file_name()?.to_str()?.to_owned())
}

/// The last component of a path, empty when it has none or it is no text.
pub(super) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("")
}

/// A device and all that it hangs on, itself first: block device, SCSI device, host, PCI device…
pub(super) struct Chain {
    folders: Vec<PathBuf>,
}

impl Chain {
    /// The chain of the device whose folder or link is `path`, up to the root of all devices.
    pub(super) fn of(path: &Path) -> Self {
        let start = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folders = start
            .ancestors()
            .take_while(|folder| file_name(folder) != "devices" || folder.join("uevent").exists())
            .map(Path::to_owned)
            .collect();
        Self { folders }
    }

    /// The folders, the device itself first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// The nearest folder of a subsystem (`usb`, `pci`, `mmc`…) for which `accept` holds.
    pub(super) fn find(&self, subsystem: &str, accept: impl Fn(&Path) -> bool) -> Option<&Path> {
        self.iter().find(|folder| {
            link_name(&folder.join("subsystem")).is_some_and(|name| name == subsystem)
                && accept(folder)
        })
    }

    /// The nearest folder of a subsystem.
    pub(super) fn nearest(&self, subsystem: &str) -> Option<&Path> {
        self.find(subsystem, |_| true)
    }

    /// The nearest folder whose name is `prefix` and a number, such as `ata3`.
    pub(super) fn numbered(&self, prefix: &str) -> Option<&Path> {
        self.iter().find(|folder| is_numbered(file_name(folder), prefix))
    }

    /// Whether the name of a folder starts with `prefix`.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.iter().any(|folder| file_name(folder).starts_with(prefix))
    }
}

/// Whether a name is `prefix` followed by one or more digits.
pub(super) fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}
