//! Read-only images, made in one go and never changed: squashfs, EROFS and ISO 9660. They say how
//! long they are; all of that is in use.

mod erofs;
mod iso9660;
mod squashfs;

use super::{Budget, Doubt, Used, Volume, VolumeKind, unreadable_doubt};
use crate::block::BlockSource;
use crate::error;
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMap, KIB, MIB};

/// Both pad their images to a multiple of this, in bytes.
const PADDING: u64 = 4 * KIB;
/// What is looked at behind an image, in bytes: other data that belongs to the same partition
/// begins there, such as the hashes of dm-verity, at the next block, or the writable overlay of
/// a router, at the next multiple of 64 KiB.
const LOOKED_AT: u64 = 256 * KIB;
/// The end of a volume is kept, because the signatures of some formats lie there, in bytes.
const KEPT_AT_THE_END: u64 = MIB;

/// What a superblock says.
struct Image {
    volume: Volume,
    /// Its length in bytes; none when it contradicts itself.
    length: Result<u64, Doubt>,
}

/// Whether a volume is a squashfs image.
///
/// # Errors
/// When its superblock cannot be read.
pub(super) fn detect_squashfs(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    Ok(squashfs::read(source)?.map(|image| image.volume))
}

/// The used extents of a squashfs image: all of it, and the end of the volume.
///
/// # Errors
/// A doubt when the superblock contradicts itself or something follows the image.
pub(super) fn used_squashfs(source: &dyn BlockSource, _: Budget) -> Result<Used, Doubt> {
    used(source, squashfs::read(source))
}

/// Whether a volume is an EROFS image.
///
/// # Errors
/// When its superblock cannot be read.
pub(super) fn detect_erofs(source: &dyn BlockSource) -> error::Result<Option<Volume>> {
    Ok(erofs::read(source)?.map(|image| image.volume))
}

/// The used extents of an EROFS image: all of it, and the end of the volume.
///
/// # Errors
/// A doubt when the superblock is damaged or unknown, or something follows the image.
pub(super) fn used_erofs(source: &dyn BlockSource, _: Budget) -> Result<Used, Doubt> {
    used(source, erofs::read(source))
}

/// The used extents of an ISO 9660 image: all of it, and the end of the volume.
///
/// # Errors
/// A doubt when its descriptors contradict each other or something follows the image.
pub(super) fn used_iso9660(source: &dyn BlockSource, _: Budget) -> Result<Used, Doubt> {
    let used = used(source, iso9660::read(source))?;
    Ok(Used { signatures: vec![iso9660::SIGNATURE], ..used })
}

fn used(source: &dyn BlockSource, image: error::Result<Option<Image>>) -> Result<Used, Doubt> {
    let image = image.map_err(unreadable_doubt)?.ok_or_else(|| VolumeKind::Unknown.why_whole())?;
    let name = image.volume.kind.name();
    let length = image.length?;
    let size = source.size();
    if length > size {
        return Err(message!("packed-past-end", name = name, length = length, size = size));
    }
    let end = length.next_multiple_of(PADDING).min(size);
    if holds_data(source, Extent::between(length, (end + LOOKED_AT).min(size)))
        .map_err(unreadable_doubt)?
    {
        return Err(message!("packed-followed", name = name));
    }
    let kept = Extent::between(size.saturating_sub(KEPT_AT_THE_END), size);
    let extents: ExtentMap = [Extent::new(0, end), kept].into_iter().collect();
    Ok(Used { extents, signatures: vec![Extent::new(0, PADDING.min(end))] })
}

/// Whether a short range holds anything but zeros.
fn holds_data(source: &dyn BlockSource, range: Extent) -> error::Result<bool> {
    let bytes = source.read_vec(range.offset, range.length as usize)?;
    Ok(bytes.iter().any(|byte| *byte != 0))
}

/// A superblock that says something impossible.
fn damaged(name: Message) -> Doubt {
    message!("packed-damaged", name = name)
}

#[cfg(test)]
mod tests;
