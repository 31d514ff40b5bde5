//! A disk in memory: for tests, fuzzing, and small sources that are made rather than read.

use super::{BlockSource, BlockTarget, DEFAULT_SECTOR_SIZE, check_range};
use crate::error::Result;
use std::sync::RwLock;

/// A disk whose bytes are a vector.
pub struct MemoryDisk {
    bytes: RwLock<Vec<u8>>,
    sector_size: u32,
}

impl MemoryDisk {
    /// A disk with these bytes and 512-byte sectors.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: RwLock::new(bytes), sector_size: DEFAULT_SECTOR_SIZE }
    }

    /// The same disk with another logical sector size, in bytes.
    pub fn with_sector_size(mut self, sector_size: u32) -> Self {
        self.sector_size = sector_size;
        self
    }

    /// A copy of all bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes.read().expect("no writer panics").clone()
    }
}

impl BlockSource for MemoryDisk {
    fn size(&self) -> u64 {
        self.bytes.read().expect("no writer panics").len() as u64
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn name(&self) -> String {
        "memory".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let bytes = self.bytes.read().expect("no writer panics");
        check_range(bytes.len() as u64, offset, buffer.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        let start = offset as usize;
        buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
        Ok(())
    }
}

impl BlockTarget for MemoryDisk {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut bytes = self.bytes.write().expect("no writer panics");
        check_range(bytes.len() as u64, offset, data.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        let start = offset as usize;
        bytes[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}
