//! One copy of a GUID partition table: a header and its array of entries.
//!
//! Layout: UEFI Specification 2.10, sections 5.3.2 (header) and 5.3.3 (entries). The crate
//! `gptman` decodes the fields. It sizes memory by the counts it finds and takes only headers of
//! 92 bytes, so everything is checked before it is asked.

use crate::block::BlockSource;
use crate::text::{Message, message};
use crate::units::Extent;
use gptman::{GPTHeader, GPTPartitionEntry};
use std::io::{Cursor, Read};
use std::ops::Range;

const SIGNATURE: &[u8; 8] = b"EFI PART";
const REVISION: u32 = 0x0001_0000;
/// Length of the header of this revision; later ones may be longer.
const HEADER_LENGTH: usize = 92;
const ENTRY_LENGTH: u32 = 128;
/// Longer entries exist nowhere; the limit bounds memory.
const MAX_ENTRY_LENGTH: u32 = 4096;
/// Usual are 128; Linux shows at most 256 partitions.
const MAX_ENTRIES: u32 = 1024;

/// Places of the header's fields that are written, in bytes.
const HEADER_CRC: Range<usize> = 16..20;
const MY_LBA: Range<usize> = 24..32;
const ALTERNATE_LBA: Range<usize> = 32..40;
const LAST_USABLE_LBA: Range<usize> = 48..56;
const ENTRIES_LBA: Range<usize> = 72..80;

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// CRC-32 as GPT uses it (ISO-HDLC).
fn crc32(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// CRC of the first `length` bytes of a header, its CRC field taken as zero.
fn header_crc(sector: &[u8], length: usize) -> u32 {
    let mut header = sector[..length].to_vec();
    header[HEADER_CRC].fill(0);
    crc32(&header)
}

/// Whether a sector claims to be a GPT header.
pub(super) fn has_signature(sector: &[u8]) -> bool {
    sector.starts_with(SIGNATURE)
}

/// A header whose every field was checked.
#[derive(Clone)]
pub(super) struct Header {
    fields: GPTHeader,
}

impl Header {
    /// Decodes the sector at `lba` of a disk of `sectors` sectors.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn decode(sector: &[u8], lba: u64, sectors: u64) -> Result<Self, Message> {
        if !has_signature(sector) || sector.len() < HEADER_LENGTH {
            return Err(message!("partition-gpt-no-signature"));
        }
        let revision = u32_at(sector, 8);
        if revision != REVISION {
            let revision = format!("{}.{}", revision >> 16, revision & 0xffff);
            return Err(message!("partition-gpt-revision", revision = revision));
        }
        let length = u32_at(sector, 12) as usize;
        if !(HEADER_LENGTH..=sector.len()).contains(&length) {
            return Err(message!("partition-gpt-header-length", length = length));
        }
        if header_crc(sector, length) != u32_at(sector, HEADER_CRC.start) {
            return Err(message!("partition-gpt-header-checksum"));
        }
        let fields = decode_fields(sector)?;
        let found = fields.primary_lba;
        if found != lba {
            let (lba, found) = (lba.to_string(), found.to_string());
            return Err(message!("partition-gpt-elsewhere", lba = lba, found = found));
        }
        let entry = fields.size_of_partition_entry;
        if !(ENTRY_LENGTH..=MAX_ENTRY_LENGTH).contains(&entry) || !entry.is_power_of_two() {
            return Err(message!("partition-gpt-entry-length", length = entry));
        }
        let count = fields.number_of_partition_entries;
        if !(1..=MAX_ENTRIES).contains(&count) {
            return Err(message!("partition-gpt-entry-count", count = count, limit = MAX_ENTRIES));
        }
        let header = Self { fields };
        let array = header.fields.partition_entry_lba;
        let array_end = array.checked_add(header.array_sectors(sector.len() as u32));
        if array == 0 || array_end.is_none_or(|end| end > sectors || (array..end).contains(&lba)) {
            return Err(message!("partition-gpt-array-place", lba = array.to_string()));
        }
        if header.fields.first_usable_lba > header.fields.last_usable_lba {
            let first = header.fields.first_usable_lba.to_string();
            let last = header.fields.last_usable_lba.to_string();
            return Err(message!("partition-gpt-usable", first = first, last = last));
        }
        Ok(header)
    }

    /// Where the other copy's header is said to be, in sectors.
    pub(super) const fn alternate_lba(&self) -> u64 {
        self.fields.backup_lba
    }

    /// The first sector partitions may use.
    pub(super) const fn first_usable_lba(&self) -> u64 {
        self.fields.first_usable_lba
    }

    /// GUID of the disk.
    pub(super) const fn disk_guid(&self) -> uuid::Uuid {
        uuid::Uuid::from_bytes_le(self.fields.disk_guid)
    }

    /// Length of the array of entries in bytes; at most 4 MiB.
    pub(super) const fn array_length(&self) -> usize {
        // Both were checked, so the product fits.
        (self.fields.number_of_partition_entries * self.fields.size_of_partition_entry) as usize
    }

    /// Number of sectors of the array of entries.
    pub(super) const fn array_sectors(&self, sector_size: u32) -> u64 {
        (self.array_length() as u64).div_ceil(sector_size as u64)
    }

    /// Where the array of entries lies, in whole sectors, in bytes.
    pub(super) const fn array_extent(&self, sector_size: u32) -> Extent {
        let size = sector_size as u64;
        Extent::new(self.fields.partition_entry_lba * size, self.array_sectors(sector_size) * size)
    }

    /// Decodes the entries in use, with their numbers, from the bytes of the array.
    ///
    /// # Errors
    /// When the checksum of the array is wrong.
    pub(super) fn entries(&self, array: &[u8]) -> Result<Vec<(u32, GPTPartitionEntry)>, Message> {
        let wrong = || message!("partition-gpt-array-checksum");
        let array = array.get(..self.array_length()).ok_or_else(wrong)?;
        if crc32(array) != self.fields.partition_entry_array_crc32 {
            return Err(wrong());
        }
        let length = self.fields.size_of_partition_entry as usize;
        (1..)
            .zip(array.chunks_exact(length))
            .map(|(number, bytes)| Ok((number, decode_entry(bytes)?)))
            .filter(|entry| entry.as_ref().map_or(true, |(_, entry)| entry.is_used()))
            .collect()
    }
}

fn undecodable(error: gptman::Error) -> Message {
    message!("partition-gpt-unreadable-copy", why = error.to_string())
}

/// The fields of a header whose length and checksum were checked.
fn decode_fields(sector: &[u8]) -> Result<GPTHeader, Message> {
    // gptman wants a header of exactly 92 bytes with the CRC of those, so it gets one.
    let mut bytes = sector[..HEADER_LENGTH].to_vec();
    bytes[12..16].copy_from_slice(&(HEADER_LENGTH as u32).to_le_bytes());
    let crc = header_crc(&bytes, HEADER_LENGTH);
    bytes[HEADER_CRC].copy_from_slice(&crc.to_le_bytes());
    // It reads as many bytes as its structure has in memory, padding included.
    bytes.resize(size_of::<GPTHeader>(), 0);
    GPTHeader::read_from(&mut Cursor::new(bytes)).map_err(undecodable)
}

fn decode_entry(bytes: &[u8]) -> Result<GPTPartitionEntry, Message> {
    GPTPartitionEntry::read_from(&mut bytes.chain(std::io::repeat(0))).map_err(undecodable)
}

/// A sound copy of a table.
#[derive(Clone)]
pub(super) struct Copy {
    /// Where its header is, in sectors.
    pub(super) lba: u64,
    /// The header.
    pub(super) header: Header,
    /// The entries in use with their numbers.
    pub(super) entries: Vec<(u32, GPTPartitionEntry)>,
}

impl Copy {
    /// Reads the copy whose header is at `lba`.
    ///
    /// # Errors
    /// Why it is not sound.
    pub(super) fn read(
        disk: &dyn BlockSource,
        lba: u64,
        sector_size: u32,
    ) -> Result<Self, Message> {
        let size = u64::from(sector_size);
        let sectors = disk.size() / size;
        if lba >= sectors {
            return Err(message!("partition-gpt-past-end"));
        }
        let read = |offset, length| {
            disk.read_vec(offset, length).map_err(|error| {
                message!("partition-gpt-unreadable-copy", why = error.message().clone())
            })
        };
        let header = Header::decode(&read(lba * size, sector_size as usize)?, lba, sectors)?;
        let array = read(header.array_extent(sector_size).offset, header.array_length())?;
        let entries = header.entries(&array)?;
        Ok(Self { lba, header, entries })
    }

    /// Whether both say the same of the disk.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.header.disk_guid() == other.header.disk_guid() && self.entries == other.entries
    }

    /// Where the header lies, in bytes.
    pub(super) const fn header_extent(&self, sector_size: u32) -> Extent {
        Extent::new(self.lba * sector_size as u64, sector_size as u64)
    }
}

/// Where a copy of the table lies and what its header must say of it, in sectors.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    /// Where its header is.
    pub(super) lba: u64,
    /// Where the other copy's header is.
    pub(super) alternate_lba: u64,
    /// The last sector partitions may use.
    pub(super) last_usable_lba: u64,
    /// Where its array of entries begins.
    pub(super) entries_lba: u64,
}

/// A header's sector, changed for another place. All else in it stays; its CRC is made anew.
pub(super) fn moved_header(sector: &[u8], placement: Placement) -> Vec<u8> {
    let mut sector = sector.to_vec();
    sector[MY_LBA].copy_from_slice(&placement.lba.to_le_bytes());
    sector[ALTERNATE_LBA].copy_from_slice(&placement.alternate_lba.to_le_bytes());
    sector[LAST_USABLE_LBA].copy_from_slice(&placement.last_usable_lba.to_le_bytes());
    sector[ENTRIES_LBA].copy_from_slice(&placement.entries_lba.to_le_bytes());
    let length = u32_at(&sector, 12) as usize;
    let crc = header_crc(&sector, length);
    sector[HEADER_CRC].copy_from_slice(&crc.to_le_bytes());
    sector
}
