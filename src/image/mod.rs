//! The image format: structures, writing, reading, checking. `docs/image-format.md` is its
//! specification; section numbers in this folder refer to it.
//!
//! Knows no disk and no network: an image is a set of files behind [`ImageFiles`].
#![forbid(unsafe_code)]

pub mod about;
mod checksums;
mod copy;
mod coverage;
mod disk;
mod envelope;
mod files;
mod header;
mod index;
mod manifest;
mod pack;
mod reader;
mod verify;
mod writer;

pub use copy::ImageCopy;
pub use disk::ImageDisk;
pub use envelope::{Envelope, open as open_envelope, seal as seal_envelope};
pub use files::{FileEntry, FileReader, FileWriter, Freshness, Hold, ImageFiles};
pub use header::{Header, ImageId, SaveId};
pub use index::{ChunkEntry, IndexHeader, IndexReader, Location, Segment, longest_index};
pub use manifest::{
    Disk, DiskIdentity, FileRecord, IndexRecord, Machine, Manifest, PackRecord, Saved, SavedVolume,
    System,
};
pub use pack::{PackHeader, RecordHeader};
pub use reader::{Image, Packs, State, StoredChunk, is_data_file, lacks_only_manifest, state_of};
pub use verify::{Depth, Verification, decodes, verify};
pub use writer::{ChunkContent, ChunkOutput, ImageWriter, KnownContent, WriterOptions};

use crate::error::{Error, ErrorKind};
use crate::text::Message;

/// The format this version writes, and the largest it reads.
pub const FORMAT: u32 = 1;

/// Name of the header file.
pub const HEADER: &str = "header.json";
/// Name of the manifest file: the commit point.
pub const MANIFEST: &str = "manifest.json";
/// Name of the list of hashes.
pub const SHA256SUMS: &str = "SHA256SUMS";
/// Name of the log.
pub const LOG: &str = "log.txt";
/// Name of the page for people.
pub const ABOUT: &str = "about.html";

/// Smallest chunk size, in bytes.
pub const MIN_CHUNK_SIZE: u32 = 64 << 10;
/// Largest chunk size, in bytes.
pub const MAX_CHUNK_SIZE: u32 = 16 << 20;
/// The chunk size of new images, in bytes. Chosen by measurement: see `docs/decisions`.
pub const DEFAULT_CHUNK_SIZE: u32 = 2 << 20;

/// The error for a file of an image that is not what it must be.
fn damaged(file: &str, message: Message) -> Error {
    Error::new(ErrorKind::Damaged, message)
        .at_path(file)
        .advise(crate::text::message!("image-damaged-advice"))
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight bytes"))
}
