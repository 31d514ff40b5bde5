//! The name of a file, as far as it tells that a system is hibernated.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "Attribute - $FILE_NAME".

use super::file_record::record_number;
use super::table::ROOT_DIRECTORY;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Where Windows keeps the memory of a hibernated system, in the root directory.
const HIBERNATION_FILE: &[u8] = b"hiberfil.sys";

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    parent: U64,
    times_sizes_flags: [u8; 56],
    /// In units of UTF-16.
    length: u8,
    namespace: u8,
}

/// Whether the value of a name attribute is the name of the file of a hibernated system.
pub(super) fn is_hibernation_file(value: &[u8]) -> bool {
    let Ok((disk, name)) = OnDisk::ref_from_prefix(value) else { return false };
    let Some(name) = name.get(..2 * usize::from(disk.length)) else { return false };
    let same =
        |(unit, expected): (&[u8; 2], &u8)| unit[1] == 0 && unit[0].eq_ignore_ascii_case(expected);
    record_number(disk.parent.get()) == ROOT_DIRECTORY
        && name.len() == 2 * HIBERNATION_FILE.len()
        && name.as_chunks::<2>().0.iter().zip(HIBERNATION_FILE).all(same)
}
