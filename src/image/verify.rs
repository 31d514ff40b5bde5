//! Checking an image: every byte of every file, every chunk decoded (section 8, invariant 3).

use super::coverage::Coverage;
use super::files::{FileReader, Freshness};
use super::index::{ChunkEntry, IndexReader, Location, Segment};
use super::manifest::FileRecord;
use super::pack::{PackHeader, RecordHeader};
use super::reader::{Image, Packs, file_record};
use super::writer::KnownContent;
use super::{ABOUT, HEADER, LOG, damaged};
use crate::codec::{Decompressor, Hasher, is_zero, sha256};
use crate::error::Result;
use crate::pipeline;
use crate::report::{Report, Stage};
use crate::text::message;
use crate::units::{Extent, ExtentMap};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Everything that describes the image, and the presence and length of every file.
    Quick,
    /// Every byte.
    Full,
}

/// What a verification looked at.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, serde::Serialize)]
pub struct Verification {
    /// Files of the image.
    pub files: u64,
    /// Bytes read from packs and indexes.
    pub stored_bytes: u64,
    /// Chunks listed by the indexes.
    pub chunks: u64,
    /// Used bytes of the disks.
    pub used_bytes: u64,
    /// Used bytes that the source could not give when it was saved.
    pub unreadable_bytes: u64,
}

/// Checks an image that was opened.
///
/// # Errors
/// [`crate::error::ErrorKind::Damaged`] with the first damage found, or what the store or the
/// person ended it with.
pub fn verify(
    image: &Image,
    depth: Depth,
    freshness: Freshness,
    stage: Stage,
    report: &dyn Report,
) -> Result<Verification> {
    check_small_files(image, freshness)
        .and_then(|()| verify_content(image, depth, freshness, stage, report))
        .map_err(|error| error.on_device(image.files().location()))
}

/// Checks the files that the image can do without: page, log, and header once more.
pub(super) fn check_small_files(image: &Image, freshness: Freshness) -> Result<()> {
    for name in [LOG, ABOUT, HEADER] {
        check_file(image, file_record(image.manifest(), name)?, freshness)?;
    }
    Ok(())
}

/// Checks packs and indexes.
pub(super) fn verify_content(
    image: &Image,
    depth: Depth,
    freshness: Freshness,
    stage: Stage,
    report: &dyn Report,
) -> Result<Verification> {
    let manifest = image.manifest();
    report.begin(stage, if depth == Depth::Full { manifest.stored_bytes() } else { 0 });
    let packs = image.packs(freshness);
    let mut walk = PackWalk::new(image, &packs);
    let mut found = Verification {
        files: (manifest.files.len() + manifest.packs.len() + manifest.disks.len() + 2) as u64,
        ..Verification::default()
    };
    for (number, disk) in manifest.disks.iter().enumerate() {
        let index = image.index(number, freshness)?;
        let mut coverage = Coverage::new(disk);
        let counted = match depth {
            Depth::Full => walk.disk(&index, &mut coverage, report)?,
            Depth::Quick => count(&index, &mut coverage, report)?,
        };
        let record = &disk.index;
        let stated = (record.chunks, record.used_bytes, record.unreadable_bytes);
        let found_here = (counted.chunks, counted.used_bytes, counted.unreadable_bytes);
        if found_here != stated || !coverage.agrees() {
            return Err(damaged(&record.file, message!("image-index-damaged")));
        }
        found.chunks += counted.chunks;
        found.used_bytes = found.used_bytes.saturating_add(counted.used_bytes);
        found.unreadable_bytes = found.unreadable_bytes.saturating_add(counted.unreadable_bytes);
        found.stored_bytes = found.stored_bytes.saturating_add(record.bytes);
        report.advance(if depth == Depth::Full { record.bytes } else { 0 });
    }
    match depth {
        Depth::Full => walk.finish(report)?,
        Depth::Quick => {
            for number in 0..manifest.packs.len() {
                packs.file(number as u32)?;
            }
        }
    }
    // Files can be sparse and longer in sum than any disk.
    let packs = manifest.packs.iter().map(|pack| pack.bytes);
    found.stored_bytes = packs.fold(found.stored_bytes, u64::saturating_add);
    report.end();
    Ok(found)
}

fn check_file(image: &Image, record: &FileRecord, freshness: Freshness) -> Result<()> {
    let file = image.open_file(&record.file, freshness)?;
    let mut hasher = Hasher::default();
    if file.length() == record.bytes {
        hash_range(file.as_ref(), 0, record.bytes, &mut hasher)?;
        if hasher.finish() == record.sha256 {
            return Ok(());
        }
    }
    Err(damaged(&record.file, message!("image-hash-differs")))
}

fn hash_range(file: &dyn FileReader, start: u64, end: u64, hasher: &mut Hasher) -> Result<()> {
    let mut buffer = vec![0; 256 << 10];
    let mut position = start;
    while position < end {
        let length = buffer.len().min((end - position) as usize);
        file.read_at(position, &mut buffer[..length])?;
        hasher.update(&buffer[..length]);
        position += length as u64;
    }
    Ok(())
}

impl Verification {
    fn count(&mut self, segment: &Segment, coverage: &mut Coverage<'_>) {
        self.chunks += segment.chunks.len() as u64;
        for extent in &segment.extents {
            self.used_bytes += extent.length;
            coverage.add(*extent);
        }
        self.unreadable_bytes += segment.unreadable.iter().map(|e| e.length).sum::<u64>();
    }
}

fn count(
    index: &IndexReader,
    coverage: &mut Coverage<'_>,
    report: &dyn Report,
) -> Result<Verification> {
    let mut found = Verification::default();
    for segment in index.segments() {
        report.check()?;
        found.count(&segment?, coverage);
    }
    Ok(found)
}

/// Decodes a chunk into exactly `plain` and compares its hash; false when it is damaged.
pub fn decodes(
    decoder: &mut Decompressor,
    header: &RecordHeader,
    content: &[u8],
    plain: &mut [u8],
) -> bool {
    plain.len() == header.plain_length as usize
        && decoder.decompress(header.encoding, content, plain)
        && sha256(plain) == header.digest
}

/// A walk through all packs, front to back, led by the indexes: each byte is read once, hashed for
/// its file and, where it belongs to a chunk, handed to the workers.
///
/// An entry whose record lies before the position of the walk repeats a content that was met
/// before. Where that is remembered, and the same bytes of it must be zero, its header is compared
/// again and no more; else it is read and decoded once more, since nothing proves that there is a
/// record at that place.
struct PackWalk<'a> {
    image: &'a Image,
    packs: &'a Packs<'a>,
    pack: u32,
    position: u64,
    hasher: Hasher,
    /// By pack and offset of a record that was handed to the workers: a hash of what had to be
    /// zero in it.
    met: HashMap<(u32, u64), u64>,
    /// Keyed at random, so that nobody can make two of them equal.
    zeros_hasher: RandomState,
}

/// Records that are remembered: as many as a saver remembers of what it stored, from the first on,
/// so all that its image refers to again. About 16 MiB of memory.
const REMEMBERED: usize = KnownContent::CAPACITY;

/// A chunk of an index.
struct Wanted {
    entry: ChunkEntry,
    length: u64,
    /// What must be zero in it: bytes not in use, and what the source could not give. Bytes from
    /// its start.
    zeros: Vec<Extent>,
}

/// What a worker has to check.
struct Check {
    location: Location,
    header: RecordHeader,
    content: Vec<u8>,
    zeros: Vec<Extent>,
}

/// The stored chunks of a segment.
fn wanted(segment: Segment, index: &IndexReader) -> impl Iterator<Item = Wanted> + use<> {
    let used: ExtentMap = segment.extents.into_iter().collect();
    let unreadable: ExtentMap = segment.unreadable.into_iter().collect();
    let header = index.header().clone();
    segment.chunks.into_iter().filter(|entry| entry.stored.is_some()).map(move |entry| {
        let place = header.chunk_extent(entry.number);
        let zeros = used.gaps_within(place).chain(unreadable.within(place));
        let zeros =
            zeros.map(|extent| Extent::new(extent.offset - place.offset, extent.length)).collect();
        Wanted { entry, length: place.length, zeros }
    })
}

impl<'a> PackWalk<'a> {
    fn new(image: &'a Image, packs: &'a Packs<'a>) -> Self {
        Self {
            image,
            packs,
            pack: 0,
            position: 0,
            hasher: Hasher::default(),
            met: HashMap::new(),
            zeros_hasher: RandomState::new(),
        }
    }

    /// Hashes on to `end` of the current pack.
    fn hash_to(&mut self, end: u64, report: &dyn Report) -> Result<()> {
        let file = self.packs.file(self.pack)?;
        while self.position < end {
            report.check()?;
            let next = end.min(self.position + (8 << 20));
            hash_range(file.as_ref(), self.position, next, &mut self.hasher)?;
            report.advance(next - self.position);
            self.position = next;
        }
        Ok(())
    }

    /// Goes to the end of the current pack, compares its hash, and stands before the next one.
    fn finish_pack(&mut self, report: &dyn Report) -> Result<()> {
        let record = &self.image.manifest().packs[self.pack as usize];
        self.hash_to(record.bytes, report)?;
        if std::mem::take(&mut self.hasher).finish() != record.sha256 {
            return Err(damaged(&record.file, message!("image-hash-differs")));
        }
        self.pack += 1;
        self.position = 0;
        Ok(())
    }

    fn finish(&mut self, report: &dyn Report) -> Result<()> {
        while (self.pack as usize) < self.image.manifest().packs.len() {
            self.finish_pack(report)?;
        }
        Ok(())
    }

    fn is_behind(&self, location: &Location) -> bool {
        (location.pack, location.offset) < (self.pack, self.position)
    }

    /// What is to be checked of a chunk; none when that was done before.
    fn step(&mut self, wanted: Wanted, report: &dyn Report) -> Result<Option<Check>> {
        let Wanted { entry, length, zeros } = wanted;
        let Some((location, digest)) = entry.stored else { return Ok(None) };
        let place = (location.pack, location.offset);
        let zeros_hash = self.zeros_hasher.hash_one(&zeros);
        let is_behind = self.is_behind(&location);
        if is_behind
            && self.met.get(&place).is_some_and(|met| zeros.is_empty() || *met == zeros_hash)
        {
            let file = self.packs.file(location.pack)?;
            let mut header = [0; RecordHeader::LENGTH];
            file.read_at(location.offset, &mut header)?;
            self.packs.check_record(&header, &location, &digest, length)?;
            return Ok(None);
        }
        if !is_behind {
            while self.pack < location.pack {
                self.finish_pack(report)?;
            }
            let start = self.position.max(PackHeader::LENGTH as u64).max(location.offset);
            self.hash_to(start, report)?;
        }
        let stored = self.packs.read(&location, &digest, length)?;
        if !is_behind {
            self.hasher.update(&stored.header.encode());
            self.hasher.update(&stored.content);
            self.position = location.end();
            report.advance(location.end() - location.offset);
            if self.met.len() < REMEMBERED {
                self.met.insert(place, zeros_hash);
            }
        }
        Ok(Some(Check { location, header: stored.header, content: stored.content, zeros }))
    }

    /// Walks through the chunks of one disk.
    fn disk(
        &mut self,
        index: &IndexReader,
        coverage: &mut Coverage<'_>,
        report: &dyn Report,
    ) -> Result<Verification> {
        let mut found = Verification::default();
        let mut segments = index.segments();
        let mut chunks: VecDeque<Wanted> = VecDeque::new();
        let packs = self.packs;
        let workers = pipeline::default_workers();
        pipeline::ordered(
            workers,
            pipeline::in_flight(workers, u64::from(index.header().chunk_size)),
            || loop {
                report.check()?;
                while let Some(chunk) = chunks.pop_front() {
                    if let Some(check) = self.step(chunk, report)? {
                        return Ok(Some(check));
                    }
                }
                let Some(segment) = segments.next().transpose()? else { return Ok(None) };
                found.count(&segment, coverage);
                chunks.extend(wanted(segment, index));
            },
            || Ok((Decompressor::new()?, Vec::new())),
            |(decoder, plain), check: Check| {
                plain.resize(check.header.plain_length as usize, 0);
                if !decodes(decoder, &check.header, &check.content, plain) {
                    return Err(packs.damage(&check.location));
                }
                let is_zero_at = |extent: &Extent| {
                    is_zero(&plain[extent.offset as usize..extent.end() as usize])
                };
                match check.zeros.iter().all(is_zero_at) {
                    true => Ok(()),
                    false => Err(packs.damage(&check.location)),
                }
            },
            Ok,
        )?;
        Ok(found)
    }
}
