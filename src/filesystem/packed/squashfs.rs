//! The superblock of squashfs 4.0.
//!
//! Source: Linux, fs/squashfs/squashfs_fs.h, `struct squashfs_super_block`.

use super::{Image, damaged};
use crate::block::BlockSource;
use crate::error;
use crate::filesystem::{Volume, VolumeKind};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

const LENGTH: usize = 96;
/// A table that the image does not have.
const NO_TABLE: u64 = u64::MAX;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    signature: [u8; 4],
    inodes: U32,
    made_at: U32,
    block_size: U32,
    fragments: U32,
    compression: U16,
    block_log: U16,
    flags: U16,
    ids: U16,
    major: U16,
    minor: U16,
    root: U64,
    /// Length of the image in bytes, without padding.
    length: U64,
    /// Where the tables begin: identities, extended attributes, inodes, directories, fragments,
    /// export.
    tables: [U64; 6],
}

pub(super) fn read(source: &dyn BlockSource) -> error::Result<Option<Image>> {
    if source.size() < LENGTH as u64 {
        return Ok(None);
    }
    let bytes = source.read_vec(0, LENGTH)?;
    let Ok(disk) = OnDisk::ref_from_bytes(&bytes) else { return Ok(None) };
    let block = u64::from(disk.block_size.get());
    // Version 4 is the only one that this signature begins.
    if disk.signature != *b"hsqs"
        || disk.major.get() != 4
        || !block.is_power_of_two()
        || !(4 << 10..=1 << 20).contains(&block)
    {
        return Ok(None);
    }
    let length = disk.length.get();
    let inside = |place: u64| (LENGTH as u64..length).contains(&place);
    let [ids, attributes, inodes, directories, fragments, export] =
        disk.tables.map(|table| table.get());
    let agrees = disk.minor.get() == 0
        && block.trailing_zeros() == u32::from(disk.block_log.get())
        && [ids, inodes, directories].into_iter().all(inside)
        && [attributes, fragments, export]
            .into_iter()
            .all(|table| table == NO_TABLE || inside(table))
        && inodes < directories
        && directories < ids;
    let volume = Volume {
        block_size: Some(block),
        length: Some(length),
        ..Volume::of(VolumeKind::Squashfs)
    };
    let length = if agrees { Ok(length) } else { Err(damaged(VolumeKind::Squashfs.name())) };
    Ok(Some(Image { volume, length }))
}
