//! A device that is put together from parts of others: a logical volume, the inside of an array.

use crate::block::{BlockSource, check_range};
use crate::error::Result;
use crate::units::{Extent, ExtentMap};

/// A part of a source: where it begins there, in bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Area {
    /// Which of the sources.
    pub(super) source: usize,
    /// First byte on it.
    pub(super) offset: u64,
}

/// A stretch of the composed device, in one area or in stripes over several.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Segment {
    /// First byte on the composed device.
    pub(super) start: u64,
    /// Length in bytes.
    pub(super) length: u64,
    /// Bytes in one area before it goes on in the next one; with one area without meaning.
    pub(super) stripe: u64,
    /// Where its bytes lie; never empty.
    pub(super) areas: Vec<Area>,
}

impl Segment {
    fn extent(&self) -> Extent {
        Extent::new(self.start, self.length)
    }

    /// How many of the first `position` bytes of the segment lie in the area with this number.
    fn bytes_in_area(&self, area: usize, position: u64) -> u64 {
        let count = self.areas.len() as u64;
        if count == 1 {
            return position;
        }
        let row = self.stripe * count;
        let before = self.stripe * area as u64;
        position / row * self.stripe + (position % row).saturating_sub(before).min(self.stripe)
    }

    /// Where `part`, which counts from the start of the segment, lies.
    fn places(&self, part: Extent) -> impl Iterator<Item = (usize, Extent)> + '_ {
        self.areas.iter().enumerate().map(move |(number, area)| {
            let start = self.bytes_in_area(number, part.offset);
            let end = self.bytes_in_area(number, part.end());
            (area.source, Extent::between(area.offset + start, area.offset + end))
        })
    }

    /// The area of one byte, where in it that lies, and how many bytes follow there.
    fn locate(&self, position: u64) -> (Area, u64, u64) {
        let count = self.areas.len() as u64;
        if count == 1 {
            return (self.areas[0], position, self.length - position);
        }
        let number = (position / self.stripe) % count;
        let inside = position % self.stripe;
        let offset = position / (self.stripe * count) * self.stripe + inside;
        (self.areas[number as usize], offset, self.stripe - inside)
    }
}

/// Parts of sources as one source. Reads only.
pub(super) struct Composed<'a> {
    name: String,
    sources: Vec<&'a dyn BlockSource>,
    /// Ascending, without gaps, from 0.
    segments: Vec<Segment>,
}

impl<'a> Composed<'a> {
    /// A device of segments that follow each other from 0 on, all of whose areas lie on
    /// `sources`.
    pub(super) fn new(
        name: String,
        sources: Vec<&'a dyn BlockSource>,
        segments: Vec<Segment>,
    ) -> Self {
        Self { name, sources, segments }
    }

    /// Where `extents` of this device lie, for each of the sources, in any order.
    pub(super) fn on_sources(&self, extents: &ExtentMap) -> Vec<Vec<Extent>> {
        let mut lists = vec![Vec::new(); self.sources.len()];
        for segment in &self.segments {
            for extent in extents.within(segment.extent()) {
                let part = Extent::new(extent.offset - segment.start, extent.length);
                for (source, place) in segment.places(part) {
                    if !place.is_empty() {
                        lists[source].push(place);
                    }
                }
            }
        }
        lists
    }
}

impl BlockSource for Composed<'_> {
    fn size(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.start + segment.length)
    }

    fn sector_size(&self) -> u32 {
        let sizes = self.sources.iter().map(|source| source.sector_size());
        sizes.max().unwrap_or(crate::block::DEFAULT_SECTOR_SIZE)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size(), offset, buffer.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        let end = offset + buffer.len() as u64;
        let mut position = offset;
        let first = self.segments.partition_point(|s| s.start + s.length <= offset);
        for segment in &self.segments[first..] {
            let segment_end = segment.extent().end().min(end);
            while position < segment_end {
                let (area, inside, rest) = segment.locate(position - segment.start);
                let length = rest.min(segment_end - position);
                let start = (position - offset) as usize;
                self.sources[area.source]
                    .read_at(area.offset + inside, &mut buffer[start..start + length as usize])?;
                position += length;
            }
            if position >= end {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::memory::MemoryDisk;
    use proptest::prelude::*;

    proptest! {
        /// What is read through the device is what lies where the map says.
        #[test]
        fn the_map_agrees_with_what_is_read(
            areas in 1usize..5, stripe in 1u64..9, rows in 1u64..9,
            offset in 0u64..300, length in 0u64..300,
        ) {
            let disks: Vec<MemoryDisk> = (0..areas)
                .map(|disk| MemoryDisk::new((0..200).map(|i| (disk * 50 + i % 50) as u8).collect()))
                .collect();
            let sources: Vec<&dyn BlockSource> = disks.iter().map(|disk| disk as _).collect();
            let part = stripe * rows * areas as u64;
            let all = (0..areas).map(|source| Area { source, offset: 7 + source as u64 }).collect();
            let one = vec![Area { source: areas - 1, offset: 100 }];
            let device = Composed::new("device".into(), sources.clone(), vec![
                Segment { start: 0, length: part, stripe, areas: all },
                Segment { start: part, length: 50, stripe: 0, areas: one },
            ]);
            let offset = offset.min(device.size());
            let length = length.min(device.size() - offset);
            let content = device.read_vec(offset, length as usize).unwrap();
            // Byte by byte, through the map.
            for (index, byte) in content.iter().enumerate() {
                let map = ExtentMap::whole(Extent::new(offset + index as u64, 1));
                let places = device.on_sources(&map);
                let found: Vec<(usize, Extent)> = places.iter().enumerate()
                    .flat_map(|(disk, list)| list.iter().map(move |extent| (disk, *extent)))
                    .collect();
                prop_assert_eq!(found.len(), 1);
                let (disk, extent) = found[0];
                prop_assert_eq!(extent.length, 1);
                prop_assert_eq!(sources[disk].read_vec(extent.offset, 1).unwrap()[0], *byte);
            }
            // All at once it is the same set.
            let map = ExtentMap::whole(Extent::new(offset, length));
            let total: u64 = device.on_sources(&map).iter().flatten().map(|e| e.length).sum();
            prop_assert_eq!(total, length);
        }
    }
}
