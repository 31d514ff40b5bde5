//! Reading what can be read: a bad sector costs that sector, not the disk.

use super::BlockSource;
use crate::error::ErrorKind;
use crate::units::Extent;

/// Fills `buffer` from `offset`; what cannot be read becomes zero and is answered as extents in
/// bytes, ascending, whole sectors wherever the range allows.
pub fn read(source: &dyn BlockSource, offset: u64, buffer: &mut [u8]) -> Vec<Extent> {
    read_until(source, offset, buffer, &|| false)
}

/// As [`read`], and gives up what is not read yet once `stop` says so: a dying disk can take
/// minutes for each of its sectors.
pub fn read_until(
    source: &dyn BlockSource,
    offset: u64,
    buffer: &mut [u8],
    stop: &dyn Fn() -> bool,
) -> Vec<Extent> {
    let mut unreadable = Vec::new();
    read_into(source, offset, buffer, stop, &mut unreadable);
    unreadable
}

/// Halves a range that fails until single sectors are left. The depth is the logarithm of the
/// chunk over the sector: at most 15.
fn read_into(
    source: &dyn BlockSource,
    offset: u64,
    buffer: &mut [u8],
    stop: &dyn Fn() -> bool,
    unreadable: &mut Vec<Extent>,
) {
    let Err(error) = source.read_at(offset, buffer) else { return };
    let sector = source.sector_size() as usize;
    if buffer.len() <= sector || error.kind() == ErrorKind::NotFound || stop() {
        buffer.fill(0);
        let extent = Extent::new(offset, buffer.len() as u64);
        match unreadable.last_mut() {
            Some(last) if last.end() == offset => last.length += extent.length,
            _ => unreadable.push(extent),
        }
        return;
    }
    // Halves end at sector boundaries of the disk.
    let middle = (offset + buffer.len() as u64 / 2).next_multiple_of(sector as u64);
    let first = ((middle - offset) as usize).min(buffer.len());
    let first = if first == buffer.len() { buffer.len() / 2 } else { first };
    let (left, right) = buffer.split_at_mut(first);
    read_into(source, offset, left, stop, unreadable);
    read_into(source, offset + first as u64, right, stop, unreadable);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::fault::FaultySource;
    use crate::block::memory::MemoryDisk;

    #[test]
    fn the_wish_to_stop_ends_the_search_for_good_sectors() {
        let disk = MemoryDisk::new(vec![1; 1 << 20]);
        let faulty = FaultySource::new(&disk, vec![Extent::new(0, 1 << 20)]);
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 3;
        let lost = read_until(&faulty, 0, &mut vec![7; 1 << 20], &stop);
        assert_eq!(lost, [Extent::new(0, 1 << 20)]);
        assert!(asked.get() < 20, "{}", asked.get());
    }

    #[test]
    fn only_bad_sectors_are_lost() {
        let bytes: Vec<u8> = (0..64 * 1024u32).map(|i| (i % 251) as u8 + 1).collect();
        let disk = MemoryDisk::new(bytes.clone());
        let bad = [Extent::new(512 * 3, 512), Extent::new(512 * 40, 1024)];
        let faulty = FaultySource::new(&disk, bad.to_vec());
        for (offset, length) in [(0, 65536), (512 * 3, 512), (512 * 3 + 100, 200), (513, 30_001)] {
            let mut buffer = vec![0xEE; length];
            let lost = read(&faulty, offset as u64, &mut buffer);
            for (i, byte) in buffer.iter().enumerate() {
                let position = (offset + i) as u64;
                let is_bad = bad.iter().any(|e| e.contains(Extent::new(position, 1)));
                let is_lost = lost.iter().any(|e| e.contains(Extent::new(position, 1)));
                // With ends inside a sector, that sector is read in parts and lost in parts.
                assert!(is_lost || !is_bad);
                assert!(!is_lost || lost.iter().all(|e| e.length <= 1024 + 512));
                assert_eq!(*byte, if is_lost { 0 } else { bytes[offset + i] });
            }
            let total: u64 = lost.iter().map(|e| e.length).sum();
            assert!(total <= 1536, "{lost:?}");
        }
    }
}
