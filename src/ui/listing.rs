//! Plans, disks and images as tables for people.

use crate::error::Result;
use crate::filesystem::{Volume, VolumeKind, VolumeState};
use crate::hardware::smart::Verdict;
use crate::hardware::{Disk, FirmwareMode, Inventory, SecureBoot};
use crate::image::{DiskIdentity, Manifest, Saved, System};
use crate::operation::library::{Condition, Entry};
use crate::operation::restore::{PartitionPlace, RestoreOutcome, RestorePlan, TargetPlan};
use crate::operation::save::{SaveOutcome, SavePlan};
use crate::operation::survey::{DiskSurvey, SurveyedVolume};
use crate::partition::{Partition, Scheme};
use crate::text::{Message, message};
use crate::units::{human_bytes, marketing_bytes};
use comfy_table::{Table, presets};

/// Columns of the terminal. Who passes our output on to one says so in `COLUMNS`, as shells do; none
/// where nobody knows.
fn columns() -> Option<u16> {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns >= 40);
    console::Term::stdout().size_checked().map(|(_, columns)| columns).or_else(told)
}

fn table(header: &[Message]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header.iter().map(Message::to_string));
    if let Some(columns) = columns() {
        table.set_width(columns);
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    table
}

fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("–").to_owned()
}

/// A disk in one line: model, serial number, how it is attached.
pub(super) fn identity_line(identity: &DiskIdentity) -> String {
    let serial =
        identity.serial.as_ref().map(|serial| message!("ui-serial", serial = serial).to_string());
    let parts = [identity.model.clone(), serial, identity.bus.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What is on a disk in one line: "Debian GNU/Linux 12, 3 partitions, 4.20 of 8.00 GiB used".
pub(super) fn content_line(survey: &DiskSurvey) -> String {
    if is_nothing_known(survey) {
        return message!("ui-content-nothing").to_string();
    }
    let used = message!(
        "ui-content-used",
        used = human_bytes(survey.used_bytes()),
        size = human_bytes(survey.size)
    );
    let volumes = match survey.table.scheme {
        Scheme::None => survey
            .volumes
            .first()
            .map_or_else(|| message!("ui-content-nothing"), |volume| volume.content().title()),
        _ => message!("ui-content-partitions", count = survey.volumes.len()),
    };
    let system = survey.system().and_then(|system| system.name);
    let parts = [system, Some(volumes.to_string()), Some(used.to_string())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Whether nothing was recognized on a disk: it may be a new one.
pub(super) fn is_nothing_known(survey: &DiskSurvey) -> bool {
    survey.table.scheme == Scheme::None
        && survey.volumes.iter().all(|volume| volume.content().kind == VolumeKind::Unknown)
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Gpt => "GPT",
        Scheme::HybridGpt => "GPT + MBR",
        Scheme::Mbr => "MBR",
        Scheme::None => "–",
    }
}

/// What is on a disk; `used` says of each volume, with its position, what its last column holds.
fn volume_rows(survey: &DiskSurvey, used: impl Fn(&SurveyedVolume, usize) -> String) -> Table {
    let mut table = table(&[
        message!("ui-column-partition"),
        message!("ui-column-type"),
        message!("ui-column-content"),
        message!("ui-column-label"),
        message!("ui-column-size"),
        message!("ui-column-used"),
    ]);
    for (position, volume) in survey.volumes.iter().enumerate() {
        let content = volume.content();
        table.add_row([
            number(volume),
            or_dash(volume.partition.as_ref().map(type_and_name).as_deref()),
            described(content, volume.system.as_ref()),
            or_dash(content.label.as_deref()),
            human_bytes(volume.extent.length),
            used(volume, position),
        ]);
    }
    table
}

/// The disks of the machine with what is on them; `surveys` in the order of the inventory's disks.
pub fn disks(inventory: &Inventory, surveys: &[Result<DiskSurvey>]) -> String {
    let mut text = String::new();
    let firmware = &inventory.firmware;
    let mode = match (firmware.mode, firmware.secure_boot) {
        (FirmwareMode::Bios, _) => message!("ui-firmware-bios"),
        (FirmwareMode::Uefi, SecureBoot::On) => message!("ui-firmware-secure-boot"),
        (FirmwareMode::Uefi, SecureBoot::Off) => message!("ui-firmware-uefi"),
        (FirmwareMode::Uefi, _) => message!("ui-firmware-unknown"),
    };
    text += &format!("{mode}\n\n");
    if inventory.disks.is_empty() {
        text += &format!("{}\n\n", message!("ui-no-disks"));
    }
    for (disk, survey) in inventory.disks.iter().zip(surveys) {
        text += &disk_section(disk, survey);
    }
    for controller in &inventory.hidden {
        text += &format!("{}\n", controller.message);
    }
    text
}

fn disk_section(disk: &Disk, survey: &Result<DiskSurvey>) -> String {
    let mut text = format!(
        "{}  {}  {}  {}\n",
        disk.path.display(),
        disk.title(),
        marketing_bytes(disk.size),
        disk.bus.name()
    );
    let serial = or_dash(disk.serial.as_deref());
    text += &format!(
        "  {}\n",
        message!(
            "ui-disk-facts",
            serial = serial,
            wwn = or_dash(disk.wwn.as_deref()),
            logical = disk.logical_sector_size,
            physical = disk.physical_sector_size
        )
    );
    if disk.removable {
        text += &format!("  {}\n", message!("ui-disk-removable"));
    }
    match disk.health.verdict {
        Verdict::Failing => text += &format!("  {}\n", message!("ui-disk-failing")),
        Verdict::Good => text += &format!("  {}\n", message!("ui-disk-good")),
        Verdict::Unknown => {}
    }
    match survey {
        Ok(survey) => text += &surveyed(survey),
        Err(error) => text += &format!("{}\n\n", error.report()),
    }
    text
}

fn surveyed(survey: &DiskSurvey) -> String {
    let mut text = format!("  {}: {}\n", scheme_name(survey.table.scheme), content_line(survey));
    for note in survey.notes.iter().chain(&survey.doubt) {
        text += &format!("  {note}\n");
    }
    let rows = volume_rows(survey, |volume, _| {
        volume.reading.used.as_ref().map_or_else(
            |_| message!("ui-whole").to_string(),
            |used| human_bytes(used.extents.total_bytes()),
        )
    });
    text += &format!("{rows}\n");
    // Not a column of the table: it is too wide for one beside the others.
    for volume in &survey.volumes {
        let Some(uuid) = &volume.content().uuid else { continue };
        let uuid = match volume.number() {
            Some(number) => message!("ui-partition-uuid", number = number, uuid = uuid),
            None => message!("ui-volume-uuid", uuid = uuid),
        };
        text += &format!("  {uuid}\n");
    }
    text.push('\n');
    text
}

/// What a partition is called by Linux; a volume without one has no number.
fn number(volume: &SurveyedVolume) -> String {
    volume.number().map_or_else(|| "–".to_owned(), |number| number.to_string())
}

/// The type of a partition, and its name in the table below it where that says something else.
fn type_and_name(partition: &Partition) -> String {
    let kind = partition.kind.name().to_string();
    match partition.name.as_ref().filter(|name| !name.is_empty() && **name != kind) {
        Some(name) => format!("{kind}\n{}", message!("ui-partition-name", name = name)),
        None => kind,
    }
}

/// What a volume holds and how it was left: "NTFS (Windows, hibernated)".
fn described(content: &Volume, system: Option<&System>) -> String {
    let kind = content.title();
    let state = content.state.and_then(VolumeState::name).map(|state| state.to_string());
    let remarks: Vec<String> =
        [system.and_then(|system| system.name.clone()), state].into_iter().flatten().collect();
    match remarks.is_empty() {
        true => kind.to_string(),
        false => format!("{kind} ({})", remarks.join(", ")),
    }
}

/// What is in use of the volumes of a disk; sizes in bytes, `notes` are about its table.
pub fn map(name: &str, size: u64, used: u64, notes: &[String], rows: &[Vec<String>]) -> String {
    let mut table = table(&[
        message!("ui-column-partition"),
        message!("ui-column-content"),
        message!("ui-column-size"),
        message!("ui-column-used"),
        message!("ui-column-extents"),
        message!("ui-column-note"),
    ]);
    for row in rows {
        table.add_row(row);
    }
    let notes: String = notes.iter().map(|note| format!("  {note}\n")).collect();
    format!(
        "{name}  {}\n{notes}{table}\n",
        message!("ui-content-used", used = human_bytes(used), size = human_bytes(size))
    )
}

/// An amount, and below it which volumes inside are saved whole and why.
fn with_whole_inside(amount: String, content: &Volume) -> String {
    let reasons = content.whole_inside().into_iter().map(|reason| reason.to_string());
    [amount].into_iter().chain(reasons).collect::<Vec<_>>().join("\n")
}

/// What a save will do.
pub fn save_plan(plan: &SavePlan) -> String {
    let mut text = format!(
        "{}\n",
        message!("ui-save-title", name = plan.name.as_str(), destination = plan.destination())
    );
    for disk in &plan.disks {
        let identity = disk.identity();
        text += &format!(
            "\n{}  {}  {}\n",
            identity.name,
            identity_line(identity),
            marketing_bytes(disk.survey.size)
        );
        if identity.smart.as_deref() == Some("failing") {
            text += &format!("  {}\n", message!("ui-disk-failing"));
        }
        for note in disk.survey.notes.iter().chain(&disk.survey.doubt) {
            text += &format!("  {note}\n");
        }
        let rows = volume_rows(&disk.survey, |volume, position| {
            let used = &disk.uses[position];
            let bytes = human_bytes(used.extents.total_bytes());
            match (used.saved, &used.reason) {
                (Saved::Used, _) => with_whole_inside(bytes, volume.content()),
                (Saved::Whole, Some(reason)) => {
                    message!("ui-whole-because", size = bytes, reason = reason.clone()).to_string()
                }
                (Saved::Whole, None) => bytes,
                (Saved::Skipped, _) => message!("ui-skipped").to_string(),
            }
        });
        text += &format!("{rows}\n");
    }
    text += &format!(
        "\n{}\n",
        message!(
            "ui-save-amount",
            used = human_bytes(plan.used_bytes),
            estimated = human_bytes(plan.estimated_bytes),
            free = plan.free_space.map_or_else(|| "–".to_owned(), human_bytes)
        )
    );
    if let Some(old) = plan.replaces() {
        text += &format!("{}\n", message!("ui-save-replaces", directory = old));
    }
    for warning in &plan.warnings {
        text += &format!("{}\n", message!("ui-warning", warning = warning.clone()));
    }
    text
}

/// What a restore will do and destroy.
pub fn restore_plan(plan: &RestorePlan) -> String {
    let manifest = plan.image().manifest();
    let mut text = format!(
        "{}\n",
        message!(
            "ui-restore-title",
            name = manifest.name.as_str(),
            created = manifest.created.as_str()
        )
    );
    for target in &plan.targets {
        text += &target_section(manifest, target);
    }
    for warning in &plan.warnings {
        text += &format!("{}\n", message!("ui-warning", warning = warning.clone()));
    }
    text
}

fn target_section(manifest: &Manifest, target: &TargetPlan) -> String {
    let disk = &manifest.disks[target.disk];
    let is = match target.target.sector_size() {
        None => message!("ui-plain-file").to_string(),
        Some(_) => or_dash(Some(&identity_line(&target.target.identity()))),
    };
    let mut text = format!(
        "\n{}\n  {}\n  {}\n  {}\n",
        message!(
            "ui-restore-target",
            disk = disk.identity.name.as_str(),
            size = human_bytes(target.bytes),
            target = target.target.name()
        ),
        message!("ui-restore-target-is", identity = is, size = marketing_bytes(target.size)),
        message!("ui-restore-target-has", content = content_line(&target.found)),
        match &target.partitions {
            Some(places)
                if places.iter().all(|place| matches!(place, PartitionPlace::Number(..))) =>
            {
                message!("ui-restore-part-lost")
            }
            _ => message!("ui-restore-all-lost"),
        }
    );
    for place in target.partitions.iter().flatten() {
        let place = match place {
            PartitionPlace::Number(from, to) => {
                message!("ui-restore-place", from = *from, to = *to)
            }
            PartitionPlace::Whole(from) => message!("ui-restore-place-whole", from = *from),
        };
        text += &format!("  {place}\n");
    }
    text
}

/// What must be typed before a restore may begin: for each target the question and the word.
pub fn restore_questions(plan: &RestorePlan) -> Vec<(Message, String)> {
    let targets = plan.targets.iter();
    targets
        .map(|target| {
            let identity = target.target.identity();
            let parts = [Some(target.target.name()), identity.model, identity.serial];
            let target = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
            let word = identity.name.as_str();
            (message!("ui-restore-confirm", target = target, word = word), identity.name)
        })
        .collect()
}

/// What should be known of what was done, one a line.
fn warning_lines(warnings: &[Message]) -> String {
    let lines = warnings.iter().map(|warning| message!("ui-warning", warning = warning.clone()));
    lines.map(|line| format!("{line}\n")).collect()
}

/// What a save did, without the warnings.
pub(super) fn save_facts(outcome: &SaveOutcome) -> String {
    let text = message!(
        "ui-save-done",
        location = outcome.location.as_str(),
        used = human_bytes(outcome.used_bytes),
        stored = human_bytes(outcome.stored_bytes),
        seconds = format!("{:.0}", outcome.seconds)
    );
    let proof = match (outcome.verified, outcome.unreadable_bytes) {
        (true, 0) => message!("ui-save-verified"),
        (true, _) => message!("ui-save-verified-part"),
        (false, _) => message!("ui-save-not-verified"),
    };
    format!("{text}\n{proof}\n")
}

/// What a save did.
pub fn save_done(outcome: &SaveOutcome) -> String {
    save_facts(outcome) + &warning_lines(&outcome.warnings)
}

/// What a restore did, without the warnings.
pub(super) fn restore_facts(outcome: &RestoreOutcome) -> String {
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
    let starts_next = outcome.starts_next.iter().map(|next| format!("{next}\n"));
    format!("{text}\n{proof}\n{}", starts_next.collect::<String>())
}

/// What a restore did.
pub fn restore_done(outcome: &RestoreOutcome) -> String {
    restore_facts(outcome) + &warning_lines(&outcome.warnings)
}

/// What a condition is called.
pub(super) fn condition_name(condition: Condition) -> Message {
    match condition {
        Condition::Finished => message!("ui-condition-finished"),
        Condition::Replaced => message!("ui-condition-replaced"),
        Condition::Unfinished => message!("ui-condition-unfinished"),
        Condition::InProgress => message!("ui-condition-in-progress"),
        Condition::Damaged => message!("ui-condition-damaged"),
        Condition::TooNew => message!("ui-condition-too-new"),
        Condition::Unreadable => message!("ui-condition-unreadable"),
    }
}

/// The condition of an image, and how much it lacks.
fn condition_of(entry: &Entry) -> Message {
    let missing = entry.manifest.as_ref().map_or(0, Manifest::unreadable_bytes);
    match (entry.condition, missing) {
        (Condition::Finished, 1..) => {
            message!("ui-condition-incomplete", size = human_bytes(missing))
        }
        (condition, _) => condition_name(condition),
    }
}

/// What a person has to type to mean this image and no other.
fn address_among(entry: &Entry, entries: &[Entry]) -> String {
    let has_name = |other: &&Entry| {
        other.name == entry.name
            && other.manifest.is_some()
            && other.condition != Condition::Replaced
    };
    let is_alone = entries.iter().filter(has_name).count() <= 1;
    match is_alone && entry.condition != Condition::Replaced {
        true => entry.name.clone(),
        false => entry.word(),
    }
}

/// The images of a destination; with `copies`, where else each of them is, in the same order.
pub fn images(entries: &[Entry], copies: Option<&Vec<Vec<String>>>) -> String {
    if entries.is_empty() {
        return format!("{}\n", message!("ui-no-images"));
    }
    let mut titles = vec![
        message!("ui-column-name"),
        message!("ui-column-created"),
        message!("ui-column-disks"),
        message!("ui-column-used"),
        message!("ui-column-stored"),
        message!("ui-column-condition"),
    ];
    titles.extend(copies.map(|_| message!("ui-column-copies")));
    let mut table = table(&titles);
    for (number, entry) in entries.iter().enumerate() {
        let manifest = entry.manifest.as_ref();
        let disks: Vec<String> = manifest
            .map(|manifest| {
                let disks = manifest.disks.iter();
                disks.map(|d| format!("{} {}", d.identity.name, marketing_bytes(d.size))).collect()
            })
            .unwrap_or_default();
        let mut row = vec![
            address_among(entry, entries),
            manifest.map_or_else(|| "–".to_owned(), |manifest| manifest.created.clone()),
            or_dash(Some(&disks.join(", "))),
            manifest.map_or_else(|| "–".to_owned(), |m| human_bytes(m.used_bytes())),
            human_bytes(entry.stored_bytes),
            condition_of(entry).to_string(),
        ];
        row.extend(copies.map(|copies| or_dash(Some(&copies[number].join(", ")))));
        table.add_row(row);
    }
    let mut text = format!("{table}\n");
    for entry in entries {
        if let Some(problem) = &entry.problem {
            text += &format!("  {}: {problem}\n", address_among(entry, entries));
        }
    }
    text
}

/// One image.
pub fn show(manifest: &Manifest, location: &str) -> String {
    let machine = &manifest.machine;
    let words = [&machine.vendor, &machine.product, &machine.serial];
    let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
    let mut text = format!(
        "{}\n",
        message!(
            "ui-show-facts",
            name = manifest.name.as_str(),
            location = location,
            created = manifest.created.as_str(),
            machine = or_dash(Some(&words.join(" "))),
            used = human_bytes(manifest.used_bytes()),
            stored = human_bytes(manifest.stored_bytes()),
            note = or_dash(manifest.note.as_deref()),
            command = or_dash(Some(&manifest.command))
        )
    );
    if !manifest.verified {
        text += &format!("{}\n", message!("ui-show-not-verified"));
    }
    for warning in &manifest.warnings {
        text += &format!("{}\n", message!("ui-warning", warning = warning.clone()));
    }
    for disk in &manifest.disks {
        text += &format!(
            "\n{}  {}  {}  {}\n",
            disk.identity.name,
            identity_line(&disk.identity),
            marketing_bytes(disk.size),
            scheme_name(disk.table.scheme)
        );
        for note in &disk.notes {
            text += &format!("  {note}\n");
        }
        let mut rows = table(&[
            message!("ui-column-partition"),
            message!("ui-column-content"),
            message!("ui-column-label"),
            message!("ui-column-size"),
            message!("ui-column-used"),
        ]);
        for volume in &disk.volumes {
            let bytes = human_bytes(volume.used_bytes);
            rows.add_row([
                volume.partition.map_or_else(|| "–".to_owned(), |number| number.to_string()),
                described(&volume.content, volume.system.as_ref()),
                or_dash(volume.content.label.as_deref()),
                human_bytes(volume.extent.length),
                match (volume.saved, &volume.reason) {
                    (Saved::Skipped, _) => message!("ui-skipped").to_string(),
                    (Saved::Whole, Some(reason)) => {
                        message!("ui-whole-because", size = bytes, reason = reason.clone())
                            .to_string()
                    }
                    _ => with_whole_inside(bytes, &volume.content),
                },
            ]);
        }
        text += &format!("{rows}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::device::{Access, Device};
    use crate::operation::survey::survey;
    use crate::report::Silent;
    use crate::text::{Language, with_language};
    use std::process::{Command, Stdio};

    /// A disk with two named partitions and a FAT file system in the first; none without the tools.
    fn named_partitions() -> Option<tempfile::NamedTempFile> {
        use std::io::Write as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(64 << 20).unwrap();
        let command = |name: &str| {
            let mut command = Command::new(name);
            command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin").stdout(Stdio::null());
            command
        };
        let mut sfdisk = command("sfdisk")
            .args(["--quiet", "--no-reread"])
            .arg(file.path())
            .stdin(Stdio::piped())
            .spawn()
            .ok()?;
        let script = b"label: gpt\nsize=8M, type=U, name=\"Boot of the lab\"\nsize=30M\n";
        sfdisk.stdin.take()?.write_all(script).ok()?;
        let made = sfdisk.wait().ok()?.success()
            && command("mkfs.fat")
                .args(["--offset", "2048", "-i", "1234abcd", "-n", "EFI"])
                .args([file.path().as_os_str(), "8192".as_ref()])
                .status()
                .ok()?
                .success();
        made.then_some(file)
    }

    #[test]
    fn what_is_on_a_disk_says_names_labels_and_uuids() {
        let Some(file) = named_partitions() else {
            return eprintln!("SKIPPED: sfdisk or mkfs.fat is not installed");
        };
        let device = Device::open(file.path(), Access::Look).unwrap();
        let survey = survey(&[&device], &Silent).unwrap().pop().unwrap();
        let (english, spanish) = (
            with_language(Language::English, || surveyed(&survey)),
            with_language(Language::Spanish, || surveyed(&survey)),
        );
        for (text, name, uuid) in [
            (english, "“Boot of the lab”", "Partition 1: UUID 1234-ABCD"),
            (spanish, "«Boot of the lab»", "Partición 1: UUID 1234-ABCD"),
        ] {
            for expected in [name, uuid, "EFI", "GPT", "FAT"] {
                assert!(text.contains(expected), "{expected}: {text}");
            }
            assert!(!text.contains("Partition 2: UUID"), "{text}");
        }
    }
}
