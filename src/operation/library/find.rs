//! From the word of a person to a directory: never a guess.

use super::{header_of, names};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{Freshness, Image, ImageFiles, ImageId, Manifest, State, state_of};
use crate::store::Store;
use crate::text::message;
use std::sync::Arc;

/// A directory that may be meant.
struct Candidate {
    directory: String,
    files: Arc<dyn ImageFiles>,
    image_id: Option<ImageId>,
    /// None when it is damaged, or needs a newer version.
    manifest: Option<Manifest>,
}

impl Candidate {
    fn read(directory: String, files: Arc<dyn ImageFiles>) -> Result<Self> {
        let manifest = match Image::open(files.clone(), Freshness::Any) {
            Ok(image) => Some(image.manifest().clone()),
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Unsupported) => {
                None
            }
            Err(error) => return Err(error),
        };
        let image_id = match &manifest {
            Some(manifest) => Some(manifest.image_id),
            None => header_of(files.as_ref()).map(|header| header.image_id),
        };
        Ok(Self { directory, files, image_id, manifest })
    }

    /// What people call it, as far as that is known.
    fn name(&self) -> &str {
        match &self.manifest {
            Some(manifest) => names::called(&self.directory, &manifest.name),
            None => names::name_of_directory(&self.directory),
        }
    }

    /// Whether `other` says that it took over the name of this one.
    fn is_replaced_by(&self, other: &Self) -> bool {
        other.manifest.as_ref().is_some_and(|manifest| {
            manifest.replaces.is_some()
                && manifest.replaces == self.image_id
                && manifest.replaces != other.image_id
        })
    }

    /// A word that means this one and no other: the form of directories whose plain name was
    /// taken, whether or not its directory has it.
    fn word(&self) -> String {
        match self.image_id {
            Some(id) => names::directory_beside(self.name(), &id),
            None => self.directory.clone(),
        }
    }
}

/// The directory of the image that people call `name`, or whose directory is `name`. `NAME~ID`,
/// with the first digits of its identity, means that image of the name.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Damaged`] when all there is of it is
/// unfinished, [`ErrorKind::Refused`] when more than one is meant and none of them replaces the
/// others.
pub fn find(store: &dyn Store, name: &str) -> Result<Arc<dyn ImageFiles>> {
    let (plain, id) = match name.split_once(names::SEPARATOR) {
        Some((plain, id)) => (plain, Some(id)),
        None => (name, None),
    };
    let directories = store.candidates(name)?;
    if id.is_some() && directories.iter().any(|directory| directory == name) {
        return store.directory(name);
    }
    let mut finished: Vec<Candidate> = Vec::new();
    let mut other = Vec::new();
    for directory in directories {
        if directory != name && !names::may_hold(&directory, plain) {
            continue;
        }
        let looked = store.directory(&directory).and_then(|files| {
            let state = state_of(files.as_ref())?;
            Ok((files, state))
        });
        match looked {
            // Removed while we looked.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok((files, State::Finished)) => finished.push(Candidate::read(directory, files)?),
            Ok((files, _)) if names::name_of_directory(&directory) == plain => other.push(files),
            Ok(_) => {}
        }
    }
    finished.retain(|candidate| {
        let own = candidate.image_id.map(|own| own.short());
        candidate.name() == plain && (id.is_none() || own.as_deref() == id)
            || candidate.directory == name
    });
    if finished.iter().any(|candidate| candidate.name() == plain) {
        // A directory keeps the name it was made for, when its image had to take another.
        finished.retain(|candidate| candidate.name() == plain);
    }
    // A save that was cut off within its manifest leaves a damaged image beside the sound one. What
    // lies under the very name is another matter.
    if finished.iter().any(|candidate| candidate.manifest.is_some()) {
        finished.retain(|candidate| candidate.manifest.is_some() || candidate.directory == name);
    }
    let is_left =
        |candidate: &Candidate| !finished.iter().any(|other| candidate.is_replaced_by(other));
    let left: Vec<&Candidate> = finished.iter().filter(|one| is_left(one)).collect();
    match (left.as_slice(), finished.as_slice()) {
        ([one], _) => Ok(one.files.clone()),
        ([], [one]) => Ok(one.files.clone()),
        ([], []) => match other.into_iter().find(|files| id.is_none() || has_id(files, id)) {
            Some(files) => Ok(files),
            None => Err(Error::new(ErrorKind::NotFound, message!("store-no-image"))
                .on_device(format!("{}/{name}", store.location()))
                .advise(message!("image-foreign-advice"))),
        },
        ([], all) => Err(ambiguous_among(store, name, &all.iter().collect::<Vec<_>>())),
        (several, _) => Err(ambiguous_among(store, name, several)),
    }
}

fn has_id(files: &Arc<dyn ImageFiles>, id: Option<&str>) -> bool {
    header_of(files.as_ref()).is_some_and(|header| Some(header.image_id.short().as_str()) == id)
}

/// As [`find`], for who removes it: where an image that was replaced, or what is left of a save, has the
/// very name as its directory, nobody can know which of the two is meant.
///
/// # Errors
/// As [`find`].
pub fn find_to_remove(store: &dyn Store, name: &str) -> Result<Arc<dyn ImageFiles>> {
    let found = find(store, name)?;
    let directory = found.directory();
    if directory == name || name.contains(names::SEPARATOR) {
        return Ok(found);
    }
    let leftover = match store.directory(name) {
        Ok(files) => files,
        _ => return Ok(found),
    };
    let is_called_so = match state_of(leftover.as_ref())? {
        State::Unfinished => true,
        State::Finished => Candidate::read(name.to_owned(), leftover.clone())?.name() == name,
        State::Foreign => false,
    };
    // Without its header it could be named by no word.
    if !is_called_so || header_of(leftover.as_ref()).is_none() {
        return Ok(found);
    }
    let both = [(directory.as_str(), directory.clone()), (name, word_for(store, name))];
    Err(ambiguous(store, name, both.into_iter()))
}

/// A word that means what lies in `directory`, whatever image is called so now.
pub fn word_for(store: &dyn Store, directory: &str) -> String {
    let header = match directory.contains(names::SEPARATOR) {
        true => None,
        false => store.directory(directory).ok().and_then(|files| header_of(files.as_ref())),
    };
    match header {
        Some(header) => names::directory_beside(directory, &header.image_id),
        None => directory.to_owned(),
    }
}

fn ambiguous_among(store: &dyn Store, name: &str, candidates: &[&Candidate]) -> Error {
    let list = candidates.iter().map(|candidate| (candidate.directory.as_str(), candidate.word()));
    ambiguous(store, name, list)
}

/// The error for a name that several directories have, each with a word that means it alone.
pub fn ambiguous<'a>(
    store: &dyn Store,
    name: &str,
    candidates: impl Iterator<Item = (&'a str, String)>,
) -> Error {
    let location = store.location();
    let list: Vec<String> = candidates
        .map(|(directory, word)| format!("  {location}/{directory}  =  {location}/{word}"))
        .collect();
    Error::new(
        ErrorKind::Refused,
        message!("library-ambiguous", name = name, count = list.len(), list = list.join("\n")),
    )
    .advise(message!("library-ambiguous-advice"))
}
