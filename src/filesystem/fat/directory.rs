//! The root directory, as far as the volume label needs it.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, section "FAT
//! Directory Structure".

use super::boot_sector::{BootSector, RootDirectory};
use super::table;
use crate::block::BlockSource;
use crate::error::Result;
use crate::units::Extent;

/// Length of an entry in bytes.
const ENTRY: usize = 32;
/// A directory holds at most 65536 entries: 2 MiB. Bounds the search in damaged volumes.
const LONGEST: u64 = 65536 * ENTRY as u64;

/// The upper half of code page 850, which DOS and Windows use for western European languages
/// and mkfs.fat by default. The volume does not say which one its label is in.
const CODE_PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
    └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// A label of eleven bytes as text; `None` when it is empty.
pub(super) fn decode_label(label: [u8; 11]) -> Option<String> {
    let text: String = label
        .into_iter()
        .map(|byte| match byte {
            0x80.. => CODE_PAGE_850.chars().nth(usize::from(byte - 0x80)).unwrap_or('?'),
            b' '..=b'~' => char::from(byte),
            _ => '?',
        })
        .collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The label in a piece of a directory: `None` to go on searching, `Some(None)` at its end.
fn label_in(entries: &[u8]) -> Option<Option<[u8; 11]>> {
    const VOLUME_LABEL: u8 = 0x08;
    const DIRECTORY: u8 = 0x10;
    const LONG_NAME: u8 = 0x0F;
    for entry in entries.chunks_exact(ENTRY) {
        let mut name: [u8; 11] = entry[..11].try_into().ok()?;
        let attributes = entry[11] & 0x3F;
        match name[0] {
            0 => return Some(None),
            0xE5 => continue,
            // The first byte of a name that begins with 0xE5, which marks removed entries.
            0x05 => name[0] = 0xE5,
            _ => {}
        }
        if attributes != LONG_NAME && attributes & (VOLUME_LABEL | DIRECTORY) == VOLUME_LABEL {
            return Some(Some(name));
        }
    }
    None
}

/// The label entry of the root directory, if there is one.
///
/// # Errors
/// When the medium cannot be read.
pub(super) fn volume_label(
    source: &dyn BlockSource,
    boot: &BootSector,
) -> Result<Option<[u8; 11]>> {
    let read = |extent: Extent| source.read_vec(extent.offset, extent.length as usize);
    match boot.root_directory {
        RootDirectory::Region(extent) => Ok(label_in(&read(extent)?).flatten()),
        RootDirectory::Chain(mut cluster) => {
            for _ in 0..LONGEST.div_ceil(boot.cluster_size) {
                if !boot.has_cluster(cluster) {
                    break;
                }
                if let Some(found) = label_in(&read(boot.cluster_extent(cluster.into(), 1))?) {
                    return Ok(found);
                }
                cluster = table::next_fat32(source, boot, cluster)?;
            }
            Ok(None)
        }
    }
}
