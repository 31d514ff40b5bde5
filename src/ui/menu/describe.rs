//! Disks and images in few words, and a disk's partitions drawn to scale.

use super::terminal::View;
use crate::hardware::Disk;
use crate::hardware::smart::Verdict;
use crate::operation::destination::VolumeOnDisk;
use crate::operation::library::Entry;
use crate::operation::survey::DiskSurvey;
use crate::text::{Message, message};
use crate::ui::listing::{condition_name, content_line, is_nothing_known};
use crate::units::{human_bytes, marketing_bytes};
use console::measure_text_width;

/// Most columns that a drawing takes: it stands below a name with number and mark before it.
const BAR_COLUMNS: usize = 70;

/// "Samsung SSD 870 EVO, 500 GB, serial number S5Y1NG0N, sda"
pub(super) fn disk_line(disk: &Disk) -> String {
    let serial =
        disk.serial.as_ref().map(|serial| message!("ui-serial", serial = serial).to_string());
    let bus = (disk.model.is_some() || disk.vendor.is_some()).then(|| disk.bus.name().to_owned());
    let size = match disk.size {
        0 => message!("menu-no-medium").to_string(),
        size => marketing_bytes(size),
    };
    let parts = [Some(disk.title()), Some(size), serial, bus, Some(disk.kernel_name.clone())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A volume in two lines: what it is, and the disk it is on.
pub(super) fn volume_line(volume: &VolumeOnDisk) -> (String, String) {
    let kind = Some(volume.kind.name().to_string());
    let name = volume.label.as_ref().map(|label| format!("\"{label}\""));
    let size = Some(marketing_bytes(volume.size));
    let node = volume.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let first: Vec<String> = [name, kind, size, node].into_iter().flatten().collect();
    let serial =
        volume.serial.as_ref().map(|serial| message!("ui-serial", serial = serial).to_string());
    let whose = match volume.external {
        true => message!("menu-place-external"),
        false => message!("menu-place-internal"),
    };
    let disk = [Some(volume.title.clone()), Some(marketing_bytes(volume.disk_size)), serial];
    let disk: Vec<String> = disk.into_iter().flatten().collect();
    (first.join(", "), format!("{whose}: {}", disk.join(", ")))
}

/// What the disk says of its own health, when that is a reason to worry.
pub(super) fn health_warning(disk: &Disk) -> Option<Message> {
    (disk.health.verdict == Verdict::Failing).then(|| message!("ui-disk-failing"))
}

/// "Windows 11, 3 partitions, 212 GiB of 480 GiB used"
pub(super) fn contents(survey: &DiskSurvey) -> String {
    content_line(survey)
}

/// A stretch of a disk that is drawn.
struct Stretch {
    length: u64,
    name: String,
    /// Bytes in use; none for what is no partition.
    used: Option<u64>,
}

fn stretches(survey: &DiskSurvey) -> Vec<Stretch> {
    let mut volumes: Vec<_> = survey.volumes.iter().collect();
    volumes.sort_by_key(|volume| volume.extent.offset);
    let mut stretches = Vec::new();
    let mut end = 0;
    // Narrower gaps than this are how disks are laid out, and nothing to be seen.
    let visible = survey.size / 50;
    let gap = |from: u64, to: u64| {
        let length = to.saturating_sub(from);
        (length > visible).then(|| Stretch { length, name: String::new(), used: None })
    };
    for volume in volumes {
        stretches.extend(gap(end, volume.extent.offset));
        end = end.max(volume.extent.end());
        let content = volume.content();
        let used = volume.reading.used.as_ref().map_or(volume.extent.length, |used| {
            used.extents.total_bytes().min(volume.extent.length)
        });
        let name = content.label.clone().filter(|label| !label.is_empty());
        stretches.push(Stretch {
            length: volume.extent.length,
            name: name.unwrap_or_else(|| content.title().to_string()),
            used: Some(used),
        });
    }
    stretches.extend(gap(end, survey.size));
    stretches
}

/// Columns for each length: to scale, but none without a column.
fn widths(lengths: &[u64], columns: usize) -> Vec<usize> {
    let total: u128 = lengths.iter().map(|length| u128::from(*length)).sum::<u128>().max(1);
    let mut widths: Vec<usize> = lengths
        .iter()
        .map(|length| ((u128::from(*length) * columns as u128 / total) as usize).max(1))
        .collect();
    // The widest give what the narrowest needed, and get what rounding left.
    while let sum = widths.iter().sum::<usize>()
        && sum != columns
        && let Some(widest) = widths.iter_mut().max()
        && (sum < columns || *widest > 1)
    {
        if sum < columns {
            *widest += columns - sum;
        } else {
            *widest -= 1;
        }
    }
    widths
}

/// The partitions of a disk to scale, in one line: names, what is in use, what is free. Nothing of a
/// disk on which nothing is known: a new one would look full.
pub(super) fn bar(survey: &DiskSurvey, view: View) -> String {
    if is_nothing_known(survey) {
        return String::new();
    }
    let stretches = stretches(survey);
    // A disk with more partitions than columns shows the first of them.
    let columns = BAR_COLUMNS.min(view.columns.saturating_sub(9));
    let shown = &stretches[..stretches.len().min(columns / 3)];
    if shown.is_empty() {
        return String::new();
    }
    let (edge, on, off) = if view.drawing { ("│", '█', '░') } else { ("|", '#', '.') };
    let lengths: Vec<u64> = shown.iter().map(|stretch| stretch.length).collect();
    let widths = widths(&lengths, columns.saturating_sub(shown.len() + 1));
    let mut line = edge.to_owned();
    for (stretch, width) in shown.iter().zip(widths) {
        line += &match stretch.used {
            None => " ".repeat(width),
            Some(used) => {
                let part = u128::from(used) * width as u128 / u128::from(stretch.length.max(1));
                // What holds anything is not drawn as empty.
                let part = (part as usize).clamp(usize::from(used > 0), width);
                filled(&stretch.name, width, part, on, off)
            }
        };
        line += edge;
    }
    line
}

/// A name on a ground of `width` columns, of which `part` are in use.
fn filled(name: &str, width: usize, part: usize, on: char, off: char) -> String {
    let name_width = measure_text_width(name);
    let ground: String = (0..width).map(|column| if column < part { on } else { off }).collect();
    let columns = |from: usize, to: usize| -> String {
        ground.chars().skip(from).take(to.saturating_sub(from)).collect()
    };
    // Something of what is in use must be left, and of what is free.
    let room = name_width + 2;
    if part > 0 && part + room < width {
        format!("{} {name} {}", columns(0, part), columns(part + room, width))
    } else if (part == 0 || room < part) && room + 2 <= width {
        format!(" {name} {}", columns(room, width))
    } else {
        ground
    }
}

/// "2026-11-25 01:40" of the time in an image.
pub(super) fn day_and_time(created: &str) -> String {
    match (created.get(..10), created.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => created.to_owned(),
    }
}

/// An image: which machine, which disks, when.
pub(super) fn image_details(entry: &Entry) -> Vec<String> {
    let Some(manifest) = &entry.manifest else {
        return vec![condition_name(entry.condition).to_string()];
    };
    let machine = [&manifest.machine.vendor, &manifest.machine.product];
    let machine: Vec<&str> = machine.into_iter().flatten().map(String::as_str).collect();
    let created = day_and_time(&manifest.created);
    let first = [
        Some(created).filter(|created| !created.is_empty()),
        Some(machine.join(" ")).filter(|machine| !machine.is_empty()),
        Some(condition_name(entry.condition).to_string()),
    ];
    let disks: Vec<String> = manifest
        .disks
        .iter()
        .map(|disk| {
            let system = disk
                .volumes
                .iter()
                .find_map(|volume| volume.system.as_ref().and_then(|system| system.name.clone()));
            let title = disk.identity.model.clone().unwrap_or_else(|| disk.identity.name.clone());
            let parts = [Some(title), Some(marketing_bytes(disk.size)), system];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        })
        .collect();
    let size = message!(
        "menu-image-size",
        used = human_bytes(manifest.used_bytes()),
        stored = human_bytes(entry.stored_bytes)
    );
    let mut lines = vec![first.into_iter().flatten().collect::<Vec<_>>().join(", ")];
    lines.extend(disks);
    lines.push(size.to_string());
    lines.extend(manifest.note.clone());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_hides_neither_what_is_in_use_nor_what_is_free() {
        let drawn = |width, part| filled("data", width, part, '#', '.');
        assert_eq!(drawn(20, 1), "# data .............");
        assert_eq!(drawn(20, 13), "############# data .");
        assert_eq!(drawn(20, 14), " data ########......");
        assert_eq!(drawn(20, 20), " data ##############");
        assert_eq!(drawn(20, 0), " data ..............");
        // Neither part has room for it.
        assert_eq!(drawn(10, 5), "#####.....");
        assert_eq!(drawn(6, 3), "###...");
        for width in 0..40 {
            for part in 0..=width {
                assert_eq!(drawn(width, part).chars().count(), width, "{part} of {width}");
            }
        }
    }
}
