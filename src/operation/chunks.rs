//! Walking the chunks of a disk that hold used bytes.

use crate::units::ExtentMap;

/// The numbers of the chunks that hold a used byte, ascending.
pub(super) fn numbers(
    map: &ExtentMap,
    chunk_size: u64,
) -> impl Iterator<Item = u64> + Clone + Send + '_ {
    let mut next = 0;
    map.as_slice().iter().flat_map(move |extent| {
        let first = (extent.offset / chunk_size).max(next);
        let end = extent.end().div_ceil(chunk_size);
        next = next.max(end);
        first..end
    })
}

/// How many there are.
pub(super) fn count(map: &ExtentMap, chunk_size: u64) -> u64 {
    let (mut count, mut next) = (0, 0);
    for extent in map.iter() {
        let first = (extent.offset / chunk_size).max(next);
        next = extent.end().div_ceil(chunk_size).max(next);
        count += next - first.min(next);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Extent;

    #[test]
    fn each_chunk_once() {
        let map: ExtentMap = [(5, 1), (7, 1), (9, 12), (40, 10), (59, 2)]
            .map(|(o, l)| Extent::new(o, l))
            .into_iter()
            .collect();
        assert_eq!(numbers(&map, 10).collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6]);
        assert_eq!(numbers(&ExtentMap::new(), 10).count(), 0);
        assert_eq!((count(&map, 10), count(&ExtentMap::new(), 10)), (6, 0));
    }
}
