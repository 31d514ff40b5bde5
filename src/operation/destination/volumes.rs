//! The volumes of this machine: found without mounting and without writing anything.

use super::DestinationAccess;
use super::drivers::{driver, holds_files, is_available};
use super::mounting::is_protected_by_us;
use super::word::{Reach, VolumeWord};
use crate::block::BlockSource as _;
use crate::block::device::{Access, Device};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::{self, VolumeKind};
use crate::hardware::Inventory;
use crate::partition::{self, PartitionTable};
use crate::sys::block_device::is_read_only;
use crate::text::{Message, message};
use crate::units::marketing_bytes;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A volume and the disk it lies on.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct VolumeOnDisk {
    /// The device node of the volume.
    pub path: PathBuf,
    /// The kernel's name of the disk.
    pub disk: String,
    /// What a person calls the disk: vendor and model.
    pub title: String,
    /// Size of the disk in bytes.
    pub disk_size: u64,
    /// Serial number of the disk.
    pub serial: Option<String>,
    /// Whether the disk can be taken away: on USB, in a card reader, outside of the machine.
    pub external: bool,
    /// The number of its partition; none when the volume is the disk itself.
    pub partition: Option<u32>,
    /// What it contains.
    pub kind: VolumeKind,
    /// Its label.
    pub label: Option<String>,
    /// Its UUID or serial number.
    pub uuid: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// The kernel's number for the disk in this drive, never used twice since the start.
    pub sequence: Option<u64>,
    /// Its names below `/dev/disk/by-id`.
    pub names: Vec<String>,
    /// Whether the kernel refuses to write to it: the switch of a card, most often.
    pub read_only: bool,
    /// Whether the machine starts from this partition, or keeps it for itself.
    pub is_system_partition: bool,
}

impl VolumeOnDisk {
    /// Everything that tells it from others, in no language: name, kind, size, disk.
    pub fn description(&self) -> String {
        let mut facts = vec![self.path.display().to_string()];
        facts.extend(self.label.iter().map(|label| format!("“{label}”")));
        facts.extend(self.uuid.clone());
        facts.push(format!("{} {}", self.kind.name(), marketing_bytes(self.size)));
        facts.push(format!("{} {}", self.title, marketing_bytes(self.disk_size)));
        facts.extend(self.serial.iter().map(|serial| format!("S/N {serial}")));
        facts.join(" · ")
    }

    /// Why images can be neither kept nor read here; none when nothing is known against it.
    fn problem(&self) -> Option<Message> {
        let kind = || self.kind.name();
        match driver(self.kind) {
            None if matches!(
                self.kind,
                VolumeKind::Luks1 | VolumeKind::Luks2 | VolumeKind::Bitlocker
            ) =>
            {
                Some(message!("destination-encrypted", kind = kind()))
            }
            None => Some(message!("destination-kind", kind = kind())),
            Some(driver) if !is_available(driver.name, Path::new("/")) => {
                Some(message!("destination-no-driver", kind = kind()))
            }
            Some(_) => None,
        }
    }

    /// Why images cannot be stored here although they can be read.
    fn write_problem(&self) -> Option<Message> {
        if self.read_only {
            return Some(message!("destination-read-only"));
        }
        self.is_system_partition.then(|| message!("destination-system-partition"))
    }

    fn word(&self, name: &str) -> String {
        let reach = if self.external { Reach::External } else { Reach::Any };
        VolumeWord { reach, name: name.to_owned(), folders: Vec::new() }.to_string()
    }
}

/// A volume that could hold images.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// The volume.
    pub volume: VolumeOnDisk,
    /// The shortest word that means it and no other: `usb:BACKUP`.
    pub word: String,
    /// Why it cannot be used at all.
    pub problem: Option<Message>,
    /// Why it cannot be written, although images that are there can be read.
    pub write_problem: Option<Message>,
}

impl Candidate {
    /// Why it cannot be used in this way, as far as can be known without mounting it.
    pub fn why_not(&self, access: DestinationAccess) -> Option<&Message> {
        let for_writing = match access {
            DestinationAccess::Look => None,
            DestinationAccess::Write => self.write_problem.as_ref(),
        };
        self.problem.as_ref().or(for_writing)
    }
}

/// How long disks may take to answer: one that is failing must not hold up the others.
const PATIENCE: Duration = Duration::from_secs(20);

/// A disk to look for volumes on.
struct Place {
    path: PathBuf,
    kernel_name: String,
    title: String,
    serial: Option<String>,
    size: u64,
    external: bool,
    read_only: bool,
    sequence: Option<u64>,
    names: Vec<String>,
    partitions: Vec<(u32, PathBuf)>,
}

fn places(inventory: &Inventory, reach: Reach) -> Vec<Place> {
    let disks = inventory.disks.iter().map(|disk| Place {
        path: disk.path.clone(),
        kernel_name: disk.kernel_name.clone(),
        title: disk.title(),
        serial: disk.serial.clone(),
        size: disk.size,
        external: !disk.internal,
        read_only: disk.read_only,
        sequence: disk.sequence,
        names: disk.names.clone(),
        partitions: disk
            .partitions
            .iter()
            .map(|partition| (partition.number, disk.partition_path(partition.number)))
            .collect(),
    });
    let derived = inventory.derived.iter().map(|disk| Place {
        path: disk.path.clone(),
        kernel_name: disk.kernel_name.clone(),
        title: disk.kernel_name.clone(),
        serial: None,
        size: disk.size,
        external: false,
        read_only: disk.read_only,
        sequence: disk.sequence,
        names: Vec::new(),
        partitions: disk
            .partitions
            .iter()
            .map(|partition| (partition.number, disk.partition_path(partition.number)))
            .collect(),
    });
    // A reader without a medium has no size.
    disks
        .chain(derived)
        .filter(|place| place.size > 0 && (reach == Reach::Any || place.external))
        .collect()
}

/// What looking at a disk came to.
#[derive(Default)]
struct Found {
    volumes: Vec<VolumeOnDisk>,
    /// Devices that this user may not read.
    forbidden: bool,
}

fn look_at(place: &Place) -> Found {
    let mut found = Found::default();
    let mut add = |path: &Path, partition: Option<u32>, table: Option<&PartitionTable>| {
        let device = match Device::open(path, Access::Look) {
            Ok(device) => device,
            Err(_) => {
                let denied = std::fs::File::open(path)
                    .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
                found.forbidden |= denied;
                return;
            }
        };
        let volume = filesystem::identify(&device);
        if !holds_files(volume.kind) {
            return;
        }
        let of_table = table.into_iter().flat_map(|table| &table.partitions);
        let kind =
            of_table.filter(|entry| Some(entry.number) == partition).map(|entry| entry.kind).next();
        let refuses_writes = place.read_only || is_read_only(device.file()).unwrap_or(false);
        let name = |name: &String| match partition {
            Some(number) => format!("{name}-part{number}"),
            None => name.clone(),
        };
        found.volumes.push(VolumeOnDisk {
            path: path.to_owned(),
            disk: place.kernel_name.clone(),
            title: place.title.clone(),
            disk_size: place.size,
            serial: place.serial.clone(),
            external: place.external,
            partition,
            kind: volume.kind,
            label: volume.label.filter(|label| !label.trim().is_empty()),
            uuid: volume.uuid,
            size: device.size(),
            sequence: place.sequence,
            names: place.names.iter().map(name).collect(),
            read_only: refuses_writes && !is_protected_by_us(path, place.sequence),
            is_system_partition: kind
                .is_some_and(|kind| kind.is_efi_system() || kind.is_microsoft_reserved()),
        });
    };
    if place.partitions.is_empty() {
        add(&place.path, None, None);
        return found;
    }
    let table =
        Device::open(&place.path, Access::Look).ok().map(|device| partition::read(&device).table);
    for (number, path) in &place.partitions {
        add(path, Some(*number), table.as_ref());
    }
    found
}

/// Looks at all disks at once; those that do not answer in time are left out.
fn look(inventory: &Inventory, reach: Reach) -> Found {
    let places: Vec<Arc<Place>> = places(inventory, reach).into_iter().map(Arc::new).collect();
    let (tell, told) = crossbeam_channel::unbounded();
    for (number, place) in places.iter().enumerate() {
        let (tell, place) = (tell.clone(), place.clone());
        // Not joined: a read from a dying disk can take minutes.
        std::thread::spawn(move || {
            let _ = tell.send((number, look_at(&place)));
        });
    }
    drop(tell);
    let until = Instant::now() + PATIENCE;
    let mut answers: Vec<(usize, Found)> = Vec::new();
    while let Ok(answer) = told.recv_deadline(until) {
        answers.push(answer);
    }
    answers.sort_by_key(|(number, _)| *number);
    let mut all = Found::default();
    for (_, found) in answers {
        all.volumes.extend(found.volumes);
        all.forbidden |= found.forbidden;
    }
    all
}

/// Whether a name means a volume, exactly or but for the case of letters.
fn is_called(volume: &VolumeOnDisk, name: &str, exactly: bool) -> bool {
    let same = |text: &String| match exactly {
        true => text == name,
        false => text.to_lowercase() == name.to_lowercase(),
    };
    volume.label.iter().any(same)
        || volume.uuid.iter().any(|uuid| uuid.eq_ignore_ascii_case(name))
        || volume.names.iter().any(|own| own == name)
}

/// The volumes that a name means: by its letters as they are, or else by any case of them, since
/// FAT turns what people type into capitals.
fn called<'a>(volumes: &'a [VolumeOnDisk], name: &str) -> Vec<&'a VolumeOnDisk> {
    let by = |exactly: bool| -> Vec<&VolumeOnDisk> {
        volumes.iter().filter(|volume| is_called(volume, name, exactly)).collect()
    };
    match by(true) {
        found if found.is_empty() => by(false),
        found => found,
    }
}

fn candidate(volume: &VolumeOnDisk, all: &[VolumeOnDisk]) -> Candidate {
    let alone = |name: &&String| called(all, name).len() == 1;
    let mut names = volume.label.iter().chain(&volume.uuid).chain(&volume.names);
    let name = names.clone().find(alone);
    // Copies of one stick on disks without a name: opening it says so.
    let name = name.or_else(|| names.next());
    let nameless = name.is_none().then(|| message!("destination-nameless"));
    Candidate {
        word: name.map_or_else(|| volume.path.display().to_string(), |name| volume.word(name)),
        problem: volume.problem().or(nameless),
        write_problem: volume.write_problem(),
        volume: volume.clone(),
    }
}

/// The volumes on all disks that could hold images, those that can be taken away first. Nothing
/// is mounted or written.
pub fn candidates(inventory: &Inventory) -> Vec<Candidate> {
    let volumes = look(inventory, Reach::Any).volumes;
    let mut found: Vec<Candidate> =
        volumes.iter().map(|volume| candidate(volume, &volumes)).collect();
    found.sort_by_key(|candidate| !candidate.volume.external);
    found
}

/// The volume whose device node this is.
pub(super) fn at(path: &Path, inventory: &Inventory) -> Option<VolumeOnDisk> {
    look(inventory, Reach::Any).volumes.into_iter().find(|volume| volume.path == path)
}

fn list<'a>(volumes: impl Iterator<Item = &'a VolumeOnDisk>) -> String {
    volumes.map(VolumeOnDisk::description).collect::<Vec<_>>().join("\n")
}

/// The one volume that a word means.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Refused`] when there are several:
/// both list the volumes.
pub(super) fn resolve(word: &VolumeWord, inventory: &Inventory) -> Result<VolumeOnDisk> {
    let found = look(inventory, word.reach);
    choose(word, &found.volumes, found.forbidden).cloned()
}

fn choose<'a>(
    word: &VolumeWord,
    volumes: &'a [VolumeOnDisk],
    forbidden: bool,
) -> Result<&'a VolumeOnDisk> {
    match called(volumes, &word.name).as_slice() {
        [volume] => Ok(volume),
        [] => {
            let message = match word.reach {
                Reach::External => message!("destination-none-external", name = &word.name),
                Reach::Any => message!("destination-none", name = &word.name),
            };
            let advice = match volumes.is_empty() {
                _ if forbidden => message!("destination-forbidden"),
                true => message!("destination-volumes-none"),
                false => message!("destination-volumes-here", volumes = list(volumes.iter())),
            };
            Err(Error::new(ErrorKind::NotFound, message).advise(advice))
        }
        several => {
            let message = message!("destination-several", name = &word.name, count = several.len());
            let volumes = list(several.iter().copied());
            Err(Error::new(ErrorKind::Refused, message)
                .advise(message!("destination-volumes-choose", volumes = volumes)))
        }
    }
}

/// Refuses what is known not to work before anything is mounted.
///
/// # Errors
/// [`ErrorKind::Unsupported`] or [`ErrorKind::Refused`].
pub(super) fn check(volume: &VolumeOnDisk, access: DestinationAccess) -> Result<()> {
    let at = |error: Error| error.on_device(volume.description());
    if let Some(problem) = volume.problem() {
        return Err(at(Error::new(ErrorKind::Unsupported, problem)
            .advise(message!("destination-choose-another"))));
    }
    if access == DestinationAccess::Write && volume.read_only {
        return Err(at(Error::new(ErrorKind::Refused, message!("destination-read-only"))
            .advise(message!("destination-read-only-advice"))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(number: u32, external: bool, label: &str, uuid: &str) -> VolumeOnDisk {
        VolumeOnDisk {
            path: format!("/dev/sdb{number}").into(),
            disk: "sdb".into(),
            title: "SanDisk Ultra".into(),
            disk_size: 64 << 30,
            serial: Some("4C530".into()),
            external,
            partition: Some(number),
            kind: VolumeKind::Ext4,
            label: (!label.is_empty()).then(|| label.to_owned()),
            uuid: (!uuid.is_empty()).then(|| uuid.to_owned()),
            size: 1 << 30,
            sequence: Some(7),
            names: vec![format!("usb-SanDisk_4C530-part{number}")],
            read_only: false,
            is_system_partition: false,
        }
    }

    fn chosen(name: &str, volumes: &[VolumeOnDisk]) -> Result<Option<u32>> {
        let word = VolumeWord { reach: Reach::Any, name: name.into(), folders: Vec::new() };
        choose(&word, volumes, false).map(|volume| volume.partition)
    }

    #[test]
    fn exactly_one_volume_is_meant() {
        let volumes = [
            volume(1, true, "BACKUP", "1234-ABCD"),
            volume(2, true, "Año 2026", "5d1c6f2a-0000-4000-8000-00000000000a"),
            volume(3, false, "Backup", "5D1C6F2A-0000-4000-8000-00000000000B"),
            volume(4, false, "twice", "AAAA-0001"),
            volume(5, false, "twice", "AAAA-0002"),
        ];
        for (name, number) in [
            ("BACKUP", 1),
            ("Backup", 3),
            ("1234-abcd", 1),
            ("año 2026", 2),
            ("5d1c6f2a-0000-4000-8000-00000000000b", 3),
            ("5D1C6F2A-0000-4000-8000-00000000000A", 2),
            ("usb-SanDisk_4C530-part4", 4),
        ] {
            assert_eq!(chosen(name, &volumes).unwrap(), Some(number), "{name}");
        }
        for name in ["twice", "TWICE", "backup"] {
            let error = chosen(name, &volumes).unwrap_err();
            assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Refused, 5), "{name}");
            let report = error.report();
            assert!(report.contains("SanDisk Ultra 69 GB · S/N 4C530"), "{report}");
            assert!(report.matches("/dev/sdb").count() == 2, "{report}");
        }
        let error = chosen("nothing", &volumes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.report().matches("/dev/sdb").count(), 5, "{error:?}");
        assert_eq!(chosen("x", &[]).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_candidates_word_means_it_alone() {
        let mut volumes = vec![
            volume(1, true, "My Disk", "1234-ABCD"),
            volume(2, false, "twice", "AAAA-0001"),
            volume(3, false, "twice", "AAAA-0002"),
            volume(4, false, "twice", "AAAA-0003"),
            volume(5, true, "", "AAAA-0003"),
            volume(6, true, "", ""),
        ];
        volumes[5].names.clear();
        let words: Vec<String> =
            volumes.iter().map(|volume| candidate(volume, &volumes).word).collect();
        assert_eq!(
            words,
            [
                "usb:My%20Disk",
                "disk:AAAA-0001",
                "disk:AAAA-0002",
                "disk:usb-SanDisk_4C530-part4",
                "usb:usb-SanDisk_4C530-part5",
                "/dev/sdb6"
            ]
        );
        for (volume, word) in volumes.iter().zip(&words).take(5) {
            let word = VolumeWord::parse(word).unwrap().unwrap();
            assert_eq!(choose(&word, &volumes, false).unwrap(), volume);
        }
        let nameless = candidate(&volumes[5], &volumes).problem.unwrap();
        assert_eq!(nameless.id(), "destination-nameless");
    }

    #[test]
    fn what_cannot_be_used_is_told_beforehand() {
        let mut one = volume(1, true, "x", "y");
        let why = |volume: &VolumeOnDisk, access| {
            let candidate = candidate(volume, std::slice::from_ref(volume));
            candidate.why_not(access).map(|message| message.id().to_owned())
        };
        use DestinationAccess::{Look, Write};
        assert_eq!((why(&one, Look), why(&one, Write)), (None, None));
        one.read_only = true;
        assert_eq!(why(&one, Look), None);
        assert_eq!(why(&one, Write).as_deref(), Some("destination-read-only"));
        assert_eq!(check(&one, Write).unwrap_err().kind(), ErrorKind::Refused);
        check(&one, Look).unwrap();
        one.read_only = false;
        one.is_system_partition = true;
        assert_eq!(why(&one, Write).as_deref(), Some("destination-system-partition"));
        one.kind = VolumeKind::Bitlocker;
        assert_eq!(why(&one, Look).as_deref(), Some("destination-encrypted"));
        one.kind = VolumeKind::Apfs;
        assert_eq!(why(&one, Look).as_deref(), Some("destination-kind"));
        assert_eq!(check(&one, Look).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
