//! Whether the partitions of a table can be what they claim to be, all at once.

use super::types::{DYNAMIC_DATA, DYNAMIC_DATABASE};
use super::{Partition, PartitionTable, PartitionType};
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMap};

/// Adds what is wrong with single partitions to the table's problems, and answers why the
/// partitions cannot be trusted at all, if so. `size` is the disk's, in bytes.
pub(super) fn check(table: &mut PartitionTable, size: u64) -> Option<Message> {
    let mut problems = Vec::new();
    for partition in &table.partitions {
        let missing = partition.extent.end().saturating_sub(size);
        if missing > 0 {
            problems.push(message!(
                "partition-past-end",
                number = partition.number,
                missing = missing.to_string(),
                size = size.to_string()
            ));
        }
        let in_container = |container: &Partition| {
            container.extended && container.extent.contains(partition.extent)
        };
        if is_logical(partition) && !table.partitions.iter().any(in_container) {
            problems
                .push(message!("partition-logical-outside-extended", number = partition.number));
        }
    }
    table.problems.append(&mut problems);
    overlap(table).or_else(|| over_table(table)).or_else(|| dynamic_disk(table))
}

fn is_logical(partition: &Partition) -> bool {
    matches!(partition.kind, PartitionType::Mbr(_)) && partition.number > 4
}

fn overlap(table: &PartitionTable) -> Option<Message> {
    // Extended partitions contain logical ones and nothing else.
    let holding_data = table.partitions.iter().filter(|partition| !partition.extended);
    let not_logical = table.partitions.iter().filter(|partition| !is_logical(partition));
    first_overlap(holding_data.collect()).or_else(|| first_overlap(not_logical.collect()))
}

fn first_overlap(mut list: Vec<&Partition>) -> Option<Message> {
    list.sort_by_key(|partition| partition.extent);
    let mut furthest: Option<&Partition> = None;
    for next in list {
        if let Some(before) = furthest
            && let Some(shared) = before.extent.intersection(next.extent)
        {
            return Some(message!(
                "partition-overlap",
                first = before.number.min(next.number),
                second = before.number.max(next.number),
                offset = shared.offset.to_string(),
                length = shared.length.to_string()
            ));
        }
        if furthest.is_none_or(|before| next.extent.end() > before.extent.end()) {
            furthest = Some(next);
        }
    }
    None
}

fn over_table(table: &PartitionTable) -> Option<Message> {
    table.partitions.iter().filter(|partition| !partition.extended).find_map(|partition| {
        let region = table.regions.iter().find(|r| r.extent.overlaps(partition.extent))?;
        Some(message!(
            "partition-over-table",
            number = partition.number,
            offset = region.extent.offset.to_string()
        ))
    })
}

fn dynamic_disk(table: &PartitionTable) -> Option<Message> {
    // On an MBR disk its database lies behind the last partition, where the table tells nothing.
    // On a GPT disk volumes lie in pieces anywhere in one partition.
    let is_dynamic = |partition: &Partition| match partition.kind {
        PartitionType::Mbr(kind) => kind == super::mbr::TYPE_DYNAMIC_DISK,
        PartitionType::Gpt(guid) => [DYNAMIC_DATABASE, DYNAMIC_DATA].contains(&guid),
    };
    table.partitions.iter().any(is_dynamic).then(|| message!("partition-dynamic-disk"))
}

/// Whether `extent` has a byte that is in none of the partitions.
pub(super) fn is_uncovered(extent: Extent, partitions: &[Partition]) -> bool {
    let covered: ExtentMap = partitions.iter().map(|partition| partition.extent).collect();
    !covered.contains(extent)
}
