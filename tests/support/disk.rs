//! Plain files that hold a disk.

use super::MIB;
use super::command::{text, tool_with_input};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// A source of bytes that do not compress and are the same in every run.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.chunks_mut(8) {
            let value = self.next().to_le_bytes();
            word.copy_from_slice(&value[..word.len()]);
        }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }
}

/// A file of `size` bytes full of garbage, other garbage for each seed, no byte of it a hole.
pub(crate) fn garbage(path: &Path, size: u64, seed: u64) {
    let mut block = Noise::new(seed).bytes(4 * MIB as usize + 8);
    let file = File::create(path).unwrap();
    let mut offset = 0;
    while offset < size {
        let length = (size - offset).min(4 * MIB) as usize;
        // Each block different from the one before.
        block.rotate_left(8);
        block[..8].copy_from_slice(&(offset ^ seed.rotate_left(40)).to_le_bytes());
        file.write_all_at(&block[..length], offset).unwrap();
        offset += length as u64;
    }
}

/// A file of `size` bytes that is one hole.
pub(crate) fn blank(path: &Path, size: u64) {
    File::create(path).unwrap().set_len(size).unwrap();
}

pub(crate) fn read(path: &Path, offset: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    File::open(path).unwrap().read_exact_at(&mut bytes, offset).unwrap();
    bytes
}

pub(crate) fn write(path: &Path, offset: u64, bytes: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

/// Puts a volume into a disk, its holes as zeros.
pub(crate) fn embed(volume: &Path, disk: &Path, offset: u64) {
    let from = File::open(volume).unwrap();
    let to = File::options().write(true).open(disk).unwrap();
    let size = from.metadata().unwrap().len();
    let mut buffer = vec![0; MIB as usize];
    let mut done = 0;
    while done < size {
        let length = (size - done).min(MIB) as usize;
        from.read_exact_at(&mut buffer[..length], done).unwrap();
        to.write_all_at(&buffer[..length], offset + done).unwrap();
        done += length as u64;
    }
}

/// Takes a part of a disk into a file of its own.
pub(crate) fn extract(disk: &Path, offset: u64, length: u64, volume: &Path) {
    let from = File::open(disk).unwrap();
    let to = File::create(volume).unwrap();
    to.set_len(length).unwrap();
    let mut buffer = vec![0; MIB as usize];
    let mut done = 0;
    while done < length {
        let part = (length - done).min(MIB) as usize;
        from.read_exact_at(&mut buffer[..part], offset + done).unwrap();
        if buffer[..part].iter().any(|byte| *byte != 0) {
            to.write_all_at(&buffer[..part], done).unwrap();
        }
        done += part as u64;
    }
}

/// The first byte of a range in which two files differ, in bytes from their start.
pub(crate) fn difference(one: &Path, other: &Path, offset: u64, length: u64) -> Option<u64> {
    let (one, other) = (File::open(one).unwrap(), File::open(other).unwrap());
    let (mut a, mut b) = (vec![0; MIB as usize], vec![0; MIB as usize]);
    let mut done = 0;
    while done < length {
        let part = (length - done).min(MIB) as usize;
        one.read_exact_at(&mut a[..part], offset + done).unwrap();
        other.read_exact_at(&mut b[..part], offset + done).unwrap();
        if a[..part] != b[..part] {
            let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap();
            return Some(offset + done + at as u64);
        }
        done += part as u64;
    }
    None
}

/// Fails where two files differ in a range.
#[track_caller]
pub(crate) fn assert_same(what: &str, one: &Path, other: &Path, offset: u64, length: u64) {
    assert_eq!(difference(one, other, offset, length), None, "{what} differs");
}

/// Makes a partition table by the script of sfdisk. Only for disks of 512-byte sectors and for
/// devices that know their own.
#[track_caller]
pub(crate) fn sfdisk(disk: &Path, script: &str) {
    tool_with_input("sfdisk", &["--quiet", "--no-reread", "--no-tell-kernel", text(disk)], script);
}
