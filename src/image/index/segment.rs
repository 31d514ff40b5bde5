//! Segments: stretches of an index that stand for themselves.

use super::{CLOSE_AT_EXTENTS, IndexHeader, MAX_CHUNKS, MAX_DIRECTORY, MAX_PAYLOAD};
use crate::codec::{Digest, sha256};
use crate::image::pack::{PackHeader, RecordHeader};
use crate::image::{u32_at, u64_at};
use crate::units::Extent;

/// Where a chunk is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// Number of the pack in the manifest's list.
    pub pack: u32,
    /// Offset of the record in the pack, in bytes.
    pub offset: u64,
    /// Length of the stored content, in bytes.
    pub stored_length: u32,
}

impl Location {
    /// The first byte after the record.
    pub fn end(&self) -> u64 {
        self.offset
            .saturating_add(RecordHeader::LENGTH as u64)
            .saturating_add(u64::from(self.stored_length))
    }
}

/// A chunk with used bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkEntry {
    /// Its number: its first byte on the disk is number × chunk size.
    pub number: u64,
    /// Where it is stored and the hash of its plaintext; `None` when all of it is zero.
    pub stored: Option<(Location, Digest)>,
}

impl ChunkEntry {
    const LENGTH: usize = 64;

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        let mut entry = [0; Self::LENGTH];
        entry[0..8].copy_from_slice(&self.number.to_le_bytes());
        if let Some((location, digest)) = &self.stored {
            entry[8] = 1;
            entry[12..16].copy_from_slice(&location.pack.to_le_bytes());
            entry[16..24].copy_from_slice(&location.offset.to_le_bytes());
            entry[24..28].copy_from_slice(&location.stored_length.to_le_bytes());
            entry[32..64].copy_from_slice(&digest.0);
        }
        bytes.extend_from_slice(&entry);
    }

    fn decode(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let number = u64_at(bytes, 0);
        let stored = match bytes[8] {
            0 if bytes[9..] == [0; 55] => None,
            1 if bytes[9..12] == [0; 3] && bytes[28..32] == [0; 4] => Some((
                Location {
                    pack: u32_at(bytes, 12),
                    offset: u64_at(bytes, 16),
                    stored_length: u32_at(bytes, 24),
                },
                Digest(bytes[32..64].try_into().expect("32 bytes")),
            )),
            _ => return None,
        };
        Some(Self { number, stored })
    }
}

/// A stretch of an index.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Segment {
    /// Used extents of the disk, in bytes, cut at the chunks of this segment.
    pub extents: Vec<Extent>,
    /// Those parts of the used extents that the source could not give.
    pub unreadable: Vec<Extent>,
    /// The chunks, ascending.
    pub chunks: Vec<ChunkEntry>,
}

/// Kind of a block of an index file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BlockKind {
    Segment,
    Directory,
}

/// Header of a block of an index file, and its payload on disk.
#[derive(Clone, Debug)]
pub(super) struct BlockHeader {
    pub kind: BlockKind,
    pub stored_length: u32,
    pub payload_length: u32,
    pub chunks: u32,
    pub extents: u32,
    pub unreadable: u32,
    pub digest: Digest,
}

impl BlockHeader {
    pub(super) const LENGTH: usize = 64;

    pub(super) fn encode(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[0..4].copy_from_slice(match self.kind {
            BlockKind::Segment => b"SGMT",
            BlockKind::Directory => b"SDIR",
        });
        bytes[4..8].copy_from_slice(&self.stored_length.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.payload_length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.chunks.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.extents.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.unreadable.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.digest.0);
        let check = sha256(&bytes[..56]).short();
        bytes[56..64].copy_from_slice(&check);
        bytes
    }

    pub(super) fn decode(bytes: &[u8; Self::LENGTH]) -> Option<Self> {
        let kind = match &bytes[0..4] {
            b"SGMT" => BlockKind::Segment,
            b"SDIR" => BlockKind::Directory,
            _ => return None,
        };
        let header = Self {
            kind,
            stored_length: u32_at(bytes, 4),
            payload_length: u32_at(bytes, 8),
            chunks: u32_at(bytes, 12),
            extents: u32_at(bytes, 16),
            unreadable: u32_at(bytes, 20),
            digest: Digest(bytes[24..56].try_into().expect("32 bytes")),
        };
        let limit = match kind {
            BlockKind::Segment => MAX_PAYLOAD,
            BlockKind::Directory => MAX_DIRECTORY,
        };
        // zstd adds little to what it cannot shrink.
        let sound = bytes[56..64] == sha256(&bytes[..56]).short()
            && header.payload_length <= limit
            && header.stored_length <= limit + (limit >> 7);
        sound.then_some(header)
    }
}

impl Segment {
    /// Whether a writer should close it before a chunk with `extents` more extents.
    pub(super) fn is_full(&self, extents: usize) -> bool {
        self.chunks.len() >= MAX_CHUNKS
            || self.extents.len() + self.unreadable.len() + extents > CLOSE_AT_EXTENTS
    }

    /// Adds a used extent, joined to the one before where they touch.
    pub(super) fn push_extent(&mut self, extent: Extent) {
        push_joined(&mut self.extents, extent);
    }

    /// Adds an unreadable extent, joined to the one before where they touch.
    pub(super) fn push_unreadable(&mut self, extent: Extent) {
        push_joined(&mut self.unreadable, extent);
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let extents = self.extents.len() + self.unreadable.len();
        let mut bytes = Vec::with_capacity(extents * 16 + self.chunks.len() * ChunkEntry::LENGTH);
        for extent in self.extents.iter().chain(&self.unreadable) {
            bytes.extend_from_slice(&extent.offset.to_le_bytes());
            bytes.extend_from_slice(&extent.length.to_le_bytes());
        }
        for chunk in &self.chunks {
            chunk.encode_into(&mut bytes);
        }
        bytes
    }

    /// Reads a payload whose length and hash have been checked; `None` when it is not what the
    /// format demands of a segment of this index, after the chunk `previous`.
    pub(super) fn decode(
        header: &BlockHeader,
        payload: &[u8],
        index: &IndexHeader,
        previous: Option<u64>,
    ) -> Option<Self> {
        let (extents, unreadable, chunks) =
            (header.extents as usize, header.unreadable as usize, header.chunks as usize);
        let lists = extents.checked_add(unreadable)?.checked_mul(16)?;
        let whole = lists.checked_add(chunks.checked_mul(ChunkEntry::LENGTH)?)?;
        if payload.len() != whole || chunks == 0 || chunks > MAX_CHUNKS {
            return None;
        }
        let (lists, entries) = payload.split_at(lists);
        let (pairs, _) = lists.as_chunks::<16>();
        let mut pairs = pairs.iter().map(|pair| Extent::new(u64_at(pair, 0), u64_at(pair, 8)));
        let segment = Self {
            extents: pairs.by_ref().take(extents).collect(),
            unreadable: pairs.collect(),
            chunks: entries
                .as_chunks::<{ ChunkEntry::LENGTH }>()
                .0
                .iter()
                .map(ChunkEntry::decode)
                .collect::<Option<_>>()?,
        };
        segment.is_consistent(index, previous).then_some(segment)
    }

    fn is_consistent(&self, index: &IndexHeader, previous: Option<u64>) -> bool {
        let ascending = |extents: &[Extent]| {
            extents.iter().all(|extent| {
                !extent.is_empty() && extent.offset.checked_add(extent.length).is_some()
            }) && extents.windows(2).all(|pair| pair[0].end() < pair[1].offset)
        };
        if !ascending(&self.extents) || !ascending(&self.unreadable) {
            return false;
        }
        // Every unreadable extent lies in used ones.
        let mut used = self.extents.iter().peekable();
        for extent in &self.unreadable {
            while used.next_if(|used| used.end() < extent.end()).is_some() {}
            if !used.peek().is_some_and(|used| used.contains(*extent)) {
                return false;
            }
        }
        // Chunks ascend, and chunks and extents cover each other: walking both in step, the used
        // bytes inside the chunks must be all used bytes.
        let mut previous = previous;
        let mut covered = 0u64;
        let mut extents = self.extents.as_slice();
        for chunk in &self.chunks {
            if previous.is_some_and(|previous| previous >= chunk.number) {
                return false;
            }
            previous = Some(chunk.number);
            let place = index.chunk_extent(chunk.number);
            if place.is_empty() {
                return false;
            }
            let mut in_chunk = 0;
            while let Some(extent) = extents.first() {
                in_chunk += extent.intersection(place).map_or(0, |shared| shared.length);
                if extent.end() > place.end() {
                    break;
                }
                extents = &extents[1..];
            }
            if in_chunk == 0 {
                return false;
            }
            covered += in_chunk;
            if let Some((location, _)) = &chunk.stored {
                let sound = location.offset >= PackHeader::LENGTH as u64
                    && location.stored_length > 0
                    && u64::from(location.stored_length) <= place.length;
                if !sound {
                    return false;
                }
            }
        }
        let total = self.extents.iter().fold(0u64, |sum, e| sum.saturating_add(e.length));
        covered == total
    }
}

fn push_joined(list: &mut Vec<Extent>, extent: Extent) {
    match list.last_mut() {
        Some(last) if last.end() == extent.offset => last.length += extent.length,
        _ => list.push(extent),
    }
}
