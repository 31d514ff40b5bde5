//! The superblock and its copies.
//!
//! Source: btrfs documentation, "On-disk Format", sections "Superblock" and "Dev item".

use super::checksum::{self, Checksum};
use super::features::{self, Features};
use super::read;
use crate::block::BlockSource;
use crate::filesystem::recognize::text;
use crate::filesystem::{Doubt, Volume, VolumeKind};
use crate::text::message;
use crate::units::{Extent, GIB, KIB, MIB};
use std::mem::offset_of;
use uuid::Uuid;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Where the superblock and its copies are, in bytes.
const MIRRORS: [u64; 3] = [64 * KIB, 64 * MIB, 256 * GIB];
/// Bytes of a superblock.
pub(super) const LENGTH: usize = 4096;
/// Where the first superblock is.
pub(super) const PRIMARY: Extent = Extent::new(MIRRORS[0], LENGTH as u64);
const MAGIC: [u8; 8] = *b"_BHRfS_M";
/// Trees are never higher.
pub(super) const MAX_LEVELS: u8 = 8;

/// `struct btrfs_dev_item`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct RawDevice {
    pub(super) devid: U64,
    pub(super) total_bytes: U64,
    pub(super) bytes_used: U64,
    io_align: U32,
    io_width: U32,
    sector_size: U32,
    kind: U64,
    generation: U64,
    start_offset: U64,
    dev_group: U32,
    seek_speed: u8,
    bandwidth: u8,
    pub(super) uuid: [u8; 16],
    pub(super) fsid: [u8; 16],
}

/// `struct btrfs_super_block`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct RawSuperblock {
    csum: [u8; checksum::LENGTH],
    fsid: [u8; 16],
    bytenr: U64,
    flags: U64,
    magic: [u8; 8],
    generation: U64,
    root: U64,
    chunk_root: U64,
    log_root: U64,
    log_root_transid: U64,
    total_bytes: U64,
    bytes_used: U64,
    root_dir_objectid: U64,
    num_devices: U64,
    sectorsize: U32,
    nodesize: U32,
    leafsize: U32,
    stripesize: U32,
    sys_chunk_array_size: U32,
    chunk_root_generation: U64,
    compat_flags: U64,
    compat_ro_flags: U64,
    incompat_flags: U64,
    csum_type: U16,
    root_level: u8,
    chunk_root_level: u8,
    log_root_level: u8,
    dev_item: RawDevice,
    label: [u8; 256],
    cache_generation: U64,
    uuid_tree_generation: U64,
    metadata_uuid: [u8; 16],
    reserved: [u8; 224],
    sys_chunk_array: [u8; 2048],
    super_roots: [u8; 672],
    padding: [u8; 565],
}

const _: () = {
    assert!(size_of::<RawDevice>() == 98);
    assert!(offset_of!(RawSuperblock, dev_item) == 0xc9);
    assert!(offset_of!(RawSuperblock, label) == 0x12b);
    assert!(offset_of!(RawSuperblock, sys_chunk_array) == 0x32b);
    assert!(size_of::<RawSuperblock>() == LENGTH);
};

/// Where a tree begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Root {
    /// Logical address of its root.
    pub(super) logical: u64,
    pub(super) level: u8,
    pub(super) generation: u64,
}

impl RawSuperblock {
    /// The superblock in `bytes`, when it says that it lies at `offset` and has sizes that could
    /// be real.
    pub(super) fn parse(bytes: &[u8], offset: u64) -> Option<&Self> {
        let raw = Self::ref_from_bytes(bytes).ok()?;
        let size = |field: U32| field.get().is_power_of_two();
        let plausible = raw.magic == MAGIC
            && raw.bytenr.get() == offset
            && size(raw.sectorsize)
            && size(raw.nodesize)
            && raw.num_devices.get() != 0;
        plausible.then_some(raw)
    }

    /// What the volume is, in the words of `blkid`. The length is that of this device: the file
    /// system may have more of them.
    pub(super) fn volume(&self) -> Volume {
        let uuid = Uuid::from_bytes(self.fsid);
        Volume {
            label: text(&self.label),
            uuid: (!uuid.is_nil()).then(|| uuid.to_string()),
            block_size: Some(self.sectorsize.get().into()),
            length: Some(self.dev_item.total_bytes.get()),
            ..Volume::of(VolumeKind::Btrfs)
        }
    }

    /// Number of devices of the file system.
    pub(super) fn devices(&self) -> u64 {
        self.num_devices.get()
    }

    fn checksum_holds(&self) -> bool {
        Checksum::of_type(self.csum_type.get())
            .is_some_and(|checksum| checksum.holds(self.as_bytes()))
    }

    fn features(&self) -> Features {
        Features {
            flags: self.flags.get(),
            compat: self.compat_flags.get(),
            compat_ro: self.compat_ro_flags.get(),
            incompat: self.incompat_flags.get(),
        }
    }

    /// The UUID that metadata bears.
    fn metadata_uuid(&self) -> [u8; 16] {
        match self.incompat_flags.get() & features::METADATA_UUID {
            0 => self.fsid,
            _ => self.metadata_uuid,
        }
    }

    fn check(&self) -> Result<Superblock, Doubt> {
        let checksum = Checksum::of_type(self.csum_type.get())
            .ok_or_else(|| impossible("csum_type", self.csum_type.get().into()))?;
        if !checksum.holds(self.as_bytes()) {
            return Err(message!("btrfs-superblock-checksum"));
        }
        self.features().check()?;
        let (sector_size, node_size) = (self.sectorsize.get(), self.nodesize.get());
        if !(4096..=65536).contains(&sector_size) {
            return Err(impossible("sectorsize", sector_size.into()));
        }
        if !(sector_size..=65536).contains(&node_size) {
            return Err(impossible("nodesize", node_size.into()));
        }
        let array = self.sys_chunk_array_size.get() as usize;
        if array > self.sys_chunk_array.len() {
            return Err(impossible("sys_chunk_array_size", array as u64));
        }
        let generation = self.generation.get();
        let chunk_generation = self.chunk_root_generation.get();
        if chunk_generation > generation {
            return Err(impossible("chunk_root_generation", chunk_generation));
        }
        if self.dev_item.fsid != self.metadata_uuid() {
            return Err(message!("btrfs-other-device"));
        }
        let devices = self.num_devices.get();
        // Device 0 is one that a replacement is being written to.
        if self.dev_item.devid.get() == 0 {
            return Err(message!("btrfs-replacement"));
        }
        Ok(Superblock {
            checksum,
            sector_size: sector_size.into(),
            node_size: node_size.into(),
            generation,
            root: Root { logical: self.root.get(), level: self.root_level, generation },
            chunk_root: Root {
                logical: self.chunk_root.get(),
                level: self.chunk_root_level,
                generation: chunk_generation,
            },
            has_log: self.log_root.get() != 0,
            bytes_used: self.bytes_used.get(),
            devices,
            metadata_uuid: self.metadata_uuid(),
            has_block_group_tree: self.compat_ro_flags.get() & features::BLOCK_GROUP_TREE != 0,
            system_chunks: self.sys_chunk_array[..array].to_vec(),
            device: self.dev_item.clone(),
            fsid: self.fsid,
        })
    }
}

/// What the superblock says, as far as it is needed.
pub(super) struct Superblock {
    pub(super) checksum: Checksum,
    /// Bytes of the smallest extent, and of a tree block.
    pub(super) sector_size: u64,
    pub(super) node_size: u64,
    /// The transaction that wrote it.
    pub(super) generation: u64,
    /// The tree of trees, and the tree of chunks.
    pub(super) root: Root,
    pub(super) chunk_root: Root,
    /// There is a tree of what was written since, to be replayed.
    pub(super) has_log: bool,
    /// Bytes of all extents.
    pub(super) bytes_used: u64,
    /// Number of devices.
    pub(super) devices: u64,
    pub(super) metadata_uuid: [u8; 16],
    pub(super) has_block_group_tree: bool,
    /// `sys_chunk_array`.
    pub(super) system_chunks: Vec<u8>,
    /// The device it lies on.
    pub(super) device: RawDevice,
    pub(super) fsid: [u8; 16],
}

impl Superblock {
    /// Length of the device as the file system knows it, in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.device.total_bytes.get()
    }

    /// Where the superblock and its copies on this device are.
    pub(super) fn mirrors(&self) -> impl Iterator<Item = Extent> {
        let length = self.length();
        MIRRORS
            .into_iter()
            .map(|offset| Extent::new(offset, LENGTH as u64))
            .filter(move |extent| extent.end() <= length)
    }
}

/// The first superblock, when everything in it can be true and none of its copies is newer.
pub(super) fn read_checked(source: &dyn BlockSource) -> Result<Superblock, Doubt> {
    if source.size() < PRIMARY.end() {
        return Err(message!("btrfs-no-superblock"));
    }
    let mut bytes = vec![0; LENGTH];
    read(source, PRIMARY.offset, &mut bytes)?;
    let superblock = RawSuperblock::parse(&bytes, PRIMARY.offset)
        .ok_or_else(|| message!("btrfs-no-superblock"))?
        .check()?;
    let length = superblock.length();
    if length < MIB || length > source.size() {
        return Err(message!(
            "btrfs-longer-than-volume",
            length = length.to_string(),
            size = source.size().to_string()
        ));
    }
    // A transaction writes all copies before it counts as done; the kernel reads the first. A
    // copy that is damaged, or older, or of another file system proves nothing.
    for mirror in superblock.mirrors().skip(1) {
        if source.read_at(mirror.offset, &mut bytes).is_err() {
            continue;
        }
        let newer = RawSuperblock::parse(&bytes, mirror.offset).is_some_and(|copy| {
            copy.fsid == superblock.fsid
                && copy.checksum_holds()
                && copy.generation.get() > superblock.generation
        });
        if newer {
            return Err(message!("btrfs-copy-newer", offset = mirror.offset.to_string()));
        }
    }
    Ok(superblock)
}

/// A doubt that names the field and its value.
pub(super) fn impossible(field: &'static str, value: u64) -> Doubt {
    message!("btrfs-impossible", field = field, value = value.to_string())
}
