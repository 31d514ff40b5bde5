//! The state in which a volume was left, where a person should know it by name.

use super::Doubt;
use crate::text::{Message, message};
use serde::{Deserialize, Serialize};

/// How a volume was left.
///
/// The names are stored in manifests: they can be added to, never changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VolumeState {
    /// A system sleeps on it and goes on from there.
    Hibernated,
    /// It was not closed cleanly, or is in use.
    Unclean,
    /// A state that this version has no name for.
    #[serde(other)]
    Unknown,
}

impl VolumeState {
    /// What a person calls it; none where there is no name for it.
    pub fn name(self) -> Option<Message> {
        match self {
            Self::Hibernated => Some(message!("filesystem-state-hibernated")),
            Self::Unclean => Some(message!("filesystem-state-unclean")),
            Self::Unknown => None,
        }
    }

    /// The state that a doubt tells of; none where it tells of damage or of something unknown.
    pub(super) fn told_by(doubt: &Doubt) -> Option<Self> {
        match doubt.id() {
            "ntfs-hibernated" | "swap-hibernated" => Some(Self::Hibernated),
            "ntfs-dirty"
            | "ntfs-log-not-clean"
            | "ntfs-kept-in-memory"
            | "exfat-dirty"
            | "fat-dirty"
            | "ext-needs-recovery"
            | "ext-needs-recovery-external"
            | "ext-not-clean"
            | "f2fs-not-clean"
            | "hfsplus-not-clean"
            | "hfsplus-journal-full"
            | "udf-open"
            | "thin-needs-check"
            | "xfs-needs-recovery" => Some(Self::Unclean),
            _ => None,
        }
    }
}
