//! What lies around a file system in its volume, and what other volumes say of it: reasons why its own
//! word is not enough.

use super::{Reading, VolumeKind, recognize};
use crate::block::BlockSource;
use crate::text::message;
use crate::units::{Extent, ExtentMap};

/// Length of a master boot record, and of the smallest sector, in bytes.
const SECTOR: usize = 512;
/// Where the four entries of a master boot record are, and how long each is, in bytes.
const ENTRIES: usize = 446;
const ENTRY: usize = 16;

/// Completes what readers said of volumes that were read together.
pub(super) fn consider(sources: &[&dyn BlockSource], readings: &mut [Reading]) {
    let hashed: Vec<u64> =
        sources.iter().filter_map(|source| recognize::verity_data(*source, 0)).collect();
    for (source, reading) in sources.iter().zip(readings) {
        let found = reading.used.as_mut().ok().or(reading.unproven.as_mut());
        let Some(used) = found else { continue };
        let length = reading.volume.length.unwrap_or(source.size());
        let is_hashed = hashed.iter().any(|data| (length..=source.size()).contains(data))
            || recognize::verity_data(*source, length).is_some();
        if is_hashed {
            reading.doubt(message!("filesystem-hashed"));
        } else if holds_table(*source) {
            reading.doubt(message!("filesystem-table-inside"));
        } else if keeps_nothing_behind(reading.volume.kind) && length < source.size() {
            // What is behind it is not its own, and nobody says that it is free.
            let behind: ExtentMap = [Extent::between(length, source.size())].into_iter().collect();
            used.extents = used.extents.union(&behind);
        }
    }
}

/// Whether a reader says nothing of what lies behind the file system.
const fn keeps_nothing_behind(kind: VolumeKind) -> bool {
    use VolumeKind::*;
    matches!(kind, Ext2 | Ext3 | Ext4 | Fat12 | Fat16 | Fat32 | Exfat | Xfs | Btrfs | F2fs | Swap)
}

/// Whether there is a partition table at the start of the volume, as there is where a whole disk lies in
/// it: that of a virtual machine, for example. What a reader found may then be left from before.
fn holds_table(source: &dyn BlockSource) -> bool {
    // UEFI 2.10, section 5.3.2: the header is in the second sector, of 512 or 4096 bytes.
    let is_gpt = [512, 4096]
        .into_iter()
        .any(|at| source.read_vec(at, 8).is_ok_and(|bytes| bytes == b"EFI PART"));
    is_gpt || source.read_vec(0, SECTOR).is_ok_and(|sector| is_boot_record(&sector, source.size()))
}

/// Whether a sector is a master boot record with partitions (UEFI 2.10, section 5.2.1), and not the boot
/// code of a file system: code has other bytes where flags, types and lengths are.
fn is_boot_record(sector: &[u8], size: u64) -> bool {
    if sector[SECTOR - 2..] != [0x55, 0xAA] {
        return false;
    }
    let entries = sector[ENTRIES..SECTOR - 2].chunks_exact(ENTRY);
    let number =
        |bytes: &[u8]| u64::from(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let is_empty = |entry: &[u8]| entry.iter().all(|byte| *byte == 0);
    let is_sound = |entry: &[u8]| {
        let (start, length) = (number(&entry[8..12]), number(&entry[12..16]));
        matches!(entry[0], 0 | 0x80)
            && entry[4] != 0
            && start > 0
            && length > 0
            && start * (SECTOR as u64) < size
    };
    let mut used = entries.filter(|entry| !is_empty(entry)).peekable();
    used.peek().is_some() && used.all(is_sound)
}

#[cfg(test)]
mod tests {
    use super::super::{Budget, Reading, read};
    use super::*;
    use crate::filesystem::testing::Image;
    use crate::units::MIB;
    use proptest::prelude::*;

    fn only(image: &Image) -> Reading {
        read(&[image], Budget::default()).pop().unwrap()
    }

    fn doubt(reading: &Reading) -> &str {
        reading.used.as_ref().map_or_else(|doubt| doubt.id(), |_| "none")
    }

    #[test]
    fn what_lies_behind_a_file_system_is_kept() {
        for program in [
            "mke2fs -q -F -t ext4",
            "mke2fs -q -F -t ext2 -b 1024",
            "mkfs.fat -F 32",
            "mkfs.fat -F 16",
            "mkfs.exfat",
            "mkfs.xfs -q -f",
            "mkfs.f2fs -q",
            "mkfs.btrfs -q",
            "mkswap",
        ] {
            let image = Image::made_by(320 * MIB, program);
            let before = only(&image).used.unwrap().extents.total_bytes();
            image.resize(400 * MIB);
            let used = only(&image).used.unwrap_or_else(|doubt| panic!("{program}: {doubt}"));
            assert!(used.extents.contains(Extent::new(320 * MIB, 80 * MIB)), "{program}");
            assert!(used.extents.total_bytes() <= before + 82 * MIB, "{program}");
        }
    }

    #[test]
    fn a_table_of_partitions_inside_makes_a_volume_whole() {
        // One partition of Linux from sector 2048 on, of 65536 sectors.
        let mut record = [0; 66];
        record[4] = 0x83;
        record[8..12].copy_from_slice(&2048_u32.to_le_bytes());
        record[12..16].copy_from_slice(&65536_u32.to_le_bytes());
        record[64..].copy_from_slice(&[0x55, 0xAA]);
        for program in ["mkswap", "mke2fs -q -F -t ext4", "mkfs.f2fs -q", "mkfs.btrfs -q"] {
            let image = Image::made_by(320 * MIB, program);
            assert_eq!(doubt(&only(&image)), "none", "{program}");
            image.write(ENTRIES as u64, &record);
            assert_eq!(doubt(&only(&image)), "filesystem-table-inside", "{program}");
        }
        let image = Image::made_by(320 * MIB, "mkfs.btrfs -q");
        image.run("sgdisk -n 1:0:+10M");
        // Without the record that protects it, too.
        image.write(0, &[0; SECTOR]);
        assert_eq!(doubt(&only(&image)), "filesystem-table-inside");
    }

    #[test]
    fn boot_code_is_no_table() {
        let image = Image::made_by(64 * MIB, "mke2fs -q -F -t ext4");
        let mut code: Vec<u8> = (0..SECTOR).map(|at| (at * 7 + 3) as u8).collect();
        code[SECTOR - 2..].copy_from_slice(&[0x55, 0xAA]);
        image.write(0, &code);
        assert_eq!(doubt(&only(&image)), "none");
        // An empty table.
        code[ENTRIES..SECTOR - 2].fill(0);
        image.write(0, &code);
        assert_eq!(doubt(&only(&image)), "none");
    }

    #[test]
    fn hashed_blocks_are_all_in_use() {
        let data = Image::made_by(40 * MIB, "mke2fs -q -F -t ext4");
        let hashes = Image::new(8 * MIB);
        hashes.run(&format!("veritysetup format {} {{}}", data.path().display()));
        let other = Image::made_by(80 * MIB, "mke2fs -q -F -t ext4");
        let readings = read(&[&other, &data, &hashes], Budget::default());
        assert_eq!(doubt(&readings[0]), "none");
        assert_eq!(doubt(&readings[1]), "filesystem-hashed");
        assert_eq!(readings[2].volume.kind, VolumeKind::Verity);
        assert_eq!(readings[2].volume.uuid, hashes.blkid("UUID"));
        // Hashes behind the file system itself.
        data.resize(64 * MIB);
        assert_eq!(doubt(&only(&data)), "none");
        data.run(
            "veritysetup format --data-block-size=4096 --data-blocks=10240 \
             --hash-offset=41943040 {} {}",
        );
        assert_eq!(doubt(&only(&data)), "filesystem-hashed");
    }

    proptest! {
        #[test]
        fn any_sector_is_survived(sector in proptest::collection::vec(any::<u8>(), SECTOR), size: u64) {
            let _ = is_boot_record(&sector, size);
        }
    }
}
