//! The attribute list: where the attributes of a file are that has several records.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "Attribute - $ATTRIBUTE_LIST".

use super::Damaged;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// The longest list, in bytes.
pub(super) const LONGEST: u64 = 256 << 10;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    kind: U32,
    length: U16,
    name_length: u8,
    name_offset: u8,
    first_cluster: U64,
    record: U64,
    instance: U16,
}

/// Where an attribute, or a part of one, is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry<'a> {
    pub(super) kind: u32,
    /// Name in UTF-16, little-endian.
    pub(super) name: &'a [u8],
    /// The first cluster of the value that the part describes.
    pub(super) first_cluster: u64,
    /// Reference to the record it is in.
    pub(super) record: u64,
}

/// The entries of a list.
///
/// # Errors
/// When the list contradicts itself.
pub(super) fn entries(mut bytes: &[u8]) -> Result<Vec<Entry<'_>>, Damaged> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (disk, _) = OnDisk::ref_from_prefix(bytes).map_err(|_| Damaged)?;
        let length = usize::from(disk.length.get());
        if length < size_of::<OnDisk>() || length % 8 != 0 {
            return Err(Damaged);
        }
        let (entry, rest) = bytes.split_at_checked(length).ok_or(Damaged)?;
        let name = match 2 * usize::from(disk.name_length) {
            0 => &[],
            length => entry
                .get(usize::from(disk.name_offset)..)
                .and_then(|name| name.get(..length))
                .ok_or(Damaged)?,
        };
        entries.push(Entry {
            kind: disk.kind.get(),
            name,
            first_cluster: disk.first_cluster.get(),
            record: disk.record.get(),
        });
        bytes = rest;
    }
    Ok(entries)
}
