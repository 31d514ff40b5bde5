//! The images of a store: listing here, finding and removing in the parts.

mod find;
mod removal;

pub use find::{ambiguous, find, find_to_remove, word_for};
pub use removal::{Pruning, delete, prove, prunable, pruning};

use super::names::{self, directory_beside, name_of_directory};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    Envelope, Freshness, HEADER, Header, Image, ImageFiles, ImageId, Manifest, State,
    lacks_only_manifest, open_envelope, state_of,
};
use crate::report::Report;
use crate::store::Store;
use crate::text::{Message, message};
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What a directory of a store is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its description is sound; its contents show when it is verified.
    Finished,
    /// A newer image took over its name, and it was not removed.
    Replaced,
    /// A save that did not come to its end.
    Unfinished,
    /// A save that is going on now.
    InProgress,
    /// Its description is damaged.
    Damaged,
    /// It needs a newer version.
    TooNew,
    /// Nobody can say what it is: it cannot be read.
    Unreadable,
}

/// An image in a store.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its directory.
    pub directory: String,
    /// The name people see.
    pub name: String,
    /// Its condition.
    pub condition: Condition,
    /// Its manifest, when that is sound.
    #[serde(skip)]
    pub manifest: Option<Manifest>,
    /// Bytes of all its files.
    pub stored_bytes: u64,
    /// What is wrong.
    pub problem: Option<Message>,
}

impl Entry {
    /// The shortest word that means this image as long as no other has its name: see [`find`].
    pub fn address(&self) -> String {
        // The plain name of one that was replaced means the one that has it now.
        let is_plain = self.name == self.directory && self.condition != Condition::Replaced
            || self.directory.contains(names::SEPARATOR)
            || self.manifest.is_none();
        if is_plain { self.directory.clone() } else { self.word() }
    }

    /// A word that means this image and no other: see [`find`].
    pub fn word(&self) -> String {
        match &self.manifest {
            Some(manifest) => directory_beside(&self.name, &manifest.image_id),
            None => self.directory.clone(),
        }
    }
}

/// Lists the images of a store. Directories that are no images are passed over.
///
/// # Errors
/// When the store cannot be read, or `report` ends it.
pub fn list(store: &dyn Store, report: &dyn Report) -> Result<Vec<Entry>> {
    list_sure_of(store, None, report)
}

/// As [`list`], but sure of `name`: where a list passes over what it cannot look into, a name that
/// is taken would look free.
///
/// # Errors
/// As [`list`]; when a directory made for `name` cannot be read.
pub fn list_sure_of(
    store: &dyn Store,
    name: Option<&str>,
    report: &dyn Report,
) -> Result<Vec<Entry>> {
    list_among(store, &store.directories()?, name, report)
}

/// Those that may be the image that people call `name`, in a store that may know no others.
///
/// # Errors
/// As [`list_sure_of`]; when there is none.
pub fn list_named(store: &dyn Store, name: &str, report: &dyn Report) -> Result<Vec<Entry>> {
    let entries = list_among(store, &store.candidates(name)?, Some(name), report)?;
    match entries.is_empty() {
        true => Err(Error::new(ErrorKind::NotFound, message!("store-no-image"))
            .at_path(format!("{}/{name}", store.location()))
            .advise(message!("image-foreign-advice"))),
        false => Ok(entries),
    }
}

/// How many directories are looked at side by side: on a server each look is several journeys there
/// and back.
const LOOKS: usize = 8;

fn list_among(
    store: &dyn Store,
    directories: &[String],
    name: Option<&str>,
    report: &dyn Report,
) -> Result<Vec<Entry>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..LOOKS.min(directories.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(directory) = directories.get(number) else { return };
                    let is_wanted = name == Some(name_of_directory(directory));
                    let looked = report.check().and_then(|()| look_at(store, directory, is_wanted));
                    if looked.is_err() {
                        // The others end with what they have begun.
                        next.store(directories.len(), Ordering::Relaxed);
                    }
                    found.lock().expect("no holder panics").push((number, looked));
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no holder panicked");
    found.sort_unstable_by_key(|(number, _)| *number);
    let looked: Vec<Option<Entry>> =
        found.into_iter().map(|(_, looked)| looked).collect::<Result<_>>()?;
    let mut entries: Vec<Entry> = looked.into_iter().flatten().collect();
    let replaced: Vec<bool> =
        entries.iter().map(|entry| replacement_of(&entries, entry).is_some()).collect();
    for (entry, is_replaced) in entries.iter_mut().zip(replaced) {
        if is_replaced {
            entry.condition = Condition::Replaced;
        }
    }
    Ok(entries)
}

/// What a directory is; none when it is no image, or was removed meanwhile. One that cannot be read
/// must not hide the others, unless it `is_wanted`. A server that is gone, or a person who does not
/// want to wait, says nothing of what is there.
fn look_at(store: &dyn Store, directory: &str, is_wanted: bool) -> Result<Option<Entry>> {
    let give_up = |error: Error| match error.kind() {
        ErrorKind::Unreachable | ErrorKind::Interrupted => Err(error),
        ErrorKind::NotFound => Ok(None),
        _ if is_wanted => Err(error),
        _ => Ok(unreadable(directory, &error)),
    };
    let looked = store.directory(directory).and_then(|files| {
        let listing = files.list()?;
        let state = state_of(files.as_ref())?;
        Ok((files, listing, state))
    });
    let (files, listing, state) = match looked {
        Ok(found) => found,
        Err(error) => return give_up(error),
    };
    let mut entry = Entry {
        name: name_of_directory(directory).to_owned(),
        directory: directory.to_owned(),
        condition: Condition::Unfinished,
        manifest: None,
        stored_bytes: listing.iter().map(|file| file.length).sum(),
        problem: None,
    };
    match state {
        State::Foreign => return Ok(None),
        State::Unfinished => {
            if store.claim(directory)?.is_none() {
                entry.condition = Condition::InProgress;
            } else if lacks_only_manifest(&listing) {
                entry.problem = Some(message!("image-manifest-lost"));
            }
        }
        State::Finished => match Image::open(files, Freshness::Any) {
            Ok(image) => {
                entry.condition = Condition::Finished;
                // The list may be older than the image.
                let missing = image
                    .manifest()
                    .missing_among(&listing)
                    .and_then(|_| image.manifest().missing_among(&image.files().list().ok()?));
                if let Some(problem) = missing {
                    entry.condition = Condition::Damaged;
                    entry.problem = Some(problem);
                }
                entry.name = names::called(directory, &image.manifest().name).to_owned();
                entry.manifest = Some(image.manifest().clone());
            }
            Err(error) => {
                entry.condition = match error.kind() {
                    ErrorKind::Unsupported => Condition::TooNew,
                    ErrorKind::Damaged => Condition::Damaged,
                    // One of its files is gone.
                    ErrorKind::NotFound if !is_wanted => Condition::Damaged,
                    _ => return give_up(error),
                };
                entry.problem = Some(error.message().clone());
            }
        },
    }
    Ok(Some(entry))
}

/// What is listed of a directory that may be an image for all that can be seen. Nothing of what this
/// machine keeps to others: homes, `lost+found`.
fn unreadable(directory: &str, error: &Error) -> Option<Entry> {
    if error.is_permission_denied() {
        return None;
    }
    let cause = std::error::Error::source(error);
    let reason = cause.map_or_else(|| error.message().to_string(), ToString::to_string);
    Some(Entry {
        name: name_of_directory(directory).to_owned(),
        directory: directory.to_owned(),
        condition: Condition::Unreadable,
        manifest: None,
        stored_bytes: 0,
        problem: Some(message!("library-unreadable", reason = reason)),
    })
}

/// The image that took over the name of this one: what is called otherwise does not replace it,
/// whatever it says.
fn replacement_of<'a>(entries: &'a [Entry], entry: &Entry) -> Option<&'a Entry> {
    let replaced = entry.manifest.as_ref()?.image_id;
    entries.iter().find(|other| {
        other.name == entry.name
            && other.manifest.as_ref().is_some_and(|manifest| {
                manifest.replaces == Some(replaced) && manifest.image_id != replaced
            })
    })
}

/// Replaced images in the order in which they go: each before the one that replaced it, so that
/// what is left at any moment never looks like the image of its name again.
fn oldest_first(entries: &[Entry], mut replaced: Vec<Entry>) -> Vec<Entry> {
    let distance = |entry: &Entry| {
        let mut distance = 0;
        let mut current = Some(entry);
        while let Some(next) = current.and_then(|entry| replacement_of(entries, entry))
            && distance <= entries.len()
        {
            distance += 1;
            current = Some(next);
        }
        distance
    };
    replaced.sort_by_key(|entry| std::cmp::Reverse(distance(entry)));
    replaced
}

/// The header of an image, where it is sound.
pub fn header_of(files: &dyn ImageFiles) -> Option<Header> {
    let reader = files.open(HEADER, Freshness::Any).ok()?;
    let length = usize::try_from(reader.length()).ok().filter(|length| *length <= 1 << 20)?;
    let mut bytes = vec![0; length];
    reader.read_at(0, &mut bytes).ok()?;
    open_envelope(Envelope::Header, &bytes).ok()
}

/// Chooses and makes the directory of a new image.
///
/// # Errors
/// When the store refuses.
pub fn make_directory(
    store: &dyn Store,
    name: &str,
    id: &ImageId,
) -> Result<(String, Arc<dyn ImageFiles>)> {
    // FAT and NTFS know no difference between capitals and small letters.
    let lower = name.to_lowercase();
    let is_taken = || -> Result<bool> {
        Ok(store.directories()?.iter().any(|directory| directory.to_lowercase() == lower))
    };
    if !is_taken()? {
        match store.create_directory(name) {
            // Another saver was quicker.
            Err(_) if is_taken()? => {}
            made => return made.map(|files| (name.to_owned(), files)),
        }
    }
    let directory = directory_beside(name, id);
    let files = store.create_directory(&directory)?;
    Ok((directory, files))
}

/// The images that have a name, without those that another took it over from. What is damaged
/// counts only when there is no other: a save can be cut off within its manifest.
pub fn holders<'a>(entries: &'a [Entry], name: &str) -> Vec<&'a Entry> {
    let holders = entries.iter().filter(|entry| {
        entry.name == name
            && !matches!(
                entry.condition,
                Condition::Unfinished
                    | Condition::InProgress
                    | Condition::Replaced
                    | Condition::Unreadable
            )
    });
    let (sound, damaged): (Vec<_>, Vec<_>) =
        holders.partition(|entry| entry.condition == Condition::Finished);
    if sound.is_empty() { damaged } else { sound }
}

/// An image that has a name, if there is one.
pub fn finished_with_name<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    holders(entries, name).into_iter().next()
}

/// The image that a save takes over the name of.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// Its identity.
    pub id: ImageId,
    /// The directories that go once the new image stands, in this order: those of images that it
    /// took over the name of itself and that are still there, which would else seem to be the
    /// image again, and its own. None when its description is damaged: what it holds is unknown.
    pub directories: Vec<String>,
}

/// What a save that replaces `entry` has to know; `None` when not even its header can be read.
///
/// # Errors
/// When the store cannot be read.
pub fn replaced_by_a_save(
    store: &dyn Store,
    entries: &[Entry],
    entry: &Entry,
) -> Result<Option<Replaced>> {
    let Some(manifest) = &entry.manifest else {
        let header = header_of(store.directory(&entry.directory)?.as_ref());
        let replaced = |header: Header| Replaced { id: header.image_id, directories: Vec::new() };
        return Ok(header.map(replaced));
    };
    let left = entries
        .iter()
        .filter(|other| other.name == entry.name && other.condition == Condition::Replaced);
    let directories = oldest_first(entries, left.cloned().collect())
        .iter()
        .chain([entry])
        .map(|entry| entry.directory.clone())
        .collect();
    Ok(Some(Replaced { id: manifest.image_id, directories }))
}

/// A name that nothing in the store has: `name` with the smallest number from 2 on.
pub fn free_name(entries: &[Entry], name: &str) -> String {
    (2..)
        .map(|number| names::with_suffix(name, &number.to_string()))
        .find(|candidate| entries.iter().all(|entry| entry.name != *candidate))
        .expect("there are more numbers than images")
}
