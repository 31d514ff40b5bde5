//! Feature bits of the superblock: which ones this reader knows, and the names of the others.
//!
//! Source: btrfs documentation, "On-disk Format", section "Superblock"; for what came later the
//! names in Linux, include/uapi/linux/btrfs.h.

use crate::filesystem::Doubt;
use crate::text::message;

/// `incompat_flags`: metadata bears another UUID than the file system shows.
pub(super) const METADATA_UUID: u64 = 0x400;
/// `compat_ro_flags`: the block groups are in a tree of their own.
pub(super) const BLOCK_GROUP_TREE: u64 = 0x8;
/// `incompat_flags`: small extent items for tree blocks.
const INCOMPAT_KNOWN: u64 = {
    // mixed_backref, default_subvol, mixed_groups, compress_lzo, compress_zstd, big_metadata,
    // extended_iref, raid56, skinny_metadata, no_holes, metadata_uuid, raid1c34
    0xfff
    // simple_quota
    | 0x10000
};

/// Named bits of `incompat_flags` that place data in ways this reader does not know.
const INCOMPAT_UNKNOWN: &[(u64, &str)] = &[
    (0x1000, "zoned"),
    (0x2000, "extent_tree_v2"),
    (0x4000, "raid_stripe_tree"),
    (0x20000, "remap_tree"),
];

/// Known bits of `compat_ro_flags`: free_space_tree, free_space_tree_valid, verity,
/// block_group_tree.
const COMPAT_RO_KNOWN: u64 = 0xf;

/// `flags` that a superblock at rest may have: written, relocation.
const FLAGS_KNOWN: u64 = 0x3;
/// Named `flags` of one that is not.
const FLAGS_UNKNOWN: &[(u64, &str)] = &[
    (1 << 2, "error"),
    (1 << 32, "seeding"),
    (1 << 33, "metadump"),
    (1 << 34, "metadump_v2"),
    (1 << 35, "changing_fsid"),
    (1 << 36, "changing_fsid_v2"),
    (1 << 38, "changing_bg_tree"),
    (1 << 39, "changing_data_csum"),
    (1 << 40, "changing_meta_csum"),
];

/// The feature words of a superblock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Features {
    pub(super) flags: u64,
    pub(super) compat: u64,
    pub(super) compat_ro: u64,
    pub(super) incompat: u64,
}

fn unknown(
    value: u64,
    known: u64,
    named: &'static [(u64, &'static str)],
    prefix: &'static str,
) -> impl Iterator<Item = String> {
    let rest = value & !known;
    (0..64).filter(move |bit| rest >> bit & 1 == 1).map(move |bit| {
        match named.iter().find(|(mask, _)| *mask == 1 << bit) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("{prefix}{bit}"),
        }
    })
}

impl Features {
    /// A doubt that names every feature and state this reader does not know.
    pub(super) fn check(self) -> Result<(), Doubt> {
        let names: Vec<String> = unknown(self.compat, 0, &[], "COMPAT_")
            .chain(unknown(self.compat_ro, COMPAT_RO_KNOWN, &[], "COMPAT_RO_"))
            .chain(unknown(self.incompat, INCOMPAT_KNOWN, INCOMPAT_UNKNOWN, "INCOMPAT_"))
            .collect();
        if !names.is_empty() {
            return Err(message!("btrfs-feature-unknown", names = names.join(", ")));
        }
        let states: Vec<String> =
            unknown(self.flags, FLAGS_KNOWN, FLAGS_UNKNOWN, "FLAG_").collect();
        if !states.is_empty() {
            return Err(message!("btrfs-state", names = states.join(", ")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unknown_bit_is_named() {
        let none = Features { flags: 1, compat: 0, compat_ro: 0xf, incompat: 0x10361 };
        assert_eq!(none.check(), Ok(()));
        let doubt =
            Features { incompat: 0x1000 | 0x2000 | 1 << 40, compat_ro: 0x10, compat: 2, ..none }
                .check()
                .unwrap_err()
                .to_string();
        for name in ["zoned", "extent_tree_v2", "INCOMPAT_40", "COMPAT_RO_4", "COMPAT_1"] {
            assert!(doubt.contains(name), "{name}: {doubt}");
        }
        let doubt = Features { flags: 1 | 1 << 32 | 1 << 50, ..none }.check().unwrap_err();
        assert_eq!(doubt.id(), "btrfs-state");
        let doubt = doubt.to_string();
        assert!(doubt.contains("seeding") && doubt.contains("FLAG_50"), "{doubt}");
    }
}
