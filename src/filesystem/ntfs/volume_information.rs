//! Version and state of the volume, from the file `$Volume`.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "Attribute - $VOLUME_INFORMATION";
//! the flag of a running chkdsk: Linux, fs/ntfs/layout.h, VOLUME_CHKDSK_UNDERWAY.

use crate::filesystem::Doubt;
use crate::text::message;
use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// The volume was not closed.
const DIRTY: u16 = 0x0001;
/// A check of the volume was under way.
const CHECKING: u16 = 0x4000;
/// What Windows does at its next start, or did: resize the log, upgrade, was mounted by NT 4,
/// delete the journal of changes, repair object ids, was changed by a check. None of it makes the
/// bitmap say something else.
const HARMLESS: u16 = 0x0002 | 0x0004 | 0x0008 | 0x0010 | 0x0020 | 0x8000;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    unused: [u8; 8],
    major: u8,
    minor: u8,
    flags: U16,
}

/// A doubt when the version or a flag is unknown; otherwise whether the volume was closed
/// cleanly.
pub(super) fn is_clean(value: &[u8]) -> Result<bool, Doubt> {
    let Ok((disk, _)) = OnDisk::ref_from_prefix(value) else {
        return Err(message!("ntfs-volume-information"));
    };
    let (version, flags) = ((disk.major, disk.minor), disk.flags.get());
    if !matches!(version, (1, 2) | (3, 0) | (3, 1)) {
        return Err(message!("ntfs-version", version = format!("{}.{}", version.0, version.1)));
    }
    if flags & !(DIRTY | CHECKING | HARMLESS) != 0 {
        return Err(message!("ntfs-flags", flags = format!("{flags:#06x}")));
    }
    Ok(flags & (DIRTY | CHECKING) == 0)
}
