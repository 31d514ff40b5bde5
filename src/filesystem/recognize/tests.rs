use super::*;
use crate::filesystem::testing::Image;
use crate::units::MIB;
use proptest::prelude::*;

const SIZE: u64 = 400 * MIB;

/// What a program made, as blkid names it, and whether blkid's UUID is compared (where it has no
/// field of its own in the superblock, or takes more than a look there, we show none).
const MADE: [(&str, VolumeKind, &str, bool); 10] = [
    ("mkfs.jfs -q -L lab", VolumeKind::Jfs, "jfs", true),
    ("mkreiserfs -q -ff -l lab", VolumeKind::Reiserfs, "reiserfs", true),
    ("mkreiserfs -q -ff --format 3.5", VolumeKind::Reiserfs, "reiserfs", true),
    ("mkfs.nilfs2 -q -f -L lab", VolumeKind::Nilfs2, "nilfs2", true),
    ("mkfs.nilfs2 -q -f -b 1024", VolumeKind::Nilfs2, "nilfs2", true),
    ("make-bcache -B", VolumeKind::Bcache, "bcache", true),
    ("make-bcache -C", VolumeKind::Bcache, "bcache", true),
    ("mkudffs", VolumeKind::Udf, "udf", false),
    ("mkudffs -b 4096", VolumeKind::Udf, "udf", false),
    ("mkapfs", VolumeKind::Apfs, "apfs", true),
];

fn only(image: &Image, what: &str) -> Volume {
    let findings = recognize(image);
    assert!(findings.unreadable.is_none());
    let [volume] = &findings.volumes[..] else { panic!("{what}: {:?}", findings.volumes) };
    volume.clone()
}

fn compare_with_blkid(image: &Image, what: &str, kind: VolumeKind, their_kind: &str, uuid: bool) {
    let volume = only(image, what);
    assert_eq!(volume.kind, kind, "{what}");
    assert_eq!(image.blkid("TYPE").as_deref(), Some(their_kind), "{what}");
    if uuid {
        assert_eq!(volume.uuid, image.blkid("UUID"), "{what}");
        assert_eq!(volume.label, image.blkid("LABEL"), "{what}");
    }
    assert!(volume.length.is_none_or(|length| length <= image.size() && length > 0), "{what}");
    assert!(volume.block_size.is_none_or(|size| (512..=MIB).contains(&size)), "{what}");
}

#[test]
fn what_their_own_programs_make_is_recognised() {
    for (command, kind, their_kind, uuid) in MADE {
        let image = Image::made_by(SIZE, command);
        compare_with_blkid(&image, command, kind, their_kind, uuid);
    }
}

#[test]
fn encrypted_volumes_are_recognised() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "passphrase").unwrap();
    for (options, kind) in [("luks1", VolumeKind::Luks1), ("luks2 --label lab", VolumeKind::Luks2)]
    {
        let image = Image::made_by(
            32 * MIB,
            &format!(
                "cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file {} --type {options}",
                key.path().display()
            ),
        );
        compare_with_blkid(&image, options, kind, "crypto_LUKS", true);
    }
}

#[test]
fn images_of_folders_are_recognised() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "content").unwrap();
    let folder = folder.path().display();
    for (command, kind, their_kind, uuid) in [
        (
            format!("xorriso -as mkisofs -quiet -V LAB -o {{}} {folder}"),
            VolumeKind::Iso9660,
            "iso9660",
            true,
        ),
        (
            format!("genisoimage -quiet -V LAB -o {{}} {folder}"),
            VolumeKind::Iso9660,
            "iso9660",
            true,
        ),
        (format!("genisoimage -quiet -udf -V LAB -o {{}} {folder}"), VolumeKind::Udf, "udf", false),
        (format!("makefs -t ffs -s 20m -o version=1 {{}} {folder}"), VolumeKind::Ufs, "ufs", false),
        (format!("makefs -t ffs -s 20m -o version=2 {{}} {folder}"), VolumeKind::Ufs, "ufs", false),
        (
            format!("makefs -t ffs -s 20m -o version=1 -B be {{}} {folder}"),
            VolumeKind::Ufs,
            "ufs",
            false,
        ),
        (
            format!("makefs -t ffs -s 20m -o version=2 -B be {{}} {folder}"),
            VolumeKind::Ufs,
            "ufs",
            false,
        ),
    ] {
        let image = Image::made_by(0, &command);
        compare_with_blkid(&image, &command, kind, their_kind, uuid);
    }
}

/// `pvcreate --norestorefile -u abcdef-0123-4567-89AB-CDEF-ghij-klmnop` on a loop device of 8 MiB.
fn lvm_label(sector: u64) -> Vec<u8> {
    let mut label = vec![0; 512];
    label[..8].copy_from_slice(b"LABELONE");
    label[8..16].copy_from_slice(&sector.to_le_bytes());
    label[16..20].copy_from_slice(&[0x23, 0xC3, 0x96, 0x64]);
    label[20] = 0x20;
    label[24..32].copy_from_slice(b"LVM2 001");
    label[32..64].copy_from_slice(b"abcdef0123456789ABCDEFghijklmnop");
    label[66] = 0x80;
    label[74] = 0x10;
    label[105] = 0x10;
    label[113..115].copy_from_slice(&[0xF0, 0x0F]);
    label[136] = 2;
    label
}

#[test]
fn physical_volumes_of_lvm_are_recognised_in_any_of_four_sectors() {
    for sector in 0..4 {
        let image = Image::new(8 * MIB);
        image.write(sector * 512, &lvm_label(sector));
        compare_with_blkid(&image, "lvm", VolumeKind::Lvm2, "LVM2_member", true);
        image.write(sector * 512 + 300, &[1]);
        assert!(recognize(&image).volumes.is_empty(), "the checksum counts");
    }
    let image = Image::new(8 * MIB);
    image.write(0, &lvm_label(1));
    assert!(recognize(&image).volumes.is_empty(), "the sector number counts");
}

/// A superblock of Linux md 1.x for `at`, with the checksum that the kernel wants.
fn md_superblock(at: u64) -> Vec<u8> {
    let mut superblock = vec![0; 258];
    superblock[..8].copy_from_slice(&[0xFC, 0x4E, 0x2B, 0xA9, 1, 0, 0, 0]);
    superblock[16..32].copy_from_slice(b"0123456789abcdef");
    superblock[32..39].copy_from_slice(b"host:md");
    superblock[72] = 1;
    superblock[92] = 2;
    superblock[144..152].copy_from_slice(&(at / 512).to_le_bytes());
    superblock[168..184].copy_from_slice(b"fedcba9876543210");
    superblock[220] = 1;
    let words = superblock
        .chunks(4)
        .map(|word| word.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte)));
    let sum: u64 = words.sum();
    superblock[216..220].copy_from_slice(&((sum & 0xFFFF_FFFF) + (sum >> 32)).to_le_bytes()[..4]);
    superblock
}

#[test]
fn members_of_linux_raid_are_recognised_at_every_position() {
    for size in [8 * MIB, 8 * MIB + 12 * KIB + 512] {
        for (at, version) in [(0, "1.1"), (4096, "1.2"), (size / 4096 * 4096 - 8192, "1.0")] {
            let image = Image::new(size);
            image.write(at, &md_superblock(at));
            compare_with_blkid(&image, version, VolumeKind::LinuxRaid, "linux_raid_member", true);
            assert_eq!(image.blkid("VERSION").as_deref(), Some(version));
            image.write(at + 144, &[77]);
            assert!(recognize(&image).volumes.is_empty(), "it must lie where it says");
        }
        for big in [false, true] {
            let image = Image::new(size);
            let at = size / 65536 * 65536 - 65536;
            for (index, word) in [
                (0, 0xA92B_4EFC_u32),
                (2, 90),
                (5, 0x0123_4567),
                (13, 0x89AB_CDEF),
                (14, 0xDEAD_BEEF),
                (15, 42),
            ] {
                let bytes = if big { word.to_be_bytes() } else { word.to_le_bytes() };
                image.write(at + index * 4, &bytes);
            }
            compare_with_blkid(&image, "0.90", VolumeKind::LinuxRaid, "linux_raid_member", true);
        }
    }
}

#[test]
fn members_of_other_arrays_are_recognised() {
    let size = 8 * MIB;
    let sector = |number: u64| size - number * 512;
    let mut silicon = vec![0; 512];
    silicon[0x63] = 0x2F;
    silicon[0x13E..0x140].copy_from_slice(&(0x2F00u16.wrapping_neg()).to_le_bytes());
    let mut jmicron = vec![0; 512];
    jmicron[..2].copy_from_slice(b"JM");
    jmicron[4..6].copy_from_slice(&u16::from_le_bytes(*b"JM").wrapping_neg().to_le_bytes());
    let mut via = vec![0; 512];
    via[..3].copy_from_slice(&[0x55, 0xAA, 1]);
    via[50] = 0x55u8.wrapping_add(0xAA).wrapping_add(1);
    let mut adaptec = vec![0; 512];
    adaptec[..4].copy_from_slice(&[0x37, 0xFC, 0x4D, 0x1E]);
    adaptec[256..260].copy_from_slice(b"DPTM");
    let mut highpoint = vec![0; 64];
    highpoint[32..36].copy_from_slice(&[0xF0, 0x16, 0x78, 0x5A]);
    let mut nvidia = vec![0; 120];
    nvidia[..9].copy_from_slice(b"NVIDIA  \x1E");
    let sum = nvidia
        .chunks(4)
        .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
        .fold(0, u32::wrapping_add);
    nvidia[12..16].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    let mut drbd = vec![0; 4096];
    drbd[60..64].copy_from_slice(&[0x83, 0x74, 0x02, 0x6B]);
    // Size of the metadata, offsets, and 4 KiB for each bit.
    drbd[78..80].copy_from_slice(&[0x10, 0]);
    drbd[86] = 0;
    let cases: [(u64, &[u8], VolumeKind, &str); 11] = [
        (sector(2), b"Intel Raid ISM Cfg Sig. 1.3.00", VolumeKind::FirmwareRaid, "isw_raid_member"),
        (
            sector(63),
            b"Promise Technology, Inc.",
            VolumeKind::FirmwareRaid,
            "promise_fasttrack_raid_member",
        ),
        (
            sector(3087),
            b"Promise Technology, Inc.",
            VolumeKind::FirmwareRaid,
            "promise_fasttrack_raid_member",
        ),
        (sector(11), &[0xF3, 0x16, 0x78, 0x5A], VolumeKind::FirmwareRaid, "hpt45x_raid_member"),
        (9 * 512, &highpoint, VolumeKind::FirmwareRaid, "hpt37x_raid_member"),
        (sector(1), b"$XIDE$", VolumeKind::FirmwareRaid, "lsi_mega_raid_member"),
        (sector(1), &silicon, VolumeKind::FirmwareRaid, "silicon_medley_raid_member"),
        (sector(1), &jmicron, VolumeKind::FirmwareRaid, "jmicron_raid_member"),
        (sector(1), &via, VolumeKind::FirmwareRaid, "via_raid_member"),
        (sector(1), &adaptec, VolumeKind::FirmwareRaid, "adaptec_raid_member"),
        (sector(2), &nvidia, VolumeKind::FirmwareRaid, "nvidia_raid_member"),
    ];
    for (at, bytes, kind, their_kind) in cases {
        let image = Image::new(size);
        image.write(at, bytes);
        assert_eq!(only(&image, their_kind).kind, kind);
        assert_eq!(image.blkid("TYPE").as_deref(), Some(their_kind));
    }
    // For these blkid wants more than the signature.
    for (at, bytes, kind) in [
        (sector(1), &[0xDE, 0x11, 0xDE, 0x11][..], VolumeKind::FirmwareRaid),
        (sector(257), &[0x11, 0xDE, 0x11, 0xDE], VolumeKind::FirmwareRaid),
        (size - 4096, &drbd, VolumeKind::Drbd),
    ] {
        let image = Image::new(size);
        image.write(at, bytes);
        assert_eq!(only(&image, "by the book").kind, kind);
    }
}

#[test]
fn formats_without_a_program_to_make_them_are_recognised_by_the_book() {
    let zfs = b"\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\0\0\x24\0\0\0\x20\0\0\0\x07version\0";
    let togo: [u8; 16] = [
        0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0,
        0x01,
    ];
    let hfs_plus = b"H+\x00\x04";
    let size = 8 * MIB;
    let cases: [(u64, &[u8], VolumeKind); 12] = [
        (3, b"-FVE-FS-", VolumeKind::Bitlocker),
        (424, &togo, VolumeKind::Bitlocker),
        (3, b"ReFS\0\0\0\0FSRS", VolumeKind::Refs),
        (16 << 10, zfs, VolumeKind::Zfs),
        ((256 + 16) << 10, zfs, VolumeKind::Zfs),
        (size - (512 - 16) * KIB, zfs, VolumeKind::Zfs),
        (size - (256 - 16) * KIB, zfs, VolumeKind::Zfs),
        (MIB, &[0x0D, 0xD0, 0x01, 0xC0], VolumeKind::Vmfs),
        (2 * MIB, &[0x5E, 0xF1, 0xAB, 0x2F], VolumeKind::Vmfs),
        (KIB, hfs_plus, VolumeKind::HfsPlus),
        (KIB, b"HX\x00\x05", VolumeKind::HfsPlus),
        (
            4096 + 24,
            b"\xC6\x85\x73\xF6\x66\xCE\x90\xA9\xD9\x6A\x60\xCF\x80\x3D\xF7\xEF",
            VolumeKind::Bcachefs,
        ),
    ];
    for (at, bytes, kind) in cases {
        let image = Image::new(size);
        image.write(KIB + 42, &[0x10]); // block size of HFS+: 4096
        image.write(4096 + 104, &[8]); // sector of bcachefs' superblock
        assert!(recognize(&image).volumes.is_empty());
        image.write(at, bytes);
        assert_eq!(only(&image, "by the book").kind, kind);
    }
}

#[test]
fn nothing_is_recognised_in_garbage_and_nothing_is_out_of_bounds() {
    use crate::block::memory::MemoryDisk;
    let garbage = crate::filesystem::testing::Garbage::new(3).bytes(1 << 21);
    for length in (0..2000).chain([65_535, 65_536, 1 << 20, 1 << 21]) {
        let disk = MemoryDisk::new(garbage[..length].to_vec());
        let findings = recognize(&disk);
        assert!(findings.volumes.is_empty() && findings.unreadable.is_none());
    }
}

proptest! {
    /// Every signature in its place, and anything around it.
    #[test]
    fn arbitrary_superblocks_are_survived(
        row in 0usize..1000,
        superblock in proptest::collection::vec(any::<u8>(), 2048),
        length in 0usize..600_000,
    ) {
        use crate::block::{BlockTarget, memory::MemoryDisk};
        let rows: Vec<&Row> = [raid::ROWS, containers::ROWS, filesystems::ROWS].into_iter().flatten().collect();
        let row = rows[row % rows.len()];
        let disk = MemoryDisk::new(vec![0; length]);
        let position = Probe::new(&disk).position(row.at);
        if let Some(position) = position {
            _ = disk.write_at(position, &superblock);
            _ = disk.write_at(position + row.signature_at as u64, row.signature);
        }
        let findings = recognize(&disk);
        prop_assert!(findings.unreadable.is_none());
    }
}
