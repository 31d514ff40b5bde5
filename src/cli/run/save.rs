//! Saving: the job's words, the plan, what came of it.

use super::disks::survey_json;
use super::{DATA_LOST, as_job, print_json};
use crate::error::{Error, ErrorKind, Result};
use crate::hardware::{Inventory, inventory, selector};
use crate::job::{SaveJob, parse_partitions};
use crate::operation::destination;
use crate::operation::devices;
use crate::operation::save::{self, SaveOptions, SavePlan};
use crate::operation::survey::Choice;
use crate::report::Report;
use crate::text::message;
use crate::ui::menu::Planned;
use crate::ui::{self, Console};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is wanted of each source.
fn choices(job: &SaveJob, inventory: &Inventory) -> Result<Vec<Choice>> {
    let mut choices =
        vec![Choice { partitions: None, raw: job.raw, unproven: job.unproven }; job.sources.len()];
    for text in &job.partitions {
        let (disk, numbers) = parse_partitions(text)?;
        let position = match disk {
            None if job.sources.len() == 1 => Some(0),
            None => None,
            Some(disk) => job.source_meant(&disk, inventory),
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

/// What a save job will do. Reads, writes nothing.
pub(in crate::cli) fn plan(job: &SaveJob, report: &dyn Report) -> Result<Planned<SavePlan>> {
    let inventory = inventory();
    let choices = choices(job, &inventory)?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for word in &job.sources {
        let path = selector::resolve(word, &inventory)?.path;
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        if paths.contains(&path) {
            return Err(
                Error::new(ErrorKind::Usage, message!("cli-source-twice")).on_device(word.as_str())
            );
        }
        paths.push(path);
    }
    // A plan that stays one writes nothing, not even to prove that it could.
    let destination = match job.dry_run {
        true => destination::open_to_plan(&job.to, &paths)?,
        false => destination::open_to_save(&job.to, &paths)?,
    };
    let mut sources = Vec::new();
    for (word, choice) in job.sources.iter().zip(choices) {
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
    let plan = save::plan(sources, destination.store(), options, report)
        .map_err(|error| destination.explain(error))?;
    Ok(Planned { plan, destination })
}

pub(super) fn save_disks(job: &SaveJob, json: bool, console: &Console) -> Result<u8> {
    let planned = plan(job, console)?;
    let plan = &planned.plan;
    if job.dry_run && json {
        print_json(&save_plan_json(plan))?;
        return Ok(0);
    }
    if !json {
        ui::print(&ui::save_plan(plan))?;
    }
    if job.dry_run {
        return Ok(0);
    }
    let title = message!("menu-saving", name = plan.name.as_str());
    let outcome =
        as_job(title, console, |report| planned.carry_out(report, |plan| plan.execute(report)))?;
    match json {
        true => print_json(&json!(outcome))?,
        false => ui::print(&ui::save_done(&outcome))?,
    }
    Ok(if outcome.unreadable_bytes > 0 { DATA_LOST } else { 0 })
}

fn save_plan_json(plan: &SavePlan) -> Value {
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
