//! Right checksums over wrong numbers.
//!
//! A fuzzer does not guess a CRC, so what stands behind one would never be tried. Somebody who
//! makes a hostile disk does not have to guess.

use crate::sparse_disk::SparseDisk;
use calco::block::BlockSource;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, Crc};

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
        let seeds =
            ["gpt/sectors-512", "gpt/sectors-4096", "ext/ext4", "ext/ext4-4k", "exfat/files"];
        for name in seeds {
            let disk = seed(name);
            let mut repaired = disk.clone();
            let any = repair_gpt(&mut repaired)
                || repair_ext(&mut repaired)
                || repair_exfat(&mut repaired);
            assert!(any, "{name}");
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
