//! The boot region: twelve sectors, the first with the sizes, the last with the checksum of the
//! others; the backup of all of it follows.
//!
//! Source: Microsoft, "exFAT file system specification", sections 3.1 "Main and Backup Boot
//! Sector Sub-regions" and 3.4 "Main and Backup Boot Checksum Sub-regions".

use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::Extent;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of the boot sector that are read, whatever the sector size.
pub(super) const LENGTH: usize = 512;
/// Sectors of a region.
const SECTORS: u64 = 12;
/// Number of the first cluster.
pub(super) const FIRST_CLUSTER: u32 = 2;
/// Most clusters that a volume can have.
const MOST_CLUSTERS: u64 = (1 << 32) - 11;

/// Bits of the field of flags.
mod flag {
    pub(super) const SECOND_TABLE_ACTIVE: u16 = 1;
    pub(super) const DIRTY: u16 = 2;
    pub(super) const MEDIA_FAILURE: u16 = 4;
    pub(super) const CLEAR_TO_ZERO: u16 = 8;
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    jump: [u8; 3],
    name: [u8; 8],
    must_be_zero: [u8; 53],
    partition_offset: U64,
    volume_length: U64,
    fat_offset: U32,
    fat_length: U32,
    heap_offset: U32,
    cluster_count: U32,
    root_cluster: U32,
    serial: U32,
    revision: U16,
    flags: U16,
    sector_size_shift: u8,
    cluster_size_shift: u8,
    fat_count: u8,
    drive: u8,
    percent_in_use: u8,
    reserved: [u8; 7],
    code: [u8; 390],
    signature: U16,
}

/// What a boot sector says. Offsets and lengths are in bytes from the start of the volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BootSector {
    pub(super) sector_size: u64,
    pub(super) cluster_size: u64,
    /// Length of the volume; saturates where it is impossible.
    pub(super) length: u64,
    pub(super) fat_start: u64,
    fat_length: u64,
    /// Where the clusters begin.
    pub(super) heap_start: u64,
    /// Number of clusters; they are numbered from 2.
    pub(super) clusters: u64,
    pub(super) root_cluster: u32,
    pub(super) serial: u32,
    revision: u16,
    flags: u16,
    fat_count: u8,
    percent_in_use: u8,
    zeros: bool,
    signature: u16,
}

impl BootSector {
    /// Reads a boot sector; `None` when these bytes are not one of an exFAT volume.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (disk, _) = OnDisk::ref_from_prefix(bytes).ok()?;
        let (sector, cluster) = (disk.sector_size_shift, disk.cluster_size_shift);
        // Clusters have 32 MiB at most.
        if &disk.name != b"EXFAT   " || !(9..=12).contains(&sector) || cluster > 25 - sector {
            return None;
        }
        let sector_size = 1u64 << sector;
        let bytes_of = |sectors: U32| u64::from(sectors.get()) * sector_size;
        Some(Self {
            sector_size,
            cluster_size: sector_size << cluster,
            length: disk.volume_length.get().saturating_mul(sector_size),
            fat_start: bytes_of(disk.fat_offset),
            fat_length: bytes_of(disk.fat_length),
            heap_start: bytes_of(disk.heap_offset),
            clusters: disk.cluster_count.get().into(),
            root_cluster: disk.root_cluster.get(),
            serial: disk.serial.get(),
            revision: disk.revision.get(),
            flags: disk.flags.get(),
            fat_count: disk.fat_count,
            percent_in_use: disk.percent_in_use,
            zeros: disk.must_be_zero == [0; 53],
            signature: disk.signature.get(),
        })
    }

    /// A doubt when the volume cannot be as the boot sector says, is of an unknown kind, or was
    /// not closed cleanly. `size` is that of the partition in bytes.
    pub(super) fn check(&self, size: u64) -> Result<(), Doubt> {
        if self.length > size {
            return Err(message!(
                "exfat-past-end",
                length = self.length.to_string(),
                size = size.to_string()
            ));
        }
        if self.revision != 0x0100 {
            let version = format!("{}.{:02}", self.revision >> 8, self.revision & 0xFF);
            return Err(message!("exfat-version", version = version));
        }
        if self.fat_count == 2 || self.flags & flag::SECOND_TABLE_ACTIVE != 0 {
            return Err(message!("exfat-two-tables"));
        }
        let known = flag::DIRTY | flag::MEDIA_FAILURE | flag::CLEAR_TO_ZERO;
        if self.flags & !known != 0 {
            return Err(message!("exfat-flags", flags = format!("{:#06x}", self.flags)));
        }
        let impossible = |field: &str, value: u64| {
            message!("exfat-boot-region", field = field, value = value.to_string())
        };
        let rules = [
            ("BootSignature", self.signature.into(), self.signature == 0xAA55),
            ("MustBeZero", 1, self.zeros),
            ("NumberOfFats", self.fat_count.into(), self.fat_count == 1),
            ("FatOffset", self.fat_start, self.fat_start >= 2 * SECTORS * self.sector_size),
            ("FatLength", self.fat_length, self.fat_length >= (self.clusters + 2) * 4),
            (
                "ClusterHeapOffset",
                self.heap_start,
                self.heap_start >= self.fat_start + self.fat_length,
            ),
            ("ClusterCount", self.clusters, (1..=MOST_CLUSTERS).contains(&self.clusters)),
            ("VolumeLength", self.length, self.heap_end() <= self.length),
            (
                "FirstClusterOfRootDirectory",
                self.root_cluster.into(),
                self.has_cluster(self.root_cluster),
            ),
            (
                "PercentInUse",
                self.percent_in_use.into(),
                matches!(self.percent_in_use, 0..=100 | 0xFF),
            ),
        ];
        if let Some((field, value, _)) = rules.into_iter().find(|(_, _, holds)| !holds) {
            return Err(impossible(field, value));
        }
        if self.flags & flag::DIRTY != 0 {
            return Err(message!("exfat-dirty"));
        }
        if self.flags & flag::MEDIA_FAILURE != 0 {
            return Err(message!("exfat-media-failure"));
        }
        Ok(())
    }

    /// Where the clusters end. Nothing overflows: 2^32 clusters of 2^25 bytes.
    pub(super) const fn heap_end(&self) -> u64 {
        self.heap_start + self.clusters * self.cluster_size
    }

    /// Whether this is a cluster that exists.
    pub(super) const fn has_cluster(&self, cluster: u32) -> bool {
        cluster >= FIRST_CLUSTER && ((cluster - FIRST_CLUSTER) as u64) < self.clusters
    }

    /// The bytes of `count` clusters from cluster `first` on, which has to exist.
    pub(super) const fn cluster_extent(&self, first: u32, count: u64) -> Extent {
        let offset = self.heap_start + (first - FIRST_CLUSTER) as u64 * self.cluster_size;
        Extent::new(offset, count * self.cluster_size)
    }

    /// The boot region and its backup.
    pub(super) const fn regions(&self) -> [Extent; 2] {
        let length = SECTORS * self.sector_size;
        [Extent::new(0, length), Extent::new(length, length)]
    }
}

/// The checksum of a region, when it is the right one.
pub(super) fn checksum(region: &[u8]) -> Option<u32> {
    // Volume flags and percentage, which change all the time, do not count.
    const LEFT_OUT: [usize; 3] = [106, 107, 112];
    let (content, stored) =
        region.split_at(region.len() / SECTORS as usize * (SECTORS as usize - 1));
    let counted = content.iter().enumerate().filter(|(at, _)| !LEFT_OUT.contains(at));
    let sum = rotating_sum(counted.map(|(_, byte)| *byte));
    stored.as_chunks::<4>().0.iter().all(|word| u32::from_le_bytes(*word) == sum).then_some(sum)
}

/// The 32-bit sum that boot regions and the up-case table have.
pub(super) fn rotating_sum(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0u32, |sum, byte| sum.rotate_right(1).wrapping_add(byte.into()))
}
