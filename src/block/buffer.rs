//! Buffers whose memory is aligned for direct I/O, without unsafe code.

use std::ops::{Deref, DerefMut};

/// The alignment of buffers, in bytes: enough for direct I/O on every disk with sectors up to
/// 4096 bytes.
pub const ALIGNMENT: usize = 4096;

/// Bytes whose first one lies at a multiple of [`ALIGNMENT`] in memory.
pub struct AlignedBuffer {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// `length` zero bytes.
    pub fn zeroed(length: usize) -> Self {
        let bytes = vec![0; length + ALIGNMENT];
        // The vector never grows, so its memory never moves.
        let start = bytes.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { bytes, start, length }
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.length]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.length]
    }
}

/// Whether a transfer may go past the page cache: memory, offset and length are all aligned.
pub fn is_aligned(offset: u64, bytes: &[u8], alignment: usize) -> bool {
    offset.is_multiple_of(alignment as u64)
        && bytes.len().is_multiple_of(alignment)
        && bytes.as_ptr().align_offset(alignment) == 0
}
