//! Volumes made by mkudffs, described by udfinfo. What the kernel makes of them is seen in a virtual
//! machine (qemu/vmtest/tests/live/file_systems.rs), since the one that runs the tests has no UDF.

use super::*;
use crate::block::BlockTarget as _;
use crate::block::memory::MemoryDisk;
use crate::filesystem::testing::{Broken, Image, run};
use crate::filesystem::{VolumeKind, VolumeState};
use proptest::prelude::*;

const BUDGET: Budget = Budget { extents: 1 << 20 };

/// Size and options of mkudffs.
const VARIANTS: [(u64, &str); 6] = [
    (64 * MIB, "--media-type=hd --blocksize=512 -l SMALL"),
    (64 * MIB, "--utf8 --media-type=hd --blocksize=2048 -l ñandú"),
    (64 * MIB, "--media-type=hd --blocksize=4096 --udfrev=1.50"),
    (3 << 30, "--media-type=hd --blocksize=512 --udfrev=1.02 -l WIDE"),
    (300 * MIB, "--media-type=dvdram"),
    (300 * MIB, "--media-type=hd --blocksize=8192 --ad=long"),
];

fn doubt(source: &dyn BlockSource) -> Option<String> {
    used(source, BUDGET).err().map(|doubt| doubt.id().to_owned())
}

fn certain(source: &dyn BlockSource) -> Used {
    used(source, BUDGET).unwrap_or_else(|doubt| panic!("{}: {doubt}", source.name()))
}

/// What udfinfo says of a volume, without what it says of the file.
fn described(image: &Image) -> String {
    let lines = image.run("udfinfo --utf8 {}");
    lines.lines().filter(|line| !line.starts_with("filename")).collect::<Vec<_>>().join("\n")
}

fn number(described: &str, name: &str) -> u64 {
    let line = described.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {described}"))
}

#[test]
fn used_bytes_alone_make_the_same_volume() {
    for (size, options) in VARIANTS {
        let image = Image::made_by(size, &format!("mkudffs {options}"));
        let volume = crate::filesystem::identify(&image);
        assert_eq!(volume.kind, VolumeKind::Udf, "{options}");
        let told = described(&image);
        let label = told.lines().find_map(|line| line.strip_prefix("label="));
        assert_eq!(volume.label.as_deref(), label, "{options}");
        let block = number(&told, "blocksize");
        assert_eq!(volume.block_size, Some(block), "{options}");

        let used = certain(&image);
        let free = size - used.extents.total_bytes();
        assert_eq!(free, number(&told, "freeblocks") * block, "{options}");
        assert!(used.signatures.iter().all(|place| used.extents.contains(*place)));
        assert!(used.signatures.len() >= 3, "{options}: {:?}", used.signatures);
        if size < 1 << 30 {
            assert_eq!(described(&image.restored(&used)), told, "{options}");
        }
    }
}

#[test]
fn what_is_not_known_to_be_right_is_a_doubt() {
    let image = Image::made_by(64 * MIB, "mkudffs --media-type=hd --blocksize=512");
    let told = described(&image);
    let place = |kind: &str| {
        let line = told.lines().find(|line| line.contains(&format!("type={kind}"))).unwrap();
        let start = line.split("start=").nth(1).unwrap().split(',').next().unwrap();
        start.trim().parse::<u64>().unwrap() * 512
    };
    let changed = |at: u64, bytes: &[u8]| {
        let before = image.read_vec(at, bytes.len()).unwrap();
        image.write(at, bytes);
        let found = doubt(&image);
        image.write(at, &before);
        found
    };
    assert_eq!(doubt(&image), None);
    // Every byte of the anchor's and the sequences' sectors that a checksum covers.
    for (kind, expected) in
        [("ANCHOR", "udf-no-anchor"), ("MVDS", "udf-damaged"), ("LVID", "udf-damaged")]
    {
        let at = if kind == "ANCHOR" { 256 * 512 } else { place(kind) };
        for byte in [0, 4, 5, 12, 20] {
            let value = image.read_vec(at + byte, 1).unwrap()[0] ^ 0x10;
            assert_eq!(changed(at + byte, &[value]).as_deref(), Some(expected), "{kind} {byte}");
        }
    }
    // One block more is free than was counted.
    let bitmap = place("PSPACE") + BITMAP_HEADER as u64;
    let first = image.read_vec(bitmap, 1).unwrap()[0];
    assert_ne!(first, 0xFF);
    assert_eq!(
        changed(bitmap, &[first | (!first & first.wrapping_add(1))]).as_deref(),
        Some("udf-count")
    );
    image.resize(60 * MIB);
    assert_eq!(doubt(&image).as_deref(), Some("udf-longer-than-volume"));
}

#[test]
fn an_open_volume_is_a_doubt_and_its_state_is_told() {
    let image = Image::made_by(64 * MIB, "mkudffs --media-type=hd --blocksize=512");
    let told = described(&image);
    let line = told.lines().find(|line| line.contains("type=LVID")).unwrap();
    let start = line.split("start=").nth(1).unwrap().split(',').next().unwrap();
    let at = start.trim().parse::<u64>().unwrap() * 512;
    let mut block = image.read_vec(at, 512).unwrap();
    block[28..32].copy_from_slice(&[0; 4]);
    let length = usize::from(u16::from_le_bytes([block[10], block[11]]));
    let crc = CRC.checksum(&block[16..16 + length]);
    block[8..10].copy_from_slice(&crc.to_le_bytes());
    block[4] = 0;
    block[4] = block[..16].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    image.write(at, &block);
    let [reading] = crate::filesystem::read(&[&image], BUDGET).try_into().unwrap();
    assert_eq!(reading.used.unwrap_err().id(), "udf-open");
    assert_eq!(reading.volume.state, Some(VolumeState::Unclean));
}

#[test]
fn discs_of_other_kinds_are_doubts() {
    for options in [
        "--media-type=cdrw",
        "--media-type=dvdrw",
        "--media-type=hd --space=freedbitmap",
        "--media-type=hd --space=unalloctable",
        "--media-type=hd --read-only",
    ] {
        let image = Image::made_by(300 * MIB, &format!("mkudffs {options}"));
        assert_eq!(doubt(&image).as_deref(), Some("udf-partitions"), "{options}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"x").unwrap();
    let image = Image::new(0);
    let folder = folder.path().to_str().unwrap();
    run(&["genisoimage", "-quiet", "-udf", "-o", image.path().to_str().unwrap(), folder]
        .map(str::to_owned));
    assert_eq!(doubt(&image).as_deref(), Some("udf-partitions"));
}

#[test]
fn what_cannot_be_read_is_a_doubt() {
    let image = Image::made_by(64 * MIB, "mkudffs --media-type=hd --blocksize=2048");
    let broken = Broken { source: &image, unreadable: Extent::new(256 * 2048, 2048) };
    assert_eq!(doubt(&broken).as_deref(), Some("filesystem-unreadable"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_never_panics(changes in proptest::collection::vec((0u64..700, 0u64..512, any::<u8>()), 1..20)) {
        thread_local! {
            static VOLUME: Vec<u8> = {
                let image = Image::made_by(2 * MIB, "mkudffs --media-type=hd --blocksize=512");
                image.read_vec(0, 2 << 20).unwrap()
            };
        }
        let disk = VOLUME.with(|bytes| MemoryDisk::new(bytes.clone()));
        for (sector, byte, value) in changes {
            disk.write_at(sector * 512 + byte, &[value]).unwrap();
        }
        let _ = used(&disk, BUDGET);
        let mut volume = Volume::of(VolumeKind::Udf);
        describe(&disk, &mut volume);
    }
}
