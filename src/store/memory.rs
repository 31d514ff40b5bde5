//! A store in memory, for tests: quick, and everything in it can be damaged on purpose.

use super::{Claim, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, ImageFiles};
use crate::text::message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type Directories = BTreeMap<String, BTreeMap<String, Arc<Vec<u8>>>>;

/// Images in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    directories: Arc<Mutex<Directories>>,
}

fn not_found(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, message!("store-no-image")).at_path(name)
}

impl MemoryStore {
    fn with<T>(&self, change: impl FnOnce(&mut Directories) -> T) -> T {
        change(&mut self.directories.lock().expect("no holder panics"))
    }

    /// The bytes of a file.
    pub fn get(&self, directory: &str, file: &str) -> Option<Vec<u8>> {
        self.with(|all| Some(all.get(directory)?.get(file)?.to_vec()))
    }

    /// Puts a file in place of what is there; `None` removes it.
    pub fn set(&self, directory: &str, file: &str, bytes: Option<Vec<u8>>) {
        self.with(|all| {
            let directory = all.entry(directory.to_owned()).or_default();
            match bytes {
                Some(bytes) => directory.insert(file.to_owned(), Arc::new(bytes)),
                None => directory.remove(file),
            }
        });
    }

    fn files(&self, name: &str) -> Arc<dyn ImageFiles> {
        Arc::new(MemoryFiles { store: self.clone(), directory: name.to_owned() })
    }
}

impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory".into()
    }

    fn directories(&self) -> Result<Vec<String>> {
        Ok(self.with(|all| all.keys().cloned().collect()))
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        if self.with(|all| all.contains_key(name)) {
            Ok(self.files(name))
        } else {
            Err(not_found(name))
        }
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        let exists = self.with(|all| match all.contains_key(name) {
            true => true,
            false => {
                all.insert(name.to_owned(), BTreeMap::new());
                false
            }
        });
        if exists {
            return Err(Error::new(ErrorKind::Io, message!("store-create-failed")).at_path(name));
        }
        Ok(self.files(name))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        self.with(|all| match all.get(name) {
            Some(files) if files.is_empty() => {
                all.remove(name);
                Ok(())
            }
            Some(_) => {
                Err(Error::new(ErrorKind::Io, message!("store-delete-failed")).at_path(name))
            }
            None => Err(not_found(name)),
        })
    }

    fn free_space(&self) -> Option<u64> {
        None
    }

    fn max_file_size(&self) -> Option<u64> {
        None
    }

    fn claim(&self, _: &str) -> Result<Option<Claim>> {
        Ok(Some(Claim(None)))
    }
}

struct MemoryFiles {
    store: MemoryStore,
    directory: String,
}

impl ImageFiles for MemoryFiles {
    fn location(&self) -> String {
        self.directory.clone()
    }

    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>> {
        if self.store.get(&self.directory, name).is_some() {
            return Err(Error::new(ErrorKind::Io, message!("store-create-failed")).at_path(name));
        }
        // As on a disk, the file is there from the beginning, and grows.
        self.store.set(&self.directory, name, Some(Vec::new()));
        Ok(Box::new(MemoryWriter {
            store: self.store.clone(),
            directory: self.directory.clone(),
            name: name.to_owned(),
            bytes: Vec::new(),
        }))
    }

    fn open(&self, name: &str, _: Freshness) -> Result<Box<dyn FileReader>> {
        let bytes = self
            .store
            .with(|all| all.get(&self.directory)?.get(name).cloned())
            .ok_or_else(|| not_found(name))?;
        Ok(Box::new(MemoryReader(bytes)))
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        self.store.with(|all| {
            let files = all.get(&self.directory).ok_or_else(|| not_found(&self.directory))?;
            Ok(files
                .iter()
                .map(|(name, bytes)| FileEntry { name: name.clone(), length: bytes.len() as u64 })
                .collect())
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        if self.store.get(&self.directory, name).is_none() {
            return Err(not_found(name));
        }
        self.store.set(&self.directory, name, None);
        Ok(())
    }
}

struct MemoryWriter {
    store: MemoryStore,
    directory: String,
    name: String,
    bytes: Vec<u8>,
}

impl FileWriter for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.store.set(&self.directory, &self.name, Some(self.bytes));
        Ok(())
    }
}

struct MemoryReader(Arc<Vec<u8>>);

impl FileReader for MemoryReader {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length());
        let Some(end) = end else {
            return Err(
                Error::new(ErrorKind::Damaged, message!("store-cut-short")).at_offset(offset)
            );
        };
        buffer.copy_from_slice(&self.0[offset as usize..end as usize]);
        Ok(())
    }
}
