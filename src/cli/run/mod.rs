//! Carrying out a job: plan, show, ask, execute, report.

mod copy;
mod disks;
mod images;
mod place;
pub(super) mod restore;
pub(super) mod save;

use super::help;
use crate::error::Result;
use crate::job::Job;
use crate::report::Report;
use crate::text::{Message, message};
use crate::ui::running::{self, Published, Running};
use crate::ui::{self, Console};
use serde_json::Value;

/// Exit code of a run that did what it could while data could not be read.
const DATA_LOST: u8 = 4;

/// Does a job; answers the exit code of a run that did not fail.
pub(super) fn run(job: &Job, json: bool, console: &Console) -> Result<u8> {
    match job {
        Job::Disks(_) => disks::list_disks(json, console),
        Job::Map(job) => disks::show_map(job, json, console),
        Job::Save(job) => save::save_disks(job, json, console),
        Job::Restore(job) => restore::restore_image(job, json, console),
        Job::Copy(job) => copy::copy_image(job, json, console),
        Job::Verify(job) => images::verify_images(job, json, console),
        Job::Images(job) => images::list_images(job, json, console),
        Job::Show(job) => images::show_image(job, json),
        Job::Delete(job) => images::delete_image(job, json, console),
        Job::Prune(job) => images::prune(job, json, console),
        Job::Generate(job) => help::generate(&job.folder).map(|()| 0),
    }
}

/// Does the work of a job. In the live system there is one job at a time, and its menus show it.
fn as_job<R>(
    title: Message,
    console: &Console,
    work: impl FnOnce(&dyn Report) -> Result<R>,
) -> Result<R> {
    if !running::is_live() {
        return work(console);
    }
    let running = Running::begin(&title, &super::menu::terminal_name())?;
    work(&Published::new(console, &running))
}

/// Tells what a person should know of a destination, beside the output.
fn warn(warnings: &[Message]) {
    for warning in warnings {
        ui::tell(&format!("{}\n", message!("ui-warning", warning = warning.clone())));
    }
}

fn print_json(document: &Value) -> Result<()> {
    ui::print(&format!("{document:#}\n"))
}
