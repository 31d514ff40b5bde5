//! A disk of an image as something to read: any byte costs one segment and one chunk.

use super::files::Freshness;
use super::index::{IndexReader, Segment};
use super::reader::{Image, Packs};
use super::verify::decodes;
use crate::block::{BlockSource, check_range};
use crate::codec::Decompressor;
use crate::error::Result;
use crate::units::Extent;
use std::sync::Mutex;

/// A disk of an image. Unused bytes read as zero.
pub struct ImageDisk<'a> {
    index: &'a IndexReader,
    packs: Packs<'a>,
    sector_size: u32,
    name: String,
    state: Mutex<Cache>,
}

/// What was read last: reading in order decodes each chunk once.
struct Cache {
    decoder: Decompressor,
    segment: Option<Segment>,
    chunk: Option<(u64, Vec<u8>)>,
}

impl<'a> ImageDisk<'a> {
    /// Disk `number` of an image, read through its index.
    ///
    /// # Errors
    /// When there is no memory for the decoder.
    ///
    /// # Panics
    /// When there is no such disk.
    pub fn new(
        image: &'a Image,
        number: usize,
        index: &'a IndexReader,
        freshness: Freshness,
    ) -> Result<Self> {
        let disk = &image.manifest().disks[number];
        Ok(Self {
            index,
            packs: image.packs(freshness),
            sector_size: disk.sector_size,
            name: format!("{} ({})", image.manifest().name, disk.identity.name),
            state: Mutex::new(Cache { decoder: Decompressor::new()?, segment: None, chunk: None }),
        })
    }

    /// Fills `buffer` with a part of chunk `number`, from byte `skip` of it.
    fn read_chunk(&self, number: u64, skip: usize, buffer: &mut [u8]) -> Result<()> {
        let mut cache = self.state.lock().expect("no reader panics");
        if cache.chunk.as_ref().is_none_or(|(cached, _)| *cached != number) {
            let place = self.index.header().chunk_extent(number);
            let covers = |segment: &Segment| {
                let (first, last) = (segment.chunks.first(), segment.chunks.last());
                first.is_some_and(|first| first.number <= number)
                    && last.is_some_and(|last| number <= last.number)
            };
            if !cache.segment.as_ref().is_some_and(covers) {
                cache.segment = self.index.segments_from(place.offset).next().transpose()?;
            }
            let entry = cache.segment.as_ref().and_then(|segment| {
                let found = segment.chunks.binary_search_by_key(&number, |chunk| chunk.number);
                found.ok().map(|position| segment.chunks[position])
            });
            let mut plain = vec![0; place.length as usize];
            if let Some((location, digest)) = entry.and_then(|entry| entry.stored) {
                let stored = self.packs.read(&location, &digest, place.length)?;
                if !decodes(&mut cache.decoder, &stored.header, &stored.content, &mut plain) {
                    return Err(self.packs.damage(&location));
                }
            }
            cache.chunk = Some((number, plain));
        }
        let (_, plain) = cache.chunk.as_ref().expect("just filled");
        buffer.copy_from_slice(&plain[skip..skip + buffer.len()]);
        Ok(())
    }
}

impl BlockSource for ImageDisk<'_> {
    fn size(&self) -> u64 {
        self.index.header().disk_size
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let length = buffer.len() as u64;
        check_range(self.size(), offset, length).map_err(|e| e.on_device(self.name()))?;
        let chunk_size = u64::from(self.index.header().chunk_size);
        let range = Extent::new(offset, length);
        let mut rest = buffer;
        for number in offset / chunk_size..range.end().div_ceil(chunk_size) {
            let place = self.index.header().chunk_extent(number);
            let Some(part) = place.intersection(range) else { break };
            let (now, later) = rest.split_at_mut(part.length as usize);
            self.read_chunk(number, (part.offset - place.offset) as usize, now)?;
            rest = later;
        }
        Ok(())
    }
}
