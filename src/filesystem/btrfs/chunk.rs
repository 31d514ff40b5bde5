//! Chunks: from logical addresses to the bytes of devices.
//!
//! Source: btrfs documentation, "On-disk Format", section "Chunk item", and "mkfs.btrfs", section
//! "Profiles"; how the profiles lay out stripes is described in "Volume management".

use super::key::Key;
use crate::filesystem::Doubt;
use crate::text::message;
use std::ops::Range;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of one device that follow each other in a striped chunk.
const STRIPE_LENGTH: u64 = 64 << 10;
/// Stripes of all chunks together that are kept in memory: 32 MiB. At the usual gibibyte for each
/// that is a pebibyte.
const MAX_STRIPES: usize = 1 << 20;
/// Bits of `type` that say what is in a chunk: data, system, metadata.
const CONTENT: u64 = 0x7;

/// `struct btrfs_chunk` without its stripes.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawChunk {
    length: U64,
    owner: U64,
    stripe_len: U64,
    kind: U64,
    io_align: U32,
    io_width: U32,
    sector_size: U32,
    num_stripes: U16,
    sub_stripes: U16,
}

/// `struct btrfs_stripe`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawStripe {
    devid: U64,
    offset: U64,
    dev_uuid: [u8; 16],
}

const _: () = {
    assert!(size_of::<RawChunk>() == 48);
    assert!(size_of::<RawStripe>() == 32);
};

/// How the bytes of a chunk are spread over its stripes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// Each stripe holds all of them: SINGLE, DUP, RAID1 and its kin.
    Copies,
    /// In turn over this many columns of so many copies each: RAID0 and RAID10.
    Striped { columns: u64, copies: usize },
    /// In turn, with so many stripes of each row holding parity: RAID5 and RAID6.
    Parity { parity: u64 },
}

/// A piece of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stripe {
    /// Which device.
    pub(super) device: u64,
    /// Where on it, in bytes.
    pub(super) offset: u64,
}

/// A run of logical addresses and where its bytes are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Chunk {
    /// First logical address and number of bytes.
    pub(super) logical: u64,
    pub(super) length: u64,
    pub(super) stripes: Vec<Stripe>,
    /// `type`: content and profile.
    pub(super) kind: u64,
    layout: Layout,
}

impl Chunk {
    /// The chunk of an item of the chunk tree, and the bytes of it that were read.
    pub(super) fn parse(key: Key, bytes: &[u8]) -> Result<(Self, usize), Doubt> {
        let damaged = || message!("btrfs-chunk", logical = key.offset.to_string());
        let (raw, rest) = RawChunk::ref_from_prefix(bytes).map_err(|_| damaged())?;
        let count = usize::from(raw.num_stripes.get());
        let (stripes, _) =
            <[RawStripe]>::ref_from_prefix_with_elems(rest, count).map_err(|_| damaged())?;
        let (kind, sub_stripes) = (raw.kind.get(), raw.sub_stripes.get());
        let layout = layout(kind, count, sub_stripes).ok_or_else(damaged)?;
        let chunk = Self {
            logical: key.offset,
            length: raw.length.get(),
            stripes: stripes
                .iter()
                .map(|stripe| Stripe { device: stripe.devid.get(), offset: stripe.offset.get() })
                .collect(),
            kind,
            layout,
        };
        let striped = layout != Layout::Copies;
        let sound = kind & CONTENT != 0
            && raw.stripe_len.get() == STRIPE_LENGTH
            && chunk.length != 0
            && chunk.length.is_multiple_of(4096)
            && chunk.logical.checked_add(chunk.length).is_some()
            && chunk.length.is_multiple_of(chunk.columns())
            && (!striped || chunk.stripe_length().is_multiple_of(STRIPE_LENGTH))
            && chunk
                .stripes
                .iter()
                .all(|stripe| stripe.offset.checked_add(chunk.stripe_length()).is_some());
        let length = size_of::<RawChunk>() + count * size_of::<RawStripe>();
        sound.then_some((chunk, length)).ok_or_else(damaged)
    }

    /// First logical address behind it.
    pub(super) const fn end(&self) -> u64 {
        self.logical + self.length
    }

    /// Stripes of a row that hold different data.
    fn columns(&self) -> u64 {
        match self.layout {
            Layout::Copies => 1,
            Layout::Striped { columns, .. } => columns,
            Layout::Parity { parity } => self.stripes.len() as u64 - parity,
        }
    }

    /// Bytes of each of its stripes.
    pub(super) fn stripe_length(&self) -> u64 {
        self.length / self.columns()
    }

    /// Whether it is known which bytes of a stripe a logical extent takes. With parity it would
    /// take part in rows that it does not fill.
    pub(super) fn is_mapped(&self) -> bool {
        !matches!(self.layout, Layout::Parity { .. })
    }

    /// The bytes of one stripe that an extent of logical addresses takes; both are offsets, from
    /// the start of the stripe and from that of the chunk.
    pub(super) fn part_of_stripe(&self, stripe: usize, extent: Range<u64>) -> Range<u64> {
        let Layout::Striped { columns, copies } = self.layout else { return extent };
        let column = stripe as u64 / copies as u64;
        // How much of the column lies before an offset: it ascends with it.
        let before = |offset: u64| {
            let row = offset / (columns * STRIPE_LENGTH);
            let inside = offset % (columns * STRIPE_LENGTH);
            row * STRIPE_LENGTH + inside.saturating_sub(column * STRIPE_LENGTH).min(STRIPE_LENGTH)
        };
        before(extent.start)..before(extent.end)
    }

    /// Number of copies of each byte that can be read without the others.
    pub(super) fn copies(&self) -> usize {
        match self.layout {
            Layout::Copies => self.stripes.len(),
            Layout::Striped { copies, .. } => copies,
            Layout::Parity { .. } => 1,
        }
    }

    /// Where a copy of the byte at `offset` of the chunk is, and how many bytes follow it there.
    pub(super) fn locate(&self, offset: u64, copy: usize) -> (Stripe, u64) {
        let (row, inside) = (offset / STRIPE_LENGTH, offset % STRIPE_LENGTH);
        let (stripe, row) = match self.layout {
            Layout::Copies => {
                let stripe = self.stripes[copy];
                let place = Stripe { offset: stripe.offset + offset, ..stripe };
                return (place, self.length - offset);
            }
            Layout::Striped { columns, copies } => {
                ((row % columns) as usize * copies + copy, row / columns)
            }
            Layout::Parity { parity } => {
                let count = self.stripes.len() as u64;
                let (row, column) = (row / (count - parity), row % (count - parity));
                // Each row begins one stripe further on.
                (((row + column) % count) as usize, row)
            }
        };
        let stripe = self.stripes[stripe];
        let place = Stripe { offset: stripe.offset + row * STRIPE_LENGTH + inside, ..stripe };
        (place, STRIPE_LENGTH - inside)
    }
}

/// The layout of a profile with so many stripes; none when it is not known or impossible.
fn layout(kind: u64, stripes: usize, sub_stripes: u16) -> Option<Layout> {
    const SINGLE: u64 = 0;
    const RAID0: u64 = 0x8;
    const RAID1: u64 = 0x10;
    const DUP: u64 = 0x20;
    const RAID10: u64 = 0x40;
    const RAID5: u64 = 0x80;
    const RAID6: u64 = 0x100;
    const RAID1C3: u64 = 0x200;
    const RAID1C4: u64 = 0x400;
    match (kind & !CONTENT, stripes) {
        (SINGLE, 1) | (RAID1 | DUP, 2) | (RAID1C3, 3) | (RAID1C4, 4) => Some(Layout::Copies),
        (RAID0, 1..) => Some(Layout::Striped { columns: stripes as u64, copies: 1 }),
        (RAID10, 2..) if sub_stripes == 2 && stripes.is_multiple_of(2) => {
            Some(Layout::Striped { columns: stripes as u64 / 2, copies: 2 })
        }
        (RAID5, 2..) => Some(Layout::Parity { parity: 1 }),
        (RAID6, 3..) => Some(Layout::Parity { parity: 2 }),
        _ => None,
    }
}

/// Chunks by their logical addresses.
#[derive(Default)]
pub(super) struct ChunkMap {
    /// Ascending, without overlaps.
    chunks: Vec<Chunk>,
    stripes: usize,
}

impl ChunkMap {
    /// Adds a chunk behind all others.
    pub(super) fn push(&mut self, chunk: Chunk) -> Result<(), Doubt> {
        self.stripes += chunk.stripes.len();
        if self.chunks.last().is_some_and(|last| last.end() > chunk.logical) {
            return Err(message!("btrfs-chunk", logical = chunk.logical.to_string()));
        }
        if self.stripes > MAX_STRIPES {
            return Err(message!("btrfs-too-many-chunks"));
        }
        self.chunks.push(chunk);
        Ok(())
    }

    pub(super) fn as_slice(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The chunk that holds a logical address.
    pub(super) fn at(&self, logical: u64) -> Option<&Chunk> {
        let index = self.chunks.partition_point(|chunk| chunk.end() <= logical);
        self.chunks.get(index).filter(|chunk| chunk.logical <= logical)
    }
}

/// The chunks of the superblock, in any order there: those that hold the chunk tree.
pub(super) fn system_chunks(mut bytes: &[u8]) -> Result<ChunkMap, Doubt> {
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let key = Key::parse(bytes).ok_or_else(|| message!("btrfs-chunk", logical = "0"))?;
        let rest = &bytes[Key::LENGTH..];
        if !key.is_chunk() {
            return Err(message!("btrfs-chunk", logical = key.offset.to_string()));
        }
        let (chunk, length) = Chunk::parse(key, rest)?;
        chunks.push(chunk);
        bytes = &rest[length..];
    }
    chunks.sort_unstable_by_key(|chunk| chunk.logical);
    let mut map = ChunkMap::default();
    chunks.into_iter().try_for_each(|chunk| map.push(chunk))?;
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: u64, rows: u64, stripes: u64, sub_stripes: u16) -> Chunk {
        let layout = layout(kind, stripes as usize, sub_stripes).unwrap();
        let mut chunk = Chunk {
            logical: 1 << 30,
            length: 0,
            stripes: (0..stripes)
                .map(|n| Stripe { device: n + 1, offset: (n + 1) << 40 })
                .collect(),
            kind,
            layout,
        };
        chunk.length = rows * STRIPE_LENGTH * chunk.columns();
        chunk
    }

    /// The part of a stripe that an extent takes is where each of its bytes is located.
    #[test]
    fn both_ways_of_mapping_agree() {
        for chunk in [
            chunk(0x1, 9, 1, 1),
            chunk(0x24, 9, 2, 1),
            chunk(0x201, 9, 3, 1),
            chunk(0x9, 9, 3, 1),
            chunk(0x41, 9, 6, 2),
        ] {
            assert!(chunk.is_mapped());
            let steps: Vec<u64> = (0..chunk.length).step_by(20_480).collect();
            for window in steps.windows(4) {
                let extent = window[0]..window[3];
                let mut found = vec![Vec::new(); chunk.stripes.len()];
                for offset in extent.clone().step_by(4096) {
                    for copy in 0..chunk.copies() {
                        let (place, left) = chunk.locate(offset, copy);
                        assert!(left >= 4096);
                        let index = place.device as usize - 1;
                        found[index].push(place.offset - chunk.stripes[index].offset);
                    }
                }
                for (index, offsets) in found.iter().enumerate() {
                    let part = chunk.part_of_stripe(index, extent.clone());
                    let expected: Vec<u64> = part.step_by(4096).collect();
                    assert_eq!(&expected, offsets, "{chunk:?} {extent:?}");
                }
            }
        }
    }

    #[test]
    fn profiles_that_cannot_be() {
        assert_eq!(layout(0x1, 2, 1), None);
        assert_eq!(layout(0x11, 3, 1), None);
        assert_eq!(layout(0x41, 3, 2), None);
        assert_eq!(layout(0x41, 4, 1), None);
        assert_eq!(layout(0x31, 2, 1), None);
        assert_eq!(layout(0x801, 1, 1), None);
        assert_eq!(layout(0x1, 0, 1), None);
        assert_eq!(layout(0x9, 0, 1), None);
    }
}
