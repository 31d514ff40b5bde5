//! Indexes (section 6): which bytes of a disk are in use and where each chunk is stored.

mod reader;
mod segment;
mod writer;

pub use reader::IndexReader;
pub use segment::{ChunkEntry, Location, Segment};
pub(super) use writer::IndexWriter;

use super::header::{ImageId, SaveId};
use super::{FORMAT, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE, u32_at, u64_at};
use crate::codec::sha256;
use crate::units::Extent;

/// Header of an index file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexHeader {
    /// Number of the disk in the image.
    pub disk: u32,
    /// The image it belongs to.
    pub image_id: ImageId,
    /// The run that made it.
    pub save_id: SaveId,
    /// Chunk size in bytes.
    pub chunk_size: u32,
    /// Size of the disk in bytes.
    pub disk_size: u64,
}

impl IndexHeader {
    /// Length on disk, in bytes.
    pub const LENGTH: usize = 64;
    const MAGIC: [u8; 8] = *b"CALCOIDX";

    /// The file name of the index of a disk.
    pub fn file_name(save_id: SaveId, disk: u32) -> String {
        format!("{save_id}-disk{disk}.index")
    }

    /// The bytes on disk.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0..8].copy_from_slice(&Self::MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.disk.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.image_id.0);
        bytes[32..40].copy_from_slice(&self.save_id.0);
        bytes[40..44].copy_from_slice(&self.chunk_size.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.disk_size.to_le_bytes());
        let check = sha256(&bytes[..56]).short();
        bytes[56..64].copy_from_slice(&check);
        bytes
    }

    /// Reads the bytes on disk; `None` when they are not a header of this format.
    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let chunk_size = u32_at(bytes, 40);
        let sound = bytes[0..8] == Self::MAGIC
            && u32_at(bytes, 8) == FORMAT
            && bytes[44..48] == [0; 4]
            && bytes[56..64] == sha256(&bytes[..56]).short()
            && chunk_size.is_power_of_two()
            && (MIN_CHUNK_SIZE..=MAX_CHUNK_SIZE).contains(&chunk_size);
        sound.then(|| Self {
            disk: u32_at(bytes, 12),
            image_id: ImageId(bytes[16..32].try_into().expect("16 bytes")),
            save_id: SaveId(bytes[32..40].try_into().expect("8 bytes")),
            chunk_size,
            disk_size: u64_at(bytes, 48),
        })
    }

    /// The bytes of the disk that a chunk stands for; empty for a chunk behind its end.
    pub fn chunk_extent(&self, chunk: u64) -> Extent {
        let size = u64::from(self.chunk_size);
        let start = chunk.saturating_mul(size);
        Extent::between(start, start.saturating_add(size).min(self.disk_size))
    }
}

/// Most chunks in a segment.
const MAX_CHUNKS: usize = 4096;
/// Most extents, used and unreadable together, after which a writer closes a segment.
const CLOSE_AT_EXTENTS: usize = 128 << 10;
/// Longest payload of a segment, in bytes.
const MAX_PAYLOAD: u32 = 8 << 20;
/// Longest payload of the directory, in bytes: 4 Mi segments.
const MAX_DIRECTORY: u32 = 64 << 20;

/// The most bytes that the index of a disk can have: `chunks` that hold used bytes, and the extents
/// of its map. What cannot be read adds 16 bytes for each place.
pub fn longest_index(chunks: u64, extents: u64) -> u64 {
    let header = segment::BlockHeader::LENGTH as u64;
    // A segment is closed by either limit, and no chunk is cut; an extent is cut at each.
    let segments = chunks.div_ceil(MAX_CHUNKS as u64)
        + extents / (CLOSE_AT_EXTENTS as u64 / 2)
        + u64::from(chunks > 0);
    let payload = chunks
        .saturating_mul(64)
        .saturating_add(extents.saturating_add(segments).saturating_mul(16))
        .saturating_add(segments.saturating_mul(16));
    // What zstd adds to what it cannot shrink.
    let stored = payload.saturating_add(payload >> 7).saturating_add((segments + 1) * 64);
    stored.saturating_add((segments + 1) * header).saturating_add(IndexHeader::LENGTH as u64)
}
