//! Which table a disk has, decided from everything that is found on it.

use super::gpt::Copy;
use super::mbr::{Content, Mbr};
use super::{
    GptCopy, Partition, PartitionTable, PartitionType, Region, RegionKind, Scheme, TableReading,
    check, ebr, foreign, gpt, mbr,
};
use crate::block::{BlockSource, DEFAULT_SECTOR_SIZE};
use crate::text::{Message, message};
use crate::units::{Extent, KIB};
use uuid::Uuid;

/// Logical sector sizes a table can be counted in, in bytes, the likely ones first.
const SECTOR_SIZES: [u32; 4] = [512, 4096, 2048, 1024];

/// How far into a partition something is looked for before it counts as empty, in bytes: all
/// superblocks begin within this, btrfs at 64 KiB the last.
const LOOKED_AT: u64 = 128 * KIB;

/// Attribute bit of a GPT entry: legacy BIOS bootable.
const ATTRIBUTE_BOOTABLE: u64 = 1 << 2;

pub(super) fn read(disk: &dyn BlockSource) -> TableReading {
    let sector_size = match disk.sector_size() {
        size if size.is_power_of_two() && (512..=65536).contains(&size) => size,
        _ => DEFAULT_SECTOR_SIZE,
    };
    let mut first = [0; mbr::LENGTH];
    if disk.size() < first.len() as u64 {
        return reading(empty(Scheme::None, sector_size), None);
    }
    if let Err(error) = disk.read_at(0, &mut first) {
        let why = error.message().clone();
        let doubt = message!("partition-first-sector-unreadable", why = why);
        return reading(empty(Scheme::None, sector_size), Some(doubt));
    }
    let mbr = Mbr::decode(&first);
    let gpt = Copies::find(disk, sector_size);
    let answer = match mbr.content {
        Content::Protective => gpt.read(disk, &mbr),
        Content::Partitions => read_mbr(disk, &mbr, &gpt, sector_size),
        Content::Nothing | Content::Empty => without_mbr(disk, &mbr, &gpt, sector_size),
    };
    doubt_members(disk, answer)
}

fn empty(scheme: Scheme, sector_size: u32) -> PartitionTable {
    PartitionTable {
        scheme,
        sector_size,
        uuid: None,
        partitions: Vec::new(),
        regions: Vec::new(),
        copy: None,
        problems: Vec::new(),
    }
}

fn reading(table: PartitionTable, doubt: Option<Message>) -> TableReading {
    TableReading { table, alternative: None, doubt }
}

/// A disk that has partitions and is a RAID or LVM member as a whole: one of the two is a
/// leftover, and nothing tells which.
fn doubt_members(disk: &dyn BlockSource, mut answer: TableReading) -> TableReading {
    if answer.doubt.is_none()
        && answer.table.scheme != Scheme::None
        && let Some(name) = foreign::member_of(disk)
    {
        answer.doubt = Some(message!("partition-and-member", name = name));
    }
    answer
}

/// No table in LBA 0, or one without partitions.
fn without_mbr(disk: &dyn BlockSource, mbr: &Mbr, gpt: &Copies, sector_size: u32) -> TableReading {
    if gpt.primary.is_ok() {
        let mut answer = gpt.read(disk, mbr);
        answer.table.problems.insert(0, message!("partition-gpt-without-mbr"));
        // Formatting the whole disk can leave a copy of an old table. Only a whole one is
        // believed, and not beside the boot sector of a file system.
        if mbr.boot_sector || !gpt.agree() {
            answer.doubt.get_or_insert(message!("partition-gpt-perhaps-old"));
        }
        return answer;
    }
    let mut table = empty(Scheme::None, sector_size);
    if gpt.backup.is_ok() {
        table.problems.push(message!("partition-gpt-old-backup"));
    }
    if mbr.content == Content::Empty && !mbr.boot_sector {
        table.problems.push(message!("partition-mbr-empty"));
    }
    let doubt = foreign::scheme(disk).map(|name| message!("partition-unknown-scheme", name = name));
    reading(table, doubt)
}

/// Both copies of a GPT, sound or not.
struct Copies {
    /// Sector size they are read with, in bytes.
    sector_size: u32,
    /// Whether the disk says it has another sector size.
    other_size: Option<u32>,
    /// The copy at LBA 1, or why it is not sound.
    primary: Result<Copy, Message>,
    /// The copy at the end, or why it is not sound.
    backup: Result<Copy, Message>,
    /// Where the backup's header was expected, in sectors.
    backup_lba: u64,
    /// Whether the disk ends with the copy of yet another table.
    stranger_at_end: bool,
}

impl Copies {
    /// Looks for a GPT, by the disk's own sector size first.
    fn find(disk: &dyn BlockSource, own: u32) -> Self {
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
    fn agree(&self) -> bool {
        matches!((&self.primary, &self.backup), (Ok(a), Ok(b)) if a.agrees_with(b))
    }

    /// The table that the copies make with what LBA 0 says.
    fn read(&self, disk: &dyn BlockSource, mbr: &Mbr) -> TableReading {
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
            .or_else(|| self.hybrid_doubt(mbr, &table.partitions));
        let mut answer = reading(table, doubt);
        if let (Ok(_), Ok(backup)) = (&self.primary, &self.backup)
            && !self.agree()
        {
            answer.table.problems.push(message!("partition-gpt-copies-differ"));
            let mut other = self.table_of(disk, GptCopy::Backup, backup, mbr);
            // A table that cannot be true is no alternative.
            if check::check(&mut other, disk.size()).is_none() {
                other.problems.push(message!("partition-gpt-copies-differ"));
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
            if entry.starting_lba > entry.ending_lba {
                table.problems.push(message!("partition-without-length", number = *number));
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

/// The sectors from `first` up to, not including, `end`, in bytes.
fn sectors(first: u64, end: u64, sector_size: u32) -> Extent {
    let size = u64::from(sector_size);
    Extent::between(first.saturating_mul(size), end.saturating_mul(size))
}

fn entry_extent(entry: &mbr::Entry, sector_size: u32) -> Extent {
    sectors(entry.first_lba(), entry.first_lba() + entry.sectors(), sector_size)
}

/// An MBR with partitions.
fn read_mbr(disk: &dyn BlockSource, mbr: &Mbr, gpt: &Copies, own: u32) -> TableReading {
    let sector_size = mbr_sector_size(disk, mbr, own);
    let mut table = empty(Scheme::Mbr, sector_size);
    let mut doubt = None;
    if mbr.signature != 0 {
        table.uuid = Some(format!("{:08x}", mbr.signature));
    }
    if sector_size != own {
        table.problems.push(message!(
            "partition-other-sector-size",
            table = sector_size,
            disk = own
        ));
    }
    let lba_0 = Extent::new(0, u64::from(sector_size).min(disk.size()));
    table.regions.push(Region { kind: RegionKind::Mbr, extent: lba_0 });
    let partition = |number: u32, entry: &mbr::Entry, first_lba: u64| Partition {
        number,
        extent: sectors(first_lba, first_lba + entry.sectors(), sector_size),
        kind: PartitionType::Mbr(entry.kind()),
        name: None,
        uuid: (mbr.signature != 0).then(|| format!("{:08x}-{number:02x}", mbr.signature)),
        bootable: entry.is_active(),
        attributes: 0,
        extended: entry.is_extended() && number <= 4,
    };
    for (number, entry) in (1..).zip(&mbr.entries) {
        if entry.is_used() {
            table.partitions.push(partition(number, entry, entry.first_lba()));
        } else if entry.kind() != 0 {
            table.problems.push(message!("partition-without-length", number = number));
        }
    }
    let mut records = Vec::new();
    for (_, extended) in mbr.used().filter(|(_, entry)| entry.is_extended()) {
        let chain = ebr::read(disk, extended, sector_size);
        let first_number = table.partitions.last().map_or(4, |p| p.number.max(4)) + 1;
        for (number, logical) in (first_number..).zip(&chain.logical) {
            table.partitions.push(partition(number, &logical.entry, logical.first_lba));
        }
        records.extend(chain.records);
        doubt = doubt.or(chain.doubt);
    }
    records.sort_unstable();
    // Two chains that meet share records.
    records.dedup();
    for lba in records {
        let extent = sectors(lba, lba + 1, sector_size);
        let on_disk = extent.end() <= disk.size();
        if on_disk && extent.offset >= lba_0.end() {
            table.regions.push(Region { kind: RegionKind::Ebr, extent });
        } else {
            let offset = extent.offset.to_string();
            doubt.get_or_insert(message!("partition-ebr-missing", offset = offset));
        }
    }
    if mbr.boot_sector {
        doubt = Some(message!("partition-mbr-or-boot-sector"));
    }
    if is_iso_hybrid(disk, mbr) {
        doubt = Some(message!("partition-iso-hybrid"));
    }
    let doubt = doubt
        .or_else(|| sector_size_doubt(disk, mbr, sector_size))
        .or_else(|| check::check(&mut table, disk.size()))
        .or_else(|| gpt_beside_mbr(disk, mbr, gpt, own, &mut table));
    reading(table, doubt)
}

/// An image of a CD written to this disk: a partition begins at LBA 0, and so does ISO 9660.
fn is_iso_hybrid(disk: &dyn BlockSource, mbr: &Mbr) -> bool {
    // ECMA-119, 8.1: the first volume descriptor is in logical sector 16.
    const DESCRIPTOR: u64 = 16 * 2048;
    mbr.used().any(|(_, entry)| entry.first_lba() == 0)
        && disk.read_vec(DESCRIPTOR + 1, 5).is_ok_and(|bytes| bytes == b"CD001")
}

/// A GPT that the MBR does not announce. Systems ignore it, so it is a leftover; but when it is
/// whole and knows of partitions elsewhere, the MBR may be the mistake.
fn gpt_beside_mbr(
    disk: &dyn BlockSource,
    mbr: &Mbr,
    gpt: &Copies,
    own: u32,
    table: &mut PartitionTable,
) -> Option<Message> {
    if gpt.sector_size != own || (gpt.primary.is_err() && gpt.backup.is_err()) {
        return None;
    }
    table.problems.push(message!("partition-gpt-beside-mbr"));
    let others = gpt.read(disk, mbr).table.partitions;
    let is_elsewhere = |other: &Partition| check::is_uncovered(other.extent, &table.partitions);
    (gpt.agree() && others.iter().any(is_elsewhere)).then(|| message!("partition-gpt-or-mbr"))
}

/// The sector size an MBR is counted in: the disk's own, unless the first EBR is found only by
/// another one.
fn mbr_sector_size(disk: &dyn BlockSource, mbr: &Mbr, own: u32) -> u32 {
    let Some((_, extended)) = mbr.used().find(|(_, entry)| entry.is_extended()) else {
        return own;
    };
    let fits = |size: u32| {
        ebr::read_record(disk, extended.first_lba(), size).is_ok_and(|record| record.is_some())
    };
    [own, 512, 4096].into_iter().find(|size| fits(*size)).unwrap_or(own)
}

/// Whether an MBR seems to be counted in another sector size than it is read with, as when a
/// disk was taken out of a USB enclosure, or a plain file holds a disk of 4096-byte sectors.
fn sector_size_doubt(disk: &dyn BlockSource, mbr: &Mbr, used: u32) -> Option<Message> {
    let first = mbr.used().map(|(_, entry)| entry).min_by_key(|entry| entry.first_lba())?;
    let place = |size: u32| entry_extent(first, size).offset;
    let fits =
        |size: u32| mbr.used().all(|(_, entry)| entry_extent(entry, size).end() <= disk.size());
    [512, 4096].into_iter().filter(|other| *other != used).find_map(|other| {
        let only_other_fits = !fits(used) && fits(other);
        let only_other_holds =
            fits(other) && is_blank(disk, place(used)) && !is_blank(disk, place(other));
        (only_other_fits || only_other_holds)
            .then(|| message!("partition-sector-size-uncertain", one = used, other = other))
    })
}

/// Whether nothing but zeros is found from `offset` on, as far as one looks. What cannot be
/// read is not blank.
fn is_blank(disk: &dyn BlockSource, offset: u64) -> bool {
    let length = disk.size().saturating_sub(offset).min(LOOKED_AT);
    disk.read_vec(offset, length as usize).is_ok_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}
