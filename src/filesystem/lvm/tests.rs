use super::{group as description, text};
use crate::block::BlockSource;
use crate::filesystem::testing::{Image, run};
use crate::filesystem::{Budget, Inside, Reading, Used, VolumeKind, VolumeState, read};
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
    let snapshot = |inside: &&Inside| inside.why_whole.as_ref().unwrap().id() == "lvm-segment";
    let whole = reading.volume.inside.iter().filter(|inside| inside.why_whole.is_some());
    let names: Vec<&str> = whole.filter(snapshot).map(|inside| inside.name.as_str()).collect();
    assert_eq!(names, ["cow"]);
}

/// Length of a block of the thin pool of the tests, in bytes.
const CHUNK: u64 = 65536;

/// A volume group with a thin pool, on two physical volumes and with its data in stripes over both. It is
/// made as LVM2 has it: a description with plain volumes is given those of a pool, and put in force.
struct Thin {
    images: [Image; 2],
    loops: Loops,
    data: Vec<(usize, u64)>,
    metadata: Vec<(usize, u64)>,
}

/// The data blocks that the devices of the pool map, three of them both.
fn mapped() -> Vec<u64> {
    [3..10, 100..101, 400..420, 639..640].into_iter().flatten().collect()
}

impl Thin {
    /// A pool whose segment has `more`, which LVM2 expects to be in this transaction.
    fn new(transaction: u64, more: &str) -> Self {
        let (first, second, loops) = group("");
        loops.lvm("lvcreate -qq -an -Zn -Wn -l 40 -i 2 -I 64k -n datapart vg");
        loops.lvm("lvcreate -qq -an -Zn -Wn -l 2 -n metapart vg {1}");
        loops.lvm("lvcreate -qq -an -Zn -Wn -l 8 -n root vg");
        let pieces = pieces(&loops);
        let (data, metadata) = (places(&pieces, "datapart"), places(&pieces, "metapart"));

        let text = tempfile::NamedTempFile::new().unwrap();
        let path = text.path().display().to_string();
        loops.lvm(&format!("vgcfgbackup -qq -f {path} vg"));
        let mut description = std::fs::read_to_string(text.path()).unwrap();
        for (name, hidden) in [("datapart", "pool_tdata"), ("metapart", "pool_tmeta")] {
            let at = description.find(name).unwrap();
            let rest = description.split_off(at);
            description += &rest.replacen(name, hidden, 1).replacen(", \"VISIBLE\"", "", 1);
        }
        let at = description.find("logical_volumes {").unwrap() + "logical_volumes {".len();
        let volume = |name: &str, number: u32, extents: u32, segment: &str| {
            format!(
                "\n{name} {{\nid = \"abcdef-0123-4567-89AB-CDEF-ghij-klmno{number}\"\n\
                 status = [\"READ\", \"WRITE\", \"VISIBLE\"]\nflags = []\nsegment_count = 1\n\
                 segment1 {{\nstart_extent = 0\nextent_count = {extents}\n{segment}\n}}\n}}\n"
            )
        };
        let thin = |device: u32| {
            format!(
                "type = \"thin\"\nthin_pool = \"pool\"\ntransaction_id = 0\ndevice_id = {device}"
            )
        };
        let pool = format!(
            "type = \"thin-pool\"\nmetadata = \"pool_tmeta\"\npool = \"pool_tdata\"\n\
             transaction_id = {transaction}\nchunk_size = 128\ndiscards = \"passdown\"\n\
             zero_new_blocks = 1\n{more}"
        );
        description.insert_str(
            at,
            &(volume("pool", 1, 40, &pool)
                + &volume("thin1", 2, 200, &thin(1))
                + &volume("thin2", 3, 50, &thin(2))),
        );
        std::fs::write(text.path(), description).unwrap();
        loops.lvm(&format!("vgcfgrestore -qq -y --force -f {path} vg"));

        let made = Image::new(metadata.len() as u64 * 65536);
        let xml = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            xml.path(),
            "<superblock uuid=\"\" time=\"1\" transaction=\"2\" data_block_size=\"128\" \
             nr_data_blocks=\"640\">\n\
             <device dev_id=\"1\" mapped_blocks=\"10\" transaction=\"0\" creation_time=\"0\" \
             snap_time=\"1\">\n\
             <range_mapping origin_begin=\"7\" data_begin=\"3\" length=\"7\" time=\"0\"/>\n\
             <single_mapping origin_block=\"20\" data_block=\"100\" time=\"0\"/>\n\
             <range_mapping origin_begin=\"30\" data_begin=\"400\" length=\"2\" time=\"0\"/>\n\
             </device>\n\
             <device dev_id=\"2\" mapped_blocks=\"21\" transaction=\"1\" creation_time=\"1\" \
             snap_time=\"1\">\n\
             <range_mapping origin_begin=\"0\" data_begin=\"400\" length=\"20\" time=\"1\"/>\n\
             <single_mapping origin_block=\"40\" data_block=\"639\" time=\"1\"/>\n\
             </device>\n</superblock>\n",
        )
        .unwrap();
        made.run(&format!("thin_restore -i {} -o {{}}", xml.path().display()));
        let thin = Self { images: [first, second], loops, data, metadata };
        put(&made, &thin.images(), &thin.metadata);
        for (number, (source, offset)) in thin.data.iter().enumerate() {
            let block = vec![(number % 250) as u8 + 1; CHUNK as usize];
            thin.images[*source].write(*offset, &block);
        }
        let file_system = Image::made_by(8 * MIB, "mkfs.ext4 -q -F");
        put(&file_system, &thin.images(), &places(&pieces, "root"));
        thin
    }

    fn images(&self) -> [&Image; 2] {
        let [first, second] = &self.images;
        [first, second]
    }

    /// What is in use on both physical volumes, and what they hold.
    fn answer(&self) -> (Vec<Used>, Vec<Inside>) {
        let readings = readings(&self.images());
        let inside = readings[0].volume.inside.clone();
        (readings.into_iter().map(|reading| reading.used.unwrap()).collect(), inside)
    }

    /// The data blocks all of which are in use, and those of which nothing is.
    fn blocks(&self, used: &[Used]) -> (Vec<u64>, Vec<u64>) {
        let of_block = |number: u64| -> u64 {
            let (source, offset) = self.data[number as usize];
            used[source].extents.within(Extent::new(offset, CHUNK)).map(|part| part.length).sum()
        };
        let all = 0..self.data.len() as u64;
        let whole = all.clone().filter(|block| of_block(*block) == CHUNK).collect();
        (whole, all.filter(|block| of_block(*block) == 0).collect())
    }

    /// Why the logical volume with this name is saved whole.
    fn why_whole(inside: &[Inside], name: &str) -> Option<String> {
        let found = inside.iter().find(|inside| inside.name == name).unwrap();
        found.why_whole.as_ref().map(|doubt| doubt.id().to_owned())
    }
}

#[test]
fn of_thin_pools_the_mapped_blocks_are_in_use() {
    let thin = Thin::new(2, "");
    let (used, inside) = thin.answer();
    let (whole, free) = thin.blocks(&used);
    assert_eq!(whole, mapped());
    assert_eq!(whole.len() + free.len(), thin.data.len(), "no block is in use in part");
    for (source, offset) in &thin.metadata {
        assert!(used[*source].extents.contains(Extent::new(*offset, 65536)));
    }
    for name in ["pool", "thin1", "thin2", "root"] {
        assert_eq!(Thin::why_whole(&inside, name), None, "{name}");
    }
    let title = readings(&thin.images())[0].volume.title().in_language(Language::English);
    assert!(title.contains("pool (thin pool), thin1 (thin volume)"), "{title}");
    assert!(!title.contains("tdata"), "{title}");

    // Onto garbage, as a restore does it.
    let pairs = thin.images().into_iter().zip(&used);
    let restored: Vec<Image> = pairs.map(|(image, used)| image.restored(used)).collect();
    let restored: Vec<&Image> = restored.iter().collect();
    let loops = Loops::of(&restored);
    loops.lvm("vgck vg");
    let listed = |loops: &Loops| loops.lvm("lvs -a --noheadings -o lv_name,segtype,thin_id vg");
    let list = listed(&loops);
    assert_eq!(list, listed(&thin.loops));
    assert!(list.contains("[pool_tdata]") && list.contains("thin-pool"), "{list}");
    let (before, after) = (take(&thin.images(), &thin.metadata), take(&restored, &thin.metadata));
    after.run("thin_check -q");
    assert_eq!(after.run("thin_dump"), before.run("thin_dump"));
    for block in mapped() {
        let (source, offset) = thin.data[block as usize];
        let read = |images: &[&Image]| images[source].read_vec(offset, CHUNK as usize).unwrap();
        assert!(read(&restored) == read(&thin.images()), "block {block}");
    }
}

#[test]
fn thin_pools_that_are_not_certain_are_in_use_whole() {
    let message = "message1 {\ncreate = \"thin2\"\n}";
    for (transaction, more, why) in [(3, "", "thin-transaction"), (2, message, "lvm-thin-message")]
    {
        let thin = Thin::new(transaction, more);
        let (used, inside) = thin.answer();
        assert_eq!(thin.blocks(&used).0.len(), thin.data.len(), "{why}");
        assert_eq!(Thin::why_whole(&inside, "pool").as_deref(), Some(why));
        assert_eq!(Thin::why_whole(&inside, "thin1").as_deref(), Some("lvm-thin-volume"));
        assert_eq!(Thin::why_whole(&inside, "root"), None, "another volume");
    }
    // Damage, and what cannot be read.
    let thin = Thin::new(2, "");
    let (source, offset) = thin.metadata[0];
    thin.images[source].write(offset + 4, &[1]);
    let (used, inside) = thin.answer();
    assert_eq!(thin.blocks(&used).0.len(), thin.data.len());
    assert_eq!(Thin::why_whole(&inside, "pool").as_deref(), Some("thin-damaged"));
    assert_eq!(Thin::why_whole(&inside, "thin2").as_deref(), Some("lvm-thin-volume"));
    // The pool's own mark.
    let mut superblock = thin.images[source].read_vec(offset, 4096).unwrap();
    let sum = crate::filesystem::crc32c::chained(u32::MAX, &superblock[4..]) ^ 160_774;
    superblock[..4].copy_from_slice(&sum.to_le_bytes());
    thin.images[source].write(offset, &superblock);
    let (_, inside) = thin.answer();
    assert_eq!(Thin::why_whole(&inside, "pool").as_deref(), Some("thin-needs-check"));
    assert_eq!(inside[0].volume.state, Some(VolumeState::Unclean));
}

/// The parts of a pool have to be its own, and plain volumes.
#[test]
fn which_thin_pools_may_be_looked_into() {
    let pool = "pool { status = [\"READ\", \"WRITE\", \"VISIBLE\"] segment_count = 1 segment1 { \
                start_extent = 0 extent_count = 4 type = \"thin-pool\" metadata = \"meta\" \
                pool = \"data\" transaction_id = 1 chunk_size = 128 } }";
    let plain = |name: &str, first: u32| {
        format!(
            "{name} {{ status = [\"READ\", \"WRITE\"] segment_count = 1 segment1 {{ \
             start_extent = 0 extent_count = 4 type = \"striped\" stripe_count = 1 \
             stripes = [\"pv0\", {first}] }} }} "
        )
    };
    let other = |name: &str, kind: &str, more: &str| {
        format!(
            "{name} {{ status = [\"READ\", \"WRITE\", \"VISIBLE\"] segment_count = 1 segment1 {{ \
             start_extent = 0 extent_count = 4 type = \"{kind}\" {more} }} }} "
        )
    };
    let volume = other("thin", "thin", "thin_pool = \"pool\" transaction_id = 0 device_id = 1");
    let parts = plain("data", 0) + &plain("meta", 4);
    let read = |volumes: &str| {
        let text = format!(
            "vg {{ id = \"x\" format = \"lvm2\" extent_size = 2048 physical_volumes {{ pv0 {{ \
             id = \"p\" pe_start = 2048 pe_count = 20 }} }} logical_volumes {{ {volumes} }} }}"
        );
        let text = text::parse(text.as_bytes()).unwrap();
        let group = description::read(&text, &[("p", 40 * MIB)]);
        group.unwrap_or_else(|doubt| panic!("{doubt}"))
    };

    let group = read(&format!("{parts}{pool} {volume}"));
    let [found] = &group.thin_pools[..] else { panic!("one pool") };
    assert_eq!((found.data, found.metadata, found.pool), (0, 1, 2));
    assert_eq!(found.volumes, [3]);
    assert_eq!(found.expected.devices, [1]);
    assert_eq!((found.expected.data_size, found.expected.data_block), (4 * MIB, 65536));
    let cropped = pool.replace("thin-pool", "thin-pool+CROP_METADATA");
    assert_eq!(read(&format!("{parts}{cropped}")).thin_pools.len(), 1);

    let raid = "device_count = 1 raids = [\"image\"]";
    let refused = [
        // Parts of another type, of no bytes of their own, in a move, missing, the same.
        format!("{}{}{pool}", other("data", "raid1", raid), plain("meta", 4)),
        format!("{}{}{pool}", other("meta", "cache", "origin = \"x\""), plain("data", 4)),
        format!("{}{pool}", parts.replacen("\"WRITE\"]", "\"WRITE\", \"LOCKED\"]", 1)),
        format!("{}{pool}", plain("data", 0)),
        format!("{parts}{}", pool.replace("\"meta\"", "\"data\"")),
        // Used by something else too, the pool or a part of it.
        format!("{parts}{pool} {}", other("snap", "snapshot", "cow_store = \"data\"")),
        format!("{parts}{pool} {}", other("snap", "snapshot", "origin = \"pool\"")),
        format!("{parts}{pool} {}", pool.replacen("pool", "second", 1)),
        // Without what has to be held against the metadata.
        format!("{parts}{}", pool.replace("transaction_id", "transaction")),
        format!("{parts}{}", pool.replace("chunk_size", "chunk")),
        format!("{parts}{pool} {}", volume.replace("device_id", "device")),
        // Types of later versions, several segments, not visible.
        format!("{parts}{}", pool.replace("thin-pool", "thin-pool+LATER")),
        format!("{parts}{}", pool.replace("\"VISIBLE\"", "\"LATER\"")),
        format!("{parts}{}", pool.replace(", \"VISIBLE\"", "")),
    ];
    for volumes in refused {
        let group = read(&volumes);
        assert_eq!(group.thin_pools.len(), 0, "{volumes}");
        let pools = group.contents.iter().filter(|content| content.name == "pool");
        assert!(pools.into_iter().all(|pool| pool.why_whole.is_some()), "{volumes}");
    }
}
