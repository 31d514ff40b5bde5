//! Whole disks: saved, verified, restored onto garbage, onto larger and smaller ones.

use crate::source::{self, Content, Slot, SourceDisk, Table, save, small};
use crate::support::command::{calco, has_tools, text, tool};
use crate::support::loops::{Loop, Mount};
use crate::support::{MIB, disk, tree, volume};
use std::fs;
use std::path::Path;

const TOOLS: [&str; 10] = [
    "mke2fs", "debugfs", "e2fsck", "mkfs.fat", "fsck.fat", "mcopy", "mkswap", "sfdisk", "sgdisk",
    "wipefs",
];

/// Megabytes of files in the volumes of a disk.
struct Amount {
    ext4: u64,
    ext2: u64,
    fat: u64,
}

/// More than 600 MB of files, as on a small system.
const LARGE: &Amount = &Amount { ext4: 500, ext2: 60, fat: 60 };

/// `LARGE` when everything is tested (`./build.sh test --full`), else what shows the same sooner.
fn amount() -> &'static Amount {
    const SMALL: &Amount = &Amount { ext4: 60, ext2: 30, fat: 20 };
    if std::env::var_os("CALCO_TEST_FULL").is_some() { LARGE } else { SMALL }
}

/// ext4, ext2, FAT32 and swap with real files, and something unknown; `first` is the first
/// mebibyte, `numbers` those of the partitions.
fn slots(folder: &Path, first: u64, numbers: [u32; 5], amount: &Amount, fat: &[&str]) -> Vec<Slot> {
    let files = |name: &str, megabytes: u64, unix: bool| {
        let files = folder.join(name);
        fs::create_dir(&files).unwrap();
        tree::fill_with_oddities(&files, megabytes, megabytes * 250_000, unix);
        tree::fill_from_machine(&files.join("machine"), megabytes * 750_000, unix);
        files
    };
    // Room for the small files of a real tree, whose last blocks are not full.
    let room = |megabytes: u64| megabytes * 3 / 2 + 32;
    let trees = [
        files("1", amount.ext4, true),
        files("2", amount.ext2, true),
        files("3", amount.fat, false),
    ];
    let fat_length = room(amount.fat).max(if fat.contains(&"4096") { 300 } else { 48 });
    let lengths = [fat_length, room(amount.ext4), room(amount.ext2), 16, 3];
    let path = |name: &str| folder.join(name);
    let ext4 = ["-t", "ext4", "-b", "4096", "-L", "raíz"];
    let contents = [
        Content::Fat(volume::fat(&path("fat"), lengths[0] * MIB, fat, &trees[2])),
        Content::Ext(volume::ext(&path("ext4"), lengths[1] * MIB, &ext4, &trees[0])),
        Content::Ext(volume::ext(&path("ext2"), lengths[2] * MIB, &["-t", "ext2"], &trees[1])),
        source::swap(&path("swap"), lengths[3]),
        Content::Unknown,
    ];
    for tree in trees {
        fs::remove_dir_all(tree).unwrap();
    }
    let mut start = first;
    let mut slots = Vec::new();
    for ((number, length), content) in numbers.into_iter().zip(lengths).zip(contents) {
        slots.push(Slot { number, start, length, content });
        // Between logical partitions there must be room for the next EBR.
        start += length + 1;
    }
    slots
}

fn end_of(slots: &[Slot]) -> u64 {
    slots.last().map_or(0, |slot| slot.start + slot.length)
}

#[test]
fn a_gpt_disk_comes_back() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut slots =
        slots(folder.path(), 2, [2, 3, 4, 5, 6], LARGE, &["-F", "32", "-s", "1", "-n", "ESP"]);
    slots.insert(0, Slot { number: 1, start: 1, length: 1, content: Content::Unknown });
    let bios_boot = "21686148-6449-6E6F-744E-656564454649";
    let table = Table::Sfdisk("gpt", &[bios_boot, "U", "L", "L", "S", "L"]);
    let disk = source::make(&folder.path().join("disk.img"), end_of(&slots) + 40, table, slots);
    disk.assert_round_trip(folder.path());
}

#[test]
fn an_mbr_disk_with_logical_partitions_comes_back() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let slots = slots(folder.path(), 1, [1, 5, 6, 7, 8], amount(), &["-F", "32", "-s", "1"]);
    let table = Table::Sfdisk("dos", &["c", "83", "83", "82", "da"]);
    let disk = source::make(&folder.path().join("disk.img"), end_of(&slots) + 30, table, slots);
    disk.assert_round_trip(folder.path());
}

fn disk_of_4096_byte_sectors(folder: &Path) -> SourceDisk {
    let fat = ["-F", "32", "-S", "4096", "-s", "1"];
    let slots = slots(folder, 1, [1, 2, 3, 4, 5], amount(), &fat);
    source::make(&folder.join("disk.img"), end_of(&slots) + 30, Table::Gpt4096, slots)
}

#[test]
fn a_gpt_disk_of_4096_byte_sectors_comes_back() {
    if !has_tools(&TOOLS) || !has_tools(&["fdisk"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = disk_of_4096_byte_sectors(folder.path());
    disk.assert_round_trip(folder.path());

    // And from a device that has such sectors to another one.
    let Some(from) = Loop::attach(&disk.path, 4096) else { return };
    let image = save(&[from.text()], &folder.path().join("store"), "device");
    let map = source::maps(from.text());
    assert_eq!(map, source::maps(&image));
    let file = folder.path().join("device.img");
    disk::garbage(&file, disk.size, 9);
    let to = Loop::attach(&file, 4096).unwrap();
    calco(&["restore", &image, "--to", to.text(), "--yes"]).expect(0);
    let table = |device: &Loop| {
        let dump = tool("sfdisk", &["--dump", device.text()]);
        dump.replace(device.text(), "DISK")
    };
    assert_eq!(table(&to), table(&from));
    drop(to);
    disk.assert_outside_same(&file);
    disk.assert_used_same(&map[0], &file);
    disk.assert_volumes(&file);

    // A disk of other sectors is refused before anything is written.
    let Some(other) = Loop::attach(&file, 512) else { return };
    disk::write(&file, 0, &[0xaa; 4096]);
    let before = tree::nodes(folder.path())["device.img"].clone();
    calco(&["restore", &image, "--to", other.text(), "--yes"]).expect(5);
    drop(other);
    assert_eq!(tree::nodes(folder.path())["device.img"], before);
}

#[test]
fn a_larger_disk_takes_the_image_and_a_smaller_one_is_refused() {
    if !has_tools(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = small(folder.path());
    let image = disk.assert_round_trip(folder.path());

    let larger = folder.path().join("larger.img");
    disk::garbage(&larger, disk.size + 37 * MIB + 512, 6);
    calco(&["restore", &image, "--to", text(&larger), "--yes"]).expect(0);
    disk.assert_volumes(&larger);
    let verdict = tool("sgdisk", &["--verify", text(&larger)]);
    assert!(verdict.contains("No problems found"), "{verdict}");
    assert_eq!(tool("sfdisk", &["--json", text(&larger)]).matches("\"node\"").count(), 4);
    disk::assert_same("boot code", &disk.path, &larger, 0, 440);

    let smaller = folder.path().join("smaller.img");
    disk::garbage(&smaller, disk.size - 8 * MIB, 7);
    let untouched = folder.path().join("untouched.img");
    fs::copy(&smaller, &untouched).unwrap();
    let run = calco(&["restore", &image, "--to", text(&smaller), "--yes"]).expect(5);
    assert!(run.stderr.contains("8.00 MiB"), "it does not say by how much:\n{}", run.stderr);
    disk::assert_same("a refused target", &untouched, &smaller, 0, disk.size - 8 * MIB);
}

/// As Windows lays out a disk: NTFS for the system, exFAT for data.
#[test]
fn a_disk_with_ntfs_and_exfat_comes_back() {
    let tools = ["mkntfs", "ntfs-3g", "ntfsfix", "mkfs.exfat", "fsck.exfat", "mount.exfat-fuse"];
    if !has_tools(&tools) || !has_tools(&["sfdisk", "wipefs"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 12, 2_000_000, false);
    let path = |name: &str| folder.path().join(name);
    let Some(ntfs) = volume::ntfs(&path("ntfs"), 64 * MIB, &["-L", "Windows"], &files) else {
        return;
    };
    let Some(exfat) = volume::exfat(&path("exfat"), 48 * MIB, &["-L", "data"], &files) else {
        return;
    };
    let slot = |number, start, length, content| Slot { number, start, length, content };
    let slots = vec![
        slot(1, 1, 1, Content::Unknown),
        slot(2, 2, 64, Content::Ntfs(ntfs)),
        slot(3, 66, 48, Content::Exfat(exfat)),
    ];
    let reserved = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE";
    let data = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7";
    let table = Table::Sfdisk("gpt", &[reserved, data, data]);
    let disk = source::make(&path("disk.img"), 130, table, slots);
    let image = disk.assert_round_trip(folder.path());
    let shown = calco(&["show", &image]).expect(0).stdout;
    assert!(shown.contains("NTFS (Windows)"), "{shown}");

    // The same disk after a shutdown with fast startup.
    let volume = path("volume");
    disk::extract(&disk.path, 2 * MIB, 64 * MIB, &volume);
    let mount = Mount::by_driver("ntfs-3g", "rw", &volume, &path("mounted")).unwrap();
    fs::write(mount.path().join("hiberfil.sys"), b"HIBR and what follows").unwrap();
    drop(mount);
    disk::embed(&volume, &disk.path, 2 * MIB);
    let image = save(&[text(&disk.path)], &path("store"), "hibernated");
    let shown = calco(&["show", &image]).expect(0).stdout;
    assert!(shown.contains("NTFS (Windows, hibernated)"), "{shown}");
    assert!(shown.contains("fast startup"), "{shown}");
    let target = path("target");
    disk::garbage(&target, disk.size, 9);
    calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
    disk::assert_same("the whole volume", &disk.path, &target, 2 * MIB, 64 * MIB);
}
