//! The root directory, as far as the volume label needs it.
//!
//! Source: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03, section "FAT
//! Directory Structure".

use super::boot_sector::{BootSector, RootDirectory};
use super::table;
use crate::block::BlockSource;
use crate::error::Result;
use crate::filesystem::{Doubt, VolumeKind, unreadable_doubt};
use crate::text::message;
use crate::units::{Extent, ExtentMap};
use std::collections::HashSet;

/// Length of an entry in bytes.
const ENTRY: usize = 32;
/// A directory holds at most 65536 entries: 2 MiB. Bounds the search in damaged volumes.
const LONGEST: u64 = 65536 * ENTRY as u64;

/// Directories that are remembered while the tree is walked: bounds the memory for damaged volumes.
const MOST: usize = 4 << 20;

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

/// What an entry names: its first cluster, and whether a directory begins there.
fn named_by(entry: &[u8], is_fat32: bool) -> Option<(u32, bool)> {
    const VOLUME_LABEL: u8 = 0x08;
    const DIRECTORY: u8 = 0x10;
    let number = |at: usize| u32::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
    let attributes = entry[11] & 0x3F;
    // Names of removed entries; of a directory itself and the one above; labels and long names.
    if matches!(entry[0], 0xE5 | b'.') || attributes & VOLUME_LABEL != 0 {
        return None;
    }
    let is_directory = attributes & DIRECTORY != 0;
    let is_empty = !is_directory && number(28) == 0 && number(30) == 0;
    let cluster = number(26) | if is_fat32 { number(20) << 16 } else { 0 };
    (cluster != 0 && !is_empty).then_some((cluster, is_directory))
}

/// Goes through all directories: the first cluster of every file and directory has to be among the
/// bytes that are `kept`.
///
/// # Errors
/// A doubt where one is not, the directories are no tree, or the medium cannot be read.
pub(super) fn check_tree(
    source: &dyn BlockSource,
    boot: &BootSector,
    kept: &ExtentMap,
) -> Result<(), Doubt> {
    let is_fat32 = boot.kind == VolumeKind::Fat32;
    let mut waiting: Vec<u32> = Vec::new();
    let mut known: HashSet<u32> = HashSet::new();
    let mut look = |bytes: &[u8], waiting: &mut Vec<u32>| -> Result<bool, Doubt> {
        for entry in bytes.chunks_exact(ENTRY) {
            if entry[0] == 0 {
                return Ok(true);
            }
            let Some((cluster, is_directory)) = named_by(entry, is_fat32) else { continue };
            let is_kept =
                boot.has_cluster(cluster) && kept.contains(boot.cluster_extent(cluster.into(), 1));
            if !is_kept {
                return Err(message!("fat-cluster-free", cluster = cluster.to_string()));
            }
            if is_directory && (known.len() >= MOST || !known.insert(cluster)) {
                return Err(message!("fat-directory-twice", cluster = cluster.to_string()));
            }
            if is_directory {
                waiting.push(cluster);
            }
        }
        Ok(false)
    };
    match boot.root_directory {
        RootDirectory::Chain(cluster) => waiting.push(cluster),
        RootDirectory::Region(extent) => {
            let bytes = source.read_vec(extent.offset, extent.length as usize);
            look(&bytes.map_err(unreadable_doubt)?, &mut waiting)?;
        }
    }
    let mut budget = boot.clusters.min(MOST as u64);
    while !waiting.is_empty() {
        // Level by level, each in the order of the disk.
        let mut level = std::mem::take(&mut waiting);
        level.sort_unstable();
        for first in level {
            let mut cluster = first;
            for _ in 0..LONGEST.div_ceil(boot.cluster_size) {
                if !boot.has_cluster(cluster) {
                    break;
                }
                // Directories that share clusters would be read again and again.
                budget = budget
                    .checked_sub(1)
                    .ok_or_else(|| message!("fat-directory-twice", cluster = first.to_string()))?;
                let extent = boot.cluster_extent(cluster.into(), 1);
                let bytes = source.read_vec(extent.offset, extent.length as usize);
                if look(&bytes.map_err(unreadable_doubt)?, &mut waiting)? {
                    break;
                }
                cluster = table::next(source, boot, cluster).map_err(unreadable_doubt)?;
            }
        }
    }
    Ok(())
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
                cluster = table::next(source, boot, cluster)?;
            }
            Ok(None)
        }
    }
}
