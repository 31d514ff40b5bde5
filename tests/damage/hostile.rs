//! Images with right hashes that lie. Written byte by byte from `docs/image-format.md`, not by the
//! writer that is tested: each must end in an error, quickly, and write nothing.

use crate::support::*;
use calco::error::ErrorKind;
use calco::store::MemoryStore;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};

const CHUNK: usize = 64 * KIB;
const HEADER_FIELDS: [&str; 3] = ["header.json", "log.txt", "about.html"];

fn hash(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn hex_hash(bytes: &[u8]) -> String {
    hex::encode(hash(bytes))
}

fn envelope(kind: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let digest = hex_hash(format!("{kind}\n{body}").as_bytes());
    format!("{{\"calco\":\"{kind}\",\"sha256\":\"{digest}\",\"body\":{body}}}\n").into_bytes()
}

/// Fields one after the other, and the first bytes of their hash.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let digest = hash(&bytes);
    bytes.extend_from_slice(&digest[..8]);
    bytes
}

fn pack_header() -> Vec<u8> {
    let mut bytes = b"CALCOPAK".to_vec();
    bytes.extend_from_slice(&1u32.to_le_bytes());
    bytes.extend_from_slice(&0u32.to_le_bytes());
    bytes.extend_from_slice(&[0xAB; 16]);
    bytes.extend_from_slice(&[0xCD; 8]);
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&[0x77; 32]);
    bytes.extend_from_slice(&[0; 8]);
    sealed(bytes)
}

fn record(encoding: u8, plain_length: u32, content: &[u8], digest: &[u8]) -> Vec<u8> {
    let mut bytes = b"CHNK".to_vec();
    bytes.extend_from_slice(&[encoding, 0, 0, 0]);
    bytes.extend_from_slice(&plain_length.to_le_bytes());
    bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&0u64.to_le_bytes());
    bytes.extend_from_slice(digest);
    [&sealed(bytes), content].concat()
}

fn index_header(disk: u32, size: u64) -> Vec<u8> {
    let mut bytes = b"CALCOIDX".to_vec();
    bytes.extend_from_slice(&1u32.to_le_bytes());
    bytes.extend_from_slice(&disk.to_le_bytes());
    bytes.extend_from_slice(&[0xAB; 16]);
    bytes.extend_from_slice(&[0xCD; 8]);
    bytes.extend_from_slice(&(CHUNK as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&size.to_le_bytes());
    sealed(bytes)
}

/// A segment or directory; `counts` are chunks, extents, unreadable extents as it states them.
struct Block {
    magic: &'static [u8; 4],
    counts: [u32; 3],
    payload: Vec<u8>,
    /// What it says of its lengths, when that is not the truth.
    stated: Option<(u32, u32)>,
}

impl Block {
    fn encode(&self) -> Vec<u8> {
        let stored = zstd::bulk::compress(&self.payload, 3).unwrap();
        let truth = (stored.len() as u32, self.payload.len() as u32);
        let (stored_length, payload_length) = self.stated.unwrap_or(truth);
        let mut bytes = self.magic.to_vec();
        for number in [stored_length, payload_length, self.counts[0], self.counts[1]] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.counts[2].to_le_bytes());
        bytes.extend_from_slice(&hash(&self.payload));
        [sealed(bytes), stored].concat()
    }
}

fn extent(offset: u64, length: u64) -> Vec<u8> {
    [offset.to_le_bytes(), length.to_le_bytes()].concat()
}

fn zero_chunk(number: u64) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(64, 0);
    bytes
}

fn stored_chunk(number: u64, pack: u32, offset: u64, length: u32, digest: &[u8]) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(&pack.to_le_bytes());
    bytes.extend_from_slice(&offset.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(digest);
    bytes
}

/// Everything an image is made of, to be changed before it is sealed.
struct Forgery {
    size: u64,
    header: Value,
    pack: Vec<u8>,
    segments: Vec<Block>,
    directory: Option<Block>,
    behind_directory: Vec<u8>,
    chunks: u64,
    used: u64,
    unreadable: u64,
    /// Changes the body of the manifest last.
    manifest: fn(&mut Value),
}

/// The content of chunk 0.
fn content() -> Vec<u8> {
    let mut content = vec![0; CHUNK];
    Random::new(9).fill(&mut content[..1000]);
    content
}

impl Forgery {
    /// A sound image of a disk of four chunks: the first stored, the third zero and used.
    fn sound() -> Self {
        let plain = content();
        let stored = zstd::bulk::compress(&plain, 3).unwrap();
        let digest = hash(&plain);
        let record = record(1, CHUNK as u32, &stored, &digest);
        let payload = [
            extent(0, CHUNK as u64),
            extent(2 * CHUNK as u64 + 512, 1024),
            extent(2 * CHUNK as u64 + 1024, 512),
            stored_chunk(0, 0, 96, stored.len() as u32, &digest),
            zero_chunk(2),
        ]
        .concat();
        Self {
            size: 4 * CHUNK as u64,
            header: json!({
                "format": 1,
                "incompatible_features": [],
                "image_id": "ab".repeat(16),
                "save_id": "cd".repeat(8),
                "chunk_size": CHUNK,
                "started": "2026-01-01T00:00:00Z",
                "writer": "somebody",
                "encryption": null,
                "bases": [],
            }),
            pack: [pack_header(), record].concat(),
            segments: vec![Block { magic: b"SGMT", counts: [2, 2, 1], payload, stated: None }],
            directory: None,
            behind_directory: Vec::new(),
            chunks: 2,
            used: CHUNK as u64 + 1024,
            unreadable: 512,
            manifest: |_| {},
        }
    }

    fn store(&self) -> MemoryStore {
        let mut index = index_header(0, self.size);
        let mut listed = Vec::new();
        for segment in &self.segments {
            listed.extend_from_slice(&(index.len() as u64).to_le_bytes());
            // The number of the first chunk stands after the extents.
            let at = (segment.counts[1] as usize + segment.counts[2] as usize).saturating_mul(16);
            let first = segment.payload.get(at..).and_then(|rest| rest.get(..8));
            listed.extend_from_slice(first.unwrap_or(&[0; 8]));
            index.extend_from_slice(&segment.encode());
        }
        let directory_offset = index.len();
        let own = Block {
            magic: b"SDIR",
            counts: [self.segments.len() as u32, 0, 0],
            payload: listed,
            stated: None,
        };
        index.extend_from_slice(&self.directory.as_ref().unwrap_or(&own).encode());
        index.extend_from_slice(&self.behind_directory);

        let header = envelope("header", &self.header);
        let mut files = vec![
            ("header.json".to_owned(), header),
            ("log.txt".to_owned(), b"log".to_vec()),
            ("about.html".to_owned(), b"<p>about</p>".to_vec()),
            ("p.pack".to_owned(), self.pack.clone()),
            ("d.index".to_owned(), index.clone()),
        ];
        let entry = |(name, bytes): &(String, Vec<u8>)| json!({ "file": name, "bytes": bytes.len(), "sha256": hex_hash(bytes) });
        let mut body = json!({
            "image_id": "ab".repeat(16),
            "save_id": "cd".repeat(8),
            "name": "image",
            "created": "2026-01-01T00:00:00Z",
            "writer": "somebody",
            "level": "auto",
            "verified": true,
            "packs": [entry(&files[3])],
            "files": files[..3].iter().map(entry).collect::<Vec<_>>(),
            "disks": [{
                "identity": { "name": "disk0" },
                "size": self.size,
                "sector_size": 512,
                "complete": true,
                "table": {
                    "scheme": "none", "sector_size": 512, "partitions": [], "regions": [],
                },
                "volumes": [{
                    "extent": { "offset": 0, "length": self.size },
                    "content": { "kind": "unknown" },
                    "saved": "whole",
                    "used_bytes": self.used,
                }],
                "index": {
                    "file": "d.index",
                    "bytes": index.len(),
                    "sha256": hex_hash(&index),
                    "directory_offset": directory_offset,
                    "chunks": self.chunks,
                    "used_bytes": self.used,
                    "unreadable_bytes": self.unreadable,
                },
            }],
        });
        (self.manifest)(&mut body);
        let manifest = envelope("manifest", &body);
        let mut lines: Vec<(String, String)> =
            vec![("manifest.json".to_owned(), hex_hash(&manifest))];
        // The list must be what a reader computes from the manifest, however it lies.
        let named = |list: &Value| -> Vec<(String, String)> {
            let list = list.as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|file| {
                    let text = |key: &str| file[key].as_str().unwrap_or("").to_owned();
                    (text("file"), text("sha256"))
                })
                .collect()
        };
        lines.extend(named(&body["files"]));
        lines.extend(named(&body["packs"]));
        let disks = body["disks"].as_array().cloned().unwrap_or_default();
        lines.extend(named(&disks.iter().map(|disk| disk["index"].clone()).collect()));
        lines.sort();
        let sums: String = lines.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        files.push(("manifest.json".to_owned(), manifest));
        files.push(("SHA256SUMS".to_owned(), sums.into_bytes()));
        let store = MemoryStore::default();
        for (name, bytes) in files {
            store.set("image", &name, Some(bytes));
        }
        store
    }
}

#[track_caller]
fn refused_with(forgery: &Forgery, kinds: &[ErrorKind], what: &str) {
    let store = forgery.store();
    let begun = Instant::now();
    let verified = verify(&store, "image");
    let kind = kind_of(&verified);
    assert!(kind.is_some_and(|kind| kinds.contains(&kind)), "verify, {what}: {verified:?}");
    // The target is as large as the disk claims, as far as a test can afford.
    let target = Target::new(vec![0xEE; 8 * CHUNK]);
    let restored = restore(&store, 0, None, &target);
    assert!(restored.is_err(), "restore, {what}: {restored:?}");
    assert_eq!(target.written(), 0, "{what}: the target was written");
    let listed = calco::operation::library::list(&store, &calco::report::Silent);
    assert!(listed.is_ok(), "{what}: {listed:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{what} took {:?}", begun.elapsed());
}

#[track_caller]
fn damaged(forgery: &Forgery, what: &str) {
    refused_with(forgery, &[ErrorKind::Damaged], what);
}

#[test]
fn an_image_written_from_the_specification_is_read() {
    let store = Forgery::sound().store();
    let found = verify(&store, "image").unwrap();
    assert_eq!((found.chunks, found.used_bytes), (2, CHUNK as u64 + 1024));
    let target = Target::new(vec![0xEE; 4 * CHUNK]);
    restore(&store, 0, None, &target).unwrap();
    let bytes = target.disk.to_vec();
    assert!(bytes[..CHUNK] == content());
    assert!(bytes[2 * CHUNK + 512..2 * CHUNK + 1536].iter().all(|byte| *byte == 0));
}

#[test]
fn headers_that_lie() {
    for (field, value) in [
        ("format", json!(0)),
        ("format", json!(-1)),
        ("format", json!(1e300)),
        ("chunk_size", json!(0)),
        ("chunk_size", json!(65537)),
        ("chunk_size", json!(1u32 << 31)),
        ("chunk_size", json!(u64::MAX)),
        ("chunk_size", json!(131_072)),
        ("image_id", json!("ab")),
        ("image_id", json!("cd".repeat(16))),
        ("save_id", json!(7)),
        ("incompatible_features", json!("all")),
        ("bases", json!([{"image_id": "x"}])),
    ] {
        let mut forgery = Forgery::sound();
        forgery.header[field] = value.clone();
        damaged(&forgery, &format!("{field}: {value}"));
    }
    for (field, value) in [
        ("format", json!(2)),
        ("incompatible_features", json!(["holograms"])),
        ("encryption", json!({"slots": []})),
    ] {
        let mut forgery = Forgery::sound();
        forgery.header[field] = value;
        refused_with(&forgery, &[ErrorKind::Unsupported], field);
    }
    // Nested deeper than any parser should follow.
    let store = Forgery::sound().store();
    let deep = "[".repeat(100_000);
    let digest = hex_hash(format!("manifest\n{deep}").as_bytes());
    let file = format!("{{\"calco\":\"manifest\",\"sha256\":\"{digest}\",\"body\":{deep}}}\n");
    store.set("image", "manifest.json", Some(file.into_bytes()));
    assert_eq!(kind_of(&verify(&store, "image")), Some(ErrorKind::Damaged));
}

#[test]
fn manifests_that_lie() {
    type Change = (&'static str, fn(&mut Value));
    let changes: &[Change] = &[
        ("an index outside", |m| m["disks"][0]["index"]["file"] = json!("../d.index")),
        ("an absolute pack", |m| m["packs"][0]["file"] = json!("/etc/passwd")),
        ("a pack with a slash", |m| m["packs"][0]["file"] = json!("a/p.pack")),
        ("a hidden pack", |m| m["packs"][0]["file"] = json!(".pack")),
        ("a pack without a name", |m| m["packs"][0]["file"] = json!("")),
        ("a name with a newline", |m| m["packs"][0]["file"] = json!("p\n.pack")),
        ("a name with a zero", |m| m["packs"][0]["file"] = json!("p\u{0}.pack")),
        ("a long name", |m| m["packs"][0]["file"] = json!("p".repeat(300))),
        ("a file twice", |m| m["packs"][0]["file"] = json!("d.index")),
        ("the manifest as a pack", |m| m["packs"][0]["file"] = json!("manifest.json")),
        ("a pack of 2^64-1", |m| m["packs"][0]["bytes"] = json!(u64::MAX)),
        ("no packs", |m| m["packs"] = json!([])),
        ("a pack of a base", |m| m["packs"][0]["base"] = json!("ef".repeat(16))),
        ("an index of 2^64-1", |m| m["disks"][0]["index"]["bytes"] = json!(u64::MAX)),
        ("a directory at 2^64-1", |m| {
            m["disks"][0]["index"]["directory_offset"] = json!(u64::MAX);
        }),
        ("a directory at 0", |m| m["disks"][0]["index"]["directory_offset"] = json!(0)),
        ("other chunks", |m| m["disks"][0]["index"]["chunks"] = json!(u64::MAX)),
        ("other used bytes", |m| m["disks"][0]["index"]["used_bytes"] = json!(u64::MAX)),
        ("a disk of 2^64-1", |m| m["disks"][0]["size"] = json!(u64::MAX)),
        ("a disk of 0", |m| m["disks"][0]["size"] = json!(0)),
        ("sectors of 0", |m| m["disks"][0]["sector_size"] = json!(0)),
        ("sectors of 2^31", |m| m["disks"][0]["sector_size"] = json!(1u32 << 31)),
        ("table sectors of 0", |m| m["disks"][0]["table"]["sector_size"] = json!(0)),
        ("table sectors of 3", |m| m["disks"][0]["table"]["sector_size"] = json!(3)),
        ("a region of 2^63", |m| {
            let extent = json!({ "offset": 0, "length": 1u64 << 63 });
            m["disks"][0]["table"]["regions"] = json!([{ "kind": "mbr", "extent": extent }]);
        }),
        ("a region past the end", |m| {
            let extent = json!({ "offset": u64::MAX - 5, "length": 512 });
            m["disks"][0]["table"]["regions"] = json!([{ "kind": "mbr", "extent": extent }]);
        }),
        ("a volume that overflows", |m| {
            m["disks"][0]["volumes"][0]["extent"] = json!({ "offset": 9, "length": u64::MAX });
        }),
        ("a volume with more than it is long", |m| {
            m["disks"][0]["volumes"][0]["used_bytes"] = json!(u64::MAX);
        }),
        ("a negative size", |m| m["disks"][0]["size"] = json!(-1)),
        ("a disk without an index", |m| m["disks"][0]["index"] = json!(null)),
        ("the disk twice", |m| {
            let disk = m["disks"][0].clone();
            m["disks"] = json!([disk.clone(), disk]);
        }),
        ("no log", |m| m["files"].as_array_mut().unwrap().retain(|f| f["file"] != "log.txt")),
        ("no header", |m| {
            m["files"].as_array_mut().unwrap().retain(|f| f["file"] != "header.json")
        }),
        ("another header", |m| m["files"][0]["sha256"] = json!("00".repeat(32))),
        ("another identity", |m| m["image_id"] = json!("00".repeat(16))),
        ("no body", |m| *m = json!(null)),
        ("a list", |m| *m = json!([1, 2, 3])),
    ];
    for (what, change) in changes {
        damaged(&Forgery { manifest: *change, ..Forgery::sound() }, what);
    }
    assert_eq!(HEADER_FIELDS.len(), 3);
}

/// A region of a table is read into memory: what it claims must not become an allocation, not even
/// when the target is as large as the image claims to be.
#[test]
fn a_table_region_that_claims_a_terabyte() {
    const TIB: u64 = 1 << 40;
    let mut forgery = Forgery::sound();
    forgery.size = 4 * TIB;
    forgery.manifest = |m| {
        let table = &mut m["disks"][0]["table"];
        table["scheme"] = json!("mbr");
        let region =
            |offset: u64| json!({ "kind": "ebr", "extent": { "offset": offset, "length": TIB } });
        table["regions"] = json!([region(0), region(TIB), region(2 * TIB)]);
    };
    assert_eq!(kind_of(&verify(&forgery.store(), "image")), Some(ErrorKind::Damaged));
    // The same in the places that are kept in memory until the end.
    let folder = folder();
    let target = folder.path().join("target.img");
    std::fs::File::create(&target).unwrap().set_len(4 * TIB).unwrap();
    let image = folder.path().join("image");
    std::fs::create_dir(&image).unwrap();
    let store = forgery.store();
    for name in file_names(&store, "image") {
        std::fs::write(image.join(&name), store.get("image", &name).unwrap()).unwrap();
    }
    let (code, _, text) = run(&["restore", utf8(&image), "--to", utf8(&target), "--yes"]);
    assert_eq!(code, 3, "{text}");
}

#[test]
fn indexes_that_lie() {
    let chunk = CHUNK as u64;
    let digest = hash(&content());
    let stored_length = (Forgery::sound().pack.len() - 96 - 72) as u32;
    let good = || stored_chunk(0, 0, 96, stored_length, &digest);
    let segment = |counts: [u32; 3], parts: &[Vec<u8>]| Block {
        magic: b"SGMT",
        counts,
        payload: parts.concat(),
        stated: None,
    };
    let whole = || extent(0, chunk);
    let mut lies: Vec<(&str, Block)> = vec![
        ("2^32-1 extents", segment([1, u32::MAX, 0], &[whole(), good()])),
        ("2^32-1 chunks", segment([u32::MAX, 1, 0], &[whole(), good()])),
        ("2^32-1 unreadable", segment([1, 1, u32::MAX], &[whole(), good()])),
        ("2^32-1 of everything", segment([u32::MAX; 3], &[whole(), good()])),
        ("no chunks", segment([0, 1, 0], &[whole()])),
        ("a chunk without extents", segment([1, 0, 0], &[good()])),
        ("an extent without a chunk", {
            segment([1, 2, 0], &[whole(), extent(3 * chunk, 5), good()])
        }),
        ("an empty extent", segment([1, 2, 0], &[extent(0, 0), extent(5, 5), good()])),
        ("an extent that overflows", segment([1, 1, 0], &[extent(5, u64::MAX), good()])),
        ("overlapping extents", segment([1, 2, 0], &[whole(), extent(9, 9), good()])),
        ("touching extents", segment([1, 2, 0], &[extent(0, 9), extent(9, 9), good()])),
        ("descending extents", segment([1, 2, 0], &[extent(99, 9), extent(9, 9), good()])),
        ("unreadable and not used", {
            segment([1, 1, 1], &[extent(0, 100), extent(50, 100), good()])
        }),
        ("a chunk twice", segment([2, 1, 0], &[whole(), good(), good()])),
        ("a chunk past the disk", { segment([1, 1, 0], &[extent(4 * chunk, 1), zero_chunk(4)]) }),
        ("chunk 2^64-1", segment([1, 1, 0], &[whole(), zero_chunk(u64::MAX)])),
        ("a pack that is not there", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 1, 96, stored_length, &digest)])
        }),
        ("pack 2^32-1", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, u32::MAX, 96, stored_length, &digest)])
        }),
        ("an offset past the pack", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, 1 << 40, stored_length, &digest)])
        }),
        ("offset 2^64-1", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, u64::MAX, stored_length, &digest)])
        }),
        ("a record in the header", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, 24, stored_length, &digest)])
        }),
        ("a record one byte on", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, 97, stored_length - 1, &digest)])
        }),
        ("a record of 4 GiB", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, 96, u32::MAX, &digest)])
        }),
        ("a record of nothing", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, 96, 0, &digest)])
        }),
        ("another hash", {
            segment([1, 1, 0], &[whole(), stored_chunk(0, 0, 96, stored_length, &[7; 32])])
        }),
        ("an unknown kind", {
            let mut entry = good();
            entry[8] = 2;
            segment([1, 1, 0], &[whole(), entry])
        }),
        ("reserved bytes", {
            let mut entry = good();
            entry[30] = 1;
            segment([1, 1, 0], &[whole(), entry])
        }),
        ("a zero chunk with a pack", {
            let mut entry = zero_chunk(0);
            entry[12] = 1;
            segment([1, 1, 0], &[whole(), entry])
        }),
        ("a payload too long", segment([1, 1, 0], &[whole(), good(), vec![0]])),
        ("an empty payload", segment([1, 1, 0], &[])),
    ];
    for stated in [(u32::MAX, u32::MAX), (0, 80), (9 << 20, 80), (40, 8 << 20), (40, 79), (40, 0)] {
        let mut block = segment([1, 1, 0], &[whole(), good()]);
        block.stated = Some(stated);
        lies.push(("lengths", block));
    }
    for (what, block) in lies {
        let used = chunk;
        damaged(
            &Forgery { segments: vec![block], chunks: 1, used, unreadable: 0, ..Forgery::sound() },
            what,
        );
    }

    let one = |first: u64| segment([1, 1, 0], &[extent(first * chunk, 9), zero_chunk(first)]);
    for (what, segments) in [
        ("segments out of order", vec![one(2), one(0)]),
        ("a segment twice", vec![one(2), one(2)]),
        ("a second segment that begins before the first ends", {
            let long = [whole(), extent(2 * chunk, 9), zero_chunk(0), zero_chunk(2)];
            vec![segment([2, 2, 0], &long), one(1)]
        }),
    ] {
        let chunks = segments.iter().map(|segment| u64::from(segment.counts[0])).sum();
        damaged(&Forgery { segments, chunks, ..Forgery::sound() }, what);
    }

    for (what, directory) in [
        ("no segments listed", directory(0, &[])),
        ("2^32-1 segments", directory(u32::MAX, &[(64, 0)])),
        ("a segment in the header", directory(1, &[(0, 0)])),
        ("a segment past the end", directory(1, &[(1 << 60, 0)])),
        ("a segment in a segment", directory(2, &[(64, 0), (100, 2)])),
        ("another first chunk", directory(1, &[(64, 1)])),
        ("the same segment twice", directory(2, &[(64, 0), (64, 1)])),
    ] {
        damaged(&Forgery { directory: Some(directory), ..Forgery::sound() }, what);
    }
    let behind = Forgery { behind_directory: vec![0], ..Forgery::sound() };
    damaged(&behind, "a byte behind the directory");
}

fn directory(count: u32, entries: &[(u64, u64)]) -> Block {
    let payload = entries.iter().flat_map(|(offset, first)| extent(*offset, *first)).collect();
    Block { magic: b"SDIR", counts: [count, 0, 0], payload, stated: None }
}

#[test]
fn packs_that_lie() {
    let plain = content();
    let stored = zstd::bulk::compress(&plain, 3).unwrap();
    let digest = hash(&plain);
    // A frame that would become far more than it says.
    let bomb = zstd::bulk::compress(&vec![0; 64 * MIB], 19).unwrap();
    let size = CHUNK as u32;
    for (what, record, content) in [
        ("another content", record(1, size, &bomb, &digest), &bomb),
        ("no frame", record(1, size, &stored[1..], &digest), &stored[1..].to_vec()),
        ("a shorter plaintext", record(1, size - 1, &stored, &digest), &stored),
        ("a plaintext of 4 GiB", record(1, u32::MAX, &stored, &digest), &stored),
        ("a plaintext of nothing", record(1, 0, &stored, &digest), &stored),
        ("an unknown encoding", record(2, size, &stored, &digest), &stored),
        ("raw that is not raw", record(0, size, &stored, &digest), &stored),
        ("another hash", record(1, size, &stored, &[0; 32]), &stored),
    ] {
        let mut forgery = Forgery::sound();
        forgery.pack = [pack_header(), record].concat();
        let stored_digest = if what == "another hash" { vec![0; 32] } else { digest.clone() };
        forgery.segments = vec![Block {
            magic: b"SGMT",
            counts: [1, 1, 0],
            payload: [
                extent(0, CHUNK as u64),
                stored_chunk(0, 0, 96, content.len() as u32, &stored_digest),
            ]
            .concat(),
            stated: None,
        }];
        (forgery.chunks, forgery.used, forgery.unreadable) = (1, CHUNK as u64, 0);
        damaged(&forgery, what);
    }
    // The pack of another image, its hash put into this manifest.
    let mut forgery = Forgery::sound();
    forgery.pack[16] ^= 1;
    let check = hash(&forgery.pack[..88]);
    forgery.pack[88..96].copy_from_slice(&check[..8]);
    damaged(&forgery, "a pack of another image");
    damaged(&Forgery { pack: vec![], ..Forgery::sound() }, "an empty pack");
}

/// Record headers as somebody makes them who chooses every field.
fn record_at(plain_length: u32, content: &[u8], digest: &[u8], disk: u32, chunk: u64) -> Vec<u8> {
    let mut bytes = b"CHNK".to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&plain_length.to_le_bytes());
    bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&disk.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&chunk.to_le_bytes());
    bytes.extend_from_slice(digest);
    [&sealed(bytes), content].concat()
}

fn one_segment(counts: [u32; 3], parts: &[Vec<u8>]) -> Vec<Block> {
    vec![Block { magic: b"SGMT", counts, payload: parts.concat(), stated: None }]
}

/// What a restore compares by the hash of the whole chunk: bytes that are not in use must be zero.
#[test]
fn bytes_that_are_not_in_use_are_zero_in_every_chunk() {
    let chunk = CHUNK as u64;
    let stored = || {
        let length = (Forgery::sound().pack.len() - 96 - 72) as u32;
        move |number| stored_chunk(number, 0, 96, length, &hash(&content()))
    };
    let stored = stored();
    // The first thousand bytes of the content are not zero.
    let less = one_segment([1, 1, 0], &[extent(0, 500), stored(0)]);
    let less = Forgery { segments: less, chunks: 1, used: 500, unreadable: 0, ..Forgery::sound() };
    damaged(&less, "content where nothing is in use");
    // The same content twice; the second time less of it is in use.
    let parts = [extent(0, chunk), extent(3 * chunk, 500), stored(0), stored(3)];
    let again = Forgery {
        segments: one_segment([2, 2, 0], &parts),
        chunks: 2,
        used: chunk + 500,
        unreadable: 0,
        ..Forgery::sound()
    };
    damaged(&again, "content where nothing is in use, the second time");
    // What could not be read counts as zero.
    let parts = [extent(0, chunk), extent(100, 512), stored(0)];
    let unreadable = Forgery {
        segments: one_segment([1, 1, 1], &parts),
        chunks: 1,
        used: chunk,
        unreadable: 512,
        ..Forgery::sound()
    };
    damaged(&unreadable, "content where nothing could be read");
    // As it is written by a saver: the same content again, and only its zeros are not in use.
    let parts = [extent(0, chunk), extent(3 * chunk, 1024), stored(0), stored(3)];
    let sound = Forgery {
        segments: one_segment([2, 2, 0], &parts),
        chunks: 2,
        used: chunk + 1024,
        unreadable: 0,
        ..Forgery::sound()
    };
    verify(&sound.store(), "image").unwrap();
    let target = Target::new(vec![0xEE; 4 * CHUNK]);
    restore(&sound.store(), 0, None, &target).unwrap();
    assert!(target.disk.to_vec()[3 * CHUNK..3 * CHUNK + 1024] == content()[..1024]);
}

/// A record inside the content of another one: its header is sound, its content is not, and a walk
/// through the pack never comes upon it.
#[test]
fn a_record_hidden_in_another_one() {
    let chunk = CHUNK as u64;
    let promised = [0x31; 32];
    let hidden = record_at(CHUNK as u32, &[5; 200], &promised, 0, 3);
    let mut plain = vec![7; CHUNK];
    plain[4096..4096 + hidden.len()].copy_from_slice(&hidden);
    let digest = hash(&plain);
    let at = 96 + 72 + 4096;
    let parts = [
        extent(0, chunk),
        extent(3 * chunk, chunk),
        stored_chunk(0, 0, 96, CHUNK as u32, &digest),
        stored_chunk(3, 0, at, 200, &promised),
    ];
    let forgery = Forgery {
        pack: [pack_header(), record_at(CHUNK as u32, &plain, &digest, 0, 0)].concat(),
        segments: one_segment([2, 2, 0], &parts),
        chunks: 2,
        used: 2 * chunk,
        unreadable: 0,
        ..Forgery::sound()
    };
    damaged(&forgery, "a record in the content of another one");
}

#[test]
fn records_of_chunks_that_are_not_there() {
    let chunk = CHUNK as u64;
    let plain = content();
    let digest = hash(&plain);
    let size = CHUNK as u32;
    let forged = |disk_size: u64, record: Vec<u8>| Forgery {
        size: disk_size,
        pack: [pack_header(), record].concat(),
        segments: one_segment(
            [1, 1, 0],
            &[extent(0, chunk), stored_chunk(0, 0, 96, size, &digest)],
        ),
        chunks: 1,
        used: chunk,
        unreadable: 0,
        ..Forgery::sound()
    };
    verify(&forged(4 * chunk, record_at(size, &plain, &digest, 0, 0)).store(), "image").unwrap();
    for (what, disk_size, disk, number) in [
        ("another disk", 4 * chunk, 1, 0),
        ("disk 2^32-1", 4 * chunk, u32::MAX, 0),
        ("a chunk behind the end", 4 * chunk, 0, 4),
        ("chunk 2^64-1", 4 * chunk, 0, u64::MAX),
        ("a chunk that is shorter", 4 * chunk - 512, 0, 3),
    ] {
        damaged(&forged(disk_size, record_at(size, &plain, &digest, disk, number)), what);
    }
}

#[test]
fn a_description_and_a_map_that_differ() {
    let mut volume = Forgery::sound();
    volume.manifest =
        |m| m["disks"][0]["volumes"][0]["used_bytes"] = json!(CHUNK as u64 + 1024 + 512);
    damaged(&volume, "a volume of which less is there");
    // A table that is not in the image would be restored as zeros, and nothing would tell.
    for (what, offset) in [("without a chunk", CHUNK as u64), ("in part", 2 * CHUNK as u64 + 1024)]
    {
        let mut table = Forgery::sound();
        table.size = match offset {
            65536 => 4 * CHUNK as u64,
            _ => 4 * CHUNK as u64 + 512,
        };
        table.manifest = |m| {
            let longer = m["disks"][0]["size"] != json!(4 * CHUNK as u64);
            let offset = if longer { 2 * CHUNK as u64 + 1024 } else { CHUNK as u64 };
            let extent = json!({ "offset": offset, "length": 1024 });
            let table = &mut m["disks"][0]["table"];
            table["scheme"] = json!("mbr");
            table["regions"] = json!([{ "kind": "mbr", "extent": extent }]);
        };
        damaged(&table, &format!("a table {what}"));
    }
}
