//! What the B-trees say of files, held against the blocks in use.
//!
//! The bitmap has no checksum, so it alone proves nothing: each block that a fork of a file, an
//! extended attribute or the extents overflow file names has to be in use.
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format", sections "Catalog File", "Extents
//! Overflow File" and "Attributes File"; numbers of attribute records from Apple, hfs_format.h.

use super::fork::{Fork, ForkData, Piece, Pieces, blocks_of, impossible};
use super::tree::Tree;
use super::volume_header::{Geometry, VolumeHeader};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::text::message;
use crate::units::ExtentMap;
use zerocopy::FromBytes as _;

/// File numbers of the special files (section "Catalog Node IDs").
mod special {
    pub(super) const CATALOG: u32 = 4;
    pub(super) const ALLOCATION: u32 = 6;
    pub(super) const STARTUP: u32 = 7;
    pub(super) const ATTRIBUTES: u32 = 8;
}

/// The data fork in keys of the extents overflow file.
const DATA: u8 = 0;
/// The resource fork there.
const RESOURCE: u8 = 0xFF;

/// Kinds of records in the catalog.
mod catalog_record {
    pub(super) const FOLDER: u16 = 1;
    pub(super) const FILE: u16 = 2;
    pub(super) const FOLDER_THREAD: u16 = 3;
    pub(super) const FILE_THREAD: u16 = 4;
}

/// Kinds of records in the attributes file.
mod attribute_record {
    pub(super) const INLINE: u32 = 0x10;
    pub(super) const FORK: u32 = 0x20;
    pub(super) const PIECES: u32 = 0x30;
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn fork_at(bytes: &[u8], at: usize) -> Option<ForkData> {
    ForkData::read_from_prefix(bytes.get(at..)?).ok().map(|(fork, _)| fork)
}

fn pieces_at(bytes: &[u8], at: usize) -> Option<Pieces> {
    Pieces::read_from_prefix(bytes.get(at..)?).ok().map(|(pieces, _)| pieces)
}

/// The fork of a file, as keys name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ForkName {
    file: u32,
    kind: u8,
}

/// A record of the extents overflow file.
struct More {
    fork: ForkName,
    /// The first of its blocks, counted from the start of the fork.
    first: u32,
    pieces: Pieces,
}

impl More {
    fn parse(key: &[u8], data: &[u8]) -> Option<Self> {
        let fork = ForkName { file: u32_at(key, 2)?, kind: *key.first()? };
        let is_known = key.len() == 10 && matches!(fork.kind, DATA | RESOURCE);
        let more = Self { fork, first: u32_at(key, 6)?, pieces: pieces_at(data, 0)? };
        is_known.then_some(more)
    }
}

fn too_fragmented() -> Doubt {
    message!("hfsplus-too-fragmented")
}

fn each_more(
    tree: &Tree<'_>,
    on_more: &mut dyn FnMut(More) -> Result<(), Doubt>,
) -> Result<(), Doubt> {
    tree.each_record(&mut |key, data| {
        on_more(More::parse(key, data).ok_or_else(|| impossible(EXTENTS))?)
    })
}

/// Records of the extents overflow file about special files, at most: each is of 8 pieces.
const MOST_OF_SPECIAL_FILES: usize = 1 << 14;

/// What doubts call the special files.
const ALLOCATION: &str = "allocation";
const EXTENTS: &str = "extents overflow";
pub(super) const CATALOG: &str = "catalog";
const ATTRIBUTES: &str = "attributes";
const STARTUP: &str = "startup";

/// The special files of a volume, with all their pieces.
pub(super) struct SpecialFiles {
    pub(super) allocation: Fork,
    extents: Fork,
    catalog: Fork,
    attributes: Fork,
    startup: Fork,
}

impl SpecialFiles {
    /// Finds them.
    ///
    /// # Errors
    /// A doubt when one of them does not lie on the volume or contradicts itself.
    pub(super) fn read(source: &dyn BlockSource, header: &VolumeHeader) -> Result<Self, Doubt> {
        // This one has all of its pieces in the volume header.
        let extents = Fork::new(EXTENTS, header.geometry, header.extents(), std::iter::empty())?;
        let mut records = Vec::new();
        each_more(&Tree::open(source, &extents)?, &mut |more| {
            use special::{ALLOCATION, ATTRIBUTES, CATALOG, STARTUP};
            let is_special = matches!(more.fork.file, CATALOG | ALLOCATION | STARTUP | ATTRIBUTES);
            if is_special && more.fork.kind == DATA {
                if records.len() >= MOST_OF_SPECIAL_FILES {
                    return Err(too_fragmented());
                }
                records.push(more);
            }
            Ok(())
        })?;
        records.sort_unstable_by_key(|more| (more.fork, more.first));
        let complete = |name, file, data: &ForkData| -> Result<Fork, Doubt> {
            let mut next = blocks_of(&data.pieces);
            let mut pieces: Vec<Piece> = Vec::new();
            for more in records.iter().filter(|more| more.fork.file == file) {
                if u64::from(more.first) != next {
                    return Err(impossible(name));
                }
                next += blocks_of(&more.pieces);
                pieces.extend(more.pieces);
            }
            Fork::new(name, header.geometry, data, pieces.into_iter())
        };
        Ok(Self {
            allocation: complete(ALLOCATION, special::ALLOCATION, header.allocation())?,
            catalog: complete(CATALOG, special::CATALOG, header.catalog())?,
            attributes: complete(ATTRIBUTES, special::ATTRIBUTES, header.attributes_file())?,
            startup: complete(STARTUP, special::STARTUP, header.startup())?,
            extents,
        })
    }

    /// All of them.
    fn forks(&self) -> [&Fork; 5] {
        [&self.allocation, &self.extents, &self.catalog, &self.attributes, &self.startup]
    }
}

/// What is in use of a volume, and how to doubt that.
pub(super) struct Check<'a> {
    pub(super) source: &'a dyn BlockSource,
    pub(super) geometry: Geometry,
    pub(super) used: &'a ExtentMap,
    /// Records of the extents overflow file that are kept, at most.
    pub(super) limit: usize,
}

impl Check<'_> {
    fn are_used(&self, pieces: &Pieces) -> bool {
        pieces
            .iter()
            .all(|piece| self.geometry.place(*piece).is_some_and(|place| self.used.contains(place)))
    }

    /// Holds everything that names blocks against the blocks in use.
    ///
    /// # Errors
    /// A doubt when a block is named that is not in use, or the trees contradict each other or the
    /// volume header.
    pub(super) fn all(&self, header: &VolumeHeader, files: &SpecialFiles) -> Result<(), Doubt> {
        for fork in files.forks() {
            if !fork.places().all(|place| self.used.contains(place)) {
                return Err(message!("hfsplus-fork-free", file = fork.name));
            }
        }
        let more = self.overflow(&files.extents)?;
        self.catalog(header, &files.catalog, &more)?;
        if files.attributes.blocks() > 0 {
            self.attributes(&files.attributes)?;
        }
        Ok(())
    }

    /// For each fork that has more pieces than its first eight: the first block that they hold,
    /// counted from the start of the fork, and how many they are. Ascending.
    fn overflow(&self, extents: &Fork) -> Result<Vec<(ForkName, u64, u64)>, Doubt> {
        let mut records: Vec<(ForkName, u64, u64)> = Vec::new();
        each_more(&Tree::open(self.source, extents)?, &mut |more| {
            if !self.are_used(&more.pieces) {
                return Err(self.free(more.fork.file));
            }
            if records.len() >= self.limit {
                return Err(too_fragmented());
            }
            records.push((more.fork, more.first.into(), blocks_of(&more.pieces)));
            Ok(())
        })?;
        records.sort_unstable();
        let mut is_contiguous = true;
        records.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                is_contiguous &= kept.1 + kept.2 == next.1;
                kept.2 += next.2;
            }
            is_same
        });
        if is_contiguous { Ok(records) } else { Err(impossible(EXTENTS)) }
    }

    fn free(&self, file: u32) -> Doubt {
        message!("hfsplus-file-free", number = file.to_string())
    }

    /// A doubt when a fork of a file is not in use or has not the blocks that it says.
    fn fork(
        &self,
        name: ForkName,
        data: &ForkData,
        more: &[(ForkName, u64, u64)],
    ) -> Result<(), Doubt> {
        if !self.are_used(&data.pieces) {
            return Err(self.free(name.file));
        }
        let own = blocks_of(&data.pieces);
        let found = more.binary_search_by_key(&name, |(name, ..)| *name).ok().map(|at| more[at]);
        let (first, others) = found.map_or((own, 0), |(_, first, blocks)| (first, blocks));
        let blocks = u64::from(data.blocks.get());
        let is_sound = first == own
            && own + others == blocks
            && data.length.get() <= blocks * self.geometry.block_size;
        match is_sound {
            true => Ok(()),
            false => Err(message!("hfsplus-file-blocks", number = name.file.to_string())),
        }
    }

    fn catalog(
        &self,
        header: &VolumeHeader,
        catalog: &Fork,
        more: &[(ForkName, u64, u64)],
    ) -> Result<(), Doubt> {
        let (mut files, mut folders) = (0u64, 0u64);
        Tree::open(self.source, catalog)?.each_record(&mut |_, data| {
            let damaged = || impossible(CATALOG);
            match u16_at(data, 0).ok_or_else(damaged)? {
                catalog_record::FILE => {
                    let file = u32_at(data, 8).ok_or_else(damaged)?;
                    for (kind, at) in [(DATA, 88), (RESOURCE, 168)] {
                        let fork = fork_at(data, at).ok_or_else(damaged)?;
                        self.fork(ForkName { file, kind }, &fork, more)?;
                    }
                    files += 1;
                }
                catalog_record::FOLDER => folders += 1,
                catalog_record::FOLDER_THREAD | catalog_record::FILE_THREAD => {}
                _ => return Err(damaged()),
            }
            Ok(())
        })?;
        // The root folder is not counted there.
        let (stored_files, stored_folders) = header.files_and_folders();
        match (files, folders) == (stored_files, stored_folders + 1) {
            true => Ok(()),
            false => Err(message!(
                "hfsplus-files",
                counted = (files + folders).to_string(),
                stored = (stored_files + stored_folders + 1).to_string()
            )),
        }
    }

    /// Attributes whose content is not in the tree itself.
    fn attributes(&self, attributes: &Fork) -> Result<(), Doubt> {
        Tree::open(self.source, attributes)?.each_record(&mut |key, data| {
            let damaged = || impossible(ATTRIBUTES);
            let file = u32_at(key, 2).ok_or_else(damaged)?;
            let pieces = match u32_at(data, 0).ok_or_else(damaged)? {
                attribute_record::INLINE => return Ok(()),
                attribute_record::FORK => fork_at(data, 8).ok_or_else(damaged)?.pieces,
                attribute_record::PIECES => pieces_at(data, 8).ok_or_else(damaged)?,
                _ => return Err(damaged()),
            };
            if self.are_used(&pieces) { Ok(()) } else { Err(self.free(file)) }
        })
    }
}
