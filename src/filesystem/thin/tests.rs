mod builder;

use self::builder::{Builder, Device, Pool};
use super::{Expected, used};
use crate::block::BlockSource;
use crate::block::memory::MemoryDisk;
use crate::filesystem::testing::{Broken, Garbage, Image, run};
use crate::filesystem::{Budget, Doubt};
use crate::units::{Extent, ExtentMap, KIB, MIB};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Length of a data block in bytes.
const CHUNK: u64 = 64 * KIB;

fn expected(blocks: u64, transaction: u64, devices: &[u64]) -> Expected {
    let devices = devices.to_vec();
    // The data volume need not end where a block does.
    Expected { data_size: blocks * CHUNK + 4096, data_block: CHUNK, transaction, devices }
}

fn bytes_of(blocks: impl IntoIterator<Item = u64>) -> ExtentMap {
    blocks.into_iter().map(|block| Extent::new(block * CHUNK, CHUNK)).collect()
}

/// A description of a pool as `thin_restore` takes it: for each device the data blocks by the blocks of
/// the device.
fn description(devices: &[BTreeMap<u64, u64>], transaction: u64, blocks: u64) -> String {
    let mut xml = format!(
        "<superblock uuid=\"\" time=\"2\" transaction=\"{transaction}\" data_block_size=\"128\" \
         nr_data_blocks=\"{blocks}\">\n"
    );
    for (number, mappings) in devices.iter().enumerate() {
        let count = mappings.len();
        writeln!(
            xml,
            "<device dev_id=\"{}\" mapped_blocks=\"{count}\" transaction=\"0\" creation_time=\"0\" \
             snap_time=\"1\">",
            number + 1
        )
        .unwrap();
        for (origin, data) in mappings {
            writeln!(
                xml,
                "<single_mapping origin_block=\"{origin}\" data_block=\"{data}\" time=\"1\"/>"
            )
            .unwrap();
        }
        xml.push_str("</device>\n");
    }
    xml + "</superblock>\n"
}

/// Metadata made by `thin_restore`.
fn restored(xml: &str, size: u64) -> Image {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), xml).unwrap();
    let image = Image::new(size);
    image.run(&format!("thin_restore -i {} -o {{}}", file.path().display()));
    image.run("thin_check -q");
    image
}

/// Every data block that `thin_dump` names.
fn dumped(metadata: &Image) -> BTreeSet<u64> {
    let mut blocks = BTreeSet::new();
    for line in metadata.run("thin_dump").lines() {
        let field = |name: &str| -> Option<u64> {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split('"').next()?.parse().ok()
        };
        let start = field("data_block").or_else(|| field("data_begin"));
        if let Some(start) = start {
            blocks.extend(start..start + field("length").unwrap_or(1));
        }
    }
    blocks
}

fn answer(metadata: &dyn BlockSource, expected: &Expected) -> Result<ExtentMap, Doubt> {
    used(metadata, expected, Budget::default())
}

fn doubt(metadata: &dyn BlockSource, expected: &Expected) -> String {
    answer(metadata, expected).map_or_else(|doubt| doubt.id().to_owned(), |_| "none".into())
}

#[test]
fn what_thin_restore_makes_is_read() {
    let mut garbage = Garbage::new(5);
    // Devices, blocks of the pool, mappings of each device: up to several levels of nodes.
    for (devices, blocks, count) in
        [(0, 64, 0), (1, 1, 1), (1, 1 << 20, 1), (3, 50_000, 300), (2, 120_000, 40_000)]
    {
        let devices: Vec<BTreeMap<u64, u64>> = (0..devices)
            .map(|_| {
                let mut mapping = || (garbage.number() % (3 * blocks), garbage.number() % blocks);
                (0..count).map(|_| mapping()).collect()
            })
            .collect();
        let image = restored(&description(&devices, 7, blocks), 16 * MIB);
        let numbers: Vec<u64> = (1..=devices.len() as u64).collect();
        let mapped: BTreeSet<u64> =
            devices.iter().flat_map(|mappings| mappings.values().copied()).collect();
        assert_eq!(dumped(&image), mapped);
        let answer = answer(&image, &expected(blocks, 7, &numbers)).unwrap();
        assert_eq!(answer, bytes_of(mapped));
    }
}

/// A pool as Linux leaves it after snapshots: branches with many owners, and a metadata snapshot.
fn shared() -> Pool {
    let mut builder = Builder::new(40_000, CHUNK);
    let old: BTreeMap<u64, u64> = (0..60).map(|block| (block * 3, block * 2)).collect();
    let origin = builder.mappings(&old);
    // Four devices with the same mappings, and one that has changed some of them.
    let mut devices: Vec<Device> =
        (1..5).map(|number| Device { number, root: origin, mapped: 60 }).collect();
    let changed: BTreeMap<u64, u64> = (0..20).map(|block| (block, 30_000 + block)).collect();
    let root = builder.joined(origin, &changed);
    devices.push(Device { number: 9, root, mapped: 80 });
    // Only the metadata snapshot knows the last one.
    let removed: BTreeMap<u64, u64> = (0..5).map(|block| (block, 35_000 + 2 * block)).collect();
    let removed = builder.mappings(&removed);
    let held = [devices[0], Device { number: 77, root: removed, mapped: 5 }];
    builder.held(&held);
    builder.finish(&devices, 3)
}

fn expected_of_shared() -> Expected {
    expected(40_000, 3, &[1, 4, 9])
}

fn blocks_of_shared() -> ExtentMap {
    let old = (0..60).map(|block| block * 2);
    bytes_of(old.chain(30_000..30_020).chain((0..5).map(|block| 35_000 + 2 * block)))
}

#[test]
fn shared_branches_and_what_only_a_metadata_snapshot_holds_are_in_use() {
    let pool = shared();
    let image = pool.image();
    assert!(dumped(&image).len() < 85, "thin_dump does not look into the snapshot");
    assert_eq!(answer(&image, &expected_of_shared()).unwrap(), blocks_of_shared());
}

#[test]
fn what_is_in_use_and_belongs_to_nobody_is_kept() {
    let mut builder = Builder::new(100, CHUNK);
    let root = builder.mappings(&BTreeMap::from([(0, 5)]));
    builder.leak(50);
    let pool = builder.finish(&[Device { number: 1, root, mapped: 1 }], 0);
    assert_eq!(answer(&pool.disk(), &expected(100, 0, &[1])).unwrap(), bytes_of([5, 50]));
}

#[test]
fn the_budget_merges_small_gaps() {
    let pool = shared();
    let budget = Budget { extents: 4 };
    let answer = used(&pool.disk(), &expected_of_shared(), budget).unwrap();
    assert!(answer.len() <= 4);
    assert_eq!(answer.difference(&blocks_of_shared()).total_bytes() % CHUNK, 0);
    assert!(blocks_of_shared().difference(&answer).is_empty());
}

#[test]
fn what_lvm_says_has_to_be_what_the_pool_says() {
    let disk = shared().disk();
    let right = expected_of_shared();
    assert_eq!(doubt(&disk, &right), "none");
    let other = |change: fn(&mut Expected)| {
        let mut other = right.clone();
        change(&mut other);
        doubt(&disk, &other)
    };
    assert_eq!(other(|expected| expected.transaction += 1), "thin-transaction");
    assert_eq!(other(|expected| expected.data_block *= 2), "thin-differs");
    assert_eq!(other(|expected| expected.devices.push(77)), "thin-differs");
    assert_eq!(other(|expected| expected.data_size -= 4097), "thin-size");
    assert_eq!(other(|expected| expected.data_size += 1 << 40), "none");
}

#[test]
fn a_superblock_that_says_something_else_is_a_doubt() {
    // Offset, bytes, doubt.
    let changes: &[(usize, &[u8], &str)] = &[
        (4, &[1], "thin-needs-check"),
        (4, &[2], "thin-feature"),
        (32, &[0], "thin-damaged"),
        (40, &[0], "thin-version"),
        (40, &[3], "thin-version"),
        (48, &[4], "thin-transaction"),
        (56, &[1], "thin-damaged"),
        (56, &[255, 255], "thin-damaged"),
        (64, &[255; 8], "thin-size"),
        (72, &[0], "thin-allocated"),
        (192, &[255; 8], "thin-size"),
        (192, &[0; 8], "thin-damaged"),
        (336, &[0; 4], "thin-damaged"),
        (340, &[16], "thin-damaged"),
        (352, &[1], "thin-feature"),
        (356, &[1], "thin-feature"),
        (360, &[1], "thin-feature"),
    ];
    for (at, bytes, expected) in changes {
        let mut pool = shared();
        pool.change(0, *at, bytes);
        assert_eq!(doubt(&pool.disk(), &expected_of_shared()), *expected, "{at} {bytes:?}");
    }
    // The number of metadata blocks is not kept up to date when they become more, and that of those in
    // use is not right when `thin_restore` has written it.
    for at in [200, 344] {
        let mut pool = shared();
        pool.change(0, at, &[1]);
        assert_eq!(doubt(&pool.disk(), &expected_of_shared()), "none");
    }
    // A pool that was never started has none.
    assert_eq!(doubt(&MemoryDisk::new(vec![0; 1 << 20]), &expected(1, 0, &[])), "thin-damaged");
    assert_eq!(doubt(&MemoryDisk::new(Vec::new()), &expected(1, 0, &[])), "thin-damaged");
}

#[test]
fn counts_that_do_not_agree_are_a_doubt() {
    // A mapping of a block that is free.
    let mut builder = Builder::new(100, CHUNK);
    let root = builder.mappings(&BTreeMap::from([(0, 5), (1, 6)]));
    builder.free(6);
    let pool = builder.finish(&[Device { number: 1, root, mapped: 2 }], 0);
    assert_eq!(doubt(&pool.disk(), &expected(100, 0, &[1])), "thin-free");
    // A mapping behind the last block.
    let mut builder = Builder::new(100, CHUNK);
    let root = builder.mappings(&BTreeMap::from([(0, 100)]));
    let pool = builder.finish(&[Device { number: 1, root, mapped: 1 }], 0);
    assert_eq!(doubt(&pool.disk(), &expected(100, 0, &[1])), "thin-free");
    // A device with other mappings than it says.
    let mut builder = Builder::new(100, CHUNK);
    let root = builder.mappings(&BTreeMap::from([(0, 5), (1, 6)]));
    let pool = builder.finish(&[Device { number: 1, root, mapped: 1 }], 0);
    assert_eq!(doubt(&pool.disk(), &expected(100, 0, &[1])), "thin-mapped");
    // A block of the metadata in use that nothing leads to: what is lost may lead to mappings.
    let mut builder = Builder::new(100, CHUNK);
    let root = builder.mappings(&BTreeMap::from([(0, 5)]));
    let lost = builder.mappings(&BTreeMap::from([(0, 7)]));
    let mut pool = builder.finish(&[Device { number: 1, root, mapped: 1 }], 0);
    assert_eq!(doubt(&pool.disk(), &expected(100, 0, &[1])), "none");
    pool.set_metadata_count(lost, 1);
    assert_eq!(doubt(&pool.disk(), &expected(100, 0, &[1])), "thin-references");
    // Loops and branches that are two things.
    for target in ["itself", "details"] {
        let mut builder = Builder::new(100, CHUNK);
        let root = builder.mappings(&(0..30).map(|block| (block, block)).collect());
        let mut pool = builder.finish(&[Device { number: 1, root, mapped: 30 }], 0);
        let child = match target {
            "itself" => root,
            _ => pool.details,
        };
        pool.set_first_child(root, child);
        assert_eq!(doubt(&pool.disk(), &expected(100, 0, &[1])), "thin-damaged", "{target}");
    }
}

#[test]
fn what_cannot_be_read_is_a_doubt_where_it_is_needed() {
    let pool = shared();
    let disk = pool.disk();
    for block in 0..pool.blocks() {
        let unreadable = Extent::new(block * 4096 + 512, 512);
        let broken = Broken { source: &disk, unreadable };
        let answer = doubt(&broken, &expected_of_shared());
        let wanted = if pool.is_used(block) { "thin-unreadable" } else { "none" };
        assert_eq!(answer, wanted, "{block}");
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let pool = shared();
    let mut garbage = Garbage::new(9);
    for block in 0..pool.blocks() {
        for _ in 0..20 {
            let mut changed = pool.clone();
            changed.flip(block, (garbage.number() % 4096) as usize, 1 << (garbage.number() % 8));
            let wanted = if pool.is_used(block) { "thin-damaged" } else { "none" };
            assert_eq!(doubt(&changed.disk(), &expected_of_shared()), wanted, "{block}");
        }
    }
}

fn mapping() -> impl Strategy<Value = BTreeMap<u64, u64>> {
    proptest::collection::btree_map(0u64..500, 0u64..2_000, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Pools with shared branches: exactly what is mapped is in use.
    #[test]
    fn exactly_what_is_mapped_is_in_use(
        origins in proptest::collection::vec(mapping(), 1..4),
        owners in proptest::collection::vec(0usize..4, 0..9),
        held in proptest::collection::vec(0usize..4, 0..3),
        fan_out in 2usize..9,
    ) {
        let mut builder = Builder::new(2_000, CHUNK).fan_out(fan_out);
        let roots: Vec<u64> = origins.iter().map(|origin| builder.mappings(origin)).collect();
        let device = |(number, owner): (usize, &usize)| {
            let origin = owner % origins.len();
            let mapped = origins[origin].len() as u64;
            Device { number: number as u64 * 2, root: roots[origin], mapped }
        };
        let devices: Vec<Device> = owners.iter().enumerate().map(device).collect();
        let of_snapshot: Vec<Device> = held.iter().enumerate().map(device).collect();
        if !held.is_empty() {
            builder.held(&of_snapshot);
        }
        let pool = builder.finish(&devices, 1);
        let mapped = owners.iter().chain(&held)
            .flat_map(|owner| origins[owner % origins.len()].values().copied());
        let mapped: BTreeSet<u64> = mapped.collect();
        let answer = answer(&pool.disk(), &expected(2_000, 1, &[]));
        prop_assert_eq!(answer.map_err(|doubt| doubt.to_string()), Ok(bytes_of(mapped)));
    }

    /// Wrong numbers under right checksums: a doubt, or nothing is left out that a walk without any
    /// checks finds.
    #[test]
    fn nothing_is_left_out_of_a_hostile_pool(
        // Headers and keys, or values.
        changes in proptest::collection::vec(
            (0u64..60, prop_oneof![0usize..400, 2048usize..2100], any::<u8>()), 1..4)
    ) {
        let mut pool = shared();
        prop_assert_eq!(bytes_of(pool.found()), blocks_of_shared());
        for (block, at, byte) in changes {
            let block = block % pool.blocks();
            pool.change(block, at.max(4), &[byte]);
        }
        if let Ok(answer) = answer(&pool.disk(), &expected_of_shared()) {
            let missing = bytes_of(pool.found()).difference(&answer);
            prop_assert!(missing.is_empty(), "{:?}", missing);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40_000)) {
        let _ = answer(&MemoryDisk::new(bytes), &expected(9, 0, &[]));
    }
}

/// What the builder makes is sound for the pool's own tools, where nodes are as full as they expect.
#[test]
fn thin_check_is_content_with_what_the_tests_build() {
    let mut builder = Builder::new(60_000, CHUNK).fan_out(100);
    let origin = builder.mappings(&(0..8_400).map(|block| (block, block * 7)).collect());
    let often = builder.mappings(&(0..8_400).map(|block| (block, block % 2_800)).collect());
    let device =
        |number| Device { number, root: [origin, often][number as usize % 2], mapped: 8_400 };
    let devices: Vec<Device> = (0..40).map(device).collect();
    let removed = builder.mappings(&(0..80).map(|block| (block, 59_000 + block)).collect());
    let root_of_removed = Device { number: 50, root: removed, mapped: 80 };
    builder.held(&[devices[0], devices[5], root_of_removed]);
    let image = builder.finish(&devices, 0).image();
    image.run("thin_check -q");
    let mut mapped = dumped(&image);
    assert_eq!(mapped, (0..8_400).map(|block| block * 7).chain(0..2_800).collect());
    let listed =
        run(&["thin_ls", "--no-headers", image.path().to_str().unwrap()].map(str::to_owned));
    assert_eq!(listed.lines().count(), 40, "{listed}");
    // The tools tell of a metadata snapshot when asked for it.
    let held = image.run("thin_dump --metadata-snap {}");
    assert!(held.contains("dev_id=\"50\""), "{held}");
    mapped.extend(59_000..59_080);
    assert_eq!(answer(&image, &expected(60_000, 0, &[0, 39])).unwrap(), bytes_of(mapped));
}
