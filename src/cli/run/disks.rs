//! The disks of the machine, and what is in use of a disk or an image.

use super::place::open_image;
use super::print_json;
use crate::block::BlockSource;
use crate::block::device::{Access, Device};
use crate::error::Result;
use crate::hardware::{Inventory, inventory, selector};
use crate::image::{Freshness, Image, Saved};
use crate::job::MapJob;
use crate::operation::destination::names_volume;
use crate::operation::survey::{Choice, DiskSurvey, survey};
use crate::store::address::Address;
use crate::text::message;
use crate::ui::{self, Console};
use crate::units::{Extent, ExtentMap, human_bytes};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn survey_json(survey: &DiskSurvey) -> Value {
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
            "content_name": volume.content().title().to_string(),
            "used_bytes": volume.reading.used.as_ref().ok().map(|used| used.extents.total_bytes()),
            "unproven_bytes":
                volume.reading.unproven.as_ref().map(|used| used.extents.total_bytes()),
            "doubt": volume.reading.used.as_ref().err().map(ToString::to_string),
            "system": volume.system,
        })).collect::<Vec<_>>(),
    })
}

pub(super) fn list_disks(json: bool, console: &Console) -> Result<u8> {
    let inventory = inventory();
    let opened: Vec<Result<Device>> =
        inventory.disks.iter().map(|disk| Device::open(&disk.path, Access::Look)).collect();
    let readable: Vec<&dyn BlockSource> =
        opened.iter().flatten().map(|device| device as &dyn BlockSource).collect();
    // Together: file systems, volume groups and arrays span disks.
    let mut surveyed = survey(&readable, console)?.into_iter();
    let mut next = || surveyed.next().expect("a survey for each disk that was opened");
    let surveys: Vec<Result<DiskSurvey>> =
        opened.into_iter().map(|device| device.map(|_| next())).collect();
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
    for (number, survey) in surveys.iter().enumerate() {
        document["disks"][number]["survey"] = json!(survey.as_ref().ok().map(survey_json));
        document["disks"][number]["problem"] =
            json!(survey.as_ref().err().map(|error| error.to_string()));
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

pub(super) fn show_map(job: &MapJob, json: bool, console: &Console) -> Result<u8> {
    let names_image = names_volume(&job.source)
        || Address::parse(&job.source)?.is_some()
        || Path::new(&job.source).is_dir();
    let disks = if names_image {
        let (_destination, image) = open_image(&job.source, Freshness::Any)?;
        map_of_image(&image)?
    } else {
        vec![map_of_disk(job, console)?]
    };
    if json {
        let document = json!({ "disks": disks.iter().map(|disk| json!({
            "name": disk.name,
            "size": disk.size,
            "used_bytes": disk.map.total_bytes(),
            "extents": extents_json(&disk.map),
            "notes": disk.notes,
            "volumes": disk.rows.iter().map(|row| json!({
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
    for DiskMap { name, size, map, notes, rows } in disks {
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
        ui::print(&ui::map(&name, size, map.total_bytes(), &notes, &rows))?;
    }
    Ok(0)
}

/// What is in use of a disk, and what is to be said of its table.
struct DiskMap {
    name: String,
    size: u64,
    map: ExtentMap,
    notes: Vec<String>,
    rows: Vec<MapRow>,
}

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

fn map_of_disk(job: &MapJob, console: &Console) -> Result<DiskMap> {
    let selected = selector::resolve(&job.source, &Inventory::read(Path::new("/")))?;
    let device = Device::open(&selected.path, Access::Look)?;
    let survey = survey(&[&device], console)?.pop().expect("one disk, one survey");
    let (uses, map) = survey.used(&Choice { unproven: job.unproven, ..Choice::default() });
    let mut rows: Vec<MapRow> = survey
        .volumes
        .iter()
        .zip(uses)
        .map(|(volume, used)| MapRow {
            partition: volume.number(),
            content: volume.content().title().to_string(),
            extent: volume.extent,
            whole: used.saved == Saved::Whole,
            note: used.reason.map(|reason| reason.to_string()),
            used: used.extents,
        })
        .collect();
    rows.push(outside_row(&map, &rows, device.size()));
    let notes = survey.notes.iter().chain(&survey.doubt).map(ToString::to_string).collect();
    Ok(DiskMap { name: device.name(), size: device.size(), map, notes, rows })
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
                content: volume.content.title().to_string(),
                extent: volume.extent,
                used: map.within(volume.extent).collect(),
                whole: volume.saved == Saved::Whole,
                note: volume.reason.as_ref().map(ToString::to_string),
            })
            .collect();
        rows.push(outside_row(&map, &rows, disk.size));
        let notes = disk.notes.iter().map(ToString::to_string).collect();
        let name = disk.identity.name.clone();
        disks.push(DiskMap { name, size: disk.size, map, notes, rows });
    }
    Ok(disks)
}
