//! Blocks of the metadata device: each says which one it is and has a checksum.

use crate::block::BlockSource;
use crate::filesystem::{Doubt, crc32c};
use crate::text::message;
use std::cell::RefCell;
use std::collections::VecDeque;

/// Length of a metadata block, in bytes: there is no other.
pub(super) const BLOCK: usize = 4096;
/// Blocks that are read at once: nodes of a tree were often written one after the other.
const WINDOW_BLOCKS: u64 = 16;
/// Windows that are kept, 4 MiB in all.
const WINDOWS: usize = 64;

/// The kinds of block, each of which has something of its own mixed into its checksum.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    /// The superblock, and its copy that a metadata snapshot is.
    Superblock,
    /// A node of any tree.
    Node,
    /// The list of the bitmaps of the metadata device.
    Index,
    /// Counts of references, two bits each.
    Bitmap,
}

impl Kind {
    const fn salt(self) -> u32 {
        match self {
            Self::Superblock => 160_774,
            Self::Node => 121_107,
            Self::Index => 160_478,
            Self::Bitmap => 240_779,
        }
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// A block of the metadata makes no sense.
pub(super) fn damaged(block: u64) -> Doubt {
    message!("thin-damaged", block = block.to_string())
}

/// The blocks of a metadata device.
pub(super) struct Blocks<'a> {
    source: &'a dyn BlockSource,
    /// What was read last, by the first block in it.
    windows: RefCell<VecDeque<(u64, Vec<u8>)>>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(source: &'a dyn BlockSource) -> Self {
        Self { source, windows: RefCell::default() }
    }

    /// How many blocks the device has room for.
    pub(super) fn count(&self) -> u64 {
        self.source.size() / BLOCK as u64
    }

    /// A block, which has to be of this kind.
    pub(super) fn read(&self, number: u64, kind: Kind) -> Result<Vec<u8>, Doubt> {
        if number >= self.count() {
            return Err(damaged(number));
        }
        let bytes = self.bytes(number)?;
        let checksum = crc32c::chained(crc32c::SEED, &bytes[4..]) ^ kind.salt();
        if u32_at(&bytes, 0) != Some(checksum) || u64_at(&bytes, 8) != Some(number) {
            return Err(damaged(number));
        }
        Ok(bytes)
    }

    fn bytes(&self, number: u64) -> Result<Vec<u8>, Doubt> {
        let first = number / WINDOW_BLOCKS * WINDOW_BLOCKS;
        let part = |window: &[u8]| {
            let start = (number - first) as usize * BLOCK;
            window[start..start + BLOCK].to_vec()
        };
        let mut windows = self.windows.borrow_mut();
        if let Some((_, window)) = windows.iter().find(|(start, _)| *start == first) {
            return Ok(part(window));
        }
        let count = WINDOW_BLOCKS.min(self.count() - first);
        let Ok(window) = self.source.read_vec(first * BLOCK as u64, count as usize * BLOCK) else {
            // What cannot be read may be next to it.
            return self
                .source
                .read_vec(number * BLOCK as u64, BLOCK)
                .map_err(|error| message!("thin-unreadable", why = error.message().clone()));
        };
        let bytes = part(&window);
        if windows.len() >= WINDOWS {
            windows.pop_front();
        }
        windows.push_back((first, window));
        Ok(bytes)
    }
}
