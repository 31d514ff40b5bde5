//! Devices and plain files that hold a disk, as one thing: bytes at offsets.
//!
//! Everything that reads a disk reads it through [`BlockSource`]; everything that writes one
//! writes through [`BlockTarget`]. Offsets and lengths are in bytes and need no alignment.

pub mod buffer;
pub mod device;
pub mod direct;
pub mod fault;
pub mod memory;
pub mod rescue;

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use crate::units::Extent;

/// The logical sector size assumed where nothing tells it: plain files, in bytes.
pub const DEFAULT_SECTOR_SIZE: u32 = 512;

/// Something that can be read like a disk.
pub trait BlockSource: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Logical sector size in bytes: the unit of LBAs in partition tables.
    fn sector_size(&self) -> u32 {
        DEFAULT_SECTOR_SIZE
    }

    /// What a person calls it, for messages.
    fn name(&self) -> String;

    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    /// When the range goes past the end, or the medium cannot be read.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;

    /// Tells a bad sector from a source that is not there any more: asked after a failed read.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it was pulled out, or became smaller.
    fn check_present(&self) -> Result<()> {
        Ok(())
    }

    /// Whether it is still as it was when it was opened, where that can be told: asked when all of
    /// it was read.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when somebody else wrote to it.
    fn check_unchanged(&self) -> Result<()> {
        Ok(())
    }

    /// The `length` bytes from `offset`, for small structures whose length the caller has bounded.
    ///
    /// # Errors
    /// As [`BlockSource::read_at`].
    fn read_vec(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        // Checked first, so that a hostile length never becomes an allocation.
        check_range(self.size(), offset, length as u64).map_err(|e| e.on_device(self.name()))?;
        let mut buffer = vec![0; length];
        self.read_at(offset, &mut buffer)?;
        Ok(buffer)
    }
}

/// Something that can be written like a disk.
pub trait BlockTarget: BlockSource {
    /// Writes `data` at `offset`.
    ///
    /// # Errors
    /// When the range goes past the end, or the medium cannot be written.
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()>;

    /// Returns when everything written is on the medium.
    ///
    /// # Errors
    /// When the medium reports that something was not written.
    fn flush(&self) -> Result<()>;

    /// Makes the reads that follow come from the medium, as far as the system can.
    ///
    /// # Errors
    /// When what is still to be written cannot be.
    fn forget_cache(&self) -> Result<()> {
        self.flush()
    }

    /// Tells the system that there is a new partition table.
    ///
    /// # Errors
    /// When the system still uses the old one: it must be told by a restart.
    fn announce_table(&self) -> Result<()> {
        Ok(())
    }
}

/// Refuses ranges that go past `size` bytes.
///
/// # Errors
/// [`ErrorKind::Io`], with the offset.
pub fn check_range(size: u64, offset: u64, length: u64) -> Result<()> {
    match offset.checked_add(length) {
        Some(end) if end <= size => Ok(()),
        _ => Err(Error::new(
            ErrorKind::Io,
            message!("block-past-end", length = length.to_string(), size = size.to_string()),
        )
        .at_offset(offset)),
    }
}

/// A part of a source as a source of its own, a partition for example.
pub struct Window<'a> {
    source: &'a dyn BlockSource,
    extent: Extent,
}

impl<'a> Window<'a> {
    /// The bytes `extent` of `source`, cut off where the source ends.
    pub fn new(source: &'a dyn BlockSource, extent: Extent) -> Self {
        let end = extent.end().min(source.size());
        Self { source, extent: Extent::between(extent.offset, end) }
    }
}

impl BlockSource for Window<'_> {
    fn size(&self) -> u64 {
        self.extent.length
    }

    fn sector_size(&self) -> u32 {
        self.source.sector_size()
    }

    fn name(&self) -> String {
        self.source.name()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.extent.length, offset, buffer.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        self.source.read_at(self.extent.offset + offset, buffer)
    }
}
