//! The word with which a person or a job names a disk.
//!
//! | Word | Meaning |
//! |---|---|
//! | `/dev/sda`, `./disk.img` | a block device or a plain file |
//! | `/dev/disk/by-id/…`, `by-path/…`, `by-diskseq/…` | as udev names it, with or without udev |
//! | `sda` | the kernel's name |
//! | `id:PATTERN` | a name below `/dev/disk/by-id` or a WWN; `*`, `?` and `[…]` stand for characters |
//! | `serial:NUMBER` | the serial number |
//! | `internal,only` | the only disk inside the machine |
//!
//! Whatever is written must mean exactly one disk.

use super::disk::{Disk, kernel_name};
use super::sysfs::{file_name, is_numbered};
use super::{DerivedDisk, Inventory};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::text::message;
use crate::units::marketing_bytes;
use std::fmt;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// A parsed word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selector {
    /// A path that is no name of udev's.
    Path(PathBuf),
    /// A name in one of the folders of `/dev/disk`: folder, name.
    Link(String, String),
    /// A word without a slash: the kernel's name of a device, or a file in the current folder.
    Word(String),
    /// A pattern over the names below `/dev/disk/by-id` and WWNs.
    Id(String),
    /// A serial number.
    Serial(String),
    /// The only disk inside the machine.
    InternalOnly,
}

/// What a word means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selected {
    /// The device node or plain file.
    pub path: PathBuf,
    /// The kernel's name of the disk it is or belongs to, if it is one of
    /// [`Inventory::disks`].
    pub disk: Option<String>,
    /// The number of the partition, when it is one of that disk.
    pub partition: Option<u32>,
}

impl FromStr for Selector {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let empty = || Error::new(ErrorKind::Usage, message!("hardware-selector-empty"));
        let filled = |text: &str| match text.trim() {
            "" => Err(empty()),
            text => Ok(text.to_owned()),
        };
        if word == "internal,only" {
            return Ok(Self::InternalOnly);
        }
        if let Some(pattern) = word.strip_prefix("id:") {
            return filled(pattern).map(Self::Id);
        }
        if let Some(serial) = word.strip_prefix("serial:") {
            return filled(serial).map(Self::Serial);
        }
        let word = filled(word)?;
        if let Some(rest) = word.strip_prefix("/dev/disk/")
            && let Some((folder, name)) = rest.split_once('/')
            && !name.is_empty()
        {
            return Ok(Self::Link(folder.to_owned(), name.to_owned()));
        }
        match word.contains('/') {
            true => Ok(Self::Path(word.into())),
            false => Ok(Self::Word(word)),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Link(folder, name) => write!(f, "/dev/disk/{folder}/{name}"),
            Self::Word(word) => f.write_str(word),
            Self::Id(pattern) => write!(f, "id:{pattern}"),
            Self::Serial(serial) => write!(f, "serial:{serial}"),
            Self::InternalOnly => f.write_str("internal,only"),
        }
    }
}

/// Finds the one disk, partition or plain file that a word means.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Refused`] when there are several
/// (both list the disks to choose from), [`ErrorKind::Usage`] for a word that can mean nothing.
pub fn resolve(word: &str, inventory: &Inventory) -> Result<Selected> {
    word.parse::<Selector>()?.resolve(inventory)
}

impl Selector {
    /// As [`resolve`].
    ///
    /// # Errors
    /// As [`resolve`].
    pub fn resolve(&self, inventory: &Inventory) -> Result<Selected> {
        match self {
            Self::Path(path) => existing(path, inventory),
            Self::Word(word) => self.word(word, inventory),
            Self::Link(folder, name) => self.link(folder, name, inventory),
            Self::Id(pattern) => {
                let matcher = glob::Pattern::new(pattern).map_err(|error| {
                    let message = message!("hardware-selector-pattern", pattern = pattern);
                    Error::new(ErrorKind::Usage, message).caused_by(error)
                })?;
                self.only(inventory, |disk| {
                    ids(disk).any(|id| id == pattern || matcher.matches(id))
                })
            }
            Self::Serial(serial) => {
                self.only(inventory, |disk| disk.serial.as_ref() == Some(serial))
            }
            Self::InternalOnly => self.only(inventory, |disk| disk.internal && disk.size > 0),
        }
    }

    fn word(&self, word: &str, inventory: &Inventory) -> Result<Selected> {
        let path = Path::new(word);
        match (by_kernel_name(word, inventory), path.exists()) {
            (Some(_), true) => Err(Error::new(
                ErrorKind::Refused,
                message!("hardware-selector-file-and-disk", name = word),
            )
            .advise(message!("hardware-selector-file-or-disk", name = word))),
            (Some(selected), false) => Ok(selected),
            (None, true) => existing(path, inventory),
            (None, false) => Err(self.none(inventory)),
        }
    }

    fn link(&self, folder: &str, name: &str, inventory: &Inventory) -> Result<Selected> {
        let named = |disk: &Disk, name: &str| match folder {
            "by-id" => disk.names.iter().any(|own| own == name),
            "by-path" => disk.transport_path.as_deref() == Some(name),
            "by-diskseq" => disk.sequence.is_some_and(|number| number.to_string() == name),
            _ => false,
        };
        // Even where udev has made a link: of two disks with one name, it leads to either.
        let whole = self.only(inventory, |disk| named(disk, name));
        if !matches!(&whole, Err(error) if error.kind() == ErrorKind::NotFound) {
            return whole;
        }
        if let Some((disk_name, number)) = name.rsplit_once("-part")
            && let Ok(number) = number.parse::<u32>()
        {
            let disk = self.only(inventory, |disk| named(disk, disk_name));
            if !matches!(&disk, Err(error) if error.kind() == ErrorKind::NotFound) {
                return partition_of(&disk?, number, inventory);
            }
        }
        // Names that depend on what is stored on the disk, which only udev follows.
        let path = Path::new("/dev/disk").join(folder).join(name);
        match path.exists() {
            true => existing(&path, inventory),
            false => Err(self.none(inventory)),
        }
    }

    fn only(&self, inventory: &Inventory, accept: impl Fn(&Disk) -> bool) -> Result<Selected> {
        let found: Vec<&Disk> = inventory.disks.iter().filter(|disk| accept(disk)).collect();
        match found.as_slice() {
            [disk] => Ok(whole(disk)),
            [] => Err(self.none(inventory)),
            several => Err(Error::new(
                ErrorKind::Refused,
                message!(
                    "hardware-selector-several",
                    selector = self.to_string(),
                    count = several.len()
                ),
            )
            .advise(message!("hardware-disks-choose", disks = list(several.iter().copied())))),
        }
    }

    fn none(&self, inventory: &Inventory) -> Error {
        let message = message!("hardware-selector-none", selector = self.to_string());
        let advice = match inventory.disks.is_empty() {
            true => message!("hardware-disks-none"),
            false => message!("hardware-disks-here", disks = list(inventory.disks.iter())),
        };
        Error::new(ErrorKind::NotFound, message).advise(advice)
    }
}

/// What `id:` looks at: names with and without their prefix (`wwn-0x5000…` and `0x5000…`).
fn ids(disk: &Disk) -> impl Iterator<Item = &str> {
    disk.names.iter().chain(&disk.wwn).map(String::as_str)
}

/// One line for each disk, in no language: node, model, size, serial number, place.
fn list<'a>(disks: impl Iterator<Item = &'a Disk>) -> String {
    let lines: Vec<String> = disks
        .map(|disk| {
            let mut facts = vec![disk.path.display().to_string(), disk.title()];
            facts.push(marketing_bytes(disk.size));
            facts.extend(disk.serial.iter().map(|serial| format!("S/N {serial}")));
            facts.extend(disk.transport_path.clone());
            facts.join(" · ")
        })
        .collect();
    lines.join("\n")
}

fn whole(disk: &Disk) -> Selected {
    Selected { path: disk.path.clone(), disk: Some(disk.kernel_name.clone()), partition: None }
}

fn by_kernel_name(name: &str, inventory: &Inventory) -> Option<Selected> {
    let derived = |derived: &DerivedDisk| derived.kernel_name == name;
    if let Some(disk) = inventory.disk(name) {
        return Some(whole(disk));
    }
    for disk in &inventory.disks {
        let partition = disk.partitions.iter().find(|partition| partition.kernel_name == name);
        if let Some(partition) = partition {
            return Some(Selected {
                path: disk.partition_path(partition.number),
                disk: Some(disk.kernel_name.clone()),
                partition: Some(partition.number),
            });
        }
    }
    let derived = inventory.derived.iter().find(|disk| derived(disk))?;
    Some(Selected { path: derived.path.clone(), disk: None, partition: None })
}

fn partition_of(disk: &Selected, number: u32, inventory: &Inventory) -> Result<Selected> {
    let name = disk.disk.as_deref().unwrap_or_default();
    inventory
        .disk(name)
        .and_then(|disk| disk.partitions.iter().find(|partition| partition.number == number))
        .and_then(|partition| by_kernel_name(&partition.kernel_name, inventory))
        .ok_or_else(|| {
            let message = message!(
                "hardware-selector-no-partition",
                disk = disk.path.display().to_string(),
                number = u64::from(number)
            );
            Error::new(ErrorKind::NotFound, message)
        })
}

/// A path that must lead to a block device or a plain file.
fn existing(path: &Path, inventory: &Inventory) -> Result<Selected> {
    let shown = path.display().to_string();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = message!("hardware-selector-missing", path = shown);
            let missing = Error::new(ErrorKind::NotFound, message);
            // In `/dev` a disk was meant; elsewhere a list of disks would only be in the way.
            return Err(match path.starts_with("/dev") && !inventory.disks.is_empty() {
                true => missing
                    .advise(message!("hardware-disks-here", disks = list(inventory.disks.iter()))),
                false => missing,
            });
        }
        Err(error) => {
            return Err(error).context(|| message!("hardware-selector-unreadable", path = shown));
        }
    };
    if metadata.file_type().is_block_device() {
        // By its number: a node can have any name.
        let name = kernel_name(Path::new("/"), metadata.rdev());
        let found = name.and_then(|name| by_kernel_name(&name, inventory));
        return Ok(found.unwrap_or(Selected { path: path.into(), disk: None, partition: None }));
    }
    if metadata.is_file() {
        return Ok(Selected { path: path.into(), disk: None, partition: None });
    }
    Err(Error::new(ErrorKind::Usage, message!("hardware-selector-not-a-disk", path = shown)))
}

/// Whether a word means the same disk after the next start: the kernel's names (`sda`,
/// `/dev/nvme0n1p2`, `/dev/dm-0`…) do not, since they follow the order in which disks answer.
/// Selectors, udev's names, plain files, and loop and network block devices, which somebody
/// attached by hand, do.
pub fn is_stable_name(word: &str) -> bool {
    match word.parse() {
        Ok(Selector::Word(word)) => match Path::new(&word).exists() {
            true => is_stable_path(Path::new(&word)),
            false => is_attached_by_hand(&word),
        },
        Ok(Selector::Path(path)) => is_stable_path(&path),
        // The numbers start again with the kernel.
        Ok(Selector::Link(folder, _)) => folder != "by-diskseq",
        Ok(Selector::Id(_) | Selector::Serial(_) | Selector::InternalOnly) => true,
        Err(_) => false,
    }
}

fn is_attached_by_hand(name: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    // loop0p1 is a partition of loop0; the p of loop is none of that.
    let disk = match name.trim_end_matches(digit).strip_suffix('p') {
        Some(disk) if disk.ends_with(digit) => disk,
        _ => name,
    };
    is_numbered(disk, "loop") || is_numbered(disk, "nbd")
}

fn is_stable_path(path: &Path) -> bool {
    let path = normal(path);
    if path.starts_with("/dev/disk") {
        return !path.starts_with("/dev/disk/by-diskseq");
    }
    if path.parent() == Some(Path::new("/dev")) {
        // A link directly in /dev was put there by a rule or a person; a node was not.
        let link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
        return link || is_attached_by_hand(file_name(&path));
    }
    if path.starts_with("/dev") {
        // Names of volume groups and arrays: /dev/mapper/…, /dev/GROUP/VOLUME, /dev/md/….
        return true;
    }
    // Outside of /dev: a plain file, or a node or link that only passes a kernel's name on.
    match fs::metadata(&path) {
        Ok(metadata) if metadata.file_type().is_block_device() => {
            kernel_name(Path::new("/"), metadata.rdev())
                .is_some_and(|name| is_attached_by_hand(&name))
        }
        _ => true,
    }
}

/// The path from the root, without `.` and `..`, links not followed.
fn normal(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut normal = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            component => normal.push(component),
        }
    }
    normal
}

#[cfg(test)]
#[path = "selector_tests.rs"]
mod tests;
