//! The two copies of a GPT, compared and read as one table.

use super::gpt::{self, Copy};
use super::mbr::{self, Content, Mbr};
use super::reading::{empty, entry_extent, reading, sectors};
use super::{
    GptCopy, Partition, PartitionTable, PartitionType, Region, RegionKind, Scheme, TableReading,
    check,
};
use crate::block::BlockSource;
use crate::text::{Message, message};
use crate::units::{Extent, KIB};
use gptman::GPTPartitionEntry;
use uuid::Uuid;

/// Logical sector sizes a table can be counted in, in bytes, the likely ones first.
const SECTOR_SIZES: [u32; 4] = [512, 4096, 2048, 1024];

/// Attribute bit of a GPT entry: legacy BIOS bootable.
const ATTRIBUTE_BOOTABLE: u64 = 1 << 2;

/// Both copies of a GPT, sound or not.
pub(super) struct Copies {
    /// Sector size they are read with, in bytes.
    pub(super) sector_size: u32,
    /// Whether the disk says it has another sector size.
    other_size: Option<u32>,
    /// The copy at LBA 1, or why it is not sound.
    pub(super) primary: Result<Copy, Message>,
    /// The copy at the end, or why it is not sound.
    pub(super) backup: Result<Copy, Message>,
    /// Where the backup's header was expected, in sectors.
    backup_lba: u64,
    /// Whether the disk ends with the copy of yet another table.
    stranger_at_end: bool,
}

impl Copies {
    /// Looks for a GPT, by the disk's own sector size first.
    pub(super) fn find(disk: &dyn BlockSource, own: u32) -> Self {
        let others = SECTOR_SIZES.into_iter().filter(|size| *size != own);
        let mut all: Vec<Self> =
            std::iter::once(own).chain(others).map(|size| Self::at(disk, size)).collect();
        let best = all
            .iter()
            .position(|copies| copies.primary.is_ok())
            .or_else(|| all.iter().position(|copies| copies.backup.is_ok()))
            .or_else(|| all.iter().position(|copies| has_header(disk, copies.sector_size)))
            .unwrap_or(0);
        let mut copies = all.swap_remove(best);
        copies.other_size = (copies.sector_size != own).then_some(own);
        copies
    }

    fn at(disk: &dyn BlockSource, sector_size: u32) -> Self {
        let primary = Copy::read(disk, 1, sector_size);
        let last = (disk.size() / u64::from(sector_size)).saturating_sub(1);
        let alternate = primary.as_ref().map_or(last, |copy| copy.header.alternate_lba());
        let mut copies = Self {
            sector_size,
            other_size: None,
            primary,
            backup: read_backup(disk, alternate, sector_size),
            backup_lba: alternate,
            stranger_at_end: false,
        };
        if alternate != last
            && let Ok(at_end) = read_backup(disk, last, sector_size)
        {
            if copies.backup.is_err() {
                copies.backup = Ok(at_end);
            } else {
                copies.stranger_at_end = true;
            }
        }
        copies
    }

    /// Whether both copies are sound and say the same.
    pub(super) fn agree(&self) -> bool {
        matches!((&self.primary, &self.backup), (Ok(a), Ok(b)) if a.agrees_with(b))
    }

    /// The table that the copies make with what LBA 0 says.
    pub(super) fn read(&self, disk: &dyn BlockSource, mbr: &Mbr) -> TableReading {
        let (which, copy) = match (&self.primary, &self.backup) {
            (Ok(primary), _) => (GptCopy::Primary, primary),
            (Err(_), Ok(backup)) => (GptCopy::Backup, backup),
            (Err(primary), Err(backup)) => {
                let mut table = empty(Scheme::Gpt, self.sector_size);
                self.describe_regions(disk, &mut table);
                let doubt = message!(
                    "partition-gpt-unreadable",
                    primary = primary.clone(),
                    backup = backup.clone()
                );
                return reading(table, Some(doubt));
            }
        };
        let mut table = self.table_of(disk, which, copy, mbr);
        self.say_problems(disk, mbr, &mut table);
        let doubt = check::check(&mut table, disk.size())
            .or_else(|| self.hybrid_doubt(mbr, &table.partitions))
            .or_else(|| backwards_doubt(copy));
        let mut answer = reading(table, doubt);
        if let (Ok(_), Ok(backup)) = (&self.primary, &self.backup)
            && !self.agree()
        {
            answer.table.problems.push(message!("partition-gpt-copies-differ"));
            let mut other = self.table_of(disk, GptCopy::Backup, backup, mbr);
            // A table that cannot be true is no alternative.
            if check::check(&mut other, disk.size()).or_else(|| backwards_doubt(backup)).is_none() {
                other.problems.push(message!("partition-gpt-backup-fits"));
                answer.alternative = Some(other);
            }
        }
        answer
    }

    fn table_of(
        &self,
        disk: &dyn BlockSource,
        which: GptCopy,
        copy: &Copy,
        mbr: &Mbr,
    ) -> PartitionTable {
        let is_hybrid = mbr.content == Content::Protective && mbr.hybrid().next().is_some();
        let scheme = if is_hybrid { Scheme::HybridGpt } else { Scheme::Gpt };
        let mut table = empty(scheme, self.sector_size);
        table.copy = Some(which);
        table.uuid = Some(copy.header.disk_guid().to_string());
        for (number, entry) in &copy.entries {
            if is_backwards(entry) {
                continue;
            }
            let name = entry.partition_name.as_str();
            table.partitions.push(Partition {
                number: *number,
                extent: sectors(
                    entry.starting_lba,
                    entry.ending_lba.saturating_add(1),
                    self.sector_size,
                ),
                kind: PartitionType::Gpt(Uuid::from_bytes_le(entry.partition_type_guid)),
                name: (!name.is_empty()).then(|| name.to_owned()),
                uuid: Some(Uuid::from_bytes_le(entry.unique_partition_guid).to_string()),
                bootable: entry.attribute_bits & ATTRIBUTE_BOOTABLE != 0,
                attributes: entry.attribute_bits,
                extended: false,
            });
        }
        self.describe_regions(disk, &mut table);
        table
    }

    fn say_problems(&self, disk: &dyn BlockSource, mbr: &Mbr, table: &mut PartitionTable) {
        let size = u64::from(self.sector_size);
        let disk_sectors = disk.size() / size;
        let mut problems = Vec::new();
        if let Some(own) = self.other_size {
            problems.push(message!(
                "partition-other-sector-size",
                table = self.sector_size,
                disk = own
            ));
        }
        match (&self.primary, &self.backup) {
            (Ok(_), Err(why)) => {
                problems.push(message!("partition-gpt-backup-unsound", why = why.clone()));
            }
            (Err(why), Ok(_)) => {
                problems.push(message!("partition-gpt-primary-unsound", why = why.clone()));
            }
            _ => {}
        }
        let alternate = self.primary.as_ref().map_or(0, |copy| copy.header.alternate_lba());
        if alternate >= disk_sectors {
            let missing = (alternate - disk_sectors).saturating_add(1).saturating_mul(size);
            problems.push(message!("partition-gpt-disk-too-small", missing = missing.to_string()));
        } else if self.primary.is_ok() && alternate + 1 < disk_sectors {
            let behind = (disk_sectors - 1 - alternate) * size;
            problems.push(message!("partition-gpt-backup-not-at-end", behind = behind.to_string()));
        }
        if self.stranger_at_end {
            problems.push(message!("partition-gpt-old-backup"));
        }
        if table.scheme == Scheme::HybridGpt {
            problems.push(message!("partition-hybrid"));
        } else if let Some(entry) = mbr.entries.iter().find(|e| e.kind() == mbr::TYPE_PROTECTIVE)
            && entry.sectors() != u64::from(u32::MAX)
            && entry.sectors() != u64::from(mbr::protective_sectors(disk_sectors))
        {
            problems.push(message!(
                "partition-protective-size",
                found = entry.sectors().to_string(),
                expected = mbr::protective_sectors(disk_sectors).to_string()
            ));
        }
        problems.append(&mut table.problems);
        table.problems = problems;
    }

    /// A partition that only the MBR of a hybrid knows would be lost.
    fn hybrid_doubt(&self, mbr: &Mbr, partitions: &[Partition]) -> Option<Message> {
        if mbr.content != Content::Protective {
            return None;
        }
        mbr.hybrid()
            .find(|(_, entry)| {
                check::is_uncovered(entry_extent(entry, self.sector_size), partitions)
            })
            .map(|(number, _)| message!("partition-hybrid-disagrees", number = number))
    }

    /// Lists where the table lies: what is known first, then where an unsound copy should be,
    /// as far as nothing else is there.
    fn describe_regions(&self, disk: &dyn BlockSource, table: &mut PartitionTable) {
        use RegionKind::{BackupGptEntries, BackupGptHeader, GptEntries, GptHeader};
        let size = u64::from(self.sector_size);
        let sound = self.primary.as_ref().or(self.backup.as_ref()).ok();
        // An array of 128 entries of 128 bytes, when nothing tells.
        let array = sound
            .map_or(16 * KIB, |copy| copy.header.array_extent(self.sector_size).length)
            .next_multiple_of(size);
        let mut certain = vec![(RegionKind::Mbr, Extent::new(0, size))];
        let mut expected = Vec::new();
        match &self.primary {
            Ok(copy) => certain.extend([
                (GptHeader, copy.header_extent(self.sector_size)),
                (GptEntries, copy.header.array_extent(self.sector_size)),
            ]),
            Err(_) => expected.extend([
                (GptHeader, Extent::new(size, size)),
                (GptEntries, Extent::new(2 * size, array)),
            ]),
        }
        match &self.backup {
            Ok(copy) => certain.extend([
                (BackupGptEntries, copy.header.array_extent(self.sector_size)),
                (BackupGptHeader, copy.header_extent(self.sector_size)),
            ]),
            Err(_) => {
                let header =
                    sectors(self.backup_lba, self.backup_lba.saturating_add(1), self.sector_size);
                expected.extend([
                    (
                        BackupGptEntries,
                        Extent::between(header.offset.saturating_sub(array), header.offset),
                    ),
                    (BackupGptHeader, header),
                ]);
            }
        }
        let whole = Extent::new(0, disk.size());
        let mut add = |list: Vec<(RegionKind, Extent)>, beside_partitions: bool| {
            for (kind, extent) in list {
                let is_taken = table.regions.iter().any(|r| r.extent.overlaps(extent))
                    || beside_partitions
                        && table.partitions.iter().any(|p| p.extent.overlaps(extent));
                if !is_taken && !extent.is_empty() && whole.contains(extent) {
                    table.regions.push(Region { kind, extent });
                }
            }
        };
        add(certain, false);
        add(expected, true);
        table.regions.sort_by_key(|region| region.extent);
    }
}

/// Whether an entry ends before it begins.
const fn is_backwards(entry: &GPTPartitionEntry) -> bool {
    entry.starting_lba > entry.ending_lba
}

/// Nobody can know where the partition of such an entry was.
fn backwards_doubt(copy: &Copy) -> Option<Message> {
    let (number, _) = copy.entries.iter().find(|(_, entry)| is_backwards(entry))?;
    Some(message!("partition-backwards", number = *number))
}

/// Reads the copy at `lba`; the place of the primary is none for a backup.
fn read_backup(disk: &dyn BlockSource, lba: u64, sector_size: u32) -> Result<Copy, Message> {
    if lba < 2 {
        return Err(message!("partition-gpt-no-signature"));
    }
    Copy::read(disk, lba, sector_size)
}

fn has_header(disk: &dyn BlockSource, sector_size: u32) -> bool {
    disk.read_vec(u64::from(sector_size), 512).is_ok_and(|sector| gpt::has_signature(&sector))
}
