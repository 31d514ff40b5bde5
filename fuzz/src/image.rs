//! Files of an image whose hashes are right, whatever else they say.
//!
//! Hashes keep a fuzzer out: these targets put the right ones around what it made up.

use calco::block::check_range;
use calco::codec::{Decompressor, sha256};
use calco::error::Result;
use calco::image::{
    Envelope, FileReader, Header, ImageId, IndexHeader, IndexReader, IndexRecord, Manifest,
    PackHeader, RecordHeader, SaveId, decodes, open_envelope,
};
use calco::units::Extent;

const CHUNK_SIZE: u32 = 64 << 10;

fn sealed(kind: &str, body: &[u8]) -> Vec<u8> {
    let digest = sha256(&[kind.as_bytes(), b"\n", body].concat());
    let prefix = format!("{{\"calco\":\"{kind}\",\"sha256\":\"{digest}\",\"body\":");
    [prefix.as_bytes(), body, b"}\n"].concat()
}

/// The body of `header.json`.
pub fn header(input: &[u8]) {
    let _ = open_envelope::<Header>(Envelope::Header, input);
    if let Ok(header) = open_envelope::<Header>(Envelope::Header, &sealed("header", input))
        && header.check().is_ok()
    {
        assert!(header.chunk_size.is_power_of_two());
        assert!(header.incompatible_features.is_empty() && header.encryption.is_none());
    }
}

/// The body of `manifest.json`.
pub fn manifest(input: &[u8]) {
    let _ = open_envelope::<Manifest>(Envelope::Manifest, input);
    let Ok(manifest) = open_envelope::<Manifest>(Envelope::Manifest, &sealed("manifest", input))
    else {
        return;
    };
    let _ = (manifest.used_bytes(), manifest.unreadable_bytes(), manifest.stored_bytes());
    let _ = calco::image::about::page(&manifest);
    let again = calco::image::seal_envelope(Envelope::Manifest, &manifest);
    let read: Manifest = open_envelope(Envelope::Manifest, &again).expect("what we write we read");
    assert_eq!(read, manifest);
}

/// A pack: its header and one record.
pub fn pack(input: &[u8]) {
    let Some((header, rest)) = input.split_first_chunk::<{ PackHeader::LENGTH }>() else { return };
    let mut header = *header;
    let check = sha256(&header[..88]);
    header[88..].copy_from_slice(&check.0[..8]);
    if let Some(decoded) = PackHeader::decode(&header) {
        assert_eq!(decoded.encode(), header, "one header, one meaning");
    }
    let Some((record, content)) = rest.split_first_chunk::<{ RecordHeader::LENGTH }>() else {
        return;
    };
    let mut record = *record;
    let check = sha256(&record[..64]);
    record[64..].copy_from_slice(&check.0[..8]);
    let Some(decoded) = RecordHeader::decode(&record, CHUNK_SIZE) else { return };
    assert_eq!(decoded.encode(), record, "one record, one meaning");
    let mut plain = vec![0; decoded.plain_length as usize];
    let mut decoder = Decompressor::new().expect("there is memory");
    let stored = &content[..content.len().min(decoded.stored_length as usize)];
    if decodes(&mut decoder, &decoded, stored, &mut plain) {
        assert_eq!(sha256(&plain), decoded.digest);
    }
}

struct Bytes(Vec<u8>);

impl FileReader for Bytes {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.length(), offset, buffer.len() as u64)?;
        let start = offset as usize;
        buffer.copy_from_slice(&self.0[start..start + buffer.len()]);
        Ok(())
    }
}

/// An index: a byte for the size of the disk in chunks, then blocks. A block is its kind (even: a
/// segment), three counts of 4 bytes, the length of its payload in 2 bytes, the payload.
pub fn index(input: &[u8]) {
    let Some((size, mut rest)) = input.split_first() else { return };
    let expected = IndexHeader {
        disk: 0,
        image_id: ImageId([1; 16]),
        save_id: SaveId([2; 8]),
        chunk_size: CHUNK_SIZE,
        disk_size: u64::from(*size) * u64::from(CHUNK_SIZE) / 2 + 512,
    };
    let mut file = expected.encode().to_vec();
    let mut directory_offset = 0;
    while let Some((head, more)) = rest.split_first_chunk::<15>() {
        let length = usize::from(u16::from_le_bytes([head[13], head[14]])).min(more.len());
        let (payload, more) = more.split_at(length);
        rest = more;
        directory_offset = file.len() as u64;
        let stored = zstd::bulk::compress(payload, 1).expect("there is memory");
        let magic: &[u8; 4] = if head[0] % 2 == 0 { b"SGMT" } else { b"SDIR" };
        let mut block = magic.to_vec();
        block.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        block.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        block.extend_from_slice(&head[1..13]);
        block.extend_from_slice(&sha256(payload).0);
        let check = sha256(&block);
        block.extend_from_slice(&check.0[..8]);
        file.extend_from_slice(&block);
        file.extend_from_slice(&stored);
    }
    let record = IndexRecord {
        file: "index".into(),
        bytes: file.len() as u64,
        sha256: sha256(&file),
        directory_offset,
        chunks: 0,
        used_bytes: 0,
        unreadable_bytes: 0,
    };
    let Ok(reader) = IndexReader::open(Box::new(Bytes(file)), &record, &expected, vec![1 << 40])
    else {
        return;
    };
    let disk = Extent::new(0, expected.disk_size);
    let mut last_chunk = None;
    for segment in reader.segments() {
        let Ok(segment) = segment else { return };
        for extent in segment.extents.iter().chain(&segment.unreadable) {
            assert!(disk.contains(*extent), "{extent} is not on the disk");
        }
        for chunk in &segment.chunks {
            assert!(last_chunk.is_none_or(|last| last < chunk.number), "chunks ascend");
            last_chunk = Some(chunk.number);
            let place = expected.chunk_extent(chunk.number);
            assert!(segment.extents.iter().any(|extent| extent.overlaps(place)));
        }
    }
}
