//! `manifest.json` (section 7): what is in the image.

use super::files::FileEntry;
use super::header::{ImageId, SaveId};
use crate::codec::Digest;
use crate::filesystem::Volume;
use crate::partition::PartitionTable;
use crate::text::{Message, message};
use crate::units::Extent;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The body of `manifest.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Identity of the image, as in the header.
    pub image_id: ImageId,
    /// The run that completed it.
    pub save_id: SaveId,
    /// The name people see.
    pub name: String,
    /// What the person wanted to remember.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was completed, RFC 3339, UTC.
    pub created: String,
    /// Program and version.
    pub writer: String,
    /// The command that would do the same.
    #[serde(default)]
    pub command: String,
    /// The compression level.
    pub level: String,
    /// The machine it was saved on.
    #[serde(default)]
    pub machine: Machine,
    /// The disks, by their number.
    pub disks: Vec<Disk>,
    /// The packs, by their number.
    pub packs: Vec<PackRecord>,
    /// The other files that were there before the manifest.
    pub files: Vec<FileRecord>,
    /// The image whose name this one took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ImageId>,
    /// Whether everything was read back from the medium before this manifest was written.
    pub verified: bool,
    /// What the person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Message>,
}

/// The machine an image was saved on.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Product name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// `bios` or `uefi`: how it was booted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// Whether Secure Boot was on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
}

/// What tells one disk from another.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct DiskIdentity {
    /// Kernel or file name when it was saved: the default name on a restore of several disks.
    pub name: String,
    /// How it is attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<String>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// World wide name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// What SMART said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smart: Option<String>,
}

/// A disk in an image.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Disk {
    /// What tells it from others.
    pub identity: DiskIdentity,
    /// Size in bytes.
    pub size: u64,
    /// Logical sector size in bytes.
    pub sector_size: u32,
    /// Physical sector size in bytes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_sector_size: Option<u32>,
    /// Whether everything in use on the disk is in the image, not only chosen partitions.
    pub complete: bool,
    /// The partition table.
    pub table: PartitionTable,
    /// The volumes: one for each partition that can hold one, or one for the disk itself.
    pub volumes: Vec<SavedVolume>,
    /// The index.
    pub index: IndexRecord,
    /// What is doubtful or remarkable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Message>,
}

/// How a volume was saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// Only what is in use.
    Used,
    /// Every byte.
    Whole,
    /// Not at all: the person chose other partitions.
    Skipped,
}

/// A volume of a disk in an image.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SavedVolume {
    /// Number of its partition; none when the volume is the disk itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// Its place on the disk, in bytes.
    pub extent: Extent,
    /// What it contains.
    pub content: Volume,
    /// How it was saved.
    pub saved: Saved,
    /// Why it was saved whole, or why its used bytes were believed where a person asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Message>,
    /// Bytes of it that are in the image.
    pub used_bytes: u64,
    /// Where its superblocks are, every copy: bytes from its start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Extent>,
    /// The system found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

/// An operating system found in a volume.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct System {
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

/// The index of a disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IndexRecord {
    /// File name.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hash of the file.
    pub sha256: Digest,
    /// Offset of the directory in the file, in bytes.
    pub directory_offset: u64,
    /// Number of chunks.
    pub chunks: u64,
    /// Used bytes of the disk that are in the image.
    pub used_bytes: u64,
    /// Those of them that could not be read.
    pub unreadable_bytes: u64,
}

/// A pack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PackRecord {
    /// File name.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hash of the file.
    pub sha256: Digest,
    /// The base it lies in, when not in this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ImageId>,
}

/// Another file of the image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRecord {
    /// File name.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Hash of the file.
    pub sha256: Digest,
}

impl Manifest {
    /// What is wrong with the files of the image, as far as a list of its directory tells: one that
    /// is missing, or has another length.
    pub fn missing_among(&self, list: &[FileEntry]) -> Option<Message> {
        let packs = self.packs.iter().map(|pack| (&pack.file, pack.bytes));
        let files = self.files.iter().map(|file| (&file.file, file.bytes));
        let indexes = self.disks.iter().map(|disk| (&disk.index.file, disk.index.bytes));
        let lengths: HashMap<&str, u64> =
            list.iter().map(|file| (file.name.as_str(), file.length)).collect();
        let (file, _) = packs
            .chain(files)
            .chain(indexes)
            .find(|(file, bytes)| lengths.get(file.as_str()) != Some(bytes))?;
        Some(message!("image-file-lost", file = file.as_str()))
    }

    /// Used bytes of all disks in the image.
    pub fn used_bytes(&self) -> u64 {
        self.disks.iter().fold(0, |sum, disk| sum.saturating_add(disk.index.used_bytes))
    }

    /// Bytes that could not be read, of all disks.
    pub fn unreadable_bytes(&self) -> u64 {
        self.disks.iter().fold(0, |sum, disk| sum.saturating_add(disk.index.unreadable_bytes))
    }

    /// Bytes of the packs and indexes.
    pub fn stored_bytes(&self) -> u64 {
        let packs = self.packs.iter().map(|pack| pack.bytes);
        packs.chain(self.disks.iter().map(|disk| disk.index.bytes)).fold(0, u64::saturating_add)
    }
}
