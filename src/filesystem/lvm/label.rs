//! Label, header and metadata areas of a physical volume.
//!
//! Source: lvm2, `lib/label/label.h`, `lib/format_text/layout.h`. Little-endian.

use super::text::{self, Section};
use crate::block::BlockSource;
use crate::filesystem::Doubt;
use crate::filesystem::recognize::crc32_le;
use crate::text::message;
use crate::units::{Extent, MIB};

/// The initial value of LVM2's own checksums.
const CHECKSUM_START: u32 = 0xF597_A6CF;
const SECTOR: u64 = 512;
/// Sectors in one of which the label is.
const LABEL_SECTORS: u64 = 4;
/// Header of a metadata area, in bytes; the text goes round in what follows.
const AREA_HEADER: u64 = 512;
const AREA_MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
/// Longest text that is read, in bytes.
const MAXIMUM_TEXT: u64 = 4 * MIB;
/// Data areas, metadata areas, boot areas: LVM2 itself makes one, two, and one.
const MAXIMUM_AREAS: usize = 8;
/// What lies before the data is kept up to here, in bytes.
const HEAD: u64 = 16 * MIB;
/// The flag of the header's extension: belongs to a volume group.
const FLAG_USED: u32 = 1;
/// The flag of a text's location: not kept up to date.
const FLAG_IGNORED: u32 = 1;

/// A physical volume.
pub(super) struct PhysicalVolume {
    /// Its identity, without hyphens.
    pub(super) id: String,
    /// What describes it and its volume group, in bytes of the source; always kept.
    pub(super) kept: Vec<Extent>,
    /// The label and the headers of the metadata areas.
    pub(super) signatures: Vec<Extent>,
    /// The texts of its metadata areas.
    pub(super) texts: Vec<Section>,
    /// Whether it can be told from it alone that it belongs to no volume group.
    pub(super) is_free: bool,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn read(source: &dyn BlockSource, offset: u64, length: usize) -> Result<Vec<u8>, Doubt> {
    source
        .read_vec(offset, length)
        .map_err(|error| message!("lvm-unreadable", why = error.message().clone()))
}

fn damaged(offset: u64) -> Doubt {
    message!("lvm-damaged", offset = offset.to_string())
}

/// A list of areas, which an area at 0 ends; `position` is behind it then.
fn areas(label: &[u8], position: &mut usize) -> Option<Vec<Extent>> {
    let mut list = Vec::new();
    loop {
        let (offset, length) = (u64_at(label, *position)?, u64_at(label, *position + 8)?);
        *position += 16;
        if offset == 0 {
            return Some(list);
        }
        offset.checked_add(length)?;
        list.push(Extent::new(offset, length));
        if list.len() > MAXIMUM_AREAS {
            return None;
        }
    }
}

/// Reads everything that a physical volume says.
pub(super) fn physical_volume(source: &dyn BlockSource) -> Result<PhysicalVolume, Doubt> {
    let size = source.size();
    let labels = read(source, 0, (LABEL_SECTORS * SECTOR).min(size) as usize)?;
    let valid: Vec<(usize, &[u8])> = labels
        .chunks_exact(SECTOR as usize)
        .enumerate()
        .filter(|(number, label)| {
            &label[..8] == b"LABELONE"
                && &label[24..32] == b"LVM2 001"
                && u64_at(label, 8) == Some(*number as u64)
                && u32_at(label, 16) == Some(crc32_le(CHECKSUM_START, &label[20..]))
        })
        .collect();
    let [(number, label)] = valid[..] else { return Err(damaged(0)) };
    let label_offset = number as u64 * SECTOR;
    let bad = || damaged(label_offset);
    let mut position =
        u32_at(label, 20).filter(|at| (32..SECTOR as u32).contains(at)).ok_or_else(bad)? as usize;
    let id = label.get(position..position + 32).filter(|id| id.is_ascii()).ok_or_else(bad)?;
    let id = String::from_utf8_lossy(id).into_owned();
    let device_size = u64_at(label, position + 32).ok_or_else(bad)?;
    position += 40;
    let data = areas(label, &mut position).ok_or_else(bad)?;
    let metadata = areas(label, &mut position).ok_or_else(bad)?;
    // The extension came later; older headers have zeros there.
    let version = u32_at(label, position).unwrap_or(0);
    let flags = if version > 0 { u32_at(label, position + 4).ok_or_else(bad)? } else { 0 };
    let mut boot = Vec::new();
    if version > 0 {
        position += 8;
        boot = areas(label, &mut position).ok_or_else(bad)?;
    }
    if version > 2 || flags & !FLAG_USED != 0 {
        return Err(message!("lvm-version", version = version.to_string()));
    }
    if device_size > size {
        return Err(message!(
            "lvm-cut-off",
            length = device_size.to_string(),
            size = size.to_string()
        ));
    }
    let whole = Extent::new(0, size);
    if !metadata.iter().chain(&boot).all(|area| whole.contains(*area)) {
        return Err(bad());
    }

    let head = Extent::new(0, (LABEL_SECTORS * SECTOR).min(size));
    let mut volume = PhysicalVolume {
        id,
        kept: vec![head],
        signatures: vec![head],
        texts: Vec::new(),
        is_free: flags & FLAG_USED == 0 && !metadata.is_empty(),
    };
    let first_data = data.iter().map(|area| area.offset).min().unwrap_or(size);
    volume.kept.push(Extent::new(0, first_data.min(HEAD).min(size)));
    volume.kept.extend(boot);
    for area in metadata {
        volume.kept.push(area);
        volume.signatures.push(Extent::new(area.offset, AREA_HEADER));
        match area_text(source, area)? {
            Text::Of(section) => {
                volume.texts.push(section);
                volume.is_free = false;
            }
            Text::Ignored => volume.is_free = false,
            Text::None => {}
        }
    }
    Ok(volume)
}

enum Text {
    /// No volume group.
    None,
    /// Not kept up to date.
    Ignored,
    Of(Section),
}

/// The text that is in force in one metadata area.
fn area_text(source: &dyn BlockSource, area: Extent) -> Result<Text, Doubt> {
    let bad = || damaged(area.offset);
    if area.length <= AREA_HEADER {
        return Err(bad());
    }
    let header = read(source, area.offset, AREA_HEADER as usize)?;
    let is_header = u32_at(&header, 0) == Some(crc32_le(CHECKSUM_START, &header[4..]))
        && &header[4..20] == AREA_MAGIC
        && u32_at(&header, 20) == Some(1)
        && u64_at(&header, 24) == Some(area.offset)
        && u64_at(&header, 32) == Some(area.length);
    if !is_header {
        return Err(bad());
    }
    let locations: Vec<&[u8]> = header[40..].chunks_exact(24).collect();
    let offset_of = |number: usize| u64_at(locations[number], 0).unwrap_or(0);
    if offset_of(0) == 0 && u32_at(locations[0], 20) == Some(0) {
        return Ok(Text::None);
    }
    if u32_at(locations[0], 20).is_some_and(|flags| flags & FLAG_IGNORED != 0) {
        return Ok(Text::Ignored);
    }
    // The second is a change that was written and not yet put in force.
    if offset_of(0) == 0 || offset_of(1) != 0 {
        return Err(message!("lvm-unfinished"));
    }
    let (offset, length) = (offset_of(0), u64_at(locations[0], 8).ok_or_else(bad)?);
    let in_ring = offset >= AREA_HEADER
        && offset < area.length
        && length <= (area.length - AREA_HEADER).min(MAXIMUM_TEXT);
    if !in_ring {
        return Err(bad());
    }
    let first = length.min(area.length - offset);
    let mut bytes = read(source, area.offset + offset, first as usize)?;
    bytes.extend(read(source, area.offset + AREA_HEADER, (length - first) as usize)?);
    if u32_at(locations[0], 16) != Some(crc32_le(CHECKSUM_START, &bytes)) {
        return Err(bad());
    }
    text::parse(&bytes).map(Text::Of).ok_or_else(bad)
}
