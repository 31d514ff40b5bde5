//! A folder on a mounted file system.

use super::{Claim, Store};
use crate::block::direct::{DirectFile, drop_cache};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, HEADER, Hold, ImageFiles};
use crate::text::message;
use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Images in a folder.
pub struct LocalStore {
    place: Place,
}

/// A folder, and what a person calls it.
#[derive(Clone)]
struct Place {
    folder: PathBuf,
    shown: PathBuf,
}

impl Place {
    fn join(&self, name: &str) -> Self {
        Self { folder: self.folder.join(name), shown: self.shown.join(name) }
    }
}

impl LocalStore {
    /// The store in a folder that exists.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it does not, [`ErrorKind::Usage`] when it is no folder.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_as(folder, &folder.display().to_string())
    }

    /// As [`LocalStore::open`], where people know the folder by another name than its path:
    /// `usb:BACKUP/images`.
    ///
    /// # Errors
    /// As [`LocalStore::open`].
    pub fn open_as(folder: &Path, shown: &str) -> Result<Self> {
        let metadata = std::fs::metadata(folder)
            .context(|| message!("store-open-failed"))
            .map_err(|error| error.at_path(shown).advise(message!("store-open-advice")))?;
        if !metadata.is_dir() {
            return Err(Error::new(ErrorKind::Usage, message!("store-no-folder"))
                .at_path(shown)
                .advise(message!("store-open-advice")));
        }
        Ok(Self { place: Place { folder: folder.to_owned(), shown: shown.into() } })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    fn files(&self, name: &str) -> LocalFiles {
        LocalFiles { place: self.place.join(name), max_file_size: self.max_file_size() }
    }
}

/// Opens a file that exists. Never waits: a pipe in the place of a file has no other end.
fn open_plain(path: &Path, write: bool) -> std::io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    OpenOptions::new().read(true).write(write).custom_flags(flags).open(path)
}

fn sync_folder(place: &Place) -> Result<()> {
    // Some file systems cannot sync a folder and say so; their writes are then as durable as
    // they get.
    match File::open(&place.folder).and_then(|folder| folder.sync_all()) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        result => result
            .context(|| message!("store-write-failed"))
            .map_err(|error| error.at_path(&place.shown)),
    }
}

impl Store for LocalStore {
    fn location(&self) -> String {
        self.place.shown.display().to_string()
    }

    fn directories(&self) -> Result<Vec<String>> {
        let list = || -> std::io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&self.place.folder)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                // A link that leads nowhere, or in a circle, is no directory.
                let is_directory = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
                if is_directory && let Ok(name) = entry.file_name().into_string() {
                    names.push(name);
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        list()
            .context(|| message!("store-list-failed"))
            .map_err(|error| error.at_path(&self.place.shown))
    }

    fn link(&self, name: &str) -> Option<String> {
        let path = self.place.folder.join(name);
        let target = std::fs::read_link(&path).ok()?;
        Some(std::fs::canonicalize(&path).unwrap_or(target).display().to_string())
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let files = self.files(name);
        if !files.place.folder.is_dir() {
            return Err(Error::new(ErrorKind::NotFound, message!("store-no-image"))
                .at_path(&files.place.shown)
                .advise(message!("image-foreign-advice")));
        }
        Ok(Arc::new(files))
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let files = self.files(name);
        std::fs::create_dir(&files.place.folder)
            .context(|| message!("store-create-failed"))
            .map_err(|error| {
                error.at_path(&files.place.shown).advise(message!("store-create-advice"))
            })?;
        sync_folder(&self.place)?;
        Ok(Arc::new(files))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        let place = self.place.join(name);
        std::fs::remove_dir(&place.folder)
            .context(|| message!("store-delete-failed"))
            .map_err(|error| error.at_path(&place.shown).advise(message!("store-delete-advice")))?;
        sync_folder(&self.place)
    }

    fn free_space(&self) -> Option<u64> {
        let status = rustix::fs::statvfs(&self.place.folder).ok()?;
        status.f_bavail.checked_mul(status.f_frsize)
    }

    fn max_file_size(&self) -> Option<u64> {
        const MSDOS_SUPER_MAGIC: u64 = 0x4d44;
        let status = rustix::fs::statfs(&self.place.folder).ok()?;
        (status.f_type as u64 == MSDOS_SUPER_MAGIC).then_some(u64::from(u32::MAX))
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        let path = self.place.folder.join(name).join(HEADER);
        // Network file systems lock for one alone only what is open for writing.
        let opened = open_plain(&path, true).or_else(|_| open_plain(&path, false));
        let Ok(file) = opened else { return Ok(Some(Claim(None))) };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            // A file system without locks cannot tell; the person who prunes is asked anyway.
            _ => Ok(Some(Claim::of(file))),
        }
    }

    fn lock(&self) -> Result<Claim> {
        // Where the folder cannot be locked, as on some network file systems, the moment in which
        // two can commit the same name is short, and they are told apart when they are looked for.
        let Ok(folder) = File::open(&self.place.folder) else { return Ok(Claim(None)) };
        let patience = Instant::now() + LOCK_PATIENCE;
        loop {
            match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Claim::of(folder)),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(_) => return Ok(Claim(None)),
            }
        }
    }
}

/// How long somebody else who completes an image is waited for: a few small files are written
/// meanwhile, by somebody who may hang.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// The files of one image in a folder.
struct LocalFiles {
    place: Place,
    max_file_size: Option<u64>,
}

impl ImageFiles for LocalFiles {
    fn location(&self) -> String {
        self.place.shown.display().to_string()
    }

    fn hold(&self) -> Option<Hold> {
        let file = open_plain(&self.place.folder.join(HEADER), false).ok()?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
        Some(Box::new(file))
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        let path = self.place.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path.folder)
            .context(|| message!("store-create-failed"))
            .map_err(|error| {
                let advice = match error.kind() {
                    ErrorKind::NoSpace => message!("store-full-advice"),
                    _ => message!("store-create-advice"),
                };
                error.at_path(&path.shown).advise(advice)
            })?;
        let (folder, path) = (self.place.clone(), path.shown);
        Ok(Box::new(LocalWriter { file, folder, path, unsynced: 0, written: 0, durable: 0 }))
    }

    fn resume(&self, name: &str, length: u64) -> Result<Box<dyn FileWriter>> {
        let path = self.place.join(name);
        let opened = || -> std::io::Result<File> {
            let mut file = open_plain(&path.folder, true)?;
            if file.metadata()?.len() < length {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            Ok(file)
        };
        let file = opened()
            .context(|| message!("store-write-failed"))
            .map_err(|error| error.at_path(&path.shown))?;
        let (folder, path) = (self.place.clone(), path.shown);
        let (unsynced, written, durable) = (0, length, length);
        Ok(Box::new(LocalWriter { file, folder, path, unsynced, written, durable }))
    }

    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>> {
        let Place { folder: path, shown } = self.place.join(name);
        let opened = || -> Result<LocalReader> {
            let file = open_plain(&path, false).context(|| message!("store-read-failed"))?;
            let metadata = file.metadata().context(|| message!("store-read-failed"))?;
            if !metadata.is_file() {
                return Err(Error::new(ErrorKind::Damaged, message!("store-no-plain-file")));
            }
            let direct = match freshness {
                Freshness::Any => None,
                Freshness::Medium => {
                    drop_cache(&file)?;
                    DirectFile::open(&path)
                }
            };
            Ok(LocalReader { file, direct, path: shown.clone(), length: metadata.len() })
        };
        opened()
            .map(|reader| Box::new(reader) as Box<dyn FileReader>)
            .map_err(|error| error.at_path(&shown))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        let list = || -> std::io::Result<Vec<FileEntry>> {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(&self.place.folder)? {
                let entry = entry?;
                let length = match entry.metadata() {
                    // Removed while we looked.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    metadata => metadata?.len(),
                };
                if let Ok(name) = entry.file_name().into_string() {
                    files.push(FileEntry { name, length });
                }
            }
            files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            Ok(files)
        };
        list()
            .context(|| message!("store-list-failed"))
            .map_err(|error| error.at_path(&self.place.shown))
    }

    fn delete(&self, name: &str) -> Result<()> {
        let path = self.place.join(name);
        std::fs::remove_file(&path.folder)
            .context(|| message!("store-delete-failed"))
            .map_err(|error| error.at_path(&path.shown).advise(message!("store-delete-advice")))?;
        sync_folder(&self.place)
    }

    fn max_file_size(&self) -> Option<u64> {
        self.max_file_size
    }
}

struct LocalWriter {
    file: File,
    folder: Place,
    /// The file, as people know it.
    path: PathBuf,
    unsynced: u64,
    written: u64,
    durable: u64,
}

/// How much may wait in the page cache before it is pushed to the medium, in bytes: a stick that
/// is told everything at the end makes the last minute last an hour.
const PUSH_AFTER: u64 = 32 << 20;

impl LocalWriter {
    fn explain(&self, error: Error) -> Error {
        let error = error.at_path(&self.path).at_offset(self.written);
        match error.kind() {
            ErrorKind::NoSpace => error.advise(message!("store-full-advice")),
            _ => error,
        }
    }
}

impl FileWriter for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .context(|| message!("store-write-failed"))
            .map_err(|error| self.explain(error))?;
        self.written += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= PUSH_AFTER {
            self.unsynced = 0;
            // Only starts the writing; errors come back from the sync at the end.
            let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
        }
        Ok(())
    }

    fn durable(&self) -> u64 {
        self.durable
    }

    fn sync(&mut self) -> Result<()> {
        self.file
            .sync_data()
            .context(|| message!("store-write-failed"))
            .map_err(|error| self.explain(error))?;
        self.durable = self.written;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.file
            .sync_all()
            .context(|| message!("store-write-failed"))
            .map_err(|error| self.explain(error))?;
        sync_folder(&self.folder)
    }
}

struct LocalReader {
    file: File,
    direct: Option<DirectFile>,
    /// The file, as people know it.
    path: PathBuf,
    length: u64,
}

impl FileReader for LocalReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        match &self.direct {
            Some(direct) => direct.read_exact_at(offset, buffer),
            None => self.file.read_exact_at(buffer, offset),
        }
        .map_err(|error| {
            let error = match error.kind() {
                // The file ends before its own length: it was cut while we looked.
                std::io::ErrorKind::UnexpectedEof => {
                    Error::new(ErrorKind::Damaged, message!("store-cut-short")).caused_by(error)
                }
                _ => Err::<(), _>(error).context(|| message!("store-read-failed")).unwrap_err(),
            };
            error.at_path(&self.path).at_offset(offset)
        })
    }
}
