//! Where images live. One trait, one conformance suite (`tests/store_conformance.rs`) that every
//! store must pass.
#![forbid(unsafe_code)]

pub mod address;
pub mod credentials;
pub mod fault;
mod local;
mod memory;
pub mod patience;
mod patient;
mod read_ahead;
mod runtime;
mod sftp;
mod share;
mod web;

pub use local::LocalStore;
pub use memory::MemoryStore;
pub use patient::PatientStore;
pub use sftp::{HostKeys, SftpStore};
pub use share::{SHARE_PROCESS, ShareStore, run_share_process};
pub use web::{BucketStore, Client as WebClient, Redirects, SiteStore, Trust};

use crate::error::Result;
use crate::image::ImageFiles;
use std::sync::Arc;

/// A place that holds images, each in a directory of its own.
pub trait Store: Send + Sync {
    /// What a person calls it.
    fn location(&self) -> String;

    /// The names of the directories in it, links to directories included.
    ///
    /// # Errors
    /// When the store cannot be reached.
    fn directories(&self) -> Result<Vec<String>>;

    /// The names of directories among which the image that people call `name` is, if there is
    /// one. Stores that can list nothing know those of the very name.
    ///
    /// # Errors
    /// When the store cannot be reached.
    fn candidates(&self, _name: &str) -> Result<Vec<String>> {
        self.directories()
    }

    /// Where the files of a directory really lie, when its name is only a link to another place:
    /// they are not this store's to delete.
    fn link(&self, _name: &str) -> Option<String> {
        None
    }

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

    /// Keeps others who ask from completing an image in this store for as long as the answer is
    /// kept, where the store can; waits while somebody else does, and not for ever.
    ///
    /// # Errors
    /// When the store fails.
    fn lock(&self) -> Result<Claim> {
        Ok(Claim(None))
    }
}

/// Proof that nobody else writes a directory or completes an image; given up when dropped.
pub struct Claim(
    #[allow(dead_code, reason = "kept for its lock")] Option<Box<dyn std::any::Any + Send + Sync>>,
);

impl Claim {
    /// Proof for as long as `lock` is kept.
    fn of(lock: impl std::any::Any + Send + Sync) -> Self {
        Self(Some(Box::new(lock)))
    }
}
