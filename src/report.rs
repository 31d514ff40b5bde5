//! How an operation tells what it is doing. No terminal here: the faces implement the trait.

use crate::error::{Error, ErrorKind, Result};
use crate::text::{Message, message};

/// A stretch of work with a bar of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Finding out what is in use.
    Survey,
    /// Reading the disk and storing chunks.
    Save,
    /// Reading the image back, or checking it.
    Verify,
    /// Checking the image before a restore.
    Precheck,
    /// Writing to the target.
    Restore,
    /// Reading the target back.
    VerifyTarget,
    /// Writing an image's files to another place.
    Copy,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 7] = [
        Self::Survey,
        Self::Save,
        Self::Verify,
        Self::Precheck,
        Self::Restore,
        Self::VerifyTarget,
        Self::Copy,
    ];

    /// The stage with this [`Stage::id`].
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.id() == id)
    }

    /// What a person sees.
    pub fn title(self) -> Message {
        match self {
            Self::Survey => message!("ui-stage-survey"),
            Self::Save => message!("ui-stage-save"),
            Self::Verify => message!("ui-stage-verify"),
            Self::Precheck => message!("ui-stage-precheck"),
            Self::Restore => message!("ui-stage-restore"),
            Self::VerifyTarget => message!("ui-stage-verify-target"),
            Self::Copy => message!("ui-stage-copy"),
        }
    }

    /// The name in machine-readable progress.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Save => "save",
            Self::Verify => "verify",
            Self::Precheck => "precheck",
            Self::Restore => "restore",
            Self::VerifyTarget => "verify-target",
            Self::Copy => "copy",
        }
    }
}

/// Where progress goes and where the wish to stop comes from.
pub trait Report: Send + Sync {
    /// A stage begins; `total` is its length in bytes.
    fn begin(&self, stage: Stage, total: u64);

    /// `bytes` more of the stage are done.
    fn advance(&self, bytes: u64);

    /// The stage is over.
    fn end(&self);

    /// Something a person should know now; it is also kept in the log.
    fn note(&self, message: &Message);

    /// Whether the person asked to stop.
    fn is_interrupted(&self) -> bool;

    /// Ends the operation when the person asked to stop.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`].
    fn check(&self) -> Result<()> {
        if self.is_interrupted() {
            return Err(Error::new(ErrorKind::Interrupted, message!("error-interrupted")));
        }
        Ok(())
    }
}

/// Tells nobody and never stops.
pub struct Silent;

impl Report for Silent {
    fn begin(&self, _: Stage, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn note(&self, _: &Message) {}
    fn is_interrupted(&self) -> bool {
        false
    }
}
