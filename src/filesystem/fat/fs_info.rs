//! The FSInfo sector of FAT32: how many clusters are said to be free.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, section "FAT32
//! FSInfo Sector Structure and Backup Boot Sector".

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of the sector that mean something.
pub(super) const LENGTH: usize = 512;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    lead_signature: U32,
    reserved: [u8; 480],
    signature: U32,
    free_clusters: U32,
    next_free: U32,
    reserved_2: [u8; 12],
    trail_signature: U32,
}

/// The number of free clusters; `None` when it is unknown or this is no FSInfo sector.
pub(super) fn free_clusters(bytes: &[u8]) -> Option<u64> {
    let (disk, _) = OnDisk::ref_from_prefix(bytes).ok()?;
    let valid = disk.lead_signature.get() == 0x4161_5252
        && disk.signature.get() == 0x6141_7272
        && disk.trail_signature.get() == 0xAA55_0000;
    let free = disk.free_clusters.get();
    (valid && free != u32::MAX).then_some(u64::from(free))
}
