//! Targets that used to be something else: nothing of it may be recognized afterwards.

use crate::source::{save, signatures, small};
use crate::support::command::{calco, has_tools, text, tool, tool_with_input};
use crate::support::disk;
use crate::support::loops::Loop;
use crate::support::{MIB, volume};
use std::fs;
use std::path::Path;

/// Makes a disk or volume of that many bytes a member of something.
type Maker = fn(&Path, u64);

fn put(path: &Path, offset: u64, bytes: &[u8]) {
    disk::write(path, offset, bytes);
}

/// A superblock of Linux md, metadata 1.x: `super_offset` in sectors of 512 bytes.
fn md1(path: &Path, offset: u64) {
    let mut block = vec![0u8; 4096];
    block[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
    block[4..8].copy_from_slice(&1u32.to_le_bytes());
    block[16..32].copy_from_slice(b"0123456789abcdef");
    block[32..38].copy_from_slice(b"host:0");
    block[92..96].copy_from_slice(&2u32.to_le_bytes());
    block[144..152].copy_from_slice(&(offset / 512).to_le_bytes());
    // The checksum: all 32-bit words of the 256 bytes and no roles, folded.
    let words =
        block[..256].chunks(4).map(|w| u64::from(u32::from_le_bytes(w.try_into().unwrap())));
    let sum: u64 = words.sum();
    let folded = (sum & 0xffff_ffff).wrapping_add(sum >> 32) as u32;
    block[216..220].copy_from_slice(&folded.to_le_bytes());
    put(path, offset, &block);
}

fn md_at_the_end(path: &Path, size: u64) {
    // 1.0: at least 8 KiB from the end, on a multiple of 4 KiB.
    md1(path, (size / 512 - 16) / 8 * 8 * 512);
}

fn md_near_the_start(path: &Path, _size: u64) {
    md1(path, 4096);
}

fn md_0_90(path: &Path, size: u64) {
    let mut block = vec![0u8; 4096];
    block[..4].copy_from_slice(&0xa92b_4efc_u32.to_le_bytes());
    block[8..12].copy_from_slice(&90u32.to_le_bytes());
    put(path, size / 65536 * 65536 - 65536, &block);
}

/// The uberblocks of all four ZFS labels.
fn zfs(path: &Path, size: u64) {
    let label = 256 << 10;
    let end = size / label * label;
    for start in [0, label, end - 2 * label, end - label] {
        for number in 0..128 {
            let mut block = [0u8; 1024];
            block[..8].copy_from_slice(&0x00ba_b10c_u64.to_le_bytes());
            block[8..16].copy_from_slice(&5000u64.to_le_bytes());
            put(path, start + (128 << 10) + number * 1024, &block);
        }
    }
}

fn btrfs(path: &Path, size: u64) {
    let alone = path.with_extension("btrfs");
    disk::blank(&alone, size.max(128 * MIB));
    tool("mkfs.btrfs", &["-q", "-f", "-M", text(&alone)]);
    // The superblock and its mirror.
    for offset in [64 << 10, 64 << 20].into_iter().filter(|offset| *offset < size) {
        put(path, offset, &disk::read(&alone, offset, 4096));
    }
    fs::remove_file(alone).unwrap();
}

fn ntfs(path: &Path, size: u64) {
    let alone = path.with_extension("ntfs");
    disk::blank(&alone, size);
    tool("mkfs.ntfs", &["-q", "-F", "-f", text(&alone)]);
    disk::embed(&alone, path, 0);
    fs::remove_file(alone).unwrap();
}

/// The second header of LUKS2 where a large first one puts it.
fn luks2(path: &Path, _size: u64) {
    for offset in [0x4000, 0x10_0000, 0x20_0000, 0x40_0000u64] {
        let mut header = vec![0u8; 4096];
        header[..6].copy_from_slice(b"SKUL\xba\xbe");
        header[6..8].copy_from_slice(&2u16.to_be_bytes());
        header[8..16].copy_from_slice(&offset.to_be_bytes());
        header[168..204].copy_from_slice(b"01234567-89ab-cdef-0123-456789abcdef");
        header[256..264].copy_from_slice(&offset.to_be_bytes());
        put(path, offset, &header);
    }
}

fn vmfs(path: &Path, _size: u64) {
    put(path, 1 << 20, &[0x0d, 0xd0, 0x01, 0xc0]);
    put(path, 2 << 20, &[0x5e, 0xf1, 0xab, 0x2f]);
}

fn gpt(path: &Path, _size: u64) {
    disk::sfdisk(path, "label: gpt\nsize=1MiB\nsize=1MiB\nsize=1MiB\nsize=1MiB\n");
}

fn lvm(path: &Path, size: u64) {
    let alone = path.with_extension("lvm");
    disk::blank(&alone, size);
    if let Some(device) = Loop::attach(&alone, 512) {
        let config = format!("devices {{ filter=[\"a|{}|\",\"r|.*|\"] }}", device.text());
        let words = ["--config", &config, "-ff", "-y", "--metadatacopies", "2", device.text()];
        tool("pvcreate", &words);
        drop(device);
        disk::embed(&alone, path, 0);
    }
    fs::remove_file(alone).unwrap();
}

#[test]
fn nothing_old_is_recognized_on_former_members() {
    let tools = ["wipefs", "sfdisk", "sgdisk", "mkfs.btrfs", "mkfs.ntfs", "pvcreate", "mcopy"];
    if !has_tools(&tools) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = small(folder.path());
    let image = save(&[text(&source.path)], &folder.path().join("store"), "disk");
    // What wipefs calls them, where it looks for them.
    let makers: [(&str, Maker); 11] = [
        ("linux_raid_member", md_at_the_end),
        ("linux_raid_member", md_near_the_start),
        ("linux_raid_member", md_0_90),
        ("zfs_member", zfs),
        ("btrfs", btrfs),
        ("ntfs", ntfs),
        ("crypto_LUKS", luks2),
        ("VMFS_volume_member", vmfs),
        ("VMFS", vmfs),
        ("gpt", gpt),
        ("LVM2_member", lvm),
    ];
    let slot = &source.slots[0];
    // The last one is larger: what is old at its end lies behind the image.
    for (number, (kind, maker)) in makers.into_iter().enumerate() {
        if kind == "LVM2_member" && !crate::support::command::is_root() {
            crate::support::command::skipped("LVM needs root");
            continue;
        }
        let size = source.size + if number % 2 == 1 { 5 * MIB } else { 0 };
        let target = folder.path().join("target.img");
        // The disk was a member and so were two partitions, one of them now almost all free.
        disk::blank(&target, size);
        maker(&target, size);
        assert!(signatures(&target).iter().any(|(found, _)| found == kind), "{kind} not made");
        for slot in [&source.slots[0], &source.slots[3]] {
            let volume = folder.path().join("volume.img");
            disk::blank(&volume, slot.bytes());
            maker(&volume, slot.bytes());
            disk::embed(&volume, &target, slot.offset());
            fs::remove_file(volume).unwrap();
        }

        let words = ["restore", &image, "--to", text(&target), "--yes", "--no-precheck"];
        calco(&words).expect(0);
        let kinds = |path: &Path| -> Vec<String> {
            signatures(path).into_iter().map(|(kind, _)| kind).collect()
        };
        assert_eq!(kinds(&target), kinds(&source.path), "after {kind} of {size} bytes");
        for slot in &source.slots {
            let (old, new) = (folder.path().join("old"), folder.path().join("new"));
            disk::extract(&source.path, slot.offset(), slot.bytes(), &old);
            disk::extract(&target, slot.offset(), slot.bytes(), &new);
            assert_eq!(signatures(&new), signatures(&old), "{} after {kind}", slot.number);
        }
        // btrfs repairs its first superblock from the mirror, which wipefs does not look for.
        for start in [0, slot.offset()] {
            let mirror = disk::read(&target, start + (64 << 20) + 64, 8);
            assert_ne!(mirror, b"_BHRfS_M", "the mirror of btrfs is left");
        }
        let table = tool("sfdisk", &["--json", text(&target)]);
        assert_eq!(table.matches("\"node\"").count(), 4, "{table}");
        tool_with_input("sgdisk", &["--verify", text(&target)], "");
        let ext = folder.path().join("ext");
        disk::extract(&target, slot.offset(), slot.bytes(), &ext);
        volume::assert_ext_clean(&ext);
    }
}
