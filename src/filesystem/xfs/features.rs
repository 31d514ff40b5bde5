//! Feature bits of the superblock: which ones this reader knows, and the names of the others.
//!
//! Sources: "XFS Algorithms & Data Structures", section "Superblocks", tables of version flags,
//! `sb_features2` and the `sb_features_…` of version 5; for what came later the names in Linux,
//! fs/xfs/libxfs/xfs_format.h.
//!
//! Only what is listed as known is read: none of those moves the free-space trees, or they are
//! judged apart.

use crate::filesystem::Doubt;
use crate::text::message;

/// `sb_versionnum`: the field `sb_features2` counts.
pub(super) const MORE_BITS: u16 = 0x8000;
/// `sb_features2`: the counters of the superblock are only right after a clean unmount, and those
/// of blocks in the free-space trees are kept.
pub(super) const LAZY_COUNT: u32 = 0x2;
/// `sb_features_incompat`: metadata keeps the UUID the file system was made with.
pub(super) const META_UUID: u32 = 0x4;
/// `sb_features_incompat`: `xfs_repair` has to run before the next mount.
pub(super) const NEEDS_REPAIR: u32 = 0x10;
/// `sb_features_ro_compat`: there is a B+tree of free inodes.
pub(super) const FREE_INODE_TREE: u32 = 0x1;
/// `sb_features_ro_compat`: there is a B+tree of owners in each group.
pub(super) const REVERSE_MAP: u32 = 0x2;
/// `sb_features_ro_compat`: there is a B+tree of reference counts in each group.
pub(super) const REFLINK: u32 = 0x4;

/// Bits of `sb_features2` that are known: lazy-count, attr2, parent, projid32, crc, ftype.
const FEATURES_2_KNOWN: u32 = 0x2 | 0x8 | 0x10 | 0x80 | 0x100 | 0x200;

/// One feature word: a letter for bits without a name, the known bits, and named ones that are
/// not known.
struct Word {
    letter: &'static str,
    known: u32,
    unknown: &'static [(u32, &'static str)],
}

const COMPAT: Word = Word { letter: "COMPAT_", known: 0, unknown: &[] };

const RO_COMPAT: Word = Word {
    letter: "RO_COMPAT_",
    // finobt, rmapbt, reflink, inobtcount
    known: 0xf,
    unknown: &[],
};

const INCOMPAT: Word = Word {
    letter: "INCOMPAT_",
    // ftype, sparse inodes, meta_uuid, bigtime, needsrepair, nrext64, exchange, parent
    known: 0xff,
    unknown: &[(0x100, "metadir"), (0x200, "zoned"), (0x400, "zone_gaps")],
};

const LOG_INCOMPAT: Word = Word {
    letter: "LOG_INCOMPAT_",
    // xattrs: says something of a log that is not empty only.
    known: 0x1,
    unknown: &[],
};

impl Word {
    fn unknown(&self, value: u32) -> impl Iterator<Item = String> + '_ {
        let rest = value & !self.known;
        (0..32).filter(move |bit| rest >> bit & 1 == 1).map(|bit| {
            match self.unknown.iter().find(|(mask, _)| *mask == 1 << bit) {
                Some((_, name)) => (*name).to_owned(),
                None => format!("{}{bit}", self.letter),
            }
        })
    }
}

/// The feature words of a superblock; those of version 5 are zero in version 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Features {
    pub(super) features_2: u32,
    pub(super) compat: u32,
    pub(super) ro_compat: u32,
    pub(super) incompat: u32,
    pub(super) log_incompat: u32,
}

impl Features {
    /// A doubt that names every feature this reader does not know.
    pub(super) fn check(self) -> Result<(), Doubt> {
        let old = Word { letter: "FEATURES2_", known: FEATURES_2_KNOWN, unknown: &[] };
        let unknown: Vec<String> = old
            .unknown(self.features_2)
            .chain(COMPAT.unknown(self.compat))
            .chain(RO_COMPAT.unknown(self.ro_compat))
            .chain(INCOMPAT.unknown(self.incompat))
            .chain(LOG_INCOMPAT.unknown(self.log_incompat))
            .collect();
        match unknown.as_slice() {
            [] => Ok(()),
            names => Err(message!("xfs-feature-unknown", names = names.join(", "))),
        }
    }
}

/// The version in `sb_versionnum`; none when it is not one that this reader knows.
pub(super) fn version(versionnum: u16) -> Option<u16> {
    let version = versionnum & 0xf;
    matches!(version, 4 | 5).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unknown_bit_is_named() {
        let none = Features {
            features_2: 0x18a,
            compat: 0,
            ro_compat: 0xf,
            incompat: 0xff,
            log_incompat: 1,
        };
        assert_eq!(none.check(), Ok(()));
        let doubt = Features {
            features_2: 1 << 30,
            compat: 2,
            ro_compat: 0x10,
            incompat: 0x100 | 0x200 | 1 << 20,
            log_incompat: 4,
        }
        .check()
        .unwrap_err()
        .to_string();
        for name in [
            "FEATURES2_30",
            "COMPAT_1",
            "RO_COMPAT_4",
            "metadir",
            "zoned",
            "INCOMPAT_20",
            "LOG_INCOMPAT_2",
        ] {
            assert!(doubt.contains(name), "{name}: {doubt}");
        }
    }

    #[test]
    fn versions_four_and_five() {
        assert_eq!(version(0xb4b5), Some(5));
        assert_eq!(version(0xb4a4), Some(4));
        assert_eq!(version(0x3), None);
        assert_eq!(version(0x6), None);
    }
}
