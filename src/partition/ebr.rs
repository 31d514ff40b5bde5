//! Extended boot records: the chain of sectors that lists logical partitions.
//!
//! There is no standard; what is read here, and in which order numbers are given, is what Linux
//! does. Each record lists up to four entries: data entries count from the record's own sector,
//! the link to the next record counts from the start of the extended partition.

use super::mbr::{self, Entry};
use crate::block::BlockSource;
use crate::text::{Message, message};
use std::collections::BTreeSet;

/// More records or logical partitions than this are not read: Linux stops at 256 partitions.
const LIMIT: usize = 256;

/// A logical partition.
pub(super) struct Logical {
    /// Its entry.
    pub(super) entry: Entry,
    /// Its first LBA on the disk.
    pub(super) first_lba: u64,
}

/// What a chain lists.
#[derive(Default)]
pub(super) struct Chain {
    /// The logical partitions in the order of their numbers.
    pub(super) logical: Vec<Logical>,
    /// The LBAs of the records.
    pub(super) records: Vec<u64>,
    /// Why the chain could not be read to its end.
    pub(super) doubt: Option<Message>,
}

/// Reads one record: its entries, or `None` when it is not one.
pub(super) fn read_record(
    disk: &dyn BlockSource,
    lba: u64,
    sector_size: u32,
) -> crate::error::Result<Option<[Entry; 4]>> {
    // An LBA of an MBR has at most 33 bits here, so this cannot overflow.
    let sector = disk.read_vec(lba * u64::from(sector_size), mbr::LENGTH)?;
    Ok(mbr::entries(&sector))
}

/// Follows the chain of the extended partition that `extended` describes.
pub(super) fn read(disk: &dyn BlockSource, extended: &Entry, sector_size: u32) -> Chain {
    let start = extended.first_lba();
    let end = start + extended.sectors();
    let mut chain = Chain::default();
    let mut seen = BTreeSet::new();
    let (mut record, mut record_sectors) = (start, extended.sectors());
    loop {
        let byte = (record * u64::from(sector_size)).to_string();
        if !seen.insert(record) {
            chain.doubt = Some(message!("partition-ebr-loop", offset = byte));
            return chain;
        }
        if seen.len() > LIMIT || chain.logical.len() > LIMIT {
            chain.doubt = Some(message!("partition-ebr-too-long", limit = LIMIT));
            return chain;
        }
        let entries = match read_record(disk, record, sector_size) {
            Ok(Some(entries)) => entries,
            Ok(None) => {
                chain.doubt = Some(message!("partition-ebr-missing", offset = byte));
                return chain;
            }
            Err(error) => {
                let why = error.message().clone();
                chain.doubt = Some(message!("partition-ebr-unreadable", offset = byte, why = why));
                return chain;
            }
        };
        chain.records.push(record);
        for (index, entry) in entries.iter().enumerate() {
            if !entry.is_used() || entry.is_extended() {
                continue;
            }
            let first_lba = record + entry.first_lba();
            // The third and fourth entry often hold garbage; Linux takes them only when they
            // lie within what this record is for.
            if index >= 2
                && (entry.first_lba() + entry.sectors() > record_sectors
                    || first_lba + entry.sectors() > end)
            {
                continue;
            }
            chain.logical.push(Logical { entry: *entry, first_lba });
        }
        let Some(next) = entries.iter().find(|entry| entry.is_used() && entry.is_extended()) else {
            return chain;
        };
        (record, record_sectors) = (start + next.first_lba(), next.sectors());
    }
}
