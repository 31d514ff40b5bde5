//! Reading what can be read: a bad sector costs that sector, not the disk, as long as there is
//! patience for it.

use super::BlockSource;
use crate::error::{ErrorKind, Result};
use crate::units::Extent;
use std::time::{Duration, Instant};

/// The pieces that a range which fails is read in, one size after the other, in bytes: few reads
/// fail for one bad sector, and what is good around it is still read in long stretches. Single
/// sectors come last.
const PIECES: [u64; 2] = [64 << 10, 4 << 10];

/// A clock: the time since some moment.
pub type Clock<'a> = &'a (dyn Fn() -> Duration + Sync);

/// How much time failed reads may take. A disk can try for half a minute before it gives up a
/// sector, and a large scratch has millions of them.
pub struct Patience<'a> {
    now: Clock<'a>,
    limit: Duration,
    spent: Duration,
}

/// The time since this was called.
pub fn clock() -> impl Fn() -> Duration + Sync {
    let begun = Instant::now();
    move || begun.elapsed()
}

impl<'a> Patience<'a> {
    /// Patience for failed reads that take `limit` together, by the clock `now`.
    pub fn new(limit: Duration, now: Clock<'a>) -> Self {
        Self { now, limit, spent: Duration::ZERO }
    }

    /// The time that failed reads took so far.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Whether there is none left.
    pub fn is_over(&self) -> bool {
        self.spent >= self.limit
    }

    /// Reads from a source; a failure is paid for.
    ///
    /// # Errors
    /// As [`BlockSource::read_at`].
    pub fn read(&mut self, source: &dyn BlockSource, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let begun = (self.now)();
        let read = source.read_at(offset, buffer);
        if read.is_err() {
            self.spent += (self.now)().saturating_sub(begun);
        }
        read
    }
}

/// What could not be had of a range.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Lost {
    /// Extents in bytes, ascending, whole sectors wherever the range allows.
    pub extents: Vec<Extent>,
    /// Bytes of them in which nothing smaller was tried, because patience was over or somebody
    /// wished to stop.
    pub untried: u64,
}

impl Lost {
    fn add(&mut self, extent: Extent) {
        match self.extents.last_mut() {
            Some(last) if last.end() == extent.offset => last.length += extent.length,
            _ => self.extents.push(extent),
        }
    }

    /// Gives a range up without reading it.
    pub fn give_up(&mut self, extent: Extent) {
        if !extent.is_empty() {
            self.add(extent);
            self.untried += extent.length;
        }
    }
}

/// Fills `buffer` from `offset`, in smaller and smaller pieces where that fails. What cannot be
/// read becomes zero and is answered in `lost`. What is not read yet is given up once `patience` is
/// over or `stop` says so.
pub fn read(
    source: &dyn BlockSource,
    offset: u64,
    buffer: &mut [u8],
    patience: &mut Patience<'_>,
    stop: &dyn Fn() -> bool,
    lost: &mut Lost,
) {
    let extent = Extent::new(offset, buffer.len() as u64);
    if patience.is_over() || stop() {
        buffer.fill(0);
        return lost.give_up(extent);
    }
    let Err(error) = patience.read(source, offset, buffer) else { return };
    let sector = u64::from(source.sector_size()).max(1);
    let smaller = PIECES.into_iter().filter(|piece| *piece > sector).chain([sector]);
    let piece = smaller.into_iter().find(|piece| *piece < extent.length);
    let Some(piece) = piece.filter(|_| error.kind() != ErrorKind::NotFound) else {
        buffer.fill(0);
        return lost.add(extent);
    };
    let mut rest = buffer;
    let mut position = offset;
    while !rest.is_empty() {
        // Pieces end at multiples of their size on the disk.
        let length = (piece - position % piece).min(rest.len() as u64);
        let (now, later) = rest.split_at_mut(length as usize);
        read(source, position, now, patience, stop, lost);
        position += length;
        rest = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::fault::FaultySource;
    use crate::block::memory::MemoryDisk;
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    const ENDLESS: Duration = Duration::MAX;

    fn read_all(source: &dyn BlockSource, offset: u64, buffer: &mut [u8]) -> Lost {
        let (now, mut lost) = (|| Duration::ZERO, Lost::default());
        read(source, offset, buffer, &mut Patience::new(ENDLESS, &now), &|| false, &mut lost);
        lost
    }

    #[test]
    fn the_wish_to_stop_ends_the_search_for_good_sectors() {
        let disk = MemoryDisk::new(vec![1; 1 << 20]);
        let faulty = FaultySource::new(&disk, vec![Extent::new(0, 1 << 20)]);
        let asked = Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 3;
        let (now, mut lost) = (|| Duration::ZERO, Lost::default());
        let mut buffer = vec![7; 1 << 20];
        read(&faulty, 0, &mut buffer, &mut Patience::new(ENDLESS, &now), &stop, &mut lost);
        assert_eq!(lost.extents, [Extent::new(0, 1 << 20)]);
        assert_eq!(lost.untried, 1 << 20);
        assert!(faulty.failures() <= 3, "{}", faulty.failures());
        assert!(buffer.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn only_bad_sectors_are_lost() {
        let bytes: Vec<u8> = (0..64 * 1024u32).map(|i| (i % 251) as u8 + 1).collect();
        let disk = MemoryDisk::new(bytes.clone());
        let bad = [Extent::new(512 * 3, 512), Extent::new(512 * 40, 1024)];
        let faulty = FaultySource::new(&disk, bad.to_vec());
        for (offset, length) in [(0, 65536), (512 * 3, 512), (512 * 3 + 100, 200), (513, 30_001)] {
            let mut buffer = vec![0xEE; length];
            let Lost { extents: lost, untried } = read_all(&faulty, offset as u64, &mut buffer);
            assert_eq!(untried, 0);
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

    #[test]
    fn one_bad_sector_costs_few_failures() {
        let disk = MemoryDisk::new(vec![1; 2 << 20]);
        let bad = Extent::new((1 << 20) + 512 * 77, 512);
        let faulty = FaultySource::new(&disk, vec![bad]);
        assert_eq!(read_all(&faulty, 0, &mut vec![0; 2 << 20]).extents, [bad]);
        // The whole, 64 KiB, 4 KiB, the sector.
        assert_eq!(faulty.failures(), 4);
        // Larger sectors than pieces are no matter.
        let disk = MemoryDisk::new(vec![1; 1 << 20]).with_sector_size(65536);
        let faulty = FaultySource::new(&disk, vec![Extent::new(70_000, 1)]);
        let lost = read_all(&faulty, 0, &mut vec![0; 1 << 20]);
        assert_eq!(lost.extents, [Extent::new(65536, 65536)]);
    }

    #[test]
    fn when_patience_is_over_the_rest_is_given_up_and_told() {
        let disk = MemoryDisk::new(vec![1; 1 << 20]);
        let bad = Extent::new(512 << 10, 512 << 10);
        let time = AtomicU64::new(0);
        let faulty = FaultySource::new(&disk, vec![bad]);
        // Each look at the clock is a second later: what fails takes one.
        let now = || Duration::from_secs(time.fetch_add(1, Ordering::SeqCst));
        let mut patience = Patience::new(Duration::from_secs(10), &now);
        let mut lost = Lost::default();
        let mut buffer = vec![7; 1 << 20];
        read(&faulty, 0, &mut buffer, &mut patience, &|| false, &mut lost);
        assert_eq!(lost.extents, [bad], "what is good before it was read");
        assert!(buffer[..512 << 10].iter().all(|byte| *byte == 1));
        assert_eq!((faulty.failures(), patience.spent().as_secs()), (10, 10));
        // Of the sectors that failed by themselves it is known that they are bad.
        assert!(lost.untried > 500 << 10 && lost.untried < 512 << 10, "{}", lost.untried);
        // Without patience nothing is read at all.
        read(&faulty, 0, &mut buffer, &mut patience, &|| false, &mut lost);
        assert_eq!(faulty.failures(), 10);
    }
}
