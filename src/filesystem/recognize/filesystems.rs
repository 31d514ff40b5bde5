//! File systems that are known by name and saved whole until they have a reader.

use super::At::Start;
use super::{Probe, Row, crc32_le, plain, row};
use crate::filesystem::Volume;
use crate::filesystem::VolumeKind::{
    self, Apfs, HfsPlus, Iso9660, Jfs, Nilfs2, Refs, Reiserfs, Udf, Ufs, XfsLog,
};
use crate::units::KIB;

pub(super) const ROWS: &[Row] = &[
    // libfsrefs, "Resilient File System (ReFS)", section "Volume header".
    row(Refs, Start(0), 3, b"ReFS\0\0\0\0", plain),
    // "XFS Algorithms & Data Structures", section "Journaling Log": a log on a device of its own
    // has no superblock; as long as nothing was overwritten, a record begins where it does.
    row(XfsLog, Start(0), 0, &0xFEED_BABE_u32.to_be_bytes(), xfs_log),
    // Apple, technical note TN1150 "HFS Plus Volume Format", sections "Volume Header" and "HFS
    // Wrapper"; HX is the one that tells cases apart. Big-endian.
    row(HfsPlus, Start(KIB), 0, b"H+\x00\x04", hfs_plus),
    row(HfsPlus, Start(KIB), 0, b"HX\x00\x05", hfs_plus),
    row(HfsPlus, Start(KIB), 0, b"BD", hfs_wrapper),
    // Apple, "Apple File System Reference" (2020), section "nx_superblock_t".
    row(Apfs, Start(0), 32, b"NXSB", apfs),
    // Linux, include/uapi/linux/nilfs2_ondisk.h, struct nilfs_super_block. The copy at the end is
    // not looked at: it stays behind when something else is made here.
    row(Nilfs2, Start(KIB), 6, &[0x34, 0x34], nilfs2),
    // Linux, fs/jfs/jfs_superblock.h.
    row(Jfs, Start(32 * KIB), 0, b"JFS1", jfs),
    // Linux, fs/reiserfs/reiserfs.h, struct reiserfs_super_block: 3.5 also after 8 KiB.
    row(Reiserfs, Start(64 * KIB), 52, b"ReIsErFs", reiserfs_3_5),
    row(Reiserfs, Start(64 * KIB), 52, b"ReIsEr2Fs", reiserfs),
    row(Reiserfs, Start(64 * KIB), 52, b"ReIsEr3Fs", reiserfs),
    row(Reiserfs, Start(8 * KIB), 52, b"ReIsErFs", reiserfs_3_5),
    // Linux, fs/ufs/ufs_fs.h: where the superblock may lie; see `ufs` for its signature.
    row(Ufs, Start(0), 0, &[], ufs),
    row(Ufs, Start(8 * KIB), 0, &[], ufs),
    row(Ufs, Start(64 * KIB), 0, &[], ufs),
    row(Ufs, Start(256 * KIB), 0, &[], ufs),
    // ECMA-119, section 8.4 "Primary Volume Descriptor".
    row(Iso9660, Start(32 * KIB), 0, b"\x01CD001", iso9660),
    // ECMA-167, part 2, section 9: the volume recognition sequence begins with BEA01, or follows
    // the descriptors of ISO 9660.
    row(Udf, Start(32 * KIB), 1, b"BEA01", udf),
    row(Udf, Start(32 * KIB), 1, b"CD001", udf),
];

/// A block size as most formats have it: a power of two, in bytes.
fn block_size(bytes: u64) -> Option<u64> {
    (bytes.is_power_of_two() && (512..=1 << 26).contains(&bytes)).then_some(bytes)
}

/// A block size given as its logarithm.
fn block_size_log(log: u32) -> Option<u64> {
    1u64.checked_shl(log).and_then(block_size)
}

/// The log of an XFS file system; its UUID is that of the file system.
fn xfs_log(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    // Round and version of the record, and its number: the round and the place.
    let round = u64::from(probe.u32_be(at + 4)?);
    let is_record = matches!(probe.u32_be(at + 8)?, 1 | 2) && probe.u64_be(at + 16)? == round << 32;
    is_record.then_some(Volume { uuid: probe.uuid(at + 304), ..Volume::of(kind) })
}

fn hfs_plus(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let block = block_size(probe.u32_be(at + 40)?.into())?;
    let length = u64::from(probe.u32_be(at + 44)?).checked_mul(block);
    Some(Volume { block_size: Some(block), length, ..Volume::of(kind) })
}

/// HFS+ inside an HFS volume that tells old systems to look elsewhere.
fn hfs_wrapper(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    matches!(&probe.array(at + 124)?, b"H+" | b"HX").then(|| Volume::of(kind))
}

fn apfs(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    // The type of the object: a container superblock.
    if probe.u16_le(at + 24)? != 1 {
        return None;
    }
    let block = block_size(probe.u32_le(at + 36)?.into())?;
    Some(Volume {
        uuid: probe.uuid(at + 72),
        block_size: Some(block),
        length: probe.u64_le(at + 40)?.checked_mul(block),
        ..Volume::of(kind)
    })
}

/// Two bytes are no signature: the checksum must be right.
fn nilfs2(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    const CHECKSUM: std::ops::Range<usize> = 16..20;
    let length = usize::from(probe.u16_le(at + 8)?);
    if !(CHECKSUM.end..=1024).contains(&length) {
        return None;
    }
    let mut superblock = probe.bytes(at, length)?.into_owned();
    superblock[CHECKSUM].fill(0);
    let checksum = crc32_le(probe.u32_le(at + 12)?, &superblock);
    if checksum != probe.u32_le(at + CHECKSUM.start as u64)? {
        return None;
    }
    Some(Volume {
        label: probe.text(at + 168, 80),
        uuid: probe.uuid(at + 152),
        block_size: block_size_log(probe.u32_le(at + 20)?.checked_add(10)?),
        length: probe.u64_le(at + 32),
        ..Volume::of(kind)
    })
}

fn jfs(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let block = block_size(probe.u32_le(at + 16)?.into())?;
    (block_size_log(probe.u16_le(at + 20)?.into()) == Some(block)).then(|| Volume {
        label: probe.text(at + 152, 16),
        uuid: probe.uuid(at + 136),
        block_size: Some(block),
        ..Volume::of(kind)
    })
}

fn reiserfs_3_5(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let block = block_size(probe.u16_le(at + 44)?.into())?;
    let length = u64::from(probe.u32_le(at)?).checked_mul(block);
    Some(Volume { block_size: Some(block), length, ..Volume::of(kind) })
}

/// From version 3.6 on there are UUID and label.
fn reiserfs(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let volume = reiserfs_3_5(probe, at, kind)?;
    Some(Volume { label: probe.text(at + 100, 16), uuid: probe.uuid(at + 84), ..volume })
}

/// One of six signatures, in the byte order of the machine that made it.
fn ufs(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    const SIGNATURES: [u32; 6] =
        [0x0001_1954, 0x0009_5014, 0x0019_5612, 0x0061_2195, 0x0523_1994, 0x1954_0119];
    let found = [probe.u32_le(at + 1372)?, probe.u32_be(at + 1372)?];
    SIGNATURES.iter().any(|signature| found.contains(signature)).then(|| Volume::of(kind))
}

fn iso9660(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let block = block_size(probe.u16_le(at + 128)?.into())?;
    // The date of modification, or else of creation, takes the place of a UUID.
    let date = |offset: u64| {
        let digits: [u8; 16] = probe.array(at + offset)?;
        let digits = std::str::from_utf8(&digits).ok()?;
        let is_date =
            digits.bytes().all(|digit| digit.is_ascii_digit()) && digits.contains(|d| d != '0');
        is_date.then(|| {
            let part = |from: usize, to: usize| &digits[from..to];
            [
                part(0, 4),
                part(4, 6),
                part(6, 8),
                part(8, 10),
                part(10, 12),
                part(12, 14),
                part(14, 16),
            ]
            .join("-")
        })
    };
    Some(Volume {
        label: probe.text(at + 40, 32),
        uuid: date(830).or_else(|| date(813)),
        block_size: Some(block),
        length: u64::from(probe.u32_le(at + 80)?).checked_mul(block),
        ..Volume::of(kind)
    })
}

/// An NSR descriptor follows within the recognition sequence, whose descriptors are 2048 bytes
/// long, or as long as a sector where sectors are longer.
fn udf(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let is_nsr =
        |position: u64| probe.array(position + 1).is_some_and(|id: [u8; 4]| &id == b"NSR0");
    [2 * KIB, 4 * KIB]
        .into_iter()
        .any(|step| (1..16).any(|number| is_nsr(at + number * step)))
        .then(|| Volume::of(kind))
}
