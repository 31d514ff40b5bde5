//! Plans and disks as texts of a width: what will be read, what will be lost, how long it takes.

use super::describe;
use super::disks::{Look, Seen};
use super::terminal::{Line, Style, View};
use crate::image::Saved;
use crate::operation::restore::{RestoreOptions, RestorePlan};
use crate::operation::save::SavePlan;
use crate::operation::survey::{DiskSurvey, SurveyedVolume};
use crate::text::{Message, message};
use crate::ui::listing::identity_line;
use crate::ui::{clock, restore_plan};
use crate::units::{human_bytes, marketing_bytes};

/// Bytes a second that a disk or stick of today gives at least, for a first guess at the time.
const USUAL_RATE: u64 = 100 << 20;

/// "about 4:20", from bytes that are read or written.
fn time_for(bytes: u64) -> Message {
    let seconds = (bytes / USUAL_RATE).max(1);
    message!("menu-about-time", time = clock(seconds), rate = human_bytes(USUAL_RATE))
}

/// A volume in one line: "2  ext4 "root" (Debian), 28.0 GiB, 12.1 GiB used"
fn volume_line(volume: &SurveyedVolume, state: &str) -> String {
    let content = volume.content();
    let system = volume.system.as_ref().and_then(|system| system.name.clone());
    let label = content.label.as_ref().filter(|label| !label.is_empty());
    let mut name = content.title().to_string();
    if let Some(label) = label {
        name += &format!(" \"{label}\"");
    }
    if let Some(system) = system {
        name += &format!(" ({system})");
    }
    let number = volume.number().map_or_else(|| "-".to_owned(), |number| number.to_string());
    format!("  {number:>2}  {name}, {}: {state}", human_bytes(volume.extent.length))
}

fn used(volume: &SurveyedVolume) -> String {
    match &volume.reading.used {
        Ok(used) => {
            message!("menu-volume-used", used = human_bytes(used.extents.total_bytes())).to_string()
        }
        Err(doubt) => message!("menu-volume-whole", reason = doubt.clone()).to_string(),
    }
}

/// Everything known of a disk.
pub(super) fn disk(seen: &Seen, view: View) -> String {
    let disk = &seen.disk;
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut lines = vec![
        message!(
            "ui-disk-facts",
            serial = dash(&disk.serial),
            wwn = dash(&disk.wwn),
            logical = disk.logical_sector_size,
            physical = disk.physical_sector_size
        )
        .to_string(),
    ];
    lines.extend(describe::health_warning(disk).map(|warning| warning.to_string()));
    lines.push(String::new());
    match &seen.look {
        Look::Pending => lines.push(message!("menu-disk-pending").to_string()),
        Look::Failed(why) => lines.push(why.to_string()),
        Look::Done(survey) => {
            lines.push(describe::contents(survey));
            lines.extend(Some(describe::bar(survey, view)).filter(|bar| !bar.is_empty()));
            lines.extend(survey.volumes.iter().map(|volume| volume_line(volume, &used(volume))));
            lines.extend(remarks(survey));
        }
    }
    lines.push(String::new());
    lines.extend(disk.names.iter().map(|name| format!("/dev/disk/by-id/{name}")));
    lines.join("\n")
}

fn remarks(survey: &DiskSurvey) -> Vec<String> {
    survey.notes.iter().chain(&survey.doubt).map(ToString::to_string).collect()
}

/// What a save will do.
pub(super) fn save(plan: &SavePlan, view: View) -> String {
    let mut lines = vec![
        message!("ui-save-title", name = plan.name.as_str(), destination = plan.destination())
            .to_string(),
    ];
    for disk in &plan.disks {
        let identity = disk.identity();
        let facts = [identity.name.clone(), identity_line(identity)];
        let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        lines.push(String::new());
        lines.push(format!("{}, {}", facts.join(", "), marketing_bytes(disk.survey.size)));
        if identity.smart.as_deref() == Some("failing") {
            lines.push(message!("ui-disk-failing").to_string());
        }
        let bar = describe::bar(&disk.survey, view);
        if !bar.is_empty() {
            lines.push(bar);
        }
        for (volume, used) in disk.survey.volumes.iter().zip(&disk.uses) {
            let bytes = human_bytes(used.extents.total_bytes());
            let state = match (used.saved, &used.reason) {
                (Saved::Used, _) => message!("menu-volume-used", used = bytes),
                (Saved::Whole, Some(reason)) => {
                    message!("menu-volume-whole", reason = reason.clone())
                }
                (Saved::Whole, None) => message!("ui-whole"),
                (Saved::Skipped, _) => message!("ui-skipped"),
            };
            lines.push(volume_line(volume, &state.to_string()));
        }
        lines.extend(remarks(&disk.survey));
    }
    lines.push(String::new());
    lines.push(
        message!(
            "ui-save-amount",
            used = human_bytes(plan.used_bytes),
            estimated = human_bytes(plan.estimated_bytes),
            free = plan.free_space.map_or_else(|| "-".to_owned(), human_bytes)
        )
        .to_string(),
    );
    // The disk is read once, the image is read back.
    lines.push(time_for(plan.used_bytes.saturating_add(plan.estimated_bytes)).to_string());
    if let Some(old) = plan.replaces() {
        lines.push(message!("ui-save-replaces", directory = old).to_string());
    }
    for warning in &plan.warnings {
        lines.push(message!("ui-warning", warning = warning.clone()).to_string());
    }
    lines.join("\n")
}

/// What a restore will do and destroy. What will be lost stands out.
pub(super) fn restore(plan: &RestorePlan) -> Vec<Line> {
    let RestoreOptions { precheck, verify, .. } = plan.options();
    let passes = 1 + u64::from(precheck) + u64::from(verify);
    let time = time_for(plan.bytes().saturating_mul(passes));
    let lost = [message!("ui-restore-all-lost"), message!("ui-restore-part-lost")];
    let lost = lost.map(|lost| lost.to_string());
    let text = restore_plan(plan);
    let warnings: Vec<String> = plan.warnings.iter().map(ToString::to_string).collect();
    let stands_out = |line: &str| {
        lost.iter().chain(&warnings).any(|warning| line.trim().ends_with(warning.as_str()))
    };
    let mut lines: Vec<Line> = text
        .trim_end()
        .lines()
        .map(|line| {
            let style = if stands_out(line) { Style::Warning } else { Style::Plain };
            Line::styled(line, style)
        })
        .collect();
    lines.push(Line::plain(time.to_string()));
    lines
}
