//! Sound volumes: what is found in use is exactly what was given out, and enough to have all files.

use super::*;
use crate::units::MIB;
use proptest::prelude::*;

fn assert_exact(plan: &Plan) -> Used {
    let made = make(plan);
    assert_eq!(generator::files(&made.bytes), made.files, "{plan:?}");
    let disk = MemoryDisk::new(made.bytes.clone());
    let used = used(&disk, BUDGET).unwrap_or_else(|doubt| panic!("{plan:?}: {doubt}"));
    let expected = expected(plan, &made);
    assert_eq!(used.extents.difference(&expected), ExtentMap::new(), "{plan:?}");
    assert_eq!(expected.difference(&used.extents), ExtentMap::new(), "{plan:?}");
    assert!(used.signatures.iter().all(|place| used.extents.contains(*place)), "{plan:?}");
    assert_eq!(used.signatures.len(), 2);
    used
}

#[test]
fn used_bytes_alone_have_all_files() {
    for plan in plans() {
        let used = assert_exact(&plan);
        let made = make(&plan);
        let image = image(&made);
        let restored = image.restored(&used);
        let bytes = restored.read_vec(0, made.bytes.len()).unwrap();
        assert_eq!(generator::files(&bytes), made.files, "{plan:?}");
        assert_eq!(certain(&restored).extents, used.extents, "{plan:?}");
        // Not by looking at the wrong volume: some of it was free, and is garbage now.
        assert!(used.extents.total_bytes() < made.bytes.len() as u64 * 9 / 10, "{plan:?}");
        assert_ne!(bytes, made.bytes, "{plan:?}");
    }
}

#[test]
fn what_partclone_calls_used_is_used() {
    for plan in plans() {
        let made = make(&plan);
        let image = image(&made);
        let theirs = image.partclone("partclone.hfsp");
        let ours = certain(&image).extents;
        let missing = theirs.difference(&ours);
        assert!(missing.is_empty(), "{plan:?}: {missing:?}");
        let more = ours.difference(&theirs).total_bytes();
        assert!(more <= plan.behind as u64 + 1024, "{plan:?}: {more} bytes more");
    }
}

#[test]
fn the_program_says_whole_and_tells_what_it_found() {
    let made = make(&Plan::default());
    let disk = MemoryDisk::new(made.bytes);
    let [reading] = read(&[&disk], BUDGET).try_into().unwrap();
    assert_eq!(reading.volume.kind, VolumeKind::HfsPlus);
    assert_eq!(reading.volume.label.as_deref(), Some("volume"));
    assert_eq!(reading.volume.block_size, Some(4096));
    assert_eq!(reading.volume.length, Some(4 * MIB));
    assert_eq!(reading.used.unwrap_err().id(), "filesystem-unproven");
    assert_eq!(reading.unproven, Some(certain(&disk)));
}

/// What speaks against every reader speaks against what this one found, too.
#[test]
fn a_table_inside_leaves_nothing_to_ask_for() {
    let made = make(&Plan::default());
    let image = image(&made);
    image.write(512, b"EFI PART");
    let [reading] = read(&[&image], BUDGET).try_into().unwrap();
    assert_eq!(reading.used.unwrap_err().id(), "filesystem-table-inside");
    assert_eq!(reading.unproven, None);
}

/// A budget that is too small makes more in use, never less.
#[test]
fn few_extents_only_add() {
    let plan = Plan::default();
    let made = make(&plan);
    let disk = MemoryDisk::new(made.bytes.clone());
    for extents in [2, 5, 20] {
        match used(&disk, Budget { extents }) {
            Ok(used) => {
                assert!(used.extents.len() <= extents);
                assert!(expected(&plan, &made).difference(&used.extents).is_empty());
            }
            Err(doubt) => assert_eq!(doubt.id(), "hfsplus-too-fragmented"),
        }
    }
}

/// xorriso writes HFS+ volumes that can only be read, behind the descriptors of ISO 9660.
#[test]
fn a_volume_by_xorriso_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..30usize {
        let content = vec![number as u8; number * 1999];
        std::fs::write(folder.path().join(format!("file {number}")), content).unwrap();
    }
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::fs::write(folder.path().join("folder/inside"), b"x").unwrap();
    let disc = Image::new(0);
    let words = ["xorriso", "-as", "mkisofs", "-quiet", "-hfsplus", "-V", "NAME", "-o"];
    let paths = [disc.path(), folder.path()].map(|path| path.to_str().unwrap());
    run(&words.into_iter().chain(paths).map(str::to_owned).collect::<Vec<_>>());
    let bytes = disc.read_vec(0, disc.size() as usize).unwrap();
    let is_header = |at: &usize| bytes[at + 1024..].starts_with(b"H+\0\x04");
    let start = (0..bytes.len() - 1536).step_by(512).find(is_header).unwrap();
    let header = &bytes[start + 1024..];
    let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap()) as usize;
    let volume = &bytes[start..start + word(40) * word(44)];
    let image = Image::new(volume.len() as u64);
    image.write(0, volume);
    let used = certain(&image);
    assert_eq!(used.extents.total_bytes(), volume.len() as u64 - (word(40) * word(48)) as u64);
    let theirs = image.partclone("partclone.hfsp");
    assert!(theirs.difference(&used.extents).is_empty());
    let [reading] = read(&[&image], BUDGET).try_into().unwrap();
    assert_eq!(reading.volume.label.as_deref(), Some("NAME"));
    assert!(reading.unproven.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_volume_is_read_exactly(
        block_size in prop_oneof![Just(512usize), Just(1024), Just(4096), Just(16384)],
        room in 0usize..400,
        journal in prop_oneof![
            Just(Journal::None), Just(Journal::BigEndian), Just(Journal::LittleEndian)
        ],
        case_sensitive: bool,
        node_size in prop_oneof![Just(4096usize), Just(8192)],
        special_pieces in 1usize..20,
        files in 1usize..60,
        file_pieces in 1usize..60,
        spare_nodes in 0usize..20,
        behind in 0usize..32,
        seed: u64,
    ) {
        let blocks = 1200 + room + (3 << 20) / block_size;
        let behind = (behind * 512).min(block_size - 512);
        assert_exact(&Plan {
            block_size, blocks, case_sensitive, journal, node_size, special_pieces, files,
            file_pieces, spare_nodes, behind, seed, ..Plan::default()
        });
    }
}
