//! Bytes, sectors and extents: the arithmetic of disk addresses.
//!
//! Every offset and length in this crate is in **bytes** unless its type says otherwise.
//! Arithmetic on values that came from a disk is checked here, once.

use serde::{Deserialize, Serialize};
use std::fmt;

/// 1 KiB in bytes.
pub const KIB: u64 = 1 << 10;
/// 1 MiB in bytes.
pub const MIB: u64 = 1 << 20;
/// 1 GiB in bytes.
pub const GIB: u64 = 1 << 30;

/// A range of bytes on a disk or in a volume: `[offset, offset + length)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Extent {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Extent {
    /// The extent of `length` bytes from `offset`.
    pub const fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }

    /// The extent `[start, end)`; empty when `end` is not after `start`.
    pub const fn between(start: u64, end: u64) -> Self {
        Self { offset: start, length: end.saturating_sub(start) }
    }

    /// The first byte after the extent, saturating at the end of the address space.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// Whether it holds no byte.
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The bytes that both extents share, if any.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let start = self.offset.max(other.offset);
        let end = self.end().min(other.end());
        (start < end).then(|| Self::between(start, end))
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: Self) -> bool {
        self.intersection(other).is_some()
    }

    /// Whether every byte of `other` is in this extent.
    pub fn contains(self, other: Self) -> bool {
        self.offset <= other.offset && other.end() <= self.end()
    }

    /// The smallest extent around this one whose both ends are multiples of `alignment` bytes.
    pub fn aligned_outward(self, alignment: u64) -> Self {
        let start = self.offset / alignment * alignment;
        let end = self.end().div_ceil(alignment).saturating_mul(alignment);
        Self::between(start, end)
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.offset, self.length)
    }
}

/// A set of bytes: extents in ascending order that neither overlap nor touch.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtentMap {
    extents: Vec<Extent>,
}

impl ExtentMap {
    /// The empty set.
    pub const fn new() -> Self {
        Self { extents: Vec::new() }
    }

    /// The set of the bytes of one extent.
    pub fn whole(extent: Extent) -> Self {
        [extent].into_iter().collect()
    }

    /// The extents in disk order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Extent> + ExactSizeIterator + '_ {
        self.extents.iter().copied()
    }

    /// The extents in disk order, as a slice.
    pub fn as_slice(&self) -> &[Extent] {
        &self.extents
    }

    /// Number of extents.
    pub fn len(&self) -> usize {
        self.extents.len()
    }

    /// Whether no byte is in the set.
    pub fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// Number of bytes in the set.
    pub fn total_bytes(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }

    /// The first byte after the last extent, 0 when empty.
    pub fn end(&self) -> u64 {
        self.extents.last().map_or(0, |extent| extent.end())
    }

    /// The part of the set that lies in `range`.
    pub fn within(&self, range: Extent) -> impl Iterator<Item = Extent> + '_ {
        let first = self.extents.partition_point(|extent| extent.end() <= range.offset);
        self.extents[first..]
            .iter()
            .take_while(move |extent| extent.offset < range.end())
            .filter_map(move |extent| extent.intersection(range))
    }

    /// The bytes of `range` that are not in the set, in disk order.
    pub fn gaps_within(&self, range: Extent) -> impl Iterator<Item = Extent> + '_ {
        let mut position = range.offset;
        self.within(range).map(Some).chain(std::iter::once(None)).filter_map(move |extent| {
            let (gap_end, next) = match extent {
                Some(extent) => (extent.offset, extent.end()),
                None => (range.end(), range.end()),
            };
            let gap = Extent::between(position, gap_end);
            position = next;
            (!gap.is_empty()).then_some(gap)
        })
    }

    /// Whether every byte of `range` is in the set.
    pub fn contains(&self, range: Extent) -> bool {
        range.is_empty() || self.gaps_within(range).next().is_none()
    }

    /// The bytes that are in either set.
    pub fn union(&self, other: &Self) -> Self {
        let mut builder = ExtentMapBuilder::unlimited();
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a <= b => left.next(),
                (_, Some(_)) => right.next(),
                (Some(_), None) => left.next(),
                (None, None) => return builder.build(),
            };
            builder.extend(next);
        }
    }

    /// The bytes that are in this set and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.iter().flat_map(|extent| other.gaps_within(extent).collect::<Vec<_>>()).collect()
    }

    /// The same set, moved up by `distance` bytes.
    pub fn shifted(&self, distance: u64) -> Self {
        Self {
            extents: self
                .iter()
                .map(|extent| Extent::new(extent.offset.saturating_add(distance), extent.length))
                .collect(),
        }
    }

    /// The same set grown so that every extent starts and ends at a multiple of `alignment`
    /// bytes, cut off at `limit`.
    pub fn aligned_outward(&self, alignment: u64, limit: u64) -> Self {
        self.iter()
            .map(|extent| {
                let grown = extent.aligned_outward(alignment);
                Extent::between(grown.offset, grown.end().min(limit).max(extent.end()))
            })
            .collect()
    }
}

impl FromIterator<Extent> for ExtentMap {
    fn from_iter<I: IntoIterator<Item = Extent>>(iter: I) -> Self {
        let mut extents: Vec<Extent> = iter.into_iter().collect();
        if !extents.is_sorted() {
            extents.sort_unstable();
        }
        let mut builder = ExtentMapBuilder::unlimited();
        builder.extend(extents);
        builder.build()
    }
}

/// Builds an [`ExtentMap`] from extents in ascending order of their offset, within a budget.
///
/// When more extents than the budget would be kept, the smallest gaps are merged into the
/// set: a map may then say "used" of bytes that are not, never the other way round.
pub struct ExtentMapBuilder {
    extents: Vec<Extent>,
    budget: usize,
    merge_gap: u64,
}

impl ExtentMapBuilder {
    /// A builder that keeps at most `budget` extents (at least 2).
    pub fn with_budget(budget: usize) -> Self {
        Self { extents: Vec::new(), budget: budget.max(2), merge_gap: 0 }
    }

    /// A builder that keeps every extent as it is.
    pub fn unlimited() -> Self {
        Self::with_budget(usize::MAX)
    }

    /// Adds an extent that starts no earlier than the one added before it.
    ///
    /// # Panics
    /// When extents come out of order: that is a fault of the caller, not of the disk.
    pub fn push(&mut self, extent: Extent) {
        if extent.is_empty() {
            return;
        }
        match self.extents.last_mut() {
            Some(last) if extent.offset <= last.end().saturating_add(self.merge_gap) => {
                assert!(extent.offset >= last.offset, "extents must come in ascending order");
                let end = last.end().max(extent.end());
                *last = Extent::between(last.offset, end);
            }
            _ => self.extents.push(extent),
        }
        while self.extents.len() > self.budget {
            self.merge_gap = (self.merge_gap * 2).max(4 * KIB);
            self.compact();
        }
    }

    fn compact(&mut self) {
        let gap = self.merge_gap;
        self.extents.dedup_by(|next, kept| {
            let joins = next.offset <= kept.end().saturating_add(gap);
            if joins {
                *kept = Extent::between(kept.offset, kept.end().max(next.end()));
            }
            joins
        });
    }

    /// The finished map.
    pub fn build(self) -> ExtentMap {
        ExtentMap { extents: self.extents }
    }
}

impl Extend<Extent> for ExtentMapBuilder {
    fn extend<I: IntoIterator<Item = Extent>>(&mut self, iter: I) {
        for extent in iter {
            self.push(extent);
        }
    }
}

/// A size in bytes as people write it, in powers of 1024 with three digits: `1.50 GiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 0;
    let mut scaled = bytes as f64;
    // 999.5 so that no size is written with four digits.
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if scaled >= 99.95 => format!("{scaled:.0} {}", UNITS[unit]),
        _ if scaled >= 9.995 => format!("{scaled:.1} {}", UNITS[unit]),
        _ => format!("{scaled:.2} {}", UNITS[unit]),
    }
}

/// A disk's size as its label states it, in powers of 1000: `500 GB`.
pub fn marketing_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 0;
    let mut scaled = bytes as f64;
    while scaled >= 999.5 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if scaled >= 9.95 => format!("{scaled:.0} {}", UNITS[unit]),
        _ => format!("{scaled:.1} {}", UNITS[unit]),
    }
}

/// Reads a size such as `4096`, `64K`, `4MiB` or `2G` (powers of 1024; `KB`, `MB`… are
/// powers of 1000), in bytes. `None` when it is not one or does not fit 64 bits.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let exponent = match unit.chars().next() {
        None | Some('b') => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        Some(_) => return None,
    };
    let base: u64 = match (exponent, unit.get(1..).unwrap_or("")) {
        (0, "") => 1,
        (0, _) => return None,
        (_, "" | "ib") => 1024,
        (_, "b") => 1000,
        _ => return None,
    };
    number.checked_mul(base.checked_pow(exponent)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_map() -> impl Strategy<Value = ExtentMap> {
        proptest::collection::vec((0u64..500, 0u64..40), 0..40)
            .prop_map(|list| list.into_iter().map(|(o, l)| Extent::new(o, l)).collect())
    }

    fn bits(map: &ExtentMap) -> Vec<bool> {
        (0..600).map(|byte| map.contains(Extent::new(byte, 1))).collect()
    }

    proptest! {
        #[test]
        fn set_operations_agree_with_a_bitmap(a in any_map(), b in any_map(), start in 0u64..500, length in 0u64..100) {
            let (x, y) = (bits(&a), bits(&b));
            let union = bits(&a.union(&b));
            let difference = bits(&a.difference(&b));
            for i in 0..600 {
                prop_assert_eq!(union[i], x[i] || y[i]);
                prop_assert_eq!(difference[i], x[i] && !y[i]);
            }
            let range = Extent::new(start, length);
            let inside: ExtentMap = a.within(range).collect();
            let gaps: ExtentMap = a.gaps_within(range).collect();
            prop_assert_eq!(inside.total_bytes() + gaps.total_bytes(), length);
            prop_assert_eq!(inside.union(&gaps), ExtentMap::whole(range));
            prop_assert!(a.as_slice().windows(2).all(|pair| pair[0].end() < pair[1].offset));
        }

        #[test]
        fn a_budget_only_adds(list in proptest::collection::vec((0u64..1u64<<30, 1u64..10_000), 1..200), budget in 2usize..20) {
            let exact: ExtentMap = list.into_iter().map(|(o, l)| Extent::new(o, l)).collect();
            let mut builder = ExtentMapBuilder::with_budget(budget);
            builder.extend(exact.iter());
            let merged = builder.build();
            prop_assert!(merged.len() <= budget);
            prop_assert!(exact.iter().all(|extent| merged.contains(extent)));
        }
    }

    #[test]
    fn sizes_are_read_and_written() {
        assert_eq!(parse_bytes("4G"), Some(4 * GIB));
        assert_eq!(parse_bytes("64 MiB"), Some(64 * MIB));
        assert_eq!(parse_bytes("1MB"), Some(1_000_000));
        assert_eq!(parse_bytes("17"), Some(17));
        for wrong in ["", "G", "4X", "-1", "1Gx", "99999999999999999999", "99999999P", "4bb"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
        assert_eq!(human_bytes(1023), "1.00 KiB");
        assert_eq!(human_bytes(512), "512 B");
        assert_eq!(human_bytes(5 * GIB / 2), "2.50 GiB");
        assert_eq!(marketing_bytes(500_107_862_016), "500 GB");
    }
}
