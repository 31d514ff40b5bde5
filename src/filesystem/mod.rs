//! What a volume contains and which of its bytes are in use.
//!
//! Each file system has a folder of its own, and a reader answers one of two things: "these
//! extents are in use, and I am certain", or a [`Doubt`]: then the volume is saved whole.
//! Readers never write, never mount, never trust a number from the disk, and need bounded
//! memory and time whatever the input.
#![forbid(unsafe_code)]

mod bitmap;
pub mod btrfs;
mod composed;
mod crc32c;
pub mod exfat;
pub mod ext;
pub mod f2fs;
pub mod fat;
pub mod hfsplus;
mod kind;
mod layers;
mod lvm;
mod md;
pub mod ntfs;
mod packed;
mod recognize;
mod state;
mod surroundings;
pub mod swap;
pub mod thin;
pub mod udf;
pub mod xfs;

use crate::block::BlockSource;
use crate::error;
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMap, human_bytes};
use serde::{Deserialize, Serialize};
pub use state::VolumeState;
use std::collections::BTreeMap;

/// What a volume contains.
///
/// The names are stored in manifests: they can be added to, never changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are the names of the formats")]
pub enum VolumeKind {
    Ext2,
    Ext3,
    Ext4,
    /// An ext journal on a device of its own.
    ExtJournal,
    Fat12,
    Fat16,
    Fat32,
    Exfat,
    Ntfs,
    Refs,
    Bitlocker,
    Xfs,
    /// The log of an XFS file system on a device of its own.
    XfsLog,
    Btrfs,
    F2fs,
    HfsPlus,
    Apfs,
    Zfs,
    Bcachefs,
    Bcache,
    Nilfs2,
    Jfs,
    Reiserfs,
    Ufs,
    Vmfs,
    Iso9660,
    Udf,
    Squashfs,
    Erofs,
    Swap,
    Luks1,
    Luks2,
    Lvm2,
    /// A thin pool of LVM2: the blocks that thin volumes share.
    ThinPool,
    /// A volume of LVM2 whose blocks lie in a thin pool.
    ThinVolume,
    LinuxRaid,
    FirmwareRaid,
    /// A volume mirrored over the network, with its metadata after the file system.
    Drbd,
    /// Hashes of the blocks of another volume (dm-verity).
    Verity,
    /// Nothing this version knows.
    #[serde(other)]
    Unknown,
}

/// What is known of a volume, whether or not its used extents can be read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Volume {
    /// What it contains.
    pub kind: VolumeKind,
    /// Label, as the file system stores it, decoded leniently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// UUID or serial number in the form `blkid` shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Allocation unit (block, cluster), in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_size: Option<u64>,
    /// Length of the file system in bytes; a partition may be longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// How it was left, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<VolumeState>,
    /// For a layer between disk and file system: the volumes that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Inside>,
}

/// A volume in a volume group, or the content of an array.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Inside {
    /// Name of the logical volume; for an array its level.
    pub name: String,
    /// What it contains.
    pub volume: Volume,
    /// Why all of it is saved; none where its used bytes are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_whole: Option<Doubt>,
}

impl Volume {
    /// A volume of which only the kind is known.
    pub const fn of(kind: VolumeKind) -> Self {
        Self {
            kind,
            label: None,
            uuid: None,
            block_size: None,
            length: None,
            state: None,
            inside: Vec::new(),
        }
    }
}

/// Why the used extents of a volume are not certain, for a person.
pub type Doubt = Message;

/// The used extents of a volume, known with certainty.
#[derive(Clone, PartialEq, Debug)]
pub struct Used {
    /// Every byte that is in use or that the file system's own tools expect to find unchanged.
    /// Offsets count from the start of the volume.
    pub extents: ExtentMap,
    /// Where the superblocks (boot sectors, headers) are, every copy: what has to be destroyed
    /// first and written last when only this volume is restored. Offsets count from the start
    /// of the volume; all of them lie in `extents`.
    pub signatures: Vec<Extent>,
}

/// What reading a volume answered.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// What it contains.
    pub volume: Volume,
    /// What is in use, or why that is not certain.
    pub used: Result<Used, Doubt>,
    /// What a reader found that has not been proven on volumes of the format's own system, where it
    /// has no doubt of its own: `used` is then the doubt that says so.
    pub unproven: Option<Used>,
}

impl Reading {
    /// A volume all of which counts as in use.
    fn doubtful(volume: Volume, doubt: Doubt) -> Self {
        Self { volume, used: Err(doubt), unproven: None }
    }

    /// The same without what is not proven: nobody asks for that inside of a layer.
    fn proven_only(mut self) -> Self {
        if self.unproven.take().is_some() {
            self.used = Err(message!("filesystem-unproven-inside"));
        }
        self
    }

    /// Makes all of it count as in use, whatever a reader found.
    pub(crate) fn doubt(&mut self, doubt: Doubt) {
        (self.used, self.unproven) = (Err(doubt), None);
    }
}

/// Limits on what a reader may keep in memory.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Extents in one map; beyond it small gaps are merged into used.
    pub extents: usize,
}

impl Default for Budget {
    fn default() -> Self {
        // 16 bytes each: 16 MiB for the map of one volume.
        Self { extents: 1 << 20 }
    }
}

/// A reader of one family of file systems.
struct Reader {
    /// Whether a volume is of the family, and what is known of it.
    detect: fn(&dyn BlockSource) -> error::Result<Option<Volume>>,
    /// The used extents of a volume that `detect` recognised.
    used: ReadUsed,
}

type ReadUsed = fn(&dyn BlockSource, Budget) -> Result<Used, Doubt>;

/// Whether an ext or btrfs file system that is not mounted has changes which only a mount for writing
/// puts in place: who mounts it without that does not see what was written last.
pub fn has_changes_to_replay(source: &dyn BlockSource, kind: VolumeKind) -> bool {
    match kind {
        VolumeKind::Ext3 | VolumeKind::Ext4 => ext::has_changes_to_replay(source).unwrap_or(false),
        VolumeKind::Btrfs => btrfs::has_changes_to_replay(source).unwrap_or(false),
        _ => false,
    }
}

/// The readers. What none of them knows is saved whole.
const READERS: &[Reader] = &[
    Reader { detect: ext::detect, used: ext::used },
    Reader { detect: fat::detect, used: fat::used },
    Reader { detect: exfat::detect, used: exfat::used },
    Reader { detect: ntfs::detect, used: ntfs::used },
    Reader { detect: swap::detect, used: swap::used },
    Reader { detect: xfs::detect, used: xfs::used },
    Reader { detect: btrfs::detect, used: btrfs::used },
    Reader { detect: f2fs::detect, used: f2fs::used },
    Reader { detect: packed::detect_squashfs, used: packed::used_squashfs },
    Reader { detect: packed::detect_erofs, used: packed::used_erofs },
];

/// The readers of what [`recognize`] finds by itself.
const READERS_BY_KIND: &[(VolumeKind, ReadUsed)] = &[
    (VolumeKind::Iso9660, packed::used_iso9660),
    (VolumeKind::Udf, udf::used),
    (VolumeKind::HfsPlus, hfsplus::used),
];

/// Formats whose reader is not believed by itself: not enough volumes by other makers were seen. They
/// are saved whole unless a person asks for what the reader found.
const UNPROVEN: &[VolumeKind] = &[VolumeKind::HfsPlus];

/// Reads all chosen volumes together and answers one reading for each, in the same order.
///
/// They come together because some file systems span volumes, as arrays and volume groups do.
/// Nothing here fails: what cannot be read is a doubt.
pub fn read(sources: &[&dyn BlockSource], budget: Budget) -> Vec<Reading> {
    layers::read(sources, budget, layers::MAXIMUM_DEPTH)
}

/// The same without a look into arrays and volume groups.
fn read_flat(sources: &[&dyn BlockSource], budget: Budget) -> Vec<Reading> {
    let mut readings: Vec<Reading> =
        sources.iter().map(|source| read_one(*source, budget)).collect();
    // What has parts on other volumes is read again, with all of them.
    let is_part = |reading: &Reading| {
        // One device alone may hold no copy of some tree.
        let is_read = |used: &Result<Used, Doubt>| {
            used.as_ref().map_or_else(|doubt| doubt.id().starts_with("btrfs-"), |_| true)
        };
        reading.volume.kind == VolumeKind::Btrfs && is_read(&reading.used)
    };
    for places in families(&readings, is_part).into_iter().filter(|places| places.len() > 1) {
        let family: Vec<&dyn BlockSource> = places.iter().map(|place| sources[*place]).collect();
        for (place, used) in places.into_iter().zip(btrfs::used_together(&family, budget)) {
            readings[place].used = used;
        }
    }
    for place in 0..readings.len() {
        if let Some(log) = log_of(&readings, place) {
            readings[place].used = xfs::used_with_log(sources[place], Some(sources[log]), budget);
        }
    }
    surroundings::consider(sources, &mut readings);
    readings
}

/// The place of the log of an XFS file system that could not be read without it.
fn log_of(readings: &[Reading], place: usize) -> Option<usize> {
    let Reading { volume, used, .. } = &readings[place];
    let is_log = |other: &Reading| {
        other.volume.kind == VolumeKind::XfsLog && other.volume.uuid == volume.uuid
    };
    let wanted = volume.kind == VolumeKind::Xfs
        && used.as_ref().is_err_and(|doubt| doubt.id() == "xfs-log-elsewhere");
    if wanted { readings.iter().position(is_log) } else { None }
}

/// For a person, for each volume in their order: what else its file system needs that is not
/// among `sources`.
pub fn missing_parts(sources: &[&dyn BlockSource], readings: &[Reading]) -> Vec<Option<Message>> {
    let mut notes = vec![None; readings.len()];
    for places in families(readings, |reading| reading.volume.kind == VolumeKind::Btrfs) {
        notes[places[0]] = btrfs::missing_parts(sources[places[0]], places.len() as u64);
    }
    for ((source, reading), note) in sources.iter().zip(readings).zip(&mut notes) {
        if reading.volume.kind == VolumeKind::Xfs {
            *note = xfs::missing_parts(*source);
        }
    }
    notes
}

/// The places of the readings that `belongs` takes, those with the same UUID together.
fn families(readings: &[Reading], belongs: impl Fn(&Reading) -> bool) -> Vec<Vec<usize>> {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, reading) in readings.iter().enumerate().filter(|(_, reading)| belongs(reading)) {
        families.entry(reading.volume.uuid.as_deref().unwrap_or("")).or_default().push(place);
    }
    families.into_values().collect()
}

/// What a volume seems to contain, without reading what is in use.
pub fn identify(source: &dyn BlockSource) -> Volume {
    let (found, _) = find(source);
    found.into_iter().next().map_or(Volume::of(VolumeKind::Unknown), |(volume, _)| volume)
}

type Candidate = (Volume, Option<ReadUsed>);

/// Everything a volume may be, the likeliest first, and what could not be read in looking.
fn find(source: &dyn BlockSource) -> (Vec<Candidate>, Option<error::Error>) {
    let recognize::Findings { volumes, mut unreadable } = recognize::recognize(source);
    let mut found: Vec<Candidate> = Vec::new();
    for mut volume in volumes {
        match volume.kind {
            VolumeKind::Udf => udf::describe(source, &mut volume),
            VolumeKind::HfsPlus => hfsplus::describe(source, &mut volume),
            _ => {}
        }
        let reader = READERS_BY_KIND.iter().find(|(kind, _)| *kind == volume.kind);
        found.push((volume, reader.map(|(_, used)| *used)));
    }
    for reader in READERS {
        match (reader.detect)(source) {
            Ok(Some(volume)) => found.push((volume, Some(reader.used))),
            Ok(None) => {}
            Err(error) => _ = unreadable.get_or_insert(error),
        }
    }
    // A container is named before what seems to lie in it, a readable file system before one
    // that is only recognised.
    found.sort_by_key(|(volume, reader)| (!volume.kind.is_container(), reader.is_none()));
    (found, unreadable)
}

fn read_one(source: &dyn BlockSource, budget: Budget) -> Reading {
    let (found, unreadable) = find(source);
    let names = found
        .iter()
        .map(|(volume, _)| volume.kind.name())
        .reduce(|first, next| message!("filesystem-and", first = first, next = next));
    let several = found.len() > 1;
    match (found.into_iter().next(), names) {
        (Some((volume, _)), Some(kinds)) if several => {
            Reading::doubtful(volume, message!("filesystem-ambiguous", kinds = kinds))
        }
        (Some((mut volume, Some(reader))), _) => {
            let used = reader(source, budget);
            volume.state = used.as_ref().err().and_then(VolumeState::told_by);
            match used {
                Ok(found) if UNPROVEN.contains(&volume.kind) => {
                    let doubt = message!(
                        "filesystem-unproven",
                        kind = volume.kind.name(),
                        used = human_bytes(found.extents.total_bytes())
                    );
                    Reading { volume, used: Err(doubt), unproven: Some(found) }
                }
                used => Reading { volume, used, unproven: None },
            }
        }
        (Some((volume, None)), _) => {
            let doubt = volume.kind.why_whole();
            Reading::doubtful(volume, doubt)
        }
        (None, _) => Reading::doubtful(
            Volume::of(VolumeKind::Unknown),
            unreadable.map_or_else(|| VolumeKind::Unknown.why_whole(), unreadable_doubt),
        ),
    }
}

/// The doubt that remains where the medium cannot be read.
fn unreadable_doubt(error: error::Error) -> Doubt {
    message!("filesystem-unreadable", why = error.message().clone())
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
