//! Checking an image: every byte of every file, every chunk decoded (section 8, invariant 3).

use super::files::{FileReader, Freshness};
use super::index::{ChunkEntry, IndexReader, Location};
use super::manifest::FileRecord;
use super::pack::{PackHeader, RecordHeader};
use super::reader::{Image, Packs, file_record};
use super::{ABOUT, HEADER, LOG, damaged};
use crate::codec::{Decompressor, Digest, Hasher, sha256};
use crate::error::Result;
use crate::pipeline;
use crate::report::{Report, Stage};
use crate::text::message;
use std::collections::VecDeque;

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
    check_small_files(image, freshness)?;
    verify_content(image, depth, freshness, stage, report)
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
        let counted = match depth {
            Depth::Full => walk.disk(&index, report)?,
            Depth::Quick => count(&index, report)?,
        };
        let record = &disk.index;
        let stated = (record.chunks, record.used_bytes, record.unreadable_bytes);
        if (counted.chunks, counted.used_bytes, counted.unreadable_bytes) != stated {
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

fn count(index: &IndexReader, report: &dyn Report) -> Result<Verification> {
    let mut found = Verification::default();
    for segment in index.segments() {
        report.check()?;
        let segment = segment?;
        found.chunks += segment.chunks.len() as u64;
        found.used_bytes += segment.extents.iter().map(|extent| extent.length).sum::<u64>();
        found.unreadable_bytes += segment.unreadable.iter().map(|e| e.length).sum::<u64>();
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
/// An entry whose record lies before the position of the walk repeats a content that was checked
/// when it passed: its header is compared again, no more.
struct PackWalk<'a> {
    image: &'a Image,
    packs: &'a Packs<'a>,
    pack: u32,
    position: u64,
    hasher: Hasher,
}

/// What a worker has to check.
struct Check {
    location: Location,
    header: RecordHeader,
    content: Vec<u8>,
}

impl<'a> PackWalk<'a> {
    fn new(image: &'a Image, packs: &'a Packs<'a>) -> Self {
        Self { image, packs, pack: 0, position: 0, hasher: Hasher::default() }
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

    /// The next record of the walk, or none when the content was met before.
    fn step(
        &mut self,
        location: &Location,
        digest: &Digest,
        plain_length: u64,
        report: &dyn Report,
    ) -> Result<Option<Check>> {
        if self.is_behind(location) {
            let file = self.packs.file(location.pack)?;
            let mut header = [0; RecordHeader::LENGTH];
            file.read_at(location.offset, &mut header)?;
            self.packs.check_record(&header, location, digest, plain_length)?;
            return Ok(None);
        }
        while self.pack < location.pack {
            self.finish_pack(report)?;
        }
        let start = self.position.max(PackHeader::LENGTH as u64).max(location.offset);
        self.hash_to(start, report)?;
        let stored = self.packs.read(location, digest, plain_length)?;
        self.hasher.update(&stored.header.encode());
        self.hasher.update(&stored.content);
        self.position = location.end();
        report.advance(location.end() - location.offset);
        Ok(Some(Check { location: *location, header: stored.header, content: stored.content }))
    }

    /// Walks through the chunks of one disk.
    fn disk(&mut self, index: &IndexReader, report: &dyn Report) -> Result<Verification> {
        let mut found = Verification::default();
        let mut segments = index.segments();
        let mut chunks: VecDeque<ChunkEntry> = VecDeque::new();
        let packs = self.packs;
        let workers = pipeline::default_workers();
        pipeline::ordered(
            workers,
            pipeline::in_flight(workers, u64::from(index.header().chunk_size)),
            || loop {
                report.check()?;
                while let Some(chunk) = chunks.pop_front() {
                    let Some((location, digest)) = &chunk.stored else { continue };
                    let length = index.header().chunk_extent(chunk.number).length;
                    if let Some(check) = self.step(location, digest, length, report)? {
                        return Ok(Some(check));
                    }
                }
                let Some(segment) = segments.next().transpose()? else { return Ok(None) };
                found.chunks += segment.chunks.len() as u64;
                found.used_bytes += segment.extents.iter().map(|e| e.length).sum::<u64>();
                found.unreadable_bytes += segment.unreadable.iter().map(|e| e.length).sum::<u64>();
                chunks.extend(segment.chunks);
            },
            || Ok((Decompressor::new()?, Vec::new())),
            |(decoder, plain), check: Check| {
                plain.resize(check.header.plain_length as usize, 0);
                if decodes(decoder, &check.header, &check.content, plain) {
                    Ok(())
                } else {
                    Err(packs.damage(&check.location))
                }
            },
            Ok,
        )?;
        Ok(found)
    }
}
