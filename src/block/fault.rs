//! A source that fails on purpose: bad sectors for tests, and a number of transfers after which
//! everything fails.

use super::{BlockSource, BlockTarget};
use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use crate::units::Extent;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source with unreadable extents.
pub struct FaultySource<'a> {
    source: &'a dyn BlockSource,
    bad: Vec<Extent>,
    failures: AtomicU64,
}

impl<'a> FaultySource<'a> {
    /// `source`, of which `bad` cannot be read.
    pub fn new(source: &'a dyn BlockSource, bad: Vec<Extent>) -> Self {
        Self { source, bad, failures: AtomicU64::new(0) }
    }

    /// The number of reads that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }
}

impl BlockSource for FaultySource<'_> {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn sector_size(&self) -> u32 {
        self.source.sector_size()
    }

    fn name(&self) -> String {
        self.source.name()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let range = Extent::new(offset, buffer.len() as u64);
        if self.bad.iter().any(|bad| bad.overlaps(range)) {
            self.failures.fetch_add(1, Ordering::SeqCst);
            return Err(Error::new(ErrorKind::Io, message!("block-read-failed"))
                .on_device(self.name())
                .at_offset(offset));
        }
        self.source.read_at(offset, buffer)
    }
}

/// A target that loses its power after a number of writes: everything later fails.
pub struct FailingTarget<'a> {
    target: &'a dyn BlockTarget,
    writes_left: AtomicU64,
}

impl<'a> FailingTarget<'a> {
    /// `target`, which takes `writes` writes and no more.
    pub fn new(target: &'a dyn BlockTarget, writes: u64) -> Self {
        Self { target, writes_left: AtomicU64::new(writes) }
    }
}

impl BlockSource for FailingTarget<'_> {
    fn size(&self) -> u64 {
        self.target.size()
    }

    fn sector_size(&self) -> u32 {
        self.target.sector_size()
    }

    fn name(&self) -> String {
        self.target.name()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.target.read_at(offset, buffer)
    }
}

impl BlockTarget for FailingTarget<'_> {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        let took = self
            .writes_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if took.is_err() {
            return Err(Error::new(ErrorKind::Io, message!("block-write-failed"))
                .on_device(self.name())
                .at_offset(offset));
        }
        self.target.write_at(offset, data)
    }

    fn flush(&self) -> Result<()> {
        self.target.flush()
    }
}
