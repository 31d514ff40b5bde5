//! The file allocation table: which cluster follows which, where that is not the next one.
//!
//! What is in use is in the bitmap; the entries of free clusters, and of files in one piece, mean
//! nothing.
//! Source: Microsoft, "exFAT file system specification", section 4 "File Allocation Table Region".

use super::boot_region::BootSector;
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::KIB;

/// Bytes of the table read at once.
const WINDOW: u64 = 64 * KIB;
/// Ends a chain.
const END_OF_CHAIN: u32 = 0xFFFF_FFFF;

/// Clusters that belong to something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Allocation {
    pub(super) first: u32,
    /// Number of clusters; as many as the chain has where none is told.
    pub(super) clusters: Option<u64>,
    /// In one piece, without entries in the table.
    pub(super) contiguous: bool,
}

/// The table, and how many clusters can still belong to something.
pub(super) struct Table<'a> {
    pub(super) source: &'a dyn BlockSource,
    pub(super) boot: &'a BootSector,
    window: Vec<u8>,
    window_start: Option<u64>,
    /// Bounds the time: no cluster belongs to two things.
    left: u64,
}

impl<'a> Table<'a> {
    pub(super) fn new(source: &'a dyn BlockSource, boot: &'a BootSector) -> Self {
        Self { source, boot, window: Vec::new(), window_start: None, left: boot.clusters }
    }

    /// The entry of a cluster that exists.
    fn entry(&mut self, cluster: u32) -> Result<u32, Doubt> {
        let at = u64::from(cluster) * 4;
        let start = at / WINDOW * WINDOW;
        if self.window_start != Some(start) {
            let end = (start + WINDOW).min((self.boot.clusters + 2) * 4);
            self.window_start = None;
            self.window.resize((end - start) as usize, 0);
            self.source
                .read_at(self.boot.fat_start + start, &mut self.window)
                .map_err(unreadable_doubt)?;
            self.window_start = Some(start);
        }
        let number = (at - start) as usize / 4;
        Ok(u32::from_le_bytes(self.window.as_chunks::<4>().0[number]))
    }

    /// Tells `on_run` every run of clusters, as first cluster and number, in their order.
    ///
    /// # Errors
    /// A doubt when the chain does not end as it should, or clusters have several owners; those
    /// of `on_run`.
    pub(super) fn follow(
        &mut self,
        allocation: Allocation,
        on_run: &mut dyn FnMut(u32, u64) -> Result<(), Doubt>,
    ) -> Result<(), Doubt> {
        let Allocation { first, clusters, contiguous } = allocation;
        let damaged = || message!("exfat-chain", cluster = first.to_string());
        let wanted = clusters.unwrap_or(self.left);
        if wanted == 0 {
            return if clusters.is_none() { Err(damaged()) } else { Ok(()) };
        }
        if !self.boot.has_cluster(first) || wanted > self.left {
            return Err(damaged());
        }
        if contiguous {
            if u64::from(first) + wanted > self.boot.clusters + 2 {
                return Err(damaged());
            }
            self.left -= wanted;
            return on_run(first, wanted);
        }
        let (mut start, mut length, mut seen) = (first, 1, 1);
        loop {
            let last = start + (length - 1) as u32;
            let is_end = clusters == Some(seen);
            let next = if is_end { END_OF_CHAIN } else { self.entry(last)? };
            match next {
                END_OF_CHAIN if is_end || clusters.is_none() => {
                    self.left -= seen;
                    return on_run(start, length);
                }
                next if self.boot.has_cluster(next) && seen < wanted => {
                    if next == last + 1 {
                        length += 1;
                    } else {
                        on_run(start, length)?;
                        (start, length) = (next, 1);
                    }
                    seen += 1;
                }
                _ => return Err(damaged()),
            }
        }
    }
}
