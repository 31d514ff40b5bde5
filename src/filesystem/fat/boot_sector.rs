//! The boot sector with the BIOS parameter block (BPB): where everything else lies.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, sections "Boot
//! Sector and BPB" and "FAT Type Determination".

use crate::filesystem::VolumeKind;
use crate::units::Extent;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of the boot sector that are read, whatever the sector size.
pub(super) const LENGTH: usize = 512;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    jump: [u8; 3],
    oem_name: [u8; 8],
    bytes_per_sector: U16,
    sectors_per_cluster: u8,
    reserved_sectors: U16,
    fat_copies: u8,
    root_entries: U16,
    total_sectors_16: U16,
    media: u8,
    fat_sectors_16: U16,
    sectors_per_track: U16,
    heads: U16,
    hidden_sectors: U32,
    total_sectors_32: U32,
    /// [`Identity`] on FAT12 and FAT16, [`Fat32Extension`] on FAT32.
    extension: [u8; 54],
    code: [u8; 420],
    signature: U16,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Identity {
    drive: u8,
    state: u8,
    extended_signature: u8,
    serial: U32,
    label: [u8; 11],
    type_name: [u8; 8],
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Fat32Extension {
    fat_sectors: U32,
    flags: U16,
    version: U16,
    root_cluster: U32,
    info_sector: U16,
    backup_sector: U16,
    reserved: [u8; 12],
    identity: Identity,
}

/// Which copy of the FAT is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mirroring {
    /// All copies are kept equal.
    On,
    /// Only the copy with this number is kept (FAT32).
    Off {
        /// Number of the copy, from 0.
        active: u64,
    },
}

/// Where the root directory lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RootDirectory {
    /// A region of its own (FAT12, FAT16), in bytes.
    Region(Extent),
    /// A chain of clusters from this one on (FAT32).
    Chain(u32),
}

/// What a boot sector says. Offsets and lengths are in bytes from the start of the volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BootSector {
    /// FAT12, FAT16 or FAT32.
    pub(super) kind: VolumeKind,
    pub(super) sector_size: u64,
    pub(super) cluster_size: u64,
    /// Start of the first copy of the FAT: the length of the reserved sectors.
    pub(super) fat_start: u64,
    /// Length of one copy.
    pub(super) fat_length: u64,
    pub(super) fat_copies: u64,
    pub(super) mirroring: Mirroring,
    pub(super) root_directory: RootDirectory,
    /// Start of cluster 2, the first one.
    pub(super) data_start: u64,
    /// Number of clusters; they are numbered from 2.
    pub(super) clusters: u64,
    /// Length of the volume.
    pub(super) length: u64,
    /// The two total sector counts, or type and type name, contradict each other.
    pub(super) contradictory: bool,
    pub(super) media: u8,
    /// The state bits that Windows and Linux keep: see [`BootSector::is_dirty`].
    state: u8,
    /// Version of FAT32; 0 is the only one that exists.
    pub(super) version: u16,
    pub(super) serial: Option<u32>,
    /// The label field, when the fields behind the extended signature exist.
    pub(super) label: Option<[u8; 11]>,
    /// Offset of the FSInfo sector (FAT32).
    pub(super) info: Option<u64>,
    /// Offset of the backup of the boot sector (FAT32).
    pub(super) backup: Option<u64>,
}

impl BootSector {
    /// Reads a boot sector; `None` when these bytes are not one of a FAT volume.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (disk, _) = OnDisk::ref_from_prefix(bytes).ok()?;
        let jumps = matches!(disk.jump, [0xEB, _, _] | [0xE9, _, _]);
        let sector_size = u64::from(disk.bytes_per_sector.get());
        let sectors_per_cluster = u64::from(disk.sectors_per_cluster);
        let plausible = jumps
            && disk.signature.get() == 0xAA55
            && matches!(sector_size, 512 | 1024 | 2048 | 4096)
            && sectors_per_cluster.is_power_of_two()
            && disk.reserved_sectors.get() != 0
            && disk.fat_copies != 0
            && (disk.media == 0xF0 || disk.media >= 0xF8);
        if !plausible {
            return None;
        }
        // No other kind of FAT has 0 here, so that this and not the number of clusters tells
        // FAT32: mkfs.fat -F 32 makes small ones, and every driver takes them for FAT32.
        let is_fat32 = disk.fat_sectors_16.get() == 0;
        let (extension, _) = Fat32Extension::ref_from_prefix(&disk.extension).ok()?;
        let (identity, fat_sectors) = if is_fat32 {
            (extension.identity, u64::from(extension.fat_sectors.get()))
        } else {
            let (identity, _) = Identity::read_from_prefix(&disk.extension).ok()?;
            (identity, u64::from(disk.fat_sectors_16.get()))
        };
        let (short, long) =
            (u64::from(disk.total_sectors_16.get()), u64::from(disk.total_sectors_32.get()));
        let total_sectors = if short != 0 { short } else { long };
        let root_entries = u64::from(disk.root_entries.get());
        if fat_sectors == 0 || (root_entries == 0) != is_fat32 {
            return None;
        }

        // All factors have at most 32 bits and the sector size has 13: nothing overflows.
        let fat_start = u64::from(disk.reserved_sectors.get()) * sector_size;
        let fat_length = fat_sectors * sector_size;
        let fat_copies = u64::from(disk.fat_copies);
        let fats_end = fat_start + fat_copies * fat_length;
        let root_length = (root_entries * 32).next_multiple_of(sector_size);
        let data_start = fats_end + root_length;
        let length = total_sectors * sector_size;
        let cluster_size = sectors_per_cluster * sector_size;
        let clusters = length.checked_sub(data_start)? / cluster_size;
        let kind = match clusters {
            0 => return None,
            _ if is_fat32 => VolumeKind::Fat32,
            1..=4084 => VolumeKind::Fat12,
            _ => VolumeKind::Fat16,
        };
        let has_identity = matches!(identity.extended_signature, 0x28 | 0x29);
        // Not meant for deciding by, but where it says something else, somebody is wrong.
        let other_type = has_identity
            && matches!(
                (&identity.type_name, kind),
                (b"FAT12   ", VolumeKind::Fat16 | VolumeKind::Fat32)
                    | (b"FAT16   ", VolumeKind::Fat12 | VolumeKind::Fat32)
                    | (b"FAT32   ", VolumeKind::Fat12 | VolumeKind::Fat16)
            );
        let flags = if is_fat32 { extension.flags.get() } else { 0 };
        let in_reserved_sectors = |sector: U16| {
            let inside = is_fat32 && (1..disk.reserved_sectors.get()).contains(&sector.get());
            inside.then(|| u64::from(sector.get()) * sector_size)
        };
        Some(Self {
            kind,
            sector_size,
            cluster_size,
            fat_start,
            fat_length,
            fat_copies,
            mirroring: if flags & 0x80 != 0 {
                Mirroring::Off { active: u64::from(flags & 0x0F) }
            } else {
                Mirroring::On
            },
            root_directory: if is_fat32 {
                RootDirectory::Chain(extension.root_cluster.get())
            } else {
                RootDirectory::Region(Extent::new(fats_end, root_length))
            },
            data_start,
            clusters,
            length,
            contradictory: other_type || (short != 0 && long != 0 && short != long),
            media: disk.media,
            state: identity.state,
            version: if is_fat32 { extension.version.get() } else { 0 },
            serial: has_identity.then(|| identity.serial.get()),
            label: (identity.extended_signature == 0x29).then_some(identity.label),
            info: in_reserved_sectors(extension.info_sector),
            backup: in_reserved_sectors(extension.backup_sector),
        })
    }

    /// The volume was not closed cleanly. Source: the state byte as Windows NT and Linux (`struct
    /// fat_boot_sector`, `FAT_STATE_DIRTY`) keep it.
    pub(super) const fn is_dirty(&self) -> bool {
        self.state & 1 != 0
    }

    /// Errors of the medium were met (the bit next to the dirty one).
    pub(super) const fn met_errors(&self) -> bool {
        self.state & 2 != 0
    }

    /// Start of the copy of the FAT with this number, from 0.
    pub(super) const fn fat_copy(&self, number: u64) -> u64 {
        self.fat_start + number * self.fat_length
    }

    /// Entries of the FAT that mean something: one for each cluster and the first two.
    pub(super) const fn fat_entries(&self) -> u64 {
        self.clusters + 2
    }

    /// Length of the part of the FAT that holds them.
    pub(super) const fn fat_entries_length(&self) -> u64 {
        match self.kind {
            VolumeKind::Fat12 => (self.fat_entries() * 3).div_ceil(2),
            VolumeKind::Fat16 => self.fat_entries() * 2,
            _ => self.fat_entries() * 4,
        }
    }

    /// Most clusters that FATs of this kind can number.
    pub(super) const fn clusters_limit(&self) -> u64 {
        match self.kind {
            VolumeKind::Fat12 => 4084,
            VolumeKind::Fat16 => 65524,
            _ => 0x0FFF_FFF5,
        }
    }

    /// The bytes of `count` clusters from cluster `first` on.
    pub(super) const fn cluster_extent(&self, first: u64, count: u64) -> Extent {
        let offset = self.data_start + (first - 2) * self.cluster_size;
        Extent::new(offset, count * self.cluster_size)
    }

    /// Whether this is a cluster that exists.
    pub(super) const fn has_cluster(&self, cluster: u32) -> bool {
        cluster >= 2 && (cluster as u64) < self.fat_entries()
    }

    /// Whether another boot sector lays out the volume in the same way.
    pub(super) fn same_layout(&self, other: &Self) -> bool {
        let layout = |boot: &Self| {
            (
                (boot.kind, boot.sector_size, boot.cluster_size, boot.length),
                (boot.fat_start, boot.fat_length, boot.fat_copies, boot.root_directory),
            )
        };
        layout(self) == layout(other)
    }
}
