//! Forks: the pieces that hold the bytes of a file, in the order of the file.
//!
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format", section "Fork Data Structure".

use super::volume_header::Geometry;
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::Extent;
use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Blocks that follow each other on the volume.
#[derive(Clone, Copy, PartialEq, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct Piece {
    pub(super) start: U32,
    pub(super) count: U32,
}

/// The pieces that one record holds; those without a block are not in use.
pub(super) type Pieces = [Piece; 8];

/// Blocks of all pieces of a record.
pub(super) fn blocks_of(pieces: &Pieces) -> u64 {
    pieces.iter().map(|piece| u64::from(piece.count.get())).sum()
}

/// What a volume header, a file or an attribute says of a fork.
#[derive(Clone, Copy, PartialEq, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ForkData {
    /// In bytes.
    pub(super) length: U64,
    clump_size: U32,
    pub(super) blocks: U32,
    /// The first of its pieces.
    pub(super) pieces: Pieces,
}

impl ForkData {
    /// As much of the fork as the pieces here hold; none when those are too many blocks.
    pub(super) fn beginning(&self, geometry: Geometry) -> Option<Self> {
        let blocks = blocks_of(&self.pieces);
        let length = self.length.get().min(blocks * geometry.block_size);
        let blocks = U32::new(u32::try_from(blocks).ok()?);
        Some(Self { length: U64::new(length), blocks, ..*self })
    }

    /// Whether another description means the same bytes.
    pub(super) fn same_bytes(&self, other: &Self) -> bool {
        (self.length, self.blocks, self.pieces) == (other.length, other.blocks, other.pieces)
    }
}

/// A fork all of whose pieces are known and lie on the volume.
pub(super) struct Fork {
    /// For doubts.
    pub(super) name: &'static str,
    /// In bytes.
    pub(super) length: u64,
    block_size: u64,
    /// For each piece its first byte in the fork, and where it lies on the volume.
    pieces: Vec<(u64, Extent)>,
}

/// The doubt about a special file whose description contradicts itself.
pub(super) fn impossible(name: &'static str) -> Doubt {
    message!("hfsplus-fork", file = name)
}

impl Fork {
    /// A fork whose first pieces are in `data` and the others in `more`.
    ///
    /// # Errors
    /// A doubt when a piece does not lie on the volume, or they are not as many blocks as the fork
    /// is said to have.
    pub(super) fn new(
        name: &'static str,
        geometry: Geometry,
        data: &ForkData,
        more: impl Iterator<Item = Piece>,
    ) -> Result<Self, Doubt> {
        let mut pieces = Vec::new();
        let mut position = 0;
        for piece in data.pieces.into_iter().chain(more) {
            let place = geometry.place(piece).ok_or_else(|| impossible(name))?;
            if !place.is_empty() {
                pieces.push((position, place));
                position += place.length;
            }
            // More blocks than the volume has would be some of them twice.
            if position > geometry.length() {
                return Err(impossible(name));
            }
        }
        let length = data.length.get();
        let blocks = u64::from(data.blocks.get());
        let is_sound = position == blocks * geometry.block_size && length <= position;
        let block_size = geometry.block_size;
        if is_sound { Ok(Self { name, length, block_size, pieces }) } else { Err(impossible(name)) }
    }

    /// Where its blocks lie on the volume, in the order of the file.
    pub(super) fn places(&self) -> impl Iterator<Item = Extent> + '_ {
        self.pieces.iter().map(|(_, place)| *place)
    }

    /// Number of its blocks.
    pub(super) fn blocks(&self) -> u64 {
        self.pieces
            .last()
            .map_or(0, |(position, place)| (position + place.length) / self.block_size)
    }

    /// Fills `buffer` with the bytes from `offset` of the fork.
    ///
    /// # Errors
    /// A doubt when they cannot be read or the fork ends before.
    pub(super) fn read_at(
        &self,
        source: &dyn BlockSource,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), Doubt> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| impossible(self.name))?;
        let first =
            self.pieces.partition_point(|(position, piece)| position + piece.length <= offset);
        let mut position = offset;
        for (start, place) in &self.pieces[first..] {
            if position >= end {
                break;
            }
            let inside = position - start;
            let length = (place.length - inside).min(end - position);
            let from = (position - offset) as usize;
            source
                .read_at(place.offset + inside, &mut buffer[from..from + length as usize])
                .map_err(unreadable_doubt)?;
            position += length;
        }
        Ok(())
    }
}
