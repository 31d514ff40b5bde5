//! Replicating an image to a second destination.

use super::library::{self, Condition, Entry};
use super::names;
use crate::error::{Error, ErrorKind, Result};
use crate::image::{Depth, Freshness, HEADER, Image, ImageCopy, ImageId, State, state_of, verify};
use crate::report::{Report, Stage};
use crate::store::Store;
use crate::text::message;
use crate::units::human_bytes;
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What a copy will do.
pub struct CopyPlan {
    image: Image,
    store: Arc<dyn Store>,
    place: Place,
    /// The name at the destination.
    pub name: String,
    /// Bytes of all files.
    pub stored_bytes: u64,
}

/// Where the copy goes.
enum Place {
    /// It is there, finished, in this directory.
    There(String),
    /// An attempt in this directory came to no end; what it stored is used.
    Begun(String),
    /// In a new directory.
    New,
}

/// What a copy did.
#[derive(Clone, Debug, Serialize)]
pub struct CopyOutcome {
    /// The name of the copy.
    pub name: String,
    /// Where it is.
    pub location: String,
    /// The identity, which original and copies share.
    pub image_id: ImageId,
    /// Bytes of packs and indexes.
    pub stored_bytes: u64,
    /// Whether it had been there before, and was only verified.
    pub was_there: bool,
    /// Seconds that it took.
    pub seconds: f64,
}

/// Computes what a copy will do. Writes nothing. `name` is for a copy that is to be called
/// otherwise.
///
/// # Errors
/// When the name is taken or unusable, there is no room, or the destination cannot hold a file.
pub fn plan(
    image: Image,
    store: Arc<dyn Store>,
    name: Option<&str>,
    report: &dyn Report,
) -> Result<CopyPlan> {
    let own = names::called(&image.files().directory(), &image.manifest().name).to_owned();
    let name = name.unwrap_or(&own).to_owned();
    names::check(&name)?;
    let mut plan = CopyPlan {
        place: Place::New,
        stored_bytes: image.manifest().stored_bytes(),
        image,
        store,
        name,
    };
    plan.place = plan.find_place(report)?;
    if !matches!(plan.place, Place::There(_)) {
        plan.check_room()?;
    }
    Ok(plan)
}

impl CopyPlan {
    fn find_place(&self, report: &dyn Report) -> Result<Place> {
        let manifest = self.image.manifest();
        let store = self.store.as_ref();
        let entries = library::list_sure_of(store, Some(&self.name), report)?;
        let same = entries.iter().find(|entry| {
            let other = entry.manifest.as_ref();
            other.is_some_and(|other| {
                (other.image_id, other.save_id) == (manifest.image_id, manifest.save_id)
            })
        });
        if let Some(entry) = same {
            return Ok(Place::There(entry.directory.clone()));
        }
        for entry in entries.iter().filter(|entry| entry.name == self.name) {
            if self.was_begun(entry)? {
                return Ok(Place::Begun(entry.directory.clone()));
            }
        }
        if !library::holders(&entries, &self.name).is_empty() {
            return Err(Error::new(
                ErrorKind::Refused,
                message!("save-name-taken", name = self.name.as_str()),
            )
            .on_device(store.location())
            .advise(message!("copy-name-taken-advice")));
        }
        // Cut off before its first file, where the plain name was taken.
        let beside = names::directory_beside(&self.name, &manifest.image_id);
        if store.directories()?.contains(&beside) && store.directory(&beside)?.list()?.is_empty() {
            return Ok(Place::Begun(beside));
        }
        Ok(Place::New)
    }

    /// Whether an entry is what an attempt to make this very copy left.
    fn was_begun(&self, entry: &Entry) -> Result<bool> {
        if !matches!(entry.condition, Condition::Unfinished | Condition::Damaged) {
            return Ok(false);
        }
        let files = self.store.directory(&entry.directory)?;
        Ok(match (library::header_of(files.as_ref()), entry.condition) {
            (Some(header), _) if header != *self.image.header() => false,
            (Some(_), Condition::Unfinished) => true,
            (Some(_), _) => ImageCopy::was_cut_off(&self.image, files.as_ref())?,
            // It was cut off in its first file.
            (None, _) => files.list()?.iter().all(|file| file.name == HEADER),
        })
    }

    fn check_room(&self) -> Result<()> {
        let manifest = self.image.manifest();
        let longest = (manifest.packs.iter().map(|pack| pack.bytes))
            .chain(manifest.disks.iter().map(|disk| disk.index.bytes))
            .max()
            .unwrap_or(0);
        if let Some(largest) = self.store.max_file_size().filter(|largest| longest > *largest) {
            return Err(Error::new(
                ErrorKind::NoSpace,
                message!(
                    "copy-file-too-long",
                    longest = human_bytes(longest),
                    largest = human_bytes(largest)
                ),
            )
            .on_device(self.store.location())
            .advise(message!("copy-file-too-long-advice")));
        }
        let there = match &self.place {
            Place::Begun(directory) => {
                self.store.directory(directory)?.list()?.iter().map(|file| file.length).sum()
            }
            _ => 0,
        };
        match self.store.free_space() {
            Some(free) if self.stored_bytes.saturating_sub(there) > free => Err(Error::new(
                ErrorKind::NoSpace,
                message!(
                    "copy-no-room",
                    needed = human_bytes(self.stored_bytes.saturating_sub(there)),
                    free = human_bytes(free)
                ),
            )
            .on_device(self.store.location())
            .advise(message!("copy-no-room-advice"))),
            _ => Ok(()),
        }
    }

    /// Where the original is.
    pub fn source(&self) -> String {
        self.image.files().location()
    }

    /// Where the copy will lie.
    pub fn destination(&self) -> String {
        let name = match &self.place {
            Place::There(directory) => directory,
            Place::Begun(_) | Place::New => &self.name,
        };
        format!("{}/{name}", self.store.location())
    }

    /// Whether the destination has the image already: then it is only verified.
    pub fn is_there(&self) -> bool {
        matches!(self.place, Place::There(_))
    }

    /// Copies, and verifies what arrived.
    ///
    /// # Errors
    /// What the stores or the person ended it with. What was stored stays as an unfinished image, with
    /// which the next attempt goes on.
    pub fn execute(self, report: &dyn Report) -> Result<CopyOutcome> {
        let begun = Instant::now();
        let store = self.store.as_ref();
        let id = self.image.manifest().image_id;
        let (directory, files) = match &self.place {
            Place::There(directory) => {
                let arrived = Image::open(store.directory(directory)?, Freshness::Medium)?;
                verify(&arrived, Depth::Full, Freshness::Medium, Stage::Verify, report)?;
                return Ok(self.outcome(directory, true, begun));
            }
            Place::Begun(directory) => (directory.clone(), store.directory(directory)?),
            Place::New => library::make_directory(store, &self.name, &id)?,
        };
        let in_progress = || {
            Error::new(ErrorKind::Refused, message!("library-in-progress"))
                .on_device(store.location())
                .at_path(&directory)
        };
        // Somebody else may be at it, or may have ended it since the plan was made.
        let Some(before) = store.claim(&directory)? else { return Err(in_progress()) };
        if state_of(files.as_ref())? == State::Finished
            && !ImageCopy::was_cut_off(&self.image, files.as_ref())?
        {
            return Err(in_progress());
        }
        let copy = ImageCopy::begin(&self.image, files)?;
        drop(before);
        let Some(_claim) = store.claim(&directory)? else { return Err(in_progress()) };
        copy.finish(report)?;
        Ok(self.outcome(&directory, false, begun))
    }

    fn outcome(&self, directory: &str, was_there: bool, begun: Instant) -> CopyOutcome {
        CopyOutcome {
            name: names::called(directory, &self.image.manifest().name).to_owned(),
            location: format!("{}/{directory}", self.store.location()),
            image_id: self.image.manifest().image_id,
            stored_bytes: self.stored_bytes,
            was_there,
            seconds: begun.elapsed().as_secs_f64(),
        }
    }
}
