//! HFS+ and HFSX: what is in use, from the allocation file.
//!
//! The answer is certain only when the volume was unmounted cleanly and its journal is empty, the
//! volume header and its copy agree, the free blocks are as many as they say, and every block of every
//! special file, file and attribute is marked as in use.
//!
//! In use are the blocks that the bitmap says, those of the volume header and its copy, and what
//! follows the last block. Bad blocks are marked as in use too, and stay so.
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format"; each file names its section.

mod allocation;
mod files;
mod fork;
mod journal;
mod tree;
mod volume_header;

use self::files::{Check, SpecialFiles};
use self::fork::Fork;
use self::tree::Tree;
use super::{Budget, Doubt, Used, Volume};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMapBuilder};

/// The folder that the root folder is said to lie in, whose only name is that of the volume (section
/// "Catalog Node IDs").
const PARENT_OF_ROOT: u32 = 1;

/// Adds what the catalog tells of a volume, as far as it can be read.
pub(super) fn describe(source: &dyn BlockSource, volume: &mut Volume) {
    volume.label = name(source).ok().flatten();
}

/// The name of a volume: the first record of the catalog is that of the root folder.
fn name(source: &dyn BlockSource) -> Result<Option<String>, Doubt> {
    let header = volume_header::read(source)?;
    let Some(beginning) = header.catalog().beginning(header.geometry) else { return Ok(None) };
    let catalog = Fork::new(files::CATALOG, header.geometry, &beginning, std::iter::empty())?;
    let key = Tree::open(source, &catalog)?.first_key()?;
    Ok(key.as_deref().and_then(root_name))
}

fn root_name(key: &[u8]) -> Option<String> {
    let (parent, rest) = key.split_first_chunk()?;
    let (length, units) = rest.split_first_chunk()?;
    let units = units.get(..2 * usize::from(u16::from_be_bytes(*length)))?;
    let units = units.as_chunks().0.iter().map(|unit| u16::from_be_bytes(*unit));
    let name: String = char::decode_utf16(units)
        .map(|result| result.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    (u32::from_be_bytes(*parent) == PARENT_OF_ROOT && !name.is_empty()).then_some(name)
}

/// The used extents of an HFS+ or HFSX volume.
///
/// # Errors
/// A doubt when they are not certain.
pub fn used(source: &dyn BlockSource, budget: Budget) -> Result<Used, Doubt> {
    let header = volume_header::read(source)?;
    header.check(source.size())?;
    let geometry = header.geometry;
    let alternate = header.alternate(source)?;
    let journal = journal::check(source, &header)?;
    let special = SpecialFiles::read(source, &header)?;

    // The two are reserved together with what lies between them and the ends of the volume.
    let head = Extent::new(0, volume_header::OFFSET + volume_header::LENGTH);
    let end = Extent::new(alternate.offset, 2 * volume_header::LENGTH);
    let kept = [head, end].map(|place| geometry.blocks_around(place));
    let mut map = ExtentMapBuilder::with_budget(budget.extents);
    let free = allocation::read(source, geometry, &special.allocation, &kept, &mut map)?;
    if free != header.free_blocks() {
        return Err(message!(
            "hfsplus-free-count",
            counted = free.to_string(),
            stored = header.free_blocks().to_string()
        ));
    }
    map.push(Extent::between(geometry.length(), source.size()));
    let extents = map.build();
    if !journal.iter().all(|place| extents.contains(*place)) {
        return Err(message!("hfsplus-journal-damaged"));
    }
    let check = Check { source, geometry, used: &extents, limit: budget.extents };
    check.all(&header, &special)?;
    let header = Extent::new(volume_header::OFFSET, volume_header::LENGTH);
    Ok(Used { extents, signatures: vec![header, alternate] })
}

#[cfg(test)]
mod tests;
