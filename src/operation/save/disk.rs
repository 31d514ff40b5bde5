//! One disk: chunks read, compressed on all cores, stored in order, and indexed in the order of the
//! disk.

use super::DiskPlan;
use super::reading::{Met, RawChunk, Return, Source, sweep};
use crate::block::buffer::AlignedBuffer;
use crate::block::rescue::{Patience, clock};
use crate::codec::{Compressor, Level, is_zero, sha256};
use crate::error::Result;
use crate::image::{ChunkContent, ChunkEntry, ChunkOutput, ImageWriter, IndexRecord, KnownContent};
use crate::operation::log::Log;
use crate::pipeline;
use crate::report::Report as _;
use crate::text::message;
use crate::units::{Extent, ExtentMap};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What became of a disk.
pub(super) struct SavedDisk {
    pub index: IndexRecord,
    /// Bytes that were given up without trying each sector.
    pub untried: u64,
}

/// Chunks that may wait for others before them to be read at last: about 64 MiB of memory. A
/// sweep that has come so far past a bad area comes back first.
const WAITING: usize = 1 << 19;

/// Bad places that are told one by one.
const TOLD: u64 = 20;

/// An entry of the index, and what could not be read of its chunk.
type Entry = (ChunkEntry, Vec<Extent>);

/// The entries of chunks by their numbers, in the order of the disk; they wait until all before
/// them are there.
#[derive(Default)]
struct Entries(VecDeque<(u64, Option<Entry>)>);

impl Entries {
    fn expect(&mut self, number: u64) {
        self.0.push_back((number, None));
    }

    fn put(&mut self, entry: ChunkEntry, unreadable: Vec<Extent>) {
        let number = entry.number;
        match self.0.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(position) => self.0[position].1 = Some((entry, unreadable)),
            Err(_) => self.0.push_back((number, Some((entry, unreadable)))),
        }
    }

    /// Hands on what nothing before it is missing of.
    fn flush(&mut self, writer: &mut ImageWriter, map: &ExtentMap) -> Result<()> {
        while let Some((_, Some(_))) = self.0.front() {
            let Some((_, Some((entry, unreadable)))) = self.0.pop_front() else { break };
            writer.index(entry, map, &unreadable)?;
        }
        Ok(())
    }
}

/// A chunk on its way through the workers.
enum Done {
    Chunk(ChunkOutput),
    PutOff(u64),
}

pub(super) fn save(
    number: u32,
    plan: &DiskPlan,
    level: Level,
    patience: Duration,
    writer: &mut ImageWriter,
    log: &Log<'_>,
) -> Result<SavedDisk> {
    let chunk_size = u64::from(writer.header().chunk_size);
    let known = writer.known();
    writer.begin_disk(number, plan.survey.size)?;

    // A chunk exists as plaintext and in compressed form.
    let workers = pipeline::workers_within_memory(level.compressor_bytes(), 2 * chunk_size);
    let in_flight = pipeline::in_flight(workers, 2 * chunk_size);
    // Buffers go round: fresh memory for each chunk would be cleared by the kernel each time.
    let (give_back, pool) = crossbeam_channel::unbounded::<AlignedBuffer>();
    let (give_back_output, output_pool) = crossbeam_channel::unbounded::<Vec<u8>>();
    let buffer = || pool.try_recv().unwrap_or_else(|_| AlignedBuffer::zeroed(chunk_size as usize));
    let name = &plan.source.identity.name;
    let (told, untried) = (AtomicU64::new(0), AtomicU64::new(0));
    let tell = |chunk: &RawChunk| {
        untried.fetch_add(chunk.untried, Ordering::Relaxed);
        for extent in &chunk.unreadable {
            if told.fetch_add(1, Ordering::Relaxed) < TOLD {
                log.note(&message!(
                    "save-unreadable-at",
                    disk = name,
                    offset = extent.offset.to_string(),
                    length = extent.length.to_string()
                ));
            }
        }
    };
    let (mut entries, waiting) = (Entries::default(), AtomicUsize::new(0));
    let mut store = |produce: &mut (dyn FnMut() -> Result<Option<Met>> + Send)| {
        pipeline::ordered(
            workers,
            in_flight,
            || {
                log.check()?;
                produce()
            },
            || Compressor::new(level),
            |compressor, met: Met| {
                let chunk = match met {
                    Met::PutOff(number) => return Ok(Done::PutOff(number)),
                    Met::Chunk(chunk) => chunk,
                };
                let room = || output_pool.try_recv().unwrap_or_default();
                let output = encode(compressor, &known, &chunk, room);
                // The receiver lives as long as the pipeline; when it has gone, so has the need.
                let _ = give_back.send(chunk.buffer);
                output.map(Done::Chunk)
            },
            |done| {
                match done {
                    Done::PutOff(number) => entries.expect(number),
                    Done::Chunk(chunk) => {
                        let place = Extent::new(chunk.number * chunk_size, chunk_size);
                        let used = plan.map.within(place).map(|extent| extent.length).sum();
                        let entry = writer.store(&chunk)?;
                        entries.put(entry, chunk.unreadable);
                        entries.flush(writer, &plan.map)?;
                        if let ChunkContent::New { stored, .. } = chunk.content {
                            let _ = give_back_output.send(stored);
                        }
                        log.advance(used);
                    }
                }
                waiting.store(entries.0.len(), Ordering::Relaxed);
                Ok(())
            },
        )
    };

    let disk = plan.source.disk.as_ref();
    let source = Source { disk, map: &plan.map, chunk_size, report: log };
    let now = clock();
    let mut patience = Patience::new(patience, &now);
    let mut sweep = sweep(&source, &now);
    let mut is_at_end = false;
    while !is_at_end {
        store(&mut || {
            if waiting.load(Ordering::Relaxed) >= WAITING && !sweep.is_jumping() {
                return Ok(None);
            }
            let met = sweep.next(buffer)?;
            is_at_end = met.is_none();
            Ok(met)
        })?;
        let areas = sweep.take_areas();
        if !areas.is_empty() {
            log.note(&message!("save-comes-back", disk = name, count = areas.len()));
            let mut back = Return::new(&source, areas, &now);
            store(&mut || {
                let chunk = back.next(buffer, &mut patience)?;
                Ok(chunk.inspect(&tell).map(Met::Chunk))
            })?;
        }
    }
    let index = writer.end_disk()?;
    Ok(SavedDisk { index, untried: untried.into_inner() })
}

fn encode(
    compressor: &mut Compressor,
    known: &KnownContent,
    chunk: &RawChunk,
    output_buffer: impl FnOnce() -> Vec<u8>,
) -> Result<ChunkOutput> {
    let plain = &chunk.buffer[..chunk.length];
    let content = if is_zero(plain) {
        ChunkContent::Zero
    } else {
        let digest = sha256(plain);
        match known.find(&digest) {
            Some(location) => ChunkContent::Known(digest, location),
            None => {
                let mut stored = output_buffer();
                let encoding = compressor.compress(plain, &mut stored)?;
                ChunkContent::New { digest, encoding, plain_length: plain.len() as u32, stored }
            }
        }
    };
    Ok(ChunkOutput { number: chunk.number, content, unreadable: chunk.unreadable.clone() })
}
