//! Whether Windows sleeps on the volume: what the file of its memory begins with.
//!
//! Source: ntfs-3g(8), section "Windows hibernation and fast restarting", for what is not safe;
//! the signatures: The Volatility Foundation, "Volatility documentation", section "Hiber address
//! space" (hibr, HIBR: a system to wake up; wake, WAKE: one that woke up).

use super::attribute::{Value, kind};
use super::file_name::is_hibernation_file;
use super::file_record::FileRecord;
use super::stream::ReadError;
use super::table::{FileValue, MasterFileTable};
use super::{Damaged, record_doubt};
use crate::filesystem::Doubt;
use crate::text::message;

/// Bytes of the file that are looked at: its header.
const HEADER: u64 = 4096;

/// Finds the file of a sleeping system among the records of a volume.
#[derive(Default)]
pub(super) struct Search {
    found: Option<u64>,
}

impl Search {
    /// Looks at the names that a record has.
    ///
    /// # Errors
    /// When the record contradicts itself.
    pub(super) fn look_at(&mut self, number: u64, record: FileRecord<'_>) -> Result<(), Damaged> {
        for attribute in record.attributes() {
            let attribute = attribute?;
            match attribute.value {
                Value::Resident(value)
                    if attribute.kind == kind::FILE_NAME && is_hibernation_file(value) =>
                {
                    // A record that continues another one has its number.
                    self.found = Some(match record.base_record() {
                        0 => number,
                        base => base,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A doubt when there is such a file, and a system sleeps in it or that cannot be told.
    pub(super) fn check(&self, table: &MasterFileTable<'_>) -> Result<(), Doubt> {
        let Some(number) = self.found else { return Ok(()) };
        match header(table, number).map_err(|error| record_doubt(error, number))? {
            header if header.iter().all(|byte| *byte == 0) => Ok(()),
            header => match header.get(..4).map(<[u8]>::to_ascii_lowercase).as_deref() {
                Some(b"wake") => Ok(()),
                Some(b"hibr") => Err(message!("ntfs-hibernated")),
                _ => Err(message!("ntfs-perhaps-hibernated")),
            },
        }
    }
}

/// The start of the file, which may be empty.
fn header(table: &MasterFileTable<'_>, number: u64) -> Result<Vec<u8>, ReadError> {
    match table.value(number, kind::DATA, &[])? {
        None => Ok(Vec::new()),
        Some(FileValue::Resident(mut bytes)) => {
            bytes.truncate(HEADER as usize);
            Ok(bytes)
        }
        Some(FileValue::Stream(stream)) => {
            // What was never written reads as zeros.
            let mut bytes = vec![0; HEADER.min(stream.initialized_size) as usize];
            stream.read_at(table.source, 0, &mut bytes)?;
            Ok(bytes)
        }
    }
}
