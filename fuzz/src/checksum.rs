//! Right checksums over wrong numbers.
//!
//! A fuzzer does not guess a CRC, so what stands behind one would never be tried. Somebody who
//! makes a hostile disk does not have to guess.

use crate::sparse_disk::SparseDisk;
use calco::block::BlockSource;
use crc::{Algorithm, CRC_16_XMODEM, CRC_32_ISCSI, CRC_32_ISO_HDLC, Crc};

const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Largest array of GPT entries whose checksum is made right, in bytes.
const LARGEST_ENTRIES: u64 = 1 << 20;

/// Makes the checksums of both GPT headers and of their entries right. Answers whether there
/// is a header.
pub fn repair_gpt(disk: &mut SparseDisk) -> bool {
    let sector = u64::from(disk.sector_size());
    let last = (disk.size() / sector).saturating_sub(1);
    [1, last].into_iter().filter(|lba| repair_gpt_header(disk, lba * sector).is_some()).count() > 0
}

fn repair_gpt_header(disk: &mut SparseDisk, offset: u64) -> Option<()> {
    let sector = u64::from(disk.sector_size());
    let mut header = disk.read_vec(offset, sector as usize).ok()?;
    if !header.starts_with(b"EFI PART") {
        return None;
    }
    let entries = u64_at(&header, 72).checked_mul(sector)?;
    let length = u64::from(u32_at(&header, 80)) * u64::from(u32_at(&header, 84));
    if length <= LARGEST_ENTRIES
        && let Ok(bytes) = disk.read_vec(entries, length as usize)
    {
        header[88..92].copy_from_slice(&CRC32.checksum(&bytes).to_le_bytes());
    }
    let header_length = (u32_at(&header, 12) as usize).clamp(92, header.len());
    header[16..20].fill(0);
    let checksum = CRC32.checksum(&header[..header_length]);
    header[16..20].copy_from_slice(&checksum.to_le_bytes());
    disk.overwrite(offset, &header);
    Some(())
}

/// Makes the checksum of the first ext superblock right. Answers whether there is one with a
/// checksum.
pub fn repair_ext(disk: &mut SparseDisk) -> bool {
    const SUPERBLOCK: u64 = 1024;
    const METADATA_CHECKSUMS: u32 = 0x400;
    let Ok(mut superblock) = disk.read_vec(SUPERBLOCK, 1024) else { return false };
    if superblock[0x38..0x3A] != [0x53, 0xEF] || u32_at(&superblock, 0x64) & METADATA_CHECKSUMS == 0
    {
        return false;
    }
    // ext leaves out the final inversion.
    let checksum = !CRC32C.checksum(&superblock[..0x3FC]);
    superblock[0x3FC..].copy_from_slice(&checksum.to_le_bytes());
    disk.overwrite(SUPERBLOCK, &superblock);
    true
}

/// Makes the checksums of the headers of the first XFS allocation groups right, and those of the
/// roots of their free-space trees. Answers whether there is a superblock of version 5.
pub fn repair_xfs(disk: &mut SparseDisk) -> bool {
    const GROUPS: u64 = 4;
    let Ok(superblock) = disk.read_vec(0, 264) else { return false };
    let be32 = |at: usize| u64::from(u32_at(&superblock, at).swap_bytes());
    let (block, group) = (be32(4), be32(84));
    let sector = be32(100) & 0xffff;
    if !superblock.starts_with(b"XFSB")
        || superblock[101] & 0xf != 5
        || !(512..=32768).contains(&sector)
        || !(512..=65536).contains(&block)
    {
        return false;
    }
    for number in 0..GROUPS {
        let Some(start) = number.checked_mul(group).and_then(|first| first.checked_mul(block))
        else {
            break;
        };
        for (index, field) in [(0, 224), (1, 216), (2, 312), (3, 32)] {
            repair_crc32c(disk, start.saturating_add(index * sector), sector, field, 0);
        }
        let root = disk.read_vec(start.saturating_add(sector + 16), 4);
        if let Ok(root) = root {
            let root = u64::from(u32_at(&root, 0).swap_bytes()) * block;
            repair_crc32c(disk, start.saturating_add(root), block, 52, 0);
        }
    }
    true
}

/// The checksum of LVM2, which has an initial value of its own.
static CRC_OF_LVM: Crc<u32> = Crc::<u32>::new(&Algorithm {
    init: 0xF597_A6CF_u32.reverse_bits(),
    xorout: 0,
    ..CRC_32_ISO_HDLC
});

/// Makes the checksums of the labels of LVM2 right, and those of the first metadata area and its
/// text. Answers whether there is a label.
pub fn repair_lvm(disk: &mut SparseDisk) -> bool {
    const AREA: u64 = 4096;
    const LONGEST_TEXT: u64 = 1 << 20;
    let mut found = false;
    for sector in 0..4 {
        let Ok(mut label) = disk.read_vec(sector * 512, 512) else { break };
        if label.starts_with(b"LABELONE") {
            let checksum = CRC_OF_LVM.checksum(&label[20..]);
            label[16..20].copy_from_slice(&checksum.to_le_bytes());
            disk.overwrite(sector * 512, &label);
            found = true;
        }
    }
    let Ok(mut header) = disk.read_vec(AREA, 512) else { return found };
    let (offset, length) = (u64_at(&header, 40), u64_at(&header, 48));
    if length <= LONGEST_TEXT
        && let Some(start) = offset.checked_add(AREA)
        && let Ok(text) = disk.read_vec(start, length as usize)
    {
        header[56..60].copy_from_slice(&CRC_OF_LVM.checksum(&text).to_le_bytes());
    }
    let checksum = CRC_OF_LVM.checksum(&header[4..]);
    header[..4].copy_from_slice(&checksum.to_le_bytes());
    if found {
        disk.overwrite(AREA, &header);
    }
    found
}

const THIN_MAGIC: u64 = 27_022_010;
const THIN_BLOCK: u64 = 4096;

/// Length of a data block in bytes and number of the transaction, where there is a superblock of a thin
/// pool, whatever its checksum.
pub fn thin_superblock(disk: &SparseDisk) -> Option<(u64, u64)> {
    let superblock = disk.read_vec(0, THIN_BLOCK as usize).ok()?;
    (u64_at(&superblock, 32) == THIN_MAGIC)
        .then(|| (u64::from(u32_at(&superblock, 336)) * 512, u64_at(&superblock, 48)))
}

/// Makes the checksums of all blocks of the metadata of a thin pool right, whose kinds are told by what
/// they look like. Answers whether there is a superblock.
pub fn repair_thin(disk: &mut SparseDisk) -> bool {
    const MOST_BLOCKS: usize = 1 << 12;
    let Ok(superblock) = disk.read_vec(0, THIN_BLOCK as usize) else { return false };
    if u64_at(&superblock, 32) != THIN_MAGIC {
        return false;
    }
    let index = u64_at(&superblock, 192 + 16);
    let mut blocks: Vec<u64> = disk
        .written()
        .flat_map(|extent| extent.offset / THIN_BLOCK..extent.end().div_ceil(THIN_BLOCK))
        .take(MOST_BLOCKS)
        .collect();
    blocks.dedup();
    for block in blocks {
        let offset = block * THIN_BLOCK;
        let Ok(bytes) = disk.read_vec(offset, THIN_BLOCK as usize) else { continue };
        let is_node = matches!(u32_at(&bytes, 4), 1 | 2) && (1..=24).contains(&u32_at(&bytes, 24));
        let salt: u32 = if u64_at(&bytes, 32) == THIN_MAGIC {
            160_774
        } else if block == index {
            160_478
        } else if is_node {
            121_107
        } else {
            240_779
        };
        // Without the final inversion.
        let sum = !CRC32C.checksum(&bytes[4..]) ^ salt;
        disk.overwrite(offset, &sum.to_le_bytes());
    }
    true
}

/// Makes the checksums of superblocks of Linux md right, wherever they may be. Answers whether
/// there is one.
pub fn repair_md(disk: &mut SparseDisk) -> bool {
    const MAGIC: u32 = 0xA92B_4EFC;
    let size = disk.size();
    let old = (size / 65536 * 65536).checked_sub(65536);
    let end = (size / 512).checked_sub(16).map(|sector| sector / 8 * 8 * 512);
    let mut found = false;
    for (at, is_old) in [(old, true), (end, false), (Some(0), false), (Some(4096), false)] {
        let Some(at) = at else { continue };
        let Ok(mut bytes) = disk.read_vec(at, 4096) else { continue };
        if u32_at(&bytes, 0) != MAGIC {
            continue;
        }
        let (place, length) = match is_old {
            true => (38 * 4, 4096),
            false => (216, (256 + 2 * u64::from(u32_at(&bytes, 220))).min(4096) as usize),
        };
        bytes[place..place + 4].fill(0);
        let sum: u64 = bytes[..length]
            .chunks(4)
            .map(|word| word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
            .sum();
        let sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        bytes[place..place + 4].copy_from_slice(&sum.to_le_bytes()[..4]);
        disk.overwrite(at, &bytes);
        found = true;
    }
    found
}

/// Makes the CRC-32C checksums of a btrfs superblock and of all tree blocks right. Answers whether
/// there is a superblock with such checksums.
pub fn repair_btrfs(disk: &mut SparseDisk) -> bool {
    const SUPERBLOCK: u64 = 64 << 10;
    const MOST_BLOCKS: usize = 1 << 12;
    let Ok(superblock) = disk.read_vec(SUPERBLOCK, 4096) else { return false };
    let node = u64::from(u32_at(&superblock, 0x94));
    if superblock[0x40..0x48] != *b"_BHRfS_M"
        || superblock[0xc4..0xc6] != [0, 0]
        || !(4096..=65536).contains(&node)
    {
        return false;
    }
    repair_crc32c(disk, SUPERBLOCK, 4096, 0, 32);
    let blocks: Vec<u64> = disk
        .written()
        .map(|extent| extent.offset / 4096 * 4096)
        .filter(|offset| *offset != SUPERBLOCK)
        .take(MOST_BLOCKS)
        .collect();
    for offset in blocks {
        // Tree blocks bear the UUID of their file system where superblocks do.
        let is_block = disk
            .read_vec(offset + 32, 16)
            .is_ok_and(|uuid| uuid == superblock[0x20..0x30] || uuid == superblock[0x23b..0x24b]);
        if is_block {
            repair_crc32c(disk, offset, node, 0, 32);
        }
    }
    true
}

/// Puts the CRC-32C of `length` bytes from `offset`, the first `skipped` left out and the four at
/// `field` taken for zeros, into these four.
fn repair_crc32c(disk: &mut SparseDisk, offset: u64, length: u64, field: usize, skipped: usize) {
    let Ok(mut bytes) = disk.read_vec(offset, length as usize) else { return };
    bytes[field..field + 4].fill(0);
    let checksum = CRC32C.checksum(&bytes[skipped..]).to_le_bytes();
    disk.overwrite(offset + field as u64, &checksum);
}

/// Makes the checksum of the exFAT boot region right. Answers whether there is one.
pub fn repair_exfat(disk: &mut SparseDisk) -> bool {
    /// Volume flags and the percentage in use.
    const LEFT_OUT: [usize; 3] = [106, 107, 112];
    let Ok(boot) = disk.read_vec(0, 512) else { return false };
    let sector = match boot[108] {
        shift @ 9..=12 if &boot[3..11] == b"EXFAT   " => 1usize << shift,
        _ => return false,
    };
    let Ok(region) = disk.read_vec(0, 11 * sector) else { return false };
    let mut sum = 0u32;
    for (_, byte) in region.iter().enumerate().filter(|(at, _)| !LEFT_OUT.contains(at)) {
        sum = sum.rotate_right(1).wrapping_add(u32::from(*byte));
    }
    disk.overwrite(11 * sector as u64, &sum.to_le_bytes().repeat(sector / 4));
    true
}

/// Makes the checksums of the f2fs checkpoints right. Answers whether there is a superblock.
pub fn repair_f2fs(disk: &mut SparseDisk) -> bool {
    const SIGNATURE: u32 = 0xF2F5_2010;
    const BLOCK: u64 = 4096;
    const SEGMENT: u64 = 512;
    let Ok(superblock) = disk.read_vec(1024, 96) else { return false };
    if u32_at(&superblock, 0) != SIGNATURE {
        return false;
    }
    let crc = |seed: u32, bytes: &[u8]| {
        let mut digest = CRC_OF_LVM.digest_with_initial(seed.reverse_bits());
        digest.update(bytes);
        digest.finalize()
    };
    let first = u64::from(u32_at(&superblock, 76));
    for start in [first, first + SEGMENT] {
        let mut blocks = 1;
        for last in [false, true] {
            let number = start + if last { blocks - 1 } else { 0 };
            let Ok(mut block) = disk.read_vec(number * BLOCK, BLOCK as usize) else { break };
            blocks = u64::from(u32_at(&block, 136)).clamp(1, SEGMENT);
            let offset = u32_at(&block, 164) as usize;
            if !(192..=4092).contains(&offset) {
                break;
            }
            let sum = crc(crc(SIGNATURE, &block[..offset]), &block[offset + 4..]);
            block[offset..offset + 4].copy_from_slice(&sum.to_le_bytes());
            disk.overwrite(number * BLOCK + offset as u64, &sum.to_le_bytes());
        }
    }
    true
}

/// Makes the checksums of UDF descriptors right: of all that stand where they say, in the blocks that
/// are found without looking. Answers whether there is an anchor.
pub fn repair_udf(disk: &mut SparseDisk) -> bool {
    const CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);
    const ANCHOR: u64 = 256;
    const TAG: usize = 16;
    let mut found = false;
    for block in [512, 1024, 2048, 4096] {
        for number in 16..=ANCHOR + 8 {
            let Ok(mut bytes) = disk.read_vec(number * block, block as usize) else { break };
            let location = u64::from(u32_at(&bytes, 12));
            let in_partition = location + ANCHOR + 1 == number;
            let identifier = u16::from_le_bytes([bytes[0], bytes[1]]);
            let is_tag = (1..=9).contains(&identifier) || identifier == 264;
            if !is_tag || (location != number && !in_partition) {
                continue;
            }
            let length = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
            if let Some(covered) = bytes.get(TAG..TAG + length) {
                let crc = CRC16.checksum(covered);
                bytes[8..10].copy_from_slice(&crc.to_le_bytes());
            }
            bytes[4] = 0;
            bytes[4] = bytes[..TAG].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
            disk.overwrite(number * block, &bytes[..TAG]);
            found |= identifier == 2;
        }
    }
    found
}

/// Makes the copy of an HFS+ volume header, and the checksum of the header of its journal, right.
/// Answers whether there is a volume header.
pub fn repair_hfsplus(disk: &mut SparseDisk) -> bool {
    const HEADER: u64 = 1024;
    const JOURNALED: u32 = 1 << 13;
    let Ok(header) = disk.read_vec(HEADER, 512) else { return false };
    if !matches!(&header[..4], b"H+\0\x04" | b"HX\0\x05") {
        return false;
    }
    let copy = (disk.size() / 512 * 512).saturating_sub(HEADER);
    if copy > HEADER {
        disk.overwrite(copy, &header);
    }
    let word = |at: usize| u32_at(&header, at).swap_bytes();

    if word(4) & JOURNALED == 0 {
        return true;
    }
    let info = u64::from(word(12)).saturating_mul(word(40).into());
    let Ok(info) = disk.read_vec(info, 52) else { return true };
    let journal = u64_at(&info, 36).swap_bytes();
    let Ok(mut header) = disk.read_vec(journal, 44) else { return true };
    header[36..40].fill(0);
    let step = |sum: u32, byte: &u8| (sum << 8) ^ sum.wrapping_add(u32::from(*byte));
    let sum = !header.iter().fold(0, step);
    let is_big_endian = header[..4] == [0x4A, 0x4E, 0x4C, 0x78];
    let sum = if is_big_endian { sum.to_be_bytes() } else { sum.to_le_bytes() };
    disk.overwrite(journal + 36, &sum);
    true
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(name: &str) -> SparseDisk {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        SparseDisk::decode(&std::fs::read(file).unwrap(), u64::MAX - 1)
    }

    #[test]
    fn a_sound_disk_has_the_right_checksums_already() {
        for name in [
            "gpt/sectors-512",
            "gpt/sectors-4096",
            "ext/ext4",
            "ext/ext4-4k",
            "xfs/v5",
            "btrfs/single",
            "exfat/files",
            "f2fs/files",
            "udf/blocks-512",
            "udf/blocks-2048",
            "hfsplus/journaled",
            "hfsplus/blocks-512",
            "thin/many-nodes",
        ] {
            let disk = seed(name);
            let mut repaired = disk.clone();
            let repairs: [fn(&mut SparseDisk) -> bool; 9] = [
                repair_gpt,
                repair_ext,
                repair_xfs,
                repair_btrfs,
                repair_exfat,
                repair_f2fs,
                repair_udf,
                repair_hfsplus,
                repair_thin,
            ];
            assert!(repairs.iter().any(|repair| repair(&mut repaired)), "{name}");
            for offset in (0..disk.size()).step_by(1 << 20) {
                let length = (disk.size() - offset).min(1 << 20) as usize;
                let same = disk.read_vec(offset, length).unwrap()
                    == repaired.read_vec(offset, length).unwrap();
                assert!(same, "{name}, {offset}");
            }
        }
    }

    #[test]
    fn a_changed_header_is_a_table_again() {
        let mut disk = seed("gpt/sectors-512");
        disk.overwrite(512 + 56, &[7; 16]);
        let before = calco::partition::read(&disk).table.uuid.unwrap();
        assert!(repair_gpt(&mut disk));
        let after = calco::partition::read(&disk).table.uuid.unwrap();
        assert_ne!(before.to_lowercase(), after.to_lowercase());
        assert!(after.starts_with("07070707"), "{after}");
    }
}
