//! Choosing where images are.

use super::Menu;
use super::ask::Answer;
use super::screen::{Choice, Input, List};
use crate::error::Result;
use crate::store::{LocalStore, Store};
use crate::text::{Message, message};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where images are, as the person chose it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// The word for a command.
    pub(super) word: String,
}

impl Place {
    /// Opens it for a look.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) fn look(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(LocalStore::open(Path::new(&self.word))?))
    }

    /// Opens it for writing.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) fn write(&self) -> Result<Arc<dyn Store>> {
        self.look()
    }

    /// The word for an image in it.
    pub(super) fn image(&self, directory: &str) -> String {
        format!("{}/{directory}", self.word.trim_end_matches('/'))
    }

    /// The folder, where it is one of this system.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        Some(PathBuf::from(&self.word))
    }
}

impl Menu<'_> {
    /// The place of images.
    pub(super) fn place(&mut self, title: &Message) -> Answer<Place> {
        loop {
            let choices = vec![Choice::new((), message!("menu-place-folder"))];
            if self.person.choose(List::new(title, choices))?.is_none() {
                return Ok(None);
            }
            let input = Input::new(title, message!("menu-folder-prompt"), "");
            let check = |text: &str| {
                let missing = !Path::new(text).is_dir();
                missing.then(|| message!("menu-folder-missing", path = text).to_string())
            };
            if let Some(word) = self.person.line(input, check)? {
                return Ok(Some(Place { word }));
            }
        }
    }
}
