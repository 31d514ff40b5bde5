//! Thin pools of a volume group: which logical volumes hold their data and their metadata.
//!
//! Source: lvm2, `lib/thin/thin.c` for the text, lvmthin(7).

use super::group::{Content, SECTOR};
use super::text::Section;
use crate::filesystem::VolumeKind;
use crate::filesystem::thin::Expected;
use crate::text::message;
use std::collections::BTreeMap;

/// The type of the segment of a thin pool. The second says that the last of the metadata volume may not
/// be used, which changes nothing for who reads it.
const POOL_TYPES: &[&str] = &["thin-pool", "thin-pool+CROP_METADATA"];
const VOLUME_TYPE: &str = "thin";

/// A thin pool. Numbers are places among the logical volumes of the group.
pub(in crate::filesystem) struct ThinPool {
    /// The pool itself, which has no bytes of its own.
    pub(in crate::filesystem) pool: usize,
    /// Where the blocks of the thin volumes are.
    pub(in crate::filesystem) data: usize,
    /// Where it is written which block belongs to whom.
    pub(in crate::filesystem) metadata: usize,
    /// The thin volumes in it.
    pub(in crate::filesystem) volumes: Vec<usize>,
    /// What LVM2 says of it.
    pub(in crate::filesystem) expected: Expected,
}

/// What a logical volume with a segment of this type is.
pub(super) fn kind(segment_type: &str) -> VolumeKind {
    match segment_type {
        VOLUME_TYPE => VolumeKind::ThinVolume,
        kind if POOL_TYPES.contains(&kind) => VolumeKind::ThinPool,
        _ => VolumeKind::Unknown,
    }
}

/// The only segment of a logical volume, if it is of a type that `is_wanted`.
fn only_segment(volume: &Section, is_wanted: impl Fn(&str) -> bool) -> Option<&Section> {
    let mut segments = volume.sections().map(|(_, segment)| segment);
    let segment = segments.next().filter(|_| segments.next().is_none())?;
    segment.text("type").is_some_and(is_wanted).then_some(segment)
}

/// The thin pools that may be looked into: nothing else uses their parts, which lie on physical volumes.
/// Where LVM2 has told the pool something and does not know whether it was done, that is noted as the
/// reason why it is in use whole. `logical` and `contents` are the same logical volumes; `mentioned`
/// says how often each name is in a segment.
pub(super) fn pools(
    logical: &[(&str, &Section)],
    contents: &mut [Content],
    mentioned: &BTreeMap<&str, usize>,
) -> Vec<ThinPool> {
    let places: BTreeMap<&str, usize> =
        logical.iter().enumerate().map(|(place, (name, _))| (*name, place)).collect();
    let mut volumes: BTreeMap<&str, Vec<(usize, Option<u64>)>> = BTreeMap::new();
    for (place, (_, volume)) in logical.iter().enumerate() {
        if let Some(segment) = only_segment(volume, |kind| kind == VOLUME_TYPE)
            && let Some(pool) = segment.text("thin_pool")
        {
            volumes.entry(pool).or_default().push((place, segment.number("device_id")));
        }
    }
    let mut pools = Vec::new();
    for (place, (name, volume)) in logical.iter().enumerate() {
        let Some(segment) = only_segment(volume, |kind| POOL_TYPES.contains(&kind)) else {
            continue;
        };
        // Named by nothing but this pool, and nothing is going on with it.
        let part = |key| {
            let name = segment.text(key)?;
            let place = *places.get(name)?;
            let content = &contents[place];
            let is_own = mentioned.get(name) == Some(&1);
            (is_own && content.is_plain && content.is_placed).then_some(place)
        };
        let members = volumes.remove(name).unwrap_or_default();
        if segment.sections().next().is_some() {
            let why = message!("lvm-thin-message");
            for (member, _) in members {
                let pool = *name;
                contents[member].why_whole =
                    Some(message!("lvm-thin-volume", pool = pool, why = why.clone()));
            }
            contents[place].why_whole = Some(why);
            continue;
        }
        let used_by = mentioned.get(name).copied().unwrap_or_default();
        let (Some(data), Some(metadata)) = (part("pool"), part("metadata")) else { continue };
        let numbers = (segment.number("chunk_size"), segment.number("transaction_id"));
        let (Some(chunk), Some(transaction)) = numbers else { continue };
        let devices: Option<Vec<u64>> = members.iter().map(|(_, device)| *device).collect();
        let Some(devices) = devices else { continue };
        let is_plain = contents[place].is_visible && contents[place].is_plain;
        if data == metadata || used_by != members.len() || !is_plain {
            continue;
        }
        let expected = Expected {
            data_size: contents[data].size(),
            data_block: chunk.saturating_mul(SECTOR),
            transaction,
            devices,
        };
        let volumes = members.into_iter().map(|(place, _)| place).collect();
        pools.push(ThinPool { pool: place, data, metadata, volumes, expected });
    }
    pools
}
