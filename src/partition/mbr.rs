//! The master boot record: LBA 0 of a disk, with four partition entries.
//!
//! Layout: UEFI Specification 2.10, section 5.2.1 (legacy MBR) and 5.2.3 (protective MBR). A
//! boot sector of FAT, exFAT or NTFS ends in the same two bytes 55 AA, so that signature alone
//! proves nothing: what the four entries say is looked at as well.

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Length of the record in bytes, whatever the sector size.
pub(super) const LENGTH: usize = 512;
/// Partition type of the entry that protects a GPT.
pub(super) const TYPE_PROTECTIVE: u8 = 0xee;
/// Partition type of a Windows dynamic disk.
pub(super) const TYPE_DYNAMIC_DISK: u8 = 0x42;

const STATUS_ACTIVE: u8 = 0x80;
const OFFSET_DISK_SIGNATURE: usize = 440;
pub(super) const OFFSET_ENTRIES: usize = 446;
pub(super) const ENTRY_LENGTH: usize = 16;
const ENTRIES: usize = 4;

/// One of the four entries, as it lies on the disk. EBRs hold the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Entry {
    status: u8,
    first_chs: [u8; 3],
    kind: u8,
    last_chs: [u8; 3],
    first_lba: U32,
    sectors: U32,
}

impl Entry {
    /// The partition type.
    pub(super) const fn kind(&self) -> u8 {
        self.kind
    }

    /// First LBA; an EBR counts it from a base of its own.
    pub(super) const fn first_lba(&self) -> u64 {
        self.first_lba.get() as u64
    }

    /// Number of sectors.
    pub(super) const fn sectors(&self) -> u64 {
        self.sectors.get() as u64
    }

    /// Whether it describes a partition. As for Linux, a length makes one, not a type.
    pub(super) const fn is_used(&self) -> bool {
        self.sectors.get() != 0
    }

    /// Whether it has the active flag.
    pub(super) const fn is_active(&self) -> bool {
        self.status == STATUS_ACTIVE
    }

    /// Whether it is a container of logical partitions.
    pub(super) const fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }

    /// Whether the status byte is one of the two that exist.
    const fn has_valid_status(&self) -> bool {
        matches!(self.status, 0 | STATUS_ACTIVE)
    }
}

/// The four entries of a sector that ends in 55 AA; `None` when it does not.
pub(super) fn entries(sector: &[u8]) -> Option<[Entry; ENTRIES]> {
    if sector.get(LENGTH - 2..LENGTH) != Some([0x55, 0xaa].as_slice()) {
        return None;
    }
    <[Entry; ENTRIES]>::read_from_bytes(&sector[OFFSET_ENTRIES..LENGTH - 2]).ok()
}

/// What LBA 0 is.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// No partition table.
    Nothing,
    /// A table without partitions, or a boot sector without a table: nothing tells them apart.
    Empty,
    /// A table that says the disk has a GPT.
    Protective,
    /// A table with partitions.
    Partitions,
}

/// LBA 0, decoded.
pub(super) struct Mbr {
    /// What it is.
    pub(super) content: Content,
    /// The four entries; meaningless when `content` is `Nothing`.
    pub(super) entries: [Entry; ENTRIES],
    /// Disk signature, 0 when there is none.
    pub(super) signature: u32,
    /// Whether it is the boot sector of a file system, table or not.
    pub(super) boot_sector: bool,
}

impl Mbr {
    /// Decodes the first 512 bytes of a disk.
    pub(super) fn decode(sector: &[u8; LENGTH]) -> Self {
        let found = entries(sector).filter(|list| list.iter().all(Entry::has_valid_status));
        let content = match &found {
            None => Content::Nothing,
            Some(list) if list.iter().any(|entry| entry.kind == TYPE_PROTECTIVE) => {
                Content::Protective
            }
            Some(list) if list.iter().any(Entry::is_used) => Content::Partitions,
            Some(_) => Content::Empty,
        };
        let bytes = &sector[OFFSET_DISK_SIGNATURE..OFFSET_DISK_SIGNATURE + 4];
        Self {
            content,
            entries: found.unwrap_or_else(|| {
                FromBytes::read_from_bytes(&[0; ENTRIES * ENTRY_LENGTH]).expect("the length fits")
            }),
            signature: u32::from_le_bytes(bytes.try_into().expect("four bytes")),
            boot_sector: is_boot_sector(sector),
        }
    }

    /// The used entries with the numbers Linux gives them.
    pub(super) fn used(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (1..).zip(&self.entries).filter(|(_, entry)| entry.is_used())
    }

    /// Entries that list partitions beside the one that protects a GPT.
    pub(super) fn hybrid(&self) -> impl Iterator<Item = (u32, &Entry)> {
        // Boot media have entries of type 0 here that only make a BIOS content.
        self.used().filter(|(_, entry)| entry.kind != TYPE_PROTECTIVE && entry.kind != 0)
    }
}

/// Whether a sector is the boot sector of FAT, exFAT, NTFS or BitLocker.
///
/// FAT: Microsoft's FAT32 File System Specification 1.03, "Boot Sector and BPB".
fn is_boot_sector(sector: &[u8; LENGTH]) -> bool {
    if matches!(&sector[3..11], b"NTFS    " | b"EXFAT   " | b"-FVE-FS-")
        && matches!(sector[0], 0xeb | 0xe9)
    {
        return true;
    }
    let bytes_per_sector = u16::from_le_bytes([sector[11], sector[12]]);
    let reserved_sectors = u16::from_le_bytes([sector[14], sector[15]]);
    matches!(bytes_per_sector, 512 | 1024 | 2048 | 4096)
        && sector[13].is_power_of_two()
        && reserved_sectors != 0
        && matches!(sector[16], 1 | 2)
        && (sector[21] == 0xf0 || sector[21] >= 0xf8)
}

/// The sector of a protective MBR, changed for a disk of `sectors` sectors.
///
/// The field keeps the value that means "any size" where it has it.
pub(super) fn resize_protective(sector: &mut [u8], sectors: u64) {
    let Some(list) = entries(sector) else { return };
    for (index, entry) in list.iter().enumerate() {
        if entry.kind != TYPE_PROTECTIVE
            || entry.first_lba() != 1
            || entry.sectors.get() == u32::MAX
        {
            continue;
        }
        let length = protective_sectors(sectors);
        let at = OFFSET_ENTRIES + index * ENTRY_LENGTH;
        sector[at + 12..at + 16].copy_from_slice(&length.to_le_bytes());
        sector[at + 5..at + 8].copy_from_slice(&chs(u64::from(length)));
    }
}

/// The length that a protective entry has on a disk of `sectors` sectors.
pub(super) fn protective_sectors(sectors: u64) -> u32 {
    u32::try_from(sectors.saturating_sub(1)).unwrap_or(u32::MAX)
}

/// An LBA as cylinder, head and sector of the geometry that all use, FF FF FF beyond its end.
fn chs(lba: u64) -> [u8; 3] {
    const HEADS: u64 = 255;
    const SECTORS: u64 = 63;
    let cylinder = lba / (HEADS * SECTORS);
    if cylinder > 1023 {
        return [0xff; 3];
    }
    let head = lba / SECTORS % HEADS;
    let sector = lba % SECTORS + 1;
    [head as u8, (sector | (cylinder >> 8) << 6) as u8, cylinder as u8]
}
