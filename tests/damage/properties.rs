//! Whatever a disk holds: save, then restore, is the identity on the bytes in use.

use crate::support::*;
use calco::block::buffer::AlignedBuffer;
use calco::block::fault::FaultySource;
use calco::block::memory::MemoryDisk;
use calco::block::{BlockSource, check_range};
use calco::codec::{Compressor, Level, is_zero, sha256};
use calco::error::Result;
use calco::image::{
    ChunkContent, ChunkOutput, Disk, DiskIdentity, Freshness, Header, ImageDisk, ImageWriter,
    Machine, Manifest, Saved, SavedVolume, WriterOptions,
};
use calco::operation::save::SaveOptions;
use calco::operation::survey::{Choice, survey};
use calco::report::Silent;
use calco::store::{MemoryStore, Store};
use calco::units::{Extent, ExtentMap};
use proptest::prelude::*;
use std::sync::Arc;

/// What a stretch of a disk is filled with.
#[derive(Clone, Copy, Debug)]
enum Fill {
    Zeros,
    Same(u8),
    Random(u64),
}

fn fill(bytes: &mut [u8], fill: Fill) {
    match fill {
        Fill::Zeros => bytes.fill(0),
        Fill::Same(byte) => bytes.fill(byte),
        Fill::Random(seed) => Random::new(seed).fill(bytes),
    }
}

fn any_fill() -> impl Strategy<Value = Fill> {
    prop_oneof![
        2 => Just(Fill::Zeros),
        1 => any::<u8>().prop_map(Fill::Same),
        2 => (0u64..4).prop_map(Fill::Random),
    ]
}

/// How a disk is divided.
#[derive(Clone, Debug)]
enum Table {
    None,
    Gpt(Vec<(u64, u64)>),
    Mbr(Vec<(u64, u64)>),
}

/// Partitions in sectors that do not overlap, from sector 40 to `end`.
fn any_partitions(end: u64, most: usize) -> impl Strategy<Value = Vec<(u64, u64)>> {
    proptest::collection::vec(40..end, 0..=2 * most).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.dedup();
        cuts.chunks_exact(2).map(|pair| (pair[0], pair[1] - pair[0])).collect()
    })
}

#[derive(Clone, Debug)]
struct AnyDisk {
    sectors: u64,
    fills: Vec<(u64, u64, Fill)>,
    table: Table,
    swap: bool,
    extra: usize,
}

fn any_disk() -> impl Strategy<Value = AnyDisk> {
    (200u64..6000, any::<bool>(), any::<bool>(), 0usize..2000).prop_flat_map(
        |(sectors, swap, extra, more)| {
            let end = sectors - 40;
            let table = prop_oneof![
                Just(Table::None),
                any_partitions(end, 5).prop_map(Table::Gpt),
                any_partitions(end, 4).prop_map(Table::Mbr),
            ];
            let fills = proptest::collection::vec((0..sectors, 1..2000u64, any_fill()), 0..12);
            (table, fills).prop_map(move |(table, fills)| AnyDisk {
                sectors,
                fills,
                table,
                swap,
                extra: if extra { more } else { 0 },
            })
        },
    )
}

impl AnyDisk {
    fn bytes(&self) -> Vec<u8> {
        // A plain file need not end with a whole sector.
        let mut disk = vec![0; self.sectors as usize * 512 + self.extra % 512];
        for (first, sectors, what) in &self.fills {
            let end = (first + sectors).min(self.sectors) as usize * 512;
            fill(&mut disk[*first as usize * 512..end], *what);
        }
        let whole = self.sectors as usize * 512;
        let partitions = match &self.table {
            Table::None => vec![(0, self.sectors)],
            Table::Gpt(partitions) => {
                write_gpt(&mut disk[..whole], 512, partitions);
                partitions.clone()
            }
            Table::Mbr(partitions) => {
                let narrow: Vec<(u32, u32)> =
                    partitions.iter().map(|(a, b)| (*a as u32, *b as u32)).collect();
                disk[..512].fill(0);
                write_mbr(&mut disk, &narrow);
                partitions.clone()
            }
        };
        if self.swap {
            for (first, sectors) in partitions.into_iter().filter(|(_, sectors)| *sectors >= 80) {
                write_swap(&mut disk[first as usize * 512..][..sectors as usize * 512]);
            }
        }
        disk
    }
}

/// The bytes of `map` are equal; answers the first that are not.
fn first_difference(map: &ExtentMap, one: &[u8], other: &[u8]) -> Option<Extent> {
    map.iter().find(|extent| {
        let range = extent.offset as usize..extent.end() as usize;
        one[range.clone()] != other[range]
    })
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn save_then_restore_is_the_identity_on_used_bytes(
        disks in proptest::collection::vec(any_disk(), 1..3),
        chunk_power in 16u32..19,
        level in prop_oneof![Just(Level::None), Just(Level::Fast), Just(Level::Auto)],
        raw in any::<bool>(),
        garbage in any::<u8>(),
        larger in 0usize..3,
    ) {
        let contents: Vec<Vec<u8>> = disks.iter().map(AnyDisk::bytes).collect();
        let store = MemoryStore::default();
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let sources = contents
            .iter()
            .enumerate()
            .map(|(number, bytes)| {
                let mut source = source(bytes, &format!("disk{number}"));
                source.choice.raw = raw;
                source
            })
            .collect();
        let options = SaveOptions { chunk_size: 1 << chunk_power, level, ..options("image") };
        save_to(&shared, sources, options).unwrap();
        verify(&store, "image").unwrap();
        for (number, bytes) in contents.iter().enumerate() {
            let disk = MemoryDisk::new(bytes.clone());
            let found = survey(&[&disk], &Silent).unwrap().pop().unwrap();
            let choice = Choice { raw, ..Choice::default() };
            let (_, map) = found.used(&choice);
            let target = Target::new(vec![garbage; bytes.len() + larger * 4096]);
            restore(&store, number, None, &target).unwrap();
            let restored = target.disk.to_vec();
            if larger == 0 {
                prop_assert_eq!(first_difference(&map, bytes, &restored), None);
            } else {
                // A table is fitted to the larger disk; all else is where it was.
                let regions = found.table.regions.iter().map(|region| region.extent);
                let table: ExtentMap = regions.collect();
                let rest = map.difference(&table);
                prop_assert_eq!(first_difference(&rest, bytes, &restored), None);
            }
            // The image read as a disk says the same, and zero where nothing is in use.
            let image = open(&store, "image").unwrap();
            let index = image.index(number, Freshness::Any).unwrap();
            let read = ImageDisk::new(&image, number, &index, Freshness::Any).unwrap();
            let seen = read.read_vec(0, bytes.len()).unwrap();
            prop_assert_eq!(first_difference(&map, bytes, &seen), None);
            let unused = ExtentMap::whole(Extent::new(0, bytes.len() as u64)).difference(&map);
            let zeros = vec![0; bytes.len()];
            prop_assert_eq!(first_difference(&unused, &zeros, &seen), None);
        }
    }

    /// Any map at all, down to single bytes, straight through the writer.
    #[test]
    fn any_extent_map_survives(
        size in 1u64..700_000,
        pieces in proptest::collection::vec((0u64..700_000, 1u64..90_000), 0..60),
        fine in proptest::collection::vec((0u64..700_000, 1u64..40), 0..60),
        fills in proptest::collection::vec((0usize..700_000, 1usize..200_000, any_fill()), 0..8),
    ) {
        let mut bytes = vec![0; size as usize];
        for (first, length, what) in fills {
            let end = (first + length).min(bytes.len());
            fill(&mut bytes[first.min(end)..end], what);
        }
        let limit = Extent::new(0, size);
        let map: ExtentMap = pieces
            .into_iter()
            .chain(fine)
            .filter_map(|(offset, length)| Extent::new(offset, length).intersection(limit))
            .collect();
        let store = MemoryStore::default();
        write_image(&store, &bytes, &map, &[]).unwrap();
        verify(&store, "image").unwrap();
        let image = open(&store, "image").unwrap();
        let index = image.index(0, Freshness::Any).unwrap();
        let read: ExtentMap = index.used_extents().collect::<Result<_>>().unwrap();
        prop_assert_eq!(&read, &map);
        let target = Target::new(vec![0xEE; bytes.len()]);
        restore(&store, 0, None, &target).unwrap();
        prop_assert_eq!(first_difference(&map, &bytes, &target.disk.to_vec()), None);
    }

    /// What cannot be read becomes zero, is counted and kept in the image; nothing else changes.
    #[test]
    fn unreadable_sectors_are_zero_and_told(
        disk in any_disk(),
        bad in proptest::collection::vec((0u64..6000, 1u64..40), 1..6),
    ) {
        let bytes = disk.bytes();
        let limit = Extent::new(0, disk.sectors * 512);
        // A table that cannot be read is another story: the middle only.
        let bad: ExtentMap = bad
            .into_iter()
            .filter_map(|(sector, count)| {
                let extent = Extent::new(sector * 512, count * 512);
                let inner = Extent::between(40 * 512, limit.length.saturating_sub(40 * 512));
                extent.intersection(inner)
            })
            .collect();
        let store = MemoryStore::default();
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let failing = Failing { disk: MemoryDisk::new(bytes.clone()), bad: bad.iter().collect() };
        let found = survey(&[&failing], &Silent).unwrap().pop().unwrap();
        let (_, map) = found.used(&Choice::default());
        let lost: ExtentMap = bad.iter().flat_map(|e| map.within(e).collect::<Vec<_>>()).collect();
        let outcome =
            save_to(&shared, vec![from_disk(Arc::new(failing), "disk0")], options("image")).unwrap();
        prop_assert_eq!(outcome.unreadable_bytes, lost.total_bytes());
        prop_assert_eq!(outcome.warnings.is_empty(), lost.is_empty());
        let verified = verify(&store, "image").unwrap();
        prop_assert_eq!(verified.unreadable_bytes, lost.total_bytes());
        let image = open(&store, "image").unwrap();
        let index = image.index(0, Freshness::Any).unwrap();
        let mut told = Vec::new();
        for segment in index.segments() {
            told.extend(segment.unwrap().unreadable);
        }
        prop_assert_eq!(told.into_iter().collect::<ExtentMap>(), lost.clone());
        let mut expected = bytes.clone();
        for extent in lost.iter() {
            expected[extent.offset as usize..extent.end() as usize].fill(0);
        }
        let target = Target::new(vec![0xEE; bytes.len()]);
        let restored = restore(&store, 0, None, &target).unwrap();
        prop_assert_eq!(restored.unreadable_bytes, lost.total_bytes());
        prop_assert_eq!(first_difference(&map, &expected, &target.disk.to_vec()), None);
    }
}

/// A disk with bad sectors that owns itself.
struct Failing {
    disk: MemoryDisk,
    bad: Vec<Extent>,
}

impl BlockSource for Failing {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn name(&self) -> String {
        "failing".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size(), offset, buffer.len() as u64)?;
        FaultySource::new(&self.disk, self.bad.clone()).read_at(offset, buffer)
    }
}

/// Writes the image of a disk without a table through the writer alone.
pub(crate) fn write_image(
    store: &MemoryStore,
    bytes: &[u8],
    map: &ExtentMap,
    unreadable: &[Extent],
) -> Result<()> {
    let mut header = Header::new("2026-01-01T00:00:00Z".into())?;
    header.chunk_size = calco::image::MIN_CHUNK_SIZE;
    let chunk_size = u64::from(header.chunk_size);
    let (image_id, save_id) = (header.image_id, header.save_id);
    let files = store.create_directory("image")?;
    let mut writer = ImageWriter::create(files, header, WriterOptions::default())?;
    let size = bytes.len() as u64;
    writer.begin_disk(0, size)?;
    let mut compressor = Compressor::new(Level::Fast)?;
    let mut plain = AlignedBuffer::zeroed(chunk_size as usize);
    for number in 0..size.div_ceil(chunk_size) {
        let start = number * chunk_size;
        let place = Extent::between(start, (start + chunk_size).min(size));
        let plain = &mut plain[..place.length as usize];
        plain.fill(0);
        let mut is_used = false;
        for extent in map.within(place) {
            is_used = true;
            let range = (extent.offset - start) as usize..(extent.end() - start) as usize;
            plain[range].copy_from_slice(&bytes[extent.offset as usize..extent.end() as usize]);
        }
        if !is_used {
            continue;
        }
        let content = if is_zero(plain) {
            ChunkContent::Zero
        } else {
            let mut stored = Vec::new();
            let encoding = compressor.compress(plain, &mut stored)?;
            let (digest, plain_length) = (sha256(plain), plain.len() as u32);
            ChunkContent::New { digest, encoding, plain_length, stored }
        };
        let lost = unreadable.iter().filter_map(|extent| extent.intersection(place)).collect();
        writer.push(&ChunkOutput { number, content, unreadable: lost }, map)?;
    }
    let index = writer.end_disk()?;
    let disk = MemoryDisk::new(bytes.to_vec());
    let table = calco::partition::read(&disk).table;
    let used_bytes = map.total_bytes();
    let mut manifest = Manifest {
        image_id,
        save_id,
        name: "image".into(),
        note: None,
        created: "2026-01-01T00:00:00Z".into(),
        writer: "test".into(),
        command: String::new(),
        level: "fast".into(),
        machine: Machine::default(),
        disks: vec![Disk {
            identity: DiskIdentity { name: "disk0".into(), ..DiskIdentity::default() },
            size,
            sector_size: 512,
            physical_sector_size: None,
            complete: true,
            table: calco::partition::PartitionTable {
                scheme: calco::partition::Scheme::None,
                regions: Vec::new(),
                partitions: Vec::new(),
                ..table
            },
            volumes: vec![SavedVolume {
                partition: None,
                extent: Extent::new(0, size),
                content: calco::filesystem::Volume::of(calco::filesystem::VolumeKind::Unknown),
                saved: Saved::Used,
                reason: None,
                used_bytes,
                signatures: Vec::new(),
                system: None,
            }],
            index,
            notes: Vec::new(),
        }],
        packs: Vec::new(),
        files: Vec::new(),
        replaces: None,
        verified: false,
        warnings: Vec::new(),
    };
    writer.verify(&mut manifest, &Silent)?;
    writer.commit(manifest, "log", "about").map(drop)
}

/// The exit code of a save with bad sectors cannot be shown without a device that has some: the
/// outcome that it is made from can.
#[test]
fn bad_sectors_anywhere_in_the_table_do_not_end_a_save() {
    let bytes = small_disk();
    for sector in [0u64, 1, 2, 33, 34, 2014, 2047] {
        let store = MemoryStore::default();
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let bad = vec![Extent::new(sector * 512, 512)];
        let failing = Failing { disk: MemoryDisk::new(bytes.clone()), bad };
        let outcome =
            save_to(&shared, vec![from_disk(Arc::new(failing), "disk0")], options("image"))
                .unwrap();
        assert_eq!(outcome.unreadable_bytes, 512, "sector {sector}");
        verify(&store, "image").unwrap();
        let mut expected = bytes.clone();
        expected[sector as usize * 512..][..512].fill(0);
        let target = Target::new(vec![0xEE; MIB]);
        restore(&store, 0, None, &target).unwrap();
        let restored = target.disk.to_vec();
        let different = (0..MIB / 512)
            .filter(|s| restored[s * 512..][..512] != expected[s * 512..][..512])
            .collect::<Vec<_>>();
        assert!(different.is_empty(), "sector {sector}: {different:?}");
    }
}
