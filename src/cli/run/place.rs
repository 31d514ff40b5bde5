//! What the words for destinations and images mean.

use crate::error::{Error, ErrorKind, Result};
use crate::image::{Freshness, Image};
use crate::operation::library;
use crate::store::LocalStore;
use crate::text::message;
use std::path::Path;

/// The store that a destination means.
pub(super) fn open_store(destination: &str) -> Result<LocalStore> {
    const SCHEMES: [&str; 7] =
        ["usb:", "nfs://", "smb://", "sftp://", "s3://", "http://", "https://"];
    if let Some(scheme) = SCHEMES.into_iter().find(|scheme| destination.starts_with(scheme)) {
        let scheme = scheme.trim_end_matches(['/', ':']);
        return Err(Error::new(ErrorKind::Unsupported, message!("cli-no-scheme", scheme = scheme))
            .advise(message!("cli-no-scheme-advice")));
    }
    LocalStore::open(Path::new(destination))
}

/// The store and the name that `DEST/name` means.
pub(super) fn split_image(word: &str) -> Result<(LocalStore, String)> {
    // `.` and `..` have a name of their own only from outside.
    let named = match Path::new(word).file_name() {
        Some(_) => None,
        None => std::fs::canonicalize(word).ok(),
    };
    let path = named.as_deref().unwrap_or(Path::new(word));
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(Error::new(ErrorKind::Usage, message!("cli-not-an-image", word = word))
            .advise(message!("image-foreign-advice")));
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let store = open_store(&parent.display().to_string())?;
    Ok((store, name.to_owned()))
}

pub(super) fn open_image(word: &str) -> Result<Image> {
    let (store, name) = split_image(word)?;
    Image::open(library::find(&store, &name)?, Freshness::Any)
}
