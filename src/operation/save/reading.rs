//! Reading the chunks of a disk that may be failing: what is good first.
//!
//! Where a read fails, a sweep jumps ahead in growing steps until something can be read again, and
//! goes on from there; what it jumped over is put off. Once everything else is stored, it comes
//! back: from behind to the edge of each bad area, and at last into it, in smaller and smaller
//! pieces, as long as patience lasts. What is left then is given up and told.

use crate::block::BlockSource;
use crate::block::buffer::AlignedBuffer;
use crate::block::rescue::{self, Clock, Lost, Patience};
use crate::error::Result;
use crate::operation::chunks;
use crate::report::Report;
use crate::units::{Extent, ExtentMap, GIB, KIB};
use std::time::Duration;

/// Gaps up to this length are read through rather than jumped over, in bytes.
const READ_THROUGH: u64 = 128 * KIB;
/// Bytes that are read to see whether a chunk lies in a bad area.
const PROBE: u64 = 64 * KIB;
/// The longest jump, in bytes: what is good behind a bad area and was jumped over is found again
/// when the sweep comes back.
const LONGEST_JUMP: u64 = GIB;
/// After each such time that failed reads of a sweep took, its first jump becomes twice as long:
/// so it comes to its end in hours, however many bad areas there are.
const JUMP_DOUBLES_AFTER: Duration = Duration::from_secs(30 * 60);

/// What is read.
pub(super) struct Source<'a> {
    pub disk: &'a dyn BlockSource,
    /// What of it is in use.
    pub map: &'a ExtentMap,
    /// Bytes of a chunk.
    pub chunk_size: u64,
    /// Who may ask to stop.
    pub report: &'a dyn Report,
}

/// A chunk as it was read: the bytes that are not in use are zero, and so are those that could not
/// be read.
pub(super) struct RawChunk {
    pub number: u64,
    pub buffer: AlignedBuffer,
    pub length: usize,
    /// The used bytes among those that could not be read, in bytes of the disk.
    pub unreadable: Vec<Extent>,
    /// How many of them were given up without trying each sector.
    pub untried: u64,
}

/// What a sweep comes upon.
pub(super) enum Met {
    /// A chunk, wholly readable.
    Chunk(RawChunk),
    /// The number of one that is put off.
    PutOff(u64),
}

impl Source<'_> {
    fn place(&self, number: u64) -> Extent {
        let start = number * self.chunk_size;
        Extent::between(start, (start + self.chunk_size).min(self.disk.size()))
    }

    /// The stretches that are read for a chunk.
    fn runs(&self, place: Extent) -> Vec<Extent> {
        let mut runs: Vec<Extent> = Vec::new();
        for extent in self.map.within(place) {
            match runs.last_mut() {
                Some(last) if extent.offset - last.end() <= READ_THROUGH => {
                    *last = Extent::between(last.offset, extent.end());
                }
                _ => runs.push(extent),
            }
        }
        runs
    }

    /// Bad sectors are part of the image; the silence of a disk that was pulled out must never
    /// become one, nor that of somebody who wants to stop.
    fn check_failure(&self) -> Result<()> {
        self.report.check()?;
        self.disk.check_present()
    }

    fn finished(
        &self,
        number: u64,
        mut buffer: AlignedBuffer,
        unreadable: &[Extent],
        untried: u64,
    ) -> RawChunk {
        let place = self.place(number);
        for gap in self.map.gaps_within(place) {
            buffer[slice(place, gap)].fill(0);
        }
        // What could not be read and is not in use is no loss.
        let unreadable = unreadable.iter().flat_map(|extent| self.map.within(*extent)).collect();
        RawChunk { number, buffer, length: place.length as usize, unreadable, untried }
    }

    /// Reads a chunk; the buffer comes back when any of it fails.
    fn read_whole(
        &self,
        number: u64,
        mut buffer: AlignedBuffer,
        patience: &mut Patience<'_>,
    ) -> Result<Result<RawChunk, AlignedBuffer>> {
        let place = self.place(number);
        for run in self.runs(place) {
            if patience.read(self.disk, run.offset, &mut buffer[slice(place, run)]).is_err() {
                self.check_failure()?;
                return Ok(Err(buffer));
            }
        }
        Ok(Ok(self.finished(number, buffer, &[], 0)))
    }

    /// Whether the first bytes of a chunk can be read.
    fn probe(&self, number: u64, patience: &mut Patience<'_>) -> Result<bool> {
        let Some(first) = self.map.within(self.place(number)).next() else { return Ok(true) };
        let mut buffer = AlignedBuffer::zeroed(first.length.min(PROBE) as usize);
        if patience.read(self.disk, first.offset, &mut buffer).is_ok() {
            return Ok(true);
        }
        self.check_failure()?;
        Ok(false)
    }

    /// Reads what can be read of a chunk, as long as patience lasts.
    fn read_pieces(
        &self,
        number: u64,
        mut buffer: AlignedBuffer,
        patience: &mut Patience<'_>,
    ) -> Result<RawChunk> {
        let place = self.place(number);
        let mut lost = Lost::default();
        let stop = || self.report.is_interrupted();
        for run in self.runs(place) {
            let buffer = &mut buffer[slice(place, run)];
            rescue::read(self.disk, run.offset, buffer, patience, &stop, &mut lost);
        }
        if !lost.extents.is_empty() {
            self.check_failure()?;
        }
        Ok(self.finished(number, buffer, &lost.extents, lost.untried))
    }
}

fn slice(place: Extent, extent: Extent) -> std::ops::Range<usize> {
    (extent.offset - place.offset) as usize..(extent.end() - place.offset) as usize
}

/// The way through the chunks of a disk, from the first to the last.
pub(super) struct Sweep<'a, N> {
    source: &'a Source<'a>,
    numbers: N,
    patience: Patience<'a>,
    /// Chunks that are jumped over and not answered yet.
    jumped: usize,
    areas: Vec<Area>,
}

/// Chunks that were put off together, ascending: the first one failed, of the others it is not
/// known unless they were probed.
type Area = Vec<u64>;

/// A sweep through everything in use.
pub(super) fn sweep<'a>(
    source: &'a Source<'a>,
    now: Clock<'a>,
) -> Sweep<'a, impl Iterator<Item = u64> + Clone + Send + 'a> {
    Sweep {
        source,
        numbers: chunks::numbers(source.map, source.chunk_size),
        patience: Patience::new(Duration::MAX, now),
        jumped: 0,
        areas: Vec::new(),
    }
}

impl<N: Iterator<Item = u64> + Clone> Sweep<'_, N> {
    /// The next chunk; none at the end of the disk. `buffer` gives room for one.
    pub(super) fn next(&mut self, buffer: impl FnOnce() -> AlignedBuffer) -> Result<Option<Met>> {
        let Some(number) = self.numbers.next() else { return Ok(None) };
        if self.jumped > 0 {
            self.jumped -= 1;
            self.areas.last_mut().expect("it begins with what failed").push(number);
            return Ok(Some(Met::PutOff(number)));
        }
        match self.source.read_whole(number, buffer(), &mut self.patience)? {
            Ok(chunk) => Ok(Some(Met::Chunk(chunk))),
            Err(_) => {
                self.areas.push(vec![number]);
                self.jumped = self.find_end()?;
                Ok(Some(Met::PutOff(number)))
            }
        }
    }

    /// The number of chunks to jump over until something can be read again.
    fn find_end(&mut self) -> Result<usize> {
        let doublings = self.patience.spent().as_secs() / JUMP_DOUBLES_AFTER.as_secs();
        // Odd, so that jumps do not keep step with bad areas that come at even distances, as those
        // of a dead head do.
        let mut step = (1usize << doublings.min(40)) | 1;
        let longest = step.max((LONGEST_JUMP / self.source.chunk_size) as usize);
        let mut ahead = self.numbers.clone();
        let mut jumped = 0;
        loop {
            jumped += ahead.by_ref().take(step - 1).count();
            match ahead.next() {
                None => return Ok(jumped),
                Some(number) if self.source.probe(number, &mut self.patience)? => {
                    return Ok(jumped);
                }
                Some(_) => jumped += 1,
            }
            step = (step * 2).min(longest) | 1;
        }
    }

    /// Whether what comes next was jumped over.
    pub(super) fn is_jumping(&self) -> bool {
        self.jumped > 0
    }

    /// What was put off since this was asked last, when it does not jump.
    pub(super) fn take_areas(&mut self) -> Vec<Area> {
        std::mem::take(&mut self.areas)
    }
}

/// The way back through what a sweep put off.
pub(super) struct Return<'a> {
    source: &'a Source<'a>,
    /// Each with those of its chunks that are still to be read.
    areas: Vec<std::collections::VecDeque<u64>>,
    /// The area whose end is looked for from behind; all of them were, once it is past the last.
    trimmed: usize,
    /// Without limit: one read fails for each area.
    at_edges: Patience<'a>,
    /// The area that the next chunk is taken from, and whether from its end.
    turn: (usize, bool),
}

impl<'a> Return<'a> {
    pub(super) fn new(source: &'a Source<'a>, areas: Vec<Area>, now: Clock<'a>) -> Self {
        let areas = areas.into_iter().map(Into::into).collect();
        let at_edges = Patience::new(Duration::MAX, now);
        Self { source, areas, trimmed: 0, at_edges, turn: (0, false) }
    }

    /// The next chunk, with what could not be read of it; none when all were answered. Each area
    /// is first read from behind until that fails, whatever it costs: behind it lies what is good.
    /// Then the chunks at the edges of all areas come before those further in.
    pub(super) fn next(
        &mut self,
        buffer: impl FnOnce() -> AlignedBuffer,
        patience: &mut Patience<'_>,
    ) -> Result<Option<RawChunk>> {
        let mut buffer = buffer();
        while let Some(area) = self.areas.get_mut(self.trimmed) {
            // The first chunk is known to fail.
            if area.len() > 1 {
                let number = *area.back().expect("it is not empty");
                match self.source.read_whole(number, buffer, &mut self.at_edges)? {
                    Ok(chunk) => {
                        area.pop_back();
                        return Ok(Some(chunk));
                    }
                    Err(back) => buffer = back,
                }
            }
            self.trimmed += 1;
        }
        self.areas.retain(|area| !area.is_empty());
        if self.areas.is_empty() {
            return Ok(None);
        }
        let (mut area, mut from_end) = self.turn;
        if area >= self.areas.len() {
            (area, from_end) = (0, !from_end);
        }
        self.turn = (area + 1, from_end);
        let chunks = &mut self.areas[area];
        let number = if from_end { chunks.pop_back() } else { chunks.pop_front() };
        let number = number.expect("empty areas were removed");
        self.source.read_pieces(number, buffer, patience).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::fault::FaultySource;
    use crate::block::memory::MemoryDisk;
    use crate::report::Silent;
    use crate::units::MIB;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    const CHUNK: u64 = 64 * KIB;

    /// What came of a disk: the bytes of each chunk, and what could not be read of it.
    struct Outcome {
        chunks: BTreeMap<u64, Vec<u8>>,
        unreadable: ExtentMap,
        untried: u64,
        /// Chunks in the order in which they were read.
        order: Vec<u64>,
    }

    fn buffer() -> AlignedBuffer {
        // Not zero, so that nothing is zero by chance.
        let mut buffer = AlignedBuffer::zeroed(CHUNK as usize);
        buffer.fill(0xEE);
        buffer
    }

    fn read_all(disk: &dyn BlockSource, map: &ExtentMap, patience: Duration) -> Outcome {
        // No look at it is at the same moment as another.
        let time = AtomicU64::new(0);
        let now = || Duration::from_secs(time.fetch_add(1, Ordering::SeqCst));
        let source = Source { disk, map, chunk_size: CHUNK, report: &Silent };
        let mut found = Outcome {
            chunks: BTreeMap::new(),
            unreadable: ExtentMap::new(),
            untried: 0,
            order: Vec::new(),
        };
        let mut put_off = Vec::new();
        let mut keep = |chunk: RawChunk| {
            let bytes = chunk.buffer[..chunk.length].to_vec();
            assert!(found.chunks.insert(chunk.number, bytes).is_none(), "{}", chunk.number);
            found.unreadable = found.unreadable.union(&chunk.unreadable.into_iter().collect());
            found.untried += chunk.untried;
            found.order.push(chunk.number);
        };
        let mut sweep = sweep(&source, &now);
        let mut last = None;
        while let Some(met) = sweep.next(buffer).unwrap() {
            let number = match met {
                Met::Chunk(chunk) => {
                    assert!(chunk.unreadable.is_empty());
                    let number = chunk.number;
                    keep(chunk);
                    number
                }
                Met::PutOff(number) => {
                    put_off.push(number);
                    number
                }
            };
            assert!(last < Some(number), "in the order of the disk");
            last = Some(number);
        }
        let areas = sweep.take_areas();
        assert_eq!(areas.iter().flatten().copied().collect::<Vec<_>>(), put_off);
        let mut back = Return::new(&source, areas, &now);
        let mut patience = Patience::new(patience, &now);
        while let Some(chunk) = back.next(buffer, &mut patience).unwrap() {
            keep(chunk);
        }
        let expected: Vec<u64> = chunks::numbers(map, CHUNK).collect();
        assert_eq!(found.chunks.keys().copied().collect::<Vec<_>>(), expected);
        found
    }

    fn bytes(length: u64) -> Vec<u8> {
        (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect()
    }

    /// Every byte is what the disk holds, or zero because it could not be read or is not in use.
    fn assert_exact(found: &Outcome, disk: &[u8], map: &ExtentMap) {
        for (number, chunk) in &found.chunks {
            for (i, byte) in chunk.iter().enumerate() {
                let position = number * CHUNK + i as u64;
                let one = Extent::new(position, 1);
                let is_zero = !map.contains(one) || found.unreadable.contains(one);
                let expected = if is_zero { 0 } else { disk[position as usize] };
                assert_eq!(*byte, expected, "byte {position}");
            }
        }
    }

    #[test]
    fn with_patience_only_bad_sectors_are_lost() {
        let content = bytes(8 * MIB);
        let disk = MemoryDisk::new(content.clone());
        let bad: ExtentMap = [
            (0, 512),
            (MIB + 512, 1024),
            (2 * MIB, MIB),
            (3 * MIB + 512 * 9, 512),
            (6 * MIB + 100 * KIB, 777 * KIB),
            (8 * MIB - 512, 512),
        ]
        .map(|(offset, length)| Extent::new(offset, length))
        .into_iter()
        .collect();
        let faulty = FaultySource::new(&disk, bad.as_slice().to_vec());
        // All of it in use; and with gaps, in bad areas too.
        let gaps: ExtentMap = [(0, MIB + 512), (MIB + 1024, 1536 * KIB), (3 * MIB, 4 * MIB + 512)]
            .map(|(offset, length)| Extent::new(offset, length))
            .into_iter()
            .collect();
        for map in [ExtentMap::whole(Extent::new(0, 8 * MIB)), gaps] {
            let found = read_all(&faulty, &map, Duration::MAX);
            let expected: ExtentMap = map.iter().flat_map(|used| bad.within(used)).collect();
            assert_eq!(found.unreadable, expected);
            assert_eq!(found.untried, 0);
            assert_exact(&found, &content, &map);
        }
    }

    #[test]
    fn a_dead_zone_is_jumped_over_and_what_is_behind_it_comes_first() {
        let content = bytes(64 * MIB);
        let disk = MemoryDisk::new(content.clone());
        let dead = Extent::between(10 * MIB + 5 * KIB, 40 * MIB + 512 * 7);
        let faulty = FaultySource::new(&disk, vec![dead]);
        let map = ExtentMap::whole(Extent::new(0, 64 * MIB));
        let found = read_all(&faulty, &map, Duration::ZERO);
        // One chunk and the probes after it, each twice as far as the one before; then one from
        // behind. It has nearly five hundred chunks and sixty thousand sectors.
        assert!(faulty.failures() < 16, "{}", faulty.failures());
        assert_exact(&found, &content, &map);
        // Whole chunks are given up, and told; none that is good as a whole is among them.
        assert_eq!(found.unreadable, ExtentMap::whole(dead.aligned_outward(CHUNK)));
        assert_eq!(found.untried, found.unreadable.total_bytes());
        let position = |number| found.order.iter().position(|read| *read == number).unwrap();
        let (first, last) = (dead.offset / CHUNK, dead.end() / CHUNK);
        assert!(position(64 * MIB / CHUNK - 1) < position(last + 1).max(position(first)));
        assert!(position(last + 1) < position(first), "what is good comes before what is not");

        // A little patience goes to both edges first.
        let found = read_all(&faulty, &map, Duration::from_secs(300));
        assert_exact(&found, &content, &map);
        let edges: ExtentMap =
            [Extent::new(first * CHUNK, CHUNK), Extent::new(last * CHUNK, CHUNK)]
                .into_iter()
                .collect();
        let lost_at_edges = edges.iter().flat_map(|edge| found.unreadable.within(edge));
        let in_edges: u64 =
            edges.iter().filter_map(|e| e.intersection(dead)).map(|e| e.length).sum();
        assert_eq!(lost_at_edges.map(|extent| extent.length).sum::<u64>(), in_edges);
        assert!(found.untried > 20 * MIB && found.untried < dead.length, "{}", found.untried);
        assert_eq!(found.unreadable, ExtentMap::whole(dead));
    }

    /// Every other mebibyte cannot be read, and each failure takes long.
    struct Striped {
        failures: AtomicU64,
        time: AtomicU64,
    }

    const STRIPED: u64 = 4 << 40;
    const FAILURE: u64 = 10;

    impl BlockSource for Striped {
        fn size(&self) -> u64 {
            STRIPED
        }

        fn name(&self) -> String {
            "striped".into()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
            if (offset / MIB) % 2 == 1 || (offset + buffer.len() as u64 - 1) / MIB % 2 == 1 {
                self.failures.fetch_add(1, Ordering::SeqCst);
                self.time.fetch_add(FAILURE, Ordering::SeqCst);
                crate::block::check_range(0, offset, 1)?;
            }
            Ok(())
        }
    }

    #[test]
    fn a_sweep_over_endless_bad_areas_comes_to_its_end() {
        let disk = Striped { failures: AtomicU64::new(0), time: AtomicU64::new(0) };
        let now = || Duration::from_secs(disk.time.load(Ordering::SeqCst));
        let map = ExtentMap::whole(Extent::new(0, STRIPED));
        let source = Source { disk: &disk, map: &map, chunk_size: MIB, report: &Silent };
        let mut sweep = sweep(&source, &now);
        let (mut read, mut put_off) = (0, 0);
        while let Some(met) = sweep.next(|| AlignedBuffer::zeroed(MIB as usize)).unwrap() {
            match met {
                Met::Chunk(_) => read += 1,
                Met::PutOff(_) => put_off += 1,
            }
        }
        assert_eq!(read + put_off, STRIPED / MIB);
        // Sector by sector it would take more than a thousand years.
        let hours = disk.time.load(Ordering::SeqCst) / 3600;
        assert!(hours < 12, "{hours} hours, {} failures", disk.failures.load(Ordering::SeqCst));
        assert!(read > 1000, "{read}");
    }
}
