//! What a volume contains, by signatures at known positions, for everything that has no reader.
//!
//! Each format is a [`Row`] of a table: where its superblock lies, where in it the signature is,
//! and a function that looks closer, so that a stale signature whose superblock makes no sense
//! is not believed. The reader of a format replaces its row.

mod containers;
mod filesystems;
mod raid;

pub(super) use containers::verity_data;

use super::{Volume, VolumeKind};
use crate::block::BlockSource;
use crate::error::Error;
use crate::units::KIB;
use crc::{Algorithm, CRC_32_ISO_HDLC, Crc};
use std::borrow::Cow;
use std::cell::RefCell;
use uuid::Uuid;

/// What lies at the known positions.
pub(super) struct Findings {
    /// Every format whose signature was found.
    pub(super) volumes: Vec<Volume>,
    /// The first of the positions that could not be read.
    pub(super) unreadable: Option<Error>,
}

/// Where a superblock lies, in bytes.
#[derive(Clone, Copy)]
enum At {
    /// From the start.
    Start(u64),
    /// Before the end, where the end is rounded down to a multiple of the first number.
    End(u64, u64),
}

/// A format and how to know it.
struct Row {
    kind: VolumeKind,
    at: At,
    /// Offset of the signature in the superblock.
    signature_at: usize,
    signature: &'static [u8],
    /// Looks closer at the superblock, whose position is given in bytes; `None` when it is not
    /// one of this format after all.
    details: fn(&Probe<'_>, u64, VolumeKind) -> Option<Volume>,
}

const fn row(
    kind: VolumeKind,
    at: At,
    signature_at: usize,
    signature: &'static [u8],
    details: fn(&Probe<'_>, u64, VolumeKind) -> Option<Volume>,
) -> Row {
    Row { kind, at, signature_at, signature, details }
}

/// For signatures that are long enough to be believed as they are.
fn plain(_: &Probe<'_>, _: u64, kind: VolumeKind) -> Option<Volume> {
    Some(Volume::of(kind))
}

/// Bytes from the start that are read at once: most positions are there.
const HEAD: u64 = 72 * KIB;

/// Small reads of a volume. What cannot be read is not there, but remembered.
struct Probe<'a> {
    source: &'a dyn BlockSource,
    head: Vec<u8>,
    unreadable: RefCell<Option<Error>>,
}

impl<'a> Probe<'a> {
    fn new(source: &'a dyn BlockSource) -> Self {
        // An error in it is met again, and remembered, by the small reads.
        let head = source.read_vec(0, HEAD.min(source.size()) as usize).unwrap_or_default();
        Self { source, head, unreadable: RefCell::new(None) }
    }

    /// The `length` bytes from `offset`; `None` when the volume ends before or is unreadable.
    fn bytes(&self, offset: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.source.size())?;
        if end <= self.head.len() as u64 {
            return Some(Cow::Borrowed(&self.head[offset as usize..end as usize]));
        }
        match self.source.read_vec(offset, length) {
            Ok(bytes) => Some(Cow::Owned(bytes)),
            Err(error) => {
                self.unreadable.borrow_mut().get_or_insert(error);
                None
            }
        }
    }

    fn array<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        self.bytes(offset, N)?.as_ref().try_into().ok()
    }

    fn u16_le(&self, offset: u64) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    fn u32_le(&self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    fn u64_le(&self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    fn u32_be(&self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    fn u64_be(&self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_be_bytes)
    }

    /// The label in a field of `length` bytes.
    fn text(&self, offset: u64, length: usize) -> Option<String> {
        text(&self.bytes(offset, length)?)
    }

    /// The UUID in 16 bytes, unless it is all zeros.
    fn uuid(&self, offset: u64) -> Option<String> {
        let uuid = Uuid::from_bytes(self.array(offset)?);
        (!uuid.is_nil()).then(|| uuid.to_string())
    }

    fn position(&self, at: At) -> Option<u64> {
        match at {
            At::Start(offset) => Some(offset),
            At::End(multiple, before) => {
                (self.source.size() / multiple * multiple).checked_sub(before)
            }
        }
    }

    fn find(&self, row: &Row) -> Option<Volume> {
        let position = self.position(row.at)?;
        let signature = position.checked_add(row.signature_at as u64)?;
        if self.bytes(signature, row.signature.len())?.as_ref() != row.signature {
            return None;
        }
        (row.details)(self, position, row.kind)
    }
}

/// The text of a label field: what comes before the first NUL, without the blanks at its end;
/// `None` when nothing is left.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..length]);
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The CRC-32 of Ethernet from an initial value of the format's own, without inversions: what
/// Linux calls `crc32_le`.
pub(super) fn crc32_le(initial: u32, bytes: &[u8]) -> u32 {
    static CRC: Crc<u32> = Crc::<u32>::new(&Algorithm { xorout: 0, ..CRC_32_ISO_HDLC });
    // The crate takes the initial value before the reflection.
    let mut digest = CRC.digest_with_initial(initial.reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

/// Looks for every format at its known positions.
pub(super) fn recognize(source: &dyn BlockSource) -> Findings {
    let probe = Probe::new(source);
    let mut volumes: Vec<Volume> = Vec::new();
    for row in [raid::ROWS, containers::ROWS, filesystems::ROWS].into_iter().flatten() {
        if volumes.iter().any(|volume| volume.kind == row.kind) {
            continue;
        }
        volumes.extend(probe.find(row));
    }
    // A bridge disc has the descriptors of both; they describe the same files.
    if volumes.iter().any(|volume| volume.kind == VolumeKind::Udf) {
        volumes.retain(|volume| volume.kind != VolumeKind::Iso9660);
    }
    Findings { volumes, unreadable: probe.unreadable.into_inner() }
}

#[cfg(test)]
mod tests;
