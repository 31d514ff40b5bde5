use super::*;
use crate::block::memory::MemoryDisk;
use crate::block::{BlockTarget, check_range};
use crate::filesystem::testing::{Broken, Garbage, Image};
use crate::text::Message;
use proptest::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const BUDGET: Budget = Budget { extents: 1 << 20 };

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt: Message| doubt.id().to_owned())
}

/// Fills a volume until it is fragmented: files of all sizes, some removed, more written.
fn fill(image: &Image, seed: u64, room: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut garbage = Garbage::new(seed);
    let mut write = |name: String, length: u64| {
        let path = folder.path().join(name.replace('/', "_"));
        std::fs::write(&path, garbage.bytes(length as usize)).unwrap();
        image.run(&format!("mcopy -i {{}} {} ::/{name}", path.display()));
    };
    for number in 0..12 {
        write(format!("a_file_with_a_long_name_{number:02}.data"), room / 40 + number);
    }
    for number in (0..12).step_by(3) {
        image.run(&format!("mdel -i {{}} ::/a_file_with_a_long_name_{number:02}.data"));
    }
    image.run("mmd -i {} ::/folder");
    for number in 0..4 {
        write(format!("folder/{number}"), 1 + number * 700);
    }
    write("large".into(), room / 6);
}

fn files(image: &Image) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    image.run(&format!("mcopy -s -n -i {{}} ::/ {}", folder.path().display()));
    let mut found = Vec::new();
    fn walk(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    found.push((name, std::fs::read(&path).unwrap()));
                }
            }
        }
    }
    walk(folder.path(), &mut found);
    found.sort();
    found
}

/// The free bytes that mtools counts.
fn free_bytes(image: &Image) -> u64 {
    let listing = image.run("mdir -i {} ::/");
    let line = listing.lines().find(|line| line.ends_with("bytes free")).expect("a summary");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Variants that mkfs.fat makes: size in KiB and options.
const VARIANTS: [(u64, &str, VolumeKind); 14] = [
    (1440, "-F 12", VolumeKind::Fat12),
    (8_000, "-F 12 -s 8 -r 64", VolumeKind::Fat12),
    (8_000, "-F 12 -S 4096 -s 1", VolumeKind::Fat12),
    (16_384, "-F 16 -s 1", VolumeKind::Fat16),
    (65_536, "-F 16 -f 1", VolumeKind::Fat16),
    (65_537, "-F 16 -f 4 -r 1024 -M 0xf0", VolumeKind::Fat16),
    (262_144, "-F 16 -s 64 -R 8", VolumeKind::Fat16),
    (65_536, "-F 16 -S 2048", VolumeKind::Fat16),
    (40_000, "-F 32 -s 1", VolumeKind::Fat32),
    (300_000, "-F 32 -s 8", VolumeKind::Fat32),
    (300_000, "-F 32 -S 4096", VolumeKind::Fat32),
    (65_536, "-F 32 -f 1 -s 1", VolumeKind::Fat32),
    (140_000, "-F 32 -h 2048 -R 64 -s 2", VolumeKind::Fat32),
    (65_536, "-F 32 -b 12 -a -s 1", VolumeKind::Fat32),
];

#[test]
fn used_bytes_alone_make_a_sound_volume() {
    for (seed, (kib, options, kind)) in VARIANTS.into_iter().enumerate() {
        let image = Image::made_by(kib << 10, &format!("mkfs.fat -n LABEL {options}"));
        fill(&image, seed as u64, kib << 10);
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.kind, kind, "{options}");
        assert_eq!(volume.label.as_deref(), Some("LABEL"), "{options}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{options}");

        let used = used(&image, BUDGET).unwrap_or_else(|doubt| panic!("{options}: {doubt}"));
        assert!(used.extents.end() <= image.size(), "{options}");
        assert!(used.extents.total_bytes() < image.size() * 9 / 10, "{options}: too much");
        for signature in &used.signatures {
            assert!(used.extents.contains(*signature), "{options}");
        }

        // Exactly the clusters that mtools does not call free.
        let boot = read_boot_sector(&image).unwrap().unwrap();
        let clusters = boot.cluster_extent(2, boot.clusters);
        let tail = Extent::between(clusters.end().max(image.size() - TAIL), image.size());
        let in_clusters: u64 = used.extents.within(clusters).map(|extent| extent.length).sum();
        assert_eq!(in_clusters, clusters.length - free_bytes(&image), "{options}");
        assert!(used.extents.contains(tail), "{options}");

        // Debian 12's partclone 0.3.23 takes the entries of FAT12 for 16 bits wide, which is
        // mended in later versions: it is no oracle there.
        if kind != VolumeKind::Fat12 {
            let theirs = image.partclone("partclone.fat");
            let missing = theirs.difference(&used.extents);
            assert!(missing.is_empty(), "{options}: partclone also has {missing:?}");
            let more = used.extents.difference(&theirs).total_bytes();
            assert!(more <= TAIL + theirs.total_bytes() / 50, "{options}: {more} bytes more");
        }

        let restored = image.restored(&used);
        if !options.contains("-f 4") {
            restored.run("fsck.fat -n"); // It knows one or two copies only.
        }
        assert_eq!(files(&restored), files(&image), "{options}");
    }
}

#[test]
fn fat32_with_few_clusters_is_fat32() {
    // As EFI system partitions often are; mtools cannot fill them.
    let image = Image::made_by(40_000 << 10, "mkfs.fat -F 32 -s 8 -n ESP");
    let volume = detect(&image).unwrap().unwrap();
    assert_eq!((volume.kind, volume.label.as_deref()), (VolumeKind::Fat32, Some("ESP")));
    let used = used(&image, BUDGET).unwrap();
    assert!(image.partclone("partclone.fat").difference(&used.extents).is_empty());
    image.restored(&used).run("fsck.fat -n");
}

#[test]
fn labels_and_serial_numbers_are_those_blkid_shows() {
    let variants = [
        "-F 12 -s 32 -i 1",
        "-F 16 -s 16 -n A-B_C",
        "-F 32 -s 1 -n ELEVENCHARS -i DEADBEEF",
        "-F 32 -s 1",
    ];
    for options in variants {
        let image = Image::made_by(40 << 20, &format!("mkfs.fat {options}"));
        let volume = detect(&image).unwrap().unwrap();
        assert_eq!(volume.label, image.blkid("LABEL"), "{options}");
        assert_eq!(volume.uuid, image.blkid("UUID"), "{options}");
        image.run("mlabel -i {} ::CHANGED");
        assert_eq!(detect(&image).unwrap().unwrap().label.as_deref(), Some("CHANGED"));
        image.run("mlabel -c -i {} ::");
        assert_eq!(detect(&image).unwrap().unwrap().label, image.blkid("LABEL"), "{options}");
    }
    assert_eq!(directory::decode_label(*b"CAMI\xE0N \xA5   ").as_deref(), Some("CAMIÓN Ñ"));
    assert_eq!(directory::decode_label([b' '; 11]), None);
}

#[test]
fn a_label_beyond_the_first_cluster_of_the_root_directory_is_found() {
    let image = Image::made_by(40 << 20, "mkfs.fat -F 32 -s 1");
    for number in 0..40 {
        image.run(&format!("mmd -i {{}} ::/{number}"));
    }
    image.run("mlabel -i {} ::FAR");
    // mlabel puts the label into the first free entry: behind the folders.
    assert_eq!(detect(&image).unwrap().unwrap().label.as_deref(), Some("FAR"));
    assert_eq!(image.blkid("LABEL").as_deref(), Some("FAR"));
}

/// Changes a sound volume in one place, expects a doubt, and changes it back.
fn expect_doubt(image: &Image, offset: u64, bytes: &[u8], expected: &str) {
    let before = image.read_vec(offset, bytes.len()).unwrap();
    image.write(offset, bytes);
    assert_eq!(doubt(image).as_deref(), Some(expected), "at {offset}");
    image.write(offset, &before);
    assert_eq!(doubt(image), None, "at {offset}");
}

#[test]
fn contradictions_are_doubts() {
    // FAT32: 32 reserved sectors, FSInfo in sector 1, backups in 6 and 7.
    let image = Image::made_by(40 << 20, "mkfs.fat -F 32 -s 1 -n X");
    fill(&image, 5, 4 << 20);
    let boot = read_boot_sector(&image).unwrap().unwrap();
    let (first, second) = (boot.fat_copy(0), boot.fat_copy(1));
    let total = (boot.length / 512) as u32;
    expect_doubt(&image, 32, &(total + 8).to_le_bytes(), "fat-past-end");
    expect_doubt(&image, 32, &(total - 1000).to_le_bytes(), "fat-backup-differs");
    expect_doubt(&image, 42, &[1], "fat-version");
    expect_doubt(&image, 65, &[1], "fat-dirty");
    expect_doubt(&image, 65, &[2], "fat-met-errors");
    expect_doubt(&image, 82, b"FAT16   ", "fat-contradictory");
    expect_doubt(&image, 36, &1u32.to_le_bytes(), "fat-too-short");
    expect_doubt(&image, 40, &[0x82], "fat-contradictory");
    expect_doubt(&image, 44, &3u32.to_le_bytes(), "fat-backup-differs");
    expect_doubt(&image, 21, &[0xF0], "fat-media-differs");
    expect_doubt(&image, 512 + 488, &7u32.to_le_bytes(), "fat-free-count");
    expect_doubt(&image, second + 4 * 1000, &[9], "fat-copies-differ");
    let both = |offset: u64, value: u32, expected: &str| {
        image.write(second + offset, &value.to_le_bytes());
        let before = image.read_vec(first + offset, 4).unwrap();
        image.write(first + offset, &value.to_le_bytes());
        assert_eq!(doubt(&image).as_deref(), Some(expected), "{value:x}");
        image.write(first + offset, &before);
        image.write(second + offset, &before);
        assert_eq!(doubt(&image), None);
    };
    both(4, 0x07FF_FFFF, "fat-dirty");
    both(4, 0x0BFF_FFFF, "fat-met-errors");
    both(8, 0, "fat-root-missing");
    both(8, 1, "fat-entry-outside");
    both(8, 0x0FFF_FFF6, "fat-entry-outside");
    both(8, boot.fat_entries() as u32, "fat-entry-outside");
    // An unknown number of free clusters contradicts nothing.
    image.write(512 + 488, &u32::MAX.to_le_bytes());
    assert_eq!(doubt(&image), None);
    assert_eq!(doubt(&image.with_sector_size(4096)).as_deref(), Some("fat-sector-size"));
}

#[test]
fn only_the_active_copy_counts_without_mirroring() {
    let image = Image::made_by(40 << 20, "mkfs.fat -F 32 -s 1");
    fill(&image, 6, 4 << 20);
    let whole = used(&image, BUDGET).unwrap();
    let boot = read_boot_sector(&image).unwrap().unwrap();
    image.write(boot.fat_copy(0), &vec![0xA5; boot.fat_length as usize]);
    assert!(doubt(&image).is_some());
    image.write(40, &[0x81]);
    assert_eq!(used(&image, BUDGET).unwrap(), whole);
}

#[test]
fn a_type_name_that_says_otherwise_is_a_doubt() {
    // As where too few clusters were formatted as FAT16: drivers would take them for FAT12.
    let image = Image::made_by(2 << 20, "mkfs.fat -F 12");
    expect_doubt(&image, 54, b"FAT16   ", "fat-contradictory");
}

#[test]
fn dirty_fat16_by_its_table() {
    let image = Image::made_by(16 << 20, "mkfs.fat -F 16 -s 1 -f 1");
    let start = read_boot_sector(&image).unwrap().unwrap().fat_start;
    expect_doubt(&image, start + 2, &[0xFF, 0x7F], "fat-dirty");
    expect_doubt(&image, start + 2, &[0xFF, 0xBF], "fat-met-errors");
    expect_doubt(&image, 37, &[1], "fat-dirty");
    expect_doubt(&image, start, &[0xF0], "fat-media-differs");
}

#[test]
fn bad_clusters_are_not_used() {
    let image = Image::made_by(16 << 20, "mkfs.fat -F 16 -s 1 -f 1");
    let boot = read_boot_sector(&image).unwrap().unwrap();
    image.write(boot.fat_start + 2 * 100, &0xFFF7u16.to_le_bytes());
    image.write(boot.fat_start + 2 * 101, &0xFFF8u16.to_le_bytes());
    let used = used(&image, BUDGET).unwrap();
    assert!(!used.extents.contains(boot.cluster_extent(100, 1)));
    assert!(used.extents.contains(boot.cluster_extent(101, 1)));
}

#[test]
fn an_unreadable_table_or_directory_is_a_doubt() {
    let image = Image::made_by(40 << 20, "mkfs.fat -F 32 -s 1 -n GONE");
    let boot = read_boot_sector(&image).unwrap().unwrap();
    let fat = Extent::new(boot.fat_copy(1) + 5000, 1);
    let broken = Broken { source: &image, unreadable: fat };
    assert_eq!(doubt(&broken).as_deref(), Some("filesystem-unreadable"));
    let root = Broken { source: &image, unreadable: boot.cluster_extent(2, 1) };
    assert_eq!(detect(&root).unwrap().unwrap().label.as_deref(), Some("GONE"));
    assert_eq!(doubt(&root).as_deref(), Some("filesystem-unreadable"));
    let start = Broken { source: &image, unreadable: Extent::new(511, 1) };
    assert!(detect(&start).is_err());
}

#[test]
fn the_end_of_a_longer_partition_is_kept() {
    let image = Image::made_by(16 << 20, "mkfs.fat -F 16 -s 1");
    image.resize((16 << 20) + 5000);
    let small = used(&image, BUDGET).unwrap();
    assert!(small.extents.contains(Extent::new(16 << 20, 5000)));
    image.resize(64 << 20);
    let large = used(&image, BUDGET).unwrap();
    assert!(large.extents.contains(Extent::new(63 << 20, 1 << 20)));
    assert!(!large.extents.contains(Extent::new(62 << 20, 1 << 20)));
}

/// A small FAT12 volume for tests that read it thousands of times.
fn small() -> Vec<u8> {
    let image = Image::made_by(360 << 10, "mkfs.fat -F 12");
    fill(&image, 9, 200 << 10);
    image.read_vec(0, 360 << 10).unwrap()
}

#[test]
fn every_damaged_byte_of_the_boot_sector_is_survived() {
    for (size, options) in [(360 << 10, "-F 12"), (36 << 20, "-F 32 -s 1")] {
        let image = Image::made_by(size, &format!("mkfs.fat {options}"));
        // The structures only: a disk in memory need not hold the free clusters.
        let disk = MemoryDisk::new(image.read_vec(0, size as usize).unwrap());
        let sound = used(&disk, BUDGET).unwrap();
        let mut changed_answer = false;
        for offset in (0..92).chain(508..512) {
            let mut byte = [0];
            disk.read_at(offset, &mut byte).unwrap();
            for value in [0, 1, 2, 0x7F, 0x80, 0xFF, byte[0] ^ 1, byte[0] ^ 0x10] {
                disk.write_at(offset, &[value]).unwrap();
                _ = detect(&disk).unwrap();
                match used(&disk, BUDGET) {
                    Ok(answer) => {
                        assert!(answer.extents.end() <= disk.size());
                        assert!(answer.signatures.iter().all(|s| answer.extents.contains(*s)));
                        changed_answer |= answer != sound;
                    }
                    Err(doubt) => changed_answer |= !doubt.id().is_empty(),
                }
            }
            disk.write_at(offset, &byte).unwrap();
        }
        assert!(changed_answer);
    }
}

/// A volume of which only the boot sector, FSInfo and FAT exist, however large it says it is.
struct Imagined {
    boot: Vec<u8>,
    fat_start: u64,
    size: u64,
    entry: fn(u64) -> u32,
    largest_read: AtomicU64,
}

impl Imagined {
    fn fat32(clusters: u64, sectors_per_cluster: u8, entry: fn(u64) -> u32) -> Self {
        let fat_sectors = ((clusters + 2) * 4).div_ceil(512);
        let sectors = 32 + fat_sectors + clusters * u64::from(sectors_per_cluster);
        let mut boot = vec![0; 512];
        boot[..3].copy_from_slice(&[0xEB, 0x58, 0x90]);
        boot[11..13].copy_from_slice(&512u16.to_le_bytes());
        boot[13] = sectors_per_cluster;
        boot[14] = 32;
        boot[16] = 1;
        boot[21] = 0xF8;
        boot[32..36].copy_from_slice(&u32::try_from(sectors).unwrap().to_le_bytes());
        boot[36..40].copy_from_slice(&(fat_sectors as u32).to_le_bytes());
        boot[44] = 2;
        boot[510..].copy_from_slice(&[0x55, 0xAA]);
        Self { boot, fat_start: 32 * 512, size: sectors * 512, entry, largest_read: 0.into() }
    }
}

impl BlockSource for Imagined {
    fn size(&self) -> u64 {
        self.size
    }

    fn name(&self) -> String {
        "imagined".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> error::Result<()> {
        check_range(self.size, offset, buffer.len() as u64)?;
        self.largest_read.fetch_max(buffer.len() as u64, Ordering::Relaxed);
        if offset == 0 {
            buffer.fill(0);
            let length = buffer.len().min(512);
            buffer[..length].copy_from_slice(&self.boot[..length]);
            return Ok(());
        }
        assert_eq!((offset - self.fat_start) % 4, 0);
        for (number, bytes) in ((offset - self.fat_start) / 4..).zip(buffer.chunks_exact_mut(4)) {
            let value = match number {
                0 => 0x0FFF_FFF8,
                1 | 2 => 0x0FFF_FFFF,
                _ => (self.entry)(number),
            };
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        Ok(())
    }
}

#[test]
fn the_longest_table_needs_little_memory() {
    // As many clusters as FAT32 can number, every third in use: 89 million extents.
    let disk =
        Imagined::fat32(0x0FFF_FFF5, 8, |number| if number % 3 == 0 { 0x0FFF_FFFF } else { 0 });
    let used = used(&disk, Budget { extents: 1000 }).unwrap();
    assert!(used.extents.len() <= 1000);
    assert!(disk.largest_read.load(Ordering::Relaxed) <= MIB);
    let boot = read_boot_sector(&disk).unwrap().unwrap();
    for number in [3, 300_000, 268_000_000] {
        assert!(used.extents.contains(boot.cluster_extent(number / 3 * 3, 1)));
    }
}

#[test]
fn pieces_of_the_table_join() {
    // More than two pieces of 196608 entries, with a run across each seam.
    let disk = Imagined::fat32(500_000, 1, |number| {
        let seam = number % (PIECE_ENTRIES) < 2 || number % PIECE_ENTRIES > PIECE_ENTRIES - 3;
        if seam { 0x0FFF_FFFF } else { 0 }
    });
    const PIECE_ENTRIES: u64 = 768 << 8;
    let used = used(&disk, BUDGET).unwrap();
    let boot = read_boot_sector(&disk).unwrap().unwrap();
    for seam in [PIECE_ENTRIES, 2 * PIECE_ENTRIES] {
        let run = boot.cluster_extent(seam - 2, 4);
        assert!(used.extents.as_slice().contains(&run), "{run}");
    }
}

/// Writes a FAT of any kind from its entries, by the book and without the code above.
fn write_table(bits: u32, entries: &[u32], table: &mut [u8]) {
    for (number, entry) in entries.iter().enumerate() {
        match bits {
            12 => {
                let at = number + number / 2;
                let (low, high) = if number % 2 == 0 {
                    (*entry as u8, table[at + 1] & 0xF0 | (entry >> 8) as u8 & 0x0F)
                } else {
                    (table[at] & 0x0F | (*entry as u8) << 4, (entry >> 4) as u8)
                };
                table[at] = low;
                table[at + 1] = high;
            }
            16 => table[2 * number..][..2].copy_from_slice(&(*entry as u16).to_le_bytes()),
            _ => table[4 * number..][..4].copy_from_slice(&entry.to_le_bytes()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_tables_are_read_as_they_are(
        bits in prop_oneof![Just(12u32), Just(16), Just(32)],
        seed in any::<u64>(),
        density in 0u64..=10,
    ) {
        let clusters: usize = match bits { 12 => 1000 + (seed % 3000) as usize, _ => 5000 + (seed % 997) as usize };
        let ones = match bits { 12 => 0xFFF, 16 => 0xFFFF, _ => 0x0FFF_FFFF };
        let mut garbage = Garbage::new(seed);
        let mut entries = vec![ones & 0xFFFF_FFF8, ones, ones];
        for _ in 1..clusters {
            entries.push(match garbage.number() {
                n if n % 50 == 0 => ones - 8,
                n if n / 50 % 10 < density => match n / 500 % 3 {
                    0 => ones - (n / 1500 % 8) as u32,
                    // Itself, since what is named has to be in use.
                    _ => entries.len() as u32,
                },
                _ => 0,
            });
        }
        let table_length = (entries.len() * bits as usize).div_ceil(8).next_multiple_of(512);
        let mut disk = vec![0; 512 + table_length];
        write_table(bits, &entries, &mut disk[512..]);
        let root_entries: u16 = if bits == 32 { 0 } else { 16 };
        let data_start = disk.len() + usize::from(root_entries) * 32;
        let size = data_start + clusters * 512;
        disk.resize(size, 0);
        let table_sectors = table_length / 512;
        disk[..3].copy_from_slice(&[0xEB, 0x3C, 0x90]);
        disk[11..17].copy_from_slice(&[0, 2, 1, 1, 0, 1]);
        disk[17..19].copy_from_slice(&root_entries.to_le_bytes());
        disk[21] = 0xF8;
        disk[32..36].copy_from_slice(&((size / 512) as u32).to_le_bytes());
        if bits == 32 {
            disk[36..40].copy_from_slice(&(table_sectors as u32).to_le_bytes());
            disk[44] = 2;
        } else {
            disk[22] = table_sectors as u8;
        }
        disk[510..512].copy_from_slice(&[0x55, 0xAA]);
        let disk = MemoryDisk::new(disk);

        let used = used(&disk, BUDGET).unwrap();
        prop_assert!(used.extents.contains(Extent::new(0, data_start as u64)));
        for (number, entry) in entries.iter().enumerate().skip(2) {
            let cluster = Extent::new((data_start + (number - 2) * 512) as u64, 512);
            let expected = *entry != 0 && *entry != ones - 8;
            prop_assert_eq!(used.extents.contains(cluster), expected, "cluster {}", number);
            prop_assert_eq!(used.extents.within(cluster).next().is_some(), expected);
        }
    }

    #[test]
    fn arbitrary_damage_is_survived(
        changes in proptest::collection::vec((0usize..20_000, any::<u8>()), 1..20),
        header in proptest::collection::vec((11usize..90, any::<u8>()), 0..6),
        length in 0usize..368_640,
    ) {
        static SMALL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = SMALL.get_or_init(small).clone();
        for (offset, value) in changes.into_iter().chain(header) {
            bytes[offset] = value;
        }
        bytes.truncate(length.max(1));
        let disk = MemoryDisk::new(bytes);
        _ = detect(&disk).unwrap();
        if let Ok(used) = used(&disk, BUDGET) {
            prop_assert!(used.extents.end() <= disk.size());
            prop_assert!(used.signatures.iter().all(|s| used.extents.contains(*s)));
        }
    }

    #[test]
    fn arbitrary_boot_sectors_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut bytes = bytes;
        if bytes.len() > 512 {
            bytes[0] = 0xEB;
            bytes[12] = 2;
            bytes[11] = 0;
            bytes[13] = 1 << (bytes[13] % 8);
            bytes[21] |= 0xF8;
            bytes[510..512].copy_from_slice(&[0x55, 0xAA]);
        }
        let disk = MemoryDisk::new(bytes);
        _ = detect(&disk).unwrap();
        _ = used(&disk, BUDGET);
    }
}

/// Some systems read the first cluster of a file, and the last one of a chain, without asking the table
/// for them.
#[test]
fn clusters_of_files_that_are_free_in_the_table_are_a_doubt() {
    for (bits, size, entry) in [(12, 2 << 20, 3_u64), (16, 32 << 20, 4)] {
        let image = Image::made_by(size, &format!("mkfs.fat -F {bits} -s 4"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, vec![7; 3 * 2048]).unwrap();
        image.run("mmd -i {} ::/folder");
        image.run(&format!("mcopy -i {{}} {} ::/folder/file", file.display()));
        assert_eq!(doubt(&image), None);
        let boot = read_boot_sector(&image).unwrap().unwrap();
        let extent = boot.cluster_extent(2, 4);
        assert!(used(&image, BUDGET).unwrap().extents.contains(extent), "folder and file");
        // The folder is at 2, the file at 3 to 5: its last cluster, its first, the folder.
        for cluster in [5, 3, 2] {
            let table = image.read_vec(boot.fat_start, boot.fat_length as usize).unwrap();
            let mut damaged = table.clone();
            let at = (cluster * entry / 2) as usize;
            match (bits, cluster % 2) {
                (12, 0) => {
                    damaged[at] = 0;
                    damaged[at + 1] &= 0xF0;
                }
                (12, _) => {
                    damaged[at] &= 0x0F;
                    damaged[at + 1] = 0;
                }
                _ => damaged[at..at + 2].fill(0),
            }
            for copy in 0..boot.fat_copies {
                image.write(boot.fat_copy(copy), &damaged);
            }
            assert_eq!(doubt(&image).as_deref(), Some("fat-cluster-free"), "{bits}, {cluster}");
            for copy in 0..boot.fat_copies {
                image.write(boot.fat_copy(copy), &table);
            }
        }
        assert_eq!(doubt(&image), None);
        // A folder that holds itself: the entry of the file becomes one.
        let place = boot.cluster_extent(2, 1).offset;
        let bytes = image.read_vec(place, 2048).unwrap();
        let entries = bytes.chunks(32).position(|entry| entry.starts_with(b"FILE")).unwrap();
        let mut folder_again = bytes[entries * 32..entries * 32 + 32].to_vec();
        folder_again[11] = 0x10;
        folder_again[26] = 2;
        image.write(place + entries as u64 * 32, &folder_again);
        assert_eq!(doubt(&image).as_deref(), Some("fat-directory-twice"));
    }
}
