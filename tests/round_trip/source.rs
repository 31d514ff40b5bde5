//! Disks to be saved, and what must be true of a disk that was restored from their image.

use crate::support::command::{calco, text, tool, tool_with_input};
use crate::support::disk::{self, Noise};
use crate::support::volume::{self, Volume};
use crate::support::{MIB, tree};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a partition holds.
pub(crate) enum Content {
    Ext(Volume),
    Fat(Volume),
    Xfs(Volume),
    Btrfs(Volume),
    Ntfs(Volume),
    Exfat(Volume),
    Swap(PathBuf),
    /// Nothing that is recognized.
    Unknown,
}

/// A partition and what is in it; place and length in mebibytes.
pub(crate) struct Slot {
    pub(crate) number: u32,
    pub(crate) start: u64,
    pub(crate) length: u64,
    pub(crate) content: Content,
}

impl Slot {
    pub(crate) fn offset(&self) -> u64 {
        self.start * MIB
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.length * MIB
    }
}

/// A disk in a plain file. Whatever is not part of a table or volume is garbage.
pub(crate) struct SourceDisk {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) slots: Vec<Slot>,
}

/// Which table a disk has.
pub(crate) enum Table<'a> {
    /// sfdisk's script: label and type of each slot, in order.
    Sfdisk(&'a str, &'a [&'a str]),
    /// A GPT counted in sectors of 4096 bytes, in a file, which only fdisk can make.
    Gpt4096,
}

/// Makes a disk of `size` mebibytes.
pub(crate) fn make(path: &Path, size: u64, table: Table<'_>, slots: Vec<Slot>) -> SourceDisk {
    disk::garbage(path, size * MIB, 1);
    match table {
        Table::Sfdisk(label, types) => {
            let mut script = format!("label: {label}\n");
            let end = slots.last().map_or(0, |slot| slot.start + slot.length);
            for (slot, kind) in slots.iter().zip(types) {
                if label == "dos" && slot.number == 5 {
                    let start = slot.start - 1;
                    script += &format!("2: start={start}MiB, size={}MiB, type=5\n", end - start);
                }
                let Slot { number, start, length, .. } = slot;
                script += &format!("{number}: start={start}MiB, size={length}MiB, type={kind}\n");
            }
            disk::sfdisk(path, &script);
        }
        Table::Gpt4096 => {
            let mut keys = "g\n".to_owned();
            for Slot { number, start, length, .. } in &slots {
                let last = (start + length) * 256 - 1;
                keys += &format!("n\n{number}\n{}\n{last}\n", start * 256);
            }
            keys += "w\n";
            tool_with_input("fdisk", &["--sector-size", "4096", text(path)], &keys);
        }
    }
    // Boot code: everything before the serial number of the disk.
    disk::write(path, 0, &Noise::new(77).bytes(440));
    for slot in &slots {
        match &slot.content {
            Content::Ext(volume)
            | Content::Fat(volume)
            | Content::Xfs(volume)
            | Content::Btrfs(volume)
            | Content::Ntfs(volume)
            | Content::Exfat(volume) => {
                disk::embed(&volume.path, path, slot.offset());
            }
            Content::Swap(area) => disk::embed(area, path, slot.offset()),
            Content::Unknown => {}
        }
    }
    SourceDisk { path: path.to_owned(), size: size * MIB, slots }
}

/// A swap area of `length` mebibytes over garbage.
pub(crate) fn swap(path: &Path, length: u64) -> Content {
    disk::garbage(path, length * MIB, 5);
    tool("mkswap", &["--label", "swapped", text(path)]);
    Content::Swap(path.to_owned())
}

/// A disk of 128 MiB with a GPT: ext4, FAT16, something unknown, swap.
pub(crate) fn small(folder: &Path) -> SourceDisk {
    let files = folder.join("small-files");
    fs::create_dir(&files).unwrap();
    tree::fill_with_oddities(&files, 3, 400_000, false);
    let ext =
        volume::ext(&folder.join("small-ext4"), 80 * MIB, &["-t", "ext4", "-b", "4096"], &files);
    let fat = volume::fat(&folder.join("small-fat"), 16 * MIB, &["-F", "16"], &files);
    let slot = |number, start, length, content| Slot { number, start, length, content };
    let slots = vec![
        slot(1, 1, 80, Content::Ext(ext)),
        slot(2, 81, 16, Content::Fat(fat)),
        slot(3, 98, 2, Content::Unknown),
        slot(4, 100, 8, swap(&folder.join("small-swap"), 8)),
    ];
    make(&folder.join("small.img"), 128, Table::Sfdisk("gpt", &["L", "U", "L", "S"]), slots)
}

/// Saves disks or volumes that are plain files or devices into `store`.
#[track_caller]
pub(crate) fn save(sources: &[&str], store: &Path, name: &str) -> String {
    fs::create_dir_all(store).unwrap();
    let mut words = vec!["save"];
    words.extend(sources);
    words.extend(["--to", text(store), "--name", name]);
    calco(&words).expect(0);
    format!("{}/{name}", store.display())
}

/// The used-extent maps of a disk or of the disks in an image, without their names and words.
#[track_caller]
pub(crate) fn maps(word: &str) -> Vec<Value> {
    let document = calco(&["map", word, "--json"]).expect(0).json();
    let mut disks = document["disks"].as_array().unwrap().clone();
    for disk in &mut disks {
        disk["name"] = Value::Null;
        disk["notes"] = Value::Null;
        assert!(!disk["extents"].as_array().unwrap().is_empty());
        for volume in disk["volumes"].as_array_mut().unwrap() {
            volume["note"] = Value::Null;
        }
    }
    disks
}

/// Fails with the first volume in which two maps of a disk differ.
#[track_caller]
pub(crate) fn assert_same_map(one: &Value, other: &Value) {
    let volumes = |map: &Value| map["volumes"].as_array().unwrap().clone();
    for (one, other) in volumes(one).iter().zip(&volumes(other)) {
        let used = |volume: &Value| volume["used_bytes"].as_u64().unwrap();
        assert_eq!(used(one), used(other), "used bytes of partition {}", one["partition"]);
        assert!(one == other, "the maps of partition {} differ", one["partition"]);
    }
    assert!(one == other, "the maps of the disk differ");
}

/// The used extents of a map, in bytes.
pub(crate) fn extents(map: &Value) -> Vec<(u64, u64)> {
    let pair = |extent: &Value| (extent[0].as_u64().unwrap(), extent[1].as_u64().unwrap());
    map["extents"].as_array().unwrap().iter().map(pair).collect()
}

/// Every signature that wipefs finds on a disk or volume: its kind and its place.
pub(crate) fn signatures(path: &Path) -> BTreeSet<(String, String)> {
    let answer = tool("wipefs", &["--no-act", "--parsable", "--output", "TYPE,OFFSET", text(path)]);
    let lines = answer.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(','))
        .map(|(kind, offset)| (kind.to_owned(), offset.to_owned()))
        .collect()
}

impl SourceDisk {
    /// A byte outside of every partition and near enough to one to be kept is as it was; so is
    /// the table.
    #[track_caller]
    pub(crate) fn assert_outside_same(&self, target: &Path) {
        let mut end = 0;
        for slot in &self.slots {
            let gap = slot.offset() - end;
            disk::assert_same("boot code, table or gap", &self.path, target, end, gap);
            end = slot.offset() + slot.bytes();
        }
        let tail = self.size - MIB;
        assert!(end <= tail);
        disk::assert_same("the end of the disk", &self.path, target, tail, MIB);
    }

    /// Every volume on the target is clean and holds what it held.
    #[track_caller]
    pub(crate) fn assert_volumes(&self, target: &Path) {
        for slot in &self.slots {
            self.assert_volume(slot, target, slot.offset());
        }
    }

    /// The volume of a slot, restored to `offset` of the target, is clean and holds what it held.
    #[track_caller]
    pub(crate) fn assert_volume(&self, slot: &Slot, target: &Path, offset: u64) {
        let folder = target.parent().unwrap();
        let restored = folder.join(format!("restored-{}", slot.number));
        let original = folder.join(format!("original-{}", slot.number));
        disk::extract(target, offset, slot.bytes(), &restored);
        disk::extract(&self.path, slot.offset(), slot.bytes(), &original);
        match &slot.content {
            Content::Ext(volume) => {
                volume::assert_ext(&restored, &volume.files);
                if volume.files.contains_key("zeros.bin") {
                    for (at, length) in volume::extents_of(&volume.path, "zeros.bin") {
                        let found = disk::read(target, offset + at, length);
                        assert!(found.iter().all(|byte| *byte == 0), "zeros at {at} are not");
                    }
                }
            }
            Content::Fat(volume) => volume::assert_fat(&restored, &volume.files),
            Content::Xfs(volume) => volume::assert_xfs(&restored, &volume.files),
            Content::Btrfs(volume) => volume::assert_btrfs(&[&restored], &volume.files),
            Content::Ntfs(volume) => volume::assert_ntfs(&restored, &volume.files),
            Content::Exfat(volume) => volume::assert_exfat(&restored, &volume.files),
            Content::Swap(area) => disk::assert_same("swap header", area, &restored, 0, 4096),
            Content::Unknown => {
                disk::assert_same("unknown", &original, &restored, 0, slot.bytes());
            }
        }
        assert_eq!(signatures(&restored), signatures(&original), "partition {}", slot.number);
        fs::remove_file(restored).unwrap();
        fs::remove_file(original).unwrap();
    }

    /// Every byte in use is as it was.
    #[track_caller]
    pub(crate) fn assert_used_same(&self, map: &Value, target: &Path) {
        for (offset, length) in extents(map) {
            disk::assert_same("a used extent", &self.path, target, offset, length);
        }
    }

    /// Save, verify, restore onto garbage, and everything that must be true then. Answers the
    /// image.
    #[track_caller]
    pub(crate) fn assert_round_trip(&self, folder: &Path) -> String {
        let image = save(&[text(&self.path)], &folder.join("store"), "disk");
        calco(&["verify", &image]).expect(0);
        let map = maps(text(&self.path));
        assert_same_map(&map[0], &maps(&image)[0]);
        // Garbage in free space costs nothing.
        assert!(map[0]["used_bytes"].as_u64().unwrap() < self.size - 8 * MIB);

        let target = folder.join("target.img");
        disk::garbage(&target, self.size, 2);
        calco(&["restore", &image, "--to", text(&target), "--yes"]).expect(0);
        self.assert_outside_same(&target);
        self.assert_used_same(&map[0], &target);
        self.assert_volumes(&target);
        assert_eq!(signatures(&target), signatures(&self.path));
        assert_same_map(&maps(text(&target))[0], &map[0]);
        fs::remove_file(target).unwrap();
        image
    }
}
