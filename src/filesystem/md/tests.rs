//! Superblocks are written from the published description, and judged by `mdadm --examine`.

use crate::block::BlockSource;
use crate::filesystem::testing::{Garbage, Image};
use crate::filesystem::{Budget, Reading, VolumeKind, read};
use crate::text::Language;
use crate::units::{KIB, MIB};

const SIZE: u64 = 40 * MIB;
const CONTENT: u64 = 36 * MIB;

#[derive(Clone, Copy)]
struct Header {
    version: &'static str,
    level: i32,
    members: u32,
    role: u32,
    events: u64,
    clean: bool,
}

const MIRROR: Header =
    Header { version: "1.2", level: 1, members: 2, role: 0, events: 17, clean: true };

impl Header {
    /// Where the content begins, and where the superblock is, in bytes.
    fn places(self) -> (u64, u64) {
        match self.version {
            "0.90" => (0, SIZE - 64 * KIB),
            "1.0" => (0, SIZE - 8 * KIB),
            "1.1" => (MIB, 0),
            _ => (MIB, 4 * KIB),
        }
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let mut put = |at: usize, value: u64, length: usize| {
            bytes[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
        };
        put(0, 0xA92B_4EFC, 4);
        let (data, place) = self.places();
        if self.version == "0.90" {
            let mut word = |index: usize, value: u64| put(index * 4, value, 4);
            word(2, 90);
            for index in [5, 13, 14, 15] {
                word(index, (0x0123_4567 * index as u64) & 0xFFFF_FFFF);
            }
            word(7, self.level as u32 as u64);
            word(8, CONTENT / KIB);
            for index in [9, 10, 34, 35] {
                word(index, self.members.into());
            }
            word(33, self.clean.into());
            word(39, self.events);
            for disk in 0..=self.members {
                let (at, role) = match disk == self.members {
                    true => (992, self.role),
                    false => (128 + 32 * disk as usize, disk),
                };
                for (index, value) in [(0, role), (1, 7), (3, role), (4, 6)] {
                    word(at + index, value.into());
                }
            }
        } else {
            put(4, 1, 4);
            put(72, self.level as u32 as u64, 4);
            put(80, if self.level == 1 { CONTENT / 512 } else { 0 }, 8);
            put(92, self.members.into(), 4);
            put(128, data / 512, 8);
            put(136, CONTENT / 512, 8);
            put(144, place / 512, 8);
            put(160, self.role.into(), 4);
            put(200, self.events, 8);
            put(208, if self.clean { u64::MAX } else { 0 }, 8);
            put(220, self.members.into(), 4);
            for role in 0..self.members {
                put(256 + 2 * role as usize, role.into(), 2);
            }
            bytes[16..32].copy_from_slice(b"0123456789abcdef");
            bytes[32..38].copy_from_slice(b"host:0");
            bytes[168..184].copy_from_slice(b"fedcba987654321!");
            bytes[183] = self.role as u8;
        }
        let (length, at) = match self.version {
            "0.90" => (4096, 38 * 4),
            _ => (256 + 2 * self.members as usize, 216),
        };
        let words = bytes[..length].chunks_exact(4);
        let sum: u64 =
            words.map(|word| u64::from(u32::from_le_bytes(word.try_into().unwrap()))).sum();
        let sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes()[..4]);
        bytes
    }

    fn member(self, content: &Image, from: u64) -> Image {
        let image = Image::new(SIZE);
        let (data, place) = self.places();
        let length = CONTENT.min(content.size() - from);
        image.write(data, &content.read_vec(from, length as usize).unwrap());
        image.write(place, &self.bytes());
        assert!(image.run("mdadm --examine").contains("- correct"), "{}", self.version);
        image
    }
}

fn readings(images: &[&Image]) -> Vec<Reading> {
    let sources: Vec<&dyn BlockSource> = images.iter().map(|image| *image as _).collect();
    read(&sources, Budget::default())
}

fn doubt_of(images: &[&Image]) -> String {
    readings(images)[0].used.as_ref().unwrap_err().id().to_owned()
}

fn content_of(member: &Image, header: Header, length: u64) -> Image {
    let content = Image::new(length);
    content.write(0, &member.read_vec(header.places().0, length as usize).unwrap());
    content
}

#[test]
fn mirrors_of_every_version_are_read_through() {
    let content = Image::made_by(CONTENT, "mkfs.ext4 -q -F");
    for version in ["0.90", "1.0", "1.1", "1.2"] {
        let header = Header { version, ..MIRROR };
        let members = [0, 1].map(|role| Header { role, ..header }.member(&content, 0));
        // Both, and one alone.
        for images in [vec![&members[0], &members[1]], vec![&members[1]]] {
            for (image, reading) in images.iter().zip(readings(&images)) {
                assert_eq!(reading.volume.kind, VolumeKind::LinuxRaid);
                let title = reading.volume.title().in_language(Language::English);
                assert_eq!(title, "Member of a Linux RAID array (RAID 1): ext4");
                let used = reading.used.unwrap_or_else(|doubt| panic!("{version}: {doubt}"));
                assert!(used.extents.total_bytes() < 16 * MIB, "{}", used.extents.total_bytes());
                assert!(used.signatures.iter().all(|place| used.extents.contains(*place)));
                let restored = image.restored(&used);
                content_of(&restored, header, CONTENT).run("e2fsck -f -n");
                let examined = |image: &Image| {
                    let text = image.run("mdadm --examine");
                    text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
                };
                assert_eq!(examined(&restored), examined(image));
            }
        }
    }
}

#[test]
fn a_volume_group_on_a_mirror_is_read_through_both() {
    let physical = Image::new(CONTENT);
    let device = physical.run("losetup --find --show").trim().to_owned();
    let config = format!(
        "devices{{use_devicesfile=0 scan=[\"/dev\"] filter=[\"a|^{device}$|\",\"r|.*|\"]}} \
         backup{{backup=0 archive=0}} activation{{udev_sync=0 udev_rules=0}}"
    );
    for command in [
        format!("pvcreate -qq {device}"),
        format!("vgcreate -qq -s 1M inner {device}"),
        "lvcreate -qq -an -Zn -Wn -l 20 -n root inner".to_owned(),
    ] {
        let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        words.extend(["--driverloaded", "n", "--config", &config].map(str::to_owned));
        crate::filesystem::testing::run(&words);
    }
    crate::filesystem::testing::run(&["losetup", "--detach", &device].map(str::to_owned));
    let root = Image::made_by(20 * MIB, "mkfs.ext4 -q -F");
    physical.write(MIB, &root.read_vec(0, 20 * MIB as usize).unwrap());
    for version in ["0.90", "1.0", "1.2"] {
        let header = Header { version, ..MIRROR };
        let members = [0, 1].map(|role| Header { role, ..header }.member(&physical, 0));
        for (image, reading) in members.iter().zip(readings(&[&members[0], &members[1]])) {
            let title = reading.volume.title().in_language(Language::English);
            assert!(title.contains("“inner” with 1 volume: root (ext4)"), "{title}");
            let used = reading.used.unwrap_or_else(|doubt| panic!("{version}: {doubt}"));
            assert!(used.extents.total_bytes() < 16 * MIB);
            let restored = image.restored(&used);
            let restored = content_of(&restored, header, CONTENT);
            let inner = Image::new(20 * MIB);
            inner.write(0, &restored.read_vec(MIB, 20 * MIB as usize).unwrap());
            inner.run("e2fsck -f -n");
        }
    }
}

#[test]
fn linear_arrays_need_all_members() {
    let content = Image::made_by(2 * CONTENT, "mkfs.ext4 -q -F");
    let header = Header { level: -1, ..MIRROR };
    let members =
        [0, 1].map(|role| Header { role, ..header }.member(&content, u64::from(role) * CONTENT));
    let restored: Vec<Image> = readings(&[&members[1], &members[0]])
        .iter()
        .zip([&members[1], &members[0]])
        .map(|(reading, image)| image.restored(reading.used.as_ref().unwrap()))
        .collect();
    let whole = Image::new(2 * CONTENT);
    for (number, member) in restored.iter().rev().enumerate() {
        let part = content_of(member, header, CONTENT).read_vec(0, CONTENT as usize).unwrap();
        whole.write(number as u64 * CONTENT, &part);
    }
    whole.run("e2fsck -f -n");
    assert_eq!(doubt_of(&[&members[0]]), "md-members-missing");
}

/// A hot spare, as `mdadm --create --spare-devices` leaves it: it may be behind, and holds nothing.
#[test]
fn a_spare_is_whole_and_the_others_are_not() {
    let content = Image::made_by(CONTENT, "mkfs.ext4 -q -F");
    let members = [0, 1].map(|role| Header { role, ..MIRROR }.member(&content, 0));
    let spare = Header { events: 16, ..MIRROR }.member(&content, 0);
    let mut bytes = Header { events: 16, ..MIRROR }.bytes();
    bytes[256..258].copy_from_slice(&[0xFF, 0xFF]);
    let sum = u32::from_le_bytes(bytes[216..220].try_into().unwrap()) + 0xFFFF;
    bytes[216..220].copy_from_slice(&sum.to_le_bytes());
    spare.write(4 * KIB, &bytes);
    let answers = readings(&[&spare, &members[0], &members[1]]);
    assert_eq!(answers[0].used.as_ref().unwrap_err().id(), "md-spare");
    for answer in &answers[1..] {
        let used = answer.used.as_ref().unwrap_or_else(|doubt| panic!("{doubt}"));
        assert!(used.extents.total_bytes() < 16 * MIB);
    }
    assert_eq!(doubt_of(&[&spare]), "md-spare");
}

#[test]
fn what_is_not_certain_is_saved_whole() {
    let content = Image::made_by(CONTENT, "mkfs.ext4 -q -F");
    let member = |header: Header| header.member(&content, 0);
    for version in ["0.90", "1.0", "1.1", "1.2"] {
        let header = Header { version, ..MIRROR };
        assert_eq!(doubt_of(&[&member(Header { clean: false, ..header })]), "md-not-in-sync");
        assert_eq!(doubt_of(&[&member(Header { level: 5, ..header })]), "md-level");
        let other = member(Header { role: 1, events: 18, ..header });
        assert_eq!(doubt_of(&[&member(header), &other]), "md-members-differ");
        let damaged = member(header);
        damaged.write(header.places().1 + 100, &[1]);
        assert_eq!(doubt_of(&[&damaged]), "md-damaged");
    }
    // Content of which nothing is known.
    let unknown = Image::new(CONTENT);
    unknown.write(0, &Garbage::new(5).bytes(MIB as usize));
    assert_eq!(doubt_of(&[&MIRROR.member(&unknown, 0)]), "layer-inside");
}
