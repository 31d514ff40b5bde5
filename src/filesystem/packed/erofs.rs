//! The superblock of EROFS.
//!
//! Source: Linux, fs/erofs/erofs_fs.h, `struct erofs_super_block`.

use super::{Image, damaged};
use crate::block::BlockSource;
use crate::error;
use crate::filesystem::recognize::text;
use crate::filesystem::{Volume, VolumeKind, crc32c};
use crate::text::message;
use uuid::Uuid;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

const OFFSET: u64 = 1024;
const SIGNATURE: u32 = 0xE0F5_E1E2;
/// The compatible feature of a checksum over the rest of the first block.
const HAS_CHECKSUM: u32 = 1;
const CHECKSUM: std::ops::Range<usize> = 4..8;
/// Incompatible features that do not change what the superblock says of the length: padding and
/// kinds of compression, chunks, packed tails, fragments, prefixes of attributes.
const KNOWN_FEATURES: u32 = 0x7F;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    signature: U32,
    checksum: U32,
    compatible: U32,
    block_log: u8,
    extra_slots: u8,
    root: U16,
    inodes: U64,
    made_at: U64,
    made_at_nanoseconds: U32,
    /// Length of the image in blocks.
    blocks: U32,
    metadata: U32,
    attributes: U32,
    uuid: [u8; 16],
    label: [u8; 16],
    incompatible: U32,
    compression: U16,
    /// Further devices that hold data.
    devices: U16,
}

pub(super) fn read(source: &dyn BlockSource) -> error::Result<Option<Image>> {
    const LENGTH: usize = size_of::<OnDisk>();
    if source.size() < OFFSET + LENGTH as u64 {
        return Ok(None);
    }
    let bytes = source.read_vec(OFFSET, LENGTH)?;
    let Ok(disk) = OnDisk::ref_from_bytes(&bytes) else { return Ok(None) };
    if disk.signature.get() != SIGNATURE || !(9..=16).contains(&disk.block_log) {
        return Ok(None);
    }
    let block = 1u64 << disk.block_log;
    let length = u64::from(disk.blocks.get()) * block;
    let uuid = Uuid::from_bytes(disk.uuid);
    let volume = Volume {
        label: text(&disk.label),
        uuid: (!uuid.is_nil()).then(|| uuid.to_string()),
        block_size: Some(block),
        length: Some(length),
        ..Volume::of(VolumeKind::Erofs)
    };
    let name = VolumeKind::Erofs.name();
    let unknown = disk.incompatible.get() & !KNOWN_FEATURES;
    let place = |number: &U32| u64::from(number.get()) * block;
    let length = if unknown != 0 {
        Err(message!("packed-features", name = name, features = format!("{unknown:#x}")))
    } else if disk.devices.get() != 0 {
        Err(message!("packed-devices", name = name))
    } else if length < OFFSET + LENGTH as u64
        || place(&disk.metadata) >= length
        || place(&disk.attributes) >= length
        || disk.compatible.get() & HAS_CHECKSUM != 0
            && !is_whole(source, block, disk.checksum.get())?
    {
        Err(damaged(name))
    } else {
        Ok(length)
    };
    Ok(Some(Image { volume, length }))
}

/// Whether the checksum of the superblock and the rest of its block is right. It is stored
/// without the final inversion.
fn is_whole(source: &dyn BlockSource, block: u64, stored: u32) -> error::Result<bool> {
    let length = if block > OFFSET { block - OFFSET } else { block };
    if OFFSET + length > source.size() {
        return Ok(false);
    }
    let mut bytes = source.read_vec(OFFSET, length as usize)?;
    bytes[CHECKSUM].fill(0);
    Ok(crc32c::chained(crc32c::SEED, &bytes) == stored)
}
