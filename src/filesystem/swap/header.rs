//! The header of a Linux swap area.
//!
//! Source: Linux, `union swap_header` in include/linux/swap.h and the comment above it; the
//! signatures of hibernation are those of kernel/power/swap.c, of the programs s2disk and
//! s2both, and of TuxOnIce.

use zerocopy::big_endian::U32 as BigU32;
use zerocopy::little_endian::U32 as LittleU32;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Where the fields begin: what comes before belongs to boot loaders and disk labels.
pub(super) const OFFSET: u64 = 1024;
/// Length of the fields in front of the list of bad pages, in bytes.
pub(super) const LENGTH: usize = 512;
/// Pages of the machines that Linux runs on, in bytes.
pub(super) const PAGE_SIZES: [u64; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
/// Length of the signature that ends the first page, in bytes.
pub(super) const SIGNATURE_LENGTH: usize = 10;
/// At the very start while TuxOnIce holds an image; the swap signature stays where it is.
pub(super) const TUX_ON_ICE: [u8; 8] = [0xED, 0xC3, 0x02, 0xE9, 0x98, 0x56, 0xE5, 0x0C];

/// What the signature at the end of the first page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signature {
    /// `SWAPSPACE2`: the format in use since Linux 2.1.117.
    Version1,
    /// `SWAP-SPACE`: the format before it, without a header.
    Version0,
    /// A system sleeps here.
    Hibernated,
}

impl Signature {
    /// Reads the last ten bytes of a page.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        const HIBERNATED: [&[u8]; 5] =
            [b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001", &TUX_ON_ICE];
        match bytes {
            b"SWAPSPACE2" => Some(Self::Version1),
            b"SWAP-SPACE" => Some(Self::Version0),
            _ => HIBERNATED.iter().any(|s| bytes.starts_with(s)).then_some(Self::Hibernated),
        }
    }
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    version: [u8; 4],
    last_page: [u8; 4],
    bad_pages: [u8; 4],
    uuid: [u8; 16],
    label: [u8; 16],
}

/// The fields of the header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    /// Number of the last page; the header is page 0.
    pub(super) last_page: u32,
    /// Pages listed as bad.
    pub(super) bad_pages: u32,
    pub(super) uuid: [u8; 16],
    pub(super) label: [u8; 16],
}

impl Header {
    /// Reads the fields from the bytes at [`OFFSET`], in the byte order of the machine that
    /// wrote them.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (disk, _) = OnDisk::ref_from_prefix(bytes).ok()?;
        let big = disk.version == [0, 0, 0, 1];
        let number = |field: [u8; 4]| match big {
            true => BigU32::from_bytes(field).get(),
            false => LittleU32::from_bytes(field).get(),
        };
        Some(Self {
            version: number(disk.version),
            last_page: number(disk.last_page),
            bad_pages: number(disk.bad_pages),
            uuid: disk.uuid,
            label: disk.label,
        })
    }
}
