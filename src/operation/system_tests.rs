use super::*;
use crate::block::memory::MemoryDisk;
use crate::partition::Scheme;
use crate::units::Extent;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// An ext volume of 4 MiB made by mke2fs from a folder.
fn volume(options: &[&str], fill: impl Fn(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (root, image) = (folder.path().join("root"), folder.path().join("image"));
    fs::create_dir(&root).unwrap();
    fill(&root);
    let status = Command::new("mke2fs")
        .args(["-q", "-F", "-d"])
        .arg(&root)
        .args(options)
        .arg(&image)
        .arg("4M")
        .status()
        .expect("mke2fs");
    assert!(status.success());
    fs::read(image).unwrap()
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

const DEBIAN: &str = "# who we are\nNAME=\"Debian GNU/Linux\"\nID=debian\n\
                      PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";

/// A root folder as distributions make it today.
fn debian(root: &Path) {
    put(root, "usr/lib/os-release", DEBIAN);
    put(root, "etc/hostname", "# set by hand\nworkshop-3\n");
    symlink("../usr/lib/os-release", root.join("etc/os-release")).unwrap();
    symlink("usr/lib", root.join("lib")).unwrap();
}

fn find(bytes: Vec<u8>) -> Option<System> {
    identify(&MemoryDisk::new(bytes), &Volume::of(VolumeKind::Ext4))
}

fn system(name: &str, host_name: Option<&str>) -> Option<System> {
    Some(System { name: Some(name.into()), host_name: host_name.map(Into::into) })
}

#[test]
fn a_root_file_system_tells_its_system() {
    let expected = system("Debian GNU/Linux 12 (bookworm)", Some("workshop-3"));
    for options in [
        &["-t", "ext4"][..],
        &["-t", "ext3"],
        &["-t", "ext2"],
        &["-t", "ext4", "-b", "4096"],
        &["-t", "ext4", "-O", "^metadata_csum,64bit"],
    ] {
        assert_eq!(find(volume(options, debian)), expected, "{options:?}");
    }
}

#[test]
fn systems_split_over_volumes_and_old_systems() {
    // /usr on a volume of its own: the link in /etc leads nowhere.
    let root_only = volume(&[], |root| {
        put(root, "etc/hostname", "split\n");
        symlink("../usr/lib/os-release", root.join("etc/os-release")).unwrap();
    });
    assert_eq!(find(root_only), None);
    let usr = volume(&[], |root| put(root, "lib/os-release", DEBIAN));
    assert_eq!(find(usr), system("Debian GNU/Linux 12 (bookworm)", None));

    let red_hat = volume(&[], |root| {
        put(root, "etc/redhat-release", "CentOS release 6.10 (Final)\n");
        put(root, "etc/hostname", "localhost\n");
    });
    assert_eq!(find(red_hat), system("CentOS release 6.10 (Final)", None));
    let old = volume(&[], |root| put(root, "etc/debian_version", "6.0.10\n"));
    assert_eq!(find(old), system("Debian 6.0.10", None));
}

#[test]
fn a_volume_with_data_or_with_tricks_is_no_system() {
    assert_eq!(find(volume(&[], |root| put(root, "photos/1.jpg", "x"))), None);
    let tricks = volume(&[], |root| {
        fs::create_dir_all(root.join("etc/os-release")).unwrap();
        symlink("/usr/lib/os-release", root.join("loop")).unwrap();
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        symlink("/loop", root.join("usr/lib/os-release")).unwrap();
        put(root, "lib/os-release", &format!("{DEBIAN}{}", "#".repeat(70_000)));
    });
    assert_eq!(find(tricks), None);
    let long = volume(&[], |root| {
        put(root, "etc/os-release", &format!("PRETTY_NAME=\"\x1b[2J{}\"", "x".repeat(9000)));
    });
    let name = find(long).unwrap().name.unwrap();
    assert_eq!(name.chars().count(), NAME_LIMIT);
    assert!(name.starts_with("[2Jx"), "{name}");
}

#[test]
fn damaged_volumes_are_survived() {
    let sound = volume(&["-t", "ext4"], debian);
    // Metadata lies in the first quarter or so; a fixed sequence, so that failures repeat.
    let mut state = 0x1234_5678_9abc_def0u64;
    let mut random = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    let without_checksums = volume(&["-t", "ext4", "-O", "^metadata_csum"], debian);
    for original in [&sound, &without_checksums] {
        for round in 0..300 {
            let mut bytes = original.clone();
            for _ in 0..1 + round % 20 {
                let place = match round % 3 {
                    0 => 1024 + random(1024),
                    1 => random(bytes.len() / 4),
                    _ => random(bytes.len()),
                };
                bytes[place] = random(256) as u8;
            }
            let start = Instant::now();
            let _ = find(bytes);
            assert!(start.elapsed() < TIME_LIMIT + Duration::from_secs(2), "round {round}");
        }
    }
    for length in [0, 1024, 1500, 2048, 5000, 100_000] {
        assert_eq!(find(sound[..length].to_vec()), None, "{length} bytes");
    }
    let mut huge = without_checksums;
    huge[1024 + 0x20..][..4].copy_from_slice(&1u32.to_le_bytes()); // blocks per group
    huge[1024 + 0x04..][..4].fill(0xff); // blocks
    assert_eq!(find(huge), None);
}

#[test]
fn release_files_are_read_as_a_shell_would() {
    for (text, expected) in [
        ("PRETTY_NAME=\"Fedora Linux 41\"", Some("Fedora Linux 41")),
        ("PRETTY_NAME='A \"b\" c'", Some("A \"b\" c")),
        (r#"PRETTY_NAME="a \"quoted\" \$5 name""#, Some("a \"quoted\" $5 name")),
        ("PRETTY_NAME=Alpine", Some("Alpine")),
        ("NAME=Void\nVERSION=\"7\"", Some("Void 7")),
        ("NAME=\"Arch Linux\"\r\n", Some("Arch Linux")),
        ("PRETTY_NAME=\"\"\nNAME=x", Some("x")),
        ("#PRETTY_NAME=x", None),
        ("", None),
        ("PRETTY_NAME=\"", Some("\"")),
        ("PRETTY_NAME=\\", None),
    ] {
        assert_eq!(os_release_name(text).as_deref(), expected, "{text}");
    }
}

fn partition(number: u32, offset: u64, length: u64, kind: PartitionType) -> Partition {
    Partition {
        number,
        extent: Extent::new(offset, length),
        kind,
        name: None,
        uuid: None,
        bootable: false,
        attributes: 0,
        extended: false,
    }
}

/// The numbers of the partitions that are taken for Windows.
fn windows(partitions: Vec<Partition>) -> Vec<u32> {
    let table = PartitionTable {
        scheme: Scheme::Gpt,
        sector_size: 512,
        uuid: None,
        partitions,
        regions: Vec::new(),
        copy: None,
        problems: Vec::new(),
    };
    let ntfs = Volume::of(VolumeKind::Ntfs);
    let found = |p: &&Partition| identify_by_table(&ntfs, p, &table).is_some();
    table.partitions.iter().filter(found).map(|partition| partition.number).collect()
}

#[test]
fn windows_is_told_by_the_table() {
    let data = PartitionType::Gpt(MICROSOFT_BASIC_DATA);
    let esp = PartitionType::Gpt(Uuid::from_u128(0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b));
    let gpt = vec![
        partition(1, GIB, GIB / 4, esp),
        partition(2, 2 * GIB, GIB / 64, PartitionType::Gpt(MICROSOFT_RESERVED)),
        partition(4, 90 * GIB, 50 * GIB, data),
        partition(3, 3 * GIB, 80 * GIB, data),
    ];
    assert_eq!(windows(gpt.clone()), [3]);
    // An external disk with data only.
    assert_eq!(windows(vec![partition(1, GIB, 80 * GIB, data)]), [0u32; 0]);
    let ext = Volume::of(VolumeKind::Ext4);
    let table = PartitionTable {
        scheme: Scheme::Gpt,
        sector_size: 512,
        uuid: None,
        partitions: gpt.clone(),
        regions: Vec::new(),
        copy: None,
        problems: Vec::new(),
    };
    assert_eq!(identify_by_table(&ext, &gpt[3], &table), None);

    let ntfs = PartitionType::Mbr(MBR_NTFS);
    let mut small = partition(1, GIB, GIB / 2, ntfs);
    small.bootable = true;
    let mbr = vec![small, partition(2, 2 * GIB, 80 * GIB, ntfs), partition(3, 90 * GIB, GIB, ntfs)];
    assert_eq!(windows(mbr), [2]);
    let mut only = partition(1, GIB, 80 * GIB, ntfs);
    only.bootable = true;
    assert_eq!(windows(vec![only, partition(2, 90 * GIB, GIB, ntfs)]), [1]);
    assert_eq!(windows(vec![partition(1, GIB, 80 * GIB, ntfs)]), [0u32; 0]);
}
