//! Moving the bytes: write, read back, complete.

use super::TargetPlan;
use super::placement::Placement;
use crate::block::buffer::AlignedBuffer;
use crate::block::{BlockSource as _, BlockTarget};
use crate::codec::{Decompressor, is_zero, sha256};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    ChunkEntry, Freshness, Image, ImageDisk, IndexReader, Location, Packs, StoredChunk, decodes,
};
use crate::partition::layout::TableWrite;
use crate::pipeline;
use crate::report::Report;
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder, KIB, MIB};
use std::collections::VecDeque;

/// Gaps of unused bytes up to this length are written through as zeros rather than jumped over, in
/// bytes: fewer and longer writes.
const WRITE_THROUGH: u64 = 64 * KIB;

/// A part of a chunk that goes to the target.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Bytes of the image's disk.
    from: Extent,
    /// Where the first of them goes, in bytes of the target.
    to: u64,
}

/// A chunk with used bytes that go to the target.
struct Work {
    entry: ChunkEntry,
    place: Extent,
    /// Its used extents.
    used: Vec<Extent>,
    /// Its content, still encoded; none when it is all zero or not needed.
    stored: Option<(Location, StoredChunk)>,
    /// The part of its used extents that goes to the target now.
    runs: Vec<Run>,
}

impl Placement {
    /// The runs of one chunk: its used extents in the pieces, without what is held back.
    fn runs(&self, used: &[Extent]) -> Vec<Run> {
        let mut runs = Vec::new();
        for extent in used {
            for piece in &self.pieces {
                let Some(part) = extent.intersection(piece.from) else { continue };
                runs.extend(
                    self.held
                        .gaps_within(part)
                        .map(|from| Run { from, to: piece.to + (from.offset - piece.from.offset) }),
                );
            }
        }
        runs
    }

    /// Runs joined over short gaps, which are zero in the plaintext; never over held bytes or out
    /// of a piece.
    fn joined(&self, runs: &[Run]) -> Vec<Run> {
        let mut joined: Vec<Run> = Vec::new();
        for run in runs {
            if let Some(last) = joined.last_mut()
                && let Some(gap) = run.from.offset.checked_sub(last.from.end())
                && gap <= WRITE_THROUGH
                && run.to.checked_sub(last.to) == Some(run.from.offset - last.from.offset)
            {
                let both = Extent::between(last.from.offset, run.from.end());
                let one_piece = self.pieces.iter().any(|piece| piece.from.contains(both));
                if one_piece && self.held.within(both).next().is_none() {
                    last.from = both;
                    continue;
                }
            }
            joined.push(*run);
        }
        joined
    }
}

/// Walks the chunks of a disk that have something for the target.
struct Walk<'a> {
    index: &'a IndexReader,
    packs: &'a Packs<'a>,
    placement: &'a Placement,
    pending: VecDeque<(ChunkEntry, Vec<Extent>)>,
    next_piece: usize,
    /// The first chunk that has not been looked at.
    position: u64,
    segments: Option<Box<dyn Iterator<Item = Result<crate::image::Segment>> + Send + 'a>>,
}

impl<'a> Walk<'a> {
    fn new(index: &'a IndexReader, packs: &'a Packs<'a>, placement: &'a Placement) -> Self {
        Self {
            index,
            packs,
            placement,
            pending: VecDeque::new(),
            next_piece: 0,
            position: 0,
            segments: None,
        }
    }

    /// The next chunk, its content read when `needs_content` says so.
    fn next(
        &mut self,
        needs_content: impl Fn(&ChunkEntry, &[Run], &[Extent]) -> bool,
    ) -> Result<Option<Work>> {
        loop {
            while let Some((entry, used)) = self.pending.pop_front() {
                if entry.number < self.position {
                    continue;
                }
                self.position = entry.number + 1;
                let runs = self.placement.runs(&used);
                if runs.is_empty() {
                    continue;
                }
                let place = self.index.header().chunk_extent(entry.number);
                let stored = match &entry.stored {
                    Some((location, digest)) if needs_content(&entry, &runs, &used) => {
                        Some((*location, self.packs.read(location, digest, place.length)?))
                    }
                    _ => None,
                };
                return Ok(Some(Work { entry, place, used, stored, runs }));
            }
            let Some(piece) = self.placement.pieces.get(self.next_piece) else { return Ok(None) };
            let chunk_size = u64::from(self.index.header().chunk_size);
            let segments = match &mut self.segments {
                Some(segments) => segments,
                None => {
                    let from = piece.from.offset.max(self.position.saturating_mul(chunk_size));
                    self.segments.insert(Box::new(self.index.segments_from(from)))
                }
            };
            let segment = segments.next().transpose()?;
            let past_piece = segment.as_ref().is_none_or(|segment| {
                let first = segment.chunks.first().map_or(u64::MAX, |chunk| chunk.number);
                first.saturating_mul(chunk_size) >= piece.from.end()
            });
            if past_piece {
                self.next_piece += 1;
                self.segments = None;
                continue;
            }
            let Some(segment) = segment else { continue };
            let extents: ExtentMap = segment.extents.iter().copied().collect();
            for entry in segment.chunks {
                let place = self.index.header().chunk_extent(entry.number);
                self.pending.push_back((entry, extents.within(place).collect()));
            }
        }
    }
}

fn slice(place: Extent, extent: Extent) -> std::ops::Range<usize> {
    (extent.offset - place.offset) as usize..(extent.end() - place.offset) as usize
}

/// Destroys what makes the target recognizable and writes everything that is not held back.
pub(super) fn write(
    image: &Image,
    plan: &TargetPlan,
    target: &dyn BlockTarget,
    report: &dyn Report,
) -> Result<()> {
    for extent in plan.placement.wiped.iter() {
        write_zeros(target, extent)?;
    }
    target.flush()?;
    if plan.partitions.is_none() {
        // So that nobody mounts a half-written volume by its old partition, during this or after
        // an interruption. Where one is held open, the old ones stay as long.
        let _ = target.announce_table();
    }

    let index = image.index(plan.disk, Freshness::Any)?;
    let packs = image.packs(Freshness::Any);
    let mut walk = Walk::new(&index, &packs, &plan.placement);
    let chunk_size = u64::from(index.header().chunk_size);
    let workers = pipeline::default_workers();
    let (give_back, pool) = crossbeam_channel::unbounded::<AlignedBuffer>();
    pipeline::ordered(
        workers,
        pipeline::in_flight(workers, 2 * chunk_size),
        || {
            report.check()?;
            walk.next(|_, _, _| true)
        },
        Decompressor::new,
        |decoder, work: Work| {
            let mut buffer =
                pool.try_recv().unwrap_or_else(|_| AlignedBuffer::zeroed(chunk_size as usize));
            let plain = &mut buffer[..work.place.length as usize];
            match &work.stored {
                None => plain.fill(0),
                Some((location, stored)) => {
                    if !decodes(decoder, &stored.header, &stored.content, plain) {
                        return Err(packs.damage(location));
                    }
                }
            }
            Ok((work, buffer))
        },
        |(work, buffer)| {
            for run in plan.placement.joined(&work.runs) {
                target.write_at(run.to, &buffer[slice(work.place, run.from)])?;
            }
            let _ = give_back.send(buffer);
            report.advance(work.runs.iter().map(|run| run.from.length).sum());
            Ok(())
        },
    )?;
    target.flush()
}

fn differs(target: &dyn BlockTarget, offset: u64) -> Error {
    Error::new(ErrorKind::Io, message!("restore-differs"))
        .on_device(target.name())
        .at_offset(offset)
        .advise(message!("restore-differs-advice"))
}

/// Reads back what was written and compares it: by the hash where the target has all of a chunk's
/// used bytes, else with the image.
pub(super) fn verify(
    image: &Image,
    plan: &TargetPlan,
    target: &dyn BlockTarget,
    report: &dyn Report,
) -> Result<()> {
    target.forget_cache()?;
    let index = image.index(plan.disk, Freshness::Any)?;
    let packs = image.packs(Freshness::Any);
    let mut walk = Walk::new(&index, &packs, &plan.placement);
    let chunk_size = u64::from(index.header().chunk_size);
    let has_all = |runs: &[Run], used: &[Extent]| {
        let length = |extents: &mut dyn Iterator<Item = Extent>| -> u64 {
            extents.map(|extent| extent.length).sum()
        };
        length(&mut runs.iter().map(|run| run.from)) == length(&mut used.iter().copied())
    };
    let workers = pipeline::default_workers();
    let (give_back, pool) = crossbeam_channel::unbounded::<AlignedBuffer>();
    pipeline::ordered(
        workers,
        pipeline::in_flight(workers, 2 * chunk_size),
        || {
            report.check()?;
            let Some(work) = walk.next(|_, runs, used| !has_all(runs, used))? else {
                return Ok(None);
            };
            let mut buffer =
                pool.try_recv().unwrap_or_else(|_| AlignedBuffer::zeroed(chunk_size as usize));
            for run in plan.placement.joined(&work.runs) {
                target.read_at(run.to, &mut buffer[slice(work.place, run.from)])?;
            }
            Ok(Some((work, buffer)))
        },
        || Ok((Decompressor::new()?, Vec::new())),
        |(decoder, expected), (work, mut buffer): (Work, AlignedBuffer)| {
            let plain = &mut buffer[..work.place.length as usize];
            let kept: ExtentMap = work.runs.iter().map(|run| run.from).collect();
            for gap in kept.gaps_within(work.place) {
                plain[slice(work.place, gap)].fill(0);
            }
            let equal = match (&work.entry.stored, &work.stored) {
                (None, _) => is_zero(plain),
                (Some((_, digest)), None) => sha256(plain) == *digest,
                (Some(_), Some((location, stored))) => {
                    expected.resize(plain.len(), 0);
                    if !decodes(decoder, &stored.header, &stored.content, expected) {
                        return Err(packs.damage(location));
                    }
                    kept.iter().all(|extent| {
                        let range = slice(work.place, extent);
                        plain[range.clone()] == expected[range]
                    })
                }
            };
            let _ = give_back.send(buffer);
            let first = work.runs.first().map_or(0, |run| run.to);
            if !equal {
                return Err(differs(target, first));
            }
            debug_assert!(!work.used.is_empty());
            Ok(work.runs.iter().map(|run| run.from.length).sum::<u64>())
        },
        |bytes| {
            report.advance(bytes);
            Ok(())
        },
    )
}

/// Bytes at the start of a volume or disk that are written after everything but the table.
const HEAD: u64 = 64 * KIB;

/// A stretch of what was held back.
#[derive(Clone, Copy)]
struct Held {
    /// Bytes of the target.
    to: Extent,
    /// Where the first of them is on the image's disk.
    from: u64,
}

/// Everything held back, without what the table replaces, by its place on the target.
fn held(index: &IndexReader, placement: &Placement) -> Result<Vec<Held>> {
    // Joined where there are too many, as only a hostile image has them: what is not in use
    // between them is then written too, as zeros.
    let mut used = ExtentMapBuilder::with_budget(1 << 18);
    for held in placement.held.iter() {
        for segment in index.segments_from(held.offset) {
            let segment = segment?;
            if segment.extents.first().is_none_or(|first| first.offset >= held.end()) {
                break;
            }
            let extents: ExtentMap = segment.extents.into_iter().collect();
            used.extend(extents.within(held));
        }
    }
    let table: ExtentMap = placement.table.iter().map(TableWrite::extent).collect();
    let mut found = Vec::new();
    let used = used.build();
    for extent in placement.held.iter().flat_map(|held| used.within(held).collect::<Vec<_>>()) {
        for piece in &placement.pieces {
            let Some(part) = extent.intersection(piece.from) else { continue };
            let to = Extent::new(piece.to + (part.offset - piece.from.offset), part.length);
            // Cut where the head of a piece ends, so that the two are written apart.
            let head = Extent::new(piece.to, HEAD);
            let after = Extent::between(head.end(), u64::MAX);
            for half in [head, after].into_iter().filter_map(|half| half.intersection(to)) {
                found.extend(table.gaps_within(half).map(|to_range| Held {
                    to: to_range,
                    from: part.offset + (to_range.offset - to.offset),
                }));
            }
        }
    }
    found.sort_by_key(|held| held.to);
    Ok(found)
}

/// Calls `each` with the bytes of a held stretch, a mebibyte at a time.
fn copy(
    source: &ImageDisk<'_>,
    held: &Held,
    buffer: &mut AlignedBuffer,
    mut each: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut done = 0;
    while done < held.to.length {
        let length = (held.to.length - done).min(MIB) as usize;
        source.read_at(held.from + done, &mut buffer[..length])?;
        each(held.to.offset + done, &buffer[..length])?;
        done += length as u64;
    }
    Ok(())
}

/// Writes what was held back, the table last, and reads it back.
pub(super) fn complete(
    image: &Image,
    plan: &TargetPlan,
    target: &dyn BlockTarget,
    verify: bool,
) -> Result<()> {
    let index = image.index(plan.disk, Freshness::Any)?;
    let source = ImageDisk::new(image, plan.disk, &index, Freshness::Any)?;
    let placement = &plan.placement;
    let held = held(&index, placement)?;
    let mut buffer = AlignedBuffer::zeroed(MIB as usize);
    let is_head = |held: &&Held| {
        placement.pieces.iter().any(|piece| Extent::new(piece.to, HEAD).contains(held.to))
    };
    let mut compare = |offset: u64, expected: &[u8]| {
        let found = target.read_vec(offset, expected.len())?;
        if found == expected { Ok(()) } else { Err(differs(target, offset)) }
    };
    let outcome = (|| -> Result<()> {
        // From the end to the start: what everything else is recognized by comes last.
        for held in held.iter().rev().filter(|held| !is_head(held)) {
            copy(&source, held, &mut buffer, |offset, bytes| target.write_at(offset, bytes))?;
        }
        target.flush()?;
        for held in held.iter().rev().filter(is_head) {
            copy(&source, held, &mut buffer, |offset, bytes| target.write_at(offset, bytes))?;
        }
        target.flush()?;
        if verify {
            target.forget_cache()?;
            for held in &held {
                copy(&source, held, &mut buffer, &mut compare)?;
            }
        }
        for write in &placement.table {
            target.write_at(write.offset, &write.bytes)?;
            target.flush()?;
        }
        if verify {
            target.forget_cache()?;
            for write in &placement.table {
                compare(write.offset, &write.bytes)?;
            }
        }
        Ok(())
    })();
    if outcome.is_err() {
        // What is not proven must not look whole. The first error is the one that is told.
        let table = placement.table.iter().rev().map(TableWrite::extent);
        for extent in table.chain(held.iter().map(|held| held.to)) {
            let _ = write_zeros(target, extent);
        }
        let _ = target.flush();
    }
    outcome
}

/// Zeroes a range of the target.
fn write_zeros(target: &dyn BlockTarget, extent: Extent) -> Result<()> {
    let zeros = AlignedBuffer::zeroed(extent.length.min(MIB) as usize);
    let mut done = 0;
    while done < extent.length {
        let length = (extent.length - done).min(MIB) as usize;
        target.write_at(extent.offset + done, &zeros[..length])?;
        done += length as u64;
    }
    Ok(())
}
