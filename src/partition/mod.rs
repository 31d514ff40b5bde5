//! Partition tables: GPT, MBR with logical partitions, both at once, or none.
//!
//! Reading answers what the table says, where on the disk it says it, and what is wrong with
//! it. Nothing here knows what the partitions contain.
#![forbid(unsafe_code)]

mod check;
mod ebr;
mod foreign;
mod gpt;
mod mbr;
mod reading;
mod types;

use crate::block::BlockSource;
use crate::text::Message;
use crate::units::Extent;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which scheme a disk is divided by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// GUID partition table with a protective MBR.
    Gpt,
    /// GUID partition table whose MBR also lists partitions.
    HybridGpt,
    /// Master boot record, with a chain of EBRs where there are logical partitions.
    Mbr,
    /// No table.
    None,
}

/// Which copy of a GPT was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GptCopy {
    /// The one at the start of the disk.
    Primary,
    /// The one at its end.
    Backup,
}

/// The type of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionType {
    /// Type GUID of a GPT entry.
    Gpt(Uuid),
    /// Type byte of an MBR or EBR entry.
    Mbr(u8),
}

/// One partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Partition {
    /// The number Linux gives it: `sda1` is 1, logical ones start at 5.
    pub number: u32,
    /// Where it lies, in bytes from the start of the disk. May go past the end of the disk when
    /// the table says so; then the table has a problem that tells.
    pub extent: Extent,
    /// Its type.
    pub kind: PartitionType,
    /// Its name (GPT only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its unique GUID (GPT), or disk signature and number (MBR), as `PARTUUID` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Active flag of an MBR entry, legacy BIOS bootable attribute of a GPT entry.
    #[serde(default)]
    pub bootable: bool,
    /// Attribute bits of a GPT entry.
    #[serde(default)]
    pub attributes: u64,
    /// An extended partition: a container of the logical ones that holds no volume itself.
    #[serde(default)]
    pub extended: bool,
}

/// What a part of the table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionKind {
    /// LBA 0: boot code and MBR.
    Mbr,
    /// An extended boot record.
    Ebr,
    /// Primary GPT header.
    GptHeader,
    /// Entry array of the primary GPT.
    GptEntries,
    /// Entry array of the backup GPT.
    BackupGptEntries,
    /// Backup GPT header.
    BackupGptHeader,
}

/// Bytes of the disk that belong to the table itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Region {
    /// What it is.
    pub kind: RegionKind,
    /// Where it lies, in bytes.
    pub extent: Extent,
}

/// What a partition table says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PartitionTable {
    /// The scheme.
    pub scheme: Scheme,
    /// Logical sector size its LBAs are counted in, in bytes.
    pub sector_size: u32,
    /// Disk GUID, or MBR disk signature as eight hexadecimal digits: `PTUUID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The partitions by number, extended ones included.
    pub partitions: Vec<Partition>,
    /// Where the table itself lies, ascending.
    pub regions: Vec<Region>,
    /// The copy of the GPT that `partitions` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<GptCopy>,
    /// What is wrong or remarkable with it, for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Message>,
}

/// What reading the table of a disk answered.
#[derive(Clone, PartialEq, Debug)]
pub struct TableReading {
    /// The table to use.
    pub table: PartitionTable,
    /// The other copy of a GPT, when both are sound and they disagree: the caller knows what the
    /// partitions contain and can tell which one is true.
    pub alternative: Option<PartitionTable>,
    /// Why the partitions cannot be trusted at all: the disk is then saved whole.
    pub doubt: Option<Message>,
}

/// Reads the partition table of a disk. Nothing here fails: what cannot be read is a doubt.
///
/// The table may be counted in another sector size than the disk says (a plain file that holds a
/// disk of 4096-byte sectors, a disk out of a USB enclosure): [`PartitionTable::sector_size`] is
/// then the table's, and the table has a problem that tells.
pub fn read(disk: &dyn BlockSource) -> TableReading {
    reading::read(disk)
}

#[cfg(test)]
mod tests;
