//! Large file systems on sparse files: bounded time, and the same answer as `dumpe2fs`.

use super::fixture::{Fixture, output};
use crate::block::{BlockSource, check_range};
use crate::error::{Context, Result};
use crate::filesystem::Budget;
use crate::filesystem::ext::used;
use crate::text::message;
use crate::units::{Extent, ExtentMap, GIB, human_bytes};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

/// A plain file, without a copy in memory.
struct FileSource {
    file: File,
    size: u64,
}

impl BlockSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }
    fn name(&self) -> String {
        "file".into()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len() as u64)?;
        self.file.read_exact_at(buffer, offset).context(|| message!("error-interrupted"))
    }
}

fn open(fixture: &Fixture) -> FileSource {
    let file = File::open(&fixture.image).unwrap();
    let size = file.metadata().unwrap().len();
    FileSource { file, size }
}

const TIB: u64 = 1024 * GIB;

/// The answer, with how long it took.
fn read(fixture: &Fixture) -> ExtentMap {
    let source = open(fixture);
    let start = Instant::now();
    let answer = used(&source, Budget::default()).unwrap_or_else(|doubt| panic!("{doubt}"));
    println!(
        "{}: {} extents, {} used, {:?}",
        human_bytes(source.size),
        answer.extents.len(),
        human_bytes(answer.extents.total_bytes()),
        start.elapsed()
    );
    answer.extents
}

fn check_against_dump(fixture: &Fixture) {
    let all = ExtentMap::whole(Extent::new(0, fixture.length()));
    assert_eq!(read(fixture), all.difference(&fixture.free()));
}

/// `dumpe2fs` takes its time over many groups; its summary has to do.
fn check_against_summary(fixture: &Fixture) {
    let summary = output("dumpe2fs", &["-h", fixture.path()]);
    let field = |name: &str| {
        let line = summary.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    let used_blocks = field("Block count:") - field("Free blocks:");
    assert_eq!(read(fixture).total_bytes(), used_blocks * field("Block size:"));
}

const FEATURES: &str = "none,ext_attr,dir_index,filetype,extent,64bit,flex_bg,large_file,\
    huge_file,dir_nlink,extra_isize,metadata_csum,sparse_super2";
const LAZY: &str = "num_backup_sb=1,lazy_itable_init=1";

#[test]
fn one_tebibyte() {
    let arguments = ["-b", "4096", "-O", FEATURES, "-E", LAZY];
    check_against_dump(&Fixture::empty(&arguments, TIB, None));
}

#[test]
fn one_tebibyte_with_every_bitmap_written() {
    let features = FEATURES.replace("metadata_csum", "sparse_super");
    let arguments = ["-b", "4096", "-i", "1048576", "-O", &features];
    check_against_dump(&Fixture::empty(&arguments, TIB, None));
}

/// Beyond 2^32 blocks: the upper halves of all numbers are in use.
#[test]
fn twenty_tebibytes_of_clusters() {
    let features = format!("{FEATURES},bigalloc");
    let arguments = ["-b", "4096", "-C", "65536", "-i", "67108864", "-O", &features, "-E", LAZY];
    check_against_dump(&Fixture::empty(&arguments, 20 * TIB, None));
}

#[test]
fn sixty_four_tebibytes() {
    let arguments = ["-b", "4096", "-i", "67108864", "-O", FEATURES, "-E", LAZY];
    check_against_summary(&Fixture::empty(&arguments, 64 * TIB, None));
}

#[test]
fn sixty_four_tebibytes_of_meta_block_groups() {
    let features = format!("{FEATURES},meta_bg").replace("flex_bg,", "");
    let arguments = ["-b", "4096", "-i", "67108864", "-O", &features, "-E", LAZY];
    check_against_summary(&Fixture::empty(&arguments, 64 * TIB, None));
}
