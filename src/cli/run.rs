//! Carrying out a job: plan, show, ask, execute, report.

use super::help;
use crate::block::BlockSource as _;
use crate::block::device::{Access, Device};
use crate::error::{Error, ErrorKind, Result};
use crate::hardware::{Inventory, inventory, selector};
use crate::image::{Depth, Freshness, Image, Saved, verify};
use crate::job::{
    DeleteJob, Job, MapJob, PruneJob, RestoreJob, SaveJob, VerifyJob, parse_partitions,
};
use crate::operation::devices::{self, DeviceTarget};
use crate::operation::library;
use crate::operation::restore::{self, Assignment, PartitionPlace, RestoreOptions, RestorePlan};
use crate::operation::save::{self, SaveOptions};
use crate::operation::survey::{Choice, DiskSurvey, survey};
use crate::report::{Report, Stage};
use crate::store::{LocalStore, Store};
use crate::text::message;
use crate::ui::{self, Console};
use crate::units::{Extent, ExtentMap, human_bytes};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Exit code of a run that did what it could while data could not be read.
const DATA_LOST: u8 = 4;

/// Does a job; answers the exit code of a run that did not fail.
pub(super) fn run(job: &Job, json: bool, console: &Console) -> Result<u8> {
    match job {
        Job::Disks(_) => list_disks(json),
        Job::Map(job) => show_map(job, json),
        Job::Save(job) => save_disks(job, json, console),
        Job::Restore(job) => restore_image(job, json, console),
        Job::Verify(job) => verify_images(job, json, console),
        Job::Images(job) => {
            let entries = library::list(&open_store(&job.destination)?)?;
            match json {
                true => print_json(
                    &json!({ "images": entries.iter().map(image_json).collect::<Vec<_>>() }),
                )?,
                false => ui::print(&ui::images(&entries))?,
            }
            Ok(0)
        }
        Job::Show(job) => {
            let image = open_image(&job.image)?;
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
        Job::Delete(job) => delete_image(job, json),
        Job::Prune(job) => prune(job, json),
        Job::Generate(job) => help::generate(&job.folder).map(|()| 0),
    }
}

fn print_json(document: &Value) -> Result<()> {
    ui::print(&format!("{document:#}\n"))
}

/// The store that a destination means.
fn open_store(destination: &str) -> Result<LocalStore> {
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
fn split_image(word: &str) -> Result<(LocalStore, String)> {
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

fn open_image(word: &str) -> Result<Image> {
    let (store, name) = split_image(word)?;
    Image::open(library::find(&store, &name)?, Freshness::Any)
}

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
        "verified": manifest.map(|manifest| manifest.verified),
        "disks": manifest.map(|manifest| manifest.disks.iter().map(|disk| json!({
            "identity": disk.identity,
            "size": disk.size,
            "complete": disk.complete,
        })).collect::<Vec<_>>()),
    })
}

// ----- disks and map

fn survey_json(survey: &DiskSurvey) -> Value {
    json!({
        "table": survey.table,
        "doubt": survey.doubt.as_ref().map(ToString::to_string),
        "notes": survey.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "system": survey.system(),
        "used_bytes": survey.used_bytes(),
        "volumes": survey.volumes.iter().map(|volume| json!({
            "partition": volume.number(),
            "type": volume.partition.as_ref().map(|partition| partition.kind.name().to_string()),
            "extent": volume.extent,
            "content": volume.content(),
            "content_name": volume.content().kind.name().to_string(),
            "used_bytes": volume.reading.used.as_ref().ok().map(|used| used.extents.total_bytes()),
            "doubt": volume.reading.used.as_ref().err().map(ToString::to_string),
            "system": volume.system,
        })).collect::<Vec<_>>(),
    })
}

fn list_disks(json: bool) -> Result<u8> {
    let inventory = inventory();
    let opened: Vec<Result<Device>> =
        inventory.disks.iter().map(|disk| Device::open(&disk.path, Access::Look)).collect();
    let surveys: Vec<Option<DiskSurvey>> = opened
        .iter()
        .map(|device| device.as_ref().ok().and_then(|device| survey(&[device]).pop()))
        .collect();
    if !json {
        ui::print(&ui::disks(&inventory, &surveys))?;
        return Ok(0);
    }
    let mut document = json!({
        "firmware": inventory.firmware,
        "disks": inventory.disks,
        "derived": inventory.derived,
        "hidden_controllers": inventory.hidden.iter().map(|controller| {
            let mut value = json!(controller);
            value["message"] = json!(controller.message.to_string());
            value
        }).collect::<Vec<_>>(),
    });
    for (number, (survey, device)) in surveys.iter().zip(&opened).enumerate() {
        document["disks"][number]["survey"] = json!(survey.as_ref().map(survey_json));
        document["disks"][number]["problem"] =
            json!(device.as_ref().err().map(|error| error.to_string()));
    }
    print_json(&document)?;
    Ok(0)
}

/// One volume of a map.
struct MapRow {
    partition: Option<u32>,
    content: String,
    extent: Extent,
    used: ExtentMap,
    whole: bool,
    note: Option<String>,
}

fn extents_json(map: &ExtentMap) -> Value {
    json!(map.iter().map(|extent| [extent.offset, extent.length]).collect::<Vec<_>>())
}

fn show_map(job: &MapJob, json: bool) -> Result<u8> {
    let disks = match Path::new(&job.source).is_dir() {
        true => map_of_image(&open_image(&job.source)?)?,
        false => vec![map_of_disk(&job.source)?],
    };
    if json {
        let document = json!({ "disks": disks.iter().map(|(name, size, map, rows)| json!({
            "name": name,
            "size": size,
            "used_bytes": map.total_bytes(),
            "extents": extents_json(map),
            "volumes": rows.iter().map(|row| json!({
                "partition": row.partition,
                "content": row.content,
                "extent": row.extent,
                "used_bytes": row.used.total_bytes(),
                "whole": row.whole,
                "note": row.note,
                "extents": extents_json(&row.used),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>() });
        print_json(&document)?;
        return Ok(0);
    }
    for (name, size, map, rows) in disks {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.partition.map_or_else(|| "–".to_owned(), |number| number.to_string()),
                    row.content.clone(),
                    human_bytes(row.extent.length),
                    human_bytes(row.used.total_bytes()),
                    row.used.len().to_string(),
                    row.note.clone().unwrap_or_default(),
                ]
            })
            .collect();
        ui::print(&ui::map(&name, size, map.total_bytes(), &rows))?;
    }
    Ok(0)
}

type DiskMap = (String, u64, ExtentMap, Vec<MapRow>);

fn outside_row(map: &ExtentMap, rows: &[MapRow], size: u64) -> MapRow {
    let volumes: ExtentMap = rows.iter().map(|row| row.extent).collect();
    let used = map.difference(&volumes);
    MapRow {
        partition: None,
        content: message!("ui-outside-partitions").to_string(),
        extent: Extent::new(0, size.saturating_sub(volumes.total_bytes())),
        used,
        whole: false,
        note: None,
    }
}

fn map_of_disk(word: &str) -> Result<DiskMap> {
    let selected = selector::resolve(word, &Inventory::read(Path::new("/")))?;
    let device = Device::open(&selected.path, Access::Look)?;
    let survey = survey(&[&device]).pop().expect("one disk, one survey");
    let (uses, map) = survey.used(&Choice::default());
    let mut rows: Vec<MapRow> = survey
        .volumes
        .iter()
        .zip(uses)
        .map(|(volume, used)| MapRow {
            partition: volume.number(),
            content: volume.content().kind.name().to_string(),
            extent: volume.extent,
            whole: used.saved == Saved::Whole,
            note: used.reason.map(|reason| reason.to_string()),
            used: used.extents,
        })
        .collect();
    rows.push(outside_row(&map, &rows, device.size()));
    Ok((device.name(), device.size(), map, rows))
}

fn map_of_image(image: &Image) -> Result<Vec<DiskMap>> {
    let mut disks = Vec::new();
    for (number, disk) in image.manifest().disks.iter().enumerate() {
        let index = image.index(number, Freshness::Any)?;
        let map: ExtentMap = index.used_extents().collect::<Result<_>>()?;
        let mut rows: Vec<MapRow> = disk
            .volumes
            .iter()
            .map(|volume| MapRow {
                partition: volume.partition,
                content: volume.content.kind.name().to_string(),
                extent: volume.extent,
                used: map.within(volume.extent).collect(),
                whole: volume.saved == Saved::Whole,
                note: volume.reason.as_ref().map(ToString::to_string),
            })
            .collect();
        rows.push(outside_row(&map, &rows, disk.size));
        disks.push((disk.identity.name.clone(), disk.size, map, rows));
    }
    Ok(disks)
}

// ----- save

/// What is wanted of each source.
fn choices(job: &SaveJob) -> Result<Vec<Choice>> {
    let mut choices = vec![Choice { partitions: None, raw: job.raw }; job.sources.len()];
    for text in &job.partitions {
        let (disk, numbers) = parse_partitions(text)?;
        let position = match disk {
            None if job.sources.len() == 1 => Some(0),
            None => None,
            Some(disk) => {
                let only = |accept: &dyn Fn(&String) -> bool| {
                    let mut found = job.sources.iter().enumerate().filter(|(_, s)| accept(s));
                    found.next().map(|(position, _)| position).filter(|_| found.next().is_none())
                };
                only(&|source| source == &disk).or_else(|| {
                    only(&|source| {
                        Path::new(source).file_name().is_some_and(|name| name == disk.as_str())
                    })
                })
            }
        };
        let Some(position) = position else {
            let names = job.sources.join(", ");
            return Err(Error::new(
                ErrorKind::Usage,
                message!("cli-partitions-of-which", text = text, names = names),
            )
            .advise(message!("cli-not-partitions-advice")));
        };
        choices[position].partitions.get_or_insert_default().extend(numbers);
    }
    Ok(choices)
}

fn save_disks(job: &SaveJob, json: bool, console: &Console) -> Result<u8> {
    let store: Arc<dyn Store> = Arc::new(open_store(&job.to)?);
    let choices = choices(job)?;
    let inventory = inventory();
    let mut sources = Vec::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    for (word, choice) in job.sources.iter().zip(choices) {
        let path = selector::resolve(word, &inventory)?.path;
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        if paths.contains(&path) {
            return Err(
                Error::new(ErrorKind::Usage, message!("cli-source-twice")).on_device(word.as_str())
            );
        }
        paths.push(path);
        sources.push(devices::open_source(word, &inventory, choice)?);
    }
    let options = SaveOptions {
        name: job.name.clone(),
        note: job.note.clone(),
        level: job.level,
        split_size: job.split,
        replace: job.replace,
        verify: !job.no_verify,
        command: job.command(),
        machine: devices::machine(&inventory),
        ..SaveOptions::default()
    };
    let plan = save::plan(sources, store, options, console)?;
    if job.dry_run && json {
        print_json(&save_plan_json(&plan))?;
        return Ok(0);
    }
    if !json {
        ui::print(&ui::save_plan(&plan))?;
    }
    if job.dry_run {
        return Ok(0);
    }
    let outcome = plan.execute(console)?;
    match json {
        true => print_json(&json!(outcome))?,
        false => {
            let text = message!(
                "ui-save-done",
                location = outcome.location.as_str(),
                used = human_bytes(outcome.used_bytes),
                stored = human_bytes(outcome.stored_bytes),
                seconds = format!("{:.0}", outcome.seconds)
            );
            let proof = match outcome.verified {
                true => message!("ui-save-verified"),
                false => message!("ui-save-not-verified"),
            };
            ui::print(&format!("{text}\n{proof}\n"))?;
            for warning in &outcome.warnings {
                ui::print(&format!("{}\n", message!("ui-warning", warning = warning.clone())))?;
            }
        }
    }
    Ok(if outcome.unreadable_bytes > 0 { DATA_LOST } else { 0 })
}

fn save_plan_json(plan: &save::SavePlan) -> Value {
    json!({
        "name": plan.name,
        "destination": plan.destination(),
        "used_bytes": plan.used_bytes,
        "estimated_bytes": plan.estimated_bytes,
        "free_space": plan.free_space,
        "replaces": plan.replaces(),
        "level": plan.level().to_string(),
        "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "disks": plan.disks.iter().map(|disk| json!({
            "identity": disk.identity(),
            "size": disk.survey.size,
            "used_bytes": disk.map.total_bytes(),
            "survey": survey_json(&disk.survey),
            "volumes": disk.survey.volumes.iter().zip(&disk.uses).map(|(volume, used)| json!({
                "partition": volume.number(),
                "saved": used.saved,
                "reason": used.reason.as_ref().map(ToString::to_string),
                "used_bytes": used.extents.total_bytes(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

// ----- restore

/// Refuses names that mean another disk after the next start, when nobody looks.
fn check_stable(word: &str, yes: bool) -> Result<()> {
    if yes && !selector::is_stable_name(word) {
        return Err(Error::new(ErrorKind::Refused, message!("cli-unstable-name", word = word))
            .advise(message!("cli-unstable-name-advice")));
    }
    Ok(())
}

fn assignments(job: &RestoreJob, image: &Image, folder: &Path) -> Result<Vec<Assignment>> {
    let inventory = Inventory::read(Path::new("/"));
    let protected = [folder.to_owned()];
    let find = |word: &str| -> Result<Arc<DeviceTarget>> {
        check_stable(word, job.yes)?;
        DeviceTarget::find(word, &inventory, &protected).map(Arc::new)
    };
    let manifest = image.manifest();
    let names: Vec<&str> = manifest.disks.iter().map(|disk| disk.identity.name.as_str()).collect();
    let which = |name: Option<&str>, text: &str| -> Result<usize> {
        let found = match name {
            Some(name) => names.iter().position(|known| *known == name),
            None if names.len() == 1 => Some(0),
            None => None,
        };
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                message!("cli-which-disk", text = text, names = names.join(", ")),
            )
            .advise(message!("cli-which-disk-advice"))
        })
    };

    // Which partitions of which disk.
    let mut wanted: Vec<Option<Vec<u32>>> = vec![None; names.len()];
    for text in &job.partitions {
        let (disk, numbers) = parse_partitions(text)?;
        wanted[which(disk.as_deref(), text)?].get_or_insert_default().extend(numbers);
    }
    // Where each goes, when it is not its own number on the target.
    let mut places: Vec<(u32, String)> = Vec::new();
    for text in &job.place {
        let parsed = text.split_once('=').and_then(|(number, target)| {
            Some((number.parse().ok()?, target.to_owned())).filter(|_| !target.is_empty())
        });
        let Some(place) = parsed else {
            return Err(Error::new(ErrorKind::Usage, message!("cli-not-a-place", text = text))
                .advise(message!("cli-not-a-place-advice")));
        };
        places.push(place);
    }
    if !places.is_empty() {
        let disk = which(None, &job.place.join(" "))?;
        let numbers = wanted[disk].get_or_insert_default();
        numbers.extend(places.iter().map(|(number, _)| *number));
        numbers.sort_unstable();
        numbers.dedup();
    }

    let mut assignments = Vec::new();
    for (number, target) in &places {
        if target.parse::<u32>().is_err() {
            assignments.push(Assignment {
                disk: 0,
                target: find(target)?,
                partitions: Some(vec![PartitionPlace::Whole(*number)]),
            });
        }
    }
    let elsewhere = |number: &u32| {
        places.iter().any(|(placed, target)| placed == number && target.parse::<u32>().is_err())
    };
    let on_target = |number: u32| {
        let place = places.iter().find(|(placed, _)| *placed == number);
        let to = place.and_then(|(_, target)| target.parse().ok()).unwrap_or(number);
        PartitionPlace::Number(number, to)
    };
    for word in &job.to {
        // A path may contain the sign too: what stands before it must be a disk of the image.
        let named = word.split_once('=').filter(|(name, _)| names.contains(name));
        let (name, target) = named.map_or((None, word.as_str()), |(n, t)| (Some(n), t));
        let disk = which(name, word)?;
        let partitions = wanted[disk].as_ref().map(|numbers| {
            numbers.iter().filter(|number| !elsewhere(number)).map(|n| on_target(*n)).collect()
        });
        if partitions.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        assignments.push(Assignment { disk, target: find(target)?, partitions });
    }
    let placed_nowhere = wanted.iter().enumerate().any(|(disk, numbers)| {
        let is_placed = |number: &u32| {
            let on_target = assignments.iter().filter(|assignment| assignment.disk == disk);
            elsewhere(number)
                || on_target
                    .flat_map(|assignment| assignment.partitions.iter().flatten())
                    .any(|place| matches!(place, PartitionPlace::Number(from, _) if from == number))
        };
        numbers.iter().flatten().any(|number| !is_placed(number))
    });
    if assignments.is_empty() || placed_nowhere {
        return Err(Error::new(ErrorKind::Usage, message!("cli-no-target"))
            .advise(message!("cli-no-target-advice")));
    }
    check_apart(&assignments)?;
    Ok(assignments)
}

/// Refuses two disks for one target and one disk for two targets.
fn check_apart(assignments: &[Assignment]) -> Result<()> {
    for (position, one) in assignments.iter().enumerate() {
        for other in &assignments[position + 1..] {
            let same_disk =
                one.disk == other.disk && (one.partitions.is_none() || other.partitions.is_none());
            if one.target.name() == other.target.name() || same_disk {
                return Err(Error::new(ErrorKind::Usage, message!("restore-place-twice"))
                    .on_device(one.target.name()));
            }
        }
    }
    Ok(())
}

/// Whether the live system runs this by itself, as its kernel's command line says.
fn is_unattended() -> bool {
    std::env::var_os("CALCO_UNATTENDED").is_some_and(|value| value == "1")
}

fn restore_image(job: &RestoreJob, json: bool, console: &Console) -> Result<u8> {
    let (store, name) = split_image(&job.image)?;
    let files = library::find(&store, &name)?;
    let folder = PathBuf::from(files.location());
    let image = Image::open(files, Freshness::Any)?;
    let assignments = assignments(job, &image, &folder)?;
    let options = RestoreOptions {
        precheck: !job.no_precheck,
        verify: !job.no_verify,
        repair_table: job.repair_table,
    };
    let mut plan = restore::plan(image, assignments, options)?;
    if let Some(file) = &job.keep_old {
        plan.keep_old(file.clone());
    }
    if job.dry_run && json {
        print_json(&restore_plan_json(&plan))?;
        return Ok(0);
    }
    if !json || !job.yes {
        // The person must see it in any case; standard output may be for a program.
        match json {
            true => eprint!("{}", ui::restore_plan(&plan)),
            false => ui::print(&ui::restore_plan(&plan))?,
        }
    }
    if job.dry_run {
        return Ok(0);
    }
    if is_unattended() && !job.again {
        plan.check_not_carried()?;
    }
    if !job.yes {
        for target in &plan.targets {
            let identity = target.target.identity();
            let question = message!(
                "ui-restore-confirm",
                target = [Some(target.target.name()), identity.model, identity.serial]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", "),
                word = identity.name.as_str()
            );
            ui::confirm(&question, &identity.name)?;
        }
    }
    let outcome = plan.execute(console)?;
    match json {
        true => print_json(&json!(outcome))?,
        false => {
            let text = message!(
                "ui-restore-done",
                name = outcome.name.as_str(),
                bytes = human_bytes(outcome.bytes),
                seconds = format!("{:.0}", outcome.seconds)
            );
            let proof = match outcome.verified {
                true => message!("ui-restore-verified"),
                false => message!("ui-restore-not-verified"),
            };
            ui::print(&format!("{text}\n{proof}\n"))?;
            for warning in &outcome.warnings {
                ui::print(&format!("{}\n", message!("ui-warning", warning = warning.clone())))?;
            }
        }
    }
    Ok(if outcome.unreadable_bytes > 0 { DATA_LOST } else { 0 })
}

fn restore_plan_json(plan: &RestorePlan) -> Value {
    let manifest = plan.image().manifest();
    json!({
        "name": manifest.name,
        "image_id": manifest.image_id,
        "bytes": plan.bytes(),
        "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "targets": plan.targets.iter().map(|target| json!({
            "disk": manifest.disks[target.disk].identity.name,
            "target": target.target.name(),
            "identity": target.target.identity(),
            "size": target.size,
            "bytes": target.bytes,
            "found": survey_json(&target.found),
            "partitions": target.partitions.as_ref().map(|places| {
                places.iter().map(|place| match place {
                    PartitionPlace::Number(from, to) => json!({ "from": from, "to": to }),
                    PartitionPlace::Whole(from) => json!({ "from": from, "to": null }),
                }).collect::<Vec<_>>()
            }),
        })).collect::<Vec<_>>(),
    })
}

// ----- verify, delete, prune

fn verify_images(job: &VerifyJob, json: bool, console: &Console) -> Result<u8> {
    let depth = if job.quick { Depth::Quick } else { Depth::Full };
    let mut results = Vec::new();
    let mut worst: Option<Error> = None;
    for word in &job.images {
        let checked = split_image(word).and_then(|(store, name)| {
            let image = Image::open(library::find(&store, &name)?, Freshness::Medium)?;
            verify(&image, depth, Freshness::Medium, Stage::Verify, console)
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
                results.push(json!({
                    "image": word,
                    "sound": false,
                    "error": error.to_string(),
                    "report": error.report(),
                }));
                if job.images.len() > 1 {
                    eprintln!("{word}\n{}", error.report());
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
                eprintln!("{}", error.report());
            }
            Ok(error.kind().exit_code())
        }
        Some(error) => Err(error),
    }
}

fn delete_image(job: &DeleteJob, json: bool) -> Result<u8> {
    let (store, name) = split_image(&job.image)?;
    let location = library::find(&store, &name)?.location();
    let directory =
        Path::new(&location).file_name().map(|name| name.to_string_lossy().into_owned());
    let directory = directory.unwrap_or(name);
    if !job.yes {
        ui::print(&format!("{}\n", message!("ui-delete-what", location = location.as_str())))?;
        ui::confirm(&message!("ui-delete-confirm", word = directory.as_str()), &directory)?;
    }
    library::delete(&store, &directory)?;
    match json {
        true => print_json(&json!({ "deleted": [location] }))?,
        false => ui::print(&format!("{}\n", message!("ui-deleted", location = location)))?,
    }
    Ok(0)
}

fn prune(job: &PruneJob, json: bool) -> Result<u8> {
    let store = open_store(&job.destination)?;
    let pruning = library::pruning(&store)?;
    let kept: Vec<(&str, String)> = pruning
        .keep
        .iter()
        .filter_map(|entry| Some((entry.directory.as_str(), entry.problem.as_ref()?.to_string())))
        .collect();
    let show_kept = || -> Result<()> {
        for (directory, why) in kept.iter().filter(|_| !json) {
            ui::print(&format!("{}/{directory}: {why}\n", store.location()))?;
        }
        Ok(())
    };
    let kept_json = json!(
        kept.iter()
            .map(|(directory, why)| json!({ "directory": directory, "why": why }))
            .collect::<Vec<_>>()
    );
    if pruning.remove.is_empty() {
        show_kept()?;
        match json {
            true => print_json(&json!({ "deleted": [], "kept": kept_json }))?,
            false => ui::print(&format!("{}\n", message!("ui-prune-nothing")))?,
        }
        return Ok(0);
    }
    if !job.yes {
        let list = ui::images(&pruning.remove);
        match json {
            true => eprint!("{list}"),
            false => ui::print(&list)?,
        }
        let count = pruning.remove.len().to_string();
        ui::confirm(&message!("ui-prune-confirm", count = pruning.remove.len()), &count)?;
    }
    let mut deleted = Vec::new();
    for entry in &pruning.remove {
        pruning.carry_out(&store, entry)?;
        if !json {
            let location = format!("{}/{}", store.location(), entry.directory);
            ui::print(&format!("{}\n", message!("ui-deleted", location = location)))?;
        }
        deleted.push(entry.directory.as_str());
    }
    show_kept()?;
    if json {
        print_json(&json!({ "deleted": deleted, "kept": kept_json }))?;
    }
    Ok(0)
}
