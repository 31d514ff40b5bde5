//! Everything that makes the used extents uncertain is a doubt with its own reason, and no
//! damage makes them wrong.

use super::fixture::{Fixture, noise, output};
use crate::block::memory::MemoryDisk;
use crate::block::{BlockSource, BlockTarget, check_range};
use crate::error::{Error, ErrorKind, Result};
use crate::filesystem::ext::checksum::{SEED, crc32c};
use crate::filesystem::ext::{detect, used};
use crate::filesystem::{Budget, Doubt};
use crate::text::message;
use crate::units::{Extent, ExtentMap, MIB};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const PLAIN: &[&str] =
    &["-b", "1024", "-g", "2048", "-O", "none,filetype,sparse_super,resize_inode"];
const JOURNAL: &[&str] = &["-b", "1024", "-O", "none,filetype,sparse_super,has_journal"];
const GDT_CSUM: &[&str] =
    &["-b", "1024", "-g", "1024", "-O", "none,filetype,extent,flex_bg,sparse_super,uninit_bg"];
const METADATA_CSUM: &[&str] = &[
    "-b",
    "1024",
    "-g",
    "1024",
    "-O",
    "none,filetype,extent,64bit,flex_bg,sparse_super,has_journal,metadata_csum",
];
const META_BG: &[&str] =
    &["-b", "1024", "-g", "256", "-O", "none,filetype,extent,sparse_super,meta_bg"];
const BIGALLOC: &[&str] =
    &["-b", "1024", "-C", "4096", "-O", "none,filetype,extent,flex_bg,sparse_super,bigalloc"];

fn answer(disk: &dyn BlockSource) -> std::result::Result<crate::filesystem::Used, Doubt> {
    used(disk, Budget::default())
}

/// The bytes of a filled file system of 16 MiB.
fn sound(arguments: &'static [&'static str]) -> Arc<Vec<u8>> {
    static MADE: Mutex<BTreeMap<&[&str], Arc<Vec<u8>>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    let make = || Arc::new(Fixture::new(arguments, 16 * MIB, 0).bytes());
    made.entry(arguments).or_insert_with(make).clone()
}

/// A filled file system after these commands of `debugfs`.
fn after(arguments: &'static [&'static str], commands: &[&str]) -> (Fixture, MemoryDisk) {
    let fixture = Fixture::of(&sound(arguments));
    for command in commands {
        let text = output("debugfs", &["-w", "-R", command, fixture.path()]);
        assert!(!text.contains("nvalid"), "{command}: {text}");
    }
    let disk = MemoryDisk::new(fixture.bytes());
    (fixture, disk)
}

fn assert_doubt(disk: &dyn BlockSource, id: &str) -> String {
    let doubt = answer(disk).expect_err(id);
    assert_eq!(doubt.id(), id, "{doubt}");
    doubt.to_string()
}

/// A number that `debugfs` or `dumpe2fs` prints: the last one of the text.
fn last_number(text: &str) -> u64 {
    let digits = text.split(|c: char| !c.is_ascii_digit()).rfind(|word| !word.is_empty());
    digits.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[test]
fn every_state_that_is_not_clean_is_a_doubt() {
    for (arguments, command, id) in [
        (PLAIN, "set_super_value state 0", "ext-not-clean"),
        (PLAIN, "set_super_value state 3", "ext-has-errors"),
        (PLAIN, "set_super_value state 5", "ext-orphans"),
        (PLAIN, "set_super_value last_orphan 12", "ext-orphans"),
        (METADATA_CSUM, "feature orphan_present", "ext-orphans"),
        (METADATA_CSUM, "feature FEATURE_I30", "ext-feature-unknown"),
        (PLAIN, "feature FEATURE_R14", "ext-feature-unknown"),
        (PLAIN, "set_super_value free_blocks_count 3", "ext-free-count"),
        (PLAIN, "set_block_group 1 free_blocks_count 3", "ext-free-count-group"),
        (METADATA_CSUM, "set_block_group 1 checksum 3", "ext-descriptor-checksum"),
        (GDT_CSUM, "set_block_group 1 checksum 3", "ext-descriptor-checksum"),
        (PLAIN, "set_block_group 1 inode_table 99999", "ext-descriptor-location"),
        // The backup in group 1 is there.
        (PLAIN, "set_block_group 1 inode_bitmap 2049", "ext-metadata-overlap"),
    ] {
        let (_, disk) = after(arguments, &[command]);
        assert_doubt(&disk, id);
    }
}

#[test]
fn a_journal_elsewhere() {
    // Without anything in it the mark alone changes nothing.
    let (_, marked) = after(JOURNAL, &["feature needs_recovery"]);
    let (_, clean) = after(JOURNAL, &[]);
    assert_eq!(answer(&marked).unwrap(), answer(&clean).unwrap());
    let commands = ["set_super_value journal_inum 0"];
    let (fixture, disk) = after(JOURNAL, &commands);
    assert!(answer(&disk).is_ok(), "clean");
    output("debugfs", &["-w", "-R", "feature needs_recovery", fixture.path()]);
    assert_doubt(&MemoryDisk::new(fixture.bytes()), "ext-needs-recovery-external");
}

#[test]
fn an_unknown_feature_is_named() {
    let (_, disk) = after(PLAIN, &["feature FEATURE_I30 FEATURE_R14 FEATURE_C25"]);
    let text = assert_doubt(&disk, "ext-feature-unknown");
    for name in ["FEATURE_I30", "shared_blocks", "FEATURE_C25"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn a_journal_with_changes_in_it() {
    for arguments in [JOURNAL, METADATA_CSUM] {
        let (fixture, disk) = after(arguments, &[]);
        let block = last_number(&output("debugfs", &["-R", "bmap <8> 0", fixture.path()]));
        assert!(answer(&disk).is_ok());
        disk.write_at(block * 1024 + 0x1c, &1u32.to_be_bytes()).unwrap();
        assert_doubt(&disk, "ext-journal-not-empty");
        disk.write_at(block * 1024, &[0; 4]).unwrap();
        assert_doubt(&disk, "ext-journal-damaged");
    }
}

#[test]
fn another_machine_has_it_open() {
    let arguments = ["-b", "1024", "-O", "none,filetype,extent,64bit,metadata_csum,mmp"];
    let fixture = Fixture::empty(&arguments, 16 * MIB, None);
    let disk = MemoryDisk::new(fixture.bytes());
    assert!(answer(&disk).is_ok());
    let place = last_number(&fixture.field("MMP block number").unwrap()) * 1024;
    let mut block = disk.read_vec(place, 1024).unwrap();
    block[4..8].copy_from_slice(&7u32.to_le_bytes());
    block[16..20].copy_from_slice(b"nas\0");
    disk.write_at(place, &block).unwrap();
    assert_doubt(&disk, "ext-mmp-damaged");
    let uuid = disk.read_vec(1024 + 0x68, 16).unwrap();
    let sum = crc32c(crc32c(SEED, &uuid), &block[..0x3fc]);
    disk.write_at(place + 0x3fc, &sum.to_le_bytes()).unwrap();
    assert!(assert_doubt(&disk, "ext-mmp-in-use").contains("nas"));
}

#[test]
fn metadata_that_the_bitmap_calls_free() {
    // The counts agree: only the metadata itself tells.
    let (fixture, _) = after(PLAIN, &[]);
    let free: u64 = fixture.field("Free blocks").unwrap().parse().unwrap();
    let group = fixture.dump().split("Group 2:").nth(1).unwrap();
    let table = group.split("Inode table at ").nth(1).unwrap().split('-').next().unwrap();
    let (_, count) = group.split(" free blocks").next().unwrap().rsplit_once(' ').unwrap();
    let count: u64 = count.trim().parse().unwrap();
    for command in [
        format!("freeb {table}"),
        format!("set_block_group 2 free_blocks_count {}", count + 1),
        format!("set_super_value free_blocks_count {}", free + 1),
    ] {
        output("debugfs", &["-w", "-R", &command, fixture.path()]);
    }
    assert_doubt(&MemoryDisk::new(fixture.bytes()), "ext-metadata-free");
}

#[test]
fn longer_than_its_volume() {
    let (_, disk) = after(PLAIN, &[]);
    let mut bytes = disk.to_vec();
    bytes.pop();
    assert_doubt(&MemoryDisk::new(bytes), "ext-longer-than-volume");
}

#[test]
fn a_size_that_the_backup_denies() {
    let fixture = Fixture::new(PLAIN, 16 * MIB, 4 * MIB);
    let disk = MemoryDisk::new(fixture.bytes());
    let blocks = (fixture.length() / 1024) as u32;
    disk.write_at(1024 + 4, &(blocks + 1).to_le_bytes()).unwrap();
    assert_doubt(&disk, "ext-backup-differs");
}

/// A disk on which some bytes cannot be read.
struct Unreadable<'a> {
    disk: &'a MemoryDisk,
    bad: Extent,
}

impl BlockSource for Unreadable<'_> {
    fn size(&self) -> u64 {
        self.disk.size()
    }
    fn name(&self) -> String {
        "unreadable".into()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if Extent::new(offset, buffer.len() as u64).overlaps(self.bad) {
            return Err(Error::new(ErrorKind::Io, message!("error-interrupted")));
        }
        self.disk.read_at(offset, buffer)
    }
}

#[test]
fn unreadable_metadata() {
    let (fixture, disk) = after(PLAIN, &[]);
    let group = fixture.dump().split("Group 3:").nth(1).unwrap();
    let bitmap = group.split("Block bitmap at ").nth(1).unwrap().split(' ').next().unwrap();
    let bitmap: u64 = bitmap.parse().unwrap();
    for (offset, certain) in
        [(1500, false), (2048, false), (bitmap * 1024, false), (16 * MIB - 1, true)]
    {
        let source = Unreadable { disk: &disk, bad: Extent::new(offset, 1) };
        assert_eq!(answer(&source).is_ok(), certain, "byte {offset}");
        assert_eq!(detect(&source).is_err(), offset == 1500);
    }
}

/// Changes bytes one at a time: the answer is a doubt, the same extents, or the whole volume.
fn flip_each(arguments: &'static [&'static str], checksummed: bool) {
    let (fixture, disk) = after(arguments, &[]);
    let sound = answer(&disk).unwrap_or_else(|doubt| panic!("{doubt}"));
    let whole = ExtentMap::whole(Extent::new(0, disk.size()));
    let tables = fixture.dump().lines().filter_map(|line| {
        let (_, rest) = line.split_once("Group descriptor")?;
        let (_, rest) = rest.split_once(" at ")?;
        Some(last_number(rest.split('-').next()?) * 1024)
    });
    let tables: Vec<u64> = tables.collect();
    let places = (1024..2048).chain(tables.iter().flat_map(|table| *table..table + 300));
    for place in places {
        let byte = disk.read_vec(place, 1).unwrap()[0];
        for pattern in [0x01, 0x10, 0x80, 0xff] {
            disk.write_at(place, &[byte ^ pattern]).unwrap();
            let _ = detect(&disk).unwrap();
            if let Ok(found) = answer(&disk) {
                // The first table is the one that counts, and 300 bytes of it are in use.
                assert!(!checksummed || place >= tables[0] + 300, "byte {place} is checked");
                assert!(
                    found.extents == sound.extents || found.extents == whole,
                    "byte {place} ^ {pattern:#x}: {:?}",
                    sound.extents.difference(&found.extents)
                );
            }
        }
        disk.write_at(place, &[byte]).unwrap();
    }
    assert_eq!(answer(&disk), Ok(sound));
}

macro_rules! flips {
    ($($name:ident => $arguments:expr, $checksummed:expr;)*) => {
        $(#[test] fn $name() { flip_each($arguments, $checksummed); })*
    };
}

flips! {
    flipped_bytes_without_checksums => PLAIN, false;
    flipped_bytes_with_a_journal => JOURNAL, false;
    flipped_bytes_with_descriptor_checksums => GDT_CSUM, false;
    flipped_bytes_with_all_checksums => METADATA_CSUM, true;
    flipped_bytes_with_meta_block_groups => META_BG, false;
    flipped_bytes_with_clusters => BIGALLOC, false;
}

#[test]
fn a_flipped_bit_in_a_bitmap() {
    let (fixture, disk) = after(METADATA_CSUM, &[]);
    let bitmap = fixture.dump().split("Block bitmap at ").nth(1).unwrap();
    let bitmap: u64 = bitmap.split(' ').next().unwrap().parse().unwrap();
    let byte = disk.read_vec(bitmap * 1024 + 50, 1).unwrap()[0];
    disk.write_at(bitmap * 1024 + 50, &[byte ^ 4]).unwrap();
    assert_doubt(&disk, "ext-bitmap-checksum");
}

/// A disk whose first bytes are others.
struct Patched {
    start: Vec<u8>,
    rest: Arc<Vec<u8>>,
}

impl BlockSource for Patched {
    fn size(&self) -> u64 {
        self.rest.len() as u64
    }
    fn name(&self) -> String {
        "patched".into()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size(), offset, buffer.len() as u64)?;
        let from = offset as usize;
        buffer.copy_from_slice(&self.rest[from..from + buffer.len()]);
        if let Some(patch) = self.start.get(from..) {
            let length = patch.len().min(buffer.len());
            buffer[..length].copy_from_slice(&patch[..length]);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Several wrong numbers at once, with a checksum that holds, so that all of the reader
    /// sees them: some answer, soon, without a panic.
    #[test]
    fn hostile_numbers(
        which in 0usize..5,
        fields in proptest::collection::vec((0usize..0x3fc / 4, prop_oneof![
            Just(0u32), Just(1), Just(u32::MAX), Just(1 << 31), 0u32..64, any::<u32>(),
        ]), 1..6),
        descriptors in proptest::collection::vec((0usize..1024, any::<u8>()), 0..4),
    ) {
        let samples = [PLAIN, GDT_CSUM, METADATA_CSUM, META_BG, BIGALLOC];
        let rest = sound(samples[which]);
        let mut start = rest[..4096].to_vec();
        for (field, value) in fields {
            let place = 1024 + field * 4;
            start[place..place + 4].copy_from_slice(&value.to_le_bytes());
        }
        start[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
        for (place, value) in descriptors {
            start[2048 + place] = value;
        }
        let sum = crc32c(SEED, &start[1024..1024 + 0x3fc]);
        start[1024 + 0x3fc..2048].copy_from_slice(&sum.to_le_bytes());
        let disk = Patched { start, rest };
        let _ = detect(&disk).unwrap();
        if let Ok(found) = answer(&disk) {
            prop_assert!(found.extents.end() <= disk.size());
            prop_assert!(found.signatures.iter().all(|copy| found.extents.contains(*copy)));
        }
    }

    #[test]
    fn nothing_but_noise(seed: u64, length in 0usize..20_000, magic: bool) {
        let mut bytes = noise(seed, length);
        if magic && length >= 2048 {
            bytes[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
            bytes[1024 + 0x18..1024 + 0x1c].copy_from_slice(&[0; 4]);
            bytes[1024 + 0x4c..1024 + 0x50].copy_from_slice(&[1, 0, 0, 0]);
        }
        let disk = MemoryDisk::new(bytes);
        let _ = detect(&disk).unwrap();
        // An external journal is whole by nature, and needs no more than its bit.
        let whole = ExtentMap::whole(Extent::new(0, disk.size()));
        prop_assert!(answer(&disk).is_ok_and(|found| found.extents == whole) || answer(&disk).is_err());
    }
}
