//! Linux swap areas: their identity is kept, what was swapped out is not.
//!
//! Only the header page is in use (UUID, label, list of bad pages), unless a hibernated system
//! lies in the rest.

mod header;

use super::{Budget, Doubt, Used, Volume, VolumeKind, recognize::text, unreadable_doubt};
use crate::block::BlockSource;
use crate::error;
use crate::text::message;
use crate::units::{Extent, ExtentMap};
use header::{Header, Signature};
use uuid::Uuid;

struct Area {
    /// Every signature found, with the page size it implies, in bytes, ascending. There is more
    /// than one where an area was made anew for another page size.
    signatures: Vec<(u64, Signature)>,
    header: Header,
}

fn read_area(source: &dyn BlockSource) -> error::Result<Option<Area>> {
    if source.size() < header::PAGE_SIZES[0] {
        return Ok(None);
    }
    let mut signatures = Vec::new();
    for page_size in header::PAGE_SIZES.into_iter().filter(|size| *size <= source.size()) {
        let offset = page_size - header::SIGNATURE_LENGTH as u64;
        let signature = source.read_vec(offset, header::SIGNATURE_LENGTH)?;
        signatures.extend(Signature::parse(&signature).map(|signature| (page_size, signature)));
    }
    if signatures.is_empty() {
        return Ok(None);
    }
    let start = source.read_vec(0, header::TUX_ON_ICE.len())?;
    if start == header::TUX_ON_ICE {
        signatures.iter_mut().for_each(|(_, signature)| *signature = Signature::Hibernated);
    }
    let header = Header::parse(&source.read_vec(header::OFFSET, header::LENGTH)?);
    Ok(header.map(|header| Area { signatures, header }))
}

/// Whether a volume is a swap area, with its label and UUID.
///
/// # Errors
/// When its first page cannot be read.
pub fn detect(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    let Some(area) = read_area(source)? else { return Ok(None) };
    let page_size = area.signatures[0].0;
    let mut volume = Volume { block_size: Some(page_size), ..Volume::of(VolumeKind::Swap) };
    if area.header.version == 1 {
        let uuid = Uuid::from_bytes(area.header.uuid);
        volume.uuid = (!uuid.is_nil()).then(|| uuid.to_string());
        volume.label = text(&area.header.label);
        volume.length = Some((u64::from(area.header.last_page) + 1) * page_size);
    }
    Ok(Some(volume))
}

/// The used extents of a swap area: its header page.
///
/// # Errors
/// A doubt when a hibernated system lies in it, or its header makes no sense.
pub fn used(source: &dyn BlockSource, _: Budget) -> Result<Used, Doubt> {
    let area = read_area(source)
        .map_err(unreadable_doubt)?
        .ok_or_else(|| VolumeKind::Unknown.why_whole())?;
    let found = |wanted| area.signatures.iter().any(|(_, signature)| *signature == wanted);
    if found(Signature::Hibernated) {
        return Err(message!("swap-hibernated"));
    }
    if found(Signature::Version0) {
        return Err(message!("swap-version-0"));
    }
    let (smallest, largest) = (area.signatures[0].0, area.signatures[area.signatures.len() - 1].0);
    let header = &area.header;
    // The list of bad pages fills the page between the fields and the signature.
    let bad_pages_limit =
        (smallest - header::OFFSET - header::LENGTH as u64 - header::SIGNATURE_LENGTH as u64) / 4;
    let pages = u64::from(header.last_page) + 1;
    if header.version != 1
        || header.last_page == 0
        || pages * smallest > source.size()
        || u64::from(header.bad_pages) > bad_pages_limit
    {
        return Err(message!("swap-header"));
    }
    let extent = Extent::new(0, largest);
    Ok(Used { extents: ExtentMap::whole(extent), signatures: vec![extent] })
}

#[cfg(test)]
mod tests;
