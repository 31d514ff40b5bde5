//! The boot sector: sizes, and where the master file table lies.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "File - $Boot". Cluster sizes above
//! 64 KiB: Linux, fs/ntfs3/ntfs.h, struct NTFS_BOOT.

use crate::units::{Extent, MIB};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of the boot sector that are read, whatever the sector size.
pub(super) const LENGTH: usize = 512;

/// The largest cluster, in bytes.
const LARGEST_CLUSTER: u64 = 2 * MIB;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    jump: [u8; 3],
    oem_name: [u8; 8],
    bytes_per_sector: U16,
    sectors_per_cluster: u8,
    unused: [u8; 7],
    media: u8,
    unused_2: [u8; 2],
    sectors_per_track: U16,
    heads: U16,
    hidden_sectors: U32,
    unused_3: [u8; 8],
    total_sectors: U64,
    mft_cluster: U64,
    mft_mirror_cluster: U64,
    record_size: i8,
    unused_4: [u8; 3],
    index_block_size: i8,
    unused_5: [u8; 3],
    serial: U64,
    checksum: U32,
    code: [u8; 426],
    signature: U16,
}

/// What a boot sector says. Sizes and lengths are in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BootSector {
    pub(super) sector_size: u64,
    pub(super) cluster_size: u64,
    /// Size of a file record, as it is stated: see [`BootSector::has_usable_records`].
    pub(super) record_size: u64,
    /// Number of whole clusters.
    pub(super) clusters: u64,
    /// Length of the volume without the sector behind it, which holds the backup.
    pub(super) length: u64,
    /// First cluster of the master file table.
    pub(super) mft_cluster: u64,
    /// First cluster of the copy of its first records.
    pub(super) mft_mirror_cluster: u64,
    pub(super) serial: u64,
    /// Whether the last two bytes are those of a boot sector.
    pub(super) signed: bool,
}

impl BootSector {
    /// Reads a boot sector; `None` when these bytes are not one of an NTFS volume.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (disk, _) = OnDisk::ref_from_prefix(bytes).ok()?;
        let sector_size = u64::from(disk.bytes_per_sector.get());
        if &disk.oem_name != b"NTFS    " || !matches!(sector_size, 512 | 1024 | 2048 | 4096) {
            return None;
        }
        // Above 128 the byte is the negative logarithm: clusters of 256 sectors and more.
        let sectors_per_cluster = match disk.sectors_per_cluster {
            sectors @ ..=128 => u64::from(sectors),
            logarithm => 1u64.checked_shl(256 - u32::from(logarithm))?,
        };
        let cluster_size = sector_size.checked_mul(sectors_per_cluster)?;
        if !cluster_size.is_power_of_two() || cluster_size > LARGEST_CLUSTER {
            return None;
        }
        // A negative number is a logarithm too, of bytes.
        let record_size = match disk.record_size {
            clusters @ 0.. => clusters.unsigned_abs().into(),
            logarithm => 1u64.checked_shl(logarithm.unsigned_abs().into()).unwrap_or(0),
        };
        let record_size = match disk.record_size {
            0.. => cluster_size * record_size,
            _ => record_size,
        };
        let length = disk.total_sectors.get().checked_mul(sector_size)?;
        Some(Self {
            sector_size,
            cluster_size,
            record_size,
            clusters: length / cluster_size,
            length,
            mft_cluster: disk.mft_cluster.get(),
            mft_mirror_cluster: disk.mft_mirror_cluster.get(),
            serial: disk.serial.get(),
            signed: disk.signature.get() == 0xAA55,
        })
    }

    /// Whether file records have a size that exists, and table and copy lie in the volume.
    pub(super) fn is_possible(&self) -> bool {
        matches!(self.record_size, 512 | 1024 | 2048 | 4096)
            && self.mft_cluster < self.clusters
            && self.mft_mirror_cluster < self.clusters
            && self.signed
    }

    /// Whether another boot sector describes the same volume: what the driver writes to the
    /// first one only, there is nothing of.
    pub(super) fn same_volume(&self, other: &Self) -> bool {
        self == other
    }

    /// The bytes of `count` clusters from cluster `first` on; both have to lie in the volume.
    pub(super) const fn cluster_extent(&self, first: u64, count: u64) -> Extent {
        Extent::new(first * self.cluster_size, count * self.cluster_size)
    }

    /// Where the clusters end, in bytes.
    pub(super) const fn clusters_end(&self) -> u64 {
        self.clusters * self.cluster_size
    }
}
