use super::testing::{Broken, Image};
use super::*;
use crate::block::memory::MemoryDisk;
use crate::text::Language;
use crate::units::MIB;
use proptest::prelude::*;

fn read_single(source: &dyn BlockSource) -> Reading {
    read(&[source], Budget::default()).pop().unwrap()
}

fn doubt_in_english(reading: &Reading) -> String {
    reading.used.as_ref().unwrap_err().in_language(Language::English)
}

#[test]
fn each_source_gets_its_reading_in_order() {
    let fat = Image::made_by(8 * MIB, "mkfs.fat -F 12");
    let swap = Image::made_by(8 * MIB, "mkswap");
    let jfs = Image::made_by(16 * MIB, "mkfs.jfs -q");
    let nothing = Image::new(MIB);
    let sources: [&dyn BlockSource; 5] = [&swap, &nothing, &jfs, &fat, &swap];
    let readings = read(&sources, Budget::default());
    let kinds: Vec<VolumeKind> = readings.iter().map(|reading| reading.volume.kind).collect();
    use VolumeKind::{Fat12, Jfs, Swap, Unknown};
    assert_eq!(kinds, [Swap, Unknown, Jfs, Fat12, Swap]);
    let certain: Vec<bool> = readings.iter().map(|reading| reading.used.is_ok()).collect();
    assert_eq!(certain, [true, false, false, true, true]);
    assert!(doubt_in_english(&readings[2]).contains("JFS"));
}

#[test]
fn a_container_counts_for_more_than_what_seems_to_lie_in_it() {
    let image = Image::made_by(16 * MIB, "mkfs.fat -F 16 -n INSIDE");
    assert!(read_single(&image).used.is_ok());
    image.write(16 * MIB - 1024, b"Intel Raid ISM Cfg Sig. 1.3.00");
    let reading = read_single(&image);
    assert_eq!(reading.volume.kind, VolumeKind::FirmwareRaid);
    let doubt = doubt_in_english(&reading);
    assert!(doubt.contains("firmware RAID") && doubt.contains("FAT16"), "{doubt}");
}

#[test]
fn two_answers_are_none() {
    let image = Image::made_by(16 * MIB, "mkfs.fat -F 16 -R 64");
    image.write(4086, b"SWAPSPACE2");
    let reading = read_single(&image);
    assert_eq!(reading.used.as_ref().unwrap_err().id(), "filesystem-ambiguous");
    let doubt = doubt_in_english(&reading);
    assert!(doubt.contains("FAT16") && doubt.contains("swap"), "{doubt}");
}

/// Formats one after the other on the same bytes: what lies there now is certain, or else there
/// is a doubt that names it. Never the old one alone.
#[test]
fn what_was_there_before_does_not_confuse() {
    let before = [
        "mkfs.ext4 -q -F",
        "mkfs.xfs -q -f",
        "mkfs.btrfs -q -f",
        "mkntfs -q -F -f",
        "mkfs.exfat",
        "mkfs.f2fs -q -f",
        "mkfs.jfs -q",
        "mkreiserfs -q -ff",
        "mkfs.nilfs2 -q -f",
        "mkudffs",
        "mkapfs",
        "mkfs.fat -F 32",
        "mkfs.fat -F 16",
        "mkswap",
        "mkswap -p 65536",
    ];
    let after = [
        ("mkfs.fat -F 32", VolumeKind::Fat32),
        ("mkfs.fat -F 16", VolumeKind::Fat16),
        ("mkswap -f", VolumeKind::Swap),
        ("mkntfs -q -Q -F", VolumeKind::Ntfs),
        ("mkfs.exfat", VolumeKind::Exfat),
        ("mkfs.ext4 -q -F", VolumeKind::Ext4),
        ("mkfs.xfs -q -f", VolumeKind::Xfs),
        ("mkfs.btrfs -q -f", VolumeKind::Btrfs),
        ("mkfs.ext4 -q -F -b 1024 -O ^resize_inode,meta_bg", VolumeKind::Ext4),
    ];
    // mkntfs wipes nothing, and writes nothing at the 64 KiB where these have their marks: saved
    // whole, as what cannot be told is.
    let left_by_mkntfs = ["mkfs.btrfs -q -f", "mkreiserfs -q -ff", "mkswap -p 65536"];
    let mut ambiguous = Vec::new();
    for old in before {
        for (new, kind) in after {
            let is_left = kind == VolumeKind::Ntfs && left_by_mkntfs.contains(&old);
            let image = Image::made_by(400 * MIB, old);
            image.run(new);
            let reading = read_single(&image);
            match &reading.used {
                Ok(_) => {
                    assert_eq!(reading.volume.kind, kind, "{new} over {old}");
                    assert!(!is_left, "{new} over {old}");
                }
                Err(doubt) => {
                    assert_eq!(doubt.id(), "filesystem-ambiguous", "{new} over {old}: {doubt}");
                    let name = kind.name().in_language(Language::English);
                    assert!(doubt.in_language(Language::English).contains(&name), "{doubt}");
                    if !is_left {
                        ambiguous.push(format!("{new} over {old}: {doubt}"));
                    }
                }
            }
        }
    }
    assert!(ambiguous.is_empty(), "{ambiguous:#?}");
}

#[test]
fn what_cannot_be_read_is_a_doubt_that_says_so() {
    let image = Image::made_by(8 * MIB, "mkfs.fat -F 12");
    let broken = Broken { source: &image, unreadable: Extent::new(0, 512) };
    let reading = read_single(&broken);
    assert_eq!(reading.volume.kind, VolumeKind::Unknown);
    assert_eq!(reading.used.unwrap_err().id(), "filesystem-unreadable");
    // A bad sector elsewhere hides nothing of what matters.
    let broken = Broken { source: &image, unreadable: Extent::new(5 * MIB, 4096) };
    assert!(read_single(&broken).used.is_ok());
    let end = Broken { source: &image, unreadable: Extent::new(8 * MIB - 512, 512) };
    assert!(read_single(&end).used.is_ok());
}

#[test]
fn every_kind_has_a_name_and_a_reason_in_every_language() {
    use VolumeKind::*;
    let kinds = [
        Ext2,
        Ext3,
        Ext4,
        ExtJournal,
        Fat12,
        Fat16,
        Fat32,
        Exfat,
        Ntfs,
        Refs,
        Bitlocker,
        Xfs,
        XfsLog,
        Btrfs,
        F2fs,
        HfsPlus,
        Apfs,
        Zfs,
        Bcachefs,
        Bcache,
        Nilfs2,
        Jfs,
        Reiserfs,
        Ufs,
        Vmfs,
        Iso9660,
        Udf,
        Squashfs,
        Erofs,
        Swap,
        Luks1,
        Luks2,
        Lvm2,
        LinuxRaid,
        FirmwareRaid,
        Drbd,
        Verity,
        Unknown,
    ];
    let mut names = std::collections::BTreeSet::new();
    for kind in kinds {
        for language in Language::ALL {
            let name = kind.name().in_language(language);
            assert!(!name.contains("filesystem-kind") && !name.contains('{'), "{name}");
            assert!(names.insert((language.code(), name.clone())), "{name} twice");
            let reason = kind.why_whole().in_language(language);
            assert!(!reason.contains('{'), "{reason}");
        }
        let stored = serde_json::to_string(&kind).unwrap();
        assert_eq!(serde_json::from_str::<VolumeKind>(&stored).unwrap(), kind);
    }
    assert_eq!(LinuxRaid.name().in_language(Language::Spanish), "miembro de RAID de Linux");
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..10_000)) {
        let disk = MemoryDisk::new(bytes);
        let reading = read_single(&disk);
        prop_assert!(reading.used.is_err());
    }
}
