//! Members of arrays: Linux md, DRBD, and the RAID of firmware and cheap controllers.
//!
//! Most keep their metadata at the end, behind a file system that looks whole.

use super::At::{End, Start};
use super::{Probe, Row, plain, row};
use crate::filesystem::Volume;
use crate::filesystem::VolumeKind::{self, Drbd, FirmwareRaid, LinuxRaid};
use crate::units::KIB;
use uuid::Uuid;

/// Metadata of controllers is counted in these, whatever the sector size of the disk.
const SECTOR: u64 = 512;

const MD_SIGNATURE: &[u8] = &0xA92B_4EFC_u32.to_le_bytes();
const MD_SIGNATURE_BIG: &[u8] = &0xA92B_4EFC_u32.to_be_bytes();

/// A row for metadata in the sector with this number from the end, 1 being the last.
const fn from_end(
    sectors: u64,
    signature_at: usize,
    signature: &'static [u8],
    details: fn(&Probe<'_>, u64, VolumeKind) -> Option<Volume>,
) -> Row {
    row(FirmwareRaid, End(SECTOR, sectors * SECTOR), signature_at, signature, details)
}

const PROMISE: &[u8] = b"Promise Technology, Inc.";
const HPT45X_MEMBER: &[u8] = &0x5A78_16F3_u32.to_le_bytes();
const HPT45X_FAILED: &[u8] = &0x5A78_16FD_u32.to_le_bytes();
const HPT37X_MEMBER: &[u8] = &0x5A78_16F0_u32.to_le_bytes();

pub(super) const ROWS: &[Row] = &[
    // Linux, include/uapi/linux/raid/md_p.h: version 0.90 in the last 64 KiB that are aligned to
    // 64 KiB, in the byte order of the machine; 1.0 at least 8 KiB before the end; 1.1 at the
    // start; 1.2 after 4 KiB.
    row(LinuxRaid, End(64 * KIB, 64 * KIB), 0, MD_SIGNATURE, md_0_90),
    row(LinuxRaid, End(64 * KIB, 64 * KIB), 0, MD_SIGNATURE_BIG, md_0_90),
    row(LinuxRaid, End(4 * KIB, 8 * KIB), 0, MD_SIGNATURE, md_1),
    row(LinuxRaid, Start(0), 0, MD_SIGNATURE, md_1),
    row(LinuxRaid, Start(4 * KIB), 0, MD_SIGNATURE, md_1),
    // DRBD, struct md_on_disk_08 of drbdmeta.c and struct meta_data_on_disk_9 of drbd_meta_data.h:
    // the last 4 KiB, big-endian; 8.x clean, 8.4 unclean, 9.
    row(Drbd, End(4 * KIB, 4 * KIB), 60, &[0x83, 0x74, 0x02, 0x6B], plain),
    row(Drbd, End(4 * KIB, 4 * KIB), 60, &[0x83, 0x74, 0x02, 0x6C], plain),
    row(Drbd, End(4 * KIB, 4 * KIB), 60, &[0x83, 0x74, 0x02, 0x6D], plain),
    // Intel Matrix Storage (isw), struct imsm_super of mdadm's super-intel.c: the sector before
    // the last one, with sectors of 512 or 4096 bytes.
    from_end(2, 0, b"Intel Raid ISM Cfg Sig. ", plain),
    from_end(16, 0, b"Intel Raid ISM Cfg Sig. ", plain),
    // SNIA, "Common RAID Disk Data Format Specification" 2.0, section "DDF Header": the anchor is
    // the last sector. Some controllers leave 256 sectors behind it; some write little-endian.
    from_end(1, 0, &[0xDE, 0x11, 0xDE, 0x11], plain),
    from_end(1, 0, &[0x11, 0xDE, 0x11, 0xDE], plain),
    from_end(257, 0, &[0xDE, 0x11, 0xDE, 0x11], plain),
    from_end(257, 0, &[0x11, 0xDE, 0x11, 0xDE], plain),
    // From here on: the metadata handlers of dmraid (lib/format/ataraid, one header for each
    // vendor), which is the description there is.
    from_end(63, 0, PROMISE, plain),
    from_end(255, 0, PROMISE, plain),
    from_end(256, 0, PROMISE, plain),
    from_end(16, 0, PROMISE, plain),
    from_end(399, 0, PROMISE, plain),
    from_end(591, 0, PROMISE, plain),
    from_end(675, 0, PROMISE, plain),
    from_end(735, 0, PROMISE, plain),
    from_end(911, 0, PROMISE, plain),
    from_end(951, 0, PROMISE, plain),
    from_end(974, 0, PROMISE, plain),
    from_end(991, 0, PROMISE, plain),
    from_end(3087, 0, PROMISE, plain),
    from_end(11, 0, HPT45X_MEMBER, plain),
    from_end(11, 0, HPT45X_FAILED, plain),
    row(FirmwareRaid, Start(9 * SECTOR), 32, HPT37X_MEMBER, plain),
    row(FirmwareRaid, Start(9 * SECTOR), 32, HPT45X_FAILED, plain),
    from_end(2, 0, b"NVIDIA  ", plain),
    from_end(1, 0, b"$XIDE$", plain),
    from_end(1, 0, &[0x37, 0xFC, 0x4D, 0x1E], adaptec),
    from_end(1, 0x60, &0x2F00_0000_u32.to_le_bytes(), silicon_image),
    from_end(1, 0, b"JM", jmicron),
    from_end(1, 0, &[0x55, 0xAA], via),
];

/// Version 0.90: the UUID is in four words, the last three apart from the first.
fn md_0_90(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let big = probe.u32_be(at)? == 0xA92B_4EFC;
    let word = |index: u64| match big {
        true => probe.u32_be(at + 4 * index),
        false => probe.u32_le(at + 4 * index),
    };
    if word(1)? != 0 || word(2)? < 90 {
        return None;
    }
    let mut uuid = [0; 16];
    for (bytes, index) in uuid.chunks_exact_mut(4).zip([5, 13, 14, 15]) {
        bytes.copy_from_slice(&word(index)?.to_be_bytes());
    }
    Some(Volume { uuid: Some(Uuid::from_bytes(uuid).to_string()), ..Volume::of(kind) })
}

/// Version 1.x: the superblock says where it lies itself, so that one left behind when a device
/// grew or a partition moved is not believed.
fn md_1(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let (major_version, position) = (probe.u32_le(at + 4)?, probe.u64_le(at + 144)?);
    (major_version == 1 && position == at / SECTOR).then(|| Volume {
        uuid: probe.uuid(at + 16),
        label: probe.text(at + 32, 32),
        ..Volume::of(kind)
    })
}

/// Adaptec HostRAID: a second signature in the same sector.
fn adaptec(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    (probe.array(at + 256)? == *b"DPTM").then(|| Volume::of(kind))
}

fn sum_of_words(probe: &Probe<'_>, at: u64, length: usize) -> Option<u16> {
    let bytes = probe.bytes(at, length)?;
    let words = bytes.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word));
    Some(words.fold(0, u16::wrapping_add))
}

/// Silicon Image Medley: its first 0x140 bytes, checksum included, add up to zero.
fn silicon_image(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    (sum_of_words(probe, at, 0x140)? == 0).then(|| Volume::of(kind))
}

/// JMicron: its 128 bytes add up to zero or one.
fn jmicron(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    (sum_of_words(probe, at, 128)? <= 1).then(|| Volume::of(kind))
}

/// VIA: versions 0 to 2, with an eight-bit sum of the first fifty bytes behind them.
fn via(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let metadata: [u8; 51] = probe.array(at)?;
    let sum = metadata[..50].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    (metadata[2] <= 2 && sum == metadata[50]).then(|| Volume::of(kind))
}
