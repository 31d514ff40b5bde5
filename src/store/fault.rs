//! A store that fails on purpose: every operation that changes something is counted, and one of
//! them, or all from one on, fail. For tests.

use super::{Claim, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::image::{FileEntry, FileReader, FileWriter, Freshness, Hold, ImageFiles};
use crate::text::message;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which operations fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Only the operation with this number, counted from 0: a cable that was moved.
    Once(u64),
    /// That one and all that follow: a server that went away, a stick that is full.
    From(u64),
}

struct Plan {
    fault: Fault,
    kind: ErrorKind,
    done: AtomicU64,
}

impl Plan {
    fn step(&self) -> Result<()> {
        let number = self.done.fetch_add(1, Ordering::SeqCst);
        let fails = match self.fault {
            Fault::Once(at) => number == at,
            Fault::From(at) => number >= at,
        };
        match fails {
            true => Err(Error::new(self.kind, message!("store-write-failed"))),
            false => Ok(()),
        }
    }
}

/// A store whose operations fail as planned. Counted are: making and removing directories,
/// creating, writing, finishing, opening, listing and deleting files.
pub struct FailingStore {
    store: Arc<dyn Store>,
    plan: Arc<Plan>,
}

impl FailingStore {
    /// `store`, in which `fault` ends in an error of this kind.
    pub fn new(store: Arc<dyn Store>, fault: Fault, kind: ErrorKind) -> Self {
        Self { store, plan: Arc::new(Plan { fault, kind, done: AtomicU64::new(0) }) }
    }

    /// The number of operations so far.
    pub fn operations(&self) -> u64 {
        self.plan.done.load(Ordering::SeqCst)
    }

    fn wrap(&self, files: Arc<dyn ImageFiles>) -> Arc<dyn ImageFiles> {
        Arc::new(FailingFiles { files, plan: self.plan.clone() })
    }
}

impl Store for FailingStore {
    fn location(&self) -> String {
        self.store.location()
    }

    fn directories(&self) -> Result<Vec<String>> {
        self.plan.step()?;
        self.store.directories()
    }

    fn link(&self, name: &str) -> Option<String> {
        self.store.link(name)
    }

    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.store.directory(name).map(|files| self.wrap(files))
    }

    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>> {
        self.plan.step()?;
        self.store.create_directory(name).map(|files| self.wrap(files))
    }

    fn remove_directory(&self, name: &str) -> Result<()> {
        self.plan.step()?;
        self.store.remove_directory(name)
    }

    fn free_space(&self) -> Option<u64> {
        self.store.free_space()
    }

    fn max_file_size(&self) -> Option<u64> {
        self.store.max_file_size()
    }

    fn claim(&self, name: &str) -> Result<Option<Claim>> {
        self.store.claim(name)
    }

    fn lock(&self) -> Result<Claim> {
        self.store.lock()
    }
}

struct FailingFiles {
    files: Arc<dyn ImageFiles>,
    plan: Arc<Plan>,
}

impl ImageFiles for FailingFiles {
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
        self.plan.step()?;
        let writer = self.files.create(name)?;
        Ok(Box::new(FailingWriter { writer, plan: self.plan.clone() }))
    }

    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>> {
        self.plan.step()?;
        self.files.open(name, freshness)
    }

    fn list(&self) -> Result<Vec<FileEntry>> {
        self.plan.step()?;
        self.files.list()
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.plan.step()?;
        self.files.delete(name)
    }

    fn max_file_size(&self) -> Option<u64> {
        self.files.max_file_size()
    }
}

struct FailingWriter {
    writer: Box<dyn FileWriter>,
    plan: Arc<Plan>,
}

impl FileWriter for FailingWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(error) = self.plan.step() {
            // As when a disk is full: a part of it arrived.
            let _ = self.writer.write(&bytes[..bytes.len() / 2]);
            return Err(error);
        }
        self.writer.write(bytes)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let failed = self.plan.step();
        // What was written is there, whether or not the store promises that it stays.
        self.writer.finish()?;
        failed
    }
}
