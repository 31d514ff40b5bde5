//! What the format needs of the place where an image lies: plain files, written once.

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use serde::{Deserialize, Serialize};

/// Where bytes may come from when a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// From anywhere, a cache included.
    Any,
    /// From the medium, past every cache that can be passed: what verification needs.
    Medium,
}

/// A file of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name within the image.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
}

/// The files of one image.
pub trait ImageFiles: Send + Sync {
    /// Where the image is, as the person named it.
    fn location(&self) -> String;

    /// The name of the directory: the last part of the location.
    fn directory(&self) -> String {
        let location = self.location();
        location.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// Creates a file that does not exist yet.
    ///
    /// # Errors
    /// When it exists, or the store refuses.
    fn create(&self, name: &str) -> Result<Box<dyn FileWriter>>;

    /// Goes on with a file that this process began and that no reader counts on yet: what it
    /// holds after its first `length` bytes is thrown away, and more is written there: the same
    /// bytes as before, as far as some were, since a store may have kept those. For stores on
    /// servers, whose connections break.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where a store has no need of it; when the file has fewer bytes.
    fn resume(&self, _name: &str, _length: u64) -> Result<Box<dyn FileWriter>> {
        Err(Error::new(ErrorKind::Unsupported, message!("store-no-resume")))
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::NotFound`] when there is none.
    fn open(&self, name: &str, freshness: Freshness) -> Result<Box<dyn FileReader>>;

    /// The files there are, by name.
    ///
    /// # Errors
    /// When the store fails.
    fn list(&self) -> Result<Vec<FileEntry>>;

    /// Deletes a file.
    ///
    /// # Errors
    /// When the store refuses.
    fn delete(&self, name: &str) -> Result<()>;

    /// The largest file the place can hold, in bytes, where it is known.
    fn max_file_size(&self) -> Option<u64> {
        None
    }

    /// Keeps others who ask from removing the image for as long as the answer lives; none where the
    /// store cannot, and while somebody writes it.
    fn hold(&self) -> Option<Hold> {
        None
    }
}

/// Proof that an image is being read; given up when dropped.
pub type Hold = Box<dyn std::any::Any + Send + Sync>;

/// A file being written, front to back.
pub trait FileWriter: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// When the store fails or is full.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// How many bytes from the front of the file survive a server that goes away, as far as that
    /// is known; they need not be kept to be sent again.
    fn durable(&self) -> u64 {
        0
    }

    /// Waits until everything written so far is durable, where the store can tell before the file
    /// is finished.
    ///
    /// # Errors
    /// When the store fails.
    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    /// Closes the file; returns when it is durable.
    ///
    /// # Errors
    /// When the store cannot promise that.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A file being read at any offset.
pub trait FileReader: Send + Sync {
    /// Length in bytes.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    /// When the file ends before that, or the store fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;
}
