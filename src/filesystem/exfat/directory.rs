//! Directories: sets of entries, each with a primary one and those that belong to it.
//!
//! Source: Microsoft, "exFAT file system specification", sections 6 "Directory Structure" and 7
//! "Directory Entry Definitions".

use super::boot_region::BootSector;
use super::table::{Allocation, Table};
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::KIB;

/// Length of an entry in bytes.
pub(super) const ENTRY: usize = 32;
/// Bytes of a directory read at once.
const PIECE: u64 = 64 * KIB;

/// Types of entries.
pub(super) mod kind {
    pub(in super::super) const END: u8 = 0;
    pub(in super::super) const BITMAP: u8 = 0x81;
    pub(in super::super) const UP_CASE: u8 = 0x82;
    pub(in super::super) const LABEL: u8 = 0x83;
    pub(in super::super) const FILE: u8 = 0x85;
    pub(in super::super) const VOLUME_GUID: u8 = 0xA0;
    pub(in super::super) const STREAM: u8 = 0xC0;
    /// In use; without it the entry is a removed one.
    pub(in super::super) const IN_USE: u8 = 0x80;
    /// Belongs to the primary entry before it.
    pub(in super::super) const SECONDARY: u8 = 0x40;
    /// May be ignored by who does not know it.
    pub(in super::super) const BENIGN: u8 = 0x20;
}

/// An entry of a directory.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a>(&'a [u8; ENTRY]);

impl Entry<'_> {
    pub(super) const fn kind(self) -> u8 {
        self.0[0]
    }

    pub(super) const fn byte(self, at: usize) -> u8 {
        self.0[at]
    }

    fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from(self.u16(at)) | u32::from(self.u16(at + 2)) << 16
    }

    fn u64(self, at: usize) -> u64 {
        u64::from(self.u32(at)) | u64::from(self.u32(at + 4)) << 32
    }

    /// Length of the data in bytes.
    pub(super) fn data_length(self) -> u64 {
        self.u64(24)
    }

    /// The clusters of the data of a bitmap or an up-case table, which have a chain.
    pub(super) fn own_allocation(self, boot: &BootSector) -> Allocation {
        let clusters = Some(self.data_length().div_ceil(boot.cluster_size));
        Allocation { first: self.u32(20), clusters, contiguous: false }
    }

    /// The clusters that a secondary entry has; none where it can have none.
    fn secondary_allocation(self, boot: &BootSector) -> Option<Allocation> {
        let flags = self.byte(1);
        (flags & 1 != 0)
            .then(|| Allocation { contiguous: flags & 2 != 0, ..self.own_allocation(boot) })
    }
}

/// The entries in some bytes.
pub(super) fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    bytes.as_chunks::<ENTRY>().0.iter().map(Entry)
}

/// What a set of entries describes.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    /// The bitmap, the up-case table, or the label of the volume.
    OfVolume(Entry<'a>),
    /// Clusters of a file.
    File(Allocation),
    /// Another directory.
    Directory(Allocation),
}

/// Reads the sets of a directory, which may go on from one piece to the next.
struct Sets<'a> {
    boot: &'a BootSector,
    /// First cluster of the directory.
    cluster: u32,
    /// The entries of a set that is not complete yet.
    open: Vec<u8>,
    /// Length of that set in bytes.
    wanted: usize,
    ended: bool,
}

impl Sets<'_> {
    fn damaged(&self) -> Doubt {
        message!("exfat-directory", cluster = self.cluster.to_string())
    }

    fn unknown(&self, kind: u8) -> Doubt {
        message!(
            "exfat-entry-unknown",
            cluster = self.cluster.to_string(),
            kind = format!("{kind:#04x}")
        )
    }

    fn entry(
        &mut self,
        entry: Entry<'_>,
        on_item: &mut dyn FnMut(Item<'_>) -> Result<(), Doubt>,
    ) -> Result<(), Doubt> {
        const IN_USE_SECONDARY: u8 = kind::IN_USE | kind::SECONDARY;
        let is_secondary = entry.kind() & IN_USE_SECONDARY == IN_USE_SECONDARY;
        // A secondary entry has a primary one, and a primary one has all of its own.
        if is_secondary == self.open.is_empty() {
            return Err(self.damaged());
        }
        if !is_secondary {
            match entry.kind() {
                kind::END => self.ended = true,
                removed if removed & kind::IN_USE == 0 => {}
                kind::BITMAP | kind::UP_CASE | kind::LABEL => on_item(Item::OfVolume(entry))?,
                kind::FILE | kind::VOLUME_GUID => {
                    self.wanted = (usize::from(entry.byte(1)) + 1) * ENTRY;
                    self.open.extend(entry.0);
                }
                unknown => return Err(self.unknown(unknown)),
            }
        } else {
            self.open.extend(entry.0);
        }
        if !self.open.is_empty() && self.open.len() == self.wanted {
            let set = std::mem::take(&mut self.open);
            self.set(&set, on_item)?;
        }
        Ok(())
    }

    /// A complete set.
    fn set(
        &self,
        set: &[u8],
        on_item: &mut dyn FnMut(Item<'_>) -> Result<(), Doubt>,
    ) -> Result<(), Doubt> {
        let mut all = entries(set);
        let primary = all.next().ok_or_else(|| self.damaged())?;
        if set_checksum(set) != primary.u16(2) {
            return Err(self.damaged());
        }
        if primary.kind() != kind::FILE {
            return Ok(());
        }
        let is_directory = primary.u16(4) & 0x10 != 0;
        for (position, entry) in all.enumerate() {
            match entry.kind() {
                // The first one describes the data of the file.
                kind::STREAM if position == 0 => {}
                kind::STREAM => return Err(self.damaged()),
                _ if position == 0 => return Err(self.damaged()),
                0xC1 => continue,
                benign if benign & kind::BENIGN != 0 => {}
                unknown => return Err(self.unknown(unknown)),
            }
            match entry.secondary_allocation(self.boot) {
                Some(allocation) if is_directory && entry.kind() == kind::STREAM => {
                    on_item(Item::Directory(allocation))?;
                }
                Some(allocation) => on_item(Item::File(allocation))?,
                None => {}
            }
        }
        Ok(())
    }
}

/// The checksum of a set, without the field that holds it.
fn set_checksum(set: &[u8]) -> u16 {
    let counted = set.iter().enumerate().filter(|(at, _)| !matches!(at, 2 | 3));
    counted.fold(0u16, |sum, (_, byte)| sum.rotate_right(1).wrapping_add(u16::from(*byte)))
}

/// Reads a directory: tells its own runs of clusters, and what is in it.
///
/// # Errors
/// A doubt when it is damaged or has unknown entries; those of the two functions.
pub(super) fn read(
    table: &mut Table<'_>,
    directory: Allocation,
    on_run: &mut dyn FnMut(u32, u64) -> Result<(), Doubt>,
    on_item: &mut dyn FnMut(Item<'_>) -> Result<(), Doubt>,
) -> Result<(), Doubt> {
    let (source, boot) = (table.source, table.boot);
    let mut sets =
        Sets { boot, cluster: directory.first, open: Vec::new(), wanted: 0, ended: false };
    let mut buffer = Vec::new();
    table.follow(directory, &mut |first, count| {
        on_run(first, count)?;
        let run = boot.cluster_extent(first, count);
        for start in (run.offset..run.end()).step_by(PIECE as usize) {
            if sets.ended {
                break;
            }
            buffer.resize(PIECE.min(run.end() - start) as usize, 0);
            source.read_at(start, &mut buffer).map_err(unreadable_doubt)?;
            for entry in entries(&buffer) {
                sets.entry(entry, on_item)?;
                if sets.ended {
                    break;
                }
            }
        }
        Ok(())
    })?;
    if sets.open.is_empty() { Ok(()) } else { Err(sets.damaged()) }
}
