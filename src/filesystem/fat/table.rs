//! The file allocation table itself: one entry for each cluster, read in one pass.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, section "FAT Data
//! Structure".

use super::boot_sector::{BootSector, Mirroring};
use crate::block::BlockSource;
use crate::error::Result;
use crate::filesystem::{Doubt, VolumeKind, unreadable_doubt};
use crate::text::message;
use crate::units::ExtentMap;
use std::ops::Range;

/// Bytes read at once. A multiple of 12, so that no piece splits an entry of any kind.
const PIECE: u64 = 768 << 10;

/// Marks a cluster that must not be used, in 28 bits.
const BAD: u32 = 0x0FFF_FFF7;
/// The first of the values that end a chain.
const END_OF_CHAIN: u32 = 0x0FFF_FFF8;

/// What one pass over the FAT found.
#[derive(Default)]
pub(super) struct Totals {
    /// Clusters that are free.
    pub(super) free: u64,
}

/// The cluster after this one in its chain, or a mark of its end, from the copy in force.
///
/// # Errors
/// When the medium cannot be read.
pub(super) fn next(source: &dyn BlockSource, boot: &BootSector, cluster: u32) -> Result<u32> {
    let number = u64::from(cluster);
    let table = boot.fat_copy(active(boot));
    let mut entry = [0; 4];
    let (at, length) = match boot.kind {
        VolumeKind::Fat12 => (number * 3 / 2, 2),
        VolumeKind::Fat16 => (number * 2, 2),
        _ => (number * 4, 4),
    };
    source.read_at(table + at, &mut entry[..length])?;
    let value = u32::from_le_bytes(entry);
    Ok(match boot.kind {
        VolumeKind::Fat12 if number % 2 == 1 => widen(value >> 4, 0xFFF),
        VolumeKind::Fat12 => widen(value & 0xFFF, 0xFFF),
        VolumeKind::Fat16 => widen(value, 0xFFFF),
        _ => value & 0x0FFF_FFFF,
    })
}

fn active(boot: &BootSector) -> u64 {
    match boot.mirroring {
        Mirroring::On => 0,
        Mirroring::Off { active } => active,
    }
}

/// Reads the FAT from front to back and tells `on_used` every run of clusters in use, as first
/// cluster and count, in ascending order.
///
/// A cluster is in use when its entry is neither zero nor the mark of a bad one.
///
/// # Errors
/// A doubt when the copies differ, an entry makes no sense, the volume was not closed cleanly,
/// or the FAT cannot be read.
pub(super) fn scan(
    source: &dyn BlockSource,
    boot: &BootSector,
    on_used: &mut dyn FnMut(u64, u64),
) -> Result<Totals, Doubt> {
    let copies = match boot.mirroring {
        Mirroring::On => 1..boot.fat_copies,
        Mirroring::Off { .. } => 0..0,
    };
    let mut pass = Pass { boot, next: 0, run: 0, totals: Totals::default(), kept: None, on_used };
    pass.read(source, copies)?;
    Ok(pass.totals)
}

/// Goes over the FAT again: every cluster that another one names as the next of its chain has to be
/// among the bytes that are `kept`.
///
/// # Errors
/// A doubt where one is not, or the FAT cannot be read.
pub(super) fn check_links(
    source: &dyn BlockSource,
    boot: &BootSector,
    kept: &ExtentMap,
) -> Result<(), Doubt> {
    let (totals, on_used) = (Totals::default(), &mut |_, _| {});
    let mut pass = Pass { boot, next: 0, run: 0, totals, kept: Some(kept), on_used };
    pass.read(source, 0..0)
}

struct Pass<'a> {
    boot: &'a BootSector,
    /// Number of the next entry.
    next: u64,
    /// Clusters in use just before it.
    run: u64,
    totals: Totals,
    /// Where the next cluster of a chain has to be, in bytes.
    kept: Option<&'a ExtentMap>,
    on_used: &'a mut dyn FnMut(u64, u64),
}

impl Pass<'_> {
    /// Reads all entries of the copy in force, and compares `copies` with it.
    fn read(&mut self, source: &dyn BlockSource, copies: Range<u64>) -> Result<(), Doubt> {
        let boot = self.boot;
        let needed = boot.fat_entries_length();
        let mut buffer = vec![0; PIECE.min(needed) as usize];
        let mut other = if copies.is_empty() { Vec::new() } else { buffer.clone() };
        let mut position = 0;
        while position < needed {
            let length = PIECE.min(needed - position) as usize;
            let piece = &mut buffer[..length];
            source
                .read_at(boot.fat_copy(active(boot)) + position, piece)
                .map_err(unreadable_doubt)?;
            for copy in copies.clone() {
                let other = &mut other[..length];
                source.read_at(boot.fat_copy(copy) + position, other).map_err(unreadable_doubt)?;
                if other != piece {
                    return Err(message!("fat-copies-differ"));
                }
            }
            self.piece(piece)?;
            position += length as u64;
        }
        self.end_run();
        Ok(())
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), Doubt> {
        match self.boot.kind {
            VolumeKind::Fat12 => {
                for pair in piece.chunks(3) {
                    let byte = |at: usize| u32::from(pair.get(at).copied().unwrap_or(0));
                    self.entry(widen(byte(0) | (byte(1) & 0x0F) << 8, 0xFFF))?;
                    // The last pair may hold one entry only.
                    if pair.len() == 3 && self.next < self.boot.fat_entries() {
                        self.entry(widen(byte(1) >> 4 | byte(2) << 4, 0xFFF))?;
                    }
                }
            }
            VolumeKind::Fat16 => {
                for entry in piece.as_chunks::<2>().0 {
                    self.entry(widen(u16::from_le_bytes(*entry).into(), 0xFFFF))?;
                }
            }
            _ => {
                for entry in piece.as_chunks::<4>().0 {
                    self.entry(u32::from_le_bytes(*entry) & 0x0FFF_FFFF)?;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, value: u32) -> Result<(), Doubt> {
        let number = self.next;
        self.next += 1;
        if number < 2 {
            return self.reserved_entry(number, value);
        }
        match value {
            0 => {
                self.totals.free += 1;
                self.end_run_before(number);
            }
            BAD => self.end_run_before(number),
            END_OF_CHAIN.. => self.run += 1,
            _ if self.boot.has_cluster(value) => {
                self.check_kept(value)?;
                self.run += 1;
            }
            _ => return Err(message!("fat-entry-outside", cluster = number.to_string())),
        }
        Ok(())
    }

    /// Entry 0 repeats the media byte, entry 1 has the bits of a clean shutdown.
    fn reserved_entry(&self, number: u64, value: u32) -> Result<(), Doubt> {
        let (clean, no_errors) = match self.boot.kind {
            VolumeKind::Fat12 => (0, 0),
            VolumeKind::Fat16 => (0x8000, 0x4000),
            _ => (0x0800_0000, 0x0400_0000),
        };
        if number == 0 {
            if value & 0xFF != u32::from(self.boot.media) {
                return Err(message!("fat-media-differs"));
            }
        } else if value & clean != clean {
            return Err(message!("fat-dirty"));
        } else if value & no_errors != no_errors {
            return Err(message!("fat-met-errors"));
        }
        Ok(())
    }

    fn check_kept(&self, cluster: u32) -> Result<(), Doubt> {
        let extent = self.boot.cluster_extent(cluster.into(), 1);
        match self.kept.is_none_or(|kept| kept.contains(extent)) {
            true => Ok(()),
            false => Err(message!("fat-cluster-free", cluster = cluster.to_string())),
        }
    }

    fn end_run_before(&mut self, number: u64) {
        if self.run != 0 {
            (self.on_used)(number - self.run, self.run);
            self.run = 0;
        }
    }

    fn end_run(&mut self) {
        self.end_run_before(self.next);
    }
}

/// The special values of FAT12 and FAT16 as the ones of FAT32; all others as they are.
const fn widen(value: u32, ones: u32) -> u32 {
    if value >= ones - 8 { value | (0x0FFF_FFFF & !ones) } else { value }
}
