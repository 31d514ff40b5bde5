//! `about.html`: the image explained to a person who finds it in ten years, on one page that
//! needs nothing else.

use super::manifest::{Disk, Manifest, Saved, SavedVolume};
use crate::text::{language, message, quoted};
use crate::units::{human_bytes, marketing_bytes};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2em .6em;\
border-bottom:1px solid #ccc;vertical-align:top}code{background:#eee;padding:.1em .3em}\
.bar{display:flex;height:3em;border:1px solid #555;margin:1em 0}.bar div{overflow:hidden;\
border-right:1px solid #555;padding:.2em;font-size:.8em;white-space:nowrap}\
.used{background:#cde8cd}.whole{background:#cddcee}.skipped{background:#eee}.free{background:#fff}";

/// The page for an image.
pub fn page(manifest: &Manifest) -> String {
    let machine = &manifest.machine;
    let known = |part: &Option<String>| part.clone().unwrap_or_else(|| "–".to_owned());
    let firmware = match (machine.firmware.as_deref(), machine.secure_boot) {
        (Some("uefi"), Some(true)) => "UEFI, Secure Boot".to_owned(),
        (Some(mode), _) => mode.to_uppercase(),
        (None, _) => "–".to_owned(),
    };
    let facts = [
        (message!("about-created"), manifest.created.clone()),
        (message!("about-note"), known(&manifest.note)),
        (
            message!("about-machine"),
            format!(
                "{} {} ({})",
                known(&machine.vendor),
                known(&machine.product),
                known(&machine.serial)
            ),
        ),
        (message!("about-firmware"), firmware),
        (message!("about-used"), human_bytes(manifest.used_bytes())),
        (message!("about-writer"), manifest.writer.clone()),
        (message!("about-image-id"), manifest.image_id.to_string()),
        (message!("about-command"), manifest.command.clone()),
    ];
    let page = html! {
        (DOCTYPE)
        html lang=(language().code()) {
            head {
                meta charset="utf-8";
                title { (manifest.name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (manifest.name) }
                p { (message!("about-what").to_string()) }
                table {
                    @for (name, value) in &facts {
                        tr { th { (name.to_string()) } td { (value) } }
                    }
                }
                @for warning in &manifest.warnings { p { b { (warning.to_string()) } } }
                @for disk in &manifest.disks { (disk_section(disk)) }
                h2 { (message!("about-restore").to_string()) }
                p { (message!("about-restore-how").to_string()) }
                p { code { "calco verify " (quoted(&manifest.name)) } }
                p { code { "calco restore " (quoted(&manifest.name)) (targets(manifest)) } }
                p { (message!("about-check").to_string()) " " code { "sha256sum -c SHA256SUMS" } }
                p { (message!("about-key").to_string()) }
            }
        }
    };
    page.into_string()
}

/// The words of a restore that say what goes where: `--to` for each disk, and which partitions, where not
/// all of them are in the image.
fn targets(manifest: &Manifest) -> String {
    let is_alone = manifest.disks.len() == 1;
    let mut words = String::new();
    for disk in &manifest.disks {
        let name = &disk.identity.name;
        let named = |sign: char| match is_alone {
            true => String::new(),
            false => format!("{name}{sign}"),
        };
        let is_there = |volume: &&SavedVolume| volume.saved != Saved::Skipped;
        if !disk.volumes.iter().all(|volume| is_there(&volume)) {
            let numbers: Vec<String> = disk
                .volumes
                .iter()
                .filter(is_there)
                .filter_map(|volume| Some(volume.partition?.to_string()))
                .collect();
            let partitions = format!("{}{}", named(':'), numbers.join(","));
            words += &format!(" --partitions {}", quoted(&partitions));
        }
        words += &format!(" --to {}", quoted(&format!("{}DISK", named('='))));
    }
    words
}

fn class(saved: Saved) -> &'static str {
    match saved {
        Saved::Used => "used",
        Saved::Whole => "whole",
        Saved::Skipped => "skipped",
    }
}

fn title(volume: &SavedVolume) -> String {
    let number = volume.partition.map(|number| format!("{number}: ")).unwrap_or_default();
    format!("{number}{}", volume.content.kind.name())
}

/// Partitions to scale, none so narrow that it cannot be seen.
fn bar(disk: &Disk) -> Markup {
    let mut volumes: Vec<&SavedVolume> = disk.volumes.iter().collect();
    volumes.sort_by_key(|volume| volume.extent.offset);
    let mut position = 0;
    let mut parts: Vec<(&str, u64, String)> = Vec::new();
    for volume in volumes {
        let gap = volume.extent.offset.saturating_sub(position);
        parts.push(("free", gap, String::new()));
        parts.push((class(volume.saved), volume.extent.length, title(volume)));
        position = position.max(volume.extent.end());
    }
    parts.push(("free", disk.size.saturating_sub(position), String::new()));
    let share = |length: u64| (length as f64 / disk.size.max(1) as f64 * 1000.0).ceil();
    html! {
        div.bar {
            @for (class, length, title) in parts.iter().filter(|(_, length, _)| *length > 0) {
                div class=(class) style=(format!("flex:{} 1 0", share(*length))) title=(title) {
                    (title) br; (human_bytes(*length))
                }
            }
        }
    }
}

fn disk_section(disk: &Disk) -> Markup {
    let identity = &disk.identity;
    let words = [&identity.model, &identity.serial, &identity.wwn, &identity.bus];
    let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
    let smart = identity.smart.as_deref().unwrap_or("–");
    html! {
        h2 { (identity.name) " · " (marketing_bytes(disk.size)) }
        p {
            (words.join(" · "))
            br;
            (message!("about-sectors", logical = disk.sector_size).to_string())
            " SMART: " (smart)
        }
        (bar(disk))
        table {
            tr {
                th { (message!("about-partition").to_string()) }
                th { (message!("about-size").to_string()) }
                th { (message!("about-content").to_string()) }
                th { (message!("about-saved").to_string()) }
            }
            @for volume in &disk.volumes {
                tr {
                    td { (volume.partition.map_or_else(|| "–".to_owned(), |n| n.to_string())) }
                    td { (human_bytes(volume.extent.length)) }
                    td {
                        (volume.content.title().to_string())
                        @if let Some(label) = &volume.content.label { " “" (label) "”" }
                        @if let Some(system) = volume.system.as_ref().and_then(|s| s.name.as_ref()) {
                            br; (system)
                        }
                    }
                    td {
                        (saved_text(volume))
                        @if let Some(reason) = &volume.reason { br; (reason.to_string()) }
                        @for reason in volume.content.whole_inside() { br; (reason.to_string()) }
                    }
                }
            }
        }
        @for note in &disk.notes { p { (note.to_string()) } }
    }
}

fn saved_text(volume: &SavedVolume) -> String {
    let size = human_bytes(volume.used_bytes);
    match volume.saved {
        Saved::Used => message!("about-saved-used", size = size),
        Saved::Whole => message!("about-saved-whole", size = size),
        Saved::Skipped => message!("about-saved-skipped"),
    }
    .to_string()
}
