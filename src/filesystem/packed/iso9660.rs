//! The descriptors of an ISO 9660 image.
//!
//! Source: ECMA-119, sections 8.1 (descriptors), 8.4 (primary), 8.5 (supplementary): offsets are byte
//! positions there less one.

use super::{Image, damaged};
use crate::block::BlockSource;
use crate::error;
use crate::filesystem::{Volume, VolumeKind};
use crate::units::Extent;

/// Where the descriptors begin and how long each is, in bytes.
const OFFSET: u64 = 16 * SECTOR;
const SECTOR: u64 = 2048;
/// Descriptors that are looked at, at most.
const MAXIMUM: u64 = 64;

/// What the image is recognized by.
pub(super) const SIGNATURE: Extent = Extent::new(OFFSET, SECTOR);

const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const TERMINATOR: u8 = 255;

/// Length in bytes that a descriptor tells: the number of blocks and their size, each in both byte
/// orders. None when those do not agree.
fn length(descriptor: &[u8]) -> Option<u64> {
    let bytes = |at: usize, count: usize| &descriptor[at..at + count];
    let little = u32::from_le_bytes(bytes(80, 4).try_into().ok()?);
    let big = u32::from_be_bytes(bytes(84, 4).try_into().ok()?);
    let block = u16::from_le_bytes(bytes(128, 2).try_into().ok()?);
    let block_big = u16::from_be_bytes(bytes(130, 2).try_into().ok()?);
    (little == big && block == block_big && matches!(block, 512 | 1024 | 2048))
        .then(|| u64::from(little) * u64::from(block))
}

pub(super) fn read(source: &dyn BlockSource) -> error::Result<Option<Image>> {
    let mut longest: Option<u64> = None;
    let mut agrees = true;
    for number in 0..MAXIMUM {
        let offset = OFFSET + number * SECTOR;
        if source.size() < offset + SECTOR {
            agrees = false;
            break;
        }
        let descriptor = source.read_vec(offset, SECTOR as usize)?;
        if &descriptor[1..6] != b"CD001" {
            agrees = false;
            break;
        }
        match (descriptor[0], length(&descriptor)) {
            (TERMINATOR, _) => break,
            (PRIMARY | SUPPLEMENTARY, None) => {
                agrees = false;
                longest.get_or_insert(0);
            }
            (PRIMARY | SUPPLEMENTARY, Some(length)) => {
                longest = Some(longest.unwrap_or(0).max(length));
            }
            _ => {}
        }
    }
    let Some(length) = longest else { return Ok(None) };
    let volume = Volume::of(VolumeKind::Iso9660);
    let is_long_enough = length > OFFSET + SECTOR;
    let length = match agrees && is_long_enough {
        true => Ok(length),
        false => Err(damaged(VolumeKind::Iso9660.name())),
    };
    Ok(Some(Image { volume, length }))
}
