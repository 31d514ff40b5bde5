use crate::block::BlockSource;
use crate::filesystem::testing::{Image, run};
use crate::filesystem::{Budget, Reading, Used, VolumeKind, read};
use crate::text::Language;
use crate::units::{Extent, MIB};

const EXTENT: u64 = MIB;
const FIRST: u64 = MIB;

/// Loop devices for images, gone with it.
struct Loops(Vec<String>);

impl Loops {
    fn of(images: &[&Image]) -> Self {
        let attach = |image: &&Image| image.run("losetup --find --show").trim().to_owned();
        Self(images.iter().map(attach).collect())
    }

    /// Runs a program of LVM2 that sees only these devices and no device mapper.
    fn lvm(&self, command: &str) -> String {
        let accepted: String = self.0.iter().map(|path| format!("\"a|^{path}$|\",")).collect();
        let config = format!(
            "devices{{use_devicesfile=0 scan=[\"/dev\"] filter=[{accepted}\"r|.*|\"]}} \
             activation{{udev_sync=0 udev_rules=0}} backup{{backup=0 archive=0}} \
             global{{use_lvmpolld=0 event_activation=0}}"
        );
        let mut words: Vec<String> = command
            .split_whitespace()
            .map(|word| word.replace("{0}", &self.0[0]).replace("{1}", self.0.last().unwrap()))
            .collect();
        words.extend(["--driverloaded", "n", "--config", &config].map(str::to_owned));
        run(&words)
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        for device in &self.0 {
            run(&["losetup", "--detach", device].map(str::to_owned));
        }
    }
}

/// A piece of a logical volume as `lvs` tells it: type, length, stripe size, (volume, first, last)
/// of each stripe.
struct Piece {
    name: String,
    length: u64,
    stripe: u64,
    ranges: Vec<(usize, u64)>,
}

fn pieces(loops: &Loops) -> Vec<Piece> {
    let table = loops.lvm(
        "lvs -o lv_name,seg_size,stripe_size,seg_pe_ranges --units b --nosuffix --noheadings \
         --separator ; vg",
    );
    table
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.trim().split(';').collect();
            let ranges = fields[3].split_whitespace().map(|range| {
                let (device, range) = range.rsplit_once(':').unwrap();
                let source = loops.0.iter().position(|path| path == device).unwrap();
                (source, range.split('-').next().unwrap().parse().unwrap())
            });
            Piece {
                name: fields[0].to_owned(),
                length: fields[1].parse().unwrap(),
                stripe: fields[2].parse().unwrap(),
                ranges: ranges.collect(),
            }
        })
        .collect()
}

/// Where each 64 KiB of a logical volume lie: an answer of its own to what `Composed` answers.
fn places(pieces: &[Piece], name: &str) -> Vec<(usize, u64)> {
    let mut places = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.name == name) {
        for number in 0..piece.length / 65536 {
            let stripes = piece.ranges.len() as u64;
            let (stripe, row) = if stripes > 1 {
                assert_eq!(piece.stripe, 65536);
                (number % stripes, number / stripes)
            } else {
                (0, number)
            };
            let (source, first) = piece.ranges[stripe as usize];
            places.push((source, FIRST + first * EXTENT + row * 65536));
        }
    }
    places
}

fn put(volume: &Image, images: &[&Image], places: &[(usize, u64)]) {
    assert_eq!(volume.size(), places.len() as u64 * 65536);
    for (number, (source, offset)) in places.iter().enumerate() {
        let bytes = volume.read_vec(number as u64 * 65536, 65536).unwrap();
        images[*source].write(*offset, &bytes);
    }
}

fn take(images: &[&Image], places: &[(usize, u64)]) -> Image {
    let volume = Image::new(places.len() as u64 * 65536);
    for (number, (source, offset)) in places.iter().enumerate() {
        volume.write(number as u64 * 65536, &images[*source].read_vec(*offset, 65536).unwrap());
    }
    volume
}

fn readings(images: &[&Image]) -> Vec<Reading> {
    let sources: Vec<&dyn BlockSource> = images.iter().map(|image| *image as _).collect();
    read(&sources, Budget::default())
}

fn doubt_of(images: &[&Image]) -> String {
    readings(images)[0].used.as_ref().unwrap_err().id().to_owned()
}

fn group(options: &str) -> (Image, Image, Loops) {
    let (first, second) = (Image::new(96 * MIB), Image::new(96 * MIB));
    let loops = Loops::of(&[&first, &second]);
    loops.lvm(&format!("pvcreate -qq {options} {{0}} {{1}}"));
    loops.lvm("vgcreate -qq -s 1M vg {0} {1}");
    (first, second, loops)
}

#[test]
fn linear_and_striped_volumes_are_read_through() {
    let (first, second, loops) = group("");
    loops.lvm("lvcreate -qq -an -Zn -Wn -l 30 -n root vg {0}:40-59 {1}:5-14");
    loops.lvm("lvcreate -qq -an -Zn -Wn -l 32 -i 2 -I 64k -n data vg");
    loops.lvm("lvcreate -qq -an -Zn -Wn -l 8 -n swap vg {1}");
    loops.lvm("lvcreate -qq -an -Zn -Wn -l 4 -n raw vg {1}");
    let pieces = pieces(&loops);
    let images = [&first, &second];
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), vec![7; 3 << 20]).unwrap();
    let fill = format!("mkfs.ext4 -q -F -d {} {{}}", folder.path().display());
    let root = Image::made_by(30 * MIB, &fill);
    let data = Image::made_by(32 * MIB, &fill);
    for (name, volume) in [
        ("root", &root),
        ("data", &data),
        ("swap", &Image::made_by(8 * MIB, "mkswap")),
        ("raw", &Image::new(4 * MIB)),
    ] {
        put(volume, &images, &places(&pieces, name));
    }

    let found = readings(&images);
    let used: Vec<&Used> = found.iter().map(|reading| reading.used.as_ref().unwrap()).collect();
    for (image, used) in images.iter().zip(&used) {
        assert!(used.extents.total_bytes() < 40 * MIB, "{}", used.extents.total_bytes());
        assert!(used.extents.contains(Extent::new(0, FIRST)), "all metadata is kept");
        assert!(used.extents.end() <= image.size());
        assert!(used.signatures.iter().all(|signature| used.extents.contains(*signature)));
    }
    // Nothing is known of what lies in it: whole.
    for (source, offset) in places(&pieces, "raw") {
        assert!(used[source].extents.contains(Extent::new(offset, 65536)));
    }
    let title = found[0].volume.title().in_language(Language::English);
    assert!(title.contains("“vg” with 4 volumes: ") && title.contains("root (ext4)"), "{title}");
    assert_eq!(found[0].volume.kind, VolumeKind::Lvm2);

    let restored: Vec<Image> =
        images.iter().zip(&used).map(|(image, used)| image.restored(used)).collect();
    drop(loops);
    for image in &restored {
        // Whatever lay at the ends of the target is overwritten.
        let end = image.size() - MIB;
        assert_eq!(image.read_vec(end, MIB as usize).unwrap(), vec![0; MIB as usize]);
        assert_eq!(image.blkid("TYPE").as_deref(), Some("LVM2_member"));
    }
    let restored: Vec<&Image> = restored.iter().collect();
    let loops = Loops::of(&restored);
    loops.lvm("vgck vg");
    assert_eq!(self::pieces(&loops).len(), pieces.len());
    for (name, volume) in [("root", &root), ("data", &data)] {
        let copy = take(&restored, &places(&pieces, name));
        let end = copy.size() - MIB;
        let last = |image: &Image| image.read_vec(end, MIB as usize).unwrap();
        assert_eq!(last(&copy), last(volume), "nothing old is recognised there");
        copy.run("e2fsck -f -n");
        let read = |image: &Image| {
            let path = image.path().to_str().unwrap();
            run(&["debugfs", "-R", "cat <12>", path].map(str::to_owned))
        };
        assert_eq!(read(&copy), read(volume));
    }

    // One alone, and the same twice, are not the group.
    assert_eq!(doubt_of(&[&first]), "lvm-missing");
    assert_eq!(doubt_of(&[&first, &second, &first]), "lvm-twice");
}

#[test]
fn free_physical_volumes_hold_nothing_and_those_without_metadata_are_told_by_others() {
    let alone = Image::new(64 * MIB);
    let loops = Loops::of(&[&alone]);
    loops.lvm("pvcreate -qq {0}");
    let reading = readings(&[&alone]).remove(0);
    assert_eq!(reading.used.unwrap().extents.total_bytes(), FIRST + MIB);
    drop(loops);

    let (first, second) = (Image::new(64 * MIB), Image::new(64 * MIB));
    let loops = Loops::of(&[&first, &second]);
    loops.lvm("pvcreate -qq {0}");
    loops.lvm("pvcreate -qq --metadatacopies 0 {1}");
    loops.lvm("vgcreate -qq -s 1M vg {0} {1}");
    loops.lvm("lvcreate -qq -an -Zn -Wn -l 10 -n data vg {1}");
    assert!(readings(&[&first, &second]).iter().all(|reading| reading.used.is_ok()));
    assert_eq!(doubt_of(&[&second]), "lvm-no-metadata");
    assert_eq!(doubt_of(&[&first]), "lvm-missing");
}

#[test]
fn metadata_at_both_ends_goes_round_and_must_agree() {
    let (first, second, loops) = group("--metadatacopies 2 --metadatasize 64k");
    for number in 0..40 {
        loops.lvm(&format!("lvcreate -qq -an -Zn -Wn -l 1 -n volume{number} vg"));
    }
    let answers = readings(&[&first, &second]);
    for (reading, image) in answers.iter().zip([&first, &second]) {
        let used = reading.used.as_ref().unwrap();
        assert_eq!(reading.volume.inside.len(), 40);
        assert!(used.extents.end() > image.size() - 64 * 1024, "the second metadata area");
    }
    // An older state on one of them.
    let before = first.read_vec(0, FIRST as usize).unwrap();
    loops.lvm("lvremove -qq -y vg/volume0");
    first.write(0, &before);
    assert_eq!(doubt_of(&[&first, &second]), "lvm-copies-differ");
}

#[test]
fn damage_is_a_doubt() {
    let (first, second, loops) = group("");
    loops.lvm("lvcreate -qq -an -Zn -Wn -l 5 -n root vg");
    let head = first.read_vec(0, FIRST as usize).unwrap();
    let text = head.windows(9).rposition(|bytes| bytes == b"pe_start ").unwrap();
    for (at, expected) in [(4096 + 50, "lvm-damaged"), (text, "lvm-damaged")] {
        first.write(at as u64, &[head[at] ^ 1]);
        assert_eq!(doubt_of(&[&first, &second]), expected);
        first.write(at as u64, &head[at..=at]);
    }
    assert!(readings(&[&first, &second])[0].used.is_ok());
    // Cut off: the label says more than there is.
    drop(loops);
    first.resize(90 * MIB);
    assert_eq!(doubt_of(&[&first, &second]), "lvm-cut-off");
}

/// Thin pools, snapshots and the like cannot be made without the device mapper, but their
/// description can be put in force.
#[test]
fn other_types_are_in_use_whole() {
    let (first, second, loops) = group("");
    for name in ["meta", "origin", "cow", "plain", "tdata"] {
        loops.lvm(&format!("lvcreate -qq -an -Zn -Wn -l 8 -n {name} vg {{0}}"));
    }
    let text = tempfile::NamedTempFile::new().unwrap();
    let path = text.path().display().to_string();
    loops.lvm(&format!("vgcfgbackup -qq -f {path} vg"));
    let mut description = std::fs::read_to_string(text.path()).unwrap();
    let at = description.find("logical_volumes {").unwrap() + "logical_volumes {".len();
    description.insert_str(
        at,
        "\nsnapshot0 {\nid = \"abcdef-0123-4567-89AB-CDEF-ghij-klmnop\"\n\
         status = [\"READ\", \"WRITE\", \"VISIBLE\"]\nflags = []\nsegment_count = 1\n\
         segment1 {\nstart_extent = 0\nextent_count = 8\ntype = \"snapshot\"\nchunk_size = 8\n\
         origin = \"origin\"\ncow_store = \"cow\"\n}\n}\n",
    );
    std::fs::write(text.path(), description).unwrap();
    loops.lvm(&format!("vgcfgrestore -qq -y --force -f {path} vg"));
    let pieces = pieces(&loops);
    let file_system = Image::made_by(8 * MIB, "mkfs.ext4 -q -F");
    for name in ["origin", "cow", "plain"] {
        put(&file_system, &[&first, &second], &places(&pieces, name));
    }
    let reading = readings(&[&first, &second]).remove(0);
    let used = reading.used.unwrap();
    let is_whole = |name: &str| {
        let mut places = places(&pieces, name).into_iter();
        places.all(|(_, offset)| used.extents.contains(Extent::new(offset, 65536)))
    };
    assert!(is_whole("origin") && is_whole("cow") && !is_whole("plain"));
    let origin = reading.volume.inside.iter().find(|inside| inside.name == "origin").unwrap();
    assert_eq!(origin.why_whole.as_ref().unwrap().id(), "lvm-part");
}
