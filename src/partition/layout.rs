//! Fitting a saved table onto another disk: which bytes go where. Nothing is written here.

use super::gpt::{Header, Placement, moved_header};
use super::{GptCopy, Partition, PartitionTable, Region, RegionKind, Scheme, mbr};
use crate::block::BlockSource;
use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use crate::units::{Extent, MIB, human_bytes};

/// A table and the bytes of the disk it was read from that it consists of.
pub struct SavedTable<'a> {
    table: &'a PartitionTable,
    regions: Vec<(Region, Vec<u8>)>,
    source_size: u64,
}

impl<'a> SavedTable<'a> {
    /// Takes the bytes of the table's regions from the disk that has it, or from its image.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn read(source: &dyn BlockSource, table: &'a PartitionTable) -> Result<Self> {
        let regions = table.regions.iter().map(|region| {
            let length = usize::try_from(region.extent.length).unwrap_or(usize::MAX);
            Ok((*region, source.read_vec(region.extent.offset, length)?))
        });
        Ok(Self { table, regions: regions.collect::<Result<_>>()?, source_size: source.size() })
    }

    fn get(&self, kind: RegionKind) -> Option<(Extent, &[u8])> {
        let (region, bytes) = self.regions.iter().find(|(region, _)| region.kind == kind)?;
        Some((region.extent, bytes))
    }

    /// One copy of the GPT, if it is sound.
    fn copy(&self, header: RegionKind, entries: RegionKind) -> Option<SavedCopy<'_>> {
        let sector_size = self.table.sector_size;
        let (place, sector) = self.get(header)?;
        let (entries_place, array) = self.get(entries)?;
        let size = u64::from(sector_size);
        let decoded = Header::decode(sector, place.offset / size, self.source_size / size).ok()?;
        decoded.entries(array).ok()?;
        (decoded.array_extent(sector_size) == entries_place).then_some(SavedCopy {
            header: decoded,
            sector,
            array,
        })
    }

    /// Everything as it was, on a disk of `target_size` bytes.
    fn as_it_was_on(&self, target_size: u64) -> Result<Vec<TableWrite>> {
        let end = self.regions.iter().map(|(region, _)| region.extent.end()).max().unwrap_or(0);
        if target_size < end {
            return Err(too_small(end, target_size));
        }
        let write = |(region, bytes): &(Region, Vec<u8>)| TableWrite {
            kind: region.kind,
            offset: region.extent.offset,
            bytes: bytes.clone(),
        };
        Ok(in_writing_order(self.regions.iter().map(write).collect()))
    }
}

/// A sound copy of a GPT: its header's fields, its header's sector, the sectors of its array.
#[derive(Clone)]
struct SavedCopy<'a> {
    header: Header,
    sector: &'a [u8],
    array: &'a [u8],
}

impl SavedCopy<'_> {
    const fn array_sectors(&self, sector_size: u64) -> u64 {
        self.array.len() as u64 / sector_size
    }
}

/// The disk that a table is fitted onto.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its size in bytes.
    pub size: u64,
    /// Its logical sector size in bytes; `None` where that is of no account, as for a plain file.
    pub sector_size: Option<u32>,
}

/// What to do with a copy of a GPT that is not sound, or that differs from the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repair {
    /// Leave it, as far as the size of the target allows.
    No,
    /// Make both copies from the one that [`PartitionTable::copy`] names, the backup at the end
    /// of the disk, and correct the size in the protective MBR.
    Yes,
}

/// Bytes of a table to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableWrite {
    /// What they are.
    pub kind: RegionKind,
    /// Where they go, in bytes.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl TableWrite {
    /// Where they go.
    pub fn extent(&self) -> Extent {
        Extent::new(self.offset, self.bytes.len() as u64)
    }
}

/// The bytes that put a saved table onto `target`, in the order in which they are to be written.
/// When each is flushed before the next, LBA 0, which makes the table valid, comes last.
///
/// - A target of the same size gets the saved bytes exactly, unless a repair is asked for.
/// - On a target of another size, a GPT's backup goes to its end, and what depends on the size
///   is made anew: the places in both headers, the last usable LBA, checksums, the size in the
///   protective MBR. Entries stay as they are, and copies that differ stay different. A copy that
///   is not sound is made from the other one, if there is room for it.
/// - An MBR and its EBRs never change.
///
/// # Errors
/// [`ErrorKind::Refused`] when the target is too small, when it has another sector size, or when
/// a repair was asked for and a partition lies where the repaired copy belongs.
pub fn fit(saved: &SavedTable<'_>, target: Target, repair: Repair) -> Result<Vec<TableWrite>> {
    let table = saved.table;
    if let Some(sector_size) = target.sector_size
        && sector_size != table.sector_size
        && table.scheme != Scheme::None
    {
        return Err(Error::new(
            ErrorKind::Refused,
            message!(
                "partition-target-sector-size",
                table = table.sector_size,
                target = sector_size
            ),
        )
        .advise(message!("partition-target-sector-size-advice", table = table.sector_size)));
    }
    let needed = needed_size(table, saved.source_size);
    if target.size < needed {
        return Err(too_small(needed, target.size));
    }
    let is_unchanged = target.size == saved.source_size && repair == Repair::No;
    match table.scheme {
        Scheme::Gpt | Scheme::HybridGpt if !is_unchanged => fit_gpt(saved, target.size, repair),
        _ => saved.as_it_was_on(target.size),
    }
}

/// The size in bytes that a disk must have for this table, read from a disk of `source_size`
/// bytes: up to the end of the last partition, and a GPT's backup behind it. Without a table the
/// size of the source.
///
/// Used bytes outside the partitions are not counted.
pub fn needed_size(table: &PartitionTable, source_size: u64) -> u64 {
    let is_backup =
        |kind| matches!(kind, RegionKind::BackupGptEntries | RegionKind::BackupGptHeader);
    let front = table.regions.iter().filter(|region| !is_backup(region.kind));
    let end = front
        .map(|region| region.extent)
        .chain(table.partitions.iter().map(|partition| partition.extent))
        .map(Extent::end)
        .max()
        .unwrap_or(0);
    let claimed = match (table.scheme, table.copy) {
        (Scheme::Mbr, _) => end,
        (Scheme::Gpt | Scheme::HybridGpt, Some(_)) => {
            let arrays = table.regions.iter().filter(|region| {
                matches!(region.kind, RegionKind::GptEntries | RegionKind::BackupGptEntries)
            });
            let array = arrays.map(|region| region.extent.length).max().unwrap_or(0);
            end.saturating_add(array).saturating_add(u64::from(table.sector_size))
        }
        _ => source_size,
    };
    // A table can claim more than its disk had.
    claimed.min(source_size)
}

fn too_small(needed: u64, size: u64) -> Error {
    let missing = needed.saturating_sub(size);
    Error::new(
        ErrorKind::Refused,
        message!(
            "partition-target-too-small",
            missing = missing.to_string(),
            human = human_bytes(missing),
            needed = needed.to_string(),
            size = size.to_string()
        ),
    )
    .advise(message!("partition-target-too-small-advice", needed = needed.to_string()))
}

fn fit_gpt(saved: &SavedTable<'_>, target_size: u64, repair: Repair) -> Result<Vec<TableWrite>> {
    use RegionKind::{BackupGptEntries, BackupGptHeader, GptEntries, GptHeader};
    let table = saved.table;
    let size = u64::from(table.sector_size);
    let primary = saved.copy(GptHeader, GptEntries);
    let backup = saved.copy(BackupGptHeader, BackupGptEntries);
    let chosen = match table.copy {
        Some(GptCopy::Backup) => backup.as_ref().or(primary.as_ref()),
        _ => primary.as_ref().or(backup.as_ref()),
    };
    let Some(chosen) = chosen.cloned() else { return saved.as_it_was_on(target_size) };
    let (front, back) = match repair {
        Repair::Yes => (chosen.clone(), chosen),
        Repair::No => (primary.unwrap_or_else(|| chosen.clone()), backup.unwrap_or(chosen)),
    };

    let sectors = target_size / size;
    let backup_lba = sectors.saturating_sub(1);
    let array_sectors = front.array_sectors(size).max(back.array_sectors(size));
    let last_usable_lba = backup_lba.saturating_sub(array_sectors + 1);
    let first_usable_lba = front.header.first_usable_lba().max(back.header.first_usable_lba());
    if last_usable_lba < first_usable_lba || backup_lba <= array_sectors {
        let needed = first_usable_lba.saturating_add(array_sectors + 2).saturating_mul(size);
        return Err(too_small(needed, target_size));
    }
    // An array made anew for the primary begins where they usually do.
    let front_array_lba = saved.get(GptEntries).map_or(2, |(place, _)| place.offset / size);
    let back_array_lba = backup_lba - array_sectors;
    let place = |lba, alternate_lba, entries_lba| Placement {
        lba,
        alternate_lba,
        last_usable_lba,
        entries_lba,
    };
    let write = |kind, lba: u64, bytes| TableWrite { kind, offset: lba * size, bytes };
    let mut writes = vec![
        write(BackupGptEntries, back_array_lba, back.array.to_vec()),
        write(
            BackupGptHeader,
            backup_lba,
            moved_header(back.sector, place(backup_lba, 1, back_array_lba)),
        ),
        write(GptEntries, front_array_lba, front.array.to_vec()),
        write(GptHeader, 1, moved_header(front.sector, place(1, backup_lba, front_array_lba))),
    ];
    // A partition that the source had only a part of can go further than this disk does.
    let usable = Extent::new(0, (last_usable_lba + 1) * size);
    let is_in_the_way = |partition: &Partition| {
        let over = |write: &TableWrite| partition.extent.overlaps(write.extent());
        !usable.contains(partition.extent) || writes.iter().any(over)
    };
    if table.partitions.iter().any(is_in_the_way) {
        return match repair {
            Repair::No => saved.as_it_was_on(target_size),
            Repair::Yes => {
                Err(Error::new(ErrorKind::Refused, message!("partition-repair-no-room"))
                    .advise(message!("partition-repair-no-room-advice")))
            }
        };
    }
    if let Some((_, sector)) = saved.get(RegionKind::Mbr) {
        let mut bytes = sector.to_vec();
        if table.scheme == Scheme::Gpt {
            mbr::resize_protective(&mut bytes, sectors);
        }
        writes.push(write(RegionKind::Mbr, 0, bytes));
    }
    Ok(in_writing_order(writes))
}

/// What makes a table valid comes last: the backup before the primary, the chain of EBRs and all
/// else before LBA 0, lists before the headers with their checksums.
fn in_writing_order(mut writes: Vec<TableWrite>) -> Vec<TableWrite> {
    writes.sort_by_key(|write| match write.kind {
        RegionKind::Ebr => 0,
        RegionKind::BackupGptEntries => 1,
        RegionKind::BackupGptHeader => 2,
        RegionKind::GptEntries => 3,
        RegionKind::GptHeader => 4,
        RegionKind::Mbr => 5,
    });
    writes
}

/// Where a disk of `size` bytes can hold what is left of an older table: its first and its last
/// mebibyte, in whole sectors. A whole-disk restore overwrites these first.
pub fn stale_table_extents(size: u64, sector_size: u32) -> Vec<Extent> {
    let sector = u64::from(sector_size).max(1);
    // Rounded to whole sectors; what follows the last one counts too.
    let last = (size / sector * sector).saturating_sub(MIB.next_multiple_of(sector));
    let extents = if last <= MIB {
        vec![Extent::new(0, size)]
    } else {
        vec![Extent::new(0, MIB.next_multiple_of(sector)), Extent::between(last, size)]
    };
    extents.into_iter().filter(|extent| !extent.is_empty()).collect()
}
