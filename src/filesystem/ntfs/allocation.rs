//! From the allocation bitmap to the clusters in use, held against every file there is.
//!
//! NTFS has neither checksums nor a count of free clusters, so the bitmap alone proves nothing:
//! each cluster of each file has to be in use.
//! Source: Linux-NTFS project, "NTFS Documentation", sections "File - $Bitmap" and "File -
//! $BadClus".

use super::attribute::{Value, kind};
use super::file_record::FileRecord;
use super::hibernation::Search;
use super::stream::ReadError;
use super::table::{BAD_CLUSTERS, BITMAP, FileValue, MasterFileTable};
use super::{Damaged, record_doubt};
use crate::filesystem::Doubt;
use crate::filesystem::bitmap::runs;
use crate::text::message;
use crate::units::{Extent, ExtentMap, ExtentMapBuilder, MIB};

/// Bytes of the bitmap read at once.
const PIECE: u64 = MIB;

/// The value of `$BadClus` whose clusters are the bad ones: "$Bad" in UTF-16.
const BAD: &[u8] = b"$\0B\0a\0d\0";

/// Everything in use, from the first byte to the end of the source.
///
/// # Errors
/// A doubt when the bitmap is not complete.
pub(super) fn read(table: &MasterFileTable<'_>, budget: usize) -> Result<ExtentMap, Doubt> {
    let boot = table.boot;
    let bitmap = table.own_file(BITMAP)?;
    if bitmap.initialized_size < bitmap.size || bitmap.size < boot.clusters.div_ceil(8) {
        return Err(message!(
            "ntfs-bitmap-short",
            bits = bitmap.initialized_size.saturating_mul(8).to_string(),
            clusters = boot.clusters.to_string()
        ));
    }
    let mut bad = BadClusters { runs: bad_clusters(table)?, next: 0 };
    let mut map = ExtentMapBuilder::with_budget(budget);
    map.push(Extent::new(0, boot.sector_size));
    let needed = boot.clusters.div_ceil(8);
    let mut buffer = vec![0; PIECE.min(needed) as usize];
    for offset in (0..needed).step_by(PIECE as usize) {
        let piece = &mut buffer[..PIECE.min(needed - offset) as usize];
        bitmap.read_at(table.source, offset, piece).map_err(|error| record_doubt(error, BITMAP))?;
        let first = offset * 8;
        for run in runs(piece, boot.clusters - first) {
            bad.push_others(first + run.start, first + run.end, &mut |start, end| {
                map.push(boot.cluster_extent(start, end - start));
            });
        }
    }
    map.push(Extent::between(boot.clusters_end(), table.source.size()));
    Ok(map.build())
}

/// Bad clusters hold nothing that anybody could read.
struct BadClusters {
    /// First cluster and number, ascending.
    runs: Vec<(u64, u64)>,
    next: usize,
}

impl BadClusters {
    /// Hands on the clusters from `start` to `end` that are not bad; calls ascend.
    fn push_others(&mut self, mut start: u64, end: u64, push: &mut dyn FnMut(u64, u64)) {
        while let Some((first, count)) = self.runs.get(self.next).copied() {
            if first >= end {
                break;
            }
            if first > start {
                push(start, first);
            }
            start = start.max(first + count);
            if first + count > end {
                return;
            }
            self.next += 1;
        }
        if start < end {
            push(start, end);
        }
    }
}

fn bad_clusters(table: &MasterFileTable<'_>) -> Result<Vec<(u64, u64)>, Doubt> {
    let value = table
        .value(BAD_CLUSTERS, kind::DATA, BAD)
        .map_err(|error| record_doubt(error, BAD_CLUSTERS))?;
    let mut runs: Vec<(u64, u64)> = match value {
        Some(FileValue::Stream(stream)) => stream.runs().collect(),
        _ => Vec::new(),
    };
    runs.sort_unstable();
    Ok(runs)
}

/// A doubt when a cluster of a file is not in `map`, a record is damaged, or a system sleeps
/// here.
pub(super) fn check_files(table: &MasterFileTable<'_>, map: &ExtentMap) -> Result<(), Doubt> {
    let mut search = Search::default();
    table.for_each_record(&mut |number, record| {
        let in_use = record.and_then(|record| {
            search.look_at(number, record)?;
            are_clusters_in_use(table, number, record, map)
        });
        match in_use {
            Ok(true) => Ok(()),
            Ok(false) => Err(message!("ntfs-cluster-free", number = number.to_string())),
            Err(Damaged) => Err(record_doubt(ReadError::Damaged, number)),
        }
    })?;
    search.check(table)
}

fn are_clusters_in_use(
    table: &MasterFileTable<'_>,
    number: u64,
    record: FileRecord<'_>,
    map: &ExtentMap,
) -> Result<bool, Damaged> {
    let is_of_bad = number == BAD_CLUSTERS || record.base_record() == BAD_CLUSTERS;
    for attribute in record.attributes() {
        let attribute = attribute?;
        let Value::NonResident(value) = attribute.value else { continue };
        if is_of_bad && attribute.name == BAD {
            continue;
        }
        for run in value.runs() {
            let run = run?;
            let Some(cluster) = run.cluster else { continue };
            if cluster + run.length > table.boot.clusters {
                return Err(Damaged);
            }
            if !map.contains(table.boot.cluster_extent(cluster, run.length)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether a system sleeps on a volume that may be damaged: a doubt when it does.
pub(super) fn check_hibernation(table: &MasterFileTable<'_>) -> Result<(), Doubt> {
    let mut search = Search::default();
    table.for_each_record(&mut |number, record| {
        if let Ok(record) = record {
            _ = search.look_at(number, record);
        }
        Ok(())
    })?;
    search.check(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_not_bad_is_handed_on(
            used in proptest::collection::btree_set(0u64..200, 0..80),
            bad in proptest::collection::vec((0u64..220, 1u64..20), 0..8),
        ) {
            let mut bad = bad;
            bad.sort_unstable();
            let is_bad = |n: u64| bad.iter().any(|(first, count)| (*first..first + count).contains(&n));
            let expected: Vec<u64> = used.iter().copied().filter(|n| !is_bad(*n)).collect();
            let mut filter = BadClusters { runs: bad.clone(), next: 0 };
            let mut found = Vec::new();
            for run in used.iter().copied().map(|n| (n, n + 1)).fold(Vec::<(u64, u64)>::new(), |mut runs, (start, end)| {
                match runs.last_mut() {
                    Some(last) if last.1 == start => last.1 = end,
                    _ => runs.push((start, end)),
                }
                runs
            }) {
                filter.push_others(run.0, run.1, &mut |start, end| found.extend(start..end));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
