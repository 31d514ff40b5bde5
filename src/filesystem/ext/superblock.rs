//! The superblock, and the geometry it gives when every number in it is possible.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Super Block".

use super::checksum::{SEED, crc32c};
use super::features::{Features, compat, incompat, ro_compat};
use crate::filesystem::{Doubt, Volume, VolumeKind};
use crate::text::message;
use crate::units::Extent;
use uuid::Uuid;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Where the primary superblock is: byte 1024 of the volume, whatever the block size.
pub(super) const PRIMARY: Extent = Extent::new(1024, 1024);

/// `s_magic`.
const MAGIC: u16 = 0xef53;
/// `s_state`: unmounted cleanly.
const STATE_VALID: u16 = 0x1;
/// `s_state`: errors were detected.
const STATE_ERROR: u16 = 0x2;
/// `s_state`: orphans were being recovered.
const STATE_ORPHAN: u16 = 0x4;
/// `s_checksum_type`: the only one there is.
const CHECKSUM_CRC32C: u8 = 1;
/// `s_log_block_size` of 64 KiB, the largest block the format allows.
const MAX_LOG_BLOCK_SIZE: u32 = 6;
/// `s_log_cluster_size` of the largest cluster the kernel takes, 2^(10 + 20) bytes.
const MAX_LOG_CLUSTER_SIZE: u32 = 20;
/// Size of a descriptor without the feature `64bit`, and the smallest one with it, in bytes.
const DESCRIPTOR_SIZE: u64 = 32;
const DESCRIPTOR_SIZE_64BIT: u64 = 64;

/// `struct ext4_super_block` as it lies on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone)]
#[repr(C)]
pub(super) struct RawSuperblock {
    s_inodes_count: U32,
    s_blocks_count_lo: U32,
    s_r_blocks_count_lo: U32,
    s_free_blocks_count_lo: U32,
    s_free_inodes_count: U32,
    s_first_data_block: U32,
    s_log_block_size: U32,
    s_log_cluster_size: U32,
    s_blocks_per_group: U32,
    s_clusters_per_group: U32,
    s_inodes_per_group: U32,
    s_mtime: U32,
    s_wtime: U32,
    s_mnt_count: U16,
    s_max_mnt_count: U16,
    s_magic: U16,
    s_state: U16,
    s_errors: U16,
    s_minor_rev_level: U16,
    s_lastcheck: U32,
    s_checkinterval: U32,
    s_creator_os: U32,
    s_rev_level: U32,
    s_def_resuid: U16,
    s_def_resgid: U16,
    s_first_ino: U32,
    s_inode_size: U16,
    s_block_group_nr: U16,
    s_feature_compat: U32,
    s_feature_incompat: U32,
    s_feature_ro_compat: U32,
    s_uuid: [u8; 16],
    s_volume_name: [u8; 16],
    s_last_mounted: [u8; 64],
    s_algorithm_usage_bitmap: U32,
    s_prealloc_blocks: u8,
    s_prealloc_dir_blocks: u8,
    s_reserved_gdt_blocks: U16,
    s_journal_uuid: [u8; 16],
    s_journal_inum: U32,
    s_journal_dev: U32,
    s_last_orphan: U32,
    s_hash_seed: [U32; 4],
    s_def_hash_version: u8,
    s_jnl_backup_type: u8,
    s_desc_size: U16,
    s_default_mount_opts: U32,
    s_first_meta_bg: U32,
    s_mkfs_time: U32,
    s_jnl_blocks: [U32; 17],
    s_blocks_count_hi: U32,
    s_r_blocks_count_hi: U32,
    s_free_blocks_count_hi: U32,
    s_min_extra_isize: U16,
    s_want_extra_isize: U16,
    s_flags: U32,
    s_raid_stride: U16,
    s_mmp_interval: U16,
    s_mmp_block: U64,
    s_raid_stripe_width: U32,
    s_log_groups_per_flex: u8,
    s_checksum_type: u8,
    s_reserved_pad: U16,
    s_kbytes_written: U64,
    s_snapshot_inum: U32,
    s_snapshot_id: U32,
    s_snapshot_r_blocks_count: U64,
    s_snapshot_list: U32,
    s_error_count: U32,
    s_first_error: [u8; 0x34],
    s_last_error: [u8; 0x34],
    s_mount_opts: [u8; 64],
    s_usr_quota_inum: U32,
    s_grp_quota_inum: U32,
    s_overhead_blocks: U32,
    s_backup_bgs: [U32; 2],
    s_encrypt_algos: [u8; 4],
    s_encrypt_pw_salt: [u8; 16],
    s_lpf_ino: U32,
    s_prj_quota_inum: U32,
    s_checksum_seed: U32,
    s_reserved: [u8; 0x3fc - 0x274],
    s_checksum: U32,
}

// The documentation gives these offsets; the fields between them are in order.
const _: () = {
    assert!(size_of::<RawSuperblock>() == PRIMARY.length as usize);
    assert!(std::mem::offset_of!(RawSuperblock, s_magic) == 0x38);
    assert!(std::mem::offset_of!(RawSuperblock, s_uuid) == 0x68);
    assert!(std::mem::offset_of!(RawSuperblock, s_desc_size) == 0xfe);
    assert!(std::mem::offset_of!(RawSuperblock, s_mmp_block) == 0x168);
    assert!(std::mem::offset_of!(RawSuperblock, s_mount_opts) == 0x200);
    assert!(std::mem::offset_of!(RawSuperblock, s_backup_bgs) == 0x24c);
    assert!(std::mem::offset_of!(RawSuperblock, s_checksum_seed) == 0x270);
    assert!(std::mem::offset_of!(RawSuperblock, s_checksum) == 0x3fc);
};

impl RawSuperblock {
    /// The superblock in `bytes` (1024 of them), when it has the magic number and block size
    /// and counts that could be real.
    pub(super) fn parse(bytes: &[u8]) -> Option<&Self> {
        let raw = Self::ref_from_bytes(bytes).ok()?;
        let plausible = raw.s_magic.get() == MAGIC
            && raw.s_log_block_size.get() <= MAX_LOG_BLOCK_SIZE
            && raw.s_rev_level.get() <= 1
            && raw.blocks_count() != 0;
        plausible.then_some(raw)
    }

    /// The feature words.
    pub(super) fn features(&self) -> Features {
        Features {
            compat: self.s_feature_compat.get(),
            incompat: self.s_feature_incompat.get(),
            ro_compat: self.s_feature_ro_compat.get(),
        }
    }

    fn block_size(&self) -> u64 {
        1024 << self.s_log_block_size.get().min(MAX_LOG_BLOCK_SIZE)
    }

    fn blocks_count(&self) -> u64 {
        self.wide(self.s_blocks_count_lo, self.s_blocks_count_hi)
    }

    /// A count whose upper half exists only with the feature `64bit`.
    fn wide(&self, low: U32, high: U32) -> u64 {
        let high = if self.features().incompat(incompat::SIXTY_FOUR_BIT) { high.get() } else { 0 };
        u64::from(high) << 32 | u64::from(low.get())
    }

    /// What the volume is, in the words of `blkid`.
    pub(super) fn volume(&self) -> Volume {
        let name = self.s_volume_name.split(|byte| *byte == 0).next().unwrap_or_default();
        let uuid = Uuid::from_bytes(self.s_uuid);
        Volume {
            label: (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned()),
            uuid: (!uuid.is_nil()).then(|| uuid.to_string()),
            block_size: Some(self.block_size()),
            length: self.blocks_count().checked_mul(self.block_size()),
            ..Volume::of(self.kind())
        }
    }

    /// Ext2 and ext3 are what their own drivers could mount; everything else is ext4.
    fn kind(&self) -> VolumeKind {
        const EXT3_RO_COMPAT: u32 = 0x7; // sparse_super, large_file, btree_dir
        const EXT2_INCOMPAT: u32 = 0x2 | incompat::META_BG; // filetype
        const EXT3_INCOMPAT: u32 = EXT2_INCOMPAT | incompat::RECOVER;
        let features = self.features();
        let journal = features.compat(compat::HAS_JOURNAL);
        if features.incompat(incompat::JOURNAL_DEV) {
            VolumeKind::ExtJournal
        } else if features.ro_compat(!EXT3_RO_COMPAT) || features.incompat(!EXT3_INCOMPAT) {
            VolumeKind::Ext4
        } else if journal {
            VolumeKind::Ext3
        } else if !features.incompat(!EXT2_INCOMPAT) {
            VolumeKind::Ext2
        } else {
            VolumeKind::Ext4
        }
    }

    /// The checksum over the superblock itself, where the file system has one.
    pub(super) fn check_checksum(&self) -> Result<(), Doubt> {
        if !self.features().ro_compat(ro_compat::METADATA_CSUM) {
            return Ok(());
        }
        if self.s_checksum_type != CHECKSUM_CRC32C {
            return Err(impossible("s_checksum_type", self.s_checksum_type.into()));
        }
        let bytes = self.as_bytes();
        let covered = &bytes[..std::mem::offset_of!(Self, s_checksum)];
        if crc32c(SEED, covered) != self.s_checksum.get() {
            return Err(message!("ext-superblock-checksum"));
        }
        Ok(())
    }

    /// Whether the file system was left in order: unmounted, without errors and nothing to clean
    /// up, or else with a journal at hand that can be replayed.
    fn check_state(&self) -> Result<(), Doubt> {
        let (features, state) = (self.features(), self.s_state.get());
        let to_replay = features.incompat(incompat::RECOVER);
        if to_replay && self.s_journal_inum.get() == 0 {
            return Err(message!("ext-needs-recovery-external"));
        }
        if state & STATE_ERROR != 0 {
            return Err(message!("ext-has-errors"));
        }
        if state & STATE_VALID == 0 {
            return Err(message!("ext-not-clean"));
        }
        // After a power cut they are nothing special: the replay is followed by cleaning up, which
        // frees blocks only.
        if !to_replay
            && (state & STATE_ORPHAN != 0
                || self.s_last_orphan.get() != 0
                || features.ro_compat(ro_compat::ORPHAN_PRESENT))
        {
            return Err(message!("ext-orphans"));
        }
        Ok(())
    }

    /// Whether there is a journal to replay.
    pub(super) fn needs_recovery(&self) -> bool {
        self.features().incompat(incompat::RECOVER)
    }

    /// In bytes; before revision 1 there was no field for it. The kernel raises the revision of the
    /// first superblock alone.
    fn inode_size(&self) -> u64 {
        if self.s_rev_level.get() == 1 { self.s_inode_size.get().into() } else { 128 }
    }

    /// What never changes while a file system keeps its size: equal in every copy.
    fn fixed_fields(&self) -> [u64; 11] {
        [
            self.blocks_count(),
            self.s_first_data_block.get().into(),
            self.s_log_block_size.get().into(),
            self.s_log_cluster_size.get().into(),
            self.s_blocks_per_group.get().into(),
            self.s_clusters_per_group.get().into(),
            self.s_inodes_per_group.get().into(),
            self.s_inodes_count.get().into(),
            self.inode_size(),
            self.s_reserved_gdt_blocks.get().into(),
            self.s_first_meta_bg.get().into(),
        ]
    }

    /// Whether `backup` is a copy of this superblock that describes another file system.
    pub(super) fn is_contradicted_by(&self, backup: &Self) -> bool {
        self.s_uuid == backup.s_uuid && self.fixed_fields() != backup.fixed_fields()
    }

    /// Everything that has to be true before a bitmap of this file system can be believed.
    ///
    /// `volume_size` is in bytes.
    pub(super) fn check(&self, volume_size: u64) -> Result<Superblock, Doubt> {
        self.check_checksum()?;
        self.features().check()?;
        self.check_state()?;
        let superblock = self.geometry()?;
        if superblock.length() > volume_size {
            return Err(message!(
                "ext-longer-than-volume",
                length = superblock.length().to_string(),
                size = volume_size.to_string()
            ));
        }
        Ok(superblock)
    }

    fn geometry(&self) -> Result<Superblock, Doubt> {
        let features = self.features();
        let block_size = self.block_size();
        let (log_block, log_cluster) = (self.s_log_block_size.get(), self.s_log_cluster_size.get());
        let bigalloc = features.ro_compat(ro_compat::BIGALLOC);
        let wide = features.incompat(incompat::SIXTY_FOUR_BIT);
        let meta_bg = features.incompat(incompat::META_BG);

        if log_cluster > MAX_LOG_CLUSTER_SIZE
            || log_cluster < log_block
            || (log_cluster != log_block && !bigalloc)
        {
            return Err(impossible("s_log_cluster_size", log_cluster.into()));
        }
        let cluster_ratio = 1u64 << (log_cluster - log_block);

        let bits_per_bitmap = 8 * block_size;
        let blocks_per_group = u64::from(self.s_blocks_per_group.get());
        let clusters_per_group = blocks_per_group / cluster_ratio;
        if blocks_per_group == 0
            || !blocks_per_group.is_multiple_of(8 * cluster_ratio)
            || clusters_per_group > bits_per_bitmap
        {
            return Err(impossible("s_blocks_per_group", blocks_per_group));
        }
        if bigalloc && u64::from(self.s_clusters_per_group.get()) != clusters_per_group {
            return Err(impossible("s_clusters_per_group", self.s_clusters_per_group.get().into()));
        }

        let blocks = self.blocks_count();
        let first_data_block = u64::from(self.s_first_data_block.get());
        // Block 0 belongs to group 0 unless it is only the boot block.
        if first_data_block != u64::from(block_size == 1024 && cluster_ratio == 1)
            || blocks <= first_data_block
        {
            return Err(impossible("s_first_data_block", first_data_block));
        }
        if (!wide && self.s_blocks_count_hi.get() != 0)
            || blocks.checked_mul(block_size).is_none_or(|length| length > i64::MAX as u64)
        {
            return Err(impossible("s_blocks_count", blocks));
        }
        let groups = (blocks - first_data_block).div_ceil(blocks_per_group);

        let inode_size = self.inode_size();
        if !inode_size.is_power_of_two() || inode_size < 128 || inode_size > block_size {
            return Err(impossible("s_inode_size", inode_size));
        }
        let inodes_per_group = u64::from(self.s_inodes_per_group.get());
        if inodes_per_group == 0 || inodes_per_group > bits_per_bitmap {
            return Err(impossible("s_inodes_per_group", inodes_per_group));
        }
        if groups.checked_mul(inodes_per_group) != Some(self.s_inodes_count.get().into()) {
            return Err(impossible("s_inodes_count", self.s_inodes_count.get().into()));
        }

        let descriptor_size =
            if wide { u64::from(self.s_desc_size.get()) } else { DESCRIPTOR_SIZE };
        if wide
            && (!descriptor_size.is_power_of_two()
                || descriptor_size < DESCRIPTOR_SIZE_64BIT
                || descriptor_size > block_size)
        {
            return Err(impossible("s_desc_size", descriptor_size));
        }
        let descriptors_per_block = block_size / descriptor_size;
        let descriptor_blocks = groups.div_ceil(descriptors_per_block);
        let first_meta_bg = u64::from(self.s_first_meta_bg.get());
        if meta_bg && first_meta_bg > descriptor_blocks {
            return Err(impossible("s_first_meta_bg", first_meta_bg));
        }
        let reserved = u64::from(self.s_reserved_gdt_blocks.get());
        // The kernel and e2fsprogs place them differently when both are in use.
        if reserved > block_size / 4 || (reserved != 0 && meta_bg) {
            return Err(impossible("s_reserved_gdt_blocks", reserved));
        }

        let mmp_block = features.incompat(incompat::MMP).then_some(self.s_mmp_block.get());
        if let Some(block) = mmp_block
            && (block <= first_data_block || block >= blocks)
        {
            return Err(impossible("s_mmp_block", block));
        }

        let journal = features.compat(compat::HAS_JOURNAL);
        Ok(Superblock {
            features,
            block_size,
            blocks,
            first_data_block,
            cluster_ratio,
            blocks_per_group,
            groups,
            inode_size,
            inodes_per_group,
            descriptor_size,
            descriptors_per_block,
            // Without meta block groups all of them follow the superblock.
            table_descriptor_blocks: if meta_bg { first_meta_bg } else { descriptor_blocks },
            reserved_descriptor_blocks: reserved,
            backup_groups: self.s_backup_bgs.map(|group| group.get().into()),
            free_blocks: self.wide(self.s_free_blocks_count_lo, self.s_free_blocks_count_hi),
            mmp_block,
            journal_inode: Some(self.s_journal_inum.get()).filter(|inode| journal && *inode != 0),
            uuid: self.s_uuid,
            checksum_seed: if features.incompat(incompat::CSUM_SEED) {
                self.s_checksum_seed.get()
            } else {
                crc32c(SEED, &self.s_uuid)
            },
        })
    }
}

/// A superblock all of whose numbers are possible. Block numbers count from the start of the
/// volume.
pub(super) struct Superblock {
    pub(super) features: Features,
    /// In bytes.
    pub(super) block_size: u64,
    /// Blocks of the file system, the boot block included.
    pub(super) blocks: u64,
    /// First block of group 0.
    pub(super) first_data_block: u64,
    /// Blocks in a cluster; 1 without `bigalloc`.
    pub(super) cluster_ratio: u64,
    pub(super) blocks_per_group: u64,
    pub(super) groups: u64,
    /// In bytes.
    pub(super) inode_size: u64,
    pub(super) inodes_per_group: u64,
    /// In bytes.
    pub(super) descriptor_size: u64,
    pub(super) descriptors_per_block: u64,
    /// Descriptor blocks that follow the superblock, in every group that has a copy of it; the
    /// others lie in their meta block group.
    pub(super) table_descriptor_blocks: u64,
    /// Blocks kept behind them for growing.
    pub(super) reserved_descriptor_blocks: u64,
    /// The groups with backups under `sparse_super2`; 0 is none.
    pub(super) backup_groups: [u64; 2],
    /// Free blocks of the whole file system, as stored.
    pub(super) free_blocks: u64,
    pub(super) mmp_block: Option<u64>,
    pub(super) journal_inode: Option<u32>,
    pub(super) uuid: [u8; 16],
    /// What CRC-32C checksums of metadata start from.
    pub(super) checksum_seed: u32,
}

impl Superblock {
    /// Length of the file system in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.blocks * self.block_size
    }

    /// Number of clusters in a full group: the bits of its bitmap that count.
    pub(super) const fn clusters_per_group(&self) -> u64 {
        self.blocks_per_group / self.cluster_ratio
    }

    /// Blocks of one group's inode table.
    pub(super) const fn inode_table_blocks(&self) -> u64 {
        (self.inodes_per_group * self.inode_size).div_ceil(self.block_size)
    }
}

/// A doubt that names the field and its value.
pub(super) fn impossible(field: &'static str, value: u64) -> Doubt {
    message!("ext-impossible", field = field, value = value.to_string())
}
