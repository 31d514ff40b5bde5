//! Removing images: by command, and what others have taken the place of.

use super::{Condition, Entry, header_of, list, oldest_first, replacement_of};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{
    ABOUT, Depth, Freshness, HEADER, Image, ImageFiles, LOG, MANIFEST, SHA256SUMS, State,
    is_data_file, state_of, verify,
};
use crate::report::{Report, Silent, Stage};
use crate::store::Store;
use crate::text::{Message, message};
use std::collections::BTreeMap;

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
/// [`ErrorKind::Refused`] when another image refers to it, it is being written, or the directory is
/// a link to another place.
pub fn delete(store: &dyn Store, directory: &str) -> Result<()> {
    delete_while(store, directory, |_| true)
}

/// As [`delete`], as long as the directory is what `wanted` says when nobody else writes it any
/// more.
fn delete_while(store: &dyn Store, directory: &str, wanted: fn(State) -> bool) -> Result<()> {
    let files = store.directory(directory)?;
    let refuse =
        |message: Message| Error::new(ErrorKind::Refused, message).on_device(files.location());
    if state_of(files.as_ref())? == State::Foreign {
        return Err(Error::new(ErrorKind::NotFound, message!("image-foreign"))
            .on_device(files.location())
            .advise(message!("image-foreign-advice")));
    }
    if let Some(target) = store.link(directory) {
        return Err(refuse(message!("library-is-link", target = target))
            .advise(message!("library-is-link-advice")));
    }
    let Some(claim) = store.claim(directory)? else {
        return Err(refuse(message!("library-in-use")).advise(message!("library-in-use-advice")));
    };
    if !wanted(state_of(files.as_ref())?) {
        return Err(refuse(message!("library-not-unfinished")));
    }
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
    let mut claim = Some(claim);
    for (_, name) in ours {
        // The claim keeps the header open, and on NFS and SMB an open file is not gone when it is
        // deleted. It goes last, so there is nothing left to guard.
        if name == HEADER {
            claim.take();
        }
        files.delete(&name)?;
    }
    drop(claim);
    if files.list()?.is_empty() {
        store.remove_directory(directory)?;
    }
    Ok(())
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

/// Proves that an image is there before one that it replaced goes: what describes it is sound, and
/// every file lies on the medium with its length.
///
/// # Errors
/// [`ErrorKind::Damaged`] when it is not, or what the store failed with.
pub fn prove(store: &dyn Store, directory: &str) -> Result<()> {
    let image = Image::open(store.directory(directory)?, Freshness::Medium)?;
    verify(&image, Depth::Quick, Freshness::Medium, Stage::Verify, &Silent).map(drop)
}

/// What can be pruned.
pub struct Pruning {
    /// Leftovers of saves that did not come to their end, and images whose replacement stands.
    pub remove: Vec<Entry>,
    /// Replaced images that stay; `problem` says why.
    pub keep: Vec<Entry>,
    /// By the directory of a replaced image, that of the one which has its name now.
    replaced_by: BTreeMap<String, String>,
}

impl Pruning {
    /// Removes one of the entries: what has changed since they were listed is looked at again.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when a leftover has become an image or is being written,
    /// [`ErrorKind::Damaged`] when the replacement is not sound any more.
    pub fn carry_out(&self, store: &dyn Store, entry: &Entry) -> Result<()> {
        match self.replaced_by.get(&entry.directory) {
            Some(replacement) => {
                prove(store, replacement)?;
                delete(store, &entry.directory)
            }
            None => delete_while(store, &entry.directory, |state| state == State::Unfinished),
        }
    }
}

/// Finds what can be pruned: leftovers of saves that did not come to their end, and images whose
/// replacement was completed without removing them. Not those whose replacement lacks bytes that
/// its disk could not give, or is not sound itself.
///
/// # Errors
/// When the store cannot be read.
pub fn pruning(store: &dyn Store, report: &dyn Report) -> Result<Pruning> {
    let entries = list(store, report)?;
    let mut found = Pruning { remove: Vec::new(), keep: Vec::new(), replaced_by: BTreeMap::new() };
    let mut proofs: BTreeMap<&str, Option<Message>> = BTreeMap::new();
    let mut replaced = Vec::new();
    for entry in &entries {
        if let Some(target) = store.link(&entry.directory) {
            if matches!(entry.condition, Condition::Unfinished | Condition::Replaced) {
                let problem = Some(message!("library-is-link", target = target));
                found.keep.push(Entry { problem, ..entry.clone() });
            }
            continue;
        }
        match entry.condition {
            Condition::Unfinished if entry.problem.is_some() => found.keep.push(entry.clone()),
            Condition::Unfinished => found.remove.push(entry.clone()),
            Condition::Replaced => {
                let reason = match holder_after(&entries, entry) {
                    None => Some(message!("library-keeps-circle")),
                    Some(holder) => {
                        let proof = proofs.entry(&holder.directory);
                        let proof = proof.or_insert_with(|| doubt_about(store, holder));
                        let holder = holder.directory.clone();
                        found.replaced_by.insert(entry.directory.clone(), holder);
                        proof.clone()
                    }
                };
                match reason {
                    None => replaced.push(entry.clone()),
                    reason => found.keep.push(Entry { problem: reason, ..entry.clone() }),
                }
            }
            _ => {}
        }
    }
    found.remove.extend(oldest_first(&entries, replaced));
    Ok(found)
}

/// The entries of [`pruning`] that can be removed.
///
/// # Errors
/// When the store cannot be read.
pub fn prunable(store: &dyn Store, report: &dyn Report) -> Result<Vec<Entry>> {
    pruning(store, report).map(|found| found.remove)
}

/// The image that has the name of a replaced one now, however often it was replaced; none when
/// images replace each other in a circle, as only somebody who forges them can make it.
fn holder_after<'a>(entries: &'a [Entry], entry: &Entry) -> Option<&'a Entry> {
    let mut holder = replacement_of(entries, entry)?;
    for _ in entries {
        match replacement_of(entries, holder) {
            Some(next) => holder = next,
            None => return Some(holder),
        }
    }
    None
}

/// Why images that `holder` took the name of should stay.
fn doubt_about(store: &dyn Store, holder: &Entry) -> Option<Message> {
    let directory = holder.directory.as_str();
    let manifest = holder.manifest.as_ref();
    if manifest.is_none_or(|manifest| manifest.unreadable_bytes() > 0) {
        return Some(message!("library-keeps-unreadable", directory = directory));
    }
    if manifest.is_none_or(|manifest| !manifest.verified) {
        return Some(message!("library-keeps-unverified", directory = directory));
    }
    let why = prove(store, directory).err()?;
    let why = why.message().clone();
    Some(message!("library-keeps-unproven", directory = directory, why = why))
}
