//! Tables made and described by sfdisk, sgdisk, parted and partx.

use super::*;
use crate::partition::{GptCopy, PartitionType, RegionKind, Scheme, read};
use crate::units::Extent;

/// What `sfdisk --json` says of a partition, and what we say, in the same form.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Described {
    number: u32,
    offset: u64,
    length: u64,
    kind: String,
    uuid: Option<String>,
    name: Option<String>,
    bootable: bool,
}

fn described_by_us(table: &PartitionTable) -> Vec<Described> {
    let describe = |partition: &crate::partition::Partition| Described {
        number: partition.number,
        offset: partition.extent.offset,
        length: partition.extent.length,
        kind: match partition.kind {
            PartitionType::Gpt(guid) => guid.to_string(),
            PartitionType::Mbr(byte) => format!("{byte:x}"),
        },
        uuid: partition.uuid.clone().filter(|_| table.scheme != Scheme::Mbr),
        name: partition.name.clone(),
        bootable: partition.bootable,
    };
    table.partitions.iter().map(describe).collect()
}

fn described_by_sfdisk(disk: &FileDisk) -> Vec<Described> {
    let json: serde_json::Value =
        serde_json::from_str(&disk.run("sfdisk", &["--json"], "")).unwrap();
    let table = &json["partitiontable"];
    let sector = table["sectorsize"].as_u64().unwrap();
    let node = disk.path().display().to_string();
    let describe = |entry: &serde_json::Value| {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let number = text("node").unwrap();
        let number = number.strip_prefix(&node).unwrap().parse().unwrap();
        Described {
            number,
            offset: entry["start"].as_u64().unwrap() * sector,
            length: entry["size"].as_u64().unwrap() * sector,
            kind: text("type").unwrap().to_lowercase(),
            uuid: text("uuid").map(|uuid| uuid.to_lowercase()),
            name: text("name"),
            bootable: entry["bootable"].as_bool().unwrap_or(false)
                || text("attrs").is_some_and(|list| list.contains("LegacyBIOSBootable")),
        }
    };
    table["partitions"].as_array().unwrap().iter().map(describe).collect()
}

/// Number, first byte and length by `partx`, which sees as the kernel does.
fn described_by_partx(disk: &FileDisk, sector_size: u32) -> Vec<(u32, u64, u64)> {
    let size = sector_size.to_string();
    let arguments = ["-g", "-r", "-b", "-o", "NR,START,SIZE", "-S", &size];
    let text = disk.run("partx", &arguments, "");
    let number = |text: Option<&str>| text.unwrap().parse::<u64>().unwrap();
    text.lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            // partx counts the start in sectors of 512 bytes whatever the disk's are.
            (number(words.next()) as u32, number(words.next()) * 512, number(words.next()))
        })
        .collect()
}

/// The same by us, without the length of extended partitions, of which the kernel shows but a
/// token.
fn seen_by_us(table: &PartitionTable) -> Vec<(u32, u64, u64)> {
    table.partitions.iter().map(|p| (p.number, p.extent.offset, p.extent.length)).collect()
}

const GPT: &str = "label: gpt
1 : start=2048, size=8192, type=U, name=\"EFI\"
3 : size=4096, type=21686148-6449-6E6F-744E-656564454649, attrs=\"LegacyBIOSBootable\"
7 : size=20480, type=L, name=\"Raíz del sistema\"
128 : size=2048, type=S
";

#[test]
fn a_gpt_is_what_sfdisk_says() {
    let disk = FileDisk::divided(64 * MIB, GPT);
    let reading = read(&disk);
    assert!(reading.alternative.is_none());
    let table = certain(reading);
    assert_eq!(table.scheme, Scheme::Gpt);
    assert_eq!(table.copy, Some(GptCopy::Primary));
    assert_eq!(ids(&table.problems), [""; 0]);
    assert_eq!(described_by_us(&table), described_by_sfdisk(&disk));
    assert_eq!(seen_by_us(&table), described_by_partx(&disk, 512));
    assert_eq!(table.partitions.len(), 4);
    assert_eq!(table.partitions[2].name.as_deref(), Some("Raíz del sistema"));
    assert_eq!(
        table.uuid.unwrap(),
        disk.run("blkid", &["-p", "-o", "value", "-s", "PTUUID"], "").trim()
    );
    let sector = |first: u64, count: u64| Extent::new(first * 512, count * 512);
    let last = 64 * MIB / 512 - 1;
    let regions: Vec<_> = table.regions.iter().map(|r| (r.kind, r.extent)).collect();
    assert_eq!(
        regions,
        [
            (RegionKind::Mbr, sector(0, 1)),
            (RegionKind::GptHeader, sector(1, 1)),
            (RegionKind::GptEntries, sector(2, 32)),
            (RegionKind::BackupGptEntries, sector(last - 32, 32)),
            (RegionKind::BackupGptHeader, sector(last, 1)),
        ]
    );
}

#[test]
fn a_gpt_of_4096_byte_sectors_is_read_on_a_device_and_in_a_file() {
    let disk = FileDisk::new(64 * MIB);
    disk.run("fdisk", &["-b", "4096"], "g\nn\n1\n256\n+8M\nn\n2\n\n+4M\nw\n");
    let in_file = certain(read(&disk));
    assert_eq!(in_file.sector_size, 4096);
    assert_eq!(ids(&in_file.problems), ["partition-other-sector-size"]);
    assert_eq!(seen_by_us(&in_file), described_by_partx(&disk, 4096));
    assert_eq!(in_file.partitions[0].extent, Extent::new(MIB, 8 * MIB));
    assert_eq!(in_file.regions[2].extent, Extent::new(8192, 16384));
    let mut on_device = certain(read(&disk.with_sector_size(4096)));
    assert_eq!(ids(&on_device.problems), [""; 0]);
    on_device.problems.clone_from(&in_file.problems);
    assert_eq!(on_device, in_file);
}

#[test]
fn a_gpt_of_512_byte_sectors_is_recognised_on_a_disk_of_4096() {
    let disk = FileDisk::divided(64 * MIB, GPT);
    let expected = seen_by_us(&certain(read(&disk)));
    let table = certain(read(&disk.with_sector_size(4096)));
    assert_eq!(table.sector_size, 512);
    assert_eq!(ids(&table.problems), ["partition-other-sector-size"]);
    assert_eq!(seen_by_us(&table), expected);
}

#[test]
fn tables_of_parted_and_sgdisk_are_read() {
    for label in ["gpt", "msdos"] {
        let disk = FileDisk::new(64 * MIB);
        let commands = ["mklabel", label, "mkpart", "primary", "1MiB", "9MiB"];
        disk.run_then("parted", &["-s"], &commands, "");
        disk.run_then("parted", &["-s"], &["mkpart", "primary", "9MiB", "100%"], "");
        let table = certain(read(&disk));
        assert_eq!(ids(&table.problems), [""; 0]);
        assert_eq!(described_by_us(&table), described_by_sfdisk(&disk));
        assert_eq!(table.partitions.len(), 2);
    }
    let disk = FileDisk::new(64 * MIB);
    // An array of 256 entries that begins at LBA 100.
    disk.run("sgdisk", &["-S", "256", "-n", "200:0:+8M", "-c", "200:late", "-A", "200:set:2"], "");
    let table = certain(read(&disk));
    assert_eq!(described_by_us(&table), described_by_sfdisk(&disk));
    assert!(table.partitions[0].bootable);
    assert_eq!(table.regions[2].extent.length, 256 * 128);
}

#[test]
fn dynamic_disks_with_a_gpt_are_saved_whole() {
    const SCRIPT: &str = "label: gpt\n\
        start=2048, size=2048, type=5808C8AA-7E8F-42E0-85D2-E1E90434CFB3\n\
        start=4096, type=AF9B60A0-1431-4F62-BC68-3311714A69AD\n";
    assert_doubt(&read(&FileDisk::divided(64 * MIB, SCRIPT)), "partition-dynamic-disk");
}

#[test]
fn a_hybrid_mbr_is_recognised_and_the_gpt_used() {
    let disk = FileDisk::divided(64 * MIB, GPT);
    disk.run("sgdisk", &["-h", "1:7"], "");
    let table = certain(read(&disk));
    assert_eq!(table.scheme, Scheme::HybridGpt);
    assert_eq!(ids(&table.problems), ["partition-hybrid"]);
    assert_eq!(table.partitions.len(), 4);
    // The ESP vanishes from the GPT alone: only the MBR still knows of it.
    let mbr = disk.bytes()[..512].to_vec();
    disk.run("sgdisk", &["-d", "1"], "");
    disk.write(0, &mbr);
    assert_doubt(&read(&disk), "partition-hybrid-disagrees");
}

fn logical(count: u32) -> String {
    let mut script = "label: dos\n1 : start=2048, size=2048, type=83, bootable\n\
                      2 : start=8192, size=2048, type=82\n4 : start=16384, type=f\n"
        .to_owned();
    for number in 5..5 + count {
        script += &format!("{number} : size={}, type=83\n", 1024 + number * 8);
    }
    script
}

#[test]
fn logical_partitions_5_to_60_are_what_sfdisk_and_the_kernel_say() {
    let disk = FileDisk::divided(192 * MIB, &logical(56));
    let table = certain(read(&disk));
    assert_eq!(table.scheme, Scheme::Mbr);
    assert_eq!(ids(&table.problems), [""; 0]);
    assert_eq!(described_by_us(&table), described_by_sfdisk(&disk));
    assert_eq!(table.partitions.last().unwrap().number, 60);
    let seen = seen_by_us(&table);
    let theirs = described_by_partx(&disk, 512);
    assert_eq!(seen.len(), theirs.len());
    for (ours, theirs) in seen.iter().zip(theirs) {
        assert_eq!((ours.0, ours.1), (theirs.0, theirs.1));
        assert!(ours.0 == 4 || ours.2 == theirs.2);
    }
    // Each PARTUUID is what blkid says of the partition's place.
    let uuid: Vec<String> =
        disk.run("partx", &["-g", "-r", "-o", "UUID"], "").lines().map(str::to_owned).collect();
    let ours: Vec<String> = table.partitions.iter().map(|p| p.uuid.clone().unwrap()).collect();
    assert_eq!(ours, uuid);
    let ebr = table.regions.iter().filter(|region| region.kind == RegionKind::Ebr).count();
    assert_eq!(ebr, 56);
    for region in &table.regions {
        let end =
            disk.bytes()[region.extent.end() as usize - 2..region.extent.end() as usize].to_vec();
        assert_eq!(end, [0x55, 0xaa]);
    }
}

#[test]
fn numbers_close_up_where_logical_partitions_were_deleted() {
    for deleted in [&["5"][..], &["7"], &["10"], &["9", "6", "5"], &["7", "2"], &["4"]] {
        let disk = FileDisk::divided(64 * MIB, &logical(6));
        // Something in the first partition, so that the places are beyond doubt.
        disk.write(MIB, b"superblock");
        disk.run_then("sfdisk", &["--quiet", "--delete"], deleted, "");
        let table = certain(read(&disk));
        assert_eq!(described_by_us(&table), described_by_sfdisk(&disk), "{deleted:?}");
        let numbers: Vec<_> = described_by_partx(&disk, 512).iter().map(|p| (p.0, p.1)).collect();
        let ours: Vec<_> = seen_by_us(&table).iter().map(|p| (p.0, p.1)).collect();
        assert_eq!(ours, numbers, "{deleted:?}");
    }
}

#[test]
fn an_mbr_of_4096_byte_sectors_is_read_or_doubted_in_a_file() {
    let disk = FileDisk::new(64 * MIB);
    let extended = "n\ne\n2\n2048\n\nn\nl\n\n+4M\nn\nl\n\n+4M\n";
    disk.run("fdisk", &["-b", "4096"], &format!("o\nn\np\n1\n256\n+4M\n{extended}w\n"));
    let table = certain(read(&disk));
    assert_eq!(table.sector_size, 4096);
    assert_eq!(ids(&table.problems), ["partition-other-sector-size"]);
    let places: Vec<_> = described_by_partx(&disk, 4096).iter().map(|p| (p.0, p.1)).collect();
    let ours: Vec<_> = seen_by_us(&table).iter().map(|p| (p.0, p.1)).collect();
    assert_eq!(ours, places);
    // Without logical partitions only the contents can tell, and they only make it doubtful.
    let disk = FileDisk::new(64 * MIB);
    disk.run("fdisk", &["-b", "4096"], "o\nn\np\n1\n256\n+4M\nw\n");
    certain(read(&disk));
    disk.write(MIB + 1024, b"superblock");
    assert_doubt(&read(&disk), "partition-sector-size-uncertain");
    let disk = disk.with_sector_size(4096);
    assert_eq!(certain(read(&disk)).sector_size, 4096);
}

#[test]
fn a_disk_out_of_its_enclosure_is_doubted() {
    // Made for 512-byte sectors, read with 4096: the partition ends far past the disk.
    let disk = FileDisk::divided(64 * MIB, "label: dos\n1 : start=2048, type=7\n");
    certain(read(&disk));
    assert_doubt(&read(&disk.with_sector_size(4096)), "partition-sector-size-uncertain");
}

#[test]
fn file_systems_directly_on_a_disk_are_no_tables() {
    let programs: [(&str, &[&str]); 8] = [
        ("mkfs.vfat", &["-F", "12"]),
        ("mkfs.vfat", &["-F", "16"]),
        ("mkfs.vfat", &["-F", "32"]),
        ("mkfs.ntfs", &["-F", "-Q"]),
        ("mkfs.exfat", &[]),
        ("mkfs.ext4", &["-F", "-q"]),
        ("mkswap", &[]),
        ("mkfs.btrfs", &["-f", "-q"]),
    ];
    for (program, arguments) in programs {
        let size = if program == "mkfs.btrfs" { 256 } else { 64 };
        let disk = FileDisk::new(size * MIB);
        disk.run(program, arguments, "");
        let reading = read(&disk);
        let table = certain(reading);
        assert_eq!((table.scheme, table.sector_size), (Scheme::None, 512), "{program}");
        assert!(table.partitions.is_empty() && table.regions.is_empty());
    }
}

#[test]
fn formatting_a_disk_leaves_no_old_table_in_use() {
    let programs: [(&str, &[&str]); 4] = [
        ("mkfs.vfat", &["-F", "32", "-I"]),
        ("mkfs.ntfs", &["-F", "-Q"]),
        ("mkfs.ext4", &["-F", "-q"]),
        ("mkfs.xfs", &["-f", "-q"]),
    ];
    for (program, arguments) in programs {
        for label in [GPT, "label: dos\n1 : start=2048, type=83\n"] {
            let disk = FileDisk::divided(320 * MIB, label);
            disk.run(program, arguments, "");
            let reading = read(&disk);
            let is_safe = reading.doubt.is_some() || reading.table.scheme == Scheme::None;
            assert!(is_safe, "{program}: {:?}", reading.table);
        }
    }
}

#[test]
fn a_table_without_partitions_is_none() {
    let disk = FileDisk::divided(64 * MIB, "label: dos\n");
    let table = certain(read(&disk));
    assert_eq!((table.scheme, ids(&table.problems)), (Scheme::None, vec!["partition-mbr-empty"]));
    let disk = FileDisk::divided(64 * MIB, "label: gpt\n");
    let table = certain(read(&disk));
    assert_eq!((table.scheme, table.partitions.len()), (Scheme::Gpt, 0));
}

#[test]
fn other_schemes_and_members_are_doubted() {
    for (label, expected) in [("sun", "Sun"), ("sgi", "SGI")] {
        let disk = FileDisk::divided(64 * MIB, &format!("label: {label}\n"));
        let reading = read(&disk);
        assert_doubt(&reading, "partition-unknown-scheme");
        assert!(reading.doubt.unwrap().in_language(Language::English).contains(expected));
    }
    for label in ["mac", "amiga", "bsd"] {
        let disk = FileDisk::new(64 * MIB);
        disk.run_then("parted", &["-s"], &["mklabel", label], "");
        assert_doubt(&read(&disk), "partition-unknown-scheme");
    }
    // A RAID member made over a divided disk: the table lives on in the first sector.
    let disk = FileDisk::divided(64 * MIB, "label: dos\n1 : start=2048, type=fd\n");
    let mut superblock = vec![0xfc, 0x4e, 0x2b, 0xa9, 1, 0, 0, 0];
    superblock.resize(256, 0);
    disk.write(4096, &superblock);
    assert_doubt(&read(&disk), "partition-and-member");
}
