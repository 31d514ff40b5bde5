//! Replicating an image: the job's words, the plan, what came of it.

use super::place::open_image;
use super::{as_job, print_json};
use crate::error::Result;
use crate::image::Freshness;
use crate::job::CopyJob;
use crate::operation::copy;
use crate::operation::destination;
use crate::text::message;
use crate::ui::{self, Console};
use crate::units::human_bytes;
use serde_json::json;

pub(super) fn copy_image(job: &CopyJob, json: bool, console: &Console) -> Result<u8> {
    let (from, image) = open_image(&job.image, Freshness::Any)?;
    let to = match job.dry_run {
        true => destination::open_to_plan(&job.to, &[])?,
        false => destination::open_to_save(&job.to, &[])?,
    };
    let plan =
        copy::plan(image, to.store(), job.name.as_deref(), console).map_err(|e| to.explain(e))?;
    super::warn(to.warnings());
    if !json {
        let what = match plan.is_there() {
            true => message!("ui-copy-there", location = plan.destination()),
            false => message!(
                "ui-copy-plan",
                image = plan.source(),
                location = plan.destination(),
                stored = human_bytes(plan.stored_bytes)
            ),
        };
        ui::print(&format!("{what}\n"))?;
    }
    if job.dry_run {
        if json {
            print_json(&json!({
                "name": plan.name,
                "source": plan.source(),
                "destination": plan.destination(),
                "stored_bytes": plan.stored_bytes,
                "was_there": plan.is_there(),
            }))?;
        }
        return Ok(0);
    }
    let title = message!("menu-copying", name = plan.name.as_str());
    let outcome = as_job(title, console, |report| {
        plan.execute(report).map_err(|error| to.explain(from.explain(error)))
    })?;
    to.close(console)?;
    match json {
        true => print_json(&json!(outcome))?,
        false => {
            let text = message!(
                "ui-copy-done",
                location = outcome.location.as_str(),
                stored = human_bytes(outcome.stored_bytes),
                seconds = format!("{:.0}", outcome.seconds)
            );
            ui::print(&format!("{text}\n"))?;
        }
    }
    Ok(0)
}
