//! A disk as a fuzzer can write it: a size and the few pieces that are not zero.
//!
//! A file system of 64 MiB becomes an input of a few KiB, and any bytes at all decode to some
//! disk. All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | size of the disk in bytes |
//! | 1 | logical sector size: 512 shifted left by the lowest two bits |
//! | 1 | budget: the reader may keep 2 to the power of the lowest five bits extents, up to 2^20 |
//! | … | pieces, each: offset in bytes (8); length in bytes (4), whose top bit says that one byte follows and is repeated, else as many bytes as the length follow |

use calco::block::{BlockSource, check_range};
use calco::error::Result;
use calco::filesystem::Budget;
use calco::units::Extent;

const HEADER_LENGTH: usize = 10;
const PIECE_HEADER_LENGTH: usize = 12;
const REPEATED: u32 = 1 << 31;
const MAXIMUM_BUDGET_BITS: u8 = 20;

/// Stretches of zeros up to this length stay inside a piece: a new piece costs more.
const SMALLEST_HOLE: usize = 2 * PIECE_HEADER_LENGTH;
/// Equal bytes from this number on are stored as one.
const SHORTEST_RUN: usize = 3 * PIECE_HEADER_LENGTH;

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Bytes(Vec<u8>),
    Repeated(u8),
}

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    offset: u64,
    length: u64,
    content: Content,
}

impl Piece {
    fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// What of it lies in `[from, to)`.
    fn part(&self, from: u64, to: u64) -> Option<Self> {
        let (start, end) = (self.offset.max(from), self.end().min(to));
        let content = match &self.content {
            _ if start >= end => return None,
            Content::Repeated(byte) => Content::Repeated(*byte),
            Content::Bytes(bytes) => Content::Bytes(
                bytes[(start - self.offset) as usize..(end - self.offset) as usize].to_vec(),
            ),
        };
        Some(Self { offset: start, length: end - start, content })
    }
}

/// A disk that holds zeros but for a few pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseDisk {
    size: u64,
    sector_size: u32,
    budget_bits: u8,
    /// Ascending, without overlaps.
    pieces: Vec<Piece>,
}

impl SparseDisk {
    /// The disk that an input describes, of at most `maximum_size` bytes.
    pub fn decode(input: &[u8], maximum_size: u64) -> Self {
        let mut input = Input(input);
        let size = input.u64() % (maximum_size + 1);
        let sector_size = 512 << (input.u8() & 3);
        let budget_bits = (input.u8() & 31).min(MAXIMUM_BUDGET_BITS);
        let mut pieces = Vec::new();
        while size > 0 && !input.0.is_empty() {
            let offset = input.u64() % size;
            let length = input.u32();
            let content = if length & REPEATED == 0 {
                Content::Bytes(input.take(length as usize).to_vec())
            } else {
                Content::Repeated(input.u8())
            };
            let length = match &content {
                Content::Bytes(bytes) => bytes.len() as u64,
                Content::Repeated(_) => u64::from(length & !REPEATED),
            };
            pieces.push(Piece { offset, length: length.min(size - offset), content });
        }
        // A piece ends where the next one begins.
        pieces.sort_by_key(|piece| piece.offset);
        for index in 1..pieces.len() {
            let next = pieces[index].offset;
            let piece = &mut pieces[index - 1];
            piece.length = piece.length.min(next - piece.offset);
        }
        pieces.retain(|piece| piece.length > 0);
        Self { size, sector_size, budget_bits, pieces }
    }

    /// The input that describes a disk with these bytes.
    pub fn encode(bytes: &[u8], sector_size: u32) -> Vec<u8> {
        let mut input = Vec::with_capacity(HEADER_LENGTH);
        input.extend((bytes.len() as u64).to_le_bytes());
        input.push((sector_size / 512).trailing_zeros() as u8);
        input.push(MAXIMUM_BUDGET_BITS);
        for (offset, length) in not_zero(bytes) {
            let piece = &bytes[offset..offset + length];
            let mut start = 0;
            while start < piece.len() {
                let run = run_length(&piece[start..]);
                if run >= SHORTEST_RUN {
                    push_piece(
                        &mut input,
                        offset + start,
                        run as u32 | REPEATED,
                        &piece[start..=start],
                    );
                    start += run;
                } else {
                    let end = literal_end(piece, start);
                    let literal = &piece[start..end];
                    push_piece(&mut input, offset + start, literal.len() as u32, literal);
                    start = end;
                }
            }
        }
        input
    }

    /// Where something was written.
    pub fn written(&self) -> impl Iterator<Item = Extent> + '_ {
        self.pieces.iter().map(|piece| Extent::new(piece.offset, piece.length))
    }

    /// Puts `bytes` over what is there.
    pub fn overwrite(&mut self, offset: u64, bytes: &[u8]) {
        let length = (bytes.len() as u64).min(self.size.saturating_sub(offset));
        let end = offset + length;
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        for piece in self.pieces.drain(..) {
            pieces.extend(piece.part(0, offset));
            pieces.extend(piece.part(end, u64::MAX));
        }
        let content = Content::Bytes(bytes[..length as usize].to_vec());
        pieces.push(Piece { offset, length, content });
        pieces.retain(|piece| piece.length > 0);
        pieces.sort_by_key(|piece| piece.offset);
        self.pieces = pieces;
    }

    /// The budget that the input chose.
    pub fn budget(&self) -> Budget {
        Budget { extents: 1 << self.budget_bits }
    }
}

impl BlockSource for SparseDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn name(&self) -> String {
        "fuzz".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len() as u64)
            .map_err(|error| error.on_device(self.name()))?;
        buffer.fill(0);
        let end = offset + buffer.len() as u64;
        let first = self.pieces.partition_point(|piece| piece.end() <= offset);
        for piece in self.pieces[first..].iter().take_while(|piece| piece.offset < end) {
            let (from, to) = (piece.offset.max(offset), piece.end().min(end));
            let target = &mut buffer[(from - offset) as usize..(to - offset) as usize];
            match &piece.content {
                Content::Repeated(byte) => target.fill(*byte),
                Content::Bytes(bytes) => {
                    let start = (from - piece.offset) as usize;
                    target.copy_from_slice(&bytes[start..start + target.len()]);
                }
            }
        }
        Ok(())
    }
}

/// Reads numbers off the front; what is missing at the end is zero.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    fn u8(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}

fn push_piece(input: &mut Vec<u8>, offset: usize, length: u32, content: &[u8]) {
    input.extend((offset as u64).to_le_bytes());
    input.extend(length.to_le_bytes());
    input.extend(content);
}

/// Number of equal bytes at the start.
fn run_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == bytes[0]).count()
}

/// Where the next run long enough for a piece of its own begins.
fn literal_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while end < bytes.len() {
        let run = run_length(&bytes[end..]);
        if run >= SHORTEST_RUN {
            break;
        }
        end += run;
    }
    end
}

/// The stretches (offset, length) that are not zero.
fn not_zero(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (index, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
        match stretches.last_mut() {
            Some((offset, length)) if index - (*offset + *length) <= SMALLEST_HOLE => {
                *length = index + 1 - *offset;
            }
            _ => stretches.push((index, 1)),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate::Random;

    fn bytes_of(disk: &SparseDisk) -> Vec<u8> {
        disk.read_vec(0, disk.size as usize).unwrap()
    }

    #[test]
    fn a_disk_survives_its_encoding() {
        let mut random = Random::new(1);
        for round in 0..200 {
            let mut bytes = vec![0; random.below(20_000) as usize];
            for _ in 0..random.below(20) {
                let start = random.below(bytes.len() as u64 + 1) as usize;
                let end = (start + random.below(300) as usize).min(bytes.len());
                match random.below(2) {
                    0 => bytes[start..end].fill(random.byte()),
                    _ => bytes[start..end].fill_with(|| random.byte()),
                }
            }
            let input = SparseDisk::encode(&bytes, 4096);
            let disk = SparseDisk::decode(&input, u64::MAX - 1);
            assert_eq!(disk.sector_size(), 4096);
            assert!(bytes_of(&disk) == bytes, "round {round}");
        }
    }

    #[test]
    fn a_large_empty_disk_is_small_as_an_input() {
        let mut bytes = vec![0; 1 << 20];
        bytes[4096..8192].fill(0xFF);
        assert!(SparseDisk::encode(&bytes, 512).len() < 32);
    }

    #[test]
    fn any_bytes_are_a_disk_that_reads_the_same_in_parts() {
        let mut random = Random::new(2);
        for _ in 0..500 {
            let mut input = vec![0; random.below(400) as usize];
            input.fill_with(|| random.byte());
            let disk = SparseDisk::decode(&input, 100_000);
            let whole = bytes_of(&disk);
            let offset = random.below(disk.size() + 1);
            let length = random.below(disk.size() - offset + 1);
            let part = disk.read_vec(offset, length as usize).unwrap();
            assert_eq!(part, whole[offset as usize..(offset + length) as usize]);
            let (mut changed, mut expected) = (disk.clone(), whole);
            let patch = vec![random.byte(); length as usize];
            changed.overwrite(offset, &patch);
            expected[offset as usize..(offset + length) as usize].copy_from_slice(&patch);
            assert!(bytes_of(&changed) == expected);
            assert!(disk.read_at(disk.size(), &mut [0]).is_err());
        }
    }
}
