//! The images of a store: finding, listing, deleting.

use super::names::{directory_beside, name_of_directory};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    ABOUT, Freshness, HEADER, Header, Image, ImageFiles, ImageId, LOG, MANIFEST, Manifest,
    SHA256SUMS, State, is_data_file, state_of,
};
use crate::store::Store;
use crate::text::{Message, message};
use serde::Serialize;
use std::sync::Arc;

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

/// Lists the images of a store. Directories that are no images are passed over.
///
/// # Errors
/// When the store cannot be read.
pub fn list(store: &dyn Store) -> Result<Vec<Entry>> {
    list_sure_of(store, None)
}

/// As [`list`], but sure of `name`: where a list passes over what it cannot look into, a name that
/// is taken would look free.
///
/// # Errors
/// When the store, or a directory made for `name`, cannot be read.
pub fn list_sure_of(store: &dyn Store, name: Option<&str>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for directory in store.directories()? {
        // One directory that cannot be read must not hide the others.
        let is_wanted = name == Some(name_of_directory(&directory));
        let looked = store.directory(&directory).and_then(|files| Ok((files.list()?, files)));
        let (listing, files) = match looked {
            Ok(found) => found,
            Err(error) if is_wanted && error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) => continue,
        };
        let stored_bytes = listing.iter().map(|file| file.length).sum();
        let mut entry = Entry {
            name: name_of_directory(&directory).to_owned(),
            directory,
            condition: Condition::Unfinished,
            manifest: None,
            stored_bytes,
            problem: None,
        };
        let state = match state_of(files.as_ref()) {
            Ok(state) => state,
            Err(error) if is_wanted && error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) => continue,
        };
        match state {
            State::Foreign => continue,
            State::Unfinished => {
                if store.claim(&entry.directory)?.is_none() {
                    entry.condition = Condition::InProgress;
                }
            }
            State::Finished => match Image::open(files, Freshness::Any) {
                Ok(image) => {
                    entry.condition = Condition::Finished;
                    entry.name.clone_from(&image.manifest().name);
                    entry.manifest = Some(image.manifest().clone());
                }
                Err(error)
                    if is_wanted
                        && !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Unsupported) =>
                {
                    return Err(error);
                }
                Err(error) => {
                    entry.condition = match error.kind() {
                        ErrorKind::Unsupported => Condition::TooNew,
                        _ => Condition::Damaged,
                    };
                    entry.problem = Some(error.message().clone());
                }
            },
        }
        entries.push(entry);
    }
    let replaced: Vec<ImageId> = entries
        .iter()
        .filter_map(|entry| entry.manifest.as_ref().and_then(|manifest| manifest.replaces))
        .collect();
    for entry in &mut entries {
        if let Some(manifest) = &entry.manifest
            && replaced.contains(&manifest.image_id)
        {
            entry.condition = Condition::Replaced;
        }
    }
    Ok(entries)
}

/// The directory of the image that people call `name`, or whose directory is `name`.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Damaged`] when all there is of it is
/// unfinished.
pub fn find(store: &dyn Store, name: &str) -> Result<Arc<dyn ImageFiles>> {
    let prefix = format!("{name}{}", super::names::SEPARATOR);
    let directories: Vec<String> = store
        .directories()?
        .into_iter()
        .filter(|directory| directory == name || directory.starts_with(&prefix))
        .collect();
    let mut finished = Vec::new();
    let mut other = Vec::new();
    for directory in directories {
        let files = store.directory(&directory)?;
        match state_of(files.as_ref())? {
            State::Finished => finished.push(files),
            _ => other.push(files),
        }
    }
    if finished.len() > 1 {
        // A replacement that was cut between its commit and the removal of the old image: the
        // one that nothing replaces is the image.
        let manifests: Vec<Option<Manifest>> = finished
            .iter()
            .map(|files| {
                let image = Image::open(files.clone(), Freshness::Any).ok();
                image.map(|image| image.manifest().clone())
            })
            .collect();
        let newest = manifests.iter().position(|candidate| {
            candidate.as_ref().is_some_and(|candidate| {
                manifests
                    .iter()
                    .flatten()
                    .all(|manifest| manifest.replaces != Some(candidate.image_id))
            })
        });
        if let Some(newest) = newest {
            return Ok(finished.swap_remove(newest));
        }
    }
    match finished.into_iter().next().or(other.into_iter().next()) {
        Some(files) => Ok(files),
        None => Err(Error::new(ErrorKind::NotFound, message!("store-no-image"))
            .on_device(format!("{}/{name}", store.location()))
            .advise(message!("image-foreign-advice"))),
    }
}

/// Chooses and makes the directory of a new image.
///
/// # Errors
/// [`ErrorKind::Refused`] when a finished image has the name and is not to be replaced.
pub fn make_directory(
    store: &dyn Store,
    name: &str,
    id: &ImageId,
) -> Result<(String, Arc<dyn ImageFiles>)> {
    // FAT and NTFS know no difference between capitals and small letters.
    let lower = name.to_lowercase();
    let taken = store.directories()?.iter().any(|directory| directory.to_lowercase() == lower);
    let directory = if taken { directory_beside(name, id) } else { name.to_owned() };
    let files = store.create_directory(&directory)?;
    Ok((directory, files))
}

/// The finished image that has a name, if there is one.
pub fn finished_with_name<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| {
        entry.name == name
            && !matches!(
                entry.condition,
                Condition::Unfinished | Condition::InProgress | Condition::Replaced
            )
    })
}

/// The order in which the files of an image go: what makes it an image first, what others might
/// still refer to last.
fn deletion_rank(name: &str) -> Option<u8> {
    match name {
        MANIFEST => Some(0),
        SHA256SUMS | ABOUT | LOG => Some(1),
        HEADER => Some(4),
        _ if !is_data_file(name) => None,
        _ if name.ends_with(".index") => Some(2),
        _ => Some(3),
    }
}

/// Deletes the image in a directory; files that are not part of an image stay, and so does the
/// directory then.
///
/// # Errors
/// [`ErrorKind::Refused`] when another image refers to it or it is being written.
pub fn delete(store: &dyn Store, directory: &str) -> Result<()> {
    let files = store.directory(directory)?;
    let refuse =
        |message: Message| Error::new(ErrorKind::Refused, message).on_device(files.location());
    if state_of(files.as_ref())? == State::Foreign {
        return Err(Error::new(ErrorKind::NotFound, message!("image-foreign"))
            .on_device(files.location())
            .advise(message!("image-foreign-advice")));
    }
    let Some(_claim) = store.claim(directory)? else {
        return Err(refuse(message!("library-in-progress")));
    };
    if let Some(dependent) = dependent_of(store, directory, files.as_ref())? {
        return Err(refuse(message!("library-has-dependent", dependent = dependent))
            .advise(message!("library-has-dependent-advice")));
    }
    let mut ours: Vec<(u8, String)> = files
        .list()?
        .into_iter()
        .filter_map(|file| Some((deletion_rank(&file.name)?, file.name)))
        .collect();
    ours.sort_unstable();
    for (_, name) in ours {
        files.delete(&name)?;
    }
    if files.list()?.is_empty() {
        store.remove_directory(directory)?;
    }
    Ok(())
}

fn header_of(files: &dyn ImageFiles) -> Option<Header> {
    let reader = files.open(HEADER, Freshness::Any).ok()?;
    let length = usize::try_from(reader.length()).ok().filter(|length| *length <= 1 << 20)?;
    let mut bytes = vec![0; length];
    reader.read_at(0, &mut bytes).ok()?;
    crate::image::open_envelope(crate::image::Envelope::Header, &bytes).ok()
}

/// Another image whose header names this one as its base.
fn dependent_of(
    store: &dyn Store,
    directory: &str,
    files: &dyn ImageFiles,
) -> Result<Option<String>> {
    let Some(header) = header_of(files) else { return Ok(None) };
    for other in store.directories()? {
        if other == directory {
            continue;
        }
        let Ok(files) = store.directory(&other) else { continue };
        let depends = header_of(files.as_ref())
            .is_some_and(|other| other.bases.iter().any(|base| base.image_id == header.image_id));
        if depends {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// What can be pruned: leftovers of saves that did not come to their end, and images whose
/// replacement was completed without removing them; not those whose replacement lacks bytes that
/// its disk could not give.
///
/// # Errors
/// When the store cannot be read.
pub fn prunable(store: &dyn Store) -> Result<Vec<Entry>> {
    let entries = list(store)?;
    let needed: Vec<ImageId> = entries
        .iter()
        .filter_map(|entry| entry.manifest.as_ref())
        .filter(|manifest| manifest.unreadable_bytes() > 0)
        .filter_map(|manifest| manifest.replaces)
        .collect();
    let is_needed = |entry: &Entry| {
        entry.manifest.as_ref().is_some_and(|manifest| needed.contains(&manifest.image_id))
    };
    Ok(entries
        .into_iter()
        .filter(|entry| match entry.condition {
            Condition::Unfinished => true,
            Condition::Replaced => !is_needed(entry),
            _ => false,
        })
        .collect())
}
