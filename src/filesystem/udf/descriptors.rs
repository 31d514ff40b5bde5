//! The descriptors of a volume: anchor, volume descriptor sequence, integrity sequence.
//!
//! Sources: ECMA-167 (3rd edition), sections 3/7.2 (tag), 3/10.2 (anchor), 3/10.5 (partition), 3/10.6
//! (logical volume), 3/10.10 (integrity), 4/14.3 (partition header); OSTA UDF 2.60, section 2.2.

use super::{CRC, damaged};
use crate::block::BlockSource;
use crate::filesystem::{Doubt, unreadable_doubt};
use crate::text::message;
use crate::units::Extent;
use std::collections::BTreeSet;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Sizes of a block, in bytes: 2048 on discs, on disks most often that of a sector.
const BLOCK_SIZES: [u64; 7] = [512, 2048, 4096, 1024, 8192, 16384, 32768];
/// The block of the anchor that is always there.
const ANCHOR: u64 = 256;
/// Blocks of one sequence that are looked at, at most: sixteen are usual.
const LONGEST_SEQUENCE: u64 = 1024;
/// Extents that an integrity sequence may go on in, at most.
const LONGEST_CHAIN: usize = 64;
/// The newest revision that is known here to be written, in binary coded decimal.
const NEWEST_REVISION: u16 = 0x0260;
/// A count that is not known.
const UNKNOWN: u32 = u32::MAX;
/// What a disk can overwrite: the access type of a partition.
const OVERWRITABLE: u32 = 4;

const TAG: usize = 16;

mod identifier {
    pub(super) const ANCHOR: u16 = 2;
    pub(super) const PARTITION: u16 = 5;
    pub(super) const LOGICAL_VOLUME: u16 = 6;
    pub(super) const TERMINATOR: u16 = 8;
    pub(super) const INTEGRITY: u16 = 9;
    pub(super) const SPACE_BITMAP: u16 = 264;
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct Tag {
    identifier: U16,
    version: U16,
    checksum: u8,
    reserved: u8,
    serial: U16,
    crc: U16,
    crc_length: U16,
    location: U32,
}

/// Length in bytes and first block.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct ExtentOnDisk {
    length: U32,
    location: U32,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Anchor {
    tag: Tag,
    main: ExtentOnDisk,
    reserve: ExtentOnDisk,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct PartitionOnDisk {
    tag: Tag,
    sequence: U32,
    flags: U16,
    number: U16,
    contents: [u8; 32],
    /// Unallocated and freed space, each as a table and as a bitmap: length in bytes, block of
    /// the partition.
    unallocated_table: ExtentOnDisk,
    unallocated_bitmap: ExtentOnDisk,
    integrity_table: ExtentOnDisk,
    freed_table: ExtentOnDisk,
    freed_bitmap: ExtentOnDisk,
    reserved: [u8; 88],
    access: U32,
    start: U32,
    length: U32,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct LogicalVolume {
    tag: Tag,
    sequence: U32,
    character_set: [u8; 64],
    name: [u8; 128],
    block_size: U32,
    domain: [u8; 32],
    contents: [u8; 16],
    map_length: U32,
    maps: U32,
    implementation: [u8; 32],
    implementation_use: [u8; 128],
    integrity: ExtentOnDisk,
}

#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Integrity {
    tag: Tag,
    recorded: [u8; 12],
    kind: U32,
    next: ExtentOnDisk,
    contents: [u8; 32],
    partitions: U32,
    implementation_length: U32,
}

/// The identifier of a descriptor with a checksum, a CRC and a location that are right.
fn tag(bytes: &[u8], location: u64) -> Option<u16> {
    let (tag, _) = Tag::ref_from_prefix(bytes).ok()?;
    let sum = bytes[..TAG].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let covered = bytes.get(TAG..TAG + usize::from(tag.crc_length.get()))?;
    let is_right = sum.wrapping_sub(tag.checksum) == tag.checksum
        && u64::from(tag.location.get()) == location
        && CRC.checksum(covered) == tag.crc.get();
    is_right.then(|| tag.identifier.get())
}

/// What the space bitmap is said to be, after its tag, which has no CRC that anybody keeps: the
/// number of its bits and of its bytes.
pub(super) fn space_bitmap(header: &[u8; BITMAP_HEADER], location: u64) -> Option<(u64, u64)> {
    let sum = header[..TAG].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let (tag, rest) = Tag::ref_from_prefix(header).ok()?;
    let number = |at: usize| U32::ref_from_bytes(&rest[at..at + 4]).ok().map(|n| n.get());
    (sum.wrapping_sub(tag.checksum) == tag.checksum
        && tag.identifier.get() == identifier::SPACE_BITMAP
        && u64::from(tag.location.get()) == location)
        .then_some((number(0)?.into(), number(4)?.into()))
}

/// Length of what comes before the bits of a space bitmap, in bytes.
pub(super) const BITMAP_HEADER: usize = 24;

/// What the descriptors say of where things are. Blocks count from the start of the volume unless
/// said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// In bytes.
    pub(super) block_size: u64,
    /// First block of the partition.
    pub(super) start: u64,
    /// Its blocks.
    pub(super) blocks: u64,
    /// First block of the space bitmap, in the partition.
    pub(super) bitmap: u64,
    /// Length of the space bitmap with its header, in bytes.
    pub(super) bitmap_length: u64,
    /// Free blocks, as the volume counted them when it was closed.
    pub(super) free: u64,
}

impl Layout {
    /// A range of blocks of the partition, as bytes of the volume.
    pub(super) fn extent(&self, first: u64, count: u64) -> Extent {
        Extent::new((self.start + first) * self.block_size, count * self.block_size)
    }
}

fn read(source: &dyn BlockSource, block_size: u64, block: u64) -> Result<Vec<u8>, Doubt> {
    let offset = block
        .checked_mul(block_size)
        .filter(|offset| offset.checked_add(block_size).is_some_and(|end| end <= source.size()));
    source.read_vec(offset.ok_or_else(damaged)?, block_size as usize).map_err(unreadable_doubt)
}

/// Whether a block holds an anchor.
pub(super) fn is_anchor(source: &dyn BlockSource, block_size: u64, block: u64) -> bool {
    read(source, block_size, block)
        .is_ok_and(|bytes| tag(&bytes, block) == Some(identifier::ANCHOR))
}

/// The size of a block, and the volume descriptor sequence that the anchor names.
fn anchor(source: &dyn BlockSource) -> Result<(u64, ExtentOnDisk), Doubt> {
    for block_size in BLOCK_SIZES {
        if source.size() / block_size <= ANCHOR {
            continue;
        }
        let bytes = read(source, block_size, ANCHOR)?;
        if tag(&bytes, ANCHOR) == Some(identifier::ANCHOR)
            && let Ok((anchor, _)) = Anchor::ref_from_prefix(&bytes)
        {
            return Ok((block_size, anchor.main));
        }
    }
    Err(message!("udf-no-anchor"))
}

type Each<'a> = dyn FnMut(u16, &[u8]) -> Result<(), Doubt> + 'a;

/// Calls `each` with the identifier and the bytes of each descriptor of a sequence, up to its end.
fn follow(
    source: &dyn BlockSource,
    block_size: u64,
    extent: ExtentOnDisk,
    each: &mut Each<'_>,
) -> Result<(), Doubt> {
    let first = u64::from(extent.location.get());
    let blocks = u64::from(extent.length.get()) / block_size;
    for block in first..first + blocks.min(LONGEST_SEQUENCE) {
        let bytes = read(source, block_size, block)?;
        match tag(&bytes, block) {
            // Never written: the sequence ends here.
            None if bytes.iter().all(|byte| *byte == 0) => return Ok(()),
            None => return Err(damaged()),
            Some(identifier::TERMINATOR) => return Ok(()),
            Some(identifier) => each(identifier, &bytes)?,
        }
    }
    Ok(())
}

/// The descriptor of a kind that prevails: that with the highest number.
fn keep(prevailing: &mut Option<(u32, Vec<u8>)>, bytes: &[u8]) {
    let Ok((number, _)) = U32::ref_from_prefix(&bytes[TAG..]) else { return };
    if prevailing.as_ref().is_none_or(|(before, _)| *before <= number.get()) {
        *prevailing = Some((number.get(), bytes.to_vec()));
    }
}

/// The number of the map of the one plain partition, and how many maps there are. A partition of
/// metadata lies in the plain one, and takes its space from the same bitmap.
fn maps(volume: &LogicalVolume, bytes: &[u8]) -> Result<(usize, usize), Doubt> {
    let mut rest = bytes
        .get(size_of::<LogicalVolume>()..)
        .and_then(|rest| rest.get(..volume.map_length.get() as usize))
        .ok_or_else(damaged)?;
    let (mut plain, mut count) = (None, 0);
    for _ in 0..volume.maps.get() {
        let (&[kind, length], _) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        let map = rest.get(..usize::from(length)).filter(|map| map.len() >= 6);
        let map = map.ok_or_else(damaged)?;
        rest = &rest[map.len()..];
        match kind {
            1 if plain.is_none() => plain = Some(count),
            2 if map.get(5..28).is_some_and(|name| name == b"*UDF Metadata Partition") => {}
            _ => return Err(message!("udf-partitions")),
        }
        count += 1;
    }
    Ok((plain.ok_or_else(|| message!("udf-partitions"))?, count))
}

/// Free blocks of a partition, as they were counted when the volume was closed.
fn free_when_closed(
    source: &dyn BlockSource,
    block_size: u64,
    sequence: ExtentOnDisk,
    map: usize,
    maps: usize,
) -> Result<u64, Doubt> {
    let (mut last, mut at) = (None, sequence);
    for _ in 0..LONGEST_CHAIN {
        let mut next = None;
        follow(source, block_size, at, &mut |identifier, bytes| {
            if identifier == identifier::INTEGRITY
                && let Ok((integrity, _)) = Integrity::ref_from_prefix(bytes)
            {
                next = (integrity.next.length.get() != 0).then_some(integrity.next);
                last = Some(bytes.to_vec());
            }
            Ok(())
        })?;
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    let bytes = last.ok_or_else(damaged)?;
    let (integrity, rest) = Integrity::ref_from_prefix(&bytes).map_err(|_| damaged())?;
    if integrity.kind.get() != 1 {
        return Err(message!("udf-open"));
    }
    let number = |at: usize| {
        let bytes = rest.get(4 * at..4 * at + 4)?;
        Some(U32::ref_from_bytes(bytes).ok()?.get())
    };
    // After the counts of free blocks and of all blocks: what wrote it, files, directories, and the
    // revisions that are needed to read and to write it.
    let revision = rest.get(8 * maps + 32 + 8..).and_then(|rest| rest.get(2..4));
    let revision = revision.ok_or_else(damaged)?;
    let revision = u16::from_le_bytes([revision[0], revision[1]]);
    if integrity.partitions.get() as usize != maps {
        return Err(damaged());
    }
    if revision > NEWEST_REVISION {
        return Err(message!("udf-revision", revision = format!("{revision:x}")));
    }
    match number(map) {
        Some(free) if free != UNKNOWN => Ok(free.into()),
        _ => Err(message!("udf-no-count")),
    }
}

/// What prevails in the volume descriptor sequence.
struct Prevailing {
    block_size: u64,
    logical_volume: Vec<u8>,
    partition: Vec<u8>,
    /// How many partitions there are.
    partitions: usize,
}

fn prevailing(source: &dyn BlockSource) -> Result<Prevailing, Doubt> {
    let (block_size, main) = anchor(source)?;
    let (mut volume, mut partition) = (None, None);
    let mut numbers = BTreeSet::new();
    follow(source, block_size, main, &mut |identifier, bytes| {
        match identifier {
            identifier::LOGICAL_VOLUME => keep(&mut volume, bytes),
            identifier::PARTITION => {
                keep(&mut partition, bytes);
                let on_disk = PartitionOnDisk::ref_from_prefix(bytes).map_err(|_| damaged())?;
                numbers.insert(on_disk.0.number.get());
            }
            _ => {}
        }
        Ok(())
    })?;
    let ((_, logical_volume), (_, partition)) = volume.zip(partition).ok_or_else(damaged)?;
    Ok(Prevailing { block_size, logical_volume, partition, partitions: numbers.len() })
}

/// The text of a field (OSTA UDF 2.60, section 2.1.3): 8 or 16 bits for each character, and the
/// length in its last byte.
fn text(field: &[u8]) -> Option<String> {
    let (length, field) = field.split_last()?;
    let (kind, characters) = field.get(..usize::from(*length))?.split_first()?;
    let text = match kind {
        8 => characters.iter().map(|byte| char::from(*byte)).collect(),
        16 => String::from_utf16_lossy(
            &characters
                .chunks_exact(2)
                .map(|unit| u16::from_be_bytes([unit[0], unit[1]]))
                .collect::<Vec<_>>(),
        ),
        _ => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// The size of a block in bytes, and the name of the volume.
pub(super) fn describe(source: &dyn BlockSource) -> Option<(u64, Option<String>)> {
    let found = prevailing(source).ok()?;
    let (volume, _) = LogicalVolume::ref_from_prefix(&found.logical_volume).ok()?;
    Some((found.block_size, text(&volume.name)))
}

/// Reads all of it.
///
/// # Errors
/// A doubt when it is damaged, or not of the kind that is known here.
pub(super) fn layout(source: &dyn BlockSource) -> Result<Layout, Doubt> {
    let found = prevailing(source)?;
    let block_size = found.block_size;
    let (volume, _) =
        LogicalVolume::ref_from_prefix(&found.logical_volume).map_err(|_| damaged())?;
    let (partition, _) =
        PartitionOnDisk::ref_from_prefix(&found.partition).map_err(|_| damaged())?;
    if u64::from(volume.block_size.get()) != block_size
        || volume.domain.get(1..20) != Some(b"*OSTA UDF Compliant".as_slice())
    {
        return Err(damaged());
    }
    let (map, maps) = maps(volume, &found.logical_volume)?;
    let absent = |extent: &ExtentOnDisk| extent.length.get() == 0;
    // Unallocated space is told by one bitmap, or it is not known here what is free.
    if found.partitions != 1
        || partition.access.get() != OVERWRITABLE
        || absent(&partition.unallocated_bitmap)
        || ![&partition.unallocated_table, &partition.freed_table, &partition.freed_bitmap]
            .into_iter()
            .all(absent)
    {
        return Err(message!("udf-partitions"));
    }
    let layout = Layout {
        block_size,
        start: partition.start.get().into(),
        blocks: partition.length.get().into(),
        bitmap: partition.unallocated_bitmap.location.get().into(),
        // The two highest bits tell whether it is recorded.
        bitmap_length: u64::from(partition.unallocated_bitmap.length.get() & 0x3FFF_FFFF),
        free: free_when_closed(source, block_size, volume.integrity, map, maps)?,
    };
    let end = layout.extent(0, layout.blocks).end();
    if end > source.size() {
        return Err(message!("udf-longer-than-volume", length = end, size = source.size()));
    }
    Ok(layout)
}
