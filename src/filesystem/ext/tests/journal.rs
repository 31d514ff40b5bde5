//! Journals to replay: the file behind a loop device, copied while the kernel writes to the volume,
//! is what a disk holds after a power cut. The kernel and e2fsck say what a replay leads to.

use super::fixture::run;
use crate::block::BlockSource;
use crate::filesystem::ext::{PRIMARY, detect, fast_commits, journal, read_superblock, used};
use crate::filesystem::testing::mounted::{Mounted, can_mount, copy, cut, sync, tree};
use crate::filesystem::testing::{Garbage, Image};
use crate::filesystem::{Budget, Doubt, Used};
use crate::units::{ExtentMap, MIB};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

fn read(image: &Image) -> Result<Used, Doubt> {
    assert!(detect(image).unwrap().is_some());
    used(image, Budget::default())
}

/// Whether the superblock says that there is a journal to replay.
fn needs_recovery(image: &Image) -> bool {
    image.read_vec(1024 + 0x60, 1).unwrap()[0] & 4 != 0
}

/// How many pieces fast commits give to files.
fn added(image: &Image) -> usize {
    let raw = read_superblock(image, PRIMARY).unwrap().unwrap();
    let superblock = raw.check(image.size()).unwrap();
    let journal = journal::load(image, &superblock).unwrap();
    fast_commits::added_blocks(image, &superblock, &journal).unwrap().len()
}

/// Files that were synced, and their content.
type Synced = BTreeMap<String, Vec<u8>>;

fn write_synced(folder: &Path, name: String, content: Vec<u8>, synced: &mut Synced) {
    let mut file = File::create(folder.join(&name)).unwrap();
    file.write_all(&content).unwrap();
    file.sync_all().unwrap();
    // Its name too.
    File::open(folder).unwrap().sync_all().unwrap();
    synced.insert(name, content);
}

/// Writes, removes, syncs some of it and cuts the power, again and again.
fn cuts(image: &Image, options: &str) -> Vec<(Image, Synced)> {
    let mounted = Mounted::new(&[image], "ext4", &format!("rw,commit=300{options}"));
    let folder = mounted.path();
    let mut garbage = Garbage::new(41);
    let mut synced = Synced::new();
    let mut cuts = Vec::new();
    for round in 0..12u64 {
        let inside = folder.join(format!("folder{round}"));
        fs::create_dir(&inside).unwrap();
        for number in 0..60 {
            let length = garbage.number() % 20_000;
            fs::write(inside.join(format!("{number}")), garbage.bytes(length as usize)).unwrap();
        }
        let content = garbage.bytes(30_000 + 5000 * round as usize);
        write_synced(folder, format!("synced{round}"), content, &mut synced);
        // Blocks of folders become blocks of files: they are revoked.
        if round > 0 {
            fs::remove_dir_all(folder.join(format!("folder{}", round - 1))).unwrap();
        }
        // A block that looks like one of the journal's own.
        let magic = [&0xc03b_3998_u32.to_be_bytes()[..], &[9; 5000]].concat();
        write_synced(folder, format!("magic{round}"), magic, &mut synced);
        if round % 5 == 4 {
            sync(folder);
            let name = format!("synced{}", round - 2);
            fs::remove_file(folder.join(&name)).unwrap();
            synced.remove(&name);
        }
        // Deleted while it is open.
        let open = File::create(folder.join("open")).unwrap();
        fs::remove_file(folder.join("open")).unwrap();
        (&open).write_all(&garbage.bytes(50_000)).unwrap();
        let content = garbage.bytes(10_000);
        write_synced(folder, format!("last{round}"), content, &mut synced);
        fs::write(folder.join(format!("unsynced{round}")), garbage.bytes(40_000)).unwrap();
        cuts.push((cut(&[image]).remove(0), synced.clone()));
    }
    cuts
}

fn check(arguments: &str, options: &str) {
    if !can_mount("ext4") {
        return;
    }
    let command = format!("mke2fs -q -F -E lazy_itable_init=0 {arguments}");
    let image = Image::made_by(64 * MIB, &command);
    let has_fast_commits = arguments.contains("fast_commit");
    let (mut to_replay, mut doubts, mut pieces) = (0, 0, 0);
    for (round, (cut, synced)) in cuts(&image, options).into_iter().enumerate() {
        to_replay += u64::from(needs_recovery(&cut));
        let answer = match read(&cut) {
            // Its ring went around.
            Err(doubt) if has_fast_commits && doubt.id() == "ext-fast-commits" => {
                doubts += 1;
                continue;
            }
            answer => answer.unwrap_or_else(|doubt| panic!("cut {round}: {doubt}")),
        };
        assert!(answer.extents.total_bytes() < 50 * MIB, "cut {round}");
        if has_fast_commits && needs_recovery(&cut) {
            pieces += added(&cut);
        }
        let restored = cut.restored(&answer);
        // Once by the kernel, once by e2fsck, as they do with the cut itself.
        let (checked, original, original_checked) = (copy(&restored), copy(&cut), copy(&cut));
        for image in [&checked, &original_checked] {
            let status = run("e2fsck", &["-fy", image.path().to_str().unwrap()]).status;
            assert!(status.code().is_some_and(|code| code & !1 == 0), "cut {round}: {status}");
        }
        for (replayed, original) in [(&restored, &original), (&checked, &original_checked)] {
            let mounted = Mounted::new(&[original], "ext4", "rw");
            let expected = tree(mounted.path());
            drop(mounted);
            let mounted = Mounted::new(&[replayed], "ext4", "rw");
            assert_eq!(tree(mounted.path()), expected, "cut {round}");
            for (name, content) in &synced {
                // Linux and e2fsck lose some of them with fast commits, here as there.
                match fs::read(mounted.path().join(name)) {
                    Ok(found) => assert!(found == *content, "cut {round}: {name}"),
                    Err(_) => assert!(has_fast_commits, "cut {round}: {name}"),
                }
            }
            drop(mounted);
            replayed.run("e2fsck -fn");
        }
        for replayed in [&restored, &checked] {
            let after = read(replayed).unwrap_or_else(|doubt| panic!("cut {round}: {doubt}"));
            let lost = after.extents.difference(&answer.extents);
            // Blocks of folders that fast commits made are chosen when they are replayed.
            assert!(has_fast_commits || lost == ExtentMap::new(), "cut {round}: {lost:?}");
        }
        let small = used(&cut, Budget { extents: 32 }).unwrap();
        assert!(small.extents.len() <= 32);
        assert_eq!(answer.extents.difference(&small.extents), ExtentMap::new());
    }
    assert!(to_replay >= 10, "{to_replay} cuts with something to replay");
    assert!(doubts <= 6, "{doubts}");
    assert!(pieces >= 10 || !has_fast_commits, "{pieces}");
    read(&image).unwrap();
}

macro_rules! variants {
    ($($name:ident => $arguments:expr, $options:expr;)*) => {
        $(#[test] fn $name() { check($arguments, $options); })*
    };
}

variants! {
    default_features => "-t ext4 -b 4096", "";
    blocks_of_1k => "-t ext4 -b 1024 -g 2048", "";
    direct_and_indirect_blocks => "-t ext3 -b 1024", "";
    without_64bit => "-t ext4 -O ^64bit -b 2048", "";
    without_checksums => "-t ext4 -O ^metadata_csum,^64bit -b 4096", "";
    uninit_bg => "-t ext4 -O ^metadata_csum,uninit_bg -b 1024 -g 2048", "";
    checksums_of_transactions => "-t ext4 -O ^metadata_csum -b 1024", ",journal_checksum";
    commits_that_do_not_wait => "-t ext4 -O ^metadata_csum -b 4096", ",journal_async_commit,data=writeback";
    data_in_the_journal => "-t ext4 -b 1024", ",data=journal";
    a_small_ring => "-t ext4 -b 1024 -J size=1", "";
    clusters => "-t ext4 -O bigalloc -C 16384 -b 4096", "";
    fast_commits => "-t ext4 -O fast_commit -b 4096", "";
    fast_commits_of_small_blocks => "-t ext4 -O fast_commit -b 1024 -g 2048 -J size=4", "";
    fast_commits_of_inline_data => "-t ext4 -O fast_commit,inline_data -b 4096", "";
    fast_commits_of_clusters => "-t ext4 -O fast_commit,bigalloc -C 16384 -b 4096", "";
    orphan_file => "-t ext4 -O orphan_file,metadata_csum_seed -b 4096", "";
}

/// Journals that debugfs writes: with the content given, and blocks revoked.
fn by_debugfs(arguments: &str, open: &str, commands: &[&str]) -> Image {
    let command = format!("mke2fs -q -F -t ext4 -b 1024 {arguments}");
    let image = Image::made_by(16 * MIB, &command);
    let script = tempfile::NamedTempFile::new().unwrap();
    let text = format!("{open}\n{}\njc\n", commands.join("\n"));
    fs::write(script.path(), text).unwrap();
    image.run(&format!("debugfs -w -f {} {{}}", script.path().display()));
    assert!(needs_recovery(&image));
    image
}

/// Blocks of a volume of 16 MiB that nothing uses.
const FREE: u64 = 12_000;

fn content(image: &Image, block: u64) -> Vec<u8> {
    image.read_vec(block * 1024, 1024).unwrap()
}

#[test]
fn what_is_written_and_what_is_revoked() {
    let magic = tempfile::NamedTempFile::new().unwrap();
    let bytes = [&0xc03b_3998_u32.to_be_bytes()[..], &[7; 1020]].concat();
    fs::write(magic.path(), bytes).unwrap();
    let write = format!("jw -b {FREE} {}", magic.path().display());
    let again = format!("jw -b {} {}", FREE + 2, magic.path().display());
    let revoke = format!("jw -r {}", FREE + 2);
    for (arguments, open) in [
        ("-O metadata_csum,64bit", "jo -c"),
        ("-O metadata_csum,64bit", "jo -c -v 2"),
        ("-O metadata_csum,^64bit", "jo -c -v 2"),
        ("-O ^metadata_csum,64bit", "jo"),
        ("-O ^metadata_csum,^64bit", "jo"),
    ] {
        let image = by_debugfs(arguments, open, &[&again, &revoke, &write]);
        let answer = read(&image).unwrap_or_else(|doubt| panic!("{arguments} {open}: {doubt}"));
        let is_used =
            |block: u64| answer.extents.contains(crate::units::Extent::new(block * 1024, 1024));
        assert!(is_used(FREE), "{arguments} {open}");
        assert!(!is_used(FREE + 1) && !is_used(FREE + 2), "{arguments} {open}");
        let restored = image.restored(&answer);
        let before = content(&restored, FREE + 2);
        let path = restored.path().to_str().unwrap();
        assert!(run("e2fsck", &["-fy", path]).status.code().is_some_and(|code| code & !1 == 0));
        assert_eq!(content(&restored, FREE)[..8], [0xc0, 0x3b, 0x39, 0x98, 7, 7, 7, 7]);
        assert_eq!(content(&restored, FREE + 2), before);
        restored.run("e2fsck -fn");
    }
}

/// Any flipped bit in a journal with checksums is found, or what is used before stays used.
#[test]
fn flipped_bits() {
    let image = by_debugfs(
        "-O metadata_csum,64bit",
        "jo -c",
        &["jw -b 12000-12040 /dev/zero", "jw -r 12005,12006", "jw -b 12100 /dev/zero"],
    );
    let sound = read(&image).unwrap();
    let journal = journal_start(&image);
    let mut garbage = Garbage::new(3);
    let mut doubts = 0;
    for _ in 0..400 {
        let offset = journal + garbage.number() % (60 * 1024);
        let before = image.read_vec(offset, 1).unwrap();
        image.write(offset, &[before[0] ^ 1 << (garbage.number() % 8)]);
        match read(&image) {
            Err(_) => doubts += 1,
            // The last transaction does not count any more, or nothing was hit.
            Ok(found) => {
                let lost = sound.extents.difference(&found.extents).total_bytes();
                assert!(lost <= 42 * 1024, "{lost}");
            }
        }
        image.write(offset, &before);
    }
    assert!(doubts > 100, "{doubts}");
    assert_eq!(read(&image).unwrap(), sound);
}

/// Where the journal of a volume with blocks of 1 KiB begins, in bytes.
fn journal_start(image: &Image) -> u64 {
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), "bmap <8> 0\n").unwrap();
    let answer = image.run(&format!("debugfs -f {} {{}}", script.path().display()));
    let block = answer.lines().find_map(|line| line.trim().parse::<u64>().ok());
    block.unwrap_or_else(|| panic!("{answer}")) * 1024
}
