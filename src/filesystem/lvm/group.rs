//! A volume group: which extents of which physical volumes its logical volumes are made of.
//!
//! Source: lvm2, `lib/format_text/export.c` for the text, lvmthin(7), lvmcache(7), lvmraid(7) for
//! how logical volumes use others.

use super::text::{Section, Value};
use super::thin_pool::{self, ThinPool};
use crate::filesystem::composed::{Area, Segment};
use crate::filesystem::{Doubt, VolumeKind};
use crate::text::message;
use crate::units::Extent;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SECTOR: u64 = 512;
/// Segments of all logical volumes together.
const MAXIMUM_SEGMENTS: usize = 1 << 18;
/// What a logical volume may be called without its content being something other than it seems.
const PLAIN_STATUS: &[&str] = &["READ", "WRITE", "VISIBLE", "FIXED_MINOR"];

/// A logical volume.
pub(in crate::filesystem) struct Content {
    /// Its name.
    pub(in crate::filesystem) name: String,
    /// Where its bytes lie; empty where it is made of other logical volumes.
    pub(in crate::filesystem) segments: Vec<Segment>,
    /// Whether a person knows it.
    pub(in crate::filesystem) is_visible: bool,
    /// What it is, where its description tells that.
    pub(in crate::filesystem) kind: VolumeKind,
    /// Why it is in use whole, whatever seems to lie in it.
    pub(in crate::filesystem) why_whole: Option<Doubt>,
    /// Whether nothing is going on with it.
    pub(super) is_plain: bool,
    /// Whether each of its bytes lies on a physical volume, where `segments` say.
    pub(super) is_placed: bool,
}

/// A volume group.
pub(in crate::filesystem) struct VolumeGroup {
    /// Its name.
    pub(in crate::filesystem) name: String,
    /// Its logical volumes.
    pub(in crate::filesystem) contents: Vec<Content>,
    /// Its thin pools that may be looked into.
    pub(in crate::filesystem) thin_pools: Vec<ThinPool>,
}

/// The section of the group, with its name.
fn group(text: &Section) -> Option<(&str, &Section)> {
    let mut sections = text.sections();
    sections.next().filter(|_| sections.next().is_none())
}

/// The identity of the group that a text describes.
pub(super) fn id(text: &Section) -> Option<String> {
    group(text)?.1.text("id").map(str::to_owned)
}

/// Whether two texts describe the same state of the same group.
pub(super) fn same(first: &Section, second: &Section) -> bool {
    group(first) == group(second)
}

fn plain_id(id: &str) -> String {
    id.replace('-', "")
}

/// Whether a physical volume belongs to the group.
pub(super) fn lists(text: &Section, volume: &str) -> bool {
    let volumes = group(text).and_then(|(_, group)| group.section("physical_volumes"));
    volumes.is_some_and(|volumes| {
        volumes.sections().any(|(_, pv)| pv.text("id").is_some_and(|id| plain_id(id) == volume))
    })
}

/// A physical volume as the text tells it.
struct Physical {
    /// Its number among those at hand.
    source: usize,
    start: u64,
    extents: u64,
}

pub(super) fn bad(name: &str) -> Doubt {
    message!("lvm-impossible", name = name)
}

fn physical_volumes(
    group: &Section,
    name: &str,
    at_hand: &[(&str, u64)],
    extent_size: u64,
) -> Result<BTreeMap<String, Physical>, Doubt> {
    let list = group.section("physical_volumes").ok_or_else(|| bad(name))?;
    let mut found = BTreeMap::new();
    let mut missing = 0;
    let mut taken = BTreeSet::new();
    for (label, volume) in list.sections() {
        let id = volume.text("id").map(plain_id).ok_or_else(|| bad(label))?;
        let mut places = at_hand.iter().enumerate().filter(|(_, (other, _))| *other == id);
        let Some((source, (_, size))) = places.next() else {
            missing += 1;
            continue;
        };
        if places.next().is_some() || !taken.insert(source) {
            return Err(message!("lvm-twice"));
        }
        if volume.words("flags").contains(&"MISSING") {
            missing += 1;
        }
        let number = |key: &str| volume.number(key).ok_or_else(|| bad(label));
        let start = number("pe_start")?.checked_mul(SECTOR).ok_or_else(|| bad(label))?;
        let extents = number("pe_count")?;
        let end = extents.checked_mul(extent_size).and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > *size) {
            return Err(bad(label));
        }
        let physical = Physical { source, start, extents };
        if found.insert(label.to_owned(), physical).is_some() {
            return Err(bad(label));
        }
    }
    if missing > 0 || found.len() != at_hand.len() {
        return Err(message!(
            "lvm-missing",
            group = name,
            there = found.len().to_string(),
            all = list.sections().count().to_string()
        ));
    }
    Ok(found)
}

/// The group that a text describes, whose physical volumes at hand have these identities and
/// sizes in bytes.
pub(super) fn read(text: &Section, at_hand: &[(&str, u64)]) -> Result<VolumeGroup, Doubt> {
    let (name, group) = group(text).ok_or_else(|| bad("?"))?;
    let format = group.text("format");
    if format.is_some_and(|format| format != "lvm2") {
        return Err(message!("lvm-version", version = format.unwrap_or_default()));
    }
    let extent_size = group
        .number("extent_size")
        .and_then(|sectors| sectors.checked_mul(SECTOR))
        .filter(|size| *size > 0)
        .ok_or_else(|| bad(name))?;
    let physical = physical_volumes(group, name, at_hand, extent_size)?;

    // Names by which logical volumes mention others: those are parts of something, or something
    // else shares their blocks.
    let mut mentioned: BTreeMap<&str, usize> = BTreeMap::new();
    let logical = group.section("logical_volumes");
    let logical: Vec<(&str, &Section)> =
        logical.map(|volumes| volumes.sections().collect()).unwrap_or_default();
    for (_, volume) in &logical {
        for (_, segment) in volume.sections() {
            let mut strings = Vec::new();
            segment.strings(&mut strings);
            strings.into_iter().for_each(|name| *mentioned.entry(name).or_default() += 1);
        }
    }
    let mut contents = Vec::new();
    let mut count = 0;
    let mut names = BTreeSet::new();
    for (label, volume) in logical.iter().copied() {
        if !names.insert(label) {
            return Err(bad(label));
        }
        let mut content = logical_volume(label, volume, &physical, extent_size)?;
        count += content.segments.len();
        if count > MAXIMUM_SEGMENTS {
            return Err(bad(name));
        }
        if content.why_whole.is_none() && mentioned.contains_key(label) {
            content.why_whole = Some(message!("lvm-part"));
        }
        contents.push(content);
    }
    check_overlaps(&contents, at_hand.len())?;
    let thin_pools = thin_pool::pools(&logical, &mut contents, &mentioned);
    for (content, (_, volume)) in contents.iter_mut().zip(&logical) {
        if let Some(name) = name_of_snapshot(volume) {
            content.name = name.to_owned();
        }
    }
    Ok(VolumeGroup { name: name.to_owned(), contents, thin_pools })
}

/// What a person calls the snapshot that a section describes: LVM2 numbers these sections, and the name is
/// that of the volume with the changed blocks.
fn name_of_snapshot(volume: &Section) -> Option<&str> {
    let (_, segment) = volume.sections().next()?;
    segment.text("cow_store").filter(|_| segment.text("type") == Some("snapshot"))
}

fn logical_volume(
    label: &str,
    volume: &Section,
    physical: &BTreeMap<String, Physical>,
    extent_size: u64,
) -> Result<Content, Doubt> {
    let status = volume.words("status");
    let is_visible = status.contains(&"VISIBLE");
    let mut why_whole = None;
    let is_plain = status.iter().all(|word| PLAIN_STATUS.contains(word));
    if !is_visible || !is_plain {
        why_whole = Some(message!("lvm-part"));
    }
    let mut is_placed = true;
    let mut kind_of_volume = VolumeKind::Unknown;
    let mut pieces: Vec<(u64, &Section)> = Vec::new();
    for (_, segment) in volume.sections() {
        pieces.push((segment.number("start_extent").ok_or_else(|| bad(label))?, segment));
    }
    if volume.number("segment_count") != Some(pieces.len() as u64) {
        return Err(bad(label));
    }
    pieces.sort_by_key(|(start, _)| *start);
    let mut segments = Vec::new();
    let mut position = 0;
    for (start, segment) in pieces {
        let count = segment.number("extent_count").filter(|count| *count > 0);
        let count = count.ok_or_else(|| bad(label))?;
        let length = count.checked_mul(extent_size).ok_or_else(|| bad(label))?;
        if start.checked_mul(extent_size) != Some(position) {
            return Err(bad(label));
        }
        let kind = segment.text("type").ok_or_else(|| bad(label))?;
        if kind == "striped" {
            let areas = striped(label, segment, count, physical, extent_size)?;
            match areas {
                Some((stripe, areas)) => {
                    segments.push(Segment { start: position, length, stripe, areas });
                }
                // Made of other logical volumes.
                None => {
                    why_whole = Some(message!("lvm-part"));
                    is_placed = false;
                }
            }
        } else {
            let mut strings = Vec::new();
            segment.strings(&mut strings);
            if strings.iter().any(|word| physical.contains_key(*word)) {
                return Err(message!("lvm-segment-on-disk", name = label, kind = kind));
            }
            why_whole = Some(message!("lvm-segment", kind = kind));
            kind_of_volume = thin_pool::kind(kind);
            is_placed = false;
        }
        position = position.checked_add(length).ok_or_else(|| bad(label))?;
    }
    // Where some of it lies elsewhere, its parts keep the positions they have.
    let name = label.to_owned();
    let kind = kind_of_volume;
    Ok(Content { name, segments, is_visible, kind, why_whole, is_plain, is_placed })
}

/// Stripe size in bytes and areas of a striped segment; none when they are on logical volumes.
fn striped(
    label: &str,
    segment: &Section,
    count: u64,
    physical: &BTreeMap<String, Physical>,
    extent_size: u64,
) -> Result<Option<(u64, Vec<Area>)>, Doubt> {
    let list = segment.list("stripes").ok_or_else(|| bad(label))?;
    let stripes = list.len() as u64 / 2;
    let (pairs, rest) = list.as_chunks::<2>();
    let is_whole = rest.is_empty()
        && stripes > 0
        && segment.number("stripe_count") == Some(stripes)
        && count.is_multiple_of(stripes);
    if !is_whole {
        return Err(bad(label));
    }
    let mut areas = Vec::new();
    for pair in pairs {
        let [Value::Text(name), Value::Number(first)] = pair else { return Err(bad(label)) };
        let Some(volume) = physical.get(name) else { continue };
        let end = first.checked_add(count / stripes);
        if end.is_none_or(|end| end > volume.extents) {
            return Err(bad(label));
        }
        // Both factors lie below those of the volume, whose end was checked.
        areas.push(Area { source: volume.source, offset: volume.start + first * extent_size });
    }
    let stripe = segment.number("stripe_size").unwrap_or(0).saturating_mul(SECTOR);
    if areas.is_empty() {
        return Ok(None);
    }
    let divides = stripe > 0 && extent_size.is_multiple_of(stripe);
    if areas.len() != pairs.len() || (stripes > 1 && !divides) {
        return Err(bad(label));
    }
    Ok(Some((stripe, areas)))
}

/// No extent may belong to two logical volumes.
fn check_overlaps(contents: &[Content], sources: usize) -> Result<(), Doubt> {
    let mut taken: Vec<Vec<Extent>> = vec![Vec::new(); sources];
    for segment in contents.iter().flat_map(|content| &content.segments) {
        let length = segment.length / segment.areas.len() as u64;
        for area in &segment.areas {
            taken[area.source].push(Extent::new(area.offset, length));
        }
    }
    for list in &mut taken {
        list.sort_unstable();
        if list.windows(2).any(|pair| pair[0].overlaps(pair[1])) {
            return Err(message!("lvm-overlap"));
        }
    }
    Ok(())
}

impl Content {
    /// Where its last segment ends, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.start + segment.length)
    }

    /// Every byte of it on each of `sources` physical volumes.
    pub(in crate::filesystem) fn everywhere(&self, sources: usize) -> Vec<Vec<Extent>> {
        let mut lists = vec![Vec::new(); sources];
        for segment in &self.segments {
            let length = segment.length / segment.areas.len() as u64;
            for area in &segment.areas {
                lists[area.source].push(Extent::new(area.offset, length));
            }
        }
        lists
    }
}
