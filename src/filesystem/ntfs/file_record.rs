//! A file record: the entry of a file in the master file table.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "Concept - File Record".

use super::Damaged;
use super::attribute::{Attribute, Attributes, attributes};
use super::update_sequence;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// A record that is in use.
const IN_USE: u16 = 1;
/// The part of a reference that is the number of a record; the rest counts how often it was used.
const NUMBER: u64 = (1 << 48) - 1;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    signature: [u8; 4],
    update_sequence_offset: U16,
    update_sequence_count: U16,
    log_sequence_number: U64,
    sequence_number: U16,
    link_count: U16,
    attributes_offset: U16,
    flags: U16,
    bytes_in_use: U32,
    bytes_allocated: U32,
    base_record: U64,
}

/// A file record in use, its update sequence undone.
#[derive(Clone, Copy)]
pub(super) struct FileRecord<'a> {
    disk: &'a OnDisk,
    /// The part of the record that means something.
    pub(super) bytes: &'a [u8],
}

/// The number of the record that a reference means.
pub(super) const fn record_number(reference: u64) -> u64 {
    reference & NUMBER
}

impl<'a> FileRecord<'a> {
    /// Reads a whole record; `None` when it is not in use.
    ///
    /// # Errors
    /// When it contradicts itself or was not written to its end.
    pub(super) fn parse(bytes: &'a mut [u8]) -> Result<Option<Self>, Damaged> {
        let (disk, _) = OnDisk::ref_from_prefix(bytes).map_err(|_| Damaged)?;
        match &disk.signature {
            b"FILE" if disk.flags.get() & IN_USE == 0 => return Ok(None),
            b"FILE" => {}
            // A place without clusters, or one that was never used.
            b"HOLE" => return Ok(None),
            _ if bytes.iter().all(|byte| *byte == 0) => return Ok(None),
            _ => return Err(Damaged),
        }
        update_sequence::undo(bytes)?;
        let bytes: &'a [u8] = bytes;
        let (disk, _) = OnDisk::ref_from_prefix(bytes).map_err(|_| Damaged)?;
        let in_use = disk.bytes_in_use.get() as usize;
        let start = usize::from(disk.attributes_offset.get());
        if disk.bytes_allocated.get() as usize != bytes.len()
            || start % 8 != 0
            || start < size_of::<OnDisk>()
            || in_use > bytes.len()
            || start > in_use
        {
            return Err(Damaged);
        }
        Ok(Some(Self { disk, bytes: &bytes[..in_use] }))
    }

    /// Its attributes, in the order of their kinds.
    pub(super) fn attributes(self) -> Attributes<'a> {
        attributes(&self.bytes[usize::from(self.disk.attributes_offset.get())..])
    }

    /// The number of the record that this one continues; 0 also when it continues none.
    pub(super) const fn base_record(self) -> u64 {
        record_number(self.disk.base_record.get())
    }

    /// How often the record was used: a part of references to it.
    pub(super) const fn sequence_number(self) -> u16 {
        self.disk.sequence_number.get()
    }

    /// The attribute of this kind and without a name, or the first part of it.
    ///
    /// # Errors
    /// When the record contradicts itself.
    pub(super) fn attribute(self, kind: u32) -> Result<Option<Attribute<'a>>, Damaged> {
        for attribute in self.attributes() {
            let attribute = attribute?;
            if attribute.kind == kind && attribute.name.is_empty() {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }
}
