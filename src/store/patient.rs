//! A store on a server that may go away for a while: every operation waits until it is there
//! again, and a file that was being written goes on where it is surely stored.

use super::patience::Patience;
use super::{Claim, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, Hold, ImageFiles};
use crate::text::message;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Bytes of one file that are kept to be sent again; then the store is asked to make them durable.
const KEPT: u64 = 48 << 20;

/// A store that waits for its server.
pub struct PatientStore {
    store: Arc<dyn Store>,
    patience: Arc<Patience>,
}

impl PatientStore {
    /// `store`, whose failures of the kind [`ErrorKind::Unreachable`] are waited for.
    pub fn new(store: Arc<dyn Store>, patience: Arc<Patience>) -> Self {
        Self { store, patience }
    }

    fn wrap(&self, files: Arc<dyn ImageFiles>) -> Arc<dyn ImageFiles> {
        Arc::new(PatientFiles { files, patience: self.patience.clone() })
    }
}

impl Store for PatientStore {
    fn location(&self) -> String {
        self.store.location()
    }

    fn directories(&self) -> Result<Vec<String>> {
        self.patience.insist(|| self.store.directories())
    }

    fn candidates(&self, name: &str) -> Result<Vec<String>> {
        self.patience.insist(|| self.store.candidates(name))
    }

    fn link(&self, name: &str) -> Option<String> {
        self.store.link(name)
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.patience.insist(|| self.store.directory(name)).map(|files| self.wrap(files))
    }

    // A directory that was made although the answer got lost seems to be somebody else's. Whoever
    // makes one for an image takes another name then; an empty one is left behind.
    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.patience.insist(|| self.store.create_directory(name)).map(|files| self.wrap(files))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        let mut is_again = false;
        self.patience.insist(|| {
            let result = self.store.remove_directory(name);
            accept_gone(result, std::mem::replace(&mut is_again, true))
        })
    }

    fn free_space(&self) -> Option<u64> {
        self.store.free_space()
    }

    fn max_file_size(&self) -> Option<u64> {
        self.store.max_file_size()
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        self.patience.insist(|| self.store.claim(name))
    }

    fn lock(&self) -> Result<Claim> {
        self.patience.insist(|| self.store.lock())
    }
}

/// What was to be removed and is not there at the second try was removed by the first.
fn accept_gone(result: Result<()>, is_again: bool) -> Result<()> {
    match result {
        Err(error) if is_again && error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

struct PatientFiles {
    files: Arc<dyn ImageFiles>,
    patience: Arc<Patience>,
}

impl ImageFiles for PatientFiles {
    fn location(&self) -> String {
        self.files.location()
    }

    fn hold(&self) -> Option<Hold> {
        self.files.hold()
    }

    fn directory(&self) -> String {
        self.files.directory()
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        let mut is_again = false;
        let writer = self.patience.insist(|| {
            let result = self.files.create(name);
            match result {
                // The directory belongs to one saver: what is there now was made by the try whose
                // answer got lost.
                Err(error) if is_again && error.kind() != ErrorKind::Unreachable => {
                    self.files.resume(name, 0).map_err(|other| match other.kind() {
                        ErrorKind::Unreachable => other,
                        _ => error,
                    })
                }
                result => {
                    is_again = true;
                    result
                }
            }
        })?;
        Ok(Box::new(PatientWriter {
            files: self.files.clone(),
            patience: self.patience.clone(),
            name: name.to_owned(),
            writer: Some(writer),
            kept: Kept::default(),
        }))
    }

    fn resume(&self, name: &str, length: u64) -> Result<Box<dyn FileWriter>> {
        self.patience.insist(|| self.files.resume(name, length))
    }

    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>> {
        let reader = self.patience.insist(|| self.files.open(name, freshness))?;
        Ok(Box::new(PatientReader {
            files: self.files.clone(),
            patience: self.patience.clone(),
            name: name.to_owned(),
            freshness,
            length: reader.length(),
            reader: Mutex::new(reader.into()),
        }))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        self.patience.insist(|| self.files.list())
    }

    fn delete(&self, name: &str) -> Result<()> {
        let mut is_again = false;
        self.patience.insist(|| {
            let result = self.files.delete(name);
            accept_gone(result, std::mem::replace(&mut is_again, true))
        })
    }

    fn max_file_size(&self) -> Option<u64> {
        self.files.max_file_size()
    }
}

/// The end of a file that may have to be sent again.
#[derive(Default)]
struct Kept {
    pieces: VecDeque<Vec<u8>>,
    /// Where the first piece begins, in bytes from the start of the file.
    start: u64,
    bytes: u64,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.pieces.push_back(bytes.to_vec());
        self.bytes += bytes.len() as u64;
    }

    /// Forgets what lies before `durable`.
    fn forget(&mut self, durable: u64) {
        while let Some(first) = self.pieces.front() {
            let length = first.len() as u64;
            if self.start + length > durable {
                return;
            }
            self.pieces.pop_front();
            self.start += length;
            self.bytes -= length;
        }
    }
}

struct PatientWriter {
    files: Arc<dyn ImageFiles>,
    patience: Arc<Patience>,
    name: String,
    /// None when the last try to go on failed.
    writer: Option<Box<dyn FileWriter>>,
    kept: Kept,
}

impl PatientWriter {
    /// A writer of the file as far as it must have come, in the place of one that broke.
    fn go_on(&mut self) -> Result<Box<dyn FileWriter>> {
        let mut writer = self.files.resume(&self.name, self.kept.start)?;
        for piece in &self.kept.pieces {
            writer.write(piece)?;
        }
        Ok(writer)
    }

    /// Does something with the file. Where the server went away, its end is sent again first.
    fn insist(
        &mut self,
        mut operation: impl FnMut(Box<dyn FileWriter>) -> Result<Option<Box<dyn FileWriter>>>,
    ) -> Result<()> {
        let patience = self.patience.clone();
        let mut first: Option<Error> = None;
        let result = patience.insist(|| {
            let writer = match self.writer.take() {
                Some(writer) => writer,
                None => self.go_on()?,
            };
            match operation(writer) {
                Ok(writer) => {
                    self.writer = writer;
                    Ok(())
                }
                Err(error) => Err(error),
            }
            .inspect_err(|error: &Error| {
                if first.is_none() {
                    first = Some(Error::new(error.kind(), error.message().clone()));
                }
            })
        });
        match (result, first) {
            // The store cannot go on with a file: what counts is why it had to.
            (Err(error), Some(first)) if error.kind() == ErrorKind::Unsupported => {
                Err(first.at_path(&self.name))
            }
            (result, _) => result,
        }
    }
}

impl FileWriter for PatientWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.kept.push(bytes);
        // After going on, these bytes are there with the others that were kept.
        let mut is_sent = self.writer.is_none();
        self.insist(|mut writer| {
            if !std::mem::replace(&mut is_sent, true) {
                writer.write(bytes)?;
            }
            Ok(Some(writer))
        })?;
        let durable = self.durable();
        self.kept.forget(durable);
        if self.kept.bytes > KEPT {
            self.sync()?;
        }
        Ok(())
    }

    fn durable(&self) -> u64 {
        self.writer.as_ref().map_or(0, |writer| writer.durable())
    }

    fn sync(&mut self) -> Result<()> {
        self.insist(|mut writer| writer.sync().map(|()| Some(writer)))?;
        let durable = self.durable();
        self.kept.forget(durable);
        if self.kept.bytes > 2 * KEPT {
            return Err(
                Error::new(ErrorKind::Io, message!("store-write-failed")).at_path(&self.name)
            );
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.insist(|writer| writer.finish().map(|()| None))
    }
}

struct PatientReader {
    files: Arc<dyn ImageFiles>,
    patience: Arc<Patience>,
    name: String,
    freshness: Freshness,
    length: u64,
    reader: Mutex<Arc<dyn FileReader>>,
}

impl FileReader for PatientReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let mut broken: Option<Arc<dyn FileReader>> = None;
        self.patience.insist(|| {
            let reader = {
                let mut current = self.reader.lock().expect("no holder panics");
                // Whoever comes first opens the file again for all.
                if broken.as_ref().is_some_and(|broken| Arc::ptr_eq(broken, &current)) {
                    let again: Arc<dyn FileReader> =
                        self.files.open(&self.name, self.freshness)?.into();
                    if again.length() != self.length {
                        return Err(Error::new(ErrorKind::Damaged, message!("store-changed"))
                            .at_path(&self.name));
                    }
                    *current = again;
                }
                current.clone()
            };
            let result = reader.read_at(offset, buffer);
            broken = Some(reader);
            result
        })
    }
}
