//! Writing an index: segments as they fill, the directory at the end.

use super::IndexHeader;
use super::segment::{BlockHeader, BlockKind, ChunkEntry, Segment};
use crate::codec::{Digest, Hasher, sha256};
use crate::error::{Context as _, Result};
use crate::image::files::{FileWriter, ImageFiles};
use crate::text::message;
use crate::units::{Extent, ExtentMap};

/// What an index holds, for the manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IndexSummary {
    pub file: String,
    pub bytes: u64,
    pub sha256: Digest,
    pub directory_offset: u64,
    pub chunks: u64,
    pub used_bytes: u64,
    pub unreadable_bytes: u64,
}

/// Writes the index of one disk.
pub(crate) struct IndexWriter {
    header: IndexHeader,
    name: String,
    file: Box<dyn FileWriter>,
    hasher: Hasher,
    position: u64,
    segment: Segment,
    directory: Vec<u8>,
    segments: u32,
    chunks: u64,
    used_bytes: u64,
    unreadable_bytes: u64,
}

impl IndexWriter {
    pub(crate) fn create(files: &dyn ImageFiles, header: IndexHeader) -> Result<Self> {
        let name = IndexHeader::file_name(header.save_id, header.disk);
        let mut writer = Self {
            file: files.create(&name)?,
            name,
            hasher: Hasher::default(),
            position: 0,
            segment: Segment::default(),
            directory: Vec::new(),
            segments: 0,
            chunks: 0,
            used_bytes: 0,
            unreadable_bytes: 0,
            header,
        };
        let bytes = writer.header.encode();
        writer.write(&bytes)?;
        Ok(writer)
    }

    pub(crate) fn header(&self) -> &IndexHeader {
        &self.header
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write(bytes)?;
        self.hasher.update(bytes);
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn write_block(&mut self, mut header: BlockHeader, payload: &[u8]) -> Result<()> {
        let stored = zstd::bulk::compress(payload, 3).context(|| message!("image-zstd-failed"))?;
        header.stored_length = u32::try_from(stored.len()).expect("payloads are bounded");
        header.payload_length = u32::try_from(payload.len()).expect("payloads are bounded");
        header.digest = sha256(payload);
        self.write(&header.encode())?;
        self.write(&stored)
    }

    /// Adds a chunk; chunks come in ascending order. `map` is the used-extent map of the disk.
    pub(crate) fn push(
        &mut self,
        entry: ChunkEntry,
        map: &ExtentMap,
        unreadable: &[Extent],
    ) -> Result<()> {
        let place = self.header.chunk_extent(entry.number);
        let extents: Vec<Extent> = map.within(place).collect();
        if self.segment.is_full(extents.len() + unreadable.len()) {
            self.close_segment()?;
        }
        for extent in extents {
            self.used_bytes += extent.length;
            self.segment.push_extent(extent);
        }
        for extent in unreadable {
            self.unreadable_bytes += extent.length;
            self.segment.push_unreadable(*extent);
        }
        self.segment.chunks.push(entry);
        self.chunks += 1;
        Ok(())
    }

    fn close_segment(&mut self) -> Result<()> {
        let segment = std::mem::take(&mut self.segment);
        let Some(first) = segment.chunks.first() else { return Ok(()) };
        self.directory.extend_from_slice(&self.position.to_le_bytes());
        self.directory.extend_from_slice(&first.number.to_le_bytes());
        self.segments += 1;
        let header = BlockHeader {
            kind: BlockKind::Segment,
            stored_length: 0,
            payload_length: 0,
            chunks: segment.chunks.len() as u32,
            extents: segment.extents.len() as u32,
            unreadable: segment.unreadable.len() as u32,
            digest: Digest::default(),
        };
        self.write_block(header, &segment.payload())
    }

    /// Writes what is left and the directory; returns when the file is durable.
    pub(crate) fn finish(mut self) -> Result<IndexSummary> {
        self.close_segment()?;
        let directory_offset = self.position;
        let header = BlockHeader {
            kind: BlockKind::Directory,
            stored_length: 0,
            payload_length: 0,
            chunks: self.segments,
            extents: 0,
            unreadable: 0,
            digest: Digest::default(),
        };
        let directory = std::mem::take(&mut self.directory);
        self.write_block(header, &directory)?;
        self.file.finish()?;
        Ok(IndexSummary {
            file: self.name,
            bytes: self.position,
            sha256: self.hasher.finish(),
            directory_offset,
            chunks: self.chunks,
            used_bytes: self.used_bytes,
            unreadable_bytes: self.unreadable_bytes,
        })
    }
}
