//! LVM2: physical volumes, their volume group, and the logical volumes whose place is certain.
//!
//! A logical volume of linear or striped segments is put together from its physical volumes, so
//! that what lies in it can be read as if it were a partition. Of a thin pool
//! whose parts are such volumes those blocks are in use that its metadata says. Everything else that
//! a volume group holds (parts of mirrors, RAID, caches, snapshots and the volumes they are taken
//! of) is in use whole. Extents that belong to no logical volume are free. All metadata
//! areas have to be sound and tell the same, and every physical volume has to be at hand, or
//! nothing is certain.

mod group;
mod label;
mod text;
mod thin_pool;

#[cfg(test)]
mod tests;

pub(super) use self::group::{Content, VolumeGroup};
use self::label::PhysicalVolume;
use self::text::Section;
use super::composed::Composed;
use super::{Budget, Doubt, Used, thin};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMap, MIB};
use std::collections::BTreeMap;

/// How much of the end of a physical volume is kept, in bytes, whatever lies there: what another
/// use of the target left there, such as the superblock of an array, must not be found again.
const TAIL: u64 = MIB;

/// Identity of a volume group, or none for physical volumes without one.
type GroupId = Option<String>;

/// What is known of one physical volume.
pub(super) struct Known {
    volume: Result<PhysicalVolume, Doubt>,
}

impl Known {
    /// Reads what a source says that has the label of a physical volume.
    pub(super) fn of(source: &dyn BlockSource) -> Self {
        Self { volume: label::physical_volume(source) }
    }
}

/// Physical volumes that belong together, by their places in a list, and what they make.
pub(super) struct Family {
    /// The places, ascending.
    pub(super) members: Vec<usize>,
    /// None for physical volumes that belong to no volume group.
    pub(super) group: Result<Option<VolumeGroup>, Doubt>,
}

/// The volume groups of the physical volumes `known`.
pub(super) fn families(sources: &[&dyn BlockSource], known: &[Known]) -> Vec<Family> {
    let mut texts: BTreeMap<String, Vec<&Section>> = BTreeMap::new();
    let readable = || known.iter().filter_map(|known| known.volume.as_ref().ok());
    for text in readable().flat_map(|volume| &volume.texts) {
        texts.entry(group::id(text).unwrap_or_default()).or_default().push(text);
    }
    // The group of each, by its own text or by that of another.
    let mut families: BTreeMap<GroupId, Vec<usize>> = BTreeMap::new();
    let mut answers = Vec::new();
    for (place, known) in known.iter().enumerate() {
        match &known.volume {
            Err(doubt) => {
                answers.push(Family { members: vec![place], group: Err(doubt.clone()) });
            }
            Ok(volume) => {
                let own = volume.texts.first().and_then(group::id);
                let told = || {
                    let mut all = texts.iter();
                    all.find(|(_, texts)| texts.iter().any(|text| group::lists(text, &volume.id)))
                        .map(|(id, _)| id.clone())
                };
                families.entry(own.or_else(told)).or_default().push(place);
            }
        }
    }
    for (id, members) in families {
        let Some(id) = id else {
            answers.extend(members.into_iter().map(|place| {
                let is_free = known[place].volume.as_ref().is_ok_and(|volume| volume.is_free);
                let group = if is_free { Ok(None) } else { Err(message!("lvm-no-metadata")) };
                Family { members: vec![place], group }
            }));
            continue;
        };
        let volumes: Vec<(&str, u64)> = members
            .iter()
            .filter_map(|place| {
                Some((known[*place].volume.as_ref().ok()?.id.as_str(), sources[*place].size()))
            })
            .collect();
        let all = &texts[&id];
        let group = match all.split_first() {
            Some((first, rest)) if rest.iter().all(|text| group::same(first, text)) => {
                group::read(first, &volumes).map(Some)
            }
            _ => Err(message!("lvm-copies-differ")),
        };
        answers.push(Family { members, group });
    }
    answers
}

/// The device of a logical volume of a group whose physical volumes are `sources`.
pub(super) fn device<'a>(
    content: &Content,
    group: &VolumeGroup,
    sources: &[&'a dyn BlockSource],
) -> Composed<'a> {
    let name = format!("{}/{}", group.name, content.name);
    Composed::new(name, sources.to_vec(), content.segments.clone())
}

/// What the thin pools of a group say, by the places of its logical volumes.
#[derive(Default)]
pub(super) struct ThinAnswers {
    /// What is in use of the volumes that hold the data of pools.
    pub(super) data: BTreeMap<usize, ExtentMap>,
    /// Why pools, and the volumes in them, are in use whole; none where what they use is known.
    pub(super) why_whole: BTreeMap<usize, Option<Doubt>>,
}

/// Looks into the thin pools of a group whose physical volumes are `sources`. The budget is for each.
pub(super) fn thin_pools(
    group: &VolumeGroup,
    sources: &[&dyn BlockSource],
    budget: Budget,
) -> ThinAnswers {
    let mut answers = ThinAnswers::default();
    for pool in &group.thin_pools {
        let metadata = device(&group.contents[pool.metadata], group, sources);
        let doubt = match thin::used(&metadata, &pool.expected, budget) {
            Ok(used) => {
                answers.data.insert(pool.data, used);
                None
            }
            Err(doubt) => Some(doubt),
        };
        let name = group.contents[pool.pool].name.as_str();
        let of_volumes =
            doubt.as_ref().map(|why| message!("lvm-thin-volume", pool = name, why = why.clone()));
        answers.why_whole.extend(pool.volumes.iter().map(|place| (*place, of_volumes.clone())));
        answers.why_whole.insert(pool.pool, doubt);
    }
    answers
}

/// What is in use on a physical volume: its metadata, and `extents`.
pub(super) fn used(
    known: &Known,
    extents: impl IntoIterator<Item = Extent>,
    size: u64,
    budget: Budget,
) -> Result<Used, Doubt> {
    let volume = known.volume.as_ref().map_err(Clone::clone)?;
    let tail = Extent::between(size.saturating_sub(TAIL), size);
    let all = volume.kept.iter().copied().chain([tail]).chain(extents);
    let signatures = volume.signatures.clone();
    Ok(Used { extents: super::layers::limited(all, size, budget), signatures })
}
