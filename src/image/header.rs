//! `header.json` (section 4): identity, format and features.

use super::{DEFAULT_CHUNK_SIZE, FORMAT, HEADER, MAX_CHUNK_SIZE, MIN_CHUNK_SIZE, damaged};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::text::message;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The identity of an image: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(#[serde(with = "hex::serde")] pub [u8; 16]);

/// The identity of one run of the saver: 8 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SaveId(#[serde(with = "hex::serde")] pub [u8; 8]);

pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| std::io::Error::other(error.to_string()))
        .context(|| message!("image-no-randomness"))?;
    Ok(bytes)
}

impl ImageId {
    /// A new identity.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self> {
        random().map(Self)
    }

    /// The first eight digits: enough to tell two directories of one name apart.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl SaveId {
    /// A new identity.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self> {
        random().map(Self)
    }
}

impl fmt::Display for SaveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// An image that this one may refer to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Base {
    /// Its identity.
    pub image_id: ImageId,
    /// The name of its directory beside this one.
    pub name: String,
}

/// The body of `header.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// Features without which the image cannot be read rightly.
    pub incompatible_features: Vec<String>,
    /// Identity of the image.
    pub image_id: ImageId,
    /// Identity of the run that made the header.
    pub save_id: SaveId,
    /// Chunk size in bytes.
    pub chunk_size: u32,
    /// When the save began, RFC 3339, UTC.
    pub started: String,
    /// Program and version.
    pub writer: String,
    /// Key slots. No version that writes format 1 without the feature `encryption` has any.
    pub encryption: Option<serde_json::Value>,
    /// Images this one may refer to.
    #[serde(default)]
    pub bases: Vec<Base>,
}

/// What this program calls itself in images.
pub(super) fn writer_name() -> String {
    format!("calco {}", env!("CARGO_PKG_VERSION"))
}

impl Header {
    /// A header with new identities.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(started: String) -> Result<Self> {
        Ok(Self {
            format: FORMAT,
            incompatible_features: Vec::new(),
            image_id: ImageId::random()?,
            save_id: SaveId::random()?,
            chunk_size: DEFAULT_CHUNK_SIZE,
            started,
            writer: writer_name(),
            encryption: None,
            bases: Vec::new(),
        })
    }

    /// Refuses what this version does not understand.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for newer formats and features, [`ErrorKind::Damaged`] for
    /// values that no version writes.
    pub fn check(&self) -> Result<()> {
        let newer = |what: String| {
            Err(Error::new(ErrorKind::Unsupported, message!("image-needs-newer", what = what))
                .at_path(HEADER)
                .advise(message!("image-needs-newer-advice")))
        };
        if self.format > FORMAT {
            return newer(format!("format {}", self.format));
        }
        if let Some(feature) = self.incompatible_features.first() {
            return newer(feature.clone());
        }
        if self.encryption.is_some() {
            return newer("encryption".to_owned());
        }
        let sound = self.format > 0
            && self.chunk_size.is_power_of_two()
            && (MIN_CHUNK_SIZE..=MAX_CHUNK_SIZE).contains(&self.chunk_size);
        if !sound {
            return Err(damaged(HEADER, message!("image-envelope-foreign")));
        }
        Ok(())
    }
}
