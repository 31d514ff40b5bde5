//! The images of a destination: list, show, verify, delete, prune.

use super::place::open_image;
use super::{as_job, print_json};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{Depth, Freshness, verify};
use crate::job::{DeleteJob, ImagesJob, PruneJob, ShowJob, VerifyJob};
use crate::operation::destination::{self, DestinationAccess};
use crate::operation::library::{self, Condition};
use crate::report::{Report as _, Stage};
use crate::text::message;
use crate::ui::{self, Console};
use crate::units::human_bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn image_json(entry: &library::Entry) -> Value {
    let manifest = entry.manifest.as_ref();
    json!({
        "name": entry.name,
        "directory": entry.directory,
        "condition": entry.condition,
        "stored_bytes": entry.stored_bytes,
        "problem": entry.problem.as_ref().map(ToString::to_string),
        "image_id": manifest.map(|manifest| manifest.image_id),
        "created": manifest.map(|manifest| &manifest.created),
        "note": manifest.and_then(|manifest| manifest.note.as_ref()),
        "used_bytes": manifest.map(|manifest| manifest.used_bytes()),
        "unreadable_bytes": manifest.map(|manifest| manifest.unreadable_bytes()),
        "verified": manifest.map(|manifest| manifest.verified),
        "disks": manifest.map(|manifest| manifest.disks.iter().map(|disk| json!({
            "identity": disk.identity,
            "size": disk.size,
            "complete": disk.complete,
        })).collect::<Vec<_>>()),
    })
}

pub(super) fn list_images(job: &ImagesJob, json: bool, console: &Console) -> Result<u8> {
    let mut found: Vec<(String, Vec<library::Entry>)> = Vec::new();
    for word in &job.destinations {
        let destination = destination::open(word, DestinationAccess::Look)?;
        super::warn(destination.warnings());
        let entries = library::list(destination.store().as_ref(), console)
            .map_err(|error| destination.explain(error))?;
        found.push((destination.location(), entries));
    }
    if json {
        let images: Vec<Value> = found
            .iter()
            .enumerate()
            .flat_map(|(place, (location, entries))| {
                let found = &found;
                entries.iter().map(move |entry| {
                    let mut image = image_json(entry);
                    image["destination"] = json!(location);
                    image["copies"] = json!(copies(found, place, entry));
                    image
                })
            })
            .collect();
        print_json(&json!({ "images": images }))?;
        return Ok(0);
    }
    let has_several = found.len() > 1;
    for (place, (location, entries)) in found.iter().enumerate() {
        if has_several {
            let location = location.as_str();
            ui::print(&format!("{}\n", message!("ui-images-in", location = location)))?;
        }
        let copies = entries.iter().map(|entry| copies(&found, place, entry)).collect::<Vec<_>>();
        ui::print(&ui::images(entries, has_several.then_some(&copies)))?;
    }
    Ok(0)
}

/// Where else among the destinations the same image is, finished.
fn copies(
    found: &[(String, Vec<library::Entry>)],
    place: usize,
    entry: &library::Entry,
) -> Vec<String> {
    let Some(manifest) = &entry.manifest else { return Vec::new() };
    let is_same = |other: &library::Entry| {
        other.manifest.as_ref().is_some_and(|other| {
            (other.image_id, other.save_id) == (manifest.image_id, manifest.save_id)
        })
    };
    found
        .iter()
        .enumerate()
        .flat_map(|(number, (location, entries))| {
            entries
                .iter()
                .filter(move |other| number != place || other.directory != entry.directory)
                .filter(|other| is_same(other))
                .map(move |other| format!("{location}/{}", other.directory))
        })
        .collect()
}

pub(super) fn show_image(job: &ShowJob, json: bool) -> Result<u8> {
    let (_destination, image) = open_image(&job.image, Freshness::Any)?;
    match json {
        true => print_json(&json!({
            "location": image.files().location(),
            "header": image.header(),
            "manifest": image.manifest(),
        }))?,
        false => ui::print(&ui::show(image.manifest(), &image.files().location()))?,
    }
    Ok(0)
}

pub(super) fn verify_images(job: &VerifyJob, json: bool, console: &Console) -> Result<u8> {
    let depth = if job.quick { Depth::Quick } else { Depth::Full };
    let mut results = Vec::new();
    let mut worst: Option<Error> = None;
    for word in &job.images {
        let checked = open_image(word, Freshness::Medium).and_then(|(destination, image)| {
            let title = message!("menu-verifying", name = image.manifest().name.as_str());
            as_job(title, console, |report| {
                verify(&image, depth, Freshness::Medium, Stage::Verify, report)
                    .map_err(|error| destination.explain(error))
            })
        });
        match checked {
            Ok(found) => {
                results.push(json!({ "image": word, "sound": true, "checked": found }));
                if !json {
                    let text = match depth {
                        Depth::Full => message!(
                            "ui-verify-sound",
                            image = word.as_str(),
                            files = found.files,
                            chunks = found.chunks,
                            stored = human_bytes(found.stored_bytes)
                        ),
                        Depth::Quick => message!("ui-verify-quick", image = word.as_str()),
                    };
                    ui::print(&format!("{text}\n"))?;
                    if found.unreadable_bytes > 0 {
                        let size = human_bytes(found.unreadable_bytes);
                        ui::print(&format!("{}\n", message!("restore-unreadable", size = size)))?;
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                // Of what could not be read, nobody knows.
                let sound = (error.kind() == ErrorKind::Damaged).then_some(false);
                results.push(json!({
                    "image": word,
                    "sound": sound,
                    "kind": format!("{:?}", error.kind()).to_lowercase(),
                    "error": error.to_string(),
                    "report": error.report(),
                }));
                if job.images.len() > 1 {
                    ui::tell(&format!("{word}\n{}\n", error.report()));
                }
                // Damage is what a verification is for: it outweighs any other trouble.
                let damaged = |e: &Error| e.kind() == ErrorKind::Damaged;
                if worst.as_ref().is_none_or(|worst| damaged(&error) && !damaged(worst)) {
                    worst = Some(error);
                }
            }
        }
        console.check()?;
    }
    if json {
        print_json(&json!({ "images": results }))?;
    }
    match worst {
        None => Ok(0),
        Some(error) if json || job.images.len() > 1 => {
            if job.images.len() == 1 {
                ui::tell(&format!("{}\n", error.report()));
            }
            Ok(error.kind().exit_code())
        }
        Some(error) => Err(error),
    }
}

pub(super) fn delete_image(job: &DeleteJob, json: bool, console: &Console) -> Result<u8> {
    let (destination, name) = destination::open_image(&job.image, DestinationAccess::Write)?;
    let store = destination.store();
    let files = library::find_to_remove(store.as_ref(), &name)?;
    let (location, directory) = (files.location(), files.directory());
    if !job.yes {
        let what = format!("{}\n", message!("ui-delete-what", location = location.as_str()));
        match json {
            true => ui::tell(&what),
            false => ui::print(&what)?,
        }
        ui::confirm(&message!("ui-delete-confirm", word = directory.as_str()), &directory)?;
    }
    library::delete(store.as_ref(), &directory).map_err(|error| destination.explain(error))?;
    destination.close(console)?;
    match json {
        true => print_json(&json!({ "deleted": [location] }))?,
        false => ui::print(&format!("{}\n", message!("ui-deleted", location = location)))?,
    }
    Ok(0)
}

pub(super) fn prune(job: &PruneJob, json: bool, console: &Console) -> Result<u8> {
    let destination = destination::open(&job.destination, DestinationAccess::Write)?;
    let store = destination.store();
    let pruning = library::pruning(store.as_ref(), console)?;
    let mut kept: Vec<(&library::Entry, String)> = pruning
        .keep
        .iter()
        .filter_map(|entry| Some((entry, entry.problem.as_ref()?.to_string())))
        .collect();
    let finish = |deleted: &[&str], kept: &[(&library::Entry, String)]| -> Result<u8> {
        if json {
            let kept: Vec<Value> = kept
                .iter()
                .map(|(entry, why)| {
                    json!({ "directory": entry.directory, "word": entry.word(), "why": why })
                })
                .collect();
            print_json(&json!({ "deleted": deleted, "kept": kept }))?;
            return Ok(0);
        }
        for (entry, why) in kept {
            // The plain name means the image that has it now.
            ui::print(&format!("{}/{}: {why}\n", store.location(), entry.word()))?;
        }
        if pruning.remove.is_empty() {
            ui::print(&format!("{}\n", message!("ui-prune-nothing")))?;
        }
        Ok(0)
    };
    if pruning.remove.is_empty() {
        return finish(&[], &kept);
    }
    if !job.yes {
        let list = ui::images(&pruning.remove, None);
        match json {
            true => ui::tell(&list),
            false => ui::print(&list)?,
        }
        let count = pruning.remove.len().to_string();
        ui::confirm(&message!("ui-prune-confirm", count = pruning.remove.len()), &count)?;
    }
    let mut deleted = Vec::new();
    // Replaced images that stay, by name: what took their place stays with them, so that they never
    // seem to be the image of that name again.
    let mut staying: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in &pruning.remove {
        let is_replaced = entry.condition == Condition::Replaced;
        if let Some(older) = staying.get(entry.name.as_str()).filter(|_| is_replaced) {
            let why = message!("library-keeps-older", directory = *older);
            kept.push((entry, why.to_string()));
            continue;
        }
        match pruning.carry_out(store.as_ref(), entry) {
            Ok(()) => {}
            // Somebody reads or writes it; that is no reason to leave the others.
            Err(error) if error.kind() == ErrorKind::Refused => {
                kept.push((entry, error.to_string()));
                if is_replaced {
                    staying.insert(&entry.name, &entry.directory);
                }
                continue;
            }
            Err(error) => return Err(destination.explain(error)),
        }
        if !json {
            let location = format!("{}/{}", store.location(), entry.directory);
            ui::print(&format!("{}\n", message!("ui-deleted", location = location)))?;
        }
        deleted.push(entry.directory.as_str());
    }
    destination.close(console)?;
    finish(&deleted, &kept)
}
