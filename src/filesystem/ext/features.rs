//! Feature bits of the superblock: which ones this reader knows, and the names of the others.
//!
//! Source: kernel documentation "ext4 Data Structures and Algorithms", section "Super Block",
//! tables of compatible, incompatible and read-only compatible features.
//!
//! Only what is listed as known is read. An unknown *compatible* bit counts too: the kernel may
//! ignore it, but `sparse_super2` shows that even such a bit can move metadata.

use crate::filesystem::Doubt;
use crate::text::message;

/// Compatible features (`s_feature_compat`).
pub(super) mod compat {
    pub(in super::super) const HAS_JOURNAL: u32 = 0x4;
    pub(in super::super) const SPARSE_SUPER2: u32 = 0x200;
}

/// Incompatible features (`s_feature_incompat`).
pub(super) mod incompat {
    pub(in super::super) const RECOVER: u32 = 0x4;
    pub(in super::super) const JOURNAL_DEV: u32 = 0x8;
    pub(in super::super) const META_BG: u32 = 0x10;
    pub(in super::super) const SIXTY_FOUR_BIT: u32 = 0x80;
    pub(in super::super) const MMP: u32 = 0x100;
    pub(in super::super) const FLEX_BG: u32 = 0x200;
    pub(in super::super) const CSUM_SEED: u32 = 0x2000;
}

/// Read-only compatible features (`s_feature_ro_compat`).
pub(super) mod ro_compat {
    pub(in super::super) const SPARSE_SUPER: u32 = 0x1;
    pub(in super::super) const GDT_CSUM: u32 = 0x10;
    pub(in super::super) const BIGALLOC: u32 = 0x200;
    pub(in super::super) const METADATA_CSUM: u32 = 0x400;
    pub(in super::super) const ORPHAN_PRESENT: u32 = 0x10000;
}

/// The three feature words of a superblock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Features {
    pub(super) compat: u32,
    pub(super) incompat: u32,
    pub(super) ro_compat: u32,
}

/// Whether this reader understands a feature.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    Yes,
    No,
}
use Known::{No, Yes};

/// One feature word: the letter that `dumpe2fs` puts before unknown bits, and its named bits.
struct Word {
    letter: char,
    bits: &'static [(u32, &'static str, Known)],
}

const COMPAT: Word = Word {
    letter: 'C',
    bits: &[
        (0x1, "dir_prealloc", Yes),
        (0x2, "imagic_inodes", Yes),
        (0x4, "has_journal", Yes),
        (0x8, "ext_attr", Yes),
        (0x10, "resize_inode", Yes),
        (0x20, "dir_index", Yes),
        (0x40, "lazy_bg", No),
        (0x80, "exclude_inode", No),
        (0x100, "exclude_bitmap", No),
        (0x200, "sparse_super2", Yes),
        (0x400, "fast_commit", Yes),
        (0x800, "stable_inodes", Yes),
        (0x1000, "orphan_file", Yes),
    ],
};

const INCOMPAT: Word = Word {
    letter: 'I',
    bits: &[
        (0x1, "compression", No),
        (0x2, "filetype", Yes),
        // Known, and judged apart: a journal to replay, a journal device.
        (0x4, "needs_recovery", Yes),
        (0x8, "journal_dev", Yes),
        (0x10, "meta_bg", Yes),
        (0x40, "extent", Yes),
        (0x80, "64bit", Yes),
        (0x100, "mmp", Yes),
        (0x200, "flex_bg", Yes),
        (0x400, "ea_inode", Yes),
        (0x1000, "dirdata", No),
        (0x2000, "metadata_csum_seed", Yes),
        (0x4000, "large_dir", Yes),
        (0x8000, "inline_data", Yes),
        (0x10000, "encrypt", Yes),
        (0x20000, "casefold", Yes),
    ],
};

const RO_COMPAT: Word = Word {
    letter: 'R',
    bits: &[
        (0x1, "sparse_super", Yes),
        (0x2, "large_file", Yes),
        (0x4, "btree_dir", Yes),
        (0x8, "huge_file", Yes),
        (0x10, "uninit_bg", Yes),
        (0x20, "dir_nlink", Yes),
        (0x40, "extra_isize", Yes),
        (0x80, "has_snapshot", No),
        (0x100, "quota", Yes),
        (0x200, "bigalloc", Yes),
        (0x400, "metadata_csum", Yes),
        (0x800, "replica", No),
        (0x1000, "read-only", Yes),
        (0x2000, "project", Yes),
        (0x4000, "shared_blocks", No),
        (0x8000, "verity", Yes),
        // Known, and judged apart.
        (0x10000, "orphan_present", Yes),
    ],
};

impl Word {
    /// The names of the bits of `value` that are not known.
    fn unknown(&self, value: u32) -> impl Iterator<Item = String> + '_ {
        (0..32).filter(move |bit| value >> bit & 1 == 1).filter_map(|bit| {
            match self.bits.iter().find(|(mask, ..)| *mask == 1 << bit) {
                Some((.., Yes)) => None,
                Some((_, name, No)) => Some((*name).to_owned()),
                None => Some(format!("FEATURE_{}{bit}", self.letter)),
            }
        })
    }
}

impl Features {
    /// Whether a compatible feature is on.
    pub(super) const fn compat(self, bit: u32) -> bool {
        self.compat & bit != 0
    }

    /// Whether an incompatible feature is on.
    pub(super) const fn incompat(self, bit: u32) -> bool {
        self.incompat & bit != 0
    }

    /// Whether a read-only compatible feature is on.
    pub(super) const fn ro_compat(self, bit: u32) -> bool {
        self.ro_compat & bit != 0
    }

    /// Whether group descriptors have checksums, and with them flags that can be relied on.
    pub(super) const fn group_checksums(self) -> bool {
        self.ro_compat(ro_compat::GDT_CSUM | ro_compat::METADATA_CSUM)
    }

    /// A doubt that names every feature this reader does not know.
    pub(super) fn check(self) -> Result<(), Doubt> {
        let unknown: Vec<String> = COMPAT
            .unknown(self.compat)
            .chain(INCOMPAT.unknown(self.incompat))
            .chain(RO_COMPAT.unknown(self.ro_compat))
            .collect();
        match unknown.as_slice() {
            [] => Ok(()),
            names => Err(message!("ext-feature-unknown", names = names.join(", "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unknown_bit_is_named() {
        let none = Features { compat: 0, incompat: 0, ro_compat: 0 };
        assert_eq!(none.check(), Ok(()));
        let doubt = Features { compat: 0x4000_0000, incompat: 0x1, ro_compat: 0x80 | 0x1 << 20 }
            .check()
            .unwrap_err()
            .to_string();
        for name in ["FEATURE_C30", "compression", "has_snapshot", "FEATURE_R20"] {
            assert!(doubt.contains(name), "{name}: {doubt}");
        }
        for (word, known) in [(COMPAT, 10), (INCOMPAT, 14), (RO_COMPAT, 14)] {
            assert_eq!(word.unknown(u32::MAX).count(), 32 - known, "{}", word.letter);
            assert!(word.bits.is_sorted_by_key(|(mask, ..)| mask));
        }
    }
}
