//! Reading an index, a segment at a time.

use super::IndexHeader;
use super::segment::{BlockHeader, BlockKind, Segment};
use crate::codec::{Hasher, sha256};
use crate::error::{ErrorKind, Result};
use crate::image::files::FileReader;
use crate::image::manifest::IndexRecord;
use crate::image::{damaged, u64_at};
use crate::text::message;
use crate::units::Extent;

/// An index whose every byte was compared with the manifest when it was opened.
pub struct IndexReader {
    file: Box<dyn FileReader>,
    name: String,
    header: IndexHeader,
    /// Offset in the file and number of the first chunk of each segment.
    directory: Vec<(u64, u64)>,
    directory_offset: u64,
    pack_lengths: Vec<u64>,
}

impl IndexReader {
    /// Opens an index. `pack_lengths` are the lengths of the manifest's packs, in bytes: an index
    /// that points outside them is damaged.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when any byte differs from what the manifest says, or the
    /// structure is not that of an index of this disk.
    pub fn open(
        file: Box<dyn FileReader>,
        record: &IndexRecord,
        expected: &IndexHeader,
        pack_lengths: Vec<u64>,
    ) -> Result<Self> {
        let damage = || damaged(&record.file, message!("image-index-damaged"));
        if file.length() != record.bytes {
            return Err(damaged(
                &record.file,
                message!(
                    "image-file-length",
                    expected = record.bytes.to_string(),
                    actual = file.length().to_string()
                ),
            ));
        }
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 1 << 20];
        let mut position = 0;
        while position < record.bytes {
            let length = buffer.len().min((record.bytes - position) as usize);
            file.read_at(position, &mut buffer[..length])?;
            hasher.update(&buffer[..length]);
            position += length as u64;
        }
        if hasher.finish() != record.sha256 {
            return Err(damage());
        }
        let mut header = [0; IndexHeader::LENGTH];
        file.read_at(0, &mut header)?;
        let header = IndexHeader::decode(&header).filter(|header| header == expected);
        let mut reader = Self {
            header: header.ok_or_else(damage)?,
            name: record.file.clone(),
            directory: Vec::new(),
            directory_offset: record.directory_offset,
            pack_lengths,
            file,
        };
        let (block, payload, end) = reader.read_block(record.directory_offset)?;
        let sound = block.kind == BlockKind::Directory
            && end == record.bytes
            && payload.len() as u64 == u64::from(block.chunks) * 16;
        if !sound {
            return Err(damage());
        }
        let (pairs, _) = payload.as_chunks::<16>();
        reader.directory = pairs.iter().map(|pair| (u64_at(pair, 0), u64_at(pair, 8))).collect();
        let first_offset = IndexHeader::LENGTH as u64;
        let ascending = reader.directory.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1)
            && reader.directory.first().is_none_or(|(offset, _)| *offset == first_offset)
            && reader.directory.last().is_none_or(|(offset, _)| *offset < record.directory_offset)
            && (!reader.directory.is_empty() || record.directory_offset == first_offset);
        if !ascending {
            return Err(damage());
        }
        Ok(reader)
    }

    /// The header.
    pub fn header(&self) -> &IndexHeader {
        &self.header
    }

    fn read_block(&self, offset: u64) -> Result<(BlockHeader, Vec<u8>, u64)> {
        let damage = || damaged(&self.name, message!("image-index-damaged")).at_offset(offset);
        // A block past the end of the file is damage like any other; a server that is gone is not.
        let as_damage = |error: crate::error::Error| match error.kind() {
            ErrorKind::Interrupted | ErrorKind::Unreachable | ErrorKind::Unsupported => error,
            _ => damage().caused_by(error),
        };
        let mut header = [0; BlockHeader::LENGTH];
        self.file.read_at(offset, &mut header).map_err(as_damage)?;
        let header = BlockHeader::decode(&header).ok_or_else(damage)?;
        let start = offset + BlockHeader::LENGTH as u64;
        let end = start + u64::from(header.stored_length);
        if end > self.file.length() {
            return Err(damage());
        }
        let mut stored = vec![0; header.stored_length as usize];
        self.file.read_at(start, &mut stored).map_err(as_damage)?;
        let payload = zstd::bulk::decompress(&stored, header.payload_length as usize)
            .map_err(|_| damage())?;
        if payload.len() != header.payload_length as usize || sha256(&payload) != header.digest {
            return Err(damage());
        }
        Ok((header, payload, end))
    }

    /// The segments in disk order, beginning with the one that holds the chunk at byte `from` of
    /// the disk.
    pub fn segments_from(&self, from: u64) -> Segments<'_> {
        let chunk = from / u64::from(self.header.chunk_size);
        let next = self.directory.partition_point(|(_, first)| *first <= chunk).saturating_sub(1);
        Segments { reader: self, next, previous: None, failed: false }
    }

    /// All segments in disk order.
    pub fn segments(&self) -> Segments<'_> {
        self.segments_from(0)
    }

    /// All used extents in disk order, cut at segments.
    pub fn used_extents(&self) -> impl Iterator<Item = Result<Extent>> + '_ {
        self.segments().flat_map(|segment| match segment {
            Ok(segment) => segment.extents.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }
}

/// Iterator over the segments of an index; ends after the first error.
pub struct Segments<'a> {
    reader: &'a IndexReader,
    next: usize,
    previous: Option<u64>,
    failed: bool,
}

impl Segments<'_> {
    fn read(&self, number: usize) -> Result<Segment> {
        let reader = self.reader;
        let (offset, first) = reader.directory[number];
        let damage = || damaged(&reader.name, message!("image-index-damaged")).at_offset(offset);
        let (header, payload, end) = reader.read_block(offset)?;
        let following =
            reader.directory.get(number + 1).map_or(reader.directory_offset, |(next, _)| *next);
        if header.kind != BlockKind::Segment || end != following {
            return Err(damage());
        }
        let segment =
            Segment::decode(&header, &payload, &reader.header, self.previous).ok_or_else(damage)?;
        let packs_exist =
            segment.chunks.iter().filter_map(|chunk| chunk.stored.as_ref()).all(|(location, _)| {
                let length = reader.pack_lengths.get(location.pack as usize);
                length.is_some_and(|length| location.end() <= *length)
            });
        if segment.chunks[0].number != first || !packs_exist {
            return Err(damage());
        }
        Ok(segment)
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<Segment>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.next >= self.reader.directory.len() {
            return None;
        }
        let segment = self.read(self.next);
        self.next += 1;
        match &segment {
            Ok(segment) => self.previous = segment.chunks.last().map(|chunk| chunk.number),
            Err(_) => self.failed = true,
        }
        Some(segment)
    }
}
