//! Volumes that were not closed, sleep, or say something unknown.

use super::fixture::{Mounted, can_mount, made};
use super::*;
use crate::filesystem::{VolumeState, read};
use crate::units::MIB;

/// Changes a sound volume in one place, expects a doubt, and changes it back.
fn expect_doubt(image: &Image, offset: u64, bytes: &[u8], expected: &str) {
    let before = image.read_vec(offset, bytes.len()).unwrap();
    image.write(offset, bytes);
    assert_eq!(doubt(image).as_deref(), Some(expected), "at {offset}");
    image.write(offset, &before);
    assert_eq!(doubt(image), None, "at {offset}");
}

fn state(image: &Image) -> Option<VolumeState> {
    read(&[image], BUDGET).pop().unwrap().volume.state
}

/// Where the value of an attribute in a record lies, in bytes of the volume.
fn value_place(image: &Image, number: u64, kind: u32) -> u64 {
    let (place, length) = record_place(image, number);
    let record = image.read_vec(place, length as usize).unwrap();
    let number = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    let mut at = number(20);
    while u32::from(record[at]) != kind {
        at += number(at + 4);
    }
    place + (at + number(at + 20)) as u64
}

/// The first byte of the log, in bytes of the volume.
fn log_place(image: &Image) -> u64 {
    let boot = read_boot_sector(image, 0).unwrap().unwrap();
    let table = MasterFileTable::open(image, boot, 100).unwrap();
    let log = table.own_file(table::LOG_FILE).unwrap();
    log.runs().next().unwrap().0 * boot.cluster_size
}

/// A restart page by the documentation, its update sequence in place.
fn restart_page(current: u64, version: (u16, u16), client: u16, flags: u16) -> Vec<u8> {
    let mut page = vec![0; 4096];
    page[..4].copy_from_slice(b"RSTR");
    page[4..8].copy_from_slice(&[30, 0, 9, 0]);
    page[16..20].copy_from_slice(&4096u32.to_le_bytes());
    page[20..24].copy_from_slice(&4096u32.to_le_bytes());
    page[24..26].copy_from_slice(&48u16.to_le_bytes());
    page[26..28].copy_from_slice(&version.1.to_le_bytes());
    page[28..30].copy_from_slice(&version.0.to_le_bytes());
    page[48..56].copy_from_slice(&current.to_le_bytes());
    page[56..58].copy_from_slice(&1u16.to_le_bytes());
    page[58..60].copy_from_slice(&0xFFFFu16.to_le_bytes());
    page[60..62].copy_from_slice(&client.to_le_bytes());
    page[62..64].copy_from_slice(&flags.to_le_bytes());
    for stride in 0..8 {
        let end = (stride + 1) * 512;
        let original = [page[end - 2], page[end - 1]];
        page[30 + 2 * (stride + 1)..][..2].copy_from_slice(&original);
        page[end - 2..end].copy_from_slice(&[7, 1]);
    }
    page[30..32].copy_from_slice(&[7, 1]);
    page
}

fn write_log(image: &Image, first: &[u8], second: &[u8]) {
    let place = log_place(image);
    image.write(place, first);
    image.write(place + 4096, second);
}

#[test]
fn a_log_that_was_not_closed_is_a_doubt() {
    const NO_CLIENT: u16 = 0xFFFF;
    let image = made(16 * MIB, "");
    let closed = restart_page(10, (1, 1), NO_CLIENT, 0);
    let clean = restart_page(10, (1, 1), 0, 2);
    let open = restart_page(11, (1, 1), 0, 0);
    let open_before = restart_page(9, (1, 1), 0, 0);
    let kept = restart_page(11, (2, 0), 0, 0);
    let kept_clean = restart_page(11, (2, 0), NO_CLIENT, 2);
    let newer = restart_page(11, (3, 0), NO_CLIENT, 2);
    let mut torn = closed.clone();
    torn[2 * 512 - 1] ^= 1;
    let ones = vec![0xFF; 4096];
    let zeros = vec![0; 4096];
    let unknown = Some("ntfs-log-unknown");
    for (first, second, expected) in [
        (&closed, &closed, None),
        (&clean, &clean, None),
        (&clean, &open_before, None),
        (&open_before, &clean, None),
        (&closed, &open, Some("ntfs-log-not-clean")),
        (&open, &clean, Some("ntfs-log-not-clean")),
        (&open, &open, Some("ntfs-log-not-clean")),
        (&kept, &kept, Some("ntfs-kept-in-memory")),
        (&closed, &kept, Some("ntfs-kept-in-memory")),
        (&kept_clean, &kept_clean, Some("ntfs-kept-in-memory")),
        (&newer, &newer, Some("ntfs-log-version")),
        (&torn, &closed, unknown),
        (&closed, &torn, unknown),
        (&closed, &ones, unknown),
        (&ones, &closed, unknown),
        (&zeros, &zeros, unknown),
        (&ones, &ones, None),
    ] {
        write_log(&image, first, second);
        assert_eq!(doubt(&image).as_deref(), expected);
    }
    // Emptied, but for one entry further back.
    expect_doubt(&image, log_place(&image) + 300_000, b"RCRD", "ntfs-log-unknown");
    write_log(&image, &kept, &kept);
    assert_eq!(state(&image), Some(VolumeState::Unclean));
    write_log(&image, &open, &open);
    assert_eq!(state(&image), Some(VolumeState::Unclean));
}

#[test]
fn flags_and_versions_of_the_volume_count() {
    let image = made(16 * MIB, "");
    let place = value_place(&image, table::VOLUME, kind::VOLUME_INFORMATION);
    let copy = {
        let boot = read_boot_sector(&image, 0).unwrap().unwrap();
        let mirror = boot.mft_mirror_cluster * boot.cluster_size;
        mirror + place - record_place(&image, 0).0
    };
    let both = |at: u64, bytes: &[u8], expected: Option<&str>| {
        let before = image.read_vec(place + at, bytes.len()).unwrap();
        for place in [place, copy] {
            image.write(place + at, bytes);
        }
        assert_eq!(doubt(&image).as_deref(), expected, "{at} {bytes:x?}");
        for place in [place, copy] {
            image.write(place + at, &before);
        }
        assert_eq!(doubt(&image), None);
    };
    both(10, &[1, 0], Some("ntfs-dirty"));
    both(10, &[0, 0x40], Some("ntfs-dirty"));
    both(10, &[0x80, 0], Some("ntfs-flags"));
    both(10, &[0, 0x01], Some("ntfs-flags"));
    both(10, &[0x3E, 0x80], None);
    both(8, &[3, 0], None);
    both(8, &[1, 2], None);
    both(8, &[3, 2], Some("ntfs-version"));
    both(8, &[4, 0], Some("ntfs-version"));
    both(8, &[1, 1], Some("ntfs-version"));
    // In one of them only.
    expect_doubt(&image, place, &[1], "ntfs-mirror-differs");
    image.write(place + 10, &[1]);
    assert_eq!(state(&image), Some(VolumeState::Unclean));
}

#[test]
fn ntfsfix_and_a_mount_without_an_end_make_it_unclean() {
    if !can_mount() {
        return;
    }
    let image = made(16 * MIB, "");
    image.run("ntfsfix");
    // It leaves the mark that makes Windows check the volume.
    assert_eq!(doubt(&image).as_deref(), Some("ntfs-dirty"));
    image.run("ntfsfix -d");
    assert_eq!(doubt(&image), None);
}

#[test]
fn a_sleeping_windows_is_found() {
    if !can_mount() {
        return;
    }
    let filled = || {
        // Not the first file, and not the only one of the name.
        let image = made(24 * MIB, "");
        let mounted = Mounted::new(&image, "rw");
        for number in 0..50 {
            std::fs::write(mounted.path().join(format!("file {number}")), "x").unwrap();
        }
        std::fs::create_dir(mounted.path().join("folder")).unwrap();
        std::fs::write(mounted.path().join("folder/hiberfil.sys"), b"hibr").unwrap();
        drop(mounted);
        image
    };
    assert_eq!(doubt(&filled()), None);
    let write = |name: &str, content: &[u8]| {
        let image = filled();
        let mounted = Mounted::new(&image, "rw");
        std::fs::write(mounted.path().join(name), content).unwrap();
        drop(mounted);
        doubt(&image)
    };
    let long = |start: &[u8]| [start, &vec![b'm'; 300_000]].concat();
    let hibernated = Some("ntfs-hibernated".to_owned());
    assert_eq!(write("hiberfil.sys", &long(b"hibr")), hibernated);
    assert_eq!(write("HIBERFIL.SYS", &long(b"HIBR")), hibernated);
    assert_eq!(write("Hiberfil.sys", b"hibr"), hibernated);
    assert_eq!(write("hiberfil.sys", &long(b"wake")), None);
    assert_eq!(write("hiberfil.sys", &long(b"WAKE")), None);
    assert_eq!(write("hiberfil.sys", &[0; 300_000]), None);
    assert_eq!(write("hiberfil.sys", b""), None);
    assert_eq!(write("hiberfil.sys", &long(b"RSTR")), Some("ntfs-perhaps-hibernated".to_owned()));
    assert_eq!(write("hiberfil.sys", &long(b"\0\0\0\0\0")), Some("ntfs-perhaps-hibernated".into()));
    assert_eq!(write("hiberfil.sy", &long(b"hibr")), None);

    // It says more than the open log of the same volume.
    let image = filled();
    let mounted = Mounted::new(&image, "rw");
    std::fs::write(mounted.path().join("hiberfil.sys"), long(b"HIBR")).unwrap();
    drop(mounted);
    let kept = restart_page(11, (2, 0), 0, 0);
    write_log(&image, &kept, &kept);
    assert_eq!(doubt(&image), hibernated);
    assert_eq!(state(&image), Some(VolumeState::Hibernated));
}

#[test]
fn contradictions_are_doubts() {
    let image = made(16 * MIB, "-c 4096");
    let boot = read_boot_sector(&image, 0).unwrap().unwrap();
    let last = image.size() - 512;
    assert_eq!(boot.length, last);
    let sectors = last / 512;
    expect_doubt(&image, 40, &(sectors + 2).to_le_bytes(), "ntfs-past-end");
    expect_doubt(&image, 40, &(sectors - 64).to_le_bytes(), "ntfs-backup-differs");
    expect_doubt(&image, last + 48, &[99], "ntfs-backup-differs");
    expect_doubt(&image, 72, &[!image.read_vec(72, 1).unwrap()[0]], "ntfs-backup-differs");
    // Without a backup nothing contradicts, but the rest does.
    let backup = image.read_vec(last, 512).unwrap();
    image.write(last, &[0; 512]);
    assert_eq!(doubt(&image), None);
    expect_doubt(&image, 510, &[0], "ntfs-boot-sector");
    expect_doubt(&image, 64, &[0xF0], "ntfs-boot-sector");
    expect_doubt(&image, 64, &[0xF4], "ntfs-record-damaged");
    expect_doubt(&image, 48, &[200], "ntfs-record-damaged");
    expect_doubt(&image, 48, &u64::MAX.to_le_bytes(), "ntfs-boot-sector");
    expect_doubt(&image, 56, &[100], "ntfs-mirror-differs");
    expect_doubt(&image, 13, &[16], "ntfs-boot-sector");
    expect_doubt(&image, 13, &[4], "ntfs-record-damaged");
    image.write(last, &backup);

    let (first, _) = record_place(&image, table::MFT);
    expect_doubt(&image, first, b"BAAD", "ntfs-record-damaged");
    expect_doubt(&image, first + 510, &[0xEE], "ntfs-record-damaged");
    let (other, _) = record_place(&image, 11);
    expect_doubt(&image, other, b"BAAD", "ntfs-record-damaged");
    expect_doubt(&image, other, b"XXXX", "ntfs-record-damaged");
    let mirror = boot.mft_mirror_cluster * boot.cluster_size;
    expect_doubt(&image, mirror + 1024 + 200, &[0xEE], "ntfs-mirror-differs");
    // A cluster of the log, marked as free.
    let table = MasterFileTable::open(&image, boot, 100).unwrap();
    let (bitmap, _) = table.own_file(table::BITMAP).unwrap().runs().next().unwrap();
    let log = log_place(&image) / boot.cluster_size + 2;
    let at = bitmap * boot.cluster_size + log / 8;
    let byte = image.read_vec(at, 1).unwrap()[0];
    expect_doubt(&image, at, &[byte & !(1 << (log % 8))], "ntfs-cluster-free");
    // A bitmap that is shorter than the volume.
    let (record, length) = record_place(&image, table::BITMAP);
    let bytes = image.read_vec(record, length as usize).unwrap();
    let size = boot.clusters.div_ceil(64) * 8;
    let places: Vec<u64> = bytes
        .windows(8)
        .enumerate()
        .filter(|(at, word)| at % 8 == 0 && **word == size.to_le_bytes())
        .map(|(at, _)| record + at as u64)
        .collect();
    // Last of them how much of it was ever written.
    let initialized = *places.last().unwrap();
    expect_doubt(&image, initialized, &(size - 8).to_le_bytes(), "ntfs-bitmap-short");
}

#[test]
fn what_cannot_be_read_is_a_doubt() {
    let image = made(16 * MIB, "-L GONE");
    let broken = |at: u64| Broken { source: &image, unreadable: Extent::new(at, 1) };
    assert!(detect(&broken(100)).is_err());
    let volume = detect(&broken(record_place(&image, table::VOLUME).0)).unwrap().unwrap();
    assert_eq!(volume.label, None);
    for number in [table::MFT, table::VOLUME, table::BITMAP, 11] {
        let found = doubt(&broken(record_place(&image, number).0));
        assert_eq!(found.as_deref(), Some("filesystem-unreadable"), "{number}");
    }
    assert_eq!(doubt(&broken(log_place(&image))).as_deref(), Some("filesystem-unreadable"));
    // The backup of the boot sector is not needed.
    let without = broken(image.size() - 512);
    assert_eq!(certain(&without).signatures, [Extent::new(0, 512)]);
}
