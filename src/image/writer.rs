//! Writing an image in the order that makes it safe (section 8).

use super::envelope::{Envelope, seal};
use super::files::{FileWriter, Freshness, ImageFiles};
use super::header::Header;
use super::index::{ChunkEntry, IndexHeader, IndexWriter, Location};
use super::manifest::{FileRecord, IndexRecord, Manifest, PackRecord};
use super::pack::{PackHeader, RecordHeader};
use super::reader::Image;
use super::verify::{Depth, Verification, check_small_files, verify_content};
use super::{ABOUT, HEADER, LOG, MANIFEST, SHA256SUMS, checksums};
use crate::codec::{Digest, Encoding, Hasher, sha256};
use crate::error::Result;
use crate::report::{Report, Stage};
use crate::units::{Extent, ExtentMap, GIB, MIB};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// How packs are cut.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// No pack is longer than this, in bytes.
    pub split_size: u64,
}

impl WriterOptions {
    /// The split size unless told otherwise: fits every file system.
    pub const DEFAULT_SPLIT: u64 = GIB;
    /// The smallest split size.
    pub const MIN_SPLIT: u64 = 16 * MIB;
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { split_size: Self::DEFAULT_SPLIT }
    }
}

/// Content that this save has stored already, as far as memory allows: what is not remembered is
/// stored again, which costs room and nothing else.
#[derive(Default)]
pub struct KnownContent(Mutex<HashMap<Digest, Location>>);

impl KnownContent {
    /// About 40 MiB of memory when full, and more than 256 GiB of distinct content.
    pub(super) const CAPACITY: usize = 7 << 16;

    /// Where content with this hash is stored.
    pub fn find(&self, digest: &Digest) -> Option<Location> {
        self.0.lock().expect("no holder panics").get(digest).copied()
    }

    fn remember(&self, digest: Digest, location: Location) {
        let mut known = self.0.lock().expect("no holder panics");
        if known.len() < Self::CAPACITY {
            known.insert(digest, location);
        }
    }
}

/// The content of a chunk, ready to be stored.
pub enum ChunkContent {
    /// All of it is zero.
    Zero,
    /// It is stored already.
    Known(Digest, Location),
    /// It is to be stored.
    New {
        /// Hash of the plaintext.
        digest: Digest,
        /// How `stored` is encoded.
        encoding: Encoding,
        /// Length of the plaintext in bytes.
        plain_length: u32,
        /// The encoded content.
        stored: Vec<u8>,
    },
}

/// A chunk that went through the workers.
pub struct ChunkOutput {
    /// Its number on the disk.
    pub number: u64,
    /// Its content.
    pub content: ChunkContent,
    /// Parts of it that the source could not give, in bytes of the disk.
    pub unreadable: Vec<Extent>,
}

struct CurrentPack {
    name: String,
    number: u32,
    file: Box<dyn FileWriter>,
    hasher: Hasher,
    bytes: u64,
}

impl CurrentPack {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Writes one image.
pub struct ImageWriter {
    files: Arc<dyn ImageFiles>,
    header: Header,
    options: WriterOptions,
    packs: Vec<PackRecord>,
    current: Option<CurrentPack>,
    known: Arc<KnownContent>,
    index: Option<IndexWriter>,
}

impl ImageWriter {
    /// Begins an image: returns when its header is durable.
    ///
    /// # Errors
    /// When there is an image already, or the store fails.
    pub fn create(
        files: Arc<dyn ImageFiles>,
        header: Header,
        options: WriterOptions,
    ) -> Result<Self> {
        let mut file = files.create(HEADER)?;
        file.write(&seal(Envelope::Header, &header))?;
        file.finish()?;
        Ok(Self {
            files,
            header,
            options,
            packs: Vec::new(),
            current: None,
            known: Arc::default(),
            index: None,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was stored so far, for the workers to look at before they compress.
    pub fn known(&self) -> Arc<KnownContent> {
        self.known.clone()
    }

    /// Begins disk `number` of `size` bytes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn begin_disk(&mut self, number: u32, size: u64) -> Result<()> {
        let header = IndexHeader {
            disk: number,
            image_id: self.header.image_id,
            save_id: self.header.save_id,
            chunk_size: self.header.chunk_size,
            disk_size: size,
        };
        self.index = Some(IndexWriter::create(self.files.as_ref(), header)?);
        Ok(())
    }

    /// Adds a chunk of the current disk; chunks come in ascending order. `map` is the used-extent
    /// map of the disk. The chunk stays the caller's, whose buffers can serve again.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Panics
    /// When no disk was begun.
    pub fn push(&mut self, chunk: &ChunkOutput, map: &ExtentMap) -> Result<()> {
        let entry = self.store(chunk)?;
        self.index(entry, map, &chunk.unreadable)
    }

    /// Stores the content of a chunk of the current disk, in any order; its entry is for
    /// [`ImageWriter::index`].
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Panics
    /// When no disk was begun.
    pub fn store(&mut self, chunk: &ChunkOutput) -> Result<ChunkEntry> {
        let disk = self.index.as_ref().expect("a disk was begun").header().disk;
        let stored = match &chunk.content {
            ChunkContent::Zero => None,
            ChunkContent::Known(digest, location) => Some((*location, *digest)),
            &ChunkContent::New { digest, encoding, plain_length, ref stored } => {
                // Two workers may have met the same content at the same time.
                let location = match self.known.find(&digest) {
                    Some(location) => location,
                    None => {
                        let header = RecordHeader {
                            encoding,
                            plain_length,
                            stored_length: stored.len() as u32,
                            disk,
                            chunk: chunk.number,
                            digest,
                        };
                        let location = self.append(&header, stored)?;
                        self.known.remember(digest, location);
                        location
                    }
                };
                Some((location, digest))
            }
        };
        Ok(ChunkEntry { number: chunk.number, stored })
    }

    /// Lists a chunk of the current disk; entries come in ascending order. `map` is the used-extent
    /// map of the disk, `unreadable` what the source could not give of the chunk.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Panics
    /// When no disk was begun.
    pub fn index(
        &mut self,
        entry: ChunkEntry,
        map: &ExtentMap,
        unreadable: &[Extent],
    ) -> Result<()> {
        self.index.as_mut().expect("a disk was begun").push(entry, map, unreadable)
    }

    fn append(&mut self, header: &RecordHeader, stored: &[u8]) -> Result<Location> {
        let length = (RecordHeader::LENGTH + stored.len()) as u64;
        if self.current.as_ref().is_some_and(|pack| pack.bytes + length > self.options.split_size) {
            self.finish_pack()?;
        }
        let pack = match &mut self.current {
            Some(pack) => pack,
            None => {
                let number = self.packs.len() as u32;
                let name = PackHeader::file_name(self.header.save_id, number);
                let header = PackHeader::new(number, self.header.image_id, self.header.save_id)?;
                let mut pack = CurrentPack {
                    file: self.files.create(&name)?,
                    name,
                    number,
                    hasher: Hasher::default(),
                    bytes: 0,
                };
                pack.write(&header.encode())?;
                self.current.insert(pack)
            }
        };
        let location =
            Location { pack: pack.number, offset: pack.bytes, stored_length: header.stored_length };
        pack.write(&header.encode())?;
        pack.write(stored)?;
        Ok(location)
    }

    fn finish_pack(&mut self) -> Result<()> {
        let Some(pack) = self.current.take() else { return Ok(()) };
        pack.file.finish()?;
        self.packs.push(PackRecord {
            file: pack.name,
            bytes: pack.bytes,
            sha256: pack.hasher.finish(),
            base: None,
        });
        Ok(())
    }

    /// Ends the current disk: returns when its chunks and then its index are durable.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Panics
    /// When no disk was begun.
    pub fn end_disk(&mut self) -> Result<IndexRecord> {
        self.finish_pack()?;
        let summary = self.index.take().expect("a disk was begun").finish()?;
        Ok(IndexRecord {
            file: summary.file,
            bytes: summary.bytes,
            sha256: summary.sha256,
            directory_offset: summary.directory_offset,
            chunks: summary.chunks,
            used_bytes: summary.used_bytes,
            unreadable_bytes: summary.unreadable_bytes,
        })
    }

    /// Reads everything stored back from the medium, and notes in the manifest that it was.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Damaged`] when the medium gave back something else.
    pub fn verify(&self, manifest: &mut Manifest, report: &dyn Report) -> Result<Verification> {
        manifest.packs.clone_from(&self.packs);
        let image = Image::in_the_making(self.files.clone(), self.header.clone(), manifest.clone());
        let found = verify_content(&image, Depth::Full, Freshness::Medium, Stage::Verify, report)?;
        manifest.verified = true;
        Ok(found)
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<FileRecord> {
        let mut file = self.files.create(name)?;
        file.write(bytes)?;
        file.finish()?;
        Ok(FileRecord { file: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256(bytes) })
    }

    /// Commits: from the moment this returns, and not before, there is an image.
    ///
    /// # Errors
    /// When the store fails, or gives back something else than was written.
    pub fn commit(self, mut manifest: Manifest, log: &str, about: &str) -> Result<Image> {
        manifest.packs.clone_from(&self.packs);
        let header = seal(Envelope::Header, &self.header);
        manifest.files = vec![
            FileRecord {
                file: HEADER.to_owned(),
                bytes: header.len() as u64,
                sha256: sha256(&header),
            },
            self.write_file(LOG, log.as_bytes())?,
            self.write_file(ABOUT, about.as_bytes())?,
        ];
        let bytes = seal(Envelope::Manifest, &manifest);
        let sums = checksums::expected(&manifest, sha256(&bytes));
        self.write_file(SHA256SUMS, sums.as_bytes())?;
        if manifest.verified {
            let image =
                Image::in_the_making(self.files.clone(), self.header.clone(), manifest.clone());
            check_small_files(&image, Freshness::Medium)?;
        }
        let mut file = self.files.create(MANIFEST)?;
        if let Err(error) = file.write(&bytes).and_then(|()| file.finish()) {
            // Half a manifest would look like a damaged image. Where it may not be removed, it is
            // one, and keeps its name taken.
            let _ = self.files.delete(MANIFEST);
            return Err(error);
        }
        Image::open(self.files.clone(), Freshness::Medium)
    }
}
