//! Save: disks in, an image out.

use super::library;
use super::log::{Log, now};
use super::names;
use super::survey::{Choice, DiskSurvey, VolumeUse, survey};
use super::{chunks, estimate};
use crate::block::BlockSource;
use crate::block::buffer::AlignedBuffer;
use crate::block::rescue;
use crate::codec::{Compressor, Level, is_zero, sha256};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    ChunkContent, ChunkOutput, Disk, DiskIdentity, Header, ImageId, ImageWriter, KnownContent,
    Machine, Manifest, Saved, SavedVolume, WriterOptions, about,
};
use crate::partition::Scheme;
use crate::pipeline;
use crate::report::{Report, Stage};
use crate::store::Store;
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMap, human_bytes};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A disk to be saved.
pub struct SaveSource {
    /// The open disk.
    pub disk: Arc<dyn BlockSource>,
    /// What tells it from others.
    pub identity: DiskIdentity,
    /// Physical sector size in bytes, where known.
    pub physical_sector_size: Option<u32>,
    /// What of it is wanted.
    pub choice: Choice,
}

/// How to save.
#[derive(Clone, Debug)]
pub struct SaveOptions {
    /// The name; none for one made of what is found.
    pub name: Option<String>,
    /// What the person wants to remember.
    pub note: Option<String>,
    /// Compression.
    pub level: Level,
    /// Length of packs in bytes; none for the default.
    pub split_size: Option<u64>,
    /// Whether an image of the same name may be replaced, after the new one is complete.
    pub replace: bool,
    /// Whether the image is read back from the medium before it counts.
    pub verify: bool,
    /// The command that does the same, for people.
    pub command: String,
    /// The machine.
    pub machine: Machine,
    /// Bytes of a chunk.
    pub chunk_size: u32,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self {
            name: None,
            note: None,
            level: Level::Auto,
            split_size: None,
            replace: false,
            verify: true,
            command: String::new(),
            machine: Machine::default(),
            chunk_size: crate::image::DEFAULT_CHUNK_SIZE,
        }
    }
}

/// One disk of a plan.
pub struct DiskPlan {
    source: SaveSource,
    /// What was found on it.
    pub survey: DiskSurvey,
    /// How each volume is saved, in the order of the survey's.
    pub uses: Vec<VolumeUse>,
    /// Every byte that will be read.
    pub map: ExtentMap,
}

impl DiskPlan {
    /// What tells the disk from others.
    pub fn identity(&self) -> &DiskIdentity {
        &self.source.identity
    }
}

/// The image whose name a new one takes over.
struct Replaced {
    id: ImageId,
    /// Its directory, after those of images that it took over the name of itself and that are
    /// still there: without it they would seem to be the image again.
    directories: Vec<String>,
}

/// What a save will do.
pub struct SavePlan {
    store: Arc<dyn Store>,
    options: SaveOptions,
    split_size: u64,
    replaces: Option<Replaced>,
    /// The name of the image.
    pub name: String,
    /// The disks.
    pub disks: Vec<DiskPlan>,
    /// Bytes to read.
    pub used_bytes: u64,
    /// About how many bytes the image will have.
    pub estimated_bytes: u64,
    /// Bytes free at the destination, where it tells.
    pub free_space: Option<u64>,
    /// What the person should know before.
    pub warnings: Vec<Message>,
}

/// What a save did.
#[derive(Clone, Debug, Serialize)]
pub struct SaveOutcome {
    /// The name of the image.
    pub name: String,
    /// Where it is.
    pub location: String,
    /// Its identity.
    pub image_id: ImageId,
    /// Bytes read.
    pub used_bytes: u64,
    /// Bytes of packs and indexes.
    pub stored_bytes: u64,
    /// Bytes that could not be read.
    pub unreadable_bytes: u64,
    /// Seconds from the first byte to the commit.
    pub seconds: f64,
    /// Whether the image was read back before it counted.
    pub verified: bool,
    /// What the person should know.
    pub warnings: Vec<Message>,
}

/// Computes what a save will do. Reads the disks, writes nothing.
///
/// # Errors
/// When the name is taken or unusable, there is clearly no room, a chosen partition does not exist,
/// or the destination cannot hold the files.
pub fn plan(
    sources: Vec<SaveSource>,
    store: Arc<dyn Store>,
    options: SaveOptions,
    report: &dyn Report,
) -> Result<SavePlan> {
    report.begin(Stage::Survey, 0);
    let sources = with_names_of_their_own(sources);
    let disks: Vec<&dyn BlockSource> = sources.iter().map(|source| source.disk.as_ref()).collect();
    let surveys = survey(&disks);
    let mut plans: Vec<DiskPlan> = Vec::new();
    for (source, survey) in sources.into_iter().zip(surveys) {
        check_choice(&source, &survey)?;
        let (uses, map) = survey.used(&source.choice);
        plans.push(DiskPlan { source, survey, uses, map });
        report.check()?;
    }

    let name = match &options.name {
        Some(name) => name.clone(),
        None => {
            let system = plans.iter().find_map(|plan| plan.survey.system());
            names::default_name(system.as_ref(), options.machine.product.as_deref(), &now())
        }
    };
    names::check(&name)?;
    let entries = library::list_sure_of(store.as_ref(), Some(&name))?;
    let existing = library::finished_with_name(&entries, &name);
    if existing.is_some() && !options.replace {
        return Err(Error::new(ErrorKind::Refused, message!("save-name-taken", name = name))
            .on_device(store.location())
            .advise(message!("save-name-taken-advice")));
    }
    let replaces = existing.and_then(|entry| {
        let left = entries
            .iter()
            .filter(|other| other.name == name && other.condition == library::Condition::Replaced);
        let directories = left.chain([entry]).map(|entry| entry.directory.clone()).collect();
        Some(Replaced { id: entry.manifest.as_ref()?.image_id, directories })
    });

    let used_bytes = plans.iter().map(|plan| plan.map.total_bytes()).sum();
    let mut estimated_bytes = 0;
    for plan in &plans {
        estimated_bytes +=
            estimate::stored_bytes(plan.source.disk.as_ref(), &plan.map, options.level)?;
        report.check()?;
    }
    report.end();
    let mut plan = SavePlan {
        split_size: split_size(&options, store.as_ref())?,
        free_space: store.free_space(),
        store,
        options,
        replaces,
        name,
        disks: plans,
        used_bytes,
        estimated_bytes,
        warnings: Vec::new(),
    };
    plan.check_room()?;
    Ok(plan)
}

/// Disks are told apart by name on a restore: of two plain files `disk.img` in two folders the
/// second becomes `disk.img-2`.
fn with_names_of_their_own(mut sources: Vec<SaveSource>) -> Vec<SaveSource> {
    let mut taken: HashSet<String> = HashSet::new();
    for source in &mut sources {
        let name = source.identity.name.clone();
        let mut number = 2;
        while !taken.insert(source.identity.name.clone()) {
            source.identity.name = format!("{name}-{number}");
            number += 1;
        }
    }
    sources
}

fn check_choice(source: &SaveSource, survey: &DiskSurvey) -> Result<()> {
    let Some(wanted) = &source.choice.partitions else { return Ok(()) };
    let there: Vec<u32> = survey.volumes.iter().filter_map(|volume| volume.number()).collect();
    match wanted.iter().find(|number| !there.contains(number)) {
        None => Ok(()),
        Some(missing) => {
            let list: Vec<String> = there.iter().map(u32::to_string).collect();
            Err(Error::new(ErrorKind::NotFound, message!("save-no-partition", number = *missing))
                .on_device(&source.identity.name)
                .advise(message!("save-no-partition-advice", list = list.join(", "))))
        }
    }
}

fn split_size(options: &SaveOptions, store: &dyn Store) -> Result<u64> {
    let largest = store.max_file_size();
    let chosen = options.split_size.unwrap_or(WriterOptions::DEFAULT_SPLIT);
    if chosen < WriterOptions::MIN_SPLIT {
        return Err(Error::new(
            ErrorKind::Usage,
            message!("save-split-too-small", least = human_bytes(WriterOptions::MIN_SPLIT)),
        ));
    }
    match largest {
        Some(largest) if options.split_size.is_some() && chosen > largest => Err(Error::new(
            ErrorKind::NoSpace,
            message!("save-split-too-large", largest = human_bytes(largest)),
        )
        .on_device(store.location())),
        Some(largest) => Ok(chosen.min(largest)),
        None => Ok(chosen),
    }
}

impl SavePlan {
    /// Refuses when even a good deal less than the estimate does not fit; warns when it may not.
    fn check_room(&mut self) -> Result<()> {
        let Some(free) = self.free_space else { return Ok(()) };
        if self.estimated_bytes / 10 * 8 > free {
            return Err(Error::new(
                ErrorKind::NoSpace,
                message!(
                    "save-no-room",
                    needed = human_bytes(self.estimated_bytes),
                    free = human_bytes(free)
                ),
            )
            .on_device(self.store.location())
            .advise(message!("save-no-room-advice")));
        }
        if self.estimated_bytes / 10 * 11 > free {
            self.warnings.push(message!(
                "save-little-room",
                needed = human_bytes(self.estimated_bytes),
                free = human_bytes(free)
            ));
        }
        Ok(())
    }

    /// Where the image will lie.
    pub fn destination(&self) -> String {
        format!("{}/{}", self.store.location(), self.name)
    }

    /// The name of the image that is replaced at the end.
    pub fn replaces(&self) -> Option<&str> {
        self.replaces.as_ref()?.directories.last().map(String::as_str)
    }

    /// The compression level.
    pub fn level(&self) -> Level {
        self.options.level
    }

    /// Saves.
    ///
    /// # Errors
    /// What the source, the destination or the person ended it with. What was stored stays as an
    /// unfinished image; nothing that was there before is touched.
    pub fn execute(self, report: &dyn Report) -> Result<SaveOutcome> {
        let begun = Instant::now();
        let log = Log::new(report);
        log.line(&message!("save-log-begin", name = self.name.as_str()).to_string());
        log.line(&self.options.command);

        let mut header = Header::new(now())?;
        header.chunk_size = self.options.chunk_size;
        let image_id = header.image_id;
        let (directory, files) =
            library::make_directory(self.store.as_ref(), &self.name, &image_id)?;
        let options = WriterOptions { split_size: self.split_size };
        let mut writer = ImageWriter::create(files, header, options)?;
        let Some(_claim) = self.store.claim(&directory)? else {
            // Somebody who prunes was quicker than our lock.
            return Err(Error::new(ErrorKind::Refused, message!("library-in-progress"))
                .on_device(self.store.location())
                .at_path(directory));
        };

        let mut disks = Vec::new();
        log.begin(Stage::Save, self.used_bytes);
        for (number, disk) in self.disks.iter().enumerate() {
            let index = save_disk(number as u32, disk, self.options.level, &mut writer, &log)
                .map_err(interrupted)?;
            disks.push(disk.describe(index));
        }
        log.end();

        let mut warnings = self.warnings.clone();
        let mut manifest = Manifest {
            image_id,
            save_id: writer.header().save_id,
            name: self.name.clone(),
            note: self.options.note.clone(),
            created: now(),
            writer: writer.header().writer.clone(),
            command: self.options.command.clone(),
            level: self.options.level.to_string(),
            machine: self.options.machine.clone(),
            disks,
            packs: Vec::new(),
            files: Vec::new(),
            replaces: self.replaces.as_ref().map(|replaced| replaced.id),
            verified: false,
            warnings: Vec::new(),
        };
        let unreadable_bytes = manifest.unreadable_bytes();
        if unreadable_bytes > 0 {
            warnings.push(message!("save-unreadable", size = human_bytes(unreadable_bytes)));
        }
        manifest.warnings = warnings.iter().map(Message::to_stored).collect();
        if self.options.verify {
            writer.verify(&mut manifest, &log).map_err(interrupted)?;
        }
        report.check().map_err(interrupted)?;
        for warning in &manifest.warnings {
            log.line(&warning.to_string());
        }
        log.line(&message!("save-log-end").to_string());
        let page = about::page(&manifest);
        let image = writer.commit(manifest, &log.text(), &page)?;

        // The new image stands; only now the old one may go, and if it does not, nothing is lost.
        for old in self.replaces.iter().flat_map(|replaced| &replaced.directories) {
            let left = if unreadable_bytes > 0 {
                // It may hold what this disk could not give any more.
                message!("save-old-kept", directory = old.as_str())
            } else if let Err(error) = library::delete(self.store.as_ref(), old) {
                message!("save-old-stays", directory = old.as_str(), why = error.message().clone())
            } else {
                continue;
            };
            report.note(&left);
            warnings.push(left);
        }
        Ok(SaveOutcome {
            name: self.name,
            location: format!("{}/{directory}", self.store.location()),
            image_id,
            used_bytes: self.used_bytes,
            stored_bytes: image.manifest().stored_bytes(),
            unreadable_bytes,
            seconds: begun.elapsed().as_secs_f64(),
            verified: image.manifest().verified,
            warnings,
        })
    }
}

/// Says what is left when the person stops a save.
fn interrupted(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => error.advise(message!("save-interrupted-advice")),
        _ => error,
    }
}

impl DiskPlan {
    fn describe(&self, index: crate::image::IndexRecord) -> Disk {
        let volumes = self.survey.volumes.iter().zip(&self.uses);
        let mut notes = self.survey.notes.clone();
        notes.extend(self.survey.doubt.clone());
        Disk {
            identity: self.source.identity.clone(),
            size: self.survey.size,
            sector_size: match self.survey.table.scheme {
                Scheme::None => self.source.disk.sector_size(),
                _ => self.survey.table.sector_size,
            },
            physical_sector_size: self.source.physical_sector_size,
            complete: self.source.choice.partitions.is_none(),
            table: self.survey.table.clone(),
            volumes: volumes
                .map(|(volume, used)| SavedVolume {
                    partition: volume.number(),
                    extent: volume.extent,
                    content: volume.content().clone(),
                    saved: used.saved,
                    reason: used.reason.as_ref().map(Message::to_stored),
                    used_bytes: used.extents.total_bytes(),
                    signatures: match (&volume.reading.used, used.saved) {
                        (Ok(known), Saved::Used | Saved::Whole) => known.signatures.clone(),
                        _ => Vec::new(),
                    },
                    system: volume.system.clone(),
                })
                .collect(),
            index,
            notes: notes.iter().map(Message::to_stored).collect(),
        }
    }
}

/// A chunk as it was read.
struct RawChunk {
    number: u64,
    buffer: AlignedBuffer,
    length: usize,
    unreadable: Vec<Extent>,
}

/// Gaps up to this length are read through rather than jumped over, in bytes.
const READ_THROUGH: u64 = 128 << 10;

fn save_disk(
    number: u32,
    plan: &DiskPlan,
    level: Level,
    writer: &mut ImageWriter,
    log: &Log<'_>,
) -> Result<crate::image::IndexRecord> {
    let chunk_size = u64::from(writer.header().chunk_size);
    let known = writer.known();
    let size = plan.survey.size;
    writer.begin_disk(number, size)?;

    let workers = pipeline::default_workers();
    // A chunk exists as plaintext and in compressed form.
    let in_flight = pipeline::in_flight(workers, 2 * chunk_size);
    // Buffers go round: fresh memory for each chunk would be cleared by the kernel each time.
    let (give_back, pool) = crossbeam_channel::unbounded::<AlignedBuffer>();
    let (give_back_output, output_pool) = crossbeam_channel::unbounded::<Vec<u8>>();
    let mut numbers = chunks::numbers(&plan.map, chunk_size);
    let disk = plan.source.disk.as_ref();
    let name = &plan.source.identity.name;
    let bad_sectors_told = AtomicU64::new(0);

    pipeline::ordered(
        workers,
        in_flight,
        || {
            log.check()?;
            let Some(chunk) = numbers.next() else { return Ok(None) };
            let buffer =
                pool.try_recv().unwrap_or_else(|_| AlignedBuffer::zeroed(chunk_size as usize));
            let stop = || log.is_interrupted();
            let raw = read_chunk(disk, &plan.map, chunk, chunk_size, buffer, &stop);
            if !raw.unreadable.is_empty() {
                log.check()?;
                // Bad sectors are part of the image; the silence of a disk that was pulled out
                // must never become one.
                disk.check_present()?;
            }
            for extent in &raw.unreadable {
                if bad_sectors_told.fetch_add(1, Ordering::Relaxed) < 20 {
                    log.note(&message!(
                        "save-unreadable-at",
                        disk = name,
                        offset = extent.offset.to_string(),
                        length = extent.length.to_string()
                    ));
                }
            }
            Ok(Some(raw))
        },
        || Compressor::new(level),
        |compressor, chunk: RawChunk| {
            let output =
                encode(compressor, &known, &chunk, || output_pool.try_recv().unwrap_or_default());
            // The receiver lives as long as the pipeline; when it has gone, so has the need.
            let _ = give_back.send(chunk.buffer);
            output
        },
        |chunk| {
            let place = Extent::new(chunk.number * chunk_size, chunk_size);
            let used: u64 = plan.map.within(place).map(|extent| extent.length).sum();
            writer.push(&chunk, &plan.map)?;
            if let ChunkContent::New { stored, .. } = chunk.content {
                let _ = give_back_output.send(stored);
            }
            log.advance(used);
            Ok(())
        },
    )?;
    writer.end_disk()
}

/// Reads the used bytes of a chunk and zeroes the others.
fn read_chunk(
    disk: &dyn BlockSource,
    map: &ExtentMap,
    number: u64,
    chunk_size: u64,
    mut buffer: AlignedBuffer,
    stop: &dyn Fn() -> bool,
) -> RawChunk {
    let start = number * chunk_size;
    let place = Extent::between(start, (start + chunk_size).min(disk.size()));
    let length = place.length as usize;
    let slice = |extent: Extent| (extent.offset - start) as usize..(extent.end() - start) as usize;
    let mut unreadable = Vec::new();
    let mut run: Option<Extent> = None;
    let mut read = |run: Extent, buffer: &mut AlignedBuffer| {
        let buffer = &mut buffer[slice(run)];
        unreadable.extend(rescue::read_until(disk, run.offset, buffer, stop));
    };
    for extent in map.within(place) {
        run = Some(match run {
            Some(last) if extent.offset - last.end() <= READ_THROUGH => {
                Extent::between(last.offset, extent.end())
            }
            Some(last) => {
                read(last, &mut buffer);
                extent
            }
            None => extent,
        });
    }
    if let Some(last) = run {
        read(last, &mut buffer);
    }
    for gap in map.gaps_within(place) {
        buffer[slice(gap)].fill(0);
    }
    // What could not be read and is not in use is no loss.
    let unreadable =
        unreadable.into_iter().flat_map(|extent| map.within(extent).collect::<Vec<_>>()).collect();
    RawChunk { number, buffer, length, unreadable }
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
