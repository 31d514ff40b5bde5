//! Linux md: arrays whose content lies on their members as it is.
//!
//! Every member of a mirror (RAID 1) has all of the content, so one of them is enough; the
//! members of a linear array have it one after the other, and all are needed. The content is
//! read as if it were a partition. A member of another level, of an array that was not stopped
//! cleanly, is rebuilding or changing its shape, is saved whole.

mod superblock;

#[cfg(test)]
mod tests;

use self::superblock::{LINEAR, Member};
use super::composed::{Area, Composed, Segment};
use super::{Budget, Doubt, Used};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMap, MIB};
use std::collections::BTreeMap;

/// What is kept at both ends of a member beside its metadata, in bytes.
const EDGE: u64 = MIB;

/// Members that belong to one array, by their places in a list.
pub(super) struct Array<'a> {
    /// The places.
    pub(super) members: Vec<usize>,
    headers: Vec<Member>,
    /// The content.
    pub(super) device: Composed<'a>,
}

/// A member at its place.
type Found<'a> = (usize, &'a dyn BlockSource, Member);

/// The arrays of the members `sources`, and for every place why it is in none of them.
pub(super) fn arrays<'a>(
    sources: &[(usize, &'a dyn BlockSource)],
) -> (Vec<Array<'a>>, Vec<(usize, Doubt)>) {
    let mut families: BTreeMap<[u8; 16], Vec<Found<'a>>> = BTreeMap::new();
    let (mut arrays, mut doubts) = (Vec::new(), Vec::new());
    for (place, source) in sources {
        match superblock::member(*source) {
            Ok(member) => {
                families.entry(member.array).or_default().push((*place, *source, member));
            }
            Err(doubt) => doubts.push((*place, doubt)),
        }
    }
    for family in families.into_values() {
        // A spare has no content yet, and the kernel writes to it more seldom than to the others.
        let (family, spares): (Vec<_>, Vec<_>) =
            family.into_iter().partition(|(_, _, member)| member.is_active());
        doubts.extend(spares.iter().map(|(place, ..)| (*place, message!("md-spare"))));
        match check(&family) {
            Ok(()) if family.is_empty() => {}
            Ok(()) => arrays.push(array(family)),
            Err(doubt) => doubts.extend(family.iter().map(|(place, ..)| (*place, doubt.clone()))),
        }
    }
    (arrays, doubts)
}

/// Whether the members tell the same story of an array that can be read through.
fn check(family: &[Found<'_>]) -> Result<(), Doubt> {
    let Some((_, _, first)) = family.first() else { return Ok(()) };
    let mut roles = Vec::new();
    for (_, _, member) in family {
        let same = member.level == first.level
            && member.members == first.members
            && member.events == first.events
            && (first.level == LINEAR || member.data.length == first.data.length);
        if !same {
            return Err(message!("md-members-differ"));
        }
        roles.push(member.role);
        if !member.is_clean {
            return Err(message!("md-not-in-sync"));
        }
    }
    let there = roles.len();
    roles.sort_unstable();
    roles.dedup();
    if roles.len() != there {
        return Err(message!("md-members-differ"));
    }
    if first.level == LINEAR && there != first.members as usize {
        return Err(message!(
            "md-members-missing",
            there = there.to_string(),
            all = first.members.to_string()
        ));
    }
    Ok(())
}

fn array(mut family: Vec<Found<'_>>) -> Array<'_> {
    family.sort_by_key(|(_, _, member)| member.role);
    let is_linear = family.iter().any(|(_, _, member)| member.level == LINEAR);
    let mut segments = Vec::new();
    let mut start: u64 = 0;
    // Of a mirror the first member is read: those in sync are equal.
    let read = if is_linear { family.len() } else { 1 };
    for (source, (_, _, member)) in family.iter().enumerate().take(read) {
        let Extent { offset, length } = member.data;
        // Cut off where the sum has no meaning any more.
        let length = length.min(i64::MAX as u64 - start);
        segments.push(Segment { start, length, stripe: 0, areas: vec![Area { source, offset }] });
        start += length;
    }
    let name = family.iter().find_map(|(_, _, member)| member.name.clone());
    let sources = family.iter().map(|(_, source, _)| *source).collect();
    Array {
        members: family.iter().map(|(place, ..)| *place).collect(),
        headers: family.into_iter().map(|(_, _, member)| member).collect(),
        device: Composed::new(name.unwrap_or_else(|| "md".into()), sources, segments),
    }
}

impl Array<'_> {
    /// "RAID 1" or "linear".
    pub(super) fn level(&self) -> &'static str {
        if self.is_linear() { "linear" } else { "RAID 1" }
    }

    fn is_linear(&self) -> bool {
        self.headers.iter().any(|member| member.level == LINEAR)
    }

    /// Whether the content begins where the member does, so that it can be seen without the array.
    pub(super) fn is_seen_without(&self) -> bool {
        self.headers.iter().any(|member| member.data.offset == 0)
    }

    /// What is in use on each member, in the order of `members`, where `used` is in use of the
    /// content.
    pub(super) fn used(&self, used: &Used, sizes: &[u64], budget: Budget) -> Vec<Used> {
        let signatures: ExtentMap = used.signatures.iter().copied().collect();
        let maps = self.on_members(&used.extents);
        let inner = self.on_members(&signatures);
        let lists = self.headers.iter().zip(sizes).zip(maps.into_iter().zip(inner));
        lists
            .map(|((member, size), (extents, mut signatures))| {
                let tail = Extent::between(size.saturating_sub(EDGE), *size);
                let head = Extent::new(0, EDGE.min(*size));
                let own = [head, tail].into_iter().chain(member.areas.iter().copied());
                let all = own.chain(extents);
                signatures.push(member.superblock);
                Used { extents: super::layers::limited(all, *size, budget), signatures }
            })
            .collect()
    }

    fn on_members(&self, extents: &ExtentMap) -> Vec<Vec<Extent>> {
        if self.is_linear() {
            return self.device.on_sources(extents);
        }
        let shifted = |member: &Member| extents.shifted(member.data.offset).iter().collect();
        self.headers.iter().map(shifted).collect()
    }
}
