//! Telling the firmware of this machine to start what was restored.
//!
//! UEFI firmware knows a system by an entry that names a partition and a file on it. A system that
//! was restored to the disk it came from still has its entry. On another machine it has none, and is
//! started only when its EFI system partition also has the file that firmware looks for by itself,
//! which many installers leave out.

use super::TargetPlan;
use crate::error::Result;
use crate::hardware::{BootEntries, BootPartition, PartitionSignature};
use crate::image::Disk;
use crate::operation::destination::look_into;
use crate::partition::{Partition, Scheme};
use crate::text::{Message, message};
use std::fs;
use std::path::Path;

/// Folders of an EFI system partition that are looked into, at most.
const FOLDERS: usize = 256;
/// Boot programs of a system's own folder, the one to take first.
const LOADERS: [&str; 5] =
    ["shimx64.efi", "grubx64.efi", "systemd-bootx64.efi", "refind_x64.efi", "elilo.efi"];
const WINDOWS: &str = "Microsoft/Boot/bootmgfw.efi";
/// What firmware starts when it has no entry (UEFI specification 2.10, section 3.5.1.1).
const FALLBACK: &str = "BOOT/BOOTX64.EFI";

/// A program that starts a system.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Loader {
    /// What its entry is called: as its installer calls it.
    label: String,
    /// Its path as firmware writes it.
    path: String,
}

impl Loader {
    fn new(label: &str, path: &str) -> Self {
        Self { label: label.to_owned(), path: format!("\\EFI\\{}", path.replace('/', "\\")) }
    }
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(FOLDERS)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Finds a path below a folder whatever the case of its letters, as FAT does; the answer has them
/// as they are.
fn find(folder: &Path, path: &str) -> Option<String> {
    let mut found = Vec::new();
    let mut at = folder.to_owned();
    for wanted in path.split('/') {
        let name = names(&at).into_iter().find(|name| name.eq_ignore_ascii_case(wanted))?;
        at.push(&name);
        found.push(name);
    }
    at.is_file().then(|| found.join("/"))
}

/// The boot programs of an EFI system partition whose root is `root`: that of each system, Windows
/// last, which others start too. `system` is what the one is called that has only the file that
/// firmware looks for by itself.
fn loaders(root: &Path, system: &str) -> Vec<Loader> {
    let Some(efi) = names(root).into_iter().find(|name| name.eq_ignore_ascii_case("EFI")) else {
        return Vec::new();
    };
    let efi = root.join(efi);
    let mut found = Vec::new();
    for folder in names(&efi).iter().filter(|name| !name.eq_ignore_ascii_case("BOOT")) {
        let paths = LOADERS.iter().map(|loader| format!("{folder}/{loader}"));
        let path = paths.filter_map(|path| find(&efi, &path)).next();
        found.extend(path.map(|path| Loader::new(folder, &path)));
    }
    let windows = find(&efi, WINDOWS);
    found.extend(windows.map(|path| Loader::new("Windows Boot Manager", &path)));
    if found.is_empty() {
        found.extend(find(&efi, FALLBACK).map(|path| Loader::new(system, &path)));
    }
    found
}

fn boot_partition(disk: &Disk, partition: &Partition) -> Option<BootPartition> {
    let sector = u64::from(disk.table.sector_size.max(1));
    let signature = match disk.table.scheme {
        Scheme::Gpt => PartitionSignature::Gpt(partition.uuid.as_deref()?.parse().ok()?),
        _ => {
            let signature = disk.table.uuid.as_deref()?;
            PartitionSignature::Mbr(u32::from_str_radix(signature, 16).ok()?)
        }
    };
    Some(BootPartition {
        number: partition.number,
        first_sector: partition.extent.offset / sector,
        sectors: partition.extent.length / sector,
        signature,
    })
}

/// Lets the firmware start what was restored to whole disks: makes entries where there are none,
/// and takes the first system next. The answer says what will start.
///
/// # Errors
/// When an EFI system partition cannot be looked into, or the firmware does not take an entry.
pub(super) fn announce(
    entries: &BootEntries,
    disks: &[Disk],
    targets: &[TargetPlan],
) -> Result<Option<Message>> {
    let mut found = Vec::new();
    // A disk on USB was restored for another machine, as far as anybody can know.
    let whole = targets.iter().filter(|plan| {
        plan.partitions.is_none() && plan.target.identity().bus.as_deref() != Some("usb")
    });
    for plan in whole {
        let disk = &disks[plan.disk];
        let is_system = |partition: &&Partition| partition.kind.is_efi_system();
        for partition in disk.table.partitions.iter().filter(is_system) {
            let there = plan.target.partition(partition.number, partition.extent);
            let Some((there, place)) = there.zip(boot_partition(disk, partition)) else { continue };
            let mounted = look_into(Path::new(&there.name()))?;
            let names =
                disk.volumes.iter().filter_map(|volume| volume.system.as_ref()?.name.clone());
            let system = names.into_iter().next().unwrap_or_else(|| "Calco".to_owned());
            let loaders = loaders(mounted.folder(), &system);
            found.extend(loaders.into_iter().map(|loader| (place, loader)));
        }
    }
    // What is made last comes first in the order.
    let mut next = None;
    for (place, loader) in found.into_iter().rev() {
        let number = entries.find_or_make(&loader.label, &place, &loader.path)?;
        next = Some((number, loader));
    }
    let Some((number, loader)) = next else { return Ok(None) };
    entries.start_next(number)?;
    Ok(Some(message!(
        "restore-starts-next",
        entry = format!("Boot{number:04X}"),
        label = loader.label,
        path = loader.path
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, b"MZ").unwrap();
        }
        root
    }

    fn found(paths: &[&str]) -> Vec<(String, String)> {
        let root = partition(paths);
        loaders(root.path(), "Some System").into_iter().map(|l| (l.label, l.path)).collect()
    }

    fn pair(label: &str, path: &str) -> (String, String) {
        (label.to_owned(), path.to_owned())
    }

    #[test]
    fn the_loader_of_each_system_is_found_and_windows_comes_last() {
        let paths = [
            "EFI/Microsoft/Boot/bootmgfw.efi",
            "EFI/Boot/bootx64.efi",
            "EFI/debian/grubx64.efi",
            "EFI/debian/shimx64.efi",
            "EFI/Linux/readme.txt",
            "EFI/ubuntu/GRUBX64.EFI",
        ];
        let expected = [
            pair("debian", "\\EFI\\debian\\shimx64.efi"),
            pair("ubuntu", "\\EFI\\ubuntu\\GRUBX64.EFI"),
            pair("Windows Boot Manager", "\\EFI\\Microsoft\\Boot\\bootmgfw.efi"),
        ];
        assert_eq!(found(&paths), expected);
    }

    #[test]
    fn what_firmware_finds_by_itself_is_the_last_resort() {
        let expected = [pair("Some System", "\\EFI\\boot\\BootX64.efi")];
        assert_eq!(found(&["efi/boot/BootX64.efi"]), expected);
        assert_eq!(found(&["efi/boot/bootia32.efi", "readme"]), []);
        assert_eq!(found(&[]), []);
    }
}
