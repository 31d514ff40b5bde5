//! Whole small images: what passes verification must restore.
//!
//! The input says what is in the packs, the index and the manifest; hashes, lengths and counts are
//! made right here, so that what remains is what only a reader can find: contents, places and
//! numbers that do not belong together.

use crate::image::{BlockInput, IndexInput, sha256sums};
use calco::block::BlockSource;
use calco::block::memory::MemoryDisk;
use calco::codec::{Digest, Encoding, sha256};
use calco::error::{ErrorKind, Result};
use calco::filesystem::{Volume, VolumeKind};
use calco::image::{
    ABOUT, Depth, Disk, DiskIdentity, Envelope, FileRecord, Freshness, HEADER, Header, Image,
    ImageDisk, IndexHeader, IndexRecord, LOG, MANIFEST, Machine, Manifest, PackHeader, PackRecord,
    RecordHeader, SHA256SUMS, Saved, SavedVolume, seal_envelope, verify,
};
use calco::operation::restore::{self, Assignment, BareTarget, PartitionPlace, RestoreOptions};
use calco::partition::{PartitionTable, Region, RegionKind, Scheme};
use calco::report::{Silent, Stage};
use calco::store::{MemoryStore, Store};
use calco::units::{Extent, ExtentMap};
use std::sync::Arc;

const CHUNK: u32 = 64 << 10;
/// Chunks that the largest disk has.
const CHUNKS: u64 = 6;

/// Numbers out of the input; zeros behind its end.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (now, later) = self.0.split_at(count.min(self.0.len()));
        self.0 = later;
        now
    }

    fn number(&mut self, length: usize) -> u64 {
        let mut bytes = [0; 8];
        let read = self.bytes(length);
        bytes[..read.len()].copy_from_slice(read);
        u64::from_le_bytes(bytes)
    }

    fn byte(&mut self) -> u8 {
        self.number(1) as u8
    }

    fn extent(&mut self) -> Extent {
        let offset = self.number(3);
        Extent::new(offset, self.number(3))
    }

    /// A few of something.
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.byte() % 8).map(|_| each(self)).collect()
    }
}

/// A record in the pack and the chunk it is for.
///
/// | bytes | what |
/// |---|---|
/// | 1 | lowest bits: stored as it is; hash of something else; content that is not what it says |
/// | 3 | length of the plaintext |
/// | 1, 1 | number of the disk and of the chunk |
/// | 2 | length of what follows, at most 8 KiB: the plaintext without the zeros at its end |
fn push_record(pack: &mut Vec<u8>, input: &mut Numbers<'_>) -> (u64, u32, Digest) {
    let flags = input.byte();
    let plain_length = (input.number(3) as u32).min(CHUNK);
    let (disk, chunk) = (u32::from(input.byte()), u64::from(input.byte()));
    let length = input.number(2).min(8 << 10) as usize;
    let start = input.bytes(length);
    let mut plain = start.to_vec();
    plain.resize(plain_length as usize, 0);
    let mut digest = sha256(&plain);
    if flags & 2 != 0 {
        digest.0[0] ^= 1;
    }
    let (encoding, stored) = match flags & 5 {
        0 => (Encoding::Zstd, zstd::bulk::compress(&plain, 1).expect("memory suffices")),
        1 => (Encoding::Raw, plain),
        4 => (Encoding::Zstd, start.to_vec()),
        _ => (Encoding::Raw, start.to_vec()),
    };
    let stored_length = stored.len() as u32;
    let header = RecordHeader { encoding, plain_length, stored_length, disk, chunk, digest };
    let offset = pack.len() as u64;
    pack.extend(header.encode());
    pack.extend(stored);
    (offset, stored_length, digest)
}

/// Most of an image, not sealed yet.
struct Parts {
    size: u64,
    pack: Vec<u8>,
    index: Vec<u8>,
    directory_offset: u64,
    counts: [u64; 3],
    table: PartitionTable,
    volumes: Vec<SavedVolume>,
}

fn decode(input: &[u8], header: &Header) -> Parts {
    let input = &mut Numbers(input);
    let size = input.number(3) % (CHUNKS * u64::from(CHUNK)) + 1;
    let mut pack = PackHeader {
        number: 0,
        image_id: header.image_id,
        save_id: header.save_id,
        pack_id: [7; 32],
    }
    .encode()
    .to_vec();
    let records = input.list(|input| push_record(&mut pack, input));
    let extents = input.list(Numbers::extent);
    let unreadable = input.list(Numbers::extent);
    let chunks = input.list(|input| (input.byte(), input.byte(), input.number(2)));
    let mut payload = Vec::new();
    for extent in extents.iter().chain(&unreadable) {
        payload.extend(extent.offset.to_le_bytes());
        payload.extend(extent.length.to_le_bytes());
    }
    for (number, record, shift) in &chunks {
        let mut entry = [0; 64];
        entry[0..8].copy_from_slice(&u64::from(*number).to_le_bytes());
        if let Some((offset, length, digest)) = records.get(usize::from(*record)) {
            entry[8] = 1;
            entry[16..24].copy_from_slice(&(offset + shift).to_le_bytes());
            entry[24..28].copy_from_slice(&length.to_le_bytes());
            entry[32..64].copy_from_slice(&digest.0);
        }
        payload.extend(entry);
    }
    let block = BlockInput {
        magic: *b"SGMT",
        counts: [chunks.len() as u32, extents.len() as u32, unreadable.len() as u32],
        payload: &payload,
    };
    let index = IndexInput {
        header: IndexHeader {
            disk: 0,
            image_id: header.image_id,
            save_id: header.save_id,
            chunk_size: CHUNK,
            disk_size: size,
        },
        pack_length: pack.len() as u64,
        has_directory: false,
        blocks: if chunks.is_empty() { Vec::new() } else { vec![block] },
    };
    let (index, directory_offset) = index.file();
    let sum = |extents: &[Extent]| extents.iter().map(|extent| extent.length).sum();
    let counts = [chunks.len() as u64, sum(&extents), sum(&unreadable)];
    let scheme = match input.byte() % 4 {
        0 => Scheme::None,
        1 => Scheme::Mbr,
        2 => Scheme::Gpt,
        _ => Scheme::HybridGpt,
    };
    let regions = input.list(|input| {
        let kind = match input.byte() % 6 {
            0 => RegionKind::Mbr,
            1 => RegionKind::Ebr,
            2 => RegionKind::GptHeader,
            3 => RegionKind::GptEntries,
            4 => RegionKind::BackupGptEntries,
            _ => RegionKind::BackupGptHeader,
        };
        Region { kind, extent: input.extent() }
    });
    let volumes = input.list(|input| SavedVolume {
        partition: Some(u32::from(input.byte() % 8)),
        extent: input.extent(),
        content: Volume::of(VolumeKind::Unknown),
        saved: if input.byte() % 2 == 0 { Saved::Used } else { Saved::Skipped },
        reason: None,
        used_bytes: input.number(3),
        signatures: input.list(Numbers::extent),
        system: None,
    });
    let table = PartitionTable {
        scheme,
        sector_size: 512,
        uuid: None,
        partitions: Vec::new(),
        regions,
        copy: None,
        problems: Vec::new(),
    };
    Parts { size, pack, index, directory_offset, counts, table, volumes }
}

fn record(file: &str, bytes: &[u8]) -> FileRecord {
    FileRecord { file: file.to_owned(), bytes: bytes.len() as u64, sha256: sha256(bytes) }
}

fn store(parts: &Parts, header: &Header) -> MemoryStore {
    let header_file = seal_envelope(Envelope::Header, header);
    let small =
        [(HEADER, header_file.as_slice()), (LOG, b"log".as_slice()), (ABOUT, b"page".as_slice())];
    let manifest = Manifest {
        image_id: header.image_id,
        save_id: header.save_id,
        name: "image".to_owned(),
        note: None,
        created: String::new(),
        writer: String::new(),
        command: String::new(),
        level: "auto".to_owned(),
        machine: Machine::default(),
        disks: vec![Disk {
            identity: DiskIdentity { name: "disk".to_owned(), ..DiskIdentity::default() },
            size: parts.size,
            sector_size: 512,
            physical_sector_size: None,
            complete: true,
            table: parts.table.clone(),
            volumes: parts.volumes.clone(),
            index: IndexRecord {
                file: "d.index".to_owned(),
                bytes: parts.index.len() as u64,
                sha256: sha256(&parts.index),
                directory_offset: parts.directory_offset,
                chunks: parts.counts[0],
                used_bytes: parts.counts[1],
                unreadable_bytes: parts.counts[2],
            },
            notes: Vec::new(),
        }],
        packs: vec![PackRecord {
            file: "p.pack".to_owned(),
            bytes: parts.pack.len() as u64,
            sha256: sha256(&parts.pack),
            base: None,
        }],
        files: small.iter().map(|(name, bytes)| record(name, bytes)).collect(),
        replaces: None,
        verified: true,
        warnings: Vec::new(),
    };
    let manifest_file = seal_envelope(Envelope::Manifest, &manifest);
    let sums = sha256sums(&manifest, &manifest_file);
    let store = MemoryStore::default();
    for (name, bytes) in small {
        store.set("image", name, Some(bytes.to_vec()));
    }
    store.set("image", "p.pack", Some(parts.pack.clone()));
    store.set("image", "d.index", Some(parts.index.clone()));
    store.set("image", MANIFEST, Some(manifest_file));
    store.set("image", SHA256SUMS, Some(sums.into_bytes()));
    store
}

fn open(store: &MemoryStore) -> Result<Image> {
    Image::open(store.directory("image")?, Freshness::Any)
}

/// Restores to a disk of `size` bytes; answers its bytes, or none when that was refused before
/// anything was written.
fn restored(
    store: &MemoryStore,
    size: u64,
    partitions: Option<Vec<PartitionPlace>>,
) -> Option<Vec<u8>> {
    let disk = Arc::new(MemoryDisk::new(vec![0xEE; size as usize]));
    let assignment = Assignment { disk: 0, target: Arc::new(BareTarget(disk.clone())), partitions };
    let options = RestoreOptions { precheck: false, ..RestoreOptions::default() };
    let image = open(store).expect("it was opened before");
    match restore::plan(image, vec![assignment], options) {
        Ok(plan) => {
            plan.execute(&Silent).expect("what passes verification restores");
            Some(disk.to_vec())
        }
        Err(error) => {
            assert_ne!(error.kind(), ErrorKind::Io, "{error:?}");
            assert!(disk.to_vec().iter().all(|byte| *byte == 0xEE), "a refusal writes nothing");
            None
        }
    }
}

/// A whole small image.
pub fn image(input: &[u8]) -> bool {
    let mut header = Header::new(String::new()).expect("the system has random numbers");
    header.chunk_size = CHUNK;
    let parts = decode(input, &header);
    let store = store(&parts, &header);
    let Ok(image) = open(&store) else { return false };
    if verify(&image, Depth::Full, Freshness::Any, Stage::Verify, &Silent).is_err() {
        return false;
    }
    let index = image.index(0, Freshness::Any).expect("it was verified");
    let map: ExtentMap = index.used_extents().map(|extent| extent.expect("verified")).collect();
    let disk = ImageDisk::new(&image, 0, &index, Freshness::Any).expect("memory suffices");
    let expected = disk.read_vec(0, parts.size as usize).expect("what is verified can be read");
    for gap in map.gaps_within(Extent::new(0, parts.size)) {
        let bytes = &expected[gap.offset as usize..gap.end() as usize];
        assert!(bytes.iter().all(|byte| *byte == 0), "what is not in use reads as zero");
    }

    let table: ExtentMap = parts.table.regions.iter().map(|region| region.extent).collect();
    let mut understood = false;
    for more in [0, 512 * 77] {
        let Some(found) = restored(&store, parts.size + more, None) else { continue };
        for extent in map.difference(&table).iter() {
            let range = extent.offset as usize..extent.end() as usize;
            assert!(found[range.clone()] == expected[range], "{extent} is not as in the image");
        }
        understood = true;
    }
    for volume in &parts.volumes {
        let (Some(number), place) = (volume.partition, volume.extent) else { continue };
        let whole = Some(vec![PartitionPlace::Whole(number)]);
        let Some(found) = restored(&store, place.length.max(1) + 700, whole) else { continue };
        // The number may be that of another volume, which is the first.
        let first = parts.volumes.iter().find(|volume| volume.partition == Some(number));
        let place = first.map_or(place, |volume| volume.extent);
        for extent in map.within(place) {
            let to = (extent.offset - place.offset) as usize;
            let from = extent.offset as usize..extent.end() as usize;
            assert!(found[to..to + from.len()] == expected[from], "{extent} of partition {number}");
        }
    }
    understood
}

/// Inputs to begin with: a sound image of each kind.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let number = |length: usize, value: u64| value.to_le_bytes()[..length].to_vec();
    let extent = |offset: u64, length: u64| [number(3, offset), number(3, length)].concat();
    let record = |flags: u8, chunk: u8, plain: &[u8]| {
        let lengths = [number(3, u64::from(CHUNK)), vec![0, chunk], number(2, plain.len() as u64)];
        [vec![flags], lengths.concat(), plain.to_vec()].concat()
    };
    let chunk = |of: u8, record: u8| vec![of, record, 0, 0];
    let plain: Vec<u8> = (0..1500u32).map(|i| (i % 251) as u8 + 1).collect();
    let size = number(3, 4 * u64::from(CHUNK) - 1);
    let whole = u64::from(CHUNK);

    let volume = [vec![1], extent(0, 2 * whole), vec![0], number(3, 1500), vec![1], extent(0, 512)];
    let one = [
        size.clone(),
        vec![1],
        record(0, 0, &plain),
        vec![1],
        extent(0, 1500),
        vec![0, 1],
        chunk(0, 0),
        vec![0, 0, 1],
        volume.concat(),
    ];
    let again = [
        size.clone(),
        vec![2],
        record(1, 0, &plain),
        record(0, 1, &plain[..700]),
        vec![3],
        extent(0, whole),
        extent(whole, 700),
        extent(3 * whole, whole),
        vec![1],
        extent(whole - 512, 512),
        vec![4],
        chunk(0, 0),
        chunk(1, 1),
        chunk(2, 9),
        chunk(3, 0),
        vec![0, 0, 0],
    ];
    let table = [
        size,
        vec![1],
        record(0, 0, &plain),
        vec![2],
        extent(0, 4096),
        extent(3 * whole, 1024),
        vec![0, 2],
        chunk(0, 0),
        chunk(3, 9),
        vec![1, 2, 0],
        extent(0, 512),
        vec![1],
        extent(3 * whole, 512),
        vec![0],
    ];
    vec![("one-chunk", one.concat()), ("content-again", again.concat()), ("table", table.concat())]
}
