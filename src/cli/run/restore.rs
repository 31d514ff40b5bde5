//! Restoring: the job's words, the plan, the questions, what came of it.

use super::disks::survey_json;
use super::{DATA_LOST, as_job, print_json};
use crate::error::{Error, ErrorKind, Result};
use crate::hardware::{Inventory, selector};
use crate::image::{Freshness, Image};
use crate::job::{RestoreJob, parse_partitions};
use crate::operation::destination::{DestinationAccess, open_image};
use crate::operation::devices::DeviceTarget;
use crate::operation::library;
use crate::operation::restore::{self, Assignment, PartitionPlace, RestoreOptions, RestorePlan};
use crate::text::message;
use crate::ui::menu::Planned;
use crate::ui::{self, Console};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    // On a server there is nothing to protect.
    let protected: Vec<PathBuf> = Some(folder)
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_owned)
        .into_iter()
        .collect();
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
        if places.iter().any(|(number, _)| *number == place.0) {
            return Err(Error::new(
                ErrorKind::Usage,
                message!("cli-placed-twice", number = place.0),
            )
            .advise(message!("cli-not-a-place-advice")));
        }
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
                    .on_device(one.target.name())
                    .advise(message!("restore-place-twice-advice")));
            }
        }
    }
    Ok(())
}

/// What a restore job will do and destroy. Reads, writes nothing.
pub(in crate::cli) fn plan(job: &RestoreJob) -> Result<Planned<RestorePlan>> {
    let (destination, name) = open_image(&job.image, DestinationAccess::Look)?;
    let files = library::find(destination.store().as_ref(), &name)?;
    // Beside the image there may be targets; in its own directory, nothing may be written.
    let folder = match destination.is_on_server() {
        false => destination.folder().join(files.directory()),
        true => destination.folder().to_owned(),
    };
    let image = Image::open(files, Freshness::Any)?;
    let assignments = assignments(job, &image, &folder)?;
    let options = RestoreOptions {
        precheck: !job.no_precheck,
        verify: !job.no_verify,
        repair_table: job.repair_table,
        // Elsewhere the disk may be meant for another machine.
        boot_entry: ui::running::is_live() && !job.no_boot,
    };
    let mut plan = restore::plan(image, assignments, options)?;
    if let Some(file) = &job.keep_old {
        plan.keep_old(file.clone())?;
    }
    Ok(Planned { plan, destination })
}

pub(super) fn restore_image(job: &RestoreJob, json: bool, console: &Console) -> Result<u8> {
    let planned = plan(job)?;
    let plan = &planned.plan;
    if job.dry_run && json {
        print_json(&restore_plan_json(plan))?;
        return Ok(0);
    }
    if !json || !job.yes {
        // The person must see it in any case; standard output may be for a program.
        match json {
            true => eprint!("{}", ui::restore_plan(plan)),
            false => ui::print(&ui::restore_plan(plan))?,
        }
    }
    if job.dry_run {
        return Ok(0);
    }
    if crate::operation::is_unattended() && !job.again {
        plan.check_not_carried()?;
    }
    if !job.yes {
        for (question, word) in ui::restore_questions(plan) {
            ui::confirm(&question, &word)?;
        }
    }
    let title = message!("menu-restoring", name = plan.image().manifest().name.as_str());
    let outcome =
        as_job(title, console, |report| planned.carry_out(report, |plan| plan.execute(report)))?;
    match json {
        true => print_json(&json!(outcome))?,
        false => ui::print(&ui::restore_done(&outcome))?,
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
