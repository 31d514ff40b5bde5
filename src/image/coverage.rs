//! What the manifest says of places on a disk, held against its used-extent map.

use super::manifest::{Disk, Saved};
use crate::units::Extent;

/// Counts the used bytes of a disk in the places that its description names, in one pass over the
/// map and with a few bytes for each place, however many there are.
pub(super) struct Coverage<'a> {
    disk: &'a Disk,
    /// Where places begin and end, in bytes, ascending, each once.
    boundaries: Vec<u64>,
    /// The used bytes before each boundary that the map has come to.
    before: Vec<u64>,
    total: u64,
}

impl<'a> Coverage<'a> {
    pub(super) fn new(disk: &'a Disk) -> Self {
        let regions = disk.table.regions.iter().map(|region| region.extent);
        let volumes = disk.volumes.iter().map(|volume| volume.extent);
        let mut boundaries: Vec<u64> =
            regions.chain(volumes).flat_map(|extent| [extent.offset, extent.end()]).collect();
        boundaries.sort_unstable();
        boundaries.dedup();
        Self { disk, before: Vec::with_capacity(boundaries.len()), boundaries, total: 0 }
    }

    /// Adds a used extent; they come in ascending order.
    pub(super) fn add(&mut self, extent: Extent) {
        while let Some(boundary) = self.boundaries.get(self.before.len())
            && *boundary < extent.end()
        {
            self.before.push(self.total + boundary.saturating_sub(extent.offset));
        }
        self.total += extent.length;
    }

    fn used_in(&self, extent: Extent) -> u64 {
        let before = |boundary: u64| {
            let position = self.boundaries.partition_point(|known| *known < boundary);
            self.before.get(position).copied().unwrap_or(self.total)
        };
        before(extent.end()) - before(extent.offset)
    }

    /// Whether the whole table is in the image, and of each volume at least as much as is said.
    pub(super) fn agrees(&self) -> bool {
        let mut regions = self.disk.table.regions.iter().map(|region| region.extent);
        let mut volumes = self.disk.volumes.iter().filter(|volume| volume.saved != Saved::Skipped);
        regions.all(|extent| self.used_in(extent) == extent.length)
            && volumes.all(|volume| self.used_in(volume.extent) >= volume.used_bytes)
    }
}
