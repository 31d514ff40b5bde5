//! Reading files on servers: what comes next is fetched before it is asked for, so that nobody
//! waits for a round trip for each chunk.

use crate::error::{Error, ErrorKind, Result};
use crate::image::FileReader;
use crate::text::message;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};

/// A file of which any part can be fetched.
pub(super) trait Ranges: Send + Sync + 'static {
    /// Length in bytes.
    fn length(&self) -> u64;

    /// Fetches `length` bytes from `offset`; they lie within the file.
    ///
    /// # Errors
    /// When the server fails.
    fn fetch(&self, offset: u64, length: usize) -> Result<Vec<u8>>;

    /// What people call the file.
    fn location(&self) -> String;
}

/// How much is fetched at once and in advance.
#[derive(Clone, Copy)]
pub(super) struct ReadAhead {
    /// Bytes of one request.
    pub(super) block: u64,
    /// Requests that are under way beyond what is asked for.
    pub(super) ahead: u64,
}

/// A block that is fetched by a thread of its own.
#[derive(Default)]
struct Block {
    result: Mutex<Option<Result<Vec<u8>>>>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// Where a reader that goes through the file reads next.
    next: u64,
    /// Where the last read that was elsewhere ended: when the next one begins there, the reader
    /// has moved.
    candidate: Option<u64>,
    blocks: BTreeMap<u64, Arc<Block>>,
}

/// A reader of such a file.
pub(super) struct RangeReader<R> {
    ranges: Arc<R>,
    how: ReadAhead,
    state: Mutex<State>,
}

impl<R: Ranges> RangeReader<R> {
    pub(super) fn new(ranges: R, how: ReadAhead) -> Self {
        let state = State { next: u64::MAX, ..State::default() };
        Self { ranges: Arc::new(ranges), how, state: Mutex::new(state) }
    }

    fn start(&self, number: u64) -> Arc<Block> {
        let block = Arc::<Block>::default();
        let (ranges, own) = (self.ranges.clone(), block.clone());
        let offset = number * self.how.block;
        let length = self.how.block.min(ranges.length() - offset) as usize;
        let fetch = move || {
            let result = ranges.fetch(offset, length);
            *own.result.lock().expect("no holder panics") = Some(result);
            own.done.notify_all();
        };
        let started = std::thread::Builder::new().name("calco-fetch".into()).spawn(fetch);
        if let Err(error) = started {
            let error = Error::new(ErrorKind::Io, message!("store-read-failed")).caused_by(error);
            *block.result.lock().expect("no holder panics") = Some(Err(error));
        }
        block
    }

    /// The blocks that a read needs, when it goes on where the last one ended.
    fn blocks(&self, offset: u64, length: u64) -> Option<Vec<(u64, Arc<Block>)>> {
        let mut state = self.state.lock().expect("no holder panics");
        let end = offset + length;
        if state.candidate == Some(offset) {
            state.next = offset;
            state.candidate = None;
            let first = offset / self.how.block;
            state.blocks.retain(|number, _| *number >= first);
        }
        // Records that are not needed are jumped over.
        let is_next = offset.checked_sub(state.next).is_some_and(|gap| gap <= self.how.block);
        if !is_next {
            state.candidate = Some(end);
            return None;
        }
        state.next = end;
        let first = offset / self.how.block;
        let last = (end - 1) / self.how.block;
        let of_file = (self.ranges.length() - 1) / self.how.block;
        for number in first..=(last + self.how.ahead).min(of_file) {
            state.blocks.entry(number).or_insert_with(|| self.start(number));
        }
        let needed = (first..=last).map(|number| (number, state.blocks[&number].clone())).collect();
        // Those behind, and the last one when it is used up.
        let keep = end / self.how.block;
        state.blocks.retain(|number, _| *number >= keep);
        Some(needed)
    }
}

impl<R: Ranges> FileReader for RangeReader<R> {
    fn length(&self) -> u64 {
        self.ranges.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let length = buffer.len() as u64;
        let is_within = offset.checked_add(length).is_some_and(|end| end <= self.ranges.length());
        if !is_within {
            return Err(Error::new(ErrorKind::Damaged, message!("store-cut-short"))
                .at_path(self.ranges.location())
                .at_offset(offset));
        }
        if length == 0 {
            return Ok(());
        }
        let Some(blocks) = self.blocks(offset, length) else {
            for (number, piece) in buffer.chunks_mut(self.how.block as usize).enumerate() {
                let at = offset + number as u64 * self.how.block;
                piece.copy_from_slice(&self.ranges.fetch(at, piece.len())?);
            }
            return Ok(());
        };
        for (number, block) in blocks {
            let mut result = block.result.lock().expect("no holder panics");
            while result.is_none() {
                result = block.done.wait(result).expect("no holder panics");
            }
            match result.as_ref() {
                Some(Ok(bytes)) => {
                    let start = number * self.how.block;
                    let from = offset.max(start);
                    let to = (offset + length).min(start + bytes.len() as u64);
                    buffer[(from - offset) as usize..(to - offset) as usize]
                        .copy_from_slice(&bytes[(from - start) as usize..(to - start) as usize]);
                }
                _ => {
                    // Whoever tries again fetches it again.
                    let error = result.take().and_then(Result::err);
                    let mut state = self.state.lock().expect("no holder panics");
                    state.blocks.clear();
                    state.next = u64::MAX;
                    return Err(error.unwrap_or_else(|| {
                        Error::new(ErrorKind::Unreachable, message!("store-read-failed"))
                    }));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Bytes(Vec<u8>, Arc<AtomicUsize>);

    impl Ranges for Bytes {
        fn length(&self) -> u64 {
            self.0.len() as u64
        }

        fn fetch(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
            if self.1.load(Ordering::SeqCst) == 13 {
                return Err(Error::new(ErrorKind::Unreachable, message!("store-read-failed")));
            }
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(self.0[offset as usize..offset as usize + length].to_vec())
        }

        fn location(&self) -> String {
            "bytes".into()
        }
    }

    fn reader(length: usize, count: &Arc<AtomicUsize>) -> RangeReader<Bytes> {
        let bytes = (0..length).map(|i| ((i * 31) >> 3) as u8).collect();
        RangeReader::new(Bytes(bytes, count.clone()), ReadAhead { block: 100, ahead: 3 })
    }

    #[test]
    fn what_is_read_in_order_is_fetched_once() {
        let count = Arc::new(AtomicUsize::new(100));
        let reader = reader(1005, &count);
        for offset in (0..1000).step_by(10) {
            let mut buffer = [0; 10];
            reader.read_at(offset, &mut buffer).unwrap();
            assert!((0..10).all(|i| buffer[i] == (((offset as usize + i) * 31) >> 3) as u8));
        }
        // The first read, and each block.
        assert!(count.load(Ordering::SeqCst) <= 100 + 1 + 11);
        assert!(reader.read_at(1000, &mut [0; 6]).is_err());
        assert!(reader.read_at(u64::MAX, &mut [0; 6]).is_err());
        reader.read_at(1005, &mut []).unwrap();
    }

    #[test]
    fn a_failure_is_told_and_the_next_try_fetches_again() {
        let count = Arc::new(AtomicUsize::new(100));
        let reader = reader(10_000, &count);
        let mut buffer = [0; 50];
        reader.read_at(0, &mut buffer).unwrap();
        reader.read_at(50, &mut buffer).unwrap();
        while reader
            .state
            .lock()
            .unwrap()
            .blocks
            .values()
            .any(|b| b.result.lock().unwrap().is_none())
        {
            std::thread::yield_now();
        }
        count.store(13, Ordering::SeqCst);
        let failed = (2..40).find_map(|i| reader.read_at(i * 50, &mut buffer).err()).unwrap();
        assert_eq!(failed.kind(), ErrorKind::Unreachable);
        count.store(100, Ordering::SeqCst);
        reader.read_at(1000, &mut buffer).unwrap();
        assert_eq!(buffer[0], ((1000 * 31) >> 3) as u8);
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_bytes(reads in proptest::collection::vec((0u64..1000, 0usize..250), 1..40)) {
            let count = Arc::new(AtomicUsize::new(100));
            let reader = reader(1300, &count);
            let mut last = 0;
            for (offset, length) in reads {
                // Every other read goes on where the last one ended.
                let offset = if length % 2 == 0 && last + 250 < 1300 { last } else { offset };
                let mut buffer = vec![0; length];
                reader.read_at(offset, &mut buffer).unwrap();
                let same = (0..length).all(|i| buffer[i] == (((offset as usize + i) * 31) >> 3) as u8);
                prop_assert!(same);
                last = offset + length as u64;
            }
        }
    }
}
