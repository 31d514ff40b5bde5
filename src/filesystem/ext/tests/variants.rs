//! Every feature variant: the same used blocks as the file system's own tools see, and a copy of
//! nothing but these is the same file system.

use super::fixture::{Fixture, assert_clean, noise, output};
use crate::block::memory::MemoryDisk;
use crate::filesystem::ext::{detect, used};
use crate::filesystem::{Budget, VolumeKind};
use crate::units::{Extent, ExtentMap, MIB};

/// How a variant is looked at.
struct Variant {
    kind: VolumeKind,
    arguments: &'static [&'static str],
    /// Bytes of the file system, and of what lies behind it.
    size: u64,
    slack: u64,
    /// Features that have to be there, so that the variant is what it says.
    features: &'static [&'static str],
    /// Whether Debian's `partclone` can read it.
    partclone: bool,
}

const SMALL: Variant = Variant {
    kind: VolumeKind::Ext4,
    arguments: &[],
    size: 32 * MIB,
    slack: 0,
    features: &[],
    partclone: true,
};

fn check(variant: &Variant) {
    let fixture = Fixture::new(variant.arguments, variant.size, variant.slack);
    let listed = fixture.field("Filesystem features").unwrap();
    for feature in variant.features {
        assert!(listed.split(' ').any(|word| word == *feature), "{feature}: {listed}");
    }
    // With checksums there are groups whose bitmap was never written.
    let checksums = listed.contains("metadata_csum") || listed.contains("uninit_bg");
    let uninit = checksums && fixture.dump().contains("Group 1:");
    assert_eq!(fixture.dump().contains("BLOCK_UNINIT"), uninit);
    let bytes = fixture.bytes();
    let disk = MemoryDisk::new(bytes.clone());
    let volume_end = variant.size + variant.slack;
    let length = fixture.length();

    let volume = detect(&disk).unwrap().expect("an ext file system");
    assert_eq!(volume.kind, variant.kind);
    assert_eq!(volume.length, Some(length));
    let blkid = output("blkid", &["-p", "-o", "export", fixture.path()]);
    assert!(blkid.contains(&format!("UUID={}\n", volume.uuid.clone().unwrap())), "{blkid}");
    let type_name = format!("{:?}", volume.kind).to_lowercase();
    assert!(blkid.contains(&format!("TYPE={type_name}\n")), "{blkid}");

    let answer = used(&disk, Budget::default()).unwrap_or_else(|doubt| panic!("{doubt}"));
    let free = fixture.free();
    let all = ExtentMap::whole(Extent::new(0, length));
    let tail_start = length.max(volume_end.saturating_sub(MIB));
    let tail = ExtentMap::whole(Extent::between(tail_start, volume_end));
    let expected = all.difference(&free).union(&tail);
    assert_eq!(answer.extents.difference(&expected), ExtentMap::new(), "more than dumpe2fs says");
    assert_eq!(expected.difference(&answer.extents), ExtentMap::new(), "less than dumpe2fs says");
    assert!(free.len() > 10, "fragmented");

    check_signatures(&fixture, &bytes, &answer.signatures, &answer.extents);

    // Nothing but the used extents, on a disk full of garbage.
    let mut copy = noise(77, bytes.len());
    for extent in answer.extents.iter() {
        let range = extent.offset as usize..extent.end() as usize;
        copy[range.clone()].copy_from_slice(&bytes[range]);
    }
    let path = fixture.image.with_file_name("copy");
    std::fs::write(&path, &copy).unwrap();
    assert_clean(&path);
    let files = fixture.files(&fixture.image);
    assert!(files.len() > 40);
    assert!(files == fixture.files(&path), "files differ");
    let again = used(&MemoryDisk::new(copy), Budget::default()).unwrap();
    assert_eq!(again, answer);

    // A small budget adds, and never takes away.
    let small = used(&disk, Budget { extents: 64 }).unwrap();
    assert!(small.extents.len() <= 64);
    assert_eq!(answer.extents.difference(&small.extents), ExtentMap::new());
}

/// The copies of the superblock are those that `dumpe2fs` lists, and each really is one.
fn check_signatures(fixture: &Fixture, bytes: &[u8], found: &[Extent], used: &ExtentMap) {
    let block: u64 = fixture.field("Block size").unwrap().parse().unwrap();
    let listed = fixture.dump().lines().filter_map(|line| {
        let (_, rest) = line.split_once(" superblock at ")?;
        rest.split([',', ' ']).next()?.parse::<u64>().ok()
    });
    let listed: Vec<u64> = listed.map(|number| (number * block).max(1024)).collect();
    let offsets: Vec<u64> = found.iter().map(|extent| extent.offset).collect();
    assert_eq!(offsets, listed);
    for signature in found {
        assert_eq!(signature.length, 1024);
        assert!(used.contains(*signature));
        let magic = signature.offset as usize + 0x38;
        assert_eq!(bytes[magic..magic + 2], [0x53, 0xef]);
    }
}

/// What partclone would save is what we save, but for the boot block.
fn check_with_partclone(variant: &Variant) {
    let fixture = Fixture::new(variant.arguments, variant.size, 0);
    let ours = used(&MemoryDisk::new(fixture.bytes()), Budget::default()).unwrap().extents;
    let theirs = fixture.partclone();
    assert_eq!(theirs.difference(&ours), ExtentMap::new(), "less than partclone");
    let surplus = ours.difference(&theirs).total_bytes();
    assert!(surplus <= 2048, "{surplus} bytes more than partclone");
}

macro_rules! variants {
    ($($name:ident => $variant:expr;)*) => {
        $(#[test] fn $name() { check(&$variant); })*

        #[test]
        fn partclone_agrees() {
            // All at once: it spends its time sleeping.
            std::thread::scope(|scope| {
                for variant in [$($variant),*].iter().filter(|variant| variant.partclone) {
                    scope.spawn(move || check_with_partclone(variant));
                }
            });
        }
    };
}

variants! {
    ext2_1k => Variant {
        kind: VolumeKind::Ext2,
        arguments: &["-t", "ext2", "-b", "1024", "-O", "none,filetype,sparse_super,resize_inode"],
        features: &["sparse_super", "resize_inode"],
        ..SMALL
    };
    ext2_2k_every_group_has_a_backup => Variant {
        kind: VolumeKind::Ext2,
        arguments: &["-t", "ext2", "-b", "2048", "-g", "2048", "-O", "none,filetype"],
        ..SMALL
    };
    ext2_of_the_first_revision => Variant {
        kind: VolumeKind::Ext2,
        arguments: &["-r", "0", "-b", "1024", "-I", "128", "-O", "none"],
        ..SMALL
    };
    ext3 => Variant {
        kind: VolumeKind::Ext3,
        arguments: &["-t", "ext3", "-b", "1024", "-O", "none,filetype,sparse_super,has_journal"],
        features: &["has_journal"],
        ..SMALL
    };
    ext4_default_features => Variant {
        arguments: &["-b", "4096", "-g", "1024", "-O", DEFAULT],
        features: &["has_journal", "extent", "64bit", "flex_bg", "metadata_csum", "resize_inode"],
        ..SMALL
    };
    ext4_with_32_bit_descriptors => Variant {
        arguments: &["-b", "1024", "-O", DEFAULT, "-O", "^64bit"],
        features: &["metadata_csum", "extent"],
        ..SMALL
    };
    ext4_meta_bg_without_flex_bg => Variant {
        arguments: &["-b", "1024", "-g", "512", "-O", DEFAULT, "-O", "^resize_inode,^flex_bg,meta_bg"],
        features: &["meta_bg", "metadata_csum", "64bit"],
        ..SMALL
    };
    ext4_meta_bg_with_flex_bg => Variant {
        arguments: &["-b", "1024", "-g", "512", "-G", "4", "-O", DEFAULT, "-O", "^resize_inode,meta_bg"],
        features: &["meta_bg", "flex_bg"],
        ..SMALL
    };
    ext4_bigalloc => Variant {
        arguments: &["-b", "4096", "-C", "16384", "-O", DEFAULT, "-O", "bigalloc"],
        features: &["bigalloc"],
        partclone: false,
        ..SMALL
    };
    ext4_bigalloc_1k => Variant {
        arguments: &["-b", "1024", "-C", "4096", "-g", "1024", "-O", DEFAULT, "-O", "bigalloc"],
        features: &["bigalloc"],
        partclone: false,
        ..SMALL
    };
    ext4_sparse_super2 => Variant {
        arguments: &["-b", "1024", "-g", "2048", "-O", DEFAULT, "-O", "sparse_super2,^sparse_super,^resize_inode"],
        features: &["sparse_super2"],
        ..SMALL
    };
    ext4_sparse_super2_with_one_backup => Variant {
        arguments: &["-b", "1024", "-O", DEFAULT, "-O", "sparse_super2", "-E", "num_backup_sb=1"],
        features: &["sparse_super2", "sparse_super"],
        ..SMALL
    };
    ext4_metadata_csum_seed => Variant {
        arguments: &["-b", "2048", "-g", "2048", "-O", DEFAULT, "-O", "metadata_csum_seed"],
        features: &["metadata_csum_seed"],
        ..SMALL
    };
    ext4_inline_data => Variant {
        arguments: &["-b", "4096", "-g", "1024", "-I", "256", "-O", DEFAULT, "-O", "inline_data"],
        features: &["inline_data"],
        ..SMALL
    };
    ext4_uninit_bg => Variant {
        arguments: &["-b", "1024", "-g", "2048", "-O", DEFAULT, "-O", "^metadata_csum,uninit_bg"],
        features: &["uninit_bg"],
        ..SMALL
    };
    ext4_uninit_bg_with_32_bit_descriptors => Variant {
        arguments: &["-b", "1024", "-O", DEFAULT, "-O", "^metadata_csum,^64bit,uninit_bg"],
        features: &["uninit_bg"],
        ..SMALL
    };
    ext4_without_checksums => Variant {
        arguments: &["-b", "1024", "-g", "1024", "-O", DEFAULT, "-O", "^metadata_csum,^uninit_bg"],
        features: &["flex_bg"],
        ..SMALL
    };
    ext4_packed_metadata => Variant {
        arguments: &["-b", "1024", "-g", "1024", "-O", DEFAULT, "-E", "packed_meta_blocks=1"],
        ..SMALL
    };
    ext4_everything_else => Variant {
        arguments: &[
            "-b", "4096", "-g", "2048", "-I", "256", "-O", DEFAULT, "-O",
            "quota,project,encrypt,casefold,verity,stable_inodes,fast_commit,ea_inode,large_dir,mmp,orphan_file",
            "-E", "mmp_update_interval=1",
        ],
        features: &["quota", "encrypt", "casefold", "verity", "fast_commit", "mmp", "orphan_file"],
        // It was built with an older library, which does not know orphan_file.
        partclone: false,
        ..SMALL
    };
    ext4_with_little_slack => Variant {
        arguments: &["-b", "1024", "-O", DEFAULT],
        slack: MIB / 2 + 512,
        ..SMALL
    };
    ext4_with_much_slack => Variant {
        arguments: &["-b", "4096", "-g", "1024", "-O", DEFAULT],
        slack: 5 * MIB + 512,
        ..SMALL
    };
    ext4_64k_blocks => Variant {
        arguments: &["-b", "65536", "-O", DEFAULT, "-O", "^has_journal"],
        features: &["metadata_csum"],
        ..SMALL
    };
    ext4_tiny => Variant {
        arguments: &["-b", "1024", "-N", "256", "-O", DEFAULT, "-O", "^has_journal,^resize_inode"],
        size: 7 * MIB,
        ..SMALL
    };
}

/// What the usual `mke2fs.conf` asks of ext4, written out so that the machine's one does not
/// matter.
const DEFAULT: &str = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,\
    flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum";

#[test]
fn an_external_journal_is_kept_whole() {
    let fixture = Fixture::empty(&["-O", "journal_dev", "-b", "4096"], 8 * MIB, None);
    let disk = MemoryDisk::new(fixture.bytes());
    let volume = detect(&disk).unwrap().unwrap();
    assert_eq!(volume.kind, VolumeKind::ExtJournal);
    let answer = used(&disk, Budget::default()).unwrap();
    assert_eq!(answer.extents, ExtentMap::whole(Extent::new(0, 8 * MIB)));
    assert_eq!(answer.signatures, [Extent::new(1024, 1024)]);
}

#[test]
fn label_and_nothing() {
    let fixture = Fixture::empty(&["-L", "año 2024", "-O", DEFAULT], 2 * MIB, None);
    let volume = detect(&MemoryDisk::new(fixture.bytes())).unwrap().unwrap();
    assert_eq!(volume.label.as_deref(), Some("año 2024"));
    for length in [0, 512, 2047, 2048, 100_000] {
        assert_eq!(detect(&MemoryDisk::new(vec![0; length])).unwrap(), None);
        assert!(used(&MemoryDisk::new(vec![0; length]), Budget::default()).is_err());
    }
}

/// When a file becomes large, or the journal comes later, the revision is raised in the first superblock
/// alone.
#[test]
fn a_revision_that_was_raised() {
    let fixture = Fixture::new(&["-t", "ext2", "-r", "0"], 32 * MIB, 0);
    let mut bytes = fixture.bytes();
    let used = |bytes: &[u8]| {
        used(&MemoryDisk::new(bytes.to_vec()), Budget::default())
            .unwrap_or_else(|doubt| panic!("{doubt}"))
    };
    let before = used(&bytes);
    // s_rev_level, s_first_ino, s_inode_size.
    for (field, value) in [(76, 1), (84, 11), (88, 128)] {
        bytes[1024 + field] = value;
    }
    assert_eq!(used(&bytes), before);
}
