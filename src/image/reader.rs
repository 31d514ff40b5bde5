//! Opening an image: everything that describes it is authenticated before anything is shown.

use super::envelope::{self, Envelope};
use super::files::{FileEntry, FileReader, Freshness, Hold, ImageFiles};
use super::header::Header;
use super::index::{IndexHeader, IndexReader, Location};
use super::manifest::{Disk, FileRecord, Manifest, PackRecord};
use super::pack::{PackHeader, RecordHeader};
use super::{ABOUT, HEADER, LOG, MANIFEST, SHA256SUMS, checksums, damaged};
use crate::codec::{Digest, sha256};
use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use crate::units::Extent;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// What a directory is (section 2, States).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// A manifest is there; whether it is sound shows when it is opened.
    Finished,
    /// A header and no manifest.
    Unfinished,
    /// Not an image.
    Foreign,
}

/// Whether a file has the name of a pack or index (section 2). Others have files that end in
/// `.pack` too: Git, games.
pub fn is_data_file(name: &str) -> bool {
    let all =
        |text: &str, accept: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| accept(&b));
    let Some((save, rest)) = name.split_once('-') else { return false };
    let number = match rest.strip_prefix("disk") {
        Some(rest) => rest.strip_suffix(".index"),
        None => rest.strip_suffix(".pack").filter(|number| number.len() >= 6),
    };
    save.len() == 16
        && all(save, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && number.is_some_and(|number| all(number, u8::is_ascii_digit))
}

/// What the files of a directory make it. The names of header and manifest are common: where
/// nothing else tells that this was an image, whichever file is missing, they must begin as ours.
///
/// # Errors
/// When the store fails.
pub fn state_of(files: &dyn ImageFiles) -> Result<State> {
    let list = files.list()?;
    let has = |name: &str| list.iter().any(|file| file.name == name);
    // A save that ended between the manifest's creation and its first byte has none.
    let has_manifest = list.iter().any(|file| file.name == MANIFEST && file.length > 0);
    let is_ours = |envelope: Envelope| {
        has(envelope.file()) && envelope::begins(files, envelope).unwrap_or(false)
    };
    let traces = list.iter().any(|file| is_data_file(&file.name)) || is_ours(Envelope::Header);
    Ok(match has_manifest {
        true if traces || is_ours(Envelope::Manifest) => State::Finished,
        false if traces => State::Unfinished,
        _ => State::Foreign,
    })
}

/// Whether of an unfinished image everything is there but the manifest: it was lost, or the save
/// was stopped in its very last moment. The sums are written after all else, and name the manifest.
pub fn lacks_only_manifest(list: &[FileEntry]) -> bool {
    let has = |name: &str, length: u64| {
        list.iter().any(|file| file.name == name && file.length >= length)
    };
    has(SHA256SUMS, 1) && !has(MANIFEST, 1)
}

/// An image whose header and manifest are sound.
pub struct Image {
    files: Arc<dyn ImageFiles>,
    header: Header,
    manifest: Manifest,
    #[allow(dead_code, reason = "kept for its lock")]
    hold: Option<Hold>,
}

/// A file name that an image may contain: nothing that leads out of its directory.
fn is_plain_name(name: &str) -> bool {
    !name.starts_with('.')
        && (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Image {
    /// Opens a finished image. Reads header, manifest and `SHA256SUMS`, and compares them with
    /// each other and with the files that are there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no image, [`ErrorKind::Unsupported`] when it needs a
    /// newer version, [`ErrorKind::Damaged`] when it is unfinished or anything is not as it must.
    pub fn open(files: Arc<dyn ImageFiles>, freshness: Freshness) -> Result<Self> {
        let located = |error: Error| error.on_device(files.location());
        match state_of(files.as_ref()).map_err(located)? {
            State::Finished => {}
            State::Unfinished if lacks_only_manifest(&files.list().map_err(located)?) => {
                return Err(located(
                    Error::new(ErrorKind::Damaged, message!("image-manifest-lost"))
                        .advise(message!("image-manifest-lost-advice")),
                ));
            }
            State::Unfinished => {
                return Err(located(
                    Error::new(ErrorKind::Damaged, message!("image-unfinished"))
                        .advise(message!("image-unfinished-advice")),
                ));
            }
            State::Foreign => {
                return Err(located(
                    Error::new(ErrorKind::NotFound, message!("image-foreign"))
                        .advise(message!("image-foreign-advice")),
                ));
            }
        }
        Self::read(&files, freshness)
            .map(|(header, manifest)| Self { files: files.clone(), header, manifest, hold: None })
            .map_err(located)
    }

    fn read(files: &Arc<dyn ImageFiles>, freshness: Freshness) -> Result<(Header, Manifest)> {
        let missing = |file: &'static str| {
            move |error: Error| match error.kind() {
                ErrorKind::NotFound => damaged(file, message!("image-file-missing")),
                _ => error,
            }
        };
        let files = files.as_ref();
        let (header_bytes, header) = envelope::read::<Header>(files, Envelope::Header, freshness)
            .map_err(missing(HEADER))?;
        header.check()?;
        let (manifest_bytes, manifest) =
            envelope::read::<Manifest>(files, Envelope::Manifest, freshness)
                .map_err(missing(MANIFEST))?;
        let sums = envelope::read_small(files, SHA256SUMS, checksums::LIMIT, freshness)
            .map_err(missing(SHA256SUMS))?;
        check_manifest(&header, &manifest)?;
        let record = file_record(&manifest, HEADER)?;
        if record.bytes != header_bytes.len() as u64 || record.sha256 != sha256(&header_bytes) {
            return Err(damaged(HEADER, message!("image-hash-differs")));
        }
        if sums != checksums::expected(&manifest, sha256(&manifest_bytes)).into_bytes() {
            return Err(damaged(SHA256SUMS, message!("image-hash-differs")));
        }
        Ok((header, manifest))
    }

    /// An image that is being written: what was stored can be read, the manifest is not there yet.
    pub(super) fn in_the_making(
        files: Arc<dyn ImageFiles>,
        header: Header,
        manifest: Manifest,
    ) -> Self {
        Self { files, header, manifest, hold: None }
    }

    /// Keeps others from removing the image while this lives, as far as its store can. For who
    /// reads all of it, not for who looks.
    #[must_use]
    pub fn held(self) -> Self {
        Self { hold: self.files.hold(), ..self }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The files.
    pub fn files(&self) -> &Arc<dyn ImageFiles> {
        &self.files
    }

    /// The error for a description that cannot be true.
    pub fn damaged_description(&self) -> Error {
        damaged(MANIFEST, message!("image-envelope-foreign")).on_device(self.files.location())
    }

    /// What the header of the index of disk `number` must be.
    pub(super) fn index_header(&self, number: usize) -> IndexHeader {
        IndexHeader {
            disk: number as u32,
            image_id: self.header.image_id,
            save_id: self.manifest.save_id,
            chunk_size: self.header.chunk_size,
            disk_size: self.manifest.disks[number].size,
        }
    }

    /// Opens the index of disk `number`, after comparing all of it with the manifest.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    ///
    /// # Panics
    /// When there is no such disk.
    pub fn index(&self, number: usize, freshness: Freshness) -> Result<IndexReader> {
        let record = &self.manifest.disks[number].index;
        let file = self.open_file(&record.file, freshness)?;
        let lengths = self.manifest.packs.iter().map(|pack| pack.bytes).collect();
        IndexReader::open(file, record, &self.index_header(number), lengths)
            .map_err(|error| error.on_device(self.files.location()))
    }

    /// Opens a file that the manifest names.
    pub(super) fn open_file(
        &self,
        name: &str,
        freshness: Freshness,
    ) -> Result<Box<dyn FileReader>> {
        self.files.open(name, freshness).map_err(|error| {
            let error = match error.kind() {
                ErrorKind::NotFound => damaged(name, message!("image-file-missing")),
                _ => error,
            };
            error.on_device(self.files.location())
        })
    }

    /// Opens the packs for reading chunks.
    pub fn packs(&self, freshness: Freshness) -> Packs<'_> {
        Packs { image: self, freshness, open: Mutex::new(Vec::new()) }
    }
}

pub(super) fn file_record<'a>(manifest: &'a Manifest, name: &str) -> Result<&'a FileRecord> {
    manifest
        .files
        .iter()
        .find(|file| file.file == name)
        .ok_or_else(|| damaged(MANIFEST, message!("image-envelope-foreign")))
}

/// Most bytes that the regions of a partition table may have together: they are read at once.
const MAX_TABLE: u64 = 64 << 20;

fn is_sector_size(bytes: u32) -> bool {
    bytes.is_power_of_two() && (512..=65536).contains(&bytes)
}

/// Checks what the types of the manifest do not say.
fn check_manifest(header: &Header, manifest: &Manifest) -> Result<()> {
    let mut names = HashSet::new();
    let mut all = manifest
        .packs
        .iter()
        .map(|pack| pack.file.as_str())
        .chain(manifest.files.iter().map(|file| file.file.as_str()))
        .chain(manifest.disks.iter().map(|disk| disk.index.file.as_str()));
    let names_sound = all.all(|name| {
        is_plain_name(name) && name != MANIFEST && name != SHA256SUMS && names.insert(name)
    });
    let sound = names_sound
        && manifest.image_id == header.image_id
        && manifest.packs.iter().all(|pack| pack.base.is_none())
        && [HEADER, LOG, ABOUT].into_iter().all(|name| file_record(manifest, name).is_ok())
        && manifest.disks.iter().all(is_sound);
    if sound { Ok(()) } else { Err(damaged(MANIFEST, message!("image-envelope-foreign"))) }
}

/// Whether the numbers of a disk can be reckoned with: everything of the table lies on it, and
/// sizes do not overflow when they are added up.
fn is_sound(disk: &Disk) -> bool {
    let whole = Extent::new(0, disk.size);
    let regions = || disk.table.regions.iter().map(|region| region.extent);
    let is_real = |extent: Extent| extent.offset.checked_add(extent.length).is_some();
    is_sector_size(disk.sector_size)
        && is_sector_size(disk.table.sector_size)
        && disk.size <= i64::MAX as u64
        && regions().all(|extent| is_real(extent) && whole.contains(extent))
        && regions().fold(0, |sum: u64, extent| sum.saturating_add(extent.length)) <= MAX_TABLE
        && disk.volumes.iter().all(|volume| {
            is_real(volume.extent) && volume.used_bytes <= volume.extent.length.min(disk.size)
        })
}

/// A chunk as it is stored.
pub struct StoredChunk {
    /// Its header, checked against the index.
    pub header: RecordHeader,
    /// Its content, still encoded.
    pub content: Vec<u8>,
}

type OpenPack = (u32, Arc<dyn FileReader>);

/// The packs of an image, opened as they are needed.
pub struct Packs<'a> {
    image: &'a Image,
    freshness: Freshness,
    /// The last few used, the latest last: chunks come in order, with a look back for content
    /// met before.
    open: Mutex<Vec<OpenPack>>,
}

const OPEN_PACKS: usize = 8;

impl Packs<'_> {
    fn record(&self, number: u32) -> Result<&PackRecord> {
        self.image
            .manifest
            .packs
            .get(number as usize)
            .ok_or_else(|| damaged(MANIFEST, message!("image-envelope-foreign")))
    }

    /// The file of a pack, its length and header checked against the manifest.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn file(&self, number: u32) -> Result<Arc<dyn FileReader>> {
        let mut open = self.open.lock().expect("no reader panics");
        if let Some(position) = open.iter().position(|(open, _)| *open == number) {
            let pack = open.remove(position);
            open.push(pack);
            return Ok(open.last().expect("just pushed").1.clone());
        }
        let record = self.record(number)?;
        let file: Arc<dyn FileReader> = self.image.open_file(&record.file, self.freshness)?.into();
        if file.length() != record.bytes {
            return Err(damaged(
                &record.file,
                message!(
                    "image-file-length",
                    expected = record.bytes.to_string(),
                    actual = file.length().to_string()
                ),
            )
            .on_device(self.image.files.location()));
        }
        let mut header = [0; PackHeader::LENGTH];
        file.read_at(0, &mut header)
            .map_err(|error| error.on_device(self.image.files.location()))?;
        let header = PackHeader::decode(&header);
        if header.is_none_or(|header| header.image_id != self.image.header.image_id) {
            return Err(damaged(&record.file, message!("image-pack-damaged"))
                .on_device(self.image.files.location()));
        }
        if open.len() >= OPEN_PACKS {
            open.remove(0);
        }
        open.push((number, file.clone()));
        Ok(file)
    }

    /// The error for a record that is not what the index says.
    pub fn damage(&self, location: &Location) -> Error {
        let file = self.record(location.pack).map_or(MANIFEST, |record| record.file.as_str());
        damaged(file, message!("image-pack-damaged"))
            .at_offset(location.offset)
            .on_device(self.image.files.location())
    }

    /// Checks the header of a record against the index.
    pub(super) fn check_record(
        &self,
        header: &[u8; RecordHeader::LENGTH],
        location: &Location,
        digest: &Digest,
        plain_length: u64,
    ) -> Result<RecordHeader> {
        let manifest = &self.image.manifest;
        // Where the content was first met there must be a chunk of this length.
        let was_met = |header: &RecordHeader| {
            let number = header.disk as usize;
            number < manifest.disks.len()
                && self.image.index_header(number).chunk_extent(header.chunk).length == plain_length
        };
        RecordHeader::decode(header, self.image.header.chunk_size)
            .filter(|header| {
                header.stored_length == location.stored_length
                    && u64::from(header.plain_length) == plain_length
                    && header.digest == *digest
                    && was_met(header)
            })
            .ok_or_else(|| self.damage(location))
    }

    /// Reads the record of a chunk whose plaintext has `plain_length` bytes. The content is not
    /// decoded yet: that is for the workers.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`].
    pub fn read(
        &self,
        location: &Location,
        digest: &Digest,
        plain_length: u64,
    ) -> Result<StoredChunk> {
        let file = self.file(location.pack)?;
        // The lengths come from an index that was checked: at most one chunk.
        let mut bytes = vec![0; RecordHeader::LENGTH + location.stored_length as usize];
        file.read_at(location.offset, &mut bytes)
            .map_err(|error| error.on_device(self.image.files.location()))?;
        let content = bytes.split_off(RecordHeader::LENGTH);
        let header: &[u8; RecordHeader::LENGTH] =
            bytes.as_slice().try_into().expect("split at the length of a header");
        let header = self.check_record(header, location, digest, plain_length)?;
        Ok(StoredChunk { header, content })
    }
}
