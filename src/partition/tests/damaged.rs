//! Tables that are damaged, hostile, left over, or at odds with one another.

use super::*;
use crate::error::{Error, ErrorKind};
use crate::partition::{GptCopy, Partition, RegionKind, Scheme, read};
use crate::units::Extent;
use std::ops::Range;
use std::sync::LazyLock;

pub(super) const SIZE: u64 = 4 * MIB;
pub(super) const LAST: u64 = SIZE / 512 - 1;

/// A disk of 4 MiB with three partitions of 1 MiB, 512 KiB and 512 KiB; always the same.
pub(super) fn gpt() -> Vec<u8> {
    static DISK: LazyLock<Vec<u8>> = LazyLock::new(make_gpt);
    DISK.clone()
}

fn make_gpt() -> Vec<u8> {
    let id = |number| format!("uuid=00000000-0000-4000-8000-00000000000{number}");
    let script = format!(
        "label: gpt\nlabel-id: 00000000-0000-4000-8000-000000000000\n\
         1 : start=2048, size=2048, type=U, {}\n2 : size=1024, {}\n3 : size=1024, {}\n",
        id(1),
        id(2),
        id(3)
    );
    FileDisk::divided(SIZE, &script).bytes()
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes()
}

fn sector(lba: u64) -> Range<usize> {
    lba as usize * 512..(lba as usize + 1) * 512
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Makes the checksums of the header at `lba`, and of its array, right again.
pub(super) fn seal(disk: &mut [u8], lba: u64) {
    let header = &disk[sector(lba)];
    let array = (u64_at(header, 72) as usize).saturating_mul(512);
    let length = u64_at(header, 80);
    let length = ((length & 0xffff_ffff) as usize).saturating_mul((length >> 32) as usize);
    if let Some(array) = array.checked_add(length).and_then(|end| disk.get(array..end)) {
        let crc = crc32(array);
        disk[sector(lba)][88..92].copy_from_slice(&crc);
    }
    let header = &mut disk[sector(lba)];
    let length = u32::from_le_bytes(header[12..16].try_into().unwrap()) as usize;
    header[16..20].fill(0);
    if let Some(bytes) = header.get(..length) {
        let crc = crc32(bytes);
        header[16..20].copy_from_slice(&crc);
    }
}

/// Writes `bytes` into entry `number` of both arrays.
fn patch_entry(disk: &mut [u8], number: usize, at: usize, bytes: &[u8]) {
    for array in [2, LAST - 32] {
        let at = array as usize * 512 + (number - 1) * 128 + at;
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    }
    seal(disk, 1);
    seal(disk, LAST);
}

/// An MBR with these entries: type, first LBA, sectors.
pub(super) fn mbr(entries: &[(u8, u32, u32)]) -> Vec<u8> {
    let mut sector = vec![0; 512];
    for (index, (kind, first, count)) in entries.iter().enumerate() {
        let entry = &mut sector[446 + index * 16..][..16];
        entry[4] = *kind;
        entry[8..12].copy_from_slice(&first.to_le_bytes());
        entry[12..16].copy_from_slice(&count.to_le_bytes());
    }
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// A disk of 4 MiB with these sectors.
fn disk_of(sectors: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut disk = vec![0; SIZE as usize];
    for (lba, bytes) in sectors {
        disk[sector(*lba)].copy_from_slice(bytes);
    }
    // The first partition of most of these tests; an empty one makes the sector size doubtful.
    disk[sector(2048)][..4].copy_from_slice(b"data");
    disk
}

fn places(partitions: &[Partition]) -> Vec<(u32, u64, u64)> {
    let place = |p: &Partition| (p.number, p.extent.offset / 512, p.extent.length / 512);
    partitions.iter().map(place).collect()
}

#[test]
fn one_sound_copy_is_enough() {
    let sound = certain(read_bytes(&gpt()));
    assert_eq!(places(&sound.partitions), [(1, 2048, 2048), (2, 4096, 1024), (3, 5120, 1024)]);
    let copies = [
        (vec![512, 512 + 60, 1024, 1024 + 56], GptCopy::Backup, "partition-gpt-primary-unsound"),
        (
            vec![LAST as usize * 512 + 91, (LAST as usize - 32) * 512 + 16383],
            GptCopy::Primary,
            "partition-gpt-backup-unsound",
        ),
    ];
    for (damages, copy, problem) in copies {
        for at in damages {
            let mut disk = gpt();
            disk[at] ^= 0x10;
            let table = certain(read_bytes(&disk));
            assert_eq!(ids(&table.problems), [problem], "byte {at}");
            assert_eq!(table.copy, Some(copy));
            assert_eq!(table.partitions, sound.partitions);
            assert_eq!(table.regions, sound.regions);
        }
    }
}

#[test]
fn two_unsound_copies_are_a_doubt() {
    let mut disk = gpt();
    disk[512 + 40] ^= 1;
    disk[LAST as usize * 512 + 40] ^= 1;
    let reading = read_bytes(&disk);
    assert_doubt(&reading, "partition-gpt-unreadable");
    assert_eq!(reading.table.scheme, Scheme::Gpt);
    assert!(reading.table.partitions.is_empty());
    let kinds: Vec<_> = reading.table.regions.iter().map(|region| region.kind).collect();
    use RegionKind::{BackupGptEntries, BackupGptHeader, GptEntries, GptHeader, Mbr};
    assert_eq!(kinds, [Mbr, GptHeader, GptEntries, BackupGptEntries, BackupGptHeader]);
}

#[test]
fn hostile_headers_are_refused_by_what_is_wrong_with_them() {
    let cases: [(usize, &[u8], &str); 20] = [
        (0, b"EFI PARS", "no GPT header"),
        (8, &[0, 0, 2, 0], "revision 2.0"),
        (12, &91u32.to_le_bytes(), "91 bytes"),
        (12, &513u32.to_le_bytes(), "513 bytes"),
        (12, &u32::MAX.to_le_bytes(), "4294967295 bytes"),
        (24, &2u64.to_le_bytes(), "belongs at sector 2"),
        (24, &u64::MAX.to_le_bytes(), "belongs at sector 18446744073709551615"),
        (40, &u64::MAX.to_le_bytes(), "use sectors 18446744073709551615"),
        (48, &33u64.to_le_bytes(), "use sectors 34 to 33"),
        (72, &0u64.to_le_bytes(), "be at sector 0"),
        (72, &1u64.to_le_bytes(), "be at sector 1,"),
        (72, &(LAST - 30).to_le_bytes(), "where it cannot be"),
        (72, &u64::MAX.to_le_bytes(), "where it cannot be"),
        (80, &0u32.to_le_bytes(), "room for 0 partitions"),
        (80, &1025u32.to_le_bytes(), "room for 1025 partitions"),
        (80, &u32::MAX.to_le_bytes(), "room for 4294967295 partitions"),
        (84, &64u32.to_le_bytes(), "64 bytes long"),
        (84, &129u32.to_le_bytes(), "129 bytes long"),
        (84, &0x8000_0000u32.to_le_bytes(), "2147483648 bytes long"),
        (84, &u32::MAX.to_le_bytes(), "4294967295 bytes long"),
    ];
    for (at, bytes, expected) in cases {
        let mut disk = gpt();
        disk[512 + at..512 + at + bytes.len()].copy_from_slice(bytes);
        seal(&mut disk, 1);
        let table = certain(read_bytes(&disk));
        assert_eq!(ids(&table.problems), ["partition-gpt-primary-unsound"], "{expected}");
        let sentence = table.problems[0].in_language(Language::English);
        assert!(sentence.contains(expected), "{sentence}");
    }
}

#[test]
fn longer_headers_and_entries_are_read() {
    let expected = certain(read_bytes(&gpt())).partitions;
    let mut disk = gpt();
    for lba in [1, LAST] {
        disk[sector(lba)][12..16].copy_from_slice(&200u32.to_le_bytes());
        disk[sector(lba)][150] = 7;
        seal(&mut disk, lba);
    }
    let table = certain(read_bytes(&disk));
    assert_eq!((ids(&table.problems), table.partitions), (vec![], expected.clone()));

    // 64 entries of 256 bytes instead of 128 of 128.
    let mut disk = gpt();
    for (lba, array) in [(1, 2), (LAST, LAST - 32)] {
        let array = array as usize * 512;
        let old = disk[array..array + 3 * 128].to_vec();
        disk[array..array + 16384].fill(0xff);
        disk[array..array + 64 * 256].fill(0);
        for (index, entry) in old.chunks(128).enumerate() {
            disk[array + index * 256..][..128].copy_from_slice(entry);
        }
        disk[sector(lba)][80..84].copy_from_slice(&64u32.to_le_bytes());
        disk[sector(lba)][84..88].copy_from_slice(&256u32.to_le_bytes());
        seal(&mut disk, lba);
    }
    let table = certain(read_bytes(&disk));
    assert_eq!((ids(&table.problems), table.partitions), (vec![], expected));
}

#[test]
fn copies_that_differ_are_both_given() {
    let mut disk = gpt();
    // The backup's third partition is another one.
    let entry = (LAST as usize - 32) * 512 + 2 * 128;
    disk[entry + 40..entry + 48].copy_from_slice(&5800u64.to_le_bytes());
    seal(&mut disk, LAST);
    let reading = read_bytes(&disk);
    let other = reading.alternative.clone().unwrap();
    let table = certain(reading);
    assert_eq!(ids(&table.problems), ["partition-gpt-copies-differ"]);
    assert_eq!(ids(&other.problems), ["partition-gpt-backup-fits"]);
    assert_eq!((table.copy, other.copy), (Some(GptCopy::Primary), Some(GptCopy::Backup)));
    assert_eq!(table.regions, other.regions);
    assert_eq!(places(&table.partitions)[2], (3, 5120, 1024));
    assert_eq!(places(&other.partitions)[2], (3, 5120, 681));
}

#[test]
fn a_disk_that_grew_is_read_from_the_primary() {
    let mut disk = gpt();
    disk.resize(6 * MIB as usize, 0);
    let table = certain(read_bytes(&disk));
    assert_eq!(
        ids(&table.problems),
        ["partition-gpt-backup-not-at-end", "partition-protective-size"]
    );
    assert_eq!(table.regions[4].extent, Extent::new(LAST * 512, 512));

    // Behind it the old copy of another table: it is named and not used.
    let script = "label: gpt\n1 : start=2048, size=64\n";
    let other = FileDisk::divided(6 * MIB, script).bytes();
    disk[5 * MIB as usize..].copy_from_slice(&other[5 * MIB as usize..]);
    let reading = read_bytes(&disk);
    assert!(reading.alternative.is_none());
    let table = certain(reading);
    assert!(ids(&table.problems).contains(&"partition-gpt-old-backup"));
    assert_eq!(places(&table.partitions).len(), 3);
}

#[test]
fn a_disk_that_shrank_is_read_as_far_as_it_goes() {
    let mut disk = gpt();
    disk.truncate((5120 + 100) * 512);
    let table = certain(read_bytes(&disk));
    assert_eq!(
        ids(&table.problems),
        [
            "partition-gpt-backup-unsound",
            "partition-gpt-disk-too-small",
            "partition-protective-size",
            "partition-past-end"
        ]
    );
    let missing = ((1024 - 100) * 512).to_string();
    assert!(table.problems[3].in_language(Language::English).contains(&missing));
    assert_eq!(places(&table.partitions)[2], (3, 5120, 1024));
    assert_eq!(table.regions.len(), 3);
}

#[test]
fn without_its_protective_mbr_only_a_whole_gpt_is_believed() {
    let mut disk = gpt();
    disk[..512].fill(0);
    let table = certain(read_bytes(&disk));
    assert_eq!(ids(&table.problems), ["partition-gpt-without-mbr"]);
    assert_eq!(table.partitions.len(), 3);
    // An MBR without entries is the same.
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(certain(read_bytes(&disk)).partitions.len(), 3);
    // A lone primary may be a leftover, a lone backup is one.
    let mut lone = disk.clone();
    lone[sector(LAST)].fill(0);
    assert_doubt(&read_bytes(&lone), "partition-gpt-perhaps-old");
    let mut lone = disk.clone();
    lone[sector(1)].fill(0);
    let table = certain(read_bytes(&lone));
    assert_eq!(table.scheme, Scheme::None);
    assert_eq!(ids(&table.problems), ["partition-gpt-old-backup", "partition-mbr-empty"]);
    // A file system that begins in the first sector speaks against it.
    let fat = FileDisk::new(SIZE);
    fat.run("mkfs.vfat", &[], "");
    disk[..512].copy_from_slice(&fat.bytes()[..512]);
    assert_doubt(&read_bytes(&disk), "partition-gpt-perhaps-old");
}

#[test]
fn a_gpt_beside_an_mbr_is_a_leftover_unless_it_is_whole_and_says_more() {
    let mut disk = gpt();
    disk[sector(2048)][..4].copy_from_slice(b"data");
    disk[..512].copy_from_slice(&mbr(&[(0x83, 2048, 4096)]));
    let table = certain(read_bytes(&disk));
    assert_eq!(table.scheme, Scheme::Mbr);
    assert_eq!(ids(&table.problems), ["partition-gpt-beside-mbr"]);
    disk[..512].copy_from_slice(&mbr(&[(0x83, 2048, 3000)]));
    assert_doubt(&read_bytes(&disk), "partition-gpt-or-mbr");
    disk[sector(1)].fill(0);
    assert_eq!(ids(&certain(read_bytes(&disk)).problems), ["partition-gpt-beside-mbr"]);
}

#[test]
fn overlapping_partitions_are_a_doubt() {
    let mut disk = gpt();
    patch_entry(&mut disk, 2, 32, &4095u64.to_le_bytes());
    let reading = read_bytes(&disk);
    assert_doubt(&reading, "partition-overlap");
    let sentence = reading.doubt.unwrap().in_language(Language::English);
    assert!(sentence.contains("1 and 2") && sentence.contains("512 bytes"), "{sentence}");
    // A long one over two others that do not touch each other.
    let mut disk = gpt();
    patch_entry(&mut disk, 1, 40, &6000u64.to_le_bytes());
    patch_entry(&mut disk, 2, 40, &4097u64.to_le_bytes());
    assert_doubt(&read_bytes(&disk), "partition-overlap");
    let overlapping = [
        vec![(0x83, 2048, 1024), (0x83, 3000, 1024)],
        vec![(0x83, 2048, 1024), (0x05, 3000, 1024)],
        vec![(0x83, 2048, 1024), (0x83, 0, 0), (0x83, 2048, 1024)],
    ];
    for entries in overlapping {
        let ebr = mbr(&[(0x83, 100, 10)]);
        let disk = disk_of(&[(0, mbr(&entries)), (3000, ebr)]);
        assert_doubt(&read_bytes(&disk), "partition-overlap");
    }
}

#[test]
fn partitions_over_the_table_are_a_doubt() {
    let mut disk = gpt();
    patch_entry(&mut disk, 3, 40, &(LAST - 32).to_le_bytes());
    assert_doubt(&read_bytes(&disk), "partition-over-table");
    let disk = disk_of(&[(0, mbr(&[(0xa5, 0, 8000)]))]);
    assert_doubt(&read_bytes(&disk), "partition-over-table");
}

#[test]
fn an_entry_that_ends_before_it_begins_is_a_doubt() {
    let mut disk = gpt();
    patch_entry(&mut disk, 2, 40, &4095u64.to_le_bytes());
    assert_doubt(&read_bytes(&disk), "partition-backwards");
    assert_eq!(places(&read_bytes(&disk).table.partitions), [(1, 2048, 2048), (3, 5120, 1024)]);
}

#[test]
fn entries_without_length_are_left_out() {
    let disk = disk_of(&[(0, mbr(&[(0x83, 2048, 1024), (0x07, 4000, 0)]))]);
    let table = certain(read_bytes(&disk));
    assert_eq!(ids(&table.problems), ["partition-without-length"]);
    assert_eq!(places(&table.partitions), [(1, 2048, 1024)]);
}

#[test]
fn partitions_at_the_end_of_the_address_space_are_only_past_the_end() {
    let mut disk = gpt();
    patch_entry(&mut disk, 3, 32, &(u64::MAX - 5).to_le_bytes());
    patch_entry(&mut disk, 3, 40, &u64::MAX.to_le_bytes());
    let table = certain(read_bytes(&disk));
    assert_eq!(ids(&table.problems), ["partition-past-end"]);
    let disk = disk_of(&[(0, mbr(&[(0x83, 2048, 1024), (0x83, u32::MAX, u32::MAX)]))]);
    assert_eq!(ids(&certain(read_bytes(&disk)).problems), ["partition-past-end"]);
}

/// Sectors by their LBAs.
type Sectors = Vec<(u64, Vec<u8>)>;

fn extended(records: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let first = (0, mbr(&[(0x83, 2048, 100), (0x0f, 3000, 3000)]));
    disk_of(&[&[first], records].concat())
}

#[test]
fn hostile_chains_of_logical_partitions_end() {
    let data = (0x83, 10, 20);
    let to = |first| (0x05, first, 100);
    let cases: [(Sectors, &str); 7] = [
        (vec![(3000, mbr(&[data, to(0)]))], "partition-ebr-loop"),
        (vec![(3000, mbr(&[data, to(100)])), (3100, mbr(&[data, to(0)]))], "partition-ebr-loop"),
        (
            vec![
                (3000, mbr(&[data, to(100)])),
                (3100, mbr(&[data, to(200)])),
                (3200, mbr(&[to(100)])),
            ],
            "partition-ebr-loop",
        ),
        (vec![], "partition-ebr-missing"),
        (vec![(3000, mbr(&[data, to(100)]))], "partition-ebr-missing"),
        (vec![(3000, mbr(&[data, to(u32::MAX)]))], "partition-ebr-unreadable"),
        (vec![(3000, mbr(&[(0x83, 0, 50)]))], "partition-over-table"),
    ];
    for (records, expected) in cases {
        assert_doubt(&read_bytes(&extended(&records)), expected);
    }
    let chain = |count: u64| -> Vec<_> {
        let link = |n| if n + 1 < count { to(2 * (n as u32 + 1)) } else { (0, 0, 0) };
        (0..count).map(|n| (3000 + 2 * n, mbr(&[(0x83, 1, 1), link(n)]))).collect()
    };
    let table = certain(read_bytes(&extended(&chain(200))));
    assert_eq!(table.partitions.last().unwrap().number, 204);
    assert_doubt(&read_bytes(&extended(&chain(1000))), "partition-ebr-too-long");
}

#[test]
fn unusual_chains_are_read_as_linux_reads_them() {
    // The link first, data in all entries, garbage in the third: too long for its record.
    let records = [
        (3000, mbr(&[(0x05, 100, 400), (0x83, 10, 20), (0x83, 3000, 9), (0x83, 40, 8)])),
        (3100, mbr(&[(0x00, 0, 0), (0x83, 10, 20), (0x83, 399, 2), (0x85, 500, 9)])),
        (3500, mbr(&[(0x83, 1, 1)])),
    ];
    let disk = extended(&records);
    let table = certain(read_bytes(&disk));
    let expected =
        [(1, 2048, 100), (2, 3000, 3000), (5, 3010, 20), (6, 3040, 8), (7, 3110, 20), (8, 3501, 1)];
    assert_eq!(places(&table.partitions), expected);
    let file = FileDisk::new(SIZE);
    file.write(0, &disk);
    let text = file.run("partx", &["-g", "-r", "-o", "NR,START"], "");
    let theirs: Vec<_> = text.lines().map(str::to_owned).collect();
    let ours: Vec<_> = expected.iter().map(|(nr, start, _)| format!("{nr} {start}")).collect();
    assert_eq!(ours, theirs);
}

#[test]
fn two_extended_partitions_are_numbered_one_after_the_other() {
    let disk = disk_of(&[
        (0, mbr(&[(0x05, 5000, 1000), (0x83, 2048, 100), (0x0f, 3000, 1000)])),
        (3000, mbr(&[(0x83, 10, 20)])),
        (5000, mbr(&[(0x83, 30, 40)])),
    ]);
    let table = certain(read_bytes(&disk));
    let expected = [(1, 5000, 1000), (2, 2048, 100), (3, 3000, 1000), (5, 5030, 40), (6, 3010, 20)];
    assert_eq!(places(&table.partitions), expected);
}

#[test]
fn a_logical_partition_outside_its_container_is_told() {
    let disk =
        extended(&[(3000, mbr(&[(0x83, 10, 20), (0x05, 3500, 9)])), (6500, mbr(&[(7, 1, 9)]))]);
    let table = certain(read_bytes(&disk));
    assert_eq!(ids(&table.problems), ["partition-logical-outside-extended"]);
    assert_eq!(places(&table.partitions)[3], (6, 6501, 9));
}

#[test]
fn a_sector_that_is_two_things_is_a_doubt() {
    let fat = FileDisk::new(SIZE);
    fat.run("mkfs.vfat", &[], "");
    let mut disk = fat.bytes();
    assert_eq!(certain(read_bytes(&disk)).scheme, Scheme::None);
    disk[446..510].copy_from_slice(&mbr(&[(0x0c, 2048, 1024)])[446..510]);
    assert_doubt(&read_bytes(&disk), "partition-mbr-or-boot-sector");
    // Status bytes that do not exist: text of a boot loader, not entries.
    let mut disk = disk_of(&[(0, mbr(&[(0x83, 2048, 1024)]))]);
    assert_eq!(certain(read_bytes(&disk)).scheme, Scheme::Mbr);
    disk[462] = 0x21;
    assert_eq!(certain(read_bytes(&disk)).scheme, Scheme::None);
}

#[test]
fn images_of_cds_and_dynamic_disks_are_saved_whole() {
    let mut disk = disk_of(&[(0, mbr(&[(0x00, 0, 4000), (0xef, 100, 50)]))]);
    disk[32769..32774].copy_from_slice(b"CD001");
    assert_doubt(&read_bytes(&disk), "partition-iso-hybrid");
    let disk = disk_of(&[(0, mbr(&[(0x42, 2048, 4000)]))]);
    assert_doubt(&read_bytes(&disk), "partition-dynamic-disk");
}

#[test]
fn disks_of_almost_nothing_have_no_table() {
    for length in [0, 1, 511, 512, 513, 1024] {
        let table = certain(read_bytes(&vec![0; length]));
        assert_eq!((table.scheme, table.regions.len()), (Scheme::None, 0));
    }
    let reading = read_bytes(&mbr(&[(0xee, 1, u32::MAX)]));
    assert_doubt(&reading, "partition-gpt-unreadable");
}

/// A disk on which some bytes cannot be read.
struct Unreadable(MemoryDisk, Range<u64>);

impl BlockSource for Unreadable {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn name(&self) -> String {
        "unreadable".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if offset < self.1.end && offset + buffer.len() as u64 > self.1.start {
            return Err(Error::new(ErrorKind::Io, message!("error-interrupted")));
        }
        self.0.read_at(offset, buffer)
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let unreadable = |bytes: Vec<u8>, range| read(&Unreadable(MemoryDisk::new(bytes), range));
    assert_doubt(&unreadable(gpt(), 0..512), "partition-first-sector-unreadable");
    let table = certain(unreadable(gpt(), 1024..1025));
    assert_eq!(ids(&table.problems), ["partition-gpt-primary-unsound"]);
    let disk = extended(&[(3000, mbr(&[(0x83, 10, 20)]))]);
    let reading = unreadable(disk, 3000 * 512..3000 * 512 + 1);
    assert_doubt(&reading, "partition-ebr-unreadable");
}
