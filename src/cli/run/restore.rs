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
fn check_stable(word: &str, yes: bool, inventory: &Inventory) -> Result<()> {
    if yes && !selector::is_stable_name(word) {
        // A kernel's name is refused as that, whether or not there is such a disk today.
        let is_kernels = !word.contains(['.', '/', ':']) || word.starts_with("/dev/");
        if word.is_empty() || !is_kernels {
            selector::resolve(word, inventory)?;
        }
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
        check_stable(word, job.yes, &inventory)?;
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
        let wanted = wanted[which(disk.as_deref(), text)?].get_or_insert_default();
        for number in numbers {
            if !wanted.contains(&number) {
                wanted.push(number);
            }
        }
    }
    // Where each goes, when it is not its own number on the target.
    let mut places: Vec<Place> = Vec::new();
    for text in &job.place {
        let (name, rest) = after_name(&names, text, ':');
        let parsed = rest.split_once('=').and_then(|(number, target)| {
            Some((number.parse::<u32>().ok()?, target)).filter(|_| !target.is_empty())
        });
        let Some((number, target)) = parsed else {
            return Err(Error::new(ErrorKind::Usage, message!("cli-not-a-place", text = text))
                .advise(message!("cli-not-a-place-advice")));
        };
        let disk = which(name, text)?;
        if places.iter().any(|place| (place.disk, place.number) == (disk, number)) {
            return Err(Error::new(
                ErrorKind::Usage,
                message!("cli-placed-twice", number = number),
            )
            .advise(message!("cli-not-a-place-advice")));
        }
        places.push(Place { disk, number, target: target.to_owned() });
        let numbers = wanted[disk].get_or_insert_default();
        numbers.push(number);
        numbers.sort_unstable();
        numbers.dedup();
    }

    let mut assignments = Vec::new();
    for place in places.iter().filter(|place| place.is_elsewhere()) {
        assignments.push(Assignment {
            disk: place.disk,
            target: find(&place.target)?,
            partitions: Some(vec![PartitionPlace::Whole(place.number)]),
        });
    }
    let place_of = |disk: usize, number: u32| {
        places.iter().find(|place| (place.disk, place.number) == (disk, number))
    };
    let elsewhere =
        |disk: usize, number: &u32| place_of(disk, *number).is_some_and(Place::is_elsewhere);
    let on_target = |disk: usize, number: u32| {
        let to = place_of(disk, number).and_then(|place| place.target.parse().ok());
        PartitionPlace::Number(number, to.unwrap_or(number))
    };
    for word in &job.to {
        // A path may contain the sign too: what stands before it must be a disk of the image.
        let (name, target) = after_name(&names, word, '=');
        let disk = which(name, word)?;
        let partitions: Option<Vec<PartitionPlace>> = wanted[disk].as_ref().map(|numbers| {
            let here = numbers.iter().filter(|number| !elsewhere(disk, number));
            here.map(|number| on_target(disk, *number)).collect()
        });
        if partitions.as_ref().is_some_and(Vec::is_empty) {
            let unused = message!("cli-target-unused", target = target);
            return Err(
                Error::new(ErrorKind::Usage, unused).advise(message!("cli-target-unused-advice"))
            );
        }
        assignments.push(Assignment { disk, target: find(target)?, partitions });
    }
    let placed_nowhere = wanted.iter().enumerate().any(|(disk, numbers)| {
        let is_placed = |number: &u32| {
            let on_target = assignments.iter().filter(|assignment| assignment.disk == disk);
            elsewhere(disk, number)
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

/// Where a partition of an image goes.
struct Place {
    disk: usize,
    number: u32,
    /// The number of a partition of the disk's target, or a target of its own.
    target: String,
}

impl Place {
    fn is_elsewhere(&self) -> bool {
        self.target.parse::<u32>().is_err()
    }
}

/// Which disk a word begins with, and what comes after its name and the sign. Names may hold the
/// sign, so the longest one counts.
fn after_name<'a>(names: &[&'a str], word: &'a str, sign: char) -> (Option<&'a str>, &'a str) {
    let found = names.iter().filter_map(|name| {
        let rest = word.strip_prefix(name)?.strip_prefix(sign)?;
        Some((*name, rest))
    });
    match found.max_by_key(|(name, _)| name.len()) {
        Some((name, rest)) => (Some(name), rest),
        None => (None, word),
    }
}

/// Refuses two disks for one target and one disk for two targets.
fn check_apart(assignments: &[Assignment]) -> Result<()> {
    for (position, one) in assignments.iter().enumerate() {
        for other in &assignments[position + 1..] {
            let same_disk =
                one.disk == other.disk && (one.partitions.is_none() || other.partitions.is_none());
            if same_disk {
                return Err(Error::new(ErrorKind::Usage, message!("restore-disk-twice"))
                    .on_device(other.target.name())
                    .advise(message!("restore-disk-twice-advice")));
            }
            let nodes = (one.target.node(), other.target.node());
            let is_same = nodes.0.is_some() && nodes.0 == nodes.1;
            if is_same || one.target.name() == other.target.name() {
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
    let image = Image::open(files, Freshness::Any)?.held();
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
            true => ui::tell(&ui::restore_plan(plan)),
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
