//! What a target was recognized by, kept before it is destroyed, and the commands that put it back.

use super::TargetPlan;
use super::placement::ELSEWHERE;
use crate::block::BlockSource;
use crate::error::{Context as _, Error, Result};
use crate::text::{message, quoted};
use crate::units::{Extent, ExtentMap, KIB, MIB};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Kept of both ends of a target, in bytes.
const EDGE: u64 = MIB;
/// Kept of the start of each volume on it, in bytes: boot sectors and most superblocks.
const HEAD: u64 = 4 * KIB;
/// Room for text at the start of the file is a multiple of this, in bytes.
const PAGE: usize = 4096;

/// What was kept of the targets.
#[derive(Clone, Debug, Serialize)]
pub struct KeptOld {
    /// The file.
    pub file: PathBuf,
    /// The commands that write it back.
    pub commands: Vec<String>,
}

/// The places of a target that are kept.
fn places(plan: &TargetPlan) -> ExtentMap {
    let whole = Extent::new(0, plan.size);
    let ends = |extent: Extent| {
        [
            Extent::new(extent.offset, EDGE.min(extent.length)),
            Extent::between(extent.end().saturating_sub(EDGE).max(extent.offset), extent.end()),
        ]
    };
    let written = plan
        .placement
        .pieces
        .iter()
        .flat_map(|piece| ends(Extent::new(piece.to, piece.from.length)));
    let regions = plan.found.table.regions.iter().map(|region| region.extent);
    let volumes = plan.found.volumes.iter().map(|volume| Extent::new(volume.extent.offset, HEAD));
    ends(whole)
        .into_iter()
        .chain(written)
        .chain(regions)
        .chain(volumes)
        .chain(ELSEWHERE)
        .filter_map(|extent| extent.intersection(whole))
        .collect()
}

/// Writes what is kept of all targets into one new file: commands as text, then the bytes.
pub(super) fn keep(file: &Path, plans: &[TargetPlan]) -> Result<KeptOld> {
    let located = |error: Error| error.at_path(file);
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let name = path.display().to_string();
    let places: Vec<(&TargetPlan, Extent)> = plans
        .iter()
        .flat_map(|plan| places(plan).iter().map(move |place| (plan, place)).collect::<Vec<_>>())
        .collect();
    // Numbers have at most twenty digits.
    let target_of = |plan: &TargetPlan| {
        let name = plan.target.name();
        // From wherever the commands are given.
        std::path::absolute(&name).map_or(name, |path| path.display().to_string())
    };
    let longest = |plan: &TargetPlan| name.len() + target_of(plan).len() + 200;
    let text: usize = places.iter().map(|(plan, _)| longest(plan)).sum();
    let start = (text + PAGE).next_multiple_of(PAGE);

    let mut commands = Vec::new();
    let mut position = start as u64;
    for (plan, place) in &places {
        commands.push(format!(
            "dd if={} of={} bs=1M iflag=skip_bytes,count_bytes oflag=seek_bytes \
             conv=notrunc,fsync skip={position} seek={} count={}",
            quoted(&name),
            quoted(&target_of(plan)),
            place.offset,
            place.length
        ));
        position += place.length;
    }
    let mut header = message!("restore-kept-header").to_string();
    for command in &commands {
        header.push('\n');
        header.push_str(command);
    }
    let mut bytes = header.into_bytes();
    bytes.resize(start, b'\n');

    // What it holds may be secret: keys lie in such places.
    let mut output = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .context(|| message!("restore-keep-failed"))
        .map_err(located)?;
    let mut write_all = || -> Result<()> {
        let mut write = |bytes: &[u8]| {
            output.write_all(bytes).context(|| message!("restore-keep-failed")).map_err(located)
        };
        write(&bytes)?;
        for (plan, place) in &places {
            let disk = plan.target.look()?;
            copy(disk.as_ref(), *place, &mut write)?;
        }
        output.sync_all().context(|| message!("restore-keep-failed")).map_err(located)
    };
    // A part of it helps nobody, and would be in the way of the next try.
    write_all().inspect_err(|_| drop(std::fs::remove_file(&path)))?;
    if let Some(folder) = path.parent()
        && let Ok(folder) = File::open(folder)
    {
        // Some file systems cannot sync a folder; the file is then as durable as it gets.
        let _ = folder.sync_all();
    }
    Ok(KeptOld { file: path, commands })
}

fn copy(
    disk: &dyn BlockSource,
    place: Extent,
    write: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut position = place.offset;
    while position < place.end() {
        let length = (place.end() - position).min(MIB) as usize;
        write(&disk.read_vec(position, length)?)?;
        position += length as u64;
    }
    Ok(())
}
