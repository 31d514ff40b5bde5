//! Containers of other volumes: encryption, LVM, caches, pools.

use super::At::{End, Start};
use super::{Probe, Row, crc32_le, plain, row};
use crate::block::BlockSource;
use crate::filesystem::Volume;
use crate::filesystem::VolumeKind::{
    self, Bcache, Bcachefs, Bitlocker, Luks1, Luks2, Lvm2, Verity, Vmfs, Zfs,
};
use crate::units::{KIB, MIB};

const VERITY_SIGNATURE: &[u8] = b"verity\0\0";
const BCACHE_SIGNATURE: &[u8] = b"\xC6\x85\x73\xF6\x4E\x1A\x45\xCA\x82\x65\xF5\x7F\x48\xBA\x6D\x81";
const BCACHEFS_SIGNATURE: &[u8] =
    b"\xC6\x85\x73\xF6\x66\xCE\x90\xA9\xD9\x6A\x60\xCF\x80\x3D\xF7\xEF";

/// Two of the four labels of a ZFS device are at its end, which counts in multiples of a label.
const ZFS_LABEL: u64 = 256 * KIB;
/// XDR, the only encoding there is, in front of the name/value list.
const ZFS_XDR: &[u8] = &[1];

pub(super) const ROWS: &[Row] = &[
    // "LUKS On-Disk Format Specification" 1.2.3, figure 1; "LUKS2 On-Disk Format Specification"
    // 1.1.2, section 2.1: the version is big-endian.
    row(Luks1, Start(0), 0, b"LUKS\xBA\xBE\x00\x01", luks),
    row(Luks2, Start(0), 0, b"LUKS\xBA\xBE\x00\x02", luks),
    // libbde, "BitLocker Drive Encryption (BDE) format", sections "Volume header" and "BitLocker
    // To Go": the latter has the boot sector of a FAT volume for older systems to show.
    row(Bitlocker, Start(0), 3, b"-FVE-FS-", plain),
    row(
        Bitlocker,
        Start(0),
        424,
        b"\x3B\xD6\x67\x49\x29\x2E\xD8\x4A\x83\x99\xF6\xA3\x39\xE3\xD0\x01",
        plain,
    ),
    // LVM2, struct label_header of lib/label/label.h: in any of the first four sectors.
    row(Lvm2, Start(0), 0, b"LABELONE", lvm2),
    row(Lvm2, Start(512), 0, b"LABELONE", lvm2),
    row(Lvm2, Start(1024), 0, b"LABELONE", lvm2),
    row(Lvm2, Start(1536), 0, b"LABELONE", lvm2),
    // Linux, drivers/md/bcache/bcache_ondisk.h, struct cache_sb.
    row(Bcache, Start(4 * KIB), 24, BCACHE_SIGNATURE, bcache),
    // bcachefs, fs/bcachefs/bcachefs_format.h, struct bch_sb; old ones have bcache's signature.
    row(Bcachefs, Start(4 * KIB), 24, BCACHEFS_SIGNATURE, bcachefs),
    row(Bcachefs, Start(4 * KIB), 24, BCACHE_SIGNATURE, bcachefs),
    // "ZFS On-Disk Specification" (2006), sections 1.2 and 1.3: four labels, in each after
    // 16 KiB a name/value list, which begins with the pool's version.
    row(Zfs, Start(0), 16 << 10, ZFS_XDR, zfs),
    row(Zfs, Start(ZFS_LABEL), 16 << 10, ZFS_XDR, zfs),
    row(Zfs, End(ZFS_LABEL, 2 * ZFS_LABEL), 16 << 10, ZFS_XDR, zfs),
    row(Zfs, End(ZFS_LABEL, ZFS_LABEL), 16 << 10, ZFS_XDR, zfs),
    // cryptsetup, "DMVerity on-disk specification".
    row(Verity, Start(0), 0, VERITY_SIGNATURE, verity),
    // vmfs-tools, struct vmfs_volinfo of vmfs_volume.h and struct vmfs_fsinfo of vmfs_fs.h.
    row(Vmfs, Start(MIB), 0, &0xC001_D00D_u32.to_le_bytes(), plain),
    row(Vmfs, Start(2 * MIB), 0, &0x2FAB_F15E_u32.to_le_bytes(), plain),
];

fn luks(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let label = if kind == Luks2 { probe.text(at + 24, 48) } else { None };
    Some(Volume { label, uuid: probe.text(at + 168, 40), ..Volume::of(kind) })
}

/// The label says in which sector it lies and has a checksum, whose initial value is LVM's own.
fn lvm2(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let sector: [u8; 512] = probe.array(at)?;
    let checksum = crc32_le(0xF597_A6CF, &sector[20..]);
    let is_label = probe.u64_le(at + 8)? == at / 512
        && probe.u32_le(at + 16)? == checksum
        && &sector[24..32] == b"LVM2 001";
    let header = at + u64::from(probe.u32_le(at + 20)?);
    let uuid = probe.text(header, 32).filter(|uuid| uuid.len() == 32 && uuid.is_ascii());
    let uuid = uuid.map(|uuid| {
        [
            &uuid[..6],
            &uuid[6..10],
            &uuid[10..14],
            &uuid[14..18],
            &uuid[18..22],
            &uuid[22..26],
            &uuid[26..],
        ]
        .join("-")
    });
    is_label.then(|| Volume { uuid, ..Volume::of(kind) })
}

/// The only version there is.
const VERITY_VERSION: u32 = 1;

fn verity(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    (probe.u32_le(at + 8)? == VERITY_VERSION)
        .then(|| Volume { uuid: probe.uuid(at + 16), ..Volume::of(kind) })
}

/// The bytes that are hashed where there is a superblock of dm-verity at `at`, in bytes.
pub(in crate::filesystem) fn verity_data(source: &dyn BlockSource, at: u64) -> Option<u64> {
    let bytes = source.read_vec(at, 512).ok()?;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let blocks = u64::from_le_bytes(bytes[72..80].try_into().expect("eight bytes"));
    let is_one = bytes.starts_with(VERITY_SIGNATURE) && number(8) == VERITY_VERSION;
    is_one.then(|| blocks.saturating_mul(number(64).into()))
}

/// Where the superblock lies, in sectors, as it says itself.
const BCACHE_SECTOR: u64 = 8;

fn bcache(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    (probe.u64_le(at + 8)? == BCACHE_SECTOR).then(|| Volume {
        uuid: probe.uuid(at + 40),
        label: probe.text(at + 72, 32),
        ..Volume::of(kind)
    })
}

fn bcachefs(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    (probe.u64_le(at + 104)? == BCACHE_SECTOR).then(|| Volume {
        uuid: probe.uuid(at + 56),
        label: probe.text(at + 72, 32),
        ..Volume::of(kind)
    })
}

/// The first pair of the list: encoded and decoded size, then its name with the length in front.
fn zfs(probe: &Probe<'_>, at: u64, kind: VolumeKind) -> Option<Volume> {
    let list = at + 16 * KIB;
    let is_list = probe.u32_be(list + 20)? == 7 && probe.array(list + 24)? == *b"version";
    is_list.then(|| Volume::of(kind))
}
