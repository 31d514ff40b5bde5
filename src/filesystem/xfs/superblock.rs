//! The superblock, and the geometry it gives when every number in it is possible.
//!
//! Source: "XFS Algorithms & Data Structures", section "Superblocks".

use super::features::{self, Features};
use super::{checksum_holds, read as read_bytes};
use crate::block::BlockSource;
use crate::filesystem::recognize::text;
use crate::filesystem::{Doubt, Volume, VolumeKind};
use crate::text::message;
use crate::units::Extent;
use std::mem::offset_of;
use uuid::Uuid;
use zerocopy::big_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `sb_magicnum`.
const MAGIC: [u8; 4] = *b"XFSB";
/// Smallest and largest block, as powers of two of bytes.
const BLOCK_LOG: std::ops::RangeInclusive<u8> = 9..=16;
/// Smallest and largest sector, as powers of two of bytes.
const SECTOR_LOG: std::ops::RangeInclusive<u8> = 9..=15;
/// Smallest and largest inode, as powers of two of bytes.
const INODE_LOG: std::ops::RangeInclusive<u8> = 8..=11;
/// Fewest blocks of an allocation group.
const MIN_GROUP_BLOCKS: u64 = 64;
/// Largest allocation group, in bytes.
const MAX_GROUP_BYTES: u64 = 1 << 40;
/// Sectors at the start of each group that hold its headers: superblock, AGF, AGI, AGFL.
pub(super) const HEADER_SECTORS: u64 = 4;

/// `struct xfs_dsb` as it lies on disk, up to `sb_meta_uuid`.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct RawSuperblock {
    sb_magicnum: [u8; 4],
    sb_blocksize: U32,
    sb_dblocks: U64,
    sb_rblocks: U64,
    sb_rextents: U64,
    sb_uuid: [u8; 16],
    sb_logstart: U64,
    sb_rootino: U64,
    sb_rbmino: U64,
    sb_rsumino: U64,
    sb_rextsize: U32,
    sb_agblocks: U32,
    sb_agcount: U32,
    sb_rbmblocks: U32,
    sb_logblocks: U32,
    sb_versionnum: U16,
    sb_sectsize: U16,
    sb_inodesize: U16,
    sb_inopblock: U16,
    sb_fname: [u8; 12],
    sb_blocklog: u8,
    sb_sectlog: u8,
    sb_inodelog: u8,
    sb_inopblog: u8,
    sb_agblklog: u8,
    sb_rextslog: u8,
    sb_inprogress: u8,
    sb_imax_pct: u8,
    sb_icount: U64,
    sb_ifree: U64,
    sb_fdblocks: U64,
    sb_frextents: U64,
    sb_uquotino: U64,
    sb_gquotino: U64,
    sb_qflags: U16,
    sb_flags: u8,
    sb_shared_vn: u8,
    sb_inoalignmt: U32,
    sb_unit: U32,
    sb_width: U32,
    sb_dirblklog: u8,
    sb_logsectlog: u8,
    sb_logsectsize: U16,
    sb_logsunit: U32,
    sb_features2: U32,
    sb_bad_features2: U32,
    sb_features_compat: U32,
    sb_features_ro_compat: U32,
    sb_features_incompat: U32,
    sb_features_log_incompat: U32,
    sb_crc: U32,
    sb_spino_align: U32,
    sb_pquotino: U64,
    sb_lsn: U64,
    sb_meta_uuid: [u8; 16],
}

/// Bytes of a superblock that are read.
pub(super) const LENGTH: usize = size_of::<RawSuperblock>();

// The document gives these offsets; the fields between them are in order.
const _: () = {
    assert!(offset_of!(RawSuperblock, sb_logstart) == 48);
    assert!(offset_of!(RawSuperblock, sb_versionnum) == 100);
    assert!(offset_of!(RawSuperblock, sb_fdblocks) == 144);
    assert!(offset_of!(RawSuperblock, sb_features2) == 200);
    assert!(offset_of!(RawSuperblock, sb_crc) == 224);
    assert!(offset_of!(RawSuperblock, sb_meta_uuid) == 248);
    assert!(LENGTH == 264);
};

impl RawSuperblock {
    /// The superblock in `bytes`, when it has the magic number and sizes that could be real.
    pub(super) fn parse(bytes: &[u8]) -> Option<&Self> {
        let (raw, _) = Self::ref_from_prefix(bytes).ok()?;
        let plausible = raw.sb_magicnum == MAGIC
            && BLOCK_LOG.contains(&raw.sb_blocklog)
            && raw.sb_blocksize.get() == 1 << raw.sb_blocklog
            && raw.sb_dblocks.get() != 0
            && raw.sb_agcount.get() != 0;
        plausible.then_some(raw)
    }

    /// What the volume is, in the words of `blkid`.
    pub(super) fn volume(&self) -> Volume {
        let uuid = Uuid::from_bytes(self.sb_uuid);
        let block_size = u64::from(self.sb_blocksize.get());
        Volume {
            label: text(&self.sb_fname),
            uuid: (!uuid.is_nil()).then(|| uuid.to_string()),
            block_size: Some(block_size),
            length: self.sb_dblocks.get().checked_mul(block_size),
            ..Volume::of(VolumeKind::Xfs)
        }
    }

    /// Whether some files keep their content on a real-time device: the blocks of this one are
    /// all told by its own trees even so.
    pub(super) fn has_real_time_device(&self) -> bool {
        self.sb_rblocks.get() != 0
    }

    fn has_checksums(&self) -> bool {
        features::version(self.sb_versionnum.get()) == Some(5)
    }

    fn features(&self) -> Features {
        let checksums = self.has_checksums();
        let word = |field: U32| if checksums { field.get() } else { 0 };
        // The second field is where the first lay by mistake; the kernel takes both together.
        let features_2 = match self.sb_versionnum.get() & features::MORE_BITS {
            0 => 0,
            _ => self.sb_features2.get() | self.sb_bad_features2.get(),
        };
        Features {
            features_2,
            compat: word(self.sb_features_compat),
            ro_compat: word(self.sb_features_ro_compat),
            incompat: word(self.sb_features_incompat),
            log_incompat: word(self.sb_features_log_incompat),
        }
    }

    /// The fields that are equal in every copy while a file system keeps its size.
    fn fixed_fields(&self) -> [u64; 9] {
        [
            self.sb_blocksize.get().into(),
            self.sb_dblocks.get(),
            self.sb_logstart.get(),
            self.sb_agblocks.get().into(),
            self.sb_agcount.get().into(),
            self.sb_logblocks.get().into(),
            self.sb_sectsize.get().into(),
            self.sb_inodesize.get().into(),
            (self.sb_versionnum.get() & 0xf).into(),
        ]
    }

    /// Whether this is a copy of the superblock `first` that describes another file system.
    pub(super) fn contradicts(&self, first: &Self) -> bool {
        self.sb_uuid == first.sb_uuid && self.fixed_fields() != first.fixed_fields()
    }

    /// Everything that has to be true before a tree of this file system can be believed.
    fn geometry(&self) -> Result<Superblock, Doubt> {
        let (block_log, sector_log) = (self.sb_blocklog, self.sb_sectlog);
        let block_size = u64::from(self.sb_blocksize.get());
        let blocks = self.sb_dblocks.get();
        let group_blocks = u64::from(self.sb_agblocks.get());
        let groups = u64::from(self.sb_agcount.get());
        if !SECTOR_LOG.contains(&sector_log)
            || u32::from(self.sb_sectsize.get()) != 1 << sector_log
            || sector_log > block_log
        {
            return Err(impossible("sb_sectsize", self.sb_sectsize.get().into()));
        }
        if group_blocks < MIN_GROUP_BLOCKS || group_blocks > MAX_GROUP_BYTES / block_size {
            return Err(impossible("sb_agblocks", group_blocks));
        }
        if self.sb_agblklog != log_up(group_blocks) {
            return Err(impossible("sb_agblklog", self.sb_agblklog.into()));
        }
        // Both are below 2^32; the last group may be shorter than the others, but has to hold
        // its headers.
        let most = groups * group_blocks;
        if blocks > most || blocks < most - group_blocks + MIN_GROUP_BLOCKS {
            return Err(impossible("sb_dblocks", blocks));
        }
        if !INODE_LOG.contains(&self.sb_inodelog)
            || u32::from(self.sb_inodesize.get()) != 1 << self.sb_inodelog
            || self.sb_inodelog > block_log
            || self.sb_inopblog != block_log - self.sb_inodelog
        {
            return Err(impossible("sb_inodesize", self.sb_inodesize.get().into()));
        }
        let features = self.features();
        let mut superblock = Superblock {
            block_size,
            blocks,
            group_blocks,
            groups,
            sector_size: self.sb_sectsize.get().into(),
            has_checksums: self.has_checksums(),
            features,
            free_blocks: self.sb_fdblocks.get(),
            log: None,
            log_blocks: self.sb_logblocks.get().into(),
            root_inode_block: 0,
            metadata_uuid: match features.incompat & features::META_UUID {
                0 => self.sb_uuid,
                _ => self.sb_meta_uuid,
            },
            uuid: self.sb_uuid,
            raw: self.clone(),
        };
        let root = self.sb_rootino.get() >> self.sb_inopblog;
        superblock.root_inode_block = superblock
            .block_number(root)
            .ok_or_else(|| impossible("sb_rootino", self.sb_rootino.get()))?;
        if self.sb_logstart.get() != 0 {
            superblock.log = Some(self.log(&superblock)?);
        }
        Ok(superblock)
    }

    /// The log in blocks of the file system, all in one group.
    fn log(&self, superblock: &Superblock) -> Result<std::ops::Range<u64>, Doubt> {
        let start = superblock
            .block_number(self.sb_logstart.get())
            .ok_or_else(|| impossible("sb_logstart", self.sb_logstart.get()))?;
        let length = u64::from(self.sb_logblocks.get());
        let group = start / superblock.group_blocks;
        let end = start + length;
        let group_end = group * superblock.group_blocks + superblock.group_length(group);
        if length == 0 || end > group_end {
            return Err(impossible("sb_logblocks", length));
        }
        Ok(start..end)
    }
}

/// What the superblock says, as far as it is needed; every number is possible.
///
/// Blocks are counted here from the start of the volume; on disk their numbers hold the group in
/// the bits above those that count the blocks of a group.
#[derive(Debug)]
pub(super) struct Superblock {
    /// Bytes of a block and of a sector.
    pub(super) block_size: u64,
    pub(super) sector_size: u64,
    /// Blocks of the file system, and of each group but the last.
    pub(super) blocks: u64,
    pub(super) group_blocks: u64,
    /// Number of groups.
    pub(super) groups: u64,
    /// Version 5: metadata has checksums, and names the place where it belongs.
    pub(super) has_checksums: bool,
    pub(super) features: Features,
    /// Free blocks of the whole file system, as stored.
    pub(super) free_blocks: u64,
    /// Blocks of the log; none when it is on another device.
    pub(super) log: Option<std::ops::Range<u64>>,
    /// Length of the log in blocks, wherever it is.
    pub(super) log_blocks: u64,
    /// The block with the inode of the root directory.
    pub(super) root_inode_block: u64,
    /// What metadata bears, and what log records bear.
    pub(super) metadata_uuid: [u8; 16],
    pub(super) uuid: [u8; 16],
    raw: RawSuperblock,
}

impl std::fmt::Debug for RawSuperblock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fixed_fields()).finish()
    }
}

impl Superblock {
    /// Length of the file system in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.blocks * self.block_size
    }

    /// Blocks of a group.
    pub(super) fn group_length(&self, group: u64) -> u64 {
        self.group_blocks.min(self.blocks - group * self.group_blocks)
    }

    /// Blocks at the start of each group that its headers take.
    pub(super) const fn header_blocks(&self) -> u64 {
        (HEADER_SECTORS * self.sector_size).div_ceil(self.block_size)
    }

    /// Whether a feature of `sb_features_ro_compat` is on.
    pub(super) const fn ro_compat(&self, bit: u32) -> bool {
        self.features.ro_compat & bit != 0
    }

    /// The number of a block, counted from the start, whose number on disk is `stored`.
    fn block_number(&self, stored: u64) -> Option<u64> {
        let group_log = self.raw.sb_agblklog;
        let (group, block) = (stored >> group_log, stored & ((1 << group_log) - 1));
        let inside = group < self.groups && block < self.group_length(group);
        inside.then(|| group * self.group_blocks + block)
    }

    /// Whether the number of free blocks in all groups is what the superblock states, blocks of
    /// free-space trees included.
    ///
    /// Before lazy counters the trees' blocks were not counted in the groups, nor as free.
    pub(super) fn free_blocks_agree(&self, free: u64, in_trees: u64) -> bool {
        let lazy = self.has_checksums || self.features.features_2 & features::LAZY_COUNT != 0;
        free + in_trees == self.free_blocks || (!lazy && free == self.free_blocks)
    }

    /// Whether the copy of the superblock in `sector` describes another file system.
    pub(super) fn is_contradicted_by(&self, sector: &[u8]) -> bool {
        if self.has_checksums && !checksum_holds(sector, offset_of!(RawSuperblock, sb_crc)) {
            return false;
        }
        RawSuperblock::parse(sector).is_some_and(|copy| copy.contradicts(&self.raw))
    }
}

/// The superblock at the start of the volume, when everything in it can be true.
pub(super) fn read(source: &dyn BlockSource) -> Result<Superblock, Doubt> {
    let mut bytes = vec![0; LENGTH.min(source.size() as usize)];
    read_bytes(source, 0, &mut bytes)?;
    let raw = RawSuperblock::parse(&bytes).ok_or_else(|| message!("xfs-no-superblock"))?.clone();
    let versionnum = raw.sb_versionnum.get();
    let version = features::version(versionnum)
        .ok_or_else(|| impossible("sb_versionnum", versionnum.into()))?;
    if !SECTOR_LOG.contains(&raw.sb_sectlog) {
        return Err(impossible("sb_sectlog", raw.sb_sectlog.into()));
    }
    if version == 5 {
        let mut sector = vec![0; 1 << raw.sb_sectlog];
        read_bytes(source, 0, &mut sector)?;
        if !checksum_holds(&sector, offset_of!(RawSuperblock, sb_crc)) {
            return Err(message!("xfs-checksum", what = "SB", group = "0"));
        }
    }
    raw.features().check()?;
    if raw.sb_inprogress != 0 {
        return Err(message!("xfs-in-progress"));
    }
    if raw.features().incompat & features::NEEDS_REPAIR != 0 {
        return Err(message!("xfs-needs-repair"));
    }
    let superblock = raw.geometry()?;
    if superblock
        .blocks
        .checked_mul(superblock.block_size)
        .is_none_or(|length| length > source.size())
    {
        return Err(message!(
            "xfs-longer-than-volume",
            length = superblock.blocks.saturating_mul(superblock.block_size).to_string(),
            size = source.size().to_string()
        ));
    }
    Ok(superblock)
}

/// The bits that count `number` things: its logarithm, rounded up.
fn log_up(number: u64) -> u8 {
    number.next_power_of_two().trailing_zeros() as u8
}

/// A doubt that names the field and its value.
pub(super) fn impossible(field: &'static str, value: u64) -> Doubt {
    message!("xfs-impossible", field = field, value = value.to_string())
}

/// Bytes of blocks counted from the start of the volume.
pub(super) fn bytes_of(superblock: &Superblock, blocks: std::ops::Range<u64>) -> Extent {
    Extent::between(blocks.start * superblock.block_size, blocks.end * superblock.block_size)
}
