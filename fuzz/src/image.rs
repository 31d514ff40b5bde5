//! Parts of an image as a fuzzer can write them: their hashes are added here, since nobody
//! guesses a SHA-256, and somebody who makes a hostile image does not have to.
//!
//! The index is written here a second time, from `docs/image-format.md` and not by the code that
//! reads it.

use calco::codec::{Hasher, sha256};
use calco::image::{
    ChunkEntry, Depth, Envelope, FileReader, Freshness, HEADER, Header, Image, IndexHeader,
    IndexReader, IndexRecord, MANIFEST, Manifest, SHA256SUMS, Segment, open_envelope,
    seal_envelope, verify,
};
use calco::report::{Silent, Stage};
use calco::store::{MemoryStore, Store};

const KIND_HEADER: &str = "header";
const KIND_MANIFEST: &str = "manifest";

/// Blocks of an index: 64 bytes before each payload.
const BLOCK_HEADER_LENGTH: usize = 64;
/// What the input says before each payload: see [`IndexInput`].
const INPUT_BLOCK_LENGTH: usize = 17;
const INPUT_HEADER_LENGTH: usize = 25;
const CHUNK_ENTRY_LENGTH: u64 = 64;

/// The bytes of an envelope file around any body, with the right hash.
fn envelope(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::default();
    hasher.update(kind.as_bytes());
    hasher.update(b"\n");
    hasher.update(body);
    let start = format!("{{\"calco\":\"{kind}\",\"sha256\":\"{}\",\"body\":", hasher.finish());
    [start.as_bytes(), body, b"}\n"].concat()
}

/// The body inside an envelope file.
pub fn envelope_body(file: &[u8]) -> Option<&[u8]> {
    let start = file.windows(7).position(|window| window == b"\"body\":")? + 7;
    file[start..].strip_suffix(b"}\n")
}

/// A header: the input as the file, and as the body of a sound file.
pub fn header(input: &[u8]) -> bool {
    let _ = open_envelope::<Header>(Envelope::Header, input);
    let file = envelope(KIND_HEADER, input);
    let Ok(header) = open_envelope::<Header>(Envelope::Header, &file) else { return false };
    let understood = header.check().is_ok();
    assert!(!understood || header.chunk_size.is_power_of_two());
    assert!(!understood || header.incompatible_features.is_empty());
    understood
}

/// A manifest: the input as the file, and as the body of a sound file in an image whose other
/// small files agree with it.
pub fn manifest(input: &[u8]) -> bool {
    let _ = open_envelope::<Manifest>(Envelope::Manifest, input);
    let file = envelope(KIND_MANIFEST, input);
    let Ok(mut manifest) = open_envelope::<Manifest>(Envelope::Manifest, &file) else {
        return false;
    };
    let mut header = Header::new(String::new()).expect("the system has random numbers");
    (header.image_id, header.save_id) = (manifest.image_id, manifest.save_id);
    let header = seal_envelope(Envelope::Header, &header);
    if let Some(record) = manifest.files.iter_mut().find(|record| record.file == HEADER) {
        (record.bytes, record.sha256) = (header.len() as u64, sha256(&header));
    }
    let file = seal_envelope(Envelope::Manifest, &manifest);
    let sums = sha256sums(&manifest, &file);
    let store = MemoryStore::default();
    store.set("image", HEADER, Some(header));
    store.set("image", MANIFEST, Some(file));
    store.set("image", SHA256SUMS, Some(sums.into_bytes()));
    let files = store.directory("image").expect("it was just made");
    let Ok(image) = Image::open(files, Freshness::Any) else { return false };
    // What is shown of an image before anything else of it is read.
    let _ = (manifest.used_bytes(), manifest.stored_bytes(), manifest.unreadable_bytes());
    for number in 0..manifest.disks.len() {
        assert!(image.index(number, Freshness::Any).is_err(), "there is no index");
    }
    assert!(verify(&image, Depth::Quick, Freshness::Any, Stage::Verify, &Silent).is_err());
    true
}

/// What section 7 says `SHA256SUMS` must be.
pub(crate) fn sha256sums(manifest: &Manifest, manifest_file: &[u8]) -> String {
    let files = manifest.files.iter().map(|file| (file.file.clone(), file.sha256));
    let packs = manifest.packs.iter().filter(|pack| pack.base.is_none());
    let packs = packs.map(|pack| (pack.file.clone(), pack.sha256));
    let indexes = manifest.disks.iter().map(|disk| (disk.index.file.clone(), disk.index.sha256));
    let mut lines: Vec<_> = files.chain(packs).chain(indexes).collect();
    lines.push((MANIFEST.to_owned(), sha256(manifest_file)));
    lines.sort();
    lines.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// An index without what follows from the rest: compression, hashes, offsets.
///
/// | bytes | what |
/// |---|---|
/// | 4 | number of the disk |
/// | 4 | chunk size |
/// | 8 | size of the disk |
/// | 8 | length of the only pack |
/// | 1 | lowest bit: the last block is the directory; else the right one is made |
/// | … | blocks: kind (1), numbers of chunks, used and unreadable extents (4 each), length of the payload (4), payload |
pub(crate) struct IndexInput<'a> {
    pub(crate) header: IndexHeader,
    pub(crate) pack_length: u64,
    pub(crate) has_directory: bool,
    pub(crate) blocks: Vec<BlockInput<'a>>,
}

pub(crate) struct BlockInput<'a> {
    pub(crate) magic: [u8; 4],
    pub(crate) counts: [u32; 3],
    pub(crate) payload: &'a [u8],
}

impl<'a> IndexInput<'a> {
    fn decode(input: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = input.split_at_checked(INPUT_HEADER_LENGTH)?;
        let manifest = Header::new(String::new()).ok()?;
        let mut blocks = Vec::new();
        while let Some((block, after)) = rest.split_at_checked(INPUT_BLOCK_LENGTH) {
            let length = (u32_at(block, 13) as usize).min(after.len());
            let (payload, after) = after.split_at(length);
            rest = after;
            blocks.push(BlockInput {
                magic: if block[0] == 0 { *b"SGMT" } else { *b"SDIR" },
                counts: [u32_at(block, 1), u32_at(block, 5), u32_at(block, 9)],
                payload,
            });
        }
        let index = IndexHeader {
            disk: u32_at(header, 0),
            image_id: manifest.image_id,
            save_id: manifest.save_id,
            chunk_size: u32_at(header, 4),
            disk_size: u64_at(header, 8),
        };
        let has_directory = header[24] & 1 == 1;
        Some(Self { header: index, pack_length: u64_at(header, 16), has_directory, blocks })
    }

    /// The file, and the offset of its directory.
    pub(crate) fn file(&self) -> (Vec<u8>, u64) {
        let mut file = self.header.encode().to_vec();
        let mut directory = Vec::new();
        let mut last = file.len();
        for block in &self.blocks {
            last = file.len();
            let first_chunk = (u64::from(block.counts[1]) + u64::from(block.counts[2])) * 16;
            let number = usize::try_from(first_chunk)
                .ok()
                .and_then(|at| block.payload.get(at..at.checked_add(8)?))
                .map_or(0, |bytes| u64_at(bytes, 0));
            directory.extend((last as u64).to_le_bytes());
            directory.extend(number.to_le_bytes());
            push_block(&mut file, block);
        }
        if !self.has_directory {
            last = file.len();
            let counts = [self.blocks.len() as u32, 0, 0];
            push_block(&mut file, &BlockInput { magic: *b"SDIR", counts, payload: &directory });
        }
        (file, last as u64)
    }
}

fn push_block(file: &mut Vec<u8>, block: &BlockInput<'_>) {
    let stored = zstd::bulk::compress(block.payload, 1).expect("memory suffices");
    let mut header = Vec::with_capacity(BLOCK_HEADER_LENGTH);
    header.extend(block.magic);
    header.extend((stored.len() as u32).to_le_bytes());
    header.extend((block.payload.len() as u32).to_le_bytes());
    for count in block.counts {
        header.extend(count.to_le_bytes());
    }
    header.extend(sha256(block.payload).0);
    let check = sha256(&header).short();
    header.extend(check);
    file.extend(header);
    file.extend(stored);
}

/// The input that describes an index file. `None` when that is not one.
pub fn encode_index(file: &[u8], pack_length: u64) -> Option<Vec<u8>> {
    let header = IndexHeader::decode(file.first_chunk()?)?;
    let mut input = Vec::new();
    input.extend(header.disk.to_le_bytes());
    input.extend(header.chunk_size.to_le_bytes());
    input.extend(header.disk_size.to_le_bytes());
    input.extend(pack_length.to_le_bytes());
    input.push(0);
    let mut rest = &file[IndexHeader::LENGTH..];
    while let Some((block, after)) = rest.split_at_checked(BLOCK_HEADER_LENGTH) {
        let (stored, after) = after.split_at_checked(u32_at(block, 4) as usize)?;
        rest = after;
        if block.starts_with(b"SDIR") {
            continue;
        }
        let payload = zstd::bulk::decompress(stored, u32_at(block, 8) as usize).ok()?;
        input.push(0);
        input.extend(&block[12..24]);
        input.extend((payload.len() as u32).to_le_bytes());
        input.extend(payload);
    }
    Some(input)
}

struct Bytes(Vec<u8>);

impl FileReader for Bytes {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> calco::error::Result<()> {
        calco::block::check_range(self.length(), offset, buffer.len() as u64)?;
        let start = offset as usize;
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

/// An index: the input as the file, and as the content of a sound file.
pub fn index(input: &[u8]) -> bool {
    if let Some(header) = input.first_chunk().and_then(IndexHeader::decode) {
        read_index(input.to_vec(), IndexHeader::LENGTH as u64, &header, 1 << 30);
    }
    let Some(input) = IndexInput::decode(input) else { return false };
    let (file, directory_offset) = input.file();
    read_index(file, directory_offset, &input.header, input.pack_length)
}

fn read_index(
    file: Vec<u8>,
    directory_offset: u64,
    header: &IndexHeader,
    pack_length: u64,
) -> bool {
    let record = IndexRecord {
        file: "index".to_owned(),
        bytes: file.len() as u64,
        sha256: sha256(&file),
        directory_offset,
        chunks: 0,
        used_bytes: 0,
        unreadable_bytes: 0,
    };
    let file = Box::new(Bytes(file));
    let Ok(index) = IndexReader::open(file, &record, header, vec![pack_length]) else {
        return false;
    };
    let mut end = 0;
    let mut next_chunk = 0;
    for segment in index.segments() {
        let Ok(segment) = segment else { return false };
        check_segment(&segment, header, pack_length, &mut end, &mut next_chunk);
    }
    let used: u64 = index.used_extents().map(|extent| extent.expect("read before").length).sum();
    assert!(used <= header.disk_size, "more bytes are used than there are");
    for segment in index.segments_from(header.disk_size / 2) {
        segment.expect("read before");
    }
    used > 0
}

fn check_segment(
    segment: &Segment,
    header: &IndexHeader,
    pack_length: u64,
    end: &mut u64,
    next_chunk: &mut u64,
) {
    for extent in &segment.extents {
        assert!(extent.offset >= *end && extent.length > 0, "{extent} is out of order");
        *end = extent.offset.checked_add(extent.length).expect("no overflow");
        assert!(*end <= header.disk_size, "{extent} is not on the disk");
    }
    for ChunkEntry { number, stored } in &segment.chunks {
        assert!(*number >= *next_chunk, "chunk {number} is out of order");
        *next_chunk = number + 1;
        let place = header.chunk_extent(*number);
        assert!(!place.is_empty(), "chunk {number} is not on the disk");
        if let Some((location, _)) = stored {
            assert!(location.pack == 0 && location.end() <= pack_length, "{location:?}");
        }
    }
    let listed = segment.chunks.len() as u64 * CHUNK_ENTRY_LENGTH;
    assert!(listed <= 8 << 20, "a segment is bounded");
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
