//! What else can be at the start of a disk: partition schemes that are not read here, and disks
//! that belong as a whole to something larger although they seem to have a partition table.

use crate::block::BlockSource;

/// How much of the disk all of these marks lie in, in bytes.
const LOOKED_AT: u64 = 8192;

fn start(disk: &dyn BlockSource) -> Vec<u8> {
    disk.read_vec(0, disk.size().min(LOOKED_AT) as usize).unwrap_or_default()
}

fn has(bytes: &[u8], offset: usize, mark: &[u8]) -> bool {
    bytes.get(offset..).is_some_and(|bytes| bytes.starts_with(mark))
}

/// The name of a partition scheme that is recognised and not read, where neither a GPT nor an
/// MBR is there.
pub(super) fn scheme(disk: &dyn BlockSource) -> Option<&'static str> {
    let bytes = start(disk);
    let marks: [(&str, usize, &[u8]); 5] = [
        // SunOS dklabel(5): magic 0xDABE at byte 508, big-endian.
        ("Sun disk label", 508, &[0xda, 0xbe]),
        // IRIX volume header: magic 0x0BE5A941, big-endian.
        ("SGI volume header", 0, &[0x0b, 0xe5, 0xa9, 0x41]),
        // Inside Macintosh: Devices, chapter 3: driver descriptor, then the map's "PM".
        ("Apple partition map", 512, b"PM\0\0"),
        // BSD disklabel(5): magic 0x82564557 in sector 1, or at byte 64 of sector 0.
        ("BSD disk label", 512, &[0x57, 0x45, 0x56, 0x82]),
        ("BSD disk label", 64, &[0x57, 0x45, 0x56, 0x82]),
    ];
    let found = marks.into_iter().find(|(_, offset, mark)| has(&bytes, *offset, mark));
    // The rigid disk block of AmigaDOS is in any of the first 16 sectors.
    let amiga = || bytes.chunks(512).any(|sector| sector.starts_with(b"RDSK"));
    found.map(|(name, ..)| name).or_else(|| amiga().then_some("Amiga rigid disk block"))
}

/// What the whole disk is a member of, if its mark is there. Making such a member leaves LBA 0
/// as it was, so an old partition table can outlive it.
pub(super) fn member_of(disk: &dyn BlockSource) -> Option<&'static str> {
    let bytes = start(disk);
    // Linux md superblock version 1.2, 4 KiB from the start: magic, then major version 1.
    if has(&bytes, 4096, &[0xfc, 0x4e, 0x2b, 0xa9, 1, 0, 0, 0]) {
        return Some("Linux RAID");
    }
    // LVM2 label: in one of the first four sectors of 512 bytes.
    let is_label = |at| has(&bytes, at, b"LABELONE") && has(&bytes, at + 24, b"LVM2 001");
    if [0, 512, 1024, 1536].into_iter().any(is_label) {
        return Some("LVM");
    }
    // bcache superblock: magic 24 bytes into the sector at 4 KiB.
    const BCACHE: [u8; 16] = [
        0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d,
        0x81,
    ];
    has(&bytes, 4096 + 24, &BCACHE).then_some("bcache")
}
