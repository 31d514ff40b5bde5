//! Save: disks in, an image out.

mod disk;
mod reading;

use super::library;
use super::log::{Log, now};
use super::names;
use super::survey::{Choice, DiskSurvey, VolumeUse, partition_list, survey};
use super::{chunks, estimate};
use crate::block::BlockSource;
use crate::codec::Level;
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    Disk, DiskIdentity, Header, ImageId, ImageWriter, Machine, Manifest, Saved, SavedVolume,
    WriterOptions, about, longest_index,
};
use crate::partition::Scheme;
use crate::report::{Report, Stage};
use crate::store::{Claim, Store};
use crate::text::{Message, message};
use crate::units::{ExtentMap, human_bytes};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// Whether an image of the same name may be replaced, after the new one is complete and was read back.
    pub replace: bool,
    /// Whether the image is read back from the medium before it counts.
    pub verify: bool,
    /// The command that does the same, for people.
    pub command: String,
    /// The machine.
    pub machine: Machine,
    /// Bytes of a chunk.
    pub chunk_size: u32,
    /// How long failed reads of a disk may take, in sum, while its bad areas are searched for good
    /// sectors, after all else is read. What is not tried then is given up, and told.
    pub patience: Duration,
}

/// How often a new image is claimed for its writer, and how long is waited in between.
const CLAIM_TRIES: u32 = 20;
const CLAIM_PAUSE: Duration = Duration::from_millis(50);

impl SaveOptions {
    /// The patience with a disk unless told otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);
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
            patience: Self::PATIENCE,
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

/// What a save will do.
pub struct SavePlan {
    store: Arc<dyn Store>,
    options: SaveOptions,
    split_size: u64,
    replaces: Option<library::Replaced>,
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
    if let Some(name) = &options.name {
        names::check(name)?;
    }
    report.begin(Stage::Survey, 0);
    let sources = with_names_of_their_own(sources);
    let disks: Vec<&dyn BlockSource> = sources.iter().map(|source| source.disk.as_ref()).collect();
    let surveys = survey(&disks, report)?;
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
    let entries = library::list_sure_of(store.as_ref(), Some(&name), report)?;
    let existing = library::holders(&entries, &name);
    if !existing.is_empty() && !options.replace {
        return Err(Error::new(ErrorKind::Refused, message!("save-name-taken", name = name))
            .on_device(store.location())
            .advise(message!("save-name-taken-advice")));
    }
    let replaces = match existing.as_slice() {
        [] => None,
        [entry] => library::replaced_by_a_save(store.as_ref(), &entries, entry)?,
        several => {
            let several = several.iter().map(|entry| (entry.directory.as_str(), entry.word()));
            return Err(library::ambiguous(store.as_ref(), &name, several));
        }
    };

    for plan in &plans {
        check_index(plan, store.as_ref(), options.chunk_size)?;
    }
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
            let list = partition_list(there.iter().copied());
            Err(Error::new(ErrorKind::NotFound, message!("save-no-partition", number = *missing))
                .on_device(&source.identity.name)
                .advise(message!("save-no-partition-advice", list = list)))
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

/// An index is one file, however long.
fn check_index(plan: &DiskPlan, store: &dyn Store, chunk_size: u32) -> Result<()> {
    let Some(largest) = store.max_file_size() else { return Ok(()) };
    let chunks = chunks::count(&plan.map, u64::from(chunk_size));
    let needed = longest_index(chunks, plan.map.len() as u64);
    if needed <= largest {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::NoSpace,
        message!(
            "save-index-too-long",
            disk = plan.identity().name.as_str(),
            needed = human_bytes(needed),
            largest = human_bytes(largest)
        ),
    )
    .on_device(store.location())
    .advise(message!("save-index-too-long-advice")))
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
        let Some(_claim) = self.claim(&directory)? else {
            // Somebody who prunes was quicker than our lock.
            return Err(Error::new(ErrorKind::Refused, message!("library-in-progress"))
                .on_device(self.store.location())
                .at_path(directory));
        };

        let mut disks = Vec::new();
        // Not those of the plan: what it foresaw of the room has come about by then, or not.
        let mut warnings: Vec<Message> = Vec::new();
        log.begin(Stage::Save, self.used_bytes);
        let SaveOptions { level, patience, .. } = self.options;
        for (number, disk) in self.disks.iter().enumerate() {
            let saved = disk::save(number as u32, disk, level, patience, &mut writer, &log)
                .map_err(interrupted)?;
            if saved.untried > 0 {
                warnings.push(message!(
                    "save-untried",
                    disk = disk.identity().name.as_str(),
                    size = human_bytes(saved.untried),
                    minutes = patience.as_secs().div_ceil(60)
                ));
            }
            disks.push(disk.describe(saved.index));
        }
        log.end();
        for disk in &self.disks {
            disk.source.disk.check_unchanged()?;
        }

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
            replaces: None,
            verified: false,
            warnings: Vec::new(),
        };
        let unreadable_bytes = manifest.unreadable_bytes();
        if unreadable_bytes > 0 {
            warnings.push(message!("save-unreadable", size = human_bytes(unreadable_bytes)));
        }
        if self.options.verify {
            writer.verify(&mut manifest, &log).map_err(interrupted)?;
        }
        report.check().map_err(interrupted)?;
        // Nobody else who saves here commits until this one stands.
        let lock = self.store.lock()?;
        let (replaces, moved) = self.settle_name(&mut manifest, report)?;
        if let Some(moved) = moved {
            report.note(&moved);
            warnings.push(moved);
        }
        manifest.replaces = replaces.map(|replaced| replaced.id);
        manifest.warnings = warnings.iter().map(Message::to_stored).collect();
        for warning in &manifest.warnings {
            log.line(&warning.to_string());
        }
        log.line(&message!("save-log-end").to_string());
        let page = about::page(&manifest);
        let image = writer.commit(manifest, &log.text(), &page)?;
        drop(lock);

        // The new image stands; only now the old one may go, and if it does not, nothing is lost.
        let old = replaces.map_or(&[][..], |replaced| &replaced.directories);
        for left in self.remove_replaced(&directory, old, unreadable_bytes)? {
            report.note(&left);
            warnings.push(left);
        }
        Ok(SaveOutcome {
            name: image.manifest().name.clone(),
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

    /// Who lists the images holds a new one for a moment, to see whether somebody writes it.
    fn claim(&self, directory: &str) -> Result<Option<Claim>> {
        for _ in 0..CLAIM_TRIES {
            if let Some(claim) = self.store.claim(directory)? {
                return Ok(Some(claim));
            }
            std::thread::sleep(CLAIM_PAUSE);
        }
        self.store.claim(directory)
    }

    /// Looks again who has the name, and gives the image another one where somebody took it since
    /// the plan was made: what was saved is worth more than what it is called. Answers which image
    /// it replaces, and what to tell.
    fn settle_name(
        &self,
        manifest: &mut Manifest,
        report: &dyn Report,
    ) -> Result<(Option<&library::Replaced>, Option<Message>)> {
        let replaces = self.replaces.as_ref();
        let store = self.store.as_ref();
        let look = || library::list_sure_of(store, Some(&self.name), report);
        let planned = |entry: &library::Entry| match (replaces, &entry.manifest) {
            (Some(replaced), Some(manifest)) => manifest.image_id == replaced.id,
            // What is damaged and was there before.
            (Some(_), None) => true,
            (None, _) => false,
        };
        let (name, message) = match look().or_else(|_| look()) {
            Ok(entries) if library::holders(&entries, &self.name).into_iter().all(planned) => {
                return Ok((replaces, None));
            }
            Ok(entries) => {
                let name = library::free_name(&entries, &self.name);
                let message =
                    message!("save-name-lost", wanted = self.name.as_str(), name = name.as_str());
                (name, message)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Unreachable) =>
            {
                return Err(error);
            }
            Err(error) => {
                let name = names::with_suffix(&self.name, &manifest.image_id.short());
                let message = message!(
                    "save-name-unknown",
                    wanted = self.name.as_str(),
                    name = name.as_str(),
                    why = error.message().clone()
                );
                (name, message)
            }
        };
        manifest.name = name;
        Ok((None, Some(message)))
    }

    /// Removes the images that the one in `directory` took the name of, after proving that it is
    /// there; answers what is left of them and why.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when the new image is not sound: then they all stay.
    fn remove_replaced(
        &self,
        directory: &str,
        replaced: &[String],
        unreadable_bytes: u64,
    ) -> Result<Vec<Message>> {
        let Some(last) = replaced.last() else { return Ok(Vec::new()) };
        let store = self.store.as_ref();
        // By words that mean the old ones: their plain name is that of the new one now.
        let all = |message: &dyn Fn(String) -> Message| {
            let words = replaced.iter().map(|old| library::word_for(store, old));
            Ok(words.map(message).collect())
        };
        if unreadable_bytes > 0 {
            // They may hold what this disk could not give any more.
            return all(&|old| message!("save-old-kept", image = old));
        }
        if !self.options.verify {
            return all(&|old| message!("save-old-unverified", image = old));
        }
        if let Err(error) = library::prove(store, directory) {
            if error.kind() == ErrorKind::Damaged {
                return Err(Error::new(ErrorKind::Damaged, message!("save-unsound"))
                    .on_device(format!("{}/{directory}", store.location()))
                    .advise(message!("save-unsound-advice", directory = last.as_str()))
                    .caused_by(error));
            }
            let why = error.message().clone();
            return all(&|old| message!("save-old-unproven", image = old, why = why.clone()));
        }
        // The oldest first, and none after one that stays: what is left never looks like the image of
        // its name again.
        for (position, old) in replaced.iter().enumerate() {
            match library::delete(store, old) {
                Ok(()) => {}
                // Somebody else removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    let why = error.message();
                    let stays = |old: &String| {
                        let word = library::word_for(store, old);
                        message!("save-old-stays", image = word, why = why.clone())
                    };
                    return Ok(replaced[position..].iter().map(stays).collect());
                }
            }
        }
        Ok(Vec::new())
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
                    signatures: match (volume.used(&self.source.choice), used.saved) {
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
