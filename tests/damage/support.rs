//! Small disks in memory, targets that lose their power, and the binary.

use calco::block::memory::MemoryDisk;
use calco::block::{BlockSource, BlockTarget, check_range};
use calco::error::{Error, ErrorKind, Result};
use calco::image::{DiskIdentity, Freshness, Image, MIN_CHUNK_SIZE};
use calco::operation::library;
use calco::operation::restore::{self, Assignment, BareTarget, RestoreOptions, RestoreOutcome};
use calco::operation::save::{self, SaveOptions, SaveOutcome, SaveSource};
use calco::operation::survey::Choice;
use calco::report::Silent;
use calco::store::{MemoryStore, Store};
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;

/// A generator of numbers (xorshift64*) that depends on its seed alone.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.number() >> 11) % limit.max(1)
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let number = self.number().to_le_bytes();
            piece.copy_from_slice(&number[..piece.len()]);
        }
    }
}

/// Divides a disk by a GPT; partitions are `(first sector, sectors)`.
pub(crate) fn write_gpt(disk: &mut [u8], sector_size: u64, partitions: &[(u64, u64)]) {
    let mut cursor = Cursor::new(disk);
    gptman::GPT::write_protective_mbr_into(&mut cursor, sector_size).unwrap();
    let mut table = gptman::GPT::new_from(&mut cursor, sector_size, [0x11; 16]).unwrap();
    for (number, (first, sectors)) in (1..).zip(partitions) {
        table[number] = gptman::GPTPartitionEntry {
            partition_type_guid: [0xA5; 16],
            unique_partition_guid: [number as u8; 16],
            starting_lba: *first,
            ending_lba: first + sectors - 1,
            attribute_bits: 0,
            partition_name: "datos".into(),
        };
    }
    table.write_into(&mut cursor).unwrap();
}

/// Divides a disk by an MBR with primary partitions of type 0xDA.
pub(crate) fn write_mbr(disk: &mut [u8], partitions: &[(u32, u32)]) {
    for (index, (first, sectors)) in partitions.iter().enumerate() {
        let entry = &mut disk[0x1be + 16 * index..][..16];
        entry.fill(0);
        entry[4] = 0xda;
        entry[8..12].copy_from_slice(&first.to_le_bytes());
        entry[12..16].copy_from_slice(&sectors.to_le_bytes());
    }
    disk[0x1b8..0x1bc].copy_from_slice(&[1, 2, 3, 4]);
    disk[510] = 0x55;
    disk[511] = 0xaa;
}

/// A swap area, so that something on a disk without a table is recognized.
pub(crate) fn write_swap(volume: &mut [u8]) {
    volume[..4096].fill(0);
    volume[1024..1028].copy_from_slice(&1u32.to_le_bytes());
    let last = (volume.len() / 4096 - 1) as u32;
    volume[1028..1032].copy_from_slice(&last.to_le_bytes());
    volume[1036..1052].fill(0x77);
    volume[4086..4096].copy_from_slice(b"SWAPSPACE2");
}

/// A disk of 1 MiB with a GPT, a little content that compresses and a little that does not.
pub(crate) fn small_disk() -> Vec<u8> {
    let mut disk = vec![0; MIB];
    write_gpt(&mut disk, 512, &[(64, 512), (640, 1024)]);
    Random::new(5).fill(&mut disk[40 * KIB..41 * KIB]);
    disk[400 * KIB..500 * KIB].fill(0x42);
    Random::new(6).fill(&mut disk[600 * KIB..600 * KIB + 700]);
    disk
}

pub(crate) fn source(bytes: &[u8], name: &str) -> SaveSource {
    from_disk(Arc::new(MemoryDisk::new(bytes.to_vec())), name)
}

pub(crate) fn from_disk(disk: Arc<dyn BlockSource>, name: &str) -> SaveSource {
    SaveSource {
        disk,
        identity: DiskIdentity { name: name.to_owned(), ..DiskIdentity::default() },
        physical_sector_size: None,
        choice: Choice::default(),
    }
}

pub(crate) fn options(name: &str) -> SaveOptions {
    SaveOptions {
        name: Some(name.to_owned()),
        chunk_size: MIN_CHUNK_SIZE,
        ..SaveOptions::default()
    }
}

pub(crate) fn save_to(
    store: &Arc<dyn Store>,
    sources: Vec<SaveSource>,
    options: SaveOptions,
) -> Result<SaveOutcome> {
    save::plan(sources, store.clone(), options, &Silent)?.execute(&Silent)
}

/// A store with one image named `image` of these disks.
pub(crate) fn stored(disks: &[&[u8]]) -> MemoryStore {
    let store = MemoryStore::default();
    let sources = disks
        .iter()
        .enumerate()
        .map(|(number, bytes)| source(bytes, &format!("disk{number}")))
        .collect();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    save_to(&shared, sources, options("image")).unwrap();
    store
}

pub(crate) fn file_names(store: &dyn Store, directory: &str) -> Vec<String> {
    let files = store.directory(directory).unwrap().list().unwrap();
    files.into_iter().map(|file| file.name).collect()
}

pub(crate) fn open(store: &dyn Store, name: &str) -> Result<Image> {
    Image::open(library::find(store, name)?, Freshness::Any)
}

pub(crate) fn verify(store: &dyn Store, name: &str) -> Result<calco::image::Verification> {
    use calco::image::{Depth, verify};
    let image = open(store, name)?;
    verify(&image, Depth::Full, Freshness::Medium, calco::report::Stage::Verify, &Silent)
}

/// A disk in memory that counts what is written, and loses its power after some writes: the last
/// one that reaches it is cut in the middle.
pub(crate) struct Target {
    pub(crate) disk: MemoryDisk,
    pub(crate) writes: AtomicU64,
    pub(crate) power: u64,
}

impl Target {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Self::with_power(bytes, u64::MAX)
    }

    pub(crate) fn with_power(bytes: Vec<u8>, power: u64) -> Arc<Self> {
        Arc::new(Self { disk: MemoryDisk::new(bytes), writes: AtomicU64::new(0), power })
    }

    pub(crate) fn written(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }
}

fn no_power() -> Error {
    // Any error of a device will do.
    let error = check_range(0, 0, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    error
}

impl BlockSource for Target {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn name(&self) -> String {
        "target".into()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.disk.read_at(offset, buffer)
    }
}

impl BlockTarget for Target {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        if number == self.power {
            let half = (data.len() / 2).next_multiple_of(512).min(data.len());
            self.disk.write_at(offset, &data[..half])?;
        }
        if number >= self.power {
            return Err(no_power());
        }
        self.disk.write_at(offset, data)
    }

    fn flush(&self) -> Result<()> {
        if self.written() > self.power { Err(no_power()) } else { Ok(()) }
    }
}

/// Restores disk `disk` of an image, wholly or some partitions of it to the same numbers.
pub(crate) fn restore(
    store: &dyn Store,
    disk: usize,
    partitions: Option<&[u32]>,
    target: &Arc<Target>,
) -> Result<RestoreOutcome> {
    let partitions = partitions
        .map(|numbers| numbers.iter().map(|n| restore::PartitionPlace::Number(*n, *n)).collect());
    let handle = Arc::new(BareTarget(target.clone()));
    let image = open(store, "image")?;
    let assignment = Assignment { disk, target: handle, partitions };
    restore::plan(image, vec![assignment], RestoreOptions::default())?.execute(&Silent)
}

pub(crate) fn kind_of<T>(result: &Result<T>) -> Option<ErrorKind> {
    result.as_ref().err().map(Error::kind)
}

/// The binary, speaking English.
pub(crate) fn calco() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calco"));
    command.env("LANG", "en_US.UTF-8").env_remove("LC_ALL").env_remove("LANGUAGE");
    command.args(["--lang", "en"]);
    command
}

/// Runs the binary; answers its exit code and everything it printed.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = calco().args(arguments).stdin(std::process::Stdio::null()).output().unwrap();
    text_of(&output)
}

pub(crate) fn text_of(output: &Output) -> (i32, String, String) {
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn utf8(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Whether the tests run as root, who alone can mount.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A small tmpfs, gone when dropped.
pub(crate) struct SmallMount(pub(crate) tempfile::TempDir);

impl SmallMount {
    /// `None` when it cannot be mounted here.
    pub(crate) fn new(options: &str) -> Option<Self> {
        let folder = folder();
        let mounted = is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", options, "calco-test"])
                .arg(folder.path())
                .status()
                .is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallMount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
