//! The superblock, of which there are two copies.
//!
//! Source: Linux, include/linux/f2fs_fs.h, `struct f2fs_super_block`; fs/f2fs/super.c.

use crate::block::BlockSource;
use crate::error;
use crate::filesystem::Doubt;
use crate::filesystem::recognize::crc32_le;
use crate::text::message;
use crate::units::{Extent, KIB};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

pub(super) const SIGNATURE: u32 = 0xF2F5_2010;
/// Where it begins in each of the first two blocks, in bytes.
const OFFSET: u64 = KIB;
/// Blocks of 4 KiB: larger ones exist on machines with larger pages only.
pub(super) const BLOCK: u64 = 4 * KIB;
/// Blocks of a segment.
pub(super) const SEGMENT_BLOCKS: u64 = 512;

/// The feature of a checksum over the superblock.
const HAS_CHECKSUM: u32 = 0x800;
/// The feature of inodes that say how much of them is for attributes.
const FLEXIBLE_ATTRIBUTES: u32 = 0x40;
const COMPRESSION: u32 = 0x2000;
/// Features that change nothing about which blocks are in use, by their bits: encryption, project
/// quotas, checksums and times of inodes, attributes, hidden quota files, lost+found, verity, folded
/// names, compression, and mounted only for reading. Not among them: zones (2), atomic writes (4,
/// never finished), aliases of devices (0x8000).
const KNOWN_FEATURES: u32 = 0x7FF9;

#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
struct OnDisk {
    signature: U32,
    version: [U16; 2],
    sector_log: U32,
    sectors_per_block_log: U32,
    block_log: U32,
    blocks_per_segment_log: U32,
    segments_per_section: U32,
    sections_per_zone: U32,
    checksum_offset: U32,
    blocks: U64,
    sections: U32,
    segments: U32,
    checkpoint_segments: U32,
    sit_segments: U32,
    nat_segments: U32,
    summary_segments: U32,
    main_segments: U32,
    segment0: U32,
    checkpoint: U32,
    sit: U32,
    nat: U32,
    summary: U32,
    main: U32,
    root_inode: U32,
    node_inode: U32,
    meta_inode: U32,
    uuid: [u8; 16],
    label: [U16; 512],
    extensions: U32,
    extension_list: [[u8; 8]; 64],
    checkpoint_payload: U32,
    kernel: [u8; 256],
    first_kernel: [u8; 256],
    features: U32,
    encryption_level: u8,
    encryption_salt: [u8; 16],
    devices: [Device; 8],
    quota_inodes: [U32; 3],
    hot_extensions: u8,
    encoding: [U16; 2],
    stop_reasons: [u8; 32],
    errors: [u8; 16],
    reserved: [u8; 258],
    checksum: U32,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
struct Device {
    path: [u8; 64],
    segments: U32,
}

const LENGTH: usize = size_of::<OnDisk>();
const _: () = assert!(LENGTH == 3 * KIB as usize);

/// What the superblock says. Places are numbers of blocks, counts those of segments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Superblock {
    pub(super) uuid: [u8; 16],
    pub(super) label: Vec<u16>,
    /// Length of the file system in blocks.
    pub(super) blocks: u64,
    block_log: u32,
    /// First block of both checkpoint packs.
    pub(super) checkpoint: u64,
    /// First block of the segment information table.
    pub(super) sit: u64,
    /// Segments of it, both copies together.
    pub(super) sit_segments: u64,
    pub(super) nat: u64,
    /// First block of the main area.
    pub(super) main: u64,
    pub(super) main_segments: u64,
    /// Blocks between the first block of a checkpoint pack and its summaries.
    pub(super) payload: u64,
    segment_log: u32,
    features: u32,
    spans_devices: bool,
    is_sound: bool,
    segments: u64,
    segment0: u64,
}

/// Where the two copies are.
pub(super) fn signatures() -> Vec<Extent> {
    vec![Extent::new(OFFSET, LENGTH as u64), Extent::new(BLOCK + OFFSET, LENGTH as u64)]
}

fn parse(bytes: &[u8]) -> Option<Superblock> {
    let disk = OnDisk::ref_from_bytes(bytes).ok()?;
    if disk.signature.get() != SIGNATURE {
        return None;
    }
    let features = disk.features.get();
    let is_sound = features & HAS_CHECKSUM == 0
        || disk.checksum_offset.get() as usize == LENGTH - 4
            && crc32_le(SIGNATURE, &bytes[..LENGTH - 4]) == disk.checksum.get();
    let number = |field: &U32| u64::from(field.get());
    let units = disk.label.iter().map(|unit| unit.get());
    Some(Superblock {
        uuid: disk.uuid,
        label: units.take_while(|unit| *unit != 0).collect(),
        blocks: disk.blocks.get(),
        block_log: disk.block_log.get(),
        checkpoint: number(&disk.checkpoint),
        sit: number(&disk.sit),
        sit_segments: number(&disk.sit_segments),
        nat: number(&disk.nat),
        main: number(&disk.main),
        main_segments: number(&disk.main_segments),
        payload: number(&disk.checkpoint_payload),
        segment_log: disk.blocks_per_segment_log.get(),
        features,
        spans_devices: disk.devices.iter().any(|device| device.path[0] != 0),
        is_sound,
        segments: number(&disk.segments),
        segment0: number(&disk.segment0),
    })
}

/// The first copy. The second one alone names no file system: it outlives what was made over it.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(source: &dyn BlockSource) -> error::Result<Option<Superblock>> {
    if source.size() < OFFSET + LENGTH as u64 {
        return Ok(None);
    }
    Ok(parse(&source.read_vec(OFFSET, LENGTH)?))
}

impl Superblock {
    /// Bytes of a block, where that makes sense.
    pub(super) fn block_size(&self) -> Option<u64> {
        (9..=16).contains(&self.block_log).then(|| 1 << self.block_log)
    }

    pub(super) const fn has_flexible_attributes(&self) -> bool {
        self.features & FLEXIBLE_ATTRIBUTES != 0
    }

    pub(super) const fn has_compression(&self) -> bool {
        self.features & COMPRESSION != 0
    }

    /// Holds the superblock against its copy, the volume, and what this reader knows.
    ///
    /// # Errors
    /// A doubt when something does not fit.
    pub(super) fn check(&self, source: &dyn BlockSource) -> Result<(), Doubt> {
        let unreadable = crate::filesystem::unreadable_doubt;
        for place in signatures() {
            let bytes = source.read_vec(place.offset, LENGTH).map_err(unreadable)?;
            if parse(&bytes).as_ref() != Some(self) || !self.is_sound {
                return Err(message!("f2fs-superblocks"));
            }
        }
        let unknown = self.features & !KNOWN_FEATURES;
        if unknown != 0 {
            return Err(message!("f2fs-features", features = format!("{unknown:#x}")));
        }
        if self.spans_devices {
            return Err(message!("f2fs-devices"));
        }
        if self.block_log != 12 || self.segment_log != 9 {
            return Err(message!("f2fs-block-size"));
        }
        let needed = self.main_segments.div_ceil(super::segments::IN_BLOCK);
        let parts = [
            self.segment0 >= 2,
            // Checkpoints come first, two segments at least; then SIT, NAT, SSA and the main area.
            self.checkpoint == self.segment0,
            self.sit >= self.checkpoint + 2 * SEGMENT_BLOCKS,
            self.nat == self.sit + self.sit_segments * SEGMENT_BLOCKS,
            self.main > self.nat,
            self.sit_segments.is_multiple_of(2) && self.main_segments > 0,
            self.sit_segments / 2 * SEGMENT_BLOCKS >= needed,
            self.payload < SEGMENT_BLOCKS,
            self.segment0 + self.segments * SEGMENT_BLOCKS <= self.blocks,
            self.main + self.main_segments * SEGMENT_BLOCKS <= self.blocks,
        ];
        if parts.contains(&false) {
            return Err(message!("f2fs-impossible"));
        }
        if self.blocks > source.size() / BLOCK {
            return Err(message!(
                "f2fs-longer-than-volume",
                length = self.blocks.saturating_mul(BLOCK).to_string(),
                size = source.size().to_string()
            ));
        }
        Ok(())
    }
}
