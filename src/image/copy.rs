//! Replicating an image: the same files, byte for byte, in another directory, the manifest last
//! (section 8).

use super::envelope::{self, Envelope};
use super::files::{FileReader, Freshness, ImageFiles};
use super::manifest::Manifest;
use super::reader::{Image, file_record};
use super::verify::{Depth, Verification, verify};
use super::{HEADER, MANIFEST, SHA256SUMS, checksums, damaged};
use crate::codec::{Digest, Hasher, sha256};
use crate::error::Result;
use crate::report::{Report, Stage};
use crate::text::message;
use std::sync::Arc;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;
/// How many pieces are read ahead of the writing.
const AHEAD: usize = 8;

/// A copy being made. What an earlier attempt left in the directory is used where it is sound.
pub struct ImageCopy<'a> {
    image: &'a Image,
    files: Arc<dyn ImageFiles>,
}

impl<'a> ImageCopy<'a> {
    /// Begins a copy of `image` in a directory without a manifest, or with half of one: returns when
    /// the header is durable.
    ///
    /// # Errors
    /// When a store fails, or the header is damaged.
    pub fn begin(image: &'a Image, files: Arc<dyn ImageFiles>) -> Result<Self> {
        let copy = Self { image, files };
        if copy.files.list()?.iter().any(|file| file.name == MANIFEST) {
            copy.files.delete(MANIFEST)?;
        }
        let record = file_record(image.manifest(), HEADER)?;
        copy.copy_file(HEADER, record.bytes, &record.sha256, &|_| Ok(()))?;
        Ok(copy)
    }

    /// Whether `files` hold a copy of `image` that was cut off within its manifest: then all of what
    /// is there of that is the beginning of the original's.
    ///
    /// # Errors
    /// When a store fails.
    pub fn was_cut_off(image: &Image, files: &dyn ImageFiles) -> Result<bool> {
        let source = image.files().as_ref();
        let (bytes, _) = envelope::read::<Manifest>(source, Envelope::Manifest, Freshness::Any)?;
        let there = files.open(MANIFEST, Freshness::Medium)?;
        if there.length() >= bytes.len() as u64 {
            return Ok(false);
        }
        let mut begun = vec![0; there.length() as usize];
        there.read_at(0, &mut begun)?;
        Ok(bytes.starts_with(&begun))
    }

    /// Copies the rest, reads all of it back from the medium, and only then lets it count.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Damaged`] when the image is damaged or the medium gave back
    /// something else; what the stores or the person ended it with.
    pub fn finish(self, report: &dyn Report) -> Result<(Image, Verification)> {
        let manifest = self.image.manifest();
        report.begin(Stage::Copy, manifest.stored_bytes());
        let advance = |bytes: u64| {
            report.advance(bytes);
            report.check()
        };
        for pack in &manifest.packs {
            self.copy_file(&pack.file, pack.bytes, &pack.sha256, &advance)?;
        }
        for disk in &manifest.disks {
            let index = &disk.index;
            self.copy_file(&index.file, index.bytes, &index.sha256, &advance)?;
        }
        for file in manifest.files.iter().filter(|file| file.file != HEADER) {
            self.copy_file(&file.file, file.bytes, &file.sha256, &|_| report.check())?;
        }
        report.end();
        let source = self.image.files().as_ref();
        let (bytes, again) =
            envelope::read::<Manifest>(source, Envelope::Manifest, Freshness::Any)?;
        if again != *manifest {
            return Err(self.image.damaged_description());
        }
        let sums = checksums::expected(manifest, sha256(&bytes)).into_bytes();
        self.write_small(SHA256SUMS, &sums)?;

        let arrived =
            Image::in_the_making(self.files.clone(), self.image.header().clone(), manifest.clone());
        let found = verify(&arrived, Depth::Full, Freshness::Medium, Stage::Verify, report)?;
        report.check()?;
        let mut file = self.files.create(MANIFEST)?;
        if let Err(error) = file.write(&bytes).and_then(|()| file.finish()) {
            // As in a save: half a manifest would look like a damaged image.
            let _ = self.files.delete(MANIFEST);
            return Err(error);
        }
        Ok((Image::open(self.files.clone(), Freshness::Medium)?, found))
    }

    fn write_small(&self, name: &str, bytes: &[u8]) -> Result<()> {
        if self.files.list()?.iter().any(|file| file.name == name) {
            self.files.delete(name)?;
        }
        let mut file = self.files.create(name)?;
        file.write(bytes)?;
        file.finish()
    }

    /// Copies a file of `bytes` bytes, unless it is there already.
    fn copy_file(
        &self,
        name: &str,
        bytes: u64,
        expected: &Digest,
        advance: &dyn Fn(u64) -> Result<()>,
    ) -> Result<()> {
        if let Some(there) = self.files.list()?.iter().find(|file| file.name == name) {
            if there.length == bytes && self.is_sound(name, bytes, expected)? {
                return advance(bytes);
            }
            self.files.delete(name)?;
        }
        let source = self.image.open_file(name, Freshness::Any)?;
        let is_as_said = source.length() == bytes;
        let mut hasher = Hasher::default();
        let mut file = self.files.create(name)?;
        if is_as_said {
            for_each_piece(source.as_ref(), |piece| {
                hasher.update(piece);
                file.write(piece)?;
                advance(piece.len() as u64)
            })?;
        }
        if !is_as_said || hasher.finish() != *expected {
            return Err(damaged(name, message!("image-hash-differs"))
                .on_device(self.image.files().location()));
        }
        file.finish()
    }

    fn is_sound(&self, name: &str, bytes: u64, expected: &Digest) -> Result<bool> {
        let file = self.files.open(name, Freshness::Medium)?;
        if file.length() != bytes {
            return Ok(false);
        }
        let mut hasher = Hasher::default();
        for_each_piece(file.as_ref(), |piece| {
            hasher.update(piece);
            Ok(())
        })?;
        Ok(hasher.finish() == *expected)
    }
}

/// Hands over a file piece by piece, reading ahead.
fn for_each_piece(file: &dyn FileReader, mut work: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let (send, receive) = crossbeam_channel::bounded(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut offset = 0;
            while offset < file.length() {
                let length = (file.length() - offset).min(PIECE as u64) as usize;
                let mut piece = vec![0; length];
                let read = file.read_at(offset, &mut piece).map(|()| piece);
                let has_failed = read.is_err();
                // The other end is gone when the work failed.
                if send.send(read).is_err() || has_failed {
                    return;
                }
                offset += length as u64;
            }
        });
        for piece in receive {
            work(&piece?)?;
        }
        Ok(())
    })
}
