use super::*;
use crate::filesystem::testing::Image as File;
use crate::units::GIB;

const BUDGET: Budget = Budget { extents: 16 };

type Read = fn(&dyn BlockSource, Budget) -> Result<Used, Doubt>;

fn doubt(read: Read, source: &dyn BlockSource) -> Option<String> {
    read(source, BUDGET).err().map(|doubt| doubt.id().to_owned())
}

/// A folder with files of several blocks, small ones and a link.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..40usize {
        let content: Vec<u8> = (0..number * 7919).map(|at| ((at * at) >> 5) as u8).collect();
        std::fs::write(folder.path().join(format!("file {number}")), content).unwrap();
    }
    std::os::unix::fs::symlink("file 3", folder.path().join("link")).unwrap();
    folder
}

/// Makes an image, puts it in a large volume, copies what is in use onto garbage, and has
/// `list` judge it.
fn shown(make: &str, list: &str, read: Read, kind: VolumeKind) {
    let folder = files();
    let image = File::new(0);
    image.run(&make.replace("FOLDER", folder.path().to_str().unwrap()));
    let length = image.size();
    let listed = image.run(list);
    image.resize(GIB);

    let volume = crate::filesystem::identify(&image);
    assert_eq!(volume.kind, kind);
    assert!(volume.length.is_some_and(|said| said <= length));
    let used = read(&image, BUDGET).unwrap();
    assert!(used.extents.total_bytes() <= length.next_multiple_of(PADDING) + MIB, "{make}");
    assert!(used.extents.contains(Extent::new(0, length)), "{make}");
    let small = File::new(0);
    small.run(&make.replace("FOLDER", folder.path().to_str().unwrap()));
    let used_small = read(&small, BUDGET).unwrap();
    assert_eq!(used_small.extents, ExtentMap::whole(Extent::new(0, length)));

    image.resize(8 * MIB);
    let used = read(&image, BUDGET).unwrap();
    let restored = image.restored(&used);
    assert_eq!(restored.run(list), listed, "{make}");
    let again = crate::filesystem::identify(&restored);
    assert_eq!((again.kind, again.uuid), (kind, volume.uuid));

    // What follows at the next block or the next 64 KiB may belong to it.
    for place in [length, length.next_multiple_of(64 * KIB) + 1024] {
        image.write(place, b"verity\0\0");
        assert_eq!(doubt(read, &image).as_deref(), Some("packed-followed"), "{make}");
        image.write(place, &[0; 8]);
        assert_eq!(doubt(read, &image), None);
    }
    image.resize(length - PADDING);
    assert_eq!(doubt(read, &image).as_deref(), Some("packed-past-end"));
}

#[test]
fn squashfs_images_are_as_long_as_they_say() {
    for options in ["", "-comp zstd -b 1M", "-noI -noD -noF -no-xattrs", "-comp xz -no-exports"] {
        shown(
            &format!("mksquashfs FOLDER {{}} -quiet -noappend {options}"),
            "unsquashfs -lls -n {}",
            used_squashfs,
            VolumeKind::Squashfs,
        );
    }
}

#[test]
fn erofs_images_are_as_long_as_they_say() {
    for options in
        ["", "-zlz4hc -C65536", "-zlz4 -Eztailpacking", "-Enoinline_data", "-Elegacy-compress"]
    {
        shown(
            &format!("mkfs.erofs {options} {{}} FOLDER"),
            "fsck.erofs {}",
            used_erofs,
            VolumeKind::Erofs,
        );
    }
}

#[test]
fn iso_images_are_as_long_as_they_say() {
    for make in [
        "xorriso -as mkisofs -quiet -J -R -V LAB -o {} FOLDER",
        "xorriso -as mkisofs -quiet -no-pad -o {} FOLDER",
        "genisoimage -quiet -J -R -V LAB -o {} FOLDER",
        "genisoimage -quiet -no-pad -iso-level 4 -o {} FOLDER",
    ] {
        shown(make, "isoinfo -l -i {}", used_iso9660, VolumeKind::Iso9660);
    }
}

#[test]
fn iso_descriptors_that_contradict_each_other_are_doubts() {
    let folder = files();
    let image = File::new(0);
    image.run(&format!("genisoimage -quiet -o {{}} {}", folder.path().display()));
    // The number of blocks in both orders, their size in both orders, and the second descriptor.
    for offset in [80, 84, 128, 130, 2049] {
        let at = 16 * 2048 + offset;
        let before = image.read_vec(at, 1).unwrap();
        image.write(at, &[before[0] ^ 1]);
        assert_eq!(doubt(used_iso9660, &image).as_deref(), Some("packed-damaged"), "{offset}");
        image.write(at, &before);
        assert_eq!(doubt(used_iso9660, &image), None);
    }
}

#[test]
fn superblocks_that_make_no_sense_are_doubts() {
    let folder = files();
    let folder = folder.path().to_str().unwrap();
    let image = File::new(0);
    image.run(&format!("mksquashfs {folder} {{}} -quiet -noappend"));
    for (offset, bytes) in [(22, &[1u8, 0][..]), (30, &[1, 0]), (40, &[97, 0, 0]), (72, &[0xFF; 8])]
    {
        let before = image.read_vec(offset, bytes.len()).unwrap();
        image.write(offset, bytes);
        assert_eq!(doubt(used_squashfs, &image).as_deref(), Some("packed-damaged"), "{offset}");
        image.write(offset, &before);
        assert_eq!(doubt(used_squashfs, &image), None);
    }
    let image = File::new(0);
    image.run(&format!("mkfs.erofs {{}} {folder}"));
    for (offset, bytes, expected) in [
        (1024 + 36, &[9u8][..], "packed-damaged"),
        (1024 + 80, &[0x80], "packed-features"),
        (1024 + 86, &[1], "packed-devices"),
    ] {
        let before = image.read_vec(offset, bytes.len()).unwrap();
        image.write(offset, bytes);
        assert_eq!(doubt(used_erofs, &image).as_deref(), Some(expected), "{offset}");
        image.write(offset, &before);
        assert_eq!(doubt(used_erofs, &image), None);
    }
}
