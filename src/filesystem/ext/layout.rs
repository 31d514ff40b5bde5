//! Where the metadata with a fixed place lies: superblock copies and descriptor tables.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", sections "Layout",
//! "Meta Block Groups" and "Super Block" (`s_backup_bgs`).

use super::features::{compat, incompat, ro_compat};
use super::superblock::{PRIMARY, Superblock};
use crate::units::Extent;
use std::ops::Range;

impl Superblock {
    /// The blocks of a group, cut off where the file system ends.
    pub(super) fn group_blocks(&self, group: u64) -> Range<u64> {
        let start = self.first_data_block + group * self.blocks_per_group;
        start..(start + self.blocks_per_group).min(self.blocks)
    }

    /// Whether a group begins with a copy of the superblock.
    pub(super) fn has_superblock(&self, group: u64) -> bool {
        if group == 0 {
            true
        } else if self.features.compat(compat::SPARSE_SUPER2) {
            self.backup_groups.contains(&group)
        } else if self.features.ro_compat(ro_compat::SPARSE_SUPER) {
            group == 1 || [3, 5, 7].into_iter().any(|base| is_power_of(group, base))
        } else {
            true
        }
    }

    /// The blocks at the start of a group that hold the superblock copy, group descriptors and
    /// the room kept for more of them; empty where there are none.
    pub(super) fn fixed_metadata(&self, group: u64) -> Range<u64> {
        let start = self.first_metadata_block(group);
        let superblock = u64::from(self.has_superblock(group));
        let descriptors = if self.in_meta_block_group(group) {
            let last = self.descriptors_per_block - 1;
            u64::from([0, 1, last].contains(&(group % self.descriptors_per_block)))
        } else {
            superblock * (self.table_descriptor_blocks + self.reserved_descriptor_blocks)
        };
        start..start + superblock + descriptors
    }

    /// The block with descriptor block number `index`, in its primary copy.
    pub(super) fn descriptor_block(&self, index: u64) -> u64 {
        if index < self.table_descriptor_blocks {
            return self.first_metadata_block(0) + 1 + index;
        }
        let group = index * self.descriptors_per_block;
        self.first_metadata_block(group) + u64::from(self.has_superblock(group))
    }

    /// The copies of the superblock, in bytes, the primary one first.
    pub(super) fn superblock_copies(&self) -> impl Iterator<Item = Extent> + '_ {
        let backups = (1..self.groups).filter(|group| self.has_superblock(*group)).map(|group| {
            Extent::new(self.group_blocks(group).start * self.block_size, PRIMARY.length)
        });
        std::iter::once(PRIMARY).chain(backups)
    }

    fn first_metadata_block(&self, group: u64) -> u64 {
        let start = self.group_blocks(group).start;
        // With 1 KiB blocks the superblock is in block 1 even where group 0 begins with block 0.
        if start == 0 && self.block_size == PRIMARY.offset { 1 } else { start }
    }

    fn in_meta_block_group(&self, group: u64) -> bool {
        self.features.incompat(incompat::META_BG)
            && group / self.descriptors_per_block >= self.table_descriptor_blocks
    }
}

fn is_power_of(mut number: u64, base: u64) -> bool {
    while number > 1 && number.is_multiple_of(base) {
        number /= base;
    }
    number == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers() {
        let powers: Vec<u64> = (1..130).filter(|n| is_power_of(*n, 3)).collect();
        assert_eq!(powers, [1, 3, 9, 27, 81]);
        assert!(is_power_of(343, 7) && !is_power_of(21, 7) && !is_power_of(0, 3));
    }
}
