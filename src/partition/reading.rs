//! Which table a disk has, decided from everything that is found on it.

use super::copies::Copies;
use super::mbr::{Content, Mbr};
use super::{
    Partition, PartitionTable, PartitionType, Region, RegionKind, Scheme, TableReading, check, ebr,
    foreign, mbr,
};
use crate::block::{BlockSource, DEFAULT_SECTOR_SIZE};
use crate::text::{Message, message};
use crate::units::{Extent, KIB};

/// How far into a partition something is looked for before it counts as empty, in bytes: all
/// superblocks begin within this, btrfs at 64 KiB the last.
const LOOKED_AT: u64 = 128 * KIB;

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

/// A table that says nothing yet.
pub(super) fn empty(scheme: Scheme, sector_size: u32) -> PartitionTable {
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

/// A reading with no alternative.
pub(super) fn reading(table: PartitionTable, doubt: Option<Message>) -> TableReading {
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

/// The sectors from `first` up to, not including, `end`, in bytes.
pub(super) fn sectors(first: u64, end: u64, sector_size: u32) -> Extent {
    let size = u64::from(sector_size);
    Extent::between(first.saturating_mul(size), end.saturating_mul(size))
}

/// Where the partition of an entry of LBA 0 lies, in bytes.
pub(super) fn entry_extent(entry: &mbr::Entry, sector_size: u32) -> Extent {
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
