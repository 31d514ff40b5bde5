//! Where images live. One trait, one conformance suite (`tests/store_conformance.rs`) that every
//! store must pass.
#![forbid(unsafe_code)]

pub mod fault;
mod local;
mod memory;

pub use local::LocalStore;
pub use memory::MemoryStore;

use crate::error::Result;
use crate::image::ImageFiles;
use std::sync::Arc;

/// A place that holds images, each in a directory of its own.
pub trait Store: Send + Sync {
    /// What a person calls it.
    fn location(&self) -> String;

    /// The names of the directories in it.
    ///
    /// # Errors
    /// When the store cannot be reached.
    fn directories(&self) -> Result<Vec<String>>;

    /// The files of a directory that exists.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::NotFound`] when there is none.
    fn directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>>;

    /// Makes a directory that does not exist yet.
    ///
    /// # Errors
    /// When it exists, or the store refuses.
    fn create_directory(&self, name: &str) -> Result<Arc<dyn ImageFiles>>;

    /// Removes a directory that holds no file any more.
    ///
    /// # Errors
    /// When it still holds one, or the store refuses.
    fn remove_directory(&self, name: &str) -> Result<()>;

    /// Bytes that can still be written, where the store tells.
    fn free_space(&self) -> Option<u64>;

    /// The largest file it can hold, in bytes, where it is known.
    fn max_file_size(&self) -> Option<u64>;

    /// Marks a directory as being written by this process for as long as the answer is kept;
    /// `None` when another process writes it now.
    ///
    /// # Errors
    /// When the store fails.
    fn claim(&self, name: &str) -> Result<Option<Claim>>;
}

/// Proof that nobody else writes a directory; given up when dropped.
pub struct Claim(#[allow(dead_code, reason = "kept for its lock")] Option<std::fs::File>);
