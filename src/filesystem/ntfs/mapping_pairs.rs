//! Mapping pairs: which clusters of the volume hold a value that has no room in its record.
//!
//! Source: Linux-NTFS project, "NTFS Documentation", section "Concept - Data Runs".

use super::Damaged;

/// Clusters that follow each other in the value and on the volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// Number of clusters.
    pub(super) length: u64,
    /// The first of them on the volume; none for a hole.
    pub(super) cluster: Option<u64>,
}

/// The runs that these bytes encode, in the order of the value.
pub(super) const fn decode(bytes: &[u8]) -> MappingPairs<'_> {
    MappingPairs { bytes, cluster: 0, done: false }
}

/// The iterator of [`decode`]; it ends after the first error.
pub(super) struct MappingPairs<'a> {
    bytes: &'a [u8],
    cluster: i64,
    done: bool,
}

/// A little-endian number with a sign in as many bytes as there are, 8 at most.
fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut number = [if negative { 0xFF } else { 0 }; 8];
    number[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(number)
}

impl MappingPairs<'_> {
    fn take(&mut self) -> Result<Option<Run>, Damaged> {
        // The end is marked, never implied.
        let (header, rest) = self.bytes.split_first().ok_or(Damaged)?;
        if *header == 0 {
            return Ok(None);
        }
        let (length_bytes, cluster_bytes) = (usize::from(header & 0x0F), usize::from(header >> 4));
        if length_bytes > 8 || cluster_bytes > 8 {
            return Err(Damaged);
        }
        let (length, rest) = rest.split_at_checked(length_bytes).ok_or(Damaged)?;
        let (distance, rest) = rest.split_at_checked(cluster_bytes).ok_or(Damaged)?;
        self.bytes = rest;
        let length = u64::try_from(signed(length)).ok().filter(|l| *l != 0).ok_or(Damaged)?;
        if distance.is_empty() {
            return Ok(Some(Run { length, cluster: None }));
        }
        self.cluster = self.cluster.checked_add(signed(distance)).ok_or(Damaged)?;
        let cluster = u64::try_from(self.cluster).map_err(|_| Damaged)?;
        cluster.checked_add(length).ok_or(Damaged)?;
        Ok(Some(Run { length, cluster: Some(cluster) }))
    }
}

impl Iterator for MappingPairs<'_> {
    type Item = Result<Run, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.take().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Result<Vec<Run>, Damaged> {
        decode(bytes).collect()
    }

    fn run(length: u64, cluster: u64) -> Run {
        Run { length, cluster: Some(cluster) }
    }

    #[test]
    fn examples_of_the_documentation_are_read() {
        let contiguous = [0x21, 0x18, 0x34, 0x56, 0x00];
        assert_eq!(all(&contiguous).unwrap(), [run(0x18, 0x5634)]);
        let fragmented = [
            0x31, 0x38, 0x73, 0x25, 0x34, 0x32, 0x14, 0x01, 0xE5, 0x11, 0x02, 0x31, 0x42, 0xAA,
            0x00, 0x03, 0x00,
        ];
        let expected = [run(0x38, 0x34_2573), run(0x114, 0x36_3758), run(0x42, 0x39_3802)];
        assert_eq!(all(&fragmented).unwrap(), expected);
        let backwards = [0x11, 0x30, 0x60, 0x21, 0x10, 0x00, 0x01, 0x11, 0x20, 0xE0, 0x00];
        let expected = [run(0x30, 0x60), run(0x10, 0x160), run(0x20, 0x140)];
        assert_eq!(all(&backwards).unwrap(), expected);
        let sparse = [0x11, 0x30, 0x20, 0x01, 0x60, 0x11, 0x10, 0x30, 0x00];
        let expected = [run(0x30, 0x20), Run { length: 0x60, cluster: None }, run(0x10, 0x50)];
        assert_eq!(all(&sparse).unwrap(), expected);
        assert_eq!(all(&[0]).unwrap(), []);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for bytes in [
            &[][..],
            &[0x11, 0x30],
            &[0x11, 0x00, 0x20, 0],
            &[0x11, 0xFF, 0x20, 0],
            &[0x11, 0x30, 0xFF, 0],
            &[0x10, 0x30, 0],
            &[0x19, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 0],
            &[0x11, 0x30, 0x20],
        ] {
            assert!(all(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let runs: Vec<_> = decode(&bytes).collect();
            prop_assert!(runs.len() <= bytes.len() + 1);
        }
    }
}
